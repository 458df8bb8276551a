"""What a program proves, under the semantics its source declares. No guess is made, and no failure is Unknown."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from envs.logic.alignment import misalignment
from envs.logic.chaining import STEPS, Chain, StepsSpentError, chain
from envs.logic.closed import CircularNegationError, answer_set, closed_chain, explicit
from envs.logic.program import ReadError, read
from envs.logic.refuting import BUDGETS, Prover, entails
from envs.logic.statements import Literal as Fact
from envs.logic.statements import Rule, Theory
from envs.logic.syntax import symbols
from envs.logic.task import Semantics, Task
from envs.logic.wording import mentions

SHOWN = 20  # statements in a piece of evidence


class Answer(StrEnum):
    """The verdict on one program. Only the first three answer a question."""

    true = "True"
    false = "False"
    unknown = "Unknown"
    inconsistent = "Inconsistent"
    timed_out = "TimedOut"
    parse_error = "ParseError"
    type_error = "TypeError"
    vacuous = "Vacuous"
    misaligned = "Misaligned"

    @property
    def is_answer(self) -> bool:
        return self in (Answer.true, Answer.false, Answer.unknown)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """An answer with what shows it. `message` is one line, fit to be shown to the model."""

    answer: Answer
    message: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    repairs: tuple[str, ...] = ()
    position: tuple[int, int] | None = None  # line and column of a ParseError
    proved: Answer | None = None  # by a program that is refused as no translation; else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Strictness:
    """What a program must be beside right. All of it in training; none when programs are only checked."""

    vacuous: bool = True
    aligned: bool = True

    @classmethod
    def none(cls) -> "Strictness":
        return cls(vacuous=False, aligned=False)


class _Stopped(Exception):
    """A verdict that ends the check."""

    def __init__(self, answer: Answer, message: str, **evidence: Any) -> None:
        self.verdict = Verdict(answer=answer, message=message, evidence=evidence)


def judge(text: str, task: Task, prover: Prover, strictness: Strictness) -> Verdict:
    """The verdict on a program. `prover` is asked under the semantics fol only."""
    try:
        theory = read(text)
    except ReadError as fault:
        return Verdict(answer=Answer.parse_error, message=str(fault), position=(fault.line, fault.column))
    try:
        _require_types(theory, task.semantics)
        refused = _refusal(theory, task, strictness)
        verdict = SOLVERS[task.semantics](theory, prover)
        if refused and verdict.answer.is_answer:
            verdict = replace(refused, proved=verdict.answer, evidence=verdict.evidence)
    except _Stopped as stopped:
        verdict = stopped.verdict
    except StepsSpentError as fault:
        verdict = Verdict(answer=Answer.timed_out, message=str(fault))
    except CircularNegationError as fault:
        verdict = Verdict(answer=Answer.type_error, message=str(fault))
    return replace(verdict, repairs=theory.repairs)


def audit(text: str, task: Task, prover: Prover) -> Answer:
    """The answer by an independent backend: clingo for chaining and the reverse, for first-order logic another prover.

    The program is one that `judge` could answer.
    """
    theory = read(text)
    if task.semantics == "fol":
        return _entailed(theory, prover).answer
    rules, query = _rules(theory)
    if task.semantics == "rules-owa":
        facts: Any = answer_set(rules, closed=False, names=query.arguments)
        return _open_answer(query in facts, query.negated in facts)
    positive = replace_sign(query, True)
    derived = closed_chain(rules, STEPS, query.arguments)
    return _closed_answer(query, positive in derived, explicit(positive.negated) in derived)


def _require_types(theory: Theory, semantics: Semantics) -> None:
    """One number of arguments for each name, and in the rule worlds nothing but rules."""
    if semantics != "fol":
        for statement, line in zip(theory.statements, theory.lines, strict=True):
            if statement.rule is None:
                raise _Stopped(Answer.type_error, f"line {line} is no fact or rule: join statements by && and >>> only")
        asked = theory.conclusion.rule
        if (
            asked is None
            or asked.body
            or len(asked.head) != 1
            or any(name[0] == "?" for name in asked.head[0].arguments)
        ):
            raise _Stopped(Answer.type_error, "the query must be one statement about what has a name")
    for kind, uses in _uses(theory):
        for name, arities in uses.items():
            if len(arities) > 1:
                told = " and ".join(map(str, sorted(arities)))
                message = f"{kind} {name} has {told} arguments"
                raise _Stopped(Answer.type_error, message, name=name, arities=sorted(arities))


def _uses(theory: Theory) -> Iterator[tuple[str, Mapping[str, Set[int]]]]:
    """Predicates, and where there are such functions, with their numbers of arguments."""
    if any(statement.rule is None for statement in theory.statements):
        yield from zip(("predicate", "function"), symbols(*(one.formula for one in theory.statements)), strict=True)
        return
    predicates: dict[str, set[int]] = {}
    for statement in theory.statements:
        for side in statement.rule or ():
            for predicate, _, names in side:
                predicates.setdefault(predicate, set()).add(len(names))
    yield "predicate", predicates


def _refusal(theory: Theory, task: Task, strictness: Strictness) -> Verdict | None:
    """Why the program is no translation of its problem; None when it may be one."""
    if strictness.vacuous and (name := _unmentioned(theory, task.context)):
        message = f"what is asked names {name}, which the premises never mention"
        return Verdict(answer=Answer.vacuous, message=message)
    if strictness.aligned and (fault := misalignment(theory, task)):
        return Verdict(answer=Answer.misaligned, message=fault)
    return None


def _unmentioned(theory: Theory, context: str) -> str:
    """What is asked must occur in the premises, but for what the text is silent about itself."""
    given = symbols(*(statement.formula for statement in theory.premises))
    asked = symbols(theory.conclusion.formula)
    for has, wanted in zip(given, asked, strict=True):
        for name in wanted:
            if name not in has and (not context or mentions(context, name)):
                return name
    return ""


def _open_world(theory: Theory, _: Prover) -> Verdict:
    rules, query = _rules(theory)
    derived = chain(rules, names=query.arguments)
    answer = _open_answer(query in derived, query.negated in derived)
    if answer is Answer.inconsistent:
        return Verdict(
            answer=answer, message=f"both {query} and its opposite follow", evidence=_proof(derived, query, theory)
        )
    if answer is Answer.unknown:
        return Verdict(answer=answer, message=f"neither {query} nor its opposite follows", evidence=_model(derived))
    shown = query if answer is Answer.true else query.negated
    return Verdict(answer=answer, message=f"{shown} follows", evidence=_proof(derived, shown, theory))


def _closed_world(theory: Theory, _: Prover) -> Verdict:
    rules, query = _rules(theory)
    holds = answer_set(rules, closed=True, names=query.arguments)
    positive = replace_sign(query, True)
    answer = _closed_answer(query, positive in holds, positive.negated in holds)
    told = {
        Answer.inconsistent: f"both {positive} and its opposite follow",
        Answer.true: f"{query} holds",
        Answer.false: f"{query.negated} holds",
    }
    return Verdict(
        answer=answer, message=told[answer], evidence={"holds": sorted(map(str, holds))[:SHOWN], "by": "clingo"}
    )


def _entailed(theory: Theory, prover: Prover) -> Verdict:
    result = entails(prover, [one.formula for one in theory.premises], theory.conclusion.formula, BUDGETS)
    answer = Answer(result.answer)
    told = {
        Answer.true: "the conclusion follows",
        Answer.false: "the opposite of the conclusion follows",
        Answer.unknown: "neither the conclusion nor its opposite follows",
        Answer.inconsistent: "the premises contradict each other",
        Answer.timed_out: "no proof and no counterexample was found within the budget",
    }
    evidence = {"goal": dict(result.goal.evidence), "negation": dict(result.negation.evidence), "by": prover.name}
    return Verdict(answer=answer, message=told[answer], evidence=evidence)


SOLVERS = {"rules-owa": _open_world, "rules-cwa": _closed_world, "fol": _entailed}


def _rules(theory: Theory) -> tuple[Sequence[Rule], Fact]:
    """The premises as rules, and the query."""
    rules = [statement.rule for statement in theory.premises if statement.rule]
    asked = theory.conclusion.rule
    assert asked is not None
    return rules, asked.head[0]


def replace_sign(fact: Fact, positive: bool) -> Fact:
    return Fact(fact.predicate, positive, fact.arguments)


def _open_answer(holds: bool, denied: bool) -> Answer:
    if holds and denied:
        return Answer.inconsistent
    return Answer.true if holds else Answer.false if denied else Answer.unknown


def _closed_answer(query: Fact, holds: bool, denied: bool) -> Answer:
    if holds and denied:
        return Answer.inconsistent
    return Answer.true if holds == query.positive else Answer.false


def _proof(derived: Chain, fact: Fact, theory: Theory) -> Mapping[str, Any]:
    """The steps to a statement, each with the line of its rule."""
    steps = derived.proof(fact)[-SHOWN:]
    return {"proof": [[str(step), theory.lines[number]] for step, number in steps if number < len(theory.premises)]}


def _model(derived: Chain) -> Mapping[str, Any]:
    """The countermodel of an open world: all that does follow."""
    return {"derived": len(derived.reasons), "such as": [str(fact) for fact in list(derived.reasons)[-SHOWN:]]}
