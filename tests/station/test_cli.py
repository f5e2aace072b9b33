"""`infusion-station` as a person or systemd runs it."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from station.cli import EXIT_CONFIG, EXIT_FAILED
from station.config import load
from tests.broker import Mosquitto, free_port
from tests.station import said
from tests.station.browser import Browser
from tests.station.test_config import PLAIN, SHIPPED, write

PROGRAM = Path(sys.executable).with_name("infusion-station")
LIMIT_S = 10


def run(*arguments: str | Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments], input=typed, capture_output=True, text=True, check=False, timeout=LIMIT_S
    )


def test_the_shipped_configuration_is_shown() -> None:
    told = run("check-config", SHIPPED)
    assert (told.returncode, told.stderr) == (0, "")
    assert "page http://127.0.0.1:8080/" in told.stdout
    assert "edges expected: pi-1" in told.stdout
    assert "kari (nurse), ola (prescriber)" in told.stdout


@pytest.mark.parametrize("command", ["run", "check-config"])
def test_a_configuration_that_cannot_be_used_ends_it_for_good(tmp_path: Path, command: str) -> None:
    told = run(command, write(tmp_path, PLAIN.replace("site =", "sight =")))
    assert told.returncode == EXIT_CONFIG
    assert 'station.toml: sight: is not a known key; did you mean "site"?' in told.stderr
    assert run(command, tmp_path / "none.toml").returncode == EXIT_CONFIG


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = run("run", write(tmp_path, PLAIN), "--port", str(port))
    assert told.returncode == EXIT_FAILED
    assert f"127.0.0.1:{port} cannot be opened: Address already in use; choose another page.port" in told.stderr


def test_a_user_is_added_with_the_hash_of_the_pin(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN)
    path.chmod(0o640)
    told = run("user", "add", path, "per", "--name", 'Per "P" Øst', "--role", "nurse", typed="7391\n")
    assert (told.returncode, told.stderr) == (0, "")
    text = path.read_text(encoding="utf-8")
    assert text.startswith(PLAIN.rstrip())
    assert "7391" not in text
    user = load(path, {}).settings.users[1]
    assert (user.user, user.name, user.role, user.knows("7391")) == ("per", 'Per "P" Øst', "nurse", True)
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["station.toml"]


@pytest.mark.parametrize(
    ("user", "pin", "wanted"),
    [
        ("per", "123", "a PIN is 4 to 12 digits"),
        ("per", "12ab", "a PIN is 4 to 12 digits"),
        ("per", "", "a PIN is 4 to 12 digits"),
        ("per", "1234", "the first that anybody would try"),
        ("per", "0000", "the first that anybody would try"),
        ("kari", "7391", '"kari" is there twice'),
        ("Per Øst", "7391", "lower-case letters"),
    ],
)
def test_a_user_that_is_refused_leaves_the_file_as_it_was(tmp_path: Path, user: str, pin: str, wanted: str) -> None:
    path = write(tmp_path, PLAIN)
    told = run("user", "add", path, user, "--name", "Per", "--role", "nurse", typed=f"{pin}\n")
    assert told.returncode == EXIT_FAILED
    assert wanted in told.stderr
    assert path.read_text(encoding="utf-8") == PLAIN
    assert [file.name for file in tmp_path.iterdir()] == ["station.toml"]


async def test_it_serves_tells_systemd_and_ends_in_good_order(tmp_path: Path) -> None:
    port = free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        async with Mosquitto(tmp_path) as broker, broker.subscribe_all() as heard:
            process = await asyncio.create_subprocess_exec(
                PROGRAM, "run", write(tmp_path, PLAIN), "--broker", f"127.0.0.1:{broker.port}", "--port", str(port),
                env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(LIMIT_S):
                assert await loop.sock_recv(systemd, 99) == b"READY=1"
                page = Browser(port)
                await page.load()
                async with page.stream():
                    assert page.hello["station"] == "ward-desk"
                    assert await loop.sock_recv(systemd, 99) == b"WATCHDOG=1"
                    status = f"infusion/v1/{said.SITE}/station/ward-desk/status"
                    await heard.wait_for(lambda one: one.topic == status)
                    process.send_signal(signal.SIGTERM)
                    _, log = await process.communicate()
            assert process.returncode == 0
            assert json.loads(heard.of(status)[-1].payload)["state"] == "stopped"
            assert [json.loads(line)["event"] for line in log.decode().splitlines()] == [
                "pages_served",
                "broker_connected",
            ]
