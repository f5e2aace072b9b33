"""Who is heard over the broker, and how much of it: floods harm only who floods, and no bytes stop the edge."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.inputs import Receipt, Request, Unusable
from edge.hearing import BYTES_EACH, RECEIPTS, REQUESTS, STRANGERS, TELL_S, Hearing, another_run
from edge.mqtt import Heard
from tests.small_station import TOPICS

ASK = {"request_id": "r-1", "run": "run-1", "edge_mono_s": 1.0, "user": "u", "role": "technician"}
PAINTED = {"run": "run-1", "audible": True, "beds": [], "displayed": []}


class World:
    def __init__(self) -> None:
        self.now_s = 1000.0
        self.put: list[Request | Receipt] = []
        self.looked: list[tuple[str, bool]] = []
        self.hearing = Hearing(["desk", "office"], lambda: self.now_s, self.put.append, self.look_back)

    def look_back(self, station: str, heard: Heard, *, known: bool) -> None:
        assert heard.topic == TOPICS.request(station, "history")
        self.looked.append((station, known))

    def ask(self, station: str = "desk", times: int = 1, payload: bytes = json.dumps(ASK).encode()) -> int:
        """How many of so many requests come through."""
        before = len(self.put)
        for _ in range(times):
            self.hearing.hear(Heard(TOPICS.request(station, "test-alarm"), payload, retained=False))
        return len(self.put) - before

    def paint(self, station: str = "desk", times: int = 1, *, retained: bool = False) -> int:
        before = len(self.put)
        for _ in range(times):
            self.hearing.hear(Heard(TOPICS.receipt(station), json.dumps(PAINTED).encode(), retained))
        return len(self.put) - before


def test_who_floods_is_heard_in_measure_and_harms_nobody_else() -> None:
    world = World()
    assert world.ask("desk", 10_000) == REQUESTS.at_once
    assert world.paint("desk", 10_000) == RECEIPTS.at_once
    assert world.ask("stranger", 10_000) == STRANGERS.at_once
    assert (world.ask("desk"), world.ask("office"), world.paint("office")) == (0, 1, 1)
    world.now_s += 2
    assert (world.ask("desk", 99), world.paint("desk", 999)) == (2 * REQUESTS.per_s, 2 * RECEIPTS.per_s)
    world.now_s += 3600
    assert world.ask("desk", 10_000) == REQUESTS.at_once


def test_all_that_the_configuration_does_not_name_have_one_measure() -> None:
    world = World()
    assert sum(world.ask(f"stranger-{number}") for number in range(100)) == STRANGERS.at_once
    assert world.paint("another") == 0
    assert len(world.hearing._left) == 1, "names of strangers are not remembered"


def test_long_messages_count_more() -> None:
    world = World()
    assert world.ask(times=100, payload=b"x" * BYTES_EACH) == REQUESTS.at_once / 2


def test_a_flood_is_told_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    world.ask(times=1000)
    world.now_s += TELL_S
    world.ask(times=1000)
    told = [line for line in capsys.readouterr().out.splitlines() if "too much is asked" in line]
    assert len(told) == 2
    assert "station=desk" in told[0]


def test_what_was_kept_is_no_receipt_and_a_request_that_is_refused() -> None:
    world = World()
    assert world.paint(retained=True) == 0
    world.hearing.hear(Heard(TOPICS.request("desk", "test-alarm"), json.dumps(ASK).encode(), retained=True))
    assert isinstance(world.put[-1], Request)
    assert isinstance(world.put[-1].act, Unusable)


@pytest.mark.parametrize("station", ["local", "x" * 65])
def test_who_is_never_heard(station: str) -> None:
    world = World()
    assert world.ask(station) + world.paint(station) == 0


def test_who_asks_for_what_was_is_heard_in_the_same_measure() -> None:
    world = World()
    for station in ("desk", "stranger", *["desk"] * 99):
        world.hearing.hear(Heard(TOPICS.request(station, "history"), b"{}", retained=False))
    assert world.looked == [("desk", True), ("stranger", False), *[("desk", True)] * (int(REQUESTS.at_once) - 1)]
    assert world.put == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=20,
)
NEAR = st.builds(lambda base, more: {**base, **more}, st.sampled_from([ASK, PAINTED]), st.dictionaries(
    st.sampled_from([*ASK, *PAINTED, "rev", "bed", "key", "occurrence", "duration_s"]), JSON, max_size=4
))  # fmt: skip
LEVEL = st.text(max_size=80).filter(lambda text: "/" not in text) | st.sampled_from(["desk", "local", "", "$SYS"])
PAYLOADS = st.binary(max_size=300) | JSON.map(lambda body: json.dumps(body).encode()) | NEAR.map(
    lambda body: json.dumps(body).encode()
)  # fmt: skip


@given(st.lists(st.tuples(LEVEL, st.none() | LEVEL | st.just("accept"), PAYLOADS, st.booleans()), max_size=20))
def test_no_bytes_on_no_topic_stop_the_edge(sent: list[tuple[str, str | None, bytes, bool]]) -> None:
    world = World()
    for station, verb, payload, retained in sent:
        topic = TOPICS.receipt(station) if verb is None else TOPICS.request(station, verb)
        before = len(world.put)
        world.hearing.hear(Heard(topic, payload, retained))
        assert len(world.put) <= before + 1


def status(**fields: Any) -> bytes:
    said = {"state": "running", "edge": "pi-1", "run": "run-2", "version": "1", "previous_run": "", "wall": ""}
    return json.dumps({**said, "previous_event_seq": 0, "mono_s": 1.0, "synchronised": True} | fields).encode()


@pytest.mark.parametrize(
    ("payload", "run"),
    [
        (status(), "run-2"),
        (status(run="x" * 100), "x" * 40),
        (status(run="run-1"), ""),
        (status(run="run-0"), ""),
        (status(state="lost"), "run-2"),
        (status(state="lost", run="run-0"), ""),
        (status(state="stopped"), ""),
        (b"", ""),
        (b"{", ""),
        (status()[:-1] + b" " * 5000, ""),
    ],
)
def test_another_run_is_known_by_its_heartbeat(payload: bytes, run: str) -> None:
    assert another_run(payload, ("run-1", "run-0")) == run
