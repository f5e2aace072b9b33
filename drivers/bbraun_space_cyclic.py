"""B. Braun Space pumps behind a SpaceCom that is set to cyclic mode: it sends by itself, each package wants an ACK.

Experimental: built from one maker's document, without an independent witness. A package is taken as whole: a parameter
that is not in it is not available in it. Nothing is ever asked; the host sends ``ACK`` and ``NAK`` alone. The form of
the line (stuffed or plain) is that of the first good package that shows one, and changes only for a package that is
good in the other form and not in this one.

    a package            good: take it (once), ACK after 0.1 s; bad: NAK after 0.1 s
    a package half sent  NAK after 0.5 s of stillness, for the device waits
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from drivers.bbraun_bcc import ACK, NAK, Broken, Frame, Framer, Part, Stray, decode
from drivers.bbraun_rack import Rack
from drivers.bbraun_space import ACK_DELAY_S, FRAME_GAP_S
from drivers.bbraun_space import DRIVER as REQUEST_DRIVER
from drivers.model import Output, Rejected, Send, SessionOptions

CYCLE_S: Final = 5.0
"""How often the device sends every pump, unless the site has set it otherwise; a slower cycle reads as absence."""


class CyclicSession:
    """One conversation in cyclic mode."""

    def __init__(self, options: SessionOptions) -> None:
        self._framer = Framer()
        self._rack = Rack(options.port, options.channels)
        self._stuffed = True
        self._last: Frame | None = None
        self._reply = b""
        self._due_s: float | None = None

    @property
    def round_s(self) -> float:
        """Seconds of one cycle, as the device is delivered."""
        return CYCLE_S

    @property
    def deadline_s(self) -> float | None:
        """When ``tick`` must be called next."""
        return self._due_s

    def start(self, now_s: float) -> Sequence[Output]:  # noqa: ARG002 (the shape of a session; this one only listens)
        """Say nothing: the device begins."""
        return ()

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        """Take bytes in any cut."""
        out: list[Output] = []
        for part in self._framer.feed(data):
            out.extend(self._part(part, now_s))
        if data and self._framer.inside:
            self._reply, self._due_s = NAK, now_s + FRAME_GAP_S
        return out

    def tick(self, now_s: float) -> Sequence[Output]:
        """Acknowledge or refuse the last package."""
        if self._due_s is None or now_s < self._due_s:
            return ()
        self._due_s = None
        out: list[Output] = [Rejected(broken.reason, broken.excerpt) for broken in self._framer.cut()]
        return [*out, Send(self._reply)]

    def _part(self, part: Part, now_s: float) -> list[Output]:
        if isinstance(part, Stray):
            return [Rejected("noise", part.data)]
        self._due_s = now_s + ACK_DELAY_S
        judged = part if isinstance(part, Broken) else self._decode(part.data)
        if isinstance(judged, Broken):
            self._reply = NAK
            return [Rejected(judged.reason, judged.excerpt)]
        self._reply = ACK
        return self._package(judged, now_s)

    def _package(self, frame: Frame, now_s: float) -> list[Output]:
        if frame == self._last:  # our ACK was lost on its way and the package came again
            return []
        before, self._last = self._last, frame
        out: list[Output] = []
        if before is not None and before.bed_id != frame.bed_id:
            out.extend(self._rack.replaced(f"the line leads to another rack, {frame.bed_id}", now_s))
        return [*out, *self._rack.take(frame, now_s)]

    def _decode(self, wire: bytes) -> Frame | Broken:
        judged = decode(wire, stuffed=self._stuffed)
        if isinstance(judged, Frame):
            return judged
        other = decode(wire, stuffed=not self._stuffed)
        if isinstance(other, Broken):
            return judged
        self._stuffed = not self._stuffed
        return other


DRIVER: Final = replace(
    REQUEST_DRIVER,
    name="bbraun-space-cyclic",
    title="B. Braun Space pumps (SpaceCom, BCC cyclic mode)",
    session=CyclicSession,
    description=replace(
        REQUEST_DRIVER.description,
        settings=(
            "On the rack's web page: operation mode cyclic, every 5 s, as delivered, or more often.",
            *REQUEST_DRIVER.description.settings[1:],
        ),
        proof="Built from the maker's description alone; no package of a real pump was at hand.",
    ),
)
