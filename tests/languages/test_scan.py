import pytest
from hypothesis import given
from hypothesis import strategies as st
from languages.data import shared
from languages.laws import refuses, renames_back, renamings

from envs.languages.scan import ACTIONS, Scan, interpret

SCAN = Scan()


@given(st.data(), st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=30).map(tuple))
def test_a_renamed_walk_leads_where_the_first_one_leads(data: st.DataObject, tree: tuple[str, ...]) -> None:
    after, new = renames_back(SCAN, tree, data.draw(renamings(SCAN, tree)))
    assert after.execute(new) == SCAN.execute(tree)


def test_a_strange_action_is_malformed_where_it_stands() -> None:
    refuses(SCAN, "I_JUMP I_FLY", 7)
    refuses(SCAN, "", 0)


def test_two_actions_may_swap_names_but_not_share_one() -> None:
    swap = {"action": {"I_JUMP": "I_LOOK", "I_LOOK": "I_JUMP"}}
    assert SCAN.rename(("I_JUMP", "I_LOOK"), swap) == ("I_LOOK", "I_JUMP")
    assert SCAN.renamed(swap).meaning("jump left") == ("I_TURN_LEFT", "I_LOOK")
    with pytest.raises(ValueError, match="two symbols"):
        SCAN.rename(("I_JUMP", "I_LOOK"), {"action": {"I_JUMP": "I_LOOK"}})


@pytest.mark.parametrize(
    ("command", "actions"),
    [
        ("jump twice after turn left", "I_TURN_LEFT I_JUMP I_JUMP"),
        ("walk opposite right and look", "I_TURN_RIGHT I_TURN_RIGHT I_WALK I_LOOK"),
        ("turn around left", "I_TURN_LEFT I_TURN_LEFT I_TURN_LEFT I_TURN_LEFT"),
    ],
)
def test_a_command_means_one_action_sequence(command: str, actions: str) -> None:
    assert interpret(command) == actions.split()


def test_every_command_of_scan_means_its_actions() -> None:
    for name in ("scan_simple_test.txt", "scan_length_test.txt"):
        for line in shared("symbols", name).read_text().splitlines():
            command, _, actions = line.removeprefix("IN: ").partition(" OUT: ")
            assert SCAN.meaning(command) == SCAN.parse(actions)
