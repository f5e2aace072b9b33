"""How many bytes of a begun frame are missing: all but the stuffing that is still to come, which nobody can know."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers import bbraun_bcc, ge_dri_frame, intellivue_frame
from tests.golden import bbraun_reference, intellivue_reference
from tests.unit import ge_dri_frames

BLOCK = bbraun_reference.plain("9,50113,INDORT,4.000\x1e9,50113,PATW,70.0\x1e9,50113,INSOL,Ketamine")
RECORD = ge_dri_frames.patched(ge_dri_frames.RECORD, (50, b"\x7d\x7e\x7d\x11"))


def _bcc(*, stuffed: bool) -> Callable[[bytes], int]:
    def awaited(held: bytes) -> int:
        framer = bbraun_bcc.Framer()
        assert framer.feed(held) == []
        return framer.awaited_bytes(stuffed=stuffed)

    return awaited


def _dri(held: bytes) -> int:
    framer = ge_dri_frame.Framer()
    assert framer.feed(held) == []
    return framer.awaited_bytes


def _mib(held: bytes) -> int:
    framer = intellivue_frame.Framer()
    assert framer.feed(held) == []
    return framer.awaited_bytes


@pytest.mark.parametrize(
    ("wire", "escapes", "header", "awaited"),
    [
        (BLOCK, b"", 6, _bcc(stuffed=False)),
        (bbraun_reference.stuffed(BLOCK), b"DdEe", 6, _bcc(stuffed=True)),
        (ge_dri_frames.frame(RECORD), b"\x7d", 3, _dri),
        # A length of 125 is itself escaped: two bytes more.
        (intellivue_reference.frame(bytes(121) + b"\xc0\x7d\xc1\x01"), b"\x7d", 6, _mib),
    ],
    ids=["bbraun plain", "bbraun stuffed", "ge-dri", "intellivue"],
)
def test_once_the_length_is_told_every_byte_is_awaited_that_must_still_come(
    wire: bytes, escapes: bytes, header: int, awaited: Callable[[bytes], int]
) -> None:
    pairs, at = [], 0
    while at < len(wire):
        is_pair = wire[at] in escapes
        pairs += [at] * is_pair
        at += 1 + is_pair
    assert len(pairs) > 2 or not escapes
    for held in range(header, len(wire)):
        to_come = sum(pair >= held for pair in pairs)
        assert awaited(wire[:held]) == len(wire) - held - to_come, held


@pytest.mark.parametrize(
    ("held", "least", "awaited"),
    [
        (b"", 0, _bcc(stuffed=True)),
        (b"\x01", 13, _bcc(stuffed=True)),
        (b"\x010x000", 8, _bcc(stuffed=True)),
        (b"\x0100010\x02" + b"x" * 20, 0, _bcc(stuffed=False)),
        (b"", 0, _dri),
        (b"\x01\x02\x03", 0, _dri),
        (b"\x7e", 0, _dri),
        (b"\x7e\x01", 41, _dri),
        (b"\x7e\x7d", 42, _dri),
        (b"\x7e\x02\x00\x03\x04\x05", 0, _dri),
        (b"", 0, _mib),
        (b"\x11\x01", 0, _mib),
        (b"\xc0", 7, _mib),
        (b"\xc0\x11\x01\x00", 4, _mib),
        (b"\xc0\x11\x01\x00\x02\x0c\x00\x00\x00\x00\x00", 0, _mib),
    ],
)
def test_before_it_is_told_the_shortest_frame_is_awaited_and_outside_of_one_nothing(
    held: bytes, least: int, awaited: Callable[[bytes], int]
) -> None:
    assert awaited(held) == least


def test_an_overlong_record_awaits_nothing() -> None:
    framer = ge_dri_frame.Framer()
    framer.feed(b"\x7e\xff\x7f" + b"\x01" * ge_dri_frame.MAX_FRAME_BYTES)
    assert framer.awaited_bytes == 0
