"""What an edge says of itself and of a bed's values: status, binding, roster, self-check, snapshot."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge.messages.base import Identifier, Message, Number, Stamp


class Status(Message):
    """Retained, and the will; the heartbeat. Lost after 10 s without."""

    schema_: Literal["status/1"] = Field(default="status/1", alias="schema")
    state: Literal["running", "stopped", "lost"]
    edge: Identifier
    run: str
    version: str
    previous_run: str
    previous_event_seq: int
    mono_s: float
    wall: str
    synchronised: bool


class BindingMessage(Message):
    """A bed's part of a device; ``role`` is pump or monitor."""

    port: str
    channel: str
    role: Literal["pump", "monitor"]


class RosterBed(Message):
    """A bed as configured."""

    bed: Identifier
    label: str
    bindings: tuple[BindingMessage, ...]


class DeviceIdentity(Message):
    """Who answers on a channel. An empty serial number: the device tells none, or has not yet."""

    channel: str
    serial_number: str
    model: str
    state: Literal["none", "awaited", "confirmed", "unconfirmed", "changed"]


class Device(Message):
    """A line and what answers on it. ``experimental``: nothing independent proves its driver."""

    port: str
    driver: str
    experimental: bool
    link: Literal["up", "down", "unknown"]
    detail: str
    accepted: int
    rejected: int
    identities: tuple[DeviceIdentity, ...]


class RosterMessage(Message):
    """Retained: beds, channels, devices, stations required."""

    schema_: Literal["roster/1"] = Field(default="roster/1", alias="schema")
    run: str
    beds: tuple[RosterBed, ...]
    devices: tuple[Device, ...]
    stations_required: tuple[str, ...]


class SelfCheckMessage(Message):
    """Retained, expires: the alarm system's own pulse, every 10 s; ``at`` says whether its clock is synchronised.

    ``store`` says why the store cannot keep, empty where it does; ``disk_free_mb`` is null while it is not known.
    """

    schema_: Literal["self-check/1"] = Field(default="self-check/1", alias="schema")
    run: str
    count: int
    at: Stamp
    devices: tuple[Device, ...]
    outbox_depth: int
    receipts: Literal["off", "on"]
    alarms_high: int
    alarms_medium: int
    alarms_low: int
    store: str = ""
    disk_free_mb: int | None = None


class MetricMessage(Message):
    """One value, its name with the unit last. ``value`` is null exactly when there is none to show."""

    name: str
    value: Number | None
    unit: str
    validity: Literal["valid", "questionable", "stale", "invalid", "not_available", "under", "over"]
    age_s: float | None
    source: str
    origin: str
    note: str


class ChannelMessage(Message):
    """One pump channel. Where its drug is dosed in another unit, the metric ``dose_rate`` has the dose in that.

    ``dosing_unit`` is that of the drug that is ordered, or that the pump names, and empty where nobody knows it.
    """

    port: str
    channel: str
    link: Literal["up", "down", "unknown"]
    state: str
    drug: str
    metrics: tuple[MetricMessage, ...]
    dosing_unit: str = ""


class DoseMessage(Message):
    """What a pump channel has given: totals as their two ends, and what its counter says of its rate.

    ``given_text`` says for people what was given of the drug, in its own unit.
    """

    port: str
    channel: str
    drug: str
    volume_check: Literal["no_counter", "not_yet", "agrees", "more", "less"]
    volume_check_text: str
    infusing_s: float
    metrics: tuple[MetricMessage, ...]
    given_text: str = ""


class SnapshotMessage(Message):
    """Retained, expires with ``valid_for_s``: every metric of a bed."""

    schema_: Literal["snapshot/1"] = Field(default="snapshot/1", alias="schema")
    run: str
    bed: Identifier
    at: Stamp
    active: bool
    valid_for_s: float
    vital_signs: tuple[MetricMessage, ...]
    channels: tuple[ChannelMessage, ...]
    doses: tuple[DoseMessage, ...] = ()
