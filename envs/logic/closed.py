"""Closed worlds: what cannot be derived is false. Solved by clingo, and for audits by chaining stratum by stratum."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from envs.logic.chaining import Chain, StepsSpentError, chain
from envs.logic.statements import Literal, Rule

INSTANCES = 200_000  # of all rules together, with every name in the place of every variable
Predicate = tuple[str, int]


class CircularNegationError(ValueError):
    """A predicate depends on its own absence, so that nothing says whether it holds."""


def answer_set(rules: Sequence[Rule], closed: bool, limit: int = INSTANCES, names: Iterable[str] = ()) -> set[Literal]:
    """All that holds of what the rules name, and of `names`, by clingo.

    Negative conditions must be derived in an open world, and be missing in a closed one.
    Grounding cannot be interrupted, so that its size is limited before. Raises CircularNegationError, StepsSpentError.
    """
    import clingo

    if closed:
        strata(rules)
    known = _names(rules, names)
    size = sum(len(known) ** len(_variables(rule)) for rule in rules)
    if size > limit:
        raise StepsSpentError(f"the rules have {size} instances, more than {limit}: use fewer variables in one rule")
    numbers: dict[Any, int] = {}
    control = clingo.Control(["--warn=none", "--project=no"], message_limit=0)
    control.add("base", [], "\n".join(_clingo(rule, closed, known, numbers) for rule in rules))
    control.ground([("base", [])])
    back = {f"{kind}{number}": value for (kind, value), number in numbers.items()}
    found: set[Literal] = set()
    with control.solve(yield_=True) as models:
        for model in models:
            for symbol in model.symbols(atoms=True):
                predicate, positive = back[symbol.name]
                found.add(Literal(predicate, positive, tuple(back[argument.name] for argument in symbol.arguments)))
    return found


def closed_chain(rules: Sequence[Rule], limit: int, names: Iterable[str] = ()) -> Chain:
    """The same by forward chaining: stratum by stratum, with what is missing put down as false for the next ones.

    Raises CircularNegationError, StepsSpentError.
    """
    rules = [Rule(rule.body, tuple(map(explicit, rule.head))) for rule in rules]
    levels = strata(rules)
    known = _names(rules, names)
    given: list[Rule] = []
    needed = {_of(literal) for rule in rules for literal in rule.body if not literal.positive}
    result = Chain(())
    for level in range(max(levels.values(), default=0) + 1):
        active = [rule for rule in rules if all(levels[_of(literal)] == level for literal in rule.head)]
        given += active
        result = chain(given, limit, names)
        for name, arity in sorted(predicate for predicate in needed if levels[predicate] == level):
            for arguments in product(known, repeat=arity):
                literal = Literal(name, True, arguments)
                if len(given) > limit:
                    raise StepsSpentError(f"more than {limit} statements are false: use fewer names")
                if literal not in result:
                    given.append(Rule((), (literal.negated,)))
    return result


def strata(rules: Sequence[Rule]) -> Mapping[Predicate, int]:
    """The level of each predicate: above all whose absence it asks for. Raises CircularNegationError."""
    rules = [Rule(rule.body, tuple(map(explicit, rule.head))) for rule in rules]
    levels = {_of(literal): 0 for rule in rules for side in rule for literal in side}
    changed = True
    while changed:
        changed = False
        for body, head in rules:
            # Statements with one head must become true together, so that they share a level.
            least = max(
                [levels[_of(one)] + (not one.positive) for one in body] + [levels[_of(one)] for one in head], default=0
            )
            for literal in head:
                if levels[_of(literal)] < least:
                    levels[_of(literal)], changed = least, True
                    if least > len(levels):
                        raise CircularNegationError(f"{literal.predicate} depends on its own absence")
    return levels


def explicit(literal: Literal) -> Literal:
    """What a rule says outright to be false, as a statement of its own: in a closed world it is no mere absence."""
    return literal if literal.positive else Literal(f"¬{literal.predicate}", True, literal.arguments)


def _clingo(rule: Rule, closed: bool, names: Sequence[str], numbers: dict[Any, int]) -> str:
    """A rule in clingo's language, under names of our own: p0 for a predicate with its sign, c0 for a constant."""

    def number(kind: str, value: Any) -> str:
        return f"{kind}{numbers.setdefault((kind, value), len(numbers))}"

    def term(name: str) -> str:
        return f"V{variables.index(name)}" if name[0] == "?" else number("c", name)

    def atom(literal: Literal, positive: bool) -> str:
        arguments = ",".join(map(term, literal.arguments))
        return number("p", (literal.predicate, positive)) + (f"({arguments})" if arguments else "")

    variables = sorted(_variables(rule))
    bound = {name for one in rule.body if one.positive or not closed for name in one.arguments}
    anything = ";".join(number("c", name) for name in names)
    safe = [f"{term(name)}=({anything})" for name in variables if name not in bound]
    body = [
        f"not {atom(literal, True)}" if closed and not literal.positive else atom(literal, literal.positive)
        for literal in rule.body
    ]
    tail = f" :- {', '.join(body + safe)}" if body + safe else ""
    return (
        "\n".join(f"{atom(literal, literal.positive)}{tail}." for literal in rule.head)
        if names or not variables
        else ""
    )


def _of(literal: Literal) -> Predicate:
    return literal.predicate, len(literal.arguments)


def _names(rules: Sequence[Rule], more: Iterable[str]) -> list[str]:
    named = {name for rule in rules for side in rule for one in side for name in one.arguments if name[0] != "?"}
    return sorted(named | {*more})


def _variables(rule: Rule) -> set[str]:
    return {name for side in rule for literal in side for name in literal.arguments if name[0] == "?"}
