"""One line and its driver: open, converse, and open again, for ever. Nothing that goes wrong here leaves this port.

A connection dies once; this task makes new ones. A driver that raises, or that sends more events than any device can,
ends its connection and is made anew (law 11). A device that falls silent on an open port gets its port reopened: a plug
that was pulled gives no error.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from drivers.errors import LineError
from drivers.line import Line, open_line
from drivers.model import (
    HARMLESS_REJECTIONS,
    AwaitingSession,
    LineSettings,
    Output,
    Rejected,
    Send,
    Session,
)
from drivers.reconnect import Backoff
from edge.clock import to_next
from edge.config_ports import PortRuntime
from edge.core.inputs import Input, LineErrors, LinkCause, LinkChange
from edge.notify import Watchdog
from edge.recording import What
from edge.tape import Tape

TURN_S = 1.0
"""How often the task goes round for the watchdog, and tells its counts."""

ROUND_SAME_S = 0.05
"""A round that is longer or shorter by less than this is not told anew: no two are alike to the millisecond."""

EARLY_S = 0.1
"""A timer that is no more than this too early looks again; any other is made anew, which costs less than a wake-up."""

QUIET_MIN_S = 15.0
QUIET_ROUNDS = 5
"""A port without an accepted message for so many rounds, and this long, is closed and opened again."""

REJECTED_LOG_S = 3600.0
"""What is refused is logged at once, and again with its count after so long: noise must not fill the journal."""

REJECTED_KINDS_MAX = 64
"""So many kinds are told apart in a port's log: more than a device has names that we do not know."""

_NAME = re.compile(rb"[\w#.-]{0,24}")

_log = structlog.get_logger(__name__)


class Opener(Protocol):
    """How a line is opened: as `drivers.line.open_line` does it."""

    def __call__(
        self,
        address: str,
        settings: LineSettings,
        *,
        listen_only: bool,
        on_data: Callable[[bytes], None],
        on_lost: Callable[[str], None],
    ) -> Awaitable[Line]:
        """Open the line, or raise LineError."""


class Sink(Protocol):
    """Who takes what a port says, as `edge.inbox.Inbox` does."""

    def put(self, item: Input) -> None:
        """Take it."""


class DeviceTask:
    """The task of one port."""

    def __init__(
        self,
        port: PortRuntime,
        inbox: Sink,
        *,
        mono_s: Callable[[], float],
        backoff: Backoff,
        watchdog: Watchdog,
        opener: Opener = open_line,
        tape: Tape | None = None,
    ) -> None:
        self._port = port
        self._inbox = inbox
        self._mono_s = mono_s
        self._backoff = backoff
        self._watchdog = watchdog
        self._opener = opener
        self._tape = tape or Tape()
        self._name = f"port {port.port}"
        self._told: tuple[bool, LinkCause, str, float] | None = None
        self._opened = LinkCause.OPENED
        self._log = _log.bind(port=port.port, address=port.address, driver=port.driver.name)
        self._refusals = Refusals(port.port, mono_s)

    async def run(self) -> None:
        """Keep the line open until cancelled."""
        self._watchdog.expect(self._name)
        while True:
            self._watchdog.turned(self._name)
            connection = _Connection(self._port, self._inbox, self._mono_s, self._refusals, self._tape)
            try:
                line = await self._opener(
                    self._port.address,
                    self._port.line,
                    listen_only=self._port.driver.listen_only,
                    on_data=connection.on_data,
                    on_lost=connection.on_lost,
                )
            except LineError as error:
                self._tell(False, LinkCause.OPEN_FAILED, error.text, connection.session.round_s)
                self._note(error.reason.value, str(error))
            else:
                await self._converse(connection, line)
            await asyncio.sleep(self._backoff.next_delay_s())

    async def _converse(self, connection: _Connection, line: Line) -> None:
        try:
            connection.begin(line)
            cause, detail = await self._listen(connection)
        finally:
            connection.end()
            closed = line.close()
        await closed
        if cause is not None:
            self._tell(False, cause, detail, connection.session.round_s)
        self._note(detail, detail)

    async def _listen(self, connection: _Connection) -> tuple[LinkCause | None, str]:
        """Wait until the connection is over and say why, without a cause where its silence was the reason."""
        heard_at_s = self._mono_s()
        while True:
            round_s = connection.session.round_s
            if not connection.over.done():
                self._tell(True, self._opened, "", round_s)
            await asyncio.wait([connection.over], timeout=to_next(TURN_S, asyncio.get_running_loop().time()))
            self._watchdog.turned(self._name)
            if connection.tell_counts():
                heard_at_s = self._mono_s()
                self._backoff.succeeded()
            if connection.over.done():
                return connection.over.result()
            self._opened = LinkCause.OPENED
            if self._mono_s() - heard_at_s > max(QUIET_MIN_S, QUIET_ROUNDS * round_s):
                self._opened = LinkCause.REOPENED
                return None, "nothing was heard, so the port is opened again"

    def _tell(self, up: bool, cause: LinkCause, detail: str, round_s: float) -> None:  # noqa: FBT001 - one private caller form
        before = self._told
        if before is None or before[:3] != (up, cause, detail) or abs(before[3] - round_s) > ROUND_SAME_S:
            self._told = (up, cause, detail, round_s)
            self._inbox.put(LinkChange(self._port.port, self._mono_s(), up, cause, detail, round_s))

    def _note(self, reason: str, text: str) -> None:
        log = self._log.warning if self._backoff.first_failure(reason) else self._log.debug
        log("line down", reason=text)


class Refusals:
    """Logs what a port's driver refused, however often its line is opened: bounded in kinds and in time."""

    def __init__(self, port: str, mono_s: Callable[[], float]) -> None:
        self._log = _log.bind(port=port)
        self._mono_s = mono_s
        self._counts: Counter[tuple[str, bytes]] = Counter()
        self._next_s: dict[tuple[str, bytes], float] = {}

    def note(self, rejected: Rejected) -> None:
        """Count one, and log it if its time has come."""
        harmless = rejected.reason in HARMLESS_REJECTIONS
        found = _NAME.match(rejected.excerpt) if harmless else None
        # What is unknown is told name by name, without its value; noise has no names.
        kind = (rejected.reason, b"" if found is None else found[0])
        if kind not in self._next_s and len(self._next_s) >= REJECTED_KINDS_MAX:
            kind = (rejected.reason, b"")
        self._counts[kind] += 1
        now_s = self._mono_s()
        if now_s < self._next_s.get(kind, now_s):
            return
        self._next_s[kind] = now_s + REJECTED_LOG_S
        log = self._log.info if harmless else self._log.warning
        what = kind[1].decode("ascii") if harmless else rejected.excerpt.hex()
        log("rejected", reason=rejected.reason, count=self._counts.pop(kind), what=what)


class _Connection:
    """One session over one open line: bytes to inputs, and requests to bytes."""

    def __init__(
        self, port: PortRuntime, inbox: Sink, mono_s: Callable[[], float], refusals: Refusals, tape: Tape
    ) -> None:
        self._port = port
        self._inbox = inbox
        self._mono_s = mono_s
        self._loop = asyncio.get_running_loop()
        self._line: Line | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._accepted = 0
        self._rejected: Counter[str] = Counter()
        self._refusals = refusals
        self._tape = tape
        self.session: Session = port.session()
        self._awaiting = self.session if isinstance(self.session, AwaitingSession) else None
        self.over: asyncio.Future[tuple[LinkCause | None, str]] = self._loop.create_future()

    def begin(self, line: Line) -> None:
        """Start the session on the open line."""
        self._line = line
        self._turn(What.START, b"", self.session.start)

    def end(self) -> None:
        """Stop listening; nothing is said after this."""
        self._line = None
        if self._timer is not None:
            self._timer.cancel()
        if not self.over.done():
            self.over.set_result((None, "ended"))

    def on_data(self, data: bytes) -> None:
        """Take bytes from the line."""
        if not self.over.done():
            self._turn(What.HEARD, data, lambda now_s: self.session.feed(data, now_s))
            if self._awaiting is not None and self._line is not None:
                self._line.rest(self._awaiting.awaited_bytes)

    def on_lost(self, reason: str) -> None:
        """Take that the line is lost."""
        self._finish(LinkCause.LOST, reason)

    def tell_counts(self) -> int:
        """Put the counts since the last call in the inbox; return how many messages were accepted."""
        accepted = self._accepted
        garbled = Counter({name: n for name, n in self._rejected.items() if name not in HARMLESS_REJECTIONS})
        rejected = garbled.total()
        if accepted or rejected:
            reason = garbled.most_common(1)[0][0] if garbled else ""
            self._inbox.put(LineErrors(self._port.port, self._mono_s(), accepted, rejected, reason))
            self._accepted = 0
            self._rejected.clear()
        return accepted

    def _turn(self, what: What, data: bytes, act: Callable[[float], Sequence[Output]]) -> None:
        now_s = self._mono_s()
        self._tape.add(now_s, what, data)
        try:
            self._carry_out(act(now_s), now_s)
            self._arm()
        except Exception as error:  # noqa: BLE001 - the bulkhead of law 11: a driver's fault ends its own connection
            _log.exception("driver failed", port=self._port.port, driver=self._port.driver.name)
            self._finish(LinkCause.DRIVER_FAILED, f"{type(error).__name__}: {error}")

    def _carry_out(self, outputs: Sequence[Output], now_s: float) -> None:
        for output in outputs:
            if isinstance(output, Send):
                self._tape.add(now_s, What.SENT, output.data)
                if self._line is not None:
                    self._line.write(output.data)
            elif isinstance(output, Rejected):
                self._refusals.note(output)
                self._rejected[output.reason] += 1
            else:
                self._accepted += 1
                self._inbox.put(output)

    def _arm(self) -> None:
        deadline_s = self.session.deadline_s
        if self._timer is not None:
            # Each byte of a frame moves the deadline.
            if deadline_s is not None and 0.0 <= deadline_s - self._timer.when() <= EARLY_S:
                return
            self._timer.cancel()
            self._timer = None
        if deadline_s is not None and not self.over.done():
            self._timer = self._loop.call_at(deadline_s, self._tick, deadline_s)

    def _tick(self, at_s: float) -> None:
        self._timer = None
        deadline_s = self.session.deadline_s
        if deadline_s is None or deadline_s > at_s:
            self._arm()
        elif not self.over.done():
            self._turn(What.TICK, b"", self.session.tick)

    def _finish(self, cause: LinkCause, detail: str) -> None:
        if not self.over.done():
            self.over.set_result((cause, detail))
