"""Questions on random schemas, with their SQL: templates that say one thing in one way."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from envisions.records import Problem
from envs.languages.sql import Sql
from envs.symbols.generators.parts import part_of
from envs.symbols.names import Part
from envs.symbols.pairs import pair

THINGS = {
    "train": ("singer", "song", "store", "student", "course", "city", "bridge", "player", "team", "book", "author"),
    "test": ("doctor", "museum", "ship", "recipe", "farmer", "festival"),
}
NUMBERS = ("age", "year", "price", "height", "rank", "size", "weight", "score")
TEXTS = ("name", "country", "kind", "colour", "language", "status")
VALUES = ("amber", "north", "maple", "pearl", "olive", "grove")


def on_schemas(part: Part, seed: int) -> Iterator[Problem]:
    """Pairs of one part. Train and test share no table names, so every test database is unseen."""
    dice = random.Random(f"{seed}/sql/{part}")
    seen: set[str] = set()
    while True:
        schema, one, other = _schema(dice, THINGS[part])
        question, gold = _asked(dice, schema["tables"], one, other)
        key = f"{question} {sorted(schema['tables'][one])}"
        if key in seen or part_of(key) != part:
            continue
        seen.add(key)
        yield pair(
            id=f"sql-{part}-{seed}-{len(seen):06}",
            task="spider",
            language=Sql(schema),
            question=question,
            gold=gold,
            split=part,
        )


def _schema(dice: random.Random, things: Sequence[str]) -> tuple[dict[str, Any], str, str]:
    """Two tables, of which the second refers to the first."""
    one, other = dice.sample(things, 2)

    def columns(table: str) -> dict[str, str]:
        chosen = [(name, "number") for name in dice.sample(NUMBERS, 2)]
        chosen += [(name, "text") for name in dice.sample(TEXTS, 2)]
        dice.shuffle(chosen)
        return {f"{table}_id": "number"} | dict(chosen)

    tables = {one: columns(one), other: columns(other) | {f"{one}_id": "number"}}
    keys = [[one, f"{one}_id"], [other, f"{other}_id"]]
    return {"tables": tables, "keys": keys, "references": [[other, f"{one}_id", one, f"{one}_id"]]}, one, other


def _asked(dice: random.Random, tables: Mapping[str, Mapping[str, str]], one: str, other: str) -> tuple[str, str]:
    """A question and its query."""
    number, text = (_column(dice, tables[one], kind) for kind in ("number", "text"))
    value, bound, far = dice.choice(VALUES), dice.randint(2, 90), _column(dice, tables[other], "text")
    join = f"FROM {one} JOIN {other} ON {one}.{one}_id = {other}.{one}_id"
    more, sign = dice.choice((("more", ">"), ("less", "<")))
    most, way = dice.choice((("highest", "DESC"), ("lowest", "ASC")))
    total, function = dice.choice((("average", "AVG"), ("total", "SUM"), ("largest", "MAX"), ("smallest", "MIN")))
    ordered = f"SELECT {text} FROM {one} ORDER BY {number} {way}"
    return dice.choice(
        (
            (f"How many rows does {one} have?", f"SELECT COUNT(*) FROM {one}"),
            (
                f"Which {text} has each {one} whose {number} is {more} than {bound}?",
                f"SELECT {text} FROM {one} WHERE {number} {sign} {bound}",
            ),
            (
                f"How many {one} rows have the {text} {value}?",
                f"SELECT COUNT(*) FROM {one} WHERE {text} = '{value}'",
            ),
            (f"What is the {total} {number} of {one}?", f"SELECT {function}({number}) FROM {one}"),
            (f"Which {text} has the {one} with the {most} {number}?", f"{ordered} LIMIT 1"),
            (f"List the {text} of all {one} rows by {number}, the {most} first.", ordered),
            (f"How many {one} rows are there for each {text}?", f"SELECT {text}, COUNT(*) FROM {one} GROUP BY {text}"),
            (f"Which different values of {text} does {one} have?", f"SELECT DISTINCT {text} FROM {one}"),
            (
                f"For each {other}, give its {far} and the {number} of its {one}.",
                f"SELECT {other}.{far}, {one}.{number} {join}",
            ),
            (
                f"Which {far} have the {other} rows whose {one} has the {text} {value}?",
                f"SELECT {other}.{far} {join} WHERE {one}.{text} = '{value}'",
            ),
        )
    )


def _column(dice: random.Random, columns: Mapping[str, str], kind: str) -> str:
    return dice.choice([name for name, typed in columns.items() if typed == kind and not name.endswith("_id")])
