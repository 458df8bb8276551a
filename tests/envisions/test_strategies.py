"""Each strategy for one iteration on a scripted policy, and what entered the pool and the loss, worked out by hand."""

import asyncio
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import tiny_model

from actors import rubric
from actors.scripted import ScriptedGenerator, ScriptedLearner, launch_in_process
from envisions import loop
from envisions.activity import Activity
from envisions.config import ConfigError, RunConfig, validated
from envisions.records import AttemptKey, Example, IterationReport, Trajectory
from envisions.strategies import PROFILES, STRATEGIES
from envisions.wiring import LiveParts
from envs.math.world import MathWorld
from pool.store import Store

PROBLEMS = {"p": ("What do 2 and 2 make?", "4"), "q": ("How much is 3 by 3?", "9")}
WRITTEN = {  # what the policy returns in each slot: as explored, and as refined
    "p": [("2 + 2", "4"), ("2 - 2", "1 + 3"), ("2 * 3", "2 ** 3")],
    "q": [("3 * 3", "3 * 3"), ("3 + 3", "3 + 3"), ("3 * 3", "9")],
}
R = {"2 + 2": -1.0, "4": -0.5, "2 - 2": -0.2, "1 + 3": -2.0, "2 * 3": -0.3, "2 ** 3": -0.4}
R |= {"3 * 3": -0.7, "3 + 3": -0.6, "9": -0.1, "0": -0.05}
GRADES = {"2 + 2": 5, "2 * 3": 3, "3 * 3": 4, "3 + 3": 4}
REFINING, PLAIN = Counter(explore=6, refine=6), Counter(explore=6)


class Policy(ScriptedGenerator):
    """Writes by the table above, knows r by heart, and counts what it is asked for."""

    scored = 0

    async def score(self, examples: Sequence[Example], version: int | None = None) -> list[float]:
        self.scored += len(examples)
        return [R[returned(example.completion)] for example in examples]


def returned(completion: str) -> str:
    return completion.split("return ")[1].split("\n")[0]


def script(run: RunConfig, seen: list[str]) -> Any:
    world = MathWorld(run.world, run.run.seed)
    problem = {p.id[-1]: p for p in world.problems("train", 1)}
    keys = {
        AttemptKey("", iteration, problem[name].id, slot, kind).seed(run.run.seed): (name, iteration, slot, kind)
        for name in PROBLEMS
        for iteration in (1, 2)
        for slot in range(3)
        for kind in ("explore", "refine")
    }

    def write(prompt: str, seed: int, version: int) -> str:
        seen.append(prompt)
        if "Grade the answer" in prompt:
            grade = GRADES.get(returned(prompt))
            return "I cannot say." if grade is None else f"It adds up.\nGrade: {grade}"
        name, iteration, slot, kind = keys.get(seed, ("p", 1, 0, "explore"))  # else a test problem
        text = WRITTEN[name][slot][kind == "refine"] if iteration == 1 or name == "q" else "0"
        return world.completion(problem[name], f"def solution():\n    return {text}")

    return write


class Ran:
    """A finished run: its reports, its attempts, and the examples of each iteration as (right, what was wrong)."""

    def __init__(self, run: RunConfig, folder: Path) -> None:
        self.run, self.prompts = run, list[str]()
        self.policy: Any = None
        self.reports, parts = asyncio.run(self._drive(folder))
        self.given: dict[int, tuple[Example, ...]] = parts.learner.lessons  # type: ignore[attr-defined]
        with Store(folder / "memory.sqlite", read_only=True) as store:
            self.attempts: list[Trajectory] = store.attempts(kinds=("explore", "refine"))

    async def _drive(self, folder: Path) -> tuple[list[IterationReport], LiveParts]:
        write = script(self.run, self.prompts)
        world = MathWorld(self.run.world, self.run.run.seed)

        def generator(engine: Any, weights: str) -> Policy:
            self.policy = Policy(write, weights)
            return self.policy

        learner: Any = ScriptedLearner
        parts = LiveParts(
            self.run, world, folder, Activity(), launch=launch_in_process, generator=generator, learner=learner
        )
        await parts.start()
        try:
            events = [event async for event in loop.self_train(parts, iterations=self.run.run.iterations)]
            return [event for event in events if isinstance(event, IterationReport)], parts
        finally:
            await parts.close()

    def kinds(self) -> Counter[str]:
        return Counter(t.key.kind for t in self.attempts)

    def lessons(self, iteration: int = 1) -> list[tuple[str, str | None]]:
        """Right programs, each with the wrong one that its example mends or rejects."""
        told = []
        for example in self.given[iteration]:
            mended = returned(example.prompt) if "return " in example.prompt else None
            rejected = returned(example.rejected) if example.rejected else None
            assert not (mended and rejected)
            told.append((returned(example.completion), mended or rejected))
        return told


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strategies")
    tiny_model(folder / "model")
    rows = [{"id": name, "question": question, "answer": answer} for name, (question, answer) in PROBLEMS.items()]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "test.jsonl").write_text(json.dumps({"id": "t", "question": "And 4?", "answer": "4"}) + "\n")
    return folder


def config(place: Path, strategy: str, **sections: Any) -> RunConfig:
    raw = {
        "run": {"name": "tried", "model": "model", "iterations": 1, "seed": 3, "strategy": strategy},
        "world": {
            "train": {"name": "file", "path": "train.jsonl"},
            "test": {"dev": {"name": "file", "path": "test.jsonl"}},
        },
        "explore": {"samples": 3},
    }
    return validated({**raw, **{name: {**raw.get(name, {}), **given} for name, given in sections.items()}}, place)


def ran(place: Path, tmp_path: Path, strategy: str, **sections: Any) -> Ran:
    return Ran(config(place, strategy, **sections), tmp_path / "run")


def test_envisions_refines_merges_ranks_and_pairs(place: Path, tmp_path: Path) -> None:
    run = ran(place, tmp_path, "envisions")
    assert run.kinds() == REFINING
    # p: `4` takes slot 0 (both right, more likely), `1 + 3` slot 1 (alone right); `2 * 3` is the likeliest wrong one.
    # q: `9` takes slot 2; `3 * 3` is left over for the pair with the one wrong program.
    assert run.lessons() == [("4", None), ("1 + 3", "2 * 3"), ("9", None), ("3 * 3", "3 + 3")]
    assert all(example.rejected is None for example in run.given[1])
    assert run.reports[1].lessons == {"right": 2, "pairs": 2, "dropped": 0}


def test_without_refinement_there_is_what_was_explored(place: Path, tmp_path: Path) -> None:
    run = ran(place, tmp_path, "no-refinement")
    assert run.kinds() == PLAIN
    assert run.lessons() == [("2 + 2", None), ("3 * 3", None)]  # one right program each leaves none for a pair


def test_without_self_reward_as_many_lessons_are_drawn_by_lot_and_nothing_is_scored(
    place: Path, tmp_path: Path
) -> None:
    run = ran(place, tmp_path, "no-self-reward")
    assert run.kinds() == REFINING
    assert run.policy.scored == 0
    (first, none), (second, wrong), (third, none_too), (fourth, other) = run.lessons()
    assert (none, none_too, other) == (None, None, "3 + 3")
    assert {first, second} in ({"2 + 2", "1 + 3"}, {"4", "1 + 3"})
    assert wrong in ("2 * 3", "2 ** 3")
    assert {third, fourth} == {"3 * 3", "9"} or (third, fourth) == ("3 * 3", "3 * 3")


def test_without_l2_the_pairs_are_dropped_and_no_right_program_takes_their_place(place: Path, tmp_path: Path) -> None:
    run = ran(place, tmp_path, "no-l2")
    assert run.kinds() == REFINING
    assert run.lessons() == [("4", None), ("9", None)]


def test_without_memory_the_second_iteration_learns_from_its_own_attempts_only(place: Path, tmp_path: Path) -> None:
    with_it = ran(place, tmp_path / "with", "envisions", run={"iterations": 2})
    without = ran(place, tmp_path / "without", "no-memory", run={"iterations": 2})
    of_q = [("9", None), ("3 * 3", "3 + 3")]
    assert with_it.lessons(1) == without.lessons(1) == [("4", None), ("1 + 3", "2 * 3"), *of_q]
    assert with_it.lessons(2) == [("4", None), ("1 + 3", "0"), *of_q]  # `0` is now the likeliest wrong one
    assert without.lessons(2) == of_q  # p was not solved again


def test_star_merges_and_takes_right_programs_by_lot_without_wrong_ones(place: Path, tmp_path: Path) -> None:
    run = ran(place, tmp_path, "star-env")
    assert run.kinds() == REFINING
    assert run.policy.scored == 0
    programs = [program for program, wrong in run.lessons()]
    assert all(wrong is None for _, wrong in run.lessons())
    assert sorted(programs[:2]) in (["1 + 3", "2 + 2"], ["1 + 3", "4"])  # one of each slot that holds a right one
    assert sorted(programs[2:]) in (["3 * 3", "3 * 3"], ["3 * 3", "9"])
    assert run.run.learn.start == "base"


def test_iterative_sft_takes_every_right_sample_as_often_as_it_was_drawn(place: Path, tmp_path: Path) -> None:
    run = ran(place, tmp_path, "iter-sft")
    assert run.kinds() == PLAIN
    assert run.policy.scored == 0
    assert run.lessons() == [("2 + 2", None), ("3 * 3", None), ("3 * 3", None)]


def test_iterative_sft_with_dpo_learns_right_programs_and_prefers_them_to_wrong_ones(
    place: Path, tmp_path: Path
) -> None:
    run = ran(place, tmp_path, "iter-sft-dpo")
    assert run.kinds() == PLAIN
    assert run.lessons() == [("2 + 2", None), ("2 + 2", "2 - 2"), ("3 * 3", None), ("3 * 3", "3 + 3")]
    taught, pair = run.given[1][:2]
    assert pair.prompt == taught.prompt
    assert pair.completion == taught.completion != pair.rejected
    assert run.run.learn.start == "continued"


def test_self_rewarding_by_rubric_prefers_the_best_grade_to_the_worst_and_ignores_the_environment(
    place: Path, tmp_path: Path
) -> None:
    run = ran(place, tmp_path, "self-rewarding")
    assert run.kinds() == PLAIN
    assert run.lessons() == [("2 + 2", "2 * 3")]  # `2 - 2` got no grade; both programs of q got the same
    assert run.given[1][0].rejected
    assert sum("Grade the answer" in prompt for prompt in run.prompts) == 5
    assert run.run.learn.start == "continued"


def test_self_rewarding_by_likelihood_prefers_the_likeliest_program_right_or_wrong(place: Path, tmp_path: Path) -> None:
    run = ran(place, tmp_path, "self-rewarding-likelihood")
    assert run.kinds() == PLAIN
    assert run.lessons() == [("2 - 2", "2 + 2"), ("3 + 3", "3 * 3")]
    assert run.policy.scored == 5


def test_a_model_that_grades_nothing_is_told_what_to_use_instead(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("test_strategies.GRADES", {})
    with pytest.raises(RuntimeError, match="none of 5 programs a grade; use"):
        ran(place, tmp_path, "self-rewarding")


def test_distillation_keeps_one_verified_answer_of_the_teacher_for_each_problem(place: Path, tmp_path: Path) -> None:
    said = [("p", "2 + 2"), ("q", "3 + 3"), ("q", "3 * 3"), ("q", "9")]
    ids = {p.id[-1]: p.id for p in MathWorld(config(place, "envisions").world).problems("train", 1)}
    rows = [
        {"problem": ids[name], "answer": f"Here it is:\n```python\ndef solution():\n    return {text}\n```\n"}
        for name, text in said
    ]
    (tmp_path / "said.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = ran(place, tmp_path, "distill", teacher={"answers": str(tmp_path / "said.jsonl")}, world={"shots": 2})
    assert run.kinds() == PLAIN
    lessons = run.lessons()
    assert lessons[0] == ("2 + 2", None)
    assert lessons[1] in (("3 * 3", None), ("9", None))
    assert len(lessons) == 2
    assert Counter(t.feedback.outcome for t in run.attempts) == Counter(accepted=3, rejected=1, failed=2)
    assert run.policy.scored == 0
    assert (run.run.learn.epochs, run.run.learn.start) == (2, "base")


def test_the_few_shot_base_is_tested_after_worked_examples_and_not_trained(place: Path, tmp_path: Path) -> None:
    run = ran(place, tmp_path, "few-shot", world={"shots": 2})
    assert [report.iteration for report in run.reports] == [0]
    assert run.reports[0].accuracy["dev"].n == 1
    assert run.attempts == []
    assert run.given == {}
    (prompt,) = run.prompts
    assert prompt.count("```python") == 3


def test_every_strategy_stands_in_a_test_above(place: Path) -> None:
    text = Path(__file__).read_text()
    assert all(f'"{name}"' in text for name in STRATEGIES)
    needs: dict[str, Any] = {"world": {"shots": 1}, "teacher": {"url": "http://127.0.0.1:1/v1", "model": "m"}}
    for name in STRATEGIES:
        assert config(place, name, **needs).run.strategy == name


# The run file


def test_the_strategy_has_the_last_word_and_the_profile_the_first(place: Path) -> None:
    asked = {"select": {"pairs": 5, "positives": 7}, "run": {"profile": "reference-compat"}}
    run = config(place, "no-l2", **asked)
    assert (run.select.pairs, run.select.positives) == (0, 7)
    assert (run.select.rank, run.select.dedupe) == ("sampled", "text-global")  # of the profile
    assert run.run.iterations == 1  # of the file
    plain = config(place, "envisions", **{**asked, "run": {}})
    assert (plain.select.pairs, plain.select.rank) == (5, "current")


@pytest.mark.parametrize(
    ("strategy", "sections", "message"),
    [
        ("star", {}, "run.strategy: 'star' is unknown; did you mean star-env?"),
        ("chess", {}, "run.strategy: 'chess' is unknown; it must be one of envisions, no-refinement"),
        ("envisions", {"run": {"profile": "paper"}}, "run.profile: 'paper' is unknown; it must be one of reference"),
        ("distill", {}, r"add a section \[teacher\] with url and model, or answers"),
        ("distill", {"teacher": {"url": "http://x"}}, "teacher.model is missing"),
        ("distill", {"teacher": {"answers": "gone.jsonl"}}, "gone.jsonl does not exist; correct the path"),
        ("distill", {"teacher": {}}, "neither is set; give one of the two"),
        (
            "self-rewarding",
            {"explore": {"adaptive": {"size": 1}}},
            "explore.adaptive is set; select.label 'self' compares a problem's samples with each other",
        ),
        (
            "envisions",
            {"explore": {"samples": 3, "adaptive": {"size": 4}}},
            "explore.adaptive.size is 4; the first round must be within explore.samples",
        ),
        ("few-shot", {}, "world.shots is 0; explore.shots_in_test shows worked examples: set it to at least 1"),
    ],
)
def test_a_strategy_that_cannot_run_is_refused(place: Path, strategy: str, sections: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config(place, strategy, **sections)


def test_the_reference_profile_holds_the_settings_of_the_public_code() -> None:
    sets = {
        "math": {"name": "gsm8k", "hub": True},
        "logic": {"name": "theories", "count": 3},
        "web": {},
    }
    told = {}
    for world in PROFILES["reference-compat"]:
        of_world = {"name": world, "train": sets[world], "test": {"dev": sets[world]}}
        told[world] = validated(
            {"run": {"name": "r", "model": "m", "profile": "reference-compat"}, "world": of_world}, Path()
        )
    assert {world: run.run.iterations for world, run in told.items()} == {"math": 10, "logic": 8, "web": 5}
    assert {world: run.explore.max_tokens for world, run in told.items()} == {"math": 2200, "logic": 3500, "web": 4000}
    assert {world: run.world.shots for world, run in told.items()} == {"math": 3, "logic": 1, "web": 1}
    assert {world: run.learn.epochs for world, run in told.items()} == {"math": 1, "logic": 2, "web": 2}
    assert {world: run.select.positives for world, run in told.items()} == {"math": 10, "logic": 10, "web": 2}
    assert {world: run.select.docstring_iterations for world, run in told.items()} == {"math": 3, "logic": 0, "web": 0}
    assert told["web"].select.dedupe == "none"
    for run in told.values():
        assert (run.explore.samples, run.explore.temperature, run.explore.top_p) == (5, 1.0, 1.0)
        assert (run.select.rank, run.select.wrong_refinements, run.select.pairs) == ("sampled", False, 2)
        learn = run.learn
        assert (learn.rate, learn.warmup, learn.examples_per_step, learn.row_length) == (2e-5, 0.03, 128, 2048)
        assert (learn.start, learn.decay, learn.weight_decay, learn.clip) == ("base", "linear", 0, 0)


# The rubric


@pytest.mark.parametrize(
    ("said", "grade"),
    [
        ("It adds up.\nGrade: 4", 4),
        ("grade = 0", 0),
        ("Grade: 2, no.\n**Grade: 5**", 5),
        ("Grade: 7", None),
        ("Grade: 4.5", None),
        ("Grade: 45", None),
        ("five", None),
        ("", None),
    ],
)
def test_a_grade_is_the_last_one_that_the_rubric_knows(said: str, grade: int | None) -> None:
    found = rubric.grade(said)
    assert math.isnan(found) if grade is None else found == grade
