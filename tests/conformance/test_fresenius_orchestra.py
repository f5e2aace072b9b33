"""The Orchestra driver against the Orchestra simulator: written by different hands, they must say the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from drivers.fresenius_orchestra import DRIVER, OrchestraSession
from drivers.model import (
    AlarmSetChanged,
    ChannelRemoved,
    DeviceAlarmKind,
    DeviceIdentified,
    DeviceRestarted,
    Infusion,
    InfusionState,
    Observation,
    Quantity,
    SessionOptions,
    Validity,
)
from simulators.fresenius_orchestra import ALONE, OrchestraBase, OrchestraOptions, running_base
from simulators.fresenius_orchestra_wire import BAUD, DATA_BITS, PARITY, STOP_BITS, LinkError
from simulators.pump import PumpModel
from simulators.pump_terms import PumpAlarm
from tests.conformance.test_device_task import line, task
from tests.conformance.virtual import Damage, Faults, Wire, cut_anywhere, reading, value

START_S = 100.0
ALLOWED = Path(__file__).parent.parent / "golden" / "fresenius-orchestra" / "allowed.txt"
TWO = {"1": "12.5", "2": "3.0"}


def wire(rates: Mapping[str, str] | None = None, options: OrchestraOptions | None = None) -> tuple[Wire, OrchestraBase]:
    pumps = {address: Decimal(rate) for address, rate in (rates or {"1": "12.5"}).items()}
    base = running_base(START_S, pumps, options)
    channels = ("0",) if ALONE in pumps else ()
    return Wire(OrchestraSession(SessionOptions("pumps", channels=channels)), base), base


def assert_only_asked(talk: Wire, base: OrchestraBase) -> None:
    lines = ALLOWED.read_text(encoding="utf-8").splitlines()
    may_be_sent = {bytes.fromhex(one.partition("#")[0]) for one in lines}
    assert {*talk.sent} <= may_be_sent
    assert (base.forbidden, base.forbidden_count, base.dropped_answers) == ([], 0, 0)


def alarm_sets(talk: Wire, channel: str = "1") -> list[list[str]]:
    """The codes of each set that the channel told; what they mean is not known to anyone."""
    sets = [one for one in talk.events(AlarmSetChanged) if isinstance(one, AlarmSetChanged) and one.channel == channel]
    assert {alarm.kind for one in sets for alarm in one.alarms} <= {DeviceAlarmKind.UNKNOWN}
    return [[alarm.code for alarm in one.alarms] for one in sets]


def rates(talk: Wire, channel: str = "1") -> set[Decimal | None]:
    return {value(one, Quantity.INFUSION_RATE) for one in talk.observations(channel)}


def connects(base: OrchestraBase, address: str) -> int:
    return [record.data[1:-3].decode() for record in base.records].count(f"{address}DC")


def removed(talk: Wire) -> list[str]:
    return [one.channel for one in talk.events(ChannelRemoved) if isinstance(one, ChannelRemoved)]


def assert_volume_is_true(seen: Observation, rate: str, *, late_s: float = 0.2) -> None:
    """What is shown was counted at most so long ago, and never more than was given."""
    shown = reading(seen, Quantity.VOLUME_INFUSED)
    assert (shown.unit, shown.resolution, shown.validity) == ("mL", Decimal("0.001"), Validity.VALID)
    assert shown.value is not None
    given_s = Decimal(seen.received_at_s - START_S)
    before_s = max(Decimal(0), given_s - Decimal(late_s))
    assert Decimal(rate) * before_s / 3600 - Decimal("0.001") <= shown.value <= Decimal(rate) * given_s / 3600


def test_the_line_is_set_up_alike_on_both_sides() -> None:
    settings = DRIVER.line
    assert (settings.baud, settings.data_bits, settings.parity, settings.stop_bits) == (
        BAUD,
        DATA_BITS,
        PARITY,
        STOP_BITS,
    )


@pytest.mark.parametrize("rate", ["0.1", "3.5", "12.5", "99.9", "1200.0"])
@pytest.mark.parametrize("address", ["1", ALONE])
def test_rate_and_volume_arrive_as_the_pump_has_them(rate: str, address: str) -> None:
    talk, base = wire({address: rate})
    talk.run(30.0)
    seen = talk.observations(address or "0")
    assert len(seen) >= 25
    for one in seen:
        shown = reading(one, Quantity.INFUSION_RATE)
        assert (shown.value, shown.unit, shown.resolution) == (Decimal(rate), "mL/h", Decimal("0.1"))
        assert (shown.validity, shown.origin) == (Validity.VALID, "d")
        assert_volume_is_true(one, rate)
        assert one.infusion == Infusion(InfusionState.UNKNOWN)
    assert alarm_sets(talk, address or "0") == [[]]
    assert talk.events(DeviceIdentified) == []
    assert talk.rejections() == []
    assert_only_asked(talk, base)


def test_a_round_takes_as_long_as_the_driver_says() -> None:
    talk, _ = wire(TWO)
    talk.run(20.0)
    for channel in TWO:
        times = [one.received_at_s for one in talk.observations(channel)][1:]
        assert {round(after - before, 3) for before, after in pairwise(times)} == {1.0}
    assert talk.session.round_s == pytest.approx(1.0)


def test_eight_modules_on_one_base_are_never_mixed_up() -> None:
    all_rates = {str(position): f"{position}0.{position}" for position in range(1, 9)}
    talk, base = wire(all_rates)
    talk.run(30.0)
    for address, rate in all_rates.items():
        assert len(talk.observations(address)) >= 25
        assert rates(talk, address) == {Decimal(rate)}
        for seen in talk.observations(address):
            assert_volume_is_true(seen, rate)
    assert talk.rejections() == []
    assert_only_asked(talk, base)


Act = Callable[[PumpModel, float], object]


@pytest.mark.parametrize(
    ("act", "rate"),
    [
        (lambda one, now: one.stop(now), "0.0"),
        (lambda one, now: one.set_rate(now, Decimal("7.2")), "7.2"),
        (lambda one, now: (one.stop(now), one.purge(now, Decimal(20))), "600.0"),
        (lambda one, now: (one.stop(now), one.standby(now, 5)), "0.0"),
    ],
    ids=["stop", "step", "purge", "standby"],
)
def test_what_is_done_to_the_pump_is_seen_within_two_seconds(act: Act, rate: str) -> None:
    talk, base = wire(TWO)
    talk.run(5.0)
    act(base.pump("1"), talk.now_s)
    talk.run(2.0)
    assert value(talk.last("1"), Quantity.INFUSION_RATE) == Decimal(rate)
    assert rates(talk, "2") == {Decimal("3.0")}
    assert_only_asked(talk, base)


def test_a_bolus_is_seen_in_the_volume() -> None:
    talk, base = wire()
    talk.run(5.0)
    before = value(talk.last(), Quantity.VOLUME_INFUSED)
    base.pump("1").bolus(talk.now_s, Decimal("0.500"))
    talk.run(15.0)
    after = value(talk.last(), Quantity.VOLUME_INFUSED)
    assert before is not None
    assert after is not None
    assert after - before > Decimal("0.500")
    assert rates(talk) == {Decimal("12.5")}


def test_a_volume_that_is_cleared_is_zero_and_counts_again() -> None:
    talk, base = wire({"1": "1200.0"})
    talk.run(10.0)
    base.pump("1").stop(talk.now_s)
    talk.run(2.0)
    assert value(talk.last(), Quantity.VOLUME_INFUSED) != 0
    base.pump("1").clear_volume(talk.now_s)
    talk.run(2.0)
    assert value(talk.last(), Quantity.VOLUME_INFUSED) == Decimal("0.000")


@pytest.mark.parametrize(("place", "alarm"), list(enumerate(PumpAlarm)))
def test_an_alarm_is_told_raw_within_two_seconds_and_its_end_too(place: int, alarm: PumpAlarm) -> None:
    talk, base = wire(TWO)
    talk.run(5.0)
    base.pump("1").raise_alarm(talk.now_s, alarm)
    talk.run(2.0)
    assert alarm_sets(talk) == [[], [f"a {1 << place:04X}"]]
    base.pump("1").clear_alarm(talk.now_s, alarm)
    talk.run(2.0)
    assert alarm_sets(talk) == [[], [f"a {1 << place:04X}"], []]
    assert alarm_sets(talk, "2") == [[]]
    assert_only_asked(talk, base)


def test_an_occlusion_stops_the_pump_alarms_and_ends() -> None:
    talk, base = wire({"1": "60.0"})
    talk.run(5.0)
    base.pump("1").occlude(talk.now_s)
    talk.run(60.0)
    assert (value(talk.last(), Quantity.INFUSION_RATE), alarm_sets(talk)[-1]) == (Decimal("0.0"), ["a 0001"])
    base.pump("1").release(talk.now_s)
    base.pump("1").start(talk.now_s)
    talk.run(2.0)
    assert (value(talk.last(), Quantity.INFUSION_RATE), alarm_sets(talk)[-1]) == (Decimal("60.0"), [])


def test_an_event_tells_an_alarm_before_the_next_round() -> None:
    base = running_base(START_S, {"1": Decimal("12.5")})
    talk = Wire(OrchestraSession(SessionOptions("pumps", poll_interval_s=4.5)), base)
    talk.run(28.0)  # half a second after a round
    asked = len(talk.observations())
    base.pump("1").raise_alarm(talk.now_s, PumpAlarm.OCCLUSION)
    talk.run(1.5)
    assert alarm_sets(talk) == [[], ["a 0001"]]
    assert len(talk.observations()) == asked + 1
    assert value(talk.last(), Quantity.INFUSION_RATE) == Decimal("0.0")
    assert sum(record.data == b"\x021E89\x03" for record in base.records) == 1  # one event, confirmed at once
    talk.run(30.0)
    assert connects(base, "1") == 1
    assert_only_asked(talk, base)


def test_an_error_and_an_undecodable_alarm_word_are_alarms_with_their_text() -> None:
    talk, base = wire()
    base.override("1", "e", "7F")
    base.override("1", "a", "??")
    talk.run(3.0)
    assert alarm_sets(talk) == [["a ??", "e 7F"]]
    base.override("1", "a", "0")
    talk.run(2.0)
    assert alarm_sets(talk)[-1] == ["e 7F"]


def test_the_mode_stands_beside_the_rate_as_it_was_said() -> None:
    talk, base = wire()
    base.override("1", "m", "2")
    talk.run(3.0)
    assert reading(talk.last(), Quantity.INFUSION_RATE).note == "mode 2"


@pytest.mark.parametrize(
    ("letter", "text", "quantity", "validity"),
    [
        ("d", "", Quantity.INFUSION_RATE, Validity.NOT_AVAILABLE),
        ("d", "FFFF", Quantity.INFUSION_RATE, Validity.INVALID),
        ("d", "2EE1", Quantity.INFUSION_RATE, Validity.INVALID),  # 1200.1 mL/h
        ("d", "12.5", Quantity.INFUSION_RATE, Validity.INVALID),
        ("d", "-07D", Quantity.INFUSION_RATE, Validity.INVALID),
        ("d", "007d", Quantity.INFUSION_RATE, Validity.INVALID),
        ("d", "0x7D", Quantity.INFUSION_RATE, Validity.INVALID),
        ("r", "", Quantity.VOLUME_INFUSED, Validity.NOT_AVAILABLE),
        ("r", "FFFFFFFF", Quantity.VOLUME_INFUSED, Validity.INVALID),
        ("r", "000003 8", Quantity.VOLUME_INFUSED, Validity.INVALID),
        ("r", "0000003A98", Quantity.VOLUME_INFUSED, Validity.INVALID),
    ],
)
def test_what_is_no_number_is_never_shown_as_one(
    letter: str, text: str, quantity: Quantity, validity: Validity
) -> None:
    talk, base = wire()
    base.override("1", letter, text)
    talk.run(3.0)
    shown = reading(talk.last(), quantity)
    assert (shown.value, shown.validity) == (None, validity)


@pytest.mark.parametrize(("text", "rate"), [("7D", "12.5"), ("0000007D", "12.5"), ("0", "0.0"), ("2EE0", "1200.0")])
def test_a_number_may_have_another_width(text: str, rate: str) -> None:
    talk, base = wire()
    base.override("1", "d", text)
    talk.run(3.0)
    assert rates(talk) == {Decimal(rate)}


@pytest.mark.parametrize(("letters", "volume_known"), [("adr", True), ("dr", True), ("d", False), ("dm", False)])
def test_of_a_pump_that_knows_less_what_it_knows_is_told(letters: str, volume_known: bool) -> None:
    talk, base = wire(options=OrchestraOptions(module_letters=letters))
    talk.run(10.0)
    assert rates(talk) == {Decimal("12.5")}
    volume = reading(talk.last(), Quantity.VOLUME_INFUSED)
    assert (volume.value is not None, volume.validity is Validity.VALID) == (volume_known, volume_known)
    assert alarm_sets(talk) == ([[]] if "a" in letters else [])  # no word of alarms is not "no alarm"
    assert len(talk.observations()) >= 8
    assert_only_asked(talk, base)


def test_a_pump_that_refuses_since_it_has_an_alarm_has_an_alarm() -> None:
    talk, base = wire(TWO)
    talk.run(5.0)
    base.refuse("1", "LE", "12")
    talk.run(5.0)
    assert alarm_sets(talk)[-1] == ["refused 12"]
    base.refuse("1", "LE", None)
    talk.run(5.0)
    assert alarm_sets(talk)[-1] == []
    assert talk.last("1").received_at_s > talk.now_s - 2.0


@pytest.mark.parametrize("code", ["02", "03", "05", "09", "20", "24", "77"])
@pytest.mark.parametrize("command", ["LE", "DE", "DC"])
def test_a_refusal_costs_that_module_alone_and_is_got_over(code: str, command: str) -> None:
    talk, base = wire(TWO)
    base.refuse("1", command, code)
    talk.run(20.0)
    assert len(talk.observations("2")) >= 17
    assert (talk.observations("1") == []) == (command != "DE")
    base.refuse("1", command, None)
    talk.run(5.0)
    assert talk.last("1").received_at_s > talk.now_s - 2.0
    assert {*rates(talk, "1")} == {Decimal("12.5")}
    assert_only_asked(talk, base)


def test_a_module_that_is_unplugged_is_told_and_heard_again_when_it_is_back() -> None:
    talk, base = wire(TWO)
    talk.run(5.0)
    pump = base.remove("1")
    gone_at_s = talk.now_s
    talk.run(5.0)
    assert removed(talk) == ["1"]
    assert talk.last("1").received_at_s <= gone_at_s + talk.delay_s
    assert talk.last("2").received_at_s > talk.now_s - 2.0
    base.insert("1", pump)
    back_at_s = talk.now_s
    talk.run(3.0)
    assert talk.last("1").received_at_s > back_at_s
    base.insert("4", PumpModel(now_s=talk.now_s))
    talk.run(3.0)
    assert value(talk.last("4"), Quantity.INFUSION_RATE) == Decimal("0.0")
    assert (removed(talk), alarm_sets(talk), alarm_sets(talk, "4")) == (["1"], [[], []], [[]])
    assert_only_asked(talk, base)


@pytest.mark.parametrize(("alarm", "codes"), [(PumpAlarm.BATTERY_NEAR_EMPTY, ["a 1000"]), (None, [])])
def test_a_module_swapped_between_two_rounds_is_another_and_tells_its_alarms_anew(
    alarm: PumpAlarm | None, codes: list[str]
) -> None:
    talk, base = wire(TWO)
    talk.run(5.3)
    base.remove("1")
    other = running_base(talk.now_s, {"1": Decimal("40.0")}).remove("1")
    if alarm is not None:
        other.raise_alarm(talk.now_s, alarm)
    base.insert("1", other)
    talk.run(4.0)
    assert value(talk.last("1"), Quantity.INFUSION_RATE) == Decimal("40.0")
    restarts = [one.channel for one in talk.events(DeviceRestarted) if isinstance(one, DeviceRestarted)]
    assert restarts == ["1"]
    assert alarm_sets(talk) == [[], codes]
    assert removed(talk) == []


def test_a_module_that_is_switched_off_gives_no_value_and_is_read_again_soon_after() -> None:
    talk, base = wire(TWO)
    talk.run(5.0)
    base.pump("1").power_off(talk.now_s)
    off_at_s = talk.now_s
    talk.run(60.0)
    assert talk.last("1").received_at_s <= off_at_s + talk.delay_s
    assert removed(talk) == ["1"]
    base.pump("1").power_on(talk.now_s)
    back_at_s = talk.now_s
    talk.run(3.0)
    assert talk.last("1").received_at_s > back_at_s
    assert value(talk.last("1"), Quantity.INFUSION_RATE) == Decimal("0.0")


def test_an_empty_base_is_asked_until_a_module_comes() -> None:
    base = OrchestraBase()
    talk = Wire(OrchestraSession(SessionOptions("pumps")), base)
    talk.run(20.0)
    assert (talk.observations(), talk.rejections()) == ([], [])
    base.insert("3", running_base(talk.now_s, {"3": Decimal("5.0")}).pump("3"))
    talk.run(3.0)
    assert rates(talk, "3") == {Decimal("5.0")}


@pytest.mark.parametrize("out_s", [0.0, 0.5, 5.0, 120.0])
def test_a_base_that_was_without_power_is_read_again_within_eight_seconds(out_s: float) -> None:
    talk, base = wire(TWO)
    talk.run(10.0)
    base.mute = True
    talk.run(out_s)
    base.mute = False
    talk.switch_on()
    back_at_s = talk.now_s
    talk.run(8.0)
    for channel, rate in TWO.items():
        assert talk.last(channel).received_at_s > max(back_at_s, talk.now_s - 2.0)
        assert rates(talk, channel) == {Decimal(rate)}
    assert_only_asked(talk, base)


def test_a_broken_wire_gives_no_values_and_is_got_over() -> None:
    talk, base = wire(TWO)
    talk.run(10.0)
    base.mute = True
    broken_at_s = talk.now_s
    talk.run(60.0)
    assert talk.last().received_at_s <= broken_at_s + talk.delay_s
    assert len(talk.sent) < 200
    base.mute = False
    talk.run(8.0)
    for channel in TWO:
        assert talk.last(channel).received_at_s > talk.now_s - 2.0


@pytest.mark.parametrize("interval_s", [1.0, 3.0, 7.0])
def test_the_base_is_answered_that_the_host_is_there_and_keeps_the_sessions(interval_s: float) -> None:
    talk, base = wire(TWO, OrchestraOptions(enquiry_interval_s=interval_s, main_timeout_s=2.0))
    talk.run(120.0)
    assert [connects(base, address) for address in ("0", "1", "2")] == [1, 1, 1]
    assert talk.sent.count(b"\x14") == int(119.9 / interval_s)
    assert talk.rejections() == []


@pytest.mark.parametrize("error", LinkError)
def test_a_link_error_costs_a_reply_and_no_more(error: LinkError) -> None:
    talk, base = wire(TWO)
    for _ in range(20):
        talk.run(5.1)
        base.spoil_next(error)
    talk.run(5.0)
    for channel, rate in TWO.items():
        assert len(talk.observations(channel)) >= 80
        assert rates(talk, channel) == {Decimal(rate)}
        assert talk.last(channel).received_at_s > talk.now_s - 2.0
    assert talk.rejections() == ["unexpected"] * 20


def test_a_base_that_is_busy_is_asked_again_until_it_is_ready() -> None:
    talk, base = wire(TWO)
    base.busy = True
    talk.run(30.0)
    assert talk.observations() == []
    base.busy = False
    talk.run(5.0)
    for channel in TWO:
        assert talk.last(channel).received_at_s > talk.now_s - 2.0
    assert_only_asked(talk, base)


@pytest.mark.parametrize("settle_s", [0.0, 1.0, 3.0])
def test_a_base_may_take_its_time_after_it_was_connected(settle_s: float) -> None:
    talk, base = wire(TWO, OrchestraOptions(settle_s=settle_s))
    talk.run(12.0)
    for channel in TWO:
        assert talk.last(channel).received_at_s > talk.now_s - 2.0
    assert_only_asked(talk, base)


@pytest.mark.parametrize("answer_delay_s", [0.5, 1.5, 2.5, 3.5])
def test_a_late_reply_never_answers_another_question(answer_delay_s: float) -> None:
    talk, base = wire(TWO)
    talk.run(5.0)
    base.answer_delay_s = answer_delay_s
    talk.run(120.0)
    for channel, rate in TWO.items():
        assert rates(talk, channel) == {Decimal(rate)}
        assert talk.last(channel).received_at_s > talk.now_s - 60.0
        for seen in talk.observations(channel):
            assert_volume_is_true(seen, rate, late_s=answer_delay_s + 0.2)
    base.pump("1").set_rate(talk.now_s, Decimal("20.0"))
    base.answer_delay_s = 0.0
    changed_at_s = talk.now_s
    talk.run(15.0)
    late = [one for one in talk.observations("1") if one.received_at_s > changed_at_s + answer_delay_s + 0.2]
    assert {value(one, Quantity.INFUSION_RATE) for one in late} == {Decimal("20.0")}
    assert talk.last("1").received_at_s > talk.now_s - 2.0
    assert_only_asked(talk, base)


def test_enq_in_the_middle_of_a_frame_is_answered_and_gives_no_false_value() -> None:
    """The protocol has it between frames; a base that asks at any time costs the reply that it cut in two."""
    talk, base = wire(TWO)
    talk.run(5.0)
    places = Random(1)
    count = 0

    def interrupt(data: bytes) -> bytes:
        nonlocal count
        count += 1
        if count % 7 or len(data) < 4:
            return data
        at = places.randrange(2, len(data))
        return data[:at] + b"\x05" + data[at:]

    talk.spoil = interrupt
    before = talk.sent.count(b"\x14")
    talk.run(60.0)
    assert talk.sent.count(b"\x14") >= before + count // 8
    for channel, rate in TWO.items():
        assert rates(talk, channel) == {Decimal(rate)}
        assert len(talk.observations(channel)) >= 30
    assert_only_asked(talk, base)


def test_a_slow_adapter_that_cuts_everything_loses_nothing() -> None:
    talk, base = wire(TWO)
    talk.cut = cut_anywhere(Random(1), 0.03)
    talk.run(60.0)
    for channel in TWO:
        assert len(talk.observations(channel)) >= 55
    assert talk.rejections() == []
    assert_only_asked(talk, base)


@pytest.mark.parametrize("damage", Damage)
@pytest.mark.parametrize("seed", range(3))
def test_on_a_bad_line_nothing_false_is_said_and_it_is_read_again_soon_after(damage: Damage, seed: int) -> None:
    talk, base = wire(TWO)
    talk.run(5.0)
    base.pump("1").raise_alarm(talk.now_s, PumpAlarm.BATTERY_NEAR_EMPTY)
    talk.run(3.0)
    talk.spoil = faults = Faults(Random(seed), [damage])
    talk.cut = cut_anywhere(Random(seed), 0.1)
    talk.run(200.0)
    assert len(faults.done) > 20
    assert_nothing_false(talk)
    talk.spoil, talk.cut = bytes, lambda data: [(0.0, data)]
    talk.run(10.0)
    for channel in TWO:
        assert talk.last(channel).received_at_s > talk.now_s - 2.0
    assert_only_asked(talk, base)


@pytest.mark.parametrize("seed", range(6))
def test_on_a_line_that_is_bad_in_every_way_nothing_false_is_said(seed: int) -> None:
    talk, base = wire(TWO)
    talk.run(5.0)
    base.pump("1").raise_alarm(talk.now_s, PumpAlarm.BATTERY_NEAR_EMPTY)
    talk.run(3.0)
    talk.spoil, talk.cut = Faults(Random(seed)), cut_anywhere(Random(seed), 0.3)
    talk.run(300.0)
    assert_nothing_false(talk)
    talk.spoil, talk.cut = bytes, lambda data: [(0.0, data)]
    talk.run(10.0)
    for channel in TWO:
        assert talk.last(channel).received_at_s > talk.now_s - 2.0
    assert_only_asked(talk, base)


def assert_nothing_false(talk: Wire) -> None:
    for channel, rate in TWO.items():
        assert len(talk.observations(channel)) > 20
        assert rates(talk, channel) == {Decimal(rate)}
        for seen in talk.observations(channel):
            assert_volume_is_true(seen, rate, late_s=5.0)
    assert [codes for codes in alarm_sets(talk) if codes not in ([], ["a 1000"])] == []
    assert alarm_sets(talk)[-1] == ["a 1000"]
    assert {*map(tuple, alarm_sets(talk, "2"))} == {()}
    assert removed(talk) == []


async def test_over_a_pty_two_pumps_are_read_and_asked_only(tmp_path: Path) -> None:
    """In real time, with the wait for the base and its ENQ."""

    def session(options: SessionOptions) -> OrchestraSession:
        return OrchestraSession(replace(options, channels=tuple(TWO)))

    now_s = asyncio.get_running_loop().time()
    pumps = {address: Decimal(rate) for address, rate in TWO.items()}
    base = running_base(now_s, pumps, OrchestraOptions(enquiry_interval_s=1.0))
    with line(tmp_path / "pump", base):
        async with task(tmp_path / "pump", replace(DRIVER, session=session)) as (got, _):
            await got.until(
                lambda items: (
                    {one.channel for one in items if isinstance(one, Observation)} == {*TWO}
                    and any(record.data == b"\x14" for record in base.records)
                )
            )
    seen = {one.channel: value(one, Quantity.INFUSION_RATE) for one in got.items if isinstance(one, Observation)}
    assert seen == pumps
    assert (base.forbidden, base.forbidden_count) == ([], 0)
