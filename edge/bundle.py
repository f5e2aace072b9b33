"""`bundle`: a spare computer becomes this edge, when its own died: configuration, library, and what the store kept.

Laws:
  * Nothing is written before everything was checked: the bundle whole, the configuration usable here with the new
    credentials, every row readable, nothing there already.
  * No credential is in a bundle. The spare gets new ones, and the broker then refuses the old computer
    (`broker-files --renew`).
  * Whether the treatments of the bundle still are those of the beds is for people to say, never assumed (H-09). What
    they gave until then is not known, and never zero (`edge/core/replaced.py`).
  * Old files are set aside, never overwritten; edge.toml comes last, so that half a take-over never starts.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

from edge.bodies import alarm_body, alarm_from_body, kept_body, kept_from_body
from edge.bundle_file import (
    BUNDLE_MAX_BYTES,
    FILE_NAME,
    BundledAlarm,
    BundledFile,
    BundledPart,
    BundledState,
    BundleError,
    Content,
    digest,
    opened,
    sealed,
)
from edge.clock import rfc3339
from edge.config import ConfigError, Configuration, load
from edge.config_broker import CREDENTIAL, is_loopback
from edge.config_file import toml
from edge.core.model import Instant
from edge.core.replaced import Part, of_replaced
from edge.core.therapy_state import KeptTherapy
from edge.good_copy import NAME as GOOD_COPY
from edge.lock import AlreadyRunningError, lock
from edge.rows import AlarmRow, JournalRow, Run, TherapyRow, Transaction
from edge.store_file import StoreFile, StoreFileError
from edge.store_reading import read_kept

CREDENTIAL_FILES = ("ca_file", "certificate_file", "key_file", "password_file")
"""The keys of `[broker]` that name what an edge logs in with."""

OWNER_ONLY, GROUP_READS = 0o600, 0o640
USER = "infusion-edge"
SHIPPED = Path("/usr/share/infusion-edge/drugs.toml")
"""The library that the package puts beside edge.toml: untouched, it is nobody's, and is set aside without a word."""


class Treatments(StrEnum):
    """What is to become of the treatments in a bundle."""

    UNSAID = "unsaid"
    TAKE = "take"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a bundle is to live: its configuration, its store, and systemd's folder of credentials.

    ``credentials`` is the folder of new ones, as `broker-files` made it, ``None`` where the edge logs in with none.
    """

    config: Path
    run_dir: Path
    credstore: Path
    credentials: Path | None
    treatments: Treatments
    force: bool


# --- export -----------------------------------------------------------------------------------------------------------


def export(
    config: Path,
    run_dir: Path,
    out: Path,
    now: Instant,
    *,
    with_state: bool,
    environment: Mapping[str, str] = os.environ,
) -> str:
    """Write the bundle of this edge into a new file of its owner alone; return what to say. Raises BundleError."""
    configuration = _load(config, run_dir, environment)
    files = tuple(_bundled(Path(name), data, config.parent) for name, data in configuration.files.items())
    state = _state_of(configuration.store_path) if with_state else None
    core = configuration.core
    content = Content(
        program=version("infusion-edge"),
        site=core.site,
        edge=core.edge,
        exported=rfc3339(now.wall_s),
        synchronised=now.synchronised,
        main=config.name,
        files=files,
        state=state,
    )
    data = sealed(content)
    try:
        _put(out, data, OWNER_ONLY)
    except FileExistsError as error:
        raise BundleError(f"{out} is there already: name a new file") from error
    except OSError as error:
        raise BundleError(f"{out} cannot be written: {error.strerror}") from error
    names = ", ".join(file.name for file in files)
    beds = list(_patients(content))
    return "\n".join(
        [
            f"{out}: the edge {core.edge} at site {core.site}: {names}",
            *(f"  {row}" for row in beds or ["no bed has a patient" if with_state else "without treatments"]),
            "It holds case numbers, and nothing to log in with. Keep it where nobody else reads it.",
            f"On the spare: infusion-edge bundle import {out.name} --credentials FOLDER",
        ]
    )


def _bundled(path: Path, data: bytes, base: Path) -> BundledFile:
    try:
        name = path.relative_to(base).as_posix()
    except ValueError as error:
        raise BundleError(
            f"{path} is not below {base}: move it there, so that the spare finds it by the same name"
        ) from error
    if not re.fullmatch(FILE_NAME, name):
        raise BundleError(
            f"{path}: in a bundle a name has letters, digits, points, hyphens and underscores alone, and no .. before "
            "it: rename it"
        )
    return BundledFile(name=name, text=data.decode())


def _state_of(store: Path) -> BundledState:
    try:
        kept, head = read_kept(store)
    except StoreFileError as error:
        raise BundleError(f"{error}. For the configuration alone: --without-state") from error
    return BundledState(
        run=kept.previous_run,
        event_seq=kept.previous_event_seq,
        journal_head="" if head is None else str(head),
        alarms=tuple(
            BundledAlarm(bed=a.bed, key=a.key, occurrence=a.occurrence, rev=a.rev, body=a.body) for a in kept.alarms
        ),
        therapies=tuple(BundledPart(bed=row.bed, part=row.part, body=row.body or "") for row in kept.therapy),
    )


# --- import -----------------------------------------------------------------------------------------------------------


def bring_in(bundle: Path, target: Target, now: Instant, run: str) -> str:
    """Make this computer the edge of a bundle; return what to say. Raises BundleError, and then wrote nothing.

    ``run`` marks what is set aside here.
    """
    try:
        with bundle.open("rb") as file:
            data = file.read(BUNDLE_MAX_BYTES + 1)
    except OSError as error:
        raise BundleError(f"{bundle} cannot be read: {error.strerror}") from error
    try:
        content = opened(data)
    except BundleError as error:
        raise BundleError(f"{bundle}: {error}") from error
    credentials = tuple(_credentials(content, target))
    configuration = _checked(content, target, credentials)
    rows = _rows(content, target, now)
    store = configuration.store_path
    fresh = tuple(_fresh(content, target, credentials))
    there = [path for path in (*(one.path for one in fresh), store) if path.exists()]
    if (theirs := [path for path in there if not _is_as_shipped(path)]) and not target.force:
        names = ", ".join(map(str, theirs))
        raise BundleError(
            f"{names}: there already. Nothing was written. If this computer is to become {content.edge}, say --force: "
            "what is there is set aside"
        )
    try:
        _write(store, rows, fresh, there, target=target, run=run)
    except AlreadyRunningError as error:
        raise BundleError(f"{error} (infusion-edge stop)") from error
    except OSError as error:
        raise BundleError(
            f"{error.filename or store} cannot be written: {error.strerror}. edge.toml comes last: nothing starts from "
            "what was written before it. Mend the cause, and import again with --force"
        ) from error
    return "\n".join([*_said(content, target, there, run), *_lacking(configuration)])


def _is_as_shipped(path: Path) -> bool:
    try:
        return path.name == SHIPPED.name and path.read_bytes() == SHIPPED.read_bytes()
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class _Credential:
    """One file that the edge logs in with: from where, and to where."""

    source: Path
    path: Path
    name: str
    told: str


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A file that is to be here. ``of_root``: for systemd alone, which hands it over."""

    path: Path
    data: bytes
    of_root: bool = False


_Rows: TypeAlias = tuple[Run, int, Transaction]


def _credentials(content: Content, target: Target) -> Iterator[_Credential]:
    """Give what `[broker]` of a bundle wants, and where the new ones are."""
    main = next((file.text for file in content.files if file.name == content.main), None)
    if main is None:
        raise BundleError(f"the bundle names {content.main} as its configuration, and does not hold it")
    try:
        broker: Any = toml(main).get("broker", {})
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{content.main} of the bundle cannot be read: {error}") from error
    wanted = {key: told for key in CREDENTIAL_FILES if isinstance(told := broker.get(key), str)}
    if wanted and target.credentials is None:
        raise BundleError(
            "a bundle holds nothing to log in with: make new ones with infusion-edge broker-files --renew, "
            f"and name the folder edge-{content.edge} that it makes: --credentials FOLDER"
        )
    for key, told in wanted.items():
        if target.credentials is None:
            return
        handed = told.removeprefix(CREDENTIAL)
        if told != handed:  # systemd hands it over: files of broker-files have a point where its names have a hyphen
            source = target.credentials / handed.replace("-", ".")
            path = target.credstore / f"infusion-edge.{handed}"
        elif Path(told).is_absolute():
            source, path = target.credentials / Path(told).name, Path(told)
        elif ".." in Path(told).parts:
            raise BundleError(
                f"broker.{key}: {told} leads out of the folder of edge.toml: name the whole path, and export it again"
            )
        else:
            source, path = target.credentials / Path(told).name, target.config.parent / told
        if not source.is_file():
            raise BundleError(
                f"broker.{key}: there is no {source}: name the folder that broker-files made for this edge"
            )
        yield _Credential(source, path, handed, told)


def _checked(content: Content, target: Target, credentials: Sequence[_Credential]) -> Configuration:
    """Load the configuration of a bundle as it would be here, in a folder of its own. Raises BundleError."""
    with tempfile.TemporaryDirectory(prefix="infusion-edge-bundle-") as folder:
        stage = Path(folder)
        handed = stage / ".handed"
        handed.mkdir()
        for file in content.files:
            _put(stage / file.name, file.text.encode(), OWNER_ONLY)
        for one in credentials:
            place = handed / one.name if one.told.startswith(CREDENTIAL) else stage / one.told
            if not Path(one.told).is_absolute():
                _put(place, one.source.read_bytes(), OWNER_ONLY)
        try:
            found = load(stage / content.main, target.run_dir, {"CREDENTIALS_DIRECTORY": str(handed)})
        except ConfigError as error:
            problems = str(error).replace(f"{stage}/", "")
            raise BundleError(f"this program cannot use the configuration of the bundle:\n{problems}") from error
    if (found.core.site, found.core.edge) != (content.site, content.edge):
        raise BundleError("its configuration is of another edge than the bundle says: export it again")
    return found


def _rows(content: Content, target: Target, now: Instant) -> _Rows:
    """Make the rows of the new store. Raises BundleError where one cannot be read, or nobody said what holds."""
    state = content.state or BundledState(run="", event_seq=0, journal_head="", alarms=(), therapies=())
    patients = list(_patients(content))
    if patients and target.treatments is Treatments.UNSAID:
        told = "\n".join(f"  {row}" for row in patients)
        raise BundleError(
            f"the bundle has treatments, of {_when(content)}:\n{told}\n"
            "Look at the beds. If these patients are there still: --treatments take. If not: --treatments leave"
        )
    take = target.treatments is not Treatments.LEAVE
    if not take:
        state = state.model_copy(update={"alarms": (), "therapies": ()})
    try:
        parts = [Part(row.bed, row.part, kept_from_body(row.bed, row.part, row.body)) for row in state.therapies]
        alarms = [
            AlarmRow(row.bed, row.key, row.occurrence, row.rev, alarm_body(alarm_from_body(row.body)))
            for row in state.alarms
        ]
    except ValueError as error:
        raise BundleError(
            f"a row of its store cannot be read by this program: {str(error)[:200]}. Export it again with this "
            "version; if that says the same, bring in the rest with --treatments leave, and enter the treatments anew"
        ) from error
    # Without the boot whose clock their times are of: they are of no boot of this computer.
    kept = tuple(
        TherapyRow(each.bed, each.part, kept_body(each.bed, each.part, each.body)) for each in of_replaced(parts)
    )
    story = {
        "bundle": digest(content.model_dump(mode="json")),
        "exported": content.exported,
        "program": content.program,
        "treatments": "taken over, totals not known" if take and patients else "none",
        "journal_head": state.journal_head,
    }
    run = Run(state.run or f"bundle-{content.edge}", "", rfc3339(now.wall_s), "")
    row = JournalRow(
        run.run, "imported", rfc3339(now.wall_s), now.synchronised, now.mono_s, json.dumps(story, ensure_ascii=False)
    )
    transaction = Transaction(0, alarms=tuple(alarms), journal=(row,), therapy=kept)
    return run, state.event_seq, transaction


def _fresh(content: Content, target: Target, credentials: Sequence[_Credential]) -> Iterator[_Fresh]:
    """Give the files that are to be here, edge.toml last, by the name that it has here."""
    for one in credentials:
        yield _Fresh(one.path, one.source.read_bytes(), of_root=one.told.startswith(CREDENTIAL))
    for file in sorted(content.files, key=lambda each: each.name == content.main):
        name = target.config.name if file.name == content.main else file.name
        yield _Fresh(target.config.parent / name, file.text.encode())


def _write(
    store: Path, rows: _Rows, fresh: Sequence[_Fresh], there: Sequence[Path], *, target: Target, run: str
) -> None:
    """Set aside what is there, and write the store first and edge.toml last. Raises OSError, AlreadyRunningError."""
    store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    taken = lock(store)
    try:
        for path in there:
            for part in ("", "-wal", "-shm") if path == store else ("",):
                with_part = path.with_name(path.name + part)
                if with_part.exists():
                    with_part.rename(with_part.with_name(f"{with_part.name}.before-{run}"))
        # What was good before is another edge's.
        (target.run_dir / GOOD_COPY).unlink(missing_ok=True)
        _make_store(store, rows)
    finally:
        os.close(taken)
    for path in store.parent.glob(f"{store.name}*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(OWNER_ONLY)  # it has case numbers
            _give(path, target.run_dir)
    for one in fresh:
        _put(one.path, one.data, OWNER_ONLY if one.of_root else GROUP_READS)
        if not one.of_root:
            _give_group(one.path, target.run_dir)


def _make_store(store: Path, rows: _Rows) -> None:
    run, event_seq, transaction = rows
    file = StoreFile(store, run)
    try:
        found = file.open()
        if found.fault:
            raise OSError(0, found.fault, str(store))
        file.begin_after(event_seq, transaction)
    except StoreFileError as error:
        raise OSError(0, str(error), str(store)) from error
    finally:
        file.drop()


def _give(path: Path, like: Path) -> None:
    """Let a file belong to the service's user: root brings it in, and the service writes it."""
    if os.geteuid() == 0:
        os.chown(path, *_service(like))


def _give_group(path: Path, like: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, 0, _service(like)[1])


def _service(like: Path) -> tuple[int, int]:
    """Return user and group of the service; where the package is not installed, those of its folder."""
    try:
        user = pwd.getpwnam(USER)
    except KeyError:
        folder = like.stat()
        return folder.st_uid, folder.st_gid
    return user.pw_uid, user.pw_gid


def _put(path: Path, data: bytes, mode: int) -> None:
    """Write a new file whole, and to the disk. Raises FileExistsError, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)  # whatever the umask of whoever brings it in
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)  # half a file would be taken for one
        raise


def _load(config: Path, run_dir: Path, environment: Mapping[str, str]) -> Configuration:
    try:
        return load(config, run_dir, environment)
    except ConfigError as error:
        raise BundleError(f"the configuration cannot be used, so a spare could not either:\n{error}") from error


# --- words ------------------------------------------------------------------------------------------------------------


def _patients(content: Content) -> Iterator[str]:
    """Say each treatment of a bundle; what cannot be read is said when the rows are."""
    for row in content.state.therapies if content.state is not None else ():
        try:
            kept = kept_from_body(row.bed, row.part, row.body)
        except ValueError:
            continue
        if isinstance(kept, KeptTherapy) and kept.therapy.patient is not None:
            drugs = ", ".join(order.drug for order in kept.therapy.orders) or "no order"
            yield f"{row.bed}: case {kept.therapy.patient.case}, {kept.therapy.phase}, {drugs}"


def _lacking(configuration: Configuration) -> Iterator[str]:
    """Say what the old computer had beside its configuration, and this one has not."""
    paths = [port.address for port in configuration.ports if port.address.startswith("/")]
    if gone := [path for path in paths if not Path(path).exists()]:
        yield f"CAREFUL: not here: {', '.join(gone)}. Plug the adapters in, and name them (infusion-edge ports), before"
        yield "it starts; or bring the old computer's /etc/udev/rules.d/71-infusion-beds.rules."
    if not is_loopback(configuration.broker.host):
        yield f"The broker {configuration.broker.host} is on another computer: it needs the drop-in network.conf."


def _when(content: Content) -> str:
    return content.exported if content.synchronised else f"{content.exported} (by a clock that was not synchronised)"


def _said(content: Content, target: Target, there: Sequence[Path], run: str) -> Iterator[str]:
    patients = list(_patients(content))
    yield f"This computer is the edge {content.edge} at site {content.site} now, as of {_when(content)}."
    if there:
        yield f"Set aside, with .before-{run} after their names: {', '.join(map(str, there))}"
    if patients and target.treatments is Treatments.TAKE:
        yield "Taken over; what was given is not known until the order is entered again with what was given before:"
        yield from (f"  {row}" for row in patients)
    elif patients:
        yield "Left out: start these patients again at the beds where they are:"
        yield from (f"  {row}" for row in patients)
    yield f"Next: sudo infusion-edge check-config {target.config}, then sudo systemctl restart infusion-edge"
    yield "Never start the old computer again in this name: if its credentials were renewed, the broker refuses it."
