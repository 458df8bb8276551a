"""The laws of every language: printing is stable, renaming can be undone, and no text breaks it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from languages.laws import prints_stably, reads_any_text, renames_back, renamings
from languages.trees import CASES

from envs.languages.registry import LANGUAGES, language

MADE = {name: language(name, CASES[name].definition) for name in LANGUAGES}
FEW = settings(max_examples=10, deadline=None)


@pytest.fixture(scope="module", autouse=True)
def ended():
    yield
    for one in MADE.values():
        one.close()


@pytest.mark.parametrize("name", LANGUAGES)
@FEW
@given(data=st.data())
def test_printing_is_stable(name: str, data: st.DataObject) -> None:
    prints_stably(MADE[name], MADE[name].parse(data.draw(CASES[name].texts)))


@pytest.mark.parametrize("name", LANGUAGES)
@FEW
@given(data=st.data())
def test_renaming_can_be_undone(name: str, data: st.DataObject) -> None:
    tree = MADE[name].parse(data.draw(CASES[name].texts))
    renames_back(MADE[name], tree, data.draw(renamings(MADE[name], tree)))


@pytest.mark.parametrize("name", LANGUAGES)
@FEW
@given(data=st.data())
def test_any_text_is_read_or_malformed(name: str, data: st.DataObject) -> None:
    text = data.draw(CASES[name].texts)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    broken = text[:start] + data.draw(st.text(max_size=5)) + text[end:]
    reads_any_text(MADE[name], data.draw(st.sampled_from([broken, text[::-1], broken * 2])))


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize("bracket", "([{~")
def test_a_text_nested_too_deep_is_malformed(name: str, bracket: str) -> None:
    for text in (bracket * 50_000, f"a{bracket}" * 20_000):
        reads_any_text(MADE[name], text)


def test_no_language_is_left_out_of_the_laws() -> None:
    assert CASES.keys() == LANGUAGES.keys()
    assert len(LANGUAGES) >= 20
