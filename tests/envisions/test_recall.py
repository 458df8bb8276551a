"""A run that starts from an earlier one: what was accepted there is executed again, and only then learnt from."""

import asyncio
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from actors.environment import EnvironmentWorker
from actors.memory import Memory
from actors.scripted import InProcess
from envisions import lineage
from envisions.config import ConfigError, load
from envisions.recall import recall
from envisions.records import AttemptKey, Candidate, Feedback, Outcome, Problem, Trajectory
from envs.math import drafts, stories
from envs.math.environment import MathEnvironment
from envs.math.world import MathConfig, MathWorld
from pool.select import SelectConfig
from pool.store import Store

SETS = {"train": {"name": "stories", "count": 6, "seed": 1}, "test": {"stories": {"name": "stories", "count": 5}}}
WRONG = "def solution(*args, **kwargs):\n    return -12345\n"


@pytest.fixture(scope="module")
def environments() -> Iterator[InProcess]:
    worker = EnvironmentWorker(MathEnvironment)
    yield InProcess("environment", [worker], 60)
    worker.close()


@pytest.fixture(scope="module")
def world() -> MathWorld:
    return MathWorld(MathConfig.model_validate(SETS))


def program(world: MathWorld, problem: Problem) -> str:
    return drafts.program(problem, stories.solution(problem), random.Random(0), 0.0)


def attempt(problem: Problem, text: str, slot: int = 0, kind: str = "explore") -> Trajectory:
    return Trajectory(
        key=AttemptKey("earlier", 3, problem.id, slot, kind),
        problem=problem,
        candidate=Candidate(text=text, tokens=(1,), logprob=-1.0, weights=2, seed=slot, finish="stop"),
        program=text,
        feedback=Feedback(outcome=Outcome.accepted, output="1"),
    )


def earlier(folder: Path, *attempts: Trajectory) -> Path:
    folder.mkdir()
    with Store(folder / "memory.sqlite") as store:
        for one in attempts:
            store.add(one.problem, [one])
    return folder


def started_from(source: Path, world: MathWorld, environments: InProcess, path: Path) -> Memory:
    memory = Memory(str(path / "memory.sqlite"), world, SelectConfig())
    asyncio.run(recall([source], world, InProcess("memory", [memory], 60), environments))
    return memory


def test_only_what_the_environment_accepts_again_is_taken_over_and_learnt_from(
    world: MathWorld, environments: InProcess, tmp_path: Path
) -> None:
    first, second, third = world.problems("train", 1)[:3]
    right = program(world, first)
    source = earlier(
        tmp_path / "earlier",
        attempt(first, right),
        attempt(first, right, 1, "refine"),  # the same program once more
        attempt(second, WRONG),  # a lie
        attempt(third, program(world, third)),  # about to be changed
    )
    with closing(sqlite3.connect(source / "memory.sqlite")) as db, db:
        db.execute("UPDATE attempts SET logprob = 0.0 WHERE problem = ?", (third.id,))
    memory = started_from(source, world, environments, tmp_path)
    try:
        assert memory.sources() == {str(source): {"accepted": 1, "rejected": 1}}
        (taken,) = memory.attempts(first.id)
        assert taken.key == AttemptKey("earlier", 0, first.id, 0, "explore")
        assert taken.origin == AttemptKey("earlier", 3, first.id, 0, "explore")
        assert taken.feedback.evidence["program_sha256"]  # of this run's own execution
        assert [lesson.prompt for lesson in memory.lessons(1, {})] == [world.prompt(first)]
        asyncio.run(recall([source], world, InProcess("memory", [memory], 60), environments))
        assert memory.attempts(first.id) == [taken]  # a resumed run takes nothing over twice
    finally:
        memory.close()
    with Store(tmp_path / "memory.sqlite", read_only=True) as store:
        assert store.balances() == []  # an earlier run's attempts are not in the books of this one
        assert store.counts(0)["attempts"] == 0


def test_what_a_test_set_holds_is_not_taken_over_and_another_problem_keeps_apart(
    world: MathWorld, environments: InProcess, tmp_path: Path
) -> None:
    ours, held = world.problems("train", 1)[0], world.problems("stories", 0)[0]
    elsewhere = Problem(id=ours.id, world="math", question="One and one?", answer="2", split="train")
    source = earlier(
        tmp_path / "earlier",
        attempt(held, program(world, held)),
        attempt(elsewhere, "def solution():\n    return 2\n"),
    )
    memory = started_from(source, world, environments, tmp_path)
    try:
        assert memory.sources() == {str(source): {"accepted": 1, "not_admitted": 1}}
        assert memory.attempts(held.id) == memory.attempts(ours.id) == []
        (taken,) = memory.attempts(f"earlier:{ours.id}")
        assert taken.origin == AttemptKey("earlier", 3, ours.id, 0, "explore")
    finally:
        memory.close()


def test_the_lineage_of_a_sample_leads_into_the_run_it_was_taken_from(
    world: MathWorld, environments: InProcess, tmp_path: Path
) -> None:
    first = world.problems("train", 1)[0]
    source = earlier(tmp_path / "earlier", attempt(first, program(world, first)))
    started_from(source, world, environments, tmp_path).close()
    told = "\n".join(lineage.of_sample(tmp_path, f"earlier/0/{first.id}/0/explore"))
    assert f"taken over   from earlier/3/{first.id}/0/explore" in told


def test_earlier_runs_are_named_relative_to_the_run_file(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    text = Path("examples/laptop.toml").read_text()
    file.write_text(f'{text}\n[memory]\nfrom = ["runs/earlier"]\n')
    assert load(file).memory.sources == (tmp_path / "runs" / "earlier",)
    assert load(file).model_dump(mode="json")["memory"] == {"from": [str(tmp_path / "runs" / "earlier")]}
    with pytest.raises(ConfigError, match=r"memory.form is unknown; did you mean memory.from\?"):
        load(file, ["memory.form=[]"])
