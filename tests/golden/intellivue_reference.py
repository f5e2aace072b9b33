"""IntelliVue messages made apart from the driver, as hexadecimal text; the FCS bit by bit, with nothing shared."""

from __future__ import annotations

from collections.abc import Sequence

NAN, OVER, UNDER, COARSE = 0x007FFFFF, 0x007FFFFE, 0x00800002, 0x00800000
NUMERICS, ALARMS, SYSTEM = 0x0006, 0x0036, 0x0021
PER_MINUTE, BREATHS, PERCENT, MMHG, KPA, CELSIUS = 0x0AA0, 0x0AE0, 0x0220, 0x0F20, 0x0F03, 0x17A0
CLOCK = "2023111422135500"
NO_CLOCK = "FF" * 8


def checksum(data: bytes | bytearray) -> bytes:
    """CRC-16/X-25, each bit into a register that begins as ones; low byte first."""
    register = 0xFFFF
    for byte in data:
        for place in range(8):
            out = register & 1 ^ byte >> place & 1
            register = register >> 1 ^ (0x8408 if out else 0)
    return (register ^ 0xFFFF).to_bytes(2, "little")


def frame(message: bytes) -> bytes:
    """Put a message into a frame."""
    body = b"\x11\x01" + len(message).to_bytes(2, "big") + message
    body += checksum(body)
    escaped = b"".join(bytes((0x7D, byte ^ 0x20)) if byte in (0xC0, 0xC1, 0x7D) else bytes((byte,)) for byte in body)
    return b"\xc0" + escaped + b"\xc1"


def unframed(wire: bytes) -> bytes:
    """Give the message of one good frame; anything else is a failure."""
    assert wire[0] == 0xC0
    assert wire[-1] == 0xC1
    plain = bytearray()
    escaped = False
    for byte in wire[1:-1]:
        assert byte not in (0xC0, 0xC1)
        if byte == 0x7D:
            escaped = True
        else:
            plain.append(byte ^ 0x20 if escaped else byte)
            escaped = False
    assert not escaped
    assert checksum(plain[:-2]) == plain[-2:]
    assert plain[:2] == b"\x11\x01"
    assert int.from_bytes(plain[2:4], "big") == len(plain) - 6
    return bytes(plain[4:-2])


def listed(*entries: str) -> str:
    """Make a list: count, length, entries."""
    body = "".join(entries)
    return f"{len(entries):04X}{len(body) // 2:04X}{body}"


def sized(body: str) -> str:
    """Put the length of two bytes before a body."""
    return f"{len(body) // 2:04X}{body}"


def attribute(name: int, value: str) -> str:
    """Make an attribute."""
    return f"{name:04X}{sized(value)}"


def value(physio_id: int, unit: int, number: int, state: int = 0) -> str:
    """Make a value; ``number`` is the whole FLOAT."""
    return f"{physio_id:04X}{state:04X}{unit:04X}{number:08X}"


def single(handle: int, physio_id: int, unit: int, number: int, state: int = 0, *more: str) -> str:
    """Make an object with one value."""
    return thing(handle, attribute(0x0950, value(physio_id, unit, number, state)), *more)


def compound(handle: int, *values: str, stamp: str = "") -> str:
    """Make an object with several values, dated if ``stamp`` is given."""
    stamps = (attribute(0x0990, stamp),) if stamp else ()
    return thing(handle, attribute(0x094B, listed(*values)), *stamps)


def thing(handle: int, *attributes: str) -> str:
    """Make an object."""
    return f"{handle:04X}{listed(*attributes)}"


def result(
    number: int,
    object_class: int,
    *things: str,
    extended: bool = False,
    ticks: int = 85_868,
    clock: str = NO_CLOCK,
    part: tuple[int, int] | None = None,
) -> bytes:
    """Make the result of a poll, or a part of one (state and count), as a frame."""
    contexts = listed(f"0000{listed(*things)}") if things else listed()
    sequence = "0001" if extended else ""
    reply = f"{number:04X}{sequence}{ticks:08X}{clock}0001{object_class:04X}0000{contexts}"
    action = f"002100000000{0xF13B if extended else 0x0C16:04X}{sized(reply)}"
    operation = f"{number:04X}0007{sized(action)}"
    if part is None:
        return frame(bytes.fromhex(f"E10000020002{sized(operation)}"))
    state, count = part
    return frame(bytes.fromhex(f"E10000020005{sized(f'{state:02X}{count:02X}{operation}')}"))


def stream(number: int, *things: str, ticks: int = 85_868, clock: str = NO_CLOCK) -> bytes:
    """Make a result of numerics that comes by itself."""
    return result(number, NUMERICS, *things, extended=True, ticks=ticks, clock=clock)


def created(*attributes: str, ticks: int = 80_000, invoke_id: int = 1) -> bytes:
    """Make the monitor's first event."""
    event = f"002100000000{ticks:08X}0D06{sized('002100000000' + listed(*attributes))}"
    return frame(bytes.fromhex(f"E10000020001{sized(f'{invoke_id:04X}0001{sized(event)}')}"))


def refused(number: int, error: int = 1) -> bytes:
    """Make the refusal of a poll."""
    return frame(bytes.fromhex(f"E10000020003{sized(f'{number:04X}{error:04X}0000')}"))


def accepted(period_ticks: int = 8000, options: int = 0x80000000, mark: str = "BE80288002010281") -> bytes:
    """Make an accepted association."""
    profile = f"80000000{period_ticks:08X}000003E8000005B0FFFFFFFF60000000" + listed(
        attribute(0xF001, f"{options:08X}{listed()}")
    )
    user = "80000000400000000000000000800000" + "20000000" + listed() + listed(attribute(0x0001, profile))
    rest = f"3180A08080010100{mark}{len(user) // 2:02X}{user}" + "00" * 16
    session = "0508130100160102800014020002"
    body = f"{session}C1{len(rest) // 2:02X}{rest}"
    return frame(bytes.fromhex(f"0E{len(body) // 2:02X}{body}"))


def alarm(
    text: str | None,
    *,
    kind: int,
    state: int = 0,
    source: int = 0x4182,
    code: int = 0x0BB8,
    text_id: int = 0x00024182,
) -> str:
    """Make an entry of a list of alarms, with its text or, without one, with the id of it."""
    head = f"{source:04X}{code:04X}{kind:04X}{state:04X}003600000001"
    information = f"0000{text_id:08X}00000000"
    if text is None:
        return f"{head}0201{sized(information)}"
    letters = (text + "\0").encode("utf-16-be").hex()
    return f"{head}0204{sized(information + sized(letters))}"


def alarms(
    number: int,
    patient: Sequence[str] | None = (),
    technical: Sequence[str] | None = (),
    condition: tuple[int, int, int] | None = None,
) -> bytes:
    """Make the answer to a poll of alarms; what is None is not told. ``condition``: state, patient, technical."""
    told: list[str] = []
    if patient is not None:
        told.append(attribute(0x0902, listed(*patient)))
    if technical is not None:
        told.append(attribute(0x0904, listed(*technical)))
    if condition is not None:
        state, worst, worst_technical = condition
        told.append(attribute(0x0916, f"{state:04X}0001{worst:04X}{worst_technical:04X}0000"))
    return result(number, ALARMS, thing(1, *told))
