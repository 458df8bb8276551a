"""Whether first-order premises could translate a free text: line by line, by words, signs and quantifiers.

Free English has too many forms to be compared clause by clause. What is asked here is necessary, not sufficient: one
premise for each sentence, in the order of the text; names made of its words, most of its words in names; denial,
alternative, condition and quantifier where the sentence has them and not elsewhere; conditions told before what follows
from them; and one name for one word. So nothing can be left out, added or turned round at will. What can still pass is
a wrong relation between the right words.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, product

from envs.logic.statements import Theory
from envs.logic.syntax import (
    And,
    Atom,
    Equal,
    Exists,
    ForAll,
    Formula,
    Function,
    Iff,
    Implies,
    Node,
    Not,
    Or,
    Variable,
    Xor,
    nodes,
    symbols,
)
from envs.logic.task import Task
from envs.logic.wording import ANYONE, NEGATIONS, SILENT, name_stems, sentences, stem, words

FUNCTION_WORDS = frozenset(
    (
        *("in", "on", "at", "by", "for", "with", "from", "as", "into", "or", "either", "neither", "nor", "but", "both"),
        *("than", "their", "his", "her", "these", "those", "this", "there", "have", "has", "had", "been", "being"),
        *("will", "would", "can", "could", "may", "must", "should", "when", "where", "what", "only", "also", "about"),
    )
)
EMPTY = SILENT | ANYONE | NEGATIONS | FUNCTION_WORDS | {","}
DENYING = NEGATIONS | {"neither", "nor", "none", "without", "unless", "except", "only", "false", "lack", "lacks"}
ALTERNATIVE = frozenset(("or", "nor", "either", "neither", "unless"))
GENERAL = frozenset(("all", "every", "each", "no", "any", "if"))
SINGLE = frozenset(("some", "someone", "something"))
BOTH_WAYS = frozenset(("iff", "only", "exactly", "precisely", "equivalent", "means", "same"))
EVERYTHING = frozenset(("everything", "everyone", "everybody", "all", "every", "each"))
LEAST = 0.5  # more than this share of the words of a sentence must be named
ALIKE = 4  # letters in which related words such as depend and dependent agree at the least


def misalignment(theory: Theory, task: Task) -> str:
    """In what the formulas are no translation; empty where nothing speaks against it."""
    if task.asked and (fault := mistranslation(theory.conclusion.formula, task.asked)):
        return f"the conclusion {fault}"
    if task.context:
        told = sentences(task.context)
        if len(told) != len(theory.premises):
            return f"{len(told)} sentences are told, {len(theory.premises)} premises given: give one for each, in order"
        for sentence, statement, line in zip(told, theory.premises, theory.lines, strict=False):
            if fault := mistranslation(statement.formula, sentence):
                return f"line {line} {fault}"
        lines = zip((*told, task.asked), (statement.formula for statement in theory.statements), strict=True)
        return _two_names(list(lines))
    return ""


def mistranslation(formula: Formula, sentence: str) -> str:
    """What speaks against the formula as a translation of the sentence; empty where nothing does."""
    return next(filter(None, _faults(formula, sentence)), "")


def _faults(formula: Formula, sentence: str) -> Iterator[str]:
    told, used = words(sentence), symbols(formula)
    names = (*used.predicates, *used.functions)
    if len(names) > len(told):
        yield f"has {len(names)} names, its sentence {len(told)} words: make names of its words"
    for name in names:
        if not _says(sentence, name):
            yield f"names {name}, which its sentence does not: make names of its words"
    named = {part for name in names for part in name_stems(name)}
    content = {stem(word) for word in told if word not in EMPTY}
    left = sorted(word for word in content if not any(_related(word, part) for part in named))
    if content and len(left) >= len(content) * (1 - LEAST):
        yield f"leaves out too much of its sentence, such as {left[0]}"
    yield _signs(formula, told)
    yield _quantifiers(formula, told)
    yield _direction(formula, sentence)
    yield _order(formula, sentence)


def _signs(formula: Formula, told: Sequence[str]) -> str:
    """Denials and alternatives must stand where the sentence has them."""
    kinds = {type(node) for node in nodes(formula)}
    if Not in kinds and not DENYING & {*told}:
        return "denies what its sentence does not deny"
    if not {Not, Xor} & kinds and NEGATIONS & {*told}:
        return "leaves out that its sentence says not"
    if {Or, Xor} & kinds and not ALTERNATIVE & {*told}:
        return "has an or, which its sentence has not"
    if not {Or, Xor} & kinds and "or" in told:
        return "leaves out the or of its sentence"
    return ""


def _quantifiers(formula: Formula, told: Sequence[str]) -> str:
    """All and every want an implication, some wants an existence; and variables must hang together."""
    kinds = {type(node) for node in nodes(formula)}
    conditional = bool({Implies, Iff} & kinds) or {Not, Exists} <= kinds
    if told[:1] and told[0] in GENERAL and not conditional:
        return f"is no implication, though its sentence begins with {told[0]}"
    if told[:1] and told[0] in SINGLE and Exists not in kinds:
        return f"says nothing of existence, though its sentence begins with {told[0]}"
    if Iff in kinds and not BOTH_WAYS & {*told}:
        return "holds both ways, its sentence one way"
    for node in nodes(formula):
        if isinstance(node, Exists) and isinstance(node.body, Implies | Iff):
            return "has an if below an exists, which says next to nothing: join them by and"
        if isinstance(node, ForAll) and isinstance(node.body, Atom | And) and not EVERYTHING & {*told}:
            return "says it of everything, which its sentence does not"
    if _groups(formula) > 1:
        return "has variables that no statement joins: each is about something else"
    return ""


def _direction(formula: Formula, sentence: str) -> str:
    """The conditions of an implication stand first in its sentence, unless an if stands between."""
    while isinstance(formula, ForAll):
        formula = formula.body
    if not isinstance(formula, Implies):
        return ""
    given, follows = (_atoms(side) for side in (formula.left, formula.right))
    if follows <= given:
        return "concludes only what it presupposes"
    left, right = _stems(formula.left), _stems(formula.right)
    if not right - left:
        return ""
    before, after = (
        min((place for one in side if (place := _place(one, sentence)) is not None), default=0)
        for side in (left - right or left, right - left)
    )
    turned = bool({"if", "when", "whenever", "unless", "only"} & {*words(sentence)[1:]})
    return "" if turned or before < after else "is told the other way round: conditions stand first in its sentence"


def _order(formula: Formula, sentence: str) -> str:
    """Who does it stands before whom it is done to, unless the sentence is in the passive.

    A variable has no place of its own: beside one name it stands on the other side of the statement's own word.
    """
    if "by" in words(sentence):
        return ""
    for node in nodes(formula):
        if isinstance(node, Atom) and len(node.arguments) > 1:
            verb = min((_place(part, sentence) or 0 for part in name_stems(node.predicate)), default=0)
            named = [_first(one, sentence) for one in node.arguments if isinstance(one, Function)]
            places = [_first(one, sentence) if isinstance(one, Function) else verb for one in node.arguments]
            if named and places != sorted(places):
                return f"has the arguments of {node.predicate} in another order than its sentence"
    return ""


def _first(node: Node, sentence: str) -> int:
    """Where the first of its words stands."""
    return min((_place(part, sentence) or 0 for part in _stems(node)), default=0)


def _two_names(lines: Sequence[tuple[str, Formula]]) -> str:
    """The complaint that two sentences have the words of two names, and one uses the one, the other the other."""
    used = [(sentence, symbols(formula)) for sentence, formula in lines]
    for (here, ours), (there, theirs) in combinations(used, 2):
        for mine, yours in zip(ours, theirs, strict=True):
            for one, other in product(mine.keys() - yours.keys(), yours.keys() - mine.keys()):
                if all(_says(sentence, name) for sentence in (here, there) for name in (one, other)):
                    return f"{one} and {other} name the same: use one name for one word"
    return ""


def _groups(formula: Formula) -> int:
    """Into how many parts the variables fall that share no atom."""
    groups: list[set[str]] = []
    for node in nodes(formula):
        if isinstance(node, Atom):
            ours = {term.name for term in nodes(*node.arguments) if isinstance(term, Variable)}
            if ours:
                joined = ours.union(*(group for group in groups if group & ours))
                groups = [group for group in groups if not group & ours] + [joined]
    return len(groups)


def _atoms(formula: Formula) -> set[Node]:
    return {node for node in nodes(formula) if isinstance(node, Atom | Equal)}


def _stems(node: Node) -> set[str]:
    used = (
        one.predicate if isinstance(one, Atom) else one.name if isinstance(one, Function) else "" for one in nodes(node)
    )
    return {part for name in used for part in name_stems(name)}


@lru_cache(maxsize=20_000)
def _says(sentence: str, name: str) -> bool:
    """Whether a name has words, and its sentence has them all."""
    parts = name_stems(name)
    return bool(parts) and all(_place(part, sentence) is not None for part in parts)


@lru_cache(maxsize=20_000)
def _place(part: str, sentence: str) -> int | None:
    """Where a stem, or another form of its word, first stands in a sentence."""
    stems = [stem(word) for word in words(sentence)]
    if part in stems:
        return stems.index(part)
    return next((place for place, one in enumerate(stems) if _related(one, part)), None)


def _related(one: str, other: str) -> bool:
    """Whether two stems are forms of one word, such as depend and dependent."""
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    return len(short) >= ALIKE and long.startswith(short[: max(ALIKE, len(short) - 2)])
