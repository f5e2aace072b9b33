"""What the station makes of one edge: alive by heartbeats alone, unknown where something is missing."""

from collections.abc import Callable

import pytest

from edge.messages.alarms import AlarmIndexMessage, AlarmMessage
from edge.messages.requests import KEYS_MAX
from edge.messages.states import RosterMessage, SnapshotMessage, Status
from edge.messages.therapy import TherapyMessage
from station.heard import BEDS_MAX, LOST_AFTER_S, OFFSETS_MAX, Came, Edge
from tests.station import said


def edge(*, connected_at_s: float | None = 0.0) -> Edge:
    made = Edge(said.EDGE)
    if connected_at_s is not None:
        made.connected(connected_at_s)
    return made


def status(one: Edge, came: Came, mono_s: float = 100.0, state: str = "running", run: str = said.RUN) -> None:
    one.take_status(Status.read(said.status(mono_s, state, run)[1]), came)


def roster(one: Edge, *beds: str, run: str = said.RUN) -> None:
    one.take_roster(RosterMessage.read(said.roster(*beds, run=run)[1]))


def index(one: Edge, *alarms: tuple[str, str], bed: str = "bed-1", run: str = said.RUN) -> None:
    one.take_index(AlarmIndexMessage.read(said.index(*alarms, bed=bed, run=run)[1]))


def alarm(one: Edge, told: said.Said) -> None:
    one.take_alarm(AlarmMessage.read(told[1]))


def snapshot(one: Edge, came: Came, mono_s: float = 100.0, run: str = said.RUN, *, active: bool = True) -> None:
    one.take_snapshot(SnapshotMessage.read(said.snapshot(mono_s=mono_s, run=run, active=active)[1]), came)


def present(one: Edge) -> list[str]:
    return sorted(f"{found.bed}/{found.key}" for found in one.present())


def test_nothing_was_heard() -> None:
    assert edge().state(5.0) == "never_heard"
    assert edge().doubt("", 5.0) == "edge_never_heard"


def test_a_heartbeat_that_is_sent_now_proves_that_it_runs_until_ten_seconds_without() -> None:
    one = edge()
    status(one, said.live(1.0))
    assert [one.state(at_s) for at_s in (1.0, 1.0 + LOST_AFTER_S, 1.1 + LOST_AFTER_S)] == ["running", "running", "lost"]


def test_what_the_broker_kept_proves_nothing_and_is_lost_when_no_later_word_comes() -> None:
    one = edge(connected_at_s=1.0)
    status(one, said.kept(1.0))
    assert [one.state(at_s) for at_s in (1.0, 1.0 + LOST_AFTER_S, 1.1 + LOST_AFTER_S)] == [
        "unproven",
        "unproven",
        "lost",
    ]


def test_a_later_heartbeat_proves_that_it_runs_also_where_a_broker_marks_everything_as_kept() -> None:
    one = edge()
    status(one, said.kept(1.0), 100.0)
    status(one, said.kept(2.0), 100.0)
    assert one.state(2.0) == "unproven"
    status(one, said.kept(4.0), 103.0)
    assert one.state(4.0) == "running"


def test_the_first_heartbeat_of_another_run_that_was_kept_proves_nothing() -> None:
    one = edge()
    status(one, said.live(1.0), 500.0)
    status(one, said.kept(2.0), 600.0, run="run-b")
    assert one.state(2.0) == "unproven"


@pytest.mark.parametrize(("told", "state"), [("lost", "lost"), ("stopped", "stopped")])
def test_its_last_word_counts_at_once(told: str, state: str) -> None:
    one = edge()
    status(one, said.live(1.0))
    snapshot(one, said.kept(1.0, expires_in_s=10))
    status(one, said.live(1.5), state=told)
    assert one.state(1.5) == state
    status(one, said.live(2.0), 101.0)
    assert one.state(2.0) == "running"


def test_a_snapshot_that_has_not_expired_proves_that_its_run_lived_a_moment_ago() -> None:
    one = edge()
    snapshot(one, said.kept(50.0, expires_in_s=7))  # sent 3 s ago, or up to one more
    assert one.state(50.0) == "never_heard"
    status(one, said.kept(50.0))
    assert one.state(50.0) == "running"
    assert one.state(46.0 + LOST_AFTER_S) == "running"
    assert one.state(46.1 + LOST_AFTER_S) == "lost"


def test_a_snapshot_of_another_run_proves_nothing() -> None:
    one = edge(connected_at_s=50.0)
    snapshot(one, said.kept(50.0, expires_in_s=10), run="run-b")
    status(one, said.kept(50.0))
    assert one.state(50.0) == "unproven"


def test_a_heartbeat_that_was_held_up_is_as_old_as_it_is() -> None:
    one = edge()
    status(one, said.live(10.0), 100.0)
    status(one, said.live(28.0), 103.0)  # 15 s too late
    assert one.heard_at_s == 13.0
    assert one.state(28.0) == "lost"


def test_the_clock_is_that_of_the_heartbeat_that_was_held_up_least_and_follows_drift() -> None:
    one = edge()
    assert one.clock_offset_s() is None
    status(one, said.kept(10.0), 90.0)
    assert one.clock_offset_s() is None
    for late_s in (0.3, 0.0, 0.2):
        status(one, said.live(10.0 + late_s), 100.0)
    assert one.clock_offset_s() == -90.0
    for number in range(OFFSETS_MAX):
        status(one, said.live(20.5 + number), 110.0 + number)
    assert one.clock_offset_s() == -89.5
    status(one, said.live(1000.0), 5.0, run="run-b")
    assert one.clock_offset_s() == 995.0


@pytest.mark.parametrize(
    ("came", "taken_at_s"),
    [(said.live(50.0), 50.0), (said.kept(50.0, expires_in_s=10), 49.0), (said.kept(50.0, expires_in_s=4), 43.0),
     (said.kept(50.0), None)],
)  # fmt: skip
def test_when_a_snapshot_was_taken_before_the_clock_is_known(came: Came, taken_at_s: float | None) -> None:
    one = edge()
    snapshot(one, came)
    assert one.snapshots["bed-1"][1] == taken_at_s


def test_when_a_snapshot_was_taken_by_the_clock_of_its_edge() -> None:
    one = edge()
    status(one, said.live(10.0), 100.0)
    snapshot(one, said.live(30.0), 112.0)
    assert one.snapshots["bed-1"][1] == 22.0
    snapshot(one, said.live(30.0), 112.0, run="run-b")
    assert one.snapshots["bed-1"][1] == 30.0


def test_alarms_are_known_only_when_everything_that_proves_it_has_come() -> None:
    one = edge(connected_at_s=None)
    assert one.doubt("bed-1", 1.0) == "broker_lost"
    one.connected(1.0)
    status(one, said.kept(1.0))
    assert one.doubt("bed-1", 1.0) == "edge_unproven"
    status(one, said.live(1.0))
    assert one.doubt("bed-1", 1.0) == "no_roster"
    roster(one, "bed-1", run="run-0")
    assert one.doubt("bed-1", 1.0) == "no_roster"
    roster(one, "bed-1")
    assert one.doubt("bed-1", 1.0) == "no_index"
    index(one, run="run-0")
    assert one.doubt("bed-1", 1.0) == "no_index"
    index(one, ("HR_HIGH", "run-a-1"))
    assert one.doubt("bed-1", 1.0) == "alarm_missing"
    alarm(one, said.alarm(occurrence="run-a-0"))
    assert one.doubt("bed-1", 1.0) == "alarm_missing"
    alarm(one, said.alarm())
    assert one.doubt("bed-1", 1.0) == ""
    assert one.doubt("", 1.0) == "no_index"
    assert one.doubt("bed-1", 1.1 + LOST_AFTER_S) == "edge_lost"
    status(one, said.live(2.0), state="stopped")
    assert one.doubt("bed-1", 2.0) == "edge_stopped"


def test_an_alarm_ends_by_its_cleared() -> None:
    one = edge()
    status(one, said.live(1.0))
    alarm(one, said.alarm())
    assert present(one) == ["bed-1/HR_HIGH"]
    alarm(one, said.cleared())
    assert present(one) == []


def test_an_alarm_ends_by_an_index_of_the_current_run_without_it_and_by_no_other() -> None:
    one = edge()
    status(one, said.live(1.0))
    alarm(one, said.alarm())
    alarm(one, said.alarm("SPO2_LOW"))
    index(one, run="run-0")
    index(one, bed="bed-2")
    index(one, bed="")
    assert present(one) == ["bed-1/HR_HIGH", "bed-1/SPO2_LOW"]
    index(one, ("SPO2_LOW", "run-a-1"))
    assert present(one) == ["bed-1/SPO2_LOW"]


def test_the_alarms_of_a_run_before_stand_until_the_index_of_the_new_one() -> None:
    one = edge()
    status(one, said.live(1.0))
    alarm(one, said.alarm())
    index(one, ("HR_HIGH", "run-a-1"))
    status(one, said.live(5.0), 3.0, run="run-b")
    assert present(one) == ["bed-1/HR_HIGH"]
    index(one, run="run-b")
    assert present(one) == []


def test_an_alarm_that_came_after_the_index_stands_if_it_is_of_the_current_run() -> None:
    one = edge()
    status(one, said.live(1.0))
    index(one)
    alarm(one, said.alarm())
    alarm(one, said.alarm("SPO2_LOW", "run-0-7", run="run-0"))
    assert present(one) == ["bed-1/HR_HIGH"]


def test_without_the_broker_nothing_that_must_be_heard_anew_is_trusted_and_no_alarm_ends() -> None:
    one = edge()
    status(one, said.live(1.0))
    roster(one, "bed-1")
    index(one)
    alarm(one, said.alarm())
    one.disconnected(2.0)
    one.connected(8.0)
    assert one.state(8.0) == "unproven"
    assert one.clock_offset_s() is None
    status(one, said.live(9.0), 108.0)
    assert one.doubt("bed-1", 9.0) == "no_index"
    assert present(one) == ["bed-1/HR_HIGH"]


def test_an_edge_that_was_lost_stays_so_until_it_is_heard_again() -> None:
    one = edge()
    status(one, said.live(1.0))
    one.disconnected(12.0)
    one.connected(13.0)
    assert one.state(13.0) == "lost"
    status(one, said.live(14.0), 114.0)
    assert one.state(14.0) == "running"


def test_whether_a_patient_is_there_as_last_known() -> None:
    one = edge()
    assert one.active("bed-1") is None
    for phase, active in (("setup", False), ("closed", False), ("infusing", True), ("recovery", True), ("later", True)):
        one.therapies["bed-1"] = TherapyMessage.read(said.therapy(phase=phase)[1])
        assert one.active("bed-1") is active
    snapshot(one, said.live(1.0), active=False)
    assert one.active("bed-1") is False


def test_the_roster_says_which_beds_there_are() -> None:
    one = edge()
    snapshot(one, said.live(1.0))
    alarm(one, said.alarm(bed="bed-9"))
    assert one.beds() == ["bed-1", "bed-9"]
    roster(one, "bed-3", "bed-2")
    assert (one.beds(), one.label("bed-3"), one.label("bed-7")) == (["bed-3", "bed-2"], "Bed 3", "bed-7")
    assert one.snapshots == {}
    assert present(one) == ["bed-9/HR_HIGH"]


def test_a_faulty_edge_cannot_fill_the_memory() -> None:
    one = edge()
    for number in range(BEDS_MAX):
        one.take_therapy(TherapyMessage.read(said.therapy(f"bed-{number}")[1]))
        one.take_snapshot(SnapshotMessage.read(said.snapshot(f"bed-{number}")[1]), said.live(1.0))
        index(one, bed=f"bed-{number}")
    index(one, bed="")
    for number in range(KEYS_MAX):
        alarm(one, said.alarm(f"KEY_{number}"))
    alarm(one, said.alarm("KEY_0", rev=2))
    more = "more"
    takes: list[Callable[[], None]] = [
        lambda: one.take_therapy(TherapyMessage.read(said.therapy(more)[1])),
        lambda: one.take_snapshot(SnapshotMessage.read(said.snapshot(more)[1]), said.live(1.0)),
        lambda: index(one, bed=more),
        lambda: alarm(one, said.alarm("ONE_MORE")),
    ]
    for take in takes:
        with pytest.raises(ValueError, match="no more than"):
            take()
