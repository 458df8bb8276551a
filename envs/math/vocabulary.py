"""The words of which answers are made, in LaTeX or in Python's spelling, and how a text is cut into them."""

import re
from enum import IntEnum
from typing import Any

import sympy

from envs.math.values import Compound, ReadError, binomial, factorial

LONGEST = 4096  # characters


UNIT = r"\\(?:text(?:rm|bf|it|normal)?|mbox|mathrm(?=\s*\{\s*[a-z]{2}))\s*\{([^{}]*)\}"
REMOVED = re.compile(
    r"\\left(?![a-z])|\\right(?![a-z])|\\[bB]igg?[lr]?(?![a-z])|\\displaystyle|\\limits|\\[!,;: ]|\{,\}(?=\d)|~|"
    r"\\?\$|\\?%|\\quad|\\qquad|[\"'`]|\\hline"
)
DEGREES = re.compile(r"\^\s*\{?\s*\\circ\s*\}?|\\degree(?![a-z])")
REPEATING = re.compile(r"(\d*)\.(\d*)\\overline\s*\{(\d+)\}")
TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d{1,3}(?![\d.A-Za-z]))?|\.\d+(?:[eE][+-]?\d{1,3})?)"
    r"|(\\[a-zA-Z]+\*?|\\[{}|\\])|([A-Za-z]+(?:\.[A-Za-z]+)?|[α-ωΑ-Ω∞])|(\*\*|<=|>=|!=|==|.))"
)


class Kind(IntEnum):
    """Of a token; the first four number the groups of TOKEN."""

    NUMBER, COMMAND, NAME, SIGN, END = range(1, 6)


SPELLINGS = {
    **dict.fromkeys(("\\dfrac", "\\tfrac", "\\cfrac"), "\\frac"),
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
LETTER = re.compile(
    "(?:var)?(?:alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|upsilon|phi|chi|"
    "psi|omega)|ell",
    re.IGNORECASE,
)
RELATIONS = ("=", "!=", "<", ">", "<=", ">=", "\\in", "∈")
CONSTANTS: dict[str, Any] = {
    **dict.fromkeys(("pi", "\\pi", "π"), sympy.pi),
    **dict.fromkeys(("oo", "inf", "infinity", "\\infty", "∞"), sympy.oo),
    **dict.fromkeys(("i", "I", "j"), sympy.I),
    **dict.fromkeys(("e", "E"), sympy.E),
    **dict.fromkeys(("\\emptyset", "\\varnothing", "EmptySet"), Compound("set", ())),
    **dict.fromkeys(("Reals",), Compound("()", (-sympy.oo, sympy.oo))),
}
OF_ANGLES = ("sin", "cos", "tan", "cot", "sec", "csc")
FUNCTIONS: dict[str, Any] = {
    name: getattr(sympy, name)
    for name in (
        *(*OF_ANGLES, "asin", "acos", "atan"),
        *("sinh", "cosh", "tanh", "exp", "log", "sqrt", "cbrt", "floor", "ceiling"),
    )
}
FUNCTIONS |= {"ln": sympy.log, "Abs": sympy.Abs, "abs": sympy.Abs, "factorial": factorial, "binomial": binomial}
FUNCTIONS |= {"arcsin": sympy.asin, "arccos": sympy.acos, "arctan": sympy.atan}
FUNCTIONS |= {"Rational": lambda a, b=1: a / b, "Fraction": lambda a, b=1: a / b}
FUNCTIONS |= dict.fromkeys(("Integer", "Float", "Decimal", "Symbol"), lambda a: a)
CONTAINERS = {
    "Interval": "[]",
    "Interval.open": "()",
    "Interval.Lopen": "(]",
    "Interval.Ropen": "[)",
    "Union": "union",
    **dict.fromkeys(("FiniteSet", "set", "frozenset"), "set"),
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
    text = REPEATING.sub(repeating, DEGREES.sub("°", text))
    text = re.sub(r"\\(?:math(?:bf|rm|it|cal)|operatorname|f?boxed|overline)(?![a-z])\s*", "", text)
    text = re.sub(r"\\mathbb\s*(?:\{\s*R\s*\}|R)", " Reals ", text)
    text = re.sub(r",\s*\\!\s*", "", text.replace("\\\\", "\\newline "))
    text = REMOVED.sub(lambda match: " " if match[0].startswith("\\") else "", text).rstrip(". ")
    if text.count(":") == 1:
        text = text.replace(":", "/")  # a ratio
    return text if re.search(r"[(\[{]", text) else re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)


def repeating(match: re.Match[str]) -> str:
    """`0.1\\overline{6}` as a fraction."""
    whole, fixed, period = match.groups()
    above = int(whole + fixed + period) - int(whole + fixed or 0)
    return f"{{\\frac{{{above}}}{{{10 ** len(fixed) * (10 ** len(period) - 1)}}}}}"


def said(text: str) -> str:
    """The letters and digits of a text, in small letters; `4:30 p.m.` is "430 pm"."""
    plain = " ".join(re.sub(r"[^a-z0-9 ]", "", re.sub(UNIT, r"\1", text).lower()).split())
    return re.sub(r"(?<=\d) ?([ap]m)$", r" \1", plain)


def words(text: str) -> str | None:
    """What the text says if it is made of plain words (`\\text{east}`, "Monday") or a time of day, else None."""
    if re.fullmatch(r"\d{1,4} [ap]m", said(text)):
        return said(text)
    outside = re.sub(rf"\(?\s*{UNIT}\s*\)?", "", text).strip(" $.,")
    if outside and (not re.fullmatch(r"[A-Za-z][A-Za-z ]{2,}", outside) or outside in CONSTANTS):
        return None
    return said(text)


def tokens(text: str) -> list[tuple[Kind, str]]:
    """(kind, word) pairs, the last of kind END. A word that nobody knows is a product of variables, as in LaTeX."""
    found: list[tuple[Kind, str]] = []
    for match in TOKEN.finditer(text.strip()):
        kind = Kind(match.lastindex or Kind.SIGN)
        word = SPELLINGS.get(match[kind], match[kind])
        if kind == Kind.COMMAND and not word.startswith("\\"):
            kind = Kind.SIGN
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

    def braced(self) -> str:
        """The words of a group in braces, run together."""
        self.expect("{")
        name = ""
        while not self.take("}"):
            name += self.next()
        return name

    def at_one_of(self, closing: tuple[str, ...]) -> bool:
        return self.peek() in closing if closing else self.tokens[self.at][0] == Kind.END
