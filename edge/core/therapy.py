"""The words of a therapy: who is treated, what is ordered, and what was found at the bedside.

Frozen data, as in `edge/core/model.py`. What nobody answered is unknown: it is neither yes nor no, and where a yes
would tighten a limit it counts as yes until somebody answers (law 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from edge.core.model import Instant


class Known(StrEnum):
    """The answer to a question of the checklist."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    @property
    def cautious(self) -> bool:
        """Whether it must be taken for a yes."""
        return self is not Known.NO


SYRINGE_DOUBT = "the concentration is the ordered one: the syringe was changed, and nobody has confirmed what is in it"
"""Said with each dose that is reckoned before the question after a change of syringe is answered."""

CONFIGURATION = "configuration"
"""Who asks for what stands in the configuration."""

FREQUENT_IN_7_DAYS = 2
"""As many treatments within seven days make a frequent one (design, section 8)."""


@dataclass(frozen=True, slots=True)
class Checklist:
    """What is asked before a treatment. ``treatments_in_7_days`` is ``None`` where nobody knows."""

    heart_disease: Known = Known.UNKNOWN
    cyp3a4_inhibitor: Known = Known.UNKNOWN
    cyp2b6_inhibitor: Known = Known.UNKNOWN
    opioids: Known = Known.UNKNOWN
    sedatives: Known = Known.UNKNOWN
    dependence: Known = Known.UNKNOWN
    age_65_or_over: Known = Known.UNKNOWN
    treatments_in_7_days: int | None = None

    @property
    def frequent(self) -> Known:
        """Whether the treatments are frequent."""
        if self.treatments_in_7_days is None:
            return Known.UNKNOWN
        return Known.YES if self.treatments_in_7_days >= FREQUENT_IN_7_DAYS else Known.NO


@dataclass(frozen=True, slots=True)
class Patient:
    """Who is at a bed: an opaque case number, never a name. ``rev`` grows with each correction."""

    case: str
    weight_kg: Decimal
    checklist: Checklist
    by: str
    started: Instant
    rev: int = 1

    @property
    def demonstration(self) -> bool:
        """Whether it is the patient of an order in the configuration: nobody makes rounds at it."""
        return self.by == CONFIGURATION


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is usual for this patient, confirmed by a nurse before the infusion; ``None`` was not measured."""

    heart_rate_per_min: Decimal | None
    nibp_sys_mmhg: Decimal | None
    nibp_mean_mmhg: Decimal | None
    by: str
    at: Instant


class TherapyPhase(StrEnum):
    """Where the therapy of a bed is. A bed without a patient has none."""

    NONE = "none"
    SETUP = "setup"
    BASELINE = "baseline"
    INFUSING = "infusing"
    STOPPED = "stopped"
    RECOVERY = "recovery"


class ChannelRole(StrEnum):
    """What a pump channel of a bed is for. Of what is not ``ORDERED`` only the device's own alarms are relayed."""

    ORDERED = "ordered"
    CARRIER = "carrier"
    NOT_SUPERVISED = "not_supervised"


@dataclass(frozen=True, slots=True)
class Override:
    """A soft limit of the library that somebody passed knowingly, and why."""

    condition: str
    limit: Decimal
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Order:
    """A therapy order for one pump channel, in mg/kg/h and mg/kg of ``weight_kg``.

    ``step_mg_per_kg_per_h`` is ordered now, between ``start`` and ``maximum``, raised by ``increment`` at most, and not
    sooner than ``step_interval_s``. ``total_mg_per_kg`` is to be given in ``planned_s``. ``None``: it is not ordered.
    ``given_before_mg`` was given before the edge began to count. ``prefilled``: the pump told rate and drug; a person
    typed weight and concentration. ``stepped_from`` was the step before this one.
    ``origin`` says where it comes from, for the explanation of an alarm. ``syringe_changed`` is since when a changed
    syringe waits for somebody to say that its drug and concentration are the ordered ones (H-04).
    """

    port: str
    channel: str
    drug: str
    concentration_mg_per_ml: Decimal
    weight_kg: Decimal
    step_mg_per_kg_per_h: Decimal
    maximum_mg_per_kg_per_h: Decimal
    origin: str
    start_mg_per_kg_per_h: Decimal | None = None
    increment_mg_per_kg_per_h: Decimal | None = None
    step_interval_s: float | None = None
    total_mg_per_kg: Decimal | None = None
    planned_s: float | None = None
    cuff_interval_s: float | None = None
    round_interval_s: float | None = None
    given_before_mg: Decimal | None = None
    prefilled: bool = False
    overrides: tuple[Override, ...] = ()
    by: str = ""
    confirmed_by: str = ""
    placed: Instant | None = None
    rev: int = 1
    stepped_from_mg_per_kg_per_h: Decimal | None = None
    syringe_changed: Instant | None = None

    @property
    def explained(self) -> str:
        """Where it comes from, and what of it is in doubt, for the explanation of an alarm (law 14)."""
        return self.origin if self.syringe_changed is None else f"{self.origin}; {SYRINGE_DOUBT}"
