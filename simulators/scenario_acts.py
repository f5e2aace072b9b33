"""What can happen in a scenario: the words that a file may use after ``do``, and what each does.

``ACTS`` has them all; docs/scenarios.md explains them to people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

from simulators.faults import Babble, BaudMismatch, Drop, Flip, Frozen, Late, Merge, Mute, Pulled, Split, Window
from simulators.faults_device import Knobs, Reboot, clock_leap, counter_reset, sensor_off, stuck_value
from simulators.model import SimulatedDevice
from simulators.pump import PumpModel
from simulators.pump_terms import PumpAlarm, checked_rate
from simulators.scenario_desk import ROLES, VERBS
from simulators.scenario_devices import kind_of
from simulators.scenario_model import DevicePlan, Event, PumpPlan, Value
from simulators.scenario_patient import VITALS, BedPatient
from simulators.scenario_reader import Quantity, Table, positive_seconds

MAX_BAUD = 921_600
MAX_BABBLE_BYTES_PER_S = 11_520
"""What a line of 115200 baud carries."""

Read: TypeAlias = Callable[[Table, str, DevicePlan | None], Value]
"""Takes a key from the event's table; the device is the one that it happens to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One word for ``do``; ``words`` says it to people, with the keys as they were written."""

    words: str
    keys: Mapping[str, Read] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpAct(Act):
    """Done to a pump, by somebody at it or by its line; ``do`` tells whether the pump took it."""

    do: Callable[[PumpModel, Event, float], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientAct(Act):
    """Happens to the patient of a bed; ``do`` gets the event, the time, and how much faster the scenario is."""

    do: Callable[[BedPatient, Event, float, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskAct(Act):
    """Asked of the edge by somebody at the nursing station; the stage's desk passes it on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlugAct(Act):
    """Done to the plugs of devices; the stage knows how."""

    lasts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultAct(Act):
    """A fault, put around the device when the scenario is set up; with ``lasts`` it ends after the key ``for``.

    ``needs`` names what only some kinds of device have: a ``clock``, a ``counter``.
    """

    lasts: bool = True
    needs: Literal["", "clock", "counter"] = ""
    wrap: Callable[[Wrapping], SimulatedDevice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapping:
    """What a fault is made from: the device, its knobs, its line's speed, and the event in the clock's time."""

    device: SimulatedDevice
    knobs: Knobs
    baud: int
    window: Window
    event: Event

    def number(self, name: str) -> float:
        """Return a number that the event was told."""
        return float(self.event.values[name])

    def text(self, name: str) -> str:
        """Return a word that the event was told."""
        return str(self.event.values[name])


def _of(what: Quantity) -> Read:
    return lambda table, name, _device: table.quantity(name, what)


def _seconds(default: str | None = None, *, signed: bool = False) -> Read:
    return lambda table, name, _device: table.seconds(name, default, signed=signed)


def _positive_seconds(table: Table, name: str, _device: DevicePlan | None) -> float:
    return positive_seconds(table, name)


def _whole(low: int, high: int) -> Read:
    return lambda table, name, _device: table.whole(name, low, high)


def _rate(table: Table, name: str, _device: DevicePlan | None) -> Decimal:
    return _checked(table, name, table.quantity(name, Quantity.RATE))


def _dose_as_rate(table: Table, name: str, device: DevicePlan | None) -> Decimal:
    dose_mg_per_kg_per_h = table.quantity(name, Quantity.DOSE)
    if not isinstance(device, PumpPlan):
        raise table.error("device", "is no pump", "name a pump")
    rate_ml_per_h = _checked(table, name, device.rate_for(dose_mg_per_kg_per_h))
    table.written["rate"] = f"{rate_ml_per_h} mL/h"
    return rate_ml_per_h


def _checked(table: Table, name: str, rate_ml_per_h: Decimal) -> Decimal:
    try:
        return checked_rate(rate_ml_per_h)
    except ValueError as error:
        raise table.error(name, f"is a {error}, which no pump has", "take another one") from error


def _vital_target(table: Table, name: str, _device: DevicePlan | None) -> Decimal:
    units = {"spo2": Quantity.PERCENT, "etco2": Quantity.MMHG}
    return table.quantity(name, units.get(table.written["vital"], Quantity.PER_MIN))


def _knob(names: Callable[[type[Knobs]], tuple[str, ...]]) -> Read:
    def read(table: Table, name: str, device: DevicePlan | None) -> str:
        known = () if device is None else names(kind_of(device).knobs)
        return table.choice(name, known)

    return read


def _drift(patient: BedPatient, event: Event, now_s: float, speed: float) -> None:
    values = event.values
    patient.drift(str(values["vital"]), float(values["to"]), float(values["over"]) / speed, now_s)


def _leap(wrapping: Wrapping) -> SimulatedDevice:
    return clock_leap(wrapping.device, wrapping.window.from_s, wrapping.knobs, by_s=wrapping.number("by"))


_PUMP_ACTS: dict[str, Act] = {
    "set-rate": PumpAct(
        words="the rate is set to {rate}",
        keys={"rate": _rate},
        do=lambda pump, event, now_s: pump.set_rate(now_s, Decimal(event.values["rate"])),
    ),
    "set-dose": PumpAct(
        words="the dose is set to {dose}, which is {rate}",
        keys={"dose": _dose_as_rate},
        do=lambda pump, event, now_s: pump.set_rate(now_s, Decimal(event.values["dose"])),
    ),
    "start": PumpAct(words="start is pressed", do=lambda pump, _event, now_s: pump.start(now_s)),
    "stop": PumpAct(words="stop is pressed", do=lambda pump, _event, now_s: pump.stop(now_s)),
    "bolus": PumpAct(
        words="a bolus of {volume} is given",
        keys={"volume": _of(Quantity.VOLUME)},
        do=lambda pump, event, now_s: pump.bolus(now_s, Decimal(event.values["volume"])),
    ),
    "change-syringe": PumpAct(
        words="another syringe with {volume} is put in",
        keys={"volume": _of(Quantity.VOLUME)},
        do=lambda pump, event, now_s: pump.change_syringe(now_s, Decimal(event.values["volume"])),
    ),
    "acknowledge": PumpAct(words="its alarms are acknowledged", do=lambda pump, _event, now_s: pump.acknowledge(now_s)),
    "alarm": PumpAct(
        words="it alarms: {alarm}",
        keys={"alarm": lambda table, name, _device: table.choice(name, list(PumpAlarm))},
        do=lambda pump, event, now_s: pump.raise_alarm(now_s, PumpAlarm(str(event.values["alarm"]))),
    ),
    "occlude": PumpAct(
        words="the line is shut: pressure builds up, and nothing reaches the patient",
        do=lambda pump, _event, now_s: pump.occlude(now_s),
    ),
    "release": PumpAct(
        words="the line is open again: what was trapped in it reaches the patient at once",
        do=lambda pump, _event, now_s: pump.release(now_s),
    ),
}
_PATIENT_ACTS: dict[str, Act] = {
    "drift": PatientAct(
        words="the patient's {vital} goes to {to} within {over}",
        keys={
            "vital": lambda table, name, _device: table.choice(name, VITALS),
            "to": _vital_target,
            "over": _seconds("0 s"),
        },
        do=_drift,
    ),
    "secretions": PatientAct(
        words="secretions gather in the airway, {severity} of the worst: SpO2 falls, breathing quickens",
        keys={"severity": _of(Quantity.SHARE)},
        do=lambda patient, event, now_s, _speed: patient.secrete(float(event.values["severity"]), now_s),
    ),
    "suction": PatientAct(
        words="the airway is suctioned clear",
        do=lambda patient, _event, now_s, _speed: patient.suction(now_s),
    ),
}
_DESK_ACTS: dict[str, Act] = {
    "ask": DeskAct(
        words="{by} asks for {verb}{with}",
        keys={
            "by": lambda table, name, _device: table.text(name, "ann"),
            "role": lambda table, name, _device: table.choice(name, ROLES, "nurse"),
            "verb": lambda table, name, _device: table.choice(name, VERBS),
            "with": lambda table, name, _device: table.body(name),
        },
    ),
}
_PLUG_ACTS: dict[str, Act] = {
    "unplug": PlugAct(words="its adapter is unplugged: the port is gone", lasts=True),
    "replug": PlugAct(
        words="it is plugged in at {to}", keys={"to": lambda table, name, _device: table.identifier(name)}
    ),
    "swap": PlugAct(
        words="its plug and that of {with} change places",
        keys={"with": lambda table, name, _device: table.identifier(name)},
    ),
}
_LINE_FAULTS: dict[str, Act] = {
    "drop": FaultAct(
        words="the line loses {share} of the bytes",
        keys={"share": _of(Quantity.SHARE)},
        wrap=lambda w: Drop(w.device, w.window, seed=w.event.seed, share=w.number("share"), both_ways=True),
    ),
    "flip": FaultAct(
        words="the line flips a bit in {share} of the bytes",
        keys={"share": _of(Quantity.SHARE)},
        wrap=lambda w: Flip(w.device, w.window, seed=w.event.seed, share=w.number("share"), both_ways=True),
    ),
    "split": FaultAct(
        words="messages come in pieces, with pauses of up to {pause}",
        keys={"pause": _positive_seconds},
        wrap=lambda w: Split(w.device, w.window, seed=w.event.seed, pause_s=w.number("pause")),
    ),
    "merge": FaultAct(
        words="messages are held for {hold} and come together",
        keys={"hold": _positive_seconds},
        wrap=lambda w: Merge(w.device, w.window, hold_s=w.number("hold")),
    ),
    "late-reply": FaultAct(
        words="all that it says comes {delay} late",
        keys={"delay": _positive_seconds},
        wrap=lambda w: Late(w.device, w.window, delay_s=w.number("delay")),
    ),
    "mute": FaultAct(words="it says nothing more on an open line", wrap=lambda w: Mute(w.device, w.window)),
    "cable-pulled": FaultAct(
        words="the cable is pulled out of it: the port stays, silent", wrap=lambda w: Pulled(w.device, w.window)
    ),
    "frozen": FaultAct(
        words="it hangs, and says the same message again and again", wrap=lambda w: Frozen(w.device, w.window)
    ),
    "babble": FaultAct(
        words="it babbles, {bytes-per-s} random bytes a second beside its own",
        keys={"bytes-per-s": _whole(1, MAX_BABBLE_BYTES_PER_S)},
        wrap=lambda w: Babble(w.device, w.window, seed=w.event.seed, bytes_per_s=int(w.number("bytes-per-s"))),
    ),
    "baud-mismatch": FaultAct(
        words="it is set to {baud} baud, and the host is not",
        keys={"baud": _whole(300, MAX_BAUD)},
        wrap=lambda w: BaudMismatch(w.device, w.window, device_baud=int(w.number("baud")), host_baud=w.baud),
    ),
}
_DEVICE_FAULTS: dict[str, Act] = {
    "stuck-value": FaultAct(
        words="it goes on saying the same, stuck: {value}",
        keys={"value": _knob(lambda knobs: knobs.values)},
        wrap=lambda w: stuck_value(w.device, w.window, w.knobs, value=w.text("value")),
    ),
    "sensor-off": FaultAct(
        words="a sensor is off the patient: {sensor}",
        keys={"sensor": _knob(lambda knobs: knobs.sensors)},
        wrap=lambda w: sensor_off(w.device, w.window, w.knobs, sensor=w.text("sensor")),
    ),
    "counter-reset": FaultAct(
        words="the volume that it shows is cleared",
        needs="counter",
        lasts=False,
        wrap=lambda w: counter_reset(w.device, w.window.from_s, w.knobs),
    ),
    "clock-leap": FaultAct(
        words="its clock leaps by {by}",
        keys={"by": _seconds(signed=True)},
        needs="clock",
        lasts=False,
        wrap=_leap,
    ),
    "reboot": FaultAct(
        words="its power fails",
        wrap=lambda w: Reboot(w.device, w.window, w.knobs),
    ),
}

ACTS: Mapping[str, Act] = _PUMP_ACTS | _PATIENT_ACTS | _DESK_ACTS | _PLUG_ACTS | _LINE_FAULTS | _DEVICE_FAULTS
