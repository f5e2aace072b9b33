"""What a bed remembers of a therapy: frozen, so that what is kept on the disk is what is in force.

One `TherapyState` is one treatment of one patient: the next patient begins with a new one, and inherits nothing (H-09).
Its moments are `Instant`s alone, so that a restart can move them all (`moved`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from drivers.model import Quantity
from edge.core.delivered import Given
from edge.core.kept_dose import KeptDose
from edge.core.model import Instant, Side
from edge.core.steps import Basis, DrugTime, HeldDose
from edge.core.therapy import Baseline, ChannelRole, Order, Patient, TherapyPhase
from edge.core.totals import DayDose

WATCHED = frozenset(
    {TherapyPhase.BASELINE, TherapyPhase.INFUSING, TherapyPhase.STOPPED, TherapyPhase.RECOVERY},
)
"""Phases in which something is expected of a bed (law 3)."""

CONFIRM_WITHIN_S = 600.0
"""A second person confirms an order within ten minutes (design, section 8)."""

ROUNDS_MAX = 200
"""As many rounds of one treatment are kept: one each 15 min for two days."""

MANUAL_DOSES_MAX = 100
"""As many doses by hand of one treatment are kept; nobody gives more."""


class Airway(StrEnum):
    """What the nurse found of the airway."""

    CLEAR = "clear"
    SECRETIONS = "secretions"
    CHOKING = "choking"


class Degree(StrEnum):
    """How much of something that no sensor sees."""

    NONE = "none"
    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


@dataclass(frozen=True, slots=True)
class SoftBound:
    """A soft bound that an order passes: the condition, the bound, and the number that is beyond it, in one unit."""

    condition: str
    limit: Decimal
    number: Decimal
    unit: str
    text: str


@dataclass(frozen=True, slots=True)
class Awaiting:
    """An order that a second person must confirm. ``passed`` are the soft bounds that nobody gave a reason for yet.

    Who confirms it has read its ``advisories``, which are those of its drug. ``step_said``: who entered it said the
    step. Otherwise it is that of the order in force, and follows it.
    """

    order: Order
    user: str
    placed: Instant
    passed: tuple[SoftBound, ...] = ()
    advisories: tuple[str, ...] = ()
    step_said: bool = True


@dataclass(frozen=True, slots=True)
class RoleSet:
    """What a pump channel was declared to be for; without it, it is there for an order."""

    port: str
    channel: str
    role: ChannelRole
    by: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The line of a channel is off the patient since then: what a purge delivers until ``until`` is not given."""

    port: str
    channel: str
    by: str
    at: Instant
    until: Instant


@dataclass(frozen=True, slots=True)
class ManualDose:
    """A dose that was given outside the pump."""

    drug: str
    dose_mg: Decimal
    by: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Settling:
    """What somebody says that a channel has given, until a second person says the same: ``seen`` is what was known."""

    port: str
    channel: str
    drug: str
    given_mg: Decimal
    reason: str
    user: str
    at: Instant
    seen: Given


@dataclass(frozen=True, slots=True)
class Round:
    """One observation round; ``None`` was not looked at. ``rass``: -5 to +4; ``pain``: 0 to 10."""

    at: Instant
    by: str
    phase: TherapyPhase
    airway: Airway | None = None
    rass: int | None = None
    anxiety: Degree | None = None
    nausea: Degree | None = None
    pain: int | None = None


@dataclass(frozen=True, slots=True)
class TypedVital:
    """A vital sign that a nurse typed, in the unit of its quantity."""

    quantity: Quantity
    value: Decimal
    by: str
    at: Instant


@dataclass(frozen=True, slots=True)
class AdjustedLimit:
    """One band of a limit as a person set it for this patient, in the unit of its quantity."""

    condition: str
    band: str
    side: Side
    value: Decimal
    by: str
    at: Instant


@dataclass(frozen=True, slots=True)
class LostTotal:
    """What was given of a drug is not known: another computer counted it, and what it kept is older than its end.

    ``port`` and ``channel`` are those of its order; they are empty where it has none.
    """

    drug: str
    port: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class TherapyState:
    """One treatment. ``orders`` are confirmed; at most one a channel, and one awaiting confirmation.

    ``phase_since`` is when the phase began; ``infusing_since`` when drug first flowed, ``stopped_at`` when it last
    ceased to. ``step`` counts the steps; ``orders_entered`` the orders, whose revisions never come again.
    ``totals_lost`` are the totals that nobody knows, until people say what was given.
    """

    patient: Patient | None = None
    orders: tuple[Order, ...] = ()
    awaiting: tuple[Awaiting, ...] = ()
    baseline: Baseline | None = None
    roles: tuple[RoleSet, ...] = ()
    disconnected: tuple[Disconnected, ...] = ()
    manual_doses: tuple[ManualDose, ...] = ()
    phase: TherapyPhase = TherapyPhase.NONE
    phase_since: Instant | None = None
    infusing_since: Instant | None = None
    stopped_at: Instant | None = None
    step: int = 0
    rounds: tuple[Round, ...] = ()
    typed: tuple[TypedVital, ...] = ()
    adjusted: tuple[AdjustedLimit, ...] = ()
    orders_entered: int = 0
    settling: tuple[Settling, ...] = ()
    totals_lost: tuple[LostTotal, ...] = ()

    @property
    def watched(self) -> bool:
        """Whether something is expected of the bed by its phase."""
        return self.phase in WATCHED

    def order(self, port: str, channel: str) -> Order | None:
        """Return the confirmed order of a channel."""
        return next((one for one in self.orders if (one.port, one.channel) == (port, channel)), None)

    def awaited(self, port: str, channel: str) -> Awaiting | None:
        """Return the order of a channel that awaits its confirmation."""
        return next((one for one in self.awaiting if (one.order.port, one.order.channel) == (port, channel)), None)

    def role(self, port: str, channel: str) -> ChannelRole:
        """Return what a channel is for."""
        found = next((one.role for one in self.roles if (one.port, one.channel) == (port, channel)), None)
        return ChannelRole.ORDERED if found is None else found

    def lost(self, drug: str) -> bool:
        """Tell whether it is not known what was given of a drug."""
        return any(one.drug == drug for one in self.totals_lost)

    def settled(self, drug: str, port: str, channel: str) -> TherapyState:
        """Return it with the total of a channel known again, and with those that no order counts any more."""
        rest = tuple(
            one for one in self.totals_lost if one.drug != drug or self._is_counted_elsewhere(one, port, channel)
        )
        return replace(self, totals_lost=rest)

    def _is_counted_elsewhere(self, lost: LostTotal, port: str, channel: str) -> bool:
        order = self.order(lost.port, lost.channel)
        return order is not None and order.drug == lost.drug and (lost.port, lost.channel) != (port, channel)

    def with_order(self, order: Order) -> TherapyState:
        """Return it with an order in force, in the place of the channel's one before."""
        return replace(self, orders=(*self.without_order(order.port, order.channel).orders, order))

    def without_order(self, port: str, channel: str) -> TherapyState:
        """Return it without the order of a channel."""
        rest = tuple(one for one in self.orders if (one.port, one.channel) != (port, channel))
        return replace(self, orders=rest)

    def settling_of(self, port: str, channel: str) -> Settling | None:
        """Return what somebody said of a channel, which a second person has not said yet."""
        return next((one for one in self.settling if (one.port, one.channel) == (port, channel)), None)

    def without_settling(self, port: str, channel: str) -> TherapyState:
        """Return it without that."""
        rest = tuple(one for one in self.settling if (one.port, one.channel) != (port, channel))
        return replace(self, settling=rest)

    def with_awaiting(self, awaiting: Awaiting) -> TherapyState:
        """Return it with an order that awaits confirmation, in the place of the channel's one before."""
        rest = self.without_awaiting(awaiting.order.port, awaiting.order.channel).awaiting
        return replace(self, awaiting=(*rest, awaiting))

    def without_awaiting(self, port: str, channel: str) -> TherapyState:
        """Return it without the order of a channel that awaits its confirmation."""
        rest = tuple(one for one in self.awaiting if (one.order.port, one.order.channel) != (port, channel))
        return replace(self, awaiting=rest)


UNTREATED = TherapyState()
"""A bed without a patient."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a patient beyond one treatment: the last weight, for its plausibility (H-03)."""

    case: str
    weight_kg: Decimal
    seen: Instant


@dataclass(frozen=True, slots=True)
class KeptTherapy:
    """A bed's therapy as the store keeps it, and the moment to which its times compare."""

    at: Instant
    therapy: TherapyState


@dataclass(frozen=True, slots=True)
class KeptSteps:
    """The steps of a channel as the store keeps them: seconds of infusing, and the dose rates of the last minutes.

    ``basis`` is what these are reckoned by; ``drugs`` the time of each drug of the bed, in seconds of infusing.
    """

    port: str
    channel: str
    infusing_s: float
    held: tuple[HeldDose, ...]
    basis: Basis | None = None
    drugs: tuple[DrugTime, ...] = ()

    @property
    def part(self) -> str:
        """The name of the part."""
        return f"{STEPS}:{self.port}.{self.channel}"


@dataclass(frozen=True, slots=True)
class KeptService:
    """A bed under service as the store keeps it: until when, by the monotonic clock of ``at``, and by whom."""

    at: Instant
    until_s: float
    by: str


THERAPY, CASE, STEPS, DOSE, DAY = "therapy", "case", "steps", "dose", "day"
SERVICE = "service"
"""The kinds of parts. A part is named by its kind, or ``kind:name`` where a bed has several."""

Kept: TypeAlias = KeptTherapy | Case | KeptSteps | KeptDose | DayDose | KeptService
"""What `edge.core.effects.Keep` carries, a class a kind of part."""


@dataclass(frozen=True, slots=True)
class KeptPart:
    """One part that the store kept; ``here``: its times are of this boot of the kernel."""

    bed: str
    part: str
    body: Kept
    here: bool


_T = TypeVar("_T")


def kind_of(part: str) -> str:
    """Return the kind of a part."""
    return part.partition(":")[0]


def moved(value: _T, by_s: float) -> _T:
    """Return a frozen value with every moment in it moved on the monotonic clock; wall times stay as they were."""
    return _moved(value, by_s)  # type: ignore[no-any-return]


def _moved(value: Any, by_s: float) -> Any:
    if isinstance(value, Instant):
        return replace(value, mono_s=value.mono_s + by_s)
    if isinstance(value, tuple):
        return tuple(_moved(each, by_s) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: getattr(value, field.name) for field in fields(value)}
        changed = {name: _moved(part, by_s) for name, part in parts.items()}
        return replace(value, **{name: part for name, part in changed.items() if part is not parts[name]})
    return value
