"""The daemon: put the parts together, run them, and end in good order."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import structlog

from drivers.reconnect import Backoff
from edge import bodies
from edge.adoption import Adoption
from edge.annunciator import Annunciator
from edge.black_box import FOLDER as BLACK_BOX
from edge.black_box import BlackBox
from edge.certificates import CertificateWatch
from edge.clock import Clock, boot_id, rfc3339
from edge.config import Configuration
from edge.config_ports import PortRuntime
from edge.control import Control
from edge.core.config import LOCAL
from edge.core.effects import Annunciate
from edge.core.engine import Core
from edge.core.inputs import AlarmTaken, BrokerLink, NameTaken, PublishAccepted, PublishRefused, Request, StoreRead
from edge.core.model import Instant, Phase, Priority
from edge.device import DeviceTask, Sink
from edge.disks import DiskWatch
from edge.hearing import Hearing, another_run, run_of
from edge.history import Here, History
from edge.inbox import Inbox
from edge.keeper import Keeper, changes_of
from edge.lines import Lines
from edge.lock import Claim
from edge.login import BrokerLogin
from edge.messages.topics import Topics
from edge.mqtt import BrokerSettings, Heard
from edge.notify import Notifier, Watchdog
from edge.outgoing import AlarmRevision, Lane, Outgoing
from edge.reload import TOLD_MAX, Files, Parts, Reload, experimental
from edge.runtime import Runtime
from edge.sender import Ears, Sender
from edge.starting import Choice, Offer, choose
from edge.status_line import StatusLine
from edge.store import Head, NewerFileError, Omitted, Run, Sent, Store, StoredState
from edge.taken_over import addressed, core_state, found_later, last_known_s
from edge.tls import CertificateTime
from edge.trends import Trends
from edge.wire import Wire

STOP_LIMIT_S = 3.0
"""How long a clean end may take to send and to store what waits."""

FAULT_LIMIT_S = 3.0
"""After a fault the other parts have this long to end by themselves."""

EXIT_FAULT = 1

SLOW_ANSWERS = 20
"""So many answers that wait for the broker: a page of history more would push out what somebody did."""

BEGINS = frozenset({Phase.START, Phase.ESCALATE, Phase.RETURN})
"""Changes by which a high alarm begins, and the black box is written."""

CONFIGURATION = "configuration"
"""The station that an order in the configuration comes from."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the process is given from outside: its clocks, its identity, chance, and systemd."""

    clock: Clock
    run: str
    random: Random
    notify: Notifier


class App:
    """One run of the edge; ``folders`` are those that it writes to, beside that of the store.

    ``choice`` says which configuration it took.
    """

    def __init__(
        self,
        offer: Offer,
        surroundings: Surroundings,
        control_path: Path,
        files: Files,
        folders: Sequence[Path] = (),
    ) -> None:
        self._around = surroundings
        self._boot = boot_id(os.environ)
        self._taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._inbox = Inbox()
        loop = asyncio.get_running_loop()
        self._store = self._make_store()
        stored, self.choice = self._begin(offer)
        self._configuration = configuration = self.choice.configuration
        self._topics = Topics(configuration.core.site, configuration.core.edge)
        self._trends = Trends()
        self._history = History(
            self._trends, configuration.store_path, here=self._here, deliver=loop.call_soon_threadsafe
        )
        self._black_box = BlackBox(
            configuration.store_path.with_name(BLACK_BOX),
            configuration.ports,
            ports_of=self._ports_of,
            on_written=lambda written: self._keeper.note("black box", asdict(written)),
            deliver=loop.call_soon_threadsafe,
        )
        self._control = Control(
            surroundings.run,
            mono_s=surroundings.clock.mono_s,
            put=self._inbox.put,
            look_back=partial(self._history.ask, LOCAL.station),
            configuration=lambda: dict(self._reload.in_force.sha256),
        )
        self._control_path = control_path
        self._annunciator = self._make_annunciator()
        self._status = StatusLine(surroundings.notify, lambda: self._sender.events_waiting)
        self._watchdog = Watchdog(surroundings.notify, surroundings.clock.mono_s)
        self._disks = DiskWatch(
            configuration.store_path.parent,
            [configuration.store_path.with_name(BLACK_BOX), *folders],
            surroundings.clock.mono_s,
            self._inbox.put,
            loop.call_soon_threadsafe,
        )
        self._adoption = Adoption(self._topics, self._inbox.put, stored.ended)
        self._wire = self._make_wire(stored)
        self._time = CertificateTime(surroundings.clock.now, last_known_s(stored))
        self._login = BrokerLogin(configuration.broker, self._time)
        self._certificates = CertificateWatch(
            configuration.broker.tls, self._login, self._time, surroundings.clock.mono_s, self._inbox.put
        )
        self._hearing = Hearing(
            [station.station for station in configuration.core.stations],
            surroundings.clock.mono_s,
            self._inbox.put,
            self._look_back,
        )
        self._is_first = stored == StoredState()
        self._sender = self._make_sender(stored)
        self._runtime = self._make_runtime(stored)
        self._keeper = Keeper(surroundings.run, surroundings.clock, self._store, self._publish_head)
        self._tell_start(stored)
        self._sender.add_events(addressed(stored.outbox, self._topics))
        self._tasks = asyncio.TaskGroup()
        self._lines = Lines(
            self._inbox, self._watchdog, surroundings.clock.mono_s, make=self._device, spawn=self._spawn
        )
        self._reload = self._make_reload(files)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; a fault of a part that must not fail ends the run with its error."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        self._place_orders()
        async with self._tasks as tasks:
            sending = self._spawn(self._sender.run(), "sender")
            others = [self._spawn(self._runtime.run(), "core")]
            others.append(self._spawn(self._keeper.run(), "keeper"))
            others.append(self._spawn(self._certificates.run(), "certificates"))
            others.append(self._spawn(self._reload.run(), "reload"))
            others.append(self._spawn(self._disks.run(), "disks"))
            others.append(self._spawn(_wait_for(self._taken), "store"))
            others.append(tasks.create_task(self._control.run(self._control_path), name="control"))
            self._lines.start(self._configuration.ports)
            if self._annunciator is not None:
                others.append(tasks.create_task(self._annunciator.run(), name="bedside"))
            await stop.wait()
            self._around.notify.tell("STOPPING=1")
            _log.info("stopping")
            others += self._lines.tasks
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            stopped = self._wire.stopped(self._around.clock.now())
            await self._sender.drain_and_stop(stopped, STOP_LIMIT_S)
            await sending
        self._keeper.end()
        await asyncio.to_thread(self._store.close, STOP_LIMIT_S)

    # --- making the parts ----------------------------------------------------------------------------------------

    def _make_store(self) -> Store:
        return Store(self._stored, asyncio.get_running_loop().call_soon_threadsafe, self._read_late)

    def _begin(self, offer: Offer) -> tuple[StoredState, Choice]:
        """Open the store, and choose the configuration by who is watched."""
        stored = self._open_store(offer.first)
        now = self._around.clock.now()
        choice = choose(offer, stored, run=self._around.run, boot=self._boot, now=now)
        if choice.refused:
            _log.warning("configuration not taken", reasons=list(choice.refused[:TOLD_MAX]))
        elif choice.by_word:
            _log.warning("configuration taken by a person's word", reasons=list(choice.by_word[:TOLD_MAX]))
        if choice.configuration.store_path != offer.first.store_path:
            self._store.close(STOP_LIMIT_S)
            self._store = self._make_store()
            stored = self._open_store(choice.configuration)
        return stored, choice

    def _open_store(self, by: Configuration) -> StoredState:
        now = self._around.clock.now()
        path = by.store_path
        configuration = json.dumps(dict(by.sha256))
        run = Run(self._around.run, self._boot, rfc3339(now.wall_s), configuration)
        try:
            stored = self._store.open(path, run, Claim(path).take)
        except NewerFileError as error:
            # Watching without a memory is better than not watching: an alarm says so.
            stored = StoredState(fault=str(error), unread=True)
        if stored.set_aside:
            _log.error("the store was damaged and was set aside", file=stored.set_aside)
        if stored.gone:
            _log.error("the store is gone, and a new one is begun", file=str(path))
        if stored.fault:
            _log.error("the store cannot be used", reason=stored.fault)
        return stored

    def _read_late(self, found: StoredState | Exception) -> None:
        """Take up what was kept, although the run went on without it; or end, if the store is another's."""
        if isinstance(found, NewerFileError):
            _log.error("the store cannot be used", reason=str(found))
        elif isinstance(found, Exception):
            self._taken.set_exception(found)
        else:
            _log.warning("the store can be read now", alarms=len(found.alarms), set_aside=found.set_aside)
            self._adoption.learn(found.ended)
            self._time.learn(last_known_s(found))
            self._wire.continue_run(found.previous_run, found.previous_event_seq)
            self._keeper.note("store read", {"previous_run": found.previous_run, "set_aside": found.set_aside or ""})
            self._sender.add_events(addressed(found.outbox, self._topics))
            edge, now = self._configuration.core.edge, self._around.clock.now()
            for item in found_later(edge, found, self._boot, now):
                self._inbox.put(item)

    def _heard_of_before(self, payload: bytes) -> None:
        """Hear from the broker that this edge ran before: a store that knows nothing of it is not the one it had."""
        is_first, self._is_first = self._is_first, False
        run = run_of(payload)
        if is_first and run not in ("", self._around.run):
            _log.error("the broker knows a run before, and the store does not: its disk is not there", run=run)
            edge = self._configuration.core.edge
            self._inbox.put(StoreRead(self._around.clock.mono_s(), (), (edge,)))

    def _tell_start(self, stored: StoredState) -> None:
        """Have the journal keep which program began, by which configuration, and why not by another."""
        start = {
            "version": version("infusion-edge"),
            "boot": self._boot,
            "previous_run": stored.previous_run,
            "store_set_aside": stored.set_aside or "",
        }
        self._keeper.begin([("start", start)])
        now = dict(self._configuration.sha256)
        body = changes_of(stored.previous_configuration, now) | self.choice.told()
        self._keeper.configured(json.dumps(now), body)
        if self.choice.refused:
            self._keeper.note("configuration refused", {"reason": self._configuration.core.invalid})

    def _make_wire(self, stored: StoredState) -> Wire:
        core = self._configuration.core
        return Wire(
            self._topics,
            run=self._around.run,
            edge=core.edge,
            version=version("infusion-edge"),
            previous_run=stored.previous_run,
            previous_event_seq=stored.previous_event_seq,
            stations_required=[station.station for station in core.stations if station.required],
            outbox_depth=lambda: self._sender.events_waiting,
            disk_free_mb=self._disks.free_mb,
        )

    def _make_sender(self, stored: StoredState) -> Sender:
        broker, core = self._configuration.broker, self._configuration.core
        settings = BrokerSettings(
            host=broker.host,
            port=broker.port,
            client_id=f"infusion-edge-{core.site}-{core.edge}",
            login=self._login,
        )
        mono_s = self._around.clock.mono_s
        return Sender(
            settings,
            will=lambda: self._wire.will(self._around.clock.now()),
            backoff=Backoff(self._around.random),
            mono_s=mono_s,
            on_link=self._broker_link,
            on_refused=lambda topic, reason: self._inbox.put(PublishRefused(mono_s(), topic, reason)),
            on_accepted=lambda topic: self._inbox.put(PublishAccepted(mono_s(), topic)),
            on_event_sent=self._event_sent,
            ears=self._make_ears(stored),
            on_omitted=self._omitted,
            omitted_topic=self._topics.omitted,
        )

    def _make_ears(self, stored: StoredState) -> Ears:
        topics = self._topics
        return Ears(
            own_alarms=(topics.alarm("", "+"), topics.alarm("+", "+")),
            fence=self._wire.fence,
            on_found=self._found,
            asked=(topics.request("+", "+"), topics.receipt("+")),
            on_asked=self._hearing.hear,
            own_status=topics.status,
            another=partial(another_run, own=(self._around.run, stored.previous_run)),
            on_name_taken=lambda detail: self._inbox.put(NameTaken(self._around.clock.mono_s(), detail)),
            on_kept_status=self._heard_of_before,
            on_taken=self._alarm_taken,
        )

    def _make_runtime(self, stored: StoredState) -> Runtime:
        core = self._configuration.core
        state = core_state(core, self._around.run, self._boot, self._around.clock.now(), stored)
        return Runtime(
            Core(core, state),
            self._inbox,
            run=self._around.run,
            boot=self._boot,
            clock=self._around.clock,
            wire=self._wire,
            sender=self._sender,
            store=self._store,
            watchdog=self._watchdog,
            control=self._control,
            on_first_step=self._ready,
            bedside=self._annunciator,
            on_noise=self._noise,
            trends=self._trends,
            on_published=self._status.published,
        )

    def _make_annunciator(self) -> Annunciator | None:
        settings, core = self._configuration.annunciator, self._configuration.core
        if settings is None:
            return None
        return Annunciator(
            settings,
            site=core.site,
            edge=core.edge,
            run=self._around.run,
            mono_s=self._around.clock.mono_s,
            put=self._inbox.put,
        )

    def _make_reload(self, files: Files) -> Reload:
        parts = Parts(
            self._runtime,
            self._lines,
            self._wire,
            self._hearing,
            self._black_box,
            self._sender,
            self._control,
            self._keeper,
            self._status,
        )
        around = self._around
        return Reload(self._configuration, parts, files, notify=around.notify, mono_s=around.clock.mono_s)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return self._tasks.create_task(_or_end(work), name=name)

    def _device(self, port: PortRuntime, sink: Sink) -> DeviceTask:
        return DeviceTask(
            port,
            sink,
            mono_s=self._around.clock.mono_s,
            backoff=Backoff(self._around.random),
            watchdog=self._watchdog,
            tape=self._black_box.tapes[port.port],
        )

    def _ports_of(self, bed: str) -> set[str]:
        beds = (one for one in self._reload.in_force.core.beds if one.bed == bed)
        return {binding.port for one in beds for binding in (*one.pumps, *one.monitors)}

    # --- what the parts say ----------------------------------------------------------------------------------------

    def _place_orders(self) -> None:
        for number, act in enumerate(self._configuration.orders):
            now_s = self._around.clock.mono_s()
            self._inbox.put(Request(f"{self._around.run}-order-{number}", CONFIGURATION, now_s, act))

    def _ready(self) -> None:
        beds = [bed.bed for bed in self._configuration.core.beds]
        if unproved := experimental(self._configuration):
            _log.warning("experimental drivers: nothing independent proves their numbers", drivers=unproved)
        refused = self._configuration.core.invalid
        self._around.notify.tell("READY=1", self._status.begin(beds, unproved, refused))
        # What was made up to here lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.enable()
        threading.Thread(target=bodies.make_ready, name="bodies", daemon=True).start()
        _log.info("watching", run=self._around.run, beds=len(beds), ports=len(self._configuration.ports))

    def _broker_link(self, connected: bool, detail: str) -> None:  # noqa: FBT001 - the sender's callback
        self._inbox.put(BrokerLink(self._around.clock.mono_s(), connected, detail))
        self._status.broker(connected=connected, detail=detail)

    def _stored(self, mark: int, committed: bool, detail: str) -> None:  # noqa: FBT001 - the store's callback
        self._runtime.stored(mark, committed, detail)
        self._keeper.stored(mark, committed=committed)

    def _noise(self, effect: Annunciate, mark: int) -> None:
        if effect.alarm.priority is not Priority.HIGH:
            return
        self._keeper.high_alarm(mark)
        if effect.phase in BEGINS:
            self._black_box.keep(effect.alarm, self._around.clock.now())

    def _publish_head(self, head: Head, at: Instant) -> None:
        self._sender.publish(self._wire.journal_head(head.number, head.hash, at))

    def _alarm_taken(self, taken: AlarmRevision) -> None:
        now_s = self._around.clock.mono_s()
        self._inbox.put(AlarmTaken(now_s, taken.key, taken.occurrence, taken.rev))

    def _found(self, retained: Sequence[Heard]) -> None:
        """Adopt what only the broker still knew, in a step of its own: an index that lacks it would end it."""
        self._adoption.take(retained, self._around.clock.mono_s(), self._sender)
        self._runtime.step()

    def _look_back(self, station: str, heard: Heard, *, known: bool) -> None:
        refusal = ""
        if not known:
            refusal = f"the edge's configuration does not name the station {station}"
        elif heard.retained:
            refusal = "a retained message is no request: ask without retain"
        elif self._sender.answers_waiting >= SLOW_ANSWERS:
            refusal = "the answers before are still on their way: ask more slowly"
        topic = self._topics.history(station)

        def reply(page: bytes) -> None:
            self._sender.say(Outgoing(topic, page, Lane.RESPONSE, retain=False))

        self._history.ask(station, heard.payload, reply, refusal)

    def _here(self) -> Here:
        return Here(self._around.run, self._boot, self._around.clock.now())

    def _omitted(self, omitted: Omitted) -> None:
        self._store.submit(omitted)
        self._keeper.note("events omitted", {"run": omitted.notice.run, "said": omitted.notice.payload.decode()})

    def _event_sent(self, run: str, event_seq: int) -> None:
        self._store.submit(Sent(run, event_seq))


async def _wait_for(ending: asyncio.Future[None]) -> None:
    await ending


async def _or_end(work: Coroutine[Any, Any, None]) -> None:
    """Do the work of a part that must not fail; if it does, the process ends, whatever else hangs (H-16)."""
    try:
        await work
    except Exception:
        _log.exception("a part failed; the process ends")
        asyncio.get_running_loop().call_later(FAULT_LIMIT_S, os._exit, EXIT_FAULT)
        raise
