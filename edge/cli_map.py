"""The subcommand `map`: a person goes through a bed after a device was swapped."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge.cli_bundle import CONFIG, RUN_DIR
from edge.terminal import EXIT_STOPPED, say


def add_map(commands: argparse._SubParsersAction[argparse.ArgumentParser], control: Path) -> None:
    """Add it; ``control`` is the usual control socket."""
    bed = commands.add_parser(
        "map", help="after a device was swapped: who answers, bind it, a test alarm, a sheet to sign"
    )
    bed.add_argument("bed", metavar="BED", help="the bed, or its label")
    bed.add_argument(
        "--sheet", type=Path, metavar="FILE", help="the acceptance sheet, a new HTML file (default: named here)"
    )
    bed.add_argument("--config", type=Path, default=CONFIG, metavar="FILE", help="default: %(default)s")
    bed.add_argument(
        "--run-dir",
        type=Path,
        default=RUN_DIR,
        metavar="FOLDER",
        help="where relative paths are (default: %(default)s)",
    )
    bed.add_argument(
        "--control", type=Path, default=control, metavar="PATH", help="the control socket (default: %(default)s)"
    )
    bed.set_defaults(run=_map)


def _map(options: argparse.Namespace) -> int:
    from threading import Event  # noqa: PLC0415 - only this command pays for these

    from edge.acceptance import EXIT_USAGE, MapError, Person, Wanted, map_bed  # noqa: PLC0415
    from edge.clock import Clock  # noqa: PLC0415
    from edge.doctor import Asked  # noqa: PLC0415

    if not sys.stdin.isatty():
        say("infusion-edge: map needs a person at a terminal, who reads the devices")
        return EXIT_USAGE
    wanted = Wanted(options.bed, Asked(options.config, options.run_dir, options.control), options.sheet)
    try:
        return map_bed(wanted, Person(say, input, Event().wait), Clock().now)
    except MapError as error:
        say(f"infusion-edge: {error}")
        return EXIT_USAGE
    except (KeyboardInterrupt, EOFError):
        say("stopped: what was bound stays bound, and no sheet was written")
        return EXIT_STOPPED
