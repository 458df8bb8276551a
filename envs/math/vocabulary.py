"""The words of which answers are made, in LaTeX or in Python's spelling, and how a text is cut into them."""

import re
from enum import IntEnum
from typing import Any

import sympy

from envs.math.values import Compound, ReadError, factorial

LONGEST = 4096  # characters


UNIT = r"\\(?:text|textrm|mbox|textnormal)\s*\{([^{}]*)\}"
REMOVED = re.compile(
    r"\\left(?![a-z])|\\right(?![a-z])|\\[bB]igg?[lr]?(?![a-z])|\\displaystyle|\\limits|\\[!,;: ]|\{,\}(?=\d)|~|"
    r"\\?\$|\\?%|\^\s*\{?\s*\\circ\s*\}?|\\degree|\\quad|\\qquad|[\"'`]|\\hline|°"
)
TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d{1,3}(?![\d.]))?|\.\d+(?:[eE][+-]?\d{1,3})?)"
    r"|(\\[a-zA-Z]+\*?|\\[{}|\\])|([A-Za-z]+(?:\.[A-Za-z]+)?|[α-ωΑ-Ω∞])|(\*\*|<=|>=|!=|==|.))"
)


class Kind(IntEnum):
    """Of a token; the first four number the groups of TOKEN."""

    NUMBER, COMMAND, NAME, SIGN, END = range(1, 6)


SPELLINGS = {
    **dict.fromkeys(("\\cdot", "\\times", "\\ast", "×", "·"), "*"),
    **dict.fromkeys(("\\div", "÷"), "/"),
    **dict.fromkeys(("\\le", "\\leq", "\\leqslant", "≤"), "<="),
    **dict.fromkeys(("\\ge", "\\geq", "\\geqslant", "≥"), ">="),
    **dict.fromkeys(("\\ne", "\\neq", "≠"), "!="),
    **dict.fromkeys(("\\lt",), "<"),
    **dict.fromkeys(("\\gt",), ">"),
    **dict.fromkeys(("\\cup", "∪"), "\\cup"),
    **dict.fromkeys(("\\lvert", "\\rvert", "\\vert", "\\mid"), "|"),
    **dict.fromkeys(("\\lbrace",), "\\{"),
    **dict.fromkeys(("\\rbrace",), "\\}"),
    **dict.fromkeys(("−", "–"), "-"),
    "**": "^",
    "==": "=",
    "±": "\\pm",
    "√": "\\sqrt",
}
RELATIONS = ("=", "!=", "<", ">", "<=", ">=", "\\in", "∈")
CONSTANTS: dict[str, Any] = {
    **dict.fromkeys(("pi", "\\pi", "π"), sympy.pi),
    **dict.fromkeys(("oo", "inf", "infinity", "\\infty", "∞"), sympy.oo),
    **dict.fromkeys(("i", "I", "j"), sympy.I),
    **dict.fromkeys(("e", "E"), sympy.E),
    **dict.fromkeys(("\\emptyset", "\\varnothing", "EmptySet"), Compound("set", ())),
    **dict.fromkeys(("\\mathbb{R}", "Reals"), Compound("()", (-sympy.oo, sympy.oo))),
}
FUNCTIONS: dict[str, Any] = {
    name: getattr(sympy, name)
    for name in (
        *("sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan"),
        *("sinh", "cosh", "tanh", "exp", "log", "sqrt", "cbrt", "floor", "ceiling", "binomial"),
    )
}
FUNCTIONS |= {"ln": sympy.log, "Abs": sympy.Abs, "abs": sympy.Abs, "factorial": factorial}
FUNCTIONS |= {"arcsin": sympy.asin, "arccos": sympy.acos, "arctan": sympy.atan}
FUNCTIONS |= {"Rational": lambda a, b=1: a / b, "Fraction": lambda a, b=1: a / b}
FUNCTIONS |= dict.fromkeys(("Integer", "Float", "Decimal", "Symbol"), lambda a: a)
CONTAINERS = {
    "Interval": "[]",
    "Interval.open": "()",
    "Interval.Lopen": "(]",
    "Interval.Ropen": "[)",
    "Union": "union",
    "FiniteSet": "set",
    "Tuple": "()",
    "Matrix": "matrix",
    "Eq": "=",
}


def tidy(text: str) -> str:
    """The text without layout, units and currency."""
    text = re.sub(
        UNIT, lambda match: match[1] if match[1].strip() in ("and", "or") else f" \\unit{{{match[1]}}} ", text
    )
    text = re.sub(r"\\unit\{[^{}]*\}\s*(\^\s*(\d|\{\d\}))?", " ", text)
    text = re.sub(r"(?<![\\A-Za-z])(?:and|or)(?![A-Za-z])", ", ", text)
    text = re.sub(r"\\math(?:bf|rm|it|cal)\s*|\\operatorname\s*", "", text)
    text = text.replace("\\\\", "\\newline ").replace(",\\!", "")
    text = REMOVED.sub(lambda match: " " if match[0].startswith("\\") else "", text).rstrip(". ")
    if text.count(":") == 1:
        text = text.replace(":", "/")  # a ratio
    return text if re.search(r"[(\[{]", text) else re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)


def said(text: str) -> str:
    """The letters and digits of a text, in small letters."""
    return " ".join(re.sub(r"[^a-z0-9 ]", "", re.sub(UNIT, r"\1", text).lower()).split())


def words(text: str) -> str | None:
    """What the text says if it is made of plain words (`\\text{east}`, "Monday"), else None."""
    outside = re.sub(UNIT, "", text).strip(" $.,")
    if outside and (not re.fullmatch(r"[A-Za-z][A-Za-z ]{2,}", outside) or outside in CONSTANTS):
        return None
    return said(text)


def tokens(text: str) -> list[tuple[Kind, str]]:
    """(kind, word) pairs, the last of kind END. A word that nobody knows is a product of variables, as in LaTeX."""
    found: list[tuple[Kind, str]] = []
    for match in TOKEN.finditer(text.strip()):
        kind = Kind(match.lastindex or Kind.SIGN)
        word = SPELLINGS.get(match[kind], match[kind])
        if kind != Kind.NAME or "." in word or any(word in table for table in (CONSTANTS, FUNCTIONS, CONTAINERS)):
            found.append((kind, word))
        else:
            found += [(Kind.NAME, letter) for letter in word]
    return [*found, (Kind.END, "")]


class Cursor:
    """A place among the tokens of a text."""

    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][1]

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][1]

    def take(self, *words: str) -> str:
        return self.next() if self.peek() in words and self.tokens[self.at][0] != Kind.END else ""

    def expect(self, word: str) -> None:
        if not self.take(word):
            raise ReadError(f"{self.peek()!r} where {word!r} was expected")

    def at_one_of(self, closing: tuple[str, ...]) -> bool:
        return self.peek() in closing if closing else self.tokens[self.at][0] == Kind.END
