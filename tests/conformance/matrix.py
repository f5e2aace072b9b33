"""The conformance matrix: every driver under every fault, in virtual time; printed, and kept in `docs/conformance.md`.

`python -m tests.conformance.matrix` plays all cells and prints the page, `--write` puts it where it belongs. That page
and play agree, and that each cell is as it must be, is tested cell by cell in `test_matrix.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from drivers import registry
from drivers.model import DeviceKind
from tests.conformance.matrix_cases import BEDS, PORTS, Case, case
from tests.conformance.matrix_faults import FAULTS, FROM_S, LINK, NOTES, UNTIL_S, Fault
from tests.conformance.matrix_truth import FRESH_S

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"

RECOVERY_S: Mapping[str, float] = {"bbraun-space-cyclic": 10.0, "philips-intellivue": 12.0, "ge-dri": 6.0}
"""Within so long of a fault's end there is a true and whole sample again. A silent rack is asked again after 7.5 s; an
IntelliVue bears 10 s of silence before it takes a new association; a GE monitor shows its values each 5 s."""
RECOVERY_USUAL_S = 3.0

_WORDS = {
    "PUMP_LINK_LOST": "link",
    "MONITOR_LINK_LOST": "link",
    "LINE_ERRORS": "errors",
    "DATA_FROZEN": "frozen",
    "DEVICE_IDENTITY_CHANGED": "identity",
    "DOSE_INPUT_MISSING": "dose",
    "HR_MISSING": "missing",
    "SPO2_MISSING": "missing",
    "RR_MISSING": "missing",
    "DOSE_UNCERTAIN": "uncertain",
}
_TITLES = {DeviceKind.PUMP: "Pumps", DeviceKind.MONITOR: "Monitors"}


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of one driver under one fault. ``cannot`` says why there is nothing, empty if there is."""

    cannot: str = ""
    samples: int = 0
    false: tuple[str, ...] = ()
    recovery_s: float | None = None
    alarms: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    note: str = ""
    refused: int = 0

    @property
    def text(self) -> str:
        """The cell as it stands in the table."""
        if self.cannot:
            return "n/a"
        words = sorted({_WORDS[alarm] for alarm in self.alarms}) or ["no alarm"]
        back = "never" if self.recovery_s is None else f"{self.recovery_s:.1f} s"
        false = [f"**{len(self.false)} of {self.samples} false**"] if self.false else []
        return ", ".join([back, *words, *false])


def recovery_limit_s(driver: str) -> float:
    """Return within which time a driver is to be back."""
    return RECOVERY_S.get(driver, RECOVERY_USUAL_S)


def play(fault: Fault, one: Case) -> Cell:
    """Play one cell."""
    why = fault.cannot(one)
    if why:
        return Cell(cannot=why)
    rig = fault.run(one)
    good = [at_s for at_s in rig.seen.good_s[PORTS[0]] if at_s >= UNTIL_S]
    before = one.baseline
    return Cell(
        samples=rig.seen.samples,
        false=tuple(rig.seen.false),
        recovery_s=good[0] - UNTIL_S if good else None,
        alarms=frozenset(rig.technical(FROM_S)) - before,
        left=frozenset(rig.standing(BEDS[0], PORTS[0])) - before,
        note=fault.note(one),
        refused=rig.refused,
    )


def as_links(alarms: frozenset[str]) -> set[str]:
    """Return the alarms with one name for a lost link of whatever device."""
    return {LINK if alarm.endswith("_LINK_LOST") else alarm for alarm in alarms}


def page(cells: Mapping[tuple[str, str], Cell]) -> str:
    """Return the page of all cells, by fault and driver."""
    lines = [_PREFACE]
    for kind, title in _TITLES.items():
        drivers = [name for name in registry.names() if registry.driver(name).kind is kind]
        lines += ["", f"## {title}", "", *_table(drivers, cells)]
    lines += ["", "## The faults", "", *(f"- **{fault.name}:** {fault.what}." for fault in FAULTS)]
    lines += ["", "## What less is asked of, and why", "", *_notes(cells)]
    return "\n".join(lines) + "\n"


def _table(drivers: Sequence[str], cells: Mapping[tuple[str, str], Cell]) -> Iterator[str]:
    yield row("fault", *(f"`{name}`" for name in drivers))
    yield "|---" * (len(drivers) + 1) + "|"
    yield row("back within", *(f"{recovery_limit_s(name):g} s" for name in drivers))
    for fault in FAULTS:
        yield row(fault.name, *(cells[fault.name, name].text for name in drivers))


def row(*texts: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(texts)} |"


def _notes(cells: Mapping[tuple[str, str], Cell]) -> Iterator[str]:
    for fault in FAULTS:
        of: dict[str, list[str]] = {}
        for name in registry.names():
            cell = cells[fault.name, name]
            why = cell.cannot or NOTES.get(cell.note, "")
            if why:
                of.setdefault(why, []).append(f"`{name}`")
        for why, names in of.items():
            yield f"- **{fault.name}**, {', '.join(names)}: {why}."


_PREFACE = f"""# Drivers under fault

Made by `python -m tests.conformance.matrix --write`; do not edit. Each cell is a test of its own
(`tests/conformance/test_matrix.py`), and fails if this page does not say what it does.

Each driver talks with the simulator of its device, written by another hand from the same sheet, and the core listens,
all in virtual time. A fault is there for {UNTIL_S - FROM_S:.0f} s. A cell says how long after its end there was a true
and whole sample again, and which technical alarms came of it: *link* (PUMP_LINK_LOST, MONITOR_LINK_LOST), *errors*
(LINE_ERRORS), *frozen* (DATA_FROZEN), *identity* (DEVICE_IDENTITY_CHANGED), *missing* (HR_MISSING and the like), *dose*
(DOSE_INPUT_MISSING), *uncertain* (DOSE_UNCERTAIN: without a serial number no gap of the counter is bridged). Each is
over at the end, but for that of another device than before, which stands until somebody has seen it, and the last,
which stands as long as the treatment. *n/a*: the device cannot have this fault.

In every cell nothing crashed, and no simulator heard anything but the questions that it knows (a wrong speed aside,
which makes noise of them). Each number, state and serial number that a driver said was one that the simulator held
within {FRESH_S:g} s before, or at all while it was stuck or frozen. Where a line has no checksum a damaged digit can be
another digit: there the cell counts how many readings were false. Damage is one byte of a message on average.

Where several bytes of a message are wrong they can cancel out in the sums of B. Braun, GE and Nonin messages: with one
byte in a hundred wrong, some four in a message, one of 125 damaged B. Braun messages passed, with a false serial
number, which raised DEVICE_IDENTITY_CHANGED. That is the protocol's and cannot be mended here; LINE_ERRORS tells of
such a line (H-12).

Each driver also reads its simulator over a real pty (`tests/conformance/test_every_driver_on_a_pty.py`)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play all cells and print the page, or write it. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.matrix", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    options = parser.parse_args(arguments)
    cells: dict[tuple[str, str], Cell] = {}
    for name in registry.names():
        sys.stderr.write(f"{name}\n")
        one = case(name)
        cells |= {(fault.name, name): play(fault, one) for fault in FAULTS}
    text = page(cells)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
