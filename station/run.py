"""Runs the station: the broker, the pages, systemd, and the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
from collections.abc import Iterator
from importlib.metadata import version

import structlog
import uvicorn

from station.app import Pages, Site
from station.clock import mono_s
from station.config import Configuration
from station.notify import Notifier
from station.service import Station, Surroundings

STOP_LIMIT_S = 3
"""How long open connections may take to end."""

START_LIMIT_S = 10.0
"""How long the page's port may take to be opened."""

LOOK_S = 0.01

CONNECTIONS_MAX = 512
"""Of all browsers together, several times what 64 pages need: beyond it somebody floods, and is turned away."""

_log = structlog.get_logger(__name__)


class PortError(Exception):
    """The page cannot be served there; the text says why."""


class _Server(uvicorn.Server):
    """The web server, without handlers of signals: ours end the broker's part in order too."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


async def run(configuration: Configuration, notify: Notifier) -> None:
    """Run until SIGTERM or SIGINT. Raises `PortError` if the page cannot be served."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    around = Surroundings(mono_s, secrets.token_hex(4), version("infusion-edge"))
    await serve(configuration, around, notify, stop)


async def serve(configuration: Configuration, around: Surroundings, notify: Notifier, stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set, then end in good order. Raises `PortError` if the page cannot be served."""
    page = configuration.page
    listener = _listener(page.host, page.port)
    station = Station(configuration.settings, configuration.broker, around)
    server = _Server(
        uvicorn.Config(
            Pages(station, Site(page.hosts, page.secure)).app(),
            ssl_certfile=page.certificate,
            ssl_keyfile=page.key,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=STOP_LIMIT_S,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="pages")
    await _started(server, serving)
    _log.info("pages_served", address=f"{'https' if page.secure else 'http'}://{page.host}:{page.port}/")
    notify.tell("READY=1")
    listening = asyncio.create_task(station.run(lambda: notify.tell("WATCHDOG=1")), name="station")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait([serving, listening, stopping], return_when=asyncio.FIRST_COMPLETED)
        notify.tell("STOPPING=1")
        await station.stop()
    finally:
        station.feed.close()
        server.should_exit = True
        stopping.cancel()
        failed = listening.done()
        listening.cancel()
        await asyncio.gather(serving, listening, stopping, return_exceptions=True)
    if failed:
        listening.result()


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise PortError(f"{host}:{port} cannot be opened: {os.strerror(error.errno or 0)}") from error


async def _started(server: _Server, serving: asyncio.Task[None]) -> None:
    """Wait until pages are served."""
    async with asyncio.timeout(START_LIMIT_S):
        while not server.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(LOOK_S)
