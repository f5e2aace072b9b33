"""What the store keeps of alarms, answers and therapies: exact bodies, written and read.

Alarms and parts of a therapy are sealed with a checksum. SQLite's own check sees a page that cannot be, and no digit
that a failing card changed in it: a weight of 70 kg would be read as one of 30 kg (H-32). What was kept without a seal,
by an earlier version, is read as it stands; one that knows no seals skips it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from zlib import crc32

from pydantic import TypeAdapter

from edge.core.effects import Answer
from edge.core.kept_dose import KeptDose
from edge.core.model import Alarm
from edge.core.therapy_state import (
    CASE,
    DAY,
    DOSE,
    SERVICE,
    STEPS,
    THERAPY,
    Case,
    Kept,
    KeptService,
    KeptSteps,
    KeptTherapy,
    kind_of,
)
from edge.core.totals import DayDose

_SEAL = re.compile(r'\{"sum": "([0-9a-f]{8})", ')

_STORED_ALARM = TypeAdapter(Alarm)
_PARTS: dict[str, type[Kept]] = {
    THERAPY: KeptTherapy,
    CASE: Case,
    STEPS: KeptSteps,
    DOSE: KeptDose,
    DAY: DayDose,
    SERVICE: KeptService,
}


def make_ready() -> None:
    """Make what reads and writes all that is rarer than an alarm; a start need not wait for it, nor its first use."""
    _stored_answer()
    for kind in _PARTS:
        _stored_part(kind)


@cache
def _stored_answer() -> TypeAdapter[Answer]:
    return TypeAdapter(Answer)


@cache
def _stored_part(kind: str) -> TypeAdapter[Kept]:
    return TypeAdapter(_PARTS[kind])


def alarm_body(alarm: Alarm, boot: str = "") -> str:
    """An alarm as the store keeps it: exact, unlike the message, whose wall times are rounded labels.

    ``boot`` is the kernel's boot whose clock its times are of.
    """
    return _sealed(_of_boot(_STORED_ALARM.dump_json(alarm).decode(), boot))


def _of_boot(body: str, boot: str) -> str:
    return f'{{"boot": {json.dumps(boot)}, {body[1:]}' if boot else body


def _sealed(body: str, *place: str) -> str:
    rest = body[1:]
    return f'{{"sum": "{_sum(rest, place)}", {rest}'


def _unspoiled(body: str, *place: str) -> str:
    """Return a body whose seal is not broken, or that has none. Raises ``ValueError``."""
    seal = _SEAL.match(body)
    if seal is not None and seal[1] != _sum(body[seal.end() :], place):
        raise ValueError("it is not what was written: the disk changed it")
    return body


def _sum(rest: str, place: tuple[str, ...]) -> str:
    return f"{crc32(chr(0).join((*place, rest)).encode(errors='surrogatepass')):08x}"


def kept_body(bed: str, part: str, kept: Kept, boot: str = "") -> str:
    """A part of a therapy of a bed as the store keeps it; ``boot`` as for an alarm."""
    return _sealed(_of_boot(_stored_part(kind_of(part)).dump_json(kept).decode(), boot), bed, part)


def kept_from_body(bed: str, part: str, body: str) -> Kept:
    """Read what `kept_body` wrote. Raises ``ValueError`` if it is no such part, or not as it was written."""
    kind = kind_of(part)
    if kind not in _PARTS:
        raise ValueError(f"this version knows no part {part} of a therapy")
    return _stored_part(kind).validate_json(_unspoiled(body, bed, part))


def boot_of(body: str) -> str:
    """The kernel's boot of what `alarm_body` wrote, empty where that is not known."""
    try:
        found = json.loads(body).get("boot", "")
    except (ValueError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""


def alarm_from_body(body: str) -> Alarm:
    """Read what `alarm_body` wrote; fields that a later version added are ignored, at every depth.

    Raises ``ValueError`` if it is no alarm, or not as it was written.
    """
    return _STORED_ALARM.validate_json(_unspoiled(body))


def answer_body(answer: Answer) -> str:
    """An answer as the store keeps it."""
    return _stored_answer().dump_json(answer).decode()


def answer_from_body(body: str) -> Answer:
    """Read what `answer_body` wrote. Raises ``ValueError`` if it is no answer."""
    return _stored_answer().validate_json(body)
