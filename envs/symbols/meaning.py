"""Whether a text means what the gold means, in the word of its language.

Runs as a child, `python -m envs.symbols.meaning`, which reads jobs and writes verdicts, one JSON object a line.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from envisions.records import Outcome
from envs.languages.base import Executable, ExecutionError, Language, Malformed
from envs.languages.registry import language as made

Verdict = dict[str, str]


def judged(language: Language[Any], gold: str, text: str, tests: Any = None) -> Verdict:
    """Outcome, canonical text and, in one line, what is wrong; the gold is never in it.

    Where there are tests, they decide: the language executes the text with them.
    """
    try:
        right = language.parse(gold)
    except Malformed as fault:
        return {"outcome": Outcome.unverifiable, "error": f"the gold text is malformed: {fault}"}
    if fault := language.fault(right):
        return {"outcome": Outcome.unverifiable, "error": f"the gold text says nothing: {fault}"}
    try:
        tree = language.parse(text)
    except Malformed as fault:
        return {"outcome": Outcome.failed, "error": f"it cannot be read: {fault}"}
    said = {"output": language.print(tree)}
    if fault := language.fault(tree):
        return {"outcome": Outcome.rejected, "error": fault, **said}
    if tests is not None and isinstance(language, Executable):
        try:
            passed = bool(language.execute(tree, tests))
        except ExecutionError as fault:
            return {"outcome": Outcome.failed, "error": f"its tests do not run: {fault}", **said}
        outcome = Outcome.accepted if passed else Outcome.rejected
        return {"outcome": outcome, "error": "" if passed else "a test does not pass", **said}
    if language.equal(right, tree):
        return {"outcome": Outcome.accepted, "error": "", **said}
    return {"outcome": Outcome.rejected, "error": "it can be read, but means something else", **said}


def answered(job: Mapping[str, Any]) -> Verdict:
    """The verdict on a job: language, definition, gold, text."""
    try:
        return judged(made(job["language"], job["definition"]), job["gold"], job["text"], job["tests"])
    except MemoryError:
        return {"outcome": Outcome.failed, "error": "it needs too much memory"}


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(answered(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
