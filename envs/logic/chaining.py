"""Forward chaining over explicit statements: negation must be derived like anything else, and none is contraposed."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from envs.logic.statements import Literal, Rule

STEPS = 200_000  # comparisons of a condition with a fact, before a program counts as too slow
ANYTHING = "∈"  # holds of every name: binds the variables of a head that its body leaves open
Bindings = dict[str, str]
_new = tuple.__new__  # what a NamedTuple calls, three times as fast


class StepsSpentError(Exception):
    """The budget of steps was spent before the end was reached."""


@dataclass(slots=True)
class Chain:
    """What follows from rules. `reasons` has, for each derived statement, its rule's number and what the rule used."""

    rules: Sequence[Rule]
    reasons: dict[Literal, tuple[int, tuple[Literal, ...]]] = field(default_factory=dict)
    steps: int = 0

    def __contains__(self, literal: Literal) -> bool:
        return literal in self.reasons

    def proof(self, literal: Literal) -> list[tuple[Literal, int]]:
        """The statements that lead to this one, each with the number of its rule, causes before effects."""
        order: dict[Literal, int] = {}
        waiting = [literal]
        while waiting:
            number, causes = self.reasons[waiting[-1]]
            missing = [cause for cause in causes if cause not in order and cause.predicate != ANYTHING]
            if missing:
                waiting.extend(missing)
            else:
                order.setdefault(waiting.pop(), number)
        return list(order.items())

    def depth(self, literal: Literal) -> int:
        """How many rules, one upon the other, the proof of a statement takes; a fact takes none."""
        depths: dict[Literal, int] = {}
        for step, number in self.proof(literal):
            causes = [depths.get(cause, 0) for cause in self.reasons[step][1]]
            depths[step] = max(causes, default=0) + 1 if self.rules[number].body else 0
        return depths[literal]


def chain(rules: Sequence[Rule], limit: int = STEPS, names: Iterable[str] = ()) -> Chain:
    """All that follows from the rules about what they name, and about `names`. Raises StepsSpentError."""
    rules = _safe(rules, names)
    result = Chain(rules)
    waiting_for = defaultdict(list)  # by predicate and sign: the arguments of a condition, the others, the rule
    for number, (body, head) in enumerate(rules):
        for place, condition in enumerate(body):
            rest = body[:place] + body[place + 1 :]
            waiting_for[condition[:2]].append((condition[2], rest, number, body, head))
    known: dict[tuple[str, bool], list[Literal]] = defaultdict(list)
    reasons, fresh = result.reasons, deque(_facts(result))
    while fresh:
        fact = fresh.popleft()
        kind, names = fact[:2], fact[2]
        known[kind].append(fact)
        for pattern, rest, number, body, head in waiting_for.get(kind, ()):
            result.steps += 1
            bindings = _match(pattern, names, {})
            if bindings is None:
                continue
            for bound in _matches(rest, bindings, known, result, limit) if rest else (bindings,):
                for conclusion in head:
                    derived = _fill(conclusion, bound)
                    if derived not in reasons:
                        reasons[derived] = (number, tuple([_fill(condition, bound) for condition in body]))
                        fresh.append(derived)
    return result


def _facts(result: Chain) -> Iterator[Literal]:
    for number, rule in enumerate(result.rules):
        if not rule.body:
            for fact in rule.head:
                if fact not in result.reasons:
                    result.reasons[fact] = (number, ())
                    yield fact


def _matches(
    body: Sequence[Literal], bindings: Bindings, known: dict[tuple[str, bool], list[Literal]], result: Chain, limit: int
) -> Iterator[Bindings]:
    """Every way to satisfy the conditions with what is known."""
    condition, *rest = body
    for fact in known.get(condition[:2], ()):
        result.steps += 1
        if result.steps > limit:
            raise StepsSpentError(f"more than {limit} steps: use fewer variables in one rule")
        bound = _match(condition[2], fact[2], bindings)
        if bound is not None:
            if rest:
                yield from _matches(rest, bound, known, result, limit)
            else:
                yield bound


def _match(pattern: tuple[str, ...], names: tuple[str, ...], bindings: Bindings) -> Bindings | None:
    """The bindings under which the pattern is the names; None when there are none."""
    if len(pattern) != len(names):
        return None
    bound = bindings
    for wanted, name in zip(pattern, names, strict=False):
        if wanted == name:
            continue
        if wanted[0] != "?":
            return None
        has = bound.get(wanted)
        if has is None:
            bound = {**bindings, wanted: name} if bound is bindings else bound | {wanted: name}
        elif has != name:
            return None
    return bound


def _fill(literal: Literal, bindings: Bindings) -> Literal:
    predicate, positive, names = literal
    return _new(Literal, (predicate, positive, tuple([bindings.get(name, name) for name in names])))


def _safe(rules: Sequence[Rule], more: Iterable[str]) -> Sequence[Rule]:
    """The rules with every variable of a head bound in its body, if need be to anything that has a name."""
    open_variables = [(heads := _variables(rule.head)) and heads - _variables(rule.body) for rule in rules]
    if not any(open_variables):
        return rules
    names = {name for rule in rules for side in rule for literal in side for name in literal[2] if name[0] != "?"}
    names |= {*more}
    safe = [
        Rule((*rule.body, *(Literal(ANYTHING, True, (name,)) for name in sorted(opened))), rule.head)
        for rule, opened in zip(rules, open_variables, strict=True)
    ]
    return [*safe, *(Rule((), (Literal(ANYTHING, True, (name,)),)) for name in sorted(names))]


def _variables(literals: Sequence[Literal]) -> set[str]:
    return {name for literal in literals for name in literal[2] if name[0] == "?"}
