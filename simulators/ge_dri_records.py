"""The records of GE/Datex-Ohmeda monitors on a serial line ("DRI"): their layout and frames, and what a host may ask.

A record is a header of 40 bytes and up to eight sub-records; a frame is ``7E``, the record and its sum modulo 256,
both stuffed, and ``7E``. Everything is little-endian and unpadded. The layouts are tables of groups in the order of
the wire, so that an offset is what the lengths before it add up to.

Written from public descriptions of the format. The names of the fields are ours; those called ``f1`` and so on have no
known meaning. Of class ext1 only three groups are known and of ext2 and ext3 none: the rest is sent as zeros, which
says that there is no such group.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import IntEnum, StrEnum

FLAG = b"\x7e"
MAX_HOST_FRAME_BYTES = 256  # the longest request is 89 bytes with its sum, and stuffing at most doubles it
MAX_EXCERPT_BYTES = 64  # enough to see what a foreign frame was

_HEADER = struct.Struct("<hBBHIBBHh")
_TABLE = struct.Struct("<" + "hB" * 8)
HEADER_BYTES = _HEADER.size + _TABLE.size
_END_OF_TABLE = 0xFF
_CLASS_BYTES = 270
_SUBRECORD = struct.Struct(f"<I{_CLASS_BYTES}sBBH")
_AUXILIARY = struct.Struct("<IhIIh")
_AUXILIARY_BYTES = 114
_ALARM_BOX = struct.Struct("<80s3h6h")
_PHYSIOLOGICAL_REQUEST = struct.Struct("<BhIh")
_ALARM_REQUEST = struct.Struct("<6h")
_WAVEFORM_REQUEST_BYTES = (32, 48)

ALARM_BOXES = 5
ALARM_TEXT_CHARS = 79  # of 80 bytes, the last one NUL


class MainType(IntEnum):
    """What a record is about."""

    PHYSIOLOGICAL = 0
    WAVEFORM = 1
    ALARM = 4


class RecordType(IntEnum):
    """Which physiological record is meant; the sub-records of the answer carry the same number."""

    DISPLAYED = 1
    TREND_10_S = 2
    TREND_60_S = 3
    AUXILIARY = 4


class Special(IntEnum):
    """Values that are no numbers."""

    NONE = -32767
    NOT_UPDATED = -32766
    DISCONTINUITY = -32765
    UNDER_RANGE = -32764
    OVER_RANGE = -32763
    NOT_CALIBRATED = -32762


RAW_MIN, RAW_MAX = -32000, 32767


class Group(StrEnum):
    """The groups of values. ``P1`` to ``P8`` are invasive pressures, ``ECG_EXTRA`` is heart rates without a header."""

    ECG = "ECG"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"
    NIBP = "NIBP"
    T1 = "T1"
    T2 = "T2"
    T3 = "T3"
    T4 = "T4"
    SPO2 = "SPO2"
    CO2 = "CO2"
    O2 = "O2"
    N2O = "N2O"
    AA = "AA"
    FLOW = "FLOW"
    CO = "CO"
    NMT = "NMT"
    ECG_EXTRA = "ECG_EXTRA"
    SVO2 = "SVO2"
    P5 = "P5"
    P6 = "P6"
    P7 = "P7"
    P8 = "P8"
    SPO2_2 = "SPO2_2"


_BASIC = (
    *(Group.ECG, Group.P1, Group.P2, Group.P3, Group.P4, Group.NIBP, Group.T1, Group.T2, Group.T3, Group.T4),
    *(Group.SPO2, Group.CO2, Group.O2, Group.N2O, Group.AA, Group.FLOW, Group.CO, Group.NMT),
    *(Group.ECG_EXTRA, Group.SVO2, Group.P5, Group.P6),
)
_EXT1_UNKNOWN_BYTES = 78
_CLASSES: tuple[tuple[bytes, tuple[Group, ...]], ...] = (
    (b"", _BASIC),
    (bytes(_EXT1_UNKNOWN_BYTES), (Group.P7, Group.P8, Group.SPO2_2)),
    (b"", ()),
    (b"", ()),
)

_PRESSURE = "sys/100 dia/100 mean/100 pr"
_SPO2 = "spo2/100 pr ir svo2/100"
_LAYOUT = (
    {
        Group.ECG: "hr st1/100 st2/100 st3/100 imp_rr",
        Group.NIBP: _PRESSURE,
        Group.SPO2: _SPO2,
        Group.SPO2_2: _SPO2,
        Group.CO2: "et/100 fi/100 rr amb/10",
        Group.O2: "et/100 fi/100",
        Group.N2O: "et/100 fi/100",
        Group.AA: "et/100 fi/100 mac/100",
        Group.FLOW: "rr ppeak/100 peep/100 pplat/100 tv_insp/10 tv_exp/10 compl/100 mv_exp/100",
        Group.CO: "co blood_temp/100 ref pcwp/100",
        Group.NMT: "f1 f2 f3",
        Group.ECG_EXTRA: "hr_ecg hr_max hr_min",
        Group.SVO2: "svo2/100",
    }
    | {Group(f"P{number}"): _PRESSURE for number in range(1, 9)}
    | {Group(f"T{number}"): "temp/100" for number in range(1, 5)}
)


def _fields(layout: str) -> dict[str, int]:
    fields = (text.partition("/") for text in layout.split())
    return {name: int(steps or 1) for name, _, steps in fields}


FIELDS: Mapping[Group, Mapping[str, int]] = {group: _fields(layout) for group, layout in _LAYOUT.items()}
"""The fields of each group in their order, and into how many steps a unit is cut: /min, mmHg, %, degrees C, cmH2O, ml,
ml/min (``co``), l/min (``mv_exp``), mm (``st1``)."""


@dataclass(frozen=True, slots=True)
class GroupState:
    """A group as it is sent; ``values`` in the steps and the order of ``FIELDS``."""

    status: int
    label: int
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AlarmBox:
    """A line of alarm text: 0 no colour, 1 white, 2 yellow, 3 red; and what of it is new since the last record."""

    text: str = ""
    colour: int = 0
    text_changed: bool = False
    colour_changed: bool = False


def raw(group: Group, field: str, value: Decimal) -> int:
    """Return a value in its units as the number on the wire; what that cannot hold is over or under range.

    Raises ``ValueError`` for a field that the group lacks and for a value that is not finite.
    """
    if field not in FIELDS[group] or not value.is_finite():
        raise ValueError(f"{group}.{field} = {value}")
    steps = int((value * FIELDS[group][field]).to_integral_value(ROUND_HALF_EVEN))
    if steps > RAW_MAX:
        return Special.OVER_RANGE
    return Special.UNDER_RANGE if steps < RAW_MIN else steps


def physiological(class_number: int, states: Mapping[Group, GroupState], unix_s: int, low_byte: int) -> bytes:
    """Return the sub-record of a class (0 basic to 3 ext3); ``low_byte`` stands beside the class and means nothing."""
    before, groups = _CLASSES[class_number]
    data = bytearray(before)
    for group in groups:
        state = states[group]
        if group is not Group.ECG_EXTRA:
            data += struct.pack("<IH", state.status, state.label)
        data += struct.pack(f"<{len(FIELDS[group])}h", *state.values)
    if class_number == 0:
        data += struct.pack("<h", Special.NONE)  # reserved
    return _SUBRECORD.pack(unix_s, bytes(data), 0, 0, class_number << 8 | low_byte)


def auxiliary(nibp_unix_s: int, *, padded: bool) -> bytes:
    """Return the sub-record with the time of the cuff measurement, 0 for none; ``padded`` to a class's length."""
    length = _SUBRECORD.size if padded else _AUXILIARY_BYTES
    return _AUXILIARY.pack(nibp_unix_s, 0, 0, 0, Special.NONE).ljust(length, b"\0")


def alarm_status(boxes: Sequence[AlarmBox], *, sound: bool, silence: int) -> bytes:
    """Return the sub-record with the alarm texts; missing boxes are empty, ``ValueError`` if too many are given."""
    if len(boxes) > ALARM_BOXES:
        raise ValueError(f"{len(boxes)} alarm boxes")
    whole = [*boxes, *[AlarmBox()] * (ALARM_BOXES - len(boxes))]
    packed = (
        _ALARM_BOX.pack(box.text.encode("latin-1"), box.text_changed, box.colour, box.colour_changed, *[0] * 6)
        for box in whole
    )
    return struct.pack("<5h", 0, sound, 0, 0, silence) + b"".join(packed) + bytes(10)


def record(
    main_type: MainType, subrecords: Sequence[tuple[int, bytes]], *, number: int, level: int, plug_id: int, unix_s: int
) -> bytes:
    """Return a whole record of sub-records with their types."""
    table: list[int] = []
    data = b""
    for kind, subrecord in subrecords:
        table += (len(data), kind)
        data += subrecord
    table += (0, _END_OF_TABLE)
    table += [0] * (16 - len(table))
    header = _HEADER.pack(HEADER_BYTES + len(data), number, level, plug_id, unix_s, 0, 0, 0, main_type)
    return header + _TABLE.pack(*table) + data


def frame(whole_record: bytes) -> bytes:
    """Return a record as it travels."""
    body = whole_record + bytes([sum(whole_record) % 256])
    return FLAG + body.replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e") + FLAG


class HostSaid(StrEnum):
    """The whole of what a host may say on this line, and what is none of it."""

    PHYSIOLOGICAL = "PHYSIOLOGICAL"
    ALARM = "ALARM"
    WAVEFORM = "WAVEFORM"
    VIOLATION = "VIOLATION"


@dataclass(frozen=True, slots=True)
class HostMessage:
    """One thing that the host said; ``raw`` is what stood between the flags, cut off where it is long.

    ``record_type``, ``interval_s`` (0: stop, -1: once) and ``class_mask`` belong to a physiological request,
    ``command`` (0 once, 2 on change, 3 no longer) to an alarm request. ``reason`` belongs to a violation: ``oversize``,
    ``stuffing``, ``checksum``, ``length``, or ``request`` (a sound record that asks for something else).
    """

    said: HostSaid
    raw: bytes
    record_type: RecordType = RecordType.DISPLAYED
    interval_s: int = 0
    class_mask: int = 0
    command: int = 0
    reason: str = ""


_STUFFED = re.compile(rb"(?:[^\x7d]|\x7d[\x5d\x5e])*", re.DOTALL)
_ONE_REQUEST = b"\0\0\0\0\0\xff"  # the table's first entries: one sub-record at 0, and its end


def split_host_bytes(data: bytes) -> tuple[bytes, list[HostMessage]]:
    """Cut what the host sent at the flags; return the bytes of a frame that is still to end, and the messages."""
    *bodies, rest = data.split(FLAG)
    messages = [read_host_frame(body) for body in bodies if body]
    if len(rest) > MAX_HOST_FRAME_BYTES:
        messages.append(_violation(rest, "oversize"))
        rest = b""
    return rest, messages


def read_host_frame(body: bytes) -> HostMessage:
    """Read what stood between two flags."""
    if len(body) > MAX_HOST_FRAME_BYTES:
        return _violation(body, "oversize")
    if not _STUFFED.fullmatch(body):
        return _violation(body, "stuffing")
    plain = body.replace(b"\x7d\x5e", b"\x7e").replace(b"\x7d\x5d", b"\x7d")
    whole, check = plain[:-1], plain[-1]
    if sum(whole) % 256 != check:
        return _violation(body, "checksum")
    if len(whole) < HEADER_BYTES:
        return _violation(body, "length")
    length, _number, _level, _plug_id, _unix_s, subnet, reserved_1, reserved_2, main_type = _HEADER.unpack_from(whole)
    if length != len(whole):
        return _violation(body, "length")
    told = None
    if whole[_HEADER.size :].startswith(_ONE_REQUEST) and not (subnet or reserved_1 or reserved_2):
        told = _read_request(body, main_type, whole[HEADER_BYTES:])
    return told or _violation(body, "request")


def _read_request(body: bytes, main_type: int, asked: bytes) -> HostMessage | None:
    """Return the request if it is one of those that are documented, whole and with zeros where zeros belong."""
    if main_type == MainType.PHYSIOLOGICAL and len(asked) == _PHYSIOLOGICAL_REQUEST.size:
        kind, interval_s, mask, reserved = _PHYSIOLOGICAL_REQUEST.unpack(asked)
        if kind in tuple(RecordType) and interval_s >= -1 and mask < 1 << len(_CLASSES) and not reserved:
            return HostMessage(HostSaid.PHYSIOLOGICAL, body, RecordType(kind), interval_s, mask)
    elif main_type == MainType.ALARM and len(asked) == _ALARM_REQUEST.size:
        command, *zeros = _ALARM_REQUEST.unpack(asked)
        if command in (0, 2, 3) and not any(zeros):
            return HostMessage(HostSaid.ALARM, body, command=command)
    elif (
        main_type == MainType.WAVEFORM
        and len(asked) in _WAVEFORM_REQUEST_BYTES
        and asked[:2] in (b"\0\0", b"\1\0", b"\2\0")
    ):
        return HostMessage(HostSaid.WAVEFORM, body)
    return None


def _violation(body: bytes, reason: str) -> HostMessage:
    return HostMessage(HostSaid.VIOLATION, body[:MAX_EXCERPT_BYTES], reason=reason)
