"""What texts do in a world, and that renaming changes nothing of it."""

import sqlite3
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from languages.laws import renames_back, renamings
from languages.trees import BLOCKS, SCHEMA, tower

from envs.languages.base import ExecutionError
from envs.languages.clevr import FUNCTIONS, Clevr
from envs.languages.clevr_scenes import random_program, random_scene
from envs.languages.databases import Schema, instance, rows_of
from envs.languages.geometry import Geometry
from envs.languages.gqa import Gqa
from envs.languages.pddl import Pddl
from envs.languages.python import Python
from envs.languages.regex import RegexDsl
from envs.languages.sexpr import SExpression
from envs.languages.sql import Sql

FEW = settings(max_examples=25, deadline=None)
GRAPH = [
    ("ada", "type.object.type", "person"),
    ("bob", "type.object.type", "person"),
    ("ada", "people.born", "london"),
    ("bob", "people.born", "paris"),
    ("ada", "people.age", "36"),
    ("bob", "people.age", "20"),
]
KITCHEN = {
    "objects": {
        "1": {"name": "table", "attributes": ["brown", "large"], "relations": []},
        "2": {"name": "cup", "attributes": ["white"], "relations": [{"name": "on", "object": "1"}]},
        "3": {"name": "cat", "attributes": ["white", "sleeping"], "relations": [{"name": "near", "object": "2"}]},
    }
}


def answer(run: Any, *given: Any) -> Any:
    """What it gives, or that it gives nothing."""
    try:
        return run(*given)
    except ExecutionError:
        return ExecutionError


@FEW
@given(st.data(), st.integers(0, 100_000))
def test_a_renamed_clevr_program_answers_the_same(data: st.DataObject, seed: int) -> None:
    clevr, program, scene = Clevr(), random_program(Random(seed)), random_scene(Random(seed))
    after, new = renames_back(clevr, program, data.draw(renamings(clevr, program)))
    assert answer(after.execute, new, scene) == answer(clevr.execute, program, scene)


def test_clevr_has_its_35_functions_and_they_answer() -> None:
    assert len(FUNCTIONS) == 35
    red = {"color": "red", "shape": "cube", "size": "small", "material": "metal"}
    scene = {
        "objects": [red, {**red, "color": "blue"}, {**red, "shape": "sphere", "size": "large"}],
        "relationships": {"left": [[1], [], [0, 1]], "right": [[2], [0, 2], []], "behind": [[]] * 3, "front": [[]] * 3},
    }
    for text, wanted in {
        "count(filter_color(scene, red))": 2,
        "query_color(unique(relate(unique(filter_shape(filter_color(scene, red), cube)), left)))": "blue",
        "equal_integer(count(scene), filter_count(scene, small, any, any, any))": False,
        "exist(same_shape(unique(filter_color(scene, blue))))": True,
        "relate_filter_count(filter_unique(scene, large, any, any, any), left, any, any, any, cube)": 2,
        "count(union(filter_size(scene, large), filter_color(scene, blue)))": 2,
        "query_size(unique(scene))": ExecutionError,
    }.items():
        assert answer(Clevr().execute, Clevr().parse(text), scene) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("query(select(table), color)", "brown"),
        ("query(relate(select(table), subject, on, _), name)", "cup"),
        ("verify_relation(select(cup), object, on, table)", True),
        ("and(exist(select(cat)), not(verify(select(cup), red)))", True),
        ("choose(select(cat), sleeping, standing)", "sleeping"),
        ("same(select(cat), select(cup), color)", True),
        ("common(select(cat), select(cup))", "color"),
        ("query(select(_), name)", ExecutionError),
    ],
)
def test_gqa_programs_answer_about_a_scene_graph(text: str, wanted: Any) -> None:
    assert answer(Gqa().execute, Gqa().parse(text), KITCHEN) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("(AND person (JOIN people.born london))", {"ada"}),
        ("(JOIN (R people.born) bob)", set()),
        ("(COUNT (AND person (gt people.age 18)))", 2),
        ("(ARGMAX person people.age)", {"ada"}),
        ("(lt people.age 30)", {"bob"}),
    ],
)
def test_s_expressions_answer_from_a_graph(text: str, wanted: Any) -> None:
    graph = [(one, relation, {"london": "m.london"}.get(thing, thing)) for one, relation, thing in GRAPH]
    language = SExpression()
    text = text.replace(" london", " m.london")
    assert language.execute(language.parse(text), graph) == wanted


@FEW
@given(st.data(), st.integers(0, 1_000))
def test_a_renamed_query_gives_the_same_rows_from_the_renamed_database(data: st.DataObject, seed: int) -> None:
    sql = Sql(SCHEMA)
    query = sql.parse("SELECT T1.name, max(year) FROM singer AS T1 JOIN concert USING (singer_id) GROUP BY country")
    every = {kind: sorted(names) for kind, names in sql.vocabulary.items()}
    names = {kind: {name: f"new{place}{kind}" for place, name in enumerate(own)} for kind, own in every.items()}
    after, new = sql.renamed(names), sql.rename(query, names)
    first, second = (instance(one.schema or Schema({}), {}, Random(seed)) for one in (sql, after))
    assert sql.execute(query, first) == after.execute(new, second)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM t",
        "PRAGMA query_only = 0",
        "ATTACH 'x.sqlite' AS x",
        "SELECT load_extension('x')",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "SELECT a.x FROM t a, t b, t c",
    ],
)
def test_a_query_can_neither_write_nor_reach_out_nor_run_for_ever(statement: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE t (x)")
    database.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(50)])
    with pytest.raises(ExecutionError):
        rows_of(statement, database)
    assert rows_of("SELECT count(*) FROM t", database) == [(50,)]


def test_a_plan_of_the_same_problem_is_valid_and_of_another_one_is_not() -> None:
    pddl = Pddl(BLOCKS)
    gold = pddl.parse(tower(3))
    assert not pddl.fault(gold)
    assert pddl.solves(gold, gold)
    wrong = pddl.parse(tower(3).replace("(:goal (and", "(:goal (or (free) "))
    assert not pddl.solves(gold, wrong)


@FEW
@given(st.text("dogtruck 7AE", max_size=12))
def test_a_regular_expression_matches_what_python_lets_it_match(text: str) -> None:
    import re

    dsl = RegexDsl()
    for pattern in (r".*\bdog\b.*", "([A-Z])*.*", "((dog)|(truck)){1,}", ".*[0-9].*"):
        assert dsl.execute(dsl.parse(pattern), text) == (re.fullmatch(pattern, text) is not None)
    assert dsl.execute(dsl.parse("~(.*dog.*)&(.*t.*)"), text) == ("dog" not in text and "t" in text)


def test_geometry_finds_what_is_asked_and_refuses_what_is_false() -> None:
    points = {"A": (0, 0), "B": (3, 0), "C": (3, 4)}
    geometry = Geometry()
    text = "Equals(LengthOf(Line(A, C)), Add(x, 2))\nPerpendicular(Line(A, B), Line(B, C))\nFind(Mul(x, 2))"
    assert geometry.execute(geometry.parse(text), points) == pytest.approx(6)
    assert geometry.execute(geometry.parse("Find(MeasureOf(Angle(A, B, C)))"), points) == pytest.approx(90)
    with pytest.raises(ExecutionError, match="does not hold"):
        geometry.execute(geometry.parse("Parallel(Line(A, B), Line(B, C))\nFind(x)"), points)


def test_python_passes_its_tests_and_no_object_that_equals_everything_does() -> None:
    python = Python()
    tests = {"entry_point": "add", "test": "def check(candidate):\n    assert candidate(2, 3) == 5\n"}
    cheat = "class Any:\n    def __eq__(self, other):\n        return True\ndef add(a, b):\n    return Any()"
    try:
        assert python.execute(python.parse("def add(a, b):\n    return a + b"), tests)
        assert not python.execute(python.parse("def add(a, b):\n    return a - b"), tests)
        assert not python.execute(python.parse(cheat), tests)
    finally:
        python.close()
