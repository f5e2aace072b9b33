"""Rules about the disks that this edge writes to: how full they are, and what could not be read at the start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from edge.core.catalogue import CATALOGUE
from edge.core.condition import INSIDE, Judgement
from edge.core.finding import Finding, Particulars, when
from edge.core.inputs import DiskSpace, DisksSeen
from edge.core.model import AlarmKey

MIB = 1024 * 1024
FREE_BYTES = (256 * MIB, 64 * MIB)
"""Free bytes below which the bands begin: what the store alone may grow to be, and a day or more of it."""

FREE_FILES = (1000, 100)
"""The same of files that can still be made: a disk without any takes no more, whatever room it has."""

HELD_PERCENT = 125
"""A band is left when so much of its limit is free again: files that come and go at the limit are one alarm."""

_NEARLY_FULL, _NOT_READ = CATALOGUE["DISK_NEARLY_FULL"], CATALOGUE["STORE_NOT_READ"]


@dataclass(slots=True)
class DiskState:
    """What the edge knows of its disks, ``None`` before the first look; ``unread``: why the store is not read yet."""

    seen: tuple[DiskSpace, ...] | None = None
    unread: str = ""

    def see(self, item: DisksSeen) -> None:
        """Take up a look at them."""
        self.seen = item.disks


@dataclass(frozen=True, slots=True)
class _Fullest:
    beyond: int = INSIDE
    held: int = INSIDE
    named: tuple[DiskSpace, ...] = field(default=())


def nearly_full(state: DiskState, now_s: float) -> Iterator[Finding]:
    """A disk that this edge writes to will be full: the technician can act before anything is lost (H-32)."""
    worst = _fullest(state.seen or ())
    yield Finding(
        AlarmKey("", "DISK_NEARLY_FULL"),
        None if state.seen is None else Judgement(worst.beyond, worst.held, now_s),
        _NEARLY_FULL.bands,
        _NEARLY_FULL.clear_delay_s,
        lambda _: Particulars(
            f"Little room is left on the disk: {_said(worst.named)}.",
            evidence=tuple((one.folder, _room(one)) for one in state.seen or ()),
        ),
    )


def not_read(state: DiskState, now_s: float) -> Iterator[Finding]:
    """What the run before kept of alarms and therapies is not known here: it may stand, and nobody sees it (H-33)."""
    yield Finding(
        AlarmKey("", "STORE_NOT_READ"),
        when(true=bool(state.unread), now_s=now_s),
        _NOT_READ.bands,
        _NOT_READ.clear_delay_s,
        lambda _: Particulars(
            f"The alarm store could not be read at the start: {state.unread}. Alarms, patients and orders of before "
            "are missing until it can.",
            evidence=(("reason", state.unread),),
        ),
        fingerprint=state.unread,
    )


def _fullest(disks: tuple[DiskSpace, ...]) -> _Fullest:
    beyond = max((_band(one, 100) for one in disks), default=INSIDE)
    held = max((_band(one, HELD_PERCENT) for one in disks), default=INSIDE)
    percent, worst = (HELD_PERCENT, held) if beyond == INSIDE else (100, beyond)
    return _Fullest(beyond, held, tuple(one for one in disks if _band(one, percent) == worst))


def _band(one: DiskSpace, percent: int) -> int:
    by_bytes = sum(one.free_bytes * 100 < limit * percent for limit in FREE_BYTES)
    by_files = sum(one.free_files is not None and one.free_files * 100 < limit * percent for limit in FREE_FILES)
    return max(by_bytes, by_files) - 1


def _said(disks: tuple[DiskSpace, ...]) -> str:
    return "; ".join(f"{one.folder} has {_room(one)}" for one in disks)


def _room(one: DiskSpace) -> str:
    files = "" if one.free_files is None or one.free_files >= 2 * FREE_FILES[0] else f" and {one.free_files} files"
    return f"{one.free_bytes // MIB} MiB{files}"
