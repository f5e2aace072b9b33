"""The streams to the pages: each page has all that is so, then what changes, the newest of each thing.

Laws:
  * What is urgent goes at once; the rest goes together, ten times a second, so that a ward of 200 beds does not wake
    every screen for every number.
  * A text is made once for all pages.
  * A page that does not keep up is never fed old things: only the newest of each waits for it, and over a bound it is
    let go, notices by the beat that is missing, and comes anew.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from station.ward import Change, Key

FLUSH_S = 0.1
"""What is not urgent waits so long at most: with the way to the screen it stays well below a quarter of a second."""

PAGES_MAX = 64
"""More screens than a ward has; each is a connection and a copy of what waits for it."""

WAITING_MAX = 5000
"""Things that may wait for one page: more than 200 beds have."""

RECEIPTS_MAX, RECEIPTS_S = 40, 10.0
"""Receipts of one page: four a second, where it is asked for one every 3 s and one with each change."""

BEAT: Key = ("beat",)
_ORDER = ("edge", "bed", "alarm", "station_alarm")


class FullError(Exception):
    """There are as many pages as there may be."""


@dataclass(slots=True)
class Page:
    """One stream. ``browser``: whose; ``name``: its name in receipts."""

    name: str
    browser: str
    waiting: dict[Key, bytes] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    receipts: deque[float] = field(default_factory=lambda: deque(maxlen=RECEIPTS_MAX))
    ended: bool = False

    def may_receipt(self, now_s: float) -> bool:
        """Note a receipt; False if there are more than a page has reason for."""
        if len(self.receipts) == RECEIPTS_MAX and now_s - self.receipts[0] < RECEIPTS_S:
            return False
        self.receipts.append(now_s)
        return True


def encode(event: str, data: str) -> bytes:
    """Write an event of a stream; ``data`` is JSON in one line."""
    return f"event: {event}\ndata: {data}\n\n".encode()


class Feed:
    """All streams. ``later`` calls something after some seconds."""

    def __init__(self, later: Callable[[float, Callable[[], None]], object]) -> None:
        self._later = later
        self._state: dict[Key, bytes] = {}
        self._flushing = False
        self._numbers = 0
        self.pages: dict[str, Page] = {}

    def put(self, changes: Iterable[Change]) -> None:
        """Tell every page what changed."""
        for change in changes:
            text = encode(change.event, change.data)
            if change.over:
                for known in [known for known in self._state if known[: len(change.key)] == change.key]:
                    del self._state[known]
                self._forget(change.key)
            else:
                self._state[change.key] = text
            for page in list(self.pages.values()):
                self._give(page, change.key, text, urgent=change.urgent)

    def tell(self, browser: str, event: str, data: str) -> None:
        """Tell the pages of one browser something that is not kept."""
        self._numbers += 1
        for page in [page for page in self.pages.values() if page.browser == browser]:
            self._give(page, (event, str(self._numbers)), encode(event, data), urgent=True)

    def beat(self, data: str) -> None:
        """Tell every page that the server lives; only the newest beat waits."""
        text = encode("beat", data)
        for page in list(self.pages.values()):
            self._give(page, BEAT, text, urgent=True)

    def _forget(self, key: Key) -> None:
        """Leave out what still waits of a thing that is over."""
        for page in self.pages.values():
            for known in [known for known in page.waiting if known[: len(key)] == key]:
                del page.waiting[known]

    def _give(self, page: Page, key: Key, text: bytes, *, urgent: bool) -> None:
        # Taken out first: what comes anew goes behind what was told in between.
        page.waiting.pop(key, None)
        page.waiting[key] = text
        if len(page.waiting) > WAITING_MAX:
            self.end(page)
        elif urgent:
            page.wake.set()
        elif not self._flushing:
            self._flushing = True
            self._later(FLUSH_S, self._flush)

    def _flush(self) -> None:
        self._flushing = False
        for page in self.pages.values():
            if page.waiting:
                page.wake.set()

    def open(self, page: Page, hello: str) -> AsyncIterator[bytes]:
        """Begin a stream: from now on nothing is missed. Raises `FullError`."""
        if len(self.pages) >= PAGES_MAX:
            raise FullError(f"there are {PAGES_MAX} pages already: close some")
        self.pages[page.name] = page
        kept = sorted(self._state.items(), key=lambda item: _ORDER.index(item[0][0]))
        first = b"".join([encode("hello", hello), *(text for _, text in kept), encode("ready", "{}")])
        return self._stream(page, first)

    async def _stream(self, page: Page, first: bytes) -> AsyncIterator[bytes]:
        try:
            yield first
            while not page.ended:
                await page.wake.wait()
                page.wake.clear()
                texts = list(page.waiting.values())
                page.waiting.clear()
                if texts:
                    yield b"".join(texts)
        finally:
            self.end(page)

    def end(self, page: Page) -> None:
        """Let a page go."""
        page.ended = True
        page.waiting.clear()
        page.wake.set()
        self.pages.pop(page.name, None)

    def close(self) -> None:
        """End every stream: the program ends."""
        for page in list(self.pages.values()):
            self.end(page)
