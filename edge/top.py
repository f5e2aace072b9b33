"""`infusion-edge top`: beds and alarms in a terminal, as they arrive from the broker.

It is a reader like any station: everything it shows came over MQTT. "No alarm" needs proof; without it the alarms are
unknown (law 4), and what is not live is marked as last known (H-11). Ages come from the edge's own ``mono_s``.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from pydantic import ValidationError

from edge.clock import Clock
from edge.core.dose_units import away_from_safe
from edge.core.model import Instant, Side
from edge.heard import LOST, ORDER, EdgeView
from edge.messages.alarms import AlarmMessage
from edge.messages.base import ROOT, Stamp
from edge.messages.events import EventMessage
from edge.messages.states import ChannelMessage, MetricMessage, SnapshotMessage
from edge.messages.therapy import TherapyMessage
from edge.mqtt import ListenError, Login, listen
from edge.paused import told

REDRAW_S = 0.5
RETRY_S = 1.0
WIDTH_MIN = 20
ROWS_MIN = 5
PICTURE_ROWS_MIN = 2
"""Of a window that the note fills, one row has to say that there is more."""

_MARKS = {"high": "!!!", "medium": "!! ", "low": "!  "}
_COLOURS = {"high": "\x1b[1;97;41m", "medium": "\x1b[1;30;43m", "low": "\x1b[30;46m"}
_DIM = "\x1b[2m"
_PLAIN = "\x1b[0m"
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""The terminal's alternate screen without a cursor, and back to what was there before."""

_HUNDREDTH = Decimal("0.01")
DOSE_SHOWN_MAX = Decimal(10**9)
"""Beyond it a dose is nonsense and stands as it was sent: to round a number of any length costs memory, or fails."""

_HELD = "\xa0"
_MORE = " ..."
_VITAL_SIGNS = (
    *("heart_rate_per_min", "spo2_percent", "respiratory_rate_per_min"),
    *("nibp_sys_mmhg", "nibp_dia_mmhg", "nibp_mean_mmhg"),
)
_VALUE_AND_UNIT = re.compile(r"(?<=\d) (?=mg|mmHg|mL|/min|%|h\b|min\b|s\b)")
_STATES = {"unknown": "state unknown", "kvo": "keeps the vein open"}
_CAUTION = "not a medical device; do not rely on this for alarms"
_LEGEND = (
    "!!! high   !! medium   ! low priority   ? measured at an unknown time or doubtful   "
    "> < beyond what can be measured   -- no value"
)


class Board:
    """All edges as they were heard; says what to print.

    The caller's ``note`` ends the screen as it is given, since it may be there to be copied: it is never wrapped nor
    left out.
    """

    def __init__(self, now: Callable[[], Instant], note: str = "") -> None:
        self._now = now
        self.note = note
        self.edges: dict[str, EdgeView] = {}
        self.therapies: dict[str, dict[str, TherapyMessage]] = {}
        self.events = 0
        self.onsets: dict[str, int] = dict.fromkeys(ORDER, 0)
        self.unreadable = 0
        self.fault = ""

    def take(self, topic: str, payload: bytes) -> str:
        """Take up a message; return a line to print of it, or nothing."""
        self.fault = ""
        levels = topic.split("/")
        edge_at = len(ROOT.split("/")) + 2
        if len(levels) <= edge_at + 1:
            return ""
        site, edge, rest = levels[edge_at - 2], levels[edge_at], levels[edge_at + 1 :]
        view = self.edges.setdefault(f"{site}/{edge}", EdgeView(f"{edge} at {site}"))
        try:
            if rest == ["event"]:
                return self._take_event(EventMessage.read(payload))
            if rest[2:] == ["therapy"] and payload:
                therapy = TherapyMessage.read(payload)
                self.therapies.setdefault(view.name, {})[therapy.bed] = therapy
            view.take(rest, payload, self._now().mono_s)
        except ValidationError as error:
            self.unreadable += 1
            return _clean(f"    cannot read {topic}: {error.errors()[0]['msg']}")
        return ""

    def _take_event(self, event: EventMessage) -> str:
        self.events += 1
        alarm = event.alarm
        if event.phase == "start":
            self.onsets[alarm.priority] += 1
        return _clean(f"{_local(event.at)}  {_MARKS[alarm.priority]} {event.phase:10} {alarm.text}")

    def disconnected(self, why: str) -> None:
        """Trust nothing that must be heard anew: what the broker kept may be old when it is there again."""
        self.fault = why
        self.therapies.clear()
        for view in self.edges.values():
            view.beat = None
            view.indexes.clear()

    def heads(self) -> list[tuple[EdgeView | None, str, str]]:
        """Return of each edge how it is, and whether its alarms are known: two texts, the second empty if they are."""
        if not self.edges:
            return [(None, "no edge", f"ALARMS UNKNOWN: {self.fault or 'nothing was heard yet'}, go to the beds")]
        now_s = self._now().mono_s
        found: list[tuple[EdgeView | None, str, str]] = []
        for _, view in sorted(self.edges.items()):
            doubt = f"no broker ({self.fault})" if self.fault else view.doubt(now_s)
            unknown = f"ALARMS UNKNOWN: {doubt}, go to the beds" if doubt else ""
            found.append((view, f"edge {view.name}: {view.state(now_s)}", unknown))
        return found

    def screen(self, width: int, rows: int) -> tuple[list[str], list[str]]:
        """Return the whole picture and, below it, the note: what is wrong is first, however small the window is.

        Where it has no room, each alarm has one line first, and then the end of the picture is left out.
        """
        note = [_clean(line) for line in self.note.splitlines()]
        # The terminal itself breaks a line of the note that is too long for it.
        room = max(max(rows, ROWS_MIN) - sum(max(1, -(-len(line) // width)) for line in note), PICTURE_ROWS_MIN)
        width = max(width - 1, WIDTH_MIN)
        lines = self._picture(width, whole=True)
        if len(lines) > room:
            lines = self._picture(width, whole=False)
        if len(lines) > room:
            hidden = f"{len(lines) - room + 1} more lines: make the window larger"
            lines[room - 1 :] = _wrapped(hidden, width, colour=_COLOURS["high"])[:1]
        return lines, note

    def _picture(self, width: int, *, whole: bool) -> list[str]:
        now = self._now()
        clock = datetime.fromtimestamp(now.wall_s, tz=None).astimezone()
        lines = [*_wrapped(f"{clock:%H:%M:%S %Z}   {_CAUTION}", width), ""]
        beds: list[str] = []
        for view, state, unknown in self.heads():
            lines += _wrapped(state, width, colour=_COLOURS["high"] if state.endswith(LOST) else "")
            lines += _wrapped(unknown, width, colour=_COLOURS["high"])
            if view is not None:
                lines += _alarms(view, now.mono_s, width, known=not unknown, whole=whole)
                lines += [row for said in self._pauses(view, now.mono_s) for row in _wrapped(said, width)]
                lines.append("")
                beds += [*_beds(view, now.mono_s, width, live=not self.fault), ""]
        lines += beds
        if self.unreadable:
            lines += _wrapped(f"messages that could not be read: {self.unreadable}", width)
        return lines + _wrapped(f"{_LEGEND}   Ctrl-C ends", width)

    def _pauses(self, view: EdgeView, now_s: float) -> Iterator[str]:
        """Say the pauses of the current run, which ends those before; without its clock nothing is known of them."""
        beat = view.beat
        if beat is None:
            return
        heard = self.therapies.get(view.name, {})
        pauses = {bed: therapy.pauses for bed, therapy in heard.items() if therapy.run == beat.run}
        yield from told(pauses, view.labels(), beat.mono_s + now_s - beat.heard_at_s)

    def summary(self) -> str:
        """Return what was seen, in a few lines."""
        counts = ", ".join(f"{self.onsets[priority]} {priority}" for priority in ORDER)
        beds = sum(len(view.beds) for view in self.edges.values())
        seen = ", ".join((_count(len(self.edges), "edge"), _count(beds, "bed"), _count(self.events, "event")))
        heads, present = self.heads(), []
        for view, state, unknown in heads:
            mark = f" (of an edge that is {'lost' if state.endswith(LOST) else 'not known'})" if unknown else ""
            present += [(alarm, mark) for alarm in (view.present() if view is not None else ())]
        present.sort(key=lambda row: ORDER.index(row[0].priority))
        lines = [f"{seen}; alarms that began: {counts}; present now: {len(present)}"]
        lines += [f"  {state}; {unknown}" for _, state, unknown in heads if unknown]
        lines += [f"  {_MARKS[alarm.priority]} {alarm.priority}: {alarm.text}{mark}" for alarm, mark in present]
        return "\n".join(map(_clean, lines))


def _alarms(view: EdgeView, now_s: float, width: int, *, known: bool, whole: bool) -> Iterator[str]:
    alarms = view.present()
    if known and not alarms:
        yield "no alarm is present"
    for alarm in alarms:
        # An alarm of an earlier run began by another clock.
        began_in = view.run if alarm.occurrence.startswith(f"{view.run}-") else ""
        age_s = view.age_s(alarm.onset, began_in, now_s)
        since = "an unknown time" if age_s is None else _span(age_s)
        head = f"{_MARKS[alarm.priority].strip()} {alarm.priority.upper()} for {since}"
        text = f"{head}: {alarm.text}{_notes(alarm, known=known)}"
        colour = _COLOURS[alarm.priority]
        if whole:
            yield from _wrapped(text, width, colour=colour)
            yield from _wrapped(alarm.action, width, "    ", colour=colour)
            continue
        first, *rest = _wrapped(text, width - len(_MORE))
        yield f"{colour}{first}{_MORE if rest else ''}{_PLAIN}"


def _notes(alarm: AlarmMessage, *, known: bool) -> str:
    notes = [] if known else ["last known"]
    if not alarm.verifiable:
        notes.append("cannot be verified now")
    if alarm.signal == "latched":
        notes.append("over, and not yet reset")
    if alarm.acceptance is not None:
        notes.append(f"accepted by {alarm.acceptance.by}")
    if alarm.signal == "acknowledged":
        notes.append("acknowledged")
    if alarm.silence is not None:
        notes.append(f"silent: {alarm.silence.reason.replace('_', ' ')}")
    return f" ({', '.join(notes)})" if notes else ""


def _beds(view: EdgeView, now_s: float, width: int, *, live: bool) -> Iterator[str]:
    names = sorted({*view.beds, *view.labels()})
    indent = " " * (4 + max((len(view.label(name)) for name in names), default=0))
    drugs = max((len(_drug(channel)) for bed in view.beds.values() for channel in bed[0].channels), default=0)
    for name in names:
        label = f"  {view.label(name)}".ljust(len(indent))
        if name not in view.beds:
            yield from _wrapped("no data", width, label, colour=_COLOURS["high"])
            continue
        snapshot, colour = view.beds[name][0], ""
        if not live or not view.is_live(name, now_s):
            colour = _DIM
            yield from _wrapped(f"last known, {_span(view.snapshot_age_s(name, now_s))} old:", width, label)
            label = indent
        yield from _wrapped(_cells(_vital_cells(snapshot)), width, label, indent, colour)
        for channel in snapshot.channels:
            where = [f"{channel.port} {channel.channel}"] if len(snapshot.channels) > 1 else []
            yield from _wrapped(_cells([*where, *_pump_cells(channel, drugs)]), width, indent, indent, colour)


def _vital_cells(snapshot: SnapshotMessage) -> list[str]:
    found = {metric.name: _shown(metric) for metric in snapshot.vital_signs}
    heart, spo2, breath, *cuff = (found.get(name, "--") for name in _VITAL_SIGNS)
    pressure = f"{cuff[0]}/{cuff[1]}"
    return [
        f"HR {heart:>4} /min",
        f"SpO2 {spo2:>4} %",
        f"RR {breath:>4} /min",
        f"BP {pressure:>8} mean {cuff[2]:>4} mmHg",
    ]


def _pump_cells(channel: ChannelMessage, drug_width: int) -> list[str]:
    found = {row.name: row for row in channel.metrics}
    rate = found.get("dose_rate", found.get("dose_rate_mg_per_kg_per_h"))
    dose = "--" if rate is None else _dose(rate)
    unit = "mg/kg/h" if rate is None or rate.name != "dose_rate" else rate.unit
    state = _STATES.get(channel.state, channel.state)
    if channel.link != "up":
        state = f"no contact with the pump, last seen: {state}" if channel.link == "down" else "pump not heard yet"
    return [_drug(channel).ljust(drug_width), f"{dose:>6} {unit}", state]


def _drug(channel: ChannelMessage) -> str:
    return channel.drug.replace("-", " ") or "no drug"


def _dose(metric: MetricMessage) -> str:
    """Write a dose with the digits that its alarm would have, never less than it is (H-37)."""
    if metric.value is None or abs(metric.value) >= DOSE_SHOWN_MAX:
        return _shown(metric)
    shown = away_from_safe(metric.value, Side.HIGH, fine=not metric.unit.startswith("mg"))
    return _shown(metric.model_copy(update={"value": max(shown, shown.quantize(_HUNDREDTH), key=_places)}))


def _places(number: Decimal) -> int:
    return -int(number.as_tuple().exponent)


def _shown(metric: MetricMessage) -> str:
    """Write a value as it was sent; doubt stands beside it."""
    if metric.value is None:
        return "--"
    before = {"over": ">", "under": "<"}.get(metric.validity, "")
    return f"{before}{metric.value:f}{'' if before or metric.validity == 'valid' else '?'}"


def _cells(cells: Sequence[str]) -> str:
    """Set cells beside each other; each goes to the next line whole if it does not fit."""
    return "  ".join(cell.replace(" ", _HELD) for cell in cells)


def _wrapped(text: str, width: int, first: str = "", indent: str = "    ", colour: str = "") -> list[str]:
    """Break a text between its words, never between a number and its unit."""
    text = _VALUE_AND_UNIT.sub(_HELD, _clean(text))
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=_clean(first),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [f"{colour}{line}{_PLAIN if colour else ''}".replace(_HELD, " ") for line in lines]


def _clean(text: str) -> str:
    """Keep what a device wrote from steering the terminal."""
    return "".join(letter if letter.isprintable() or letter == _HELD else "?" for letter in text)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, of_hour = divmod(minutes, 60)
    return f"{hours} h {of_hour:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _local(at: Stamp) -> str:
    """Write a time for people here; doubtful if the edge's clock was not synchronised."""
    try:
        shown = f"{datetime.fromisoformat(at.wall).astimezone():%H:%M:%S %Z}"
    except ValueError:
        shown = at.wall
    return shown if at.synchronised else f"{shown}?"


async def watch(
    host: str,
    port: int,
    *,
    site: str,
    duration_s: float | None,
    screen: bool,
    note: str = "",
    log_in: Callable[[], Login] = Login,
) -> int:
    """Show until the time is over or Ctrl-C; return the exit status, 1 if the broker was never reached.

    ``note`` is a text of the caller's own, ``log_in`` tells with what to log in.
    """
    board = Board(Clock().now, note)
    if note and not screen:
        print(note, flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks: list[asyncio.Task[object]] = [
        asyncio.create_task(stop.wait()),
        asyncio.create_task(_read(board, host, port, site, log_in, loud=not screen)),
        asyncio.create_task(_redraw(board) if screen else _tell_news(board)),
    ]
    done, running = await asyncio.wait(tasks, timeout=duration_s, return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for task in done:
        task.result()
    print(f"\n{board.summary()}" if board.edges else f"nothing was heard at {host}:{port}")
    return 0 if board.edges else 1


async def _read(board: Board, host: str, port: int, site: str, log_in: Callable[[], Login], *, loud: bool) -> None:
    told = False
    while True:
        try:
            async for topic, payload in listen(host, port, f"{ROOT}/{site}/edge/+/#", log_in):
                line = board.take(topic, payload)
                if line and loud:
                    print(line, flush=True)
                told = False
        except ListenError as error:
            board.disconnected(f"{host}:{port}: {error}")
            if loud and not told:
                print(f"{host}:{port}: {error}; trying again", file=sys.stderr)
            told = True
        await asyncio.sleep(RETRY_S)


async def _redraw(board: Board) -> None:
    try:
        while True:
            size = shutil.get_terminal_size()
            print(frame(*board.screen(size.columns, size.lines)), end="", flush=True)
            await asyncio.sleep(REDRAW_S)
    finally:
        print(_LEAVE, end="", flush=True)


def frame(picture: Sequence[str], note: Sequence[str]) -> str:
    """Return what paints a screen over the one before."""
    painted = f"{_ENTER}\x1b[H" + "\x1b[K\n".join(picture) + "\x1b[K"
    # Erased before it is written: after a line that fills its row, a terminal would erase the last letter.
    return painted + ("\n\x1b[J" + "\n".join(note) if note else "\x1b[J")


async def _tell_news(board: Board) -> None:
    print(f"watching; a line comes when an alarm begins, changes or ends ({_CAUTION})", flush=True)
    told: set[str] = set()
    while True:
        news = {_clean(f"{state}; {unknown or 'its alarms are known'}") for _, state, unknown in board.heads()}
        for line in sorted(news - told):
            print(line, flush=True)
        told = news
        await asyncio.sleep(REDRAW_S)
