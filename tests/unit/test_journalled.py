"""What the journal must have (IEC 60601-1-8, alarm log): each kind of thing that happens leaves its row."""

from __future__ import annotations

from typing import Any

import pytest

from edge.core.config import LOCAL
from edge.core.effects import Journal
from edge.core.inputs import (
    Accept,
    Act,
    AudioPause,
    Basis,
    BrokerLink,
    LinkCause,
    LinkChange,
    Request,
    Resume,
    Role,
    Unusable,
)
from edge.core.model import Alarm, Phase
from tests.core_world import BED, RUN, START_S, World, named, order, place, pump

FAR_BEYOND = "29.4"


def kept(world: World) -> list[tuple[str, dict[str, str]]]:
    effects = [effect for step in world.steps for effect in step.effects]
    return [(effect.kind, dict(effect.body)) for effect in effects if isinstance(effect, Journal)]


def bodies(world: World, kind: str) -> list[dict[str, str]]:
    return [body for found, body in kept(world) if found == kind]


@pytest.fixture
def world() -> World:
    made = World()
    made.step(START_S + 1, BrokerLink(START_S + 1, connected=True, detail="connected"))
    made.step(START_S + 2, place(START_S + 2, order()), pump(START_S + 2, FAR_BEYOND))
    return made


def ask(at_s: float, act: Act, *, role: Role) -> Request:
    return Request("r-1", LOCAL.station, at_s, act, Basis(RUN, at_s), "nurse-7", role)


def found(world: World) -> Alarm:
    alarm = world.alarm("DOSE_RATE_HIGH", BED)
    assert alarm is not None
    return alarm


def test_every_event_has_its_row_with_its_number(world: World) -> None:
    world.run(START_S + 90, lambda at_s: [pump(at_s, FAR_BEYOND if at_s < START_S + 60 else "7")])
    assert len(world.events) > 3
    assert [(body["event_seq"], body["phase"], body["occurrence"]) for body in bodies(world, "alarm")] == [
        (str(event.event_seq), event.phase.value, event.alarm.occurrence) for event in world.events
    ]
    phases = {event.phase for event in world.events if event.alarm.key.condition == "DOSE_RATE_HIGH"}
    assert phases >= {Phase.START, Phase.LATCH}


def test_an_order_is_kept_whole(world: World) -> None:
    (body,) = bodies(world, "request")
    assert (body["bed"], body["result"]) == (BED, "done")
    assert {"drug", "weight_kg", "concentration_mg_per_ml"} <= body.keys()


@pytest.mark.parametrize(
    ("act", "role", "result"),
    [
        ("accept", Role.NURSE, "done"),
        ("accept", Role.TECHNICIAN, "refused"),
        (AudioPause(BED, 60.0), Role.NURSE, "done"),
        (AudioPause("bed-9", 60.0), Role.NURSE, "refused"),
        (Resume(BED), Role.VIEWER, "refused"),
        (Unusable("no-verb", "there is no verb no-verb"), Role.NURSE, "refused"),
    ],
)
def test_every_request_is_kept_with_who_asked_and_what_became_of_it(
    world: World, act: Any, role: Role, result: str
) -> None:
    alarm = found(world)
    before = len(bodies(world, "request"))
    meant = Accept(named(alarm), acknowledge=True) if act == "accept" else act
    world.step(START_S + 3, ask(START_S + 3, meant, role=role))
    (body,) = bodies(world, "request")[before:]
    assert body["result"] == result
    assert body["by"].startswith("local")
    assert (body["reason"] == "") is (result == "done")
    assert body["request_id"] != ""


def test_links_and_the_broker_are_kept_as_they_come_and_go(world: World) -> None:
    world.step(START_S + 3, LinkChange("rack", START_S + 3, up=False, cause=LinkCause.LOST, detail="gone", round_s=1.0))
    world.step(START_S + 4, BrokerLink(START_S + 4, connected=False, detail="refused"))
    world.step(START_S + 5, LinkChange("rack", START_S + 5, up=True, cause=LinkCause.OPENED, detail="", round_s=1.0))
    assert bodies(world, "link") == [
        {"port": "rack", "up": "False", "cause": "lost", "detail": "gone"},
        {"port": "rack", "up": "True", "cause": "opened", "detail": ""},
    ]
    assert bodies(world, "broker") == [
        {"connected": "True", "detail": "connected"},
        {"connected": "False", "detail": "refused"},
    ]


def test_a_pause_is_kept_with_its_end(world: World) -> None:
    world.step(START_S + 3, ask(START_S + 3, AudioPause(BED, 5.0), role=Role.NURSE))
    world.run(START_S + 12, lambda at_s: [pump(at_s, FAR_BEYOND)])
    (begun,) = [body for body in bodies(world, "request") if body["verb"] == "audio-pause"]
    assert (begun["bed"], begun["duration_s"]) == (BED, "5")
    (ended,) = bodies(world, "pause ended")
    assert (ended["bed"], ended["reason"]) == (BED, "audio_pause")
