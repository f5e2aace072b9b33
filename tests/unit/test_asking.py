"""What stations send, in the core's words: what is understood, what is refused, and to whom that is answered."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import asking
from edge.asking import PAYLOAD_MAX
from edge.core.inputs import (
    Accept,
    AcceptBed,
    Acknowledge,
    Act,
    AudioPause,
    Basis,
    ConfirmDevice,
    Named,
    OffMonitor,
    RaiseTestAlarm,
    Reassert,
    Receipt,
    Request,
    Reset,
    Resume,
    Role,
    Service,
    Unusable,
)
from edge.messages.requests import KEYS_MAX
from edge.messages.verbs import REQUESTS
from tests import therapy_requests

HEAD = {"request_id": "ask-1", "run": "run-1", "edge_mono_s": 12.5, "user": "anna", "role": "nurse"}
OF_ALARM = {"bed": "bed-1", "key": "AIR.rack.11", "occurrence": "run-1-3", "rev": 2}
NAMED = Named("bed-1", "AIR.rack.11", "run-1-3", 2)
OF_DEVICE = {"bed": "bed-1", "port": "rack", "channel": "11", "serial_number": "01234"}
OF_ALARMS: dict[str, dict[str, Any]] = {
    "accept": OF_ALARM,
    "acknowledge": OF_ALARM,
    "reset": OF_ALARM,
    "audio-pause": {"bed": "bed-1"},
    "off-monitor": {"bed": "bed-1"},
    "service": {"bed": "bed-1"},
    "bed-accepted": {"bed": "bed-1", "result": "accepted", "sheet_sha256": "a" * 64},
    "resume": {"bed": "bed-1"},
    "confirm-device": OF_DEVICE,
    "test-alarm": {},
    "reassert": {},
}
BODIES = OF_ALARMS | therapy_requests.BODIES


def said(verb: str = "acknowledge", **changes: Any) -> bytes:
    return json.dumps(HEAD | BODIES[verb] | changes).encode()


def read(verb: str, payload: bytes, *, retained: bool = False) -> Request:
    return asking.request("desk", verb, payload, 99.0, retained=retained)


UNDERSTOOD: list[tuple[str, dict[str, Any], Act]] = [
    ("accept", {}, Accept(NAMED)),
    ("accept", {"acknowledge": True}, Accept(NAMED, acknowledge=True)),
    ("acknowledge", {}, Acknowledge(NAMED)),
    ("reset", {}, Reset(NAMED)),
    ("audio-pause", {"duration_s": 60}, AudioPause("bed-1", 60.0)),
    ("audio-pause", {}, AudioPause("bed-1", 120.0)),
    ("off-monitor", {"duration_s": 1e9}, OffMonitor("bed-1", 1e9)),
    ("service", {}, Service("bed-1", 3600.0)),
    ("service", {"duration_s": 0}, Service("bed-1", 0.0)),
    ("bed-accepted", {}, AcceptBed("bed-1", "accepted", "a" * 64)),
    ("resume", {}, Resume("bed-1")),
    ("resume", {"bed": ""}, Resume("")),
    ("confirm-device", {}, ConfirmDevice("bed-1", "rack", "11", "01234")),
    ("test-alarm", {}, RaiseTestAlarm()),
    ("reassert", {}, Reassert()),
]


@pytest.mark.parametrize(("verb", "changes", "act"), UNDERSTOOD)
def test_each_verb_is_understood(verb: str, changes: dict[str, Any], act: Act) -> None:
    expected = Request("ask-1", "desk", 99.0, act, Basis("run-1", 12.5), user="anna", role=Role.NURSE)
    assert read(verb, said(verb, **changes)) == expected


def test_every_verb_is_tried_here() -> None:
    assert set(BODIES) == set(REQUESTS)


@pytest.mark.parametrize("verb", BODIES)
def test_fields_of_a_later_version_are_ignored(verb: str) -> None:
    assert read(verb, said(verb, colour="red", nested={"a": [1, {"b": None}]})) == read(verb, said(verb))


def test_who_says_nothing_of_a_user_is_a_viewer() -> None:
    bare = {name: value for name, value in (HEAD | OF_ALARM).items() if name not in ("user", "role")}
    request = read("acknowledge", json.dumps(bare).encode())
    assert (request.user, request.role) == ("", Role.VIEWER)


@pytest.mark.parametrize("role", Role)
def test_each_role_is_understood(role: Role) -> None:
    assert read("acknowledge", said(role=role.name.lower())).role is role


# --- what cannot be used ---

UNUSABLE: dict[str, tuple[str, bytes, str, str]] = {
    "no such verb": ("dance", said(), "ask-1", "there is no verb dance"),
    "no verb": ("", said(), "ask-1", "there is no verb "),
    "a verb in capitals": ("Accept", said(), "ask-1", "there is no verb Accept"),
    "the wrong revision type": ("acknowledge", said(rev="second"), "ask-1", "rev: "),
    "half a revision": ("acknowledge", said(rev=1.5), "ask-1", "rev: "),
    "the wrong text type": ("acknowledge", said(bed=7), "ask-1", "bed: "),
    "null": ("acknowledge", said(key=None), "ask-1", "key: "),
    "no such role": ("acknowledge", said(role="god"), "ask-1", "role: "),
    "a time that is none": ("acknowledge", said(edge_mono_s=float("nan")), "ask-1", "edge_mono_s: "),
    "a time without end": ("acknowledge", said(edge_mono_s=float("inf")), "ask-1", "edge_mono_s: "),
    "a duration that is none": ("audio-pause", said("audio-pause", duration_s=float("nan")), "ask-1", "duration_s: "),
    "a duration without end": ("off-monitor", said("off-monitor", duration_s=float("inf")), "ask-1", "duration_s: "),
    "a duration of nothing": ("audio-pause", said("audio-pause", duration_s=0), "ask-1", "duration_s: "),
    "a duration backwards": ("audio-pause", said("audio-pause", duration_s=-1), "ask-1", "duration_s: "),
    "a long user": ("acknowledge", said(user="x" * 65), "ask-1", "user: "),
    "a long key": ("acknowledge", said(key="x" * 201), "ask-1", "key: "),
    "no id": ("acknowledge", b"{}", "", "request_id: "),
    "an empty id": ("acknowledge", said(request_id=""), "", "request_id: "),
    "an id that is no text": ("acknowledge", said(request_id=7), "", "request_id: "),
    "a list": ("acknowledge", b'["ask-1"]', "", "message: "),
    "a number": ("acknowledge", b"17", "", "message: "),
    "nothing": ("acknowledge", b"", "", "message: "),
    "no JSON": ("acknowledge", b"acknowledge it!", "", "message: "),
    "half of it": ("acknowledge", said()[:-9], "", "message: "),
    "no text": ("acknowledge", b"\xff\xfe\x00\x80", "", "message: "),
    "deep": ("acknowledge", b"[" * 100_000, "", "message: "),
    "deep inside": ("acknowledge", b'{"request_id":' + b"[" * 100_000, "", "message: "),
    "another message": ("acknowledge", said("acknowledge", schema="pause-request/1"), "ask-1", "schema: "),
}


@pytest.mark.parametrize(("verb", "payload", "request_id", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_understood_is_answered_if_it_says_whom(
    verb: str, payload: bytes, request_id: str, reason: str
) -> None:
    request = read(verb, payload)
    assert isinstance(request.act, Unusable)
    assert (request.request_id, request.station, request.received_at_s) == (request_id, "desk", 99.0)
    assert (request.act.verb, request.act.reason[: len(reason)], request.basis) == (verb, reason, None)


@pytest.mark.parametrize("missing", [*HEAD, *OF_ALARM])
def test_what_lacks_a_field_that_it_needs_is_refused_by_its_name(missing: str) -> None:
    fields = {name: value for name, value in (HEAD | OF_ALARM).items() if name != missing}
    act = read("acknowledge", json.dumps(fields).encode()).act
    reason = f"{missing}: Field required"
    expected = Acknowledge(NAMED) if missing in ("user", "role") else Unusable("acknowledge", reason)
    assert act == expected


@pytest.mark.parametrize("verb", BODIES)
def test_what_was_retained_is_no_request(verb: str) -> None:
    request = read(verb, said(verb), retained=True)
    assert request.act == Unusable(verb, "a retained message is no request: ask without retain")
    assert request.request_id == "ask-1"


def test_what_is_too_long_is_refused_unread_and_what_is_just_not_is_read() -> None:
    body = said()
    assert read("acknowledge", body + b" " * (PAYLOAD_MAX - len(body))).act == Acknowledge(NAMED)
    longer = read("acknowledge", body + b" " * (PAYLOAD_MAX - len(body) + 1))
    assert longer.act == Unusable("acknowledge", f"longer than {PAYLOAD_MAX} bytes")
    assert longer.request_id == ""


def test_what_is_answered_is_bounded() -> None:
    request = read("v" * 5000, json.dumps({"request_id": "i" * 65}).encode())
    assert isinstance(request.act, Unusable)
    assert (request.request_id, len(request.act.verb)) == ("", 40)
    assert len(request.act.reason) < 100


@pytest.mark.parametrize("request_id", ["i" * 65, "\ud800", "a b", "a\nb", "\x00", "é", ""])
def test_what_is_no_id_is_answered_without_one(request_id: str) -> None:
    for verb in ("dance", "acknowledge"):
        request = read(verb, json.dumps({"request_id": request_id}).encode())
        assert isinstance(request.act, Unusable)
        assert request.request_id == ""


@given(st.sampled_from([*BODIES, "dance"]), st.binary(max_size=300), st.booleans())
def test_no_bytes_stop_the_edge(verb: str, payload: bytes, retained: bool) -> None:
    assert isinstance(read(verb, payload, retained=retained).act, Unusable)


# --- receipts ---

PAINTED = {"bed": "bed-1", "key": "AIR.rack.11", "occurrence": "run-1-3", "rev": 2}
RECEIPT = {"run": "run-1", "audible": True, "beds": ["bed-1", "bed-2"], "displayed": [PAINTED]}


def receipt(**changes: Any) -> Receipt:
    return asking.receipt("wall", json.dumps(RECEIPT | changes).encode(), 99.0)


def test_a_receipt_is_understood_and_what_a_later_version_adds_is_ignored_at_every_depth() -> None:
    shown = (("bed-1", "AIR.rack.11", "run-1-3", 2),)
    expected = Receipt("wall", 99.0, "run-1", audible=True, beds=frozenset({"bed-1", "bed-2"}), displayed=shown)
    assert receipt() == expected
    assert receipt(paint="oil", displayed=[PAINTED | {"colour": "red"}]) == expected
    assert receipt(page="p1") == replace(expected, page="p1")
    assert receipt(beds=[], displayed=[], audible=False) == Receipt("wall", 99.0, "run-1", False, frozenset(), ())


BAD_RECEIPTS: dict[str, dict[str, Any]] = {
    "a revision that is none": {"displayed": [PAINTED | {"rev": "NaN"}]},
    "no list": {"displayed": "all"},
    "an alarm without a key": {"displayed": [{"bed": "bed-1"}]},
    "whether it sounds is not said": {"audible": None},
    "too many alarms": {"displayed": [PAINTED] * (KEYS_MAX + 1)},
    "too many beds": {"beds": ["b"] * (KEYS_MAX + 1)},
    "longer than anything": {"padding": "x" * PAYLOAD_MAX},
}


@pytest.mark.parametrize("changes", BAD_RECEIPTS.values(), ids=BAD_RECEIPTS)
def test_a_receipt_that_cannot_be_understood_says_so(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        receipt(**changes)


@given(st.binary(max_size=300))
def test_no_bytes_are_a_receipt_by_chance(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        asking.receipt("wall", payload, 99.0)


def test_a_receipt_of_as_many_alarms_as_a_page_can_paint_is_short_enough() -> None:
    assert len(receipt(displayed=[PAINTED] * KEYS_MAX).displayed) == KEYS_MAX == 2000
