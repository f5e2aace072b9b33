"""The shape of a simulated device: sans-I/O, so that it runs on a pty, over TCP, or in virtual time in a test."""

from __future__ import annotations

from typing import Protocol


class SimulatedDevice(Protocol):
    """A device at its end of the line.

    The caller starts it once, feeds it what the host sent, and calls ``tick`` when ``deadline_s`` (monotonic, ``None``
    for none) has come. Each call returns the bytes that the device puts on the line, possibly none.
    """

    @property
    def deadline_s(self) -> float | None:
        """When ``tick`` must be called next."""

    def start(self, now_s: float) -> bytes:
        """Power on."""

    def feed(self, data: bytes, now_s: float) -> bytes:
        """Take bytes from the host in any cut."""

    def tick(self, now_s: float) -> bytes:
        """Do what is due."""
