"""Which beds somebody sees: what pages of the required stations say in their receipts (H-19).

Laws:
  * A page is there while its receipts come; each holds for 10 s. A station's server is no page.
  * A bed is shown if a page of any required station has it in view and its sound works.
  * Without a required station there is nothing to judge, and the self-check says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from edge.core.catalogue import CATALOGUE
from edge.core.condition import INSIDE, Band
from edge.core.finding import Finding, Particulars, level
from edge.core.inputs import Receipt
from edge.core.model import Alarm, AlarmKey

RECEIPT_LIMIT_S = 10.0
"""A page says every 3 s what it paints; after three missed and a moment it is gone."""

_ENTRY = CATALOGUE["STATION_NOT_DISPLAYING"]
_NO_SCREEN, _NO_SCREEN_AT_ACTIVE, _NOT_SHOWN = 0, 1, 2


@dataclass(slots=True)
class StationState:
    """What the last receipt of a station's pages said."""

    heard_at_s: float
    audible: bool
    beds: frozenset[str]

    def shows(self, now_s: float) -> frozenset[str]:
        """Return the beds that somebody sees and hears there."""
        fresh = now_s < self.heard_at_s + RECEIPT_LIMIT_S
        return self.beds if fresh and self.audible else frozenset()


def hear(stations: dict[str, StationState], receipt: Receipt) -> None:
    """Take up a receipt."""
    stations[receipt.station] = StationState(receipt.received_at_s, receipt.audible, receipt.beds)


def shown(stations: Mapping[str, StationState], required: Iterable[str], now_s: float) -> frozenset[str]:
    """Return the beds that a required station shows."""
    return frozenset().union(*(stations[name].shows(now_s) for name in required if name in stations))


def not_displaying(
    unseen: Mapping[str, bool], undelivered: tuple[Alarm, ...], now_s: float, *, reachable: bool
) -> Iterator[Finding]:
    """Tell that nobody would see an alarm, or that nobody sees one that stands.

    ``unseen`` are the labels of the beds that no required station shows, and whether each is active. Without a broker
    nothing can be known, and `NORTHBOUND_LOST` says so.
    """
    worst = INSIDE
    if unseen:
        worst = _NO_SCREEN_AT_ACTIVE if any(unseen.values()) else _NO_SCREEN
    if undelivered:
        worst = _NOT_SHOWN
    yield Finding(
        AlarmKey("", "STATION_NOT_DISPLAYING"),
        level(worst, now_s) if reachable else None,
        _ENTRY.bands,
        _ENTRY.clear_delay_s,
        partial(_describe, tuple(unseen), undelivered),
        fingerprint=",".join((*unseen, *(alarm.occurrence for alarm in undelivered))),
    )


def _describe(unseen: tuple[str, ...], undelivered: tuple[Alarm, ...], _: Band) -> Particulars:
    texts = []
    if unseen:
        texts.append(f"No screen with sound shows {', '.join(unseen)}.")
    if undelivered:
        texts.append(f"Not shown in time on any screen: {' '.join(alarm.text for alarm in undelivered)}")
    return Particulars(" ".join(texts), evidence=(("beds", ", ".join(unseen)),))
