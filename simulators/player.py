"""Plays bytes that were recorded from a real device, at the pace at which it would have sent them.

Raw recordings carry no times. Ivy "Ansar-B" messages are known to come once a second, so a recording of them is cut
at their borders; anything else runs at the line's full speed.
"""

from __future__ import annotations

import math
import re

MESSAGE_PERIOD_S = 1.0
SLICE_S = 0.1
"""A recording without known messages goes out in slices of this length."""

BITS_PER_BYTE = 10

_IVY_START, _IVY_END = b"\xffANSAR", b"\xfe"
_IVY_BORDER = re.compile(rb"(?<=\xfe)(?=\xffANSAR)")
"""Between the end of one Ivy message and the start of the next; the name keeps chance pairs of FE FF out."""


class Player:
    """A device that plays ``recording``, once or again and again.

    Ivy recordings go a message a second. Played once, they go as recorded, parts of messages at the ends too; in a
    loop only whole messages go, since no device has such a seam. Others go at ``baud``. After the end the line stays
    silent. Host bytes are ignored. Raises ``ValueError`` for an empty recording or a speed that is not positive.

    ``messages`` is how many whole messages of a known device there are, ``duration_s`` how long all takes once.
    """

    def __init__(self, recording: bytes, *, baud: int = 9600, loop: bool = False) -> None:
        if not recording:
            raise ValueError("the recording is empty")
        if baud <= 0:
            raise ValueError(f"the line's speed must be above 0 baud, not {baud}")
        pieces = _IVY_BORDER.split(recording)
        whole = [piece for piece in pieces if piece.startswith(_IVY_START) and piece.endswith(_IVY_END)]
        self.messages = len(whole)
        if whole:
            self._pieces, self._period_s = whole if loop else pieces, MESSAGE_PERIOD_S
        else:
            size = max(1, int(baud * SLICE_S / BITS_PER_BYTE))
            self._pieces = [recording[at : at + size] for at in range(0, len(recording), size)]
            self._period_s = size * BITS_PER_BYTE / baud
        self.duration_s = len(self._pieces) * self._period_s
        self._loop = loop
        self._next = 0
        self._deadline_s: float | None = None

    @property
    def deadline_s(self) -> float | None:
        """When the next piece is due, ``None`` after the end."""
        return self._deadline_s

    def start(self, now_s: float) -> bytes:
        """Begin: the first piece is due when its time has passed, as everything after it."""
        self._deadline_s = now_s + self._period_s
        return b""

    def feed(self, data: bytes, now_s: float) -> bytes:  # noqa: ARG002 - the shape of a simulated device
        """Ignore the host: a recording cannot answer."""
        return b""

    def tick(self, now_s: float) -> bytes:
        """Return the piece that is due. After a stall the recording goes on where it was, without a rush."""
        if self._deadline_s is None or now_s < self._deadline_s:
            return b""
        piece = self._pieces[self._next]
        self._next += 1
        if self._next == len(self._pieces) and self._loop:
            self._next = 0
        missed = math.floor((now_s - self._deadline_s) / self._period_s)
        self._deadline_s += (missed + 1) * self._period_s
        if self._next == len(self._pieces):
            self._deadline_s = None
        return piece
