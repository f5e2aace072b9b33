"""Nonin OEM III, Xpod and WristOx, "Data Format 2": 75 binary frames a second, 25 a packet, listened to only.

A frame: 01, STATUS, PLETH, DATA, CHK, where CHK is the sum of the four modulo 256; bit 7 of STATUS is always set, bit
0 (SYNC) in the first frame of a packet alone. What DATA means goes by the frame's place in its packet.

Laws of this module:
  * A packet counts when 25 good frames stand together from SYNC on; one bad byte costs the packet.
  * Pulse rate and SpO2 are those of frames 1 to 3, averaged over 4 beats. The upper part of the rate is shifted by 7:
    a known client shifts by 8 and is wrong from 128 on. 511 and 127 are no value.
  * A mark in any frame holds for its packet. Without a sensor, with its data unusable or with the pulse out of track, a
    number is no measurement. Artifact and yellow or red perfusion are told beat by beat: questionable, and no alarms.
  * A bit of STAT2 that is not known is an unknown alarm, and makes the numbers questionable.

Experimental: no whole packet that a device sent is at hand, only three frames from another program's test. Hypotheses:
the two numbers that mean no value. Whether the timer of frames 6 and 7 is in every model, and moves with every packet,
is not known: no freshness is claimed from it.
"""

from __future__ import annotations

from collections.abc import Sequence

from drivers.model import (
    Description,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceKind,
    Driver,
    IdentitySupport,
    Integrity,
    LineSettings,
    NibpTime,
    Output,
    Quantity,
    Rejected,
    SessionOptions,
)
from drivers.oximeter import CHANNEL, EXCERPT_BYTES, Device, Listener, Said, numbers

FRAME_BYTES = 5
PACKET_FRAMES = 25

PACKET_MAX_S = 0.6
"""A packet takes 0.32 s from its first frame to its last. One torn by a pause and filled up by its successor takes at
least 0.65 s, and would mix the values of two moments; this bound lies between."""

NOISE_REPORT_BYTES = 960
"""Noise without end is told once for each second's worth of it at 9600 baud."""

_START = 0x01
_ALWAYS = 0x80
_SYNC = 0x01
_NO_PULSE_RATE = 511
_NO_SPO2 = 127
_SOFTWARE_AT = 3
_STAT2_AT = 7

_LOST = {
    0x40: ("sensor disconnected", DeviceAlarmKind.SENSOR_OFF),
    0x10: ("out of track", DeviceAlarmKind.ADVISORY),
    0x08: ("sensor data unusable", DeviceAlarmKind.SENSOR_OFF),
}
_ARTIFACT = 0x20
_PERFUSION = 0x06
_PERFUSIONS = {0x06: "perfusion yellow", 0x04: "perfusion red"}
_BATTERY_LOW = 0x01
_STAT2_KNOWN = 0x20 | _BATTERY_LOW


class _Framer:
    """Cuts the byte stream into packets; holds a part of a frame and the frames of one packet."""

    def __init__(self) -> None:
        self._rest = b""
        self._packet: list[bytes] = []
        self._began_s = 0.0
        self._skipped = 0

    @property
    def held_bytes(self) -> int:
        return len(self._rest) + FRAME_BYTES * len(self._packet)

    def feed(self, data: bytes, now_s: float) -> list[list[bytes] | Rejected]:
        """Take bytes; give each whole packet, and a rejection for each run of bytes that is part of none."""
        out: list[list[bytes] | Rejected] = []
        if self._packet and now_s - self._began_s > PACKET_MAX_S:
            self._give_up("timeout", out)
        held = self._rest + data
        at = 0
        while len(held) - at >= FRAME_BYTES:
            frame = held[at : at + FRAME_BYTES]
            if _is_good(frame):
                self._take(frame, now_s, out)
                at += FRAME_BYTES
            else:
                self._skip(frame, out)
                at += 1
        self._rest = held[at:]
        return out

    def _take(self, frame: bytes, now_s: float, out: list[list[bytes] | Rejected]) -> None:
        self._skipped = 0
        if frame[1] & _SYNC:
            if self._packet:
                self._give_up("length", out)
            self._began_s = now_s
        elif not self._packet:
            # The rest of a packet that was given up, or began before the line was opened.
            return
        self._packet.append(frame)
        if len(self._packet) == PACKET_FRAMES:
            out.append(self._packet)
            self._packet = []

    def _skip(self, frame: bytes, out: list[list[bytes] | Rejected]) -> None:
        self._packet = []
        if self._skipped % NOISE_REPORT_BYTES == 0:
            like_a_frame = frame[0] == _START and frame[1] & _ALWAYS
            out.append(Rejected("checksum" if like_a_frame else "noise", frame))
        self._skipped += 1

    def _give_up(self, reason: str, out: list[list[bytes] | Rejected]) -> None:
        out.append(Rejected(reason, b"".join(self._packet)[-EXCERPT_BYTES:]))
        self._packet = []


def _is_good(frame: bytes) -> bool:
    return frame[0] == _START and bool(frame[1] & _ALWAYS) and sum(frame[:4]) & 0xFF == frame[4]


def _said(packet: Sequence[bytes]) -> Said:
    data = [frame[3] for frame in packet]
    marks = 0
    for frame in packet:
        marks |= frame[1]
    perfusions = {frame[1] & _PERFUSION for frame in packet}
    pulse = (data[0] & 0x03) << 7 | data[1] & 0x7F
    spo2 = data[2]
    stat2 = data[_STAT2_AT]
    unknown = [_unknown(place) for place in range(8) if stat2 & ~_STAT2_KNOWN & 1 << place]
    alarms = [DeviceAlarm(kind, f"STATUS.{bit:02X}", text) for bit, (text, kind) in _LOST.items() if marks & bit]
    if stat2 & _BATTERY_LOW:
        alarms.append(DeviceAlarm(DeviceAlarmKind.BATTERY_LOW, f"STAT2.{_BATTERY_LOW:02X}", "low battery"))
    doubts = ["artifact"] if marks & _ARTIFACT else []
    doubts += [text for bits, text in _PERFUSIONS.items() if bits in perfusions]
    readings = numbers(
        "---" if spo2 == _NO_SPO2 else f"{spo2:03}",
        "---" if pulse == _NO_PULSE_RATE else f"{pulse:03}",
        lost=[text for bit, (text, _) in _LOST.items() if marks & bit],
        doubts=doubts + [alarm.text for alarm in unknown],
    )
    return Said(Device("", "Nonin OEM III", str(data[_SOFTWARE_AT])), readings, (*alarms, *unknown))


def _unknown(place: int) -> DeviceAlarm:
    code = f"STAT2.{1 << place:02X}"
    return DeviceAlarm(DeviceAlarmKind.UNKNOWN, code, f"unknown code {code}")


class Df2Session(Listener):
    """Listens to one Nonin module: an observation a packet, three a second."""

    def __init__(self, options: SessionOptions) -> None:
        super().__init__(options, round_s=1 / 3)
        self._framer = _Framer()

    @property
    def held_bytes(self) -> int:
        """How many bytes are held back; less than a packet."""
        return self._framer.held_bytes

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        """Take bytes in any cut; give observations, events and rejections in the order of the wire."""
        outputs: list[Output] = []
        for item in self._framer.feed(data, now_s):
            if isinstance(item, Rejected):
                outputs.append(item)
            else:
                self._tell(_said(item), now_s, outputs)
        return outputs


DRIVER = Driver(
    name="nonin-df2",
    title="Nonin OEM III, Xpod, WristOx pulse oximeter (Data Format 2)",
    kind=DeviceKind.MONITOR,
    line=LineSettings(baud=9600, data_bits=8, parity="N", stop_bits=1),
    listen_only=True,
    identity=IdentitySupport.PORT_ONLY,
    integrity=Integrity.CHECKSUM,
    nibp_time=NibpTime.NOT_MEASURED,
    freshness="",
    experimental=True,
    channel_pattern=CHANNEL,
    channel_help="always 0: one oximeter, one channel",
    session=Df2Session,
    description=Description(
        devices="Nonin OEM III and Xpod modules, WristOx.",
        cable="Serial data of the module or its cable; voltage level and supply differ: see the module's manual.",
        settings=("Data format 2.",),
        gives=(Quantity.SPO2, Quantity.PULSE_RATE),
        tells="Sensor and signal (disconnected, unusable, artifact, perfusion), battery low.",
        unknown=(
            "The numbers that mean no value, 511 and 127, are a hypothesis.",
            "No alarm of a vital sign is told: these modules have no limits.",
            "Formats 1, 7, 8 and 13 are not read.",
        ),
        proof="Three frames of another program's test are read as they are there; no whole packet of a real device was "
        "at hand.",
    ),
)
