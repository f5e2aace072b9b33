"""Which configuration a start takes: that of the files, or the one before, where who is watched would lose by it.

Laws:
  * A start takes from a bed no more than a reload would (`edge/core/reconfigure.py`), whoever or whatever started it:
    a crash, the watchdog or a cut of the power must not bring in what a reload refused (H-34).
  * It always ends in watching: by the last good copy where the files are not taken, with the alarm that says why.
  * A person may say that the files be taken all the same. The word counts for these files alone, and once.
"""

from __future__ import annotations

import json
import os
import queue
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from edge.changes import changes_at_start
from edge.config import INVALID_MAX, ConfigError, Configuration, in_short, load
from edge.core.engine import Core
from edge.core.model import Instant
from edge.core.reconfigure import Change
from edge.good_copy import recall
from edge.rows import StoredState
from edge.taken_over import core_state
from edge.terminal import EXIT_FAILED, EXIT_OK
from edge.worker import Worker

WORD = "take-config.json"
"""The file of a person's word in the run directory: the hashes of the files that the next start is to take."""

WORD_MAX_BYTES = 65_536
"""Two hashes with the paths of their files are some hundred bytes."""

LOOK_LIMIT_S = 2.0
"""A disk that gives no small file in this time gives nothing to compare with; the store has its own 8 s after it."""

REMEDY = "; load it when nobody is there, or say: infusion-edge take-config"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a start may take: the files as they are, or what was in force before, where that is another.

    ``store_path`` is where the store is that knows who is watched, ``word`` whether a person said: take the files.
    """

    wanted: Configuration
    before: Configuration | None = None
    store_path: Path | None = None
    word: bool = False

    @property
    def first(self) -> Configuration:
        """By what the store is opened, before it is known which is taken."""
        first = self.before or self.wanted
        return replace(first, store_path=self.store_path or first.store_path)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a start takes. ``refused`` says why not the files; ``by_word`` what it refused but for a person's word."""

    configuration: Configuration
    changes: tuple[Change, ...] = ()
    refused: tuple[str, ...] = ()
    by_word: tuple[str, ...] = ()

    def told(self) -> dict[str, str]:
        """Return what the journal keeps of what was taken, beside the hashes."""
        if self.refused:
            return {}
        words = {f"by_word.{number}": reason for number, reason in enumerate(self.by_word, start=1)}
        return words | {f"change.{number}": one.text for number, one in enumerate(self.changes, start=1)}


def offer(
    path: Path, run_dir: Path, wanted: Configuration, at: Callable[[Configuration], Configuration] = lambda one: one
) -> Offer:
    """Look what was in force before; ``at`` makes of it what was made of the files. Never waits long for a disk."""
    if wanted.core.invalid:
        return Offer(wanted)
    found: queue.SimpleQueue[Offer] = queue.SimpleQueue()
    Worker("last configuration").do(lambda: found.put(_look(path, run_dir, wanted, at)))
    try:
        return found.get(timeout=LOOK_LIMIT_S)
    except queue.Empty:
        _log.warning("it cannot be seen which configuration was in force before", limit_s=LOOK_LIMIT_S)
        return Offer(wanted)


def _look(
    path: Path, run_dir: Path, wanted: Configuration, at: Callable[[Configuration], Configuration] = lambda one: one
) -> Offer:
    try:
        before = _before(path, run_dir, wanted)
        if before is None:
            return Offer(wanted)
        before = at(before)
        # Who moved the store moved those who are watched with it.
        store_path = before.store_path if before.store_path.exists() else wanted.store_path
        return Offer(wanted, before, store_path, _word(run_dir) == dict(wanted.sha256))
    except (OSError, ConfigError) as error:
        _log.warning("it cannot be seen which configuration was in force before", reason=str(error))
        return Offer(wanted)


def _before(path: Path, run_dir: Path, wanted: Configuration) -> Configuration | None:
    """Return what was in force before. None where it is the same, or is not known. Raises ConfigError."""
    kept = recall(path, run_dir)
    return load(path, run_dir, os.environ, kept) if kept and kept != dict(wanted.files) else None


def choose(offered: Offer, stored: StoredState, *, run: str, boot: str, now: Instant) -> Choice:
    """Choose what is in force from the start on, by what the store says of those who are watched."""
    wanted, before = offered.wanted, offered.before
    if before is None:
        return Choice(wanted)
    changes = changes_at_start(before, wanted)
    reasons = tuple(_reasons(before, wanted, changes, stored, run=run, boot=boot, now=now))
    if not reasons or offered.word:
        return Choice(wanted, changes, by_word=reasons)
    known = {bed.bed for bed in before.core.beds}
    core = replace(
        before.core,
        invalid=_in_short(before, wanted, reasons),
        unwatched=tuple(bed.label for bed in wanted.core.beds if bed.bed not in known),
    )
    return Choice(replace(offered.first, core=core), refused=reasons)


def _reasons(
    before: Configuration,
    wanted: Configuration,
    changes: tuple[Change, ...],
    stored: StoredState,
    *,
    run: str,
    boot: str,
    now: Instant,
) -> Iterator[str]:
    """Give every reason why the files may not be taken, as a reload would give it."""
    state = core_state(before.core, run, boot, now, stored)
    if any(change.laxer for change in changes):
        if stored.set_aside:
            yield "the store was damaged: at which beds patients are is not known"
        for bed in state.edge.unreadable:
            yield f"what was kept of {bed} cannot be read"
    yield from Core(before.core, state).refusals(wanted.core, changes)


def _in_short(before: Configuration, wanted: Configuration, reasons: tuple[str, ...]) -> str:
    names = {**before.files, **wanted.files}
    changed = [Path(name).name for name in names if before.files.get(name) != wanted.files.get(name)]
    return in_short([f"{', '.join(changed)}: {reasons[0]}", *reasons[1:]])[: INVALID_MAX - len(REMEDY)] + REMEDY


# --- a person's word --------------------------------------------------------------------------------------------------


def take_config(path: Path, run_dir: Path, environment: Mapping[str, str], *, with_patients: bool) -> tuple[int, str]:
    """Say what the files change, and with the word have the next start take them. Returns exit status and text."""
    try:
        wanted = load(path, run_dir, environment)
    except ConfigError as error:
        return EXIT_FAILED, f"refused: no start can take what cannot be used:\n{error}"
    kept = recall(path, run_dir)
    if not kept or kept == dict(wanted.files):
        return EXIT_OK, "nothing to say: the next start takes these files as they are"
    try:
        changed = changes_at_start(load(path, run_dir, environment, kept), wanted)
    except ConfigError:
        return EXIT_OK, "nothing to say: the copy of before cannot be used, and the next start takes these files"
    told = [f"  {'laxer: ' * one.laxer}{one.text}" for one in changed] or ["  nothing that is watched"]
    if not with_patients:
        rest = "A start takes this by itself when no bed has a patient. If patients are there and it cannot wait, let\n"
        rest += "somebody stand at each bed that it concerns, and say: infusion-edge take-config --with-patients"
        return EXIT_FAILED, "\n".join(["It would change:", *told, rest])
    try:
        _give_word(run_dir, dict(wanted.sha256))
    except OSError as error:
        return EXIT_FAILED, f"{error.filename}: {error.strerror}; run it as root (sudo)"
    rest = "The next start takes it, whoever is watched: sudo systemctl restart infusion-edge"
    return EXIT_OK, "\n".join(["It will change:", *told, rest])


def _give_word(run_dir: Path, sha256: Mapping[str, str]) -> None:
    target = run_dir / WORD
    fresh = target.with_suffix(".new")
    fresh.write_text(json.dumps({"sha256": sha256}), encoding="ascii")
    # Root gives it, and the service, whose folder lets nobody else in, reads it.
    fresh.chmod(0o644)
    fresh.replace(target)


def _word(run_dir: Path) -> object:
    try:
        with (run_dir / WORD).open("rb") as file:
            return json.loads(file.read(WORD_MAX_BYTES)).get("sha256")
    except (OSError, ValueError, AttributeError):
        return None


def forget_word(run_dir: Path) -> None:
    """Take a word back that was acted on, or that is of other files. Raises OSError."""
    (run_dir / WORD).unlink(missing_ok=True)
