"""A host's half of the talk with a simulated IntelliVue monitor: literals, requests, results taken apart by hand."""

import re
import struct
from dataclasses import dataclass
from typing import Any

from simulators.intellivue import IntelliVueMonitor
from simulators.intellivue_numerics import Numeric
from simulators.intellivue_setup import IntelliVueOptions
from simulators.intellivue_wire import frame
from simulators.patient import Vitals

# The request that two unrelated programs send: 0.5 s, 1456 bytes, numerics each second, waves, enumerations.
ASSOCIATE = bytes.fromhex(
    "0dff01280508130100160102800014020002c1ff01163180a0808001010000a280a003000001a4803080020101060452010001308006"
    "025101000000003080020102060c2a8648ce14020100000001013080060c2a8648ce1402010000000201000000000000618030800201"
    "01a0806080a180060c2a8648ce14020100000003010000be802880060c2a8648ce140201000000010102010281820080800000004000"
    "00000000000080000000200000000000000000020064000100288000000000000fa0000005b0000005b0ffffffff600000000001000c"
    "f00100088e000000000000000102003400060030000100210000000100010006000000c9000100090000003c00010005000000100001"
    "002a00000001000100360000000100000000000000000000000000000000"
)
# As another program accepted and decoded them.
ACCEPT = bytes.fromhex(
    "c0110100d00ece05081301001601028000140200027de1be3180a0808001010000a280a003000001a580308080010081025101000030"
    "80800100810c2a8648ce14020100000002010000000061803080020101a0806180a180060c2a8648ce14020100000003010000a20302"
    "0100a305a103020100be80288002010281488000000040000000000000000080000020000000000000000001002c0001002880000000"
    "00001f40000003e8000005b0ffffffff600000000001000cf0010008880000000000000000000000000000000000000000000000a928"
    "c1"
)
MDS_CREATE = bytes.fromhex(
    "c011010050e100000200010048000100010042002100000000000138800d0600340021000000000003002a0987000820231114221355"
    "00098f000400013880092800120010005000680069006c0069007000730000f38ec1"
)
NUMERICS = bytes.fromhex(
    "c011010138e10000020002013000010007012a002100000000f13b01200001000100014f6c2023111422135500000100060000000101"
    "0600000007010000010002001609240004000241820950000a418200000aa0000000570002000200160924000400024bb80950000a4b"
    "b800000220ff0003ca00030002001609240004000248220950000a482280000aa0007fffff000400020016092400040002500a095000"
    "0a500a00000ae00000001000050003003a0924000400024a04094b00220003001e4a0500000f200000007b4a0600000f200000004c4a"
    "0700000f200000005c09900008202311142213550000060002002e0924000400024a14094b00220003001e4a1500000f20000000834a"
    "1600000f20000000484a1700000f200000005b00070002001609240004000250b00950000a50b000000f2000000027e73ac1"
)
CREATE_RESULT = bytes.fromhex("e1000002 0002 0014 0001 0001 000e 0021 0000 0000 00000abd 0d06 0000")
RELEASE = bytes.fromhex("0918c11661803080020101a08062808001000000000000000000")
RELEASED = bytes.fromhex("0a18c11661803080020101a08063808001000000000000000000")
ABORT = bytes.fromhex(
    "192e110103c129a080a0803080020101060251010000000061803080020101a080648080010100000000000000000000"
)
RESTING = Vitals(
    heart_rate_per_min=87,
    respiratory_rate_per_min=16,
    spo2_percent=97,
    etco2_mmhg=39,
    nibp_sys_mmhg=123,
    nibp_dia_mmhg=76,
    nibp_mean_mmhg=92,
    nibp_pulse_rate_per_min=85,
    ibp_sys_mmhg=131,
    ibp_dia_mmhg=72,
    ibp_mean_mmhg=91,
)
GOLDEN_NUMERICS = frozenset(
    {Numeric.HR, Numeric.SPO2, Numeric.PULSE_SPO2, Numeric.RR, Numeric.NIBP, Numeric.ABP, Numeric.ETCO2}
)
BY_HAND = IntelliVueOptions(cuff_interval_s=None)
NUMERIC, WAVE, ENUMERATION, MDS, DEMOGRAPHICS, ALARMS = 0x06, 0x09, 0x05, 0x21, 0x2A, 0x36
NAN = 0x007FFFFF


def powered_on(options: IntelliVueOptions = BY_HAND, vitals: Vitals = RESTING) -> IntelliVueMonitor:
    monitor = IntelliVueMonitor(lambda _now_s: vitals, options)
    assert monitor.start(0.0) == b""
    return monitor


def connected(options: IntelliVueOptions = BY_HAND, vitals: Vitals = RESTING, now_s: float = 0.0) -> IntelliVueMonitor:
    monitor = powered_on(options, vitals)
    accepted, created = plain(monitor.feed(frame(ASSOCIATE), now_s))
    assert (accepted[0], created[18 + 6 : 26]) == (0x0E, b"\x0d\x06")
    before = monitor.associated
    assert monitor.feed(frame(CREATE_RESULT), now_s) == b""
    assert (before, monitor.associated) == (False, True)
    return monitor


def wired(body: bytes) -> bytes:
    """Escape by hand what stands between the flags."""
    return b"\xc0" + re.sub(rb"[\x7d\xc0\xc1]", lambda byte: bytes([0x7D, byte[0][0] ^ 0x20]), body) + b"\xc1"


def residue(data: bytes) -> int:
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return register


def plain(line: bytes) -> list[bytes]:
    """Return the user data of the frames on the line, each checked by its sum and lengths."""
    found = []
    rest = re.sub(rb"\xc0[^\xc0\xc1]*\xc1", b"", line)
    assert rest == b""
    for body in re.findall(rb"\xc0([^\xc0\xc1]*)\xc1", line):
        whole = re.sub(rb"\x7d(.)", lambda pair: bytes([pair[1][0] ^ 0x20]), body, flags=re.DOTALL)
        assert residue(whole) == 0xF0B8
        assert whole[:4] == b"\x11\x01" + struct.pack(">H", len(whole) - 6)
        found.append(whole[4:-2])
    return found


def one(line: bytes) -> bytes:
    (message,) = plain(line)
    return message


def operation(command: int, argument: bytes, *, invoke: int = 7, kind: int = 1) -> bytes:
    inner = struct.pack(">3H", invoke, command, len(argument)) + argument
    return b"\xe1\x00\x00\x02" + struct.pack(">2H", kind, len(inner)) + inner


def poll(
    object_class: int,
    group: int = 0,
    *,
    period_s: float | None = None,
    extended: bool = False,
    number: int = 1,
    invoke: int = 7,
    partition: int = 1,
    scope: int = 0,
    target: str = "002100000000",
) -> bytes:
    body = struct.pack(">4H", number, partition, object_class, group)
    action = 0x0C16
    if extended or period_s is not None:
        action = 0xF13B
        body += b"\0\0\0\0" if period_s is None else struct.pack(">4HI", 1, 8, 0xF13E, 4, round(period_s * 8000))
    argument = bytes.fromhex(target) + struct.pack(">I2H", scope, action, len(body)) + body
    return frame(operation(7, argument, invoke=invoke))


@dataclass(frozen=True, slots=True)
class Result:
    """A result of a poll, taken apart by the sheet's offsets."""

    linked: tuple[int, int] | None
    invoke: int
    action: int
    number: int
    sequence: int | None
    ticks: int
    time: bytes
    object_class: int
    group: int
    objects: dict[int, dict[int, bytes]]


def u16(data: bytes, at: int) -> int:
    return int(struct.unpack_from(">H", data, at)[0])


def result(message: bytes) -> Result:
    """Take a result apart; every length in it must be the true one."""
    assert message[:4] == b"\xe1\x00\x00\x02"
    kind, length = struct.unpack_from(">2H", message, 4)
    assert length == len(message) - 8
    linked = None
    if kind == 5:
        linked = (message[8], message[9])
        message = message[:8] + message[10:]
    else:
        assert kind == 2
    invoke, command, inner = struct.unpack_from(">3H", message, 8)
    assert (command, inner) == (7, len(message) - 14)
    assert message[14:20] == bytes.fromhex("002100000000")
    action, size = struct.unpack_from(">2H", message, 20)
    assert size == len(message) - 24
    number = u16(message, 24)
    sequence = None
    if action == 0xF13B:
        sequence = u16(message, 26)
        message = message[:26] + message[28:]
    (ticks,) = struct.unpack_from(">I", message, 26)
    partition, object_class, group = struct.unpack_from(">3H", message, 38)
    assert partition == 1
    objects = contexts(message[44:])
    return Result(linked, invoke, action, number, sequence, ticks, message[30:38], object_class, group, objects)


def contexts(data: bytes) -> dict[int, dict[int, bytes]]:
    count, length = struct.unpack_from(">2H", data)
    assert length == len(data) - 4
    if count == 0:
        assert length == 0
        return {}
    context, observations, size = struct.unpack_from(">3H", data, 4)
    assert (count, context, size) == (1, 0, length - 6)
    objects: dict[int, dict[int, bytes]] = {}
    at = 10
    for _ in range(observations):
        handle, attributes, _size = struct.unpack_from(">3H", data, at)
        at += 6
        objects[handle] = {}
        for _ in range(attributes):
            number, width = struct.unpack_from(">2H", data, at)
            objects[handle][number] = data[at + 4 : at + 4 + width]
            at += 4 + width
    assert at == len(data)
    return objects


def values(asked: Result) -> dict[int, tuple[int, int, int]]:
    """Return state, unit and FLOAT by the physiological id."""
    found = {}
    for attributes in asked.objects.values():
        each = attributes.get(0x0950, b"") or attributes.get(0x094B, bytes(4))[4:]
        for physio_id, state, unit, value in struct.iter_unpack(">3HI", each):
            found[physio_id] = (state, unit, value)
    return found


def numerics(monitor: IntelliVueMonitor, now_s: float = 1.0) -> dict[int, tuple[int, int, int]]:
    return values(result(one(monitor.feed(poll(NUMERIC), now_s))))


def associate(
    *,
    period: int = 4000,
    mtu_rx: int = 1456,
    mtu_tx: int = 1456,
    extension: int | None = 0x8800_0000,
    versions: tuple[int, int, int] = (0x8000_0000, 0x4000_0000, 0),
    system: int = 0x8000_0000,
    startup: int = 0x2000_0000,
    revision: int = 0x8000_0000,
    options: bytes = bytes(4),
    profile_id: int = 1,
) -> bytes:
    packages = bytes(4)
    if extension is not None:
        packages = struct.pack(">4HI4x", 1, 12, 0xF001, 8, extension)
    profile = struct.pack(">6I", revision, period, mtu_rx, mtu_tx, 0xFFFF_FFFF, 0x6000_0000) + packages
    info = struct.pack(">5I", *versions, system, startup) + options
    info += struct.pack(">4H", 1, len(profile) + 4, profile_id, len(profile)) + profile
    inner = ASSOCIATE[22 : ASSOCIATE.index(b"\x82\x00\x80")] + bytes([len(info)]) + info + bytes(16)
    body = ASSOCIATE[4:18] + b"\xc1" + bytes([len(inner)]) + inner
    return frame(b"\x0d" + bytes([len(body)]) + body)


def alarm_object(monitor: IntelliVueMonitor, now_s: float = 1.0) -> dict[int, bytes]:
    (attributes,) = result(one(monitor.feed(poll(ALARMS, 0x0801), now_s))).objects.values()
    return attributes


def alarm_lists(monitor: IntelliVueMonitor) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return patient and technical alarms: source, code, type, state, object, instance, text id, priority, text."""
    attributes = alarm_object(monitor)
    return alarms(attributes[0x0902]), alarms(attributes[0x0904])


def alarms(data: bytes) -> list[tuple[Any, ...]]:
    count, length = struct.unpack_from(">2H", data)
    assert length == len(data) - 4
    found, at = [], 4
    for _ in range(count):
        source, code, kind, state = struct.unpack_from(">4H", data, at)
        which = data[at + 8 : at + 14].hex()
        info_id, size = struct.unpack_from(">2H", data, at + 14)
        info = data[at + 18 : at + 18 + size]
        instance, text_id, priority, flags = struct.unpack_from(">HI2H", info)
        assert flags == 0
        words = ""
        if info_id == 0x0204:
            assert u16(info, 10) == len(info) - 12
            words = info[12:].decode("utf-16-be")
            assert words.endswith("\0")
        else:
            assert (info_id, size) == (0x0201, 10)
        found.append((source, code, kind, state, which, instance, text_id, priority, words.rstrip("\0")))
        at += 18 + size
    assert at == len(data)
    return found


def condition(monitor: IntelliVueMonitor) -> tuple[int, ...]:
    data = alarm_object(monitor)[0x0916]
    assert len(data) == 10
    return struct.unpack(">5H", data)
