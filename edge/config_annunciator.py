"""The bedside computer's own lamp, buzzer, nurse call, buttons and hook: the section ``[annunciator]`` of its file."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from edge.config_file import HookTime, Problem, Reader, Table, Volume, join, suggest
from edge.core.config import AnnunciatorConfig
from edge.core.effects import HookReason
from edge.core.model import Priority

SECTION = "annunciator"

Pin = Annotated[int, Field(ge=2, le=27)]
"""A GPIO number (not that of the header's pin). 0 and 1 belong to the boards that are put on the header."""

OUTPUTS = ("lamp", "lamp_red", "lamp_yellow", "lamp_cyan", "buzzer", "relay")
_COLOURS = {Priority.HIGH: "lamp_red", Priority.MEDIUM: "lamp_yellow", Priority.LOW: "lamp_cyan"}


class BuzzerKind(StrEnum):
    """Whether the buzzer needs a tone, or makes its own as soon as it has current."""

    PASSIVE = "passive"
    ACTIVE = "active"


class AnnunciatorTable(Table):
    """The outputs, by GPIO number."""

    subtables = ("button", "hook")
    lamp: Pin | None = None
    lamp_red: Pin | None = None
    lamp_yellow: Pin | None = None
    lamp_cyan: Pin | None = None
    buzzer: Pin | None = None
    buzzer_kind: Literal["passive", "active"] = "passive"
    volume_high: Volume = Decimal(100)
    volume_medium: Volume = Decimal(100)
    relay: Pin | None = None
    relay_energised: Literal["calling", "resting"] = "calling"
    active_low: list[Literal["lamp", "lamp_red", "lamp_yellow", "lamp_cyan", "buzzer", "relay"]] = Field(
        default_factory=list
    )


class ButtonTable(Table):
    """A button to ground, and the bed that it is at."""

    pin: Pin
    bed: str


class HookTable(Table):
    """The site's own command: its arguments, what it is told of, and how long it may take."""

    command: Annotated[list[Annotated[str, Field(max_length=1000)]], Field(min_length=1, max_length=50)]
    on: Annotated[list[Literal["level_3", "high_onset", "test"]], Field(min_length=1)]
    timeout: HookTime = Decimal(10)


@dataclass(frozen=True, slots=True)
class ButtonSettings:
    """A button and its bed."""

    pin: int
    bed: str


@dataclass(frozen=True, slots=True)
class PinSettings:
    """What is at which GPIO. ``lamps`` is the lamp of each priority; volumes are 0 to 1.

    ``relay_rests_energised``: the nurse call rings when the relay falls, as it does when the power fails.
    """

    lamps: Mapping[Priority, int]
    buzzer: int | None
    buzzer_kind: BuzzerKind
    volumes: Mapping[Priority, float]
    relay: int | None
    relay_rests_energised: bool
    buttons: tuple[ButtonSettings, ...]
    active_low: frozenset[int]

    @property
    def lamp_pins(self) -> tuple[int, ...]:
        """Each lamp once."""
        return tuple(dict.fromkeys(self.lamps.values()))


@dataclass(frozen=True, slots=True)
class HookSettings:
    """The site's own command."""

    command: tuple[str, ...]
    on: frozenset[HookReason]
    timeout_s: float


@dataclass(frozen=True, slots=True)
class AnnunciatorSettings:
    """What the bedside computer has; ``pins`` is ``None`` where only the hook is there, and the other way round."""

    pins: PinSettings | None
    hook: HookSettings | None

    @property
    def core(self) -> AnnunciatorConfig:
        """What the core is told of it."""
        return AnnunciatorConfig(
            frozenset() if self.hook is None else self.hook.on,
            buzzer=self.pins is not None and self.pins.buzzer is not None,
            relay=self.pins is not None and self.pins.relay is not None,
        )


def read_annunciator(edge: Reader, beds: Collection[str], warnings: list[Problem]) -> AnnunciatorSettings | None:
    """Read and check the section; ``None`` if it is not there, or wrong."""
    if SECTION not in edge.content:
        return None
    raw = edge.section(edge.content, SECTION)
    table = None if raw is None else edge.table(AnnunciatorTable, raw, SECTION)
    if raw is None:
        return None
    hook = _hook(edge, raw)
    buttons = tuple(_buttons(edge, raw, beds))
    if table is None:
        return None
    used: dict[int, str] = {}
    outputs = {name: pin for name in OUTPUTS if (pin := getattr(table, name)) is not None}
    for key, pin in [*((join(SECTION, name), pin) for name, pin in outputs.items()), *_button_pins(buttons)]:
        if pin in used:
            edge.refuse(key, f"GPIO {pin} is {used[pin]} already", "give each a pin of its own")
        used.setdefault(pin, key)
    if not outputs and not buttons and "hook" not in raw:
        edge.refuse(SECTION, "has no lamp, buzzer, relay, button or hook", "name what there is, or remove the section")
    _check_sound(edge, table)
    for name in table.active_low:
        if name not in outputs:
            edge.refuse(join(SECTION, "active_low"), f"{name} has no pin", f"give {name} a pin, or remove it here")
    pins = _pins(table, outputs, buttons) if used else None
    _warn(edge, pins, table, warnings)
    return AnnunciatorSettings(pins, hook)


def _button_pins(buttons: tuple[ButtonSettings, ...]) -> Iterator[tuple[str, int]]:
    for index, button in enumerate(buttons):
        yield f"{SECTION}.button[{index}].pin", button.pin


def _buttons(edge: Reader, raw: Mapping[str, object], beds: Collection[str]) -> Iterator[ButtonSettings]:
    seen: dict[str, str] = {}
    for key, row in edge.rows(raw, "button", SECTION):
        table = edge.table(ButtonTable, row, key)
        if table is None:
            continue
        if table.bed not in beds:
            edge.refuse(join(key, "bed"), f'"{table.bed}" is no bed', suggest(table.bed, beds))
        edge.once(seen, table.bed, join(key, "bed"))
        yield ButtonSettings(table.pin, table.bed)


def _hook(edge: Reader, raw: Mapping[str, object]) -> HookSettings | None:
    if "hook" not in raw:
        return None
    key = join(SECTION, "hook")
    section = edge.section(raw, "hook", SECTION)
    table = None if section is None else edge.table(HookTable, section, key)
    if table is None:
        return None
    program = Path(table.command[0])
    if not program.is_absolute():
        reason = f'"{program}" is no absolute path'
        edge.refuse(join(key, "command"), reason, "write the whole path of the program, and each argument by itself")
    elif not program.is_file() or not os.access(program, os.X_OK):
        edge.refuse(join(key, "command"), f"{program} cannot be run", "give a program that the service's user may run")
    if any("\0" in argument for argument in table.command):
        edge.refuse(join(key, "command"), "an argument has a NUL in it", "remove it")
    if len(set(table.on)) < len(table.on):
        edge.refuse(join(key, "on"), "names something twice", "name each once")
    return HookSettings(tuple(table.command), frozenset(map(HookReason, table.on)), float(table.timeout))


def _check_sound(edge: Reader, table: AnnunciatorTable) -> None:
    key = join(SECTION, "volume_high")
    if table.volume_high == 0:
        edge.refuse(key, "a high alarm must be heard", 'give "1 %" to "100 %"')
    if table.volume_medium > table.volume_high:
        reason = f"{table.volume_medium} % is louder than a high alarm's {table.volume_high} %"
        edge.refuse(join(SECTION, "volume_medium"), reason, "give at most the volume of a high alarm")
    active = BuzzerKind(table.buzzer_kind) is BuzzerKind.ACTIVE
    if active and not {table.volume_high, table.volume_medium} <= {0, 100}:
        reason = "an active buzzer has one loudness"
        edge.refuse(key, reason, 'give "100 %" (or "0 %" for medium), a resistor, or a passive buzzer')


def _pins(table: AnnunciatorTable, outputs: Mapping[str, int], buttons: tuple[ButtonSettings, ...]) -> PinSettings:
    lamps = {priority: outputs.get(name, outputs.get("lamp")) for priority, name in _COLOURS.items()}
    return PinSettings(
        {priority: pin for priority, pin in lamps.items() if pin is not None},
        table.buzzer,
        BuzzerKind(table.buzzer_kind),
        {Priority.HIGH: float(table.volume_high) / 100, Priority.MEDIUM: float(table.volume_medium) / 100},
        table.relay,
        table.relay_energised == "resting",
        buttons,
        frozenset(outputs[name] for name in table.active_low if name in outputs),
    )


def _warn(edge: Reader, pins: PinSettings | None, table: AnnunciatorTable, warnings: list[Problem]) -> None:
    if pins is None:
        return
    if find_spec("gpiozero") is None:
        remedy = 'install infusion-edge with its extra "gpio"'
        warnings.append(Problem(edge.file, SECTION, "gpiozero is not installed: an alarm will say so", remedy))
    dark = [f"{priority.name.lower()} ({name})" for priority, name in _COLOURS.items() if priority not in pins.lamps]
    if pins.lamps and dark:
        reason = f"no lamp shows {', '.join(dark)}"
        warnings.append(Problem(edge.file, SECTION, reason, "give it a lamp, or give lamp for all without their own"))
    if pins.buzzer is not None and table.volume_medium == 0:
        reason = "a medium alarm that no screen shows makes no sound"
        warnings.append(Problem(edge.file, join(SECTION, "volume_medium"), reason, "give it a volume"))
