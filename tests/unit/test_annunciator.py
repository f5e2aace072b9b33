"""Lamp, buzzer, nurse call and button on gpiozero's own mock pins: what is played, and what happens if pins fail."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPin, MockPWMPin

from edge import annunciator as module
from edge.annunciator import Annunciator, Opener, Player
from edge.config_annunciator import AnnunciatorSettings, ButtonSettings, BuzzerKind, PinSettings
from edge.core.effects import Bedside
from edge.core.inputs import BedsidePart, Input, Named, PartReport, PressButton, Request, Role
from edge.core.model import Priority
from edge.pins import PinError, Pins

HIGH, MEDIUM, LOW = Priority.HIGH, Priority.MEDIUM, Priority.LOW
RED, YELLOW, CYAN, BUZZER, RELAY, BUTTON = 17, 27, 22, 18, 24, 23
SETTINGS = PinSettings(
    lamps={HIGH: RED, MEDIUM: YELLOW, LOW: CYAN},
    buzzer=BUZZER,
    buzzer_kind=BuzzerKind.PASSIVE,
    volumes={HIGH: 0.8, MEDIUM: 0.4},
    relay=RELAY,
    relay_rests_energised=False,
    buttons=(ButtonSettings(BUTTON, "bed-1"),),
    active_low=frozenset(),
)
DARK = Bedside(None, None, call=False, test=False, standing=())
NAMED = Named("bed-1", "HR_HIGH", "run-1-1", 3)
WITHIN_S = 15.0


@pytest.fixture(autouse=True)
def factory() -> Iterator[MockFactory]:
    Device.pin_factory = made = MockFactory(pin_class=MockPWMPin)
    yield made
    Device.pin_factory = None
    made.reset()


def level(pin: int) -> float:
    """What a pin drives now."""
    assert Device.pin_factory is not None
    return float(Device.pin_factory.pin(pin).state)


def is_released(pin: int) -> bool:
    assert Device.pin_factory is not None
    return bool(Device.pin_factory.pin(pin).function == "input")


class Desk:
    """A player on mock pins, the clock in its hand."""

    def __init__(self, settings: PinSettings = SETTINGS) -> None:
        self.pins = Pins(settings, lambda _bed, _down: None)
        self.now_s = 100.0
        self.player = Player(settings, self.pins, self.now_s)
        self.again_s = 0.0
        self.turn()

    def turn(self) -> None:
        _, self.again_s = self.player.turn(self.now_s)
        self.due_s = self.now_s + self.again_s

    def want(self, lamp: Priority | None = None, sound: Priority | None = None, **more: Any) -> None:
        self.player.want(replace(DARK, lamp=lamp, sound=sound, **more), self.now_s)
        self.turn()

    def watch(self, pin: int, for_s: float) -> list[tuple[float, float]]:
        """Let time pass; when the pin changed, from now on, and to what. It is turned only when it asked for it."""
        begin_s, seen = self.now_s, [(0.0, level(pin))]
        while self.due_s < begin_s + for_s:
            self.now_s = self.due_s
            self.turn()
            if level(pin) != seen[-1][1]:
                seen.append((round(self.now_s - begin_s, 3), level(pin)))
        self.now_s = begin_s + for_s
        return seen


# --- what is played ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("priority", "pin", "flashes"),
    [
        (HIGH, RED, [(0.0, 1.0), (0.25, 0.0), (0.5, 1.0), (0.75, 0.0), (1.0, 1.0), (1.25, 0.0)]),
        (MEDIUM, YELLOW, [(0.0, 1.0), (0.833, 0.0)]),
        (LOW, CYAN, [(0.0, 1.0)]),
    ],
)
def test_each_priority_has_its_lamp_and_its_rate(priority: Priority, pin: int, flashes: Any) -> None:
    desk = Desk()
    desk.want(priority)
    assert desk.watch(pin, 1.4) == flashes
    assert {level(other) for other in {RED, YELLOW, CYAN} - {pin}} == {0.0}


def test_one_lamp_for_all_tells_them_by_its_rate() -> None:
    desk = Desk(replace(SETTINGS, lamps=dict.fromkeys(Priority, RED)))
    desk.want(LOW)
    assert desk.watch(RED, 3.0) == [(0.0, 1.0)]
    desk.want(HIGH)
    assert desk.watch(RED, 0.6) == [(0.0, 1.0), (0.25, 0.0), (0.5, 1.0)]


def test_a_worse_alarm_is_another_lamp_at_once() -> None:
    desk = Desk()
    desk.want(MEDIUM)
    desk.watch(YELLOW, 0.3)
    desk.want(HIGH)
    assert (level(YELLOW), level(RED)) == (0.0, 1.0)


def test_a_change_that_is_none_for_the_lamp_does_not_break_its_rhythm() -> None:
    desk = Desk()
    desk.want(HIGH)
    desk.watch(RED, 0.2)
    desk.want(HIGH, call=True)
    assert desk.watch(RED, 0.2) == [(0.0, 1.0), (0.05, 0.0)]


def test_high_is_a_burst_of_ten_at_its_volume_and_again_after_5_s() -> None:
    desk = Desk()
    desk.want(HIGH, HIGH)
    seen = desk.watch(BUZZER, 8.4)
    starts = [at_s for at_s, on in seen if on]
    assert starts == [0.0, 0.25, 0.5, 1.0, 1.25, 1.9, 2.15, 2.4, 2.9, 3.15, 8.3]
    assert {on for _, on in seen} == {0.0, 0.8 * 0.5}  # half of each period is the loudest
    assert Device.pin_factory.pin(BUZZER).frequency == 500.0


def test_medium_is_three_pulses_and_no_louder_than_it_is_set() -> None:
    desk = Desk()
    desk.want(MEDIUM, MEDIUM)
    assert desk.watch(BUZZER, 16.1) == [
        (0.0, 0.2), (0.2, 0.0), (0.4, 0.2), (0.6, 0.0), (0.8, 0.2), (1.0, 0.0), (16.0, 0.2),
    ]  # fmt: skip


def test_silence_cuts_a_burst_and_a_worse_alarm_begins_its_own() -> None:
    desk = Desk()
    desk.want(MEDIUM, MEDIUM)
    desk.watch(BUZZER, 0.1)
    desk.want(HIGH, HIGH)
    assert desk.watch(BUZZER, 0.2) == [(0.0, 0.4), (0.15, 0.0)]
    desk.want(HIGH, HIGH)
    desk.watch(BUZZER, 0.06)
    assert level(BUZZER) == 0.4
    desk.want(HIGH)
    assert level(BUZZER) == 0.0
    assert desk.watch(BUZZER, 60.0) == [(0.0, 0.0)]


def test_an_active_buzzer_is_on_or_off(factory: MockFactory) -> None:
    Device.pin_factory = MockFactory(pin_class=MockPin)  # a pin without PWM
    desk = Desk(replace(SETTINGS, buzzer_kind=BuzzerKind.ACTIVE, volumes={HIGH: 1.0, MEDIUM: 0.0}))
    desk.want(HIGH, HIGH)
    assert desk.watch(BUZZER, 0.3) == [(0.0, 1.0), (0.15, 0.0), (0.25, 1.0)]
    desk.want(MEDIUM, MEDIUM)
    assert desk.watch(BUZZER, 10.0) == [(0.0, 0.0)]


def test_a_passive_buzzer_on_a_pin_without_pwm_is_refused() -> None:
    Device.pin_factory = MockFactory(pin_class=MockPin)
    with pytest.raises(PinError, match="PinPWMUnsupported"):
        Pins(SETTINGS, lambda _bed, _down: None)
    assert is_released(RED)  # nothing stays open


def test_the_relay_closes_for_the_nurse_call() -> None:
    desk = Desk()
    assert level(RELAY) == 0.0
    desk.want(HIGH, call=True)
    assert level(RELAY) == 1.0
    desk.want(HIGH)
    assert level(RELAY) == 0.0


def test_a_relay_that_rests_energised_calls_by_falling_as_when_the_power_fails() -> None:
    desk = Desk(replace(SETTINGS, relay_rests_energised=True))
    assert level(RELAY) == 1.0
    desk.want(HIGH, call=True)
    assert level(RELAY) == 0.0
    desk.want()
    desk.pins.close()
    assert is_released(RELAY)


def test_outputs_that_are_active_low_are_turned_about() -> None:
    desk = Desk(replace(SETTINGS, active_low=frozenset({RED, RELAY, BUZZER})))
    assert (level(RED), level(RELAY), level(YELLOW)) == (1.0, 1.0, 0.0)
    desk.want(LOW)
    desk.want(HIGH, HIGH, call=True)
    assert (level(RED), level(RELAY), level(BUZZER)) == (0.0, 0.0, 0.6)


def test_the_self_test_lights_all_lamps_and_gives_one_short_tone() -> None:
    desk = Desk()
    desk.want(LOW, test=True)
    assert [level(pin) for pin in (RED, YELLOW, CYAN)] == [1.0, 1.0, 1.0]
    assert desk.watch(BUZZER, 2.9) == [(0.0, 0.4), (0.2, 0.0)]
    desk.watch(BUZZER, 0.2)
    assert [level(pin) for pin in (RED, YELLOW, CYAN)] == [0.0, 0.0, 1.0]
    desk.want()
    assert desk.again_s == math.inf


def test_the_self_test_hides_no_alarm() -> None:
    desk = Desk()
    desk.want(HIGH, HIGH)
    desk.watch(RED, 0.3)
    desk.want(HIGH, HIGH, test=True)
    assert [level(pin) for pin in (RED, YELLOW, CYAN)] == [0.0, 0.0, 0.0]  # the red one is between two flashes
    assert desk.watch(RED, 0.4) == [(0.0, 0.0), (0.2, 1.0)]


def test_nothing_turns_while_nothing_stands() -> None:
    assert Desk().again_s == math.inf


# --- the task ---------------------------------------------------------------------------------------------------------


class Task:
    """The task of the bedside's signals, and what it says to the core."""

    def __init__(self, pins: PinSettings | None = SETTINGS, opener: Opener = Pins) -> None:
        self.said: list[Input] = []
        self._more = asyncio.Event()
        self.annunciator = Annunciator(
            AnnunciatorSettings(pins, None),
            site="ward",
            edge="pi-1",
            run="run-1",
            mono_s=asyncio.get_running_loop().time,
            put=self._put,
            opener=opener,
        )

    def _put(self, item: Input) -> None:
        self.said.append(item)
        self._more.set()

    def faults(self) -> dict[BedsidePart, str]:
        """What each part said last."""
        return {item.part: item.fault for item in self.said if isinstance(item, PartReport)}

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not true():
                self._more.clear()
                await self._more.wait()

    async def until_fault(self, part: BedsidePart, text: str) -> None:
        await self.until(lambda: part in self.faults() and text in self.faults()[part])


@asynccontextmanager
async def running(task: Task) -> AsyncIterator[Task]:
    work = asyncio.create_task(task.annunciator.run())
    try:
        yield task
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            if true():
                return
            await asyncio.sleep(0)


def is_well(task: Task) -> Callable[[], bool]:
    return lambda: task.faults() == dict.fromkeys(BedsidePart, "")


async def test_a_clean_end_puts_everything_out_and_releases_the_pins() -> None:
    async with running(Task()) as task:
        await task.until(is_well(task))
        task.annunciator.show(Bedside(HIGH, HIGH, call=True, test=False, standing=()))
        await eventually(lambda: level(RELAY) == 1.0)
        assert level(RED) == 1.0
    assert [level(pin) for pin in (RED, BUZZER, RELAY)] == [0.0, 0.0, 0.0]
    assert all(map(is_released, (RED, BUZZER, RELAY)))


def test_at_the_end_each_output_is_put_out_before_it_is_released() -> None:
    Device.pin_factory = MockFactory(pin_class=MockPin)  # which keeps what was driven, as Raspberry Pi OS does
    desk = Desk(replace(SETTINGS, buzzer_kind=BuzzerKind.ACTIVE))
    desk.want(HIGH, HIGH, call=True)
    assert [level(pin) for pin in (RED, BUZZER, RELAY)] == [1.0, 1.0, 1.0]
    desk.pins.close()
    assert [level(pin) for pin in (RED, BUZZER, RELAY)] == [0.0, 0.0, 0.0]


async def test_what_was_wanted_before_the_pins_were_open_is_shown_then() -> None:
    task = Task()
    task.annunciator.show(replace(DARK, lamp=LOW))
    async with running(task):
        await task.until(is_well(task))
        assert level(CYAN) == 1.0


async def test_a_press_asks_as_the_station_bedside_with_what_was_shown() -> None:
    other = replace(NAMED, bed="bed-2")
    async with running(Task()) as task:
        task.annunciator.show(replace(DARK, lamp=HIGH, standing=(NAMED, other)))
        await task.until(is_well(task))
        pin: Any = Device.pin_factory.pin(BUTTON)
        pressing = threading.Thread(target=pin.drive_low)  # the library calls from a thread of its own
        pressing.start()
        await task.until(lambda: isinstance(task.said[-1], Request))
        pressing.join()
        pin.drive_high()
    asked = task.said[-1]
    assert isinstance(asked, Request)
    assert (asked.request_id, asked.station, asked.role, asked.basis) == (
        "run-1-bedside-1",
        "bedside",
        Role.NURSE,
        None,
    )
    assert asked.act == PressButton("bed-1", (NAMED,))


async def test_a_button_that_is_stuck_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.button.STUCK_S", 0.1)
    async with running(Task()) as task:
        await task.until(is_well(task))
        pin: Any = Device.pin_factory.pin(BUTTON)
        pin.drive_low()
        await task.until_fault(BedsidePart.BUTTON, "bed-1: it has been down")
        pin.drive_high()
        await task.until(is_well(task))
    assert len([one for one in task.said if isinstance(one, Request)]) == 1


async def test_a_library_that_is_missing_is_a_fault_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    async with running(Task()) as task:
        await task.until_fault(BedsidePart.PINS, "")
        await task.until_fault(BedsidePart.PINS, 'install infusion-edge with its extra "gpio"')


async def test_pins_that_cannot_be_had_are_a_fault_of_the_pins_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    Device.pin_factory = None
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    monkeypatch.setitem(sys.modules, "lgpio", None)  # it is only where a Raspberry Pi is
    async with running(Task()) as task:
        await task.until_fault(BedsidePart.PINS, "lgpio is not installed: sudo apt-get install python3-lgpio")
        assert task.faults()[BedsidePart.HOOK] == ""


async def test_pins_that_fail_amid_an_alarm_are_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    opened: list[Pins] = []

    def opener(settings: PinSettings, on_edge: Callable[[str, bool], None]) -> Pins:
        opened.append(Pins(settings, on_edge))
        return opened[-1]

    async with running(Task(opener=opener)) as task:
        await task.until(is_well(task))

        def fail(_pin: int, *, on: bool) -> None:
            raise PinError(f"input/output error while it is to be {on}")

        monkeypatch.setattr(opened[0], "light", fail)
        task.annunciator.show(replace(DARK, lamp=LOW))
        await task.until_fault(BedsidePart.PINS, "input/output error")
        await task.until(is_well(task))
        assert (len(opened), level(CYAN)) == (2, 1.0)


async def test_a_fault_of_ours_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    async with running(Task()) as task:
        await task.until(is_well(task))
        monkeypatch.setattr(Player, "turn", lambda *_: 1 / 0)
        task.annunciator.show(replace(DARK, lamp=LOW))
        await task.until_fault(BedsidePart.PINS, "ZeroDivisionError")
        monkeypatch.undo()
        await task.until(is_well(task))


async def test_a_library_that_hangs_is_given_up_and_closed_when_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPEN_LIMIT_S", 0.05)
    monkeypatch.setattr(module, "AGAIN_S", 0.05)
    go, attempts = threading.Event(), []
    closed: list[Pins] = []

    class Late(Pins):
        def close(self) -> None:
            closed.append(self)
            super().close()

    def opener(settings: PinSettings, on_edge: Callable[[str, bool], None]) -> Pins:
        go.wait(WITHIN_S)
        attempts.append(Late(settings, on_edge))
        return attempts[-1]

    async with running(Task(opener=opener)) as task:
        await task.until_fault(BedsidePart.PINS, "did not answer within")
        await task.until_fault(BedsidePart.PINS, "hangs")
        go.set()
        await task.until(is_well(task))
        assert len(attempts) == 2  # one thread hung, not one more each time
        assert closed == attempts[:1]


async def test_without_pins_nothing_is_opened() -> None:
    def opener(_settings: PinSettings, _on_edge: Callable[[str, bool], None]) -> Pins:
        raise AssertionError

    async with running(Task(None, opener)) as task:
        await task.until(is_well(task))


def test_the_library_is_not_imported_where_nothing_is_configured() -> None:
    code = "import sys, edge.cli, edge.app; sys.exit('gpiozero' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=WITHIN_S * 3).returncode == 0
