"""A New Era NE-1000 syringe pump in its Basic mode, network address 0: it answers what it is asked, and nothing else.

A command is ASCII up to CR; blanks and control characters in it do not count, and letters may be small. A reply is STX,
the address, the status, data, ETX. Written from the grammar of the maker's manual. An alarm is told once, in place of
the next reply; that is its acknowledgement.

Whatever is none of the questions is kept in ``forbidden``, changes nothing, and is answered with ``?``.
"""

from __future__ import annotations

from decimal import Decimal

from simulators.pump import PumpModel
from simulators.pump_terms import PumpAlarm, PumpState

BAUD = 19_200
MAX_COMMAND_BYTES = 80
"""Beyond it the rest is lost, as in any small machine; the longest question has 3."""
MAX_FORBIDDEN = 100  # the first are kept: one is already a failure

VERSION = "NE1000V3.61"
_DIGITS = 4
_DECIMALS_MAX = 3
_STATUS = {PumpState.INFUSING: "I", PumpState.BOLUS: "I", PumpState.KVO: "I", PumpState.PURGE: "X"}


class NewEraPump:
    """The pump's end of the line."""

    def __init__(self, model: PumpModel) -> None:
        self._model = model
        self._command = bytearray()
        self._stall_told = False
        self._restarted = False
        self.forbidden: list[str] = []

    @property
    def deadline_s(self) -> float | None:
        """It does nothing by itself."""
        return None

    def start(self, now_s: float) -> bytes:
        """Power on. It says nothing unasked in Basic mode."""
        self._model.advance(now_s)
        return b""

    def tick(self, now_s: float) -> bytes:
        """Nothing is due."""
        self._model.advance(now_s)
        return b""

    def interrupt_power(self) -> None:
        """Have it tell, when it is next asked, that its power was gone."""
        self._restarted = True

    def feed(self, data: bytes, now_s: float) -> bytes:
        """Take bytes from the host in any cut; answer each whole command."""
        said = bytearray()
        for byte in data:
            if byte == ord("\r"):
                command = bytes(self._command).decode("ascii", "replace").upper()
                self._command.clear()
                said += self._reply(command, now_s)
            elif byte > ord(" ") and len(self._command) < MAX_COMMAND_BYTES:
                self._command.append(byte)
        return bytes(said)

    def _reply(self, command: str, now_s: float) -> bytes:
        snapshot = self._model.snapshot(now_s)
        alarm = self._untold_alarm(now_s)
        status = _STATUS.get(snapshot.state, "P" if alarm or self._stall_told else "S")
        if command == "":
            data = ""
        elif command == "VER":
            data = VERSION
        elif command == "RAT":
            data = f"{number(snapshot.rate_ml_per_h)}MH"
        else:
            data = "?"
            if len(self.forbidden) < MAX_FORBIDDEN:
                self.forbidden.append(command)
        return b"\x02" + f"00{alarm or status + data}".encode("ascii") + b"\x03"

    def _untold_alarm(self, now_s: float) -> str:
        if self._restarted:
            self._restarted = False
            return "A?R"
        stalls = PumpAlarm.OCCLUSION in self._model.snapshot(now_s).alarms
        told, self._stall_told = self._stall_told, stalls
        return "A?S" if stalls and not told else ""


def number(value: Decimal) -> str:
    """Write a number as the pump does: at most four digits, at most three behind the point, which is always there."""
    whole = len(str(int(value)))
    decimals = min(_DIGITS - whole, _DECIMALS_MAX)
    text = f"{value:.{decimals}f}"
    return text if decimals else f"{text}."
