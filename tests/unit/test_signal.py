"""The signal machine, row by row of its table (SM-B1 to SM-B11), its times, and its laws in the whole core."""

from decimal import Decimal
from typing import Any

import pytest

from drivers.model import DeviceAlarmKind
from edge.core.model import Phase, Priority, SignalPresence
from edge.core.signal import SignalEvent, after, silent_for_s
from tests.unit.alarm_acts import (
    HIGH_AT_ONCE,
    LOW_AT_ONCE,
    MEDIUM_AT_ONCE,
    OF_PRIORITY,
    Bedside,
    name_of,
)

OFF, ON = SignalPresence.OFF, SignalPresence.ON
LATCHED, ACKNOWLEDGED = SignalPresence.LATCHED, SignalPresence.ACKNOWLEDGED
E = SignalEvent

ROWS = {
    "SM-B1": (OFF, E.START, ON, Phase.START),
    "SM-B2": (ON, E.END, OFF, Phase.END),
    "SM-B3": (ON, E.END_TO_LATCH, LATCHED, Phase.LATCH),
    "SM-B4 reset": (LATCHED, E.RESET, OFF, Phase.RESET),
    "SM-B4 acknowledged": (LATCHED, E.ACKNOWLEDGE, OFF, Phase.RESET),
    "SM-B5": (LATCHED, E.START, ON, Phase.RETURN),
    "SM-B6": (ON, E.ACKNOWLEDGE, ACKNOWLEDGED, Phase.ACKNOWLEDGE),
    "SM-B7": (ACKNOWLEDGED, E.END, OFF, Phase.END),
    "SM-B7 what is acknowledged never latches": (ACKNOWLEDGED, E.END_TO_LATCH, OFF, Phase.END),
    "SM-B8": (ACKNOWLEDGED, E.REMIND, ON, Phase.REMIND),
    "SM-B9": (ACKNOWLEDGED, E.WORSE, ON, Phase.ESCALATE),
    "SM-B10": (ACKNOWLEDGED, E.ACKNOWLEDGE, ACKNOWLEDGED, Phase.ACKNOWLEDGE),
    "SM-B11": (ON, E.RESET, OFF, Phase.RESET),
    "SM-B12": (ON, E.WORSE, ON, Phase.ESCALATE),
    "SM-B14": (ON, E.REMIND, ON, Phase.REMIND),
}


@pytest.mark.parametrize(("presence", "event", "became", "phase"), ROWS.values(), ids=ROWS)
def test_each_row_of_the_table(
    presence: SignalPresence, event: SignalEvent, became: SignalPresence, phase: Phase
) -> None:
    assert after(presence, event) == (became, phase)


CANNOT_BE = {(OFF, event) for event in E if event is not E.START} | {
    (ON, E.START),
    (LATCHED, E.END),
    (LATCHED, E.END_TO_LATCH),
    (LATCHED, E.WORSE),
    (LATCHED, E.REMIND),
    (ACKNOWLEDGED, E.START),
}


@pytest.mark.parametrize(("presence", "event"), sorted(CANNOT_BE))
def test_what_cannot_be_is_no_transition(presence: SignalPresence, event: SignalEvent) -> None:
    with pytest.raises(KeyError):
        after(presence, event)


SILENT = [
    (Priority.HIGH, False, False, 120.0),
    (Priority.HIGH, True, False, 300.0),
    (Priority.HIGH, False, True, 120.0),
    (Priority.HIGH, True, True, 300.0),
    (Priority.MEDIUM, False, False, 300.0),
    (Priority.MEDIUM, True, False, 300.0),
    (Priority.MEDIUM, False, True, 900.0),
    (Priority.LOW, False, False, 900.0),
    (Priority.LOW, True, False, 900.0),
    (Priority.LOW, False, True, 900.0),
]


@pytest.mark.parametrize(("priority", "accepted", "stepwise", "for_s"), SILENT)
def test_an_acknowledgement_holds_for_the_time_of_its_priority(
    priority: Priority, accepted: bool, stepwise: bool, for_s: float
) -> None:
    assert silent_for_s(priority, accepted=accepted, stepwise=stepwise) == for_s


# --- in the whole core ---

ENDS = [(HIGH_AT_ONCE, "latch"), (MEDIUM_AT_ONCE, "end"), (LOW_AT_ONCE, "end")]


@pytest.mark.parametrize(("kind", "phase"), ENDS)
def test_a_high_alarm_latches_when_its_condition_ends_and_the_others_go(kind: DeviceAlarmKind, phase: str) -> None:
    bed = Bedside()
    bed.shows(kind)
    bed.run(5)
    bed.shows()
    assert bed.phases(kind) == [(0, "start"), (5, phase)]
    found = bed.world.alarm(name_of(kind))
    assert (found is not None) == (phase == "latch")
    assert found is None or (found.present, found.signal, found.audible) == (False, LATCHED, True)


def test_a_latched_alarm_ends_by_a_reset_alone() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    bed.shows()
    bed.run(1000)
    assert bed.alarm(HIGH_AT_ONCE).signal is LATCHED
    bed.reset(HIGH_AT_ONCE)
    assert bed.phases(HIGH_AT_ONCE) == [(0, "start"), (0, "latch"), (1000, "reset")]
    assert bed.world.present() == set()


def test_a_latched_alarm_that_is_acknowledged_is_over() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    bed.shows()
    bed.acknowledge(HIGH_AT_ONCE)
    assert bed.phases(HIGH_AT_ONCE)[-1] == (0, "reset")
    assert bed.world.present() == set()


def test_a_latched_alarm_that_comes_again_is_the_same_occurrence() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    first = bed.alarm(HIGH_AT_ONCE)
    for count in (1, 2):
        bed.shows()
        bed.shows(HIGH_AT_ONCE)
        again = bed.alarm(HIGH_AT_ONCE)
        assert (again.occurrence, again.onset, again.returns) == (first.occurrence, first.onset, count)
        assert (again.present, again.signal) == (True, ON)
    assert [phase for _, phase in bed.phases(HIGH_AT_ONCE)] == ["start", "latch", "return", "latch", "return"]


def test_what_ended_and_comes_again_is_another_occurrence() -> None:
    bed = Bedside()
    bed.shows(MEDIUM_AT_ONCE)
    first = bed.alarm(MEDIUM_AT_ONCE)
    bed.shows()
    bed.shows(MEDIUM_AT_ONCE)
    again = bed.alarm(MEDIUM_AT_ONCE)
    assert again.occurrence != first.occurrence
    assert (again.rev, again.returns) == (1, 0)


def test_an_acknowledged_high_alarm_goes_with_its_condition() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    bed.acknowledge(HIGH_AT_ONCE)
    assert (bed.alarm(HIGH_AT_ONCE).signal, bed.alarm(HIGH_AT_ONCE).audible) == (ACKNOWLEDGED, False)
    bed.shows()
    assert bed.phases(HIGH_AT_ONCE) == [(0, "start"), (0, "acknowledge"), (0, "end")]
    assert bed.world.present() == set()


@pytest.mark.parametrize(
    ("priority", "accepted", "for_s"),
    [(Priority.HIGH, False, 120), (Priority.HIGH, True, 300), (Priority.MEDIUM, False, 300), (Priority.LOW, True, 900)],
)
def test_an_acknowledged_alarm_returns_when_its_time_is_up(priority: Priority, accepted: bool, for_s: int) -> None:
    kind, bed = OF_PRIORITY[priority], Bedside()
    bed.shows(kind)
    bed.run(2)
    bed.accept(kind, acknowledge=True) if accepted else bed.acknowledge(kind)
    bed.run(for_s - 1)
    assert bed.alarm(kind).signal is ACKNOWLEDGED
    bed.run(1)
    assert bed.phases(kind)[-1] == (2 + for_s, "remind")
    alarm = bed.alarm(kind)
    assert (alarm.signal, alarm.audible, alarm.acknowledgement, alarm.acceptance) == (ON, True, None, None)


def test_acknowledged_again_it_is_silent_for_its_whole_time_again() -> None:
    bed = Bedside()
    bed.shows(HIGH_AT_ONCE)
    bed.acknowledge(HIGH_AT_ONCE)
    bed.run(100)
    bed.acknowledge(HIGH_AT_ONCE)
    bed.run(119)
    assert bed.alarm(HIGH_AT_ONCE).signal is ACKNOWLEDGED
    bed.run(1)
    assert [(at_s, phase) for at_s, phase in bed.phases(HIGH_AT_ONCE) if phase == "remind"] == [(220, "remind")]


def soft(**numbers: Any) -> Bedside:
    """A bed whose soft vital-sign alarm stands and was acknowledged."""
    bed = Bedside()
    bed.reads(**numbers)
    bed.run(30)
    (condition,) = bed.world.present()
    assert (bed.alarm(condition).band, bed.alarm(condition).priority) == ("soft", Priority.MEDIUM)
    bed.acknowledge(condition)
    return bed


def test_an_acknowledged_soft_vital_sign_is_silent_for_a_quarter_of_an_hour() -> None:
    bed = soft(heart_rate=125)
    bed.run(899)
    assert bed.alarm("HR_HIGH").signal is ACKNOWLEDGED
    bed.run(1)
    assert bed.phases("HR_HIGH")[-1] == (930, "remind")


STEPS = {
    "10 bpm": ("HR_HIGH", "heart_rate", 125, 134, 135),
    "2 % SpO2": ("SPO2_LOW", "spo2", 91, 90, 89),
}


@pytest.mark.parametrize(("condition", "quantity", "first", "less", "step"), STEPS.values(), ids=STEPS)
def test_an_acknowledged_soft_vital_sign_sounds_when_it_is_worse_by_one_step(
    condition: str, quantity: str, first: int, less: int, step: int
) -> None:
    bed = soft(**{quantity: first})
    bed.reads(**{quantity: less})
    bed.run(60)
    assert bed.alarm(condition).signal is ACKNOWLEDGED
    bed.reads(**{quantity: step})
    bed.run(3)  # it is judged on the median of the last samples
    at_s, phase = bed.phases(condition)[-1]
    assert (phase, 90 <= at_s <= 93) == ("remind", True)
    alarm = bed.alarm(condition)
    assert (alarm.signal, alarm.band, alarm.value, alarm.acknowledgement) == (ON, "soft", Decimal(step), None)


def test_an_acknowledged_soft_pressure_sounds_when_it_is_worse_by_10_mmhg() -> None:
    bed = Bedside()
    bed.cuff = (166, 75, 90, 70)
    bed.run(1)
    bed.acknowledge("BP_SYS_HIGH")
    bed.cuff = (175, 75, 90, 70)
    bed.run(1)
    assert bed.alarm("BP_SYS_HIGH").signal is ACKNOWLEDGED
    bed.cuff = (176, 75, 90, 70)
    bed.run(1)
    assert bed.phases("BP_SYS_HIGH")[-1] == (3, "remind")


def test_a_worse_band_ends_an_acknowledgement_and_is_told_as_loudly_as_an_onset() -> None:
    bed = soft(heart_rate=125)
    bed.reads(heart_rate=145)
    bed.run(20)
    assert bed.phases("HR_HIGH")[-1][1] == "escalate"
    alarm = bed.alarm("HR_HIGH")
    assert (alarm.signal, alarm.band, alarm.priority, alarm.acknowledgement) == (ON, "hard", Priority.HIGH, None)


def test_an_alarm_that_was_hard_unseen_latches_also_when_it_ends_as_a_soft_one() -> None:
    bed = Bedside()
    bed.reads(heart_rate=145)
    bed.run(30)
    bed.reads(heart_rate=125)
    bed.run(20)
    assert bed.alarm("HR_HIGH").signal is ON
    bed.reads(heart_rate=80)
    bed.run(20)
    assert [phase for _, phase in bed.phases("HR_HIGH")] == ["start", "deescalate", "latch"]
    assert bed.alarm("HR_HIGH").signal is LATCHED


def test_a_soft_alarm_that_nobody_acknowledged_goes_with_its_condition() -> None:
    bed = Bedside()
    bed.reads(heart_rate=125)
    bed.run(30)
    bed.reads(heart_rate=80)
    bed.run(60)
    assert [phase for _, phase in bed.phases("HR_HIGH")] == ["start", "end"]
    assert bed.world.present() == set()


def test_a_latched_hard_alarm_that_returns_softly_and_ends_is_latched_again() -> None:
    bed = Bedside()
    for heart_rate in (145, 80, 125, 80):
        bed.reads(heart_rate=heart_rate)
        bed.run(60)
    assert [phase for _, phase in bed.phases("HR_HIGH")] == ["start", "latch", "return", "latch"]
    assert bed.alarm("HR_HIGH").signal is LATCHED
