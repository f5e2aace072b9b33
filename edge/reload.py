"""Reload, on SIGHUP: read the files, and take them at a step's border, or say why they are not taken.

Laws:
  * The files are read and checked beside the loop: no alarm waits for a disk.
  * A configuration is taken whole or not at all; what is not taken is an alarm, in the log, in the journal and in the
    line of `systemctl status`, with the reason.
  * What is taken is journalled with everything that it changes, and kept as the last good copy.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from edge.black_box import BlackBox
from edge.changes import changes, need_restart
from edge.config import ConfigError, Configuration, in_short
from edge.control import Control
from edge.core.config import CoreConfig
from edge.core.reconfigure import Change
from edge.hearing import Hearing
from edge.keeper import Keeper, changes_of
from edge.lines import Lines
from edge.notify import Notifier
from edge.runtime import Runtime
from edge.sender import Sender
from edge.status_line import StatusLine
from edge.wire import Wire
from edge.worker import Worker

READ_LIMIT_S = 10.0
"""A card can stall for seconds; one that takes longer gives no files."""

TOLD_MAX = 100
"""So many changes stand in the journal one by one: a library that is exchanged has more, and its hash."""

MICROSECONDS = 1_000_000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a running edge that a configuration reaches."""

    runtime: Runtime
    lines: Lines
    wire: Wire
    hearing: Hearing
    black_box: BlackBox
    sender: Sender
    control: Control
    keeper: Keeper
    status: StatusLine


@dataclass(frozen=True, slots=True)
class Files:
    """Where a configuration comes from: ``load`` reads and checks it, ``keep`` keeps it as the last good copy."""

    load: Callable[[], Configuration]
    keep: Callable[[Configuration], None]


class Reload:
    """Waits for SIGHUP. ``in_force`` is the configuration that is in force."""

    def __init__(
        self,
        in_force: Configuration,
        parts: Parts,
        files: Files,
        *,
        notify: Notifier,
        mono_s: Callable[[], float],
    ) -> None:
        self.in_force = in_force
        self._parts = parts
        self._files = files
        self._notify = notify
        self._mono_s = mono_s
        self._wanted = asyncio.Event()
        self._refused = ""
        # Not the loop's threads: reloads from a disk that hangs would take them all, and with them the broker's.
        self._disk = Worker("configuration")

    async def run(self) -> None:
        """Reload whenever it is asked for, until cancelled; signals that come meanwhile are one more reload."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._wanted.set)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            self._notify.tell("RELOADING=1", f"MONOTONIC_USEC={round(self._mono_s() * MICROSECONDS)}")
            await self._once()
            self._notify.tell("READY=1")

    async def _once(self) -> None:
        try:
            wanted = await self._disk.ask(self._files.load, READ_LIMIT_S)
        except TimeoutError:
            self._refuse([f"the files cannot be read within {READ_LIMIT_S:g} s"])
            return
        except ConfigError as error:
            self._refuse(list(map(str, error.problems)))
            return
        except Exception as error:  # noqa: BLE001 - a fault in reading must not end the watching
            _log.exception("the files cannot be read")
            self._refuse([f"the files cannot be read: {error!r}"])
            return
        before = self.in_force
        restart = need_restart(before, wanted)
        if restart:
            how = "restart it when no bed has a patient (sudo systemctl restart infusion-edge)"
            self._refuse([f"{', '.join(restart)} can be changed by a restart alone, and nothing was changed: {how}"])
            return
        wanted = _asked_as_before(before, wanted)
        changed = changes(before, wanted)
        refused = self._parts.runtime.reconfigure(wanted.core, changed)
        if refused:
            self._refuse(refused)
            return
        await self._take(before, wanted)
        self._refused = ""
        self._note(before, wanted, changed)
        await self._keep_copy(wanted)

    async def _take(self, before: Configuration, wanted: Configuration) -> None:
        """Have all parts go on by what the core has taken. Nothing waits until no old line can speak any more."""
        parts, self.in_force = self._parts, wanted
        ending = parts.lines.end_others(wanted.ports, _rebound(before.core, wanted.core))
        parts.wire.require([station.station for station in wanted.core.stations if station.required])
        parts.hearing.know([station.station for station in wanted.core.stations])
        parts.black_box.change(wanted.ports)
        parts.runtime.step()
        beds = [bed.bed for bed in wanted.core.beds]
        for gone in {bed.bed for bed in before.core.beds}.difference(beds):
            for emptied in parts.wire.emptied(gone):
                parts.sender.publish(emptied)
                parts.control.published(emptied)
        parts.status.configured(beds, experimental(wanted))
        # A line is free for its next opening when it was closed.
        await asyncio.gather(*ending, return_exceptions=True)
        parts.lines.start(wanted.ports)

    def _refuse(self, reasons: Sequence[str]) -> None:
        why, parts = in_short(reasons), self._parts
        _log.warning("configuration not taken", reasons=list(reasons[:TOLD_MAX]))
        parts.runtime.refuse_configuration(why)
        parts.status.configured([bed.bed for bed in self.in_force.core.beds], experimental(self.in_force), why)
        if why != self._refused:  # else signals in a storm would push the year's story out of the journal
            parts.keeper.note("configuration refused", {"reason": why})
        self._refused = why

    def _note(self, before: Configuration, wanted: Configuration, changed: Sequence[Change]) -> None:
        texts = [change.text for change in changed]
        _log.info("configuration taken", changes=len(texts))
        if before.files == wanted.files and not texts:
            return
        was, now = (json.dumps(dict(one.sha256)) for one in (before, wanted))
        body = changes_of(was, dict(wanted.sha256))
        body |= {f"change.{number}": text for number, text in enumerate(texts[:TOLD_MAX], start=1)}
        if len(texts) > TOLD_MAX:
            body["changes_more"] = str(len(texts) - TOLD_MAX)
        self._parts.keeper.configured(now, body)

    async def _keep_copy(self, wanted: Configuration) -> None:
        try:
            await self._disk.ask(partial(self._files.keep, wanted), READ_LIMIT_S)
        except OSError as error:  # a TimeoutError is one
            _log.warning("the configuration is good and could not be kept for later", reason=str(error))


def experimental(configuration: Configuration) -> list[str]:
    """Name the drivers in use whose numbers nothing independent proves."""
    return sorted({port.driver.name for port in configuration.ports if port.driver.experimental})


def _asked_as_before(before: Configuration, wanted: Configuration) -> Configuration:
    """Return what is wanted; a port that stays is asked when it was before, wherever it stands in the file now."""
    running = {port.port: port for port in before.ports}
    ports = tuple(running[port.port] if running.get(port.port) == port else port for port in wanted.ports)
    moved = [port.asks_at_s for port in ports] != [port.asks_at_s for port in wanted.ports]
    return replace(wanted, ports=ports) if moved else wanted


def _rebound(before: CoreConfig, after: CoreConfig) -> frozenset[str]:
    """Name the lines of which a channel belongs to another bed, or to another device."""
    was, now = (
        {(one.port, one.channel): (bed.bed, one) for bed in config.beds for one in (*bed.pumps, *bed.monitors)}
        for config in (before, after)
    )
    return frozenset(place[0] for place in {*was, *now} if was.get(place) != now.get(place))
