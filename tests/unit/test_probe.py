"""`probe` on real ptys and TCP: what it finds and sends, in which order, and what it refuses."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import tomllib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from drivers import bbraun_space_cyclic, registry
from drivers.bbraun_bcc import Command, Request
from drivers.line import Line, open_line
from drivers.model import DeviceIdentified, LineSettings, Observation, Output, Send, SessionOptions
from edge import probe as module
from edge.config import load
from edge.probe import (
    EXIT_FOUND,
    EXIT_NOTHING,
    EXIT_REFUSED,
    TIMEOUT_S,
    attempts,
    lasting_name,
    list_ports,
    probe,
    snippet,
)
from edge.talk import open_free
from simulators.alaris_asena import AsenaPump
from simulators.bbraun_space import SpaceOptions, SpaceRack
from simulators.model import SimulatedDevice
from simulators.pty_server import PtyServer
from simulators.pump import PumpModel
from simulators.pump_terms import PumpSpec
from simulators.tcp_server import TcpServer
from tests.end_to_end.world import monitor
from tests.unit.config_files import DRUGS, EDGE

WINDOW_S = 0.4


class Scripted:
    """A device that says something every 0.1 s, and nothing else."""

    deadline_s: float | None = None

    def __init__(self, said: bytes) -> None:
        self.said = said

    def start(self, now_s: float) -> bytes:
        self.deadline_s = now_s + 0.1
        return b""

    def feed(self, data: bytes, now_s: float) -> bytes:
        return b""

    def tick(self, now_s: float) -> bytes:
        self.deadline_s = now_s + 0.1
        return self.said


@pytest.fixture(autouse=True)
def short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LISTEN_S", "ASK_MIN_S", "GATHER_S"):
        monkeypatch.setattr(module, name, WINDOW_S)
    monkeypatch.setattr(module, "ASK_ROUNDS", 0.1)


async def asked_once(path: Path) -> None:
    """Ask a rack for everything, hear the answer, and hang up without a word."""
    heard = asyncio.Event()
    line = await open_line(
        str(path), registry.driver("bbraun-space").line, listen_only=False,
        on_data=lambda _: heard.set(), on_lost=lambda _: None,
    )  # fmt: skip
    line.write(Request(Command.MEMORY, SpaceOptions().bed_id).encode(stuffed=True))
    await asyncio.wait_for(heard.wait(), 5)
    await line.close()


class Tried:
    """What one probing said and did."""

    def __init__(self) -> None:
        self.status = -1
        self.text = ""
        self.progress: list[str] = []

    async def on(self, address: str | Path, *names: str, timeout_s: float = TIMEOUT_S) -> Tried:
        clock = asyncio.get_running_loop().time
        self.status, self.text = await asyncio.to_thread(
            probe, str(address), names, timeout_s, mono_s=clock, say=self.progress.append
        )
        return self

    def tried(self) -> list[str]:
        return [line for line in self.progress if line.endswith("...")]


def server(device: SimulatedDevice, folder: Path) -> PtyServer:
    return PtyServer(device, folder / "line", asyncio.get_running_loop().time)


# --- every driver -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("name", registry.names())
def test_neither_silence_nor_an_echo_looks_like_a_device(name: str, *, echo: bool) -> None:
    """What a probe rests on: a driver makes samples and identities of what a device said, and of nothing else."""
    session = registry.driver(name).session(SessionOptions("x"))
    made: list[Output] = []
    asked: Sequence[Output] = session.start(0.0)
    for _ in range(2000):
        made += asked
        if echo:
            sent = b"".join(output.data for output in asked if isinstance(output, Send))
            made += session.feed(sent, 0.0 if session.deadline_s is None else session.deadline_s - 1e-3)
        if session.deadline_s is None or session.deadline_s > 60:
            break
        asked = session.tick(session.deadline_s)
    assert [output for output in made if isinstance(output, Observation | DeviceIdentified)] == []


def test_who_listens_comes_first_and_laboratories_last() -> None:
    groups = attempts([registry.driver(name) for name in registry.names()], tcp=False)
    order = [driver.name for group in groups for driver in group]
    assert sorted(order) == sorted(registry.names())
    first, *rest = groups
    assert {driver.listen_only for driver in first} == {True}
    assert all(driver.line == first[0].line for driver in first)
    assert [len(group) for group in rest] == [1] * len(rest)
    assert rest[0][0].name == "bbraun-space-cyclic"  # it waits to be spoken to
    assert order[-1] == "new-era-ne1000"


def test_over_tcp_all_that_listen_listen_together_whatever_their_speed() -> None:
    drivers = [registry.driver(name) for name in ("ivy-450c", "alaris-asena", "masimo-ascii")]
    assert [[one.name for one in group] for group in attempts(drivers, tcp=True)] == [
        ["ivy-450c", "masimo-ascii"],
        ["alaris-asena"],
    ]


# --- what is found ----------------------------------------------------------------------------------------------------


async def test_a_device_that_talks_is_found_without_a_byte_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LISTEN_S", 3.0)
    with closing(server(monitor(), tmp_path)) as line:
        found = await Tried().on(tmp_path / "line")
        assert line.host_byte_count == 0
    assert found.status == EXIT_FOUND
    lines = found.text.splitlines()
    assert lines[:3] == [
        "Found: ivy-450c: Ivy Biomedical 450C patient monitor (Ansar-B output)",
        "  line        9600 baud, 8N1",
        "  channel 0   Ivy 450C, tells no serial number",
    ]
    assert re.fullmatch(r" {14}heart_rate \d+ /min", lines[3])
    assert lines[-7:-1] == [
        "[[port]]",
        'id = "monitor-1"',
        f'path = "{tmp_path}/line"',
        'driver = "ivy-450c"',
        "",
        "# and in the [[bed]] that each belongs to, under monitors = [...]:",
    ]
    assert lines[-1] == '#   { port = "monitor-1" }'
    assert "Do not probe a device that a patient depends on" in found.progress[0]
    assert len(found.tried()) == 1


async def test_a_pump_is_found_by_its_own_questions_and_gets_no_others(tmp_path: Path) -> None:
    now_s = asyncio.get_running_loop().time()
    pump = AsenaPump(PumpModel(PumpSpec(serial_number="8002-51740"), now_s=now_s))
    with closing(server(pump, tmp_path)) as line:
        found = await Tried().on(tmp_path / "line")
        assert set(line.host_bytes.split(b"\r")) <= {b"!COMMS_PROTOCOL|E8DA", b"!INF|4961", b"!ALARM|50B2", b""}
    assert found.status == EXIT_FOUND
    assert "Alaris Asena, software Asena Rev 2.1.5, serial number 8002-51740" in found.text
    assert "  experimental: hold the values against what the device itself shows." in found.text.splitlines()
    assert found.text.endswith('#   { port = "pump-1", channel = "0", serial_number = "8002-51740" }')
    assert [line.split(",")[0].split()[0] for line in found.tried()] == ["listening", "asking", "asking"]
    assert pump.forbidden == []


async def test_who_only_repeats_an_answer_does_not_speak_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rack that was asked before holds the answer that nobody acknowledged, and says it again when it is refused."""
    monkeypatch.setattr(bbraun_space_cyclic, "STALL_S", 0.3)
    monkeypatch.setattr(bbraun_space_cyclic, "WAITED_MAX_S", 0.1)
    now_s = asyncio.get_running_loop().time()
    rack = SpaceRack(SpaceOptions(), {(1, 1): PumpModel(PumpSpec(), now_s=now_s)})
    with closing(server(rack, tmp_path)):
        await asked_once(tmp_path / "line")
        found = await Tried().on(tmp_path / "line", "bbraun-space-cyclic")
    assert found.status == EXIT_NOTHING
    assert re.search(r"^  [1-9]\d* bytes heard, none accepted", "\n".join(found.progress), re.MULTILINE)


async def test_a_rack_that_speaks_by_itself_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_ROUNDS", 0.3)
    now_s = asyncio.get_running_loop().time()
    rack = SpaceRack(SpaceOptions(cyclic_interval_s=1.0), {(1, 1): PumpModel(PumpSpec(), now_s=now_s)})
    with closing(server(rack, tmp_path)):
        found = await Tried().on(tmp_path / "line", "bbraun-space-cyclic", "bbraun-space")
    assert "Found: bbraun-space-cyclic: " in found.text


async def test_nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bool] = []

    async def open_and_note(address: str, settings: LineSettings, *, listen_only: bool, **calls: Any) -> Line:
        opened.append(listen_only)
        return await open_free(address, settings, listen_only=listen_only, **calls)

    monkeypatch.setattr(module, "open_free", open_and_note)
    with closing(server(Scripted(b""), tmp_path)):
        found = await Tried().on(tmp_path / "line", "ivy-450c", "alaris-asena")
    assert found.status == EXIT_NOTHING
    assert found.text.startswith("No device was found.\nNot a byte came. Check: is the device on?")
    assert found.progress.count("  0 bytes heard, none accepted") == 2
    assert opened == [True, False]  # who only listens has no write access (H-25)


async def test_bytes_that_no_driver_can_read_are_said_to_be_there(tmp_path: Path) -> None:
    with closing(server(Scripted(b"\x81\x92\r\n"), tmp_path)):
        found = await Tried().on(tmp_path / "line", "ivy-450c", "nonin-ascii")
    assert found.status == EXIT_NOTHING
    assert re.search(r"^\d+ bytes came, and no driver could read them", found.text, re.MULTILINE)
    assert re.search(r"  \d+ bytes heard, none accepted \(rejected: .*\)", found.progress[-1])


async def test_time_is_bounded_and_who_was_not_tried_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_MIN_S", 10.0)
    loop = asyncio.get_running_loop()
    with closing(server(Scripted(b""), tmp_path)):
        began_s = loop.time()
        found = await Tried().on(tmp_path / "line", "ivy-450c", "alaris-asena", "ge-dri", timeout_s=WINDOW_S * 1.5)
        assert loop.time() - began_s < 2.0
    assert found.status == EXIT_NOTHING
    assert found.text.endswith("Not tried, for want of time (--timeout): ge-dri")


async def test_one_that_is_mostly_rejected_is_doubtful(tmp_path: Path) -> None:
    said = b"SPO2=097 HR=072\r\n" + b"SPO2=0x7 HR=0x2\r\n" * 3
    with closing(server(Scripted(said), tmp_path)):
        found = await Tried().on(tmp_path / "line", "nonin-ascii")
    assert found.status == EXIT_FOUND
    assert "  DOUBTFUL: more was rejected than accepted." in found.text
    assert re.search(r"messages +\d+ accepted, \d+ rejected \(rejected: \d+ syntax\)", found.text)


async def test_a_laboratory_device_is_said_to_be_one(tmp_path: Path) -> None:
    class Pump(Scripted):
        def feed(self, data: bytes, now_s: float) -> bytes:
            return {b"VER\r": b"\x0200SNE1000V3.61\x03", b"RAT\r": b"\x0200S5.000MH\x03"}.get(data, b"")

    with closing(server(Pump(b""), tmp_path)):
        found = await Tried().on(tmp_path / "line", "new-era-ne1000")
    assert found.status == EXIT_FOUND
    assert "  NOT FOR HUMAN USE: for laboratories and animals only; refused in clinical mode." in found.text
    assert "              infusion_rate 5.000 mL/h (set)" in found.text.splitlines()


async def test_over_tcp_one_connection_serves_all(tmp_path: Path) -> None:
    now_s = asyncio.get_running_loop().time()
    device = TcpServer(
        AsenaPump(PumpModel(PumpSpec(serial_number="8002-51740"), now_s=now_s)), asyncio.get_running_loop().time
    )
    await device.start()
    address = device.address
    try:
        found = await Tried().on(address, "ivy-450c", "alaris-asena")
    finally:
        await device.close()
    assert found.status == EXIT_FOUND
    assert "  line        over TCP (the converter must have 38400 baud, 8N1)" in found.text.splitlines()
    assert f'path = "{address}"' in found.text


# --- what is refused --------------------------------------------------------------------------------------------------


async def test_a_port_that_another_has_is_refused_and_its_holder_named(tmp_path: Path) -> None:
    with closing(server(Scripted(b""), tmp_path)) as line:
        held = await open_line(
            str(tmp_path / "line"), LineSettings(), listen_only=False, on_data=lambda _: None, on_lost=lambda _: None
        )
        found = await Tried().on(tmp_path / "line")
        assert line.host_byte_count == 0
        await held.close()
    assert found.status == EXIT_REFUSED
    assert found.text.startswith(f"infusion-edge: {tmp_path}/line: process {os.getpid()} (")


async def test_a_tcp_line_that_another_program_has_is_refused_before_it_is_touched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"tcp://127.0.0.1:{listening.getsockname()[1]}"
        with socket.create_connection(listening.getsockname()), listening.accept()[0]:
            found = await Tried().on(address)
            listening.setblocking(False)
            with pytest.raises(BlockingIOError):
                listening.accept()
    assert found.status == EXIT_REFUSED
    assert f"{address}: process {os.getpid()} (" in found.text


async def test_a_port_that_is_pulled_ends_it(tmp_path: Path) -> None:
    line = server(Scripted(b""), tmp_path)
    asyncio.get_running_loop().call_later(0.2, line.close)
    found = await Tried().on(tmp_path / "line")
    assert found.status == EXIT_REFUSED
    assert "read failed" in found.text or "end of data" in found.text


async def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    found = await Tried().on(tmp_path / "none")
    assert found.status == EXIT_REFUSED
    assert found.text.endswith("No such file or directory; plug the adapter in, or correct the address")


async def test_a_driver_that_is_none() -> None:
    found = await Tried().on("/dev/null", "ivy-450")
    assert (found.status, found.progress) == (EXIT_REFUSED, [])
    assert found.text == 'infusion-edge: "ivy-450" is no driver: did you mean "ivy-450c"?'


# --- ports and snippets -----------------------------------------------------------------------------------------------


def test_no_port_says_what_to_check(tmp_path: Path) -> None:
    assert list_ports(tmp_path).splitlines()[:2] == [
        f"No serial port is under {tmp_path}.",
        "Check: is the adapter plugged in (lsusb lists it)? Did the kernel take it (dmesg | tail)?",
    ]


async def test_ports_are_listed_once_with_their_names_and_who_has_them(tmp_path: Path) -> None:
    names = [tmp_path / "by-id" / "usb-FTDI", tmp_path / "by-path" / "pci-1"]
    with closing(server(Scripted(b""), tmp_path)) as line:
        for name in names:
            name.parent.mkdir()
            name.symlink_to(line.path)
        assert list_ports(tmp_path).splitlines()[1:] == [f"  {line.path}", *(f"    {name}" for name in names)]
        held = await open_line(
            str(line.path), LineSettings(), listen_only=True, on_data=lambda _: None, on_lost=lambda _: None
        )
        assert f"  {line.path}  in use: process {os.getpid()} (" in list_ports(tmp_path)
        await held.close()


def test_the_snippet_is_a_port_that_the_configuration_takes(tmp_path: Path) -> None:
    driver = registry.driver("ivy-450c")
    lines = list(snippet(driver, '/dev/serial/by-id/a b"c', ("0",), {}))
    table = tomllib.loads("\n".join(lines))
    assert table == {"port": [{"id": "monitor-1", "path": '/dev/serial/by-id/a b"c', "driver": "ivy-450c"}]}
    binding = tomllib.loads("monitors = [" + lines[-1].removeprefix("#   ") + "]")
    assert binding == {"monitors": [{"port": "monitor-1"}]}
    bed = f'[[bed]]\nid = "bed-9"\nlabel = "Bed 9"\nvital_signs = ["heart_rate"]\nmonitors = [{lines[-1][4:]}]\n'
    (tmp_path / "drugs.toml").write_text(DRUGS)
    (tmp_path / "edge.toml").write_text(EDGE + "\n".join(lines) + "\n" + bed)
    assert load(tmp_path / "edge.toml", tmp_path).ports[-1].driver is driver


def test_a_serial_number_from_the_wire_stays_a_text() -> None:
    told = DeviceIdentified("x", "0", 0.0, 'a"}, b', "M")
    *_, binding = snippet(registry.driver("alaris-asena"), "tcp://h:1", ("0",), {"0": told})
    row = tomllib.loads("pumps = [" + binding.removeprefix("#   ") + "]")
    assert row == {"pumps": [{"port": "pump-1", "channel": "0", "serial_number": 'a"}, b'}]}


def test_a_path_is_made_whole_and_an_address_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert lasting_name("line") == str(tmp_path / "line")
    assert lasting_name("tcp://h:1") == "tcp://h:1"
