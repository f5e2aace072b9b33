"""What a rack's blocks mean together: identity, restarts, removal, boli, alarms, errors."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from drivers.bbraun_bcc import Frame, decode
from drivers.bbraun_rack import UNKNOWN_MAX, Block, Rack
from drivers.model import (
    AlarmSetChanged,
    BolusGiven,
    ChannelRemoved,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    DeviceRestarted,
    Observation,
    Output,
    Rejected,
    Validity,
)
from tests.golden.bbraun_reference import block, said

PRESSURE = DeviceAlarm(DeviceAlarmKind.OCCLUSION_DOWNSTREAM, "INA3", "pressure high")
LOST = DeviceAlarm(DeviceAlarmKind.MALFUNCTION, "GNERR 41", "pump communication error 41")


def take(rack: Rack, *items: str, now_s: float = 1.0) -> list[Output]:
    frame = decode(block(*items), stuffed=True)
    assert isinstance(frame, Frame)
    return rack.take(rack.read(frame), now_s)


def events(outputs: Sequence[Output]) -> list[Output]:
    return [output for output in outputs if not isinstance(output, Observation)]


def known_rack(**values: str) -> Rack:
    rack = Rack("pumps", ())
    take(rack, said(time=9, GNNEW="686U", INSERNUM="1A2B", **values))
    return rack


def test_two_pumps_in_one_block_are_two_observations() -> None:
    rack = Rack("pumps", ())
    out = take(rack, said("50100", FMNOR="1"), said("50113", INRT="1.0"), said("501112", time=8, INRT="2.0"), now_s=7.5)
    observations = [output for output in out if isinstance(output, Observation)]
    assert [(seen.port, seen.channel, seen.device_time, seen.received_at_s) for seen in observations] == [
        ("pumps", "13", "9", 7.5),
        ("pumps", "1C", "8", 7.5),
    ]
    assert [seen.readings[0].value for seen in observations] == [Decimal("1.0"), Decimal("2.0")]


def test_the_rack_alone_is_no_observation() -> None:
    assert take(Rack("pumps", ()), said("50100", FMNOR="1", FMBANY="_NV", COMSERIALNO="77")) == []


def test_unknown_parameters_are_passed_over_and_what_is_no_quadruple_is_rejected() -> None:
    out = take(Rack("pumps", ()), said(FUTURE="x,y", INRT="1.0"), "9,50113,INRT", "x", said("60113", INRT="9"))
    assert [output for output in out if isinstance(output, Rejected)] == [
        Rejected("syntax", b"9,50113,INRT"),
        Rejected("syntax", b"x"),
        Rejected("syntax", b"60113"),
        Rejected("unknown_line", b"FUTURE"),
    ]
    (seen,) = [output for output in out if isinstance(output, Observation)]
    assert seen.readings[0].value == Decimal("1.0")


def test_a_pump_that_says_the_same_at_another_time_is_not_parted_anew() -> None:
    rack = Rack("pumps", ())

    def read(*items: str) -> Block:
        frame = decode(block(*items), stuffed=True)
        assert isinstance(frame, Frame)
        return rack.read(frame)

    first = read(said("50100", time=9, FMNOR="1"), said(time=9, INRT="1.0", INSOL="a,9"))
    other = read(said("50114", time=10, INRT="2.0"))
    again = read(said("50100", time=11, FMNOR="1"), said(time=11, INRT="1.0", INSOL="a,9"))
    assert [(place, found.time) for place, found in again.said.items()] == [("", "11"), ("13", "11")]
    assert all(again.said[place].values is first.said[place].values for place in ("", "13"))
    assert read(said("50114", time=12, INRT="2.0")).said["14"].values is other.said["14"].values
    changed = read(said("50100", time=12, FMNOR="1"), said(time=12, INRT="1.1", INSOL="a,9"))
    assert changed.said["13"].values == {"INRT": "1.1", "INSOL": "a,9"}


@pytest.mark.parametrize(
    "items",
    [
        [said(time=9, INRT="1.0"), said(time=8, INRT="1.0")],
        ["9,50113,INRT,1.0", "9,50113", "9,60113,INRT,9"],
        ["9,50113", "9,60113,INRT,9", "9,50113,INRT,1.0"],
        ["9,50113,INRT,1.0", "10,50113,INVI,2.0", "9,50113,INVTB,3.0"],
        ["9,50113,INRT,1.0", "19,50113,INRT,1.0"],
        ["0,50113,INRT,1.0"],
        ["x,50113,INRT,1.0"],
        [",50113,INRT,1.0"],
        ["9,50100,FMNOR,1"],
        ["", "9"],
    ],
)
def test_what_is_said_again_is_read_as_if_it_was_said_the_first_time(items: list[str]) -> None:
    rack = Rack("pumps", ())
    frame = decode(block(*items), stuffed=True)
    assert isinstance(frame, Frame)
    assert rack.read(frame) == rack.read(frame) == Rack("pumps", ()).read(frame)


def test_an_unknown_parameter_is_told_once_a_line_and_not_without_end() -> None:
    rack = Rack("pumps", ())
    row = said(INM13="0", STATUS2="_NV", TCIPLA="1", FUTURE="1")
    told = [take(rack, row), take(rack, row), take(rack, said("50114", FUTURE="2"))]
    assert [rejections(out) for out in told] == [[Rejected("unknown_line", b"FUTURE")], [], []]
    torn = take(rack, *(said(**{f"TORN{number}": "1"}) for number in range(2 * UNKNOWN_MAX)))
    assert len(rejections(torn)) == UNKNOWN_MAX - 1


def rejections(out: list[Output]) -> list[Output]:
    return [output for output in out if isinstance(output, Rejected)]


def test_a_parameter_said_twice_with_different_values_has_no_value() -> None:
    (_, seen) = take(Rack("pumps", ()), said(INRT="1.0"), said(INRT="10.0"))
    assert isinstance(seen, Observation)
    assert (seen.readings[0].value, seen.readings[0].validity) == (None, Validity.INVALID)
    assert seen.readings[0].note == "no number: '1.0 and 10.0'"


def test_identity_is_said_once_and_when_it_differs() -> None:
    rack = Rack("pumps", ())
    rack.software = "V3.30"
    first = take(rack, said(GNNEW="686U030003\r", INSERNUM="1A2B"))
    assert events(first) == [DeviceIdentified("pumps", "13", 1.0, "1A2B", "686U030003", "V3.30")]
    assert events(take(rack, said(time=10, GNMODEL="686U030003", INSERNUM="1A2B"))) == []
    assert events(take(rack, said(time=11, INRT="1.0"))) == []
    assert events(take(rack, said(time=12, GNMODEL="_NV", INSERNUM="_NA"))) == []
    other = take(rack, said(time=13, GNMODEL="688U030003", INSERNUM="FFFF"))
    assert events(other) == [DeviceIdentified("pumps", "13", 1.0, "FFFF", "688U030003", "V3.30")]


def test_a_site_that_shows_no_serial_number() -> None:
    assert events(take(Rack("pumps", ()), said(GNMODEL="686U"))) == [DeviceIdentified("pumps", "13", 1.0, "", "686U")]
    assert events(take(Rack("pumps", ()), said(INRT="1"))) == [DeviceIdentified("pumps", "13", 1.0, "", "")]


def test_names_without_end_are_cut() -> None:
    (identified,) = events(take(Rack("pumps", ()), said(GNMODEL="m" * 99, INSERNUM="s" * 99)))
    assert identified == DeviceIdentified("pumps", "13", 1.0, "s" * 64, "m" * 64)


def test_a_serial_number_that_is_yet_to_come_is_waited_for() -> None:
    rack = Rack("pumps", ())
    assert events(take(rack, said(GNNEW="686U", INSERNUM="_NV"))) == []
    assert events(take(rack, said(time=10, GNMODEL="686U", INSERNUM="1A2B"))) == [
        DeviceIdentified("pumps", "13", 1.0, "1A2B", "686U")
    ]


def test_a_pump_that_appears_again_restarted() -> None:
    rack = known_rack()
    assert events(take(rack, said(time=10, GNNEW="686U", INSERNUM="1A2B"))) == [
        DeviceRestarted("pumps", "13", 1.0, "appeared in its rack")
    ]


def test_another_pump_in_the_same_place_brings_its_own_alarms() -> None:
    rack = known_rack(INA3="1")
    out = events(take(rack, said(time=10, GNNEW="688U", INSERNUM="FFFF", INA3="1")))
    assert out == [
        DeviceRestarted("pumps", "13", 1.0, "appeared in its rack"),
        DeviceIdentified("pumps", "13", 1.0, "FFFF", "688U"),
        AlarmSetChanged("pumps", "13", 1.0, (PRESSURE,)),
    ]


def test_removed_and_put_back() -> None:
    rack = known_rack(INA3="1")
    assert take(rack, said(time=10, GNERR="39")) == [
        ChannelRemoved("pumps", "13", 1.0, "taken from its rack or not reachable")
    ]
    out = events(take(rack, said(time=20, GNNEW="686U", INSERNUM="1A2B", INA3="1")))
    assert out == [
        DeviceIdentified("pumps", "13", 1.0, "1A2B", "686U"),
        AlarmSetChanged("pumps", "13", 1.0, (PRESSURE,)),
    ]


def test_a_removal_is_passed_on_for_a_pump_that_was_never_seen() -> None:
    out = take(Rack("pumps", ()), said("5012A", GNERR="39"))
    assert out == [ChannelRemoved("pumps", "2A", 1.0, "taken from its rack or not reachable")]


def test_a_clock_that_falls_is_a_restart_and_equal_or_unreadable_is_none() -> None:
    rack = known_rack()
    assert events(take(rack, said(time=9, INRT="1"))) == []
    assert events(take(rack, said(time="??", INRT="2"))) == []
    assert events(take(rack, said(time=8, GNNEW="686U", INRT="3"))) == [
        DeviceRestarted("pumps", "13", 1.0, "the rack's clock fell from 9 s to 8 s")
    ]
    assert events(take(rack, said(time=9, INRT="4"))) == []


def test_a_whole_answer_without_a_known_pump() -> None:
    rack = known_rack()
    rack.begin_answer()
    take(rack, said("50121", INRT="1"))
    assert rack.end_answer("21", 2.0) == []
    assert rack.end_answer("", 2.0) == [ChannelRemoved("pumps", "13", 2.0, "not in the rack's answer")]
    assert rack.end_answer("", 2.0) == []


def test_a_whole_answer_about_one_empty_place() -> None:
    for code in ("811", "11", "0811"):
        rack = known_rack()
        rack.begin_answer()
        assert take(rack, said("50100", GNERR=code)) == []
        assert rack.end_answer("13", 2.0) == [ChannelRemoved("pumps", "13", 2.0, "not in the rack's answer")]


def test_an_answer_with_a_rack_error_removes_nobody() -> None:
    rack = known_rack()
    rack.begin_answer()
    take(rack, said("50100", GNERR="51"))
    assert rack.end_answer("", 2.0) == []


def test_another_rack() -> None:
    rack = known_rack()
    assert rack.replaced("moved", 2.0) == [ChannelRemoved("pumps", "13", 2.0, "moved")]
    assert rack.replaced("moved", 2.0) == []


def test_boli_are_counted_once_a_block() -> None:
    rack = known_rack()
    bolus = said(time=10, INBOCNT="2", INBOVAL="1.50")
    assert events(take(rack, bolus)) == [BolusGiven("pumps", "13", 1.0, 2, Decimal("1.50"))]
    assert events(take(rack, bolus)) == []
    assert events(take(rack, said(time=11, INBOCNT="1", INBOVAL="_NV"))) == [BolusGiven("pumps", "13", 1.0, 1, None)]
    assert events(take(rack, said(time=12, INBOCNT="0"), said(INBOVAL="1.50"))) == []
    assert events(take(rack, said(time=13, INBOCNT="_NV"))) == []


@pytest.mark.parametrize("text", ["10", "-1", "x", "", "1.0"])
def test_a_count_of_boli_that_cannot_be_read(text: str) -> None:
    assert events(take(known_rack(), said(time=10, INBOCNT=text))) == [Rejected("syntax", f"INBOCNT {text}".encode())]


def test_alarm_sets_are_said_at_first_sight_and_on_change_alone() -> None:
    rack = known_rack()
    assert events(take(rack, said(time=10, INA1="0", INA3="0"))) == [AlarmSetChanged("pumps", "13", 1.0, ())]
    assert events(take(rack, said(time=11, INA1="0", INA3="0"))) == []
    assert events(take(rack, said(time=12, INA1="0", INA3="1"))) == [AlarmSetChanged("pumps", "13", 1.0, (PRESSURE,))]
    assert events(take(rack, said(time=13, INA1="0", INA3="1"))) == []
    assert events(take(rack, said(time=14, INA1="0", INA3="0"))) == [AlarmSetChanged("pumps", "13", 1.0, ())]


@pytest.mark.parametrize("later", [{}, {"INA3": "_NV"}, {"INA3": "_NA"}, {"INA1": "0"}])
def test_an_alarm_does_not_end_because_nothing_is_said_of_it(later: dict[str, str]) -> None:
    rack = known_rack(INA3="1")
    assert events(take(rack, said(time=10, INRT="1", **later))) == []


def test_the_other_alarm_set_replaces_the_first() -> None:
    rack = known_rack(INA3="1", INA15="1")
    bubble = DeviceAlarm(DeviceAlarmKind.AIR_IN_LINE, "ALARM1.29", "air bubble")
    assert events(take(rack, said(time=10, INA3="_NV", ALARM1="0x20000000"))) == [
        AlarmSetChanged("pumps", "13", 1.0, (bubble,))
    ]
    assert events(take(rack, said(time=11, INA3="1"))) == [AlarmSetChanged("pumps", "13", 1.0, (PRESSURE,))]


def test_an_alarm_that_the_site_does_not_name() -> None:
    rack = known_rack()
    unnamed = DeviceAlarm(DeviceAlarmKind.UNKNOWN, "RUNSTATE.2", "pump in alarm, not named")
    assert events(take(rack, said(time=10, RUNSTATE="5"))) == [AlarmSetChanged("pumps", "13", 1.0, (unnamed,))]
    assert events(take(rack, said(time=11, RUNSTATE="5", INA3="1"))) == [
        AlarmSetChanged("pumps", "13", 1.0, (PRESSURE,))
    ]
    assert events(take(rack, said(time=12, RUNSTATE="2", INA3="0"))) == [AlarmSetChanged("pumps", "13", 1.0, ())]


def test_a_pump_that_the_rack_cannot_reach_keeps_its_alarms() -> None:
    rack = known_rack(INA3="1")
    rack.begin_answer()
    assert take(rack, said(time=10, GNERR="41")) == [AlarmSetChanged("pumps", "13", 1.0, (LOST, PRESSURE))]
    assert take(rack, said(time=11, GNERR="41")) == []
    assert rack.end_answer("", 1.0) == []
    assert events(take(rack, said(time=12, INRT="1"))) == [AlarmSetChanged("pumps", "13", 1.0, (PRESSURE,))]


def test_errors_that_are_not_known_are_unknown_alarms() -> None:
    (out,) = take(known_rack(), said(time=10, GNERR="77"))
    alarm = DeviceAlarm(DeviceAlarmKind.UNKNOWN, "GNERR 77", "pump communication error 77")
    assert out == AlarmSetChanged("pumps", "13", 1.0, (alarm,))


def test_an_error_of_the_whole_rack_is_said_of_every_channel() -> None:
    rack = Rack("pumps", ("11",))
    take(rack, said(INSERNUM="1A2B"))
    broken = DeviceAlarm(DeviceAlarmKind.MALFUNCTION, "GNERR 51", "rack communication error 51")
    assert take(rack, said("50100", GNERR="51")) == [
        AlarmSetChanged("pumps", "11", 1.0, (broken,)),
        AlarmSetChanged("pumps", "13", 1.0, (broken,)),
    ]
    rack.begin_answer()
    assert events(take(rack, said(time=11, INRT="1"))) == [AlarmSetChanged("pumps", "13", 1.0, ())]
    assert rack.end_answer("", 2.0) == [AlarmSetChanged("pumps", "11", 2.0, ())]


def test_an_error_of_a_rack_without_channels_is_at_least_counted() -> None:
    assert take(Rack("pumps", ()), said("50100", GNERR="99")) == [Rejected("unexpected", b"GNERR 99")]


def test_an_error_without_a_value_is_none() -> None:
    assert take(Rack("pumps", ()), said("50100", GNERR="_NV")) == []
