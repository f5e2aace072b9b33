"""What was: pages of trends, and of what the journal has, for who asks for them.

Nothing is changed by asking, so any role may, no basis is needed, and it is not journalled.

Laws:
  * Neither the event loop nor the store's writing ever waits for it: the trends are copied, and threads of their own
    read the journal and write the pages. A disk that hangs holds up events, not trends.
  * Pages, and what waits, are bounded, a station by itself: who asks faster than he reads is refused.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError

from edge import personal, store_reading
from edge.clock import rfc3339
from edge.core.model import Instant
from edge.messages.base import Stamp
from edge.messages.events import HistoryMessage, PastMessage, TrendMessage
from edge.messages.requests import HistoryRequest
from edge.rows import JournalRow
from edge.store_file import StoreFileError
from edge.store_reading import PastRow
from edge.trends import NOTHING, STEP_S, Piece, Trends, slot_of, value_of
from edge.worker import Worker

REQUEST_MAX = 8 * 1024
"""Bytes of a request: 32 names of values and some short fields."""

POINTS_MAX = 4400
"""Entries of a page of trends: twelve hours of one value, or an hour of twelve; some 100 kB."""

EVENTS_MAX = 100
"""Rows of a page of events; some 60 kB."""

SCANNED_MAX = 5000
"""So many rows are looked at for one page; that of a quiet bed may have fewer, or none, and yet not be the last."""

_DIGITS_MAX = 18
"""More than a row's number, or that of a slot, can have."""

WAITING_MAX = 4
"""Pages that one station may wait for."""

ALL_WAITING_MAX = 16
"""Pages that all may wait for together: 2 MB."""

PERSONAL = {"bed": "name the bed as the roster does", "user": "name who asks by an identifier of the ward"}
"""Where somebody might write a personal number, and what to write instead."""

Reply = Callable[[bytes], None]
_log = structlog.get_logger(__name__)


class _RefusedError(Exception):
    """It is not answered; the text says why."""


@dataclass(frozen=True, slots=True)
class Here:
    """Where and when it is asked: the run and the kernel's boot, and the clocks now."""

    run: str
    boot_id: str
    now: Instant


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked (``None``: it cannot be read), where and when, and of which time by the edge's clock."""

    request: HistoryRequest | None
    here: Here
    from_s: float = 0.0
    until_s: float = 0.0


class History:
    """Answers requests. ``here`` tells the clocks; ``deliver`` takes a callable to the event loop."""

    def __init__(
        self,
        trends: Trends,
        store: Path,
        *,
        here: Callable[[], Here],
        deliver: Callable[[Callable[[], None]], object],
    ) -> None:
        self._trends = trends
        self._store = store
        self._here = here
        self._deliver = deliver
        self._waiting: Counter[str] = Counter()
        self._of_trends = Worker("history of trends")
        self._of_events = Worker("history of events")

    def ask(self, station: str, payload: bytes, reply: Reply, refusal: str = "") -> None:
        """Have ``reply`` called with a page, at once or later; never waits. ``refusal`` is why it must be refused."""
        asked = Asked(None, self._here())
        try:
            request = _read(payload)
            numbered = [name for name in PERSONAL if personal.has_number(getattr(request, name))]
            # What is refused for that is not said again: answers are sent.
            asked = replace(asked, request=request.model_copy(update=dict.fromkeys(numbered, "")))
            self._admit(station, refusal, numbered)
            asked = _with_window(asked, request)
            job, worker = self._job(asked, request)
        except _RefusedError as error:
            reply(_json(_page(asked, reason=str(error))))
            return
        self._waiting[station] += 1
        worker.do(partial(self._do, asked, job, partial(self._done, station, reply)))

    def _admit(self, station: str, refusal: str, numbered: Sequence[str]) -> None:
        if refusal:
            raise _RefusedError(refusal)
        for name in numbered:
            raise _RefusedError(f"{name}: looks like a personal number; {PERSONAL[name]}")
        if self._waiting[station] >= WAITING_MAX or self._waiting.total() >= ALL_WAITING_MAX:
            raise _RefusedError("too many pages are waited for: wait for the answer before asking again")

    def _job(self, asked: Asked, request: HistoryRequest) -> tuple[Callable[[], HistoryMessage], Worker]:
        if request.what == "events":
            return partial(events_page, self._store, asked, request), self._of_events
        first, last, skip = _trend_place(asked, request)
        # Copied here, since the next snapshot writes on; no more than a page holds.
        pieces, more = _fitting(self._trends.pieces(request.bed, request.metrics, first, last, skip))
        next_page = f"{first}.{last}.{skip + len(pieces)}" if more else ""
        rest = {"next_page": next_page, "trends_left_out": self._trends.left_out}
        return lambda: _page(asked, trends=tuple(map(_trend, pieces)), **rest), self._of_trends

    def _do(self, asked: Asked, job: Callable[[], HistoryMessage], done: Callable[[bytes], None]) -> None:
        try:
            page = job()
        except Exception:  # noqa: BLE001 - whatever it is, it is this page's alone, and the thread must live
            _log.exception("history.failed")
            page = _page(asked, reason="the edge failed to make this page: its log says why")
        # A loop that is closed takes no more answers.
        with contextlib.suppress(RuntimeError):
            self._deliver(partial(done, _json(page)))

    def _done(self, station: str, reply: Reply, page: bytes) -> None:
        self._waiting[station] -= 1
        if not self._waiting[station]:
            del self._waiting[station]
        reply(page)


def _read(payload: bytes) -> HistoryRequest:
    if len(payload) > REQUEST_MAX:
        raise _RefusedError(f"longer than {REQUEST_MAX} bytes")
    try:
        return HistoryRequest.read(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _RefusedError(f"{'.'.join(map(str, first['loc'])) or 'message'}: {first['msg']}") from error


def _with_window(asked: Asked, request: HistoryRequest) -> Asked:
    now_s = asked.here.now.mono_s
    from_s = now_s - request.from_ago_s if request.from_mono_s is None else request.from_mono_s
    until_s = now_s - request.until_ago_s if request.until_mono_s is None else request.until_mono_s
    if from_s > until_s:
        raise _RefusedError("it begins after its end")
    return replace(asked, from_s=from_s, until_s=min(until_s, now_s))


def _page(asked: Asked, **given: Any) -> HistoryMessage:
    here, request = asked.here, asked.request
    fields: dict[str, Any] = {
        "run": here.run,
        "request_id": request.request_id if request is not None else "",
        "result": "refused" if "reason" in given else "done",
        "reason": "",
        "bed": request.bed if request is not None else "",
        "what": request.what if request is not None else "",
        "at": Stamp(mono_s=here.now.mono_s, wall=rfc3339(here.now.wall_s), synchronised=here.now.synchronised),
        "from_mono_s": asked.from_s,
        "until_mono_s": asked.until_s,
        "step_s": float(STEP_S),
        "trends": (),
        "trends_left_out": 0,
        "events": (),
        "next_page": "",
    }
    return HistoryMessage(**fields | given)


# --- trends -----------------------------------------------------------------------------------------------------------


def _trend_place(asked: Asked, request: HistoryRequest) -> tuple[int, int, int]:
    """Return the first and last slot, and how many trends were told in the pages before."""
    if not request.page:
        return max(0, slot_of(asked.from_s)), max(0, slot_of(asked.until_s)), 0
    first, last, skip = _numbers(request.page, 3)
    return first, last, skip


def _fitting(pieces: Iterator[Piece]) -> tuple[list[Piece], bool]:
    """Take as many as a page holds, at least one; tell whether there are more."""
    found: list[Piece] = []
    points = 0
    for piece in pieces:
        points += len(piece.marks)
        if found and points > POINTS_MAX:
            return found, True
        found.append(piece)
    return found, False


def _trend(piece: Piece) -> TrendMessage:
    def values(scaled: Any) -> tuple[Any, ...]:
        return tuple(
            None if mark == NOTHING else value_of(one, piece.scale)
            for one, mark in zip(scaled, piece.marks, strict=True)
        )

    return TrendMessage(
        name=piece.name,
        unit=piece.unit,
        source=piece.source,
        first_mono_s=float(piece.first * STEP_S),
        low=values(piece.low),
        high=values(piece.high),
        marks=piece.marks.decode("ascii"),
    )


# --- events -----------------------------------------------------------------------------------------------------------


def events_page(store: Path, asked: Asked, request: HistoryRequest) -> HistoryMessage:
    """Read a page of events, the newest first; what hinders it is said in it."""
    try:
        before = _numbers(request.page, 1)[0] if request.page else None
        past = store_reading.read_past(store, before, SCANNED_MAX)
    except (_RefusedError, StoreFileError) as error:
        return _page(asked, reason=str(error))
    now_s = asked.here.now.mono_s
    found: list[PastMessage] = []
    for one in past:
        age_s = _age_s(one, asked.here)
        if age_s is not None and age_s > now_s - asked.from_s:
            return _page(asked, events=tuple(found))
        body = _body(one.row)
        if body.get("bed", "") == request.bed and (age_s is None or age_s >= now_s - asked.until_s):
            found.append(_past(one, body, age_s))
            if len(found) == EVENTS_MAX:
                return _page(asked, events=tuple(found), next_page=str(one.number))
    more = len(past) == SCANNED_MAX
    return _page(asked, events=tuple(found), next_page=str(past[-1].number) if more else "")


def _age_s(one: PastRow, here: Here) -> float | None:
    """Return how long ago it was; ``None`` where nobody knows."""
    row = one.row
    if one.boot_id == here.boot_id != "":
        return here.now.mono_s - row.mono_s
    if not (row.synchronised and here.now.synchronised):
        return None
    try:
        return here.now.wall_s - datetime.fromisoformat(row.wall).timestamp()
    except ValueError:
        return None


def _body(row: JournalRow) -> Mapping[str, str]:
    try:
        said = json.loads(row.body)
    except (ValueError, RecursionError):
        return {}
    return {str(name): str(value) for name, value in said.items()} if isinstance(said, dict) else {}


def _past(one: PastRow, body: Mapping[str, str], age_s: float | None) -> PastMessage:
    row = one.row
    return PastMessage(
        row=one.number,
        run=row.run,
        kind=row.kind,
        at=Stamp(mono_s=row.mono_s, wall=row.wall, synchronised=row.synchronised),
        age_s=None if age_s is None else round(age_s, 3),
        body=dict(body),
    )


def _numbers(page: str, count: int) -> list[int]:
    parts = page.split(".")
    if len(parts) != count or not all(part.isascii() and part.isdigit() and len(part) <= _DIGITS_MAX for part in parts):
        raise _RefusedError("that is no page: give the next_page of an answer to the same request, or none")
    return [int(part) for part in parts]


def _json(message: HistoryMessage) -> bytes:
    return message.model_dump_json(by_alias=True).encode()
