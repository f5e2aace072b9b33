"""``python -m bench [--quick] [--json FILE] [SECTION ...]``: measure, and say which aims are met."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench import codec, core, idle, latency, start, station
from bench.full_store import EVENTS, QUICK_EVENTS, QUICK_ROWS, ROWS
from bench.process import ROOT, environment, forget_compiled
from bench.report import Report

SECTIONS = ("start", "idle", "core", "codec", "latency", "station")
STARTS, QUICK_STARTS = 7, 2
STEPS, QUICK_STEPS = 10_000, 1_000
CODEC_S, QUICK_CODEC_S = 1.0, 0.2
IDLE_S, QUICK_IDLE_S = 60.0, 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections that are asked for. The status is 0 whatever was measured: these are figures, not a test."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the daemon against a plain script.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="under a minute, with rough figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(arguments)
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    asked = options.sections or SECTIONS
    began_s = time.monotonic()
    try:
        report = _run([name for name in SECTIONS if name in asked], quick=options.quick)
    finally:
        forget_compiled()
    where = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {platform.release()}"
    lasted_s = time.monotonic() - began_s
    print(f"{where}; {'quick, ' if options.quick else ''}{lasted_s:.0f} s\n\n{report.tables()}")
    if options.json is not None:
        data = {"machine": where, "quick": options.quick, "lasted_s": round(lasted_s), **report.data()}
        options.json.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return 0


def _run(sections: Sequence[str], *, quick: bool) -> Report:
    report = Report()
    # Compile everything once: the first start is not to be measured with it.
    warm_up = f"{start.IMPORTED}, bench.plain, bench.relay, bench.load, edge.cli, simulators.cli, {station.IMPORTED}"
    subprocess.run([sys.executable, "-c", warm_up], env=environment(), cwd=ROOT, check=True)
    for section in sections:
        match section:
            case "start":
                _say("start")
                rows, events = (QUICK_ROWS, QUICK_EVENTS) if quick else (ROWS, EVENTS)
                report.start = start.measure(QUICK_STARTS if quick else STARTS, rows, events)
            case "idle":
                report.idle = _idle(quick=quick)
            case "core":
                _say("core")
                report.core = core.measure(QUICK_STEPS if quick else STEPS)
            case "codec":
                _say("codec")
                report.codec = codec.measure(QUICK_CODEC_S if quick else CODEC_S)
            case "latency":
                for case in latency.QUICK_CASES if quick else latency.CASES:
                    _say(f"latency with {case.devices} devices at {case.rate_hz:g}/s")
                    report.latency += latency.measure(case)
            case "station":
                for ward in station.QUICK_CASES if quick else station.CASES:
                    _say(f"the station with {ward.beds} beds")
                    report.station.append(station.measure(ward))
    return report


def _idle(*, quick: bool) -> list[idle.Result]:
    rows = []
    for infusing in (False,) if quick else (False, True):
        _say(f"two beds, {'infusing' if infusing else 'idle'}")
        rows.append(idle.measure(QUICK_IDLE_S if quick else IDLE_S, infusing=infusing))
    return rows


def _say(what: str) -> None:
    print(f"measuring {what} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
