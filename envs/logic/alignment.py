"""Whether a program translates the text it was given: its query the statement asked, its premises the sentences told.

Words are compared by their stems, in their order. A text cut into sentences, one statement a sentence, is what the
rule worlds speak; of free text only the names can be checked.

Not covered: which side of a rule a word stands on, so a rule told backwards passes; and the premises of first-order
programs, which are compared with no text. Until they are, no run should learn from these verdicts.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from envs.logic.syntax import Literal, Rule, Statement, symbols

SILENT = frozenset(
    (
        *("a", "an", "the", "is", "are", "be", "does", "do", "did", "if", "then", "and", "all", "every", "each", "any"),
        *("some", "someone", "somebody", "something", "things", "thing", "people", "person", "it", "its", "they"),
        *("them", "he", "she", "that", "who", "which", "to", "of"),
    )
)
NEGATIONS = frozenset(("not", "no", "never", "nobody", "nothing", "cannot"))
WORD = re.compile(r"[^\W\d_]+(?=n't)|n't|[^\W_]+")
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+|\d+")
Said = tuple[tuple[str, ...], int]  # stems in order, how many are denied


def untranslated(context: str, premises: Iterable[Statement]) -> list[str]:
    """The sentences that no premise translates."""
    has = {form for statement in premises for form in forms(statement)}
    return [sentence for sentence in sentences(context) if not heard(sentence) & has]


def unsupported(context: str, premises: Iterable[Statement]) -> list[int]:
    """The places of the premises that translate no sentence of the context."""
    told = {form for sentence in sentences(context) for form in heard(sentence)}
    return [place for place, statement in enumerate(premises) if not forms(statement) & told]


def misses(asked: str, query: Statement) -> str:
    """In what the query is no translation of the statement asked; empty when it is one."""
    if query.rule and not query.rule.body and len(query.rule.head) == 1:
        if forms(query) & heard(asked):
            return ""
        return "the query does not say what is asked: the same names in the same order, and not only where it says not"
    stems = set(_stems(asked))
    used = symbols(query.formula)
    for name in (*used.predicates, *used.functions):
        if not any(stem in stems for stem in name_stems(name)):
            return f"{name} does not occur in the statement asked"
    return ""


def mentions(text: str, name: str) -> bool:
    """Whether all words of a name occur in the text."""
    return set(name_stems(name)) <= set(_stems(text))


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return [sentence for sentence in re.split(r"(?<=[.?!])\s+", text.strip()) if sentence]


@lru_cache(maxsize=20_000)
def heard(sentence: str) -> frozenset[Said]:
    """What a sentence says: its stems in order, for a rule in any order."""
    stems = tuple(_stems(sentence))
    denied = sum(word.lower() in NEGATIONS or word == "n't" for word in WORD.findall(sentence))
    return frozenset({(stems, denied), (tuple(sorted(set(stems))), -1 - denied)})


def forms(statement: Statement) -> frozenset[Said]:
    """What sentences could say this: a fact in its order, a rule by its words. Nothing for what is no rule."""
    return _forms(statement.rule) if statement.rule else frozenset()


@lru_cache(maxsize=20_000)
def _forms(rule: Rule) -> frozenset[Said]:
    if not rule.body and len(rule.head) == 1:
        return frozenset({(_spoken(rule.head[0]), int(not rule.head[0].positive))})
    literals = (*rule.body, *rule.head)
    words = {stem for literal in literals for stem in _spoken(literal)}
    return frozenset({(tuple(sorted(words)), -1 - sum(not literal.positive for literal in literals))})


def _spoken(literal: Literal) -> tuple[str, ...]:
    """Subject, verb, objects."""
    names = [name for name in literal.arguments if not name.startswith("?")]
    subject = literal.arguments[:1]
    order = (*names[:1], literal.predicate, *names[1:]) if list(subject) == names[:1] else (literal.predicate, *names)
    return tuple(stem for name in order for stem in name_stems(name) if stem)


@lru_cache(maxsize=20_000)
def name_stems(name: str) -> tuple[str, ...]:
    """The stems of the words that a name is joined from, such as BaldEagle or bald_eagle."""
    return tuple(_stem(part.lower()) for part in PART.findall(name) if part.lower() not in SILENT)


def _stems(text: str) -> list[str]:
    words = (word.lower() for word in WORD.findall(text))
    return [_stem(word) for word in words if word not in SILENT and word not in NEGATIONS and word != "n't"]


def _stem(word: str) -> str:
    """chases and chase become chas, sees and see s, wumpuses and wumpus wumpus."""
    if len(word) > 3 and word.endswith("es"):
        word = word[:-2]
    elif len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us")):
        word = word[:-1]
    return word.rstrip("e") or word
