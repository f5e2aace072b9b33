"""What a driver says, in the words of IEEE 11073 and UCUM: observations, events, and the shape of a session.

A driver is sans-I/O. It is fed bytes and told the time; it answers with outputs: requests to send,
observations, device events, and rejections of what it could not accept. It knows nothing of beds,
limits or MQTT, keeps no clock, and never raises on bytes that a device sent.

Laws of this module:
  * A value that is not there is ``None`` with a validity that says why; it is never zero (H-13).
  * A code that a driver does not know is passed on as an unknown device alarm, never dropped.
  * An observation is atomic: all its readings were said together, so that rate, volume and state fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

ZERO = Decimal(0)


class Validity(StrEnum):
    """How far a value can be trusted (IEEE 11073-10207 MeasurementValidity)."""

    VALID = "valid"
    QUESTIONABLE = "questionable"
    STALE = "stale"
    INVALID = "invalid"
    NOT_AVAILABLE = "not_available"
    UNDER = "under"
    OVER = "over"


class Quantity(StrEnum):
    """What is measured or set. The unit travels beside it in the reading."""

    HEART_RATE = "heart_rate"
    PULSE_RATE = "pulse_rate"
    SPO2 = "spo2"
    RESPIRATORY_RATE = "respiratory_rate"
    ETCO2 = "etco2"
    NIBP_SYS = "nibp_sys"
    NIBP_DIA = "nibp_dia"
    NIBP_MEAN = "nibp_mean"
    NIBP_PULSE_RATE = "nibp_pulse_rate"
    IBP1_SYS = "ibp1_sys"
    IBP1_DIA = "ibp1_dia"
    IBP1_MEAN = "ibp1_mean"
    IBP2_SYS = "ibp2_sys"
    IBP2_DIA = "ibp2_dia"
    IBP2_MEAN = "ibp2_mean"
    TEMPERATURE_1 = "temperature_1"
    TEMPERATURE_2 = "temperature_2"
    INFUSION_RATE = "infusion_rate"
    BOLUS_RATE = "bolus_rate"
    BOLUS_VOLUME = "bolus_volume"
    VOLUME_INFUSED = "volume_infused"
    VOLUME_TO_BE_INFUSED = "volume_to_be_infused"
    VOLUME_REMAINING = "volume_remaining"
    TIME_REMAINING = "time_remaining"
    CONCENTRATION = "concentration"
    DOSE_RATE = "dose_rate"
    DOSE_RATE_SET = "dose_rate_set"
    WEIGHT = "weight"
    LINE_PRESSURE = "line_pressure"
    LINE_PRESSURE_OF_LIMIT = "line_pressure_of_limit"


_Q = Quantity
VITAL_SIGNS = (
    *(_Q.HEART_RATE, _Q.PULSE_RATE, _Q.SPO2, _Q.RESPIRATORY_RATE, _Q.ETCO2),
    *(_Q.NIBP_SYS, _Q.NIBP_DIA, _Q.NIBP_MEAN, _Q.NIBP_PULSE_RATE),
    *(_Q.IBP1_SYS, _Q.IBP1_DIA, _Q.IBP1_MEAN, _Q.IBP2_SYS, _Q.IBP2_DIA, _Q.IBP2_MEAN),
    *(_Q.TEMPERATURE_1, _Q.TEMPERATURE_2),
)
"""What a monitor of the whole patient can give."""


class InfusionState(StrEnum):
    """What the pump says that it does. ``UNKNOWN`` is treated as if it might be infusing."""

    UNKNOWN = "unknown"
    OFF = "off"
    STANDBY = "standby"
    STOPPED = "stopped"
    INFUSING = "infusing"
    BOLUS = "bolus"
    KVO = "kvo"
    PURGE = "purge"


class DeviceAlarmKind(StrEnum):
    """What a device's own alarm means; the priority is decided by the alarm catalogue, not here."""

    OCCLUSION_DOWNSTREAM = "occlusion_downstream"
    OCCLUSION_UPSTREAM = "occlusion_upstream"
    AIR_IN_LINE = "air_in_line"
    NO_FLOW = "no_flow"
    FREE_FLOW = "free_flow"
    DOOR_OPEN = "door_open"
    SYRINGE = "syringe"
    RESERVOIR_EMPTY = "reservoir_empty"
    RESERVOIR_NEAR_EMPTY = "reservoir_near_empty"
    INFUSION_COMPLETE = "infusion_complete"
    INFUSION_NEAR_END = "infusion_near_end"
    KVO_ACTIVE = "kvo_active"
    KVO_ENDED = "kvo_ended"
    STANDBY_EXPIRED = "standby_expired"
    BATTERY_LOW = "battery_low"
    BATTERY_EMPTY = "battery_empty"
    MALFUNCTION = "malfunction"
    ADVISORY = "advisory"
    SENSOR_OFF = "sensor_off"
    VITAL_SIGN = "vital_sign"
    LIFE_THREATENING = "life_threatening"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reading:
    """One value as the device said it.

    ``unit`` is a UCUM code (``/min``, ``mm[Hg]``, ``%``, ``mL/h``, ``mg/mL``, ``mg/kg/h``, ``ug/kg/min`` ...).
    ``resolution`` is one step of the device's own display in that unit. ``value`` is ``None`` exactly when
    the validity is not_available or invalid; under and over may carry the bound that was passed.
    ``origin`` is the device's own name of the source (``ECG-II``, ``impedance``, ``INRT``), ``note`` its text
    about it (``NO TRANSDUCER``). ``measured_s_ago`` is given where the device dates an aperiodic value.
    """

    quantity: Quantity
    value: Decimal | None
    unit: str
    resolution: Decimal = Decimal(1)
    validity: Validity = Validity.VALID
    origin: str = ""
    note: str = ""
    measured_s_ago: float | None = None

    def __post_init__(self) -> None:
        if self.value is None:
            if self.validity in _NEEDS_VALUE:
                raise ValueError(f"{self.quantity}: {self.validity} needs a value")
        elif self.validity in _NEEDS_NONE:
            raise ValueError(f"{self.quantity}: {self.validity} carries no value")
        elif not self.value.is_finite():
            raise ValueError(f"{self.quantity}: the value is not finite")


_NEEDS_VALUE = frozenset({Validity.VALID, Validity.QUESTIONABLE, Validity.STALE})
_NEEDS_NONE = frozenset({Validity.NOT_AVAILABLE, Validity.INVALID})


def missing(quantity: Quantity, unit: str, *, origin: str = "", note: str = "") -> Reading:
    """Say that the device has no value for this quantity now."""
    return Reading(quantity, None, unit, validity=Validity.NOT_AVAILABLE, origin=origin, note=note)


def invalid(quantity: Quantity, unit: str, *, origin: str = "", note: str = "") -> Reading:
    """Say that the device gave something for this quantity that is no possible value."""
    return Reading(quantity, None, unit, validity=Validity.INVALID, origin=origin, note=note)


@dataclass(frozen=True, slots=True)
class Infusion:
    """The part of a pump's sample that is not a number. ``drug`` is the pump's own text, ``None`` if it has none."""

    state: InfusionState
    drug: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One atomic sample of one channel of one device.

    ``port`` is the configured name of the line, ``channel`` the device's part on it (``0`` for a monitor,
    pillar and slot for a rack of pumps). ``received_at_s`` is monotonic time; ``device_time`` the device's own
    clock, verbatim. ``count`` is above 1 only where the inbox merged samples of an equal state; ``extremes``
    then holds the lowest and highest value seen in them.
    """

    port: str
    channel: str
    received_at_s: float
    readings: tuple[Reading, ...]
    infusion: Infusion | None = None
    device_time: str = ""
    count: int = 1
    extremes: tuple[tuple[Quantity, Decimal, Decimal], ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class DeviceAlarm:
    """One alarm that the device itself shows. ``code`` is the device's own, ``text`` a plain English name.

    ``silenced``: the device says that somebody silenced this alarm at it.
    """

    kind: DeviceAlarmKind
    code: str
    text: str
    silenced: bool = False


@dataclass(frozen=True, slots=True)
class AlarmSetChanged:
    """The whole set of alarms that a channel shows now; said at first sight, and whenever it differs."""

    port: str
    channel: str
    received_at_s: float
    alarms: tuple[DeviceAlarm, ...]


@dataclass(frozen=True, slots=True)
class BolusGiven:
    """Boli that ended since the last sample; the volume is the last one's, where the device tells it."""

    port: str
    channel: str
    received_at_s: float
    count: int
    volume_ml: Decimal | None


@dataclass(frozen=True, slots=True)
class DeviceIdentified:
    """Who answers. Said when first known and whenever it differs. A field that the device does not tell is empty."""

    port: str
    channel: str
    received_at_s: float
    serial_number: str
    model: str
    software: str = ""


@dataclass(frozen=True, slots=True)
class DeviceRestarted:
    """The device began anew (its own clock or counter fell back, or it appeared in its rack)."""

    port: str
    channel: str
    received_at_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class ChannelRemoved:
    """A channel that was there is gone: a pump taken from its rack."""

    port: str
    channel: str
    received_at_s: float
    reason: str


DeviceEvent: TypeAlias = AlarmSetChanged | BolusGiven | DeviceIdentified | DeviceRestarted | ChannelRemoved


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for the device, all of them from the driver's closed grammar."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """Input that was not accepted: counted and logged, never shown as a reading.

    ``reason`` is a short fixed word (``checksum``, ``length``, ``oversize``, ``syntax``, ``noise``, ``timeout``,
    ``unexpected``), so that reasons can be counted; ``excerpt`` at most 64 bytes of what it was.
    """

    reason: str
    excerpt: bytes = b""


HARMLESS_REJECTIONS = frozenset({"unknown_line"})
"""Reasons that do not speak of a bad line: a whole message held something that the driver does not know."""

Output: TypeAlias = Send | Observation | DeviceEvent | Rejected


class Session(Protocol):
    """The conversation over one connection; a new one is made for each connection.

    The caller starts it once, feeds it what arrives, and calls ``tick`` when ``deadline_s`` (monotonic, ``None`` for
    none) has come. Each call returns its outputs in order. ``round_s`` is how long one round of the line takes now:
    absence is judged by it.
    """

    @property
    def round_s(self) -> float:
        """Seconds within which every channel of the line is heard once when all is well."""

    @property
    def deadline_s(self) -> float | None:
        """When ``tick`` must be called next."""

    def start(self, now_s: float) -> Sequence[Output]:
        """Begin: what to say first."""

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        """Take bytes in any cut. Linear in their number, bounded in memory, never raises on content."""

    def tick(self, now_s: float) -> Sequence[Output]:
        """Do what is due: poll, acknowledge, give up on a reply."""


@runtime_checkable
class AwaitingSession(Session, Protocol):
    """A session that can tell how much must still come, so that its line need not be looked at before."""

    @property
    def awaited_bytes(self) -> int:
        """At least so many bytes must come before anything is whole; 0 where nothing has begun, or nobody can tell."""


class DeviceKind(StrEnum):
    """What a device is for."""

    PUMP = "pump"
    MONITOR = "monitor"


class IdentitySupport(StrEnum):
    """What the device tells of who it is."""

    SERIAL_NUMBER = "serial_number"
    PORT_ONLY = "port_only"


class Integrity(StrEnum):
    """What guards the device's messages against corruption."""

    CHECKSUM = "checksum"
    NONE = "none"


class NibpTime(StrEnum):
    """How the age of a cuff pressure is known."""

    DEVICE = "device"
    LAST_CHANGE = "last_change"
    NOT_MEASURED = "not_measured"


@dataclass(frozen=True, slots=True)
class LineSettings:
    """Serial settings: ``parity`` is N, E or O. No handshake lines are ever touched."""

    baud: int = 9600
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1

    @property
    def byte_s(self) -> float:
        """How long a byte takes on the line: its start bit, and its parity bit unless that is N."""
        return (1 + self.data_bits + (self.parity != "N") + self.stop_bits) / self.baud


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What a session is told of its surroundings: the line's name, and the channels that are bound (empty: all).

    ``asks_at_s`` is where in its interval a round is to begin, so that several lines wake the computer together
    (`drivers.turns`); ``None``: wherever it falls.
    """

    port: str
    channels: tuple[str, ...] = ()
    poll_interval_s: float = 1.0
    asks_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What a person must know who connects the device, in plain words; `docs/devices.md` is made of it.

    ``gives`` is every quantity of an observation, each of them a value or missing; ``tells`` what is said besides.
    ``settings`` are those to make at the device; ``unknown`` what it does not tell, or what is not known of it.
    ``proof`` says by which witness the driver is right.
    """

    devices: str
    cable: str
    settings: tuple[str, ...]
    gives: tuple[Quantity, ...]
    tells: str
    unknown: tuple[str, ...]
    proof: str


@dataclass(frozen=True, slots=True)
class Driver:
    """What a driver can do, and how to make a session of it.

    ``freshness`` names a field that changes with every living message, empty if there is none; an observation carries
    it as ``device_time``. ``experimental`` marks a driver that no independent golden transcript has proved.
    ``channel_pattern`` is the regular expression of a valid channel name, ``channel_help`` what to say of it.
    ``laboratory_only`` marks a device whose maker does not allow it on people: clinical mode refuses it.
    """

    name: str
    title: str
    kind: DeviceKind
    line: LineSettings
    listen_only: bool
    identity: IdentitySupport
    integrity: Integrity
    nibp_time: NibpTime
    freshness: str
    experimental: bool
    channel_pattern: str
    channel_help: str
    session: Callable[[SessionOptions], Session]
    description: Description
    laboratory_only: bool = False
