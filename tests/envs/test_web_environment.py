"""The web environment and world: from a script to its verdict, and from a task to its prompt."""

import json
import pickle
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from envisions.records import Feedback, Outcome, Problem
from envs.base import InfrastructureError
from envs.sandbox.sandbox import SandboxConfig
from envs.web.drafts import WebTexts, texts
from envs.web.environment import WebEnvironment
from envs.web.episode import EpisodeConfig
from envs.web.farm import Farm
from envs.web.sources import WebSource, posed
from envs.web.turns import converse
from envs.web.world import FENCE, WebConfig, WebWorld

SCRIPTS = Path(__file__).parents[3] / "shared" / "data" / "web" / "miniwob_scripts.jsonl"
PATIENT = EpisodeConfig(seconds=20, pages=2)
CLICK_TEST = "agent.click_xpath(\"//button[@id='subbtn']\")"


@pytest.fixture(scope="module")
def environment() -> Iterator[WebEnvironment]:
    environment = WebEnvironment(PATIENT, SandboxConfig(seconds=5))
    yield environment
    environment.close()


def problem(task: str, seed: int = 1) -> Problem:
    return posed(f"{task}/{seed}", "check", task, seed)


def test_an_environment_says_what_it_runs_with(environment: WebEnvironment) -> None:
    facts = environment.start()
    assert facts["pages"] == 2
    assert "/" in facts["browser"]
    assert facts["sandbox"]


@pytest.mark.parametrize(
    ("task", "script", "outcome", "error"),
    [
        ("click-test", CLICK_TEST, Outcome.accepted, ""),
        ("click-test", f"```\n{CLICK_TEST}\n```", Outcome.accepted, ""),
        ("click-test", f"# one click\nfor _ in range(1):\n    {CLICK_TEST}", Outcome.accepted, ""),
        ("click-test-2", "agent.click_xpath(\"//button[text()='TWO']\")", Outcome.rejected, "the episode ended"),
        ("click-test", "agent.press('arrowup')", Outcome.rejected, "the episode is still open after its one action"),
        ("click-test", "agent.click_xpath('//b')", Outcome.failed, "action 1, click_xpath('//b'): matches nothing"),
        ("click-test", "agent.click_xpath('//[')", Outcome.failed, "action 1, click_xpath('//['): is no XPath"),
        ("click-test", "agent.click('//b')", Outcome.failed, "AttributeError: agent has no method click"),
        ("click-test", "x = 1", Outcome.failed, "the script does nothing"),
        ("click-test", "", Outcome.failed, "the script does nothing"),
        ("click-test", "while True: pass", Outcome.timed_out, "no answer within"),
    ],
)
def test_each_ending_has_its_outcome(
    environment: WebEnvironment, task: str, script: str, outcome: Outcome, error: str
) -> None:
    feedback = environment.execute(problem(task), script)
    assert feedback.outcome is outcome
    assert feedback.error.startswith(error)
    assert bool(feedback.error) == bool(error)


def test_the_evidence_has_the_actions_the_pages_and_the_reward(environment: WebEnvironment) -> None:
    feedback = environment.execute(problem("click-test"), CLICK_TEST)
    evidence = feedback.evidence
    assert evidence["reward"]["raw"] == json.loads(feedback.output or "") == 1.0
    assert evidence["done"]
    assert not evidence["open"]
    assert [entry["action"][0] for entry in evidence["actions"]] == ["click_xpath"]
    again = environment.execute(problem("click-test"), CLICK_TEST).evidence
    assert {**evidence, "reward": 0} == {**again, "reward": 0}
    assert json.dumps(evidence)


def test_a_screenshot_is_kept_on_request() -> None:
    environment = WebEnvironment(EpisodeConfig(seconds=20, pages=1, screenshots=True))
    try:
        feedback = environment.execute(problem("click-test"), CLICK_TEST)
        assert feedback.evidence["screenshot"].startswith("iVBOR")  # PNG
    finally:
        environment.close()


def test_the_bar_of_success_is_a_setting(environment: WebEnvironment) -> None:
    half = "agent.click_xpath(\"//input[@id='ch0']\")\nagent.click_xpath(\"//button[@id='subbtn']\")"
    strict = environment.execute(problem("click-checkboxes", 2), half)
    lenient = WebEnvironment(EpisodeConfig(seconds=20, pages=1, success=-2))
    try:
        assert strict.outcome is Outcome.rejected
        assert lenient.execute(problem("click-checkboxes", 2), half).outcome is Outcome.accepted
    finally:
        lenient.close()


def test_a_closed_environment_says_so() -> None:
    environment = WebEnvironment()
    environment.close()
    with pytest.raises(InfrastructureError, match="closed"):
        environment.start()


EASY = WebConfig(
    train=WebSource(tasks=("click-test-2", "enter-text"), seeds=2),
    test={"new": WebSource(tasks=("click-test",), seeds=3)},
    episode=EpisodeConfig(seconds=20, pages=2, form="tree"),
)


@pytest.fixture(scope="module")
def world() -> WebWorld:
    return WebWorld(EASY)


def test_every_iteration_has_seeds_of_its_own(world: WebWorld) -> None:
    seeds = [[each.setup["seed"] for each in world.problems("train", iteration)] for iteration in (1, 2)]
    assert seeds == [[0, 1, 0, 1], [2, 3, 2, 3]]
    assert [each.setup["seed"] for each in world.problems("new", 1)] == [10000, 10001, 10002]
    assert world.problems("new", 1) == world.problems("new", 2)
    assert WebWorld(EASY).problems("train", 2) == world.problems("train", 2)


def test_a_prompt_has_the_goal_and_the_page_and_ends_with_an_open_fence(world: WebWorld) -> None:
    enter = world.problems("train", 1)[2]
    prompt = world.prompt(enter)
    assert enter.question.startswith("Enter ")
    assert enter.question in prompt
    assert 'button "Submit"' in prompt
    assert prompt.endswith("```\n")
    assert world.program(enter, world.completion(enter, CLICK_TEST)) == CLICK_TEST


def test_worked_examples_most_like_the_task_come_first(world: WebWorld) -> None:
    shown = WebWorld(WebConfig(shots=2)).first_prompt(
        posed("p", "train", "use-slider", 1, "Select 5 with the slider.", "<div>5?</div>")
    )
    assert shown.index("slider and hit") < shown.index("<div>5?</div>")
    assert shown.count("The page:") == 3
    assert world.first_prompt(world.problems("new", 1)[0]) == world.prompt(world.problems("new", 1)[0])


def test_a_refinement_sees_what_happened_and_the_page_it_led_to(world: WebWorld, environment: WebEnvironment) -> None:
    told = world.problems("train", 1)[0]
    feedback = environment.execute(told, "agent.press('arrowup')")
    prompt = world.refine_prompt(told, "agent.press('arrowup')", feedback)
    assert "the episode is still open" in prompt
    assert feedback.evidence["page"] in prompt
    silent = WebWorld(EASY.model_copy(update={"show_feedback": False}))
    assert "still open" not in silent.refine_prompt(told, "agent.press('arrowup')", feedback)
    assert "done as asked" in world.refine_prompt(told, CLICK_TEST, Feedback(outcome=Outcome.accepted))


def test_the_texts_of_a_base_have_the_form_of_the_run(world: WebWorld) -> None:
    recipe = WebTexts(pages=WebSource(tasks=("click-test-2",), seeds=2), copies=2)
    farm = Farm(EASY.episode)
    try:
        made = list(texts(recipe, world, farm, seed=0))
    finally:
        farm.close()
    assert len({text.id for text in made}) == len(made) == 4
    assert all(text.prompt.startswith("Click button ONE.\n4 button") for text in made)
    assert all(text.prompt.endswith(f"{FENCE}\n") and text.completion.endswith(f"\n{FENCE}") for text in made)


def test_a_task_of_several_turns_is_done_by_looking_again() -> None:
    """Guess a number: only what the page says after a guess tells where to go on."""
    low, high, asked = 0, 9, []

    def write(prompt: str) -> str:
        nonlocal low, high
        asked.append(prompt)
        if found := re.search(r"The number is (higher|lower) than", prompt.rsplit(FENCE, 2)[-2]):
            guess = (low + high) // 2
            low, high = (guess + 1, high) if found[1] == "higher" else (low, guess - 1)
        keys = "agent.press('backspace')\n" * 2
        return f"agent.click_xpath(\"//*[@id='tt']\")\n{keys}agent.type('{(low + high) // 2}')\n{CLICK_TEST}\n{FENCE}"

    environment = WebEnvironment(EpisodeConfig(seconds=20, pages=1, form="tree"))
    told = posed("p", "check", "guess-number", 5, "Guess the number.", "4 text")
    try:
        talk = converse(WebWorld(EASY), environment, told, write, turns=6)
        assert talk.feedback.outcome is Outcome.accepted
        assert 1 < len(talk.prompts) == len(asked) <= 4
        assert environment.execute(told, talk.script).outcome is Outcome.accepted
    finally:
        environment.close()


def test_a_world_travels_without_its_problems(world: WebWorld) -> None:
    world.problems("new", 1)
    assert len(pickle.dumps(world)) < 4000
    assert pickle.loads(pickle.dumps(world)).config == world.config


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValidationError, match="a test set is called 'train'"):
        WebConfig(test={"train": WebSource()})
    with pytest.raises(ValueError, match="'tests' is no set of problems; it must be one of train, web"):
        WebWorld(WebConfig()).problems("tests", 1)


def successes(rows: Sequence[dict[str, object]], environment: WebEnvironment) -> dict[str, int]:
    done: dict[str, int] = {}
    for row in rows:
        feedback = environment.execute(problem(str(row["env"]), int(str(row["seed"]))), str(row["script"]))
        done[str(row["env"])] = done.get(str(row["env"]), 0) + (feedback.outcome is Outcome.accepted)
    return done


@pytest.mark.skipif(not SCRIPTS.exists(), reason="../shared/data/web/miniwob_scripts.jsonl is not here")
def test_recorded_scripts_of_the_first_seed_succeed(environment: WebEnvironment) -> None:
    rows = [row for row in map(json.loads, SCRIPTS.read_text().splitlines()) if row["seed"] == 0]
    assert sum(successes(rows, environment).values()) >= 0.88 * len(rows)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not SCRIPTS.exists(), reason="../shared/data/web/miniwob_scripts.jsonl is not here")
def test_recorded_scripts_succeed(environment: WebEnvironment) -> None:
    rows = [json.loads(line) for line in SCRIPTS.read_text().splitlines()]
    assert sum(successes(rows, environment).values()) >= 0.91 * len(rows)
