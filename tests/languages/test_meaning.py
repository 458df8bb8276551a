"""What equality takes for one meaning, and what it does not: pairs for each language."""

from collections.abc import Iterator
from typing import Any

import pytest
from languages.trees import CASES

from envs.languages.base import Language
from envs.languages.registry import LANGUAGES, language


@pytest.fixture(scope="module")
def made() -> Iterator[dict[str, Language[Any]]]:
    languages = {name: language(name, CASES[name].definition) for name in LANGUAGES}
    yield languages
    for one in languages.values():
        one.close()


PREFIX = "PREFIX ns: <http://x/> "
SAME = [
    ("cogs", "cat ( x _ 1 ) AND see . agent ( x _ 2 , x _ 1 )", "see . agent ( x _ 7 , x _ 3 ) AND cat ( x _ 3 )"),
    ("clevr", "exist(filter_color(scene, red))", "exist(filter_color(filter_color(scene, red), red))"),
    ("clevr", "filter_count(scene, any, red, any, cube)", "count(filter_shape(filter_color(scene, red), cube))"),
    ("gqa", "and(exist(select(a)), exist(select(b)))", "and(exist(select(b)), exist(select(a)))"),
    ("sql", "SELECT name FROM singer WHERE age > 3", "select T.name from singer as T where not T.age <= 3"),
    ("sql", "SELECT count(*) FROM singer", "SELECT count(singer_id) FROM singer"),
    ("amr", "(w / want-01 :ARG0 (b / boy))", "(x / want-01 :ARG0 (y / boy))"),
    (
        "amr",
        "(w / want-01 :ARG0 (b / boy) :ARG1 (g / go-02 :ARG0 b))",
        "(a / want-01 :ARG1 (c / go-02 :ARG0 (d / boy)) :ARG0 d)",
    ),
    ("ontology", "born_in(Ada, London)\nwrote(Ada, notes)", "wrote(ada, Notes)\nborn in(Ada, London)"),
    ("top", "[IN:A to [SL:B x ] [SL:C y ] ]", "[IN:A [SL:C y ] [SL:B x ] ]"),
    (
        "nlmaps",
        "query(nwr(keyval('a','b'),keyval('c','d')),qtype(count))",
        "query(nwr(keyval('c','d'), keyval('a','b')), qtype(count))",
    ),
    ("sexpr", "(AND a.b (AND c.d e.f))", "(AND (AND e.f a.b) c.d)"),
    ("sparql", PREFIX + "SELECT ?x { ?x ns:a ?y . ?y ns:b ns:c }", PREFIX + "SELECT ?u { ?v ns:b ns:c . ?u ns:a ?v }"),
    ("bash", 'grep -r -n "x y" .', "grep -rn 'x y' ."),
    ("regex", "(dog)|(truck)", "truck|dog"),
    ("regex", "~(~(dog))", "dog"),
    ("regex", r"\bdog\b", "dog"),
    ("python", "def f(a):\n    b = a\n    return b", "def f(a):\n  c = a  # c\n  return (c)"),
    ("solution", "def solution():\n    return 2 * 3", "def solution():\n    a = 1 + 1\n    return a * 3.0"),
    ("java", "int f(int a) { return a; }", "int f(int b) {\n  return b; // b\n}"),
    ("go", "func f(a int) int { return a }", "func f(b int) int {\n\treturn b\n}"),
    ("fol", "∀x (Dog(x) → Animal(x))", "all x (-animals(x) -> -Dog(x))"),
    ("geometry", "Perpendicular(Line(A, B), Line(C, D))", "Perpendicular(Line(D, C), Line(B, A))"),
    ("geometry", "Equals(MeasureOf(Angle(A, B, C)), 90)", "Equals(90, MeasureOf(Angle(C, B, A)))"),
    ("smiles", "OCC", "C(O)C"),
]
DIFFERENT = [
    ("scan", "I_JUMP I_WALK", "I_WALK I_JUMP"),
    ("cogs", "see . agent ( x _ 2 , x _ 1 )", "see . agent ( x _ 2 , x _ 2 )"),
    ("clevr", "exist(filter_color(scene, red))", "exist(filter_color(scene, blue))"),
    ("gqa", "exist(select(a))", "exist(select(b))"),
    ("sql", "SELECT name FROM singer WHERE age > 3", "SELECT name FROM singer WHERE age >= 3"),
    ("sql", "SELECT name FROM singer WHERE age > 30 AND age < 20", "SELECT name FROM singer WHERE 1 = 0"),
    ("sql", "SELECT name FROM singer ORDER BY age", "SELECT name FROM singer ORDER BY age DESC"),
    ("amr", "(w / want-01 :ARG0 (b / boy))", "(w / want-01 :ARG1 (b / boy))"),
    ("ontology", "born_in(Ada, London)", "born_in(London, Ada)"),
    ("top", "[IN:A [SL:B x ] ]", "[IN:A [SL:B y ] ]"),
    ("nlmaps", "query(nwr(keyval('a','b')),qtype(count))", "query(nwr(keyval('a','c')),qtype(count))"),
    ("sexpr", "(AND a.b (JOIN c.d e.f))", "(AND a.b (JOIN (R c.d) e.f))"),
    ("sparql", PREFIX + "SELECT ?x { ?x ns:a ?y }", PREFIX + "SELECT ?x { ?y ns:a ?x }"),
    ("bash", "echo '*'", "echo *"),
    ("bash", "echo '$HOME'", 'echo "$HOME"'),
    ("regex", ".*dog.*", r".*\bdog\b.*"),
    ("regex", "([a-z])&([AEIOUaeiou])", "[AEIOUaeiou]"),
    ("python", "def f(a):\n    return a + 1", "def f(a):\n    return a + 2"),
    ("solution", "def solution():\n    return 2 * 3", "def solution():\n    return 7"),
    ("java", "int f(int a) { return a; }", "int f(int a) { return this.a; }"),
    ("go", "func f(a, b int) int { return a }", "func f(a, b int) int { return b }"),
    ("fol", "∀x (Dog(x) → Animal(x))", "∃x (Dog(x) → Animal(x))"),
    ("fol", "∀x (Dog(x) → Animal(x))", "∀x (Cat(x) → Animal(x))"),
    ("geometry", "Equals(MeasureOf(Angle(A, B, C)), 90)", "Equals(MeasureOf(Angle(B, A, C)), 90)"),
    ("smiles", "OCC", "OCCC"),
]


@pytest.mark.parametrize(("name", "gold", "text"), SAME)
def test_one_meaning_is_equal_however_it_is_written(made: dict[str, Any], name: str, gold: str, text: str) -> None:
    one = made[name]
    assert one.equal(one.parse(gold), one.parse(text))
    assert one.score(one.parse(gold), one.parse(text)) == pytest.approx(1)


@pytest.mark.parametrize(("name", "gold", "text"), DIFFERENT)
def test_two_meanings_differ_however_near_they_are_written(
    made: dict[str, Any], name: str, gold: str, text: str
) -> None:
    one = made[name]
    assert not one.equal(one.parse(gold), one.parse(text))
    assert one.score(one.parse(gold), one.parse(text)) < 1


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("sql", "SELECT name FROM singer WHERE 1 = 0", "gives nothing"),
        ("sql", "SELECT height FROM singer", "no such column"),
        ("solution", "def solution():\n    return 7", "constant"),
        ("fol", "P(a) & P(a, b)", "arguments"),
        (
            "pddl",
            "(define (problem p) (:domain tower) (:objects a - block) (:init (down a) (free)) (:goal (and (down a))))",
            "already true",
        ),
    ],
)
def test_a_gold_that_says_nothing_is_told(made: dict[str, Any], name: str, text: str, complaint: str) -> None:
    assert complaint in made[name].fault(made[name].parse(text))


def test_smatch_counts_the_triples_that_two_graphs_share(made: dict[str, Any]) -> None:
    amr = made["amr"]
    one, other = amr.parse("(w / want-01 :ARG0 (b / boy))"), amr.parse("(w / want-01 :ARG0 (g / girl))")
    assert 0.5 < amr.score(one, other) < 1


def test_renaming_a_variable_must_not_catch_a_name_from_elsewhere(made: dict[str, Any]) -> None:
    program = made["python"].parse("def f(a):\n    b = len(a) + c\n    return b")
    for taken in ("a", "c", "len", "return"):
        with pytest.raises(ValueError, match="cannot name"):
            made["python"].rename(program, {"variable": {"b": taken}})
