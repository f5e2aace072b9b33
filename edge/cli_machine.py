"""The subcommands about the computer itself: its first configuration, what is wrong, its adapters, and its end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from edge.terminal import progress, say

CONFIG = Path("/etc/infusion-edge/edge.toml")
RUN_DIR = Path("/var/lib/infusion-edge")


def add_machine(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    control: Path,
    ask: Callable[[argparse.Namespace], int],
) -> None:
    """Add them; ``control`` is the usual control socket, and ``ask`` runs what is asked of the daemon through it."""
    ports = commands.add_parser("ports", help="list serial adapters, and print the udev rule that gives one a name")
    ports.add_argument("--device", metavar="DEVICE", help="the adapter that the rule is for")
    ports.add_argument("--name", metavar="NAME", help="how to call it: bed-1-pump for /dev/infusion/bed-1-pump")
    ports.set_defaults(run=_ports)

    _add_init(commands)
    doctor = commands.add_parser("doctor", help="look at everything that the service needs, and say what to do")
    doctor.add_argument("config", nargs="?", type=Path, default=CONFIG, metavar="FILE", help="default: %(default)s")
    doctor.add_argument("--run-dir", type=Path, default=RUN_DIR, help="where the store is (default: %(default)s)")
    doctor.add_argument(
        "--control", type=Path, default=control, metavar="PATH", help="the control socket (default: %(default)s)"
    )
    doctor.add_argument("--json", action="store_true", help="as JSON")
    doctor.set_defaults(run=_doctor)

    take = commands.add_parser(
        "take-config", help="say what the changed files change, and with a word have the next start take them"
    )
    take.add_argument("config", nargs="?", type=Path, default=CONFIG, metavar="FILE", help="default: %(default)s")
    take.add_argument("--run-dir", type=Path, default=RUN_DIR, help="where the store is (default: %(default)s)")
    take.add_argument("--with-patients", action="store_true", help="the word: also while a bed has a patient")
    take.set_defaults(run=_take_config)

    stop = commands.add_parser("stop", help="stop the service, unless a bed has a patient")
    stop.add_argument("--with-patients", action="store_true", help="also while a bed has a patient")
    stop.add_argument("--check", action="store_true", help="only say whether it may be stopped, by the exit status too")
    stop.add_argument(
        "--control", type=Path, default=control, metavar="PATH", help="the control socket (default: %(default)s)"
    )
    stop.set_defaults(run=ask, verb="stop")


def _add_init(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    first = commands.add_parser(
        "init", help="make the first configuration, by questions at a terminal or by these words"
    )
    first.add_argument(
        "folder", nargs="?", type=Path, default=CONFIG.parent, metavar="FOLDER", help="default: %(default)s"
    )
    first.add_argument("--site", default="", metavar="NAME", help="the site, as in MQTT topics")
    first.add_argument("--edge", default="", metavar="NAME", help="this computer (default: its host name)")
    for flag, shape, text in (
        ("--bed", "ID[=LABEL]", "a bed, and what nurses call it (repeatable)"),
        (
            "--device",
            "BED=DRIVER[.CHANNEL]@PORT",
            "a device at a bed; the driver probe asks it what it is (repeatable)",
        ),
        ("--station", "NAME", "a nursing station (repeatable; default: ward-desk)"),
    ):
        first.add_argument(flag, action="append", default=[], metavar=shape, help=text)
    first.add_argument("--broker", default="", metavar="HOST[:PORT]", help="default: 127.0.0.1:1883")
    first.add_argument("--mode", choices=("demo", "clinical"), default="demo", help="default: %(default)s")
    first.add_argument("--force", action="store_true", help="replace an edge.toml that is there, and keep it beside")
    first.add_argument("--run-dir", type=Path, default=RUN_DIR, help="where the store will be (default: %(default)s)")
    first.set_defaults(run=_init)


def _init(options: argparse.Namespace) -> int:
    from edge.clock import Clock  # noqa: PLC0415 - only this command pays for these
    from edge.init import EXIT_OK, Said, init  # noqa: PLC0415

    said = Said(
        options.folder,
        options.site,
        options.edge,
        tuple(options.bed),
        tuple(options.device),
        options.broker,
        tuple(options.station),
        options.mode,
        options.force,
        options.run_dir,
    )
    status, text = init(
        said, terminal=sys.stdin.isatty(), mono_s=Clock().mono_s, say=lambda words: print(words, flush=True)
    )
    print(text, file=sys.stdout if status == EXIT_OK else sys.stderr)
    return status


def _ports(options: argparse.Namespace) -> int:
    from edge.ports import EXIT_OK, EXIT_REFUSED, adapters, hint, report, rule  # noqa: PLC0415 - only it pays for these

    if (options.device is None) != (options.name is None):
        print("infusion-edge: a rule needs both --device and --name", file=sys.stderr)
        return EXIT_REFUSED
    if options.device is None:
        print(report(adapters()))
        return EXIT_OK
    status, text = rule(adapters(), options.device, options.name)
    print(text, file=sys.stdout if status == EXIT_OK else sys.stderr)
    if status == EXIT_OK:
        print(hint(options.name), file=sys.stderr)
    return status


def _doctor(options: argparse.Namespace) -> int:
    from edge.doctor import Asked, doctor  # noqa: PLC0415 - only this command pays for it

    asked = Asked(options.config, options.run_dir, options.control)
    status, text = doctor(asked, as_json=options.json, say=progress)
    say(text)
    return status


def _take_config(options: argparse.Namespace) -> int:
    from edge.doctor import credentials  # noqa: PLC0415 - only this command pays for these
    from edge.starting import take_config  # noqa: PLC0415

    with credentials() as environment:
        status, text = take_config(options.config, options.run_dir, environment, with_patients=options.with_patients)
    say(text, to_error=bool(status))
    return status
