"""Pages of history: trends and past events, bounded, in threads of their own, whatever is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import history as module
from edge import store_reading
from edge.core.model import Instant
from edge.history import ALL_WAITING_MAX, REQUEST_MAX, WAITING_MAX, Here, History
from edge.messages.events import HistoryMessage
from edge.rows import JournalRow
from edge.store import Transaction
from edge.trends import SLOTS, STEP_S, Trends
from tests.unit.stores import Opened
from tests.unit.test_trends import metric, shown

NOW_S = 60_000.0
WALL_S = 1_790_000_000.0


class World:
    """A history over a store's file that a test fills, and what it answered."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trends = Trends()
        self.synchronised = True
        self.pages: list[HistoryMessage] = []
        self._came = threading.Condition()
        self.history = History(self.trends, path, here=self._here, deliver=self._deliver)

    def _here(self) -> Here:
        return Here("run-2", "boot-2", Instant(NOW_S, WALL_S, self.synchronised))

    def _deliver(self, call: Callable[[], None]) -> None:
        with self._came:
            call()
            self._came.notify_all()

    def reply(self, page: bytes) -> None:
        self.pages.append(HistoryMessage.model_validate_json(page))

    def wait(self, number: int) -> list[HistoryMessage]:
        with self._came:
            assert self._came.wait_for(lambda: len(self.pages) >= number, 15.0)
            pages, self.pages = self.pages, []
        return pages

    def ask(self, **fields: Any) -> HistoryMessage:
        self.history.ask("desk", asked(**fields), self.reply)
        (page,) = self.wait(1)
        return page

    def all_pages(self, **fields: Any) -> list[HistoryMessage]:
        pages = [self.ask(**fields)]
        while pages[-1].next_page:
            assert len(pages) < 50
            pages.append(self.ask(**fields, page=pages[-1].next_page))
        return pages


NO_PAGE = "that is no page: give the next_page of an answer to the same request, or none"


def asked(**fields: Any) -> bytes:
    basis = {"request_id": "r-1", "run": "run-2", "edge_mono_s": NOW_S, "bed": "bed-1", "what": "trend"}
    return json.dumps(basis | fields).encode()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "store.db")


def fill_trends(world: World, *names: str) -> None:
    for second in range(0, 7200, 5):
        at_s = NOW_S - 7200 + second
        world.trends.note(shown(*(metric(name, f"{second % 100}.5") for name in names)), at_s)


def test_the_last_hour_is_told_by_default(world: World) -> None:
    fill_trends(world, "spo2_percent", "heart_rate_per_min")
    page = world.ask()
    assert (page.result, page.reason, page.request_id, page.run, page.bed) == ("done", "", "r-1", "run-2", "bed-1")
    assert (page.from_mono_s, page.until_mono_s, page.step_s) == (NOW_S - 3600, NOW_S, STEP_S)
    assert (page.next_page, page.trends_left_out, page.events) == ("", 0, ())
    assert [trend.name for trend in page.trends] == ["heart_rate_per_min", "spo2_percent"]
    first = page.trends[0]
    assert (first.first_mono_s, len(first.low), len(first.high), len(first.marks)) == (NOW_S - 3600, 360, 360, 360)
    assert (first.low[:2], first.high[:2]) == (
        (Decimal("0.5"), Decimal("10.5")),
        (Decimal("5.5"), Decimal("15.5")),
    )


def test_a_gap_is_null_and_nothing_is_zero(world: World) -> None:
    world.trends.note(shown(metric()), NOW_S - 50)
    world.trends.note(shown(metric()), NOW_S - 20)
    (trend,) = world.ask(from_ago_s=60).trends
    assert (trend.first_mono_s, trend.marks) == (NOW_S - 60, "-v--v")
    assert trend.low == trend.high == (None, Decimal(80), None, None, Decimal(80))


def test_a_part_is_told_by_seconds_ago_or_by_the_edges_clock_and_of_the_values_that_are_named(world: World) -> None:
    fill_trends(world, "a", "b", "c")
    ago = world.ask(from_ago_s=100, until_ago_s=50, metrics=["b", "x"])
    clock = world.ask(from_mono_s=NOW_S - 100, until_mono_s=NOW_S - 50, metrics=["b"])
    assert [(trend.name, len(trend.low)) for trend in ago.trends] == [("b", 6)]
    assert ago == clock


def test_many_values_come_in_pages_that_hold_each_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POINTS_MAX", 800)
    names = [f"value_{number}" for number in range(7)]
    fill_trends(world, *names)
    pages = world.all_pages()
    assert [len(page.trends) for page in pages] == [2, 2, 2, 1]
    assert [trend.name for page in pages for trend in page.trends] == names
    assert {trend.first_mono_s for page in pages for trend in page.trends} == {NOW_S - 3600}


def test_a_value_that_is_longer_than_a_page_comes_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POINTS_MAX", 100)
    fill_trends(world, "a", "b")
    assert [[trend.name for trend in page.trends] for page in world.all_pages()] == [["a"], ["b"]]


def test_twelve_hours_of_a_value_are_one_page_of_bounded_size(world: World) -> None:
    for slot in range(SLOTS + 10):
        world.trends.note(shown(metric("a", "1234.567891"), metric("b")), float(slot * STEP_S))
    page = world.ask(from_mono_s=0)
    assert [len(trend.low) for trend in page.trends] == [SLOTS]
    assert page.next_page != ""
    assert len(page.model_dump_json()) < 160_000


def test_a_bed_that_nobody_knows_has_no_trend(world: World) -> None:
    assert world.ask(bed="bed-9").trends == ()


def write(world: World, *rows: tuple[str, float, dict[str, str]], run: str = "run-2", boot: str = "boot-2") -> None:
    opened = Opened(world.path, run, boot)
    journal = tuple(
        JournalRow(run, kind, "2026-09-21T14:13:20.000Z", synchronised=True, mono_s=mono_s, body=json.dumps(body))
        for kind, mono_s, body in rows
    )
    opened.commit(Transaction(1, journal=journal))
    opened.close()


def row(number: int, bed: str = "bed-1") -> tuple[str, float, dict[str, str]]:
    return "alarm", NOW_S - 1000 + number, {"bed": bed, "phase": "start", "n": str(number)}


def numbers(*pages: HistoryMessage) -> list[str]:
    return [event.body["n"] for page in pages for event in page.events]


def test_the_events_of_a_bed_come_newest_first_with_their_words(world: World) -> None:
    write(world, row(1), row(2, "bed-2"), row(3), ("link", NOW_S, {"port": "rack", "n": "4"}))
    page = world.ask(what="events")
    assert numbers(page) == ["3", "1"]
    newest = page.events[0]
    assert (newest.row, newest.run, newest.kind, newest.age_s) == (3, "run-2", "alarm", 997.0)
    assert newest.body == {"bed": "bed-1", "phase": "start", "n": "3"}
    assert newest.at.model_dump() == {"mono_s": 59003.0, "wall": "2026-09-21T14:13:20.000Z", "synchronised": True}
    assert numbers(world.ask(what="events", bed="")) == ["4"]


def test_events_are_told_of_the_time_that_is_asked_for(world: World) -> None:
    write(world, *(row(number) for number in range(0, 1000, 100)))
    assert numbers(world.ask(what="events", from_ago_s=500, until_ago_s=200)) == ["800", "700", "600", "500"]
    assert numbers(world.ask(what="events", from_mono_s=NOW_S - 150)) == ["900"]


def test_many_events_come_in_pages_that_hold_each_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVENTS_MAX", 3)
    monkeypatch.setattr(module, "SCANNED_MAX", 7)
    write(world, *(row(number, "bed-1" if number < 9 or number > 30 else "bed-2") for number in range(40)))
    pages = world.all_pages(what="events")
    assert numbers(*pages) == [str(number) for number in range(39, -1, -1) if number < 9 or number > 30]
    assert max(len(page.events) for page in pages) == 3
    assert min(len(page.events) for page in pages) == 0


def test_rows_of_another_boot_are_dated_by_clocks_that_were_known_or_have_no_age(world: World) -> None:
    write(world, ("alarm", 5.0, {"bed": "bed-1", "n": "old"}), run="run-1", boot="boot-1")
    write(world, row(1))
    assert [event.age_s for event in world.ask(what="events").events] == [999.0, WALL_S - 1790000000.0]
    world.synchronised = False
    page = world.ask(what="events", from_ago_s=2000)
    assert [(event.body["n"], event.age_s) for event in page.events] == [("1", 999.0), ("old", None)]


def test_a_body_that_is_no_object_belongs_to_no_bed(world: World) -> None:
    opened = Opened(world.path, "run-2", "boot-2")
    for mark, body in enumerate(("no JSON", "[1]", '{"n": 1, "bed": ""}')):
        at = JournalRow("run-2", "odd", "no time", synchronised=True, mono_s=NOW_S, body=body)
        opened.commit(Transaction(mark, journal=(at,)))
    opened.close()
    assert [event.body for event in world.ask(what="events", bed="").events] == [{"n": "1", "bed": ""}, {}, {}]


def test_a_store_that_cannot_be_read_is_said(world: World) -> None:
    page = world.ask(what="events")
    assert (page.result, page.events) == ("refused", ())
    assert page.reason.startswith(f"there is no {world.path}")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"from_ago_s": 10, "until_ago_s": 20}, "it begins after its end"),
        ({"from_ago_s": -1}, "from_ago_s: Input should be greater than or equal to 0"),
        ({"what": "all"}, "what: Input should be 'trend' or 'events'"),
        ({"metrics": ["x"] * 33}, "metrics: Tuple should have at most 32 items after validation, not 33"),
        ({"page": "1.2"}, NO_PAGE),
        ({"page": "1.2.-3"}, NO_PAGE),
        (
            {"page": "²", "what": "events"},
            "that is no page: give the next_page of an answer to the same request, or none",
        ),
        ({"bed": "x" * REQUEST_MAX}, f"longer than {REQUEST_MAX} bytes"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_reason(world: World, fields: dict[str, Any], reason: str) -> None:
    page = world.ask(**fields)
    assert (page.result, page.reason, page.trends, page.next_page) == ("refused", reason, (), "")


def test_a_refusal_of_the_caller_is_told(world: World) -> None:
    world.history.ask("stranger", asked(), world.reply, "you may not")
    assert [(page.request_id, page.result, page.reason) for page in world.pages] == [("r-1", "refused", "you may not")]


@given(
    st.binary(max_size=200) | st.dictionaries(st.text(max_size=9), st.integers()).map(lambda d: json.dumps(d).encode())
)
def test_whatever_is_sent_is_answered(payload: bytes) -> None:
    world = World(Path("/nowhere"))
    world.history.ask("desk", payload, world.reply)
    assert world.wait(1)[0].result == "refused"


@given(st.fixed_dictionaries({}, optional={
    "from_mono_s": st.floats(allow_nan=False, allow_infinity=False),
    "until_mono_s": st.floats(allow_nan=False, allow_infinity=False),
    "page": st.from_regex(r"\A[0-9]{1,18}(\.[0-9]{1,18}){0,2}\Z"),
    "what": st.sampled_from(["trend", "events"]),
}))  # fmt: skip
def test_whatever_time_and_page_is_asked_for_is_answered(fields: dict[str, Any]) -> None:
    world = World(Path("/nowhere"))
    world.trends.note(shown(metric()), NOW_S)
    page = world.ask(**fields)
    assert page.result in ("done", "refused")
    assert sum(len(trend.low) for trend in page.trends) <= SLOTS


def test_who_does_not_wait_is_refused_and_others_are_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    read = store_reading.read_past
    monkeypatch.setattr(store_reading, "read_past", lambda *given: goes_on.wait(5.0) and read(*given))
    write(world, row(1))
    for _ in range(WAITING_MAX):
        world.history.ask("desk", asked(what="events"), world.reply)
    refused = "too many pages are waited for: wait for the answer before asking again"
    assert world.ask(what="events").reason == refused
    world.history.ask("other", asked(what="trend"), world.reply)  # the disk hangs: trends come all the same
    assert [page.what for page in world.wait(1)] == ["trend"]
    for number in range(ALL_WAITING_MAX - WAITING_MAX):
        world.history.ask(f"station-{number}", asked(what="events"), world.reply)
    world.history.ask("last", asked(), world.reply)
    assert [page.reason for page in world.wait(1)] == [refused]
    goes_on.set()
    assert [numbers(page) for page in world.wait(ALL_WAITING_MAX)] == [["1"]] * ALL_WAITING_MAX
    assert world.ask(what="events").result == "done"


def test_a_fault_of_a_page_is_that_pages_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    write(world, row(1))
    faults = [ZeroDivisionError()]
    read = store_reading.read_past

    def reading(*given: Any) -> Any:
        if faults:
            raise faults.pop()
        return read(*given)

    monkeypatch.setattr(store_reading, "read_past", reading)
    assert world.ask(what="events").reason == "the edge failed to make this page: its log says why"
    assert numbers(world.ask(what="events")) == ["1"]


@pytest.mark.parametrize("field", ["bed", "user"])
def test_a_personal_number_is_refused_with_the_remedy_and_not_said_again(tmp_path: Path, field: str) -> None:
    world = World(tmp_path / "edge.db")
    page = world.ask(**{field: "01019012345"})
    assert (page.result, page.request_id) == ("refused", json.loads(asked())["request_id"])
    assert page.reason == f"{field}: looks like a personal number; {module.PERSONAL[field]}"
    assert "01019012345" not in page.model_dump_json()
