"""The Asena driver against the Asena simulator: written by different hands, they must tell the same infusion."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from drivers.alaris_asena import DRIVER, AsenaSession
from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    InfusionState,
    Observation,
    Quantity,
    SessionOptions,
    Validity,
)
from simulators.alaris_asena import AsenaPump, running_pump
from simulators.pump import PumpModel
from simulators.pump_terms import PumpAlarm
from tests.conformance.test_device_task import has_sample, line, task
from tests.conformance.virtual import Faults, Wire, cut_anywhere, reading, value

START_S = 100.0
SERIAL_NUMBER = "8002-51740"
MAY_BE_SENT = {b"!COMMS_PROTOCOL|E8DA\r", b"!INF|4961\r", b"!ALARM|50B2\r"}
K = DeviceAlarmKind


def wire(rate_ml_per_h: str = "12.50", *, started: bool = True) -> tuple[Wire, PumpModel, AsenaPump]:
    model, pump = running_pump(
        START_S, serial_number=SERIAL_NUMBER, rate_ml_per_h=Decimal(rate_ml_per_h), started=started
    )
    return Wire(AsenaSession(SessionOptions("pump")), pump), model, pump


def assert_only_asked(talk: Wire, pump: AsenaPump) -> None:
    assert {*talk.sent} <= MAY_BE_SENT
    assert (pump.forbidden, pump.forbidden_count, pump.dropped_answers) == ([], 0, 0)


def alarm_sets(talk: Wire) -> list[tuple[DeviceAlarm, ...]]:
    return [one.alarms for one in talk.events(AlarmSetChanged) if isinstance(one, AlarmSetChanged)]


def kinds(talk: Wire) -> list[DeviceAlarmKind]:
    """What the pump alarmed of last."""
    return [alarm.kind for alarm in alarm_sets(talk)[-1]]


def state(seen: Observation) -> InfusionState:
    assert seen.infusion is not None
    assert seen.infusion.drug is None
    return seen.infusion.state


@pytest.mark.parametrize("rate", ["0.10", "3.50", "12.50", "99.99", "1200.00"])
def test_rate_volume_time_and_identity_arrive_as_the_pump_has_them(rate: str) -> None:
    talk, _, pump = wire(rate)
    talk.run(30.0)
    seen = talk.observations("0")
    assert len(seen) >= 25
    for one in seen:
        shown = reading(one, Quantity.INFUSION_RATE)
        assert (shown.value, shown.unit, shown.resolution) == (Decimal(rate), "mL/h", Decimal("0.01"))
        assert (shown.validity, shown.origin, state(one)) == (Validity.VALID, "INF", InfusionState.INFUSING)
        # The pump spoke one delay before it was heard.
        given_ml = Decimal(rate) * Decimal(one.received_at_s - talk.delay_s - START_S) / 3600
        counted = reading(one, Quantity.VOLUME_INFUSED)
        assert (counted.unit, counted.resolution, counted.validity) == ("mL", Decimal("0.001"), Validity.VALID)
        assert counted.value is not None
        assert abs(counted.value - given_ml.quantize(Decimal("0.001"), ROUND_FLOOR)) <= Decimal("0.001")
        left = reading(one, Quantity.TIME_REMAINING)
        left_s = (50 - given_ml) / Decimal(rate) * 3600
        if left_s >= 86_400:
            assert (left.value, left.unit, left.validity) == (Decimal(86_400), "s", Validity.OVER)
        else:
            assert (left.unit, left.validity) == ("s", Validity.VALID)
            assert left.value is not None
            assert abs(left.value - left_s) <= 1
    assert talk.events(DeviceIdentified) == [
        DeviceIdentified("pump", "0", seen[0].received_at_s, SERIAL_NUMBER, "Alaris Asena", "Asena Rev 2.1.5")
    ]
    assert alarm_sets(talk) == [()]
    assert talk.rejections() == []
    assert_only_asked(talk, pump)


def test_at_a_rate_for_more_than_a_day_only_that_is_said_of_the_time_left() -> None:
    talk, _, _ = wire("2.00")
    talk.run(3.0)
    left = reading(talk.last(), Quantity.TIME_REMAINING)
    assert (left.value, left.validity) == (Decimal(86_400), Validity.OVER)


def test_a_round_takes_as_long_as_the_driver_says() -> None:
    talk, _, _ = wire()
    talk.run(20.0)
    times = [one.received_at_s for one in talk.observations()]
    assert {round(after - before, 3) for before, after in pairwise(times)} == {1.0}
    assert talk.session.round_s == pytest.approx(1.0)


Act = Callable[[PumpModel, float], object]


@pytest.mark.parametrize(
    ("act", "expected", "rate"),
    [
        (lambda one, now: one.stop(now), InfusionState.STOPPED, "0.00"),
        (lambda one, now: one.set_rate(now, Decimal("7.25")), InfusionState.INFUSING, "7.25"),
        # What mode a bolus or a purge shows is not known; that the pump infuses, and how fast, is told.
        (lambda one, now: one.bolus(now), InfusionState.INFUSING, "200.00"),
        (lambda one, now: (one.stop(now), one.purge(now, Decimal(5))), InfusionState.INFUSING, "600.00"),
        (lambda one, now: (one.stop(now), one.standby(now, 5)), InfusionState.STOPPED, "0.00"),
    ],
    ids=["stop", "step", "bolus", "purge", "standby"],
)
def test_what_is_done_to_the_pump_is_seen_within_two_seconds(act: Act, expected: InfusionState, rate: str) -> None:
    talk, model, pump = wire()
    talk.run(5.0)
    act(model, talk.now_s)
    talk.run(2.0)
    assert (state(talk.last()), value(talk.last(), Quantity.INFUSION_RATE)) == (expected, Decimal(rate))
    assert alarm_sets(talk) == [()]
    assert_only_asked(talk, pump)


def test_a_pump_that_was_not_started_stands_and_is_seen_to_start_and_to_give_a_bolus() -> None:
    talk, model, _ = wire("12.50", started=False)
    talk.run(5.0)
    assert (state(talk.last()), value(talk.last(), Quantity.VOLUME_INFUSED)) == (InfusionState.STOPPED, Decimal(0))
    model.start(talk.now_s)
    talk.run(2.0)
    assert state(talk.last()) is InfusionState.INFUSING
    model.bolus(talk.now_s, Decimal("0.50"))
    talk.run(20.0)
    rates = {value(one, Quantity.INFUSION_RATE) for one in talk.observations()}
    assert rates == {Decimal("0.00"), Decimal("12.50"), Decimal("200.00")}
    assert value(talk.last(), Quantity.INFUSION_RATE) == Decimal("12.50")


def test_a_volume_that_is_cleared_is_zero_and_counts_again() -> None:
    talk, model, _ = wire("1200.00")
    talk.run(10.0)
    model.stop(talk.now_s)
    talk.run(2.0)
    before = value(talk.last(), Quantity.VOLUME_INFUSED)
    assert before is not None
    assert before > 3
    model.clear_volume(talk.now_s)
    talk.run(2.0)
    assert value(talk.last(), Quantity.VOLUME_INFUSED) == Decimal("0.000")
    model.start(talk.now_s)
    talk.run(5.0)
    after = value(talk.last(), Quantity.VOLUME_INFUSED)
    assert after is not None
    assert 0 < after < before


@pytest.mark.parametrize(
    ("alarm", "kind", "code"),
    [
        (PumpAlarm.OCCLUSION, K.OCCLUSION_DOWNSTREAM, "AL_OCCLU"),
        (PumpAlarm.BATTERY_EMPTY, K.BATTERY_EMPTY, "AL_EMBAT"),
        (PumpAlarm.BATTERY_NEAR_EMPTY, K.BATTERY_LOW, "AL_LWBAT"),
        (PumpAlarm.AIR, K.MALFUNCTION, "AL_FAULT"),
        (PumpAlarm.SYRINGE, K.UNKNOWN, "AL_SYRCO"),
        (PumpAlarm.SYRINGE_EMPTY, K.UNKNOWN, "AL_EOIST"),
        (PumpAlarm.END_OF_VOLUME, K.UNKNOWN, "AL_VTBIS"),
        (PumpAlarm.STANDBY_END, K.UNKNOWN, "AL_CALLB"),
        (PumpAlarm.VTBI_NEAR_END, K.UNKNOWN, "AL_NEOIN"),
    ],
)
def test_an_alarm_is_told_and_its_end_too(alarm: PumpAlarm, kind: DeviceAlarmKind, code: str) -> None:
    talk, model, pump = wire()
    talk.run(5.0)
    model.raise_alarm(talk.now_s, alarm)
    talk.run(2.0)
    assert [(one.kind, one.code) for one in alarm_sets(talk)[-1]] == [(kind, code)]
    model.clear_alarm(talk.now_s, alarm)
    talk.run(2.0)
    assert [len(alarms) for alarms in alarm_sets(talk)] == [0, 1, 0]
    assert_only_asked(talk, pump)


def test_an_occlusion_stops_the_pump_alarms_and_ends() -> None:
    talk, model, _ = wire("60.00")
    talk.run(5.0)
    model.occlude(talk.now_s)
    talk.run(60.0)
    assert (state(talk.last()), kinds(talk)) == (InfusionState.STOPPED, [K.OCCLUSION_DOWNSTREAM])
    model.release(talk.now_s)
    model.start(talk.now_s)
    talk.run(2.0)
    assert (state(talk.last()), kinds(talk)) == (InfusionState.INFUSING, [])


def test_a_code_that_nobody_knows_is_an_unknown_alarm_with_its_code() -> None:
    talk, _, pump = wire()
    pump.show_alarm("AL_XYZZY")
    talk.run(3.0)
    assert alarm_sets(talk) == [(DeviceAlarm(K.UNKNOWN, "AL_XYZZY", "alarm AL_XYZZY"),)]
    pump.show_alarm("AL_NOALM")
    talk.run(2.0)
    assert alarm_sets(talk)[-1] == ()


def test_a_flag_without_an_alarm_that_names_it_is_an_alarm() -> None:
    talk, _, pump = wire()
    talk.run(3.0)
    pump.override("INF", 2, "A")
    talk.run(2.0)
    assert kinds(talk) == [K.UNKNOWN]


@pytest.mark.parametrize(
    ("place", "text", "quantity", "validity"),
    [
        (4, "", Quantity.INFUSION_RATE, Validity.NOT_AVAILABLE),
        (4, "-", Quantity.INFUSION_RATE, Validity.NOT_AVAILABLE),
        (4, "12,50", Quantity.INFUSION_RATE, Validity.INVALID),
        (4, "1250.00", Quantity.INFUSION_RATE, Validity.INVALID),
        (4, "-1.00", Quantity.INFUSION_RATE, Validity.INVALID),
        (4, "nan", Quantity.INFUSION_RATE, Validity.INVALID),
        (5, "ml/min", Quantity.INFUSION_RATE, Validity.INVALID),
        (8, "ul", Quantity.VOLUME_INFUSED, Validity.INVALID),
        (7, "", Quantity.VOLUME_INFUSED, Validity.NOT_AVAILABLE),
        (11, "02:60:00", Quantity.TIME_REMAINING, Validity.INVALID),
    ],
)
def test_what_is_no_number_is_never_shown_as_one(place: int, text: str, quantity: Quantity, validity: Validity) -> None:
    talk, _, pump = wire()
    pump.override("INF", place, text)
    talk.run(3.0)
    shown = reading(talk.last(), quantity)
    assert (shown.value, shown.validity) == (None, validity)
    if quantity is Quantity.INFUSION_RATE:
        assert state(talk.last()) is InfusionState.UNKNOWN


@pytest.mark.parametrize("mode", ["BOL", "KVO", "PUR", "", "set"])
def test_a_mode_that_is_not_known_is_no_stop(mode: str) -> None:
    talk, _, pump = wire()
    pump.override("INF", 3, mode)
    talk.run(3.0)
    assert state(talk.last()) is InfusionState.UNKNOWN
    assert value(talk.last(), Quantity.INFUSION_RATE) == Decimal("12.50")


def test_a_pump_that_is_off_gives_no_value_and_is_read_again_within_five_seconds_of_its_return() -> None:
    talk, model, pump = wire()
    talk.run(10.0)
    off_at_s = talk.now_s
    model.power_off(off_at_s)
    talk.run(120.0)
    assert talk.last().received_at_s <= off_at_s + talk.delay_s
    model.power_on(talk.now_s)
    back_at_s = talk.now_s
    talk.run(30.0)
    first = next(one for one in talk.observations() if one.received_at_s > back_at_s)
    assert first.received_at_s <= back_at_s + 5.0
    assert (state(first), value(first, Quantity.INFUSION_RATE)) == (InfusionState.STOPPED, Decimal("0.00"))
    assert_only_asked(talk, pump)


def test_another_pump_on_the_line_is_told_by_its_serial_number_with_its_alarms() -> None:
    talk, _, first = wire("12.50")
    talk.run(10.0)
    _, second = running_pump(talk.now_s, serial_number="8002-51733", rate_ml_per_h=Decimal("3.50"))
    talk.switch_on(second)
    talk.run(10.0)
    assert [one.serial_number for one in talk.events(DeviceIdentified) if isinstance(one, DeviceIdentified)] == [
        SERIAL_NUMBER,
        "8002-51733",
    ]
    assert value(talk.last(), Quantity.INFUSION_RATE) == Decimal("3.50")
    assert alarm_sets(talk) == [(), ()]
    assert (first.forbidden, second.forbidden) == ([], [])


@pytest.mark.parametrize("answer_delay_s", [0.5, 1.5, 3.9])
def test_a_late_reply_never_answers_another_question(answer_delay_s: float) -> None:
    talk, model, pump = wire()
    talk.run(5.0)
    pump.answer_delay_s = answer_delay_s
    talk.run(60.0)
    late = talk.last()
    assert late.received_at_s > talk.now_s - 2 * answer_delay_s - 2.0
    model.raise_alarm(talk.now_s, PumpAlarm.AIR)
    talk.run(4 * answer_delay_s + 4.0)
    assert (state(talk.last()), kinds(talk)) == (InfusionState.STOPPED, [K.MALFUNCTION])
    pump.answer_delay_s = 0.0
    talk.run(10.0)
    assert talk.last().received_at_s > talk.now_s - 2.0
    assert {value(one, Quantity.INFUSION_RATE) for one in talk.observations()} == {Decimal("12.50"), Decimal("0.00")}
    assert_only_asked(talk, pump)


@pytest.mark.parametrize("after_bytes", [1, 20, 60])
def test_an_answer_that_the_pump_breaks_off_costs_a_round(after_bytes: int) -> None:
    talk, _, pump = wire()
    talk.run(5.0)
    pump.abort_next_answer(after_bytes)
    talk.run(5.0)
    assert talk.rejections() != []
    assert talk.last().received_at_s > talk.now_s - 2.0
    assert {value(one, Quantity.INFUSION_RATE) for one in talk.observations()} == {Decimal("12.50")}


@pytest.mark.parametrize("seed", range(12))
def test_on_a_bad_line_nothing_false_is_said_and_it_is_read_again_within_five_seconds(seed: int) -> None:
    talk, model, pump = wire("12.50")
    talk.run(5.0)
    model.raise_alarm(talk.now_s, PumpAlarm.BATTERY_NEAR_EMPTY)
    talk.run(3.0)
    talk.spoil = faults = Faults(Random(seed))
    talk.cut = cut_anywhere(Random(seed), 0.3)
    talk.run(300.0)
    assert len(faults.done) > 20
    for one in talk.observations():
        assert (value(one, Quantity.INFUSION_RATE), state(one)) == (Decimal("12.50"), InfusionState.INFUSING)
        given_ml = Decimal("12.50") * Decimal(one.received_at_s - START_S) / 3600
        counted = value(one, Quantity.VOLUME_INFUSED)
        assert counted is not None
        assert given_ml - Decimal("0.02") <= counted <= given_ml  # 5 s late at most
    assert [len(alarms) for alarms in alarm_sets(talk)] == [0, 1]
    assert len(talk.events(DeviceIdentified)) == 1
    talk.spoil, talk.cut = bytes, lambda data: [(0.0, data)]
    good_from_s = talk.now_s
    talk.run(5.0)
    assert talk.last().received_at_s > good_from_s
    assert_only_asked(talk, pump)


async def test_over_a_pty_a_running_pump_is_read_and_asked_only(tmp_path: Path) -> None:
    _, pump = running_pump(asyncio.get_running_loop().time(), rate_ml_per_h=Decimal("12.50"))
    with line(tmp_path / "pump", pump):
        async with task(tmp_path / "pump", DRIVER) as (got, _):
            await got.until(lambda items: has_sample(items) and any(isinstance(i, AlarmSetChanged) for i in items))
    (seen, *_) = (item for item in got.items if isinstance(item, Observation))
    assert (value(seen, Quantity.INFUSION_RATE), state(seen)) == (Decimal("12.50"), InfusionState.INFUSING)
    assert (pump.forbidden, pump.forbidden_count) == ([], 0)
