"""Verdicts: right on a strong model's programs, agreed upon by independent backends, and hard to fool."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.agreement import compare, installed, theory
from envisions.records import Outcome, Problem
from envs.base import InfrastructureError
from envs.logic.chaining import ANYTHING, StepsSpentError, chain
from envs.logic.checking import Answer, Strictness
from envs.logic.closed import answer_set
from envs.logic.environment import LogicEnvironment
from envs.logic.solver import Z3
from envs.logic.statements import Literal, Rule, formula_of
from envs.logic.syntax import Not

PROGRAMS = Path(__file__).parents[3] / "shared/data/logic/proofwriter_dev_programs_gpt-4.json"
LABELS = {"A": "True", "B": "False", "C": "Unknown"}
TEXT = "Anne is kind. The cat sees Anne. If someone is kind then they are green."
FACTS = "Facts:\nKind(Anne, True)\nSees(Cat, Anne, True)\n"
RULES = "Rules:\nKind($x, True) >>> Green($x, True)\n"


@pytest.fixture(scope="module")
def environment() -> Iterator[LogicEnvironment]:
    environment = LogicEnvironment()
    yield environment
    environment.close()


def problem(asked: str, answer: str, semantics: str = "rules-owa", context: str = TEXT) -> Problem:
    setup = {"semantics": semantics, "context": context, "asked": asked}
    return Problem(id="p", world="logic", question="?", answer=answer, split="test", setup=setup)


def test_programs_of_a_strong_model_get_the_gold_label() -> None:
    if not PROGRAMS.is_file():
        pytest.skip(f"{PROGRAMS} is not at hand")
    environment, right, agreed = LogicEnvironment(Strictness.none()), 0, 0
    records = json.loads(PROGRAMS.read_text())
    for record in records:
        posed, program = problem("", LABELS[record["answer"]], context=""), record["raw_logic_programs"][0]
        feedback = environment.execute(posed, program)
        right += feedback.outcome is Outcome.accepted
        agreed += environment.audit(posed, program) == feedback.evidence["value"]
    assert right == 598
    assert agreed == len(records)


@pytest.mark.parametrize(
    ("query", "asked", "answer"),
    [
        ("Green(Anne, True)", "Anne is green.", "True"),
        ("Green(Anne, False)", "Anne is not green.", "False"),
        ("Sees(Cat, Anne)", "The cat sees Anne.", "True"),
        ("Green(Cat, True)", "The cat is green.", "Unknown"),
    ],
)
def test_a_right_program_is_accepted_with_evidence(
    environment: LogicEnvironment, query: str, asked: str, answer: str
) -> None:
    feedback = environment.execute(problem(asked, answer), f"{FACTS}{RULES}Query:\n{query}")
    assert feedback.outcome is Outcome.accepted, feedback.error
    assert "proof" in feedback.evidence or "derived" in feedback.evidence


@pytest.mark.parametrize("semantics", ["rules-owa", "rules-cwa"])
def test_what_holds_of_everything_holds_of_who_is_named_in_the_query_only(semantics: str) -> None:
    environment, text = LogicEnvironment(Strictness.none()), "Facts:\nP(a)\nRules:\nP(a) >>> S($x)\nQuery:\nS(c)"
    feedback = environment.execute(problem("", "True", semantics, ""), text)
    assert feedback.outcome is Outcome.accepted
    assert environment.audit(problem("", "True", semantics, ""), text) == Answer.true


FIRST_ORDER = {
    "inconsistent": ("P(a)\n-P(a)", "P(b)", "Inconsistent"),
    "true": ("all x (P(x) -> Q(x))\nP(a)", "Q(a)", "True"),
    "contraposed": ("all x (P(x) -> Q(x))\n-Q(a)", "P(a)", "False"),
    "unknown": ("all x (P(x) -> Q(x))\nQ(a)", "P(a)", "Unknown"),
    "u to z are no variables": ("Loves(walter, music)", "Loves(bob, music)", "Unknown"),
    "non-ASCII": ("Kind(zoë)\n∀x (Kind(x) → Größe(x))", "Größe(zoë)", "True"),
    "equality": ("a = b\nP(a)", "P(b)", "True"),
    "endless": (
        "all x (P(x) -> P(f(x)) & f(x) != x)\nall x all y (R(x,y) -> R(f(x),y))\nR(a,a)",
        "R(f(f(f(a))),a)",
        "",
    ),
}


@pytest.mark.parametrize("case", FIRST_ORDER)
def test_first_order_verdicts(case: str) -> None:
    premises, goal, answer = FIRST_ORDER[case]
    environment = LogicEnvironment(Strictness.none())
    feedback = environment.execute(problem("", answer, "fol", ""), f"Premises:\n{premises}\nConclusion:\n{goal}")
    environment.close()
    assert feedback.evidence["value"] in ((answer,) if answer else tuple(Answer))


def test_rules_with_many_variables_run_out_of_steps_and_not_of_time() -> None:
    wide = tuple(Literal("P", True, (f"?v{i}", f"?v{i + 1}")) for i in range(12))
    facts = [Rule((), (Literal("P", True, (f"c{i}", f"c{j}")),)) for i in range(12) for j in range(12)]
    rules = [*facts, Rule(wide, (Literal("Q", True, ("?v0",)),))]
    for solve in (chain, lambda rules: answer_set(rules, closed=False)):
        with pytest.raises(StepsSpentError):
            solve(rules)


def test_a_solver_that_was_killed_is_replaced() -> None:
    prover = Z3()
    formula = formula_of(Rule((), (Literal("P", True, ("a",)),)))
    (found,) = prover.refute([], [formula], 100)
    assert found.status == "sat"
    assert prover._process is not None
    prover._process.kill()
    assert [found.status for found in prover.refute([formula], [formula, Not(formula)], 100)] == ["sat", "unsat"]
    assert prover.replaced == 1
    prover.close()


@pytest.mark.parametrize(
    "count", [60, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(7200)], id="ten thousand")]
)
def test_independent_backends_give_one_answer(count: int) -> None:
    provers = installed()
    try:
        found = [(defects, said, asked) for asked, said, defects in compare(count, provers) if defects]
    finally:
        for prover in provers:
            prover.close()
    assert not found


def test_the_whole_of_what_follows_is_the_same_by_chaining_and_by_clingo() -> None:
    for number in range(600):
        rules, _ = theory(number)
        derived = {fact for fact in chain(rules).reasons if fact.predicate != ANYTHING}
        assert answer_set(rules, closed=False) == derived


@pytest.mark.parametrize("prover", ["z3", "E", "Prover9"])
def test_every_prover_decides_and_another_one_audits(prover: str) -> None:
    try:
        environment = LogicEnvironment(Strictness.none(), prover)
    except InfrastructureError as missing:
        pytest.skip(str(missing))
    posed, text = problem("", "True", "fol", ""), "Premises:\nall x (P(x) -> Q(x))\nP(a)\nConclusion:\nQ(a)"
    try:
        assert environment.start() == {"prover": prover}
        assert environment.execute(posed, text).outcome is Outcome.accepted
        assert environment.audit(posed, text) == Answer.true
        assert environment._auditor is not None
        assert environment._auditor.name != prover
    finally:
        environment.close()
