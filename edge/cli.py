"""`infusion-edge`: run the daemon, check a configuration, look at beds, act on alarms, tell their story, try a line."""

from __future__ import annotations

import argparse
import gc
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli_bundle import add_bundle
from edge.cli_machine import add_machine
from edge.cli_map import add_map
from edge.cli_therapy import add_therapy

if TYPE_CHECKING:
    from edge.mqtt import Login

EXIT_OK = 0
EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h: systemd does not restart on it."""

EXIT_FAILED = 1
WEEK_S = 7 * 24 * 3600.0
"""No tool runs longer by itself."""

EXIT_STOPPED = 130
"""By Ctrl-C, as shells count it."""

CONTROL = Path("/run/infusion-edge/control.sock")
"""Where the service has its control socket."""


LIBRARY = Path("/etc/infusion-edge/drugs.toml")
"""Where a site has its drug library."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that is asked for, and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        if options.run is _run:
            raise
        # Whoever read has enough, as `head` has. What is left must go somewhere when the interpreter flushes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    return status


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
    broker = top.add_mutually_exclusive_group()
    broker.add_argument("--broker", metavar="HOST:PORT", default="127.0.0.1:1883")
    broker.add_argument("--config", type=Path, metavar="FILE", help="a file with [broker]: where, and how to log in")
    top.add_argument("--site", default="+", help="only this site")
    top.add_argument("--duration", type=float, metavar="SECONDS", help="end after so long with a summary")
    top.add_argument("--lines", action="store_true", help="print a line an event instead of a screen")
    top.add_argument("--note", default="", metavar="TEXT", help="show this below it, as it is")
    top.set_defaults(run=_top)

    explain = commands.add_parser("explain", help="tell the story of an alarm from the store, now or a year later")
    explain.add_argument(
        "alarm", nargs="?", metavar="ALARM", help="its occurrence, or the latest of a key (default: list)"
    )
    _add_run_dir(explain, "where the store is")
    explain.add_argument("--store", type=Path, metavar="FILE", help="another store's file (default: edge.db there)")
    explain.set_defaults(run=_explain)
    _add_journal(commands)
    _add_library(commands)
    _add_broker_files(commands)
    _add_bedside(commands)
    _add_line_tools(commands)
    add_machine(commands, CONTROL, _command)
    add_bundle(commands)
    add_map(commands, CONTROL)
    return parser


def _add_library(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    library = commands.add_parser("library", help="check, show or compare drug libraries")
    verbs = library.add_subparsers(required=True, metavar="VERB")
    check = verbs.add_parser("check", help="every error with its remedy, or what is in it")
    check.add_argument("file", nargs="?", type=Path, default=LIBRARY, metavar="FILE", help="default: %(default)s")
    check.set_defaults(run=_library, verb="check")
    show = verbs.add_parser("show", help="everything that an entry says, and its content hash")
    show.add_argument("drug", nargs="?", default="", metavar="DRUG", help="one entry (default: all)")
    show.add_argument("--file", type=Path, default=LIBRARY, metavar="FILE", help="default: %(default)s")
    show.set_defaults(run=_library, verb="show")
    diff = verbs.add_parser("diff", help="which limit a new library makes laxer, and which stricter")
    diff.add_argument("old", type=Path, metavar="OLD")
    diff.add_argument("new", type=Path, metavar="NEW")
    diff.set_defaults(run=_library, verb="diff")


def _add_broker_files(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    files = commands.add_parser(
        "broker-files", help="write passwords, certificates and the access list for a ward's broker, edges and stations"
    )
    files.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder")
    files.add_argument("--site", required=True, metavar="NAME", help="as in edge.toml")
    for name, text in (
        ("edge", "an edge, as in its edge.toml"),
        ("station", "a station, as in edge.toml"),
        ("host", "a name or an address under which the broker is reached"),
    ):
        files.add_argument(f"--{name}", action="append", default=[], metavar="NAME", help=f"{text} (repeatable)")
    files.add_argument(
        "--days", type=int, default=397, metavar="N", help="how long certificates are valid (default: %(default)s)"
    )
    files.add_argument("--authority", type=Path, metavar="FOLDER", help="use the authority made before (authority/)")
    files.add_argument(
        "--renew",
        type=Path,
        metavar="FOLDER",
        help="new ones for these edges and stations alone, whose old ones the broker then refuses; FOLDER has the "
        "broker's passwords; with --authority",
    )
    files.set_defaults(run=_broker_files)


def _add_journal(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    journal = commands.add_parser("journal", help="check the chain of the journal, or write all of it out")
    journal.add_argument("act", choices=("verify", "export"), help="check the chain, or print every row")
    journal.add_argument(
        "--head", metavar="HASH", help="verify: a head that was published earlier, [ROW:]HASH, must be in the chain"
    )
    journal.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="export (default: %(default)s)")
    _add_run_dir(journal, "where the store is")
    journal.add_argument("--store", type=Path, metavar="FILE", help="another store's file (default: edge.db there)")
    journal.set_defaults(run=_journal)


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


def _add_line_tools(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add what helps to connect a device, and to find out what it said."""
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
    # What a start makes stays: looking for garbage in it costs a sixteenth of the imports. On again when it is ready.
    gc.disable()
    import asyncio  # noqa: PLC0415 - only this command pays for these
    from random import SystemRandom  # noqa: PLC0415
    from secrets import token_hex  # noqa: PLC0415

    from edge import log  # noqa: PLC0415
    from edge.app import App, Surroundings  # noqa: PLC0415
    from edge.clock import Clock  # noqa: PLC0415
    from edge.config import ConfigError, Configuration, at_broker, load, load_or_last_good  # noqa: PLC0415
    from edge.control import path_of  # noqa: PLC0415
    from edge.good_copy import keep  # noqa: PLC0415
    from edge.lock import AlreadyRunningError  # noqa: PLC0415
    from edge.notify import notifier  # noqa: PLC0415
    from edge.reload import Files  # noqa: PLC0415
    from edge.worker import Worker  # noqa: PLC0415

    def at(found: Configuration) -> Configuration:
        return at_broker(found, *_broker(options.broker)) if options.broker else found

    log.set_up(verbose=options.verbose, plain=options.plain_log)
    try:
        configuration = at(load_or_last_good(options.config, options.run_dir))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_CONFIG
    for warning in configuration.warnings:
        print(f"warning: {warning}", file=sys.stderr)

    def keep_copy() -> None:
        try:
            keep(configuration.files, options.run_dir)
        except OSError as error:
            print(f"warning: the configuration is good and could not be kept for later: {error}", file=sys.stderr)

    if not configuration.core.invalid:
        Worker("good copy").do(keep_copy)  # a disk that hangs must not hold up the start
    files = Files(lambda: at(load(options.config, options.run_dir)), lambda good: keep(good.files, options.run_dir))

    async def live() -> None:
        around = Surroundings(Clock(), token_hex(6), SystemRandom(), notifier())
        control = path_of(options.control, options.run_dir, os.environ)
        # Not the socket's: a small computer's /run is a small part of its memory, and nothing grows there.
        await App(configuration, around, control, files, (options.run_dir,)).run()

    try:
        asyncio.run(live())
    except AlreadyRunningError as error:
        print(f"infusion-edge: {error}", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


def _top(options: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415 - only this command pays for it

    from edge.top import watch  # noqa: PLC0415

    host, port, log_in = _how_to_look(options)
    screen = sys.stdout.isatty() and not options.lines
    seconds = options.duration
    return asyncio.run(
        watch(host, port, site=options.site, duration_s=seconds, screen=screen, note=options.note, log_in=log_in)
    )


def _how_to_look(options: argparse.Namespace) -> tuple[str, int, Callable[[], Login]]:
    """Return where the broker is, and what tells the login. Ends the program if the file cannot be used."""
    from edge.mqtt import Login  # noqa: PLC0415 - only this command pays for it

    if options.config is None:
        return *_broker(options.broker), Login
    from edge.clock import Clock  # noqa: PLC0415
    from edge.config import ConfigError, load_broker  # noqa: PLC0415
    from edge.login import BrokerLogin  # noqa: PLC0415
    from edge.tls import CertificateTime  # noqa: PLC0415

    try:
        broker = load_broker(options.config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise SystemExit(EXIT_CONFIG) from None
    return broker.host, broker.port, BrokerLogin(broker, CertificateTime(Clock().now))


def _explain(options: argparse.Namespace) -> int:
    from edge.explain import report  # noqa: PLC0415 - only this command pays for it

    status, text = report(options.store or options.run_dir / "edge.db", options.alarm or "")
    _say(text, to_error=status != EXIT_OK)
    return status


def _library(options: argparse.Namespace) -> int:
    from edge import library  # noqa: PLC0415 - only this command pays for it

    if options.verb == "check":
        status, text = library.check(options.file)
    elif options.verb == "show":
        status, text = library.show(options.file, options.drug)
    else:
        status, text = library.diff(options.old, options.new)
    _say(text, to_error=status != EXIT_OK)
    return status


def _broker_files(options: argparse.Namespace) -> int:
    from edge.broker_files import BrokerFilesError, Ward, renew, write  # noqa: PLC0415 - only this command pays
    from edge.clock import Clock  # noqa: PLC0415

    ward = Ward(options.site, tuple(options.edge), tuple(options.station), tuple(options.host))
    try:
        wall_s = Clock().now().wall_s
        if options.renew is None:
            text = write(options.folder, ward, options.days, wall_s, options.authority)
        else:
            of = {"authority": options.authority, "broker": options.renew}
            text = renew(options.folder, ward, options.days, wall_s, **of)
    except BrokerFilesError as error:
        _say(f"infusion-edge: {error}", to_error=True)
        return EXIT_FAILED
    _say(text, to_error=False)
    return EXIT_OK


def _journal(options: argparse.Namespace) -> int:
    from edge.journal import export, verify  # noqa: PLC0415 - only this command pays for it

    path = options.store or options.run_dir / "edge.db"
    if options.act == "export":
        return export(path, options.format, sys.stdout.write, _progress)
    status, text = verify(path, options.head or "", _progress)
    _say(text, to_error=False)
    return status


def _command(options: argparse.Namespace) -> int:
    from edge.commands import EXIT_USAGE, carry_out  # noqa: PLC0415 - only these commands pay for it

    status, text = carry_out(options)
    _say(text, to_error=status == EXIT_USAGE)
    return status


def _probe(options: argparse.Namespace) -> int:
    from edge.clock import Clock  # noqa: PLC0415 - only this command pays for these
    from edge.probe import EXIT_FOUND, list_ports, probe  # noqa: PLC0415

    if options.port is None:
        _say(list_ports(), to_error=False)
        return EXIT_OK
    status, text = _until_stopped(
        lambda: probe(options.port, options.driver, options.timeout, mono_s=Clock().mono_s, say=_progress)
    )
    _say(text, to_error=status != EXIT_FOUND)
    return status


def _record(options: argparse.Namespace) -> int:
    from edge.clock import Clock  # noqa: PLC0415 - only this command pays for these
    from edge.record import Wanted, record  # noqa: PLC0415

    wanted = Wanted(options.port, options.driver, options.baud, options.out, options.seconds)
    return record(wanted, Clock(), _progress)


def _replay(options: argparse.Namespace) -> int:
    from edge.replay import replay  # noqa: PLC0415 - only this command pays for it

    return replay(
        options.file, options.config, options.port, say=lambda text: _say(text, to_error=False), complain=_progress
    )


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


def _progress(text: str) -> None:
    _say(text, to_error=True)


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
