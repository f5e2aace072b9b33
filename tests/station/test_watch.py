"""The station's own alarms, by table: what is not heard cannot say so."""

import pytest

from station.view import AboutBed, EdgeState
from station.watch import BROKER_LOST_S, NEVER_HEARD_S, SILENCE_S, Seen, Watch


def seen(edge: str, state: EdgeState, *active: bool | None) -> Seen:
    beds = [AboutBed(edge=edge, bed=f"bed-{n}", label=f"Bed {n}", active=one) for n, one in enumerate(active, 1)]
    return Seen(edge, state, tuple(beds))


def watch(connected_at_s: float = 0.0) -> Watch:
    made = Watch(0.0)
    made.broker(connected_at_s, connected=True)
    return made


@pytest.mark.parametrize(
    ("state", "active", "wanted"),
    [
        ("running", (True,), []),
        ("unproven", (True,), []),
        ("lost", (True,), [("EDGE_LOST", "high")]),
        ("lost", (False, True), [("EDGE_LOST", "high")]),
        ("lost", (False, None), [("EDGE_LOST", "high")]),
        ("lost", (), [("EDGE_LOST", "high")]),
        ("lost", (False, False), [("EDGE_LOST", "medium")]),
        ("stopped", (True,), [("EDGE_STOPPED", "high")]),
        ("stopped", (None,), [("EDGE_STOPPED", "high")]),
        ("stopped", (False,), []),
        ("never_heard", (), [("EDGE_NEVER_HEARD", "medium")]),
    ],
)
def test_what_an_edge_is_and_what_is_told(
    state: EdgeState, active: tuple[bool | None, ...], wanted: list[tuple[str, str]]
) -> None:
    told = watch().judge(NEVER_HEARD_S + 0.1, [seen("pi-1", state, *active)])
    assert [(alarm.key, alarm.priority) for alarm in told] == wanted
    assert all(alarm.audible and alarm.rev == 1 and alarm.edges == ("pi-1",) for alarm in told)


def test_an_edge_has_ten_seconds_to_be_heard_from_when_the_broker_came() -> None:
    one = watch(connected_at_s=5.0)
    assert one.judge(5.0 + NEVER_HEARD_S, [seen("pi-1", "never_heard")]) == []
    assert len(one.judge(5.1 + NEVER_HEARD_S, [seen("pi-1", "never_heard")])) == 1


def test_one_lost_switch_is_one_alarm_that_lists_its_beds() -> None:
    one = watch()
    edges = [seen("pi-1", "lost", True, False), seen("pi-2", "running", True), seen("pi-3", "lost", False)]
    (told,) = one.judge(20.0, edges)
    assert (told.edges, [(bed.edge, bed.bed) for bed in told.beds]) == (
        ("pi-1", "pi-3"),
        [("pi-1", "bed-1"), ("pi-1", "bed-2"), ("pi-3", "bed-1")],
    )


def test_the_broker_is_missed_from_the_start() -> None:
    one = Watch(100.0)
    assert one.judge(100.0 + BROKER_LOST_S, [seen("pi-1", "never_heard")]) == []
    (told,) = one.judge(100.1 + BROKER_LOST_S, [seen("pi-1", "never_heard")])
    assert (told.key, told.priority, told.edges) == ("BROKER_LOST", "high", ("pi-1",))


def test_without_the_broker_the_silence_of_the_edges_is_not_told_beside_it() -> None:
    one = watch()
    one.broker(50.0, connected=False)
    one.broker(55.0, connected=False)
    assert [alarm.key for alarm in one.judge(60.1, [seen("pi-1", "lost", True)])] == ["BROKER_LOST"]
    one.broker(70.0, connected=True)
    assert one.judge(70.0, [seen("pi-1", "unproven", True)]) == []


def test_a_short_break_of_the_broker_does_not_sound_anew_what_was_silenced() -> None:
    one = watch()
    lost = [seen("pi-1", "lost", True)]
    one.judge(20.0, lost)
    assert one.silence("EDGE_LOST", 1, "", 21.0)
    one.broker(22.0, connected=False)
    one.judge(23.0, lost)
    one.broker(24.0, connected=True)
    (told,) = one.judge(25.0, lost)
    assert (told.rev, told.audible, told.since_s) == (1, False, 20.0)


def test_it_ends_when_its_cause_does() -> None:
    one = watch()
    one.judge(20.0, [seen("pi-1", "lost", True)])
    assert one.judge(21.0, [seen("pi-1", "running", True)]) == []
    (told,) = one.judge(30.0, [seen("pi-1", "lost", True)])
    assert (told.rev, told.since_s) == (1, 30.0)


def test_a_silence_ends_by_itself_and_sounds_again() -> None:
    one = watch()
    lost = [seen("pi-1", "lost", True)]
    one.judge(20.0, lost)
    assert one.silence("EDGE_LOST", 1, "kari", 30.0)
    (told,) = one.judge(31.0, lost)
    assert (told.audible, told.silenced_until_s, told.silenced_by, told.rev) == (False, 30.0 + SILENCE_S, "kari", 1)
    (told,) = one.judge(30.0 + SILENCE_S, lost)
    assert (told.audible, told.silenced_until_s, told.silenced_by, told.rev) == (True, None, "", 2)


def test_an_edge_more_and_a_higher_priority_break_a_silence() -> None:
    one = watch()
    one.judge(20.0, [seen("pi-1", "lost", False)])
    assert one.silence("EDGE_LOST", 1, "", 21.0)
    (told,) = one.judge(22.0, [seen("pi-1", "lost", True)])
    assert (told.rev, told.audible, told.priority) == (2, True, "high")
    assert one.silence("EDGE_LOST", 2, "", 23.0)
    (told,) = one.judge(24.0, [seen("pi-1", "lost", True), seen("pi-2", "lost", False)])
    assert (told.rev, told.audible) == (3, True)
    assert one.silence("EDGE_LOST", 3, "", 25.0)
    (told,) = one.judge(26.0, [seen("pi-2", "lost", False)])
    assert (told.rev, told.audible, told.priority) == (3, False, "medium")


def test_only_what_was_painted_is_silenced() -> None:
    one = watch()
    assert not one.silence("EDGE_LOST", 1, "", 1.0)
    one.judge(20.0, [seen("pi-1", "lost", True)])
    assert not one.silence("EDGE_LOST", 2, "", 21.0)
    assert not one.silence("EDGE_STOPPED", 1, "", 21.0)
    (told,) = one.judge(22.0, [seen("pi-1", "lost", True)])
    assert told.audible
