"""What was measured, as tables for people and as JSON for machines; and which aims are met."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field

from bench.codec import Result as CodecResult
from bench.core import Result as CoreResult
from bench.idle import Result as IdleResult
from bench.latency import Result as LatencyResult
from bench.start import Result as StartResult
from bench.station import Result as StationResult
from bench.subjects import DAEMON, PLAIN

LATENCY_RATIO_MAX = 1.5
CPU_RATIO_MAX = 2.0
MEMORY_MAX_MB = 60.0
START_MAX_S = 0.7
CODEC_LINES_MIN = 50.0
"""A core then hears fifty such lines at full speed: room for a slower core, and for the rest of the work."""

STEP_RATIO_MAX = 1.5
"""A step at 100 beds over a step at 1: caches and larger dictionaries are allowed for, a loop over the beds is not."""

IDLE_CPU_MAX_PERCENT = 1.0
COLD_MAX_S = 2.0
ALARM_P99_MAX_MS = 100.0
"""To the screen's socket; the browser has the rest of the next one."""

PAINTED_P99_MAX_MS = 250.0

LATENCY_CASE = "32 devices at 1/s"
COST_CASE = "128 devices at 1/s"
DISTURBED_PERCENT = 20.0
"""More of a core than the kernel needs for the ttys at 50 readings a second."""

SHARED = "Two cores are shared by the program, the load, mosquitto and the subscriber."


@dataclass(slots=True)
class Report:
    """The results of the sections that ran."""

    latency: list[LatencyResult] = field(default_factory=list)
    codec: list[CodecResult] = field(default_factory=list)
    core: list[CoreResult] = field(default_factory=list)
    start: StartResult | None = None
    idle: list[IdleResult] = field(default_factory=list)
    station: list[StationResult] = field(default_factory=list)

    def tables(self) -> str:
        """Return every table."""
        parts = [
            self._latency(),
            self._codec(),
            self._core(),
            self._start(),
            self._idle(),
            self._station(),
            self._aims(),
        ]
        return "\n\n".join(part for part in parts if part)

    def data(self) -> dict[str, object]:
        """Return everything as plain data; what could not be measured is ``None``."""
        names = ("latency", "codec", "core", "idle", "station")
        rows = {name: [_finite(asdict(row)) for row in getattr(self, name)] for name in names}
        aims = [_finite(asdict(aim)) | {"met": aim.met} for aim in self.aims()]
        return {**rows, "start": _finite(asdict(self.start)) if self.start else None, "aims": aims}

    def aims(self) -> list[Aim]:
        """Return the aims that the sections which ran can speak of."""
        aims: list[Aim] = []
        for case in dict.fromkeys((row.devices, row.rate_hz) for row in self.latency):
            daemon, plain = self._row(case, DAEMON.name), self._row(case, PLAIN.name)
            devices, rate_hz = case
            where = f"{devices} devices at {rate_hz:g}/s"
            if daemon is None:
                continue
            aims.append(Aim(f"onsets missed, {where}", daemon.missed, 0, ""))
            if where == LATENCY_CASE and plain is not None:
                aims.append(Aim(f"latency p50, {where}", daemon.p50_ms / plain.p50_ms, LATENCY_RATIO_MAX, " x plain"))
                aims.append(Aim(f"latency p99, {where}", daemon.p99_ms / plain.p99_ms, LATENCY_RATIO_MAX, " x plain"))
            if where == COST_CASE:
                if plain is not None:
                    ratio = daemon.cpu_percent / plain.cpu_percent
                    aims.append(Aim(f"processor, {where}", ratio, CPU_RATIO_MAX, " x plain"))
                aims.append(Aim(f"memory, {where}", daemon.memory_max_mb, MEMORY_MAX_MB, " MB"))
        if self.codec:
            slowest = min(self.codec, key=lambda row: row.line_multiple)
            what = f"the slowest codec, {slowest.driver}"
            aims.append(Aim(what, slowest.line_multiple, CODEC_LINES_MIN, " lines", at_least=True))
        if self.core:
            one, most = self.core[0], self.core[-1]
            for what, ratio in (("median", most.median_us / one.median_us), ("mean", most.mean_us / one.mean_us)):
                aims.append(Aim(f"a step at {most.beds} beds, {what}", ratio, STEP_RATIO_MAX, " x at 1"))
        if self.start is not None:
            aims.append(Aim("start to READY", self.start.ready_s, START_MAX_S, " s"))
        return [*aims, *self._idle_aims(), *self._station_aims()]

    def _idle_aims(self) -> Iterable[Aim]:
        for row in self.idle:
            if row.infusing:
                continue
            where = f"idle with {row.devices} devices"
            yield Aim(f"processor, {where}", row.cpu_percent, IDLE_CPU_MAX_PERCENT, " %")
            yield Aim(f"memory, {where}", row.memory_mb, MEMORY_MAX_MB, " MB")
            if row.written_bytes is not None:
                yield Aim(f"written to the state's disk, {where}", row.written_bytes, 0, " bytes")

    def _station_aims(self) -> Iterable[Aim]:
        for ward in self.station:
            where = f"the station with {ward.beds} beds"
            yield Aim(f"alarms that a screen was not told, {where}", ward.missed, 0, "")
            yield Aim(f"cold start, {where}", ward.cold_s, COLD_MAX_S, " s")
            yield Aim(f"alarm to a screen, p99, {where}", ward.alarm_p99_ms, ALARM_P99_MAX_MS, " ms")
            if ward.painted:
                yield Aim(f"alarm painted, p99, {where}", ward.painted_p99_ms, PAINTED_P99_MAX_MS, " ms")

    def _row(self, case: tuple[int, float], subject: str) -> LatencyResult | None:
        return next((row for row in self.latency if (row.devices, row.rate_hz, row.subject) == (*case, subject)), None)

    def _latency(self) -> str:
        def relative(row: LatencyResult, of: Callable[[LatencyResult], float]) -> str:
            plain = self._row((row.devices, row.rate_hz), PLAIN.name)
            return "" if plain is None else f"{of(row) / of(plain):.2f}"

        rows = [
            (
                f"{row.devices}",
                f"{row.rate_hz:g}",
                row.subject,
                f"{row.onsets}",
                f"{row.missed}",
                f"{row.p50_ms:.2f}",
                f"{row.p99_ms:.2f}",
                f"{row.max_ms:.2f}",
                relative(row, lambda one: one.p50_ms),
                relative(row, lambda one: one.p99_ms),
                f"{row.cpu_percent:.1f}",
                relative(row, lambda one: one.cpu_percent),
                f"{row.cpu_percent / row.devices:.3f}",
                f"{row.others_cpu_percent:.0f}",
                f"{row.memory_max_mb:.0f}",
                f"{100 * row.lost:.1f}",
            )
            for row in self.latency
        ]
        head = (
            "devices", "rate/s", "program", "onsets", "missed", "p50 ms", "p99 ms", "max ms", "p50 x", "p99 x",
            "cpu %", "cpu x", "cpu %/dev", "others %", "MB", "lost %",
        )  # fmt: skip
        note = (
            f"Last byte of a bad reading to the alarm at a subscriber. {SHARED} x: over the plain script.\n"
            "cpu: of one core, without onsets; others: all else on the machine, so that a disturbed run shows.\n"
            "lost: readings that the full line refused."
        )
        disturbed = sum(row.others_cpu_percent > DISTURBED_PERCENT for row in self.latency)
        if disturbed:
            note += f"\nDISTURBED: in {disturbed} of these runs something else was at work. Measure on a quiet machine."
        return _table("Latency and cost", note, head, rows)

    def _codec(self) -> str:
        rows = [
            (
                row.driver,
                f"{row.cut_bytes} bytes" if row.cut_bytes else "none",
                f"{row.bytes_per_s / 1e6:.2f}",
                f"{row.line_multiple:.0f}",
                f"{row.reading_us:.0f}",
            )
            for row in self.codec
        ]
        head = ("driver", "cut", "MB/s", "lines", "us/reading")
        return _table("Codecs", "One core; lines: how many of its lines at full speed.", head, rows)

    def _core(self) -> str:
        rows = [
            (
                f"{row.beds}",
                f"{row.median_us:.0f}",
                f"{row.mean_us:.0f}",
                f"{row.p99_us:.0f}",
                f"{row.max_us:.0f}",
                f"{row.steps_per_s:.0f}",
                f"{row.publishes_per_step:.2f}",
            )
            for row in self.core
        ]
        head = ("beds", "median us", "mean us", "p99 us", "max us", "steps/s", "publishes/step")
        return _table("Steps of the core", "A pump and a monitor a bed, one reading a step.", head, rows)

    def _start(self) -> str:
        if self.start is None:
            return ""
        one = self.start
        rows = [
            ("to READY", f"{one.ready_s:.2f} s"),
            ("  of it the processor", f"{one.ready_cpu_s:.2f} s"),
            ("to the first alarm at a subscriber", f"{one.first_alarm_s:.2f} s"),
            ("to READY after a kill -9", f"{one.ready_again_s:.2f} s"),
            ("to the alarm that stood, at a subscriber", f"{one.alarm_again_s:.2f} s"),
            (f"to READY after a kill -9, {one.rows} rows, {one.events} events kept", f"{one.ready_full_s:.2f} s"),
            ("to the first alarm at a subscriber then", f"{one.alarm_full_s:.2f} s"),
            ("empty Python", f"{one.python_s:.2f} s"),
            ("imports", f"{one.import_s:.2f} s"),
            *((f"  {name}", f"{own_ms:.0f} ms") for name, own_ms in one.imports_ms),
        ]
        note = f"Median of {one.starts}; under imports: the packages' own modules, slowed by the measuring."
        return _table("Start", note, ("what", "takes"), rows)

    def _idle(self) -> str:
        rows = [
            (
                "infusing" if row.infusing else "idle",
                f"{row.devices}",
                f"{row.lasted_s:.0f}",
                f"{row.cpu_percent:.2f}",
                f"{row.wake_ups_per_s:.0f}",
                f"{row.memory_mb:.0f}",
                "not measured" if row.written_bytes is None else f"{row.written_bytes / 1024:.0f}",
                f"{row.others_cpu_percent:.0f}",
            )
            for row in self.idle
        ]
        head = ("beds", "devices", "for s", "cpu %", "wake-ups/s", "MB", "written KiB", "others %")
        note = (
            "Two beds with a pump and a monitor each. idle: the pumps stand, and nothing is ordered.\n"
            "written: what a disk took that holds nothing but the state; it needs root."
        )
        return _table("While nothing happens", note, head, rows)

    def _station(self) -> str:
        rows = [
            (
                f"{row.beds}",
                f"{row.screens}",
                f"{row.cold_s:.2f}",
                f"{row.cold_cpu_s:.2f}",
                f"{row.cpu_percent:.1f}",
                f"{row.memory_mb:.0f}",
                f"{row.alarms}",
                f"{row.missed}",
                f"{row.alarm_p50_ms:.1f}",
                f"{row.alarm_p99_ms:.1f}",
                f"{row.number_p50_ms:.0f}",
                f"{row.number_p99_ms:.0f}",
                *(
                    (f"{row.painted}", f"{row.painted_p50_ms:.0f}", f"{row.painted_p99_ms:.0f}")
                    if row.painted
                    else "---"
                ),
                f"{row.others_cpu_percent:.0f}",
            )
            for row in self.station
        ]
        head = (
            "beds", "screens", "cold s", "cold cpu s", "cpu %", "MB", "alarms", "missed", "p50 ms", "p99 ms",
            "number p50", "number p99", "painted", "p50 ms", "p99 ms", "others %",
        )  # fmt: skip
        note = (
            "cold: from the start of the program until a screen knows every bed. p50, p99: an alarm from its publish\n"
            "to the sockets of all screens; number: a bed's values, which go together ten times a second.\n"
            "painted: from its publish to a frame of a real browser, which is one of the screens."
        )
        return _table("Nursing station", note, head, rows)

    def _aims(self) -> str:
        rows = [
            (
                aim.what,
                f"{aim.measured:.2f}{aim.unit}",
                f"{'at least' if aim.at_least else 'at most'} {aim.bound:g}{aim.unit}",
                "met" if aim.met else "MISSED",
            )
            for aim in self.aims()
        ]
        return _table("Aims", "", ("what", "measured", "aim", ""), rows)


@dataclass(frozen=True, slots=True)
class Aim:
    """Something that is not to be above a bound, or not below it (``at_least``). NaN meets nothing."""

    what: str
    measured: float
    bound: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it holds."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


def _table(title: str, note: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Set a table: the first column to the left, text likewise, numbers to the right; nothing without rows."""
    cells = [tuple(head), *map(tuple, rows)]
    if len(cells) == 1:
        return ""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if _is_number(row[index]) else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
        for row in (cells[1],)
    ]
    return "\n".join([f"== {title}", *([note] if note else []), "", *lines])


def _is_number(text: str) -> bool:
    return text[:1].isdigit()


def _finite(row: dict[str, object]) -> dict[str, object]:
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
