"""Programs found in text and brought to one spelling."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.math.programs import canonical, extract

NAMES = st.sampled_from(("total", "apples", "left", "x", "answer", "rate"))


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A `solution` of a few assignments, each of numbers and names assigned before."""
    known: list[str] = []
    lines = []
    for _ in range(draw(st.integers(1, 6))):
        left, right = (
            draw(st.sampled_from(known)) if known and draw(st.booleans()) else repr(draw(number)) for _ in range(2)
        )
        name = draw(NAMES)
        lines.append(f"    {name} = {left} {draw(st.sampled_from('+-*'))} {right}")
        known.append(name)
    above = draw(st.sampled_from(("", "import math\n\n", "from fractions import Fraction\nK = 3\n\n")))
    return f"{above}def solution():\n" + "\n".join(lines) + f"\n    return {known[-1]}"


number = st.integers(0, 1000) | st.floats(0, 1000, allow_nan=False)


def renamed(program: str, names: dict[str, str]) -> str:
    tree = ast.parse(program)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
    return ast.unparse(tree)


def answer(program: str) -> object:
    space: dict[str, object] = {}
    exec(program, space)  # written by the strategy above
    return space["solution"]()  # type: ignore[operator]


@given(programs())
def test_a_fenced_canonical_program_is_extracted_as_it_is(program: str) -> None:
    program = canonical(program)
    for text in (
        program,
        f"```python\n{program}\n```\nSo it is 5.",
        f"Here it is:\n```\n{program}",
        program + "\n```\nx",
    ):
        assert extract(text) == program


@given(programs())
def test_canonical_changes_nothing_twice_and_no_answer(program: str) -> None:
    assert canonical(canonical(program)) == canonical(program)
    assert answer(canonical(program)) == answer(program)


@given(programs(), st.permutations(("a", "b", "v3", "v0", "zeta", "total")))
def test_names_of_locals_do_not_matter(program: str, others: list[str]) -> None:
    names = dict(zip(("total", "apples", "left", "x", "answer", "rate"), others, strict=True))
    assert canonical(renamed(program, names)) == canonical(program)


@given(st.text(alphabet="def solution():\n\t `'\"#=1xreturn(\\", max_size=200))
def test_no_text_breaks_them(noise: str) -> None:
    for text in (noise, f"def solution():\n{noise}", f"{noise}\ndef solution():\n    return 1\n{noise}"):
        assert extract(extract(text)) == extract(text)
        assert canonical(canonical(text)) == canonical(text)


FUNCTION = "def solution():\n    x = 2\n    return x"


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("", ""),
        ("The answer is 5.", ""),
        ("```python\nprint(5)\n```", ""),
        (FUNCTION, FUNCTION),
        (f"Sure!\n{FUNCTION}\n\nprint(solution())\nThis prints 2.", FUNCTION),
        (f"{FUNCTION}\n\n# Question: more\n{FUNCTION.replace('2', '3')}", FUNCTION),
        (f"```python\nimport math\n\n{FUNCTION}\n```", f"import math\n\n{FUNCTION}"),
        (f"import math\nfrom the start\nLet us see:\n{FUNCTION}", f"import math\n\n{FUNCTION}"),
        (
            f"```\nK = 3\ndef half(x):\n    return x / 2\n\n{FUNCTION}",
            f"K = 3\ndef half(x):\n    return x / 2\n\n{FUNCTION}",
        ),
        ("```\nno\n```\nand\n```\n" + FUNCTION, FUNCTION),
        ("  - so:\n    def solution():\n        return 1\n    done", "def solution():\n    return 1"),
        ("def solution(a,\n  b):\n    return (a\n+ b)\nprint(1)", "def solution(a,\n  b):\n    return (a\n+ b)"),
        ("@cache\ndef solution(): return 1\nprint(2)", "@cache\ndef solution(): return 1"),
        ("def solution():\n    x = (3\n    return x\nprint(3)", "def solution():\n    x = (3\n    return x"),
        (FUNCTION.replace("\n", "\r\n"), FUNCTION),
    ],
)
def test_extract_finds_the_function_and_what_it_needs(text: str, program: str) -> None:
    assert extract(text) == program


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "def solution():\n    '''doc'''\n    a = 1_000  # thousand\n    return (a)",
            "def solution():\n  b=1000\n  return b",
        ),
        ("def solution():\n    a: int = 3\n    return a", "def solution() -> int:\n    n = 3\n    return n"),
        ("def solution():\n    return [i for i in 'ab']", 'def solution():\n    return [k for k in "ab"]'),
    ],
)
def test_what_does_not_matter_is_dropped(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def solution():\n    return 3", "def solution():\n    return 3.0"),
        ("def solution(a, b):\n    return a - b", "def solution(b, a):\n    return a - b"),
        ("def solution():\n    a, b = 1, 2\n    return a - b", "def solution():\n    a, b = 1, 2\n    return b - a"),
        ("def solution():\n    v0 = sum([1])\n    return v0", "def solution():\n    v0 = max([1])\n    return v0"),
        ("x = 3", "x =\n3"),
    ],
)
def test_what_matters_is_kept(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


HOSTILE = {
    "parentheses": "(" * 15000,
    "minus": "-" * 15000 + "1",
    "sum": "1" + "+1" * 9000,
    "attributes": "a" + ".a" * 9000,
    "not": "not " * 4000 + "1",
    "lambda": "lambda:" * 2000 + "1",
    "if": "a if b else " * 1500 + "c",
    "elif": "if a:\n pass\n" + "elif a:\n pass\n" * 1200,
    "calls": "a" + "()" * 6000,
    "digits": "9" * 15000,
    "null": "x = '\0'",
    "surrogate": "x = '\ud800'",
    "long": "x = 1\n" * 100_000,
    "indents": "".join(" " * i + "if 1:\n" for i in range(120)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_text_made_to_break_the_parser_is_only_text(name: str) -> None:
    for text in (HOSTILE[name], f"def solution():\n    return {HOSTILE[name]}"):
        assert canonical(canonical(text)) == canonical(text)
        assert extract(extract(text)) == extract(text)
