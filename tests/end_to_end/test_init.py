"""`infusion-edge init`: by flags, by probing, and at a real terminal; nothing is written that cannot be used."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from pathlib import Path

import pytest

from edge import broker_files
from edge.broker_files import Ward
from edge.check_config import report
from edge.config import load
from edge.init import EXIT_OK, EXIT_REFUSED, EXIT_USAGE, Said, init
from edge.tls import TlsFiles
from simulators.pty_server import PtyServer
from tests.end_to_end.world import ROOT, monitor

RACK = "bed-1=bbraun-space.11@/dev/serial/by-id/rack"
SCREEN = "bed-1=ivy-450c@/dev/serial/by-id/screen"
ANSWER_LIMIT_S = 30.0


def said(folder: Path, **more: object) -> Said:
    words: dict[str, object] = {
        "folder": folder,
        "site": "ward-3",
        "edge": "pi-7",
        "beds": ("bed-1=Room 4",),
        "devices": (RACK, SCREEN),
        "run_dir": folder,
    }
    return Said(**{**words, **more})  # type: ignore[arg-type]


def made(one: Said) -> tuple[int, str]:
    return init(one, terminal=False, mono_s=lambda: 0.0, say=lambda _: None)


def test_flags_make_files_that_check_config_takes(tmp_path: Path) -> None:
    status, text = made(said(tmp_path / "etc"))
    assert status == EXIT_OK
    assert f"wrote  {tmp_path}/etc/edge.toml" in text
    assert report(tmp_path / "etc" / "edge.toml", tmp_path)[0] == 0
    found = load(tmp_path / "etc" / "edge.toml", tmp_path, {})
    assert found.core.beds[0].label == "Room 4"
    assert (tmp_path / "etc" / "drugs.toml").read_bytes() == (ROOT / "config" / "drugs.toml").read_bytes()


def test_what_is_there_is_not_overwritten_without_the_word_and_then_kept(tmp_path: Path) -> None:
    made(said(tmp_path))
    (tmp_path / "edge.toml").write_text("mine\n", encoding="utf-8")
    drugs = tmp_path / "drugs.toml"
    approved = drugs.read_text(encoding="utf-8") + "# approved\n"
    drugs.write_text(approved, encoding="utf-8")
    status, text = made(said(tmp_path))
    assert (status, "--force" in text) == (EXIT_REFUSED, True)
    assert (tmp_path / "edge.toml").read_text(encoding="utf-8") == "mine\n"
    status, text = made(said(tmp_path, force=True))
    assert status == EXIT_OK
    assert (tmp_path / "edge.toml.before").read_text(encoding="utf-8") == "mine\n"
    assert drugs.read_text(encoding="utf-8") == approved


def test_a_broker_elsewhere_is_spoken_to_over_tls_where_its_files_lie_there(tmp_path: Path) -> None:
    assert "give it TLS and a login" in made(said(tmp_path, broker="broker.ward"))[1]
    (tmp_path / "edge.toml").unlink()
    broker_files.write(tmp_path / "ward", Ward("ward-3", ("pi-7",), (), ("broker.ward",)), 9, 1.8e9)
    for file in (tmp_path / "ward/edge-pi-7").iterdir():
        file.rename(tmp_path / file.name)
    status, text = made(said(tmp_path, broker="broker.ward"))
    assert (status, "spoken to over TLS" in text) == (EXIT_OK, True)
    broker = load(tmp_path / "edge.toml", tmp_path, {}).broker
    assert (broker.host, broker.port, broker.username) == ("broker.ward", 8883, "edge-pi-7")
    assert (broker.tls, broker.password_file) == (TlsFiles(tmp_path / "ca.crt"), tmp_path / "broker.password")
    # The files are for the broker that they were made for, not for one on this computer.
    assert made(said(tmp_path, force=True))[0] == EXIT_OK
    assert load(tmp_path / "edge.toml", tmp_path, {}).broker.tls is None


def test_a_folder_that_may_not_be_looked_into_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", hidden)
    assert made(said(tmp_path)) == (
        EXIT_REFUSED,
        f"infusion-edge: {tmp_path} cannot be looked into: Permission denied (sudo?)",
    )


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"site": ""}, "--site must be said where nobody can be asked"),
        ({"beds": (), "devices": ()}, "--bed and --device must be said"),
        ({"site": "Ward 3"}, "--site Ward 3: use 1 to 32 lower-case letters"),
        ({"beds": ("bed-1= Room",)}, "the label of bed-1: write 1 to 80"),
        ({"devices": ("bed-1=ivy-450c",)}, "write BED=DRIVER@PORT"),
        ({"devices": ("bed-2=ivy-450c@/dev/x",)}, 'did you mean "bed-1"?'),
        ({"devices": ("bed-1=ivy-45c@/dev/x",)}, 'did you mean "ivy-450c"?'),
        ({"devices": ("bed-1=bbraun-space@/dev/x",)}, "say its channel too"),
        ({"broker": "host:x"}, "give HOST or HOST:PORT"),
    ],
)
def test_what_cannot_be_is_told_with_what_can(tmp_path: Path, more: dict[str, object], text: str) -> None:
    status, told = made(said(tmp_path, **more))
    assert (status, text in told) == (EXIT_USAGE, True), told
    assert list(tmp_path.iterdir()) == []


def test_what_check_config_would_refuse_is_not_written(tmp_path: Path) -> None:
    status, told = made(said(tmp_path, mode="clinical"))
    assert status == EXIT_REFUSED
    assert "nothing was written" in told
    assert "approved" in told
    assert list(tmp_path.iterdir()) == []


async def test_a_device_that_answers_gives_its_driver(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    (tmp_path / "etc").mkdir()
    with PtyServer(monitor(), tmp_path / "screen", loop.time):
        one = said(tmp_path / "etc", devices=(f"bed-1=probe@{tmp_path / 'screen'}",))
        status, text = await asyncio.to_thread(init, one, terminal=False, mono_s=loop.time, say=lambda _: None)
    assert (status, text.splitlines()[0]) == (EXIT_OK, f"wrote  {tmp_path}/etc/edge.toml")
    found = load(tmp_path / "etc" / "edge.toml", tmp_path, {})
    assert [(port.driver.name, port.address) for port in found.ports] == [("ivy-450c", str(tmp_path / "screen"))]


class Terminal:
    """A command on a real terminal, and somebody who answers."""

    def __init__(self, *words: str) -> None:
        self.process, self._fd = pty.fork()
        if self.process == 0:
            os.chdir(ROOT)
            os.execv(sys.executable, [sys.executable, "-m", "edge.cli", *words])  # noqa: S606 - our own command
        self.shown = ""

    async def answer(self, question: str, words: str | None) -> None:
        """Wait for a question, and type; ``None`` is Ctrl-D."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(ANSWER_LIMIT_S):
            while question not in self.shown:
                self.shown += (await loop.run_in_executor(None, os.read, self._fd, 4096)).decode()
        self.shown = self.shown.partition(question)[2]
        os.write(self._fd, b"\x04" if words is None else f"{words}\n".encode())

    async def end(self) -> tuple[int, str]:
        def read() -> None:
            try:
                while more := os.read(self._fd, 4096):
                    self.shown += more.decode()
            except OSError:  # the terminal is gone with its last program
                return

        await asyncio.wait_for(asyncio.to_thread(read), ANSWER_LIMIT_S)
        _, status = await asyncio.to_thread(os.waitpid, self.process, 0)
        os.close(self._fd)
        return os.waitstatus_to_exitcode(status), self.shown


@pytest.mark.long
async def test_a_newcomer_answers_questions_at_a_terminal(tmp_path: Path) -> None:
    with PtyServer(monitor(), tmp_path / "screen", asyncio.get_running_loop().time):
        newcomer = Terminal("init", str(tmp_path / "etc"), "--run-dir", str(tmp_path))
        await newcomer.answer("Site, in MQTT topics: ", "Ward 3")
        await newcomer.answer("use 1 to 32 lower-case letters", "ward-3")
        await newcomer.answer("Name of this computer", "pi-7")
        await newcomer.answer("Bed 1 [bed-1]: ", "")
        await newcomer.answer("What nurses call it [Bed 1]: ", "Room 4")
        await newcomer.answer("Bed 2: ", "")
        await newcomer.answer("Broker, HOST or HOST:PORT [127.0.0.1]: ", "")
        await newcomer.answer("  Port: ", str(tmp_path / "screen"))
        await newcomer.answer("to ask the device [?]: ", "")
        await newcomer.answer("yes or no [no]: ", "yes")
        await newcomer.answer("Channels of this bed [0]: ", "")
        await newcomer.answer("  Port: ", "/dev/serial/by-id/rack")
        await newcomer.answer("to ask the device [?]: ", "bbraun-space")
        await newcomer.answer("Channel (docs/devices.md): ", "11")
        await newcomer.answer("  Port: ", "")
        status, shown = await newcomer.end()
    assert (status, f"wrote  {tmp_path}/etc/edge.toml" in shown) == (EXIT_OK, True), shown
    status, table = report(tmp_path / "etc" / "edge.toml", tmp_path)
    assert status == 0
    assert 'bed-1  "Room 4"' in table


async def test_who_leaves_at_a_question_leaves_nothing_behind(tmp_path: Path) -> None:
    newcomer = Terminal("init", str(tmp_path / "etc"))
    await newcomer.answer("Site, in MQTT topics: ", "ward-3")
    await newcomer.answer("Name of this computer", None)
    status, shown = await newcomer.end()
    assert (status, "nothing was written" in shown) == (EXIT_REFUSED, True)
    assert not (tmp_path / "etc").exists()
