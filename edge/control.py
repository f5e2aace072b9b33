"""The control socket: the command line at the bedside computer looks at alarms, and acts on them, without a broker.

One JSON object a line, each answered by one. ``{"get": "alarms"}`` gives the run, the edge's clock, the beds, and the
standing alarms and the pauses in force as they were last published; ``{"get": "therapy"}`` the therapies beside them;
``{"get": "self-check"}`` the last status and self-check, and the hashes of the files that are in force.
``{"ask": VERB, ...}``, with the fields of that verb's request, goes the way of every request, as one of the station
``local``; its answer comes here instead of to the broker. ``{"ask": "history", ...}`` is answered with a page of
history. ``{"error": ...}`` says why something was not asked at all, or that no answer came.

Laws:
  * Who may connect is decided by the file's group; who asks is told by the kernel, never by the asker.
  * No client can stop or stall the edge: lines, connections, waiting and writing are bounded, and so is how often one
    may ask.
  * An edge whose socket cannot be made watches all the same; a disk that hangs under it holds up nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import socket
import stat
import struct
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from edge import asking
from edge.core.config import LOCAL
from edge.core.inputs import Request
from edge.messages.verbs import LOOKS
from edge.outgoing import Lane, Outgoing
from edge.worker import Worker

NAME = "control.sock"

LINE_MAX = 4096
"""The longest request has a key of 200 characters and some short fields."""

CONNECTIONS_MAX = 8
"""Nobody types at more than a few terminals; a request each is far below what may wait in the inbox."""

IDLE_S = 30.0
"""A connection that says nothing for so long is given up: no basis of a request is good for longer."""

WRITE_S = 5.0
"""Who does not read an answer for so long is given up."""

PAUSE_S = 0.05
"""After each line its connection rests: eight together may then ask 160 times a second, which costs the loop little."""

ANSWER_S = 5.0
"""An answer waits for its commit, and a commit for another program's lock 2 s at most."""

FOLDER_S = 2.0
"""A folder that takes longer to make the socket, or to take it away, hangs: a healthy one needs a few milliseconds."""

USER_S = 1.0
"""Who asks is told by his number where his name cannot be read sooner: a nurse waits for the answer."""

PATH_MAX = 107
"""Bytes of a socket's path that the kernel takes (``sun_path``, less its end)."""

_PASSWD = Path("/etc/passwd")
_LEAVES_IT: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""Python 3.13 would look at the file, and take it away, in the event loop."""

_UNMAPPED_UID = 65534
"""What the kernel gives for a user whom the service's own user namespace does not know."""

_log = structlog.get_logger(__name__)


class ControlError(Exception):
    """The socket cannot be made; the text says why, and what to do."""


def path_of(given: Path | None, run_dir: Path, environment: Mapping[str, str]) -> Path:
    """Return where the socket belongs: as given, or in systemd's runtime directory, or in the run directory."""
    # systemd names several directories with colons between.
    runtime = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return given or Path(runtime or run_dir) / NAME


class Control:
    """The daemon's end of the control socket.

    ``run`` names the run, ``mono_s`` is the monotonic clock, ``put`` takes a request to the core, and ``look_back``
    answers one that only looks, with a page of history. ``configuration`` gives each file in force with its hash.
    """

    def __init__(
        self,
        run: str,
        *,
        mono_s: Callable[[], float],
        put: Callable[[Request], None],
        look_back: Callable[[bytes, Callable[[bytes], None]], None] | None = None,
        configuration: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._run = run
        self._mono_s = mono_s
        self._put = put
        self._look_back = look_back
        self._configuration = configuration
        self._alarms: dict[str, bytes] = {}
        self._pauses: dict[str, list[dict[str, object]]] = {}
        self._therapies: dict[str, bytes] = {}
        self._beds: list[dict[str, str]] = []
        self._pulse: dict[Lane, bytes] = {}
        self._gets = {
            "alarms": self._get_alarms,
            "therapy": self._get_therapy,
            "self-check": self._get_self_check,
        }
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._talking: set[asyncio.Task[None]] = set()
        self._folder = Worker("control socket")
        self._names = Worker("user names")

    async def run(self, path: Path) -> None:
        """Serve until cancelled. A socket that cannot be made is said in the log, and the edge goes on without it."""
        try:
            made = await self._make(path)
            server = await asyncio.start_unix_server(self._talk, sock=made, limit=LINE_MAX, **_LEAVES_IT)
        except (ControlError, OSError) as error:
            _log.error("control.unavailable", path=str(path), reason=str(error))
            return
        try:
            await self._folder.ask(partial(_beside(path).replace, path))
            await asyncio.Event().wait()
        except OSError as error:
            _log.error("control.unavailable", path=str(path), reason=str(error))
        finally:
            server.close()
            for task in self._talking:
                task.cancel()
            await asyncio.gather(*self._talking, return_exceptions=True)
            # What is left there is known for dead by the next start.
            with contextlib.suppress(OSError):
                await self._folder.ask(partial(path.unlink, missing_ok=True), FOLDER_S)

    async def _make(self, path: Path) -> socket.socket:
        """Make the socket, however long its folder takes. Raises ControlError, OSError."""
        making = asyncio.ensure_future(self._folder.ask(partial(_bind, path)))
        try:
            await asyncio.wait({making}, timeout=FOLDER_S)
            if not making.done():
                _log.error("control.unavailable", path=str(path), reason="its folder does not answer; it is waited for")
            return await making
        finally:
            making.cancel()

    def published(self, outgoing: Outgoing) -> None:
        """Take note of what is published: of an alarm, what readers see of it; the beds, and their pauses."""
        if outgoing.lane in (Lane.STATUS, Lane.SELF_CHECK):
            self._pulse[outgoing.lane] = _bytes(outgoing)
        elif not outgoing.payload:
            self._therapies.pop(outgoing.topic, None)
            self._pauses.pop(outgoing.topic, None)
        elif outgoing.lane is Lane.THERAPY:
            therapy = json.loads(_bytes(outgoing))
            self._therapies[outgoing.topic] = _bytes(outgoing)
            self._pauses[outgoing.topic] = [{"bed": therapy["bed"], **pause} for pause in therapy["pauses"]]
        elif outgoing.lane is Lane.ROSTER:
            roster = json.loads(_bytes(outgoing))
            self._beds = [{"bed": row["bed"], "label": row["label"]} for row in roster["beds"]]
        elif outgoing.alarm is not None and outgoing.then_empty:
            self._alarms.pop(outgoing.topic, None)
        elif outgoing.alarm is not None:
            self._alarms[outgoing.topic] = _bytes(outgoing)

    def answered(self, request_id: str, outgoing: Outgoing) -> None:
        """Give the answer to a request to whom asked last with its identifier, if he still waits."""
        waiting = self._waiting.pop(request_id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(_bytes(outgoing))

    # --- connections --------------------------------------------------------------------------------------------------

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        try:
            if task is None or len(self._talking) >= CONNECTIONS_MAX:
                writer.write(_error(f"{CONNECTIONS_MAX} others are connected: try again soon") + b"\n")
                return
            self._talking.add(task)
            # All is with the kernel when it is drained, so that nothing is left to whoever does not read.
            writer.transport.set_write_buffer_limits(high=0)
            await self._answer_lines(reader, writer)
        except OSError as error:  # a TimeoutError is one
            _log.debug("control.lost", reason=repr(error))
        except asyncio.CancelledError:
            # The daemon ends, and this task with it: Python 3.11 would log a fault for a cancelled one.
            return
        finally:
            self._talking.discard(task)
            writer.transport.abort()

    async def _answer_lines(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        user = await self._user_of(_uid_of(writer.get_extra_info("socket")))
        while True:
            try:
                async with asyncio.timeout(IDLE_S):
                    line = await reader.readline()
            except ValueError:
                line, reply, last = b"", _error(f"a line is longer than {LINE_MAX} bytes"), True
            else:
                if not line:
                    return
                reply, last = await self._reply(line, user), False
            writer.write(reply + b"\n")
            async with asyncio.timeout(WRITE_S):
                await writer.drain()
            if last:
                return
            await asyncio.sleep(PAUSE_S)

    async def _user_of(self, uid: int) -> str:
        if uid == _UNMAPPED_UID:
            return "unknown user"  # its name would read as if nobody had asked
        try:
            return await self._names.ask(partial(_name_of, uid), USER_S)
        except OSError:  # a TimeoutError is one
            return f"uid {uid}"

    async def _reply(self, line: bytes, user: str) -> bytes:
        try:
            said = json.loads(line)
            # Encoded again with who really asks. A text that is no Unicode is refused here, before it is answered.
            claim = {**said, "user": user, "role": LOCAL.role.name.lower()} if isinstance(said, dict) else {}
            payload = json.dumps(claim, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return _error("that is no JSON")
        match said:
            case {"get": str(what)} if what in self._gets:
                return self._gets[what]()
            case {"ask": str(verb)} if verb in LOOKS and self._look_back is not None:
                return await self._wait_for_page(self._look_back, payload)
            case {"ask": str(verb)}:
                return await self._ask(verb, payload)
            case _:
                gets = ", ".join(f'{{"get": "{what}"}}' for what in self._gets)
                return _error(f'say {gets}, or {{"ask": VERB}} with the fields of its request')

    def _get_alarms(self) -> bytes:
        pauses = [pause for found in self._pauses.values() for pause in found]
        head = json.dumps({"run": self._run, "mono_s": self._mono_s(), "beds": self._beds, "pauses": pauses}).encode()
        return head[:-1] + b', "alarms": [' + b", ".join(self._alarms.values()) + b"]}"

    def _get_therapy(self) -> bytes:
        head = json.dumps({"run": self._run, "mono_s": self._mono_s(), "beds": self._beds}).encode()
        return head[:-1] + b', "therapies": [' + b", ".join(self._therapies.values()) + b"]}"

    def _get_self_check(self) -> bytes:
        if len(self._pulse) < len((Lane.STATUS, Lane.SELF_CHECK)):
            return _error("the edge has only just begun: ask again")
        status, self_check = self._pulse[Lane.STATUS], self._pulse[Lane.SELF_CHECK]
        configuration = json.dumps(dict(self._configuration())).encode()
        return (
            b'{"status": ' + status + b', "self_check": ' + self_check + b', "configuration": ' + configuration + b"}"
        )

    async def _wait_for_page(
        self, look_back: Callable[[bytes, Callable[[bytes], None]], None], payload: bytes
    ) -> bytes:
        page: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        look_back(payload, lambda found: None if page.done() else page.set_result(found))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await page
        except TimeoutError:
            return _error(f"no page within {ANSWER_S:g} s: ask again")

    async def _ask(self, verb: str, payload: bytes) -> bytes:
        request = asking.request(LOCAL.station, verb, payload, self._mono_s())
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[request.request_id] = answer
        self._put(request)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            return _error(f"no answer within {ANSWER_S:g} s: whether it was done is not known; look at the alarms")
        finally:
            if self._waiting.get(request.request_id) is answer:
                del self._waiting[request.request_id]


def _bind(path: Path) -> socket.socket:
    """Make the socket's file beside its place, where none or a dead daemon's is. Raises ControlError, OSError."""
    length = len(os.fsencode(path))
    if length > PATH_MAX:
        raise ControlError(
            f"the path has {length} bytes, and the system takes {PATH_MAX} for a socket: give a shorter one (--control)"
        )
    if path.exists() or path.is_symlink():
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ControlError("a file is there that is no socket: move it away, or give another path (--control)")
        if _is_alive(path):
            raise ControlError("another program answers there: end it, or give another path (--control)")
    made = _beside(path)
    made.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(os.fspath(made))
        # Nobody can connect before it listens.
        made.chmod(0o660)
    except OSError:
        listening.close()
        raise
    return listening


def _beside(path: Path) -> Path:
    """Where the socket is made, no longer than its path: it is moved there when it listens, so that it answers."""
    return path.with_name(f"{path.name[:-1]}~")


def _is_alive(path: Path) -> bool:
    """Tell whether anybody listens there; only a refusal says that nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        return probe.connect_ex(os.fspath(path)) != errno.ECONNREFUSED


def _uid_of(peer: socket.socket) -> int:
    """Return the user at the other end, as the kernel knows him."""
    _, uid, _ = struct.unpack("iII", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII")))
    return int(uid)


def _name_of(uid: int) -> str:
    # Not through the name service, which may ask the network.
    for row in _PASSWD.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, rest = row.partition(":")
        if rest.split(":")[1:2] == [str(uid)]:
            return name[:64]
    return f"uid {uid}"


def _bytes(outgoing: Outgoing) -> bytes:
    return outgoing.payload if isinstance(outgoing.payload, bytes) else outgoing.payload()


def _error(text: str) -> bytes:
    return json.dumps({"error": text}).encode()
