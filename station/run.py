"""Runs the station: the broker, the pages, systemd, and the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import signal
import sys
from collections.abc import Iterator
from importlib.metadata import version

import structlog
import uvicorn

from station.app import Pages, Site
from station.clock import mono_s
from station.config import Configuration
from station.notify import Notifier
from station.service import Station, Surroundings

STOP_LIMIT_S = 3.0
"""How long open connections may take to end."""

START_LIMIT_S = 10.0
"""How long the page's port may take to be opened."""

EXIT_FAULT = 1

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
    page = configuration.page
    around = Surroundings(mono_s, secrets.token_hex(4), version("infusion-edge"))
    station = Station(configuration.settings, configuration.broker, around)
    app = Pages(station, Site(page.hosts, page.secure)).app()
    server = _Server(
        uvicorn.Config(
            app,
            host=page.host,
            port=page.port,
            ssl_certfile=page.certificate,
            ssl_keyfile=page.key,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(STOP_LIMIT_S),
        )
    )
    with _port(server):
        serving = asyncio.create_task(server.serve(), name="pages")
        await _started(server, serving, page.host, page.port)
        scheme = "https" if page.secure else "http"
        _log.info("pages_served", address=f"{scheme}://{page.host}:{page.port}/")
        notify.tell("READY=1")
        listening = asyncio.create_task(station.run(lambda: notify.tell("WATCHDOG=1")), name="station")
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([serving, listening, stopping], return_when=asyncio.FIRST_COMPLETED)
        notify.tell("STOPPING=1")
        await station.stop()
        server.should_exit = True
        stopping.cancel()
        failed = listening.done()
        listening.cancel()
        await asyncio.gather(serving, listening, return_exceptions=True)
        if failed:
            listening.result()


@contextlib.contextmanager
def _port(server: _Server) -> Iterator[None]:
    try:
        yield
    finally:
        server.should_exit = True


async def _started(server: _Server, serving: asyncio.Task[None], host: str, port: int) -> None:
    """Wait until the page's port is open."""
    async with asyncio.timeout(START_LIMIT_S):
        while not server.started:
            if serving.done():
                serving.result()
                raise PortError(f"{host}:{port} cannot be opened")
            await asyncio.sleep(0.01)


def set_up_log(*, plain: bool) -> None:
    """Set the log up once: JSON lines on standard error, or lines for people."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if plain else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
