"""A browser for many threads: one event loop in a thread of its own, and the tabs that belong to it."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from envs.base import InfrastructureError
from envs.web.browser import Browser, Tab, TabError
from envs.web.episode import EpisodeConfig, Played, View, look, play, reset
from envs.web.scripts import Action
from envs.web.tabs import BrokenHere, Tabs
from envs.web.tasks import Task

R = TypeVar("R")
OWN_FAULTS = 3  # times that an episode may break a tab while all else works; then it is the script's doing
LOSSES = 6  # times that an episode may be lost to whatever else broke
GRACE_SECONDS = 30.0  # beyond the time of its episodes, for mending and for waiting for a tab


class Unplayable(Exception):
    """The script breaks the page whenever it is played."""


class Farm:
    """Plays episodes in a browser that starts with the first one. To be used by many threads at once.

    more: documents by path beside those of the miniwob package.
    """

    def __init__(self, config: EpisodeConfig | None = None, more: Mapping[str, str] | None = None) -> None:
        self._browser = partial(Browser, more)
        self.config = config or EpisodeConfig()
        self._tabs: Tabs | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def recoveries(self) -> Counter[str]:
        """How often something broke and was replaced: tabs, contexts, browsers."""
        return Counter() if self._tabs is None else self._tabs.recoveries

    @property
    def version(self) -> str:
        """The browser's path and version; starts it. Raises InfrastructureError."""
        return self._started().browser.version

    def play(self, page: Task, seed: int, actions: Sequence[Action]) -> Played:
        """One episode, from its reset to its reward. Raises Unplayable and InfrastructureError."""
        tabs = self._started()

        async def episode(tab: Tab) -> Played:
            return await play(tab, page, seed, actions, self.config)

        return self._wait(self._tried(tabs, page, episode))

    def view(self, page: Task, seed: int) -> View:
        """What a model sees at the start of an episode. Raises as `play` does."""
        tabs = self._started()

        async def episode(tab: Tab) -> View:
            await reset(tab, page, seed)
            return await look(tab, page, self.config)

        return self._wait(self._tried(tabs, page, episode))

    def close(self) -> None:
        """End the browser and its thread."""
        with self._lock:
            self._closed = True
            loop, thread, tabs = self._loop, self._thread, self._tabs
        if loop is None or thread is None:
            return
        if tabs is not None:
            asyncio.run_coroutine_threadsafe(tabs.close(), loop).result(GRACE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(GRACE_SECONDS)

    async def _tried(self, tabs: Tabs, page: Task, episode: Callable[[Tab], Awaitable[R]]) -> R:
        """The episode, played again when it was lost; it ends as if nothing had happened, or not at all."""
        own = lost = 0
        while True:
            try:
                # twice the time after each hang: a slow machine must not look like a slow page
                async with tabs.one(page) as tab, asyncio.timeout(self.config.seconds * 2**own):
                    return await episode(tab)
            except BrokenHere as error:
                own += 1
                if own == OWN_FAULTS:
                    raise Unplayable(f"the page broke down each of {own} times: {error}") from None
            except TabError as error:
                lost += 1
                if lost == LOSSES:
                    raise InfrastructureError(f"the browser was lost {lost} times: {error}") from None

    def _started(self) -> Tabs:
        with self._lock:
            if self._closed:
                raise InfrastructureError("the browser is closed; make a new environment")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="browser", daemon=True)
                self._thread.start()
            if self._tabs is None:
                tabs = Tabs(self.config.pages, self.config.reload_every, self._browser)
                self._wait(tabs.start())
                self._tabs = tabs
            return self._tabs

    def _wait(self, work: Coroutine[Any, Any, R]) -> R:
        assert self._loop is not None
        future: Future[R] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(2**OWN_FAULTS * self.config.seconds + GRACE_SECONDS)
        except TimeoutError:
            future.cancel()
            raise InfrastructureError("the browser did not answer, and could not be mended in time") from None
