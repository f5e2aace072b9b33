"""A monitor that shows demonstration or test data: the bed shows no number of it, and the nurse is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drivers.intellivue import DRIVER
from drivers.model import AlarmSetChanged, Observation, SessionOptions, Validity
from edge.core.config import CoreConfig, PortConfig
from edge.core.inputs import Input
from edge.core.model import Priority
from simulators.intellivue import IntelliVueMonitor
from simulators.intellivue_setup import Mode
from simulators.patient import Vitals
from tests.conformance.virtual import Wire
from tests.core_world import BED, CONFIG, MONITOR, START_S, World, order, place, pump

ALARMING = Vitals(heart_rate_per_min=180, respiratory_rate_per_min=14, spo2_percent=70)
"""Beyond limits that have no delay: it would alarm if it were a patient's."""


def philips(config: CoreConfig = CONFIG) -> CoreConfig:
    rack, _, *others = config.ports
    port = PortConfig(MONITOR[0], DRIVER.name, DRIVER.kind, DRIVER.nibp_time, 1.0, DRIVER.experimental)
    return replace(config, ports=(rack, port, *others))


def conversation(mode: Mode, lasting_s: float) -> list[Observation | AlarmSetChanged]:
    """What the driver says of a monitor in that mode."""
    monitor = IntelliVueMonitor(lambda _: ALARMING)
    monitor.mode = mode
    wire = Wire(DRIVER.session(SessionOptions(MONITOR[0])), monitor, now_s=START_S)
    wire.run(lasting_s)
    return [output for _, output in wire.outputs if isinstance(output, Observation | AlarmSetChanged)]


def watched(mode: Mode, *, active: bool, lasting_s: float = 75.0) -> World:
    world = World(philips())
    said = conversation(mode, lasting_s)
    if active:
        world.step(START_S, place(START_S, order()))

    def feed(now_s: float) -> list[Input]:
        heard: list[Input] = [one for one in said if now_s - 1 < one.received_at_s <= now_s]
        return [pump(now_s), *heard] if active else heard

    world.run(START_S + lasting_s, feed)
    return world


@pytest.mark.parametrize(
    ("mode", "code", "note"),
    [(Mode.DEMO, "DEMONSTRATION", "demonstration mode"), (Mode.SERVICE, "mode.1000", "service mode")],
)
def test_no_number_is_shown_and_a_low_alarm_stands_at_once_at_any_bed(mode: Mode, code: str, note: str) -> None:
    world = watched(mode, active=False)
    shown = {metric.name: metric for metric in world.snapshots[-1].vital_signs}
    for name in ("heart_rate_per_min", "spo2_percent", "respiratory_rate_per_min"):
        assert (shown[name].value, shown[name].validity) == (None, Validity.INVALID)
        assert shown[name].note.startswith(note)
    assert "SPO2_LOW" not in world.standing()
    assert "HR_HIGH" not in world.standing()
    advisory = world.alarm("DEVICE_ADVISORY", BED)
    assert advisory is not None
    assert (advisory.priority, advisory.present) == (Priority.LOW, True)
    assert code in advisory.text
    assert world.told("DEVICE_ADVISORY", BED)[0][0] <= 3.0


def test_at_an_active_bed_the_vital_signs_are_missing_which_becomes_medium() -> None:
    world = watched(Mode.DEMO, active=True)
    for condition in ("HR_MISSING", "SPO2_MISSING", "RR_MISSING"):
        missing = world.alarm(condition, BED)
        assert missing is not None
        assert missing.priority is Priority.MEDIUM
    assert {"SPO2_LOW", "HR_HIGH"}.isdisjoint(world.standing())


def test_the_same_numbers_of_a_patient_alarm() -> None:
    world = watched(Mode.MONITORING, active=False, lasting_s=20.0)
    assert {"SPO2_LOW", "HR_HIGH"} <= world.present()
    assert "DEVICE_ADVISORY" not in world.standing()
