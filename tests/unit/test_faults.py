"""Each fault of a line alone, in virtual time: what it does to the bytes, and that the same seed does it again."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.faults import (
    ALWAYS,
    SPLIT_PIECES_MAX,
    WAITING_LIMIT_BYTES,
    Babble,
    BaudMismatch,
    Drop,
    Fault,
    Flip,
    Frozen,
    Late,
    Merge,
    Mute,
    Pulled,
    Split,
    Window,
    read_at,
)
from simulators.model import SimulatedDevice
from tests.unit.faults_play import ASK_RATE, SAID_RATE, Echo, Player, oximeter, pump

CLEAN = Player(oximeter()).until(10.0).lines()
"""What the oximeter says in ten seconds: a line each."""

MIDDLE = Window(2.5, 6.5)
SECONDS_IN_IT = (3, 4, 5, 6)
Wrap = Callable[[SimulatedDevice, Window], Fault]
FAULTS: dict[str, Wrap] = {
    "drop": lambda device, window: Drop(device, window, seed=1, share=0.1),
    "flip": lambda device, window: Flip(device, window, seed=1, share=0.1),
    "split": lambda device, window: Split(device, window, seed=1, pause_s=0.1),
    "merge": lambda device, window: Merge(device, window, hold_s=1.5),
    "late": lambda device, window: Late(device, window, delay_s=0.7),
    "mute": Mute,
    "pulled": Pulled,
    "frozen": Frozen,
    "babble": lambda device, window: Babble(device, window, seed=1, bytes_per_s=100),
    "baud mismatch": lambda device, window: BaudMismatch(device, window, device_baud=4800, host_baud=9600),
}
DICED: dict[str, Callable[[SimulatedDevice, int], Fault]] = {
    "drop": lambda device, seed: Drop(device, seed=seed, share=0.1),
    "flip": lambda device, seed: Flip(device, seed=seed, share=0.1),
    "split": lambda device, seed: Split(device, seed=seed, pause_s=0.1),
    "babble": lambda device, seed: Babble(device, Window(0.0), seed=seed, bytes_per_s=100),
}


def during(lines: list[tuple[float, str]]) -> list[tuple[float, str]]:
    return [(at_s, text) for at_s, text in lines if 2.5 <= at_s < 6.5]


@pytest.mark.parametrize("name", FAULTS)
def test_before_and_after_its_window_a_fault_changes_nothing(name: str) -> None:
    lines = Player(FAULTS[name](oximeter(), MIDDLE)).until(10.0).lines()
    assert [line for line in lines if line[0] < 2.5] == CLEAN[:2]
    assert [line for line in lines if line[0] > 7.3] == CLEAN[7:]
    assert during(lines) != CLEAN[2:6]


@pytest.mark.parametrize("name", FAULTS)
def test_a_window_that_never_comes_changes_nothing_at_all(name: str) -> None:
    device = FAULTS[name](oximeter(), Window(1e9, 2e9))
    assert Player(device).until(10.0).lines() == CLEAN


@pytest.mark.parametrize("name", DICED)
def test_the_same_seed_does_the_same_and_another_does_another(name: str) -> None:
    first, again, other = (Player(DICED[name](oximeter(), seed)).until(10.0).said for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_dropping_loses_bytes_and_changes_none() -> None:
    said = Player(Drop(oximeter(), seed=1, share=0.1)).until(100.0).whole()
    clean = Player(oximeter()).until(100.0).whole()
    assert 0.85 * len(clean) < len(said) < 0.95 * len(clean)
    left = iter(clean)
    assert all(byte in left for byte in said)  # in the same order


def test_flipping_changes_one_bit_of_a_byte() -> None:
    said = Player(Flip(oximeter(), seed=1, share=0.1)).until(100.0).whole()
    clean = Player(oximeter()).until(100.0).whole()
    changed = [was ^ now for was, now in zip(clean, said, strict=True) if was != now]
    assert 0.08 * len(clean) < len(changed) < 0.12 * len(clean)
    assert {bits.bit_count() for bits in changed} == {1}
    assert len(set(changed)) == 8


@pytest.mark.parametrize("kind", [Drop, Flip])
def test_damage_both_ways_reaches_the_device_too(kind: type[Drop]) -> None:
    one_way = Player(kind(pump(), Window(0.0, 5.0), seed=1, share=1.0))
    assert one_way.ask(ASK_RATE, 1.0).whole() != SAID_RATE
    deaf = kind(pump(), Window(0.0, 5.0), seed=1, share=1.0, both_ways=True)
    assert Player(deaf).ask(ASK_RATE, 1.0).whole() == b""
    assert Player(deaf, 10.0).ask(ASK_RATE, 11.0).whole() == SAID_RATE


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5), st.sampled_from([Drop, Flip]))
def test_damage_does_not_hang_on_how_the_bytes_are_cut(data: bytes, cuts: list[int], kind: type[Drop]) -> None:
    whole = kind(Echo(), seed=3, share=0.2).feed(data, 0.0)
    cut = kind(Echo(), seed=3, share=0.2)
    places = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    pieces = [cut.feed(data[start:end], 0.0) for start, end in pairwise(places)]
    assert b"".join(pieces) == whole


def test_splitting_brings_every_byte_in_order_in_several_pieces() -> None:
    lines = during(Player(Split(oximeter(), MIDDLE, seed=1, pause_s=0.1)).until(10.0).lines())
    for second in SECONDS_IN_IT:
        pieces = [(at_s, text) for at_s, text in lines if second <= at_s < second + 1]
        assert 2 <= len(pieces) <= SPLIT_PIECES_MAX
        assert "".join(text for _, text in pieces) == CLEAN[second - 1][1]
        assert pieces[0][0] == second
        assert pieces[-1][0] <= second + 0.1 * (SPLIT_PIECES_MAX - 1)


@pytest.mark.parametrize("data", [b"a", b"ab", b"abcd"])
def test_what_is_too_short_to_be_split_often_is_split_less(data: bytes) -> None:
    device = Split(Echo(), seed=1, pause_s=0.1)
    said = [device.feed(data, 0.0)]
    while device.deadline_s is not None:
        said.append(device.tick(device.deadline_s))
    assert b"".join(said) == data
    assert len(said) == len(data)


def test_merging_brings_several_messages_in_one_piece() -> None:
    lines = Player(Merge(oximeter(), MIDDLE, hold_s=1.5)).until(10.0).lines()
    assert [line for line in lines if 2.5 <= line[0] < 7.5] == [
        (4.5, CLEAN[2][1] + CLEAN[3][1]),
        (6.5, CLEAN[4][1] + CLEAN[5][1]),
        CLEAN[6],
    ]


def test_a_late_reply_comes_late_and_nothing_overtakes_it() -> None:
    late = Player(Late(pump(), Window(0.0, 1.5), delay_s=1.0))
    late.ask(ASK_RATE, 1.0).ask(ASK_RATE, 1.2).ask(ASK_RATE, 1.6).until(3.0)
    assert late.said == [(2.0, SAID_RATE), (2.2, SAID_RATE * 2)]


def test_what_waits_is_bounded_and_what_is_lost_is_counted() -> None:
    device = Late(Echo(), delay_s=1.0)
    device.feed(bytes(WAITING_LIMIT_BYTES - 1), 0.0)
    assert device.lost_byte_count == 0
    assert device.feed(b"abc", 0.0) == b""
    assert device.lost_byte_count == 2
    said = device.tick(1.0)
    assert (len(said), said[-1:]) == (WAITING_LIMIT_BYTES, b"a")
    device.feed(b"room again", 1.0)
    assert device.lost_byte_count == 2


def test_a_mute_device_hears_and_a_pulled_one_does_not() -> None:
    mute, pulled = pump(), pump()
    for device, fault in ((mute, Mute), (pulled, Pulled)):
        talk = Player(fault(device, Window(0.0, 5.0))).ask(ASK_RATE, 1.0).ask(ASK_RATE, 6.0)
        assert talk.said == [(6.0, SAID_RATE)]
    assert [len(one.records) for one in (mute, pulled)] == [2, 1]


def test_a_frozen_device_says_the_same_each_time() -> None:
    lines = Player(Frozen(oximeter(), MIDDLE)).until(10.0).lines()
    assert during(lines) == [(float(second), CLEAN[1][1]) for second in SECONDS_IN_IT]
    at_once = Player(Frozen(oximeter())).until(3.0).lines()
    assert [text for _, text in at_once] == [CLEAN[0][1]] * 3


def test_a_babbling_device_says_random_bytes_beside_its_own() -> None:
    lines = Player(Babble(oximeter(), MIDDLE, seed=1, bytes_per_s=100)).until(10.0).lines()
    assert sum(len(text) for _, text in during(lines)) == sum(len(text) for _, text in CLEAN[2:6]) + 4 * 100
    at_once = Player(Babble(pump(), Window(0.0), seed=1, bytes_per_s=1)).until(1.05).said
    assert [(round(at_s, 3), len(data)) for at_s, data in at_once] == [(place / 10, 1) for place in range(11)]


def test_a_babbling_device_that_nobody_looked_at_does_not_make_up_for_it() -> None:
    device = Babble(pump(), Window(0.0), seed=1, bytes_per_s=1000)
    assert len(device.tick(500.0)) == 100
    assert device.deadline_s == pytest.approx(500.1)


def test_a_device_at_another_speed_is_not_understood_and_understands_nothing() -> None:
    asked = pump()
    talk = Player(BaudMismatch(asked, Window(0.0, 5.0), device_baud=19_200, host_baud=38_400)).ask(ASK_RATE, 1.0)
    assert talk.whole() == b""
    assert asked.forbidden_count == 1
    assert talk.ask(ASK_RATE, 6.0).whole() == SAID_RATE
    said = during(Player(BaudMismatch(oximeter(), MIDDLE, device_baud=4800, host_baud=9600)).until(10.0).lines())
    assert [at_s for at_s, _ in said] == list(SECONDS_IN_IT)
    assert not any("SPO2" in text for _, text in said)


@given(st.binary(max_size=100), st.sampled_from([300, 9600, 19_200, 115_200]))
def test_equal_speeds_read_every_byte(data: bytes, baud: int) -> None:
    assert read_at(data, baud, baud) == data


@pytest.mark.parametrize(
    ("sent", "sent_baud", "read"),
    [
        # Read at twice the speed, each bit is seen twice. U with start and stop is 0101010101: 0 0110 0110 and 0 where
        # the stop bit should be, so NUL; then from the fall after that 0 0110 0111 and a stop bit.
        (b"U", 4800, b"\x00\xe6"),
        (b"\x00", 4800, b"\x00"),  # low for longer than a byte: a break
        (b"\xff", 4800, b"\xfe"),  # the start bit is two bits long
        # Read at half the speed, every second bit is seen. 0000011111 twice: 0 0111 0011 and a stop bit.
        (b"\xf0\xf0", 19_200, b"\xce"),
        (b"\xff", 19_200, b""),  # the start bit is too short to be one
    ],
)
def test_what_another_speed_makes_of_bytes_by_hand(sent: bytes, sent_baud: int, read: bytes) -> None:
    assert read_at(sent, sent_baud, 9600) == read


@given(st.binary(max_size=300), st.integers(300, 921_600), st.integers(300, 921_600))
def test_any_speeds_read_no_more_than_there_is_time_for(data: bytes, sent_baud: int, read_baud: int) -> None:
    assert len(read_at(data, sent_baud, read_baud)) <= len(data) * read_baud / sent_baud * 10 / 9.5 + 1


def test_faults_can_be_put_around_one_another() -> None:
    inner = Drop(oximeter(), seed=1, share=0.05)
    noisy = Late(Split(Flip(inner, seed=2, share=0.05), seed=3, pause_s=0.1), delay_s=0.4)
    lines = Player(noisy).until(10.0).lines()
    dropped_alone = Player(Drop(oximeter(), seed=1, share=0.05)).until(9.0).whole()
    flipped_alone = Flip(Echo(), seed=2, share=0.05).feed(dropped_alone, 0.0)
    assert "".join(text for _, text in lines).encode("latin-1") == flipped_alone
    assert lines[0][0] == 1.4
    again = Flip(Drop(oximeter(), seed=1, share=0.05), seed=2, share=0.05)
    assert Player(Late(Split(again, seed=3, pause_s=0.1), delay_s=0.4)).until(10.0).lines() == lines


def test_windows_hold_from_their_first_moment_to_just_before_their_last() -> None:
    window = Window(1.0, 2.0)
    assert [window.holds(now_s) for now_s in (0.999, 1.0, 1.999, 2.0)] == [False, True, True, False]
    assert ALWAYS.holds(-1e9)
    assert not Window(3.0, 3.0).holds(3.0)
    for from_s, until_s in ((2.0, 1.0), (math.nan, 1.0)):
        with pytest.raises(ValueError, match="window"):
            Window(from_s, until_s)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Drop(pump(), seed=1, share=0.0), "share"),
        (lambda: Flip(pump(), seed=1, share=1.5), "share"),
        (lambda: Late(pump(), delay_s=0.0), "delay"),
        (lambda: Merge(pump(), hold_s=-1.0), "hold"),
        (lambda: Split(pump(), seed=1, pause_s=math.inf), "pause"),
        (lambda: Babble(pump(), seed=1, bytes_per_s=0), "bytes"),
        (lambda: BaudMismatch(pump(), device_baud=0, host_baud=9600), "speed"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], Fault], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()
