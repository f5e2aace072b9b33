"""The story of an alarm in plain words, from the journal of the store: now, or a year later (law 14).

It reads the file alone, and says what is in it; nothing is judged again. Seconds are of the monotonic clock, which
compares within one run; what happened in another run is dated by the wall clock, where that was synchronised.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from edge.core.ledger import RENEWS
from edge.core.model import Phase, SignalPresence, SilenceReason
from edge.rows import JournalRow, OccurrenceRow
from edge.store_file import StoreFileError
from edge.store_reading import read_occurrences, read_story

EXIT_OK = 0
EXIT_UNKNOWN = 2
"""Nothing can be told: there is no such file, or no such occurrence."""

LISTED_MAX = 20
"""As many occurrences as a screen shows."""

SEARCHED_MAX = 10_000
"""A key is looked for among the latest occurrences: of some months at least, in some megabytes."""

PHASES = {
    Phase.START: "begins",
    Phase.UPDATE: "says something else",
    Phase.ESCALATE: "gets worse",
    Phase.DEESCALATE: "gets better",
    Phase.END: "is over",
    Phase.LATCH: "its cause is over; latched: it stands until it is reset",
    Phase.RETURN: "its cause is back",
    Phase.ACKNOWLEDGE: "silenced for a while",
    Phase.ACCEPT: "accepted: somebody goes, and it goes up no further",
    Phase.REMIND: "sounds again: its silence ran out, or it got worse by a step",
    Phase.LEVEL: "nobody accepted it in time: goes up",
    Phase.SILENCE: "its sound is off",
    Phase.SOUND: "its sound is on again",
    Phase.RESET: "reset: its signal ends",
    Phase.ADOPT: "taken over from the broker, which still had it",
}
SILENCES = {
    SilenceReason.AUDIO_PAUSE: "audio pause",
    SilenceReason.OFF_MONITOR: "the patient is off the monitor",
    SilenceReason.AWAITING_REPEAT: "until it is measured again",
    SilenceReason.AT_DEVICE: "silenced at the device",
    SilenceReason.SERVICE: "the bed is under service",
}
_OVER = frozenset({Phase.END, Phase.RESET})
_HEADINGS = ("since (UTC)", "occurrence", "bed", "key", "state", "last change", "text")
_LEVELS = {"1": "screens of the bed", "2": "all screens of the ward", "3": "nurse call"}
_BROKER, _DISPLAYED, _BLACK_BOX, _GOES_ON = "broker has it", "displayed", "black box", "alarm goes on as"
_KINDS = {_BROKER: "the broker has it", "undelivered": "no screen showed it in time"}
_WITH_TEXT = RENEWS | {Phase.UPDATE, Phase.DEESCALATE}
_UNITS = (
    ("_mg_per_kg_per_h", "mg/kg/h"),
    ("_mg_per_ml", "mg/mL"),
    ("_ml_per_h", "mL/h"),
    ("_per_min", "/min"),
    ("_percent", "%"),
    ("_mmhg", "mmHg"),
    ("_kg", "kg"),
    ("_s", "s"),
)
_EVIDENCE = "evidence."
_SAID_BY_LIMIT = frozenset({"limit", "limit_origin"})
_STEPS = ("event", "determined", "published", "broker", "displayed", "accepted")
_INDENT = " " * 42


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row of the journal with its words."""

    row: JournalRow
    words: dict[str, str]

    @property
    def phase(self) -> Phase | None:
        """What became of the alarm; ``None`` where the row tells of its way, or of a request."""
        return Phase(self.words["phase"]) if self.row.kind == "alarm" else None

    @property
    def renews(self) -> bool:
        """Whether it asks for attention anew."""
        return self.phase in RENEWS


def report(path: Path, name: str) -> tuple[int, str]:
    """Tell the story of an alarm, or list the latest where none is named; return the exit status too.

    ``name`` is an occurrence, or a key or a condition, of which it is the occurrence that changed last.
    """
    try:
        if not name:
            return EXIT_OK, _list(path)
        rows = read_story(path, name) or read_story(path, _latest(path, name))
    except StoreFileError as error:
        return EXIT_UNKNOWN, f"infusion-edge: {error}"
    if not rows:
        return EXIT_UNKNOWN, f"infusion-edge: {path} knows no alarm {name}: explain without one lists the latest"
    return EXIT_OK, tell(rows)


def _latest(path: Path, name: str) -> str:
    """Find the occurrence that a name means as in the other commands; empty where there is none."""
    for row in read_occurrences(path, SEARCHED_MAX):
        if name.casefold() in (row.occurrence.casefold(), row.key.casefold(), row.key.partition(".")[0].casefold()):
            return row.occurrence
    return ""


def tell(rows: Iterable[JournalRow]) -> str:
    """Tell the story of the rows of one occurrence, oldest first."""
    # A commit that the disk refused may have been written after all, and its rows then stand twice.
    story = [_Entry(row, json.loads(row.body)) for row in dict.fromkeys(rows)]
    lines = [*_head(story), "", *_ways(story), "", "What happened (UTC, and seconds since it was first determined):"]
    first = story[0]
    before = first.words.get("event_s_before")
    if before is not None:
        lines.append(
            f"{_label(_earlier(first.row, float(before)))} {0.0 - float(before):>+13.3f}  the value is first beyond"
        )
    run = first.row.run
    for entry in story:
        if entry.row.run != run:
            run = entry.row.run
            lines.append(f"{_INDENT}-- the edge was started anew --")
        lines.append(f"{_label(entry.row)} {_delay(first.row, entry.row):>13}  {_said(entry)}")
        lines += [f"{_INDENT}{name:28} {value}" for name, value in _reasons(entry)]
    if any(not entry.row.synchronised for entry in story):
        lines += ["", "? The clock was not synchronised: that time of day may be wrong; the seconds hold."]
    if any(entry.row.run != first.row.run for entry in story):
        lines += ["", "~ In another run of the edge: the difference of the times of day."]
    return "\n".join(lines)


def _list(path: Path) -> str:
    found = read_occurrences(path, LISTED_MAX)
    if not found:
        return "The journal has no alarm."
    rows = [_HEADINGS, *map(_listed, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join("  ".join([*map(str.ljust, row, widths), row[-1]]) for row in rows)


def _listed(row: OccurrenceRow) -> tuple[str, ...]:
    state = "over" if Phase(row.phase) in _OVER else "stands"
    last = PHASES[Phase(row.phase)].partition(":")[0]
    return row.first_wall, row.occurrence, row.bed or "edge", row.key, state, last, row.text


def _head(story: Sequence[_Entry]) -> Iterator[str]:
    first = story[0].words
    yield first.get("text", "")
    place = f"at {first['bed']}" if first.get("bed") else "of the edge itself"
    last = next((entry.words for entry in reversed(story) if entry.phase is not None), {})
    over = last.get("signal") == SignalPresence.OFF
    yield f"{first.get('key', '')} {place}, {first['occurrence']}: {'over' if over else 'not over when last written'}."
    if story[0].phase is not Phase.START:
        yield "The journal does not have its beginning."


def _ways(story: Sequence[_Entry]) -> Iterator[str]:
    """How long each noise took on its way to somebody who goes."""
    yield "How long it took, in seconds from when it was determined (published: handed to the sender):"
    yield "  " + " " * 10 + "".join(f"{step:>12}" for step in _STEPS)
    for number, noise in enumerate(story):
        if not noise.renews:
            continue
        rest = story[number + 1 :]
        end = next((position for position, entry in enumerate(rest) if entry.renews), len(rest))
        at = {_BROKER: "-", _DISPLAYED: "-", Phase.ACCEPT: "-"}
        for entry in reversed(rest[:end]):
            at[entry.phase or entry.row.kind] = _delay(noise.row, entry.row)
        before = noise.words.get("event_s_before")
        event = "-" if before is None else f"{0.0 - float(before):+.3f}"
        ways = (event, "0.000", "0.000", at[_BROKER], at[_DISPLAYED], at[Phase.ACCEPT])
        yield f"  {noise.words['phase']:10}" + "".join(f"{way:>12}" for way in ways)


def _said(entry: _Entry) -> str:
    """Say a row in plain words."""
    words, phase = entry.words, entry.phase
    if phase is None:
        return _said_of_way(entry.row.kind, words)
    said = PHASES[phase]
    if phase in _WITH_TEXT:
        said += f" ({words['priority']}): {words['text']}"
    if "by" in words:
        said += f", by {words['by']}"
    if phase is Phase.LEVEL:
        said += f" to level {words['level']}, {_LEVELS.get(words['level'], 'unknown')}"
    if "silence" in words and phase in (Phase.START, Phase.SILENCE):
        by = f", by {words['silence_by']}" if words.get("silence_by") else ""
        said += f" [no sound: {SILENCES[SilenceReason(words['silence'])]}{by}]"
    return said


def _said_of_way(kind: str, words: dict[str, str]) -> str:
    if kind == "request":
        became = f"refused: {words['reason']}" if words["result"] == "refused" else words["result"]
        return f"{words['by']} asked to {words['verb']}: {became}"
    if kind == _DISPLAYED:
        return f"a page of {words['station']} shows it"
    if kind == _BLACK_BOX:
        return f"what {words['port']} had said is kept: {words['name']}"
    if kind == _GOES_ON:
        return f"it goes on as {words['name']}, by which readers knew it already"
    return _KINDS.get(kind, kind)


def _reasons(entry: _Entry) -> Iterator[tuple[str, str]]:
    """Why it made noise: value, limit with its origin, inputs, arithmetic."""
    if not entry.renews:
        return
    for name in ("value", "limit", "band"):
        if entry.words.get(name):
            yield name, entry.words[name]
    for name, value in entry.words.items():
        if name.startswith(_EVIDENCE) and name.removeprefix(_EVIDENCE) not in _SAID_BY_LIMIT:
            yield _with_unit(name.removeprefix(_EVIDENCE), value)


def _with_unit(name: str, value: str) -> tuple[str, str]:
    for suffix, unit in _UNITS:
        if name.endswith(suffix):
            return name.removesuffix(suffix).replace("_", " "), f"{value} {unit}"
    return name.replace("_", " "), value


def _delay(earlier: JournalRow, later: JournalRow) -> str:
    if earlier.run == later.run:
        return f"{later.mono_s - earlier.mono_s:+.3f}"
    if earlier.synchronised and later.synchronised:
        return f"~{(_wall(later) - _wall(earlier)).total_seconds():+.0f}"
    return "unknown"


def _earlier(row: JournalRow, seconds: float) -> JournalRow:
    wall = (_wall(row) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    return JournalRow(row.run, row.kind, wall, row.synchronised, row.mono_s - seconds, row.body)


def _wall(row: JournalRow) -> datetime:
    return datetime.fromisoformat(row.wall)


def _label(row: JournalRow) -> str:
    return f"{_wall(row):%Y-%m-%d %H:%M:%S}.{_wall(row).microsecond // 1000:03}{' ' if row.synchronised else '?'}"
