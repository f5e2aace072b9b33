"""A real browser among the screens: when what was said is painted on the page, on this process's clock."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from playwright.async_api import Page, async_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
BUSY_LIMIT_S = 10.0
SIZE = {"width": 1920, "height": 1080}

WATCH = """
(mark => {
  window.paintedMarks = {};
  const seen = window.paintedMarks;
  const look = text => {
    const at = text.indexOf(mark);
    if (at < 0) return;
    const said = parseFloat(text.slice(at + mark.length));
    if (said in seen) return;
    seen[said] = 0;
    // The frame that shows it is made after this callback; a message is handled after the frame.
    requestAnimationFrame(() => {
      const after = new MessageChannel();
      after.port1.onmessage = () => { seen[said] = performance.timeOrigin + performance.now(); };
      after.port2.postMessage(0);
    });
  };
  new MutationObserver(records => {
    for (const record of records) {
      if (record.type === "characterData") look(record.target.data);
      for (const node of record.addedNodes) look(node.textContent);
    }
  }).observe(document, { childList: true, characterData: true, subtree: true });
})
"""


@dataclass(frozen=True, slots=True)
class Painting:
    """A page in a browser, watched since it was opened."""

    page: Page

    async def late_s(self, said_s: frozenset[float]) -> list[float]:
        """Return how long after each of these moments, of the monotonic clock, its mark was painted.

        A page that is too busy to be asked has painted nothing that counts.
        """
        painted: dict[str, float] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BUSY_LIMIT_S):
                painted = await self.page.evaluate("() => window.paintedMarks")
        wall_minus_monotonic_s = time.time() - time.monotonic()
        return [
            at_ms / 1000.0 - wall_minus_monotonic_s - float(said)
            for said, at_ms in painted.items()
            if at_ms and float(said) in said_s
        ]


@contextlib.asynccontextmanager
async def painting(url: str, mark: str) -> AsyncIterator[Painting | None]:
    """Open the page and watch for texts with ``mark`` and a number; ``None`` where there is no browser."""
    program = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if program is None:
        yield None
        return
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS.split())
        try:
            page = await browser.new_page(viewport=SIZE)  # type: ignore[arg-type]  # a plain dict is what it takes
            await page.add_init_script(f"{WATCH.strip()}({mark!r});")
            await page.goto(url)
            yield Painting(page)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BUSY_LIMIT_S):
                    await browser.close()
