"""The simulated Nonin outputs against the manuals' lines and another program's vectors, decoded here by hand."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from simulators.nonin import AsciiOptions, NoninAscii, NoninFormat2, Status, frame
from simulators.oximeter import Sensor
from simulators.patient import Vitals

RESERVED_PLACES = (5, 12, 13, 18, 19, 24, 25)


class AsciiWorld:
    """One ASCII oximeter whose first line comes at 04:48:54."""

    def __init__(self, **options: object) -> None:
        self.vitals = Vitals(spo2_percent=97, heart_rate_per_min=72)
        self.oximeter = NoninAscii(
            lambda _: self.vitals,
            options=AsciiOptions(**options),  # type: ignore[arg-type] # a test
            clock=datetime(2018, 2, 24, 4, 48, 53, tzinfo=UTC),
        )
        self.heading = self.oximeter.start(0.0)

    def line(self) -> bytes:
        """Return the next line."""
        deadline_s = self.oximeter.deadline_s
        assert deadline_s is not None
        return self.oximeter.tick(deadline_s)


def test_an_ascii_line_after_the_heading() -> None:
    world = AsciiWorld()
    assert world.heading == b"NONIN REAL-TIME DATA 02/24/18 04:48:53\r\n"
    assert world.line() == b"SPO2=097 HR=072\r\n"
    world.vitals = Vitals(spo2_percent=100, heart_rate_per_min=128)
    assert world.line() == b"SPO2=100 HR=128\r\n"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"timed": True}, b"04:48:54 SPO2=097 HR=072\r\n"),
        ({"fast": True}, b"SPO2=097 HR=072 F\r\n"),
        ({"padding": " "}, b"SPO2= 97 HR= 72\r\n"),
    ],
)
def test_what_the_models_print_differently(options: dict[str, object], line: bytes) -> None:
    assert AsciiWorld(**options).line() == line


@pytest.mark.parametrize("options", [{"padding": "x"}, {"padding": ""}, {"heading": "A\r\nB"}, {"heading": "Ä"}])
def test_options_that_would_break_the_line_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="padding"):
        AsciiWorld(**options)


def test_marks_stand_at_the_end_of_one_line() -> None:
    world = AsciiWorld(timed=True)
    world.oximeter.mark_event()
    assert world.line() == b"04:48:54 SPO2=097 HR=072*\r\n"
    world.oximeter.mark_breath()
    assert world.line() == b"04:48:55 SPO2=097 HR=072B\r\n"
    assert world.line() == b"04:48:56 SPO2=097 HR=072\r\n"


@pytest.mark.parametrize("sensor", [Sensor.OFF, Sensor.DISCONNECTED, Sensor.SEARCHING])
def test_without_the_sensor_there_are_dashes(sensor: Sensor) -> None:
    world = AsciiWorld()
    world.oximeter.sensor = sensor
    assert world.line() == b"SPO2=--- HR=---\r\n"
    world.oximeter.sensor = Sensor.ON
    assert world.line() == b"SPO2=097 HR=072\r\n"


def test_one_value_may_be_missing() -> None:
    world = AsciiWorld()
    world.vitals = Vitals(spo2_percent=97)
    assert world.line() == b"SPO2=097 HR=---\r\n"


class FormatWorld:
    """One module with Data Format 2, read a packet at a time."""

    def __init__(self, spo2: int | None = 97, pulse: int | None = 72) -> None:
        self.vitals = Vitals(spo2_percent=spo2, heart_rate_per_min=pulse)
        self.module = NoninFormat2(lambda _: self.vitals)
        assert self.module.start(0.0) == b""
        self.now_s = 0.0

    def frames(self, count: int = 25) -> list[bytes]:
        """Return the next frames: 25 are a packet."""
        line = b""
        while len(line) < 5 * count:
            deadline_s = self.module.deadline_s
            assert deadline_s is not None
            self.now_s = deadline_s
            line += self.module.tick(deadline_s)
        assert len(line) == 5 * count
        return [line[at : at + 5] for at in range(0, len(line), 5)]

    def data(self) -> dict[int, int]:
        """Return the DATA of the next packet by place, counted from 1."""
        return {place: whole[3] for place, whole in enumerate(self.frames(), start=1)}

    def status(self) -> set[int]:
        """Return the STATUS bytes of the next packet but SYNC and perfusion."""
        return {whole[1] & 0b11111000 for whole in self.frames()}


@pytest.mark.parametrize(
    ("arguments", "vector"),
    [((0x81, 1, 0), "01 81 01 00 83"), ((0x80, 1, 0x48), "01 80 01 48 CA"), ((0x80, 1, 0x61), "01 80 01 61 E3")],
)
def test_a_frame_is_another_programs_vector(arguments: tuple[int, int, int], vector: str) -> None:
    assert frame(*arguments) == bytes.fromhex(vector)


def test_a_sum_wraps_at_256() -> None:
    assert frame(0xFF, 0xFF, 0xFF) == bytes.fromhex("01 FF FF FF FE")


def test_three_packets_a_second_of_25_frames_the_first_with_sync() -> None:
    frames = FormatWorld().frames(75)
    assert {whole[0] for whole in frames} == {0x01}
    assert all(whole[4] == sum(whole[:4]) % 256 for whole in frames)
    assert all(whole[1] & 0x80 for whole in frames)
    assert [at for at, whole in enumerate(frames) if whole[1] & 1] == [0, 25, 50]


def test_the_data_of_a_packet() -> None:
    world = FormatWorld()
    first = world.data()
    assert first == {
        1: 0, 2: 72, 3: 97, 4: 48, 5: 0, 6: 0, 7: 0, 8: 0x20, 9: 97, 10: 97, 11: 97, 12: 0, 13: 0,
        14: 0, 15: 72, 16: 97, 17: 97, 18: 0, 19: 0, 20: 0, 21: 72, 22: 0, 23: 72, 24: 0, 25: 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pulse", "upper", "lower"), [(127, 0, 127), (128, 1, 0), (200, 1, 72), (255, 1, 127), (256, 2, 0), (321, 2, 65)]
)
def test_a_pulse_rate_of_128_and_more_needs_both_bytes(pulse: int, upper: int, lower: int) -> None:
    data = FormatWorld(pulse=pulse).data()
    assert [(data[at], data[at + 1]) for at in (1, 14, 20, 22)] == [(upper, lower)] * 4


def test_missing_is_511_and_127() -> None:
    data = FormatWorld(None, None).data()
    assert [(data[at], data[at + 1]) for at in (1, 14, 20, 22)] == [(3, 127)] * 4
    assert [data[at] for at in (3, 9, 10, 11, 16, 17)] == [127] * 6


def test_reserved_bits_may_hold_anything() -> None:
    world = FormatWorld(pulse=200)
    world.module.reserved = 0b10101
    data = world.data()
    assert [data[at] for at in RESERVED_PLACES] == [0b10101] * 7
    assert [data[at] for at in (1, 14, 20, 22)] == [0b1010101] * 4
    assert [data[at] for at in (2, 15, 21, 23)] == [72] * 4


@pytest.mark.parametrize(
    ("sensor", "status"),
    [
        (Sensor.ON, 0b10000000),
        (Sensor.OFF, 0b10011000),
        (Sensor.DISCONNECTED, 0b11010000),
        (Sensor.SEARCHING, 0b10010000),
    ],
)
def test_the_status_of_the_sensor(sensor: Sensor, status: int) -> None:
    world = FormatWorld()
    world.module.sensor = sensor
    assert world.status() == {status}


def test_an_artifact_can_be_shown() -> None:
    world = FormatWorld()
    world.module.status = Status.ARTIFACT
    assert world.status() == {0b10100000}
    assert world.data()[2] == 72


def test_values_for_display_stay_ten_seconds_after_the_finger_has_gone() -> None:
    world = FormatWorld()
    world.data()
    world.module.sensor = Sensor.OFF
    gone = [world.data() for _ in range(31)]
    assert {(data[1], data[2], data[3], data[10], data[11]) for data in gone} == {(3, 127, 127, 127, 127)}
    assert {(data[14], data[15], data[16]) for data in gone} == {(3, 127, 127)}
    shown = [(data[9], data[17], data[20], data[21], data[22], data[23]) for data in gone]
    assert shown == [(97, 97, 0, 72, 0, 72)] * 30 + [(127, 127, 3, 127, 3, 127)]
    world.module.sensor = Sensor.ON
    assert world.data()[9] == 97


def test_the_finger_may_go_in_the_middle_of_a_packet() -> None:
    world = FormatWorld()
    before = world.frames(10)
    world.module.sensor = Sensor.OFF
    after = world.frames(15)
    assert {whole[1] & 0b11111000 for whole in before} == {0b10000000}
    assert {whole[1] & 0b11111000 for whole in after} == {0b10011000}
    assert after[5][3] == 97
    assert world.data()[3] == 127


@pytest.mark.parametrize(("perfusion", "bits"), [(Status.GREEN, 2), (Status.YELLOW, 6), (Status.RED, 4)])
def test_perfusion_stands_in_twelve_frames_of_each_pulse(perfusion: Status, bits: int) -> None:
    world = FormatWorld(pulse=60)
    world.module.perfusion = perfusion
    shown = [whole[1] & 6 for whole in world.frames(750)]
    assert shown.count(bits) == 120
    assert shown.count(0) == 630


def test_the_pulse_wave_beats_with_the_pulse_and_is_flat_without() -> None:
    world = FormatWorld(pulse=90)
    wave = [whole[2] for whole in world.frames(750)]
    assert (min(wave), max(wave)) == (28, 228)
    assert sum(before < 128 <= after for before, after in pairwise(wave)) in (14, 15)
    world.module.sensor = Sensor.DISCONNECTED
    world.frames(25)
    assert {whole[2] for whole in world.frames(25)} == {0}


def test_the_timer_counts_thirds_of_a_second_in_fourteen_bits() -> None:
    world = FormatWorld()
    timers = [data[6] << 7 | data[7] for data in (world.data() for _ in range(300))]
    assert timers[0] == 0
    assert timers[299] == 299
    assert timers == sorted(timers)
    world.module.start(0.0)
    world.module.tick(0.07)
    late_s = 16_384 / 3 + 0.01
    wrapped = world.module.tick(late_s)
    assert len(wrapped) == 25
    rest = b"".join(world.module.tick(late_s + at / 15) for at in range(1, 9))
    assert (rest[5 * (15 + 5) + 3], rest[5 * (15 + 6) + 3]) == (0, 0)


def test_battery_and_smart_point() -> None:
    world = FormatWorld()
    world.module.low_battery = True
    assert world.data()[8] == 0x21
    world.module.smart_point = False
    assert world.data()[8] == 0x01


def test_spoiled_frames_have_a_wrong_sum() -> None:
    world = FormatWorld()
    world.module.spoil_frames(7)
    sound = [whole[4] == sum(whole[:4]) % 256 for whole in world.frames()]
    assert sound == [False] * 7 + [True] * 18


def test_a_power_on_begins_a_packet() -> None:
    world = FormatWorld()
    world.frames(10)
    world.module.start(world.now_s)
    frames = world.frames()
    assert [at for at, whole in enumerate(frames) if whole[1] & 1] == [0]
    assert frames[6][3] == 0
