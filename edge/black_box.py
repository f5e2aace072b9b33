"""The black box: when a high alarm begins, the last that its devices said is written to files that `replay` reads.

Laws:
  * No alarm waits for it: the ring is copied when the step is carried out; a thread of its own writes.
  * The disk is never flooded: files are bounded in number and bytes, and a port writes again only after a pause.
  * A file is whole or not there. It may be of a patient: its folder and it are made for their owner alone.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import structlog

from edge.clock import rfc3339
from edge.config_ports import PortRuntime
from edge.core.model import Alarm, Instant
from edge.recording import Head, Writer
from edge.tape import MEMORY_MAX, Piece, Session, Tape, sessions
from edge.worker import Worker

FOLDER = "black-box"

FILES_MAX = 60
"""The last dozen high alarms of a bed with two devices at least."""

FOLDER_BYTES_MAX = 48 * 1024 * 1024
"""Some sixty files of the largest size; most are far smaller."""

FILE_BYTES_MAX = 1024 * 1024
"""A ring as text is no longer: each byte is two digits, and each piece has some words."""

PAUSE_S = 300.0
"""A port is written again only after that: its ring holds about as much, and a card lives of few writings."""

SESSIONS_MAX = 2
"""Of a port the conversation now, and the one before: a link that was lost is what an alarm may be about."""

FREE_BYTES = 128 * 1024 * 1024
"""So much stays free for the store: alarms before evidence."""

ALL_TAPES_MAX = 8 * 1024 * 1024
"""Memory of all rings: those of many ports are shorter."""

WAITING_MAX = 8
"""Alarms whose files wait to be written; more come only where the disk hangs."""

_NAME = re.compile(r"([0-9]{6,12})-[a-z0-9._-]+\.jsonl")
_PART = ".part"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written, and the alarm that it is of."""

    name: str
    bed: str
    key: str
    occurrence: str
    port: str


class BlackBox:
    """The tapes of all ports, and the folder beside the store.

    ``ports_of`` names the ports of a bed. ``on_written`` is called through ``deliver`` for each file.
    """

    def __init__(
        self,
        folder: Path,
        ports: Sequence[PortRuntime],
        *,
        ports_of: Callable[[str], Iterable[str]],
        on_written: Callable[[Written], None],
        deliver: Callable[[Callable[[], None]], object],
    ) -> None:
        self._folder = folder
        self._ports = {port.port: port for port in ports}
        self._ports_of = ports_of
        self._on_written = on_written
        self._deliver = deliver
        self._kept_at_s: dict[str, float] = {}
        self._waiting = 0
        self._worker = Worker("black box")
        share = min(MEMORY_MAX, ALL_TAPES_MAX // max(1, len(ports)))
        self.tapes = {port.port: Tape(share) for port in ports}

    def change(self, ports: Sequence[PortRuntime]) -> None:
        """From now on these are the ports; one that is another begins a tape of its own."""
        share = min(MEMORY_MAX, ALL_TAPES_MAX // max(1, len(ports)))
        before, self._ports = self._ports, {port.port: port for port in ports}
        self.tapes = {
            name: self.tapes[name] if before.get(name) == port else Tape(share) for name, port in self._ports.items()
        }

    def keep(self, alarm: Alarm, now: Instant) -> None:
        """Have written what the device said that an alarm is about, and those of its bed; never waits."""
        names = {alarm.key.port, *self._ports_of(alarm.key.bed)} & self._ports.keys()
        due = [name for name in sorted(names) if now.mono_s - self._kept_at_s.get(name, -PAUSE_S) >= PAUSE_S]
        if not due or self._waiting >= WAITING_MAX:
            return
        self._kept_at_s.update(dict.fromkeys(due, now.mono_s))
        copies = [(self._ports[name], self.tapes[name].copy()) for name in due]
        self._waiting += 1
        self._worker.do(partial(self._write_all, alarm, now, copies))

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _write_all(self, alarm: Alarm, now: Instant, copies: list[tuple[PortRuntime, tuple[Piece, ...]]]) -> None:
        written: list[Written] = []
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            for port, ring in copies:
                for session in list(sessions(ring))[-SESSIONS_MAX:]:
                    name = self._write(alarm, now, port, session)
                    written.append(Written(name, alarm.key.bed, alarm.key.name, alarm.occurrence, port.port))
        except Exception as error:  # noqa: BLE001 - evidence alone is lost, and the thread must live
            _log.error("black_box.not_written", occurrence=alarm.occurrence, reason=str(error))
        # A loop that is closed takes no more results.
        with contextlib.suppress(RuntimeError):
            self._deliver(partial(self._done, written))

    def _done(self, written: list[Written]) -> None:
        self._waiting -= 1
        for one in written:
            _log.info("black_box.written", file=one.name, port=one.port, occurrence=one.occurrence)
            self._on_written(one)

    def _write(self, alarm: Alarm, now: Instant, port: PortRuntime, session: Session) -> str:
        number = self._make_room()
        name = f"{number:06}-{_harmless(alarm.occurrence)}-{_harmless(port.port)}.jsonl"
        path = self._folder / name
        part = path.with_name(name + _PART)
        began_wall_s = now.wall_s - (now.mono_s - session.began_s)
        head = Head(
            version("infusion-edge"),
            port.driver.name,
            port.address,
            port.line,
            port.poll_interval_s,
            rfc3339(began_wall_s),
            now.synchronised,
            port.channels,
            None if port.asks_at_s is None else (port.asks_at_s - session.began_s) % port.poll_interval_s,
        )
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - with a mode of its own
                writer = Writer(file, head)
                for entry in session.entries:
                    writer.add(entry)
                cut = "" if session.whole else "; it begins in the middle of a conversation"
                writer.end(session.entries[-1].at_s, f"{alarm.key.name} {alarm.occurrence}{cut}")
                os.fsync(file.fileno())
            part.rename(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        return name

    def _make_room(self) -> int:
        """Let the oldest files go, and what was not ended; return the number of the next one. Raises OSError."""
        found: list[tuple[int, int, Path]] = []
        for path in self._folder.iterdir():
            if path.name.endswith(_PART):
                path.unlink(missing_ok=True)
            elif match := _NAME.fullmatch(path.name):
                found.append((int(match[1]), path.stat().st_size, path))
        # By number: the wall clock may have been anywhere.
        found.sort()
        last = found[-1][0] if found else 0
        used = sum(size for _, size, _ in found)
        while found and (len(found) >= FILES_MAX or used + FILE_BYTES_MAX > FOLDER_BYTES_MAX):
            _, size, path = found.pop(0)
            path.unlink(missing_ok=True)
            used -= size
        if (free := os.statvfs(self._folder)).f_bavail * free.f_frsize < FREE_BYTES:
            raise OSError(f"less than {FREE_BYTES} bytes are free")
        return last + 1


def _harmless(text: str) -> str:
    return re.sub(r"[^a-z0-9.-]", "_", text.lower())[:40]
