"""What stations send over the broker, on its way to the core: who is heard, and how much of it.

Laws:
  * Each station has a measure of its own for requests and for receipts. What is over it is dropped before it is read,
    and gets no answer: who floods harms its own requests alone, and costs the alarms next to nothing.
  * A station that the configuration does not name is told so a few times a minute.
  * Nobody speaks over the broker in the name of the command line at the bedside.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

import structlog

from edge import asking
from edge.core.config import LOCAL
from edge.core.inputs import Receipt, Request
from edge.messages.states import Status
from edge.messages.verbs import LOOKS
from edge.mqtt import Heard

BYTES_EACH = 8192
"""A message counts once, and once more for so many bytes: long ones take longer to read."""

TELL_S = 60.0
"""A flood is told once in so long."""

STATION_NAME_MAX = 64
STATUS_MAX = 4096
RUN_SHOWN = 40

_log = structlog.get_logger(__name__)


class LookBack(Protocol):
    """Takes a question for what was."""

    def __call__(self, station: str, heard: Heard, *, known: bool) -> None:
        """Take it; never raises."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What one sender may send at once, and how much of that comes back each second."""

    at_once: float
    per_s: float


REQUESTS = Measure(50, 10)
"""Nobody presses faster, and a station that was cut off asks a few things at once."""

RECEIPTS = Measure(200, 50)
"""Ten pages that each tell every change in a bad minute; a receipt with 2,000 alarms counts 30 times."""

STRANGERS = Measure(30, 0.5)
"""Of all that the configuration does not name: each is refused with a reason and journalled, which must not fill the
disk."""


def another_run(payload: bytes, own: Collection[str]) -> str:
    """Name the run of a heartbeat, or of a will, that is none of our own; empty if it is, or is neither.

    Who is thrown out by us leaves its will there and no heartbeat.
    """
    said = _status(payload)
    return said.run[:RUN_SHOWN] if said is not None and said.state != "stopped" and said.run not in own else ""


def run_of(payload: bytes) -> str:
    """Name the run of a heartbeat, of a will, or of an end; empty if it is none of them."""
    said = _status(payload)
    return "" if said is None else said.run[:RUN_SHOWN]


def _status(payload: bytes) -> Status | None:
    try:
        return Status.read(payload[:STATUS_MAX])
    except ValueError:
        return None


@dataclass(slots=True)
class _Left:
    amount: float
    at_s: float
    told_at_s: float = -TELL_S
    dropped: int = 0


class Hearing:
    """Turns what is heard into requests and receipts, and drops what is too much.

    ``stations`` are those that the configuration names; ``put`` takes what is heard; ``look_back`` takes who asks for
    what was, with whether the configuration names the station.
    """

    def __init__(
        self,
        stations: Collection[str],
        mono_s: Callable[[], float],
        put: Callable[[Request | Receipt], None],
        look_back: LookBack,
    ) -> None:
        self._stations = frozenset(stations)
        self._mono_s = mono_s
        self._put = put
        self._look_back = look_back
        self._left: dict[tuple[str, str], _Left] = {}

    def know(self, stations: Collection[str]) -> None:
        """From now on the configuration names these stations."""
        self._stations = frozenset(stations)

    def hear(self, heard: Heard) -> None:
        """Take a message on ``.../request/<station>/<verb>`` or ``.../receipt/<station>``; never raises."""
        if not heard.payload:
            return  # a topic that was emptied asks for nothing
        kind, station, *verb = heard.topic.split("/")[5:]
        now_s = self._mono_s()
        place = (kind, station) if station in self._stations else ("", "")
        if len(station) > STATION_NAME_MAX or not self._may(*place, heard, now_s):
            return
        if station == LOCAL.station:
            # Only the control socket asks in this name, which may do everything.
            _log.warning("somebody asks over the broker as the command line", topic=heard.topic)
        elif kind == "request" and verb[0] in LOOKS:
            self._look_back(station, heard, known=place != ("", ""))
        elif kind == "request":
            self._put(asking.request(station, verb[0], heard.payload, now_s, retained=heard.retained))
        elif not heard.retained:
            try:
                self._put(asking.receipt(station, heard.payload, now_s))
            except ValueError as error:
                _log.warning("a receipt cannot be read", station=station, reason=str(error)[:200])

    def _may(self, kind: str, station: str, heard: Heard, now_s: float) -> bool:
        measure = {"request": REQUESTS, "receipt": RECEIPTS}.get(kind, STRANGERS)
        left = self._left.setdefault((kind, station), _Left(measure.at_once, now_s))
        left.amount = min(measure.at_once, left.amount + (now_s - left.at_s) * measure.per_s)
        left.at_s = now_s
        cost = 1 + len(heard.payload) // BYTES_EACH
        if left.amount >= cost:
            left.amount -= cost
            return True
        left.dropped += 1
        if now_s >= left.told_at_s + TELL_S:
            left.told_at_s = now_s
            who = station or "stations that the configuration does not name"
            _log.warning("too much is asked, and dropped", station=who, kind=kind, dropped=left.dropped)
        return False
