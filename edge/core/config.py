"""What the core is told of its surroundings: beds, bindings, limits and drugs, as plain frozen data.

`edge/config.py` reads, checks and translates the files into this; nothing here checks again.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from drivers.model import DeviceKind, NibpTime, Quantity
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
    """One band of a limit: ``value`` itself is allowed, beyond it alarms after ``delay_s``."""

    name: str
    value: Decimal
    priority: Priority
    delay_s: float


@dataclass(frozen=True, slots=True)
class LimitConfig:
    """A limit with its bands, the mildest first. ``unit`` is UCUM; ``hysteresis`` is in that unit.

    ``samples_min`` is how many samples must be beyond (1 for a cuff pressure). ``origin`` says where the numbers come
    from, for the explanation of an alarm.
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


@dataclass(frozen=True, slots=True)
class DrugConfig:
    """A drug of the library: its names as pumps say them, and its dose-rate limits in mg/kg/h.

    ``low_fraction`` of the ordered step, but at least ``low_floor_mg_per_kg_per_h``, is the low limit.
    """

    drug: str
    label: str
    pump_names: tuple[str, ...]
    dose_rate_high: LimitConfig
    low_fraction: Decimal
    low_floor_mg_per_kg_per_h: Decimal
    low_delay_s: float


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
