"""The subcommands that look at alarms and act on them, through the control socket of the running daemon."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from edge.cli_therapy import add_therapy
from edge.terminal import say


def add_bedside(commands: argparse._SubParsersAction[argparse.ArgumentParser], control: Path) -> None:
    """Add them; ``control`` is the usual control socket."""

    def add(verb: str, text: str) -> argparse.ArgumentParser:
        parser = commands.add_parser(verb, help=text)
        parser.add_argument(
            "--control", type=Path, default=control, metavar="PATH", help="the control socket (default: %(default)s)"
        )
        parser.set_defaults(run=ask, verb=verb)
        return parser

    add("alarms", "show the alarms that stand").add_argument("--json", action="store_true", help="as JSON")
    for verb, text in (
        ("accept", "accept alarms: I go; this silences them for a while too"),
        ("acknowledge", "silence alarms for a while"),
        ("reset", "end latched alarms, whose cause is over"),
    ):
        named = add(verb, text)
        named.add_argument("names", nargs="*", metavar="ALARM", help="its key, or its occurrence")
        named.add_argument("--all", action="store_true", help="all that stand" if verb != "reset" else "all latched")
        if verb == "accept":
            named.add_argument("--only", action="store_true", help="accept, and do not silence")
    pause = add("pause", "silence what stands now for a while")
    pause.add_argument("bed", nargs="?", default="", metavar="BED", help="one bed, or its label (default: all)")
    pause.add_argument("--seconds", type=_from_1_to(120), default=120.0, metavar="N", help="at most 120 (default)")
    resume = add("resume", "end pauses")
    resume.add_argument("bed", nargs="?", default="", metavar="BED", help="one bed, or its label (default: all)")
    off = add("off-monitor", "the patient is off the monitor: silence its sensor alarms for a while")
    off.add_argument("bed", metavar="BED")
    off.add_argument("--minutes", type=_from_1_to(15), default=15.0, metavar="N", help="at most 15 (default)")
    service = add("service", "the devices of a bed are worked on: their alarms are shown, and call nobody")
    service.add_argument("bed", metavar="BED")
    service.add_argument("--minutes", type=_from_1_to(60), default=60.0, metavar="N", help="at most 60 (default)")
    service.add_argument("--end", action="store_true", help="the work is done")
    add_therapy(add)
    add("test-alarm", "raise a low alarm that says that it is a test, for half a minute")
    confirm = add("confirm-device", "the device that answers there belongs to that bed")
    for name in ("bed", "port", "channel", "serial_number"):
        confirm.add_argument(name, metavar=name.partition("_")[0].upper())


def _from_1_to(most: int) -> Callable[[str], float]:
    """Return what reads a number of units; more than the most is asked for too, and cut by the edge."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not 1 <= number < math.inf:
            raise argparse.ArgumentTypeError(f"a number from 1 to {most}, which {text} is not")
        return number

    return read


def ask(options: argparse.Namespace) -> int:
    """Ask the daemon for what was typed, print its answer, and return the exit status."""
    from edge.commands import EXIT_USAGE, carry_out  # noqa: PLC0415 - only these commands pay for it

    status, text = carry_out(options)
    say(text, to_error=status == EXIT_USAGE)
    return status
