"""`infusion-edge`: run the daemon, check a configuration, look at the beds, act on alarms, tell an alarm's story."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

EXIT_OK = 0
EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h: systemd does not restart on it."""

EXIT_FAILED = 1

CONTROL = Path("/run/infusion-edge/control.sock")
"""Where the service has its control socket."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that is asked for, and return the exit status."""
    options = _parser().parse_args(arguments)
    run: int = options.run(options)
    return run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="infusion-edge",
        description="Watch infusion pumps and monitors at a bedside, and tell the nursing station over MQTT. "
        "Not a medical device: do not rely on this for alarms.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the daemon")
    _add_configuration(run)
    run.add_argument("--broker", metavar="HOST:PORT", help="use this broker instead of the configured one")
    run.add_argument(
        "--control",
        type=Path,
        metavar="PATH",
        help="the control socket (default: control.sock in systemd's runtime directory, or else in the run directory)",
    )
    run.add_argument("--plain-log", action="store_true", help="log for people instead of JSON")
    run.add_argument("--verbose", action="store_true", help="log details of the lines too")
    run.set_defaults(run=_run)

    check = commands.add_parser("check-config", help="check a configuration and show what would be watched")
    _add_configuration(check)
    check.set_defaults(run=_check_config)

    top = commands.add_parser("top", help="show beds and alarms as they arrive from the broker")
    top.add_argument("--broker", metavar="HOST:PORT", default="127.0.0.1:1883")
    top.add_argument("--site", default="+", help="only this site")
    top.add_argument("--duration", type=float, metavar="SECONDS", help="end after so long with a summary")
    top.add_argument("--lines", action="store_true", help="print a line an event instead of a screen")
    top.add_argument("--note", default="", metavar="TEXT", help="show this line beside it")
    top.set_defaults(run=_top)

    explain = commands.add_parser("explain", help="tell the story of an alarm from the store, now or a year later")
    explain.add_argument("occurrence", nargs="?", help="which one (default: list the latest)")
    _add_run_dir(explain, "where the store is")
    explain.add_argument("--store", type=Path, metavar="FILE", help="another store's file (default: edge.db there)")
    explain.set_defaults(run=_explain)
    _add_bedside(commands)
    return parser


def _add_bedside(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add what is asked of the running daemon through its control socket."""

    def add(verb: str, text: str) -> argparse.ArgumentParser:
        parser = commands.add_parser(verb, help=text)
        parser.add_argument(
            "--control", type=Path, default=CONTROL, metavar="PATH", help="the control socket (default: %(default)s)"
        )
        parser.set_defaults(run=_command, verb=verb)
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
    pause.add_argument("bed", nargs="?", default="", metavar="BED", help="one bed (default: all)")
    pause.add_argument("--seconds", type=float, default=120.0, metavar="N", help="at most 120 (default)")
    resume = add("resume", "end pauses")
    resume.add_argument("bed", nargs="?", default="", metavar="BED", help="one bed (default: all)")
    off = add("off-monitor", "the patient is off the monitor: silence its sensor alarms for a while")
    off.add_argument("bed", metavar="BED")
    off.add_argument("--minutes", type=float, default=15.0, metavar="N", help="at most 15 (default)")
    add("test-alarm", "raise a low alarm that says that it is a test, for half a minute")
    confirm = add("confirm-device", "the device that answers there belongs to that bed")
    for name in ("bed", "port", "channel", "serial_number"):
        confirm.add_argument(name, metavar=name.partition("_")[0].upper())


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", nargs="?", type=Path, default=Path("/etc/infusion-edge/edge.toml"), metavar="FILE")
    _add_run_dir(parser, "where relative device paths and the store are")


def _add_run_dir(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument(
        "--run-dir", type=Path, default=Path("/var/lib/infusion-edge"), help=f"{text} (default: %(default)s)"
    )


def _check_config(options: argparse.Namespace) -> int:
    from edge.check_config import report  # noqa: PLC0415 - only this command pays for it

    status, text = report(options.config, options.run_dir)
    print(text, file=sys.stdout if status == EXIT_OK else sys.stderr)
    return status


def _run(options: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415 - only this command pays for these
    import os  # noqa: PLC0415
    from dataclasses import replace  # noqa: PLC0415
    from random import SystemRandom  # noqa: PLC0415
    from secrets import token_hex  # noqa: PLC0415

    from edge import log  # noqa: PLC0415
    from edge.app import AlreadyRunningError, App, Surroundings  # noqa: PLC0415
    from edge.clock import Clock  # noqa: PLC0415
    from edge.config import ConfigError, load  # noqa: PLC0415
    from edge.control import path_of  # noqa: PLC0415
    from edge.notify import notifier  # noqa: PLC0415

    log.set_up(verbose=options.verbose, plain=options.plain_log)
    try:
        configuration = load(options.config, options.run_dir)
        if options.broker:
            host, port = _broker(options.broker)
            configuration = replace(configuration, broker=replace(configuration.broker, host=host, port=port))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_CONFIG
    for warning in configuration.warnings:
        print(f"warning: {warning}", file=sys.stderr)

    async def live() -> None:
        around = Surroundings(Clock(), token_hex(6), SystemRandom(), notifier())
        await App(configuration, around, path_of(options.control, options.run_dir, os.environ)).run()

    try:
        asyncio.run(live())
    except AlreadyRunningError as error:
        print(f"infusion-edge: {error}", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


def _top(options: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415 - only this command pays for it

    from edge.top import watch  # noqa: PLC0415

    host, port = _broker(options.broker)
    screen = sys.stdout.isatty() and not options.lines
    seconds = options.duration
    return asyncio.run(watch(host, port, site=options.site, duration_s=seconds, screen=screen, note=options.note))


def _explain(options: argparse.Namespace) -> int:
    from edge.explain import report  # noqa: PLC0415 - only this command pays for it

    status, text = report(options.store or options.run_dir / "edge.db", options.occurrence or "")
    _say(text, to_error=status != EXIT_OK)
    return status


def _command(options: argparse.Namespace) -> int:
    from edge.commands import EXIT_USAGE, carry_out  # noqa: PLC0415 - only these commands pay for it

    status, text = carry_out(options)
    _say(text, to_error=status == EXIT_USAGE)
    return status


def _say(text: str, *, to_error: bool) -> None:
    """Print what may have been written by a device, which must not steer the terminal."""
    shown = "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)
    print(shown, file=sys.stderr if to_error else sys.stdout)


def _broker(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise SystemExit(f"--broker {text}: give HOST:PORT, such as 127.0.0.1:1883")
    return host, int(port)


if __name__ == "__main__":
    sys.exit(main())
