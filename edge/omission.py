"""What goes from the events that wait for the broker when they are over their bounds: pure.

Law 8: over the bound they collapse, the oldest and lowest first, into one counted "n omitted". Low ones go before
medium ones, these before high ones, and of equal ones the oldest; what is too old goes whatever it is. A notice stands
in the place of the first that went, one a run: so every gap in ``event_seq`` is announced, in its order. States are not
events: no alarm that stands is ever left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from edge.messages.events import OmittedMessage
from edge.rows import NEVER_OMITTED, Omitted, OutboxRow

EVENTS_MAX = 50_000
"""Events that wait: 20 beds, 30 transitions an hour, three days."""

BYTES_MAX = 48 * 1024 * 1024
"""Their payloads, in memory and on the disk: some 25,000 of 2 kB, and read in a second or two at the start."""

AGE_MAX_S = 30 * 24 * 3600.0
"""Older news is no news; the journal has it. It counts only between clocks that were synchronised."""

LEFT = 0.95
"""So much of a bound is left when it is passed, so that not every event after that looks at all of them."""

_LOW, _MEDIUM, _HIGH = 1, 2, 3


def is_over(rows: Sequence[OutboxRow], used_bytes: int, fixed: int) -> bool:
    """Tell whether events are over a bound; the oldest that is not on its way tells for the age of all."""
    if len(rows) > EVENTS_MAX or used_bytes > BYTES_MAX:
        return True
    return len(rows) > fixed and _is_old(rows[fixed], rows[-1])


def collapse(rows: Sequence[OutboxRow], topic: str, fixed: int) -> tuple[list[OutboxRow], list[Omitted]]:
    """Return what is left of events, and what went, a run at a time. The first ``fixed`` are on their way, and stay."""
    of_run: dict[str, list[int]] = {}
    for place in _chosen(rows, fixed):
        of_run.setdefault(rows[place].run, []).append(place)
    left: list[OutboxRow | None] = list(rows)
    omitted: list[Omitted] = []
    for run, places in of_run.items():
        # One notice a run: what an earlier one said is said again.
        places += [
            place
            for place in range(fixed, len(rows))
            if rows[place].run == run and rows[place].priority == NEVER_OMITTED
        ]
        places.sort()
        notice = _notice([rows[place] for place in places], topic)
        for place in places:
            left[place] = None
        left[places[0]] = notice
        omitted.append(Omitted(tuple((run, rows[place].event_seq) for place in places), notice))
    return [row for row in left if row is not None], omitted


def _chosen(rows: Sequence[OutboxRow], fixed: int) -> Iterator[int]:
    """Choose what goes, by its place."""
    candidates = [place for place in range(fixed, len(rows)) if rows[place].priority < NEVER_OMITTED]
    count, used_bytes = len(rows), sum(len(row.payload) for row in rows)
    young: list[int] = []
    for place in candidates:
        if _is_old(rows[place], rows[-1]):
            count, used_bytes = count - 1, used_bytes - len(rows[place].payload)
            yield place
        else:
            young.append(place)
    if count <= EVENTS_MAX and used_bytes <= BYTES_MAX:
        return
    for place in sorted(young, key=lambda place: rows[place].priority):
        if count <= EVENTS_MAX * LEFT and used_bytes <= BYTES_MAX * LEFT:
            return
        count, used_bytes = count - 1, used_bytes - len(rows[place].payload)
        yield place


def _is_old(row: OutboxRow, newest: OutboxRow) -> bool:
    return 0 < row.wall_s < newest.wall_s - AGE_MAX_S


def _notice(rows: Iterable[OutboxRow], topic: str) -> OutboxRow:
    said = [_as_message(row) for row in rows]
    whole = OmittedMessage(
        run=said[0].run,
        first_event_seq=min(one.first_event_seq for one in said),
        last_event_seq=max(one.last_event_seq for one in said),
        count=sum(one.count for one in said),
        high=sum(one.high for one in said),
        medium=sum(one.medium for one in said),
        low=sum(one.low for one in said),
    )
    payload = whole.model_dump_json(by_alias=True).encode()
    return OutboxRow(whole.run, whole.first_event_seq, topic, payload, NEVER_OMITTED)


def _as_message(row: OutboxRow) -> OmittedMessage:
    """Say one event as if it alone were omitted; a notice says what it says."""
    if row.priority == NEVER_OMITTED:
        return OmittedMessage.read(row.payload)
    return OmittedMessage(
        run=row.run,
        first_event_seq=row.event_seq,
        last_event_seq=row.event_seq,
        count=1,
        high=int(row.priority >= _HIGH),
        medium=int(row.priority == _MEDIUM),
        low=int(row.priority <= _LOW),
    )
