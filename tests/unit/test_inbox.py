"""What waits for the core: bounded, merged only where nothing is lost by it, and in before a step judges absence."""

import asyncio
import os
from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.model import DeviceAlarmKind, Infusion, InfusionState, Observation, Quantity, Reading, Validity
from edge.core.inputs import BrokerLink, LineErrors, LinkCause, LinkChange, StoreResult
from edge.inbox import EVENTS_MAX, OBSERVATIONS_MAX, QUIET_MAX, Inbox, InboxFullError, merge
from tests.core_world import MONITOR, OTHER_PUMP, is_called, monitor, pump, shows

HR = Quantity.HEART_RATE


def observations(inbox: Inbox) -> list[Observation]:
    return [item for item in inbox.drain() if isinstance(item, Observation)]


def heart_rate(at_s: float, number: str, validity: Validity = Validity.VALID, unit: str = "/min") -> Observation:
    return Observation(*MONITOR, at_s, (Reading(HR, Decimal(number), unit, validity=validity),))


# --- what is never merged ---


def test_up_to_the_bound_nothing_is_merged() -> None:
    inbox = Inbox()
    put = [pump(float(t), str(t)) for t in range(OBSERVATIONS_MAX)]
    for item in put:
        inbox.put(item)
    assert inbox.drain() == put


def test_events_never_merge_however_equal_they_are() -> None:
    inbox = Inbox()
    for _ in range(50):
        inbox.put(shows(1.0, DeviceAlarmKind.AIR_IN_LINE))
    assert len(inbox.drain()) == 50


def test_each_source_has_its_own_place() -> None:
    inbox = Inbox()
    for t in range(100):
        inbox.put(pump(float(t)))
    inbox.put(pump(0.5, where=OTHER_PUMP))
    inbox.put(monitor(0.5))
    assert len(observations(inbox)) == OBSERVATIONS_MAX + 2


def test_drained_it_is_empty() -> None:
    inbox = Inbox()
    inbox.put(pump(1.0))
    inbox.put(shows(1.0))
    assert [len(inbox.drain()), len(inbox.drain())] == [2, 0]


# --- what is merged ---


def test_over_the_bound_samples_of_one_state_merge_and_their_extremes_are_kept() -> None:
    inbox = Inbox()
    numbers = [80] * OBSERVATIONS_MAX + [190, 30, 85]
    for t, number in enumerate(numbers):
        inbox.put(heart_rate(float(t), str(number)))
    waiting = observations(inbox)
    assert len(waiting) == OBSERVATIONS_MAX
    last = waiting[-1]
    assert (last.received_at_s, last.count) == (float(len(numbers) - 1), 4)
    assert last.readings == heart_rate(0.0, "85").readings
    assert last.extremes == ((HR, Decimal(30), Decimal(190)),)
    assert inbox.dropped == 0


def test_a_merge_holds_the_newest_readings_and_the_sum_of_counts() -> None:
    first = merge(heart_rate(1.0, "80"), heart_rate(2.0, "90"))
    assert first is not None
    second = merge(heart_rate(0.0, "70"), first)
    assert second is not None
    assert (second.count, second.received_at_s, second.readings) == (3, 2.0, heart_rate(2.0, "90").readings)
    assert second.extremes == ((HR, Decimal(70), Decimal(90)),)


@pytest.mark.parametrize(
    "other",
    [
        heart_rate(2.0, "80", Validity.QUESTIONABLE),
        heart_rate(2.0, "80", unit="Hz"),
        Observation(*MONITOR, 2.0, ()),
        Observation(*MONITOR, 2.0, heart_rate(2.0, "80").readings, Infusion(InfusionState.STOPPED)),
    ],
)
def test_samples_of_different_states_do_not_merge(other: Observation) -> None:
    assert merge(heart_rate(1.0, "80"), other) is None


@pytest.mark.parametrize(("state", "drug"), [(InfusionState.STOPPED, None), (InfusionState.INFUSING, "Ketamine")])
def test_a_pumps_state_and_drug_are_its_state(state: InfusionState, drug: str | None) -> None:
    assert merge(pump(1.0), pump(2.0, state=state, drug=drug)) is None


def test_a_value_that_is_not_there_is_no_extreme() -> None:
    merged = merge(monitor(1.0, heart_rate=None), monitor(2.0, heart_rate=None))
    assert merged is not None
    assert HR not in {quantity for quantity, _, _ in merged.extremes}


def test_where_states_alternate_the_oldest_is_lost_and_counted() -> None:
    inbox = Inbox()
    states = (InfusionState.INFUSING, InfusionState.STOPPED)
    for t in range(OBSERVATIONS_MAX + 3):
        inbox.put(pump(float(t), state=states[t % 2]))
    assert [item.received_at_s for item in observations(inbox)] == [float(t) for t in range(3, OBSERVATIONS_MAX + 3)]
    assert inbox.dropped == 3


@pytest.mark.parametrize(("waited", "dropped"), [(OBSERVATIONS_MAX - 1, 0), (OBSERVATIONS_MAX, 1)])
def test_what_two_devices_said_in_one_place_never_merges(waited: int, dropped: int) -> None:
    """Two lines were swapped while the loop stalled: no extreme of one patient under the other (H-08)."""
    inbox = Inbox()
    for t in range(waited):
        inbox.put(pump(float(t), "70"))
    inbox.put(is_called(float(waited), "B"))
    for t in range(waited, waited + 2 * OBSERVATIONS_MAX):
        inbox.put(pump(float(t), "7"))
    *of_a, of_b = observations(inbox)
    assert [item.readings for item in of_a] == [pump(0.0, "70").readings] * (OBSERVATIONS_MAX - 1)
    assert (of_b.count, of_b.readings) == (2 * OBSERVATIONS_MAX, pump(0.0, "7").readings)
    assert of_b.extremes == ((Quantity.INFUSION_RATE, Decimal(7), Decimal(7)),)
    assert inbox.dropped == dropped


def test_a_device_that_was_identified_in_another_place_or_before_hinders_no_merge() -> None:
    inbox = Inbox()
    inbox.put(is_called(99.0, "A"))
    inbox.drain()
    for t in range(OBSERVATIONS_MAX):
        inbox.put(pump(float(t)))
    inbox.put(is_called(99.0, "B", OTHER_PUMP))
    inbox.put(pump(100.0))
    waiting = observations(inbox)
    assert (len(waiting), waiting[-1].count) == (OBSERVATIONS_MAX, 2)


# --- bounds ---


def test_a_port_that_floods_is_refused_and_no_other() -> None:
    inbox = Inbox()
    for _ in range(EVENTS_MAX):
        inbox.put(shows(1.0))
    with pytest.raises(InboxFullError, match="rack"):
        inbox.put(shows(1.0, where=OTHER_PUMP))
    inbox.put(shows(1.0, where=MONITOR))
    assert len(inbox.drain()) == EVENTS_MAX + 1
    inbox.put(shows(2.0))
    assert len(inbox.drain()) == 1


def test_that_a_flooding_port_is_closed_can_still_be_told() -> None:
    inbox = Inbox()
    for _ in range(EVENTS_MAX):
        inbox.put(shows(1.0))
    inbox.put(LinkChange("rack", 1.0, False, LinkCause.DRIVER_FAILED, "InboxFullError", 1.0))
    inbox.put(LineErrors("rack", 1.0, EVENTS_MAX, 0, ""))
    inbox.put(BrokerLink(1.0, connected=True, detail=""))
    inbox.put(StoreResult(1.0, 1, committed=True))
    assert len(inbox.drain()) == EVENTS_MAX + 4


# --- waiting ---


async def test_it_wakes_when_something_comes() -> None:
    inbox = Inbox()
    waiting = asyncio.create_task(inbox.wait(60.0))
    await asyncio.sleep(0)
    assert not waiting.done()
    inbox.put(pump(1.0))
    async with asyncio.timeout(15):
        await waiting
    assert len(inbox.drain()) == 1


STOPPED, PAUSED = InfusionState.STOPPED, InfusionState.STANDBY


@pytest.mark.parametrize(
    ("last", "wakes"),
    [
        (pump(2.0, "0", STOPPED), False),
        (pump(3.0, "0", STOPPED), False),
        (pump(3.1, "0", STOPPED), True),  # it was silent: that it is there again is news
        (pump(2.0, "0", PAUSED), True),
        (pump(2.0, "1", STOPPED), True),
        (pump(2.0, "0", STOPPED, drug="KETAMINE"), True),
        (pump(2.0, "0", STOPPED, where=OTHER_PUMP), True),
        (replace(pump(2.0, "0", STOPPED), extremes=((Quantity.INFUSION_RATE, Decimal(0), Decimal(7)),)), True),
    ],
)
async def test_a_pump_that_stands_and_says_so_again_waits_for_the_next_step(last: Observation, wakes: bool) -> None:
    inbox = Inbox()
    inbox.put(pump(1.0, "0", STOPPED))
    inbox.drain()
    inbox.put(last)
    assert inbox._filled.is_set() is wakes
    assert inbox.drain() == [last]


@pytest.mark.parametrize("first", [monitor(1.0), pump(1.0), pump(1.0, "0", InfusionState.UNKNOWN)])
async def test_what_drips_or_beats_or_may_drip_is_heard_at_once_though_it_is_the_same(first: Observation) -> None:
    inbox = Inbox()
    inbox.put(first)
    inbox.drain()
    inbox.put(replace(first, received_at_s=2.0))
    assert inbox._filled.is_set()


async def test_it_wakes_when_the_time_is_over_and_waits_again_after_a_drain() -> None:
    inbox = Inbox()
    inbox.put(pump(1.0))
    inbox.drain()
    async with asyncio.timeout(15):
        await inbox.wait(0.001)
    assert inbox.drain() == []


@pytest.mark.parametrize("something_waits", [False, True])
async def test_what_a_stalled_loop_left_unread_is_in_before_the_wait_ends(something_waits: bool) -> None:
    """The step was late: its deadline is over, and the devices' bytes wait in the kernel."""
    inbox = Inbox()
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()

    def heard() -> None:
        os.read(reading, 1)
        inbox.put(pump(5.0))

    try:
        loop.add_reader(reading, heard)
        if something_waits:
            inbox.put(StoreResult(1.0, 1, committed=True))
        os.write(writing, b"x")
        await inbox.wait(-5.0)
        assert [item.received_at_s for item in observations(inbox)] == [5.0]
    finally:
        loop.remove_reader(reading)
        os.close(reading)
        os.close(writing)


# --- what may wait for the next beat ---


def test_what_is_quiet_waits_for_the_next_beat_but_no_more_of_it_than_a_step_takes_up_at_once() -> None:
    inbox = Inbox()
    inbox.is_quiet = lambda said: said.readings[0].value != 79

    def wakes(item: Observation) -> bool:
        inbox.put(item)
        return inbox._filled.is_set()

    assert [wakes(monitor(1.0 + each)) for each in range(QUIET_MAX)] == [False] * QUIET_MAX
    assert len(inbox.drain()) == QUIET_MAX
    assert not wakes(monitor(9.0))
    assert wakes(monitor(9.1, heart_rate=79))
    assert len(inbox.drain()) == 2
    assert [wakes(monitor(10.0 + each)) for each in range(QUIET_MAX + 1)] == [*[False] * QUIET_MAX, True]
    assert len(inbox.drain()) == QUIET_MAX + 1
