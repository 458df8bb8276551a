"""One headless browser and its tabs, driven over Playwright. The only file that imports it.

Nothing here has a deadline of its own: a tab can hang at any call, so whoever calls does so under `asyncio.timeout`.
"""

import asyncio
import contextlib
import mimetypes
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import psutil

from envs.base import InfrastructureError
from envs.sandbox.kernel import SUBREAPER, prctl
from envs.web.tasks import root

T = TypeVar("T")
INSTALLED = (  # the browsers themselves: Debian's commands are shell scripts that outlive a kill
    "/usr/lib/chromium/chromium-headless-shell",
    "/usr/lib/chromium/headless_shell",
    "/usr/lib/chromium/chromium",
    "/usr/lib/chromium-browser/chromium-browser",
)
NAMES = ("chrom", "headless")  # what its processes are called
ORIGIN = "http://tasks.invalid"  # a name that no resolver knows: its pages come from memory, everything else is refused
PLAY = Path(__file__).with_name("play.js")
VIEW = {"width": 500, "height": 320}
PARKED = (VIEW["width"] - 1, VIEW["height"] - 1)  # where the pointer rests between episodes: over nothing
START_SECONDS, CLOSE_SECONDS = 20.0, 5.0
FLAGS = (
    "--proxy-server=127.0.0.1:9",  # what is not asked through the page (sockets, prefetching) ends nowhere
    "--proxy-bypass-list=<-loopback>",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-frame-rate-limit",
    "--disable-gpu-vsync",
)


class TabError(Exception):
    """A tab crashed, was closed, or lost its document. Says nothing about who is to blame."""


def executable() -> str:
    """The browser that is used: Debian's headless shell, its Chromium, or "" for the one that Playwright downloaded."""
    return next((path for path in INSTALLED if os.access(path, os.X_OK)), "")


class Browser:
    """A running browser with one context. `start` before use; `close` ends every process it had.

    more: documents by path that are served beside the pages of the tasks, and in their place.
    """

    def __init__(self, more: Mapping[str, str] | None = None) -> None:
        self.version = ""
        self._driver: Any = None
        self._process: psutil.Process | None = None  # the driver's; the browser is a child of it
        self._browser: Any = None
        self._context: Any = None
        self._tabs: dict[Any, Tab] = {}
        self._pages = {path: (text.encode(), "text/html") for path, text in (more or {}).items()}

    async def start(self) -> None:
        """Raises InfrastructureError where no browser can be started."""
        from playwright.async_api import Error, async_playwright

        self._error = Error
        adopt_orphans()
        before = set(psutil.Process().children())
        try:
            async with asyncio.timeout(START_SECONDS):
                self._driver = await async_playwright().start()
                ours = set(psutil.Process().children()) - before
                self._process = next((each for each in ours if each.name() == "node"), None)
                self._browser = await self._driver.chromium.launch(
                    executable_path=executable() or None, args=FLAGS, handle_sigint=False, handle_sigterm=False
                )
                await self.renew()
        except (Error, TabError, OSError, TimeoutError) as error:
            await self.close()
            line = next(iter(str(error).strip().splitlines()), type(error).__name__)
            remedy = "as root: apt-get install chromium-headless-shell, or: playwright install chromium-headless-shell"
            raise InfrastructureError(f"no browser could be started ({line}); {remedy}") from None
        self.version = f"{executable() or self._driver.chromium.executable_path} {self._browser.version}"

    @property
    def alive(self) -> bool:
        return self._browser is not None and self._browser.is_connected()

    async def renew(self) -> None:
        """A new context, empty; the tabs of the one before are gone. Raises TabError."""
        old, self._tabs = self._context, {}
        try:
            self._context = await self._browser.new_context(
                viewport=VIEW, accept_downloads=False, service_workers="block", locale="en-US", timezone_id="UTC"
            )
            await self._context.add_init_script(path=PLAY)
            await self._context.route("**/*", self._serve)
            self._context.on("page", self._opened)
            if old is not None:
                await old.close()
        except self._error as error:
            raise TabError(_line(error)) from None

    async def tab(self) -> "Tab":
        """A new tab. Raises TabError."""
        try:
            page = await self._context.new_page()
        except self._error as error:
            raise TabError(_line(error)) from None
        self._tabs[page] = Tab(page, self._error, self._tabs.pop)
        return self._tabs[page]

    async def close(self) -> None:
        """End the browser and Playwright's driver; what does not end in time is killed."""
        family = _family(self._process)
        for part, ends in ((self._browser, "close"), (self._driver, "stop")):
            if part is not None:
                with contextlib.suppress(Exception):  # it is dead already, or is about to be killed
                    async with asyncio.timeout(CLOSE_SECONDS):
                        await getattr(part, ends)()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._browser = self._driver = self._context = self._process = None
        self._tabs = {}
        reap()

    async def _serve(self, route: Any) -> None:
        """A file of the tasks from memory; anything else is refused, and a tab that wanted to leave is told so."""
        url, tab = route.request.url, self._going_away(route.request)
        found = self._file(url)
        with contextlib.suppress(self._error):  # the tab may be gone by now
            if tab is not None:
                tab.left = url
                await route.abort("aborted")
            elif found is None:
                for each in self._tabs.values():
                    each.refused += 1
                await route.abort("blockedbyclient")
            else:
                await route.fulfill(body=found[0], content_type=found[1])

    def _going_away(self, request: Any) -> "Tab | None":
        """The tab that this request would take to another document, unless we sent it there."""
        try:
            if not request.is_navigation_request() or request.frame.parent_frame is not None:
                return None
            tab = self._tabs.get(request.frame.page)
        except self._error:  # asked before its window was there
            return None
        return None if tab is None or tab.going else tab

    def _file(self, url: str) -> tuple[bytes, str] | None:
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != ORIGIN:
            return None
        path = unquote(parts.path).lstrip("/")
        if path not in self._pages:
            file = (root() / path).resolve()
            if not file.is_relative_to(root().resolve()) or not file.is_file():
                return None
            self._pages[path] = file.read_bytes(), kind(file)
        return self._pages[path]

    def _opened(self, page: Any) -> None:
        """A window that a page opened is closed at once; ours are known by the time anything runs in them."""

        async def close() -> None:
            with contextlib.suppress(self._error):
                if await page.opener() is not None:
                    await page.close()

        later(close())


_running: set[asyncio.Task[None]] = set()  # the loop itself keeps no task alive


def later(work: Coroutine[Any, Any, None]) -> None:
    """Let it happen beside all else; a tab that breaks over it will be met by the next call."""

    def done(task: asyncio.Task[None]) -> None:
        _running.discard(task)
        if not task.cancelled():
            task.exception()

    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(done)


class Tab:
    """One page of a browser and what is known of it. Every call may hang; every call may raise TabError.

    `task`, `episodes`: what is loaded, and how often it was used since; `restless`: it computes while nobody uses it.
    `left`: where the page wanted to go.
    """

    def __init__(self, page: Any, error: type[Exception], forget: Callable[[Any, None], object]) -> None:
        self.task, self.restless, self.episodes, self.refused = "", False, 0, 0
        self.left, self.going = "", False
        self._strayed = False  # the pointer lies where an action put it
        self._page, self._error, self._forget = page, error, forget
        self._faults: list[str] = []
        page.on("pageerror", lambda fault: self._faults.append(str(fault).splitlines()[0]))

    @property
    def faults(self) -> list[str]:
        """What the page's own scripts raised since it was loaded."""
        return self._faults

    async def open(self, path: str) -> None:
        """Load a file of the tasks ("" for an empty page)."""
        self.going, self.left = True, ""
        self._faults.clear()
        try:
            await self._do(self._page.goto(f"{ORIGIN}/{path}" if path else "about:blank"))
        finally:
            self.going = False
        self.episodes, self.refused = 0, 0

    async def run(self, expression: str, argument: Any = None) -> Any:
        """The JSON value of an expression in the page."""
        return await self._do(self._page.evaluate(expression, argument))

    async def click(self, x: float, y: float) -> None:
        self._strayed = True
        await self._do(self._page.mouse.click(x, y))

    async def move(self, x: float, y: float) -> None:
        self._strayed = True
        await self._do(self._page.mouse.move(x, y))

    def park_pointer(self) -> None:
        """Put the pointer where nothing is below it. Not waited for: a lone move is answered with the next frame only,
        and whatever comes next comes after it all the same."""
        if self._strayed:
            self._strayed = False
            later(self._do(self._page.mouse.move(*PARKED)))

    async def type(self, text: str) -> None:
        await self._do(self._page.keyboard.type(text))

    async def press(self, key: str) -> None:
        await self._do(self._page.keyboard.press(key))

    async def screenshot(self) -> bytes:
        """A PNG of what is seen."""
        return await self._do(self._page.screenshot())

    async def close(self) -> None:
        """End it, whatever it is doing: its renderer is killed if need be."""
        self._forget(self._page, None)
        await self._do(self._page.close())

    async def _do(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except self._error as error:
            raise TabError(_line(error)) from None


def kind(file: Path) -> str:
    """The content type; every text of the tasks is UTF-8."""
    found = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith("text/") else found


def adopt_orphans() -> None:
    """Make this process the parent of whatever a killed browser leaves behind, so that `reap` can end it for good."""
    with contextlib.suppress(OSError):  # a kernel without it: PID 1 has to do it, as anywhere else
        prctl(SUBREAPER, 1)


def _family(process: psutil.Process | None) -> list[psutil.Process]:
    """A process and all that descend from it."""
    try:
        return [] if process is None else [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return []


def reap() -> int:
    """Bury the dead processes of killed browsers that came to us as their next of kin; how many there were.

    Only browsers are looked at: any other child belongs to whoever started it, who waits for it himself.
    """
    buried = 0
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
            if child.status() == psutil.STATUS_ZOMBIE and child.name().startswith(NAMES):
                buried += os.waitpid(child.pid, os.WNOHANG)[0] == child.pid
    return buried


def _line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
