"""The guide to the alarms, `docs/alarms.md`: `python -m edge.alarm_guide` writes it, `--check` says if it is in step.

Its numbers are those of the code and of the shipped files, `config/edge.toml` and `config/drugs.toml`; its rows are the
catalogue's. So what a clinician reads is what runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from edge.alarm_guide_bedside import BEDSIDE
from edge.alarm_guide_texts import BEHAVIOUR, ENDS, GROUPS, NOTES, PREFACE, duration, life
from edge.config import load
from edge.core.catalogue import CATALOGUE, Entry, entry_of
from edge.core.catalogue_texts import ACTIONS
from edge.core.condition import Band
from edge.core.config import BandLimit, CoreConfig, DrugConfig, LimitConfig
from edge.core.model import Audience, Priority, Side
from edge.core.rules_vital import CUFF_HIGH_S, CUFF_MEDIUM_MAX_S
from edge.core.view import CUFF_GRACE_S

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "alarms.md"
SHIPPED = ROOT / "config" / "edge.toml"

_UNITS = {"mm[Hg]": "mmHg"}
"""UCUM codes that people write otherwise."""

_HEAD = ("alarm", "priority, and when", "can be while", "ends", "what to do; *in Norwegian*")
_DEVICE = "device"
"""The band of what a device shows itself: it has no name of its own."""


def guide() -> str:
    """Return the page. Raises ConfigError if the shipped files cannot be used."""
    core = load(SHIPPED, ROOT).core
    (heart_rate,) = (limit for limit in core.vital_limits if limit.condition == "HR_HIGH")
    text = [PREFACE, BEHAVIOUR, BEDSIDE, life(heart_rate), "## The alarms, group by group", "", *_groups(core)]
    return "\n".join(text).rstrip() + "\n"


def described() -> dict[str, str]:
    """Return the conditions that the page has a row for, with their names for people."""
    return {condition: name for group in GROUPS for condition, name in group.names.items()}


def _groups(core: CoreConfig) -> Iterator[str]:
    names = described()
    for group in GROUPS:
        yield from (f"### {group.title}", "", group.text, "", _row(_HEAD), "|---" * len(_HEAD) + "|")
        for condition in group.names:
            yield _row(_cells(condition, names, core))
        yield ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(condition: str, names: dict[str, str], core: CoreConfig) -> Iterator[str]:
    entry, action = entry_of(condition), ACTIONS[condition]
    limits = [limit for limit in core.vital_limits if limit.condition == condition]
    limits += [drug.dose_rate_high for drug in core.drugs if drug.dose_rate_high.condition == condition]
    technician = "<br>for the technician" if entry.audience is Audience.TECHNICIAN else ""
    yield f"**{names[condition]}**<br>`{condition}`{technician}"
    yield "<br>".join(_when(condition, entry, limits, names, core))
    yield entry.expected
    yield "<br>".join(_ends(condition, entry, limits, core.drugs))
    yield f"{action.english}<br>*{action.norwegian}*"


def _when(
    condition: str, entry: Entry, limits: list[LimitConfig], names: dict[str, str], core: CoreConfig
) -> Iterator[str]:
    for limit in limits:
        if limit.condition == "DOSE_RATE_HIGH":
            yield next(f"{drug.label}:" for drug in core.drugs if drug.dose_rate_high is limit)
        yield from (_limit_band(limit, band) for band in limit.bands)
    if condition == "DOSE_RATE_LOW":
        for drug in core.drugs:
            yield f"{drug.label}:"
            yield _low_dose(drug)
    yield from (_plain_band(band, timed=condition in NOTES) for band in entry.bands)
    if condition in NOTES:
        yield NOTES[condition]
    if condition == "NIBP_OVERDUE":
        yield from (_overdue(interval_s) for interval_s in sorted({bed.cuff_interval_s for bed in core.beds}))
    if entry.worse_step is not None:
        unit = _unit(limits[0])
        yield f"silenced while soft, it sounds again when worse by {entry.worse_step} {unit}"
    if entry.inhibited_by:
        yield f"held back by: {'; '.join(names[cause] for cause in entry.inhibited_by)}"
    marks = ((entry.sensor, "silent off the monitor"), (entry.device, "silent under service"))
    yield from (mark for holds, mark in marks if holds)


def _limit_band(limit: LimitConfig, band: BandLimit) -> str:
    side = "above" if limit.side is Side.HIGH else "below"
    for_s = f"for {duration(band.delay_s)}" if band.delay_s else "at once"
    return f"{_priority(band.priority)}: {side} {band.value} {_unit(limit)} {for_s}"


def _low_dose(drug: DrugConfig) -> str:
    share = f"{(drug.low_fraction * 100).normalize():f} %"
    floor = drug.low_floor_mg_per_kg_per_h
    return f"low: below {share} of the ordered step, or below {floor} mg/kg/h, for {duration(drug.low_delay_s)}"


def _overdue(interval_s: float) -> str:
    low_s = interval_s + CUFF_GRACE_S
    medium_s, high_s = max(low_s, min(2 * interval_s, CUFF_MEDIUM_MAX_S)), max(low_s, CUFF_HIGH_S)
    steps = f"low after {duration(low_s)}, medium after {duration(medium_s)}, high after {duration(high_s)}"
    return f"so with an interval of {duration(interval_s)}, as shipped: {steps} while a pump infuses"


def _plain_band(band: Band, *, timed: bool) -> str:
    """Say a band that comes from no limit. ``timed``: when it is so is told by a note."""
    words = [] if band.name == _DEVICE else [band.name]
    if band.delay_s == 0 and not timed:
        words.append("at once")
    elif band.delay_s and duration(band.delay_s) not in band.name:
        words.append(f"after {duration(band.delay_s)}")
    return f"{_priority(band.priority)}: {', '.join(words)}"


def _ends(condition: str, entry: Entry, limits: list[LimitConfig], drugs: Sequence[DrugConfig]) -> Iterator[str]:
    clear_s = entry.clear_delay_s
    if condition == "DOSE_RATE_LOW":
        clear_s = max(drug.dose_rate_high.clear_delay_s for drug in drugs)
    if condition in ENDS:
        yield ENDS[condition]
    elif limits:
        yield from (_limit_end(limit) for limit in limits)
    else:
        yield f"when its cause is over for {duration(clear_s)}" if clear_s else "when its cause is over"
    priorities = [band.priority for band in entry.bands]
    priorities += [band.priority for limit in limits for band in limit.bands]
    if any(map(entry.latches, priorities)):
        yield "latches when high"


def _limit_end(limit: LimitConfig) -> str:
    held = f" for {duration(limit.clear_delay_s)}" if limit.clear_delay_s else ", with the next measurement"
    return f"{limit.hysteresis} {_unit(limit)} inside its limit{held}"


def _priority(priority: Priority) -> str:
    name = priority.name.lower()
    return f"**{name}**" if priority is Priority.HIGH else name


def _unit(limit: LimitConfig) -> str:
    return _UNITS.get(limit.unit, limit.unit)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check. Returns the exit status: 1 if the page is not in step."""
    parser = argparse.ArgumentParser(prog="python -m edge.alarm_guide", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if the page is not in step")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page is")
    options = parser.parse_args(arguments)
    missing = sorted(CATALOGUE.keys() - described().keys())
    if missing:
        sys.stdout.write(f"edge/alarm_guide_texts.py has no name for {', '.join(missing)}\n")
        return 1
    text = guide()
    if not options.check:
        options.page.write_text(text, encoding="utf-8")
        return 0
    if options.page.exists() and options.page.read_text(encoding="utf-8") == text:
        return 0
    sys.stdout.write(f"{options.page}: not in step with the code; run: python -m edge.alarm_guide\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
