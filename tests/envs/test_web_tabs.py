"""Which tab an episode gets: one that has its task already, loaded anew when it is due."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from envs.web.browser import Tab
from envs.web.episode import reset
from envs.web.tabs import IDLE_SECONDS, Tabs
from envs.web.tasks import task


def with_tabs(size: int, reload_every: int, work: Callable[[Tabs], Awaitable[None]]) -> None:
    async def run() -> None:
        tabs = Tabs(size, reload_every)
        async with asyncio.timeout(200):
            await tabs.start()
            try:
                await work(tabs)
            finally:
                await tabs.close()

    asyncio.run(run())


async def visit(tabs: Tabs, name: str) -> tuple[Tab, int]:
    """The tab that one episode of this task got, and the episodes it had had since it was loaded."""
    async with tabs.one(task(name)) as tab:
        before = tab.episodes
        await reset(tab, task(name), 1)
        return tab, before


def test_a_tab_stays_on_its_task_and_the_one_idle_for_longest_changes_to_another() -> None:
    async def work(tabs: Tabs) -> None:
        first, _ = await visit(tabs, "click-test")
        second, _ = await visit(tabs, "click-link")
        assert first is not second
        assert await visit(tabs, "click-test") == (first, 1)
        assert await visit(tabs, "click-tab") == (second, 0)
        assert await visit(tabs, "click-test") == (first, 2)

    with_tabs(2, 500, work)


def test_a_page_is_loaded_anew_when_it_is_due_and_always_where_the_table_says_so() -> None:
    async def work(tabs: Tabs) -> None:
        assert [(await visit(tabs, "click-test"))[1] for _ in range(5)] == [0, 1, 0, 1, 0]
        assert [(await visit(tabs, "use-slider"))[1] for _ in range(2)] == [0, 0]

    with_tabs(1, 2, work)


def test_a_restless_page_is_emptied_when_nobody_uses_it_and_others_are_kept() -> None:
    async def work(tabs: Tabs) -> None:
        kept, _ = await visit(tabs, "click-test")
        restless, _ = await visit(tabs, "stock-market")
        while restless.task:
            await asyncio.sleep(IDLE_SECONDS / 4)
        assert kept.task == "click-test"
        assert await visit(tabs, "stock-market") == (restless, 0)

    with_tabs(2, 500, work)


def test_more_episodes_than_tabs_wait_their_turn() -> None:
    async def work(tabs: Tabs) -> None:
        visits = await asyncio.gather(*(visit(tabs, "click-test") for _ in range(12)))
        assert len({tab for tab, _ in visits}) <= 3

    with_tabs(3, 500, work)


def test_a_fault_of_the_caller_leaves_the_tab_to_others() -> None:
    async def work(tabs: Tabs) -> None:
        with pytest.raises(KeyError):
            async with tabs.one(task("click-test")) as tab:
                raise KeyError("mine")
        assert (await visit(tabs, "click-test"))[0] is tab
        assert not tabs.recoveries

    with_tabs(1, 500, work)
