"""A real browser, shared by a module, at a real station with a ward that plays its part."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, ViewportSize, expect, sync_playwright

from tests.station.said import EDGE
from tests.station.scene import Bed, Scene, alive
from tests.station.world import World, world

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --enable-precise-memory-info "
    # What was once heard from a site does not allow it to sound: each test begins as a new screen does.
    "--disable-features=MediaEngagementBypassAutoplayPolicies,PreloadMediaEngagementData"
)
LIMIT_S = 10.0
WAIT_MS = 15_000
"""A limit of waiting on a busy machine; how soon the page is to paint is measured in `make bench`."""

VIEWPORT: ViewportSize = {"width": 1600, "height": 900}
FROZEN_MOST_S = 40.0
Found = TypeVar("Found")
expect.set_options(timeout=WAIT_MS)


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait for what no locator can tell; the page's policy forbids playwright's own way."""
    for _ in range(WAIT_MS // 25):
        if condition():
            return
        page.wait_for_timeout(25)
    pytest.fail(f"not so within {WAIT_MS / 1000:g} s")


class Ward:
    """A station with its edge in a thread of their own, since the browser is driven in this one."""

    def __init__(
        self, folder: Path, beds: tuple[Bed, ...], *, attended: bool, more: dict[str, tuple[Bed, ...]] | None = None
    ) -> None:
        self._folder, self._beds, self._attended = folder, beds, attended
        self._more = more or {}
        """Other edges, with their beds."""
        self.others: list[Scene] = []
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._stop: asyncio.Event
        self.loop: asyncio.AbstractEventLoop
        self.world: World
        self.scene: Scene
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.world.port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(LIMIT_S)
        if self._failed is not None:
            raise self._failed
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(LIMIT_S)

    async def _run(self) -> None:
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with AsyncExitStack() as stack:
            try:
                edges = (EDGE, *self._more)
                self.world = await stack.enter_async_context(world(self._folder, edges=edges, attended=self._attended))
                self.scene = await stack.enter_async_context(alive(Scene(self.world, *self._beds)))
                for edge, beds in self._more.items():
                    self.others.append(await stack.enter_async_context(alive(Scene(self.world, *beds, edge=edge))))
            except BaseException as error:  # noqa: BLE001 - raised again where the test waits
                self._failed = error
                return
            finally:
                self._ready.set()
            await self._stop.wait()

    def do(self, what: Callable[[Scene], Awaitable[Found]]) -> Found:
        """Let the ward do something, and wait for it."""

        async def doing() -> Found:
            return await what(self.scene)

        return asyncio.run_coroutine_threadsafe(doing(), self.loop).result(LIMIT_S)

    def run(self, what: Coroutine[Any, Any, Found]) -> Found:
        """Let something happen in the ward's thread, and wait for it."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(LIMIT_S)

    def halt_broker(self) -> Callable[[], None]:
        """Let the broker stand still, and the edges with it; returns what ends it."""
        scenes = (self.scene, *self.others)
        for scene in scenes:
            scene.alive = False
        self.world.broker.freeze()

        def back() -> None:
            self.world.broker.thaw()
            for scene in scenes:
                scene.alive = True
                self.run(scene.say_all())

        return back

    def freeze(self) -> Callable[[], None]:
        """Let the server's process hang, as a stopped one does; returns what ends it."""
        thaw = threading.Event()
        self.loop.call_soon_threadsafe(lambda: thaw.wait(FROZEN_MOST_S))
        return thaw.set


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if shutil.which(CHROMIUM) is None:
        pytest.skip("NO BROWSER: chromium is not installed; scripts/debian chromium")
    with sync_playwright() as player:
        found = player.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS.split())
        yield found
        found.close()


def beds() -> tuple[Bed, ...]:
    return tuple(Bed(f"bed-{number}", f"Bed {number}") for number in range(1, 5))


@pytest.fixture(scope="module")
def module_ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with Ward(tmp_path_factory.mktemp("ward"), beds(), attended=True) as found:
        yield found


@pytest.fixture
def ward(module_ward: Ward) -> Iterator[Ward]:
    """The module's ward, as it was at first."""
    scene = module_ward.scene
    scene.beds = {bed.bed: bed for bed in beds()}
    scene.alive, scene.refuse, scene.said, scene.mute = True, "", "", False
    scene.wall_ahead_s, scene.synchronised = 0.0, True
    for other in module_ward.others:
        other.alive = True
        module_ward.run(other.say_all())
    scene.asked.clear()
    scene.events.clear()
    module_ward.do(lambda one: one.clear_all())
    module_ward.do(lambda one: one.say_all())
    yield module_ward
    module_ward.do(lambda one: one.clear_all())


def new_context(browser: Browser) -> BrowserContext:
    return browser.new_context(viewport=VIEWPORT, locale="en-GB")


class Window:
    """A window that a module's tests use one after the other, each as a new one: to open one costs a second."""

    def __init__(self, browser: Browser) -> None:
        self.context = new_context(browser)
        self._first = self.context.new_page()
        self._tools = self.context.new_cdp_session(self._first)
        self._used = False

    def page(self) -> Page:
        """The window's page, and from the second time on another one beside it."""
        used, self._used = self._used, True
        return self.context.new_page() if used else self._first

    def renew(self, url: str) -> None:
        """Forget what a test did: its pages, what it kept, held up and set."""
        for page in self.context.pages:
            if page is not self._first:
                page.close()
        self._first.unroute_all()
        self._first.evaluate("localStorage.clear()")
        self._first.goto("about:blank")
        # Only now nothing of the page runs that could keep more.
        self._tools.send("Storage.clearDataForOrigin", {"origin": url.rstrip("/"), "storageTypes": "local_storage"})
        self.context.clear_cookies()
        self._first.set_viewport_size(VIEWPORT)
        self._first.emulate_media(media="null")
        self._used = False


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Window]:
    found = Window(browser)
    yield found
    found.context.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A context of its own, for a test that watches it or changes it."""
    found = new_context(browser)
    yield found
    found.close()


@pytest.fixture
def open_page(request: pytest.FixtureRequest, ward: Ward) -> Iterator[Callable[..., Page]]:
    """Open the page; whatever goes wrong in it fails the test."""
    errors: list[str] = []
    own: BrowserContext | None = request.getfixturevalue("context") if "context" in request.fixturenames else None
    window: Window | None = None if own else request.getfixturevalue("window")

    def failed(error: Error) -> None:
        errors.append(str(error))

    def opened(path: str = "", *, touched: bool = True, **more: Any) -> Page:
        page = window.page() if window else cast("BrowserContext", own).new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", failed)
        page.goto(ward.url + path, **more)
        until(page, lambda: bool(page.evaluate("Boolean(globalThis.station?.ward.ready && station.painted > 0)")))
        page.evaluate("station.paint()")  # what was painted may be of before it was ready
        if touched:
            page.mouse.click(5, 5)
        return page

    yield opened
    if window:
        for page in window.context.pages:
            page.remove_listener("pageerror", failed)
        window.renew(ward.url)
    assert errors == []
