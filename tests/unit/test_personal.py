"""No name and no personal number enters a topic or a payload: what is refused or warned of, where free text goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from edge import asking
from edge.config import load
from edge.core.effects import Publish
from edge.core.inputs import Accept, Acknowledge, Role, Unusable
from edge.core.therapy_acts import Close, ConfirmOrder, EndInfusion
from edge.personal import has_number, is_like_name
from tests.contents import wire
from tests.core_world import BED, instant, named
from tests.therapy_requests import BODIES
from tests.therapy_world import CASE, HERE, Treated, entered
from tests.unit.config_files import EDGE, SECOND_BED, SECOND_PUMP, changed, put

NUMBERS = [
    "01019012345",
    "010190 12345",
    "010190-12345",
    "k-41019012345",
    "81019012345x",
    "of 01019012345, bed 2",
    "99999999999",
    "9001011234",
    "900101-1234",
    "311290-1234",
    "19900101-1234",
    "199001011234",
]
NO_NUMBERS = [
    "",
    "k-1047",
    "nurse-12",
    "0101901234567",
    "1234567890123",
    "9999999999",
    "0099001234",
    "123456",
    "2026-09-21 15:37",
    "12.5 mg at 130 bpm, then 1000000 ng",
]
NAMES = ["Kari Nordmann", "Nordmann, Kari", "Nordmann, K.", "Åse-Marie Øvrebø", "Mr Smith", "pasient 3", "O'Neill Ann"]
PLACES = ["Bed 1", "Bed 12 B", "Recovery North", "Seng Vindu", "Room Left", "Bed", "Nordmann", "intensive care", "A 1"]


@pytest.mark.parametrize("text", NUMBERS)
def test_a_personal_number_is_known(text: str) -> None:
    assert has_number(text)


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_another_number_is_not_taken_for_one(text: str) -> None:
    assert not has_number(text)


def test_a_label_that_looks_like_a_name_is_known() -> None:
    assert [is_like_name(label) for label in NAMES] == [True] * len(NAMES)
    assert [label for label in PLACES if is_like_name(label)] == []


@pytest.mark.parametrize(
    ("verb", "field"), [("start-patient", "case"), ("test-alarm", "user"), ("override", "reason"), ("close", "case")]
)
def test_a_personal_number_in_a_request_is_refused_with_the_remedy_and_not_said_again(verb: str, field: str) -> None:
    head = {"request_id": "ask-1", "run": "run-1", "edge_mono_s": 12.5, "user": "ann", "role": "nurse"}
    body = head | BODIES.get(verb, {}) | {field: "01019012345"}
    request = asking.request("desk", verb, json.dumps(body).encode(), 99.0)
    assert request.act == Unusable(verb, f"{field}: looks like a personal number; {asking.PERSONAL[field]}")
    assert request.request_id == "ask-1"
    assert "01019012345" not in repr(request)


@pytest.mark.parametrize(
    ("edit", "key", "reason"),
    [
        (('label = "Bed 2"', 'label = "Nordmann, Kari"'), "bed[1].label", "looks like a person's name"),
        (('label = "Bed 2"', 'label = "010190 12345"'), "bed[1].label", "looks like a personal number"),
        (('id = "bed-2"', 'id = "b01019012345"'), "bed[1].id", "looks like a personal number"),
    ],
)
def test_check_config_warns_of_a_person_in_the_names(
    edit: tuple[str, str], key: str, reason: str, tmp_path: Path
) -> None:
    ward = f"{EDGE}\n{SECOND_PUMP}{SECOND_BED}"
    assert load(put(tmp_path, ward), tmp_path).warnings == ()
    (warning,) = load(put(tmp_path, changed(ward, edit)), tmp_path).warnings
    assert (warning.key, reason in warning.message) == (key, True)
    assert warning.remedy


# --- where free text goes ---

USER, WHY = "quisling-7", "because-of-xyzzy"
ALLOWED = {
    ("therapy", "by"),
    ("therapy", "confirmed_by"),
    ("therapy", "user"),
    ("therapy", "origin"),
    ("therapy", "reason"),
    ("alarm", "by"),
    ("alarm", "origin"),
    ("alarm", "limit_origin"),
    ("alarm", "order"),
    ("event", "by"),
    ("event", "origin"),
    ("event", "limit_origin"),
    ("event", "order"),
}
"""As docs/mqtt.md says: kinds of message, and fields of them."""


def strings(said: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a message, with the name of its field."""
    if isinstance(said, dict):
        for name, value in said.items():
            yield name, name
            yield from strings(value, name)
    elif isinstance(said, list):
        for value in said:
            yield from strings(value, field)
    elif isinstance(said, str):
        yield field, said


def treatment() -> Treated:
    """A therapy with a reason wherever one may be given, asked by one whose name can be told again."""
    nurse, doctor = (USER, Role.NURSE), (f"dr-{USER}", Role.PRESCRIBER)
    world = Treated()
    world.starts()
    world.does(doctor, entered(maximum_mg_per_kg_per_h=Decimal("2.5"), reason=WHY, sure=True))
    world.does(nurse, ConfirmOrder(HERE, 1))
    world.rate = "16.8"
    world.infuses()
    world.wait(90)
    alarm = world.alarm("DOSE_RATE_HIGH", BED)
    assert alarm is not None
    world.does(nurse, Accept(named(alarm)))
    world.does(nurse, Acknowledge(named(alarm)))
    world.stops()
    world.does(nurse, EndInfusion(BED, CASE))
    world.does(nurse, Close(BED, CASE, WHY))
    return world


def test_free_text_of_a_request_goes_where_the_contract_says_and_nowhere_else() -> None:
    messages = wire()
    found: set[tuple[str, str]] = set()
    for step in treatment().steps:
        for effect in step.effects:
            if not isinstance(effect, Publish):
                continue
            outgoing = messages.encode(effect.content, instant(1.0))
            assert USER not in outgoing.topic
            assert WHY not in outgoing.topic
            payload = outgoing.payload if isinstance(outgoing.payload, bytes) else outgoing.payload()
            said = json.loads(payload or b"{}")
            kind = said.get("schema", "").partition("/")[0]
            found |= {(kind, field) for field, text in strings(said) if USER in text or WHY in text}
    assert found == ALLOWED
