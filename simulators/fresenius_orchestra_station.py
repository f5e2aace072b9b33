"""What a Fresenius Orchestra base, or a module in it, answers inside a session, and what it tells by itself.

What is not known of the real device, and guessed here, is listed in ``fresenius_orchestra``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from simulators.pump import PumpModel
from simulators.pump_terms import PUMPING, PumpAlarm, PumpSnapshot, PumpState

MAX_TEXT_CHARS = 40
"""Of a value or a name: longer than any that is known, and it fits a frame."""

_CONTROL = frozenset(("PR", "PO", "PB", "PF", "PV", "RV", "PP", "PS", "RZ", "OF", "EP", "EN", "AP", "SI"))
_SYNTAX = re.compile(r"(?:DC|FC|AE|AM|LM|LN|LP)|(?:LE|DE|LM|DM|LF);.+")
_LETTERS = re.compile(r"[a-z]+")
_TEXT = re.compile(rf"[ -:<-}}]{{0,{MAX_TEXT_CHARS}}}")
_MILLI, _TENTH = Decimal("0.001"), Decimal("0.1")


class RefusedError(Exception):
    """A request is refused; its text is the two-digit code."""


class Code:
    """Why a request is refused."""

    UNKNOWN_COMMAND = "01"
    NOT_IN_MODE = "02"
    SYNTAX = "04"
    MODE_NOT_AUTHORISED = "05"
    LETTER_NOT_USED = "0A"
    LETTER_INCORRECT = "0B"
    TOO_LONG = "0C"
    BASE_NOT_OPEN = "0D"
    MODULE_IMPOSSIBLE = "0E"
    MODULE_NOT_OPEN = "1E"


@dataclass(slots=True)
class Watch:
    """What of a group is sent unasked: the letters with the values last told, and what was not confirmed yet."""

    told: dict[str, str] = field(default_factory=dict)
    unconfirmed: str = ""
    since_s: float = math.inf


@dataclass(slots=True)
class Station:
    """The base, or a module. ``variables`` tells what it would say now; ``drug`` is absent where ``LP`` is unknown.

    ``watches`` and ``adjustables`` go by the letters of spontaneous frames: ``E`` variables, ``M`` adjustables.
    """

    variables: Callable[[float], dict[str, str]]
    type_: str
    id_: str
    drug: Callable[[float], str] | None = None
    pump: PumpModel | None = None
    is_open: bool = False
    watches: dict[str, Watch] = field(default_factory=lambda: {"E": Watch(), "M": Watch()})
    overrides: dict[str, str] = field(default_factory=dict)
    adjustables: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)

    def is_off(self, now_s: float) -> bool:
        """Whether this is a pump that is switched off."""
        return self.pump is not None and self.pump.snapshot(now_s).state is PumpState.OFF

    def close(self) -> None:
        """End the session, and what is sent unasked with it."""
        self.is_open = False
        self.watches = {"E": Watch(), "M": Watch()}

    def answer(self, command: str, rest: str | None, now_s: float) -> str:
        """Return what follows the address in the answer. Raises ``RefusedError``."""
        if command not in _ANSWERS or (command == "LP" and self.drug is None):
            refused = Code.NOT_IN_MODE if command in _CONTROL else Code.UNKNOWN_COMMAND
            raise RefusedError(Code.MODE_NOT_AUTHORISED if command == "MO" else refused)
        if not _SYNTAX.fullmatch(command if rest is None else f"{command};{rest}"):
            raise RefusedError(Code.SYNTAX)
        return "C" + _ANSWERS[command](self, rest or "", now_s)

    def changes(self, group: str, now_s: float) -> str:
        """Return the values of a group that differ from those last told, and take them as told."""
        watch = self.watches[group]
        known = self._known(group, now_s) if watch.told else {}
        changed = {letter: known[letter] for letter, text in watch.told.items() if known.get(letter, text) != text}
        watch.told |= changed
        return _listed(changed, changed)

    def read(self, group: str, letters: str, now_s: float) -> str:
        """Return the values of the letters; of all adjustables if none is named."""
        values = self._values(group, letters, now_s) if letters else dict(sorted(self.adjustables.items()))
        return _listed(values, letters or values)

    def watch(self, group: str, letters: str, now_s: float) -> str:
        """Tell the letters of a group from now on when they change; none ends it."""
        self.watches[group] = Watch(self._values(group, letters, now_s) if letters else {})
        return ""

    def _values(self, group: str, letters: str, now_s: float) -> dict[str, str]:
        if not _LETTERS.fullmatch(letters):
            raise RefusedError(Code.LETTER_INCORRECT)
        known = self._known(group, now_s)
        if not set(letters) <= known.keys():
            raise RefusedError(Code.LETTER_NOT_USED)
        return {letter: known[letter] for letter in letters}

    def _known(self, group: str, now_s: float) -> dict[str, str]:
        return self.adjustables if group == "M" else self.variables(now_s) | self.overrides

    def device_type(self, letters: str) -> str:
        """Return the one fixed value that is known of."""
        if letters != "b":
            raise RefusedError(Code.LETTER_NOT_USED)
        return f";b{self.type_}"


_ANSWERS: dict[str, Callable[[Station, str, float], str]] = {
    "DC": lambda _station, _rest, _now_s: "",
    "FC": lambda _station, _rest, _now_s: "",
    "LE": lambda station, letters, now_s: station.read("E", letters, now_s),
    "DE": lambda station, letters, now_s: station.watch("E", letters, now_s),
    "AE": lambda station, _, now_s: station.watch("E", "", now_s),
    "LM": lambda station, letters, now_s: station.read("M", letters, now_s),
    "DM": lambda station, letters, now_s: station.watch("M", letters, now_s),
    "AM": lambda station, _, now_s: station.watch("M", "", now_s),
    "LF": lambda station, letters, _: station.device_type(letters),
    "LN": lambda station, _rest, _now_s: _shown(station.id_),
    "LP": lambda station, _, now_s: _shown(station.drug(now_s) if station.drug else ""),
}


def module_variables(pump: PumpSnapshot, letters: str) -> dict[str, str]:
    """Return what a module that knows these letters says of its pump. The rate of a bolus has a letter of its own."""
    infuses = pump.state is PumpState.BOLUS
    flow_ml_per_h = pump.rate_ml_per_h if infuses else pump.motor_rate_ml_per_h
    told = {
        "a": f"{sum(1 << place for place, alarm in enumerate(PumpAlarm) if alarm in pump.alarms):04X}",
        "e": "00",
        "m": "01",
        "d": _tenths(flow_ml_per_h if pump.state in PUMPING else Decimal(0)),
        "r": _thousandths(pump.counter_ml),
        "k": _tenths(pump.bolus_rate_ml_per_h),
        "s": _thousandths(pump.last_bolus_ml),
    }
    return {letter: told[letter] for letter in letters}


def base_variables(plugged: list[int]) -> dict[str, str]:
    """Return what a base says of itself, by letter, with modules at these positions."""
    modules = sum(1 << position - 1 for position in plugged)
    return {"a": "0000", "e": "00", "m": "01", "i": f"{len(plugged):02X}", "b": f"{modules:02X}"}


def set_text(texts: dict[str, str], key: str, text: str | None) -> None:
    """Set or, with ``None``, remove a text. Raises ``ValueError`` for one that cannot stand in a frame."""
    if text is None:
        texts.pop(key, None)
    else:
        texts[key] = checked_text(text)


def checked_text(text: str) -> str:
    """Return the text if it can stand in a frame, else ``ValueError``."""
    if not _TEXT.fullmatch(text):
        raise ValueError(f"{text!r} cannot stand in a frame: printable ASCII but ; and ~, {MAX_TEXT_CHARS} at most")
    return text


def checked_letter(letter: str) -> str:
    """Return the letter of a variable, else ``ValueError``."""
    if not re.fullmatch("[a-z]", letter):
        raise ValueError(f"letter {letter!r}")
    return letter


def _listed(values: dict[str, str], letters: str | dict[str, str]) -> str:
    return "".join(f";{letter}{values[letter]}" for letter in letters)


def _shown(text: str) -> str:
    """Return a text as far as a frame can carry it."""
    shown = "".join(sign if _TEXT.fullmatch(sign) else "?" for sign in text[:MAX_TEXT_CHARS])
    return f";{shown}" if shown else ""


def _tenths(rate_ml_per_h: Decimal) -> str:
    return f"{int((rate_ml_per_h / _TENTH).quantize(Decimal(1), ROUND_HALF_EVEN)):04X}"


def _thousandths(volume_ml: Decimal | Fraction) -> str:
    return f"{int(Fraction(volume_ml) / Fraction(_MILLI)):08X}"
