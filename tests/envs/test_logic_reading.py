"""Reading programs: every form gives one tree, repairs are told, and what is no program is refused with its place."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.logic.formulas import read_formula
from envs.logic.grammar import FormulaError
from envs.logic.printing import READABLE, program, safe
from envs.logic.program import ReadError, read
from envs.logic.rules import read_rule
from envs.logic.syntax import And, Atom, Equal, Exists, ForAll, Formula, Function, Iff, Implies, Not, Or, Variable, Xor

PROGRAM = (
    "Predicates:\nKind($x, bool)\nFacts:\nKind(Anne, True) ::: Anne is kind.\nRules:\n{}\nQuery:\nKind(Anne, False)\n"
)


@pytest.mark.parametrize(
    "text",
    [
        "all x (Man(x) -> -Mortal(x)).",
        "∀x (Man(x) → ¬Mortal(x))",
        "∀x(Man(x) → ¬Mortal(x))",
        "forall x. Man(x) -> ~Mortal(x)",
        "all x.(Man(x) -> !Mortal(x))",
        "Forall('$x', Implies(Atom('Man', '$x'), Not(Atom('Mortal', '$x'))))",
        "Man($x) >>> Mortal($x, False)",
        "∀x Man(x) → not Mortal(x)",
        "∀x (Man (x) → ¬ Mortal (x))",
    ],
)
def test_every_form_gives_the_same_tree(text: str) -> None:
    x = Variable("x")
    assert read_formula(text).formula == ForAll("x", Implies(Atom("Man", (x,)), Not(Atom("Mortal", (x,)))))


@pytest.mark.parametrize("negation", ["!P(a)", "~P(a)", "¬P(a)", "-P(a)", "not P(a)", "Not(P(a))", "P(a, False)"])
def test_every_negation_is_read(negation: str) -> None:
    assert read_formula(negation).formula == Not(Atom("P", (Function("a"),)))


def test_names_of_several_words_are_joined() -> None:
    statements = [
        read_rule(text).rule for text in ("Sees(bald eagle, cat)", "Sees(bald-eagle, cat)", "Sees(BaldEagle, cat)")
    ]
    assert len(set(statements)) == 1
    assert read_formula("Bald Eagle(a)").formula == read_formula("BaldEagle(a)").formula


def test_what_was_repaired_is_told() -> None:
    theory = read("```\n" + PROGRAM.format("Kind(x) >>> !Nice(x, True)") + "```")
    assert theory.repairs == (
        "a code fence dropped",
        "a missing truth value taken for True",
        "x taken for the variable $x",
        "! taken for a negation",
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "nothing is asked"),
        ("Kind(a)", "outside the sections"),
        (PROGRAM.format("Kind($x >>> Nice($x)"), "line 6, column"),
        (PROGRAM.format("Kind($x) Nice($x)"), "cannot stand here"),
        (PROGRAM.format("") + "Nice(Anne, True)", "second statement is asked"),
        ("Premises:\nLoves(x, music)\nConclusion:\nLoves(bob, music)", "x is bound by no quantifier"),
        ("Premises:\n" + "-" * 1500 + "P(a)\nConclusion:\nP(a)", "nested more than"),
        ("Premises:\nP(a) /* all */\nConclusion:\nP(a)", "belongs to no formula"),
        ("Facts:\n" + "P(a)\n" * 400 + "Query:\nP(a)", "at most 300"),
        ("x" * 30_000, "at most 20000"),
    ],
)
def test_what_is_no_program_is_refused_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(ReadError, match="line") as fault:
        read(text)
    assert complaint in str(fault.value)


def test_names_beginning_with_u_to_z_are_names() -> None:
    assert read_formula("Loves(walter, music)").formula == Atom("Loves", (Function("walter"), Function("music")))


def test_what_follows_the_query_is_dropped() -> None:
    assert len(read(PROGRAM.format("") + "\nKind(Bob, True) I explain ...").premises) == 1


NAMES = st.sampled_from(["Kind", "Green", "Sees", "BaldEagle"])
TERMS = st.recursive(
    st.sampled_from([Function("anne"), Function("bob"), Variable("x"), Variable("y")]),
    lambda inner: st.builds(lambda term: Function("mother", (term,)), inner),
    max_leaves=3,
)
ATOMS = st.builds(lambda name, terms: Atom(name, tuple(terms)), NAMES, st.lists(TERMS, min_size=1, max_size=2))
FORMULAS = st.recursive(
    ATOMS | st.builds(Equal, TERMS, TERMS),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        *(st.builds(kind, inner, inner) for kind in (Implies, Iff)),
        *(st.builds(lambda kind, a, b: kind((a, b)), st.just(kind), inner, inner) for kind in (And, Or)),
    ),
    max_leaves=8,
).map(lambda body: ForAll("x", Exists("y", body)))


@settings(max_examples=150, deadline=None)
@given(FORMULAS)
def test_what_is_printed_reads_back_as_the_same_tree(formula: Formula) -> None:
    assert read_formula(READABLE.write(formula)).formula == formula


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="∀∃x yPQa(),.->&|~!¬$:\"'=⊕TrueFalse", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    for reader in (read_formula, read_rule):
        with suppress(FormulaError):
            reader(text)


@given(st.text(min_size=1, max_size=6), st.text(min_size=1, max_size=6))
def test_names_are_ascii_for_provers_and_stay_apart(one: str, other: str) -> None:
    assert safe("f", one).isascii()
    assert (safe("f", one) == safe("f", other)) == (one == other)


def test_exclusive_or_reads_as_such() -> None:
    assert read_formula("P(a) ⊕ P(b)").formula == Xor(Atom("P", (Function("a"),)), Atom("P", (Function("b"),)))


def test_a_printed_program_reads_back() -> None:
    theory = read(PROGRAM.format("Kind($x, True) && Sees($x, Cat, False) >>> Nice($x, True)"))
    again = read(program(theory))
    assert [one.rule for one in again.statements] == [one.rule for one in theory.statements]
