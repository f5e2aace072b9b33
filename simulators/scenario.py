"""Scenarios: reads their files, which are TOML with relative times, and tells in plain words what happens in them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from simulators.scenario_acts import ACTS, DeskAct, FaultAct, PatientAct, PlugAct, PumpAct
from simulators.scenario_devices import MONITORS, PUMPS, kind_of, make_monitor, make_pump
from simulators.scenario_model import (
    BedPlan,
    DevicePlan,
    Event,
    MonitorPlan,
    OrderPlan,
    PumpPlan,
    Scenario,
    Value,
    rate_ml_per_h,
)
from simulators.scenario_patient import BedPatient
from simulators.scenario_plugs import Plugs, timeline
from simulators.scenario_reader import Quantity, ScenarioError, Table, nearest, positive_seconds

FILE_MAX_BYTES = 262_144
"""A day with an event a minute needs half of it; a larger file was hardly meant."""

AGE_MAX_YEARS, USUAL_AGE_YEARS = 120, 45
MAX_DEVICES = 64
"""More ptys than a ward has lines."""

MAX_EVENTS = 2_000

SPEED_MAX = 1_000
_S_PER_MIN, _MIN_PER_H = 60, 60


def names() -> tuple[str, ...]:
    """Return the scenarios that are shipped, by name."""
    files = [file.name for file in _folder().iterdir() if file.name.endswith(".toml")]
    return tuple(sorted(name.removesuffix(".toml") for name in files))


def load(name_or_file: str) -> Scenario:
    """Return a shipped scenario by its name, or one of a file. Raises ``ScenarioError``."""
    if name_or_file in names():
        return read(f"{name_or_file}.toml", _folder().joinpath(f"{name_or_file}.toml").read_bytes())
    path = Path(name_or_file)
    if path.suffix != ".toml" and not path.exists():
        raise ScenarioError(name_or_file, "", "is no scenario", f"{nearest(name_or_file, names())} Or name a file")
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise ScenarioError(name_or_file, "", f"cannot be read: {error.strerror}", "name a readable file") from error
    return read(path.name, data)


def read(file: str, data: bytes) -> Scenario:
    """Return the scenario that is in a file's bytes. Raises ``ScenarioError``."""
    if len(data) > FILE_MAX_BYTES:
        raise ScenarioError(file, "", f"is larger than {FILE_MAX_BYTES} bytes", "name a scenario's file")
    try:
        content = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise ScenarioError(file, "", f"is not TOML: {error}", "correct it, or save the file as UTF-8") from error
    return _Loader(file).scenario(Table(file, "", content))


class _Loader:
    """One loading, with the names that were given so far."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._ids: set[str] = set()
        self._beds: list[BedPlan] = []
        self._devices: dict[str, DevicePlan] = {}

    def scenario(self, table: Table) -> Scenario:
        title, about = table.text("title"), table.text("about")
        duration_s = positive_seconds(table, "duration")
        speed, seed = table.whole("speed", 1, SPEED_MAX, 1), table.whole("seed", 0, 1 << 31, 1)
        for bed in table.tables("bed", least=1):
            self._beds.append(self._bed(bed))
        rows = table.tables("event")
        if len(rows) > MAX_EVENTS:
            raise table.error("event", f"is there more than {MAX_EVENTS} times", "leave events out")
        table.done()
        told = [(row, self._event(row, seed + number, duration_s)) for number, row in enumerate(rows, start=1)]
        told.sort(key=lambda one: one[1].at_s)
        self._check_plugs(told)
        return Scenario(
            name=Path(self._file).stem,
            title=title,
            about=about,
            duration_s=duration_s,
            speed=float(speed),
            beds=tuple(self._beds),
            events=tuple(event for _, event in told),
        )

    def _new(self, table: Table) -> str:
        name = table.identifier("id")
        if name in self._ids:
            raise table.error("id", f'"{name}" is there twice', "make each id unique")
        self._ids.add(name)
        return name

    def _bed(self, table: Table) -> BedPlan:
        name = self._new(table)
        plan = BedPlan(
            id=name,
            label=table.text("label", name),
            seed=table.whole("seed", 0, 1 << 31, len(self._beds) + 1),
            weight_kg=table.quantity("weight", Quantity.WEIGHT, "70 kg"),
            cuff_interval_s=positive_seconds(table, "cuff-interval", "5 min"),
            devices=(),
            age_years=table.whole("age", 0, AGE_MAX_YEARS, USUAL_AGE_YEARS),
            heart_disease=table.flag("heart-disease", default=False),
            clearance=table.quantity("cyp3a4-inhibitor-leaves", Quantity.SHARE, "100 %"),
            artefacts=table.flag("artefacts", default=False),
        )
        rows = table.tables("device", least=1)
        table.done()
        return replace(plan, devices=tuple(self._device(row, plan) for row in rows))

    def _device(self, table: Table, bed: BedPlan) -> DevicePlan:
        name = self._new(table)
        kind = table.choice("kind", [*PUMPS, *MONITORS])
        plan = self._pump(table, name, kind, bed) if kind in PUMPS else self._monitor(table, name, kind)
        table.done()
        if len(self._devices) >= MAX_DEVICES:
            raise table.error("", f"is one of more than {MAX_DEVICES}", "leave devices out")
        try:  # what the device itself refuses: a serial number, a rate
            if isinstance(plan, PumpPlan):
                make_pump(plan, 0.0)
            else:
                make_monitor(plan, bed, BedPatient(bed, (), 1.0).vitals, 1.0, 0.0)
        except ValueError as error:
            raise table.error("", f"cannot be: {error}", "correct it") from error
        self._devices[name] = plan
        return plan

    def _serial_number(self, table: Table, kind: str) -> str:
        number = (PUMPS.get(kind) or MONITORS[kind]).serial_number
        return "" if number is None else table.text("serial-number", number(len(self._devices)))

    def _pump(self, table: Table, name: str, kind: str, bed: BedPlan) -> PumpPlan:
        drug = table.text("drug", "KETAMINE")
        concentration = table.quantity("concentration", Quantity.CONCENTRATION, "10 mg/mL")
        weight_kg = table.quantity("weight", Quantity.WEIGHT, f"{bed.weight_kg} kg")
        if table.has("rate") == table.has("dose"):
            raise table.error("rate", "and dose are both there, or none is", 'give one, like dose = "1.0 mg/kg/h"')
        if table.has("rate"):
            rate = table.quantity("rate", Quantity.RATE)
        else:
            rate = rate_ml_per_h(table.quantity("dose", Quantity.DOSE), concentration, weight_kg)
        return PumpPlan(
            id=name,
            kind=kind,
            serial_number=self._serial_number(table, kind),
            drug=drug,
            concentration_mg_per_ml=concentration,
            weight_kg=weight_kg,
            rate_ml_per_h=rate,
            started=table.flag("started", default=True),
            order=self._order(table),
            counter_step_ml=(table.quantity("counter-step", Quantity.VOLUME) if table.has("counter-step") else None),
        )

    def _monitor(self, table: Table, name: str, kind: str) -> MonitorPlan:
        return MonitorPlan(id=name, kind=kind, serial_number=self._serial_number(table, kind))

    def _order(self, table: Table) -> OrderPlan | None:
        if not table.has("order"):
            return None
        order = table.table("order")
        plan = OrderPlan(
            drug=order.identifier("drug"),
            step_mg_per_kg_per_h=order.quantity("step", Quantity.DOSE),
            maximum_mg_per_kg_per_h=order.quantity("maximum", Quantity.DOSE),
        )
        order.done()
        return plan

    def _event(self, table: Table, seed: int, duration_s: float) -> Event:
        at_s = table.seconds("at")
        if at_s > duration_s:
            raise table.error("at", "is after the end of the scenario", "make the duration longer")
        do = table.choice("do", ACTS)
        act = ACTS[do]
        device = (
            None if isinstance(act, PatientAct | DeskAct) else self._target_device(table, pump=isinstance(act, PumpAct))
        )
        target = table.choice("bed", [bed.id for bed in self._beds]) if device is None else device.id
        needs = act.needs if isinstance(act, FaultAct) else ""
        if device is not None and needs and not getattr(kind_of(device).knobs, f"has_{needs}"):
            reason = f'"{device.id}" ({kind_of(device).label}) has no {needs}'
            raise table.error("device", reason, f"name a device with a {needs}")
        values: dict[str, Value] = {name: take(table, name, device) for name, take in act.keys.items()}
        until_s = None
        lasts = isinstance(act, FaultAct | PlugAct) and act.lasts
        if lasts and table.has("for"):
            until_s = at_s + positive_seconds(table, "for")
        seed = table.whole("seed", 0, 1 << 31, seed)
        words = act.words.format_map(values | table.written)
        if lasts:
            words += ", for good" if until_s is None else f", for {table.written['for']}"
        table.done()
        return Event(at_s=at_s, until_s=until_s, do=do, target=target, words=words, seed=seed, values=values)

    def _target_device(self, table: Table, *, pump: bool) -> DevicePlan:
        known = [plan.id for plan in self._devices.values() if isinstance(plan, PumpPlan) or not pump]
        return self._devices[table.choice("device", known)]

    def _check_plugs(self, told: list[tuple[Table, Event]]) -> None:
        """Refuse a plug that is not there, or a port that is taken, by playing the plugs through."""
        plugs = Plugs(self._devices)
        rows = {id(event): row for row, event in told}
        for step in timeline(event for _, event in told):
            if isinstance(ACTS[step.event.do], PlugAct):
                try:
                    plugs.move(step)
                except ValueError as error:
                    raise rows[id(step.event)].error("do", str(error), "unplug or replug another way") from error


def describe(scenario: Scenario) -> Iterator[str]:
    """Tell in plain words who is there and what happens when, a line at a time."""
    yield f"{scenario.name}: {scenario.title}"
    yield f"  {scenario.about}"
    for bed in scenario.beds:
        yield f"  {bed.label}: a patient of {bed.weight_kg} kg{_of_patient(bed)}"
        yield from (f"    {plan.id}: {_described(plan)}" for plan in bed.devices)
    times = ["0 s", *(duration(event.at_s) for event in scenario.events), duration(scenario.duration_s)]
    told = ["it begins", *(f"{place(scenario, event)}: {event.words}" for event in scenario.events), "it ends"]
    width = max(map(len, times))
    yield from (f"  {time:>{width}}  {words}" for time, words in zip(times, told, strict=True))
    if scenario.speed != 1.0:
        yield f"  It runs {scenario.speed:g} times faster than life, unless --speed says otherwise."


def place(scenario: Scenario, event: Event) -> str:
    """Return where an event happens, as people call it."""
    bed = next(bed for bed in scenario.beds if event.target in (bed.id, *(plan.id for plan in bed.devices)))
    return bed.label if event.target == bed.id else f"{bed.label}, {event.target}"


def duration(seconds: float) -> str:
    """Return a time as people write it: ``1 h 2 min 3 s``."""
    whole = round(seconds)
    if abs(seconds - whole) > 0.0005:  # noqa: PLR2004 - not a number of whole seconds
        return f"{seconds:g} s"
    minutes, s = divmod(whole, _S_PER_MIN)
    h, minutes = divmod(minutes, _MIN_PER_H)
    parts = [f"{number} {unit}" for number, unit in ((h, "h"), (minutes, "min"), (s, "s")) if number]
    return " ".join(parts) or "0 s"


def _of_patient(bed: BedPlan) -> str:
    told = [] if bed.age_years == USUAL_AGE_YEARS else [f"{bed.age_years} years"]
    if bed.heart_disease:
        told.append("with heart disease")
    if bed.clearance != 1:
        told.append(f"with an inhibitor of CYP3A4 that leaves {(bed.clearance * 100).normalize():f} % of the clearance")
    if bed.artefacts:
        told.append("whose sensors are disturbed")
    return "".join(f", {words}" for words in told)


def _described(plan: DevicePlan) -> str:
    number = f" {plan.serial_number}" if plan.serial_number else ""
    label = f"{kind_of(plan).label}{number}"
    if isinstance(plan, MonitorPlan):
        return label
    does = "infusing" if plan.started else "stopped, set to"
    drug = f"{plan.drug} {plan.concentration_mg_per_ml} mg/mL, {plan.weight_kg} kg"
    dose = f"{plan.dose_mg_per_kg_per_h:.2f} mg/kg/h"
    return f"{label} with {drug}, {does} {plan.rate_ml_per_h} mL/h ({dose})"


def _folder() -> Traversable:
    return resources.files("simulators").joinpath("scenarios")
