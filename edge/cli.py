"""`infusion-edge`: run the daemon, check a configuration, look at the beds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

EXIT_OK = 0
EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h: systemd does not restart on it."""

EXIT_FAILED = 1


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
    top.set_defaults(run=_top)
    return parser


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", nargs="?", type=Path, default=Path("/etc/infusion-edge/edge.toml"), metavar="FILE")
    parser.add_argument(
        "--run-dir",
        type=Path,
        default=Path("/var/lib/infusion-edge"),
        help="where relative device paths and the store are (default: %(default)s)",
    )


def _check_config(options: argparse.Namespace) -> int:
    from edge.check_config import report  # noqa: PLC0415 - only this command pays for it

    status, text = report(options.config, options.run_dir)
    print(text, file=sys.stdout if status == EXIT_OK else sys.stderr)
    return status


def _run(options: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415 - only this command pays for these
    from dataclasses import replace  # noqa: PLC0415
    from random import SystemRandom  # noqa: PLC0415
    from secrets import token_hex  # noqa: PLC0415

    from edge import log  # noqa: PLC0415
    from edge.app import AlreadyRunningError, App, Surroundings  # noqa: PLC0415
    from edge.clock import Clock  # noqa: PLC0415
    from edge.config import ConfigError, load  # noqa: PLC0415
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
        await App(configuration, around).run()

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
    return asyncio.run(watch(host, port, site=options.site, duration_s=options.duration, screen=screen))


def _broker(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise SystemExit(f"--broker {text}: give HOST:PORT, such as 127.0.0.1:1883")
    return host, int(port)


if __name__ == "__main__":
    sys.exit(main())
