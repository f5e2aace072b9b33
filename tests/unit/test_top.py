"""The viewer: it shows what came from the broker, and says unknown of what did not."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from edge.messages import (
    AlarmMessage,
    EventMessage,
    MetricMessage,
    RosterBed,
    RosterMessage,
    SnapshotMessage,
    Stamp,
    Status,
    Topics,
)
from edge.top import Board

TOPICS = Topics("ward-a", "pi-1")
AT = Stamp(mono_s=5.0, wall="2026-11-22T10:11:12.000Z", synchronised=True)


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def body(model: Any) -> bytes:
    found: bytes = model.model_dump_json(by_alias=True).encode()
    return found


def status(state: str = "running") -> bytes:
    fields = {"state": state, "edge": "pi-1", "run": "r1", "version": "1", "previous_run": "", "previous_event_seq": 0}
    return body(Status.model_validate({**fields, "mono_s": 5.0, "wall": AT.wall, "synchronised": True}))


def metric(name: str, value: str | None, validity: str = "valid") -> MetricMessage:
    fields = {"name": name, "value": value, "unit": "/min", "validity": validity, "age_s": 0.0}
    return MetricMessage.model_validate({**fields, "source": "m.0", "origin": "", "note": ""})


def snapshot(*vital_signs: MetricMessage) -> bytes:
    return body(
        SnapshotMessage(
            run="r1", bed="bed-1", at=AT, active=True, valid_for_s=10.0, vital_signs=vital_signs, channels=()
        )
    )


def alarm(*, present: bool = True, priority: str = "high") -> AlarmMessage:
    return AlarmMessage.model_validate(
        {
            "run": "r1",
            "key": "HR_HIGH",
            "condition": "HR_HIGH",
            "bed": "bed-1",
            "port": "",
            "channel": "",
            "occurrence": "r1-1",
            "rev": 1,
            "kind": "physiological",
            "audience": "nurse",
            "priority": priority,
            "band": "hard",
            "present": present,
            "verifiable": True,
            "signal": "on",
            "durable": True,
            "text": "Bed 1: heart rate 150 /min, above the hard limit 140 /min.",
            "action": "Go to the patient.",
            "onset": AT,
            "changed": AT,
            "value": Decimal(150),
            "unit": "/min",
            "limit": None,
            "evidence": {},
        }
    )


def board() -> tuple[Board, Clock]:
    clock = Clock()
    return Board(clock), clock


def test_before_anything_came_it_says_so() -> None:
    assert board()[0].screen(80) == "nothing heard yet"


def test_a_bed_without_a_snapshot_has_no_data_and_its_alarms_are_unknown() -> None:
    shown, _ = board()
    roster = RosterMessage(
        run="r1", beds=(RosterBed(bed="bed-1", label="Bed 1", bindings=()),), devices=(), stations_required=()
    )
    shown.take(TOPICS.roster, body(roster))
    assert "Bed 1    no data" in shown.screen(80)
    assert "alarms unknown" in shown.screen(80)


def test_values_are_shown_a_missing_one_as_dashes_and_a_questionable_one_marked() -> None:
    shown, _ = board()
    shown.take(TOPICS.status, status())
    shown.take(
        TOPICS.snapshot("bed-1"),
        snapshot(
            metric("heart_rate_per_min", "80"),
            metric("spo2_percent", None, "not_available"),
            metric("nibp_sys_mmhg", "121", "questionable"),
        ),
    )
    screen = shown.screen(80)
    assert "HR 80   SpO2 --   RR --   BP 121?/--" in screen
    assert "no alarm is present" in screen


def test_an_old_snapshot_is_not_shown_as_live() -> None:
    shown, clock = board()
    shown.take(TOPICS.snapshot("bed-1"), snapshot(metric("heart_rate_per_min", "80")))
    clock.now_s += 11.0
    assert "no data for 11 s" in shown.screen(80)
    assert "HR 80" not in shown.screen(80)


def test_an_edge_that_falls_silent_is_lost_whatever_its_status_says() -> None:
    shown, clock = board()
    shown.take(TOPICS.status, status())
    assert "ward-a/pi-1: running" in shown.screen(80)
    clock.now_s += 10.5
    assert "LOST" in shown.screen(80)


def test_stopped_and_the_will_are_said() -> None:
    shown, _ = board()
    shown.take(TOPICS.status, status("stopped"))
    assert "ward-a/pi-1: stopped" in shown.screen(80)
    shown.take(TOPICS.status, status("lost"))
    assert "ward-a/pi-1: LOST" in shown.screen(80)


def test_an_alarm_stays_until_its_own_end() -> None:
    shown, _ = board()
    topic = TOPICS.alarm("bed-1", "HR_HIGH")
    shown.take(TOPICS.status, status())
    shown.take(topic, body(alarm()))
    assert "!!! Bed 1: heart rate 150 /min" in shown.screen(120)
    shown.take(topic, body(alarm(present=False)))
    assert "no alarm is present" in shown.screen(120)
    shown.take(topic, body(alarm()))
    shown.take(topic, b"")
    assert "no alarm is present" in shown.screen(120)


def test_an_event_is_a_line_and_onsets_are_counted() -> None:
    shown, _ = board()
    line = shown.take(TOPICS.event, body(EventMessage(run="r1", event_seq=1, phase="start", at=AT, alarm=alarm())))
    assert line == "10:11:12  !!! start      Bed 1: heart rate 150 /min, above the hard limit 140 /min."
    shown.take(TOPICS.event, body(EventMessage(run="r1", event_seq=2, phase="end", at=AT, alarm=alarm(present=False))))
    assert "alarms that began: 1 high, 0 medium, 0 low" in shown.summary()


def test_what_cannot_be_read_is_named_and_changes_nothing() -> None:
    shown, _ = board()
    for payload in (b"{", b"[]", json.dumps({"schema": "status/1"}).encode(), b"\xff"):
        assert "cannot read" in shown.take(TOPICS.status, payload)
    assert shown.unreadable == 4
    assert "unknown" in shown.screen(80)


def test_fields_of_a_later_version_are_ignored() -> None:
    shown, _ = board()
    later = json.loads(status()) | {"mood": "cheerful"}
    assert shown.take(TOPICS.status, json.dumps(later).encode()) == ""
    assert "running" in shown.screen(80)


def test_foreign_topics_are_passed_over() -> None:
    shown, _ = board()
    assert shown.take("infusion/v1/ward-a/edge", b"x") == ""
    assert shown.take(TOPICS.alarms("bed-1"), b"{}") == ""
    assert shown.take(TOPICS.alarms(""), b"{}") == ""
