"""The Space driver against the Space simulator: written by different hands, they must tell the same therapy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.bbraun_space import BccSession
from drivers.model import (
    AlarmSetChanged,
    BolusGiven,
    ChannelRemoved,
    DeviceAlarmKind,
    DeviceIdentified,
    InfusionState,
    Quantity,
    SessionOptions,
    Validity,
)
from simulators.bbraun_space import SpaceOptions, SpaceRack
from simulators.pump import PumpModel
from simulators.pump_terms import PumpAlarm, PumpSpec, Therapy
from tests.conformance.virtual import Wire, reading, value

KETAMINE = Therapy(drug="KETAMINE", concentration=Decimal(10), weight_kg=Decimal(70), dose_mode=True)
START_S = 100.0


def pump(rate_ml_per_h: str = "7.00", *, serial_number: str = "012345", syringe_ml: str = "50") -> PumpModel:
    spec = PumpSpec(serial_number=serial_number, syringe_ml=Decimal(syringe_ml))
    made = PumpModel(spec, therapy=KETAMINE, now_s=START_S)
    made.set_rate(START_S, Decimal(rate_ml_per_h))
    made.start(START_S)
    return made


def wire(pumps: dict[tuple[int, int], PumpModel], **options: object) -> tuple[Wire, SpaceRack]:
    rack = SpaceRack(SpaceOptions(**options), pumps)  # type: ignore[arg-type] # the options are the test's parameters
    return Wire(BccSession(SessionOptions("pumps")), rack), rack


def kinds(talk: Wire, channel: str = "11") -> set[DeviceAlarmKind]:
    """The alarms that the channel showed last."""
    sets = [one for one in talk.events(AlarmSetChanged) if isinstance(one, AlarmSetChanged) and one.channel == channel]
    return {alarm.kind for alarm in sets[-1].alarms}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stuffing": False},
        {"bit_fields": True},
        {"six_character_addresses": True},
        {"bit_fields": True, "six_character_addresses": True, "stuffing": False},
    ],
    ids=str,
)
def test_rate_volume_therapy_and_identity_arrive_as_the_pump_has_them(options: dict[str, object]) -> None:
    talk, rack = wire({(1, 1): pump("7.00")}, **options)
    talk.run(60.0)
    seen = talk.last("11")
    assert seen.infusion is not None
    assert (seen.infusion.state, seen.infusion.drug) == (InfusionState.INFUSING, "KETAMINE")
    assert value(seen, Quantity.INFUSION_RATE) == Decimal("7.00")
    assert value(seen, Quantity.WEIGHT) == 70
    assert (value(seen, Quantity.CONCENTRATION), reading(seen, Quantity.CONCENTRATION).unit) == (Decimal(10), "mg/mL")
    assert (value(seen, Quantity.DOSE_RATE_SET), reading(seen, Quantity.DOSE_RATE_SET).unit) == (Decimal(1), "mg/kg/h")
    volume = value(seen, Quantity.VOLUME_INFUSED)
    truth = float(rack.pump((1, 1)).delivered_ml(talk.now_s))
    assert volume is not None
    assert truth - 0.02 <= float(volume) <= truth
    (identified,) = [
        one for one in talk.events(DeviceIdentified) if isinstance(one, DeviceIdentified) and one.serial_number
    ]
    assert identified.serial_number == "012345"
    assert kinds(talk) == set()
    # A rack without stuffing cannot read the first ALIVE, which is stuffed; nothing else may be foreign to it.
    asked_in_vain = 0 if options.get("stuffing", True) else 1
    assert [record.message.reason for record in rack.violations] == ["length"] * asked_in_vain
    assert len(talk.rejections()) == asked_in_vain


def test_a_value_that_is_held_back_until_its_group_fits_is_missing_and_comes_back() -> None:
    one = pump("7.00")
    talk, _ = wire({(1, 1): one}, data_grouping=True)
    talk.run(10.0)
    one.set_therapy(talk.now_s, replace(KETAMINE, concentration=Decimal(5)))
    talk.run(10.0)
    seen = [value(observation, Quantity.CONCENTRATION) for observation in talk.observations("11")]
    assert {*seen} == {Decimal(10), None, Decimal(5)}
    assert seen[-1] == Decimal(5)


def test_three_pumps_on_one_line_are_never_mixed_up() -> None:
    rates = {"11": "7.00", "1A": "3.50", "23": "120.00"}
    slots = {"11": (1, 1), "1A": (1, 10), "23": (2, 3)}
    talk, rack = wire({slots[name]: pump(rate, serial_number=name) for name, rate in rates.items()}, pillars=2)
    talk.run(30.0)
    for name, rate in rates.items():
        seen = talk.observations(name)
        assert len(seen) >= 5
        assert {value(one, Quantity.INFUSION_RATE) for one in seen} == {Decimal(rate)}
    serials = {
        one.channel: one.serial_number for one in talk.events(DeviceIdentified) if isinstance(one, DeviceIdentified)
    }
    assert serials == {name: name for name in rates}
    assert rack.violations == []


Act = Callable[[PumpModel, float], object]


@pytest.mark.parametrize(
    ("act", "state", "alarms"),
    [
        (lambda one, now: one.stop(now), InfusionState.STOPPED, set()),
        (lambda one, now: one.power_off(now), InfusionState.OFF, None),
        (lambda one, now: one.raise_alarm(now, PumpAlarm.AIR), None, {DeviceAlarmKind.AIR_IN_LINE}),
    ],
    ids=["stop", "off", "air"],
)
def test_what_is_done_to_the_pump_is_seen(
    act: Act, state: InfusionState | None, alarms: set[DeviceAlarmKind] | None
) -> None:
    one = pump()
    talk, _ = wire({(1, 1): one})
    talk.run(5.0)
    act(one, talk.now_s)
    talk.run(5.0)
    seen = talk.last("11").infusion
    assert seen is not None
    if state is not None:
        assert seen.state is state
    if alarms is not None:
        assert kinds(talk) == alarms


def test_the_end_of_the_volume_goes_to_kvo_with_its_alarm() -> None:
    one = pump("60.00")
    one.set_vtbi(START_S, Decimal("0.50"))
    talk, _ = wire({(1, 1): one})
    talk.run(60.0)
    seen = talk.last("11").infusion
    assert seen is not None
    assert seen.state is InfusionState.KVO
    assert DeviceAlarmKind.INFUSION_COMPLETE in kinds(talk)


def test_an_occlusion_stops_the_pump_and_alarms() -> None:
    one = pump("60.00")
    talk, _ = wire({(1, 1): one})
    talk.run(5.0)
    one.occlude(talk.now_s)
    talk.run(60.0)
    assert DeviceAlarmKind.OCCLUSION_DOWNSTREAM in kinds(talk)
    one.release(talk.now_s)
    one.acknowledge(talk.now_s)
    one.start(talk.now_s)
    talk.run(10.0)
    assert DeviceAlarmKind.OCCLUSION_DOWNSTREAM not in kinds(talk)


def test_a_bolus_is_seen_and_counted_once() -> None:
    one = pump()
    talk, _ = wire({(1, 1): one})
    talk.run(5.0)
    one.bolus(talk.now_s, Decimal("0.50"))
    talk.run(3.0)
    states = {seen.infusion.state for seen in talk.observations("11") if seen.infusion is not None}
    assert InfusionState.BOLUS in states
    talk.run(20.0)
    boli = [given for given in talk.events(BolusGiven) if isinstance(given, BolusGiven)]
    assert sum(given.count for given in boli) == 1
    assert boli[0].volume_ml == Decimal("0.50")


def test_a_syringe_change_shows_the_new_volume() -> None:
    one = pump("60.00", syringe_ml="50")
    talk, _ = wire({(1, 1): one})
    talk.run(60.0)
    before = value(talk.last("11"), Quantity.VOLUME_REMAINING)
    one.stop(talk.now_s)
    one.change_syringe(talk.now_s, Decimal(50))
    one.start(talk.now_s)
    talk.run(3.0)
    after = value(talk.last("11"), Quantity.VOLUME_REMAINING)
    assert before is not None
    assert after is not None
    assert before < 49.5 < after


def test_a_pump_taken_out_is_told_and_another_in_its_place_is_told_by_its_serial_number() -> None:
    talk, rack = wire({(1, 1): pump("7.00", serial_number="111111"), (1, 2): pump("3.00", serial_number="222222")})
    talk.run(5.0)
    rack.remove((1, 1))
    talk.run(5.0)
    assert [one.channel for one in talk.events(ChannelRemoved) if isinstance(one, ChannelRemoved)] == ["11"]
    rack.insert((1, 1), pump("9.00", serial_number="333333"))
    talk.run(5.0)
    serials = [
        one.serial_number
        for one in talk.events(DeviceIdentified)
        if isinstance(one, DeviceIdentified) and one.channel == "11" and one.serial_number
    ]
    assert serials == ["111111", "333333"]
    assert value(talk.last("11"), Quantity.INFUSION_RATE) == Decimal("9.00")


@pytest.mark.parametrize("text", ["_NV", "_NA", "99999.00", "-1.00", "12,5", "nan", ""])
def test_a_rate_that_is_no_number_is_never_shown_as_one(text: str) -> None:
    talk, rack = wire({(1, 1): pump()})
    talk.run(3.0)
    rack.override((1, 1), "INRT", text)
    talk.run(3.0)
    rate = reading(talk.last("11"), Quantity.INFUSION_RATE)
    assert rate.value is None
    assert rate.validity in (Validity.NOT_AVAILABLE, Validity.INVALID, Validity.OVER, Validity.UNDER)


@pytest.mark.parametrize("answer_delay_s", [0.5, 1.5, 3.0])
def test_a_late_reply_never_answers_another_question(answer_delay_s: float) -> None:
    slots = {(1, 1): pump("7.00", serial_number="111111"), (1, 2): pump("3.00", serial_number="222222")}
    talk, rack = wire(slots)
    talk.run(5.0)
    rack.answer_delay_s = answer_delay_s
    talk.run(20.0)
    rack.answer_delay_s = 0.0
    talk.run(10.0)
    for channel, rate in (("11", "7.00"), ("12", "3.00")):
        assert {value(one, Quantity.INFUSION_RATE) for one in talk.observations(channel)} == {Decimal(rate)}
        assert talk.last(channel).received_at_s > talk.now_s - 4.0
    assert rack.violations == []


@pytest.mark.parametrize("position", [3, 40, 120, -3])
def test_a_flipped_byte_costs_an_answer_and_gives_no_false_value(position: int) -> None:
    talk, rack = wire({(1, 1): pump("7.00")})
    talk.run(4.0)
    spoiled = 0

    def flip(data: bytes) -> bytes:
        nonlocal spoiled
        spoiled += 1
        if spoiled % 5 or len(data) <= abs(position):
            return data
        changed = bytearray(data)
        changed[position] ^= 0x04
        return bytes(changed)

    talk.spoil = flip
    talk.run(60.0)
    talk.spoil = lambda data: data
    talk.run(10.0)
    assert {value(one, Quantity.INFUSION_RATE) for one in talk.observations("11")} == {Decimal("7.00")}
    assert talk.rejections() != []
    assert talk.last("11").received_at_s > talk.now_s - 3.0
    assert rack.violations == []
