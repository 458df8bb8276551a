"""What a sentence says, and what a rule says, in one form, so that the two can be compared.

A saying is a set of conditions, one conclusion, and whether it is about more than one variable. Conditions and
conclusion are clauses: stems in their order, and whether they are denied. A variable at the beginning of a clause is
left out, any other is a question mark.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from envs.logic.statements import Literal, Rule
from envs.logic.wording import ANYONE, NEGATIONS, SILENT, name_stems, stem, words

Clause = tuple[tuple[str, ...], bool]
Saying = tuple[frozenset[Clause], Clause, bool]
Words = Sequence[str]
COPULAS = frozenset(("is", "are", "was", "were", "be"))
NONE = frozenset(("no", "nobody", "nothing"))
GENERAL = NONE | {"a", "an", "all", "every", "each", "any", "everyone", "everybody", "everything"}
NEW = frozenset(word for word in ANYONE if word.startswith(("some", "any", "every")))  # brings a variable of its own


@lru_cache(maxsize=20_000)
def sentence_says(sentence: str) -> tuple[frozenset[Saying], ...]:
    """The readings of a sentence, each all that it then says; none where its shape is not known."""
    told = words(sentence)
    denied = bool(NONE & {*told[:1]})
    readings = []
    for left, right in _sides(told[1:] if denied else told, denied):
        conditions, conclusions = frozenset(_clauses(left)), [*_clauses(right, denied)]
        for two in (False, True)[: 1 + (sum(word in NEW for word in told) > 1)]:
            readings.append(frozenset((conditions, conclusion, two) for conclusion in conclusions))
    return tuple(reading for reading in readings if reading)


@lru_cache(maxsize=20_000)
def rule_says(rule: Rule) -> frozenset[Saying]:
    """What a rule or fact says: one saying for each of its conclusions."""
    variables = {name for side in rule for literal in side for name in literal.arguments if name[0] == "?"}
    conditions = frozenset(map(_clause, rule.body))
    return frozenset((conditions, _clause(literal), len(variables) > 1) for literal in rule.head)


def _clause(literal: Literal) -> Clause:
    """Subject, verb, objects."""
    subject, objects = literal.arguments[:1], literal.arguments[1:]
    told = [() if name[0] == "?" else name_stems(name) for name in subject]
    told += [name_stems(literal.predicate), *(("?",) if name[0] == "?" else name_stems(name) for name in objects)]
    return tuple(one for part in told for one in part), not literal.positive


def _sides(told: Words, general: bool) -> Iterator[tuple[Words, Words]]:
    """Conditions and conclusions, for each way to read the sentence; a fact has no conditions."""
    if "if" in told:
        start = told.index("if")
        rest = told[start + 1 :]
        if start:
            yield rest, told[:start]
        elif "then" in rest:
            yield rest[: rest.index("then")], rest[rest.index("then") + 1 :]
        elif "," in rest:
            last = len(rest) - 1 - rest[::-1].index(",")
            yield rest[:last], rest[last + 1 :]
        return
    if not general and not (GENERAL & {*told[:1]} or ("are" in told and told[0] != "the")):
        yield (), told
        return
    copulas = [place for place, word in enumerate(told) if word in COPULAS]
    # Without a copula nothing says where the subject ends: behind any word, but the order stands.
    for place in copulas[-1:] or range(1, len(told)):
        yield told[:place], told[place:]


def _clauses(told: Words, denied: bool = False) -> Iterator[Clause]:
    """The clauses of one side. One that is a single word has the subject of the clause before."""
    subject: tuple[str, ...] = ()
    for part in _parts(told):
        spoken = ["?" if word in ANYONE else stem(word) for word in part if word not in SILENT | NEGATIONS]
        copula = next((place for place, word in enumerate(part) if word in COPULAS), 0)
        if copula:
            subject = tuple(stem(word) for word in part[:copula] if word not in SILENT | NEGATIONS | ANYONE)
        elif len(spoken) == 1 and spoken != ["?"]:
            spoken = [*subject, *spoken]
        if stems := tuple(spoken[1:] if spoken[:1] == ["?"] else spoken):
            yield stems, (sum(word in NEGATIONS for word in part) % 2 == 1) != denied


def _parts(told: Words) -> Iterator[Words]:
    """What stands between commas and `and`."""
    start = 0
    for place, word in enumerate((*told, ",")):
        if word in (",", "and"):
            if place > start:
                yield told[start:place]
            start = place + 1
