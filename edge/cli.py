"""`infusion-edge`: run the daemon, check a configuration, look at beds, act on alarms, tell their story, try a line."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli_bedside import add_bedside, ask
from edge.cli_bundle import add_bundle
from edge.cli_line import add_line_tools
from edge.cli_machine import add_machine
from edge.cli_map import add_map
from edge.terminal import EXIT_CONFIG, EXIT_FAILED, EXIT_OK, progress, say

if TYPE_CHECKING:
    from edge.mqtt import Login


CONTROL = Path("/run/infusion-edge/control.sock")
"""Where the service has its control socket."""

WARNINGS_MAX = 50
"""So many are told at a start: a file of a megabyte can have 200,000, and each restart would tell them again."""

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


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and no other command needs it

        say(f"{parser.prog} {version('infusion-edge')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="infusion-edge",
        description="Watch infusion pumps and monitors at a bedside, and tell the nursing station over MQTT. "
        "Not a medical device: do not rely on this for alarms.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="say which version this is, and end")
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
    add_bedside(commands, CONTROL)
    add_line_tools(commands)
    add_machine(commands, CONTROL, ask)
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
    of_before = files.add_mutually_exclusive_group()
    of_before.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="new certificates for who is named, and in with who is new; all others stay as they are in FOLDER, which "
        "has the broker's passwords and acl; with --authority",
    )
    of_before.add_argument(
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


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", nargs="?", type=Path, default=Path("/etc/infusion-edge/edge.toml"), metavar="FILE")
    _add_run_dir(parser, "where relative device paths and the store are")


def _add_run_dir(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument(
        "--run-dir", type=Path, default=Path("/var/lib/infusion-edge"), help=f"{text} (default: %(default)s)"
    )


def _check_config(options: argparse.Namespace) -> int:
    from edge.check_config import report  # noqa: PLC0415 - only this command pays for these
    from edge.doctor import credentials  # noqa: PLC0415

    with credentials() as environment:
        status, text = report(options.config, options.run_dir, environment)
    print(text, file=sys.stdout if status == EXIT_OK else sys.stderr)
    return status


def _run(options: argparse.Namespace) -> int:
    # What a start makes stays: looking for garbage in it costs a sixteenth of the imports. On again when it is ready.
    gc.disable()
    # It would end a start that nobody listens in yet; it waits for the reload that hears it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
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
    from edge.starting import forget_word, offer  # noqa: PLC0415
    from edge.worker import Worker  # noqa: PLC0415

    def at(found: Configuration) -> Configuration:
        return at_broker(found, *_broker(options.broker)) if options.broker else found

    log.set_up(verbose=options.verbose, plain=options.plain_log)
    try:
        configuration = at(load_or_last_good(options.config, options.run_dir))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_CONFIG
    _warn(configuration.warnings)

    def keep_copy(good: Configuration) -> None:
        keep(good.files, options.run_dir)
        forget_word(options.run_dir)

    def keep_first() -> None:
        try:
            keep_copy(configuration)
        except OSError as error:
            print(f"warning: the configuration is good and could not be kept for later: {error}", file=sys.stderr)

    files = Files(lambda: at(load(options.config, options.run_dir)), keep_copy)

    async def live() -> None:
        around = Surroundings(Clock(), token_hex(6), SystemRandom(), notifier())
        control = path_of(options.control, options.run_dir, os.environ)
        # Not the socket's: a small computer's /run is a small part of its memory, and nothing grows there.
        offered = offer(options.config, options.run_dir, configuration, at)
        app = App(offered, around, control, files, (options.run_dir,))
        if not app.choice.configuration.core.invalid:
            Worker("good copy").do(keep_first)  # a disk that hangs must not hold up the start
        await app.run()

    try:
        asyncio.run(live())
    except AlreadyRunningError as error:
        print(f"infusion-edge: {error}", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


def _warn(warnings: Sequence[object]) -> None:
    for warning in warnings[:WARNINGS_MAX]:
        print(f"warning: {warning}", file=sys.stderr)
    if len(warnings) > WARNINGS_MAX:
        more = len(warnings) - WARNINGS_MAX
        print(f"warning: and {more} more; infusion-edge check-config tells them all", file=sys.stderr)


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
    say(text, to_error=status != EXIT_OK)
    return status


def _library(options: argparse.Namespace) -> int:
    from edge import library  # noqa: PLC0415 - only this command pays for it

    if options.verb == "check":
        status, text = library.check(options.file)
    elif options.verb == "show":
        status, text = library.show(options.file, options.drug)
    else:
        status, text = library.diff(options.old, options.new)
    say(text, to_error=status != EXIT_OK)
    return status


def _broker_files(options: argparse.Namespace) -> int:
    from edge.broker_authority import BrokerFilesError  # noqa: PLC0415 - only this command pays
    from edge.broker_files import Ward, extend, renew, write  # noqa: PLC0415
    from edge.clock import Clock  # noqa: PLC0415

    ward = Ward(options.site, tuple(options.edge), tuple(options.station), tuple(options.host))
    try:
        wall_s = Clock().now().wall_s
        if (broker := options.renew or options.keep) is None:
            text = write(options.folder, ward, options.days, wall_s, options.authority)
        else:
            make = renew if options.renew else extend
            text = make(options.folder, ward, options.days, wall_s, authority=options.authority, broker=broker)
    except BrokerFilesError as error:
        say(f"infusion-edge: {error}", to_error=True)
        return EXIT_FAILED
    say(text)
    return EXIT_OK


def _journal(options: argparse.Namespace) -> int:
    from edge.journal import export, verify  # noqa: PLC0415 - only this command pays for it

    path = options.store or options.run_dir / "edge.db"
    if options.act == "export":
        return export(path, options.format, sys.stdout.write, progress)
    status, text = verify(path, options.head or "", progress)
    say(text)
    return status


def _broker(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise SystemExit(f"--broker {text}: give HOST:PORT, such as 127.0.0.1:1883")
    return host, int(port)


if __name__ == "__main__":
    sys.exit(main())
