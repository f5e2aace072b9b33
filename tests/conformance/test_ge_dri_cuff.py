"""How the DRI driver dates the simulated DRI monitor's cuff pressure: never younger than it is (H-31)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.ge_dri import DriSession
from drivers.model import DeviceRestarted, Quantity, SessionOptions, Validity
from simulators.ge_dri import DriMonitor, DriOptions
from simulators.ge_dri_modules import NibpLabel
from simulators.ge_dri_records import Group
from tests.conformance.ge_dri_wire import STEADY, cuff_ages, wire
from tests.conformance.virtual import Wire, reading, value

Q = Quantity


@pytest.mark.parametrize("padded", [False, True])
def test_a_cuff_pressure_is_dated_within_seconds_and_its_age_grows(padded: bool) -> None:
    talk, _ = wire(options=DriOptions(auxiliary_padded=padded))  # the cuff measures as the monitor is switched on
    measured_s = talk.now_s
    talk.run(280.0)
    ages = cuff_ages(talk)
    assert len(ages) == 56
    assert [validity for _, validity, _ in ages[:2]] == [Validity.QUESTIONABLE] * 2
    for at_s, validity, age_s in ages[2:]:
        assert validity is Validity.VALID
        assert abs(age_s - (at_s - measured_s)) <= 1.1  # the monitor's times have whole seconds


@pytest.mark.parametrize("since_s", [5.0, 45.0, 200.0])
def test_a_cuff_pressure_that_was_there_before_is_doubted_until_its_time_is_known(since_s: float) -> None:
    talk, _ = wire(options=DriOptions(cuff_interval_s=3600.0))
    measured_s = talk.now_s
    talk.run(since_s)
    late = talk.join(DriSession(SessionOptions("monitor")))
    late.run(30.0)
    ages = cuff_ages(late)
    assert [validity for _, validity, _ in ages] == [Validity.QUESTIONABLE] * 2 + [Validity.VALID] * 4
    assert [age_s for _, _, age_s in ages[:2]] == pytest.approx([60.0, 65.0])  # the least that it may be
    for at_s, _, age_s in ages[2:]:
        assert age_s == pytest.approx(at_s - measured_s, abs=1.1)


def test_a_new_measurement_with_equal_numbers_is_new() -> None:
    talk, _ = wire(options=DriOptions(cuff_interval_s=120.0))
    begun_s = talk.now_s
    talk.run(115.0)
    again_s = begun_s + 120.0
    talk.run(60.0)
    assert cuff_ages(talk)[-1][2] == pytest.approx(talk.last().received_at_s - again_s, abs=6.1)
    for at_s, _, age_s in cuff_ages(talk, again_s):
        assert age_s >= at_s - again_s - 1.1  # never younger than it is (H-31)


def test_a_measurement_that_is_made_by_hand_is_seen_with_its_numbers_and_its_age() -> None:
    now = {"vitals": STEADY}
    monitor = DriMonitor(lambda _: now["vitals"], DriOptions(cuff_interval_s=None))
    talk = Wire(DriSession(SessionOptions("monitor")), monitor)
    talk.run(20.0)
    assert reading(talk.last(), Q.NIBP_SYS).validity is Validity.NOT_AVAILABLE
    now["vitals"] = replace(STEADY, nibp_sys_mmhg=181, nibp_dia_mmhg=99)
    monitor.measure_cuff(talk.now_s)
    measured_s = talk.now_s
    talk.run(30.0)
    for at_s, validity, age_s in cuff_ages(talk):
        assert validity is Validity.VALID
        assert age_s == pytest.approx(at_s - measured_s, abs=5.1)
    assert (value(talk.last(), Q.NIBP_SYS), value(talk.last(), Q.NIBP_DIA)) == (Decimal(181), Decimal(99))


@pytest.mark.parametrize("step_s", [-7200, 7200])
def test_a_clock_that_is_set_makes_no_pressure_younger(step_s: int) -> None:
    talk, monitor = wire()
    measured_s = talk.now_s
    talk.run(100.0)
    monitor.unix_at_zero_s += step_s
    talk.run(150.0)
    for at_s, _, age_s in cuff_ages(talk):
        assert age_s >= at_s - measured_s - 1.1
    assert len(talk.events(DeviceRestarted)) == (step_s < 0)


def test_a_cuff_that_is_measuring_says_so() -> None:
    talk, monitor = wire()
    monitor.modules.set_label(Group.NIBP, NibpLabel.CHILD | NibpLabel.STAT | NibpLabel.MEASURING)
    talk.run(21.0)
    shown = reading(talk.last(), Q.NIBP_SYS)
    assert (shown.origin, shown.note, shown.validity) == ("child cuff", "stat; measuring", Validity.VALID)
