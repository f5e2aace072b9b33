"""What the core is told of its surroundings: beds, bindings, limits and drugs, as plain frozen data.

`edge/config.py` reads, checks and translates the files into this; nothing here checks again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from drivers.model import DeviceKind, NibpTime, Quantity
from edge.core.dose_units import EntryUnits
from edge.core.effects import HookReason
from edge.core.inputs import Role
from edge.core.model import Priority, Side


class IdentityPolicy(StrEnum):
    """What happens when a device tells a new serial number: a nurse is asked, or only the known one counts."""

    CONFIRM = "confirm"
    PINNED = "pinned"


@dataclass(frozen=True, slots=True)
class PortConfig:
    """One line. ``round_s`` is the driver's nominal round, until the line itself says how long its round is.

    ``experimental`` is said on, so that who reads a number knows that nothing independent has proved its driver.
    ``freshness``: the device's own time changes with every living message (H-11).
    """

    port: str
    driver: str
    kind: DeviceKind
    nibp_time: NibpTime
    round_s: float
    experimental: bool = False
    freshness: bool = False


@dataclass(frozen=True, slots=True)
class Binding:
    """(port, channel) -> bed. ``serial_number`` is the device that belongs there, empty where none is named."""

    port: str
    channel: str
    serial_number: str = ""
    identity: IdentityPolicy = IdentityPolicy.CONFIRM


@dataclass(frozen=True, slots=True)
class BedConfig:
    """One bed: its label for people, its pumps' channels, its monitors, and the vital signs that it is to have."""

    bed: str
    label: str
    pumps: tuple[Binding, ...]
    monitors: tuple[Binding, ...]
    vital_signs: tuple[Quantity, ...]
    cuff_interval_s: float


@dataclass(frozen=True, slots=True)
class BandLimit:
    """One band of a limit: ``value`` itself is allowed, beyond it alarms after ``delay_s``.

    Between ``adjust_from`` and ``adjust_to`` the site allows it to be set for one patient; ``None``: not at all.
    """

    name: str
    value: Decimal
    priority: Priority
    delay_s: float
    adjust_from: Decimal | None = None
    adjust_to: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LimitConfig:
    """A limit with its bands, the mildest first. ``unit`` is UCUM; ``hysteresis`` is in that unit.

    ``samples_min`` is how many samples must be beyond (1 for a cuff pressure). ``origin`` says where the numbers come
    from, for the explanation of an alarm. ``quantity`` is DOSE_RATE for all that is made of dose rates; ``unit`` says
    what is compared then. ``back`` is where a value has come back from the mildest band by the hysteresis, ``None``
    without a band.
    """

    condition: str
    side: Side
    quantity: Quantity
    unit: str
    bands: tuple[BandLimit, ...]
    hysteresis: Decimal
    clear_delay_s: float
    samples_min: int
    origin: str
    back: Decimal | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        way = -self.hysteresis if self.side is Side.HIGH else self.hysteresis
        object.__setattr__(self, "back", self.bands[0].value + way if self.bands else None)


@dataclass(frozen=True, slots=True)
class VitalBand:
    """One band of a vital sign as a drug wants it: ``of_baseline`` times the baseline, inside the clamps.

    Without a baseline, and where ``of_baseline`` is ``None``, a low limit is ``lowest`` and a high one ``highest``.
    """

    name: str
    lowest: Decimal
    highest: Decimal
    of_baseline: Decimal | None = None


@dataclass(frozen=True, slots=True)
class VitalRule:
    """What a drug wants of the limit of a vital sign, by the limit's condition."""

    condition: str
    bands: tuple[VitalBand, ...]


class Flag(StrEnum):
    """An answer of the checklist that tightens limits, in words for people."""

    HEART_DISEASE = "heart disease"
    CYP3A4_INHIBITOR = "CYP3A4 inhibitor"
    CYP2B6_INHIBITOR = "CYP2B6 inhibitor"
    FREQUENT = "frequent treatment"
    AGE_65_OR_OVER = "age 65 or over"


@dataclass(frozen=True, slots=True)
class FlagRule:
    """What a flag makes of a drug's limits; ``None`` leaves one as it is.

    ``factor`` is on the fixed upper numbers: dose rate, first minutes, session, mg/h.
    """

    flag: Flag
    dose_rate_soft: Decimal | None = None
    dose_rate_hard: Decimal | None = None
    session_soft: Decimal | None = None
    factor: Decimal | None = None
    recovery_s: float | None = None
    vitals: tuple[VitalRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may be typed: outside soft with a reason only, outside hard not at all; ``None`` is no bound."""

    soft_low: Decimal | None = None
    soft_high: Decimal | None = None
    hard_low: Decimal | None = None
    hard_high: Decimal | None = None


NO_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class TotalRule:
    """A total in mg/kg. The soft band alarms at ``soft * tolerance``, and at ``of_ordered`` times what is ordered."""

    soft: Decimal
    hard: Decimal
    tolerance: Decimal
    of_ordered: Decimal | None = None


@dataclass(frozen=True, slots=True)
class DurationRule:
    """How much longer than planned an infusion may run: soft by seconds more, hard by a factor."""

    soft_beyond_s: float
    hard_factor: Decimal


@dataclass(frozen=True, slots=True)
class BolusRule:
    """A bolus in mg/kg; ``None``: the drug is never given as a bolus."""

    soft: Decimal
    hard: Decimal


class AtEnd(StrEnum):
    """What a pump is to do at the end of the volume."""

    STOP = "stop"
    KVO = "kvo"


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved an entry, and on which day (ISO 8601)."""

    by: str
    on: str


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """Where a drug's numbers come from: library, version, hash of the entry's content, and its approval."""

    library: str = ""
    version: str = ""
    content: str = ""
    approval: Approval | None = None


@dataclass(frozen=True, slots=True)
class DrugConfig:
    """A drug of the library: its names as pumps say them, and its limits in mg/kg/h, mg/kg and mg/h.

    ``low_fraction`` of the ordered step, but at least ``low_floor_mg_per_kg_per_h``, is the low limit. ``first_limit``
    holds for ``first_s`` of infusing; ``step_limit`` is on how far the dose rate rises within ``step_within_s``. People
    read the doses in ``dosing_unit`` (UCUM). A limit that is ``None`` is not there. ``advisories`` are told when the
    drug is ordered. ``required_vitals`` and a baseline are to be there before it runs. ``settled_by_two``: what was
    given unseen is settled by two people who read the pump.
    """

    drug: str
    label: str
    pump_names: tuple[str, ...]
    dose_rate_high: LimitConfig
    low_fraction: Decimal
    low_floor_mg_per_kg_per_h: Decimal
    low_delay_s: float
    entry: LibraryEntry = LibraryEntry()
    dosing_unit: str = "mg/kg/h"
    concentrations_mg_per_ml: tuple[Decimal, ...] = ()
    custom_concentration: bool = True
    concentration: Bounds = NO_BOUNDS
    weight: Bounds = NO_BOUNDS
    low_priority: Priority = Priority.LOW
    first_limit: LimitConfig | None = None
    first_s: float = 600.0
    step_limit: LimitConfig | None = None
    step_within_s: float = 600.0
    mass_rate_limit: LimitConfig | None = None
    session: TotalRule | None = None
    day: TotalRule | None = None
    duration: DurationRule | None = None
    bolus: BolusRule | None = None
    at_end: AtEnd = AtEnd.STOP
    advisories: tuple[str, ...] = ()
    recovery_s: float = 3600.0
    baseline_required: bool = False
    settled_by_two: bool = True
    required_vitals: tuple[Quantity, ...] = ()
    vitals: tuple[VitalRule, ...] = ()
    flags: tuple[FlagRule, ...] = ()

    @property
    def units(self) -> EntryUnits:
        """The units in which people read its doses."""
        return EntryUnits(self.dosing_unit)


@dataclass(frozen=True, slots=True)
class StationConfig:
    """A station that may ask, its users' highest role, and whether one like it must show the alarms."""

    station: str
    role: Role
    required: bool = False


LOCAL = StationConfig("local", Role.PRESCRIBER)
"""The command line at the edge itself: who may use its control socket is decided by the system's group."""


BEDSIDE = "bedside"
"""The station that the button of the bedside computer asks as; no other may have this name."""


@dataclass(frozen=True, slots=True)
class AnnunciatorConfig:
    """The bedside computer has lamp, buzzer, nurse call or hook; ``hook_on`` is what the hook is told of.

    ``buzzer`` and ``relay``: there is one, so that the journal tells of no sound that nothing made.
    """

    hook_on: frozenset[HookReason] = frozenset()
    buzzer: bool = True
    relay: bool = True


@dataclass(frozen=True, slots=True)
class CoreConfig:
    """Everything that the core knows from configuration. ``vital_limits`` are the standard limits of every bed."""

    site: str
    edge: str
    ports: tuple[PortConfig, ...]
    beds: tuple[BedConfig, ...]
    vital_limits: tuple[LimitConfig, ...]
    drugs: tuple[DrugConfig, ...]
    stations: tuple[StationConfig, ...] = ()
    annunciator: AnnunciatorConfig | None = None
    invalid: str = ""
    """What is wrong with the configuration that should be used; empty where this is it."""
    unwatched: tuple[str, ...] = ()
    """The beds that only that configuration names, as nurses call them."""
