"""The DRI driver and the DRI simulator where the line is bad, the monitor off or silent, and over a pty."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from drivers.ge_dri import DRIVER, DriSession
from drivers.model import AlarmSetChanged, DeviceRestarted, Observation, Quantity, SessionOptions, Validity
from simulators.ge_dri import BAUD, DATA_BITS, PARITY, STOP_BITS, Colour, DriMonitor, DriOptions
from tests.conformance.ge_dri_wire import (
    CUFF,
    SHOWN,
    STEADY,
    alarm_sets,
    assert_only_asked,
    assert_tells,
    cuff_ages,
    wire,
)
from tests.conformance.test_device_task import has_sample, line, task
from tests.conformance.virtual import Faults, cut_anywhere, reading, value

Q = Quantity


@pytest.mark.parametrize("off_s", [4.0, 20.0, 97.0])
def test_a_monitor_that_was_off_is_read_again_within_thirteen_seconds(off_s: float) -> None:
    talk, monitor = wire()
    talk.run(20.0)
    monitor.power_off()
    off_at_s = talk.now_s
    talk.run(off_s)
    assert talk.last().received_at_s <= off_at_s + talk.delay_s
    talk.switch_on()
    back_at_s = talk.now_s
    talk.run(13.0)
    assert talk.last().received_at_s > back_at_s
    assert_tells(talk.last(), STEADY)
    talk.run(30.0)
    assert talk.last().received_at_s > talk.now_s - 5.1
    assert_only_asked(talk, monitor)


def fall_silent(monitor: DriMonitor, *, silent: bool) -> None:
    monitor.muted = silent


def hold_back(monitor: DriMonitor, *, silent: bool) -> None:
    monitor.clear_to_send = not silent


@pytest.mark.parametrize("silence", [fall_silent, hold_back])
def test_a_monitor_that_says_nothing_gives_no_value_and_goes_on_by_itself(silence: Callable[..., None]) -> None:
    talk, monitor = wire()
    talk.run(20.0)
    silence(monitor, silent=True)
    talk.run(60.0)
    assert talk.last().received_at_s < talk.now_s - 55.0
    silence(monitor, silent=False)
    talk.run(13.0)
    assert talk.last().received_at_s > talk.now_s - 13.0
    assert_only_asked(talk, monitor)


@pytest.mark.parametrize("seed", range(12))
def test_on_a_bad_line_nothing_false_is_said_and_it_is_read_again_within_thirteen_seconds(seed: int) -> None:
    talk, monitor = wire(options=DriOptions(cuff_interval_s=3600.0))
    monitor.set_alarm("HR HIGH", Colour.YELLOW)
    talk.run(12.0)
    talk.spoil = faults = Faults(Random(seed))
    talk.cut = cut_anywhere(Random(seed), 0.3)
    talk.run(1000.0)
    assert len(faults.done) > 100
    talk.spoil, talk.cut = bytes, lambda data: [(0.0, data)]
    good_from_s = talk.now_s
    talk.run(13.0)
    assert talk.last().received_at_s > good_from_s
    for observation in talk.observations():
        assert_tells(observation, STEADY)
        for quantity in set(SHOWN) - {*CUFF}:
            assert reading(observation, quantity).validity is Validity.VALID
    for at_s, _, age_s in cuff_ages(talk):
        assert age_s >= at_s - 100.0 - 1.1  # the cuff measured as the monitor was switched on
    assert [[alarm.text for alarm in alarms] for alarms in alarm_sets(talk)] in ([["HR HIGH"]], [[], ["HR HIGH"]])
    assert talk.events(DeviceRestarted) == []
    assert_only_asked(talk, monitor)


def test_no_lost_byte_of_any_record_makes_a_false_word() -> None:
    """A lost zero leaves the sum as it was."""
    said: list[tuple[float, bytes]] = []
    talk, monitor = wire(options=DriOptions(cuff_interval_s=3600.0))
    monitor.set_alarm("HR HIGH", Colour.YELLOW)

    def overhear(data: bytes) -> bytes:
        said.append((talk.now_s, data))
        return data

    talk.spoil = overhear
    talk.run(16.0)
    damaged_at = len(said) // 2
    assert len(said) - damaged_at > 3
    for place in range(damaged_at, damaged_at + 3):
        for at in range(len(said[place][1])):
            session = DriSession(SessionOptions("monitor"))
            outputs = list(session.start(100.0))
            for number, (at_s, data) in enumerate(said):
                outputs += session.feed(data[:at] + data[at + 1 :] if number == place else data, at_s)
            for one in outputs:
                if isinstance(one, Observation):
                    assert_tells(one, STEADY)
                    age_s = reading(one, Q.NIBP_SYS).measured_s_ago
                    assert age_s is not None
                    assert age_s >= one.received_at_s - 100.0 - 1.1
                elif isinstance(one, AlarmSetChanged):
                    assert [alarm.text for alarm in one.alarms] in ([], ["HR HIGH"])


def test_the_line_is_set_as_the_monitor_sets_it() -> None:
    line_of_driver = DRIVER.line
    assert (line_of_driver.baud, line_of_driver.data_bits) == (BAUD, DATA_BITS)
    assert (line_of_driver.parity, line_of_driver.stop_bits) == (PARITY, STOP_BITS)


async def test_over_a_pty_a_monitor_is_read_and_asked_only(tmp_path: Path) -> None:
    monitor = DriMonitor(lambda _: STEADY)
    with line(tmp_path / "monitor", monitor):
        async with task(tmp_path / "monitor", DRIVER) as (got, _):
            await got.until(has_sample)
    (seen, *_) = (item for item in got.items if isinstance(item, Observation))
    assert_tells(seen, STEADY)
    assert value(seen, Q.HEART_RATE) == 72
    assert monitor.violations == []
