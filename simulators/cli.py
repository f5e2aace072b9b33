"""The command ``infusion-sim``: simulated devices on ptys, for demonstrations and for tests of the whole chain.

A subcommand is two functions: ``_add_<name>`` puts its options into the parser and names its runner, ``_run_<name>``
builds the devices and hands them to ``serve``. ``SUBCOMMANDS`` lists them; the pumps are in ``cli_pumps``, the monitors
in ``cli_monitors``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from simulators import cli_monitors, cli_pumps, scenario, scenario_edge, scenario_run, ward
from simulators.cli_parts import Line, UsageError, add_line_options, number
from simulators.player import Player
from simulators.pty_server import PtyServer
from simulators.scenario_model import Scenario
from simulators.scenario_reader import ScenarioError
from simulators.tcp_server import TcpServer

if TYPE_CHECKING:
    from simulators.cli_parts import Subparsers

RECORDING_LIMIT_BYTES = 64 * 1024 * 1024
"""Eighteen hours of a full 9600 baud line; a larger file was hardly meant, and would sit in memory."""

EXIT_USAGE = 2
WARD_BAUD = 9600


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand until it is interrupted or terminated. Returns the exit code: 0, or 2 for a bad request."""
    parser = argparse.ArgumentParser(prog="infusion-sim", description="Simulated bedside devices on pseudo-terminals.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in SUBCOMMANDS:
        add(subparsers)
    for add_pump in cli_pumps.SUBCOMMANDS:
        add_pump(subparsers).set_defaults(run=_run_pump)
    for add_monitor in cli_monitors.SUBCOMMANDS:
        add_monitor(subparsers).set_defaults(run=_run_monitor)
    arguments = parser.parse_args(argv)
    run: Callable[[argparse.Namespace], int | None] = arguments.run
    try:
        return run(arguments) or 0
    except UsageError as error:
        print(f"infusion-sim: {error}", file=sys.stderr)
        return EXIT_USAGE


def serve(lines: Callable[[float], Sequence[Line]]) -> None:
    """Make the devices as of now, put them on ptys, print where they are, and stay until SIGINT or SIGTERM.

    Raises ``UsageError`` if a pty or a link cannot be made.
    """
    asyncio.run(serve_async(lines))


async def serve_async(lines: Callable[[float], Sequence[Line]]) -> None:
    """Do the same inside a running loop."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for stopping in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stopping, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        for line in lines(loop.time()):
            try:
                place = await _put(line, stack, loop.time)
            except OSError as error:
                raise UsageError(
                    f"cannot put {line.name} at {line.tcp_port or line.link or 'a pty'}: {error}. "
                    "Choose a --link that is free, in a directory that exists and can be written, or a free --tcp"
                ) from error
            print(f"{line.name}: {place}", flush=True)
        await stop.wait()


async def _put(line: Line, stack: contextlib.AsyncExitStack, clock: Callable[[], float]) -> str:
    """Put a device on its pty or port until the stack ends; return where it is."""
    if line.tcp_port is not None:
        server = TcpServer(line.device, clock)
        await server.start(line.tcp_port)
        stack.push_async_callback(server.close)
        return server.address
    # The loop's own clock is time.monotonic: what is due, and the waiting for it, use the same one.
    plug = partial(PtyServer, line.device, line.link, clock, line.baud, line.bits_per_character)
    pty = stack.enter_context(plug())
    if line.unplugged_s is not None:
        loop, (out_s, in_s) = asyncio.get_running_loop(), line.unplugged_s
        loop.call_later(out_s, pty.close)
        loop.call_later(in_s, lambda: stack.enter_context(plug()))
    return str(pty.path) if line.link is None else f"{pty.path} (link {line.link})"


def _add_play(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "play", help="play recorded bytes", description="Play recorded bytes; afterwards the line stays open, silent."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="raw bytes as a device sent them")
    parser.add_argument("--loop", action="store_true", help="begin again at the end")
    add_line_options(parser)
    parser.set_defaults(run=_run_play)


def _run_play(arguments: argparse.Namespace) -> None:
    recording = _recording(arguments.file)
    player = Player(recording, baud=arguments.baud, loop=arguments.loop)
    what = f"{player.messages} whole messages of an Ivy 450C"
    if not player.messages:
        what = f"no message of a known device, so played at {arguments.baud} baud"
    then = "again and again" if arguments.loop else "then silence"
    name = f"{arguments.file.name} ({len(recording)} bytes, {what}, {player.duration_s:.1f} s, {then} until Ctrl-C)"
    serve(lambda _: [Line(name, player, arguments.link, arguments.baud)])


def _recording(file: Path) -> bytes:
    try:
        if file.stat().st_size > RECORDING_LIMIT_BYTES:
            raise UsageError(f"{file} is larger than {RECORDING_LIMIT_BYTES} bytes; cut out the part to be played")
        recording = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}. Name a readable file of recorded bytes") from error
    if not recording:
        raise UsageError(f"{file} is empty; name a file of recorded bytes")
    return recording


def _run_monitor(arguments: argparse.Namespace) -> None:
    make: Callable[[argparse.Namespace], Line] = arguments.make
    line = make(arguments)
    serve(lambda _: [line])


def _run_pump(arguments: argparse.Namespace) -> None:
    serve(lambda now_s: [cli_pumps.make(arguments, now_s)])


def _add_ward(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "ward", help="the devices of the demonstration", description="Four beds, each with a pump and a monitor."
    )
    parser.add_argument("--dir", type=Path, default=Path(), help="where the links to the ptys are made [.]")
    parser.add_argument("--capture", type=Path, metavar="FILE", help="play recorded bytes as the monitor of bed 1")
    parser.set_defaults(run=_run_ward)


def _run_ward(arguments: argparse.Namespace) -> None:
    recording = None if arguments.capture is None else _recording(arguments.capture)
    serve(
        lambda now_s: [
            Line(name, device, arguments.dir / name, WARD_BAUD, unplugged_s=ward.unplugged(name))
            for name, device in ward.devices(now_s, recording).items()
        ]
    )


def _add_demo(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "demo",
        help="the whole chain: broker, devices, daemon, and what arrives",
        description="Start a broker on loopback, the devices of four beds and the daemon, and show what arrives.",
    )
    parser.add_argument("--config", type=Path, default=Path("config/demo.toml"), help="[config/demo.toml]")
    parser.add_argument("--duration", type=number(1.0, 86400.0), metavar="S", help="end after so many seconds")
    parser.add_argument("--capture", type=Path, metavar="FILE", help="play recorded bytes as the monitor of bed 1")
    parser.add_argument("--lines", action="store_true", help="a line an event instead of a screen")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs, and say where it is")
    parser.set_defaults(run=_run_demo)


def _run_demo(arguments: argparse.Namespace) -> int:
    from simulators import demo  # noqa: PLC0415 - only this command starts processes

    if arguments.capture is not None:
        _recording(arguments.capture)
    if not arguments.config.is_file():
        raise UsageError(f"{arguments.config} is not there; run this in the project's folder, or name a --config")
    return demo.run(
        demo.Wishes(arguments.config, arguments.duration, arguments.capture, lines=arguments.lines, keep=arguments.keep)
    )


def _add_list(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("list", help="the scenarios that are shipped", description="List the scenarios.")
    parser.set_defaults(run=_run_list)


def _run_list(_arguments: argparse.Namespace) -> None:
    names = scenario.names()
    width = max(map(len, names))
    for name in names:
        print(f"{name:{width}}  {_scenario(name).title}")


def _add_describe(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "describe", help="a scenario in plain words", description="Tell who is there and what happens when."
    )
    parser.add_argument("scenario", metavar="NAME|FILE", help="one of infusion-sim list, or a file of your own")
    parser.set_defaults(run=_run_describe)


def _run_describe(arguments: argparse.Namespace) -> None:
    for line in scenario.describe(_scenario(arguments.scenario)):
        print(line)


def _add_run(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "run",
        help="a scenario on ptys",
        description="Put the devices of a scenario on ptys and let happen what happens in it.",
    )
    parser.add_argument("scenario", metavar="NAME|FILE", help="one of infusion-sim list, or a file of your own")
    parser.add_argument("--dir", type=Path, default=Path(), help="where the links to the ptys are made [.]")
    parser.add_argument("--duration", type=number(0.1, 604_800.0), metavar="S", help="end after so many seconds")
    parser.add_argument("--speed", type=number(0.1, 1000.0), metavar="X", help="so many times faster than life")
    parser.add_argument("--edge-config", type=Path, metavar="OUT", help="write a configuration for infusion-edge")
    parser.add_argument(
        "--template",
        type=Path,
        default=Path("config/edge.toml"),
        metavar="FILE",
        help="whose limits, drugs and broker it has [config/edge.toml]",
    )
    parser.add_argument(
        "--desk-files",
        type=Path,
        metavar="FOLDER",
        help=f"of infusion-edge broker-files for station-{scenario_edge.DESK}, where the broker wants a login",
    )
    parser.set_defaults(run=_run_scenario)


def _run_scenario(arguments: argparse.Namespace) -> None:
    told = _scenario(arguments.scenario)
    speed: float = told.speed if arguments.speed is None else arguments.speed
    say = partial(print, flush=True)
    say(f"{told.name}: {told.title} ({scenario.duration(told.duration_s)}, {speed:g} times as fast as life)")
    desk = None
    if arguments.edge_config is not None:
        try:
            scenario_edge.write(told, arguments.edge_config, arguments.template, arguments.dir)
            desk = scenario_edge.desk(told, arguments.template, arguments.desk_files)
        except scenario_edge.EdgeConfigError as error:
            raise UsageError(str(error)) from error
        say(f"to watch it: infusion-edge run {arguments.edge_config} --run-dir {arguments.dir}")
    if desk is None and scenario_edge.asks(told):
        say("what people ask is told, and asked of nobody: that needs --edge-config, and --desk-files for a login")
    try:
        scenario_run.run(told, arguments.dir, say, speed=speed, duration_s=arguments.duration, desk=desk)
    except OSError as error:
        raise UsageError(f"no port for a device: {error}. Choose a --dir that exists and can be written") from error


def _scenario(name_or_file: str) -> Scenario:
    try:
        return scenario.load(name_or_file)
    except ScenarioError as error:
        raise UsageError(str(error)) from error


SUBCOMMANDS: tuple[Callable[[Subparsers], None], ...] = (
    *(_add_demo, _add_play, _add_ward),
    *(_add_list, _add_describe, _add_run),
)

if __name__ == "__main__":
    sys.exit(main())
