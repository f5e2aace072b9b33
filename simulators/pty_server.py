"""Runs a simulated device on a pseudo-terminal, so that a host finds it where it would find a serial port.

The line behaves as a wire does: bytes that nobody takes are lost, never waited for; a host may close and open
again and finds the device still talking; only ``close`` pulls the plug.
"""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from simulators.model import SimulatedDevice

BITS_PER_CHARACTER = 10
"""Of 8N1: a start bit, eight data bits, a stop bit."""

SLICE_S = 0.01
"""A paced line hands over its bytes about this often: as a USB adapter does, and no more wake-ups than needed."""

WIRE_QUEUE_LIMIT_BYTES = 65_536
"""Over a minute of 9600 baud. A device that says more than its line carries loses the rest, as a UART does."""

READ_LIMIT_BYTES = 4_096
"""Taken from the host in one turn, so that a babbling host cannot hold the loop; one kernel tty buffer."""

HOST_RECORD_LIMIT_BYTES = 65_536
"""Kept of what the host sent, from the first byte on; enough for minutes of polling. The count goes on beyond it."""


def bits_per_character(*, data_bits: int, parity: str, stop_bits: int) -> int:
    """Return how many bits a character takes on a line: with its start bit, and its parity bit unless that is N."""
    return 1 + data_bits + (parity != "N") + stop_bits


class Wire:
    """The speed of a serial line: bytes go in with the time, and come out when they would have arrived.

    ``bits_per_character`` counts start, parity and stop bits too. Raises ``ValueError`` for a speed or a number of
    bits that is not positive.
    """

    def __init__(self, baud: int, bits_per_character: int = BITS_PER_CHARACTER) -> None:
        if baud <= 0:
            raise ValueError(f"the line's speed must be above 0 baud, not {baud}")
        if bits_per_character <= 0:
            raise ValueError(f"a character has more bits than {bits_per_character}")
        self._byte_s = bits_per_character / baud
        self._waiting = bytearray()
        self._begun_s = 0.0  # when the first waiting byte got on the wire

    @property
    def deadline_s(self) -> float | None:
        """When ``take`` has the next slice, ``None`` for an idle line."""
        if not self._waiting:
            return None
        slice_bytes = max(1, int(SLICE_S / self._byte_s))
        return self._begun_s + min(len(self._waiting), slice_bytes) * self._byte_s

    def put(self, data: bytes, now_s: float) -> int:
        """Queue bytes behind those that wait; return how many did not fit and are lost."""
        if not self._waiting:
            self._begun_s = max(self._begun_s, now_s)
        room = WIRE_QUEUE_LIMIT_BYTES - len(self._waiting)
        self._waiting += data[:room]
        return max(0, len(data) - room)

    def take(self, now_s: float) -> bytes:
        """Return the bytes that have arrived whole by now."""
        # A thousandth of a byte of tolerance: a deadline met exactly must not fall short by floating-point rounding.
        count = max(0, int((now_s - self._begun_s) / self._byte_s + 0.001))
        arrived = bytes(self._waiting[:count])
        del self._waiting[:count]
        self._begun_s += len(arrived) * self._byte_s
        return arrived


class PtyServer:
    """One device on one pty, from construction (inside a running event loop) until ``close``.

    ``link`` is made to point to the pty, in place of an older link; ``clock`` gives monotonic seconds; ``baud`` paces
    the device's bytes at so many bits a character, ``None`` sends them at once. Raises ``OSError`` if the pty or the
    link cannot be made, ``FileExistsError`` among them if ``link`` is something other than a link, ``ValueError`` for
    an impossible speed.
    """

    def __init__(
        self,
        device: SimulatedDevice,
        link: Path | None,
        clock: Callable[[], float],
        baud: int | None = None,
        bits_per_character: int = BITS_PER_CHARACTER,
    ) -> None:
        self._device = device
        self._clock = clock
        self._wire = None if baud is None else Wire(baud, bits_per_character)
        self._heard = bytearray()
        self._heard_count = 0
        self._dropped_count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._loop = asyncio.get_running_loop()
        # The host's end stays open here too: else the line would hang up, and forget raw mode, with each host's close.
        self._master, self._slave = os.openpty()
        self.path = Path(os.ttyname(self._slave))
        self._link = link
        try:
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            if link is not None:
                _point_link(link, self.path)
        except BaseException:
            self._close_fds()
            raise
        self._loop.add_reader(self._master, self._on_host_bytes)
        self._send(device.start(clock()))
        self._schedule()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def host_bytes(self) -> bytes:
        """What the host has sent, at most the first ``HOST_RECORD_LIMIT_BYTES``."""
        return bytes(self._heard)

    @property
    def host_byte_count(self) -> int:
        """How many bytes the host has sent in all."""
        return self._heard_count

    @property
    def dropped_byte_count(self) -> int:
        """How many of the device's bytes were lost because nobody took them or the line could not carry them."""
        return self._dropped_count

    def close(self) -> None:
        """Pull the plug: the host sees the line end, and the link goes if it is still ours. Twice does no harm."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._master)
        if self._timer is not None:
            self._timer.cancel()
        try:
            # Before the pty goes: afterwards its name may be another's, and so may be the link.
            if self._link is not None and self._link.is_symlink() and self._link.readlink() == self.path:
                self._link.unlink()
        finally:
            self._close_fds()

    def _close_fds(self) -> None:
        os.close(self._slave)
        os.close(self._master)

    def _on_host_bytes(self) -> None:
        try:
            data = os.read(self._master, READ_LIMIT_BYTES)
        except BlockingIOError:  # the host flushed its output between the wake-up and the read
            return
        self._heard_count += len(data)
        self._heard += data[: HOST_RECORD_LIMIT_BYTES - len(self._heard)]
        self._send(self._device.feed(data, self._clock()))
        self._schedule()

    def _on_deadline(self) -> None:
        now_s = self._clock()
        device_s = self._device.deadline_s
        if device_s is not None and device_s <= now_s:  # one tick a turn: a late device cannot hold the loop
            self._send(self._device.tick(now_s))
        if self._wire is not None:
            self._write(self._wire.take(now_s))
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadlines = (self._device.deadline_s, None if self._wire is None else self._wire.deadline_s)
        known = [deadline for deadline in deadlines if deadline is not None]
        if known:
            self._timer = self._loop.call_later(max(0.0, min(known) - self._clock()), self._on_deadline)

    def _send(self, data: bytes) -> None:
        if self._wire is None:
            self._write(data)
        else:
            self._dropped_count += self._wire.put(data, self._clock())

    def _write(self, data: bytes) -> None:
        if not data:
            return
        try:
            written = os.write(self._master, data)
        except BlockingIOError:  # the kernel's buffer is full: nobody reads
            written = 0
        self._dropped_count += len(data) - written


def _point_link(link: Path, target: Path) -> None:
    """Make ``link`` point to ``target`` in one step, so that no reader ever finds it missing."""
    if link.exists() and not link.is_symlink():
        raise FileExistsError(f"{link} exists and is not a link; remove it or choose another path")
    fresh = link.with_name(f".{link.name}.pts{target.name}")  # our own pty's number: no other process uses this name
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
