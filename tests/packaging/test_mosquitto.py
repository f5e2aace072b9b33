"""Debian's mosquitto with our configuration: on loopback alone, and what is retained outlives a power cut."""

import asyncio
import contextlib
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import aiomqtt

from tests.broker import free_port

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config/mosquitto/mosquitto.conf"
DEBIANS = """\
pid_file {folder}/mosquitto.pid
persistence true
persistence_location {folder}/
log_dest file {folder}/mosquitto.log
include_dir {folder}/conf.d
"""
"""/etc/mosquitto/mosquitto.conf of Debian 12 and 13. It refuses a key that stands twice, but for lists and switches."""

LIMIT_S = 15.0
POLL_S = 0.02


def settings() -> list[str]:
    lines = CONFIG.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@contextlib.contextmanager
def running(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    # Debian puts it where a user's search path does not look.
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert program is not None, "mosquitto is not installed: sudo apt-get install mosquitto"
    with subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while True:
            if condition():
                return
            await asyncio.sleep(POLL_S)


def debians(folder: Path, ours: str) -> Path:
    """Debian's own file, with ours in its folder, as the documents say; everything is kept in this folder."""
    (folder / "conf.d").mkdir()
    (folder / "conf.d/infusion.conf").write_text(ours, encoding="utf-8")
    config = folder / "mosquitto.conf"
    user = f"user {pwd.getpwuid(os.getuid()).pw_name}\n"
    config.write_text(user + DEBIANS.format(folder=folder), encoding="utf-8")
    return config


def test_the_broker_of_a_ward_says_nothing_that_debians_own_file_says() -> None:
    said = {line.split()[0] for line in DEBIANS.splitlines()} - {"persistence", "log_dest"}
    ward = (ROOT / "config/mosquitto/ward.conf").read_text(encoding="utf-8").splitlines()
    assert said & {line.split()[0] for line in ward if line} == set()


def test_it_is_open_to_this_machine_alone() -> None:
    assert [line for line in settings() if line.startswith(("listener", "port", "bind"))] == ["listener 1883 127.0.0.1"]


async def test_what_is_retained_outlives_a_power_cut(tmp_path: Path) -> None:
    port = free_port()
    config = debians(tmp_path, CONFIG.read_text(encoding="utf-8").replace("listener 1883", f"listener {port}"))
    database = tmp_path / "mosquitto.db"

    with running(config):
        await until(lambda: listens(port))
        async with aiomqtt.Client("127.0.0.1", port) as client:
            await client.publish("alarm", b"dose rate high", qos=1, retain=True)
        await until(lambda: database.exists() and b"dose rate high" in database.read_bytes())
    with running(config):
        await until(lambda: listens(port))
        async with aiomqtt.Client("127.0.0.1", port) as client, asyncio.timeout(LIMIT_S):
            await client.subscribe("alarm")
            message = await anext(client.messages)
            assert (message.payload, message.retain) == (b"dose rate high", True)
