"""What an environment measures beside its outcome is counted over the same verdicts as the accuracy."""

from pathlib import Path

from actors.memory import Memory
from envisions.records import AttemptKey, Candidate, Feedback, Outcome, Problem, Trajectory
from envs.logic.world import LogicConfig, LogicWorld
from pool.select import SelectConfig

THEORIES = {"name": "theories", "count": 3}


def evaluated(number: int, outcome: Outcome, **measures: bool) -> tuple[Problem, list[Trajectory]]:
    problem = Problem(id=f"p{number}", world="logic", question="?", answer="True", split="held-out")
    evidence = {"measures": measures} if measures else {}
    trajectory = Trajectory(
        key=AttemptKey("run", 0, problem.id, 0, "evaluate"),
        problem=problem,
        candidate=Candidate(text="", tokens=(), logprob=0.0, weights=0, seed=0, finish="stop"),
        program="",
        feedback=Feedback(outcome=outcome, evidence=evidence),
    )
    return problem, [trajectory]


def test_named_measures_stand_beside_the_accuracy_of_their_set(tmp_path: Path) -> None:
    world = LogicWorld(LogicConfig.model_validate({"train": THEORIES, "test": {"held-out": THEORIES}}))
    memory = Memory(str(tmp_path / "memory.sqlite"), world, SelectConfig())
    attempts = [
        (Outcome.accepted, {"label": True, "verified": True}),
        (Outcome.rejected, {"label": True, "verified": False}),
        (Outcome.failed, {}),  # a verdict without measures is a no
        (Outcome.timed_out, {"label": False, "verified": False}),
        (Outcome.unverifiable, {"label": True, "verified": True}),  # no verdict: takes no part
    ]
    for number, (outcome, measures) in enumerate(attempts):
        memory.add(*evaluated(number, outcome, **measures))
    shares = {name: (found.value, found.n) for name, found in memory.accuracy(0, "held-out").items()}
    memory.close()
    assert shares == {"held-out": (0.25, 4), "held-out.label": (0.5, 4), "held-out.verified": (0.25, 4)}


def test_a_world_that_measures_nothing_more_has_its_accuracy_only(tmp_path: Path) -> None:
    world = LogicWorld(LogicConfig.model_validate({"train": THEORIES, "test": {"held-out": THEORIES}}))
    memory = Memory(str(tmp_path / "memory.sqlite"), world, SelectConfig())
    memory.add(*evaluated(0, Outcome.accepted))
    assert list(memory.accuracy(0, "held-out")) == ["held-out"]
    memory.close()
