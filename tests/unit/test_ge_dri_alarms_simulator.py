"""The alarm record of the simulated DRI monitor: its boxes, what is marked as new, and what is silenced."""

import pytest

from simulators.ge_dri import MAX_ALARMS, Colour, DriOptions, Silence
from simulators.ge_dri_records import AlarmBox, alarm_status
from tests.unit.ge_dri_simulator_talk import (
    ALARM_NO_LONGER,
    ALARM_ON_CHANGE,
    ALARM_ONCE,
    alarm_words,
    box,
    one,
    powered_on,
)


def test_alarms_are_sent_by_rank_and_what_is_new_is_marked() -> None:
    monitor = powered_on()
    assert alarm_words(one(monitor.feed(ALARM_ONCE, 0.0))) == (0, 0)
    monitor.set_alarm("HR HIGH", Colour.YELLOW)
    monitor.set_alarm("APNEA", Colour.RED)
    record = one(monitor.feed(ALARM_ONCE, 1.0))
    assert alarm_words(record) == (1, 0)
    assert [box(record, number) for number in range(5)] == [
        ("APNEA", 1, 3, 1),
        ("HR HIGH", 1, 2, 1),
        *[("", 0, 0, 0)] * 3,
    ]
    record = one(monitor.feed(ALARM_ONCE, 2.0))
    assert [box(record, number)[1::2] for number in range(5)] == [(0, 0)] * 5
    monitor.clear_alarm("APNEA")
    record = one(monitor.feed(ALARM_ONCE, 3.0))
    assert [box(record, number) for number in range(2)] == [("HR HIGH", 1, 2, 1), ("", 1, 0, 1)]
    monitor.set_alarm("HR HIGH", Colour.RED)
    assert box(one(monitor.feed(ALARM_ONCE, 4.0)), 0) == ("HR HIGH", 0, 3, 1)


def test_five_alarms_are_shown_and_the_lowest_are_not() -> None:
    monitor = powered_on()
    for number in range(MAX_ALARMS):
        monitor.set_alarm(f"ALARM {number}", Colour.WHITE if number < 29 else Colour.YELLOW)
    with pytest.raises(ValueError, match="too many"):
        monitor.set_alarm("ONE MORE", Colour.RED)
    record = one(monitor.feed(ALARM_ONCE, 0.0))
    assert [box(record, number)[0] for number in range(5)] == ["ALARM 29", "ALARM 30", "ALARM 31", "ALARM 0", "ALARM 1"]
    with pytest.raises(ValueError, match="6 alarm boxes"):
        alarm_status([AlarmBox()] * 6, sound=False, silence=0)


def test_on_change_an_alarm_is_told_within_a_second() -> None:
    monitor = powered_on(DriOptions(cuff_interval_s=None))
    monitor.set_alarm("HR HIGH", Colour.YELLOW)
    assert monitor.feed(ALARM_ON_CHANGE, 0.0) == b""
    assert monitor.deadline_s == 1.0
    assert monitor.feed(ALARM_ON_CHANGE, 0.5) == b""
    assert monitor.tick(1.0) == b""
    monitor.set_alarm("HR HIGH", Colour.RED)
    assert box(one(monitor.tick(2.0)), 0) == ("HR HIGH", 0, 3, 1)
    assert monitor.tick(3.0) == b""
    monitor.silence(Silence.ALL_20_S, 3.0)
    assert alarm_words(one(monitor.tick(4.0))) == (0, 7)
    assert monitor.tick(22.9) == b""
    assert alarm_words(one(monitor.tick(23.0))) == (1, 0)
    monitor.clear_alarm("HR HIGH")
    assert alarm_words(one(monitor.tick(24.0))) == (0, 0)
    assert monitor.feed(ALARM_NO_LONGER, 25.0) == b""
    assert monitor.deadline_s is None


@pytest.mark.parametrize(("silence", "sound"), [(Silence.APNEA, 1), (Silence.APNEA_ASYSTOLE, 1), (Silence.ALL, 0)])
def test_what_is_silenced_for_good_is_told(silence: Silence, sound: int) -> None:
    monitor = powered_on()
    monitor.set_alarm("HR HIGH", Colour.WHITE)
    monitor.silence(silence, 0.0)
    assert alarm_words(one(monitor.feed(ALARM_ONCE, 90_000.0))) == (sound, silence)


def test_a_monitor_without_alarms_ignores_the_request() -> None:
    monitor = powered_on(DriOptions(alarms_available=False, cuff_interval_s=None))
    assert monitor.feed(ALARM_ONCE + ALARM_ON_CHANGE, 0.0) == b""
    assert monitor.deadline_s is None
    assert monitor.violations == []


@pytest.mark.parametrize("text", ["", "x" * 80, "A\0B", "\n", "Å"])
def test_a_text_that_a_box_cannot_hold_is_refused(text: str) -> None:
    monitor = powered_on()
    with pytest.raises(ValueError, match="alarm text"):
        monitor.set_alarm(text, Colour.RED)
    monitor.set_alarm("x" * 79, Colour.RED)
    assert box(one(monitor.feed(ALARM_ONCE, 0.0)), 0)[0] == "x" * 79
