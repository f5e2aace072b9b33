"""Faults of a line, as wrappers that can be put around any simulated device, also around one another.

A wrapper is itself a simulated device, so it works in virtual time and on a pty alike. The innermost fault is nearest
to the device. Each acts in its ``Window`` alone; those that throw dice get a seed, and the same seed does the same to
the same bytes, however they are cut. What a fault does to the device itself is in ``faults_device``.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import deque
from dataclasses import dataclass
from random import Random

from simulators.model import SimulatedDevice

WAITING_LIMIT_BYTES = 65_536
"""Held back by one fault, as much as a paced line holds. More is lost, as in a buffer that is full."""

SPLIT_PIECES_MAX = 5
"""Into how many pieces one saying is split at most: a USB adapter's cuts, not a byte at a time."""

BABBLE_PERIOD_S = 0.1
"""How often a babbling device says a piece."""


@dataclass(frozen=True, slots=True)
class Window:
    """When a fault is there: from ``from_s`` (monotonic) until just before ``until_s``.

    Raises ``ValueError`` if it would end before it begins.
    """

    from_s: float = -math.inf
    until_s: float = math.inf

    def __post_init__(self) -> None:
        if not self.from_s <= self.until_s:
            raise ValueError(f"a window from {self.from_s} s to {self.until_s} s")

    def holds(self, now_s: float) -> bool:
        """Tell whether this is within the window."""
        return self.from_s <= now_s < self.until_s


ALWAYS = Window()


class Fault(SimulatedDevice):
    """A device behind a fault. By itself it passes everything on; faults change what goes one way or the other."""

    def __init__(self, device: SimulatedDevice, window: Window = ALWAYS) -> None:
        self._device = device
        self._window = window

    @property
    def deadline_s(self) -> float | None:
        """When the device or the fault is due."""
        return earliest(self._device_deadline_s(), self._own_deadline_s())

    def start(self, now_s: float) -> bytes:
        """Power the device on."""
        before = self._prepare(now_s)
        return before + self._to_host(self._device.start(now_s), now_s)

    def feed(self, data: bytes, now_s: float) -> bytes:
        """Take bytes from the host; what reaches the device is answered by it."""
        before = self._prepare(now_s)
        heard = self._to_device(data, now_s)
        return before + self._to_host(self._device.feed(heard, now_s) if heard else b"", now_s)

    def tick(self, now_s: float) -> bytes:
        """Do what is due, of the device or of the fault."""
        before = self._prepare(now_s)
        device_s = self._device_deadline_s()
        said = self._device.tick(now_s) if device_s is not None and device_s <= now_s else b""
        return before + self._to_host(said, now_s)

    def _device_deadline_s(self) -> float | None:
        return self._device.deadline_s

    def _own_deadline_s(self) -> float | None:
        return None

    def _prepare(self, now_s: float) -> bytes:  # noqa: ARG002 - for those who need it
        """Do what is due before the device is called; return what it says by that."""
        return b""

    def _to_device(self, data: bytes, now_s: float) -> bytes:  # noqa: ARG002 - for those who need it
        """Return what the device hears of the host."""
        return data

    def _to_host(self, said: bytes, now_s: float) -> bytes:  # noqa: ARG002 - for those who need it
        """Return what comes out of the line now, given what the device says now."""
        return said


def earliest(*deadlines_s: float | None) -> float | None:
    """Return the first of several deadlines, ``None`` for none."""
    return min((deadline_s for deadline_s in deadlines_s if deadline_s is not None), default=None)


class _Damage(Fault):
    """Damages a share of the bytes; with ``both_ways`` the host's too. Raises ``ValueError`` for no share."""

    def __init__(
        self,
        device: SimulatedDevice,
        window: Window = ALWAYS,
        *,
        seed: int,
        share: float,
        both_ways: bool = False,
    ) -> None:
        super().__init__(device, window)
        if not 0.0 < share <= 1.0:
            raise ValueError(f"a share of {share}")
        self._share = share
        self._both_ways = both_ways
        # A die for each way: what is done to the device's bytes does not hang on when the host speaks.
        self._said_dice, self._heard_dice = _dice(f"{seed} said"), _dice(f"{seed} heard")

    def _to_host(self, said: bytes, now_s: float) -> bytes:
        return self._damaged(said, self._said_dice) if self._window.holds(now_s) else said

    def _to_device(self, data: bytes, now_s: float) -> bytes:
        return self._damaged(data, self._heard_dice) if self._both_ways and self._window.holds(now_s) else data

    @abstractmethod
    def _damaged(self, data: bytes, dice: Random) -> bytes:
        """Return what arrives of the bytes."""


class Drop(_Damage):
    """Loses a share of the bytes, each by itself."""

    def _damaged(self, data: bytes, dice: Random) -> bytes:
        return bytes(byte for byte in data if dice.random() >= self._share)


class Flip(_Damage):
    """Flips one bit in a share of the bytes."""

    def _damaged(self, data: bytes, dice: Random) -> bytes:
        return bytes(byte ^ 1 << dice.randrange(8) if dice.random() < self._share else byte for byte in data)


class _Waiting(Fault):
    """Keeps what the device says for a while, in order; nothing overtakes it. ``lost_byte_count`` found no room."""

    def __init__(self, device: SimulatedDevice, window: Window = ALWAYS) -> None:
        super().__init__(device, window)
        self.lost_byte_count = 0
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._waiting_bytes = 0

    def _own_deadline_s(self) -> float | None:
        return self._waiting[0][0] if self._waiting else None

    def _to_host(self, said: bytes, now_s: float) -> bytes:
        if said:
            pieces = self._timed(said, now_s) if self._window.holds(now_s) else [(now_s, said)]
            for at_s, piece in pieces:
                self._keep(at_s, piece)
        out = bytearray()
        while self._waiting and self._waiting[0][0] <= now_s:
            out += self._waiting.popleft()[1]
        self._waiting_bytes -= len(out)
        return bytes(out)

    def _keep(self, at_s: float, piece: bytes) -> None:
        kept = piece[: WAITING_LIMIT_BYTES - self._waiting_bytes]
        self.lost_byte_count += len(piece) - len(kept)
        if kept:
            last_s = self._waiting[-1][0] if self._waiting else at_s
            self._waiting.append((max(at_s, last_s), kept))
            self._waiting_bytes += len(kept)

    @abstractmethod
    def _timed(self, said: bytes, now_s: float) -> list[tuple[float, bytes]]:
        """Return the pieces of what was said now, each with its time."""


class Late(_Waiting):
    """Brings everything so much later. Raises ``ValueError`` for a delay that is not positive."""

    def __init__(self, device: SimulatedDevice, window: Window = ALWAYS, *, delay_s: float) -> None:
        super().__init__(device, window)
        self._delay_s = _positive(delay_s, "a delay")

    def _timed(self, said: bytes, now_s: float) -> list[tuple[float, bytes]]:
        return [(now_s + self._delay_s, said)]


class Merge(_Waiting):
    """Holds back what is said for so long, and brings it in one piece with all that was said meanwhile.

    Raises ``ValueError`` for a time that is not positive.
    """

    def __init__(self, device: SimulatedDevice, window: Window = ALWAYS, *, hold_s: float) -> None:
        super().__init__(device, window)
        self._hold_s = _positive(hold_s, "a time to hold")

    def _timed(self, said: bytes, now_s: float) -> list[tuple[float, bytes]]:
        return [(self._waiting[0][0] if self._waiting else now_s + self._hold_s, said)]


class Split(_Waiting):
    """Brings what is said at once in pieces, with a pause of up to ``pause_s`` before each but the first.

    Raises ``ValueError`` for a pause that is not positive.
    """

    def __init__(self, device: SimulatedDevice, window: Window = ALWAYS, *, seed: int, pause_s: float) -> None:
        super().__init__(device, window)
        self._pause_s = _positive(pause_s, "a pause")
        self._dice = _dice(f"{seed}")

    def _timed(self, said: bytes, now_s: float) -> list[tuple[float, bytes]]:
        places = self._dice.sample(range(1, len(said)), min(len(said), SPLIT_PIECES_MAX) - 1)
        at_s, pieces, start = now_s, [], 0
        for end in (*sorted(places), len(said)):
            pieces.append((at_s, said[start:end]))
            at_s += self._dice.uniform(0.0, self._pause_s)
            start = end
        return pieces


class Mute(Fault):
    """Says nothing, and hears the host as ever: a wire broken in one direction."""

    def _to_host(self, said: bytes, now_s: float) -> bytes:
        return b"" if self._window.holds(now_s) else said


class Pulled(Mute):
    """Neither says nor hears anything, and goes on by itself: the cable is pulled out of the device.

    The host's port stays; one that vanishes with its adapter is not a fault of the device.
    """

    def _to_device(self, data: bytes, now_s: float) -> bytes:
        return b"" if self._window.holds(now_s) else data


class Frozen(Fault):
    """Says the last thing again each time it would say something: a screen that hangs, of a device that only talks."""

    def __init__(self, device: SimulatedDevice, window: Window = ALWAYS) -> None:
        super().__init__(device, window)
        self._last = b""

    def _to_host(self, said: bytes, now_s: float) -> bytes:
        if said and not (self._last and self._window.holds(now_s)):
            self._last = said
        return self._last if said else b""


class Babble(Fault):
    """Says random bytes beside what it has to say. Raises ``ValueError`` for a number of bytes that is not positive."""

    def __init__(self, device: SimulatedDevice, window: Window = ALWAYS, *, seed: int, bytes_per_s: int) -> None:
        super().__init__(device, window)
        self._piece_bytes = max(1, round(_positive(bytes_per_s, "a number of bytes") * BABBLE_PERIOD_S))
        self._dice = _dice(f"{seed}")
        self._due_s = window.from_s

    def _own_deadline_s(self) -> float | None:
        return self._due_s if self._due_s < self._window.until_s else None

    def _to_host(self, said: bytes, now_s: float) -> bytes:
        if now_s < self._due_s or not self._window.holds(now_s):
            return said
        self._due_s = now_s + BABBLE_PERIOD_S
        return said + self._dice.randbytes(self._piece_bytes)


class BaudMismatch(Fault):
    """The device speaks and hears at another speed than the host; both at 8N1. ``ValueError`` for no speed."""

    def __init__(self, device: SimulatedDevice, window: Window = ALWAYS, *, device_baud: int, host_baud: int) -> None:
        super().__init__(device, window)
        self._device_baud = round(_positive(device_baud, "a speed"))
        self._host_baud = round(_positive(host_baud, "a speed"))

    def _to_host(self, said: bytes, now_s: float) -> bytes:
        return read_at(said, self._device_baud, self._host_baud) if self._window.holds(now_s) else said

    def _to_device(self, data: bytes, now_s: float) -> bytes:
        return read_at(data, self._host_baud, self._device_baud) if self._window.holds(now_s) else data


def read_at(sent: bytes, sent_baud: int, read_baud: int) -> bytes:
    """Return what a UART at one speed reads of bytes sent at another without a gap, both 8N1.

    It waits for a start bit and samples in the middle of its own bits. A byte without a stop bit is read as NUL, as
    Linux gives it to a host that has framing errors marked.
    """
    line = [1]  # idle
    for byte in sent:
        line += [0, *(byte >> place & 1 for place in range(8)), 1]

    def level(at: int) -> int:
        return line[at] if at < len(line) else 1

    read, at = bytearray(), 1
    while at < len(line):
        if not (line[at - 1] and not line[at]):
            at += 1
            continue
        start, *bits, stop = (level(at + (2 * place + 1) * sent_baud // (2 * read_baud)) for place in range(10))
        if start:  # shorter than half a bit: no start at all
            at += 1
            continue
        read.append(sum(bit << place for place, bit in enumerate(bits)) if stop else 0)
        at += 19 * sent_baud // (2 * read_baud) + 1  # the next edge that comes after the stop bit was sampled
    return bytes(read)


def _dice(seed: str) -> Random:
    return Random(seed)  # noqa: S311 - chance that can be repeated, no secret


def _positive(value: float, what: str) -> float:
    if not 0.0 < value < math.inf:
        raise ValueError(f"{what} is above 0, not {value}")
    return value
