"""What the store keeps of alarms, answers and therapies: exact bodies, written and read."""

from __future__ import annotations

import json

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

_STORED_ALARM = TypeAdapter(Alarm)
_STORED_ANSWER = TypeAdapter(Answer)
_STORED_PARTS: dict[str, TypeAdapter[Kept]] = {
    THERAPY: TypeAdapter(KeptTherapy),
    CASE: TypeAdapter(Case),
    STEPS: TypeAdapter(KeptSteps),
    DOSE: TypeAdapter(KeptDose),
    DAY: TypeAdapter(DayDose),
    SERVICE: TypeAdapter(KeptService),
}


def alarm_body(alarm: Alarm, boot: str = "") -> str:
    """An alarm as the store keeps it: exact, unlike the message, whose wall times are rounded labels.

    ``boot`` is the kernel's boot whose clock its times are of.
    """
    return _of_boot(_STORED_ALARM.dump_json(alarm).decode(), boot)


def _of_boot(body: str, boot: str) -> str:
    return f'{{"boot": {json.dumps(boot)}, {body[1:]}' if boot else body


def kept_body(part: str, kept: Kept, boot: str = "") -> str:
    """A part of a therapy as the store keeps it; ``boot`` as for an alarm."""
    return _of_boot(_STORED_PARTS[kind_of(part)].dump_json(kept).decode(), boot)


def kept_from_body(part: str, body: str) -> Kept:
    """Read what `kept_body` wrote. Raises ``ValueError`` if it is no such part."""
    reader = _STORED_PARTS.get(kind_of(part))
    if reader is None:
        raise ValueError(f"this version knows no part {part} of a therapy")
    return reader.validate_json(body)


def boot_of(body: str) -> str:
    """The kernel's boot of what `alarm_body` wrote, empty where that is not known."""
    try:
        found = json.loads(body).get("boot", "")
    except (ValueError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""


def alarm_from_body(body: str) -> Alarm:
    """Read what `alarm_body` wrote; fields that a later version added are ignored, at every depth.

    Raises ``ValueError`` if it is no alarm.
    """
    return _STORED_ALARM.validate_json(body)


def answer_body(answer: Answer) -> str:
    """An answer as the store keeps it."""
    return _STORED_ANSWER.dump_json(answer).decode()


def answer_from_body(body: str) -> Answer:
    """Read what `answer_body` wrote. Raises ``ValueError`` if it is no answer."""
    return _STORED_ANSWER.validate_json(body)
