"""Two tabs of one window, of which one is truly hidden: playwright tells each page that it has the focus."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.station.conftest import CHROMIUM, CHROMIUM_ARGS, WAIT_MS

LOOK_S = 0.05
FREE_FD = 40
"""From here on no descriptor of the browser's own is met: it reads commands from 3 and answers on 4."""


NO_PAGE_YET = "Cannot find default execution context"


class NoPageYetError(AssertionError):
    """The tab is between two pages."""


@dataclass
class Window:
    """A browser at the pipe of its debugger."""

    to_browser: int
    from_browser: int
    said: bytes = b""
    number: int = 0

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Ask the browser, and wait for its answer."""
        self.number += 1
        told = {"id": self.number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self.to_browser, json.dumps(told).encode() + b"\0")
        while True:
            while b"\0" not in self.said:
                part = os.read(self.from_browser, 65536)
                assert part, "the browser ended"
                self.said += part
            one, self.said = self.said.split(b"\0", 1)
            answer = json.loads(one)
            if answer.get("id") == self.number:
                if answer.get("error", {}).get("message") == NO_PAGE_YET:
                    raise NoPageYetError
                assert "error" not in answer, answer
                found: dict[str, Any] = answer["result"]
                return found

    def tab(self, url: str) -> Tab:
        """Open a tab in front of all others."""
        target = self.call("Target.createTarget", url=url)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Tab(self, target, session)


@dataclass(frozen=True)
class Tab:
    """One tab of a window."""

    window: Window
    target: str
    session: str

    def front(self) -> None:
        """Put it in front, and so hide the one that was."""
        self.window.call("Target.activateTarget", targetId=self.target)

    def state(self, name: str) -> None:
        """Freeze what is hidden, as a browser does that saves memory, or wake it."""
        self.window.call("Page.setWebLifecycleState", self.session, state=name)

    def click(self) -> None:
        """Touch the page, so that it may sound."""
        for kind in ("mousePressed", "mouseReleased"):
            at = {"type": kind, "x": 5, "y": 5, "button": "left", "clickCount": 1}
            self.window.call("Input.dispatchMouseEvent", self.session, **at)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        asked = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        return self.window.call("Runtime.evaluate", self.session, **asked)["result"].get("value")

    def until(self, expression: str, wanted: Any = True) -> None:
        """Wait until an expression has this value."""
        wait(lambda: self._is(expression, wanted))

    def _is(self, expression: str, wanted: Any) -> bool:
        try:
            return bool(self.evaluate(expression) == wanted)
        except NoPageYetError:
            return False


def wait(condition: Callable[[], bool]) -> None:
    """Wait for what is looked at from outside the page."""
    for _ in range(round(WAIT_MS / 1000 / LOOK_S)):
        if condition():
            return
        time.sleep(LOOK_S)
    pytest.fail(f"not so within {WAIT_MS / 1000:g} s")


@contextlib.contextmanager
def window(profile: Path) -> Iterator[Window]:
    """A browser with one window."""
    commands, answers = os.pipe(), os.pipe()
    theirs = [fcntl.fcntl(one, fcntl.F_DUPFD, FREE_FD) for one in (commands[0], answers[1])]
    own = f"--remote-debugging-pipe --window-size=1600,900 --user-data-dir={profile}"
    line = f"exec {CHROMIUM} {CHROMIUM_ARGS} {own} about:blank 3<&{theirs[0]} 4>&{theirs[1]}"
    browser = subprocess.Popen(["/bin/bash", "-c", line], pass_fds=theirs, stderr=subprocess.DEVNULL)
    for one in (commands[0], answers[1], *theirs):
        os.close(one)
    found = Window(commands[1], answers[0])
    try:
        yield found
        found.call("Browser.close")
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            browser.wait(5.0)
        browser.kill()
        browser.wait()
        os.close(commands[1])
        os.close(answers[0])
