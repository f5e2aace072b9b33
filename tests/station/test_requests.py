"""Requests: pending until answered, asked again without an answer, unanswered at last; receipts to whom it concerns."""

import json
from typing import Any

import pytest

from station.requests import EACH_MAX, GIVE_UP_S, KEPT_S, PENDING_MAX, REPEAT_S, Desk, MalformedError, TooManyError
from station.users import Actor
from station.view import EVENTS, Ask, Painted
from tests.station import said

NURSE = Actor("kari", "nurse")
BODY: dict[str, Any] = {
    "edge": "pi-1", "verb": "accept", "run": said.RUN, "edge_mono_s": 99.0, "bed": "bed-1", "key": "HR_HIGH",
    "occurrence": "run-a-1", "rev": 2,
}  # fmt: skip


def desk() -> Desk:
    return Desk(said.SITE, "desk", "run-s")


def ask(one: Desk, at_s: float = 0.0, browser: str = "b", **more: Any) -> str:
    return one.ask(browser, Ask.model_validate({**BODY, **more}), NURSE, at_s)[0]


def answer(request_id: str, **more: Any) -> bytes:
    return said.response(request_id, **more)[1]


def test_it_is_sent_with_the_name_of_who_asks() -> None:
    request_id, outgoing = desk().ask("b", Ask.model_validate(BODY), NURSE, 0.0)
    assert outgoing is not None
    assert outgoing.topic == "infusion/v1/demo/edge/pi-1/request/desk/accept"
    told = json.loads(outgoing.payload)
    assert (told["request_id"], told["user"], told["role"], told["rev"]) == (request_id, "kari", "nurse", 2)
    assert request_id.startswith("run-s-")


def test_its_answer_goes_to_the_browser_that_asked_once() -> None:
    one = desk()
    request_id = ask(one)
    (told,) = one.answered("pi-1", answer(request_id, result="refused", reason="it is over"), 1.0)
    assert (told.browser, told.event) == ("b", "answer")
    EVENTS["answer"].model_validate_json(told.data)
    data = json.loads(told.data)
    assert (data["request_id"], data["result"], data["reason"]) == (request_id, "refused", "it is over")
    assert one.answered("pi-1", answer(request_id), 1.0) == []


def test_an_answer_of_another_edge_or_to_nobody_is_none() -> None:
    one = desk()
    request_id = ask(one)
    assert one.answered("pi-2", answer(request_id), 1.0) == []
    assert one.answered("pi-1", answer("strange"), 1.0) == []
    assert len(one.answered("pi-1", answer(request_id), 1.0)) == 1


def test_without_an_answer_it_is_asked_again_as_it_was_and_is_unanswered_at_last() -> None:
    one = desk()
    _, outgoing = one.ask("b", Ask.model_validate(BODY), NURSE, 100.0)
    again = []
    for tenth in range(int(GIVE_UP_S * 10)):
        sent, told = one.tick(100.0 + tenth / 10)
        assert told == []
        again += [(tenth / 10, message) for message in sent]
    assert again == [(at_s, outgoing) for at_s in REPEAT_S]
    sent, (told_last,) = one.tick(100.0 + GIVE_UP_S)
    EVENTS["answer"].model_validate_json(told_last.data)
    data = json.loads(told_last.data)
    assert (sent, data["result"], data["message"], data["durable"]) == ([], "unanswered", None, False)
    assert one.tick(200.0) == ([], [])


def test_answers_are_kept_for_a_page_that_comes_back() -> None:
    one = desk()
    (told,) = one.answered("pi-1", answer(ask(one)), 10.0)
    assert list(one.kept("b", 10.0 + KEPT_S)) == [told]
    assert list(one.kept("b", 10.1 + KEPT_S)) == []
    assert list(one.kept("c", 10.0)) == []


def test_a_repeat_of_what_is_pending_is_not_sent_again() -> None:
    one = desk()
    assert ask(one, request_id="tap-1") == "tap-1"
    assert one.ask("b", Ask.model_validate({**BODY, "request_id": "tap-1"}), NURSE, 0.0) == ("tap-1", None)
    for browser, edge, verb in (("c", "pi-1", "accept"), ("b", "pi-2", "accept"), ("b", "pi-1", "reset")):
        with pytest.raises(MalformedError, match="another request's"):
            ask(one, browser=browser, request_id="tap-1", edge=edge, verb=verb)


def test_what_was_not_sent_is_not_pending() -> None:
    one = desk()
    one.withdraw(ask(one))
    assert one.tick(100.0) == ([], [])


def test_what_is_pending_has_bounds() -> None:
    one = desk()
    for _ in range(EACH_MAX):
        ask(one)
    with pytest.raises(TooManyError):
        ask(one)
    for number in range(PENDING_MAX - EACH_MAX):
        ask(one, browser=str(number))
    with pytest.raises(TooManyError):
        ask(one, browser="late")


def test_history_comes_in_messages_of_its_own() -> None:
    one = desk()
    request_id = one.ask(
        "b", Ask.model_validate({"edge": "pi-1", "verb": "history", "run": said.RUN, "edge_mono_s": 1.0, "bed": "bed-1",
                                 "what": "trend"}), NURSE, 0.0,
    )[0]  # fmt: skip
    page = {
        "schema": "history/1", "run": said.RUN, "request_id": request_id, "result": "done", "reason": "",
        "bed": "bed-1", "what": "trend", "at": said.stamp(9.0), "from_mono_s": 0.0, "until_mono_s": 9.0,
        "step_s": 10.0, "trends": [], "trends_left_out": 0, "events": [], "next_page": "",
    }  # fmt: skip
    assert one.history("pi-2", json.dumps(page).encode()) == []
    (told,) = one.history("pi-1", json.dumps(page).encode())
    EVENTS["history"].model_validate_json(told.data)
    assert (told.browser, json.loads(told.data)["message"]) == ("b", page)


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"\xff"])
def test_what_cannot_be_read_is_an_error(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        desk().answered("pi-1", payload, 0.0)
    with pytest.raises(ValueError, match=r"."):
        desk().history("pi-1", payload)


def test_a_receipt_goes_to_each_edge_that_wants_one() -> None:
    part = {"run": said.RUN, "beds": ["bed-1"], "displayed": []}
    painted = Painted.model_validate({"page": "p", "audible": False, "edges": {"pi-1": part, "pi-2": part}})
    (sent,) = desk().receipts(painted, frozenset({"pi-2", "pi-3"}))
    assert sent.topic == "infusion/v1/demo/edge/pi-2/receipt/desk"
    assert json.loads(sent.payload) == {"schema": "receipt/1", "page": "p", "audible": False, **part}


def test_it_listens_to_its_own_answers_alone() -> None:
    assert desk().topics(["pi-1"]) == [
        "infusion/v1/demo/edge/pi-1/response/desk",
        "infusion/v1/demo/edge/pi-1/history/desk",
    ]
