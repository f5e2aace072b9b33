"""What the store keeps of the dose of a channel."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from edge.core.delivered import Given
from edge.core.line import Line, PumpFlush
from edge.core.model import Instant
from edge.core.pump_counter import Reading


@dataclass(frozen=True, slots=True)
class DrugGiven:
    """What a channel gave of another drug in the same treatment; ``before_mg`` was given before the edge counted."""

    drug: str
    given: Given
    before_mg: Decimal


@dataclass(frozen=True, slots=True)
class KeptBolus:
    """The last bolus of a channel: at least so much. ``until`` is when it was last seen to run, or was told of."""

    volume_ml: Decimal
    step_ml: Decimal
    until: Instant
    runs: bool


@dataclass(frozen=True, slots=True)
class KeptDose:
    """What the store keeps of a channel. ``last`` and ``counter`` prove what was delivered while the edge was off.

    ``left_ml``, ``opened``, ``changing``, ``stood`` and ``changed_from`` say what is known of a change of its syringe,
    ``line`` and ``flush`` of its line.
    """

    at: Instant
    port: str
    channel: str
    session: str
    case: str
    drug: str
    concentration_mg_per_ml: Decimal | None
    given: Given
    infusing_s: float
    before_mg: Decimal
    sampled: Instant
    flow_ml_per_h: Decimal | None
    stands: bool
    serial_number: str
    counter: Reading | None
    changed: Instant
    earlier: tuple[DrugGiven, ...] = ()
    left_ml: Decimal | None = None
    opened: bool = False
    changing: bool = False
    stood: Instant | None = None
    changed_from: Given | None = None
    unordered: bool = False
    line: Line | None = None
    flush: PumpFlush | None = None
    bolus: KeptBolus | None = None
