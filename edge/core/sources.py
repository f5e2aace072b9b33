"""What is known of each line and of each device channel: last values, identity, alarms, link.

A source's memory outlives its link: when a device falls silent, its last state still says whether it was infusing.
That makes its silence an alarm or a grey line (law 3).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from drivers.model import (
    AlarmSetChanged,
    ChannelRemoved,
    DeviceAlarm,
    DeviceIdentified,
    Infusion,
    InfusionState,
    NibpTime,
    Observation,
    Quantity,
    Validity,
)
from edge.core.dose import DELIVERING, delivered_rate
from edge.core.identity import Identity
from edge.core.inputs import LineErrors, LinkCause, LinkChange
from edge.core.validate import Value, accept

LINK_LIMIT_MAX_S = 10.0
"""A link is lost after two missed rounds and 1 s, but never later than this (design, section 6)."""

ERROR_WINDOW_S = 60.0
"""Over this time the share of rejected messages is judged (H-12)."""

STREAMED = (Quantity.HEART_RATE, Quantity.PULSE_RATE, Quantity.SPO2, Quantity.RESPIRATORY_RATE)
"""What monitors say each second, and artefacts disturb for a moment."""

CUFF_SAME_S = 10.0
"""Dates of a cuff pressure that differ by less are of one measurement: none takes less time than this."""

MEDIAN_OF = 5
MEDIAN_WINDOW_S = 6.0
"""The median is of the last five samples, of three where there are no more; it lags by two seconds at most."""

FROZEN_REPEATS = 3
FROZEN_MIN_S = 2.0
FROZEN_AFTER_S = 15.0
"""So often, or for so long, a device may say the very same again, its own clock with it (H-11). Clocks in whole seconds
say the same for a second, so three times within two seconds are no sign yet."""

REPEAT_MAX_S = 2.0
"""Rounds are a second or two: who is silent for longer and says the same is shown to be there again."""

CUFF = (Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN, Quantity.NIBP_PULSE_RATE)
"""The quantities that one cuff measurement gives together."""


def repeats(before: Observation | None, now: Observation) -> bool:
    """Tell whether a pump that stands says again what it said, so that nothing is new but that it is there."""
    return (
        before is not None
        and now.infusion is not None
        and now.infusion.state not in DELIVERING
        and now.infusion == before.infusion
        and now.readings == before.readings
        and now.received_at_s - before.received_at_s <= REPEAT_MAX_S
        and not now.extremes
    )


@dataclass(slots=True)
class PortState:
    """A line as it was last heard of. ``errors`` holds (time, accepted, rejected) of the error window.

    ``link_limit_s`` is how long a channel of this line may be silent; ``counted`` sums what is in ``errors``.
    """

    round_s: float
    link_limit_s: float = field(init=False)
    up: bool | None = None
    cause: LinkCause = LinkCause.OPENED
    detail: str = ""
    accepted: int = 0
    rejected: int = 0
    errors: deque[tuple[float, int, int]] = field(default_factory=deque)
    counted: tuple[int, int] = (0, 0)
    reason: str = ""

    def __post_init__(self) -> None:
        self._set_round(self.round_s)

    def _set_round(self, round_s: float) -> None:
        self.round_s, self.link_limit_s = round_s, min(2 * round_s + 1.0, LINK_LIMIT_MAX_S)

    @property
    def word(self) -> str:
        """The link in a word."""
        return "unknown" if self.up is None else "up" if self.up else "down"

    def change(self, change: LinkChange) -> None:
        """Take up a change of the link."""
        self.up, self.cause, self.detail = change.up, change.cause, change.detail
        self._set_round(change.round_s)

    def count(self, errors: LineErrors) -> None:
        """Count accepted and rejected messages."""
        self.accepted += errors.accepted
        self.rejected += errors.rejected
        self.reason = errors.reason or self.reason
        self.errors.append((errors.received_at_s, errors.accepted, errors.rejected))
        self.counted = self.counted[0] + errors.accepted, self.counted[1] + errors.rejected

    def error_counts(self, now_s: float) -> tuple[int, int]:
        """Return accepted and rejected messages within the error window, and forget older ones."""
        while self.errors and now_s - self.errors[0][0] > ERROR_WINDOW_S:
            _, accepted, rejected = self.errors.popleft()
            self.counted = self.counted[0] - accepted, self.counted[1] - rejected
        return self.counted


@dataclass(slots=True)
class SourceState:
    """One device channel. ``heard_at_s`` is its last observation in this run, ``counted_at_s`` its last that counted.

    ``last`` is that observation. ``alarms`` is what the device shows that answers now, ``None`` until it has told; they
    count only if it does. ``said`` is the last message of a device with a clock, ``said_again`` how often it was
    repeated since ``said_first_s``; ``frozen``: so often, or for so long, that none of its values is of now.
    ``connection`` counts how often it may have become another device.
    """

    port: str
    channel: str
    values: dict[Quantity, Value] = field(default_factory=dict)
    recent: dict[Quantity, list[tuple[float, Decimal]]] = field(default_factory=dict)
    infusion: Infusion | None = None
    heard_at_s: float | None = None
    counted_at_s: float | None = None
    last: Observation | None = None
    deaf_before_s: float = 0.0
    removed: str = ""
    identity: Identity = field(default_factory=Identity)
    alarms: tuple[DeviceAlarm, ...] | None = None
    extremes: dict[Quantity, tuple[Decimal, ...]] = field(default_factory=dict)
    cuff: tuple[Decimal | None, ...] = ()
    cuff_at_s: float | None = None
    cuff_dated: bool = False
    said: tuple[object, ...] = ()
    said_first_s: float = 0.0
    said_again: int = 0
    frozen: bool = False
    connection: int = 0

    @property
    def name(self) -> str:
        """The source as it stands in metrics."""
        return f"{self.port}.{self.channel}"

    @property
    def state(self) -> InfusionState:
        """What the pump does, as last seen."""
        return self.infusion.state if self.infusion is not None else InfusionState.UNKNOWN

    @property
    def infusing(self) -> bool:
        """Whether it may deliver, as last seen; a channel that was never heard is not held to be."""
        return self.infusion is not None and self.infusion.state in DELIVERING

    @property
    def trusted(self) -> bool:
        """Whether what is said on this channel counts (H-08)."""
        return self.identity.counts

    def watch_clock(self, observation: Observation) -> None:
        """Take up whether a device with a clock of its own only repeats itself. Without its time nothing is known."""
        at_s = observation.received_at_s
        readings = tuple((row.quantity, row.value, row.validity) for row in observation.readings)
        said = (observation.device_time, observation.infusion, readings)
        if not observation.device_time or said != self.said:
            self.said, self.said_first_s, self.said_again, self.frozen = said, at_s, 0, False
            return
        self.said_again += 1
        for_s = at_s - self.said_first_s
        self.frozen = for_s >= FROZEN_AFTER_S or (self.said_again >= FROZEN_REPEATS and for_s >= FROZEN_MIN_S)

    def observe(self, observation: Observation, nibp_time: NibpTime) -> None:
        """Take up a sample. A pump's sample replaces the last one whole; a monitor's replaces what it names.

        Of a device that does not count only that it speaks is taken: nothing of another bed's patient is kept here.
        """
        self.heard_at_s = observation.received_at_s
        self.removed = ""
        if not self.trusted:
            self.extremes, self.last = {}, None
            return
        unwatched_s = observation.received_at_s - (self.counted_at_s or 0.0)
        watched = self.counted_at_s is not None and unwatched_s <= LINK_LIMIT_MAX_S
        self.counted_at_s, self.last = observation.received_at_s, observation
        name, at_s = self.name, observation.received_at_s
        fresh = {reading.quantity: accept(reading, at_s, name) for reading in observation.readings}
        self.extremes = _extremes(observation)
        if observation.infusion is not None:
            self.infusion = observation.infusion
            self.values = fresh
            return
        if Quantity.NIBP_SYS in fresh and fresh[Quantity.NIBP_SYS].value is not None:
            if nibp_time is NibpTime.LAST_CHANGE:
                self._date_cuff(fresh, observation.received_at_s, watched=watched)
            else:
                # A device that does not know itself when it measured dates nothing.
                self._take_device_date(fresh)
        self._smooth(fresh, observation.received_at_s)
        self.values.update(fresh)

    def _smooth(self, fresh: dict[Quantity, Value], now_s: float) -> None:
        """Give streamed values their median; samples that are not valid leave none, and old ones are not of now."""
        for quantity in STREAMED:
            value = fresh.get(quantity)
            if value is None or value.value is None or value.validity is not Validity.VALID:
                continue
            recent = [row for row in self.recent.get(quantity, ()) if now_s - row[0] <= MEDIAN_WINDOW_S]
            recent = [*recent[1 - MEDIAN_OF :], (now_s, value.value)]
            self.recent[quantity] = recent
            numbers = sorted(number for _, number in recent[-(len(recent) - 1 | 1) :])
            middle = numbers[len(numbers) // 2]
            if middle != value.value:
                fresh[quantity] = value._replace(median=middle)

    def identify(self, identified: DeviceIdentified, elsewhere: str) -> None:
        """Take up who answers; what was told by a device that is no longer there is dropped."""
        before = self.identity.serial_number
        other = self.identity.tell(identified, in_use=self.infusing, elsewhere=elsewhere)
        if before not in ("", identified.serial_number):
            self.alarms = None
        if other or not self.trusted:
            self.values, self.recent, self.last = {}, {}, None
        if other and self.trusted:
            self._begin_anew()

    def await_identity(self) -> None:
        """Take up that whoever is there now has told nothing yet: neither who it is, nor which alarms it shows."""
        self.identity.forget()
        self.connection += 1
        self.alarms = None

    def confirm(self, serial_number: str) -> bool:
        """Take a person's word that this device belongs here; return whether it was taken."""
        other = serial_number != self.identity.known
        if not self.identity.confirm(serial_number):
            return False
        if other:
            self._begin_anew()
        return True

    def _begin_anew(self) -> None:
        """Another device counts from now on: its first cuff pressure is no change of the one before (H-31)."""
        self.values, self.recent, self.last = {}, {}, None
        self.counted_at_s = None
        self.cuff, self.cuff_at_s, self.cuff_dated = (), None, False

    def show_alarms(self, changed: AlarmSetChanged) -> None:
        """Take up the whole set of the device's own alarms."""
        self.alarms = changed.alarms

    def remove(self, removed: ChannelRemoved) -> None:
        """Take up that the channel is gone."""
        self.removed, self.last = removed.reason or "gone", None
        self.await_identity()

    def value(self, quantity: Quantity) -> Value | None:
        """Return the last value; an untrusted device's are marked invalid, a frozen one's stale (H-11)."""
        value = self.values.get(quantity)
        if value is None:
            return None
        if self.frozen and value.value is not None:
            value = value._replace(validity=Validity.STALE, note="the device repeats itself")
        if self.identity.counts:
            return value
        return value._replace(value=None, validity=Validity.INVALID, note="it is not known which device answers")

    def present(self) -> Iterable[tuple[Quantity, Value]]:
        """Give all of them so."""
        if self.identity.counts and not self.frozen:
            return self.values.items()
        return [(quantity, value) for quantity in self.values if (value := self.value(quantity)) is not None]

    def delivered_rate(self) -> Value | None:
        """Return the rate in mL/h that leaves the pump, ``None`` if it tells no rate at all."""
        rate = self.value(Quantity.INFUSION_RATE)
        if rate is None:
            return None
        return delivered_rate(self.state, rate, self.value(Quantity.BOLUS_RATE))

    def _take_device_date(self, fresh: dict[Quantity, Value]) -> None:
        """Take the device's own date; told again, it is the same measurement though its age is rounded otherwise."""
        systolic = fresh[Quantity.NIBP_SYS]
        again = self.cuff_at_s is not None and abs(systolic.taken_at_s - self.cuff_at_s) <= CUFF_SAME_S
        at_s = self.cuff_at_s if again and self.cuff_at_s is not None else systolic.taken_at_s
        self.cuff_at_s, self.cuff_dated = at_s, systolic.validity is Validity.VALID
        for quantity in CUFF:
            value = fresh.get(quantity)
            if value is not None and value.value is not None:
                fresh[quantity] = value._replace(taken_at_s=at_s, sample_at_s=at_s)

    def _date_cuff(self, fresh: dict[Quantity, Value], received_at_s: float, *, watched: bool) -> None:
        numbers = tuple(fresh[quantity].value if quantity in fresh else None for quantity in CUFF)
        pairs = tuple(zip(self.cuff, numbers, strict=True)) if self.cuff else ()
        # A number that was gone for a moment, as from a damaged message, and came back is not a new measurement.
        if not pairs or any(None not in pair and pair[0] != pair[1] for pair in pairs):
            # A reading that was there when we began to look may be hours old: only a change that was watched dates it.
            self.cuff_dated = watched
            self.cuff, self.cuff_at_s = numbers, received_at_s
        else:
            self.cuff = tuple(old if new is None else new for old, new in pairs)
        for quantity in CUFF:
            value = fresh.get(quantity)
            if value is None or value.value is None or self.cuff_at_s is None:
                continue
            at_s, validity, note = self.cuff_at_s, value.validity, value.note
            if not self.cuff_dated and validity is Validity.VALID:
                validity, note = Validity.QUESTIONABLE, "measured at an unknown time"
            fresh[quantity] = Value(
                quantity,
                value.value,
                value.unit,
                value.resolution,
                validity,
                taken_at_s=at_s,
                sample_at_s=at_s,
                source=value.source,
                origin=value.origin,
                note=note,
            )


def _extremes(observation: Observation) -> dict[Quantity, tuple[Decimal, ...]]:
    """Return the merged extremes that are possible, in the units of values: they came in the device's own."""
    if not observation.extremes:
        return {}
    readings = {reading.quantity: reading for reading in observation.readings if reading.value is not None}
    extremes: dict[Quantity, tuple[Decimal, ...]] = {}
    for quantity, *ends in observation.extremes:
        if quantity in readings:
            accepted = [accept(replace(readings[quantity], value=end), observation.received_at_s, "") for end in ends]
            extremes[quantity] = tuple(value.value for value in accepted if value.value is not None)
    return extremes
