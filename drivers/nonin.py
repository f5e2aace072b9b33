"""Nonin 9600, 9700, 9847, 8500, 8600, Avant 4000/4100 and 7500FO, ASCII real-time output: listened to only.

``SPO2=XXX HR=YYY`` once a second, on some models after a time, CR LF; no checksum, and nothing of alarms or of the
sensor. ``HR`` is a pulse rate. Behind it may stand ``F`` (fast-responding values), ``*`` (an event marked by hand) and
``B`` (a breath was seen). The header at power-up differs by model and is not read. The 8500, 8600 and 9847 send a
ninth bit that is always set, and read as 8N1; the second stop bit of the 9600 makes no difference to a listener.

Laws of this module:
  * ``---`` is no value. The device holds its last numbers for some 10 s when it loses the pulse, and does not say so.
  * That no alarm is told does not mean that there is none: no alarm set is ever told.

Experimental: written from the makers' manuals, without a line that a device sent. Hypothesis: a number of less than
three digits is filled up with zeros or spaces.
"""

from __future__ import annotations

import re

from drivers.model import (
    Description,
    DeviceKind,
    Driver,
    IdentitySupport,
    Integrity,
    LineSettings,
    NibpTime,
    Quantity,
    Rejected,
    SessionOptions,
)
from drivers.oximeter import CHANNEL, Device, LineSession, Said, numbers, refused

_VALUE = r"([0-9]{3}| [0-9]{2}|  [0-9]|---)"
_LINE = re.compile(
    rf"(?:((?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]) +)?SPO2={_VALUE} +HR={_VALUE}((?: ?[F*B]){{0,3}}) *"
)
_MARKS = {"F": "fast response", "*": "event marked", "B": "breath"}
_NONIN = Device("", "Nonin")


class NoninAsciiSession(LineSession):
    """Listens to one Nonin oximeter that speaks in lines: one a second."""

    def __init__(self, options: SessionOptions) -> None:
        super().__init__(options, round_s=1.0, understand=_understand)


def _understand(line: str) -> Said | Rejected:
    said = _LINE.fullmatch(line)
    if said is None:
        return refused("syntax" if "=" in line else "unknown_line", line)
    device_time, spo2, pulse, marks = said.groups(default="")
    notes = [text for mark, text in _MARKS.items() if mark in marks]
    readings = numbers(spo2.replace(" ", "0"), pulse.replace(" ", "0"), notes=notes)
    return Said(_NONIN, readings, None, device_time=device_time)


DRIVER = Driver(
    name="nonin-ascii",
    title="Nonin 9600, 9700, 9847, 8500, 8600, Avant 4000, 7500FO pulse oximeter (ASCII real-time output)",
    kind=DeviceKind.MONITOR,
    line=LineSettings(baud=9600, data_bits=8, parity="N", stop_bits=1),
    listen_only=True,
    identity=IdentitySupport.PORT_ONLY,
    integrity=Integrity.NONE,
    nibp_time=NibpTime.NOT_MEASURED,
    freshness="",
    experimental=True,
    channel_pattern=CHANNEL,
    channel_help="always 0: one oximeter, one channel",
    session=NoninAsciiSession,
    description=Description(
        devices="Nonin 8500, 8600, 9600, 9700, 9847, Avant 4000 and 4100, 7500FO pulse oximeters.",
        cable="Avant, 9600: RS-232, a null-modem cable. 8500, 9847: pin 4 of the sensor's 9-pin connector, on the 8500 "
        "at TTL level, which needs a converter. 8600: a 15-pin recording output.",
        settings=("On an Avant 9600 or 4000, DIP switch 8 down: up gives the fast-responding values.",),
        gives=(Quantity.SPO2, Quantity.PULSE_RATE),
        tells="Nothing.",
        unknown=(
            "Alarms and the sensor are not told: that none is told does not mean that there is none.",
            "When the pulse is lost the last numbers stand for some 10 s, and nothing says so.",
        ),
        proof="Six manuals of the maker agree; no line of a real device was at hand, and how a number of less than "
        "three digits is filled up is a hypothesis.",
    ),
)
