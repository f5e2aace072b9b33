"""What a rule finds: the judgement of one condition, and what an alarm would say of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from edge.core.condition import INSIDE, Band, Judgement
from edge.core.model import AlarmKey, LimitPassed, Priority

IsTold: TypeAlias = Callable[[AlarmKey, Priority], bool]
"""Whether a condition is present, and stands as an alarm of at least this priority."""

IsIdle: TypeAlias = Callable[[AlarmKey], bool]
"""Whether a condition neither is present nor begins: what ends it has nothing to do."""

Stays: TypeAlias = Callable[[AlarmKey, Judgement | None], bool]
"""Whether a judgement of a condition (``None``: unknown) changes nothing. Then a rule need not make a finding of it:
most conditions are normal all the time, and each is looked at in every step."""


@dataclass(frozen=True, slots=True)
class Particulars:
    """What an alarm says of this moment: plain words, the value, the limit, and the arithmetic."""

    text: str
    value: Decimal | None = None
    unit: str = ""
    limit: LimitPassed | None = None
    evidence: tuple[tuple[str, str], ...] = ()


class Finding(NamedTuple):
    """What a rule says of one condition now.

    ``judged`` is ``None`` where the input is unknown. ``again_at_s`` is when the rule must be asked again although
    nothing comes in. ``value`` is what a worsening by steps is measured on.
    ``silenced_at`` is the device that says that somebody silenced there all that the condition is about.
    ``describe`` is called only if something changed; so it is if the ``fingerprint`` of a present
    condition did.
    """

    key: AlarmKey
    judged: Judgement | None
    bands: Sequence[Band]
    clear_delay_s: float
    describe: Callable[[Band], Particulars]
    again_at_s: float | None = None
    fingerprint: str = ""
    value: Decimal | None = None
    silenced_at: str = ""


def level(worst: int, now_s: float) -> Judgement:
    """Judge something that is either so or not, without hysteresis; ``INSIDE`` where it is not."""
    return Judgement(worst, worst, now_s)


def when(*, true: bool, now_s: float) -> Judgement:
    """Judge a condition of one band."""
    return level(0 if true else INSIDE, now_s)


def unless_told(finding: Finding, by: AlarmKey, is_told: IsTold) -> Finding:
    """Let a condition not begin while another one tells of the same dose, as loudly: one dose is one alarm."""
    judged = finding.judged
    if judged is None or judged.beyond == INSIDE or is_told(finding.key, Priority.LOW):
        return finding
    if not is_told(by, finding.bands[judged.beyond].priority):
        return finding
    return finding._replace(judged=level(INSIDE, judged.sample_at_s))
