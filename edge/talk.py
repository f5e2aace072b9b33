"""One conversation of a driver on a line, for the tools: bytes to the session, its requests to the line, all told.

Time is counted from the beginning of the conversation and rounded to a microsecond before the session sees it: what is
written down of it is then exactly what the session was told, and `replay` can tell it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drivers.errors import LineError, LineFault
from drivers.line import Line, open_line
from drivers.model import LineSettings, Output, Send, Session
from edge.holder import holder_of
from edge.recording import Entry, What

TIME_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Turn:
    """One call of a session (a start, a tick, or what was heard), and what it made."""

    call: Entry
    outputs: tuple[Output, ...]


class Talk:
    """A session from ``start`` until ``over`` is done, whose result says why it ended (empty: it was stopped).

    ``write`` takes the session's requests to the line, ``on_turn`` is told of each turn, before its requests are sent.
    A session that raises, and a line that cannot be written, end the conversation.
    """

    def __init__(
        self,
        session: Session,
        *,
        mono_s: Callable[[], float],
        write: Callable[[bytes], None],
        on_turn: Callable[[Turn], None],
    ) -> None:
        self.session = session
        self._mono_s = mono_s
        self._write = write
        self._on_turn = on_turn
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._zero_s = 0.0
        self.over: asyncio.Future[str] = self._loop.create_future()

    def start(self) -> None:
        """Begin: time is counted from here."""
        self._zero_s = self._mono_s()
        self._turn(Entry(0.0, What.START), self.session.start)

    def hear(self, data: bytes) -> None:
        """Take bytes from the line."""
        self._turn(Entry(self.now_s(), What.HEARD, data), lambda now_s: self.session.feed(data, now_s))

    def stop(self, reason: str = "") -> None:
        """End the conversation; the first reason counts."""
        if self._timer is not None:
            self._timer.cancel()
        if not self.over.done():
            self.over.set_result(reason)

    def now_s(self) -> float:
        """Seconds since the start, as the session is told them."""
        return round(self._mono_s() - self._zero_s, TIME_DECIMALS)

    def _turn(self, call: Entry, act: Callable[[float], Sequence[Output]]) -> None:
        if self.over.done():
            return
        try:
            outputs = tuple(act(call.at_s))
        except Exception as error:  # noqa: BLE001 - a driver's fault is a finding of these tools, not their end
            self._on_turn(Turn(call, ()))
            self.stop(f"the driver failed: {type(error).__name__}: {error}")
            return
        self._on_turn(Turn(call, outputs))
        try:
            for output in outputs:
                if isinstance(output, Send):
                    self._write(output.data)
        except LineError as error:
            self.stop(str(error))
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        deadline_s = self.session.deadline_s
        if deadline_s is not None and not self.over.done():
            self._timer = self._loop.call_at(self._zero_s + deadline_s, self._tick)

    def _tick(self) -> None:
        self._turn(Entry(self.now_s(), What.TICK), self.session.tick)


async def open_free(
    address: str,
    settings: LineSettings,
    *,
    listen_only: bool,
    on_data: Callable[[bytes], None],
    on_lost: Callable[[str], None],
) -> Line:
    """Open a line that no other program has, as the daemon does. Raises LineError, which names who has it."""
    holder = await asyncio.to_thread(holder_of, address) if address.startswith("tcp://") else ""
    if holder:
        raise LineError(LineFault.BUSY, f"{address}: {holder} is connected to it")
    try:
        return await open_line(address, settings, listen_only=listen_only, on_data=on_data, on_lost=on_lost)
    except LineError as error:
        holder = holder_of(address) if error.reason is LineFault.BUSY else ""
        if not holder:
            raise
        raise LineError(LineFault.BUSY, f"{address}: {holder} has it") from error
