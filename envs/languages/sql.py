"""SQL queries in SQLite's dialect (sqlglot), compared by what they give on random instances of their schema."""

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from random import Random
from sqlite3 import Connection
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from envs.languages.base import Executable, ExecutionError, Malformed, Names, Symbols
from envs.languages.databases import Literals, Schema, instance, rows_of

INSTANCES = 3
Row = tuple[Any, ...]


class Sql(Executable[exp.Expression]):
    """Queries, in small letters. definition: a schema in JSON (envs.languages.databases): its names are symbols."""

    name = "sql"

    def __init__(self, definition: Mapping[str, Any] | None = None) -> None:
        self.schema = None if definition is None else Schema.from_json(definition)

    @property
    def definition(self) -> Mapping[str, Any] | None:
        return None if self.schema is None else self.schema.as_json()

    @property
    def vocabulary(self) -> Symbols:
        tables = {} if self.schema is None else self.schema.tables
        return {
            "table": frozenset(tables),
            "column": frozenset(name for columns in tables.values() for name in columns),
        }

    def _parse(self, text: str) -> exp.Expression:
        try:
            tree = sqlglot.parse_one(text, dialect="sqlite")
        except SqlglotError as fault:
            told = (getattr(fault, "errors", None) or [{}])[0]
            message = str(told.get("description") or fault).split("\n")[0]
            raise Malformed(message[:200], _position(text, told.get("line"), told.get("col"))) from None
        except (ValueError, TypeError, AttributeError, IndexError, KeyError) as fault:  # sqlglot on text that is no SQL
            raise Malformed(f"no query: {fault}"[:200], 0) from None
        if not isinstance(tree, exp.Query):
            raise Malformed(f"{tree.key} is no query; it must begin with SELECT, WITH or VALUES", 0)
        tree = tree.transform(self._normal)
        return sqlglot.parse_one(tree.sql("sqlite"), dialect="sqlite").transform(self._normal)

    def _normal(self, node: exp.Expression) -> exp.Expression:
        """Names in small letters; and in double quotes what SQLite takes for a text, since no column has that name."""
        if (
            isinstance(node, exp.Column)
            and not node.table
            and isinstance(node.this, exp.Identifier)
            and node.this.quoted
        ):
            columns = self.vocabulary["column"]
            if columns and node.name.lower() not in columns and node.name.lower() not in _aliases(node.root()):
                return exp.Literal.string(node.name)
        if isinstance(node, exp.Identifier):
            return exp.to_identifier(node.name.lower(), quoted=node.quoted and not node.name.lower().isidentifier())
        node.comments = None
        return node

    def print(self, tree: exp.Expression) -> str:
        return tree.sql("sqlite")

    def equal(self, gold: exp.Expression, tree: exp.Expression) -> bool:
        """The same rows on every random instance where gold gives any; where none does, the same text.

        Their order counts where gold has ORDER BY.
        """
        if gold == tree:
            return True
        given = False
        for wanted, other in self._on_instances(gold, tree):
            if isinstance(wanted, ExecutionError) or is_trivial(wanted):
                continue
            given = True
            if isinstance(other, ExecutionError) or not same_rows(
                wanted, other, ordered="order" in gold.args and bool(gold.args["order"])
            ):
                return False
        return given

    def fault(self, tree: exp.Expression) -> str:
        """Complains of a query that fails or gives nothing on every random instance of its schema."""
        if self.schema is None:
            return ""
        given = [found for found, _ in self._on_instances(tree, tree)]
        if all(isinstance(found, ExecutionError) for found in given):
            return str(given[0])
        return "it gives nothing on any instance" if all(map(is_trivial, given)) else ""

    def _on_instances(self, gold: exp.Expression, tree: exp.Expression) -> Any:
        """What both give on each instance: rows, or the ExecutionError."""
        if self.schema is None:
            return
        literals = literals_of(gold, tree)
        for seed in range(INSTANCES):
            with closing(instance(self.schema, literals, Random(seed))) as database:
                yield self._tried(gold, database), self._tried(tree, database)

    def _tried(self, tree: exp.Expression, database: Connection) -> list[Row] | ExecutionError:
        try:
            return self.execute(tree, database)
        except ExecutionError as fault:
            return fault

    def spells(self, kind: str, name: str) -> bool:
        return name == name.lower() and name.isprintable() and bool(name.strip())

    def taken(self, tree: exp.Expression) -> frozenset[str]:
        symbols = self.symbols(tree)
        return frozenset(one.name for one in tree.find_all(exp.Identifier)) - symbols["table"] - symbols["column"]

    def symbols(self, tree: exp.Expression) -> Symbols:
        found: dict[str, set[str]] = {"table": set(), "column": set()}
        for node in tree.find_all(exp.Identifier):
            found[_kind(node)].add(node.name)
        if self.schema is None:
            made = _aliases(tree)
            return {kind: frozenset(own - made) for kind, own in found.items()}
        return {kind: self.vocabulary[kind] & own for kind, own in found.items()}

    def _rename(self, tree: exp.Expression, names: Names) -> exp.Expression:
        tree = tree.copy()
        for node in list(tree.find_all(exp.Identifier)):
            new = names[_kind(node)].get(node.name, node.name)
            node.replace(exp.to_identifier(new, quoted=node.quoted or not new.isidentifier()))
        return self._renamed(names)._parse(tree.sql("sqlite"))

    def _renamed(self, names: Names) -> "Sql":
        if self.schema is None:
            return self
        table, column = names.get("table", {}), names.get("column", {})
        tables = {
            table.get(name, name): {column.get(one, one): kind for one, kind in columns.items()}
            for name, columns in self.schema.tables.items()
        }
        pairs = [
            [(table if place % 2 == 0 else column).get(name, name) for place, name in enumerate(one)]
            for one in (*self.schema.keys, *self.schema.references)
        ]
        count = len(self.schema.keys)
        return Sql({"tables": tables, "keys": pairs[:count], "references": pairs[count:]})

    def execute(self, tree: exp.Expression, world: Connection | Path | str) -> list[Row]:
        """The rows from a database: a connection or a file, of which it can only read."""
        return rows_of(self.print(tree), world)


def _kind(node: exp.Identifier) -> str:
    """Whether a name is of a table or a column; what stands for one is of its kind."""
    if isinstance(node.parent, exp.TableAlias):
        return "column" if node.arg_key == "columns" else "table"
    return "table" if node.arg_key == "table" or isinstance(node.parent, exp.Table) else "column"


def _aliases(tree: Any) -> set[str]:
    """Names that a query gives to its own columns and tables."""
    return {
        one.alias.lower() for one in tree.find_all(exp.Alias, exp.TableAlias, exp.CTE, exp.Subquery) if one.alias
    } | {one.name.lower() for one in tree.find_all(exp.TableAlias)}


def literals_of(*trees: exp.Expression) -> Literals:
    """The literals of queries, under the column that each is compared with, and all of them under the empty name."""
    found: dict[str, list[str | float]] = {"": []}
    for tree in trees:
        for literal in tree.find_all(exp.Literal):
            value = literal.name if literal.is_string else _number(literal.name)
            above = literal.find_ancestor(exp.Predicate, exp.In, exp.Between, exp.Limit)
            columns = [] if above is None else [column.name for column in above.find_all(exp.Column)]
            if isinstance(above, exp.Limit):
                continue
            for name in ("", *columns):
                found.setdefault(name, []).append(value)
    return found


def _number(text: str) -> float:
    return float(text) if any(sign in text for sign in ".eE") else int(text, 0)


def is_trivial(rows: list[Row] | ExecutionError) -> bool:
    """Whether a result says nothing: no rows, or one row of nothing and zeros."""
    return isinstance(rows, ExecutionError) or not rows or (len(rows) == 1 and not any(rows[0]))


def same_rows(wanted: list[Row], given: list[Row], *, ordered: bool) -> bool:
    """The same rows, numbers rounded; in the same order where it counts."""
    one, other = ([tuple(map(_rounded, row)) for row in rows] for rows in (wanted, given))
    return one == other if ordered else Counter(one) == Counter(other)


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value


def _position(text: str, line: int | None, column: int | None) -> int:
    """The place of a line and column, as sqlglot tells them."""
    lines = text.split("\n")[: max((line or 1) - 1, 0)]
    return min(sum(len(one) + 1 for one in lines) + max((column or 1) - 1, 0), len(text))
