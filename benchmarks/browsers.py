"""Ways to play one-click episodes: ours on several numbers of pages, and those that it is compared with."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import psutil
from designs import Absent

from envisions.records import Outcome, Problem
from envs.web.browser import Browser
from envs.web.environment import WebEnvironment
from envs.web.episode import EpisodeConfig, Played, play
from envs.web.farm import Farm
from envs.web.scripts import Action
from envs.web.sources import posed
from envs.web.tasks import task

PATIENT = 60.0  # seconds: no episode may run out of time because others use the cores
BEST_LANES = (1, 4)  # episodes at once in the designs that start something for each


class Episode(NamedTuple):
    """A task under a seed, and the button whose click does it."""

    task: str
    seed: int
    button: str

    @property
    def action(self) -> Action:
        return Action("click_xpath", f"//button[text()={self.button!r}]")


class Lap(NamedTuple):
    """How long some episodes took together, what processor time, and the memory of all processes after the last of them
    (MiB, PSS; a browser that was started for one episode is gone by then)."""

    episodes: int
    seconds: float
    cpu_seconds: float
    memory_mib: float


Measure = Callable[[Sequence[Episode]], Lap]


def one_click(farm: Farm, number: int) -> Episode:
    """The `number`-th episode."""
    if number % 2:
        return Episode("click-test", number, "Click Me!")
    goal = farm.view(task("click-button"), number).goal
    found = re.search('"(.*)"', goal)
    assert found is not None, goal
    return Episode("click-button", number, found[1])


def family() -> list[psutil.Process]:
    return [psutil.Process(), *psutil.Process().children(recursive=True)]


def spent() -> float:
    """Processor seconds of this process and all that descend from it, the dead included."""
    total = 0.0
    for each in family():
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def memory() -> float:
    total = 0
    for each in family():
        with suppress(psutil.NoSuchProcess):
            total += each.memory_full_info().pss
    return total / 2**20


def timed(episodes: Sequence[Episode], work: Callable[[], object]) -> Lap:
    begun, before = time.perf_counter(), spent()
    work()
    seconds = time.perf_counter() - begun
    return Lap(len(episodes), seconds, max(0.0, spent() - before), memory())


def won(played: Played, episode: Episode) -> None:
    if played.raw != 1.0:
        raise ValueError(f"{episode} ended with {played}")


@contextmanager
def ours(_: Path, pages: int) -> Iterator[Measure]:
    """The web world's own farm: pages used again and again."""
    farm = Farm(EpisodeConfig(seconds=PATIENT, pages=pages))

    def one(episode: Episode) -> None:
        won(farm.play(task(episode.task), episode.seed, [episode.action]), episode)

    def each(episodes: Sequence[Episode]) -> None:
        with ThreadPoolExecutor(pages) as threads:
            list(threads.map(one, episodes))

    try:
        yield lambda episodes: timed(episodes, partial(each, episodes))
    finally:
        farm.close()


@contextmanager
def recorded(file: Path) -> Iterator[Measure]:
    """Whole scripts, expanded in the sandbox and played on one page; as many as there are episodes."""
    if not file.exists():
        raise Absent(f"{file} is not here")
    rows = cycle([json.loads(line) for line in file.read_text().splitlines()][::7])
    environment = WebEnvironment(EpisodeConfig(seconds=PATIENT, pages=1))

    def one(_: Episode) -> Outcome:
        row = next(rows)
        problem: Problem = posed("p", "check", row["env"], row["seed"])
        return environment.execute(problem, row["script"]).outcome

    try:
        yield lambda episodes: timed(episodes, lambda: [one(episode) for episode in episodes])
    finally:
        environment.close()


@contextmanager
def lanes(
    _: Path, count: int, play_one: Callable[[Browser, Episode], Awaitable[Played]], kept: bool
) -> Iterator[Measure]:
    """Episodes in `count` lanes at once, each with its browser; `kept`: started once, before the measurement."""
    loop = asyncio.new_event_loop()
    browsers = [Browser() for _ in range(count)]

    async def each(episodes: Sequence[Episode]) -> None:
        waiting = iter(episodes)

        async def lane(browser: Browser) -> None:
            for episode in waiting:
                if not kept:
                    browser = Browser()
                    await browser.start()
                won(await play_one(browser, episode), episode)
                if not kept:
                    await browser.close()

        await asyncio.gather(*map(lane, browsers))

    async def whole(part: Callable[[Browser], Awaitable[None]]) -> None:
        await asyncio.gather(*map(part, browsers))

    try:
        if kept:
            loop.run_until_complete(whole(Browser.start))
        yield lambda episodes: timed(episodes, lambda: loop.run_until_complete(each(episodes)))
    finally:
        loop.run_until_complete(whole(Browser.close))
        loop.close()


async def on_a_new_page(browser: Browser, episode: Episode) -> Played:
    tab, of = await browser.tab(), task(episode.task)
    await tab.open(of.path)
    played = await play(tab, of, episode.seed, [episode.action], EpisodeConfig())
    await tab.close()
    return played


async def in_a_new_context(browser: Browser, episode: Episode) -> Played:
    await browser.renew()
    return await on_a_new_page(browser, episode)


@contextmanager
def selenium(_: Path, screenshots: bool) -> Iterator[Measure]:
    """The miniwob package's own environment."""
    try:
        import gymnasium
        import miniwob
        from miniwob.action import ActionTypes
        from selenium.common.exceptions import WebDriverException
    except ImportError as error:
        raise Absent(f"{error.name} is not installed") from None
    gymnasium.register_envs(miniwob)
    try:
        worlds = {name: gymnasium.make(f"miniwob/{name}-v1") for name in ("click-test", "click-button")}
    except WebDriverException as error:
        raise Absent(str(error).splitlines()[0]) from None

    def one(episode: Episode) -> None:
        world = worlds[episode.task]
        observation, _ = world.reset(seed=episode.seed, options={"record_screenshots": screenshots})
        button = next(e for e in observation["dom_elements"] if e["tag"] == "button" and e["text"] == episode.button)
        action = world.unwrapped.create_action(ActionTypes.CLICK_ELEMENT, ref=button["ref"])
        _, reward, ended, *_ = world.step(action)
        if not ended or reward <= 0:
            raise ValueError(f"{episode} ended with {reward}")

    try:
        yield lambda episodes: timed(episodes, lambda: [one(episode) for episode in episodes])
    finally:
        for world in worlds.values():
            world.close()


@contextmanager
def browsergym(_: Path) -> Iterator[Measure]:
    """BrowserGym's environment; it needs the browser that its own version of Playwright downloads."""
    try:
        import browsergym.miniwob  # noqa: F401
        import gymnasium
    except ImportError as error:
        raise Absent(f"{error.name} is not installed") from None

    def one(episode: Episode) -> None:
        world = gymnasium.make(f"browsergym/miniwob.{episode.task}")
        world.reset(seed=episode.seed)
        world.step(f"page.get_by_role('button', name={episode.button!r}).first.click()")
        world.close()

    try:
        yield lambda episodes: timed(episodes, lambda: [one(episode) for episode in episodes])
    except Exception as error:
        raise Absent(str(error).splitlines()[0]) from None


class Design(NamedTuple):
    """How one design starts, and which share of the episodes it gets: slow ones get few."""

    start: Callable[[Path], AbstractContextManager[Measure]]
    share: float = 1.0


DESIGNS = {
    **{f"ours_{pages}_pages": Design(partial(ours, pages=pages)) for pages in (1, 2, 4, 8)},
    "recorded_scripts_1_page": Design(recorded, 0.4),
    **{
        f"page_per_episode_{count}_at_once": Design(
            partial(lanes, count=count, play_one=on_a_new_page, kept=True), 0.05
        )
        for count in BEST_LANES
    },
    **{
        f"context_per_episode_{count}_at_once": Design(
            partial(lanes, count=count, play_one=in_a_new_context, kept=True), 0.05
        )
        for count in BEST_LANES
    },
    **{
        f"browser_per_episode_{count}_at_once": Design(
            partial(lanes, count=count, play_one=on_a_new_page, kept=False), 0.03
        )
        for count in BEST_LANES
    },
    "selenium_with_screenshots": Design(partial(selenium, screenshots=True), 0.05),
    "selenium_without_screenshots": Design(partial(selenium, screenshots=False), 0.1),
    "browsergym": Design(browsergym, 0.01),
}
