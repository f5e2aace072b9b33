"""`infusion-station`: run the nursing station, check its configuration, add a user."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h: systemd does not restart on it."""

EXTRA = frozenset({"jinja2", "sse_starlette", "starlette", "uvicorn"})
"""What the station needs and a bedside computer does not."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that is asked for, and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        print(f"{error.name} is not installed: pip install 'infusion-edge[station]'", file=sys.stderr)
        return EXIT_FAILED
    return status


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and no other command needs it

        print(f"{parser.prog} {version('infusion-edge')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="infusion-station",
        description="The nursing station: one page of all beds of a ward, for many screens. "
        "Not a medical device: do not rely on this for alarms.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="say which version this is, and end")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="serve the ward's page")
    _add_configuration(run)
    run.add_argument("--broker", metavar="HOST:PORT", help="use this broker instead of the configured one")
    run.add_argument("--port", type=int, metavar="PORT", help="serve the page on this port instead")
    run.add_argument("--plain-log", action="store_true", help="log for people instead of JSON")
    run.set_defaults(run=_run)
    check = commands.add_parser("check-config", help="check a configuration and show what would be served")
    _add_configuration(check)
    check.set_defaults(run=_check)
    user = commands.add_parser("user", help="add a name tile to the configuration").add_subparsers(
        required=True, metavar="ACT"
    )
    add = user.add_parser("add", help="ask for a PIN, and write the user into the configuration")
    _add_configuration(add)
    add.add_argument("id", metavar="ID", help="an identifier: it goes into journals")
    add.add_argument("--name", required=True, help="what the tile says")
    add.add_argument("--role", required=True, choices=("viewer", "technician", "nurse", "prescriber"))
    add.set_defaults(run=_add_user)
    return parser


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the station's file, such as config/station.toml")


def _run(options: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415 - only this command pays for these
    from dataclasses import replace  # noqa: PLC0415

    from station import log  # noqa: PLC0415
    from station.config import ConfigError, load  # noqa: PLC0415
    from station.notify import Notifier  # noqa: PLC0415
    from station.run import PortError, run  # noqa: PLC0415

    try:
        configuration = load(options.config, os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_CONFIG
    if options.broker is not None:
        host, _, port = options.broker.rpartition(":")
        if not host or not port.isdecimal():
            print(f"--broker: {options.broker} is not HOST:PORT", file=sys.stderr)
            return EXIT_CONFIG
        configuration = replace(configuration, broker=replace(configuration.broker, host=host, port=int(port)))
    if options.port is not None:
        configuration = replace(configuration, page=replace(configuration.page, port=options.port))
    log.set_up(plain=options.plain_log)
    for warning in configuration.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    try:
        asyncio.run(run(configuration, Notifier(os.environ)))
    except PortError as error:
        print(f"{error}; choose another page.port, or end what has it", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


def _check(options: argparse.Namespace) -> int:
    from station.config import ConfigError, load  # noqa: PLC0415

    try:
        found = load(options.config, os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_CONFIG
    for warning in found.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    settings, page = found.settings, found.page
    scheme = "https" if page.secure else "http"
    print(f"{settings.label}: station {settings.station} of site {settings.site}, {settings.language}")
    print(f"broker {found.broker.host}:{found.broker.port}")
    print(f"page {scheme}://{page.host}:{page.port}/, reached as {', '.join(sorted(page.hosts))}")
    print(f"edges expected: {', '.join(settings.edges)}")
    print(f"alarms and observations without login: {'yes, attended' if settings.attended else 'no'}")
    print(f"users: {', '.join(f'{user.user} ({user.role})' for user in settings.users) or 'none'}")
    return EXIT_OK


def _add_user(options: argparse.Namespace) -> int:
    from station.add_user import AddUserError, add  # noqa: PLC0415

    try:
        add(options.config, options.id, options.name, options.role)
    except AddUserError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    print(f"{options.id} was added to {options.config}; it counts when the station is started anew")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
