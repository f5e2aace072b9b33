"""B. Braun Space pumps behind a SpaceCom that is set to cyclic mode: it sends by itself, each package wants an ACK.

Experimental: built from one maker's document, without an independent witness. A package is taken as whole: a parameter
that is not in it is not available in it. Nothing is ever asked; the host sends ``ACK`` and ``NAK`` alone. The form of
the line (stuffed or plain) is that of the first good package that shows one, and changes only for a package that is
good in the other form and not in this one.

    a package            good: take it (once), ACK after 0.1 s; bad: NAK after 0.1 s
    a package half sent  NAK after 0.5 s of stillness, for the device waits
    nothing for 7.5 s    NAK, and again: the device sends no more until its last package is acknowledged; where that one
                         was lost whole, or our ACK, both would wait for ever

What the device sends again it made before, and what is queued behind it too. A package that may have waited for more
than 2 s is acknowledged, and no sample; nor are others until one by its time is of now (H-11).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from drivers.bbraun_bcc import ACK, NAK, Broken, Frame, Framer, Part, Stray, decode
from drivers.bbraun_rack import Rack, seconds_of
from drivers.bbraun_space import ACK_DELAY_S, FRAME_GAP_S
from drivers.bbraun_space import DRIVER as REQUEST_DRIVER
from drivers.model import Observation, Output, Rejected, Send, SessionOptions

CYCLE_S: Final = 5.0
"""How often the device sends every pump, unless the site has set it otherwise; a slower cycle reads as absence."""


STALL_S: Final = 1.5 * CYCLE_S
"""A device that lives is heard each cycle; asked now, it is heard before its link counts as lost."""

WAITED_MAX_S: Final = 2.0
"""So old may be what was asked for again: more than a refusal and its repetition take, less than a cycle."""


class CyclicSession:
    """One conversation in cyclic mode."""

    def __init__(self, options: SessionOptions) -> None:
        self._framer = Framer()
        self._rack = Rack(options.port, options.channels)
        self._stuffed = True
        self._last: Frame | None = None
        self._reply = b""
        self._due_s: float | None = None
        self._still_from_s = 0.0
        self._waited_from_s: float | None = None
        self._fresh_from = 0  # by the device's own time
        self._fresh_until_s = 0.0

    @property
    def round_s(self) -> float:
        """Seconds of one cycle, as the device is delivered."""
        return CYCLE_S

    @property
    def deadline_s(self) -> float:
        """When ``tick`` must be called next."""
        return self._still_from_s + STALL_S if self._due_s is None else self._due_s

    @property
    def awaited_bytes(self) -> int:
        """How many bytes of a frame are missing, at least."""
        return self._framer.awaited_bytes(stuffed=self._stuffed)

    def start(self, now_s: float) -> Sequence[Output]:
        """Say nothing: the device begins."""
        self._still_from_s = now_s
        return ()

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        """Take bytes in any cut."""
        out: list[Output] = []
        for part in self._framer.feed(data):
            out.extend(self._part(part, now_s))
        if data:
            self._still_from_s = now_s
        if data and self._framer.inside:
            self._reply, self._due_s = NAK, now_s + FRAME_GAP_S
        return out

    def tick(self, now_s: float) -> Sequence[Output]:
        """Acknowledge or refuse the last package, or ask for it again."""
        if now_s < self.deadline_s:
            return ()
        if self._due_s is None:
            self._reply = NAK
        if self._reply == NAK and self._waited_from_s is None:
            self._waited_from_s = self._still_from_s
        self._due_s, self._still_from_s = None, now_s
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
            self._waited_from_s = None
            return []
        before, self._last = self._last, frame
        out: list[Output] = []
        if before is not None and before.bed_id != frame.bed_id:
            out.extend(self._rack.replaced(f"the line leads to another rack, {frame.bed_id}", now_s))
        waited_from_s, self._waited_from_s = self._waited_from_s, None
        out.extend(self._rack.take(self._rack.read(frame), now_s))
        waited_s = 0.0 if waited_from_s is None else now_s - waited_from_s
        return [one for one in out if not isinstance(one, Observation) or self._is_of_now(one, waited_s)]

    def _is_of_now(self, sample: Observation, waited_s: float) -> bool:
        made_s, now_s = seconds_of(sample.device_time), sample.received_at_s
        if waited_s > WAITED_MAX_S:
            # A device that began its time anew is believed again after two cycles.
            self._fresh_from = (made_s or 0) + int(waited_s - WAITED_MAX_S) + 1
            self._fresh_until_s = now_s + 2 * CYCLE_S
            return False
        if now_s < self._fresh_until_s and (made_s is None or made_s < self._fresh_from):
            return False
        self._fresh_until_s = now_s
        return True

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
