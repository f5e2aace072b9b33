"""The bedside computer's own signals in the real daemon: a real pty, a real command, gpiozero's own mock pins."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPWMPin

from edge.app import App, Surroundings
from edge.clock import Clock
from edge.config import load
from edge.notify import Notifier
from edge.reload import Files
from edge.starting import Offer
from simulators.pty_server import PtyServer
from tests.broker import Mosquitto
from tests.end_to_end.world import daemon, is_alarm, message, monitor, space
from tests.unit.config_files import EDGE, put

RED, YELLOW, CYAN, BUZZER, BUTTON = 17, 27, 22, 18, 23
SECTION = """
[annunciator]
lamp_red = 17
lamp_yellow = 27
lamp_cyan = 22
buzzer = 18

[[annunciator.button]]
pin = 23
bed = "bed-1"

[annunciator.hook]
command = ["/bin/sh", "-c", "cat >>'{told}'"]
on = ["high_onset", "test"]
"""
FAR_BEYOND = "29.4"
"""4.2 mg/kg/h, beyond the bypass limit: high at once."""

NO_BROKER = 9
WITHIN_S = 15.0


@pytest.fixture(autouse=True)
def factory(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockFactory]:
    Device.pin_factory = made = MockFactory(pin_class=MockPWMPin)
    monkeypatch.setattr("edge.app.STOP_LIMIT_S", 0.3)  # there is no broker that would take what waits
    yield made
    Device.pin_factory = None
    made.reset()
    gc.unfreeze()  # the daemon froze what is this process's


class Room:
    """A daemon in this process, with one bed whose devices are simulated."""

    def __init__(self, folder: Path, control: Path) -> None:
        self.folder = folder
        self.control = control
        self.told = folder / "told"

    async def ask(self, verb: str, **fields: object) -> dict[str, Any]:
        """Ask over the control socket as the command line does."""
        await until(self.control.exists)
        reader, writer = await asyncio.open_unix_connection(self.control)
        try:
            writer.write(b'{"get": "alarms"}\n')
            seen = json.loads(await reader.readline())
            basis = {"request_id": f"t-{verb}", "run": seen["run"], "edge_mono_s": seen["mono_s"]}
            writer.write(json.dumps({"ask": verb, **basis, **fields}).encode() + b"\n")
            answer: dict[str, Any] = json.loads(await reader.readline())
        finally:
            writer.close()
        return answer

    def hooks(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.told.read_text().splitlines()] if self.told.exists() else []

    def journal(self, kind: str) -> list[dict[str, Any]]:
        with contextlib.closing(sqlite3.connect(self.folder / "edge.db")) as store:
            rows = store.execute("SELECT body FROM journal WHERE kind = ?", (kind,)).fetchall()
        return [json.loads(body) for (body,) in rows]


@contextlib.asynccontextmanager
async def room(folder: Path, rate_ml_per_h: str) -> AsyncIterator[Room]:
    """Run the daemon until the end of the block, and end it by SIGTERM."""
    text = EDGE.replace("port = 1883", f"port = {NO_BROKER}") + SECTION.format(told=folder / "told")
    configuration = load(put(folder, text), folder)
    clock = asyncio.get_running_loop().time
    _, rack = space(rate_ml_per_h, clock())
    made = Room(folder, folder / "c.sock")
    with PtyServer(rack, folder / "bed-1-pump", clock), PtyServer(monitor(), folder / "bed-1-monitor", clock):
        app = App(
            Offer(configuration),
            Surroundings(Clock(), "run-1", Random(1), Notifier({})),
            made.control,
            Files(lambda: configuration, lambda _: None),
        )
        running = asyncio.create_task(app.run())
        try:
            yield made
        finally:
            if not running.done():
                os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(WITHIN_S):
                await running


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            if true():
                return
            await asyncio.sleep(0.01)


def pin(number: int) -> Any:
    assert Device.pin_factory is not None
    return Device.pin_factory.pin(number)


async def test_a_dose_that_is_too_high_lights_the_lamp_and_the_button_takes_it(tmp_path: Path) -> None:
    async with room(tmp_path, FAR_BEYOND) as made:
        await until(lambda: bool(pin(RED).state))
        await until(lambda: not pin(RED).state)  # it flashes
        await until(lambda: bool(made.hooks()))
        pin(BUTTON).drive_low()
        await until(lambda: any(row["verb"] == "bedside-button" for row in made.journal("request")))
        pin(BUTTON).drive_high()
    (hook,) = made.hooks()
    assert (hook["reason"], hook["condition"], hook["bed"]) == ("high_onset", "DOSE_RATE_HIGH", "bed-1")
    (request,) = [row for row in made.journal("request") if row["verb"] == "bedside-button"]
    assert (request["by"], request["result"], request["bed"]) == ("bedside", "done", "bed-1")
    taken = [row for row in made.journal("alarm") if row.get("by") == "bedside"]
    assert {"accept", "acknowledge"} <= {row["phase"] for row in taken if row["key"].startswith("DOSE_RATE_HIGH")}
    assert [pin(number).function for number in (RED, YELLOW, CYAN, BUZZER)] == ["input"] * 4  # ended, and released


async def test_a_test_alarm_lights_every_lamp_and_gives_a_tone(tmp_path: Path) -> None:
    async with room(tmp_path, "7") as made:
        tones: list[float] = []
        assert (await made.ask("test-alarm"))["result"] == "done"
        await until(lambda: all(pin(number).state for number in (RED, YELLOW, CYAN)))
        await until(lambda: bool(made.hooks()))
        tones = [state.state for state in pin(BUZZER).states]
    assert tones[:2] == [0.0, 0.5]
    assert [one["reason"] for one in made.hooks()] == ["test"]


@pytest.mark.parametrize(
    ("pins", "command", "condition", "text"),
    [
        ("nothing", "cat >>'{told}'", "ANNUNCIATOR_FAILED", "do not work: "),
        ("mock", "exit 7", "CALL_HOOK_FAILED", "it ended with status 7."),
    ],
)
async def test_pins_or_a_command_that_fail_are_an_alarm_and_the_edge_goes_on(
    pins: str, command: str, condition: str, text: str, tmp_path: Path
) -> None:
    section = SECTION.replace("cat >>'{told}'", command).format(told=tmp_path / "told")
    config = put(tmp_path, EDGE + section.replace("buzzer = 18", 'buzzer = 18\nbuzzer_kind = "active"'))
    (tmp_path / "broker").mkdir()
    clock = asyncio.get_running_loop().time
    _, rack = space(FAR_BEYOND, clock())
    async with Mosquitto(tmp_path / "broker") as broker, broker.subscribe_all() as heard:
        with PtyServer(rack, tmp_path / "bed-1-pump", clock):
            async with daemon(tmp_path, broker.port, config=config, GPIOZERO_PIN_FACTORY=pins) as running:
                failed = message(await heard.wait_for(is_alarm(condition, bed="")))
                assert (failed["priority"], text in failed["text"]) == ("medium", True)
                await heard.wait_for(is_alarm("DOSE_RATE_HIGH.bed-1-pump.11"))
                assert running.process.returncode is None
                assert await running.end() == 0
