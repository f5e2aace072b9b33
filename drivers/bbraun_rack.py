"""A B. Braun Space rack as its blocks tell of it: pumps that appear, speak, alarm, restart and are taken away.

Laws of this module:
  * A block is one atomic observation of each pump in it.
  * An alarm ends only when its own parameter says so. A parameter that is absent or has no value says nothing.
  * A block that is sent again (same pump, same time, same content) counts its boli once.
  * A parameter that is not known is passed over, and told once.
  * A pump is gone when the rack says so (GNERR 39), or when a whole answer that should hold it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from drivers.bbraun_bcc import ITEM, MAX_EXCERPT_BYTES, RACK, Frame, channel_of
from drivers.bbraun_pump import infusion_of, readings_of
from drivers.bbraun_tables import NO_VALUE, RUNSTATE, alarms_of, is_flag_alarm, is_known
from drivers.model import (
    AlarmSetChanged,
    BolusGiven,
    ChannelRemoved,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    DeviceRestarted,
    Infusion,
    Observation,
    Output,
    Quantity,
    Reading,
    Rejected,
    Validity,
)

NO_DATA: Final = "11"
REMOVED: Final = "39"
BAD_REQUEST: Final = "68"
WRONG_SLOT: Final = "811"

UNKNOWN_MAX: Final = 32
"""So many unknown parameters are told of a line: a newer firmware brings a few, a torn memory without end."""

_NOT_NAMED: Final = frozenset({f"{RUNSTATE}.2", f"{RUNSTATE}.5"})
_SECONDS = re.compile("[0-9]{1,10}")
_COUNT = re.compile("[0-9]")
_MAX_NAME_CHARACTERS: Final = 64  # serial numbers have 12 characters, model texts few more
_MAX_TIME_CHARACTERS: Final = 32  # what the device calls a time is kept verbatim, but not without end


@dataclass(slots=True)
class _Said:
    """What one block says under one address."""

    time: str = ""
    values: dict[str, str] = field(default_factory=dict)

    def add(self, time: str, name: str, value: str) -> None:
        """Keep the latest time; a parameter said twice with different values becomes unreadable."""
        if time != self.time:  # mostly it is the same in all of a block
            self.time = _later(self.time, time)
        known = self.values.setdefault(name, value)
        if known != value:
            self.values[name] = f"{known} and {value}"


@dataclass(slots=True)
class _Pump:
    """What is known of the pump in one place."""

    present: bool = False
    identity: tuple[str, str] | None = None  # serial number, model
    clock_s: int | None = None
    last: _Said | None = None
    read: tuple[tuple[Reading, ...], Infusion] | None = None  # what ``last`` says
    alarms: dict[str, tuple[DeviceAlarm, ...]] = field(default_factory=dict)
    fault: DeviceAlarm | None = None
    told: tuple[DeviceAlarm, ...] | None = None


def seconds_of(time: str) -> int | None:
    """Read the device's seconds since power-on; ``None`` if they are none."""
    return int(time) if _SECONDS.fullmatch(time) else None


@dataclass(frozen=True, slots=True)
class Block:
    """One good block, by place. ``unread`` is what of it names no place or no parameter."""

    said: Mapping[str, _Said]
    unread: tuple[str, ...]

    @property
    def error(self) -> str:
        """The code of an error that concerns the rack or the question; empty if there is none."""
        return _error(self.said[RACK].values) if RACK in self.said else ""

    @property
    def channels(self) -> frozenset[str]:
        """The pumps that it speaks of."""
        return frozenset(self.said) - {RACK}


class Rack:
    """Turns the good blocks of one line into observations and events. At most 72 pumps: the addresses bound them."""

    def __init__(self, port: str, bound: Iterable[str]) -> None:
        self._port = port
        self._bound = frozenset(bound)
        self._pumps: dict[str, _Pump] = {}
        self._heard: set[str] = set()
        self._complete = True
        self._passed_over: set[str] = set()
        self._blocks: dict[str, tuple[str, Block]] = {}  # the last of each pump, as it stood without its time
        self.software = ""

    def begin_answer(self) -> None:
        """Forget which pumps the last answer held."""
        self._heard.clear()
        self._complete = True

    def end_answer(self, channel: str, now_s: float) -> list[Output]:
        """Judge what a whole answer did not hold; ``channel`` is empty if it was for all.

        A pump that was there is gone. A fault told of a place where no pump was ever seen is over.
        """
        if not self._complete:
            return []
        out: list[Output] = []
        for place in [place for place in self._pumps if place not in self._heard and channel in ("", place)]:
            pump = self._pumps[place]
            if pump.present:
                out.append(self._remove(place, "not in the rack's answer", now_s))
            else:
                pump.fault = None
                out.extend(self._tell_alarms(place, pump, now_s))
        return out

    def replaced(self, reason: str, now_s: float) -> list[Output]:
        """Report every pump as gone: the line leads to another rack."""
        return [self._remove(place, reason, now_s) for place in list(self._pumps)]

    def read(self, frame: Frame) -> Block:
        """Sort a block by place. One that says again what its last pump said is not parted anew: only its time is."""
        time, bare = frame.without_time()
        place = channel_of(bare[bare.rfind(ITEM) + 1 :].partition(",")[0])
        before, block = self._blocks.get(place or RACK, ("", None))
        if block is not None and bare == before:
            return Block({place: _Said(_later("", time), said.values) for place, said in block.said.items()}, ())
        block = _sorted(frame)
        if place and not block.unread:
            self._blocks[place] = bare, block
        return block

    def take(self, block: Block, now_s: float) -> list[Output]:
        """Take one good block."""
        out: list[Output] = [Rejected("syntax", _excerpt(text)) for text in block.unread]
        for place, said in block.said.items():
            if not self._says_again(place, said):
                out.extend(self._unknown(said.values))
            error = _error(said.values)
            if place == RACK:
                out.extend(self._rack_error(error, now_s))
            elif error:
                out.extend(self._pump_error(place, error, now_s))
            else:
                out.extend(self._pump(place, said, now_s))
        return out

    def _says_again(self, place: str, said: _Said) -> bool:
        """Tell whether a pump says what it said last, at another time: then nothing of it is read again."""
        pump = self._pumps.get(place)
        return pump is not None and pump.last is not None and pump.last.values == said.values

    def _unknown(self, names: Iterable[str]) -> list[Output]:
        found = [name for name in names if not is_known(name) and name not in self._passed_over]
        told = found[: UNKNOWN_MAX - len(self._passed_over)]
        self._passed_over.update(told)
        return [Rejected("unknown_line", _excerpt(name)) for name in told]

    def _rack_error(self, error: str, now_s: float) -> list[Output]:
        if error in ("", NO_DATA, WRONG_SLOT):
            return []
        self._complete = False
        kind = DeviceAlarmKind.MALFUNCTION if _is_extended(error, "5") else DeviceAlarmKind.UNKNOWN
        alarm = DeviceAlarm(kind, f"GNERR {error}", f"rack communication error {error}")
        out: list[Output] = [] if self._pumps or self._bound else [Rejected("unexpected", _excerpt(alarm.code))]
        for place in sorted(self._bound | set(self._pumps)):
            out.extend(self._fault(place, alarm, now_s))
        return out

    def _pump_error(self, place: str, error: str, now_s: float) -> list[Output]:
        if error == REMOVED:
            return [self._remove(place, "taken from its rack or not reachable", now_s)]
        if error in (NO_DATA, WRONG_SLOT):
            return []
        self._heard.add(place)
        kind = DeviceAlarmKind.MALFUNCTION if _is_extended(error, "4") else DeviceAlarmKind.UNKNOWN
        return self._fault(place, DeviceAlarm(kind, f"GNERR {error}", f"pump communication error {error}"), now_s)

    def _fault(self, place: str, alarm: DeviceAlarm, now_s: float) -> list[Output]:
        pump = self._pumps.setdefault(place, _Pump())
        pump.fault = alarm
        return self._tell_alarms(place, pump, now_s)

    def _remove(self, place: str, reason: str, now_s: float) -> ChannelRemoved:
        self._pumps.pop(place, None)
        return ChannelRemoved(self._port, place, now_s, reason)

    def _pump(self, place: str, said: _Said, now_s: float) -> list[Output]:
        self._heard.add(place)
        pump = self._pumps.setdefault(place, _Pump())
        out = self._restart(place, pump, said, now_s)
        if pump.read is None or not self._says_again(place, said):
            out.extend(self._identity(place, pump, said.values, now_s))
            _note_alarms(pump, said.values)
            pump.read = readings_of(said.values), infusion_of(said.values)
        readings, infusion = pump.read
        out.append(Observation(self._port, place, now_s, readings, infusion=infusion, device_time=said.time))
        out.extend(self._boli(place, pump, said, now_s))
        pump.present = True
        pump.fault = None
        pump.last = said
        out.extend(self._tell_alarms(place, pump, now_s))
        return out

    def _restart(self, place: str, pump: _Pump, said: _Said, now_s: float) -> list[Output]:
        clock_s, before_s = seconds_of(said.time), pump.clock_s
        pump.clock_s = clock_s if clock_s is not None else before_s
        if clock_s is not None and before_s is not None and clock_s < before_s:
            return [
                DeviceRestarted(self._port, place, now_s, f"the rack's clock fell from {before_s} s to {clock_s} s")
            ]
        if pump.present and "GNNEW" in said.values and said != pump.last:
            return [DeviceRestarted(self._port, place, now_s, "appeared in its rack")]
        return []

    def _identity(self, place: str, pump: _Pump, values: Mapping[str, str], now_s: float) -> list[Output]:
        """Say who answers. A parameter without a value changes nothing; a serial number yet to come is waited for."""
        serial_before, model_before = pump.identity or ("", "")
        serial = _text(values, "INSERNUM") or serial_before
        model = _text(values, "GNNEW") or _text(values, "GNMODEL") or model_before
        if (serial, model) == pump.identity or (not serial and "INSERNUM" in values):
            return []
        if serial_before and serial != serial_before:  # another pump: nothing is known of its alarms yet
            pump.alarms.clear()
            pump.told = None
        pump.identity = (serial, model)
        return [DeviceIdentified(self._port, place, now_s, serial, model, self.software)]

    def _boli(self, place: str, pump: _Pump, said: _Said, now_s: float) -> list[Output]:
        text = said.values.get("INBOCNT", "0")
        if text in NO_VALUE or said == pump.last:
            return []
        if _COUNT.fullmatch(text) is None:
            return [Rejected("syntax", _excerpt(f"INBOCNT {text}"))]
        if not int(text):
            return []
        volume = next(reading for reading in readings_of(said.values) if reading.quantity is Quantity.BOLUS_VOLUME)
        volume_ml = volume.value if volume.validity is Validity.VALID else None
        return [BolusGiven(self._port, place, now_s, int(text), volume_ml)]

    def _tell_alarms(self, place: str, pump: _Pump, now_s: float) -> list[Output]:
        """Say the whole set, once something is known of it, when it differs from what was said."""
        shown = {alarm for alarms in pump.alarms.values() for alarm in alarms}
        if any(not alarm.code.startswith(RUNSTATE) for alarm in shown):
            shown = {alarm for alarm in shown if alarm.code not in _NOT_NAMED}
        if pump.fault is not None:
            shown.add(pump.fault)
        told = tuple(sorted(shown))
        if told == pump.told or (pump.told is None and not told and not pump.alarms):
            return []
        pump.told = told
        return [AlarmSetChanged(self._port, place, now_s, told)]


def _note_alarms(pump: _Pump, values: Mapping[str, str]) -> None:
    """Bring the known alarms up to date; a set that the site has switched for the other is forgotten."""
    found = alarms_of(values)
    sets = {is_flag_alarm(name) for name in found if name != RUNSTATE}
    if len(sets) == 1:
        in_use = sets.pop()
        for name in [name for name in pump.alarms if name != RUNSTATE and is_flag_alarm(name) is not in_use]:
            del pump.alarms[name]
    pump.alarms.update(found)


def _later(time: str, other: str) -> str:
    return max(time, other[:_MAX_TIME_CHARACTERS], key=lambda text: seconds_of(text) or 0)


def _sorted(frame: Frame) -> Block:
    said: dict[str, _Said] = {}
    unread = list(frame.others)
    for item in frame.quadruples:
        place = channel_of(item.address)
        if place is None:
            unread.append(item.address)
        else:
            said.setdefault(place, _Said()).add(item.time, item.name, item.value)
    return Block(said, tuple(unread))


def _error(values: Mapping[str, str]) -> str:
    text = values.get("GNERR", "")
    return "" if text in NO_VALUE else (text.lstrip("0") or text)[:_MAX_TIME_CHARACTERS]


def _is_extended(error: str, family: str) -> bool:
    return len(error) == len("4x") and error.startswith(family)


def _text(values: Mapping[str, str], key: str) -> str:
    text = values.get(key, "")
    return "" if text in NO_VALUE else text.strip()[:_MAX_NAME_CHARACTERS]


def _excerpt(text: str) -> bytes:
    return text.encode("utf-8", "replace")[:MAX_EXCERPT_BYTES]
