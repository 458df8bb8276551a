"""Pages that hang, crash or attack, and browsers that are killed: every episode gets its own outcome all the same."""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from webpages import OK, farm_of, own, page

from envs.web.browser import NAMES, reap
from envs.web.episode import EpisodeConfig, Played
from envs.web.farm import Farm, Unplayable
from envs.web.scripts import Action

CONFIG = EpisodeConfig(seconds=1, pages=2)
PRESS_OK = [Action("click_xpath", "//button[@id='ok']")]
HEAVY_BOMB = "const hoard = []; while (true) hoard.push(new Array(1e7).fill(hoard.length));"
TREE_BOMB = "area.innerHTML = ('<p>' + 'x'.repeat(1e5) + '</p>').repeat(100) + '<button id=ok>OK</button>'"
HOSTILE = {  # what a page does when it is reset
    "file": "location.href = 'file:///etc/passwd';",
    "elsewhere": "location.href = 'http://127.0.0.1:8265/';",
    "window": "window.open('http://example.org/'); window.open('about:blank');",
    "fetch": "fetch('http://127.0.0.1:8265/api').catch(() => {}); new WebSocket('ws://127.0.0.1:8265/');",
    "frame": "const f = document.createElement('iframe'); f.src = 'file:///etc/passwd'; area.append(f);",
    "alert": "alert('hello'); confirm('sure?');",
}
ENDLESS = {
    "alerts": "while (true) alert('again');",
    "loop": "while (true);",
    "memory": HEAVY_BOMB,
}


def browsers() -> list[psutil.Process]:
    """Every living process of the browsers that this process started."""
    return [each for each in psutil.Process().children(recursive=True) if named(each)]


def named(process: psutil.Process) -> bool:
    try:
        return process.name().startswith(("chrom", "headless")) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def zombies() -> list[psutil.Process]:
    """The dead ones that nobody waited for; other tests, too, leave processes to this one, of other names."""
    dead = [each for each in psutil.Process().children(recursive=True) if each.status() == psutil.STATUS_ZOMBIE]
    return [each for each in dead if each.name().startswith((*NAMES, "node"))]


def renderers() -> list[psutil.Process]:
    return [each for each in browsers() if "--type=renderer" in each.cmdline()]


def gone(count: Callable[[], Sequence[object]]) -> bool:
    """Whether nothing is left, a moment later."""
    until = time.monotonic() + 10
    while count() and time.monotonic() < until:
        reap()
        time.sleep(0.1)
    return not count()


@pytest.fixture(scope="module")
def hostile() -> Iterator[Farm]:
    pages = {name: page(OK, script) for name, script in {**HOSTILE, **ENDLESS}.items()}
    pages |= {"sane": page(OK), "dom": page(OK, TREE_BOMB)}
    with farm_of(CONFIG, **pages) as farm:
        yield farm


def well(farm: Farm) -> Played:
    return farm.play(own("sane"), 1, PRESS_OK)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_malicious_page_reaches_nothing_and_ends_like_any_other(hostile: Farm, name: str) -> None:
    found = hostile.play(own(name), 1, PRESS_OK)
    text = json.dumps([found.page, found.goal, found.reason, found.trace])
    assert "root:" not in text
    assert len(text) < 3 * CONFIG.page_chars
    assert found.raw == 1.0 or found.left
    assert well(hostile).raw == 1.0


def test_ten_megabytes_of_page_are_cut_or_given_up_and_the_next_episode_runs(hostile: Farm) -> None:
    try:
        found = hostile.play(own("dom"), 1, [Action("press", "arrowup")])
    except Unplayable:  # too slow a machine for so large a page
        pass
    else:
        assert not found.done
        assert len(found.page) == CONFIG.page_chars
    assert well(hostile).raw == 1.0


@pytest.mark.parametrize("name", ENDLESS)
def test_a_page_that_never_answers_is_cut_off_and_the_next_episode_runs(hostile: Farm, name: str) -> None:
    before = hostile.recoveries.total()
    with pytest.raises(Unplayable, match="the page broke down each of 3 times"):
        hostile.play(own(name), 1, PRESS_OK)
    assert hostile.recoveries.total() >= before + 3
    assert well(hostile).raw == 1.0


def test_each_rung_of_the_ladder_is_counted_and_leaves_no_process() -> None:
    with farm_of(CONFIG, sane=page(OK)) as farm:
        assert well(farm).raw == 1.0
        for process in renderers():
            os.kill(process.pid, signal.SIGKILL)
        assert well(farm).raw == 1.0
        assert farm.recoveries == {"tab": 1}
        for process in browsers():
            os.kill(process.pid, signal.SIGKILL)
        assert well(farm).raw == 1.0
        assert farm.recoveries["browser"] == 1
    assert gone(browsers)
    assert gone(zombies)


def test_a_browser_that_is_stopped_and_cannot_even_end_is_killed_and_replaced() -> None:
    with farm_of(CONFIG, sane=page(OK)) as farm:
        assert well(farm).raw == 1.0
        frozen = browsers()
        for process in frozen:
            process.suspend()
        assert well(farm).raw == 1.0
        assert farm.recoveries["browser"] == 1
        assert not any(process.is_running() and named(process) for process in frozen)
    assert gone(browsers)


def soaked(farm: Farm, episodes: int, faults: Sequence[str], dice: random.Random) -> tuple[Counter[str], list[float]]:
    """Outcomes of many episodes, half of them to be won, while every 200th (or so) something is broken; and MiB."""
    wrong = [Action("press", "arrowup")]
    answers: Counter[str] = Counter()
    memory: list[float] = []

    def one(number: int) -> str:
        wins = bool(number % 2)
        found = farm.play(own("sane"), number, PRESS_OK if wins else wrong)
        return "right" if (found.done and found.raw == 1.0) == wins else "wrong"

    at = {number * (episodes // len(faults)) + 1: fault for number, fault in enumerate(faults)}
    with ThreadPoolExecutor(4) as threads:
        for start in range(0, episodes, 20):
            futures = [threads.submit(one, number) for number in range(start, min(start + 20, episodes))]
            for number in range(start, start + 20):
                if number in at:
                    strike(farm, at[number], dice)
            answers.update(future.result(timeout=120) for future in futures)
            if start % 200 == 0:
                memory.append(sum(each.memory_info().rss for each in browsers()) / 2**20)
    return answers, memory


def strike(farm: Farm, fault: str, dice: random.Random) -> None:
    try:
        if fault == "hang":
            with pytest.raises(Unplayable):
                farm.play(own("loop"), 1, PRESS_OK)
        elif fault == "crash" and (found := renderers()):
            os.kill(dice.choice(found).pid, signal.SIGKILL)
        elif fault == "kill" and (found := [each for each in browsers() if "--type=" not in " ".join(each.cmdline())]):
            os.kill(found[0].pid, signal.SIGKILL)
    except (ProcessLookupError, psutil.NoSuchProcess):
        pass


def test_faults_change_no_outcome() -> None:
    with farm_of(CONFIG, sane=page(OK), loop=page(OK, "while (true);")) as farm:
        answers, _ = soaked(farm, 120, ("crash", "kill", "hang"), random.Random(0))
        assert answers == {"right": 120}
        assert farm.recoveries["tab"] >= 3
        assert farm.recoveries["browser"] >= 1
    assert gone(browsers)
    assert gone(zombies)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_ten_thousand_episodes_with_fifty_faults_all_get_their_outcome_in_the_same_memory() -> None:
    dice = random.Random(0)
    faults = [dice.choice(("hang", "crash", "kill")) for _ in range(50)]
    with farm_of(CONFIG, sane=page(OK), loop=page(OK, "while (true);")) as farm:
        answers, memory = soaked(farm, 10_000, faults, dice)
    assert answers == {"right": 10_000}
    warm = sorted(memory[10:20])[5]
    assert max(sorted(memory[-10:])[5], warm) < 1.1 * warm
    assert gone(browsers)
    assert gone(zombies)
