"""The conversation in request mode, in virtual time."""

from __future__ import annotations

from decimal import Decimal

import pytest

from drivers import bbraun_space
from drivers.bbraun_space import DRIVER, MAX_NAKS, BccSession
from drivers.model import (
    AlarmSetChanged,
    BolusGiven,
    ChannelRemoved,
    DeviceIdentified,
    InfusionState,
    Observation,
    Quantity,
    Rejected,
    SessionOptions,
)
from tests.golden.bbraun_reference import ACK, NAK, alive, block, plain, said, version
from tests.unit.bbraun_talk import ALIVE, MEMORY, PUMP, VERSION, Talk, slot


def test_the_golden_answer_and_its_times() -> None:
    talk = Talk()
    assert talk.sent.pop() == ALIVE
    talk.now_s = 0.25
    assert talk.hear(alive()) == []
    talk.wait_for(ACK)
    assert talk.now_s == pytest.approx(0.35)
    talk.wait_for(VERSION)
    talk.hear(version())
    talk.wait_for(ACK)
    talk.wait_for(MEMORY)
    asked_s = talk.now_s
    identified, seen, alarms = talk.hear(PUMP)
    assert identified == DeviceIdentified("pumps", "13", asked_s, "", "", "V3.30")
    assert isinstance(seen, Observation)
    values = {reading.quantity: (reading.value, reading.unit) for reading in seen.readings if reading.value is not None}
    assert values == {
        Quantity.INFUSION_RATE: (Decimal("12.50"), "mL/h"),
        Quantity.DOSE_RATE_SET: (Decimal("4.000"), "mg/kg/h"),
        Quantity.WEIGHT: (Decimal("70.0"), "kg"),
    }
    assert seen.infusion is not None
    assert seen.infusion.state is InfusionState.UNKNOWN
    assert isinstance(alarms, AlarmSetChanged)
    assert [alarm.code for alarm in alarms.alarms] == ["INA3"]
    talk.wait_for(ACK)
    assert talk.now_s == pytest.approx(asked_s + 0.1)
    talk.wait_for(MEMORY)
    assert talk.now_s == pytest.approx(asked_s + 1.0)
    assert talk.session.round_s == pytest.approx(1.0)


def test_a_tick_before_its_time_does_nothing() -> None:
    talk = Talk().asked()
    talk.hear(PUMP)
    assert talk.session.tick(talk.now_s + 0.09) == ()
    assert talk.sent == []


def test_polls_are_never_closer_than_half_a_second() -> None:
    talk = Talk(poll_interval_s=0.01).asked()
    asked_s = talk.now_s
    talk.hear(PUMP)
    talk.wait_for(ACK)
    talk.wait_for(MEMORY)
    assert talk.now_s == pytest.approx(asked_s + 0.5)


def test_blocks_follow_each_other_by_ack_and_the_round_is_measured() -> None:
    talk = Talk().asked()
    asked_s = talk.now_s
    first = talk.hear(block(said("50100", FMNOR="1"), said("50111", INRT="1"), last=False))
    assert [output.channel for output in first if isinstance(output, Observation)] == ["11"]
    talk.wait_for(ACK)
    talk.now_s += 0.9
    talk.hear(block(said("50112", INRT="2"), last=False))
    talk.wait_for(ACK)
    talk.now_s += 0.9
    last = talk.hear(block(said("50113", INRT="3")))
    assert [output.channel for output in last if isinstance(output, Observation)] == ["13"]
    talk.wait_for(ACK)
    talk.wait_for(MEMORY)
    assert talk.now_s == pytest.approx(asked_s + 2.2)
    assert talk.session.round_s == pytest.approx(2.2)


def test_a_bad_block_is_asked_for_again_and_counts_its_boli_once() -> None:
    talk = Talk().asked()
    bolus = block(said("50113", INBOCNT="1", INBOVAL="2.00"), last=False)
    out = talk.hear(bolus)
    assert [output for output in out if isinstance(output, BolusGiven)] == [
        BolusGiven("pumps", "13", talk.now_s, 1, Decimal("2.00"))
    ]
    talk.wait_for(ACK)
    assert talk.hear(bolus) == []  # our ACK was read as NAK
    talk.wait_for(ACK)
    bad = block(said("50114", INRT="1.0")).replace(b"1.0", b"9.0")
    assert talk.hear(bad) == [Rejected("checksum", bad[:64])]
    talk.wait_for(NAK)
    out = talk.hear(block(said("50114", INRT="1.0")))
    assert [output.channel for output in out if isinstance(output, Observation)] == ["14"]
    talk.wait_for(ACK)
    talk.wait_for(MEMORY)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (PUMP.replace(b"12.50", b"12.51"), "checksum"),
        (PUMP.replace(b"12.50", b"2.50"), "length"),
        (PUMP.replace(b"INEXORT", b"INDORT"), "syntax"),
        (b"\x01" + b"0" * (16_384 - 1), "oversize"),
    ],
)
def test_bad_blocks_are_refused_a_bounded_number_of_times(bad: bytes, reason: str) -> None:
    talk = Talk().asked()
    for _ in range(MAX_NAKS):
        assert talk.hear(bad) == [Rejected(reason, bad[:64])]
        talk.wait_for(NAK)
    assert talk.hear(bad) == [Rejected(reason, bad[:64])]
    talk.wait_for(plain("ADMIN:ALIVE", "1"))


def test_a_block_that_is_refused_waits_for_a_still_line() -> None:
    talk = Talk().asked()
    talk.hear(PUMP.replace(b"12.50", b"12.\x04")[:40])
    heard_s = talk.now_s
    for _ in range(5):
        talk.now_s += 0.05
        talk.hear(b"rest of it")
    talk.wait_for(NAK)
    assert talk.now_s == pytest.approx(heard_s + 0.35)
    assert any(isinstance(output, Observation) for output in talk.hear(PUMP))


def test_a_block_that_is_cut_is_refused_after_a_gap() -> None:
    talk = Talk().asked()
    assert talk.hear(PUMP[:50]) == []
    cut_s = talk.now_s
    assert talk.wait_for(NAK) == [Rejected("length", PUMP[:50])]
    assert talk.now_s == pytest.approx(cut_s + 0.5)
    assert any(isinstance(output, Observation) for output in talk.hear(PUMP))


def test_a_slow_block_is_waited_for() -> None:
    talk = Talk().asked()
    for byte in PUMP[:-1]:
        talk.now_s += 0.1
        assert talk.hear(bytes((byte,))) == []
    assert talk.sent == []
    assert any(isinstance(output, Observation) for output in talk.hear(PUMP[-1:]))


def test_a_block_without_end_is_given_up() -> None:
    talk = Talk().asked()
    asked_s = talk.now_s
    talk.hear(b"\x01")
    while talk.session.deadline_s is not None and talk.session.deadline_s > talk.now_s + 0.3:
        talk.now_s += 0.3
        talk.hear(b"x")
    assert talk.wait() == [Rejected("timeout")]
    assert talk.now_s == pytest.approx(asked_s + bbraun_space.BLOCK_LIMIT_S)
    assert talk.sent == []


def test_noise_before_a_block_and_a_frame_cut_by_another() -> None:
    talk = Talk().asked()
    out = talk.hear(b"\xff\xfe" + PUMP[:20] + PUMP)
    assert out[:2] == [Rejected("noise", b"\xff"), Rejected("length", PUMP[:20])]
    assert any(isinstance(output, Observation) for output in out)
    talk.wait_for(ACK)


def test_an_empty_rack_is_no_fault() -> None:
    talk = Talk().asked()
    assert talk.hear(block("9,50100,GNERR,11")) == []
    talk.wait_for(ACK)
    talk.wait_for(MEMORY)


def test_a_version_that_is_refused_is_done_without() -> None:
    talk = Talk()
    assert talk.sent.pop() == ALIVE
    talk.hear(alive())
    talk.wait_for(ACK)
    talk.wait_for(VERSION)
    assert talk.hear(block("5,50100,GNERR,68")) == []
    talk.wait_for(ACK)
    talk.wait_for(MEMORY)
    identified = talk.hear(PUMP)[0]
    assert isinstance(identified, DeviceIdentified)
    assert identified.software == ""


def test_bound_slots_are_asked_one_by_one() -> None:
    talk = Talk("11", "2C", "11").meet()
    talk.wait_for(slot("11"))
    first_s = talk.now_s
    talk.hear(block(said("50100", FMNOR="1"), last=False))
    talk.wait_for(ACK)
    talk.hear(block(said("50111", INRT="1.0")))
    talk.wait_for(ACK)
    talk.wait_for(slot("2C"))
    assert talk.now_s == pytest.approx(first_s + 0.5)
    talk.hear(block(said("5012C", INRT="2.0")))
    talk.wait_for(ACK)
    talk.wait_for(slot("11"))
    assert talk.now_s == pytest.approx(first_s + 1.0)
    assert talk.session.round_s == pytest.approx(1.0)


def test_the_answer_about_another_slot_is_not_taken() -> None:
    talk = Talk("11").meet()
    talk.wait_for(slot("11"))
    other = block(said("50112", INRT="2.0"))
    assert talk.hear(other) == [Rejected("unexpected", other[:64])]
    talk.wait_for(plain("ADMIN:ALIVE", "1"))


def test_an_empty_slot_is_no_fault_and_a_pump_that_left_it_is_told() -> None:
    talk = Talk("11").meet()
    talk.wait_for(slot("11"))
    assert talk.hear(block("9,50100,GNERR,811")) == []
    talk.wait_for(ACK)
    talk.wait_for(slot("11"))
    talk.hear(block(said("50111", INRT="1.0")))
    talk.wait_for(ACK)
    talk.wait_for(slot("11"))
    assert talk.hear(block("9,50100,GNERR,811")) == [
        ChannelRemoved("pumps", "11", talk.now_s, "not in the rack's answer")
    ]


def test_four_bound_channels_are_asked_as_a_whole_rack() -> None:
    Talk("11", "12", "13", "14").meet().wait_for(MEMORY)


def test_channels_that_are_no_places_are_refused() -> None:
    with pytest.raises(ValueError, match="no places"):
        BccSession(SessionOptions("pumps", ("0",)))


def test_what_the_driver_says_of_itself() -> None:
    assert (DRIVER.name, DRIVER.experimental, DRIVER.listen_only) == ("bbraun-space", True, False)
    assert isinstance(DRIVER.session(SessionOptions("pumps")), BccSession)
