"""How an IntelliVue monitor is set up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from simulators.intellivue_answers import Terms
from simulators.intellivue_numerics import USUAL_NUMERICS, Numeric
from simulators.intellivue_requests import MIN_MTU_BYTES
from simulators.intellivue_values import TICKS_PER_S, checked_text

_TIME_TURN = 1 << 32
_DYNAMIC_OBJECTS = 0x6000_0000


class Again(StrEnum):
    """What the monitor does with an association request while it is associated."""

    REFUSE = "REFUSE"
    ABORT = "ABORT"
    ACCEPT = "ACCEPT"
    IGNORE = "IGNORE"


class Mode(IntEnum):
    """The operating mode of the monitor."""

    UNSPECIFIED = 0x8000
    MONITORING = 0x4000
    DEMO = 0x2000
    SERVICE = 0x1000
    STANDBY = 0x0002
    CONFIGURATION = 0x0001


class MdsAttribute(IntEnum):
    """What the monitor tells of itself."""

    ABSOLUTE_TIME = 0x0987
    RELATIVE_TIME = 0x098F
    MODEL = 0x0928
    BED_LABEL = 0x091E
    OPERATING_MODE = 0x0946


@dataclass(frozen=True, slots=True)
class IntelliVueOptions:
    """The monitor and how it is set up.

    ``fitted`` are the numerics that it has at first. ``unix_at_zero_s`` is what its clock shows when the monotonic time
    is 0, ``ticks_at_start`` its relative time at power on. A ``cuff_interval_s`` of ``None`` leaves the cuff to
    ``measure_cuff``. ``extension`` is what it offers of extended polls: numerics each second, and waves. ``model`` are
    the texts of its model attribute, maker and model. Without ``absolute_times`` the times of results are empty. Raises
    ``ValueError`` for what cannot be.
    """

    fitted: frozenset[Numeric] = USUAL_NUMERICS
    unix_at_zero_s: int = 1_700_000_000
    ticks_at_start: int = 0
    cuff_interval_s: float | None = 300.0
    min_poll_period_ticks: int = TICKS_PER_S
    mtu_rx_bytes: int = 1000
    mtu_tx_bytes: int = 1456
    extension: int = 0x8800_0000
    model: tuple[str, ...] = ("Philips", "M8004A")
    bed_label: str = "BED 1"
    mds_attributes: tuple[MdsAttribute, ...] = tuple(MdsAttribute)
    absolute_times: bool = True
    again: Again = Again.REFUSE

    def __post_init__(self) -> None:
        if self.cuff_interval_s is not None and not 0.0 < self.cuff_interval_s < math.inf:
            raise ValueError("a cuff interval is above 0 s")
        if min(self.mtu_rx_bytes, self.mtu_tx_bytes) < MIN_MTU_BYTES:
            raise ValueError(f"messages are at least {MIN_MTU_BYTES} bytes")
        if not all(0 <= number < _TIME_TURN for number in (self.ticks_at_start, self.min_poll_period_ticks)):
            raise ValueError("times are four bytes")
        for words in (*self.model, self.bed_label):
            checked_text(words)

    def offer(self) -> Terms:
        """Return what the monitor is ready to agree upon."""
        return Terms(
            0, self.min_poll_period_ticks, self.mtu_rx_bytes, self.mtu_tx_bytes, _DYNAMIC_OBJECTS, self.extension
        )
