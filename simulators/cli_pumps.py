"""The pumps among the subcommands of ``infusion-sim``: each one that infuses, or stands.

A subcommand is two functions: ``_add_<name>`` puts its options into a parser, with ``make`` for the other one, which
builds the pump as of now and says where to put it. ``SUBCOMMANDS`` lists them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from simulators import alaris_asena, fresenius_orchestra, new_era_ne1000, ward
from simulators.cli_parts import Line, UsageError, add_line_options, decimal, whole
from simulators.pty_server import bits_per_character
from simulators.pump import PumpModel
from simulators.pump_terms import Therapy

if TYPE_CHECKING:
    from simulators.cli_parts import Subparsers

Make = Callable[[argparse.Namespace, float], Line]

ORCHESTRA_BAUD = 19_200
_ORCHESTRA_BITS = bits_per_character(data_bits=7, parity="E", stop_bits=1)


def make(arguments: argparse.Namespace, now_s: float) -> Line:
    """Return the pump that was asked for, as of now. Raises ``UsageError`` for what no pump can do."""
    make_it: Make = arguments.make
    try:
        return make_it(arguments, now_s)
    except ValueError as error:
        raise UsageError(f"no pump can do this: {error}") from error


def _add(subparsers: Subparsers, name: str, what: str, description: str, make_it: Make) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(name, help=what, description=description)
    parser.add_argument("--rate", type=decimal, default=Decimal("7.00"), metavar="X", help="mL/h [7.00]")
    parser.add_argument("--stopped", action="store_true", help="the rate is set and the pump is not started")
    parser.set_defaults(make=make_it)
    return parser


def _add_space(subparsers: Subparsers) -> argparse.ArgumentParser:
    description = "A rack with one running Space pump in pillar 1, slot 1."
    parser = _add(subparsers, "space", "a B. Braun Space pump", description, _make_space)
    parser.add_argument("--drug", default="KETAMINE", help="the drug as the pump names it [KETAMINE]")
    parser.add_argument("--concentration", type=decimal, default=Decimal(10), metavar="X", help="mg/mL [10]")
    parser.add_argument("--weight", type=decimal, default=Decimal(70), metavar="X", help="kg [70]")
    parser.add_argument("--serial-number", default="012345", help="[012345]")
    parser.add_argument("--tcp", type=whole(0, 65_535), metavar="PORT", help="on this TCP port of the loopback; 0: any")
    add_line_options(parser)
    return parser


def _make_space(arguments: argparse.Namespace, now_s: float) -> Line:
    therapy = Therapy(
        drug=arguments.drug, concentration=arguments.concentration, weight_kg=arguments.weight, dose_mode=True
    )
    rack = ward.running_rack(
        now_s,
        serial_number=arguments.serial_number,
        rate_ml_per_h=arguments.rate,
        therapy=therapy,
        started=not arguments.stopped,
    )[1]
    return Line("Space", rack, arguments.link, arguments.baud, arguments.tcp)


def _add_asena(subparsers: Subparsers) -> argparse.ArgumentParser:
    description = "An Alaris (Asena) GH or CC syringe pump that infuses."
    parser = _add(subparsers, "asena", "an Alaris Asena pump", description, _make_asena)
    parser.add_argument("--serial-number", default="8002-51740", help="[8002-51740]")
    add_line_options(parser, alaris_asena.BAUD)
    return parser


def _make_asena(arguments: argparse.Namespace, now_s: float) -> Line:
    device = alaris_asena.running_pump(
        now_s, serial_number=arguments.serial_number, rate_ml_per_h=arguments.rate, started=not arguments.stopped
    )[1]
    return Line("Alaris Asena", device, arguments.link, arguments.baud)


def _add_orchestra(subparsers: Subparsers) -> argparse.ArgumentParser:
    description = "A Fresenius Orchestra base with one module, or a pump alone on its line."
    parser = _add(subparsers, "orchestra", "a Fresenius Orchestra base", description, _make_orchestra)
    parser.add_argument("--position", default="1", choices=[*"12345678"], help="of the module on the base [1]")
    parser.add_argument("--alone", action="store_true", help="a pump without a base")
    parser.add_argument("--drug", default="KETAMINE", help="what is in the syringe; the pump does not tell [KETAMINE]")
    add_line_options(parser, ORCHESTRA_BAUD)
    return parser


def _make_orchestra(arguments: argparse.Namespace, now_s: float) -> Line:
    address = fresenius_orchestra.ALONE if arguments.alone else arguments.position
    base = fresenius_orchestra.running_base(
        now_s, {address: arguments.rate}, drug=arguments.drug, started=not arguments.stopped
    )
    name = "Fresenius pump" if arguments.alone else f"Fresenius Orchestra, module {address}"
    return Line(name, base, arguments.link, arguments.baud, bits_per_character=_ORCHESTRA_BITS)


def _add_ne1000(subparsers: Subparsers) -> argparse.ArgumentParser:
    description = "A New Era NE-1000 syringe pump in its Basic mode: for laboratories and animals, never for patients."
    parser = _add(subparsers, "ne1000", "a New Era NE-1000 laboratory pump", description, _make_ne1000)
    add_line_options(parser, new_era_ne1000.BAUD)
    return parser


def _make_ne1000(arguments: argparse.Namespace, now_s: float) -> Line:
    pump = PumpModel(now_s=now_s)
    pump.set_rate(now_s, arguments.rate)
    if not arguments.stopped:
        pump.start(now_s)
    return Line("New Era NE-1000", new_era_ne1000.NewEraPump(pump), arguments.link, arguments.baud)


SUBCOMMANDS: tuple[Callable[[Subparsers], argparse.ArgumentParser], ...] = (
    *(_add_space, _add_asena),
    *(_add_orchestra, _add_ne1000),
)
