"""A host's half of the talk with a simulated DRI monitor: literals, requests, records taken apart by hand."""

import re
import struct

from simulators.ge_dri import DriMonitor, DriOptions
from simulators.patient import Vitals

BASIC_5_S = bytes.fromhex(
    "7e310000000000000000000000000000000000000000ff000000000000000000000000000000000000010500000000000000367e"
)
EXT1_10_S = bytes.fromhex(
    "7e310000000000000000000000000000000000000000ff000000000000000000000000000000000000010a000200000000003d7e"
)
STOP = bytes.fromhex(
    "7e310000000000000000000000000000000000000000ff000000000000000000000000000000000000010000000000000000317e"
)
ONCE = bytes.fromhex(
    "7e310000000000000000000000000000000000000000ff00000000000000000000000000000000000001ffff0000000000002f7e"
)
AUXILIARY_5_S = bytes.fromhex(
    "7e310000000000000000000000000000000000000000ff000000000000000000000000000000000000040500000000000000397e"
)
ALARM_ONCE = bytes.fromhex(
    "7e340000000000000000000000000004000000000000ff000000000000000000000000000000000000000000000000000000000000377e"
)
ALARM_ON_CHANGE = bytes.fromhex(
    "7e340000000000000000000000000004000000000000ff000000000000000000000000000000000000020000000000000000000000397e"
)
ALARM_NO_LONGER = bytes.fromhex(
    "7e340000000000000000000000000004000000000000ff0000000000000000000000000000000000000300000000000000000000003a7e"
)
NONE = -32767
RESTING = Vitals(
    heart_rate_per_min=72,
    respiratory_rate_per_min=14,
    spo2_percent=98,
    etco2_mmhg=38,
    nibp_sys_mmhg=124,
    nibp_dia_mmhg=76,
    nibp_mean_mmhg=92,
    nibp_pulse_rate_per_min=71,
    ibp_sys_mmhg=131,
    ibp_dia_mmhg=70,
    ibp_mean_mmhg=90,
)


def powered_on(options: DriOptions | None = None, vitals: Vitals = RESTING) -> DriMonitor:
    monitor = DriMonitor(lambda _now_s: vitals, options)
    assert monitor.start(0.0) == b""
    return monitor


def request(kind: int, interval_s: int, mask: int = 0, *, level: int = 0, main_type: int = 0, tail: int = 0) -> bytes:
    header = struct.pack("<hBBHIBBHh", 49, 0, level, 0, 0, 0, 0, 0, main_type)
    return wired(header + b"\0\0\0\0\0\xff" + bytes(18) + struct.pack("<BhIh", kind, interval_s, mask, tail))


def wired(record: bytes) -> bytes:
    whole = record + bytes([sum(record) % 256])
    return b"\x7e" + re.sub(rb"[\x7d\x7e]", lambda sign: bytes([0x7D, sign[0][0] ^ 0x20]), whole) + b"\x7e"


def plain(line: bytes) -> list[bytes]:
    """Return the records on the line, each checked by its sum and length."""
    records = []
    for body in re.findall(rb"[^\x7e]+", line):
        whole = re.sub(rb"\x7d(.)", lambda pair: bytes([pair[1][0] ^ 0x20]), body, flags=re.DOTALL)
        assert sum(whole[:-1]) % 256 == whole[-1]
        assert struct.unpack_from("<h", whole)[0] == len(whole) - 1
        records.append(whole[:-1])
    return records


def one(line: bytes) -> bytes:
    (record,) = plain(line)
    return record


def i16(record: bytes, *offsets: int, data: int = 44) -> tuple[int, ...]:
    """Return values of a class by their offsets in the sheet; the first sub-record's class begins at 44."""
    return tuple(struct.unpack_from("<h", record, data + offset)[0] for offset in offsets)


def status(record: bytes, offset: int) -> int:
    return int(struct.unpack_from("<I", record, 44 + offset)[0])


def label(record: bytes, offset: int) -> int:
    return int(struct.unpack_from("<H", record, 44 + offset + 4)[0])


def alarm_words(record: bytes) -> tuple[int, int]:
    """Return the sound and the silence state, having checked the record's layout."""
    assert record[14:22] == b"\x04\0\0\0\x01\0\0\xff"
    assert len(record) == 40 + 510
    reserved_1, sound, reserved_2, reserved_3, silence = struct.unpack_from("<5h", record, 40)
    assert (reserved_1, reserved_2, reserved_3) == (0, 0, 0)
    return sound, silence


def box(record: bytes, number: int) -> tuple[str, int, int, int]:
    """Return the text, whether it changed, the colour, and whether that changed."""
    text, changed, colour, colour_changed = struct.unpack_from("<80s3h", record, 40 + (10, 108, 206, 304, 402)[number])
    return text.rstrip(b"\0").decode("ascii"), changed, colour, colour_changed
