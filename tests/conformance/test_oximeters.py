"""The oximeters' drivers against their simulators: written by different hands, they must tell the same patient."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random
from types import MappingProxyType

import pytest

from drivers.masimo_ascii import DRIVER as MASIMO
from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    Driver,
    Observation,
    Quantity,
    SessionOptions,
    Validity,
)
from drivers.nellcor_ascii import DRIVER as NELLCOR
from drivers.nonin import DRIVER as NONIN
from drivers.nonin_df2 import DRIVER as NONIN_DF2
from simulators.masimo_ascii import NO_SERIAL_NUMBER, Exceptions, MasimoOximeter, Output
from simulators.nellcor_ascii import N_560, NPB_295, NellcorModel, NellcorOximeter
from simulators.nonin import AsciiOptions, NoninAscii, NoninFormat2, Status
from simulators.oximeter import Limits, Oximeter, Sensor
from simulators.patient import Vitals
from tests.conformance.test_device_task import has_sample, line, task
from tests.conformance.virtual import Damage, Faults, Wire, cut_anywhere, reading, value

K = DeviceAlarmKind
Q = Quantity
STEADY = Vitals(heart_rate_per_min=105, spo2_percent=97)
CALM = Limits(spo2_low_percent=50, spo2_high_percent=101, pulse_low_per_min=15, pulse_high_per_min=310)
"""Limits that no patient of these tests is beyond."""

Vital = Callable[[float], Vitals]


@dataclass(frozen=True)
class Kind:
    """A driver and a device for it, its period, and how late a torn message may be and still be read."""

    driver: Driver
    make: Callable[[Vital], Oximeter]
    period_s: float
    pause_s: float = 0.15


def masimo(output: Output) -> Kind:
    return Kind(MASIMO, lambda vitals: MasimoOximeter(vitals, output=output, limits=CALM), 1.0)


def nellcor(model: NellcorModel) -> Kind:
    return Kind(NELLCOR, lambda vitals: NellcorOximeter(vitals, model=model, limits=CALM), 2.0)


def nonin(options: AsciiOptions) -> Kind:
    return Kind(NONIN, lambda vitals: NoninAscii(vitals, options=options), 1.0)


KINDS = MappingProxyType(
    {
        "rad-8": masimo(Output.RAD_8),
        "radical-7-blue": masimo(Output.RADICAL_7_BLUE),
        "radical-7-colour": masimo(Output.RADICAL_7_COLOUR),
        "n-560": nellcor(N_560),
        "npb-295": nellcor(NPB_295),
        "nonin": nonin(AsciiOptions()),
        "nonin-timed-blanks": nonin(AsciiOptions(timed=True, fast=True, padding=" ")),
        # A packet is five pieces, so a pause at each adds up.
        "nonin-df2": Kind(NONIN_DF2, NoninFormat2, 1 / 3, pause_s=0.0),
    }
)
EVERY = pytest.mark.parametrize("name", KINDS)
LINES = pytest.mark.parametrize("name", [name for name in KINDS if name != "nonin-df2"])


def wire(name: str, vitals: Vitals | Vital = STEADY) -> tuple[Wire, Oximeter]:
    oximeter = KINDS[name].make(vitals if callable(vitals) else lambda _: vitals)
    return Wire(KINDS[name].driver.session(SessionOptions("oximeter")), oximeter), oximeter


def pair(oximeter: Oximeter, driver: Driver) -> Wire:
    return Wire(driver.session(SessionOptions("oximeter")), oximeter)


def numbers(observation: Observation) -> tuple[Decimal | None, Decimal | None]:
    return value(observation, Q.SPO2), value(observation, Q.PULSE_RATE)


def validities(observation: Observation) -> set[Validity]:
    return {one.validity for one in observation.readings}


def alarm_sets(talk: Wire) -> list[tuple[DeviceAlarm, ...]]:
    return [one.alarms for one in talk.events(AlarmSetChanged) if isinstance(one, AlarmSetChanged)]


def kinds(talk: Wire) -> list[DeviceAlarmKind]:
    """What the oximeter alarmed of last."""
    return [alarm.kind for alarm in alarm_sets(talk)[-1]]


def assert_listened_to_only(talk: Wire) -> None:
    assert talk.sent == []
    assert isinstance(talk.device, Oximeter)
    assert (talk.device.forbidden, talk.device.forbidden_byte_count) == ([], 0)


# What is shown


@EVERY
@pytest.mark.parametrize(
    ("spo2", "pulse"),
    [(97, 105), (100, 60), (71, 38), (99, 126), (88, 127), (55, 128), (98, 129), (100, 255), (90, 300)],
)
def test_both_numbers_arrive_as_they_are_shown(name: str, spo2: int, pulse: int) -> None:
    talk, _ = wire(name, Vitals(heart_rate_per_min=pulse, spo2_percent=spo2))
    talk.run(20.5)
    period_s = KINDS[name].period_s
    assert len(talk.observations()) in {round(20 / period_s), round(20 / period_s) + 1}
    for observation in talk.observations("0"):
        saturation, rate = observation.readings
        assert (saturation.quantity, saturation.value, saturation.unit) == (Q.SPO2, Decimal(spo2), "%")
        assert (rate.quantity, rate.value, rate.unit) == (Q.PULSE_RATE, Decimal(pulse), "/min")
        for one in observation.readings:
            assert (one.validity, one.origin, one.resolution) == (Validity.VALID, "SPO2", Decimal(1))
    times = [one.received_at_s for one in talk.observations()]
    assert max(after - before for before, after in pairwise(times)) <= period_s + 0.07  # the steps of format 2
    assert talk.session.round_s == pytest.approx(period_s)
    # The heading of a Nonin is known to nobody.
    assert talk.rejections() == (["unknown_line"] if name.startswith("nonin") and name != "nonin-df2" else [])
    assert_listened_to_only(talk)


@pytest.mark.parametrize(
    ("name", "serial_number", "model", "software"),
    [
        ("rad-8", "0000145838", "Masimo", ""),
        ("n-560", "", "Nellcor N-560", "1.61.00"),
        ("npb-295", "", "Nellcor NPB-295", "2.0.0.0"),
        ("nonin", "", "Nonin", ""),
        ("nonin-df2", "", "Nonin OEM III", "48"),
    ],
)
def test_who_speaks_is_told_once(name: str, serial_number: str, model: str, software: str) -> None:
    talk, _ = wire(name)
    talk.run(120.0)
    (told,) = (one for one in talk.events(DeviceIdentified) if isinstance(one, DeviceIdentified))
    assert (told.serial_number, told.model, told.software) == (serial_number, model, software)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.driver is not NONIN])
def test_that_nothing_alarms_is_told_once(name: str) -> None:
    talk, _ = wire(name)
    talk.run(60.0)
    assert alarm_sets(talk) == [()]


@EVERY
def test_a_change_is_seen_with_the_next_message(name: str) -> None:
    now = {"vitals": STEADY}
    talk, _ = wire(name, lambda _: now["vitals"])
    talk.run(10.5)
    now["vitals"] = replace(STEADY, spo2_percent=84, heart_rate_per_min=141)
    changed_s = talk.now_s
    talk.run(2 * KINDS[name].period_s + 0.1)
    assert numbers(talk.last()) == (Decimal(84), Decimal(141))
    assert {numbers(one) for one in talk.observations()} == {(Decimal(97), Decimal(105)), (Decimal(84), Decimal(141))}
    assert talk.last().received_at_s > changed_s


# The sensor


@EVERY
@pytest.mark.parametrize("sensor", [Sensor.OFF, Sensor.DISCONNECTED, Sensor.SEARCHING])
def test_without_a_sensor_on_the_patient_there_is_no_value_and_then_there_is_again(name: str, sensor: Sensor) -> None:
    talk, oximeter = wire(name)
    talk.run(10.5)
    oximeter.sensor = sensor
    off_s = talk.now_s
    talk.run(20.0)
    # A packet of format 2 that had begun is told as it began, or not at all.
    first_s = off_s + (KINDS[name].period_s if name == "nonin-df2" else 0.0) + 0.1
    for one in (one for one in talk.observations() if one.received_at_s > first_s):
        assert numbers(one) == (None, None)
        assert validities(one) <= {Validity.NOT_AVAILABLE, Validity.INVALID}
    if KINDS[name].driver is not NONIN:
        expected = {
            Sensor.OFF: K.SENSOR_OFF,
            Sensor.DISCONNECTED: K.SENSOR_OFF,
            Sensor.SEARCHING: K.ADVISORY,
        }[sensor]
        assert expected in kinds(talk)
    oximeter.sensor = Sensor.ON
    talk.run(5.0)
    assert numbers(talk.last()) == (Decimal(97), Decimal(105))
    assert validities(talk.last()) == {Validity.VALID}
    if KINDS[name].driver is not NONIN:
        assert alarm_sets(talk)[-1] == ()


def test_numbers_that_a_masimo_leaves_standing_without_a_sensor_on_the_patient_are_none() -> None:
    oximeter = MasimoOximeter(lambda _: STEADY)
    oximeter.sensor, oximeter.values_stay = Sensor.OFF, True
    talk = pair(oximeter, MASIMO)
    talk.run(3.5)
    assert {numbers(one) for one in talk.observations()} == {(None, None)}
    assert validities(talk.last()) == {Validity.INVALID}
    assert kinds(talk) == [K.SENSOR_OFF]


def test_a_masimo_that_does_not_know_its_serial_number_is_read_all_the_same() -> None:
    talk = pair(MasimoOximeter(lambda _: STEADY, serial_number=NO_SERIAL_NUMBER), MASIMO)
    talk.run(3.5)
    assert numbers(talk.last()) == (Decimal(97), Decimal(105))
    (told,) = (one for one in talk.events(DeviceIdentified) if isinstance(one, DeviceIdentified))
    assert told.serial_number == ""


def test_a_masimo_that_is_set_to_ascii_2_gives_no_value_and_shows_as_such() -> None:
    talk = pair(MasimoOximeter(lambda _: STEADY, output=Output.ASCII_2), MASIMO)
    talk.run(20.5)
    assert talk.observations() == []
    assert talk.rejections() == ["syntax"] * 10


@pytest.mark.parametrize(
    ("bits", "kind", "validity"),
    [
        (Exceptions.LOW_PERFUSION, K.ADVISORY, Validity.QUESTIONABLE),
        (Exceptions.INTERFERENCE, K.ADVISORY, Validity.QUESTIONABLE),
        (Exceptions.AMBIENT_LIGHT, K.ADVISORY, Validity.QUESTIONABLE),
        (Exceptions.LOW_SIGNAL_IQ, K.ADVISORY, Validity.QUESTIONABLE),
        (0x1000, K.UNKNOWN, Validity.QUESTIONABLE),
        (Exceptions.DEFECTIVE_SENSOR, K.SENSOR_OFF, Validity.INVALID),
        (Exceptions.UNRECOGNISED_SENSOR, K.SENSOR_OFF, Validity.INVALID),
    ],
)
@pytest.mark.parametrize("output", [Output.RAD_8, Output.RADICAL_7_COLOUR])
def test_an_exception_of_a_masimo_is_told_and_says_what_the_numbers_are_worth(
    output: Output, bits: int, kind: DeviceAlarmKind, validity: Validity
) -> None:
    oximeter = MasimoOximeter(lambda _: STEADY, output=output)
    talk = pair(oximeter, MASIMO)
    talk.run(2.5)
    oximeter.exceptions = bits
    talk.run(2.0)
    assert validities(talk.last()) == {validity}
    assert kinds(talk) == [kind]
    oximeter.exceptions = 0
    talk.run(2.0)
    assert (validities(talk.last()), kinds(talk)) == ({Validity.VALID}, [])


@pytest.mark.parametrize(
    ("code", "kind", "validity"),
    [
        ("LB", K.BATTERY_LOW, Validity.VALID),
        ("MO", K.ADVISORY, Validity.QUESTIONABLE),
        ("LP", K.LIFE_THREATENING, Validity.INVALID),
        ("LM", K.LIFE_THREATENING, Validity.INVALID),
        ("QX", K.UNKNOWN, Validity.QUESTIONABLE),
    ],
)
def test_a_code_of_a_nellcor_is_told_and_says_what_the_numbers_are_worth(
    code: str, kind: DeviceAlarmKind, validity: Validity
) -> None:
    oximeter = NellcorOximeter(lambda _: STEADY)
    talk = pair(oximeter, NELLCOR)
    talk.run(4.5)
    oximeter.show_codes(code)
    talk.run(2.0)
    assert validities(talk.last()) == {validity}
    assert [(one.kind, one.code) for one in alarm_sets(talk)[-1]] == [(kind, code)]
    oximeter.show_codes()
    talk.run(2.0)
    assert (validities(talk.last()), kinds(talk)) == ({Validity.VALID}, [])


def test_all_codes_of_a_nellcors_line_are_read() -> None:
    oximeter = NellcorOximeter(lambda _: replace(STEADY, spo2_percent=70))
    oximeter.show_codes("MO", "LB")
    oximeter.alarms.on = False
    talk = pair(oximeter, NELLCOR)
    talk.run(2.5)
    oximeter.alarms.on = False  # power-on switched the alarms on
    talk.run(2.0)
    assert {one.code for one in alarm_sets(talk)[-1]} == {"MO", "LB", "SL", "AO"}


@pytest.mark.parametrize(
    ("status", "perfusion", "kind", "validity"),
    [
        (Status.ARTIFACT, Status.GREEN, None, Validity.QUESTIONABLE),
        (0, Status.YELLOW, None, Validity.QUESTIONABLE),
        (0, Status.RED, None, Validity.QUESTIONABLE),
        (Status.SENSOR_ALARM, Status.GREEN, K.SENSOR_OFF, Validity.INVALID),
        (Status.OUT_OF_TRACK, Status.GREEN, K.ADVISORY, Validity.INVALID),
    ],
)
def test_a_status_of_format_2_says_what_the_numbers_are_worth(
    status: int, perfusion: Status, kind: DeviceAlarmKind | None, validity: Validity
) -> None:
    oximeter = NoninFormat2(lambda _: replace(STEADY, heart_rate_per_min=200))  # a pulse in each packet
    oximeter.status, oximeter.perfusion = status, perfusion
    talk = pair(oximeter, NONIN_DF2)
    talk.run(3.0)
    assert validities(talk.last()) == {validity}
    assert kinds(talk) == ([] if kind is None else [kind])


def test_a_low_battery_of_format_2_is_told_and_reserved_bits_mean_nothing() -> None:
    oximeter = NoninFormat2(lambda _: STEADY)
    oximeter.low_battery, oximeter.reserved, oximeter.smart_point = True, 0x1F, False
    talk = pair(oximeter, NONIN_DF2)
    talk.run(3.0)
    assert kinds(talk) == [K.BATTERY_LOW]
    assert {numbers(one) for one in talk.observations()} == {(Decimal(97), Decimal(105))}


def test_marks_of_a_nonin_are_notes() -> None:
    oximeter = NoninAscii(lambda _: STEADY, options=AsciiOptions(fast=True))
    talk = pair(oximeter, NONIN)
    talk.run(1.5)
    oximeter.mark_event()
    oximeter.mark_breath()
    talk.run(1.0)
    assert [reading(one, Q.SPO2).note for one in talk.observations()] == [
        "fast response",
        "fast response; event marked; breath",
    ]


# Alarm limits


@pytest.mark.parametrize(
    ("vitals", "text"),
    [
        (replace(STEADY, spo2_percent=80), "SpO2 low"),
        (replace(STEADY, heart_rate_per_min=180), "pulse rate high"),
        (replace(STEADY, heart_rate_per_min=30), "pulse rate low"),
    ],
)
@pytest.mark.parametrize(("make", "driver"), [(MasimoOximeter, MASIMO), (NellcorOximeter, NELLCOR)])
def test_a_value_beyond_the_oximeters_own_limit_is_an_alarm_and_still_a_value(
    make: Callable[[Vital], MasimoOximeter | NellcorOximeter], driver: Driver, vitals: Vitals, text: str
) -> None:
    now = {"vitals": STEADY}
    oximeter = make(lambda _: now["vitals"])
    talk = pair(oximeter, driver)
    talk.run(4.5)
    now["vitals"] = vitals
    talk.run(2.5)
    assert [(one.kind, one.text) for one in alarm_sets(talk)[-1]] == [(K.VITAL_SIGN, text)]
    assert numbers(talk.last()) == (vitals.spo2_percent, vitals.heart_rate_per_min)
    assert validities(talk.last()) == {Validity.VALID}
    oximeter.alarms.silence(talk.now_s)
    talk.run(2.5)
    assert sorted(kinds(talk)) == [K.ADVISORY, K.VITAL_SIGN]
    oximeter.alarms.silence(talk.now_s, 0.0)
    now["vitals"] = STEADY
    talk.run(2.5)
    assert alarm_sets(talk)[-1] == ()


def test_an_alarm_of_a_masimo_that_nothing_explains_is_unknown() -> None:
    oximeter = MasimoOximeter(lambda _: STEADY)
    oximeter.alarm_bits = 0x50
    talk = pair(oximeter, MASIMO)
    talk.run(2.5)
    assert [(one.kind, one.code) for one in alarm_sets(talk)[-1]] == [
        (K.UNKNOWN, "ALARM.10"),
        (K.UNKNOWN, "ALARM.40"),
    ]


# The device off, on, another


@EVERY
def test_an_oximeter_that_is_off_says_nothing_and_is_read_with_its_first_message_when_it_is_back(name: str) -> None:
    talk, oximeter = wire(name)
    talk.run(10.2)
    oximeter.power_off()
    off_s = talk.now_s
    talk.run(30.0)
    assert talk.last().received_at_s <= off_s + talk.delay_s
    talk.switch_on()
    back_s = talk.now_s
    talk.run(KINDS[name].period_s + 0.1)
    assert talk.last().received_at_s > back_s
    assert {numbers(one) for one in talk.observations()} == {(Decimal(97), Decimal(105))}
    assert_listened_to_only(talk)


def test_another_masimo_counts_from_its_second_line_on() -> None:
    talk = pair(MasimoOximeter(lambda _: STEADY, serial_number="0000000001"), MASIMO)
    talk.run(5.5)
    talk.switch_on(MasimoOximeter(lambda _: replace(STEADY, spo2_percent=80), serial_number="0000000002"))
    talk.run(1.2)
    assert numbers(talk.last()) == (Decimal(97), Decimal(105))
    talk.run(1.0)
    assert numbers(talk.last()) == (Decimal(80), Decimal(105))
    told = [one.serial_number for one in talk.events(DeviceIdentified) if isinstance(one, DeviceIdentified)]
    assert told == ["0000000001", "0000000002"]


# A bad line

UNGUARDED = tuple(one for one in Damage if one is not Damage.FLIPPED)
"""What happens to bytes that no checksum guards. A flipped bit may make one digit of another; see below."""


@EVERY
@pytest.mark.parametrize("seed", range(6))
def test_on_a_bad_line_nothing_false_is_said_and_it_is_read_again_with_the_second_message(name: str, seed: int) -> None:
    talk, _ = wire(name)
    period_s, checked = KINDS[name].period_s, name == "nonin-df2"
    talk.run(3 * period_s)
    talk.spoil = faults = Faults(Random(seed), tuple(Damage) if checked else UNGUARDED, share=0.1 if checked else 0.3)
    talk.cut = cut_anywhere(Random(seed), KINDS[name].pause_s)
    talk.run(200 * period_s)
    assert len(faults.done) > 30
    talk.spoil, talk.cut = bytes, lambda data: [(0.0, data)]
    good_from_s = talk.now_s
    talk.run(2 * period_s + 0.1)
    assert talk.last().received_at_s > good_from_s
    assert len(talk.observations()) > 50
    for observation in talk.observations():
        for one, true in zip(observation.readings, (97, 105), strict=True):
            assert one.value in (None, true)
    assert len(talk.events(DeviceIdentified)) <= 2  # a heading of a Nellcor may have been lost at first
    assert_listened_to_only(talk)


def messages(name: str, vitals: Vitals) -> tuple[bytes, bytes]:
    """What the device says up to its first values, and in its third message."""
    oximeter = KINDS[name].make(lambda _: vitals)
    said = [oximeter.start(0.0)]
    while len(said) < 4:
        assert oximeter.deadline_s is not None
        said.append(oximeter.tick(oximeter.deadline_s))
    return b"".join(said[:3]), said[3]


def readings_after(name: str, before: bytes, damaged: bytes) -> Iterator[Decimal | None]:
    session = KINDS[name].driver.session(SessionOptions("oximeter"))
    session.feed(before, 10.0)
    for output in session.feed(damaged, 12.0):
        if isinstance(output, Observation):
            yield from (one.value for one in output.readings)


PATIENTS = pytest.mark.parametrize(("spo2", "pulse"), [(97, 105), (100, 111), (100, 60), (88, 210)])


@LINES
@PATIENTS
def test_no_lost_byte_of_a_line_makes_another_number(name: str, spo2: int, pulse: int) -> None:
    before, said = messages(name, Vitals(spo2_percent=spo2, heart_rate_per_min=pulse))
    for at in range(len(said)):
        assert {*readings_after(name, before, said[:at] + said[at + 1 :])} <= {spo2, pulse, None}, at
    for at in range(len(said) - 1):
        assert {*readings_after(name, before, said[:at] + said)} <= {spo2, pulse, None}, at


@LINES
@PATIENTS
def test_no_added_character_of_a_line_makes_another_number(name: str, spo2: int, pulse: int) -> None:
    before, said = messages(name, Vitals(spo2_percent=spo2, heart_rate_per_min=pulse))
    for at in range(len(said)):
        for added in (b"0", b"1", b"9", b" ", b"-", b"*", b"\x00", b"\xff"):
            assert {*readings_after(name, before, said[:at] + added + said[at:])} <= {spo2, pulse, None}, (at, added)


@LINES
def test_the_halves_of_two_lines_make_no_line(name: str) -> None:
    """The end of one and the beginning of the next were lost: the numbers would be of two moments."""
    before, said = messages(name, STEADY)
    _, later = messages(name, Vitals(spo2_percent=84, heart_rate_per_min=141))
    for at in range(1, len(said)):
        session = KINDS[name].driver.session(SessionOptions("oximeter"))
        session.feed(before, 10.0)
        session.feed(said[:at], 12.0)
        outputs = session.feed(later[at:], 12.0 + KINDS[name].period_s)
        told = [numbers(output) for output in outputs if isinstance(output, Observation)]
        assert told in ([], [(Decimal(84), Decimal(141))]), at


@LINES
def test_a_flipped_bit_of_a_line_makes_another_number_only_in_the_digits_themselves(name: str) -> None:
    """A line without a checksum cannot guard its digits; everything else about it can (H-12)."""
    before, said = messages(name, STEADY)
    false_at = {
        at
        for at in range(len(said))
        for bit in range(8)
        if not {*readings_after(name, before, said[:at] + bytes([said[at] ^ 1 << bit]) + said[at + 1 :])}
        <= {97, 105, None}
    }
    assert {chr(said[at]) for at in false_at} <= set("97105 ")
    assert len(false_at) <= 6
    text = said.decode()
    spo2_at, pulse_at = text.rindex("97"), text.rindex("105")
    assert false_at <= {*range(spo2_at - 1, spo2_at + 2), *range(pulse_at, pulse_at + 3)}


def test_spoiled_frames_of_format_2_cost_a_packet() -> None:
    oximeter = NoninFormat2(lambda _: STEADY)
    talk = pair(oximeter, NONIN_DF2)
    talk.run(2.0)
    oximeter.spoil_frames(3)
    talk.run(2.0)
    assert len(talk.observations()) in {10, 11}
    assert {numbers(one) for one in talk.observations()} == {(Decimal(97), Decimal(105))}
    assert "checksum" in talk.rejections()


@EVERY
def test_the_line_is_set_as_the_device_sets_it(name: str) -> None:
    told, sets = KINDS[name].driver.line, wire(name)[1].line
    assert (told.baud, told.data_bits, told.parity) == (sets.baud, sets.data_bits, sets.parity)
    assert (told.stop_bits, KINDS[name].driver.listen_only) == (sets.stop_bits, True)


@pytest.mark.parametrize("name", ["rad-8", "n-560", "nonin", "nonin-df2"])
async def test_over_a_pty_an_oximeter_is_read_and_hears_nothing(name: str, tmp_path: Path) -> None:
    oximeter = KINDS[name].make(lambda _: STEADY)
    with line(tmp_path / "oximeter", oximeter) as server:
        async with task(tmp_path / "oximeter", KINDS[name].driver) as (got, _):
            await got.until(has_sample)
        await asyncio.sleep(0)
        assert server.host_byte_count == 0
    (seen, *_) = (item for item in got.items if isinstance(item, Observation))
    assert numbers(seen) == (Decimal(97), Decimal(105))
    assert (oximeter.forbidden, oximeter.forbidden_byte_count) == ([], 0)
