"""Plays a record of real vital signs to any monitor: a CSV with a row a minute, as monitors in intensive care gave it.

The columns are ``minute`` and, each if the record has it, ``HR_bpm``, ``RESP_pm``, ``SpO2_%``, ``ABPSys_mmHg``,
``ABPDias_mmHg``, ``ABPMean_mmHg``, ``NBPSys_mmHg``, ``NBPDias_mmHg``, ``NBPMean_mmHg``; others, as ``PULSE_bpm``, have
no place in a monitor's vital signs and are left out. A zero means "no value"; an empty cuff pressure "not measured in
this minute".
"""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from simulators.patient import Vitals

MAX_ROWS = 20_160
"""Two weeks at a row a minute; a longer file was hardly meant, and would sit in memory."""

MAX_VALUE = Decimal(400)
"""No column holds more in a living patient: pressures end below 300 mmHg, counted rates at 350 /min."""

MAX_MINUTE = Decimal(527_040)
"""A year: nobody stays on one monitor for longer, and a number beyond all time has no place on it."""

SECONDS_PER_MIN = 60.0
_MINUTE = "minute"
_PERIODIC = {
    "HR_bpm": "heart_rate_per_min",
    "RESP_pm": "respiratory_rate_per_min",
    "SpO2_%": "spo2_percent",
    "ABPSys_mmHg": "ibp_sys_mmhg",
    "ABPDias_mmHg": "ibp_dia_mmhg",
    "ABPMean_mmHg": "ibp_mean_mmhg",
}
_CUFF = {"NBPSys_mmHg": "nibp_sys_mmhg", "NBPDias_mmHg": "nibp_dia_mmhg", "NBPMean_mmHg": "nibp_mean_mmhg"}
_MOST = {"SpO2_%": Decimal(100)}


@dataclass(frozen=True, slots=True)
class _Row:
    """One minute: what is measured in it, and the last cuff measurement, dated from the beginning of the record."""

    minute: float
    vitals: Vitals


class RecordedVitals:
    """A record, as a source of vital signs: call it with the time; it begins with the first call.

    A row's values hold for its minute, without interpolation. Where rows are missing there is no value but the last
    cuff pressure; after the last row's minute there is none at all. ``speed`` plays that many times faster. Raises
    ``ValueError``, which names the line, for a record that cannot be one, and for a speed that is not positive.
    """

    def __init__(self, text: str, *, speed: float = 1.0) -> None:
        if not (math.isfinite(speed) and speed > 0.0):
            raise ValueError(f"the speed must be above 0, not {speed}")
        try:
            self._rows = tuple(_rows(text))
        except csv.Error as error:
            raise ValueError(f"no CSV: {error}") from error
        if not self._rows:
            raise ValueError("the record has no rows")
        self._minutes = [row.minute for row in self._rows]
        self._speed = speed
        self._start_s: float | None = None

    @property
    def duration_s(self) -> float:
        """Return how long all takes at this speed."""
        return (self._minutes[-1] - self._minutes[0] + 1.0) * SECONDS_PER_MIN / self._speed

    def __call__(self, now_s: float) -> Vitals:
        """Return the vital signs of now; a time before the beginning is the beginning."""
        if self._start_s is None:
            self._start_s = now_s
        minute = self._minutes[0] + max(0.0, now_s - self._start_s) * self._speed / SECONDS_PER_MIN
        row = self._rows[bisect_right(self._minutes, minute) - 1]
        if minute - row.minute < 1.0:
            return self._dated(row.vitals)
        return Vitals() if row is self._rows[-1] else self._dated(_cuff_alone(row.vitals))

    def _dated(self, vitals: Vitals) -> Vitals:
        if vitals.nibp_at_s is None or self._start_s is None:
            return vitals
        return replace(vitals, nibp_at_s=self._start_s + vitals.nibp_at_s / self._speed)


def _rows(text: str) -> Iterator[_Row]:
    reader = csv.DictReader(text.splitlines(), strict=True)
    columns = reader.fieldnames or ()
    if _MINUTE not in columns or not any(name in columns for name in (*_PERIODIC, *_CUFF)):
        raise ValueError(f"no record of vital signs: its columns are {', '.join(columns) or 'none'}")
    first, last, cuff = 0.0, -math.inf, Vitals()
    for number, cells in enumerate(reader, 1):
        where = f"line {reader.line_num}"
        if number > MAX_ROWS:
            raise ValueError(f"{where}: more than {MAX_ROWS} rows")
        if None in cells or None in cells.values():
            raise ValueError(f"{where}: not as many cells as columns")
        if (told := _number(cells, _MINUTE, where)) > MAX_MINUTE:
            raise ValueError(f"{where}: minute {told} is beyond {MAX_MINUTE}")
        minute = float(told)
        if minute <= last:
            raise ValueError(f"{where}: minute {minute:g} after minute {last:g}")
        first, last = (minute if number == 1 else first), minute
        if any(cells.get(name) for name in _CUFF):
            cuff = Vitals(**_values(cells, _CUFF, where), nibp_at_s=(minute - first) * SECONDS_PER_MIN)
        yield _Row(minute, replace(cuff, **_values(cells, _PERIODIC, where)))


def _values(cells: Mapping[str, str], names: Mapping[str, str], where: str) -> dict[str, int | None]:
    return {field: _value(cells, name, where) for name, field in names.items()}


def _value(cells: Mapping[str, str], name: str, where: str) -> int | None:
    """Return a whole number as a monitor shows it; ``None`` for an empty cell, and for 0, which is no value."""
    if not cells.get(name):
        return None
    value = _number(cells, name, where)
    if value > _MOST.get(name, MAX_VALUE):
        raise ValueError(f"{where}: {name} of {value} cannot be")
    return int(value.quantize(Decimal(1), ROUND_HALF_UP)) or None


def _number(cells: Mapping[str, str], name: str, where: str) -> Decimal:
    try:
        value = Decimal(cells[name])
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise ValueError(f"{where}: {name} is {cells[name]!r}, not a number from 0 on")
    return value


def _cuff_alone(vitals: Vitals) -> Vitals:
    return Vitals(
        nibp_sys_mmhg=vitals.nibp_sys_mmhg,
        nibp_dia_mmhg=vitals.nibp_dia_mmhg,
        nibp_mean_mmhg=vitals.nibp_mean_mmhg,
        nibp_at_s=vitals.nibp_at_s,
    )
