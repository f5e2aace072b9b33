"""The patient of a single monitor among the subcommands of ``infusion-sim``: options, and what they make.

Every monitor has one: simulated, or a record of a real one. What sensors make of it comes last.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from simulators.cli_parts import UsageError, number, whole
from simulators.patient import HEALTHY_ADULT, RESTING_ADULT, Baseline, Patient, Person, Vitals
from simulators.patient_measurement import Artefacts, Measured
from simulators.pharmacokinetics import MAX_CLEARANCE_FACTOR
from simulators.records import RecordedVitals

Source: TypeAlias = Callable[[float], Vitals]

RECORD_LIMIT_BYTES = 8 * 1024 * 1024
"""Two weeks at a row a minute have 2 MB."""

_OXIMETERS_ARTEFACTS = Artefacts(ecg_noise_per_h=0.0, ecg_off_per_h=0.0, cuff_failure_probability=0.0)
_OF_A_RECORD = frozenset({"seed", "artefacts", "record", "time_scale", "cuff_interval"})
"""The options that mean something for a record too."""


def add_pulse_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a patient at a pulse oximeter."""
    options = _Options(parser)
    options.add_baseline(
        ("--hr", 20, 250, RESTING_ADULT.heart_rate_per_min, "heart rate, /min"),
        ("--spo2", 1, 100, RESTING_ADULT.spo2_percent, "SpO2, %%"),
    )
    options.add_rest()


def add_bedside_options(parser: argparse.ArgumentParser) -> None:
    """Add those of a patient at a monitor with a cuff and more."""
    base, options = RESTING_ADULT, _Options(parser)
    options.add_baseline(
        ("--hr", 20, 250, base.heart_rate_per_min, "heart rate, /min"),
        ("--spo2", 1, 100, base.spo2_percent, "SpO2, %%"),
        ("--rr", 0, 120, base.respiratory_rate_per_min, "respiratory rate, /min"),
        ("--etco2", 0, 150, base.etco2_mmhg, "EtCO2, mmHg"),
        ("--sys", 20, 280, base.nibp_sys_mmhg, "systolic pressure, mmHg"),
        ("--dia", 10, 240, base.nibp_dia_mmhg, "diastolic pressure, mmHg"),
    )
    options.add("--cuff-interval", type=number(1.0, 86400.0), default=300.0, metavar="S", help="seconds [300]")
    options.add("--arterial-line", action="store_true", default=False, help="show an invasive pressure")
    options.add_rest()


def pulse_patient(arguments: argparse.Namespace) -> Source:
    """Return what a pulse oximeter measures. Raises ``UsageError``."""
    return _measured(arguments, lambda: _patient(arguments, {}), _OXIMETERS_ARTEFACTS)


def bedside_patient(arguments: argparse.Namespace, cuff_interval_s: float) -> Source:
    """Return what a bedside monitor measures; its own cuff may have another interval. Raises ``UsageError``."""
    fields = {
        "respiratory_rate_per_min": arguments.rr,
        "etco2_mmhg": arguments.etco2,
        "nibp_sys_mmhg": arguments.sys,
        "nibp_dia_mmhg": arguments.dia,
    }
    return _measured(arguments, lambda: _patient(arguments, fields, cuff_interval_s), Artefacts())


class _Options:
    """Puts options into a parser, and keeps their defaults: a record cannot be told what the patient is like."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._group = parser.add_argument_group("the patient")
        self._defaults: dict[str, object] = {}
        parser.set_defaults(patient_defaults=self._defaults)

    def add(self, name: str, **option: object) -> None:
        action = self._group.add_argument(name, **option)  # type: ignore[arg-type]
        self._defaults[action.dest] = action.default

    def add_baseline(self, *rows: tuple[str, int, int, int, str]) -> None:
        for name, low, high, usual, meaning in rows:
            self.add(name, type=whole(low, high), default=usual, metavar="N", help=f"{meaning} [{usual}]")

    def add_rest(self) -> None:
        person = HEALTHY_ADULT
        self.add("--seed", type=int, default=1, metavar="N", help="another seed, another patient [1]")
        self.add("--weight", type=number(0.5, 350.0), default=person.weight_kg, metavar="KG", help="kg [70]")
        self.add("--age", type=whole(0, 120), default=person.age_years, metavar="N", help="years [45]")
        self.add(
            "--heart-disease",
            action="store_true",
            default=False,
            help="heart rate and pressure answer more to ketamine",
        )
        self.add(
            "--cyp3a4-inhibitor",
            type=number(0.05, MAX_CLEARANCE_FACTOR),
            default=1.0,
            metavar="X",
            dest="clearance",
            help="the share of the clearance of ketamine that an inhibitor leaves, such as 0.7 [1: there is none]",
        )
        self.add("--ketamine", type=number(0.0, 20.0), default=0.0, metavar="X", help="dose, mg/kg/h [0]")
        self.add(
            "--secretions",
            type=number(0.0, 1.0),
            default=0.0,
            metavar="X",
            help="how bad they get, to 1: SpO2 falls, breathing quickens [0: none]",
        )
        self.add(
            "--secretions-after",
            type=number(0.0, 604_800.0),
            default=60.0,
            metavar="S",
            help="begin after seconds [60]",
        )
        self.add(
            "--artefacts",
            action="store_true",
            default=False,
            help="movement, noise, sensors that fall off, failed cuffs",
        )
        self.add("--time-scale", type=number(0.1, 1000.0), default=1.0, metavar="X", help="drug or record faster [1]")
        self.add(
            "--record",
            type=Path,
            default=None,
            metavar="CSV",
            help="a real patient instead: rows of minute,HR_bpm,SpO2_%%,... as in MIMIC II numerics",
        )


def _measured(arguments: argparse.Namespace, patient: Callable[[], Source], artefacts: Artefacts) -> Source:
    source = patient() if arguments.record is None else _record(arguments)
    return Measured(source, arguments.seed, artefacts) if arguments.artefacts else source


def _patient(arguments: argparse.Namespace, fields: Mapping[str, int], cuff_interval_s: float | None = None) -> Source:
    try:
        baseline = Baseline(heart_rate_per_min=arguments.hr, spo2_percent=arguments.spo2, **fields)
    except ValueError as error:
        raise UsageError(f"{error}: change --sys or --dia") from error
    person = Person(
        weight_kg=arguments.weight,
        age_years=arguments.age,
        heart_disease=arguments.heart_disease,
        clearance_factor=arguments.clearance,
    )
    patient = Patient(
        arguments.seed,
        baseline,
        person,
        time_scale=arguments.time_scale,
        cuff_interval_s=300.0 if cuff_interval_s is None else cuff_interval_s,
        arterial_line=cuff_interval_s is not None and arguments.arterial_line,
    )
    return _Story(patient, arguments.ketamine, arguments.secretions, arguments.secretions_after)


class _Story:
    """A patient under a constant dose, whose secretions begin so long after the first look."""

    def __init__(self, patient: Patient, dose_mg_per_kg_per_h: float, severity: float, after_s: float) -> None:
        self._patient = patient
        self._dose_mg_per_kg_per_h = dose_mg_per_kg_per_h
        self._severity = severity
        self._after_s = after_s
        self._secretes_at_s: float | None = None

    def __call__(self, now_s: float) -> Vitals:
        if self._secretes_at_s is None:
            self._secretes_at_s = now_s + self._after_s
        if self._severity and now_s >= self._secretes_at_s:
            self._patient.advance(now_s, self._dose_mg_per_kg_per_h)  # the drug of until now first
            self._patient.secrete(now_s, self._severity)
            self._severity = 0.0
        return self._patient.advance(now_s, self._dose_mg_per_kg_per_h)


def _record(arguments: argparse.Namespace) -> Source:
    file: Path = arguments.record
    defaults: dict[str, object] = arguments.patient_defaults
    told = sorted(name for name, usual in defaults.items() if getattr(arguments, name) != usual)
    idle = [name for name in told if name not in _OF_A_RECORD]
    if idle:
        names = ", ".join(
            "--cyp3a4-inhibitor" if name == "clearance" else f"--{name.replace('_', '-')}" for name in idle
        )
        raise UsageError(f"--record plays what a real patient had: leave out {names}")
    try:
        if file.stat().st_size > RECORD_LIMIT_BYTES:
            raise UsageError(f"{file} is larger than {RECORD_LIMIT_BYTES} bytes; cut out the part to be played")
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}. Name a readable record of vital signs") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text; name a CSV of vital signs") from error
    try:
        return RecordedVitals(text, speed=arguments.time_scale)
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from error
