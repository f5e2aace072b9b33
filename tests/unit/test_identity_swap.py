"""Pumps in the wrong place: two lines swapped in mid-infusion, a pump carried to another bed (H-08, H-10)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from drivers.model import DeviceAlarmKind, InfusionState, Quantity, Reading
from edge.core.config import Binding
from edge.core.inputs import Input, LinkCause
from edge.core.model import Priority, SignalPresence
from edge.core.state import SEEN_MAX
from tests.core_world import (
    BED,
    OTHER_BED,
    START_S,
    World,
    is_called,
    pump,
    shows,
)
from tests.unit.two_pumps import (
    CHANGED,
    CONNECTED,
    ONE,
    ORDERS,
    TWO,
    UNCONFIRMED,
    alarm_of,
    at_bed_1,
    channels,
    confirm,
    down,
    monitors,
    numbers,
    of_bed,
    talk,
    up,
    ward,
)

S, K = InfusionState, DeviceAlarmKind


# --- two lines are swapped in mid-infusion (T-09) ---


@dataclass(frozen=True)
class Pump:
    """A pump that says everything else than the other one."""

    serial: str
    rate: str
    volume: str
    state: InfusionState
    drug: str
    alarm: DeviceAlarmKind

    def words(self, where: tuple[str, str], at_s: float, *, first: bool) -> list[Input]:
        """One block, as the driver says it: who, then what, then the alarms; a session says who and alarms once."""
        volume = Reading(Quantity.VOLUME_INFUSED, Decimal(self.volume), "mL")
        sample = pump(at_s, self.rate, self.state, where, drug=self.drug, readings=(volume,))
        if not first:
            return [sample]
        return [is_called(at_s, self.serial, where), sample, shows(at_s, self.alarm, where=where, code=self.serial)]


A = Pump("A", "7", "31", S.INFUSING, "Ketamine", K.DOOR_OPEN)
B = Pump("B", "8", "42", S.KVO, "Propofol", K.AIR_IN_LINE)
HOME = ((ONE, A, BED), (TWO, B, OTHER_BED))
CROSSED = ((ONE, B, BED), (TWO, A, OTHER_BED))


class Lines:
    """Two pumps on two lines, plugged in one way or the other."""

    def __init__(self, world: World, *, word_by_word: bool) -> None:
        self.world = world
        self.word_by_word = word_by_word

    def say(self, *words: Input) -> None:
        """Step with all words at once, or with each in a step of its own, a moment apart."""
        if not self.word_by_word:
            self.world.step(self.world.now_s, *words)
            return
        for word in words:
            at_s = self.world.now_s + 0.01
            self.world.step(at_s, replace(word, received_at_s=at_s))

    def run(self, until_s: float, how: Sequence[tuple[tuple[str, str], Pump, str]], *, first: bool) -> None:
        """A block of each pump each second."""
        while self.world.now_s < until_s:
            self.world.now_s = float(int(self.world.now_s) + 1)
            at_s = self.world.now_s
            self.say(*monitors(at_s), *(word for where, of, _ in how for word in of.words(where, at_s, first=first)))
            first = False

    def replug(self, how: str) -> None:
        """Swap the plugs: the lines break, or are opened again for their silence, or nothing of it is noticed."""
        now_s = self.world.now_s
        if how == "lost":
            self.say(down(ONE, now_s), down(TWO, now_s), up(ONE, now_s), up(TWO, now_s))
        elif how == "reopened":
            self.say(up(ONE, now_s, LinkCause.REOPENED), up(TWO, now_s, LinkCause.REOPENED))


@pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "no order"])
@pytest.mark.parametrize("word_by_word", [True, False], ids=["word by word", "blocks"])
@pytest.mark.parametrize("how", ["lost", "reopened", "unnoticed"])
@pytest.mark.parametrize("named", [(), ("A", "B")], ids=["unnamed", "named"])
def test_nothing_of_one_bed_ever_stands_under_the_other(
    named: tuple[str, ...], how: str, word_by_word: bool, ordered: bool
) -> None:
    world = World(ward(*named))
    lines = Lines(world, word_by_word=word_by_word)
    world.step(START_S, CONNECTED, *(ORDERS if ordered else ()))
    lines.run(START_S + 10, HOME, first=True)
    own = {bed: numbers(channels(world, bed)) for bed in (BED, OTHER_BED)}
    assert len(own[BED]) == len(own[OTHER_BED]) == 2 + ordered
    assert not own[BED] & own[OTHER_BED]
    assert of_bed(world, CHANGED, BED) == of_bed(world, CHANGED, OTHER_BED) == []
    lines.replug(how)
    lines.run(START_S + 40, CROSSED, first=True)
    assert {key.bed for key in world.retained if key.condition == CHANGED} == {BED, OTHER_BED}
    shown = len(world.snapshots)
    lines.replug(how)
    lines.run(START_S + 50, HOME, first=True)
    assert world.present().isdisjoint({CHANGED, UNCONFIRMED})
    # That they were swapped stands until somebody has seen it.
    latched = [alarm for alarm in world.retained.values() if not alarm.present]
    assert {(alarm.key.bed, alarm.key.condition, alarm.signal) for alarm in latched} == {
        (bed, CHANGED, SignalPresence.LATCHED) for bed in (BED, OTHER_BED)
    }
    assert (
        numbers(row for snapshot in world.snapshots[shown:] for row in snapshot.channels) == own[BED] | own[OTHER_BED]
    )
    for _, of, bed in HOME:
        assert numbers(channels(world, bed)) == own[bed]
        assert {channel.state for channel in channels(world, bed)} == {S.UNKNOWN, of.state}
        assert {channel.drug for channel in channels(world, bed)} <= {"", "ketamine" if ordered else of.drug}
        relayed = {event.alarm.key.condition for event in world.events if event.alarm.key.bed == bed}
        assert {name for name in relayed if name.startswith("DEVICE_")} == {f"DEVICE_{of.alarm.name}", CHANGED}
        device = alarm_of(world, f"DEVICE_{of.alarm.name}", bed)
        assert (device.verifiable, f"({of.serial})" in device.text) == (True, True)
        assert [phase for _, phase, _ in of_bed(world, f"DEVICE_{of.alarm.name}", bed)] == ["start", "update", "update"]


@pytest.mark.parametrize("how", ["lost", "reopened", "unnoticed"])
def test_both_beds_alarm_at_the_first_word_of_the_wrong_device_until_the_right_one_is_back(how: str) -> None:
    world = World(ward())
    lines = Lines(world, word_by_word=False)
    world.step(START_S, CONNECTED, *ORDERS)
    lines.run(START_S + 10, HOME, first=True)
    lines.replug(how)
    lines.run(START_S + 11, CROSSED, first=True)
    for where, of, bed in CROSSED:
        assert of_bed(world, CHANGED, bed) == [(11, "start", "changed")]
        alarm = alarm_of(world, CHANGED, bed)
        assert (alarm.priority, alarm.key.port) == (Priority.HIGH, where[0])
        assert f"has serial number {of.serial}, and it was last seen at" in alarm.text
        other = "A" if of is B else "B"
        assert alarm.evidence == (("serial_number", of.serial), ("expected_serial_number", other))
    lines.run(START_S + 20, CROSSED, first=False)
    lines.replug(how)
    lines.run(START_S + 21, HOME, first=True)
    for bed in (BED, OTHER_BED):
        assert of_bed(world, CHANGED, bed) == [(11, "start", "changed"), (21, "latch", "changed")]
        alarm = alarm_of(world, CHANGED, bed)
        assert (alarm.present, alarm.signal, alarm.priority) == (False, SignalPresence.LATCHED, Priority.HIGH)


@pytest.mark.parametrize("first", [CROSSED, CROSSED[::-1]])
def test_lines_that_were_swapped_before_the_start_alarm_where_devices_are_named(
    first: Sequence[tuple[tuple[str, str], Pump, str]],
) -> None:
    """Nobody has been seen yet: the configuration says where each was."""
    world = World(ward("A", "B"))
    lines = Lines(world, word_by_word=True)
    world.step(START_S, CONNECTED)
    lines.run(START_S + 30, first, first=True)
    for bed in (BED, OTHER_BED):
        assert [phase for _, phase, _ in of_bed(world, CHANGED, bed)] == ["start"]
        assert numbers(channels(world, bed)) == set()
    assert {key.condition for key in world.retained} == {CHANGED}


# --- carried from bed to bed ---


def test_a_pump_last_seen_at_an_active_bed_counts_at_the_next_one_when_a_nurse_says_so() -> None:
    """It is never followed by itself, and the bed that it left keeps its alarm (H-10)."""
    world = World(ward())
    at_bed_1(world, S.INFUSING)
    world.step(START_S + 11, is_called(START_S + 11, "A", TWO), pump(START_S + 11, "7", where=TWO))
    world.run(START_S + 20, talk(where=TWO))
    assert of_bed(world, CHANGED, OTHER_BED) == [(11, "start", "changed")]
    assert "has serial number A, and it was last seen at Bed 1." in alarm_of(world, CHANGED, OTHER_BED).text
    assert numbers(channels(world, OTHER_BED)) == set()
    world.step(START_S + 21, confirm(START_S + 21, "A", TWO, OTHER_BED), pump(START_S + 21, "7", where=TWO))
    world.run(START_S + 30, talk(where=TWO))
    # Who confirms has dealt with it: nothing is left to latch.
    assert of_bed(world, CHANGED, OTHER_BED)[-1] == (21, "end", "changed")
    assert numbers(channels(world, OTHER_BED)) == {Decimal(7)}
    assert alarm_of(world, "PUMP_LINK_LOST", BED).priority is Priority.HIGH
    world.step(START_S + 31, is_called(START_S + 31, "A", ONE), pump(START_S + 31, "7", where=ONE))
    assert "has serial number A, and it was last seen at Bed 2." in alarm_of(world, CHANGED, BED).text


def test_a_pump_from_an_idle_bed_counts_and_is_asked_about() -> None:
    world = World(ward())
    at_bed_1(world, S.STOPPED)
    world.step(START_S + 11, is_called(START_S + 11, "A", TWO), pump(START_S + 11, "7", where=TWO))
    world.run(START_S + 140, talk(where=TWO))
    assert of_bed(world, CHANGED, OTHER_BED) == []
    assert of_bed(world, UNCONFIRMED, OTHER_BED) == [(131, "start", "asked")]
    assert numbers(channels(world, OTHER_BED)) == {Decimal(7)}


def test_a_pump_that_changes_its_slot_at_its_bed_was_not_elsewhere() -> None:
    beds = ward().beds
    config = replace(ward(), beds=(replace(beds[0], pumps=(Binding(*ONE), Binding(ONE[0], "12"))), beds[1]))
    world = World(config)
    at_bed_1(world, S.INFUSING)
    world.step(START_S + 11, is_called(START_S + 11, "A", (ONE[0], "12")))
    assert CHANGED not in world.standing()


def test_so_many_devices_are_remembered_and_the_one_seen_longest_ago_is_forgotten() -> None:
    world = World(ward())
    names = [str(number) for number in range(SEEN_MAX)]
    world.step(START_S, *(is_called(START_S, name, ONE) for name in names))
    assert list(world.core.snapshot().seen_at) == names
    world.step(START_S + 1, is_called(START_S + 1, "0", ONE))
    world.step(START_S + 2, is_called(START_S + 2, "one more", TWO))
    assert list(world.core.snapshot().seen_at) == [*names[2:], "0", "one more"]
