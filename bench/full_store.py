"""``python -m bench.full_store FILE ROWS EVENTS``: a store as a long outage leaves it, and then kill -9."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.configuration import EDGE, SITE
from edge.omission import BYTES_MAX, EVENTS_MAX
from edge.rows import JournalRow, OutboxRow, Run, Transaction
from edge.store_file import JOURNAL_ROWS_MAX, StoreFile

ROWS, EVENTS = JOURNAL_ROWS_MAX, EVENTS_MAX
QUICK_ROWS, QUICK_EVENTS = JOURNAL_ROWS_MAX // 20, EVENTS_MAX // 20

BATCH = 1000
WALL = "2026-11-01T12:00:00.000Z"
_RUN = "run-before"
_EVENT = json.dumps({"text": "x" * (BYTES_MAX // EVENTS_MAX - 100)}).encode()
"""As long as all may be that wait."""

_BODY = json.dumps({"bed": "bed-0", "key": "SPO2_LOW", "phase": "update", "text": "x" * 160})


def fill(path: Path, rows: int, events: int) -> None:
    """Write so many rows of the journal, and events that wait."""
    file = StoreFile(path, Run(_RUN, "", WALL))
    file.open()
    line = JournalRow(_RUN, "alarm", WALL, synchronised=True, mono_s=1.0, body=_BODY)
    topic = f"infusion/v1/{SITE}/edge/{EDGE}/event"
    for first in range(0, rows, BATCH):
        file.commit([Transaction(1, journal=(line,) * min(BATCH, rows - first))])
    for first in range(1, events + 1, BATCH):
        numbers = range(first, min(first + BATCH, events + 1))
        file.commit([Transaction(1, events=tuple(OutboxRow(_RUN, number, topic, _EVENT, 1) for number in numbers))])


def main(arguments: Sequence[str]) -> None:
    """Fill it, and die as a program does that loses its power."""
    fill(Path(arguments[0]), int(arguments[1]), int(arguments[2]))
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
