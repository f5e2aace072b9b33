"""`infusion-edge library`: check a drug library, show what it says, and tell what a new one makes laxer or stricter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.config_file import Problem, Reader, suggest
from edge.library_composed import composed_table
from edge.library_facts import Row, differences, facts
from edge.library_reader import LibraryDrug, read_library

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_LIBRARY = 78
"""EX_CONFIG of sysexits.h, as for a configuration that cannot be used."""


NAME_COLUMN = 60
"""Longer names, which are sentences, do not widen the column."""


@dataclass(frozen=True, slots=True)
class _Library:
    file: str
    sha256: str
    name: str
    drugs: tuple[LibraryDrug, ...]


def check(path: Path) -> tuple[int, str]:
    """Check a library. Returns the exit code and the text: every problem, or what is in it."""
    library, refused = _read(path)
    if library is None:
        return EXIT_LIBRARY, refused
    lines = [f"{path} is in order: library {library.name}, sha256 {library.sha256}", ""]
    lines += [
        f"  {each.config.drug:<32}  content {each.config.entry.content}  {_state(each)}" for each in library.drugs
    ]
    for each in library.drugs:
        lines += ["", f"  {each.config.drug}", *(f"    {line}" for line in composed_table(each.config))]
    return EXIT_OK, "\n".join(lines)


def show(path: Path, name: str) -> tuple[int, str]:
    """Show all entries, or the one of this name, with everything that they say."""
    library, refused = _read(path)
    if library is None:
        return EXIT_LIBRARY, refused
    names = [each.config.drug for each in library.drugs]
    if name and name not in names:
        return EXIT_FAILED, f"{path} has no drug {name}; {suggest(name, names)}"
    shown = [_shown(library, each) for each in library.drugs if name in ("", each.config.drug)]
    return EXIT_OK, "\n\n".join(shown)


def diff(old: Path, new: Path) -> tuple[int, str]:
    """Tell which limit a new library makes laxer, which stricter, and what else it changes."""
    before, refused_before = _read(old)
    after, refused_after = _read(new)
    if before is None or after is None:
        return EXIT_LIBRARY, "\n\n".join(filter(None, (refused_before, refused_after)))
    was = {each.config.drug: each for each in before.drugs}
    now = {each.config.drug: each for each in after.drugs}
    counts = {"LAXER": 0, "stricter": 0, "changed": 0}
    lines = [f"from {before.name} ({old}) to {after.name} ({new})"]
    changed = any(
        was[name].config.entry.content != each.config.entry.content for name, each in now.items() if name in was
    )
    if before.name == after.name and (changed or was.keys() != now.keys()):
        lines.append("the content is another and the version is the same: give each content a version of its own")
    for name in dict.fromkeys([*was, *now]):
        rows = _entry_rows(was.get(name), now.get(name))
        lines += ["", name, *_table(rows)] if rows else []
        for verdict, _ in rows:
            counts[verdict] += 1
    lines += ["", ", ".join(f"{count} {verdict}" for verdict, count in counts.items())]
    return EXIT_OK, "\n".join(lines)


def _read(path: Path) -> tuple[_Library | None, str]:
    reader = Reader(path)
    drugs = read_library(reader, clinical=False) if reader.read() else ()
    if reader.problems:
        count = len(reader.problems)
        head = f"{path} cannot be used: {count} problem{'s' * (count > 1)}"
        return None, "\n".join([head, "", *_problem_lines(reader.problems)])
    entry = drugs[0].config.entry
    return _Library(reader.file, reader.sha256, f"{entry.library} {entry.version}", drugs), ""


def _problem_lines(problems: Iterable[Problem]) -> Iterator[str]:
    for problem in problems:
        yield f"{problem.file}: {problem.key}" if problem.key else problem.file
        yield f"    {problem.message}"
        yield f"    -> {problem.remedy}"


def _state(drug: LibraryDrug) -> str:
    approval = drug.config.entry.approval
    approved = "not approved" if approval is None else f"approved by {approval.by} on {approval.on}"
    return approved if drug.enabled else f"{approved}, not enabled"


def _shown(library: _Library, drug: LibraryDrug) -> str:
    entry = drug.config.entry
    head = f"{drug.config.drug}  library {library.name}  content {entry.content}  {_state(drug)}"
    found = list(facts(drug.config))
    width = max(len(fact.name) for fact in found if len(fact.name) <= NAME_COLUMN)
    composed = [f"  {line}" for line in composed_table(drug.config)]
    return "\n".join([head, *(f"  {fact.name.ljust(width)}  {fact.shown}" for fact in found), "", *composed])


def _entry_rows(was: LibraryDrug | None, now: LibraryDrug | None) -> list[Row]:
    if was is None and now is not None:
        return [("changed", f"is new, {_state(now)}")]
    if now is None and was is not None:
        return [("changed", "is gone")]
    if was is None or now is None:
        return []
    rows = []
    if _state(was) != _state(now):
        rows.append(("changed", f"{_state(was)} -> {_state(now)}"))
    rows += differences(was.config, now.config)
    order = {"LAXER": 0, "stricter": 1, "changed": 2}
    return sorted(rows, key=lambda row: order[row[0]])


def _table(rows: Iterable[Row]) -> Iterator[str]:
    yield from (f"  {verdict.ljust(len('stricter'))}  {text}" for verdict, text in rows)
