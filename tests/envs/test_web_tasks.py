"""The table of tasks, and the drafts and problems that need no browser."""

import random
import tomllib

import pytest
from pydantic import ValidationError

from envisions.records import Problem
from envs.web import drafts
from envs.web.scripts import extract
from envs.web.sources import WebSource, posed, seeds_of
from envs.web.tasks import TABLE, TaskError, named, pages, root, task


def test_every_name_in_the_table_is_a_task() -> None:
    table = tomllib.loads(TABLE.read_text())
    names = {name for part in table.values() for names in part.values() for name in names}
    assert names <= pages().keys()
    assert all(len(names) == len(set(names)) for part in table.values() for names in part.values())


def test_the_groups_have_the_tasks_that_they_stand_for() -> None:
    assert len(named("paper")) == 44
    assert len(named("all")) == len(pages()) >= 125
    assert {"click-test", "click-button", "click-link", "focus-text", "enter-text"} <= set(named("easy"))
    assert named(("click-test", "easy", "click-test"))[0] == "click-test"
    assert len(named(("click-test", "easy"))) == len(named("easy"))


def test_every_page_is_a_file() -> None:
    assert all((root() / path).is_file() for path in pages().values())
    assert "flight.AA" in pages()


def test_an_unknown_task_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(TaskError, match="'click-buton' is no task; did you mean click-button"):
        task("click-buton")
    with pytest.raises(ValidationError, match="did you mean paper"):
        WebSource(tasks="papers")  # type: ignore[arg-type]


def test_no_iteration_shares_a_seed_with_another_or_with_a_test() -> None:
    seeds = [seed for iteration in range(1, 9) for seed in range(seeds_of(iteration, 50), seeds_of(iteration, 50) + 50)]
    assert len(seeds) == len(set(seeds))
    assert min(seeds) == 0
    assert max(seeds) < 10_000


PAGE = '4 text\n5 button "Submit"\n6 button "Okay"\n- svg\n7 span "a \\"b\\"" red'


def problem(goal: str, page: str = PAGE) -> Problem:
    return posed("p", "train", "enter-text", 1, goal, page)


def test_the_elements_of_a_page_are_read_from_its_tree() -> None:
    found = [(each.ref, each.kind, each.text) for each in drafts.elements(problem("?"))]
    assert found == [(4, "text", ""), (5, "button", "Submit"), (6, "button", "Okay"), (7, "span", 'a \\"b\\"')]


@pytest.mark.parametrize(
    ("goal", "right"),
    [
        ('Click on the "Okay" button.', "agent.click_xpath(\"//*[@data-wob_ref='6']\")"),
        (
            'Enter "Bo" into the text field and press Submit.',
            "agent.click_xpath(\"//*[@data-wob_ref='4']\")\nagent.type('Bo')\n"
            "agent.click_xpath(\"//*[@data-wob_ref='5']\")",
        ),
        ("Focus into the 1st input textbox.", "agent.click_xpath(\"//*[@data-wob_ref='4']\")"),
        ("Focus into the 2nd input textbox.", ""),
        ('Click on the "Nowhere" button.', ""),
        ("Solve the equation.", ""),
    ],
)
def test_the_right_script_is_known_where_the_goal_says_what_to_click(goal: str, right: str) -> None:
    assert drafts.right(problem(goal)) == right


def test_drafts_by_lot_are_scripts_over_the_elements_of_the_page() -> None:
    told = problem('Enter "Bo" into the text field and press Submit.')
    scripts = {drafts.by_lot(told, random.Random(seed)) for seed in range(200)}
    assert len(scripts) > 20
    assert all(extract(script) == script for script in scripts)
    assert drafts.right(told) in {drafts.draft(told, random.Random(seed), 1.0) for seed in range(3)}
    assert drafts.by_lot(problem("?", ""), random.Random(0)).startswith("agent.type(")
