"""Reads an answer, in LaTeX or in Python's spelling, into sympy values and small trees of them.

Runs inside the sandbox only: the text is hostile, and even a short one can make sympy work for ever. No text is ever
evaluated; what this grammar does not know is a ReadError.
"""

import sympy

from envs.math import values
from envs.math.intervals import interval
from envs.math.values import Compound, ReadError, Value, both, nonzero, power, signed, single, subscript, times
from envs.math.vocabulary import (
    CONSTANTS,
    CONTAINERS,
    FUNCTIONS,
    LETTER,
    LONGEST,
    OF_ANGLES,
    RELATIONS,
    Cursor,
    Kind,
    tidy,
    words,
)


def read(text: str) -> Value:
    """The value a text stands for. Raises ReadError."""
    if len(text) > LONGEST:
        raise ReadError(f"longer than {LONGEST} characters")
    if said := words(text):
        return Compound("words", (said,))
    try:
        items = Reader(tidy(text)).items_until()
    except (RecursionError, ZeroDivisionError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ReadError(str(error)) from None
    return items[0] if len(items) == 1 else Compound("list", tuple(items))


class Reader(Cursor):
    """Recursive descent over the tokens of one text, from the loosest binding to the tightest."""

    degree: sympy.Expr = sympy.Integer(1)  # 30° is 30, but an angle where the sine of it is asked

    def items_until(self, *closing: str) -> list[Value]:
        """Comma-separated values up to, not including, a closing sign; without one, all to the end."""
        items: list[Value] = []
        while not self.at_one_of(closing):
            items += self.relation()
            if not self.at_one_of(closing) and not self.take(",", ";"):
                raise ReadError(f"{self.peek()!r} was not expected")
            self.take(",")
        if not items and not closing:
            raise ReadError("empty")
        return items

    def relation(self) -> list[Value]:
        sides, signs = [self.union()], []
        while sign := self.take(*RELATIONS):
            signs.append(sign)
            sides.append(self.union())
        if not signs:
            return both(sides[0])
        if signs[0] in ("\\in", "∈"):
            return [sides[-1]]
        if signs[0] in (">", ">="):
            sides, signs = sides[::-1], [sign.replace(">", "<") for sign in signs[::-1]]
        return [Compound("".join(signs), tuple(sides))]

    def union(self) -> Value:
        parts = [self.sum()]
        while self.take("\\cup", "U"):
            parts.append(self.sum())
        return parts[0] if len(parts) == 1 else Compound("union", tuple(parts))

    def sum(self) -> Value:
        total = self.term()
        while sign := self.take("+", "-", "\\pm"):
            total = single(total) + signed(sign, self.term())
        return total

    def term(self) -> Value:
        if sign := self.take("+", "-", "\\pm"):
            return signed(sign, self.term())
        product = self.power()
        while True:
            if self.take("*"):
                product = times(product, self.factor())
            elif self.take("/"):
                product = single(product) / nonzero(single(self.factor()))
            elif self.starts_atom():
                mixed = self.peek() == "\\frac" and isinstance(product, sympy.Integer)
                other = self.power()
                # 3 1/2 written with \frac is a mixed number; nobody writes that product so.
                mixed = mixed and isinstance(other, sympy.Rational)
                product = single(product) + single(other) if mixed else times(product, other)
            else:
                return product

    def factor(self) -> Value:
        if sign := self.take("+", "-", "\\pm"):
            return signed(sign, self.factor())
        return self.power()

    def starts_atom(self) -> bool:
        kind, word = self.tokens[self.at]
        if kind in (Kind.NUMBER, Kind.NAME):
            return word != "U"
        if kind == Kind.COMMAND:
            return word not in ("\\cup", "\\pm", "\\}", "\\newline", "\\in", "\\end", "\\rfloor", "\\rceil", "\\rangle")
        return word in ("(", "{", "\\sqrt")

    def power(self) -> Value:
        base = self.atom()
        while True:
            if self.take("!"):
                base = values.factorial(single(base))
            elif self.take("°"):
                base = single(base) * self.degree
            elif self.take("_"):
                base = subscript(single(base), self.argument())
            elif self.take("^"):
                return power(single(base), single(self.exponent()))
            else:
                return base

    def exponent(self) -> Value:
        if sign := self.take("+", "-"):
            return signed(sign, self.exponent())
        if self.peek() == "{":
            return self.argument()
        number = self.tokens[self.at]
        if number[0] == Kind.NUMBER and "." not in number[1] and self.tokens[self.at + 1][1] != "^":
            return sympy.Integer(self.next())
        return self.power()

    def argument(self) -> Value:
        """What follows a command: a braced group, one digit, or one atom (`\\frac12`, `\\sqrt x`)."""
        kind, word = self.tokens[self.at]
        if kind == Kind.NUMBER and len(word) > 1 and word.isdigit():
            self.tokens[self.at] = (Kind.NUMBER, word[1:])
            return sympy.Integer(word[0])
        return self.atom()

    def atom(self) -> Value:
        kind, word = self.tokens[self.at]
        if kind == Kind.END:
            raise ReadError("it ends too early")
        self.at += 1
        if kind == Kind.NUMBER:
            return sympy.Rational(word)
        if word in CONSTANTS:
            return CONSTANTS[word]
        name = word.removeprefix("\\")
        if name in FUNCTIONS and word != "\\sqrt":
            return self.function(name)
        if word in CONTAINERS:
            self.expect("(")
            return self.container(CONTAINERS[word])
        if kind == Kind.NAME:
            return sympy.Symbol(word)
        if kind == Kind.COMMAND or word == "\\sqrt":
            return self.command(name)
        return self.bracket(word)

    def command(self, name: str) -> Value:
        if name == "frac":
            return single(self.argument()) / nonzero(single(self.argument()))
        if name == "sqrt":
            root = 2
            if self.take("["):
                root = single(self.items_until("]")[0])
                self.expect("]")
            return power(single(self.argument()), 1 / nonzero(sympy.sympify(root)))
        if name == "binom":
            return values.binomial(self.argument(), self.argument())
        if name == "begin":
            return self.matrix()
        if name in ("lfloor", "lceil", "langle"):
            return self.pair(name)
        if name == "{":
            return self.bracket("\\{")
        if LETTER.fullmatch(name):
            return sympy.Symbol(name)
        raise ReadError(f"\\{name} is not known")

    def pair(self, name: str) -> Value:
        closing = "\\r" + name[1:]
        items = self.items_until(closing)
        self.expect(closing)
        if name == "langle":
            return Compound("()", tuple(items))
        return (sympy.floor if name == "lfloor" else sympy.ceiling)(single(items[0]))

    def function(self, name: str) -> sympy.Expr:
        exponent = self.exponent() if self.take("^") else None
        base = [single(self.argument())] if self.take("_") else []
        outer, self.degree = self.degree, sympy.pi / 180 if name in OF_ANGLES else self.degree
        if self.take("("):
            arguments = [single(item) for item in self.items_until(")")]
            self.expect(")")
        else:
            product = single(self.power())
            while self.tokens[self.at][0] in (Kind.NUMBER, Kind.NAME) and self.peek() not in FUNCTIONS:
                product *= single(self.power())
            arguments = [product]
        self.degree = outer
        if exponent == -1 and f"a{name}" in FUNCTIONS:
            name, exponent = f"a{name}", None
        value = FUNCTIONS[name](*arguments, *base)
        return value if exponent is None else power(value, single(exponent))

    def bracket(self, opening: str) -> Value:
        if opening == "|":
            value = single(self.sum())
            self.expect("|")
            return sympy.Abs(value)
        closings = {"(": (")", "]"), "[": ("]", ")"), "{": ("}",), "\\{": ("\\}", "}")}.get(opening)
        if closings is None:
            raise ReadError(f"{opening!r} was not expected")
        start = self.at - 1
        items = self.items_until(*closings)
        closing = self.next()
        # Braces around all of the text are Python's set; elsewhere they are LaTeX's grouping.
        alone = opening == "{" and start == 0 and self.tokens[self.at][0] == Kind.END
        if len(items) == 1 and not alone and opening + closing in ("()", "{}"):
            return items[0]
        return Compound("set" if "{" in opening else opening + closing, tuple(items))

    def container(self, kind: str) -> Value:
        items = self.items_until(")")
        self.expect(")")
        if kind in ("matrix", "set") and len(items) == 1 and isinstance(items[0], Compound):
            items = list(items[0].items)
        return (
            interval(kind, items[0], items[1]) if kind[0] in "([" and len(items) == 2 else Compound(kind, tuple(items))
        )

    def matrix(self) -> Value:
        if self.braced() == "array":
            self.argument()
        rows: list[list[Value]] = [[]]
        while self.peek() != "\\end":
            if self.take("\\newline"):
                rows.append([])
            elif not self.take("&"):
                rows[-1].append(self.sum())
        self.next()
        self.braced()
        return Compound("matrix", tuple(Compound("any", tuple(row)) for row in rows if row))
