"""The subcommands that help to connect a device, and to find out what it said: probe, record, replay."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from edge.terminal import EXIT_OK, EXIT_STOPPED, progress, say

WEEK_S = 7 * 24 * 3600.0
"""No tool runs longer by itself."""


def add_line_tools(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them."""
    probe = commands.add_parser("probe", help="find which device answers on a port, with read-only questions")
    probe.add_argument("port", nargs="?", metavar="PORT", help="a device, or tcp://host:port (default: list the ports)")
    probe.add_argument("--driver", action="append", default=[], metavar="NAME", help="try only this one (repeatable)")
    probe.add_argument(
        "--timeout", type=_seconds, default=90.0, metavar="SECONDS", help="at most (default: %(default)g)"
    )
    probe.set_defaults(run=_probe)

    record = commands.add_parser("record", help="keep what a device and its driver say, with the times")
    record.add_argument("port", metavar="PORT", help="a device, or tcp://host:port")
    record.add_argument("--driver", required=True, metavar="NAME", help="the driver that speaks to it")
    record.add_argument("--baud", type=int, metavar="N", help="if the device is not set to its usual speed")
    record.add_argument("--out", type=Path, metavar="FILE", help="a new file (default: driver and time, here)")
    record.add_argument("--seconds", type=_seconds, metavar="N", help="end after so long (default: Ctrl-C)")
    record.set_defaults(run=_record)

    replay = commands.add_parser(
        "replay", help="run a recording through driver and core, and print what they make of it"
    )
    replay.add_argument("file", type=Path, metavar="FILE")
    replay.add_argument("--config", type=Path, metavar="FILE", help="with the bed and the limits of this configuration")
    replay.add_argument("--port", default="", metavar="NAME", help="as this port of the configuration")
    replay.set_defaults(run=_replay)


def _probe(options: argparse.Namespace) -> int:
    from edge.clock import Clock  # noqa: PLC0415 - only this command pays for these
    from edge.probe import EXIT_FOUND, list_ports, probe  # noqa: PLC0415

    if options.port is None:
        say(list_ports())
        return EXIT_OK
    status, text = _until_stopped(
        lambda: probe(options.port, options.driver, options.timeout, mono_s=Clock().mono_s, say=progress)
    )
    say(text, to_error=status != EXIT_FOUND)
    return status


def _record(options: argparse.Namespace) -> int:
    from edge.clock import Clock  # noqa: PLC0415 - only this command pays for these
    from edge.record import Wanted, record  # noqa: PLC0415

    wanted = Wanted(options.port, options.driver, options.baud, options.out, options.seconds)
    return record(wanted, Clock(), progress)


def _replay(options: argparse.Namespace) -> int:
    from edge.replay import replay  # noqa: PLC0415 - only this command pays for it

    return replay(options.file, options.config, options.port, say=say, complain=progress)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= WEEK_S:
        raise argparse.ArgumentTypeError("give seconds above 0, at most a week")
    return seconds


def _until_stopped(act: Callable[[], tuple[int, str]]) -> tuple[int, str]:
    try:
        return act()
    except KeyboardInterrupt:
        return EXIT_STOPPED, "stopped"
