import ast
import re

from envs.worldtext import logic_text, web_text


def test_the_same_seed_gives_the_same_texts_and_a_longer_list_begins_with_the_shorter() -> None:
    for made in (logic_text, web_text):
        texts = list(made(30, 5))
        assert list(made(10, 5)) == texts[:10]
        assert list(made(10, 6)) != texts[:10]
        assert len(set(texts)) == 30


def test_logic_texts_declare_what_they_use_and_come_in_all_three_spellings() -> None:
    texts = list(logic_text(60, 0))
    for mark in ("Predicates:\n", "\nQuery:\n", "$x", "&&", ">>>", ":::", "∀x", "∃y", "all x", "exists x", "<->"):
        assert any(mark in text for text in texts), mark
    for text in texts:
        _, _, program = text.partition("Predicates:\n")
        declared, _, rest = program.partition("Facts:\n")
        assert set(re.findall(r"(\w+)\(", rest)) <= set(re.findall(r"(\w+)\(", declared))


def test_web_scripts_are_python_that_calls_the_agent() -> None:
    for text in web_text(60, 0):
        page, script, _ = text.split("```\n")
        assert '<div id="wrap" data-wob_ref="2"' in page
        ast.parse(script)
        assert not script.strip() or "agent." in script
