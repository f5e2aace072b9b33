"""`infusion-edge top`: beds and alarms in a terminal, as they arrive from the broker.

It is a reader like any station: everything it shows came over MQTT, and what has not come is shown as unknown.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import ValidationError

from edge.clock import Clock
from edge.messages import ROOT, AlarmMessage, EventMessage, MetricMessage, RosterMessage, SnapshotMessage, Status
from edge.mqtt import ListenError, listen

LOST_AFTER_S = 10.0
"""An edge without a heartbeat for this long is lost, whatever its retained status says."""

REDRAW_S = 0.5
RETRY_S = 1.0
_MARKS = {"high": "!!!", "medium": "!! ", "low": "!  "}
_COLOURS = {"high": "\x1b[1;97;41m", "medium": "\x1b[1;30;43m", "low": "\x1b[30;46m"}
_PLAIN = "\x1b[0m"
_ORDER = ("high", "medium", "low")
_SHOWN = (
    ("heart_rate_per_min", "HR"),
    ("spo2_percent", "SpO2"),
    ("respiratory_rate_per_min", "RR"),
)


@dataclass(slots=True)
class EdgeView:
    """What was heard of one edge."""

    status: Status | None = None
    heard_at_s: float = 0.0
    labels: dict[str, str] = field(default_factory=dict)
    beds: dict[str, tuple[SnapshotMessage, float]] = field(default_factory=dict)
    alarms: dict[str, AlarmMessage] = field(default_factory=dict)


class Board:
    """All edges as they were heard; says what to print of each message."""

    def __init__(self, mono_s: Callable[[], float]) -> None:
        self._mono_s = mono_s
        self.edges: dict[str, EdgeView] = {}
        self.events = 0
        self.onsets: dict[str, int] = dict.fromkeys(_ORDER, 0)
        self.unreadable = 0

    def take(self, topic: str, payload: bytes) -> str:
        """Take up a message; return a line to print of it, or nothing."""
        levels = topic.split("/")
        edge_at = len(ROOT.split("/")) + 2
        if len(levels) <= edge_at + 1:
            return ""
        view = self.edges.setdefault("/".join((levels[2], levels[edge_at])), EdgeView())
        try:
            return self._take(view, topic, levels[edge_at + 1 :], payload)
        except ValidationError as error:
            self.unreadable += 1
            return f"    cannot read {topic}: {error.errors()[0]['msg']}"

    def _take(self, view: EdgeView, topic: str, rest: list[str], payload: bytes) -> str:
        if rest == ["status"]:
            view.status, view.heard_at_s = Status.read(payload), self._mono_s()
        elif rest == ["roster"]:
            view.labels = {bed.bed: bed.label for bed in RosterMessage.read(payload).beds}
        elif rest == ["event"]:
            return self._take_event(EventMessage.read(payload))
        elif rest[-1] == "snapshot" and payload:
            snapshot = SnapshotMessage.read(payload)
            view.beds[snapshot.bed] = (snapshot, self._mono_s())
        elif rest[-2:-1] == ["alarm"]:
            alarm = AlarmMessage.read(payload) if payload else None
            if alarm is not None and alarm.present:
                view.alarms[topic] = alarm
            else:
                view.alarms.pop(topic, None)
        return ""

    def _take_event(self, event: EventMessage) -> str:
        self.events += 1
        alarm = event.alarm
        if event.phase == "start":
            self.onsets[alarm.priority] += 1
        return f"{event.at.wall[11:19]}  {_MARKS[alarm.priority]} {event.phase:10} {alarm.text}"

    def screen(self, width: int) -> str:
        """Return the whole picture: a line a bed, then the alarms, the most urgent first."""
        if not self.edges:
            return "nothing heard yet"
        lines: list[str] = []
        for name, view in sorted(self.edges.items()):
            lines += [f"{name}: {self._state(view)}", ""]
            lines += [self._bed(view, bed) for bed in sorted({*view.labels, *view.beds})]
            lines.append("")
            alarms = sorted(view.alarms.values(), key=lambda alarm: (_ORDER.index(alarm.priority), alarm.onset.wall))
            lines += [self._alarm(alarm, width) for alarm in alarms]
            if not alarms:
                lines.append("no alarm is present" if view.status else "alarms unknown")
        return "\n".join(lines)

    def _state(self, view: EdgeView) -> str:
        if view.status is None:
            return "unknown"
        silent_s = self._mono_s() - view.heard_at_s
        if view.status.state == "running" and silent_s > LOST_AFTER_S:
            return f"LOST, silent for {silent_s:.0f} s"
        return {"running": "running", "stopped": "stopped", "lost": "LOST"}[view.status.state]

    def _bed(self, view: EdgeView, bed: str) -> str:
        label = view.labels.get(bed, bed)
        if bed not in view.beds:
            return f"  {label:8} no data"
        snapshot, heard_at_s = view.beds[bed]
        silent_s = self._mono_s() - heard_at_s
        if silent_s > snapshot.valid_for_s:
            return f"  {label:8} no data for {silent_s:.0f} s"
        metrics = {metric.name: metric for metric in snapshot.vital_signs}
        parts = [f"{title} {_shown(metrics.get(name))}" for name, title in _SHOWN]
        parts.append(f"BP {_shown(metrics.get('nibp_sys_mmhg'))}/{_shown(metrics.get('nibp_dia_mmhg'))}")
        for channel in snapshot.channels:
            dose = next((row for row in channel.metrics if row.name == "dose_rate_mg_per_kg_per_h"), None)
            parts.append(f"{channel.drug or 'no drug'} {_shown(dose)} mg/kg/h {channel.state}")
        return f"  {label:8} {'   '.join(parts)}"

    @staticmethod
    def _alarm(alarm: AlarmMessage, width: int) -> str:
        mark = "" if alarm.verifiable else " (not verifiable)"
        text = f"{_MARKS[alarm.priority]} {alarm.text}{mark} {alarm.action}"
        return f"{_COLOURS[alarm.priority]}{text[: max(width - 1, 20)]}{_PLAIN}"

    def summary(self) -> str:
        """Return what was seen, in a few lines."""
        present = [alarm for view in self.edges.values() for alarm in view.alarms.values()]
        counts = ", ".join(f"{self.onsets[priority]} {priority}" for priority in _ORDER)
        beds = sum(len(view.beds) for view in self.edges.values())
        heard = f"{len(self.edges)} edge, {beds} beds, {self.events} events"
        lines = [f"{heard}; alarms that began: {counts}; present now: {len(present)}"]
        lines += [f"  {_MARKS[alarm.priority]} {alarm.text}" for alarm in present]
        return "\n".join(lines)


def _shown(metric: MetricMessage | None) -> str:
    if metric is None or metric.value is None:
        return "--"
    mark = "" if metric.validity == "valid" else "?"
    return f"{metric.value.normalize():f}{mark}"


async def watch(host: str, port: int, *, site: str, duration_s: float | None, screen: bool) -> int:
    """Show until the time is over or Ctrl-C; return the exit status, 1 if the broker was never reached."""
    board = Board(Clock().mono_s)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks: list[asyncio.Task[object]] = [
        asyncio.create_task(stop.wait()),
        asyncio.create_task(_read(board, host, port, site, loud=not screen)),
    ]
    if screen:
        tasks.append(asyncio.create_task(_redraw(board)))
    done, running = await asyncio.wait(tasks, timeout=duration_s, return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for task in done:
        task.result()
    print(f"\n{board.summary()}" if board.edges else f"nothing was heard at {host}:{port}")
    return 0 if board.edges else 1


async def _read(board: Board, host: str, port: int, site: str, *, loud: bool) -> None:
    told = False
    while True:
        try:
            async for topic, payload in listen(host, port, f"{ROOT}/{site}/edge/+/#"):
                line = board.take(topic, payload)
                if line and loud:
                    print(line, flush=True)
                told = False
        except ListenError as error:
            if not told:
                print(f"{host}:{port}: {error}; trying again", file=sys.stderr)
            told = True
        await asyncio.sleep(RETRY_S)


async def _redraw(board: Board) -> None:
    while True:
        columns = shutil.get_terminal_size().columns
        print(f"\x1b[H\x1b[2J{board.screen(columns)}\n\nCtrl-C ends", flush=True)
        await asyncio.sleep(REDRAW_S)
