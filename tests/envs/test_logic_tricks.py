"""Attempts to fool the checker: whatever the gold answer is, none is accepted, and none takes long."""

import time
from collections.abc import Iterator

import pytest

from envisions.records import Feedback, Outcome
from envs.logic.environment import LogicEnvironment
from envs.logic.task import posed

SECONDS = 20.0  # on a busy machine; the worst takes about one
TEXT = (
    "Anne is kind. Bob is not big. The cat sees Anne. If someone is kind then they are green. "
    "If someone is green and they see Anne then they are round. All big, green things are furry."
)
FACTS = "Kind(Anne, True)\nBig(Bob, False)\nSees(Cat, Anne, True)\n"
GREEN = "Kind($x, True) >>> Green($x, True)\n"
ROUND = "Green($x, True) && Sees($x, Anne, True) >>> Round($x, True)\n"
FURRY = "Big($x, True) && Green($x, True) >>> Furry($x, True)\n"
RULES = GREEN + ROUND + FURRY
WIDE = " && ".join(f"Sees($a{n}, $a{n + 1}, True)" for n in range(14))


def rules(facts: str = FACTS, rules: str = RULES, query: str = "Green(Anne, True)") -> str:
    return f"Facts:\n{facts}Rules:\n{rules}Query:\n{query}"


GREEN_ANNE, GREEN_CAT, ROUND_CAT = "Anne is green.", "The cat is green.", "The cat is round."
RULE_TRICKS = {
    # What is not in the text
    "a fact that is not in the text": (rules(FACTS + "Green(Cat, True)\n", query="Green(Cat, True)"), GREEN_CAT),
    "the query restated as a fact": (rules(FACTS + "Green(Anne, True)\n"), GREEN_ANNE),
    "the opposite of the query as a fact": (rules(FACTS + "Green(Anne, False)\n"), GREEN_ANNE),
    "a rule that is not in the text": (rules(rules=f"{RULES}Sees($x, Anne, True) >>> Green($x, True)\n"), GREEN_ANNE),
    "everything is so": (rules(FACTS + "Green($x, True)\n", query="Green(Cat, True)"), GREEN_CAT),
    "nothing is so": (rules(FACTS + "Green($x, False)\n", query="Green(Cat, True)"), GREEN_CAT),
    "a rule with nothing to ask for": (rules(rules=f"{RULES}Kind($y, True) >>> Green($x, True)\n"), GREEN_ANNE),
    "two facts in one, one of them new": (rules(FACTS + "Kind(Anne, True) && Green(Cat, True)\n"), GREEN_CAT),
    # What is left out
    "a fact left out": (rules("Big(Bob, False)\nSees(Cat, Anne, True)\n"), GREEN_ANNE),
    "a rule left out": (rules(rules=ROUND + FURRY), GREEN_ANNE),
    "no premises": (rules("", ""), GREEN_ANNE),
    "only one sentence": (rules("Kind(Anne, True)\n", "", "Green(Cat, True)"), GREEN_CAT),
    "half a rule": (rules(rules=f"{GREEN}Sees($x, Anne, True) >>> Round($x, True)\n{FURRY}"), ROUND_CAT),
    "a fact for a rule": (rules(f"{FACTS}Green(Kind, True)\n", ROUND + FURRY), GREEN_ANNE),
    # What is turned round
    "a rule told backwards": (rules(rules=f"Green($x, True) >>> Kind($x, True)\n{ROUND}{FURRY}"), GREEN_ANNE),
    "a condition among the conclusions": (
        rules(rules=f"{GREEN}{ROUND}Big($x, True) >>> Green($x, True) && Furry($x, True)\n"),
        GREEN_ANNE,
    ),
    "a conclusion among the conditions": (
        rules(rules=f"{GREEN}{ROUND}Big($x) && Furry($x) >>> Green($x)\n"),
        GREEN_ANNE,
    ),
    "swapped arguments in a fact": (rules(FACTS.replace("Cat, Anne", "Anne, Cat")), GREEN_ANNE),
    "swapped arguments in a rule": (rules(rules=RULES.replace("$x, Anne", "Anne, $x")), ROUND_CAT),
    "swapped arguments in the query": (rules(query="Sees(Anne, Cat, True)"), "The cat sees Anne."),
    "a denial moved to another condition": (
        rules(FACTS.replace("Anne, True)\nB", "Anne, False)\nB").replace("Bob, False", "Bob, True")),
        GREEN_ANNE,
    ),
    "a condition denied": (rules(rules=RULES.replace("Kind($x, True)", "Kind($x, False)")), GREEN_ANNE),
    "a conclusion denied": (rules(rules=RULES.replace(">>> Green($x, True)", ">>> Green($x, False)")), GREEN_ANNE),
    "a query denied": (rules(query="Green(Anne, False)"), GREEN_ANNE),
    "a denial undone": (rules(FACTS.replace("Bob, False", "Bob, True")), "Bob is big."),
    # Names
    "a predicate in two spellings": (rules(rules=RULES.replace("Kind(", "Kinds(")), GREEN_ANNE),
    "a predicate in two cases": (rules(rules=RULES.replace("Kind(", "kind(")), GREEN_ANNE),
    "a predicate with an article": (rules(rules=RULES.replace("Kind(", "IsKind(")), GREEN_ANNE),
    "a person in two spellings": (rules(query="Green(anne, True)"), GREEN_ANNE),
    "a person in the plural": (rules(query="Green(Annes, True)"), GREEN_ANNE),
    "a predicate that is a thing elsewhere": (
        rules(FACTS.replace("Kind(Anne, True)", "Is(Anne, Kind, True)")),
        GREEN_ANNE,
    ),
    "is in two spellings": (
        rules(FACTS.replace("Kind(Anne, True)", "Is(Anne, Kind, True)"), RULES.replace("Kind($x", "Are($x, Kind")),
        GREEN_ANNE,
    ),
    "an object in the name of a predicate": (
        rules(FACTS.replace("Sees(Cat, Anne", "SeesAnne(Cat")),
        ROUND_CAT,
    ),
    "a statement without arguments": (rules(FACTS.replace("Kind(Anne, True)", "AnneKind(True)")), GREEN_ANNE),
    "a lookalike letter": (rules(query="Green(Аnne, True)"), GREEN_ANNE),
    "an invisible letter": (rules(query="Green(An\u200bne, True)"), GREEN_ANNE),
    "a composed accent": (rules(query="Green(Anne\u0301, True)"), GREEN_ANNE),
    "a name in quotes": (rules(query="Green('An ne', True)"), GREEN_ANNE),
    "a variable for a person": (rules(FACTS.replace("Kind(Anne", "Kind($x")), GREEN_CAT),
    "a person for a variable": (rules(rules=RULES.replace("Kind($x", "Kind(Anne")), GREEN_ANNE),
    "two variables for one": (rules(rules=RULES.replace("Kind($x", "Kind($y")), GREEN_CAT),
    "two variables in the conditions": (rules(rules=RULES.replace("Sees($x", "Sees($y")), ROUND_CAT),
    # The query
    "another query": (rules(query="Kind(Anne, True)"), GREEN_CAT),
    "a query of words of the text": (rules(query="Green(Green, True)"), GREEN_ANNE),
    "a vacuous predicate": (rules(query="Greenish(Cat, True)"), GREEN_CAT),
    "a variable as a query": (rules(query="Green($x, True)"), "Something is green."),
    "a rule as a query": (rules(query="Green($x) >>> Green($x)"), GREEN_ANNE),
    "two queries": (rules(query="Green(Anne, True)\nKind(Anne, True)"), GREEN_CAT),
    "two statements as a query": (rules(query="Green(Anne) && Kind(Anne)"), GREEN_ANNE),
    "the answer in a gloss": (rules(query="::: Green(Anne, True)"), GREEN_ANNE),
    "the answer in a comment": (rules(query="# Green(Anne, True)"), GREEN_ANNE),
    "the answer in words": (rules(query="True"), GREEN_ANNE),
    "a truth value that is none": (rules(query="Green(Anne, Unknown)"), GREEN_ANNE),
    "a comment behind the query": (rules(query="Green(Anne) /* True */"), GREEN_ANNE),
    "premises commented out": (rules(rules="# " + RULES.replace("\nG", "\n# G").replace("\nB", "\n# B")), GREEN_ANNE),
    "premises behind a gloss": (rules(rules=f"{GREEN.strip()} ::: {ROUND}{FURRY}"), ROUND_CAT),
    "premises behind the query": (f"Facts:\n{FACTS}Query:\nGreen(Anne, True)\n\nRules:\n{RULES}", GREEN_ANNE),
    # Contradictions and arities
    "contradictory facts": (rules(f"{FACTS}Kind(Anne, False)\n", query="Kind(Anne, True)"), "Anne is kind."),
    "two arities": (rules(f"{FACTS}Sees(Cat)\n"), GREEN_ANNE),
    "two arities by a truth value": (
        rules(FACTS.replace("Sees(Cat, Anne, True)", "Sees(Cat, True, True)")),
        GREEN_ANNE,
    ),
    # Size
    "deep brackets": (rules(query="(" * 5000), GREEN_ANNE),
    "deep negations": (rules(query="!" * 1900 + "Green(Anne)"), GREEN_ANNE),
    "an exponential rule": (rules(rules=f"{RULES}{WIDE} >>> Green($a0, True)\n"), GREEN_ANNE),
    "a thousand facts": (rules("".join(f"Kind(C{n}, True)\n" for n in range(1000))), GREEN_ANNE),
    "a line without an end": (rules(query="Green(" + "Anne, " * 900 + "True)"), GREEN_ANNE),
    "a circle of rules": (
        rules(rules=RULES + "".join(f"P{n}($x) >>> P{(n + 1) % 90}($x)\n" for n in range(90))),
        GREEN_ANNE,
    ),
}
BAKERS = (
    "All bakers rise early.\nNobody who rises early stays late.\nSome bakers are tired or hungry.\nErin is a baker.\n"
    "Walter loves music."
)
EARLY = "all x (Baker(x) -> RiseEarly(x))\n"
LATE = "all x (RiseEarly(x) -> -StayLate(x))\n"
TIRED = "exists x (Baker(x) & (Tired(x) | Hungry(x)))\n"
ERIN, WALTER = "Baker(erin)\n", "Love(walter, music)\n"


def fol(*lines: str, goal: str = "StayLate(erin)") -> str:
    return f"Premises:\n{''.join(lines) or EARLY + LATE + TIRED + ERIN + WALTER}Conclusion:\n{goal}"


ERIN_LATE = "Erin stays late."
FREE_TRICKS = {
    "the conclusion as a premise": (fol(EARLY, LATE, TIRED, ERIN, WALTER, "StayLate(erin)\n"), ERIN_LATE),
    "the conclusion in the place of a premise": (fol("StayLate(erin)\n", LATE, TIRED, ERIN, WALTER), ERIN_LATE),
    "premises left out": (fol(TIRED, ERIN, WALTER), ERIN_LATE),
    "premises about nothing": (fol("P(a)\n", "P(b)\n", "P(c)\n", "P(d)\n", "P(e)\n"), ERIN_LATE),
    "a premise turned round": (fol("all x (RiseEarly(x) -> Baker(x))\n", LATE, TIRED, ERIN, WALTER), ERIN_LATE),
    "a premise that says nothing": (fol("all x (Baker(x) -> Baker(x))\n", LATE, TIRED, ERIN, WALTER), ERIN_LATE),
    "a premise that holds anyway": (fol("all x (Baker(x) | -Baker(x))\n", LATE, TIRED, ERIN, WALTER), ERIN_LATE),
    "a denial left out": (fol(EARLY, LATE.replace("-Stay", "Stay"), TIRED, ERIN, WALTER), ERIN_LATE),
    "a denial put in": (fol(EARLY.replace("RiseEarly(x))", "-RiseEarly(x))"), LATE, TIRED, ERIN, WALTER), ERIN_LATE),
    "and for if": (fol("all x (Baker(x) & RiseEarly(x))\n", LATE, TIRED, ERIN, WALTER), ERIN_LATE),
    "and for or": (fol(EARLY, LATE, TIRED.replace("|", "&"), ERIN, WALTER), ERIN_LATE),
    "or for if": (fol("all x (Baker(x) | RiseEarly(x))\n", LATE, TIRED, ERIN, WALTER), ERIN_LATE),
    "if and only if for if": (fol(EARLY.replace("->", "<->"), LATE, TIRED, ERIN, WALTER), ERIN_LATE),
    "an if below an exists": (fol(EARLY, LATE, TIRED.replace("(x) &", "(x) ->"), ERIN, WALTER), ERIN_LATE),
    "everything for one": (fol(EARLY, LATE, TIRED, "all x Baker(x)\n", WALTER), ERIN_LATE),
    "swapped arguments": (fol(EARLY, LATE, TIRED, ERIN, "Love(music, walter)\n"), ERIN_LATE),
    "premises in another order": (fol(LATE, EARLY, TIRED, ERIN, WALTER), ERIN_LATE),
    "all for some": (fol(EARLY, LATE, TIRED.replace("exists", "all"), ERIN, WALTER), ERIN_LATE),
    "variables that do not hang together": (
        fol("all x all y (Baker(x) -> RiseEarly(y))\n", LATE, TIRED, ERIN, WALTER),
        ERIN_LATE,
    ),
    "one word in two names": (fol(EARLY.replace("RiseEarly", "RisesEarly"), LATE, TIRED, ERIN, WALTER), ERIN_LATE),
    "half of the words in each name": (
        fol(EARLY.replace("RiseEarly", "Rise"), LATE.replace("RiseEarly", "Early"), TIRED, ERIN, WALTER),
        ERIN_LATE,
    ),
    "inconsistent premises": (fol(EARLY, LATE, TIRED, "Baker(erin) & -Baker(erin)\n", WALTER), ERIN_LATE),
    "a name from u to z that is taken for a variable": (fol(goal="Love(erin, music)"), "Walter loves music."),
    "a variable that nothing binds": (fol(EARLY, LATE, TIRED, "Baker(x)\n", WALTER), ERIN_LATE),
    "a name in capitals that is taken for a variable": (fol(EARLY, LATE, TIRED, "Baker(X)\n", WALTER), ERIN_LATE),
    "another conclusion": (fol(goal="Baker(erin)"), ERIN_LATE),
    "the opposite conclusion": (fol(goal="-StayLate(erin)"), ERIN_LATE),
    "a conclusion that holds anyway": (fol(goal="StayLate(erin) | -StayLate(erin)"), ERIN_LATE),
    "a conclusion of itself": (fol(goal="StayLate(erin) -> StayLate(erin)"), ERIN_LATE),
    "a vacuous conclusion": (fol(goal="StaysLate(erin)"), ERIN_LATE),
    "an equation for a statement": (
        fol(EARLY, LATE, TIRED, ERIN, WALTER.replace("Love(walter, music)", "a = a")),
        ERIN_LATE,
    ),
    "people made one": (fol(EARLY, LATE, TIRED, "Baker(erin) & erin = walter\n", WALTER), ERIN_LATE),
    "two arities": (fol(EARLY, LATE, TIRED, "Baker(erin, erin)\n", WALTER), ERIN_LATE),
    "endless terms": (
        fol("all x (P(x) -> P(f(x)) & f(x) != x)\n", "P(a)\n", "all x exists y Q(x,y)\n", ERIN, WALTER),
        ERIN_LATE,
    ),
    "twenty names of one word": (
        fol(EARLY, LATE, TIRED, " & ".join(f"{'Baker' * (n + 1)}(erin)" for n in range(20)) + "\n", WALTER),
        ERIN_LATE,
    ),
    "deep terms": (fol(EARLY, LATE, TIRED, f"Baker({'f(' * 500}erin{')' * 500})\n", WALTER), ERIN_LATE),
}
MUSIC = "Walter loves music.\nEveryone who loves music is happy.\nIf somebody is tired or sad then they are not happy."
HAPPY = "all x (Love(x, music) -> Happy(x))\n"
SAD = "all x ((Tired(x) | Sad(x)) -> -Happy(x))\n"
WALTER_HAPPY = "Walter is happy."
MUSIC_TRICKS = {
    "swapped arguments beside a variable": (
        fol(WALTER, HAPPY.replace("x, music", "music, x"), SAD, goal="Happy(walter)"),
        WALTER_HAPPY,
    ),
    "one condition for two": (
        fol(WALTER, HAPPY, SAD.replace("(Tired(x) | Sad(x))", "Tired(x)"), goal="Happy(walter)"),
        WALTER_HAPPY,
    ),
    "both conditions for one of them": (fol(WALTER, HAPPY, SAD.replace("|", "&"), goal="Happy(walter)"), WALTER_HAPPY),
    "a denied condition": (fol(WALTER, HAPPY.replace("Love(x", "-Love(x"), SAD, goal="Happy(walter)"), WALTER_HAPPY),
    "a denial on the wrong side": (
        fol(WALTER, HAPPY, SAD.replace("-Happy", "Happy"), goal="Happy(walter)"),
        WALTER_HAPPY,
    ),
    "related words for one": (fol(WALTER, HAPPY.replace("Love(x", "Lover(x"), SAD, goal="Happy(walter)"), WALTER_HAPPY),
}
TRICKS = {
    **{f"rules: {name}": ("rules-owa", TEXT, *trick) for name, trick in RULE_TRICKS.items()},
    **{f"fol: {name}": ("fol", BAKERS, *trick) for name, trick in FREE_TRICKS.items()},
    **{f"fol: {name}": ("fol", MUSIC, *trick) for name, trick in MUSIC_TRICKS.items()},
}


@pytest.fixture(scope="module")
def environment() -> Iterator[LogicEnvironment]:
    environment = LogicEnvironment()
    yield environment
    environment.close()


def execute(
    environment: LogicEnvironment, semantics: str, context: str, program: str, asked: str, gold: str
) -> Feedback:
    setup = {"semantics": semantics, "context": context, "asked": asked, "answer": gold}
    return environment.execute(posed("p", "test", setup), program)


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_is_accepted_whatever_the_answer(environment: LogicEnvironment, trick: str) -> None:
    begun = time.monotonic()
    for gold in ("True", "False", "Unknown"):
        semantics, context, program, asked = TRICKS[trick]
        feedback = execute(environment, semantics, context, program, asked, gold)
        assert feedback.outcome is not Outcome.accepted
        assert feedback.error
        assert not feedback.evidence["measures"]["verified"]
    assert time.monotonic() - begun < SECONDS


@pytest.mark.parametrize(
    ("semantics", "context", "program", "asked", "gold"),
    [
        ("rules-owa", TEXT, rules(), GREEN_ANNE, "True"),
        ("rules-owa", TEXT, rules(query="Big(Bob, True)"), "Bob is big.", "False"),
        ("rules-owa", TEXT, rules(query="Round(Cat, True)"), ROUND_CAT, "Unknown"),
        ("rules-cwa", TEXT, rules(query="Round(Cat, True)"), ROUND_CAT, "False"),
        ("fol", BAKERS, fol(), ERIN_LATE, "False"),
        ("fol", MUSIC, fol(WALTER, HAPPY, SAD, goal="Happy(walter)"), WALTER_HAPPY, "True"),
        ("fol", BAKERS, fol(goal="Tired(erin)"), "Erin is tired.", "Unknown"),
        ("fol", BAKERS, fol(goal="RiseEarly(erin)"), "Erin rises early.", "True"),
    ],
)
def test_what_the_tricks_are_made_from_is_accepted(
    environment: LogicEnvironment, semantics: str, context: str, program: str, asked: str, gold: str
) -> None:
    feedback = execute(environment, semantics, context, program, asked, gold)
    assert feedback.outcome is Outcome.accepted, feedback.error
    assert feedback.evidence["measures"] == {"label": True, "verified": True}


def test_a_right_label_for_a_wrong_translation_is_told_apart(environment: LogicEnvironment) -> None:
    program = rules(rules=ROUND + FURRY)
    feedback = execute(environment, "rules-owa", TEXT, program, GREEN_ANNE, "Unknown")
    assert feedback.evidence["measures"] == {"label": True, "verified": False}
