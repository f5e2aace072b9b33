"""The monitors among the subcommands of ``infusion-sim``: each with a patient of its own.

A subcommand is two functions: ``_add_<name>`` puts its options into a parser, with ``make`` for the other one, which
builds the monitor and says where to put it. ``SUBCOMMANDS`` lists them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from simulators import ge_dri, intellivue_wire
from simulators.cli_parts import Line, UsageError, add_line_options, whole
from simulators.cli_patient import add_bedside_options, add_pulse_options, bedside_patient, pulse_patient
from simulators.ge_dri import DriMonitor, DriOptions
from simulators.ge_dri_modules import USUAL_GROUPS
from simulators.ge_dri_records import Group
from simulators.intellivue import IntelliVueMonitor
from simulators.intellivue_numerics import USUAL_NUMERICS, Numeric
from simulators.intellivue_setup import IntelliVueOptions, Mode
from simulators.ivy_450c import IvyMonitor, Parameter
from simulators.masimo_ascii import MasimoOximeter, Output
from simulators.nellcor_ascii import N_560, NPB_295, NellcorOximeter
from simulators.nonin import AsciiOptions, NoninAscii, NoninFormat2
from simulators.oximeter import Oximeter, Sensor
from simulators.pty_server import bits_per_character

if TYPE_CHECKING:
    from simulators.cli_parts import Subparsers

MEASURED_ANEW_S = 1.0
"""How often a patient's pressure changes whose monitor measures at intervals of its own."""

_MASIMO_OUTPUTS = {
    "rad-8": Output.RAD_8,
    "radical-7-blue": Output.RADICAL_7_BLUE,
    "radical-7-colour": Output.RADICAL_7_COLOUR,
    "ascii-2": Output.ASCII_2,
}
_NELLCOR_MODELS = {model.name: model for model in (N_560, NPB_295)}
_MODES = {mode.name.lower(): mode for mode in Mode}


def _add_ivy(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser("ivy", help="an Ivy 450C monitor", description="An Ivy 450C monitor with a patient.")
    add_bedside_options(parser)
    parser.add_argument(
        "--off", action="append", default=[], type=str.upper, choices=list(Parameter), help="sensor off; repeatable"
    )
    add_line_options(parser)
    parser.set_defaults(make=_make_ivy)
    return parser


def _make_ivy(arguments: argparse.Namespace) -> Line:
    monitor = IvyMonitor(bedside_patient(arguments, arguments.cuff_interval))
    for name in arguments.off:
        monitor.switch_off(Parameter(name))
    return Line("Ivy 450C", monitor, arguments.link, arguments.baud)


def _add_dri(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "dri", help="a GE/Datex-Ohmeda monitor", description="A GE/Datex-Ohmeda monitor (DRI) with a patient."
    )
    add_bedside_options(parser)
    parser.add_argument("--level", type=whole(0, 255), default=10, metavar="N", help="DRI level [10]")
    parser.add_argument("--without-alarms", action="store_true", help="it does not answer what it alarms of")
    parser.add_argument(
        "--off", action="append", default=[], type=str.upper, choices=sorted(USUAL_GROUPS), help="repeatable"
    )
    add_line_options(parser, ge_dri.BAUD)
    parser.set_defaults(make=_make_dri)
    return parser


def _make_dri(arguments: argparse.Namespace) -> Line:
    options = DriOptions(
        dri_level=arguments.level,
        cuff_interval_s=arguments.cuff_interval,
        alarms_available=not arguments.without_alarms,
    )
    monitor = DriMonitor(bedside_patient(arguments, MEASURED_ANEW_S), options)
    for name in arguments.off:
        monitor.modules.switch_off(Group(name))
    bits = bits_per_character(data_bits=ge_dri.DATA_BITS, parity=ge_dri.PARITY, stop_bits=ge_dri.STOP_BITS)
    return Line("GE DRI monitor", monitor, arguments.link, arguments.baud, bits_per_character=bits)


def _add_intellivue(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "intellivue", help="a Philips IntelliVue monitor", description="A Philips IntelliVue monitor with a patient."
    )
    add_bedside_options(parser)
    parser.add_argument("--mode", default="monitoring", choices=list(_MODES), help="mode of operation [monitoring]")
    parser.add_argument("--without-stream", action="store_true", help="it grants no extended polls")
    parser.add_argument(
        "--off", action="append", default=[], type=str.upper, choices=sorted(USUAL_NUMERICS), help="repeatable"
    )
    add_line_options(parser, intellivue_wire.BAUD)
    parser.set_defaults(make=_make_intellivue)
    return parser


def _make_intellivue(arguments: argparse.Namespace) -> Line:
    options = IntelliVueOptions(cuff_interval_s=arguments.cuff_interval)
    if arguments.without_stream:
        options = replace(options, extension=0)
    monitor = IntelliVueMonitor(bedside_patient(arguments, MEASURED_ANEW_S), options)
    monitor.mode = _MODES[arguments.mode]
    for name in arguments.off:
        monitor.measurements.switch_off(Numeric(name))
    return Line("IntelliVue", monitor, arguments.link, arguments.baud)


def _add_masimo(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = _add_oximeter(subparsers, "masimo", "a Masimo pulse oximeter", _make_masimo)
    parser.add_argument(
        "--output", default="rad-8", choices=list(_MASIMO_OUTPUTS), help="what the line carries [rad-8]"
    )
    parser.add_argument("--serial-number", default="0000145838", help="ten digits [0000145838]")
    return parser


def _make_masimo(arguments: argparse.Namespace) -> Line:
    output = _MASIMO_OUTPUTS[arguments.output]
    try:
        oximeter = MasimoOximeter(pulse_patient(arguments), output=output, serial_number=arguments.serial_number)
    except ValueError as error:
        raise UsageError(f"{error}: a --serial-number has ten digits") from error
    return _oximeter_line(f"Masimo {output}", oximeter, arguments)


def _add_nellcor(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = _add_oximeter(subparsers, "nellcor", "a Nellcor pulse oximeter", _make_nellcor)
    parser.add_argument("--model", default=N_560.name, choices=list(_NELLCOR_MODELS), help=f"[{N_560.name}]")
    return parser


def _make_nellcor(arguments: argparse.Namespace) -> Line:
    model = _NELLCOR_MODELS[arguments.model]
    return _oximeter_line(f"Nellcor {model.name}", NellcorOximeter(pulse_patient(arguments), model=model), arguments)


def _add_nonin(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = _add_oximeter(subparsers, "nonin", "a Nonin pulse oximeter", _make_nonin)
    parser.add_argument("--format", default="ascii", choices=("ascii", "df2"), help="what the line carries [ascii]")
    parser.add_argument("--timed", action="store_true", help="ascii: a line begins with its time")
    parser.add_argument("--fast", action="store_true", help="ascii: fast-responding values")
    parser.add_argument("--blanks", action="store_true", help="ascii: numbers are filled up with blanks, not zeros")
    return parser


def _make_nonin(arguments: argparse.Namespace) -> Line:
    patient = pulse_patient(arguments)
    if arguments.format == "df2":
        return _oximeter_line("Nonin format 2", NoninFormat2(patient), arguments)
    padding = " " if arguments.blanks else "0"
    options = AsciiOptions(timed=arguments.timed, fast=arguments.fast, padding=padding)
    return _oximeter_line("Nonin ASCII", NoninAscii(patient, options=options), arguments)


def _add_oximeter(
    subparsers: Subparsers, name: str, what: str, make: Callable[[argparse.Namespace], Line]
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(name, help=what, description=f"{what.capitalize()} with a patient.")
    add_pulse_options(parser)
    parser.add_argument("--sensor", default=Sensor.ON, type=Sensor, choices=list(Sensor), help="where it is [on]")
    add_line_options(parser, Oximeter.line.baud)
    parser.set_defaults(make=make)
    return parser


def _oximeter_line(name: str, oximeter: Oximeter, arguments: argparse.Namespace) -> Line:
    oximeter.sensor = arguments.sensor
    return Line(name, oximeter, arguments.link, arguments.baud)


SUBCOMMANDS: tuple[Callable[[Subparsers], argparse.ArgumentParser], ...] = (
    *(_add_ivy, _add_dri, _add_intellivue),
    *(_add_masimo, _add_nellcor, _add_nonin),
)
