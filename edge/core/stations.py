"""Which beds somebody sees: what pages of the required stations say in their receipts (H-19).

Laws:
  * A page is there while its receipts come; each holds for 10 s. A station's server is no page, and may have many.
  * A bed is shown if a page of any required station has it in view and its sound works.
  * Without a required station there is nothing to judge, and the self-check says so.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
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


NAMED_MAX = 5
"""So many alarms are named in the text of one that lists them."""

PAGES_MAX = 100
"""As many pages of all stations are remembered; over it the one that was heard longest ago is forgotten."""

NOT_DISPLAYING = AlarmKey("", "STATION_NOT_DISPLAYING")


@dataclass(slots=True)
class PageState:
    """What the last receipt of one page said."""

    heard_at_s: float
    audible: bool
    beds: frozenset[str]

    def shows(self, now_s: float) -> frozenset[str]:
        """Return the beds that somebody sees and hears there."""
        fresh = now_s < self.heard_at_s + RECEIPT_LIMIT_S
        return self.beds if fresh and self.audible else frozenset()


def hear(pages: dict[tuple[str, str], PageState], receipt: Receipt) -> None:
    """Take up a receipt."""
    pages.pop((receipt.station, receipt.page), None)
    pages[receipt.station, receipt.page] = PageState(receipt.received_at_s, receipt.audible, receipt.beds)
    if len(pages) > PAGES_MAX:
        del pages[next(iter(pages))]


def shown(pages: Mapping[tuple[str, str], PageState], required: Container[str], now_s: float) -> frozenset[str]:
    """Return the beds that pages of required stations show."""
    return frozenset().union(*(page.shows(now_s) for (station, _), page in pages.items() if station in required))


def not_displaying(
    unseen: Mapping[str, bool] | None, undelivered: tuple[Alarm, ...], now_s: float
) -> Iterator[Finding]:
    """Tell that nobody would see an alarm, or that nobody sees one that stands.

    ``unseen`` are the labels of the beds that no required station shows, and whether each is active; ``None`` where
    that is not known: without a broker, as `NORTHBOUND_LOST` says, and until pages had their time to speak.
    """
    worst = INSIDE
    if unseen:
        worst = _NO_SCREEN_AT_ACTIVE if any(unseen.values()) else _NO_SCREEN
    if undelivered:
        worst = _NOT_SHOWN
    yield Finding(
        NOT_DISPLAYING,
        None if unseen is None and not undelivered else level(worst, now_s),
        _ENTRY.bands,
        _ENTRY.clear_delay_s,
        partial(_describe, tuple(unseen or ()), undelivered),
        fingerprint=",".join((*(unseen or ()), *(alarm.occurrence for alarm in undelivered))),
    )


def _describe(unseen: tuple[str, ...], undelivered: tuple[Alarm, ...], _: Band) -> Particulars:
    texts = []
    if unseen:
        texts.append(f"No screen with sound shows {', '.join(unseen)}.")
    if undelivered:
        more = f" And {len(undelivered) - NAMED_MAX} more." if len(undelivered) > NAMED_MAX else ""
        named = " ".join(alarm.text for alarm in undelivered[:NAMED_MAX])
        texts.append(f"Not shown in time on any screen: {named}{more}")
    return Particulars(" ".join(texts), evidence=(("beds", ", ".join(unseen)),))
