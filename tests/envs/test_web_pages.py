"""The pages themselves: a reset on a used page gives what a fresh page gives, and none of them asks for anything."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from envs.web.browser import Browser, Tab
from envs.web.episode import EpisodeConfig, View, look, reset
from envs.web.tasks import Task, named, pages, task

R = TypeVar("R")
SEED, OTHERS = 3, (11, 12, 13)
# A clock moves what they draw, so that their DOM is not the same twice, not even on fresh pages.
RESTLESS = frozenset(("chase-circle", "click-pie", "drag-cube"))


def in_browser(work: Callable[[Browser], Awaitable[R]]) -> R:
    """What the work gives, with a browser of its own and a deadline for everything."""

    async def run() -> R:
        browser = Browser()
        async with asyncio.timeout(280):
            await browser.start()
            try:
                return await work(browser)
            finally:
                await browser.close()

    return asyncio.run(run())


async def opened(tab: Tab, of: Task, seed: int) -> View:
    await reset(tab, of, seed)
    return await look(tab, of, EpisodeConfig(page_chars=1_000_000))


async def compared(browser: Browser, name: str) -> list[str]:
    """What differs between a fresh page, the same page after other episodes, and another fresh one."""
    of, faults = task(name), []
    tab = await browser.tab()
    await tab.open(of.path)
    fresh = await opened(tab, of, SEED)
    for seed in OTHERS:
        await opened(tab, of, seed)
    if of.reload:
        await tab.open(of.path)
    again = await opened(tab, of, SEED)
    if again.goal != fresh.goal:
        faults.append(f"{name}: goal {fresh.goal!r} became {again.goal!r}")
    if again.page != fresh.page and name not in RESTLESS:
        faults.append(f"{name}: the page differs: {difference(fresh.page, again.page)}")
    if not fresh.goal:
        faults.append(f"{name}: it has no goal")
    faults += [f"{name}: page error: {fault}" for fault in tab.faults]
    if tab.refused or tab.left:
        faults.append(f"{name}: {tab.refused} requests refused, left for {tab.left!r}")
    await tab.close()
    return faults


def difference(one: str, two: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    return f"{one[max(0, at - 60) : at + 60]!r} and {two[max(0, at - 60) : at + 60]!r}"


def all_compared(names: list[str]) -> list[str]:
    async def work(browser: Browser) -> list[str]:
        return [fault for name in names for fault in await compared(browser, name)]

    return in_browser(work)


def test_easy_tasks_are_the_same_on_a_used_page_as_on_a_fresh_one() -> None:
    assert all_compared([*named("easy"), "choose-date", "click-pie", "use-slider", "flight.AA"]) == []


@pytest.mark.slow
@pytest.mark.parametrize("part", range(5))
def test_all_tasks_are_the_same_on_a_used_page_as_on_a_fresh_one(part: int) -> None:
    assert all_compared(list(pages())[part::5]) == []
