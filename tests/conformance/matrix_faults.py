"""The faults of the conformance matrix: what each does to a device and its line, and where it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from drivers.model import Integrity
from simulators import faults, faults_device
from simulators.faults import Window
from simulators.model import SimulatedDevice
from tests.conformance.matrix_cases import PORTS, Case, Device, rig_of
from tests.conformance.matrix_rig import Rig
from tests.core_world import START_S

FROM_S, UNTIL_S = START_S + 30, START_S + 60
WINDOW = Window(FROM_S, UNTIL_S)
SOON_S, LATE_S = UNTIL_S + 20, UNTIL_S + 110
"""How long it is looked at after its end: until all alarms of it are over. LINE_ERRORS, which counts over a minute and
ends after half of one, is the last; most faults have none of it."""

SEED = 7
SPOILT_BYTES = 1
"""So many bytes of each message are spoilt, by chance: fewer hide what is rare, more leave no whole message."""

LEAP_S = 3600.0
LATE_BY_S = 1.5
SPLIT_PAUSE_S = 0.03
MERGED_ROUNDS = 1.5
MERGED_ANSWER_S = 0.15
BABBLE_BYTES_PER_S = 200

_NO_COUNTER = "a monitor has no counter of volume"
_NO_SENSOR = "a pump has no sensor at the patient"
_NO_CLOCK = "it tells no time of day that can be set"
_NO_VALUE = "its simulator has no such knob: it tells one number alone, which is set and not measured"
LINK = "LINK_LOST"
_SELDOM = ("ge-dri",)
NOTES = {
    "serial": "the device tells no serial number, so who answers cannot be told (H-08): the label of the port is all",
    "silent": "nothing on the line tells it from a device whose patient is steady, or whose pump runs evenly (H-11)",
    "seldom": "it speaks every 5 s, and of six messages two were hit: LINE_ERRORS wants three in a minute",
    "digits": "no checksum: a damaged digit may be another digit. What is impossible, or of another form, is refused",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``wrap`` puts it around the device, or ``play`` runs a rig of its own.

    ``cannot`` says why a driver's device cannot have it, empty if it can. ``must`` are the alarms of which one must
    come, none where it is empty: then nothing may come. ``note`` names why less is asked of a driver, empty if not.
    ``stale``: what is said meanwhile is of before. ``until_s`` is when the run ends.
    """

    name: str
    what: str
    must: Callable[[Case], tuple[str, ...]]
    wrap: Callable[[Case, Device], SimulatedDevice] | None = None
    play: Callable[[Case], Rig] | None = None
    cannot: Callable[[Case], str] = lambda _: ""
    note: Callable[[Case], str] = lambda _: ""
    stale: bool = False
    until_s: float = LATE_S

    def run(self, one: Case) -> Rig:
        """Play it, from beginning to end."""
        if self.play is not None:
            return self.play(one)
        assert self.wrap is not None
        made = one.make(0)
        if self.stale:
            made.truth.fresh_s = self.until_s - START_S
        made.device = self.wrap(one, made)
        return rig_of(one, (made,)).run(self.until_s)


def _share(one: Case) -> float:
    """The share of bytes that is so many of each of this device's messages."""
    seen = rig_of(one, (one.make(0),)).run(START_S + 20).seen
    return SPOILT_BYTES * seen.samples / seen.heard_bytes


def _drop(one: Case, made: Device) -> SimulatedDevice:
    return faults.Drop(made.device, WINDOW, seed=SEED, share=_share(one))


def _flip(one: Case, made: Device) -> SimulatedDevice:
    return faults.Flip(made.device, WINDOW, seed=SEED, share=_share(one))


def _split(_: Case, made: Device) -> SimulatedDevice:
    return faults.Split(made.device, WINDOW, seed=SEED, pause_s=SPLIT_PAUSE_S)


def _merge(one: Case, made: Device) -> SimulatedDevice:
    hold_s = MERGED_ROUNDS * one.round_s if one.driver.listen_only else MERGED_ANSWER_S
    return faults.Merge(made.device, WINDOW, hold_s=hold_s)


def _late(_: Case, made: Device) -> SimulatedDevice:
    return faults.Late(made.device, WINDOW, delay_s=LATE_BY_S)


def _stuck(one: Case, made: Device) -> SimulatedDevice:
    return faults_device.stuck_value(made.device, WINDOW, made.knobs, value="rate" if one.is_pump else "all")


def _frozen(_: Case, made: Device) -> SimulatedDevice:
    return faults.Frozen(made.device, WINDOW)


def _counter(_: Case, made: Device) -> SimulatedDevice:
    return faults_device.counter_reset(made.device, FROM_S, made.knobs)


def _reboot(_: Case, made: Device) -> SimulatedDevice:
    return faults_device.Reboot(made.device, WINDOW, made.knobs)


def _mute(_: Case, made: Device) -> SimulatedDevice:
    return faults.Mute(made.device, WINDOW)


def _babble(_: Case, made: Device) -> SimulatedDevice:
    return faults.Babble(made.device, WINDOW, seed=SEED, bytes_per_s=BABBLE_BYTES_PER_S)


def _baud(one: Case, made: Device) -> SimulatedDevice:
    return faults.BaudMismatch(made.device, WINDOW, device_baud=2 * one.baud, host_baud=one.baud)


def _sensor(one: Case, made: Device) -> SimulatedDevice:
    sensor = "spo2" if len(one.signs) == 1 else "ecg"
    return faults_device.sensor_off(made.device, WINDOW, made.knobs, sensor=sensor)


def _clock(_: Case, made: Device) -> SimulatedDevice:
    return faults_device.clock_leap(made.device, FROM_S, made.knobs, by_s=LEAP_S)


def _unplug(one: Case) -> Rig:
    made = one.make(0)
    rig = rig_of(one, (made,)).run(FROM_S)
    rig.unplug(PORTS[0])
    _live_loose(made, UNTIL_S)
    rig.run(UNTIL_S)
    rig.plug(PORTS[0], made.device, made.truth)
    return rig.run(SOON_S)


def _elsewhere(one: Case) -> Rig:
    """Bed 1's device is pulled out and plugged in at the port of bed 2, which has lost its own; then it comes back."""
    made = one.make(0)
    rig = rig_of(one, (made, None)).run(FROM_S)
    rig.unplug(PORTS[0])
    rig.run(FROM_S + 5)
    rig.plug(PORTS[1], made.device, made.truth)
    rig.run(UNTIL_S)
    rig.unplug(PORTS[1])
    rig.plug(PORTS[0], made.device, made.truth)
    return rig.run(LATE_S)


def _swapped(one: Case) -> Rig:
    made, other = one.make(0), one.make(1)
    rig = rig_of(one, (made, other)).run(FROM_S)
    for at_s, first, second in ((UNTIL_S, other, made), (LATE_S, made, other)):
        for port in PORTS:
            rig.unplug(port)
        rig.plug(PORTS[0], first.device, first.truth)
        rig.plug(PORTS[1], second.device, second.truth)
        rig.run(at_s)
    return rig


def _live_loose(made: Device, until_s: float) -> None:
    """Let a device live on that is not plugged in; nobody hears it."""
    while made.device.deadline_s is not None and made.device.deadline_s < until_s:
        made.device.tick(made.device.deadline_s)


def _nothing(_: Case) -> tuple[str, ...]:
    return ()


def _link(_: Case) -> tuple[str, ...]:
    return (LINK,)


def _errors(one: Case) -> tuple[str, ...]:
    return () if one.driver.name in _SELDOM else ("LINE_ERRORS",)


def _garbled(_: Case) -> tuple[str, ...]:
    return ("LINE_ERRORS",)


def _damaged(one: Case) -> str:
    return "seldom" if one.driver.name in _SELDOM else _no_checksum(one)


def _too_late(one: Case) -> tuple[str, ...]:
    """An answer that comes after its question was given up is no answer to the next one."""
    patient = ("ge-dri", "philips-intellivue", "bbraun-space-cyclic")
    return () if one.driver.listen_only or one.driver.name in patient else (LINK,)


def _dead(one: Case) -> tuple[str, ...]:
    """Whoever repeats itself has no answer to what is asked now, or tells the same time again."""
    if one.driver.freshness:
        return ("DATA_FROZEN", LINK)
    return () if _looks_alive(one) else (LINK,)


def _looks_alive(one: Case) -> str:
    alive = one.driver.name in ("ivy-450c", "nonin-ascii", "new-era-ne1000")
    return "silent" if alive else ""


def _identity(one: Case) -> tuple[str, ...]:
    return ("DEVICE_IDENTITY_CHANGED",) if one.tells_serial else ()


def _no_identity(one: Case) -> str:
    return "" if one.tells_serial else "serial"


def _no_checksum(one: Case) -> str:
    return "digits" if one.driver.integrity is Integrity.NONE else ""


def _sensor_missing(one: Case) -> tuple[str, ...]:
    return ("SPO2_MISSING",) if len(one.signs) == 1 else ("HR_MISSING",)


def _lacks(has: Callable[[Device], object], why: str) -> Callable[[Case], str]:
    return lambda one: "" if has(one.make(0)) else why


FAULTS = (
    Fault("drop", "bytes are lost, one of each message on average", _errors, _drop, note=_damaged),
    Fault("flip", "bits are wrong, one of each message on average", _errors, _flip, note=_damaged),
    Fault("split", "each message comes in up to five pieces, up to 30 ms apart", _nothing, _split, until_s=SOON_S),
    Fault("merge", "what is said is held back and comes in one piece with the next", _nothing, _merge, until_s=SOON_S),
    Fault("late reply", "everything comes 1.5 s late", _too_late, _late),
    Fault(
        "stuck value",
        "the device goes on with the values of before, its clock goes on",
        _nothing,
        _stuck,
        cannot=lambda one: _NO_VALUE if one.driver.name == "new-era-ne1000" else "",
        note=lambda _: "silent",
        stale=True,
        until_s=SOON_S,
    ),
    Fault("frozen", "the device says its last message again each time", _dead, _frozen, note=_looks_alive, stale=True),
    Fault(
        "counter reset",
        "the volume is cleared at the pump",
        _nothing,
        _counter,
        cannot=_lacks(lambda made: made.knobs.has_counter, _NO_COUNTER),
        until_s=SOON_S,
    ),
    Fault("reboot", "the power is gone for 30 s", _link, _reboot),
    Fault("mute", "the device is heard no more; it hears", _link, _mute),
    Fault(
        "babble",
        "200 random bytes a second beside what is said",
        _garbled,
        _babble,
        note=_no_checksum,
    ),
    Fault("baud mismatch", "the device speaks and hears at twice the speed", _link, _baud, note=_no_checksum),
    Fault("unplug", "the port vanishes, and comes back", _link, play=_unplug),
    Fault(
        "replug elsewhere",
        "the device is plugged in at the port of another bed, and then back",
        lambda one: (LINK, *_identity(one)),
        play=_elsewhere,
        note=_no_identity,
    ),
    Fault(
        "swapped devices",
        "the devices of two beds change places within a moment, and then back",
        _identity,
        play=_swapped,
        note=_no_identity,
    ),
    Fault(
        "sensor off",
        "the finger sensor of an oximeter, the electrodes of a monitor",
        _sensor_missing,
        _sensor,
        cannot=_lacks(lambda made: made.knobs.sensors, _NO_SENSOR),
        until_s=SOON_S,
    ),
    Fault(
        "clock leap",
        "the device's clock is set on by an hour",
        _nothing,
        _clock,
        cannot=_lacks(lambda made: made.knobs.has_clock, _NO_CLOCK),
        until_s=SOON_S,
    ),
)
"""In the order of the table."""
