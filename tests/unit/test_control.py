"""The control socket: who may ask, what comes back, and that no client can stop or stall the edge."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from edge import control as module
from edge.control import ANSWER_S, CONNECTIONS_MAX, LINE_MAX, PATH_MAX, Control, ControlError, path_of
from edge.core.inputs import Accept, Named, Request, Role, Unusable
from edge.core.model import AlarmKey
from edge.inbox import REQUESTS_MAX
from edge.outgoing import AlarmRevision, Lane, Outgoing
from edge.worker import WAITING_MAX

NOW_S = 12.5
WITHIN_S = 15.0
ACCEPT = {
    "ask": "accept",
    "request_id": "r-1",
    "run": "run-1",
    "edge_mono_s": 12.0,
    "bed": "bed-1",
    "key": "HR_HIGH",
    "occurrence": "run-1-1",
    "rev": 3,
    "acknowledge": True,
}


def alarm(key: str, payload: bytes = b"{}", *, over: bool = False) -> Outgoing:
    revision = AlarmRevision(AlarmKey("bed-1", key), "run-1-1", 1)
    return Outgoing(f"bed-1/alarm/{key}", payload, Lane.ALARM_HIGH, then_empty=over, alarm=revision)


def response(text: str) -> Outgoing:
    return Outgoing("response/local", json.dumps({"said": text}).encode(), Lane.RESPONSE, retain=False)


@dataclass(slots=True)
class Client:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, line: bytes) -> None:
        self.writer.write(line + b"\n")
        await self.writer.drain()

    async def receive(self) -> bytes:
        async with asyncio.timeout(WITHIN_S):
            return await self.reader.readline()

    async def exchange(self, said: object) -> Any:
        await self.send(said if isinstance(said, bytes) else json.dumps(said).encode())
        return json.loads(await self.receive())

    async def is_hung_up(self) -> bool:
        """Read what is left, and tell whether the other end is gone."""
        async with asyncio.timeout(WITHIN_S):
            with contextlib.suppress(ConnectionResetError):
                await self.reader.read()
        return True

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


@dataclass(slots=True)
class Served:
    """A control socket that is served, what it asked of the core, and its clients."""

    path: Path
    control: Control
    asked: asyncio.Queue[Request]
    clients: list[Client] = field(default_factory=list)

    async def connect(self) -> Client:
        async with asyncio.timeout(WITHIN_S):
            while True:
                with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                    client = Client(*await asyncio.open_unix_connection(self.path))
                    self.clients.append(client)
                    return client
                await asyncio.sleep(0)

    async def next_asked(self) -> Request:
        async with asyncio.timeout(WITHIN_S):
            return await self.asked.get()


@contextlib.asynccontextmanager
async def served(path: Path) -> AsyncIterator[Served]:
    asked: asyncio.Queue[Request] = asyncio.Queue()
    control = Control("run-1", mono_s=lambda: NOW_S, put=asked.put_nowait)
    task = asyncio.create_task(control.run(path))
    here = Served(path, control, asked)
    try:
        yield here
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=WITHIN_S)
        assert task.cancelled()
        for client in here.clients:
            await client.close()


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path / "control.sock") as here:
        yield here


# --- where it is ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_path", "environment", "expected"),
    [
        (None, {}, "/var/run-dir/control.sock"),
        (None, {"RUNTIME_DIRECTORY": "/run/infusion-edge"}, "/run/infusion-edge/control.sock"),
        (None, {"RUNTIME_DIRECTORY": "/run/a:/run/b"}, "/run/a/control.sock"),
        (Path("/tmp/x"), {"RUNTIME_DIRECTORY": "/run/infusion-edge"}, "/tmp/x"),  # noqa: S108 - nothing is written
    ],
)
def test_it_is_where_it_was_said_or_where_the_system_wants_it(
    given_path: Path | None, environment: dict[str, str], expected: str
) -> None:
    assert path_of(given_path, Path("/var/run-dir"), environment) == Path(expected)


async def test_its_group_may_use_it_nobody_else_and_it_goes_with_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with served(path) as edge:
        await edge.connect()
        found = path.stat()
        assert stat.S_IMODE(found.st_mode) == 0o660
        assert found.st_gid == os.getegid()
    assert not path.exists()


async def test_what_a_dead_daemon_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    async with served(path) as edge:
        assert await (await edge.connect()).exchange({"get": "alarms"}) == {
            "run": "run-1",
            "mono_s": NOW_S,
            "beds": [],
            "pauses": [],
            "alarms": [],
        }


async def refusal(path: Path) -> str:
    """Serve at a path that cannot be used: it returns at once, and says why."""
    with structlog.testing.capture_logs() as logs:
        await asyncio.wait_for(Control("run-2", mono_s=lambda: NOW_S, put=lambda _: None).run(path), WITHIN_S)
    (entry,) = logs
    assert (entry["event"], entry["log_level"], entry["path"]) == ("control.unavailable", "error", str(path))
    return str(entry["reason"])


async def test_a_living_daemon_keeps_its_socket(edge: Served) -> None:
    client = await edge.connect()
    assert await refusal(edge.path) == "another program answers there: end it, or give another path (--control)"
    assert (await client.exchange({"get": "alarms"}))["run"] == "run-1"
    assert (await (await edge.connect()).exchange({"get": "alarms"}))["run"] == "run-1"


async def test_a_file_of_somebody_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("precious")
    assert await refusal(path) == "a file is there that is no socket: move it away, or give another path (--control)"
    assert path.read_text() == "precious"


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "No such file or directory" in await refusal(tmp_path / "nowhere" / "control.sock")


async def test_a_folder_that_hangs_holds_up_nothing_and_the_socket_is_there_when_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, looked, make = threading.Event(), list[str](), module._bind
    said, reasons = asyncio.Event(), list[str]()

    def hang(path: Path) -> socket.socket:
        looked.append(threading.current_thread().name)
        assert answers.wait(WITHIN_S)
        return make(path)

    class Log:
        def error(self, event: str, *, path: str, reason: str) -> None:
            reasons.append(f"{event} {Path(path).name}: {reason}")
            said.set()

    monkeypatch.setattr(module, "_bind", hang)
    monkeypatch.setattr(module, "_log", Log())
    monkeypatch.setattr(module, "FOLDER_S", 0.01)
    async with served(tmp_path / "control.sock") as edge:
        await asyncio.wait_for(said.wait(), WITHIN_S)
        monkeypatch.setattr(module, "FOLDER_S", WITHIN_S)
        answers.set()
        assert (await (await edge.connect()).exchange({"get": "alarms"}))["run"] == "run-1"
    assert reasons == ["control.unavailable control.sock: its folder does not answer; it is waited for"]
    assert looked == ["control socket"]


async def test_the_end_waits_for_no_folder_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, path = threading.Event(), tmp_path / "control.sock"
    async with served(path) as edge:
        await edge.connect()
        monkeypatch.setattr(module, "FOLDER_S", 0.01)
        edge.control._folder.do(lambda: None if answers.wait(WITHIN_S) else pytest.fail("it hangs still"))
    assert path.exists()
    answers.set()


async def test_a_path_may_be_as_long_as_the_system_takes(tmp_path: Path) -> None:
    room = PATH_MAX - len(os.fsencode(tmp_path)) - 1
    async with served(tmp_path / ("x" * room)) as edge:
        await edge.connect()
    assert await refusal(tmp_path / ("x" * (room + 1))) == (
        "the path has 108 bytes, and the system takes 107 for a socket: give a shorter one (--control)"
    )
    with pytest.raises(ControlError):
        module._bind(tmp_path / ("ø" * room))  # bytes count, not letters


# --- looking ----------------------------------------------------------------------------------------------------------


async def test_alarms_are_given_as_they_were_last_published(edge: Served) -> None:
    client = await edge.connect()
    edge.control.published(alarm("HR_HIGH", b'{"rev": 1}'))
    edge.control.published(alarm("SPO2_LOW", b'{"rev": 5}'))
    edge.control.published(alarm("HR_HIGH", b'{"rev": 2}'))
    edge.control.published(Outgoing("bed-1/snapshot", b"{}", Lane.SNAPSHOT))
    assert (await client.exchange({"get": "alarms"}))["alarms"] == [{"rev": 2}, {"rev": 5}]
    edge.control.published(alarm("HR_HIGH", b'{"rev": 3}', over=True))
    assert (await client.exchange({"get": "alarms"}))["alarms"] == [{"rev": 5}]


def therapy(bed: str, *pauses: dict[str, Any]) -> Outgoing:
    said = {"bed": bed, "orders": [], "pauses": pauses}
    return Outgoing(f"bed/{bed}/therapy", json.dumps(said).encode(), Lane.THERAPY)


async def test_the_beds_and_the_pauses_in_force_are_given_as_they_were_last_published(edge: Served) -> None:
    client = await edge.connect()
    off = {"reason": "off_monitor", "by": "local:anna", "until_mono_s": 900.0}
    quiet = {"reason": "audio_pause", "by": "desk:bo", "until_mono_s": 100.0}
    roster = {"beds": [{"bed": "bed-1", "label": "Window", "bindings": []}], "devices": []}
    edge.control.published(Outgoing("roster", json.dumps(roster).encode(), Lane.ROSTER))
    edge.control.published(therapy("bed-1", off))
    edge.control.published(therapy("bed-2", off))
    edge.control.published(therapy("bed-1", off, quiet))
    given = await client.exchange({"get": "alarms"})
    assert given["beds"] == [{"bed": "bed-1", "label": "Window"}]
    assert given["pauses"] == [{"bed": "bed-1", **off}, {"bed": "bed-1", **quiet}, {"bed": "bed-2", **off}]
    edge.control.published(therapy("bed-1"))
    assert (await client.exchange({"get": "alarms"}))["pauses"] == [{"bed": "bed-2", **off}]


# --- asking -----------------------------------------------------------------------------------------------------------


async def test_a_request_goes_to_the_core_as_the_user_whom_the_kernel_knows(
    edge: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwd = tmp_path / "passwd"
    passwd.write_text(f"root:x:{os.getuid() + 1}:0::/:/bin/sh\nanna:x:{os.getuid()}:0:Anna:/:/bin/sh\n")
    monkeypatch.setattr(module, "_PASSWD", passwd)
    client = await edge.connect()
    await client.send(json.dumps({**ACCEPT, "user": "somebody else", "role": "viewer", "later": 1}).encode())
    request = await edge.next_asked()
    assert (request.station, request.user, request.role) == ("local", "anna", Role.PRESCRIBER)
    assert (request.request_id, request.received_at_s) == ("r-1", NOW_S)
    assert request.basis is not None
    assert (request.basis.run, request.basis.edge_mono_s) == ("run-1", 12.0)
    assert request.act == Accept(Named("bed-1", "HR_HIGH", "run-1-1", 3), acknowledge=True)
    edge.control.answered("another", response("not yours"))
    edge.control.answered("r-1", response("yours"))
    assert json.loads(await client.receive()) == {"said": "yours"}


async def test_a_user_without_a_name_is_a_number_and_one_whom_the_kernel_does_not_know_is_nobodys_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwd = tmp_path / "passwd"
    passwd.write_text("garbage\n\n:\nx:y\n", encoding="utf-8")
    monkeypatch.setattr(module, "_PASSWD", passwd)
    ours, theirs = socket.socketpair()
    control = Control("run-1", mono_s=lambda: NOW_S, put=lambda _: None)
    with ours, theirs:
        assert await control._user_of(module._uid_of(ours)) == f"uid {os.getuid()}"
        monkeypatch.setattr(module, "_UNMAPPED_UID", os.getuid())
        assert await control._user_of(module._uid_of(ours)) == "unknown user"


async def test_names_that_cannot_be_read_since_the_disk_hangs_hold_up_nobody_and_never_pile_up(
    edge: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwd = tmp_path / "passwd"
    os.mkfifo(passwd)  # who opens it to read waits for ever
    monkeypatch.setattr(module, "_PASSWD", passwd)
    monkeypatch.setattr(module, "USER_S", 0.01)
    for number in range(WAITING_MAX + 4):
        client = await edge.connect()
        await client.send(json.dumps({**ACCEPT, "request_id": f"r-{number}"}).encode())
        assert (await edge.next_asked()).user == f"uid {os.getuid()}"
        edge.control.answered(f"r-{number}", response("done"))
        assert json.loads(await client.receive()) == {"said": "done"}
        await client.close()
    assert edge.control._names._jobs.qsize() == WAITING_MAX
    monkeypatch.setattr(module, "_PASSWD", Path("/etc/passwd"))
    passwd.write_text("")  # the first goes on


async def test_what_cannot_be_understood_goes_to_the_core_too_which_refuses_and_keeps_it(edge: Served) -> None:
    client = await edge.connect()
    for said, reason in (
        ({"ask": "dance", "request_id": "r-1"}, "there is no verb dance"),
        ({"ask": "test-alarm", "request_id": "r-1"}, "run: Field required"),
    ):
        await client.send(json.dumps(said).encode())
        request = await edge.next_asked()
        assert (request.request_id, request.act) == ("r-1", Unusable(said["ask"], reason))
        edge.control.answered("r-1", response(reason))
        assert json.loads(await client.receive()) == {"said": reason}


async def test_who_asked_last_gets_the_answer(edge: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.2)
    first, second = await edge.connect(), await edge.connect()
    for client in (first, second):
        await client.send(json.dumps(ACCEPT).encode())
        await edge.next_asked()
    edge.control.answered("r-1", response("done"))
    assert json.loads(await second.receive()) == {"said": "done"}
    assert "no answer within 0.2 s" in json.loads(await first.receive())["error"]


async def test_no_answer_is_said_and_one_that_comes_later_harms_nothing(
    edge: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ANSWER_S == 5.0
    monkeypatch.setattr(module, "ANSWER_S", 0.05)
    client = await edge.connect()
    assert await client.exchange(ACCEPT) == {
        "error": "no answer within 0.05 s: whether it was done is not known; look at the alarms"
    }
    edge.control.answered("r-1", response("done"))
    assert (await client.exchange({"get": "alarms"}))["run"] == "run-1"


# --- what a client may not do -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [b"", b"no JSON", b"\xff\xfe", b"[" * LINE_MAX, b'{"ask": "accept", "request_id": "\\ud800"}'],
    ids=["empty", "text", "bytes", "deep", "no Unicode"],
)
async def test_what_is_no_json_is_said_and_the_next_line_is_answered(edge: Served, line: bytes) -> None:
    client = await edge.connect()
    assert await client.exchange(line) == {"error": "that is no JSON"}
    assert (await client.exchange({"get": "alarms"}))["run"] == "run-1"
    assert edge.asked.empty()


@pytest.mark.parametrize("said", [[], None, "alarms", {}, {"get": "beds"}, {"ask": 1}, {"ask": None}])
async def test_what_asks_for_nothing_is_told_what_can_be_said(edge: Served, said: object) -> None:
    client = await edge.connect()
    assert "with the fields of its request" in (await client.exchange(said))["error"]
    assert edge.asked.empty()


@given(st.binary(max_size=60) | st.dictionaries(st.sampled_from(["ask", "get", "a"]), st.text() | st.none()))
def test_any_line_is_answered_with_an_object(said: object) -> None:
    line = said if isinstance(said, bytes) else json.dumps(said).encode()

    async def answer() -> bytes:
        def put(request: Request) -> None:
            control.answered(request.request_id, response("done"))

        control = Control("run-1", mono_s=lambda: NOW_S, put=put)
        return await control._reply(line, "anna")

    assert isinstance(json.loads(asyncio.run(answer())), dict)


async def test_a_line_at_its_bound_is_answered_and_a_longer_one_ends_the_connection(edge: Served) -> None:
    client = await edge.connect()
    said = json.dumps({"get": "alarms"}).encode()
    assert (await client.exchange(said + b" " * (LINE_MAX - len(said))))["run"] == "run-1"
    assert await client.exchange(said + b" " * (LINE_MAX - len(said) + 1)) == {
        "error": f"a line is longer than {LINE_MAX} bytes"
    }
    assert await client.is_hung_up()


async def test_a_line_without_end_ends_the_connection(edge: Served) -> None:
    client = await edge.connect()
    client.writer.write(b"x" * (10 * LINE_MAX))
    assert "longer" in json.loads(await client.receive())["error"]
    assert await client.is_hung_up()


async def test_one_connection_too_many_is_told_so_until_another_ends(edge: Served) -> None:
    clients = [await edge.connect() for _ in range(CONNECTIONS_MAX)]
    for client in clients:
        assert (await client.exchange({"get": "alarms"}))["run"] == "run-1"
    last = await edge.connect()
    assert json.loads(await last.receive()) == {"error": f"{CONNECTIONS_MAX} others are connected: try again soon"}
    assert await last.is_hung_up()
    await clients[0].close()
    await asyncio.wait(edge.control._talking, timeout=WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
    assert (await (await edge.connect()).exchange({"get": "alarms"}))["run"] == "run-1"


def test_what_waits_for_the_core_is_far_below_what_may_wait() -> None:
    assert CONNECTIONS_MAX * 5 <= REQUESTS_MAX


async def test_who_says_nothing_is_given_up(edge: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.05)
    client = await edge.connect()
    client.writer.write(b'{"get": ')  # half a line
    assert await client.is_hung_up()


async def test_who_does_not_read_is_given_up_and_holds_nobody_up(edge: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRITE_S", 0.1)
    edge.control.published(alarm("HR_HIGH", b'"' + b"x" * 5_000_000 + b'"'))
    deaf = await edge.connect()
    await deaf.exchange({"ask": 1})
    (task,) = edge.control._talking
    other = await edge.connect()
    deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport reads too
    await deaf.send(b'{"get": "alarms"}')
    assert await other.exchange({"ask": 1}) != {}
    await asyncio.wait([task], timeout=WITHIN_S)
    assert task.done()
    assert await other.exchange({"ask": 1}) != {}


async def test_the_end_of_the_daemon_hangs_up(tmp_path: Path) -> None:
    async with served(tmp_path / "control.sock") as edge:
        idle, asking = await edge.connect(), await edge.connect()
        await idle.exchange({"get": "alarms"})
        await asking.send(json.dumps(ACCEPT).encode())
        await edge.next_asked()
    assert await idle.is_hung_up()
    assert await asking.is_hung_up()
