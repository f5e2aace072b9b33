"""The pins of the bedside computer: the one file that knows gpiozero, which is imported where pins are configured.

On a Raspberry Pi the pins are lgpio's; ``GPIOZERO_PIN_FACTORY`` in the environment names others. What a pin does when
this process is killed is the kernel's matter: Raspberry Pi OS keeps what was driven until the next start, a second
later, unless ``dtparam=strict_gpiod`` in its ``config.txt`` makes each pin an input, which a resistor then holds off.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any

from edge.config_annunciator import BuzzerKind, PinSettings

TONE_HZ = 500.0
"""Of a passive buzzer: within the 150 to 1000 Hz of IEC 60601-1-8, with its harmonics below 4 kHz."""

LOUDEST_DUTY = 0.5
"""A square wave is loudest when half of each period is on."""

_BOUNCE_S = 0.005
"""The library itself drops what is shorter, so that a noisy line cannot flood the loop."""


COMPILED = "_lgpio"
OF_SYSTEM = (COMPILED, "lgpio")
SYSTEM = "/usr/lib/python3/dist-packages"
"""Where Raspberry Pi OS has its python3-lgpio: for Python 3.13 on arm64 nobody makes a wheel. Nothing else comes from
there: the program runs with its own libraries (`debian/build.py`)."""


class PinError(Exception):
    """The pins cannot be used; the text says why."""


class Pins:
    """Open pins. ``on_edge`` is told, in a thread of the library's, which bed's button went down or up.

    Raises PinError, as each of its methods may.
    """

    def __init__(self, settings: PinSettings, on_edge: Callable[[str, bool], None]) -> None:
        self._settings = settings
        self._devices: list[Any] = []
        self._own_factory: Any = None
        try:
            self._open(on_edge)
        except Exception as error:  # whatever the library and its factories raise
            self.close()
            raise PinError(_words(error)) from error

    def _open(self, on_edge: Callable[[str, bool], None]) -> None:
        from gpiozero import Button, DigitalOutputDevice, PWMOutputDevice  # noqa: PLC0415 - only where it is configured

        settings, factory = self._settings, self._factory()

        def output(pin: int | None, *, on: bool = False) -> Any:
            if pin is None:
                return None
            high = pin not in settings.active_low
            return self._kept(DigitalOutputDevice(pin, active_high=high, initial_value=on, pin_factory=factory))

        self._lamps = {pin: output(pin) for pin in settings.lamp_pins}
        self._relay = output(settings.relay, on=settings.relay_rests_energised)
        if settings.buzzer_kind is BuzzerKind.ACTIVE or settings.buzzer is None:
            self._buzzer = output(settings.buzzer)
        else:
            high = settings.buzzer not in settings.active_low
            self._buzzer = self._kept(
                PWMOutputDevice(settings.buzzer, active_high=high, frequency=TONE_HZ, pin_factory=factory)
            )
        self._buttons = {}
        for button in settings.buttons:
            device = self._kept(Button(button.pin, pull_up=True, bounce_time=_BOUNCE_S, pin_factory=factory))
            device.when_pressed = _calls(on_edge, button.bed, down=True)
            device.when_released = _calls(on_edge, button.bed, down=False)
            self._buttons[button.bed] = device

    def _kept(self, device: Any) -> Any:
        self._devices.append(device)
        return device

    def _factory(self) -> Any:
        from gpiozero import Device  # noqa: PLC0415

        if Device.pin_factory is None and "GPIOZERO_PIN_FACTORY" in os.environ:
            Device.ensure_pin_factory()
        if Device.pin_factory is not None:
            return Device.pin_factory
        # Not the library's own choice: it falls back to what drives the processor's registers.
        _find_lgpio()
        from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415

        self._own_factory = LGPIOFactory()
        return self._own_factory

    def light(self, pin: int, *, on: bool) -> None:
        """Light a lamp, or put it out."""
        self._write(self._lamps[pin], on)

    def sound(self, volume: float) -> None:
        """Sound the buzzer, with 0 to 1 of its loudness; an active one has only one."""
        if self._settings.buzzer_kind is BuzzerKind.PASSIVE:
            self._write(self._buzzer, volume * LOUDEST_DUTY)
        else:
            self._write(self._buzzer, volume > 0)

    def call(self, *, calling: bool) -> None:
        """Ring the nurse call, or rest."""
        self._write(self._relay, calling != self._settings.relay_rests_energised)

    def is_down(self, bed: str) -> bool:
        """Tell whether a bed's button is pressed now."""
        try:
            return bool(self._buttons[bed].is_pressed)
        except Exception as error:
            raise PinError(_words(error)) from error

    def _write(self, device: Any, value: float | bool) -> None:  # noqa: FBT001
        if device is None:
            return
        try:
            device.value = value
        except Exception as error:
            raise PinError(_words(error)) from error

    def close(self) -> None:
        """Put everything out, and release the pins."""
        devices, self._devices = self._devices, []
        for device in devices:
            with contextlib.suppress(Exception):  # one that cannot be put out keeps no other from it
                if hasattr(device, "off"):
                    device.off()
            with contextlib.suppress(Exception):
                device.close()
        if self._own_factory is not None:
            self._own_factory.close()
            self._own_factory = None


def lacks() -> str:
    """Return the name of a library for the pins that this Python has not got; empty where it has all. Loads none."""
    if find_spec("gpiozero") is None:
        return "gpiozero"
    return "" if find_spec(COMPILED) is not None or len(_of_system()) == len(OF_SYSTEM) else "lgpio"


def _of_system() -> list[tuple[ModuleSpec, Loader]]:
    found = (PathFinder.find_spec(name, [SYSTEM]) for name in OF_SYSTEM)
    return [(spec, spec.loader) for spec in found if spec is not None and spec.loader is not None]


def _find_lgpio() -> None:
    """Load the system's lgpio, and nothing else of the system's, where the program has none for this Python."""
    # Only the compiled part tells: lgpio.py beside it came with the wheel for Python 3.11, and 3.13 finds it too.
    if "lgpio" in sys.modules or find_spec(COMPILED) is not None:
        return
    found = _of_system()
    if len(found) < len(OF_SYSTEM):
        raise ModuleNotFoundError(name="lgpio")
    try:
        for spec, loader in found:
            sys.modules[spec.name] = module_from_spec(spec)
            loader.exec_module(sys.modules[spec.name])
    except BaseException:
        for name in OF_SYSTEM:
            sys.modules.pop(name, None)  # as an import does: the next attempt tries again
        raise


def _calls(on_edge: Callable[[str, bool], None], bed: str, *, down: bool) -> Callable[[], None]:
    return lambda: on_edge(bed, down)


def _words(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name == "lgpio":
        # debian/build.py leaves it out where nobody makes it (NOT_MADE).
        return (
            'lgpio is not installed: sudo apt-get install python3-lgpio (Raspberry Pi OS has it), or the extra "gpio"'
        )
    if isinstance(error, ModuleNotFoundError):
        return f'{error.name} is not installed: install infusion-edge with its extra "gpio"'
    return f"{type(error).__name__}: {error}"
