"""The tabs of one browser: who plays where, and what is done when one breaks.

The ladder: close the tab and open another; a new context; a new browser; and where that does not help either, an
InfrastructureError, upon which the worker itself is replaced. Each rung is climbed only when the one below it did not
help, and each is counted.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

from envs.base import InfrastructureError
from envs.web.browser import Browser, Tab, TabError, reap
from envs.web.tasks import Task

MEND_SECONDS = 5.0  # for each rung
IDLE_SECONDS = 2.0  # after which a tab is emptied whose page computes for as long as it is open
BROKEN = (TabError, TimeoutError)


class Tabs:
    """At most `size` tabs, each kept on its task for as long as possible. Belongs to one event loop."""

    def __init__(self, size: int, reload_every: int, browser: Callable[[], Browser] = Browser) -> None:
        self.recoveries: Counter[str] = Counter()  # by rung: tab, context, browser
        self.size, self.reload_every = size, reload_every
        self.browser = browser()
        self._make = browser
        self._slots = asyncio.Semaphore(size)
        self._idle: list[tuple[Tab, float]] = []  # the one used last stands last
        self._living: set[Tab] = set()
        self._mending = asyncio.Lock()
        self._parking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises InfrastructureError where no browser can be started."""
        await self.browser.start()
        self._parking = asyncio.create_task(self._park())

    async def close(self) -> None:
        if self._parking is not None:
            self._parking.cancel()
            await asyncio.wait([self._parking], timeout=MEND_SECONDS)
        await self.browser.close()

    @contextlib.asynccontextmanager
    async def one(self, task: Task) -> AsyncIterator[Tab]:
        """A tab with the page of this task. What breaks within is mended before the error goes on to the caller.

        Raises TabError (somebody else's doing), its subclass BrokenHere (the tab itself hung or crashed), and
        InfrastructureError where nothing helps.
        """
        async with self._slots:
            tab = self._take(task)
            try:
                async with asyncio.timeout(MEND_SECONDS):
                    if tab is None:
                        tab = await self.browser.tab()
                        self._living.add(tab)
                    if tab.task != task.name or task.reload or tab.episodes >= self.reload_every:
                        await tab.open(task.path)
                        tab.task, tab.restless = task.name, task.restless
                yield tab
            except BROKEN as error:
                broken, tab = tab, None
                if await self._mend(broken):
                    raise BrokenHere(str(error) or "it did not answer in time") from None
                raise TabError(str(error)) from None
            finally:
                if tab in self._living:
                    self._idle.append((tab, time.monotonic()))

    def _take(self, task: Task) -> Tab | None:
        """The idle tab that has the task; or the one idle for longest; None while more may be opened."""
        same = next((place for place, (tab, _) in enumerate(self._idle) if tab.task == task.name), None)
        if same is not None:
            return self._idle.pop(same)[0]
        if len(self._living) < self.size or not self._idle:
            return None
        return self._idle.pop(0)[0]

    async def _mend(self, tab: Tab | None) -> bool:
        """Whether it was this tab alone that was broken; after this another one works."""
        async with self._mending:
            if tab is not None and tab not in self._living:
                return False  # its browser or context was replaced meanwhile
            if self.browser.alive:
                for rung, repair in (("tab", self._retab), ("context", self._renew)):
                    with contextlib.suppress(*BROKEN):
                        async with asyncio.timeout(MEND_SECONDS):
                            await repair(tab)
                            self.recoveries[rung] += 1
                            return rung == "tab" and tab is not None
            self.recoveries["browser"] += 1
            await self._restart()
            return False

    async def _retab(self, tab: Tab | None) -> None:
        if tab is not None:
            self._living.discard(tab)
            await tab.close()
        await self._prove()

    async def _renew(self, _: Tab | None) -> None:
        self._forget()
        await self.browser.renew()
        await self._prove()

    async def _restart(self) -> None:
        """Raises InfrastructureError when the new browser does not work either."""
        self._forget()
        old, self.browser = self.browser, self._make()
        await old.close()
        await self.browser.start()
        try:
            async with asyncio.timeout(MEND_SECONDS):
                await self._prove()
        except BROKEN as error:
            raise InfrastructureError(f"a new browser does not open a page either: {error}") from None

    async def _prove(self) -> None:
        """A new tab that answers."""
        tab = await self.browser.tab()
        if await tab.run("6 * 7") != 42:
            raise TabError("it cannot compute")
        self._living.add(tab)
        self._idle.insert(0, (tab, time.monotonic()))

    def _forget(self) -> None:
        self._living.clear()
        self._idle.clear()

    async def _park(self) -> None:
        """Empty the restless tabs that nobody uses, and bury what died; for ever."""
        while True:
            await asyncio.sleep(IDLE_SECONDS / 2)
            reap()
            before = time.monotonic() - IDLE_SECONDS
            for entry in [entry for entry in self._idle if entry[0].restless and entry[1] < before]:
                if entry not in self._idle:
                    continue  # it was taken, or lost, meanwhile
                self._idle.remove(entry)
                tab = entry[0]
                try:
                    async with asyncio.timeout(MEND_SECONDS):
                        await tab.open("")
                    tab.task, tab.restless = "", False
                    if tab in self._living:
                        self._idle.insert(0, (tab, time.monotonic()))
                except BROKEN:
                    with contextlib.suppress(InfrastructureError):  # whoever needs a tab next will meet it again
                        await self._mend(tab)


class BrokenHere(TabError):
    """The tab hung or crashed, while all else worked."""
