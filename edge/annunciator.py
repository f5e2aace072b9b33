"""The bedside computer's lamp, buzzer, nurse call and buttons, as the core wants them.

What is shown and sounded is decided in `edge/core/annunciation.py`; here it is played. `Player.turn` writes to the pins
what is due now and says when it is due next, so that nothing drifts, and nothing sleeps while nothing stands.

Laws:
  * It delays nothing: opening is done in a thread of its own, which is given up after a limit.
  * Pins that fail are a fault that is told, and are tried again; the edge goes on (law 11).
  * At the end everything is put out.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

import structlog

from edge.button import Button
from edge.config_annunciator import AnnunciatorSettings, PinSettings
from edge.core.annunciation import TEST_LIT_S, TEST_TONE_S, lit, sounding
from edge.core.config import BEDSIDE
from edge.core.effects import Bedside, CallHook
from edge.core.inputs import BedsidePart, Input, PartReport, PressButton, Request, Role
from edge.core.model import Priority
from edge.hook import Hook
from edge.pins import PinError, Pins

OPEN_LIMIT_S = 10.0
"""The library takes a second to import on a small computer; after so long it hangs."""

AGAIN_S = 10.0
"""Pins that failed are tried again after this."""

_DARK = Bedside(None, None, call=False, test=False, standing=())

_log = structlog.get_logger(__name__)


class PinsOpen(Protocol):
    """Open pins, as `edge.pins.Pins` has them."""

    def light(self, pin: int, *, on: bool) -> None:
        """Light a lamp, or put it out."""

    def sound(self, volume: float) -> None:
        """Sound the buzzer with a part of its loudness."""

    def call(self, *, calling: bool) -> None:
        """Ring the nurse call, or rest."""

    def is_down(self, bed: str) -> bool:
        """Tell whether a bed's button is pressed."""

    def close(self) -> None:
        """Put everything out."""


Opener = Callable[[PinSettings, Callable[[str, bool], None]], PinsOpen]


class Player:
    """Plays on open pins what is wanted. Each method may raise PinError."""

    def __init__(self, settings: PinSettings, pins: PinsOpen, now_s: float) -> None:
        self._settings = settings
        self._pins = pins
        self._buttons = {button.bed: Button(down=pins.is_down(button.bed), now_s=now_s) for button in settings.buttons}
        self._want = _DARK
        self._lamp_since_s = self._sound_since_s = now_s
        self._test_since_s = -math.inf
        self._lit: dict[int, bool] = {}
        self._volume: float | None = None
        self._calling: bool | None = None

    def want(self, wanted: Bedside, now_s: float) -> None:
        """From now on this is shown and sounded; what is as before goes on as it was."""
        before, self._want = self._want, wanted
        if wanted.lamp is not before.lamp:
            self._lamp_since_s = now_s
        if wanted.sound is not before.sound:
            self._sound_since_s = now_s
        if wanted.test and not before.test:
            self._test_since_s = now_s

    def edge(self, bed: str, *, down: bool, now_s: float) -> None:
        """Take up that a button's pin changed."""
        self._buttons[bed].edge(down=down, now_s=now_s)

    def turn(self, now_s: float) -> tuple[list[str], float]:
        """Write what is due; return the beds whose button was pressed, and in how many seconds to turn again."""
        again_s = [self._turn_lamps(now_s), self._turn_buzzer(now_s)]
        if self._calling is not self._want.call:
            self._pins.call(calling=self._want.call)
            self._calling = self._want.call
        pressed = [bed for bed, button in self._buttons.items() if button.turn(now_s)]
        again_s += [button.next_s(now_s) - now_s for button in self._buttons.values()]
        return pressed, min(again_s)

    def fault(self, now_s: float) -> str:
        """Say what is wrong with the buttons, empty if they are well."""
        faults = {bed: button.fault(now_s) for bed, button in self._buttons.items()}
        return "; ".join(f"{bed}: {fault}" for bed, fault in faults.items() if fault)

    def _turn_lamps(self, now_s: float) -> float:
        shown, again_s = self._want.lamp, math.inf
        on: set[int] = set()
        test_s = TEST_LIT_S - (now_s - self._test_since_s)
        if test_s > 0 and shown in (None, Priority.LOW):  # a test hides no alarm that is more than it
            on, again_s = set(self._settings.lamp_pins), test_s
        elif shown is not None and shown in self._settings.lamps:
            is_lit, again_s = lit(shown, now_s - self._lamp_since_s)
            on = {self._settings.lamps[shown]} if is_lit else set()
        for pin in self._settings.lamp_pins:
            if self._lit.get(pin) is not (pin in on):
                self._pins.light(pin, on=pin in on)
                self._lit[pin] = pin in on
        return again_s

    def _turn_buzzer(self, now_s: float) -> float:
        sound, again_s, volume = self._want.sound, math.inf, 0.0
        test_s = TEST_TONE_S - (now_s - self._test_since_s)
        if sound is not None:
            on, again_s = sounding(sound, now_s - self._sound_since_s)
            volume = self._settings.volumes[sound] if on else 0.0
        elif test_s > 0:
            volume, again_s = self._settings.volumes[Priority.HIGH], test_s
        if volume != self._volume:
            self._pins.sound(volume)
            self._volume = volume
        return again_s


class Annunciator:
    """The task of the bedside's own signals. ``put`` takes what it has to say to the core."""

    def __init__(
        self,
        settings: AnnunciatorSettings,
        *,
        site: str,
        edge: str,
        run: str,
        mono_s: Callable[[], float],
        put: Callable[[Input], None],
        opener: Opener = Pins,
    ) -> None:
        self._settings = settings
        self._run = run
        self._mono_s = mono_s
        self._put = put
        self._opener = opener
        self._want = _DARK
        self._changed = asyncio.Event()
        self._edges: list[tuple[str, bool, float]] = []
        self._presses = 0
        self._told: dict[BedsidePart, str] = {}
        self._opening: threading.Thread | None = None
        self._hook: Hook | None = None
        if settings.hook is not None:
            report = partial(self._report, BedsidePart.HOOK)
            self._hook = Hook(settings.hook, site=site, edge=edge, report=report)

    def show(self, wanted: Bedside) -> None:
        """From now on this is to be shown and sounded."""
        self._want = wanted
        self._changed.set()

    def call(self, call: CallHook) -> None:
        """Have the site's command told."""
        if self._hook is not None:
            self._hook.call(call)

    async def run(self) -> None:
        """Play until cancelled; nothing that goes wrong here leaves this task."""
        if not (self._settings.pins and self._settings.pins.buttons):
            self._report(BedsidePart.BUTTON, "")
        async with asyncio.TaskGroup() as tasks:
            if self._hook is None:
                self._report(BedsidePart.HOOK, "")
            else:
                tasks.create_task(self._hook.run(), name="hook")
            if self._settings.pins is None:
                self._report(BedsidePart.PINS, "")
            else:
                tasks.create_task(self._keep_playing(self._settings.pins), name="pins")

    async def _keep_playing(self, settings: PinSettings) -> None:
        while True:
            try:
                pins = await self._open(settings)
                try:
                    await self._play(settings, pins)
                finally:
                    pins.close()
            except PinError as error:
                self._report(BedsidePart.PINS, str(error))
            except Exception as error:  # noqa: BLE001 - a fault here must not end the edge (law 11)
                _log.exception("bedside.failed")
                self._report(BedsidePart.PINS, f"{type(error).__name__}: {error}")
            await asyncio.sleep(AGAIN_S)

    async def _play(self, settings: PinSettings, pins: PinsOpen) -> None:
        player = Player(settings, pins, self._mono_s())
        self._edges.clear()
        wanted: Bedside | None = None
        while True:
            self._changed.clear()
            now_s = self._mono_s()
            if wanted is not self._want:
                wanted = self._want
                player.want(wanted, now_s)
            edges, self._edges = self._edges, []
            for bed, down, at_s in edges:
                player.edge(bed, down=down, now_s=at_s)
            pressed, again_s = player.turn(now_s)
            for bed in pressed:
                self._press(bed, now_s)
            self._report(BedsidePart.PINS, "")
            self._report(BedsidePart.BUTTON, player.fault(now_s))
            await self._wait(again_s)

    async def _wait(self, again_s: float) -> None:
        try:
            async with asyncio.timeout(None if again_s == math.inf else again_s):
                await self._changed.wait()
        except TimeoutError:
            return

    def _press(self, bed: str, now_s: float) -> None:
        """Ask as every station asks: the alarms as they were last shown here."""
        self._presses += 1
        act = PressButton(bed, tuple(named for named in self._want.standing if named.bed in ("", bed)))
        _log.info("button", bed=bed, alarms=len(act.seen))
        self._put(Request(f"{self._run}-{BEDSIDE}-{self._presses}", BEDSIDE, now_s, act, role=Role.NURSE))

    def _report(self, part: BedsidePart, fault: str) -> None:
        if self._told.get(part) == fault:
            return
        self._told[part] = fault
        if fault:
            _log.error("bedside.fault", part=part.value, fault=fault)
        self._put(PartReport(self._mono_s(), part, fault))

    async def _open(self, settings: PinSettings) -> PinsOpen:
        """Open the pins in a thread; one that hangs is given up, and what it opens later is closed then."""
        if self._opening is not None and self._opening.is_alive():
            raise PinError("the pin library hangs")
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[PinsOpen | Exception] = loop.create_future()

        def on_edge(bed: str, down: bool) -> None:  # noqa: FBT001 - as the pins call it
            loop.call_soon_threadsafe(self._edge, bed, down)

        def work() -> None:
            try:
                outcome: PinsOpen | Exception = self._opener(settings, on_edge)
            except Exception as error:  # noqa: BLE001 - told by whoever waits for it
                outcome = error
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the process ends
                loop.call_soon_threadsafe(_settle, opened, outcome)

        self._opening = threading.Thread(target=work, name="opening pins", daemon=True)
        self._opening.start()
        try:
            async with asyncio.timeout(OPEN_LIMIT_S):
                outcome = await opened
        except TimeoutError:
            raise PinError(f"the pin library did not answer within {OPEN_LIMIT_S:.0f} s") from None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _edge(self, bed: str, down: bool) -> None:  # noqa: FBT001
        self._edges.append((bed, down, self._mono_s()))
        self._changed.set()


def _settle(opened: asyncio.Future[PinsOpen | Exception], outcome: PinsOpen | Exception) -> None:
    if not opened.done():
        opened.set_result(outcome)
    elif not isinstance(outcome, Exception):
        outcome.close()
