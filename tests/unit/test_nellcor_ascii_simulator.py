"""The simulated Nellcor against what a real N-560 printed, as published."""

from datetime import UTC, datetime

import pytest

from simulators.nellcor_ascii import LINES_A_PAGE, N_560, NPB_295, NellcorModel, NellcorOximeter
from simulators.oximeter import Limits, Sensor
from simulators.patient import Vitals

HEADING = [
    b"N-560    VERSION 1.61.00    CRC:XXXX  SpO2 Limit: 95-100%    PR Limit: 59-148BPM",
    b"                             ADULT           25SAT-S",
    b"TIME                 %SpO2   BPM     PA     Status",
]
AS_PRINTED = Limits(spo2_low_percent=95, pulse_low_per_min=59, pulse_high_per_min=148)


class World:
    """One monitor whose first line comes at 11:24:50, and the patient that may be changed."""

    def __init__(self, model: NellcorModel = N_560, limits: Limits = AS_PRINTED) -> None:
        self.vitals = Vitals(spo2_percent=100, heart_rate_per_min=105)
        first_line_at = datetime(2004, 1, 7, 11, 24, 48, tzinfo=UTC)
        self.monitor = NellcorOximeter(lambda _: self.vitals, model=model, limits=limits, clock=first_line_at)
        assert self.monitor.start(0.0) == b""
        self.now_s = 0.0

    def lines(self) -> list[bytes]:
        """Return what comes next."""
        deadline_s = self.monitor.deadline_s
        assert deadline_s is not None
        self.now_s = deadline_s
        report = self.monitor.tick(deadline_s)
        assert report.endswith(b"\r\n")
        return report[:-2].split(b"\r\n")

    def line(self) -> bytes:
        """Return the next line of data, from SpO2 on."""
        return self.lines()[-1][21:]


def test_the_report_is_the_real_n_560s_byte_for_byte() -> None:
    world = World()
    world.monitor.alarms.on = False
    printed = [world.lines()]
    for spo2, pulse, amplitude, codes in ((100, 104, 23, ()), (100, 102, 36, ("MO",)), (100, 101, 104, ("MO",))):
        world.vitals = Vitals(spo2_percent=spo2, heart_rate_per_min=pulse)
        world.monitor.pulse_amplitude = amplitude
        world.monitor.show_codes(*codes)
        printed.append(world.lines())
    assert printed == [
        [*HEADING, b"07-Jan-04 11:24:50   100     105      88                   AO"],
        [b"07-Jan-04 11:24:52   100     104      23                   AO"],
        [b"07-Jan-04 11:24:54   100     102      36    MO             AO"],
        [b"07-Jan-04 11:24:56   100     101     104    MO             AO"],
    ]


def test_an_npb_295_has_two_lines_of_heading_and_months_in_capitals() -> None:
    limits = Limits(spo2_low_percent=70, pulse_low_per_min=60, pulse_high_per_min=160)
    assert World(NPB_295, limits).lines() == [
        b"NPB-295    VERSION 2.0.0.0    CRC: XXXX  SpO2 Limit: 70-100%    PR Limit: 60-160BPM",
        b"TIME                 %SPO2   BPM     PA     Status",
        b"07-JAN-04 11:24:50   100     105      88",
    ]


def test_the_heading_comes_with_each_page_each_power_on_and_each_change_of_a_limit() -> None:
    world = World()
    lengths = [len(world.lines()) for _ in range(2 * LINES_A_PAGE)]
    assert lengths == ([4] + [1] * (LINES_A_PAGE - 1)) * 2
    assert LINES_A_PAGE == 25
    world.lines()
    assert len(world.lines()) == 1
    world.monitor.alarms.limits = Limits(spo2_low_percent=90)
    lines = world.lines()
    assert lines[0] == b"N-560    VERSION 1.61.00    CRC:XXXX  SpO2 Limit: 90-100%    PR Limit: 40-170BPM"
    assert len(lines) == 4
    assert [len(world.lines()) for _ in range(LINES_A_PAGE)] == [1] * (LINES_A_PAGE - 1) + [4]
    world.monitor.start(world.now_s)
    assert len(world.lines()) == 4


@pytest.mark.parametrize(
    ("spo2", "pulse", "line"),
    [
        (95, 59, b" 95      59      88"),
        (100, 148, b"100     148      88"),
        (94, 80, b" 94*     80      88    SL"),
        (97, 58, b" 97      58*     88    PL"),
        (97, 149, b" 97     149*     88    PH"),
        (9, 200, b"  9*    200*     88    SL   PH"),
    ],
)
def test_a_value_beyond_its_limit_has_a_star_and_a_code(spo2: int, pulse: int, line: bytes) -> None:
    world = World()
    world.vitals = Vitals(spo2_percent=spo2, heart_rate_per_min=pulse)
    assert world.line() == line


def test_a_saturation_above_its_limit() -> None:
    world = World(limits=Limits(spo2_high_percent=95))
    world.vitals = Vitals(spo2_percent=96, heart_rate_per_min=80)
    assert world.line() == b" 96*     80      88    SH"


@pytest.mark.parametrize(
    ("sensor", "code"), [(Sensor.OFF, b"SO"), (Sensor.DISCONNECTED, b"SD"), (Sensor.SEARCHING, b"PS")]
)
def test_a_sensor_without_values_shows_dashes_and_comes_back(sensor: Sensor, code: bytes) -> None:
    world = World()
    world.monitor.sensor = sensor
    assert world.line() == b"---     ---     ---    " + code
    world.monitor.sensor = Sensor.ON
    assert world.line() == b"100     105      88"


def test_a_lost_pulse_has_no_values_either() -> None:
    world = World()
    world.vitals = Vitals()
    world.monitor.pulse_amplitude = None
    world.monitor.show_codes("LP")
    assert world.line() == b"---     ---     ---    LP"


def test_silence_is_as_off_is_ao_and_power_ends_both() -> None:
    world = World()
    world.monitor.alarms.silence(0.0, for_s=3.0)
    assert [world.line(), world.line()] == [
        b"100     105      88                   AS",
        b"100     105      88",
    ]
    world.monitor.alarms.silence(world.now_s)
    world.monitor.alarms.on = False
    assert world.line() == b"100     105      88                   AO"
    world.monitor.start(world.now_s)
    assert world.line() == b"100     105      88"


def test_off_alarms_still_star_what_is_beyond_a_limit() -> None:
    world = World()
    world.vitals = Vitals(spo2_percent=80, heart_rate_per_min=80)
    world.monitor.alarms.on = False
    assert world.line() == b" 80*     80      88    SL             AO"


def test_there_are_places_for_four_codes() -> None:
    world = World()
    world.vitals = Vitals(spo2_percent=80, heart_rate_per_min=30)
    world.monitor.show_codes("MO", "LB", "ZZ")
    assert world.line() == b" 80*     30*     88    MO   LB   ZZ   SL"
    world.monitor.alarms.on = False
    assert world.line() == b" 80*     30*     88    MO   LB   ZZ   AO"
    world.monitor.show_codes()
    assert world.line() == b" 80*     30*     88    SL   PL        AO"


@pytest.mark.parametrize("code", ["", "A", "ABC", "lb", "L1", "É!"])
def test_a_code_of_another_shape_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="status code"):
        World().monitor.show_codes("MO", code)


@pytest.mark.parametrize(
    ("month", "name"),
    list(enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1)),
)
def test_months_are_english(month: int, name: str) -> None:
    world = World()
    world.monitor.set_clock(0.0, datetime(2026, month, 3, 1, 2, 3, tzinfo=UTC))
    assert world.lines()[-1].startswith(f"03-{name}-26 01:02:05 ".encode())
