"""What sentences say, and that a rule says it only with every clause on its side."""

import pytest

from envs.logic.clauses import rule_says, sentence_says
from envs.logic.rules import read_rule

SAME = [
    ("Anne is kind.", "Kind(Anne, True)"),
    ("Anne isn't kind.", "Kind(Anne, False)"),
    ("The bald eagle does not see the cat.", "Sees(BaldEagle, Cat, False)"),
    ("Bob is cold and kind.", "Cold(Bob, True) && Kind(Bob, True)"),
    ("Bob is cold and not kind.", "Cold(Bob, True) && Kind(Bob, False)"),
    ("Everything is green.", "Green($x, True)"),
    ("If someone is kind then they are green.", "Kind($x, True) >>> Green($x, True)"),
    ("If someone is kind, they are green.", "Kind($x, True) >>> Green($x, True)"),
    ("Someone is green if they are kind.", "Kind($x, True) >>> Green($x, True)"),
    ("If Anne is kind and not big then Bob is red.", "Kind(Anne, True) && Big(Anne, False) >>> Red(Bob, True)"),
    ("If it sees the cat then the cat sees it.", "Sees($x, Cat, True) >>> Sees(Cat, $x, True)"),
    ("Red, cold things are round.", "Red($x, True) && Cold($x, True) >>> Round($x, True)"),
    ("All people who are kind are green.", "Kind($x, True) >>> Green($x, True)"),
    ("Every vumpus is not a zumpus.", "Vumpus($x, True) >>> Zumpus($x, False)"),
    ("Jompuses are yumpuses.", "Jompus($x, True) >>> Yumpus($x, True)"),
    ("No cat is red.", "Cat($x, True) >>> Red($x, False)"),
    ("Nobody who is kind is loud.", "Kind($x, True) >>> Loud($x, False)"),
    ("All cats chase mice.", "Cats($x, True) >>> Chase($x, Mice, True)"),
]
OTHER = [
    ("Anne is kind.", "Kind($x, True)"),
    ("Anne is kind.", "Anne($x, True) >>> Kind($x, True)"),
    ("Bob is cold and kind.", "Cold(Bob, True)"),
    ("The cat sees Anne.", "Sees(Anne, Cat, True)"),
    ("Jompuses are yumpuses.", "Yumpus($x, True) >>> Jompus($x, True)"),
    ("Jompuses are yumpuses.", "Yumpus(Jompus, True)"),
    ("Red, cold things are round.", "Red($x, True) >>> Cold($x, True) && Round($x, True)"),
    ("If someone is kind then they are green.", "Kind($x, True) >>> Green($y, True)"),
    ("If someone is kind and not big then they are red.", "Kind($x, False) && Big($x, True) >>> Red($x, True)"),
    ("If Anne is kind then Bob is red.", "Kind($x, True) >>> Red(Bob, True)"),
    ("Someone is green if they are kind.", "Green($x, True) >>> Kind($x, True)"),
    ("All cats chase mice.", "Mice($x, True) >>> Chase($x, Cats, True)"),
]


@pytest.mark.parametrize(("sentence", "rule"), SAME)
def test_a_sentence_says_what_its_rule_says(sentence: str, rule: str) -> None:
    said = read_rule(rule).rule
    assert said is not None
    assert rule_says(said) in sentence_says(sentence)


@pytest.mark.parametrize(("sentence", "rule"), OTHER)
def test_a_sentence_does_not_say_another_rule(sentence: str, rule: str) -> None:
    said = read_rule(rule).rule
    assert said is not None
    assert rule_says(said) not in sentence_says(sentence)
