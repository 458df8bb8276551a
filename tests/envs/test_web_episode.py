"""What each action does to a page, on pages of our own and on real tasks."""

from collections.abc import Iterator

import pytest
from webpages import OK, farm_of, own, page

from envs.web.episode import EpisodeConfig, Played
from envs.web.farm import Farm
from envs.web.scripts import Action
from envs.web.tasks import task

BOXES = "".join(f'<label><input type="checkbox" class="box" id="b{i}">{i}</label>' for i in range(3))
MENU = "<select id=menu><option>one</option><option>two</option></select>"
LIST = "<select id=list multiple><option>one</option><option>two</option><option>three</option></select>"
COVER = '<div style="position:fixed;top:0;left:0;width:160px;height:210px;z-index:9"></div>'
COUNT = "window.events = []; for (const name of ['mousedown', 'click', 'keydown', 'input', 'change', 'mouseover']) "
COUNT += "document.addEventListener(name, event => events.push(name + (event.isTrusted ? '' : '?')));"
VANISH = "() => { area.innerHTML = '<button id=ok>OK</button>'; area.firstChild.onclick = () => core.endEpisode(0.5); }"


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    pages = {
        "ok": page(OK),
        "boxes": page(f'{BOXES}{OK}<input id="tt"><p id="hidden" style="display:none">no</p>'),
        "menus": page(MENU + LIST + OK),
        "covered": page(OK + COVER),
        "far": page(f'<div style="height:3000px"></div>{OK}'),
        "leaves": page(f'<a id="out" href="http://example.org/">out</a>{OK}'),
        "vanishes": page("<b>1</b><b>2</b>", f"for (const b of document.querySelectorAll('b')) b.onclick = {VANISH};"),
    }
    with farm_of(EpisodeConfig(seconds=20, pages=2), **pages) as farm:
        yield farm


def played(farm: Farm, name: str, *calls: tuple[str, str]) -> Played:
    return farm.play(own(name), 1, [Action(*call) for call in calls])


PRESS_OK = ("click_xpath", "//button[@id='ok']")


def test_an_episode_ends_with_the_reward_of_its_page(farm: Farm) -> None:
    found = played(farm, "ok", PRESS_OK)
    assert (found.done, found.raw, found.goal) == (True, 1.0, "Press OK.")
    assert 0.99 < found.timed <= 1.0
    assert found.trace[0]["action"] == list(PRESS_OK)
    assert found.trace[0]["matched"] == 1
    assert len(found.trace[0]["dom"]) == len(found.dom) == 16


def test_no_action_leaves_the_episode_open_and_shows_its_page(farm: Farm) -> None:
    found = played(farm, "ok", ("press", "arrowup"))
    assert not found.done
    assert 'id="ok"' in found.page


def test_a_click_goes_to_every_match_or_as_a_setting_to_the_first() -> None:
    boxes = ("click_xpath", "//input[@class='box']")
    for matches, ticked in (("all", 3), ("first", 1)):
        config = EpisodeConfig(seconds=20, pages=1, matches=matches, form="tree")
        with farm_of(config, boxes=page(BOXES)) as farm:
            found = played(farm, "boxes", boxes)
            assert found.page.count(" on") == ticked
            assert bool(found.notes) == (matches == "all")


def test_every_match_is_looked_up_again_after_the_click_before(farm: Farm) -> None:
    found = played(farm, "vanishes", ("click_xpath", "//b"), PRESS_OK)
    assert (found.fault, found.done, found.raw) == ("", True, 0.5)


def test_typed_text_and_keys_arrive_in_the_field_that_has_the_focus() -> None:
    calls = [("click_xpath", "//input"), ("type", "Señor 5"), ("press", "backspace"), ("type", "6")]
    with farm_of(EpisodeConfig(seconds=20, pages=1, form="tree"), field=page('<input id="tt">')) as farm:
        assert '= "Señor 6"' in played(farm, "field", *calls).page


@pytest.mark.parametrize("xpath", ["//select[@id='menu']/option[text()='two']", "//option[.='two']"])
def test_an_option_is_chosen_by_its_text_whichever_method_is_used(farm: Farm, xpath: str) -> None:
    for method in ("click_option", "click_xpath"):
        found = played(farm, "menus", (method, xpath))
        assert found.fault == ""
    assert played(farm, "menus", ("click_option", "//button")).fault.endswith("no option of a menu; use click_xpath")


def test_a_covered_button_takes_the_enter_key_instead(farm: Farm) -> None:
    found = played(farm, "covered", PRESS_OK)
    assert found.done
    assert "covered" in found.notes[0]


def test_what_lies_outside_the_view_is_scrolled_to(farm: Farm) -> None:
    assert played(farm, "far", PRESS_OK).raw == 1.0


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        (("click_xpath", "//nothing"), "matches nothing on the page"),
        (("click_xpath", "//b[["), "is no XPath that selects elements"),
        (("click_xpath", "count(//b)"), "is no XPath that selects elements"),
        (("click_xpath", "//label/text()"), "selects no element but text"),
        (("click_xpath", "//p[@id='hidden']"), "matches an element that is not visible"),
        (("movemouse", "//nothing"), "matches nothing on the page"),
        (("press", "f13"), "no such key; there are enter, space"),
    ],
)
def test_an_action_that_cannot_be_done_says_why_and_ends_the_script(
    farm: Farm, call: tuple[str, str], fault: str
) -> None:
    found = played(farm, "boxes", ("press", "arrowup"), call, PRESS_OK)
    assert found.fault.startswith(f"action 2, {Action(*call)}: {fault}")
    assert not found.done
    assert len(found.trace) == 2


def test_leaving_the_task_ends_the_episode_and_nothing_is_loaded(farm: Farm) -> None:
    found = played(farm, "leaves", ("click_xpath", "//a[@id='out']"), PRESS_OK)
    assert found.left == "http://example.org/"
    assert not found.done
    assert played(farm, "leaves", PRESS_OK).raw == 1.0


def test_an_action_after_the_end_of_an_episode_changes_nothing(farm: Farm) -> None:
    found = played(farm, "ok", PRESS_OK, ("click_xpath", "//nothing"), PRESS_OK)
    assert (found.done, found.raw, found.fault) == (True, 1.0, "")


def test_events_are_those_of_a_real_mouse_and_a_real_keyboard() -> None:
    shown = "document.title = events.join(' '); document.getElementById('query').textContent = events.join(' ');"
    body = '<input id="tt"><button id="show">show</button>'
    script = f"{COUNT} show.onclick = function() {{ {shown} }};"
    with farm_of(EpisodeConfig(seconds=20, pages=1), trusted=page(body, script)) as farm:
        found = played(farm, "trusted", ("click_xpath", "//input"), ("type", "a"), ("click_xpath", "//button"))
    assert "mousedown click keydown input" in found.page
    assert "?" not in found.page


def test_pages_do_not_share_a_clipboard() -> None:
    copy = [("click_xpath", "//textarea[@id='to-copy']"), ("press", "command+a"), ("press", "command+c")]
    paste = [("click_xpath", "//*[@id='answer-input']"), ("press", "command+v"), ("click_xpath", "//*[@id='subbtn']")]
    with farm_of(EpisodeConfig(seconds=20, pages=2)) as farm:
        of = task("copy-paste")
        assert farm.play(of, 1, [Action(*call) for call in copy + paste]).raw == 1.0
        assert farm.play(of, 2, [Action(*call) for call in paste]).raw == -1.0
        assert farm.play(of, 2, [Action(*call) for call in copy + paste]).raw == 1.0


def test_both_forms_of_a_page_are_stable_under_its_seed_and_capped() -> None:
    for form in ("html", "tree"):
        with farm_of(EpisodeConfig(seconds=20, pages=1, form=form)) as farm:
            views = [farm.view(task("click-button"), seed) for seed in (5, 6, 5)]
            assert views[0] == views[2] != views[1]
            assert not views[0].cut
            assert 'data-wob_ref="4"' in views[0].page or form == "tree"
        with farm_of(EpisodeConfig(seconds=20, pages=1, form=form, page_chars=100)) as farm:
            view = farm.view(task("click-checkboxes-large"), 5)
            assert len(view.page) == 100
            assert view.cut


def test_a_page_that_is_no_task_is_refused() -> None:
    with farm_of(plain="<p>hello</p>") as farm, pytest.raises(ValueError, match="plain: this page is no MiniWoB"):
        farm.view(own("plain"), 1)
