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
LIMIT_S = 4.0
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


def test_it_is_open_to_this_machine_alone() -> None:
    assert [line for line in settings() if line.startswith(("listener", "port", "bind"))] == ["listener 1883 127.0.0.1"]


async def test_what_is_retained_outlives_a_power_cut(tmp_path: Path) -> None:
    port = free_port()
    moved = {"listener": str(port), "persistence_location": f"{tmp_path}/"}
    lines = [f"user {pwd.getpwuid(os.getuid()).pw_name}"]
    for line in settings():
        name, first, *rest = line.split()
        lines.append(" ".join([name, moved.get(name, first), *rest]))
    config = tmp_path / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
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
