"""Texts of every language, by hypothesis: what the laws of tests/languages/test_laws.py are tried on."""

from collections.abc import Mapping
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from envs.languages.clevr_scenes import random_program
from envs.languages.registry import LANGUAGES
from envs.languages.scan import ACTIONS

BLOCKS = """(define (domain tower) (:requirements :strips :typing) (:types block)
(:predicates (on ?x - block ?y - block) (down ?x - block) (clear ?x - block) (held ?x - block) (free))
(:action lift :parameters (?x - block) :precondition (and (down ?x) (clear ?x) (free))
  :effect (and (held ?x) (not (down ?x)) (not (clear ?x)) (not (free))))
(:action drop :parameters (?x - block) :precondition (held ?x)
  :effect (and (down ?x) (clear ?x) (free) (not (held ?x))))
(:action put :parameters (?x ?y - block) :precondition (and (held ?x) (clear ?y))
  :effect (and (on ?x ?y) (clear ?x) (free) (not (held ?x)) (not (clear ?y))))
(:action take :parameters (?x ?y - block) :precondition (and (on ?x ?y) (clear ?x) (free))
  :effect (and (held ?x) (clear ?y) (not (on ?x ?y)) (not (clear ?x)) (not (free)))))"""
SCHEMA = {
    "tables": {
        "singer": {"singer_id": "number", "name": "text", "age": "number", "country": "text"},
        "concert": {"concert_id": "number", "title": "text", "year": "number", "singer_id": "number"},
    },
    "keys": [["singer", "singer_id"], ["concert", "concert_id"]],
    "references": [["concert", "singer_id", "singer", "singer_id"]],
}
words = st.sampled_from(["alpha", "beta", "gamma", "delta", "omega"])
Names = st.sampled_from(["Emma", "Liam", "Noah"])


class Case(NamedTuple):
    definition: Any
    texts: st.SearchStrategy[str]


def some(strategy: st.SearchStrategy[str], joint: str = " ", least: int = 1, most: int = 4) -> st.SearchStrategy[str]:
    return st.lists(strategy, min_size=least, max_size=most).map(joint.join)


def form(pattern: str, *strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    return st.tuples(*strategies).map(lambda parts: pattern.format(*parts))


def tower(seed: int) -> str:
    """A problem of two piles that become two others."""
    dice, blocks = Random(seed), [f"b{n}" for n in range(4)]

    def piles() -> list[str]:
        dice.shuffle(blocks)
        cut = dice.randint(1, 3)
        return [
            fact
            for pile in (blocks[:cut], blocks[cut:])
            for fact in (f"(down {pile[0]})", *(f"(on {b} {a})" for a, b in pairwise(pile)))
        ] + [f"(clear {blocks[cut - 1]}) (clear {blocks[-1]})"]

    init, goal = " ".join(piles()), " ".join(piles())
    objects = " ".join(sorted(blocks))
    return (
        f"(define (problem p) (:domain tower) (:objects {objects} - block) (:init {init} (free)) (:goal (and {goal})))"
    )


numbers = st.integers(0, 20).map(str)
variables = st.integers(1, 9).map("x _ {}".format)
conjuncts = form("{} ( {} )", words, variables) | form("{} . agent ( {} , {} )", words, variables, variables | Names)
quoted_words = st.text("abc' ,()-ü\\", min_size=1, max_size=8)
keyvals = form("keyval('{}','{}')", words, words) | form("or({},{})", *[form("keyval('{}','x')", words)] * 2)
columns = st.sampled_from(["name", "age", "country"])
conditions = form("age > {}", numbers) | form("country = '{}'", words) | form("name LIKE '%{}%'", words)
relations = st.sampled_from(["film.film.actor", "people.person.born", "(R film.film.actor)"])
sets = st.recursive(
    st.sampled_from(["medicine.drug", "people.person", "m.0abc"]),
    lambda inner: form("(AND {} {})", inner, inner) | form("(JOIN {} {})", relations, inner),
    max_leaves=5,
)
regexes = st.recursive(
    st.sampled_from(["dog", "[a-z]", "[AEIOUaeiou]", ".", "7", r"\bring\b"]),
    lambda inner: (
        form("({}){}", inner, st.sampled_from(["*", "+", "{2,}", "?"]))
        | form("({}){}({})", inner, st.sampled_from(["|", "&", ".*"]), inner)
        | form("~({})", inner)
    ),
    max_leaves=5,
)
formulas = st.recursive(
    form("{}({})", st.sampled_from(["Tall", "Kind"]), st.sampled_from(["anna", "bob"]))
    | form("Likes(anna, {})", words),
    lambda inner: (
        form("({} {} {})", inner, st.sampled_from("∧∨→↔⊕"), inner)
        | form("¬({})", inner)
        | form("∀x ({} → {})", st.sampled_from(["Tall(x)", "Likes(x, bob)"]), inner)
    ),
    max_leaves=6,
)
slots = form("[SL:{} {} ]", words, some(words))
intents = st.recursive(
    form("[IN:{} {} {} ]", words, words, slots),
    lambda inner: form("[IN:{} {} [SL:{} {} ] ]", words, words, words, inner),
    max_leaves=4,
)
graphs = st.recursive(
    form("(NEW / {})", words),
    lambda inner: form("(NEW / {} :ARG0 {} :ARG1 {} :polarity -)", words, inner, inner),
    max_leaves=5,
).map(lambda text: "".join(part if n == 0 else f"v{n}{part}" for n, part in enumerate(text.split("NEW"))))
literals = form("Equals(LengthOf(Line({}, B)), {})", st.sampled_from("ACD"), numbers | st.just("x")) | form(
    "Perpendicular(Line(A, {}), Line(C, D))", st.sampled_from("BE")
)
statements = form("total = {} + first", numbers) | form("total = len(str(first)) * {}", numbers)
java = form("int {} = {}; for (int i = 0; i < {}; i++) {{ {} += first; }}", words, numbers, numbers, words)
go = form("{} := {}\nfor i := range xs {{ {} += first }}", words, numbers, words)

CASES: Mapping[str, Case] = {
    "scan": Case(None, some(st.sampled_from(ACTIONS), most=20)),
    "cogs": Case(None, form("{}{}", st.sampled_from(["", "* cat ( x _ 1 ) ; "]), some(conjuncts, " AND "))),
    "clevr": Case(None, st.integers(0, 10_000).map(lambda seed: str(random_program(Random(seed))))),
    "gqa": Case(None, form("query(relate(filter(select({}), red), subject, left of, {}), color)", words, words)),
    "sql": Case(
        SCHEMA,
        form("SELECT {}, count(*) FROM singer WHERE {} GROUP BY {}", columns, conditions, columns)
        | form("SELECT T1.{} FROM singer AS T1 JOIN concert AS T2 ON T1.singer_id = T2.singer_id", columns),
    ),
    "pddl": Case(BLOCKS, st.integers(0, 10_000).map(tower)),
    "amr": Case(None, graphs),
    "ontology": Case(None, some(form("{}({}, {})", words, words, words), "\n")),
    "top": Case(None, intents),
    "nlmaps": Case(
        None, form("query(area(keyval('name','Bonn')),nwr({}),qtype(findkey('{}')))", some(keyvals, ","), words)
    ),
    "sexpr": Case(None, form("(AND people.person {})", sets) | form("(COUNT (JOIN {} {}))", relations, sets)),
    "sparql": Case(
        None,
        form(
            "PREFIX ns: <http://x/> SELECT ?{} WHERE {{ ?{} ns:{} ?y . ?y ns:{} ns:m.01 }} LIMIT {}",
            *(words, words, words, words, numbers),
        ),
    ),
    "bash": Case(None, form("{}={}; ls -l \"$HOME\" '{}' | grep -v ${} > out.txt", words, numbers, words, words)),
    "regex": Case(None, regexes),
    "python": Case(None, form("def f(first):\n    {}\n    return total", some(statements, "\n    "))),
    "solution": Case(None, form("def solution(first=3):\n    {}\n    return total", some(statements, "\n    "))),
    "java": Case(None, form("int f(int first) {{ {} return first; }}", java)),
    "go": Case(None, form("func f(first int) int {{\n{}\nreturn first\n}}", go)),
    "fol": Case(None, formulas),
    "geometry": Case(None, some(literals, "\n").map(lambda text: f"{text}\nFind(x)")),
    "smiles": Case(None, some(st.sampled_from(["C", "CC", "C(=O)", "N", "c1ccccc1", "O"]), "")),
}
assert CASES.keys() == LANGUAGES.keys()
