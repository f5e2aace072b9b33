"""The viewer: what it heard, whether the alarms are known, and which are present."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from edge.core.model import Instant
from edge.messages.alarms import AlarmIndexMessage, AlarmMessage, IndexEntry
from edge.messages.base import Stamp
from edge.messages.events import EventMessage
from edge.messages.states import ChannelMessage, MetricMessage, RosterBed, RosterMessage, SnapshotMessage, Status
from edge.messages.therapy import PauseMessage, TherapyMessage
from edge.messages.topics import Topics
from edge.top import Board

TOPICS = Topics("ward-a", "pi-1")
RED = "\x1b[1;97;41m"
DIM = "\x1b[2m"
CALM = "no alarm is present"
DOSE = "dose_rate_mg_per_kg_per_h"


def stamp(mono_s: float) -> Stamp:
    return Stamp(mono_s=mono_s, wall="2026-11-22T10:11:12.000Z", synchronised=True)


def body(model: Any) -> bytes:
    found: bytes = model.model_dump_json(by_alias=True).encode()
    return found


def metric(name: str, value: str | None, validity: str = "valid") -> MetricMessage:
    fields = {"name": name, "value": value, "unit": "/min", "validity": validity, "age_s": 0.0}
    return MetricMessage.model_validate({**fields, "source": "m.0", "origin": "", "note": ""})


def channel(dose: str | None = "2.700000", **given: Any) -> ChannelMessage:
    fields = {"port": "pump", "channel": "11", "link": "up", "state": "infusing", "drug": "ketamine-chronic-pain"}
    return ChannelMessage.model_validate({**fields, "metrics": (metric(DOSE, dose),), **given})


def alarm(key: str = "HR_HIGH", **given: Any) -> AlarmMessage:
    fields: dict[str, Any] = {"run": "r1", "key": key, "condition": key, "bed": "bed-1", "port": "", "channel": ""}
    fields |= {"occurrence": "r1-1", "rev": 1, "kind": "physiological", "audience": "nurse", "priority": "high"}
    fields |= {"band": "hard", "present": True, "verifiable": True, "signal": "on", "durable": True}
    fields |= {"text": "Bed 1: heart rate 150 /min, above the hard limit 140 /min.", "action": "Go to the patient."}
    fields |= {"onset": stamp(1000.0), "changed": stamp(1000.0), "value": Decimal(150), "unit": "/min"}
    return AlarmMessage.model_validate(fields | {"limit": None, "evidence": {}} | given)


class World:
    """An edge with one bed, and a viewer whose clock runs with the edge's own."""

    def __init__(self) -> None:
        self.mono_s = 50.0
        self.edge_mono_s = 1000.0
        self.board = Board(lambda: Instant(self.mono_s, 1795342272.0, True))

    def wait(self, seconds: float) -> None:
        self.mono_s += seconds
        self.edge_mono_s += seconds

    def status(self, state: str = "running", run: str = "r1") -> None:
        fields: dict[str, Any] = {"state": state, "edge": "pi-1", "run": run, "version": "1"}
        fields |= {"previous_run": "", "previous_event_seq": 0, **stamp(self.edge_mono_s).model_dump()}
        self.board.take(TOPICS.status, body(Status.model_validate(fields)))

    def beat(self, run: str = "r1") -> None:
        self.wait(3.0)
        self.status(run=run)

    def roster(self, *beds: str, run: str = "r1") -> None:
        rows = tuple(RosterBed(bed=bed, label=bed.replace("bed-", "Bed "), bindings=()) for bed in beds)
        self.board.take(TOPICS.roster, body(RosterMessage(run=run, beds=rows, devices=(), stations_required=())))

    def index(self, bed: str = "bed-1", *alarms: AlarmMessage, run: str = "r1") -> None:
        rows = tuple(
            IndexEntry(key=row.key, occurrence=row.occurrence, rev=row.rev, priority=row.priority) for row in alarms
        )
        self.board.take(TOPICS.alarms(bed), body(AlarmIndexMessage(run=run, bed=bed, alarms=rows)))

    def alarm(self, shown: AlarmMessage) -> None:
        self.board.take(TOPICS.alarm(shown.bed, shown.key), body(shown))

    def snapshot(self, *vital_signs: MetricMessage, run: str = "r1", channels: Any = (), bed: str = "bed-1") -> None:
        at = stamp(self.edge_mono_s)
        fields: dict[str, Any] = {"run": run, "bed": bed, "at": at, "active": True, "valid_for_s": 10.0}
        shown = SnapshotMessage.model_validate(fields | {"vital_signs": vital_signs, "channels": channels})
        self.board.take(TOPICS.snapshot(bed), body(shown))

    def therapy(self, bed: str, *pauses: PauseMessage, run: str = "r1") -> None:
        message = TherapyMessage(run=run, bed=bed, phase="none", orders=(), limits=(), pauses=pauses)
        self.board.take(TOPICS.therapy(bed), body(message))

    def screen(self, width: int = 81, rows: int = 60) -> str:
        picture, note = self.board.screen(width, rows)
        return "\n".join((*picture, *note))


def well(run: str = "r1") -> World:
    """A world in which everything was heard and nothing is present."""
    world = World()
    world.status(run=run)
    world.roster("bed-1", run=run)
    world.index("", run=run)
    world.index("bed-1", run=run)
    world.beat(run)
    world.snapshot(metric("heart_rate_per_min", "80"), run=run)
    return world


def test_no_alarm_is_said_when_all_of_the_current_run_was_heard() -> None:
    screen = well().screen()
    assert CALM in screen
    assert "edge pi-1 at ward-a: running" in screen
    assert "ALARMS UNKNOWN" not in screen


def test_before_anything_came_the_alarms_are_unknown() -> None:
    assert f"{RED}ALARMS UNKNOWN: nothing was heard yet, go to the beds" in World().screen()


@pytest.mark.parametrize(
    ("left_out", "why"),
    [
        ("beat", "the edge is not yet known to be running"),
        ("roster", "the list of beds has not come"),
        ("edge index", "the list of alarms of the edge has not come"),
        ("bed index", "the list of alarms of Bed 1 has not come"),
        ("snapshot", "no fresh data of Bed 1"),
    ],
)
def test_each_thing_that_was_not_heard_makes_the_alarms_unknown(left_out: str, why: str) -> None:
    world = World()
    world.status()
    tell: dict[str, Callable[[], None]] = {
        "roster": lambda: world.roster("bed-1"),
        "edge index": lambda: world.index(""),
        "bed index": world.index,
        "beat": world.beat,
        "snapshot": world.snapshot,
    }
    for what, act in tell.items():
        if what != left_out:
            act()
    assert f"{RED}ALARMS UNKNOWN: {why}, go to the beds" in world.screen(120)
    assert CALM not in world.screen()
    tell[left_out]()
    assert CALM in world.screen()


def test_what_is_of_an_older_run_proves_nothing() -> None:
    for what in ("roster", "index", "snapshot"):
        world = well("r2")
        assert CALM in world.screen()
        if what == "roster":
            world.roster("bed-1", run="r1")
        elif what == "index":
            world.index("bed-1", run="r1")
        else:
            world.snapshot(run="r1")
        assert "ALARMS UNKNOWN" in world.screen()


def test_an_edge_is_lost_after_ten_seconds_and_says_so_in_red() -> None:
    world = well()
    world.wait(10.0)
    assert "pi-1 at ward-a: running" in world.screen()
    world.wait(0.1)
    screen = world.screen()
    assert f"{RED}edge pi-1 at ward-a: LOST" in screen
    assert f"{RED}ALARMS UNKNOWN: the edge is LOST, go to the beds" in screen
    assert "last known, 10 s old:" in screen
    assert CALM not in screen


def test_the_will_and_a_stop_take_effect_at_once() -> None:
    for state, word in (("lost", "LOST"), ("stopped", "stopped")):
        world = well()
        world.wait(2.0)
        world.status(state)
        screen = world.screen()
        assert f"edge pi-1 at ward-a: {word}" in screen
        assert "ALARMS UNKNOWN" in screen
        assert "last known, 2 s old:" in screen
        assert f"{DIM}         HR   80 /min" in screen
    assert "edge pi-1 at ward-a: stopped" in screen


def test_a_lost_broker_takes_effect_at_once_and_all_must_be_heard_anew() -> None:
    world = well()
    world.board.disconnected("127.0.0.1:1883: refused")
    assert "ALARMS UNKNOWN: no broker (127.0.0.1:1883: refused), go to the beds" in world.screen(120)
    assert "last known" in world.screen()
    world.status()  # what the broker kept is no sign of life
    assert "not yet known to be running" in world.screen()
    world.beat()
    assert "the list of alarms of the edge has not come" in world.screen(120)
    world.index("")
    world.index()
    assert CALM in world.screen()


def test_a_snapshot_ages_by_the_clock_of_the_edge() -> None:
    world = well()
    world.edge_mono_s -= 9.0
    world.snapshot(metric("heart_rate_per_min", "80"))  # what the broker kept, nine seconds old when it came
    world.edge_mono_s += 9.0
    assert CALM in world.screen()
    world.wait(1.5)
    world.status()
    assert "no fresh data of Bed 1" in world.screen()
    assert "last known, 10 s old:" in world.screen()


def test_a_bed_of_the_roster_without_data_is_named() -> None:
    world = well()
    world.roster("bed-1", "bed-2")
    world.index("bed-2")
    assert "Bed 2  no data" in world.screen()
    assert "no fresh data of Bed 2" in world.screen()


def test_an_alarm_stays_until_its_own_end() -> None:
    for end in (body(alarm(present=False, signal="off")), b""):
        world = well()
        world.alarm(alarm())
        world.index("bed-1", alarm())
        assert "!!! HIGH for 3 s: Bed 1: heart rate 150 /min" in world.screen(120)
        world.board.take(TOPICS.alarm("bed-1", "HR_HIGH"), end)
        assert CALM in world.screen()


def test_an_alarm_ends_by_an_index_of_the_current_run_without_it_and_by_no_other() -> None:
    world = well("r2")
    world.alarm(alarm(run="r1"))  # what the broker kept of the run before; the index had come already
    assert CALM in world.screen()
    world.alarm(alarm(run="r2", occurrence="r2-1"))  # a new one is told before its index
    world.index("bed-1", run="r1")
    assert "HIGH" in world.screen()
    world.index("bed-1", run="r2")
    assert CALM in world.screen()


def test_an_alarm_that_is_listed_and_did_not_come_is_unknown() -> None:
    world = well()
    world.index("bed-1", alarm())
    assert "ALARMS UNKNOWN: an alarm of Bed 1 has not come (HR_HIGH), go to the beds" in world.screen(120)
    world.alarm(alarm(present=False, signal="off"))
    assert CALM in world.screen()
    world.index("bed-1", alarm(occurrence="r1-2"))
    assert "ALARMS UNKNOWN" in world.screen()


def test_what_cannot_be_read_is_named_and_changes_nothing() -> None:
    world = World()
    for payload in (b"{", b"[]", json.dumps({"schema": "status/1"}).encode(), b"\xff"):
        assert "cannot read" in world.board.take(TOPICS.status, payload)
    assert "messages that could not be read: 4" in world.screen()
    assert "ALARMS UNKNOWN" in world.screen()


def test_fields_of_a_later_version_are_ignored_and_foreign_topics_passed_over() -> None:
    world = World()
    later = json.loads(body(alarm())) | {"mood": "cheerful"}
    assert world.board.take(TOPICS.alarm("bed-1", "HR_HIGH"), json.dumps(later).encode()) == ""
    assert "heart rate 150" in world.screen()
    assert world.board.take("infusion/v1/ward-a/edge", b"x") == ""
    assert world.board.take(TOPICS.self_check, b"{}") == ""
    assert world.board.unreadable == 0


def test_an_event_is_a_line_and_onsets_are_counted() -> None:
    world = well()
    event = EventMessage(run="r1", event_seq=1, phase="start", at=stamp(1000.0), alarm=alarm())
    line = world.board.take(TOPICS.event, body(event))
    assert line.endswith("!!! start      Bed 1: heart rate 150 /min, above the hard limit 140 /min.")
    doubtful = stamp(1000.0).model_copy(update={"synchronised": False, "wall": "soon"})
    ended = event.model_copy(update={"phase": "end", "at": doubtful})
    assert world.board.take(TOPICS.event, body(ended)).startswith("soon?  !!! end")
    assert "1 edge, 1 bed, 2 events; alarms that began: 1 high, 0 medium, 0 low" in world.board.summary()


def test_the_summary_is_sorted_by_priority_and_says_what_is_of_a_lost_edge() -> None:
    world = well()
    low, high = alarm("RR_HIGH", priority="low", text="Breath."), alarm(text="Heart.")
    world.alarm(low)
    world.alarm(high)
    world.index("bed-1", low, high)
    assert world.board.summary().endswith("present now: 2\n  !!! high: Heart.\n  !   low: Breath.")
    world.status("lost")
    assert world.board.summary().endswith(
        "  edge pi-1 at ward-a: LOST; ALARMS UNKNOWN: the edge is LOST, go to the beds\n"
        "  !!! high: Heart. (of an edge that is lost)\n  !   low: Breath. (of an edge that is lost)"
    )


OFF = PauseMessage(reason="off_monitor", by="local:anna", until_mono_s=1901.0)
QUIET = PauseMessage(reason="audio_pause", by="desk:bo", until_mono_s=1063.0)


def test_pauses_in_force_are_shown_though_no_alarm_stands_until_they_end_or_are_ended() -> None:
    world = well()
    world.therapy("bed-1", OFF)
    said = "Bed 1: patient off the monitor (local:anna), 14 min 58 s more; infusion-edge resume bed-1 ends it"
    assert said in world.screen(200).splitlines()
    assert CALM in world.screen()
    world.wait(897.9)
    world.beat()
    assert "off the monitor" not in world.screen(200)
    world = well()
    world.therapy("bed-1", OFF)
    world.therapy("bed-1")
    assert "off the monitor" not in world.screen(200)


def test_a_bed_under_service_is_shown_so() -> None:
    world = well()
    world.therapy("bed-1", PauseMessage(reason="service", by="local:bo", until_mono_s=4603.0))
    said = "Bed 1: UNDER SERVICE, its device alarms are silent (local:bo), 1 h 0 min more; infusion-edge resume bed-1"
    assert f"{said} ends it" in world.screen(200).splitlines()


def test_a_pause_of_all_beds_is_said_once_and_one_of_some_at_each() -> None:
    world = well()
    world.roster("bed-1", "bed-2")
    world.therapy("bed-1", QUIET)
    assert "Bed 1: sound paused (desk:bo), 1 min 0 s more; infusion-edge resume bed-1 ends it" in world.screen(200)
    world.therapy("bed-2", QUIET)
    (said,) = (line for line in world.screen(200).splitlines() if "paused" in line)
    assert said == "All beds: sound paused (desk:bo), 1 min 0 s more; infusion-edge resume ends it"


def test_pauses_of_another_run_and_those_that_were_not_heard_anew_are_not_shown() -> None:
    world = well()
    world.therapy("bed-1", OFF, run="r0")
    assert "monitor (" not in world.screen(200)
    world.therapy("bed-1", OFF)
    world.board.disconnected("h:1: refused")
    assert "monitor (" not in world.screen(200)
    world.beat()
    assert "monitor (" not in world.screen(200)
    world.therapy("bed-1", OFF)
    assert "monitor (" in world.screen(200)


def test_what_cannot_be_read_of_a_therapy_is_named() -> None:
    world = well()
    assert "cannot read" in world.board.take(TOPICS.therapy("bed-1"), b"{}")
    assert world.board.take(TOPICS.therapy("bed-1"), b"") == ""
