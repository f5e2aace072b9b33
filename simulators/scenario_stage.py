"""Plays a scenario, sans-I/O: it makes the devices, puts the faults around them, and does what is due.

Timeline, drug, airway, cuff and the pressure in an occluded line go ``speed`` times faster than the clock. Devices and
lines go by the clock: a pump at 7 mL/h delivers 7 mL in an hour of it, and a monitor speaks once a second, since
whoever reads them lives by the clock too.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from simulators.faults import Window, earliest
from simulators.model import SimulatedDevice
from simulators.oximeter import SerialLine
from simulators.pump import PumpModel
from simulators.scenario import duration, place
from simulators.scenario_acts import ACTS, DeskAct, FaultAct, PatientAct, PlugAct, PumpAct, Wrapping
from simulators.scenario_devices import Made, kind_of, make_monitor, make_pump
from simulators.scenario_model import BedPlan, DevicePlan, Event, Scenario
from simulators.scenario_patient import BedPatient
from simulators.scenario_plugs import Plugs, Step, timeline


class Sockets(Protocol):
    """Where devices are plugged in: ptys, or a test's own."""

    def plug(self, port: str, device: SimulatedDevice, line: SerialLine) -> None:
        """Connect a device to a free port. It is started, which it takes for a power-on the first time alone."""

    def unplug(self, port: str) -> None:
        """Let the port vanish."""


class Stage:
    """A scenario from ``now_s`` on; every device is plugged in at once. ``say`` gets a line for what happens.

    ``ask`` gets what somebody asks of the edge; without it nobody hears it. Raises ``OSError`` where ``sockets`` do,
    here and in ``tick``.
    """

    def __init__(
        self,
        scenario: Scenario,
        sockets: Sockets,
        say: Callable[[str], None],
        *,
        speed: float,
        now_s: float,
        ask: Callable[[Event], None] | None = None,
    ) -> None:
        self._scenario = scenario
        self._sockets = sockets
        self._say = say
        self._ask = ask
        self._speed = speed
        self._began_s = now_s
        self._steps = deque(timeline(scenario.events))
        self._pumps: dict[str, PumpModel] = {}
        self._patients: dict[str, BedPatient] = {}
        self._devices: dict[str, SimulatedDevice] = {}
        self._lines: dict[str, SerialLine] = {}
        for bed in scenario.beds:
            self._make_bed(bed, now_s)
        self._plugs = Plugs(self._devices)
        self._ports: dict[str, str | None] = {}
        for device in self._devices:
            self._plug(device, device)

    @property
    def end_s(self) -> float:
        """When the scenario is over, by the clock."""
        return self._clock_s(self._scenario.duration_s)

    @property
    def deadline_s(self) -> float | None:
        """When ``tick`` is due: for the next event, or for a device that is not plugged in."""
        next_s = self._clock_s(self._steps[0].at_s) if self._steps else None
        return earliest(next_s, *(device.deadline_s for device in self._loose()))

    def tick(self, now_s: float) -> None:
        """Do what is due."""
        for device in self._loose():  # it lives on, and nobody hears it
            if device.deadline_s is not None and device.deadline_s <= now_s:
                device.tick(now_s)
        while self._steps and self._clock_s(self._steps[0].at_s) <= now_s:
            self._do(self._steps.popleft(), now_s)

    def _clock_s(self, scenario_s: float) -> float:
        return self._began_s + scenario_s / self._speed

    def _loose(self) -> list[SimulatedDevice]:
        return [self._devices[device] for device, port in self._ports.items() if port is None]

    def _make_bed(self, bed: BedPlan, now_s: float) -> None:
        pumps = [(plan, make_pump(plan, now_s)) for plan in bed.pumps]
        models = [made.pump for _, made in pumps if made.pump is not None]
        for model in models:  # so that an occlusion takes its time in the scenario's seconds too
            volume_ml = model.spec.occlusion_volume_ml / Decimal(self._speed)
            model.spec = replace(model.spec, occlusion_volume_ml=volume_ml)
        patient = self._patients[bed.id] = BedPatient(bed, models, self._speed)
        made_of: dict[str, Made] = {plan.id: made for plan, made in pumps}
        for monitor in bed.monitors:
            made_of[monitor.id] = make_monitor(monitor, bed, patient.vitals, self._speed, now_s)
        for plan in bed.devices:
            made = made_of[plan.id]
            self._devices[plan.id] = _PoweredOnce(self._with_faults(plan, made))
            self._lines[plan.id] = kind_of(plan).line
            if made.pump is not None:
                self._pumps[plan.id] = made.pump

    def _with_faults(self, plan: DevicePlan, made: Made) -> SimulatedDevice:
        device = made.device
        for event in self._scenario.events:
            act = ACTS[event.do]
            if event.target == plan.id and isinstance(act, FaultAct):
                until_s = math.inf if event.until_s is None else self._clock_s(event.until_s)
                window = Window(self._clock_s(event.at_s), until_s)
                baud = kind_of(plan).line.baud
                device = act.wrap(Wrapping(device=device, knobs=made.knobs, baud=baud, window=window, event=event))
        return device

    def _do(self, step: Step, now_s: float) -> None:
        event, act = step.event, ACTS[step.event.do]
        over, refused = "over: " if step.ends else "", ""
        if isinstance(act, PumpAct) and not act.do(self._pumps[event.target], event, now_s):
            refused = " (the pump does not take it)"
        elif isinstance(act, PatientAct):
            act.do(self._patients[event.target], event, now_s, self._speed)
        elif isinstance(act, DeskAct) and self._ask is not None:
            self._ask(event)
        self._say(f"{duration(step.at_s):>14}  {place(self._scenario, event)}: {over}{event.words}{refused}")
        if isinstance(act, PlugAct):  # the faults act by themselves
            for device, port in self._plugs.move(step):
                self._plug(device, port)

    def _plug(self, device: str, port: str | None) -> None:
        before = self._ports.get(device)
        if before is not None:
            self._sockets.unplug(before)
        self._ports[device] = port
        if port is not None:
            self._sockets.plug(port, self._devices[device], self._lines[device])


class _PoweredOnce(SimulatedDevice):
    """A device that is powered on when it is first plugged in, and lives on through every later plug."""

    def __init__(self, device: SimulatedDevice) -> None:
        self._device = device
        self._is_on = False

    @property
    def deadline_s(self) -> float | None:
        """When the device is due."""
        return self._device.deadline_s

    def start(self, now_s: float) -> bytes:
        """Power the device on, the first time alone."""
        if self._is_on:
            return b""
        self._is_on = True
        return self._device.start(now_s)

    def feed(self, data: bytes, now_s: float) -> bytes:
        """Pass on what the host says."""
        return self._device.feed(data, now_s)

    def tick(self, now_s: float) -> bytes:
        """Pass on what is due."""
        return self._device.tick(now_s)
