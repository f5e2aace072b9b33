"""What the subcommands of ``infusion-sim`` have in common: where a device is put, and how options are read."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from simulators.model import SimulatedDevice
from simulators.pty_server import BITS_PER_CHARACTER

if TYPE_CHECKING:
    # argparse has no public name for what add_subparsers returns.
    Subparsers: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - see above


class UsageError(Exception):
    """What was asked for cannot be done; the text says what to do instead."""


@dataclass(frozen=True, slots=True)
class Line:
    """One simulated device and where to put it: on a pty, or on a TCP port of the loopback.

    ``baud`` paces a pty at so many bits a character, ``None`` does not. ``unplugged_s``: from when to when, in seconds
    from the start, a pty's plug is out.
    """

    name: str
    device: SimulatedDevice
    link: Path | None = None
    baud: int | None = None
    tcp_port: int | None = None
    bits_per_character: int = BITS_PER_CHARACTER
    unplugged_s: tuple[float, float] | None = None


def add_line_options(parser: argparse.ArgumentParser, baud: int = 9600) -> None:
    """Add ``--link`` and ``--baud``, at first the device's own speed."""
    parser.add_argument("--link", type=Path, metavar="PATH", help="a link to be made to the pty")
    parser.add_argument(
        "--baud", type=whole(300, 921_600), default=baud, metavar="N", help=f"speed of the line [{baud}]"
    )


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return how to read a whole number within these bounds."""

    def convert(text: str) -> int:
        value = int(text) if text.isascii() and text.isdigit() else low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return value

    return convert


def number(low: float, high: float) -> Callable[[str], float]:
    """Return how to read a number within these bounds."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
        return value

    return convert


def decimal(text: str) -> Decimal:
    """Read a number that is not negative, with its digits as they are written."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number, such as 12.5")
    return value
