"""The acts of a therapy: what people ask for at a bed. Each names the case that its asker saw (H-09).

``sure`` is the answer to a question that a refusal put: the asker looked again. What is ``None`` was not said.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from drivers.model import Quantity
from edge.core.therapy import ChannelRole, Checklist, Known
from edge.core.therapy_state import Airway, Degree


@dataclass(frozen=True, slots=True)
class StartPatient:
    """The act of the verb ``start-patient``; for the case that is there already, a correction of its checklist."""

    bed: str
    case: str
    weight_kg: Decimal
    checklist: Checklist
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """The act of the verb ``close``: the therapy is over. ``reason``: why sooner than the recovery takes."""

    bed: str
    case: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EndInfusion:
    """The act of the verb ``end-infusion``: the pump is stopped for good, the recovery begins."""

    bed: str
    case: str


@dataclass(frozen=True, slots=True)
class Place:
    """A pump channel of a bed, and the case there; an empty ``port`` means the only channel that it can be."""

    bed: str
    case: str
    port: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class EnterOrder:
    """The act of the verb ``order``: a new order, or a revision of the one with revision ``rev`` (0: there is none).

    What is ``None`` comes from the order before, from the pump, or from the library. ``reason`` passes soft bounds.
    """

    place: Place
    rev: int
    concentration_mg_per_ml: Decimal
    weight_kg: Decimal
    drug: str = ""
    step_mg_per_kg_per_h: Decimal | None = None
    start_mg_per_kg_per_h: Decimal | None = None
    maximum_mg_per_kg_per_h: Decimal | None = None
    increment_mg_per_kg_per_h: Decimal | None = None
    step_interval_s: float | None = None
    total_mg_per_kg: Decimal | None = None
    planned_s: float | None = None
    cuff_interval_s: float | None = None
    round_interval_s: float | None = None
    given_before_mg: Decimal | None = None
    reason: str = ""
    sure: bool = False


@dataclass(frozen=True, slots=True)
class ConfirmOrder:
    """The act of the verb ``confirm``: a second person has compared the order ``rev`` with the prescription."""

    place: Place
    rev: int


@dataclass(frozen=True, slots=True)
class ConfirmSyringe:
    """The act of the verb ``confirm-syringe``: drug and concentration of the new syringe are those of order ``rev``."""

    place: Place
    rev: int


@dataclass(frozen=True, slots=True)
class OverrideBounds:
    """The act of the verb ``override``: the reason why the order ``rev`` may pass its soft bounds."""

    place: Place
    rev: int
    reason: str


@dataclass(frozen=True, slots=True)
class WithdrawOrder:
    """The act of the verb ``withdraw``: the order ``rev`` is off, whether it is in force or awaits confirmation."""

    place: Place
    rev: int


@dataclass(frozen=True, slots=True)
class TakeStep:
    """The act of the verb ``step``: the ordered step is another one now, inside the range of the order ``rev``."""

    place: Place
    rev: int
    step_mg_per_kg_per_h: Decimal


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement for a baseline."""

    heart_rate_per_min: Decimal | None = None
    nibp_sys_mmhg: Decimal | None = None
    nibp_mean_mmhg: Decimal | None = None


@dataclass(frozen=True, slots=True)
class SetBaseline:
    """The act of the verb ``baseline``: up to three readings; without any, what the monitor shows now."""

    bed: str
    case: str
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True)
class AdjustLimit:
    """The act of the verb ``limits``: a band of a vital sign's limit for this patient; ``None``: as it was before."""

    bed: str
    case: str
    condition: str
    band: str
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Observe:
    """The act of the verb ``observe``: an observation round, and vital signs that were measured by hand."""

    bed: str
    case: str
    airway: Airway | None = None
    rass: int | None = None
    anxiety: Degree | None = None
    nausea: Degree | None = None
    pain: int | None = None
    vital_signs: tuple[tuple[Quantity, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class GiveByHand:
    """The act of the verb ``manual-dose``: a dose that was given outside the pump."""

    bed: str
    case: str
    drug: str
    dose_mg: Decimal


@dataclass(frozen=True, slots=True)
class SettleDose:
    """The act of the verb ``settle-dose``: so much the channel has given in this treatment, as the pump shows."""

    place: Place
    given_mg: Decimal
    reason: str
    sure: bool = False


@dataclass(frozen=True, slots=True)
class ConnectLine:
    """The act of the verb ``line``: as it is connected now, so much stands in it, and whether that is the drug."""

    place: Place
    dead_volume_ml: Decimal
    drug: Known = Known.UNKNOWN


@dataclass(frozen=True, slots=True)
class FlushLine:
    """The act of the verb ``flush``: so much of something else goes, or went, through the line into the patient.

    ``dead_volume_ml`` and ``drug`` say what stood in a line of which nothing was said. ``by_pump``: the channel itself
    gives it.
    """

    place: Place
    volume_ml: Decimal
    by_pump: bool = False
    dead_volume_ml: Decimal | None = None
    drug: Known = Known.UNKNOWN


@dataclass(frozen=True, slots=True)
class SetRole:
    """The act of the verb ``channel-role``; a bed need not have a patient for it."""

    place: Place
    role: ChannelRole


@dataclass(frozen=True, slots=True)
class DisconnectLine:
    """The act of the verb ``line-disconnected``: for so long, what a purge delivers does not reach the patient."""

    place: Place
    duration_s: float


OrderAct: TypeAlias = EnterOrder | ConfirmOrder | OverrideBounds | WithdrawOrder | TakeStep | ConfirmSyringe
PatientAct: TypeAlias = StartPatient | Close | EndInfusion | SetBaseline | AdjustLimit | Observe | GiveByHand
ChannelAct: TypeAlias = SetRole | DisconnectLine | SettleDose | ConnectLine | FlushLine
TherapyAct: TypeAlias = OrderAct | PatientAct | ChannelAct
