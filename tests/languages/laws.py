"""What holds of every language, as functions: each language's tests call them on trees by hypothesis."""

from typing import Any

import pytest
from hypothesis import strategies as st

from envs.languages.base import Language, Malformed, Names, inverse

WORDS = st.from_regex(r"[a-z][a-z0-9]{3,6}q", fullmatch=True)  # no language has such a keyword


def renamings(language: Language[Any], tree: Any) -> st.SearchStrategy[Names]:
    """Some new name for every symbol of a tree."""
    used = {kind: sorted(names) for kind, names in language.symbols(tree).items() if names}
    count = sum(map(len, used.values()))

    def dealt(words: list[str]) -> Names:
        left = iter(words)
        return {kind: {name: spelled(language, kind, next(left)) for name in names} for kind, names in used.items()}

    return st.lists(WORDS, min_size=count, max_size=count, unique=True).map(dealt)


def spelled(language: Language[Any], kind: str, word: str) -> str:
    """The word as a name of this kind: with a capital where small letters mean something else."""
    return word if language.spells(kind, word) else word.capitalize()


def prints_stably(language: Language[Any], tree: Any) -> None:
    """What is printed is read again, as something equal, and prints the same."""
    text = language.print(tree)
    again = language.parse(text)
    assert language.print(again) == text
    assert language.equal(tree, again)


def renames_back(language: Language[Any], tree: Any, names: Names) -> Any:
    """A renamed tree is of the renamed language, and renames back; gives both."""
    new, after = language.rename(tree, names), language.renamed(names)
    assert after.parse(after.print(new)) == new
    assert after.rename(new, inverse(names)) == tree
    for kind, own in language.symbols(tree).items():
        assert after.symbols(new)[kind] == {names[kind][name] for name in own}
    assert after.renamed(inverse(names)).definition == language.definition
    return after, new


def reads_any_text(language: Language[Any], text: str) -> None:
    """A text is read, or is malformed at a place within it; nothing else happens."""
    position = 0
    try:
        prints_stably(language, language.parse(text))
    except Malformed as fault:
        position = fault.position
    assert 0 <= position <= len(text)


def refuses(language: Language[Any], text: str, position: int) -> None:
    """The text is malformed, and it shows at this character."""
    with pytest.raises(Malformed) as caught:
        language.parse(text)
    assert caught.value.position == position
