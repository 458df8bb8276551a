"""The shapes of calculation that stories tell, and the words they are told with: the files of stories/.

A file opens with `program: a + b - c` and lists its templates under `[train]` and `[test]`, one a line. A template
names each letter of the program once, as `{a}`; `{name}`, `{other}`, `{thing}` and `{place}` are filled from
vocabulary.toml, and of `[buys|gets]` one is taken. Train and test share neither templates nor vocabulary: 170 scenes a
shape are each told five times in sentences of their own, and a fifth of these tellings, by lot, is for the test. So a
test template is unseen, and most tell a scene that some train template tells in other words.
"""

import ast
import operator
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "stories"
DISTRACTORS = "distractors.txt"
SPLITS = ("train", "test")
FILLED = ("name", "other", "thing", "place")

SLOT = re.compile(r"\{(\w*)\}")
CHOICE = re.compile(r"\[([^\[\]]*)\]")

OPERATORS: Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class StoryError(ValueError):
    """A file of stories/ that breaks the format: one line with file, line, rule and remedy."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape of calculation: a program over the letters a, b, c, d, and the templates that tell it."""

    name: str
    program: str
    train: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def letters(self) -> str:
        return "".join(sorted(re.findall("[a-z]", self.program)))


@dataclass(frozen=True, slots=True)
class Words:
    """What fills the slots of one split, and the sentences that carry a number nobody needs."""

    names: tuple[str, ...]
    things: tuple[str, ...]
    places: tuple[str, ...]
    distractors: tuple[str, ...]


@cache
def load_shapes(folder: Path = FOLDER) -> tuple[Shape, ...]:
    """All shapes, in the order of their file names; raises StoryError."""
    return tuple(_shape(path) for path in sorted(folder.glob("*.txt")) if path.name != DISTRACTORS)


@cache
def load_words(split: str, folder: Path = FOLDER) -> Words:
    """The vocabulary and the distractors of one split; raises StoryError."""
    lists = tomllib.loads((folder / "vocabulary.toml").read_text(encoding="utf-8")).get(split, {})
    for kind in ("names", "things", "places"):
        if len(lists.get(kind, ())) < 3:
            raise StoryError(f"vocabulary.toml: [{split}] has fewer than 3 {kind}; list more of them")
    asides = _sections(folder / DISTRACTORS, (), "x")[split]
    return Words(tuple(lists["names"]), tuple(lists["things"]), tuple(lists["places"]), asides)


def _shape(path: Path) -> Shape:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    program = first.removeprefix("program: ").strip()
    letters = re.findall("[a-z]", program)
    if not first.startswith("program: ") or len(set(letters)) != len(letters) or not _is_arithmetic(program):
        raise StoryError(
            f"{path.name} line 1: {first!r} is no program of + - * / over different letters, dividing by a letter and "
            "multiplying by a letter; write for example `program: a + b - c`"
        )
    return Shape(path.stem, program, **_sections(path, (1,), "".join(sorted(letters))))


def _sections(path: Path, skip: tuple[int, ...], letters: str) -> dict[str, tuple[str, ...]]:
    """The lines under [train] and [test]; each must name each of `letters` once and no slot that nobody fills."""
    found: dict[str, list[str]] = {split: [] for split in SPLITS}
    section = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip()
        if not text or number in skip:
            continue
        if text in ("[train]", "[test]"):
            section = found[text.strip("[]")]
        elif section is None:
            raise StoryError(f"{path.name} line {number}: a template stands before any section; put [train] above it")
        elif fault := _fault(text, letters):
            raise StoryError(f"{path.name} line {number}: {fault}")
        else:
            section.append(text)
    if empty := [split for split, lines in found.items() if not lines]:
        raise StoryError(f"{path.name}: section [{empty[0]}] has no line; add at least one below [{empty[0]}]")
    return {split: tuple(lines) for split, lines in found.items()}


def _fault(text: str, letters: str) -> str:
    slots = SLOT.findall(text)
    for letter in letters:
        if slots.count(letter) != 1:
            return f"{{{letter}}} stands {slots.count(letter)} times; name each of {', '.join(letters)} exactly once"
    if unknown := set(slots) - set(letters) - set(FILLED):
        return f"nothing fills {{{min(unknown)}}}; use only {', '.join(f'{{{slot}}}' for slot in (*letters, *FILLED))}"
    if set("[]{}|") & set(CHOICE.sub("", SLOT.sub("", text))):
        return "a bracket, brace or bar is left alone; write slots as {a} and alternatives as [one|two], not nested"
    if re.search(r"\d", text):
        return "a digit stands in the text; write numbers as slots or as words"
    return ""


def steps(program: str, numbers: Mapping[str, int]) -> list[Fraction]:
    """The value of every operation of `program`, innermost first; the last one is the result."""
    done: list[Fraction] = []

    def value(node: ast.expr) -> Fraction:
        match node:
            case ast.Name(id=letter):
                return Fraction(numbers[letter])
            case ast.Constant(value=int(number)):
                return Fraction(number)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                done.append(OPERATORS[type(op)](value(left), value(right)))
                return done[-1]
        raise ValueError(f"{ast.unparse(node)!r} is no sum, difference, product or quotient")

    value(parse(program))
    return done


def _is_arithmetic(program: str) -> bool:
    """Whether it is made of + - * / and letters, with a letter as every divisor and in every product."""
    try:
        nodes = list(ast.walk(parse(program)))
    except SyntaxError:
        return False
    operations = [node for node in nodes if isinstance(node, ast.BinOp)]
    if not operations or not all(isinstance(node, (ast.BinOp, ast.Name, ast.Load, *OPERATORS)) for node in nodes):
        return False
    divisors = [node.right for node in operations if isinstance(node.op, ast.Div)]
    factors = [(node.left, node.right) for node in operations if isinstance(node.op, ast.Mult)]
    return all(isinstance(node, ast.Name) for node in divisors) and all(
        isinstance(left, ast.Name) or isinstance(right, ast.Name) for left, right in factors
    )


@cache
def parse(program: str) -> ast.expr:
    return ast.parse(program, mode="eval").body
