"""Bash command lines, parsed by bashlex: compared up to quoting and the order of flags. Never executed."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import bashlex

from envs.languages.base import Language, Malformed, Names, Symbols, words

VARIABLE = re.compile(r"[A-Za-z_]\w*")
SPECIAL = frozenset("*?[]{}~!#$&;|<>()`'\"\\ \t\n=^%")
TAKES: Mapping[str, str] = {  # commands whose flags may stand in any order, and those of them that take an argument
    **dict.fromkeys(words("ls rm cp mv mkdir rmdir wc cat uniq touch df chmod chown ln pwd whoami id diff"), ""),
    **{"grep": "efmABC", "egrep": "efmABC", "fgrep": "efmABC", "head": "nc", "tail": "nc", "cut": "dfbc"},
    **{"sort": "ktoST", "du": "d", "tr": "", "nl": "bdfhilnsvw", "ps": "ABCGOUgopqstu", "uname": ""},
}


@dataclass(frozen=True, slots=True)
class Script:
    """A command line in its canonical spelling."""

    text: str


class Bash(Language[Script]):
    """Command lines. Variables that the line itself assigns are symbols."""

    name = "bash"
    NAME = VARIABLE
    reserved = words("if then else elif fi for while until do done case esac function in select time IFS PATH HOME PWD")

    def _parse(self, text: str) -> Script:
        written = text.strip()
        if not written:
            raise Malformed("there is no command", len(text))
        lead = len(text) - len(text.lstrip())
        try:
            canonical = _joined(_trees(written), written)
        except Malformed as fault:
            raise Malformed(fault.message, min(fault.position + lead, len(text))) from None
        try:
            stable = _joined(_trees(canonical), canonical) == canonical
        except Malformed:
            stable = False
        return Script(canonical if stable else written)

    def print(self, tree: Script) -> str:
        return tree.text

    def equal(self, gold: Script, tree: Script) -> bool:
        """The same commands, whatever the quoting, the white space, and the order of flags that stand together."""
        return gold == tree or self._flagless(gold) == self._flagless(tree)

    def _flagless(self, tree: Script) -> str:
        return _joined(_trees(tree.text), tree.text, sort_flags=True)

    def taken(self, tree: Script) -> frozenset[str]:
        return frozenset(name for name, _, _ in _uses(tree.text)) - self.symbols(tree)["variable"]

    def symbols(self, tree: Script) -> Symbols:
        return {"variable": frozenset(name for name, _, assigned in _uses(tree.text) if assigned) - self.reserved}

    def _rename(self, tree: Script, names: Names) -> Script:
        text = tree.text
        for name, start, _ in sorted(_uses(text), key=lambda use: -use[1]):
            text = text[:start] + names["variable"].get(name, name) + text[start + len(name) :]
        return Script(text)


def _trees(text: str) -> list[Any]:
    try:
        return list(bashlex.parse(text))
    except bashlex.errors.ParsingError as fault:
        raise Malformed(str(fault.message), min(fault.position, len(text))) from None
    except NotImplementedError as fault:
        raise Malformed(f"bashlex does not read this: {fault}", 0) from None
    except RecursionError:
        raise
    except Exception as fault:  # bashlex fails in many ways on text that is no bash
        raise Malformed(f"no command line: {type(fault).__name__} {fault}"[:200], 0) from None


def _joined(trees: list[Any], text: str, sort_flags: bool = False) -> str:
    return "\n".join(_emit(tree, text, sort_flags) for tree in trees)


def _emit(node: Any, text: str, sort_flags: bool) -> str:
    """The canonical text of a node."""
    match node.kind:
        case "operator":
            return ";" if node.op == "\n" else str(node.op)
        case "pipe":
            return str(node.pipe)
        case "reservedword":
            return str(node.word)
        case "word" | "assignment":
            return _word(node, text[slice(*node.pos)])
        case "redirect":
            if node.heredoc is not None:
                raise Malformed("a here-document is not read", node.pos[0])
            return _redirect(node, text)
    parts = [*node.list, *node.redirects] if node.kind == "compound" else list(node.parts)
    words = [_emit(part, text, sort_flags) for part in parts]
    if sort_flags and node.kind == "command" and words and words[0] in TAKES:
        words = _flags_first(words, TAKES[words[0]])
    return " ".join(words)


def _redirect(node: Any, text: str) -> str:
    source = "" if node.input is None else str(node.input)
    if not hasattr(node.output, "kind"):
        return f"{source}{node.type}{'' if node.output is None else node.output}"
    return f"{source}{node.type}{_word(node.output, text[slice(*node.output.pos)])}"


def _word(node: Any, raw: str) -> str:
    """The word in the usual quotes, where nothing in it is expanded and no quoting would be lost."""
    if node.parts or not set("'\"\\") & set(raw) or "$'" in raw or "\n" in raw or node.kind == "assignment":
        return raw
    bare = re.sub(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"|\\.", "", raw)
    if set(bare) & SPECIAL:
        return raw
    try:
        (word,) = shlex.split(raw)
    except ValueError:
        return raw
    return shlex.quote(word)


def _flags_first(words: list[str], takes: str) -> list[str]:
    """One order for the flags that take no argument, each on its own: `ls -la x` is `ls x -a -l`."""
    flags: set[str] = set()
    rest: list[str] = []
    for word in words[1:]:
        flag = re.fullmatch(r"-[A-Za-z]+", word) and not set(word) & set(takes)
        if flag and "--" not in rest and not (rest[-1:] and re.fullmatch(rf"-[A-Za-z]*[{takes or '-'}]", rest[-1])):
            flags |= set(word[1:])
        else:
            rest.append(word)
    return [words[0], *(f"-{letter}" for letter in sorted(flags)), *rest]


def _uses(text: str) -> Iterator[tuple[str, int, bool]]:
    """Each place of a variable: its name, where it starts, and whether it is assigned there."""
    waiting = _trees(text)
    while waiting:
        node = waiting.pop()
        start, end = node.pos
        if node.kind == "assignment":
            found = VARIABLE.match(text, start)
            if found:
                yield found[0], start, True
        elif node.kind == "for" and VARIABLE.fullmatch(node.parts[1].word):
            yield node.parts[1].word, node.parts[1].pos[0], True
        elif node.kind == "parameter" and VARIABLE.fullmatch(node.value):
            at = text.find(node.value, start, end)
            if at >= 0:
                yield node.value, at, False
        for below in ("parts", "list", "redirects"):
            waiting.extend(getattr(node, below, ()))
        for below in ("command", "output"):
            if hasattr(getattr(node, below, None), "kind"):
                waiting.append(getattr(node, below))
