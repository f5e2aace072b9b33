"""`doctor` and the lines: on real ptys, and no port is opened by it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

from drivers.errors import LineError, LineFault
from drivers.ivy_450c import DRIVER as IVY
from drivers.line import open_line
from edge.config_ports import PortRuntime
from edge.diagnosis import Level, Row
from edge.doctor_lines import line_rows, may_use
from edge.messages.states import Device, DeviceIdentity

State = Literal["none", "awaited", "confirmed", "unconfirmed", "changed"]

ME = "nobody-of-this-name"
"""No user has it: this one's own rights are looked at."""


@pytest.fixture
def pty() -> Iterator[Path]:
    ours, theirs = os.openpty()
    yield Path(os.ttyname(theirs))
    os.close(ours)
    os.close(theirs)


def port(address: object) -> PortRuntime:
    return PortRuntime("bed-1-monitor", str(address), IVY, IVY.line, 1.0, ("0",))


def device(
    link: Literal["up", "down", "unknown"] = "up", accepted: int = 100, rejected: int = 0, *identities: DeviceIdentity
) -> Device:
    return Device(
        port="bed-1-monitor",
        driver="ivy-450c",
        experimental=False,
        link=link,
        detail="Input/output error" if link == "down" else "",
        accepted=accepted,
        rejected=rejected,
        identities=identities,
    )


def only(address: object, said: Device | None = None, user: str = ME) -> Row:
    (row,) = line_rows(port(address), said, user)
    return row


def test_a_port_that_is_free_is_well_and_the_way_to_who_answers_is_named(pty: Path) -> None:
    row = only(pty)
    assert (row.level, row.check) == (Level.OK, "line bed-1-monitor")
    assert f"infusion-edge probe {pty}" in row.text


def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    row = only(tmp_path / "gone")
    assert (row.level, row.remedy) == (Level.ERROR, "plug the adapter in, or correct the address")
    assert "No such file" in row.text


def test_what_is_no_serial_device(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert only(tmp_path / "file").remedy == "give the path of a serial device"


def test_a_port_that_the_service_may_not_use(pty: Path) -> None:
    pty.chmod(0o600)
    row = only(pty, user="nobody")
    assert (row.level, row.remedy) == (Level.ERROR, LineError(LineFault.PERMISSION, "").remedy)
    assert row.text == f"nobody may not use {pty} (crw-------)"


async def test_a_port_that_another_has_is_named_with_him(pty: Path) -> None:
    line = await open_line(str(pty), IVY.line, listen_only=False, on_data=lambda _: None, on_lost=lambda _: None)
    try:
        row = only(pty)
        assert (row.level, f"{pty} is in use: process {os.getpid()}" in row.text) == (Level.ERROR, True)
        assert only(pty, device()).level is Level.OK, "the daemon itself has it"
    finally:
        await line.close()


def test_a_device_server_is_reached_only_where_no_daemon_has_it() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        assert only(address).level is Level.OK
        server.settimeout(0.0)
        server.accept()[0].close()
        assert only(address, device()).level is Level.OK
        with pytest.raises(BlockingIOError):
            server.accept()
    row = only(address)
    assert (row.level, row.remedy) == (Level.ERROR, "start the device server, or correct the port number")


@pytest.mark.parametrize(
    ("said", "level", "text"),
    [
        (device(), Level.OK, "100 messages understood"),
        (device("down", 0), Level.ERROR, "Input/output error"),
        (device("unknown", 0), Level.WARNING, "was not opened yet"),
        (device("up", 0), Level.ERROR, "nothing was understood of it"),
    ],
)
def test_what_the_daemon_says_of_a_line(pty: Path, said: Device, level: Level, text: str) -> None:
    row = only(pty, said)
    assert (row.level, text in row.text) == (level, True)


def test_a_daemon_that_has_only_just_begun_has_heard_nothing_yet(pty: Path) -> None:
    (row,) = line_rows(port(pty), device("up", 0), ME, just_begun=True)
    assert (row.level, row.remedy) == (Level.WARNING, "ask again in some seconds")


def test_a_garbled_line_is_well_and_a_warning(pty: Path) -> None:
    rows = list(line_rows(port(pty), device("up", 90, 10), ME))
    assert [row.level for row in rows] == [Level.OK, Level.WARNING]
    assert rows[1].text == "10 of 100 messages were garbled"
    assert len(list(line_rows(port(pty), device("up", 10, 1), ME))) == 1, "too few to say"


@pytest.mark.parametrize(
    ("state", "level", "text"),
    [
        ("confirmed", Level.OK, "channel 0: Space 012345"),
        ("none", Level.OK, "channel 0: Space 012345"),
        ("awaited", Level.WARNING, "has not said who it is"),
        ("unconfirmed", Level.WARNING, "nobody has confirmed"),
        ("changed", Level.ERROR, "it does not count"),
    ],
)
def test_who_answers(pty: Path, state: State, level: Level, text: str) -> None:
    identity = DeviceIdentity(channel="0", serial_number="012345", model="Space", state=state)
    row = list(line_rows(port(pty), device("up", 100, 0, identity), ME))[1]
    assert (row.level, text in row.text) == (level, True)


def test_rights_are_those_of_owner_group_and_others(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for mode, may in ((0o606, True), (0o604, False), (0o660, False)):
        file.chmod(mode)
        assert may_use(file, "nobody") is may
    assert may_use(file, "root")
