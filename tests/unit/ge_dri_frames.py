"""DRI frames for tests: one literal record, and the same with bytes changed. Shares no code with the driver."""

from struct import pack

VALUES = bytes.fromhex(
    "7e3e01070ae8fd00f153650000000000000000010000ff00000000000000000000000000000000000000f153650b00000002"
    "007d5e0001800180018011000300000001005e33201c8c235800030000000000018001808403018003000000000001800180"
    "018001800300000000000180018001800180030000000b01d430841c8c237d5d000300000000006a0e030000000000018003"
    "000000000001800300000000000180030000000000e4257d5e000180018003000000000000020a001000b01d030000000000"
    "0180018003000000000001800180030000000000018001800180030000000000018001800180018001800180018001800300"
    "0000000001800180018001800300000000000180018001800180018001800300000000000180030000000000018001800180"
    "01800300000000000180018001800180018000000000b57e"
)
"""The frame that another program decoded: see tests/golden/ge-dri/README.md."""

TIME = 1_700_000_000
RECORD = VALUES[1:-2].replace(b"\x7d\x5e", b"\x7e").replace(b"\x7d\x5d", b"\x7d")

# Offsets in the record, of the groups of the basic class.
ECG, P1, P2, NIBP, T1, T2, SPO2, CO2 = (44 + base for base in (0, 16, 30, 72, 86, 94, 118, 132))

NONE = -32767


def frame(record: bytes) -> bytes:
    wire = b"".join({0x7E: b"\x7d\x5e", 0x7D: b"\x7d\x5d"}.get(byte, bytes((byte,))) for byte in record)
    total = sum(record) & 0xFF
    check = {0x7E: b"\x7d\x5e", 0x7D: b"\x7d\x5d"}.get(total, bytes((total,)))
    return b"\x7e" + wire + check + b"\x7e"


def patched(record: bytes, *changes: tuple[int, bytes]) -> bytes:
    out = bytearray(record)
    for at, data in changes:
        out[at : at + len(data)] = data
    return bytes(out)


def number(at: int, value: int) -> tuple[int, bytes]:
    return at, pack("<h", value)


def status(group: int, bits: int, label: int | None = None) -> tuple[int, bytes]:
    return group, pack("<I", bits) + (b"" if label is None else pack("<H", label))


def clock(time: int) -> tuple[int, bytes]:
    return 6, pack("<I", time)


def values(*changes: tuple[int, bytes], nbr: int = 7) -> bytes:
    """The literal record with these bytes changed, framed."""
    return frame(patched(RECORD, (2, bytes((nbr,))), *changes))


def cuff(sys: int, label: int, *, nbr: int, time: int = TIME) -> bytes:
    """A record of values with this systolic pressure in mmHg and this label of the cuff."""
    return values(status(NIBP, 3, label), number(NIBP + 6, sys * 100), clock(time), nbr=nbr)


def headed(main_type: int, kind: int, data: bytes, *, time: int = TIME, level: int = 10) -> bytes:
    """A framed record of one sub-record."""
    head = pack("<hBBHIBBHh", 40 + len(data), 0, level, 0, time, 0, 0, 0, main_type)
    return frame(head + pack("<hB", 0, kind) + pack("<hB", 0, 255) + bytes(18) + data)


def auxiliary(cuff_time: int, *, time: int = TIME) -> bytes:
    return headed(0, 4, pack("<I", cuff_time) + bytes(110), time=time)


def alarms(*boxes: tuple[bytes, int], stride: int = 98, time: int = TIME) -> bytes:
    """An alarm record: (text, colour) in the first boxes, the others empty."""
    filled = [*boxes, *[(b"", 0)] * (5 - len(boxes))]
    told = b"".join(
        (text.ljust(80, b"\0") + pack("<hhh", 0, colour, 0)).ljust(stride, b"\0") for text, colour in filled
    )
    return headed(4, 1, pack("<5h", 0, 1, 0, 0, 0) + told + bytes(10), time=time)
