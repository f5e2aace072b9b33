"""The subcommands that make a spare computer this edge: `bundle export` and `bundle import`."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.terminal import EXIT_FAILED, EXIT_OK, say

CONFIG = Path("/etc/infusion-edge/edge.toml")
RUN_DIR = Path("/var/lib/infusion-edge")
CREDSTORE = Path("/etc/credstore")


def add_bundle(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them."""
    bundle = commands.add_parser("bundle", help="make a spare computer this edge: export here, import there")
    verbs = bundle.add_subparsers(required=True, metavar="VERB")
    out = verbs.add_parser(
        "export", help="write configuration, library and treatments into one file, without credentials"
    )
    out.add_argument("file", type=Path, metavar="FILE", help="a new file")
    out.add_argument("--without-state", action="store_true", help="the configuration alone")
    into = verbs.add_parser("import", help="make this computer the edge of a bundle")
    into.add_argument("file", type=Path, metavar="FILE")
    into.add_argument(
        "--credentials", type=Path, metavar="FOLDER", help="the new ones: edge-NAME/ of broker-files --renew"
    )
    into.add_argument(
        "--treatments",
        choices=("take", "leave"),
        help="take: the patients of the bundle are at these beds still, what they were given is not known; "
        "leave: the beds are empty",
    )
    into.add_argument("--force", action="store_true", help="set aside what is here already")
    into.add_argument(
        "--credstore",
        type=Path,
        default=CREDSTORE,
        metavar="FOLDER",
        help="systemd's credentials (default: %(default)s)",
    )
    for parser, run in ((out, _export), (into, _import)):
        parser.add_argument("--config", type=Path, default=CONFIG, metavar="FILE", help="default: %(default)s")
        parser.add_argument(
            "--run-dir", type=Path, default=RUN_DIR, metavar="FOLDER", help="where the store is (default: %(default)s)"
        )
        parser.set_defaults(run=run)


def _export(options: argparse.Namespace) -> int:
    from edge.bundle import export  # noqa: PLC0415 - only these commands pay for it
    from edge.bundle_file import BundleError  # noqa: PLC0415
    from edge.clock import Clock  # noqa: PLC0415
    from edge.doctor import credentials  # noqa: PLC0415

    try:
        with_state, now = not options.without_state, Clock().now()
        with credentials() as environment:
            place = (options.config, options.run_dir, options.file)
            said = export(*place, now, with_state=with_state, environment=environment)
    except BundleError as error:
        return _told(EXIT_FAILED, f"infusion-edge: {error}")
    return _told(EXIT_OK, said)


def _import(options: argparse.Namespace) -> int:
    from secrets import token_hex  # noqa: PLC0415 - only these commands pay for it

    from edge.bundle import Target, Treatments, bring_in  # noqa: PLC0415
    from edge.bundle_file import BundleError  # noqa: PLC0415
    from edge.clock import Clock  # noqa: PLC0415

    target = Target(
        options.config,
        options.run_dir,
        options.credstore,
        options.credentials,
        Treatments(options.treatments or Treatments.UNSAID),
        options.force,
    )
    try:
        said = bring_in(options.file, target, Clock().now(), token_hex(3))
    except BundleError as error:
        return _told(EXIT_FAILED, f"infusion-edge: {error}")
    return _told(EXIT_OK, said)


def _told(status: int, text: str) -> int:
    say(text, to_error=status != EXIT_OK)
    return status
