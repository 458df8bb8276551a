"""Whether a program translates the text it was given: its query the statement asked, its premises the sentences told.

In the rule worlds each sentence is told by a statement and each statement tells a sentence, clause by clause and each
clause on its own side; and a word of the text has one name only, or a chain of rules could be broken by spelling one
predicate in two ways. First-order text is free, so that less can be asked of it: see envs.logic.free_text.
"""

from collections.abc import Iterable

from envs.logic import free_text
from envs.logic.clauses import rule_says, sentence_says
from envs.logic.statements import Statement, Theory
from envs.logic.task import Task
from envs.logic.wording import name_stems, sentences


def misalignment(theory: Theory, task: Task) -> str:
    """In what the program is no translation, fit to be shown to the model; empty when it is one.

    Where a task has no text, or no statement asked, that part is not compared.
    """
    if task.semantics == "fol":
        return free_text.misalignment(theory, task)
    if task.asked and not _asks(theory.conclusion, task.asked):
        return "the query does not say what is asked: the same names in the same order, and not only where it says not"
    if not task.context:
        return ""
    if strange := unsupported(task.context, theory.premises):
        return f"line {theory.lines[strange[0]]} says what no sentence of the text says"
    if missing := untranslated(task.context, theory.premises):
        return f"{len(missing)} sentences are not translated, such as: {missing[0]:.100}"
    return _two_names(theory)


def untranslated(context: str, premises: Iterable[Statement]) -> list[str]:
    """The sentences that the premises do not translate, or not whole."""
    has = {saying for statement in premises if statement.rule for saying in rule_says(statement.rule)}
    return [text for text in sentences(context) if not any(reading <= has for reading in sentence_says(text))]


def unsupported(context: str, premises: Iterable[Statement]) -> list[int]:
    """The places of the premises that translate no sentence of the context."""
    told = {saying for text in sentences(context) for reading in sentence_says(text) for saying in reading}
    return [
        place for place, statement in enumerate(premises) if not statement.rule or not rule_says(statement.rule) <= told
    ]


def _asks(query: Statement, asked: str) -> bool:
    return query.rule is not None and rule_says(query.rule) in sentence_says(asked)


def _two_names(theory: Theory) -> str:
    """The complaint that one word stands in two names, or names a thing here and a statement there."""
    literals = (literal for statement in theory.statements for side in statement.rule or () for literal in side)
    uses = {(name, place > 0) for one in literals for place, name in enumerate((one.predicate, *one.arguments))}
    used: dict[str, tuple[str, bool]] = {}
    for name, thing in sorted(uses):
        for stem in name_stems(name) or ("",):
            before = used.setdefault(stem, (name, thing))
            if before != (name, thing) and name[0] != "?":
                return f"{before[0]} and {name} share a word: use one name, of a thing or of a statement, for one word"
    return ""
