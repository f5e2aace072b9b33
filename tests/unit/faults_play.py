"""Plays a simulated device in virtual time, and devices to be played."""

from __future__ import annotations

from decimal import Decimal

from simulators.alaris_asena import AsenaPump, running_pump
from simulators.masimo_ascii import MasimoOximeter
from simulators.model import SimulatedDevice
from simulators.patient import Vitals

ASK_RATE = b"!INF_RATE|8E6D\r"
SAID_RATE = b"!INF_RATE^7.00^ml/h|DDCD\r"
TURNS_MAX = 100_000


class Echo:
    """A device that says what it hears."""

    deadline_s: float | None = None

    def start(self, now_s: float) -> bytes:
        return b""

    def feed(self, data: bytes, now_s: float) -> bytes:
        return data

    def tick(self, now_s: float) -> bytes:
        return b""


class Player:
    """One device from ``now_s`` on; ``said`` has what came out of it and when."""

    def __init__(self, device: SimulatedDevice, now_s: float = 0.0) -> None:
        self.device = device
        self.now_s = now_s
        self.said: list[tuple[float, bytes]] = []
        self._note(device.start(now_s))

    def until(self, end_s: float) -> Player:
        """Let the time pass, and the device do all that is due."""
        for _ in range(TURNS_MAX):
            deadline_s = self.device.deadline_s
            if deadline_s is None or deadline_s > end_s:
                self.now_s = end_s
                return self
            self.now_s = max(self.now_s, deadline_s)
            self._note(self.device.tick(self.now_s))
        raise AssertionError("the device does not come to rest")

    def ask(self, data: bytes, at_s: float) -> Player:
        """Let the host say something."""
        self.until(at_s)
        self._note(self.device.feed(data, at_s))
        return self

    def lines(self) -> list[tuple[float, str]]:
        """What was said, rounded to milliseconds and as text."""
        return [(round(at_s, 3), data.decode("latin-1")) for at_s, data in self.said]

    def whole(self) -> bytes:
        """All that was said."""
        return b"".join(data for _, data in self.said)

    def _note(self, data: bytes) -> None:
        if data:
            self.said.append((self.now_s, data))


def vitals(now_s: float) -> Vitals:
    """Return vital signs that tell the time."""
    return Vitals(spo2_percent=90 + int(now_s) % 10, heart_rate_per_min=60 + int(now_s))


def oximeter() -> MasimoOximeter:
    """Return a device that says a line a second, each another one."""
    return MasimoOximeter(vitals)


def pump() -> AsenaPump:
    """Return a device that answers ``ASK_RATE`` with ``SAID_RATE``."""
    return running_pump(0.0, rate_ml_per_h=Decimal(7))[1]
