"""Scripts: found in what a model wrote, and expanded to actions in the sandbox."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.sandbox.sandbox import Sandbox, SandboxConfig
from envs.web.scripts import LONGEST, METHODS, MOST_ACTIONS, Action, canonical, expand, extract, recorded

CLICK = "agent.click_xpath(\"//button[text()='OK']\")"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(seconds=5)) as sandbox:
        yield sandbox


def expanded(sandbox: Sandbox, script: str) -> list[tuple[str, str]]:
    found = expand(script, sandbox)
    assert found.error == ""
    return [(action.method, action.text) for action in found.actions]


@pytest.mark.parametrize(
    "text",
    [
        CLICK,
        f"{CLICK}\n```",
        f"{CLICK}```",
        f"```\n{CLICK}\n```",
        f"```python\n{CLICK}\n```\nThat clicks the button.",
        f"First this:\n~~~\n{CLICK}\n~~~",
        f"\r\n{CLICK}\r\n",
    ],
)
def test_a_script_is_found_with_and_without_fences(text: str) -> None:
    assert extract(text) == CLICK


def test_text_without_a_call_of_agent_is_no_script() -> None:
    assert extract("I would click the button.") == extract("") == extract("```\nx = 1\n```") == ""


def test_comments_and_assignments_before_the_first_call_belong_to_the_script() -> None:
    script = f"# twice\ntimes = 2\nfor _ in range(times):\n    {CLICK}"
    assert extract(f"{script}\n```") == script


@given(st.text(alphabet=st.sampled_from("`~ \n\tag.ent()'x"), max_size=200))
def test_extraction_is_idempotent(text: str) -> None:
    assert extract(extract(text)) == extract(text)


def test_an_endless_text_is_cut() -> None:
    assert len(extract(f"{CLICK}\n" * 10_000)) <= LONGEST


def test_scripts_that_differ_in_quotes_layout_or_comments_have_one_spelling() -> None:
    assert canonical("agent.type('a')  # types\n\nagent.press( 'enter' )") == canonical(
        'agent.type("a"); agent.press("enter")'
    )
    assert canonical("agent.type('a')") != canonical("agent.type('b')")


def test_loops_conditions_and_f_strings_are_expanded(sandbox: Sandbox) -> None:
    script = """
offset = -2 - 1
key = 'arrowleft' if offset < 0 else 'arrowright'
for _ in range(abs(offset)):
    agent.press(key)
page = (7 - 1) // 3
agent.click_xpath(f"//li[{page + 3}]")
if page == 2 and 7 % 3 > 0:
    agent.type("done")
"""
    pressed = [("press", "arrowleft")] * 3
    assert expanded(sandbox, script) == [*pressed, ("click_xpath", "//li[5]"), ("type", "done")]


@given(st.lists(st.tuples(st.sampled_from(METHODS), st.text(max_size=30)), max_size=8))
def test_what_a_flat_script_calls_is_what_is_recorded(sandbox: Sandbox, calls: list[tuple[str, str]]) -> None:
    calls = [(name, "".join(c for c in text if not 0xD800 <= ord(c) < 0xE000)) for name, text in calls]
    assert expanded(sandbox, "\n".join(f"agent.{name}({text!r})" for name, text in calls)) == calls


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("agent.type('a", "SyntaxError: unterminated string literal (detected at line 1) (line 1)"),
        ("agent.type('a')\nagent.type(b)", "NameError: name 'b' is not defined (line 2)"),
        ("agent.jump('a')", "AttributeError: agent has no method jump; it has click_xpath, type"),
        ("agent.type(5)", "TypeError: agent.type() takes text, not int"),
        ("agent.type()", "TypeError: "),
        ("agent.type('a' * 5000)", "ValueError: agent.type() was given 5000 characters; at most 2000"),
        ("while True:\n    agent.press('enter')", f"the script does more than {MOST_ACTIONS} actions"),
        ("try:\n  while True:\n    agent.press('enter')\nexcept Exception:\n  pass", "the script does more than"),
        ("import os\nos.system('true')\nagent.type('a')\nopen('/etc/passwd')", "(line 4)"),
        ("while True: pass", "no answer within"),
        ("raise SystemExit", "SystemExit"),
        ("import os\nos._exit(0)", "the program ended its process"),
    ],
)
def test_a_broken_script_has_a_message_that_a_model_can_use(sandbox: Sandbox, script: str, error: str) -> None:
    found = expand(script, sandbox)
    assert error in found.error
    assert "\n" not in found.error


@pytest.mark.parametrize(
    "forged",
    [
        *(None, [], {}, {"actions": 5, "error": ""}, {"actions": [["type"]], "error": ""}),
        *({"actions": [["eval", "x"]], "error": ""}, {"actions": [["type", 5]], "error": ""}),
        *({"actions": [["type", "x"]] * (MOST_ACTIONS + 1), "error": ""}, {"actions": [[["type"], "x"]], "error": ""}),
    ],
)
def test_a_forged_record_gives_no_action(forged: object) -> None:
    actions, error = recorded(forged)
    assert actions == ()
    assert error


def test_an_action_is_written_as_it_was_called() -> None:
    assert str(Action("type", "it's")) == 'type("it\'s")'
