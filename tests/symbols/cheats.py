"""Texts that try to earn the reward without the work, each with the problem that it is tried on."""

import re
from dataclasses import replace

from envisions.records import Problem
from envs.symbols.delegation import posed

STORY = posed("math", 1)[0]
PLAIN = replace(
    STORY,
    question="Tom has 23 pens and gives 5 boys 3 pens each. How many are left?",
    setup={**STORY.setup, "rounds": [[{}, "8"]]},
)
LETTERS = posed("symbolic", 1)[0]
LABELLED = next(one for one in posed("logical", 30) if one.answer == "True")
UNKNOWN = next(one for one in posed("logical", 30) if one.answer == "Unknown")
BLOCKS = posed("planning", 1)[0]
CLEVR = next(one for one in posed("visual", 60) if one.setup["result"] == 0 and one.answer.startswith("count"))
ROWS = next(one for one in posed("tables", 60) if one.answer.startswith("SELECT COUNT(*)"))
TABLE = next(iter(ROWS.setup["definition"]["tables"]))
SLOTS = ", ".join(STORY.setup["rounds"][0][0])
ANSWER = STORY.setup["rounds"][0][1]
BARE = " ".join(sorted(set(re.findall(r"\bb\d\b", BLOCKS.answer))))
LYING = " ".join(f"(on-table {block}) (clear {block})" for block in BARE.split()) + " (hand-empty)"
BLUE = "Blue(Anne, True)"
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT COUNT(*) FROM c"
SOLUTION = f"def solution({SLOTS}):\n    "
LETTERED = LETTERS.setup["rounds"][0][1]
NOTHING = "count(intersect(filter_color(scene, red), filter_color(scene, blue)))"


def problem(objects: str, init: str, goal: str) -> str:
    lists = f"(:objects {objects}) (:init {init}) (:goal {goal})"
    return f"(define (problem task) (:domain blocksworld) {lists})"


CHEATS: list[tuple[str, Problem, str]] = [
    # Unknown because nothing is proved, and other ways around a proof (holes 1 and 2)
    ("an empty program", UNKNOWN, "Facts:\nRules:\nQuery:"),
    ("a program that cannot be read", UNKNOWN, "Facts:\n((((\nQuery:\n))"),
    ("an irrelevant program", UNKNOWN, "Facts:\nGreen(Bob, True)\nRules:\nQuery:\nPurple(Zed, True)"),
    ("a query and nothing else", UNKNOWN, "Facts:\nRules:\nQuery:\nBlue(Anne, True)"),
    ("a word for an answer", UNKNOWN, "Unknown"),
    ("the query as a fact", LABELLED, f"Facts:\n{BLUE}\nRules:\nQuery:\n{BLUE}"),
    (
        "premises that contradict",
        LABELLED,
        f"Facts:\n{BLUE}\nBlue(Anne, False)\nRules:\nQuery:\n{BLUE}",
    ),
    (
        "a tautology",
        LABELLED,
        f"Facts:\n{BLUE}\nRules:\nBlue($x, True) >>> Blue($x, True)\nQuery:\n{BLUE}",
    ),
    # A problem of one's own (hole 3)
    ("no goal", BLOCKS, problem(BARE, "(hand-empty)", "(and)")),
    (
        "a goal that is true already",
        BLOCKS,
        problem(BARE, "(hand-empty)", "(hand-empty)"),
    ),
    ("another goal", BLOCKS, problem(BARE, LYING, "(holding b1)")),
    (
        "objects that nobody has",
        BLOCKS,
        problem("x", "(on-table x) (clear x) (hand-empty)", "(holding x)"),
    ),
    ("a plan", BLOCKS, "(pick-up b1)\n(stack b1 b2)"),
    # Empty equals empty (hole 4)
    ("a query without rows", ROWS, f"SELECT * FROM {TABLE} WHERE 1 = 0"),
    ("a number for an answer", ROWS, "SELECT 40"),
    ("a number from a table", ROWS, f"SELECT 40 FROM {TABLE} LIMIT 1"),
    ("a query that writes", ROWS, f"DELETE FROM {TABLE}"),
    ("a query that never ends", ROWS, ENDLESS),
    ("a file for a database", ROWS, "SELECT * FROM pragma_database_list"),
    # Programs that know instead of computing (hole 5)
    ("a constant", PLAIN, "def solution():\n    return 8"),
    ("a constant in a name", PLAIN, "def solution():\n    answer = 8\n    return answer"),
    ("a constant that looks computed", PLAIN, "def solution():\n    return 8 + 0"),
    ("a constant in a text", PLAIN, "def solution():\n    return int('8')"),
    ("other numbers", PLAIN, "def solution():\n    return 4 * 2"),
    ("a number of the question for show", PLAIN, "def solution():\n    return 23 * 0 + 4 * 2"),
    ("what is printed", PLAIN, "def solution():\n    print(8)"),
    ("an answer without its arguments", STORY, f"{SOLUTION}return {ANSWER}"),
    ("an answer for these arguments", STORY, f"{SOLUTION}return number0 - number0 + {ANSWER}"),
    (
        "a look at the caller",
        STORY,
        f"{SOLUTION}import sys\n    return sys._getframe(1).f_locals.get('answer')",
    ),
    ("a file", PLAIN, "def solution():\n    return float(open('/etc/hostname').read())"),
    (
        "an object that equals everything",
        PLAIN,
        "class A(int):\n    __eq__ = lambda *_: True\ndef solution():\n    return A(3)",
    ),
    ("an answer in letters", LETTERS, f"def solution():\n    return {LETTERED!r}"),
    (
        "an answer in letters, joined",
        LETTERS,
        f"def solution():\n    return ''.join([{LETTERED!r}])",
    ),
    # An answer that is right by luck
    ("nothing there", CLEVR, NOTHING),
    ("a number", CLEVR, "0"),
]
