"""What pages ask of the edges, and what became of it. Pure: times are handed in, messages handed out.

Laws:
  * A request is pending until its edge has answered; a page shows nothing as done before (D5 of the standard's part on
    distributed alarm systems).
  * A lost answer is asked for again with the same identifier, which does nothing twice. After a while it is unanswered,
    which is not refused: it may have been done.
  * Receipts are passed on as a page gave them, and only of pages whose stream stands: a page that hears nothing shows
    nothing (H-19).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from edge.messages.events import HistoryMessage, ResponseMessage
from edge.messages.requests import RequestMessage
from edge.messages.stations import ReceiptMessage
from edge.messages.topics import Topics
from edge.messages.verbs import LOOKS, REQUESTS
from station.users import Actor
from station.view import AnswerEvent, Ask, Painted

Kind = TypeVar("Kind", bound=BaseModel)

REPEAT_S = (4.0, 8.0, 14.0)
"""When it is asked again: an edge answers in well under a second, so that an answer not here by then is lost."""

GIVE_UP_S = 20.0
"""An edge refuses what was asked on what is older than 30 s, so that nothing is done after this."""

KEPT_S = 60.0
"""For so long answers are told again to a page whose stream broke."""

PENDING_MAX = 500
"""Of all pages together; beyond it somebody plays with the station."""

EACH_MAX = 50
"""Of one browser."""


class MalformedError(Exception):
    """What was asked cannot be understood; the text names the field."""


class TooManyError(Exception):
    """More is pending than a person can have asked."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for an edge."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """An event for the pages of one browser."""

    browser: str
    event: str
    data: str


@dataclass(slots=True)
class _Pending:
    browser: str
    edge: str
    verb: str
    outgoing: Outgoing
    asked_at_s: float
    repeats: int = 0


class Desk:
    """The requests of all pages; their identifiers begin with this run of the server."""

    def __init__(self, site: str, station: str, server_run: str) -> None:
        self._site = site
        self._station = station
        self._server_run = server_run
        self._numbers = 0
        self._pending: dict[str, _Pending] = {}
        self._kept: deque[tuple[float, Told]] = deque()

    def topics(self, edges: list[str]) -> list[str]:
        """Return what to subscribe to for the answers."""
        each = [Topics(self._site, edge) for edge in edges]
        return [topic for one in each for topic in (one.response(self._station), one.history(self._station))]

    def ask(self, browser: str, said: Ask, who: Actor, now_s: float) -> tuple[str, Outgoing | None]:
        """Begin a request; return its identifier, and what to send, ``None`` if it is pending already.

        Raises `MalformedError`, `TooManyError`.
        """
        kind = message_of(said.verb)
        fields = said.fields()
        if taken := fields.keys() & {"user", "role", "schema"}:
            raise MalformedError(f"{min(taken)}: the server says that")
        self._numbers += 1
        fields.setdefault("request_id", f"{self._server_run}-{self._numbers}")
        request = _checked(kind, fields | {"user": who.user, "role": who.role})
        known = self._pending.get(request.request_id)
        if known is not None:
            if (known.browser, known.edge, known.verb) != (browser, said.edge, said.verb):
                raise MalformedError("request_id: it is another request's")
            return request.request_id, None
        mine = sum(one.browser == browser for one in self._pending.values())
        if len(self._pending) >= PENDING_MAX or mine >= EACH_MAX:
            raise TooManyError("too much is pending: wait for the answers")
        topic = Topics(self._site, said.edge).request(self._station, said.verb)
        outgoing = Outgoing(topic, request.model_dump_json(by_alias=True).encode())
        self._pending[request.request_id] = _Pending(browser, said.edge, said.verb, outgoing, now_s)
        return request.request_id, outgoing

    def withdraw(self, request_id: str) -> None:
        """Forget a request that was not sent."""
        self._pending.pop(request_id, None)

    def answered(self, edge: str, payload: bytes, now_s: float) -> list[Told]:
        """Take a response. Raises ValueError (pydantic's) for one that cannot be read."""
        message = ResponseMessage.read(payload)
        pending = self._pending.get(message.request_id)
        if pending is None or pending.edge != edge:
            return []
        del self._pending[message.request_id]
        event = AnswerEvent(
            edge=edge,
            request_id=message.request_id,
            verb=message.verb,
            result=message.result,
            reason=message.reason,
            durable=message.durable,
            message=message,
        )
        return [self._keep(Told(pending.browser, "answer", event.model_dump_json(by_alias=True)), now_s)]

    def history(self, edge: str, payload: bytes) -> list[Told]:
        """Take a page of history. Raises ValueError (pydantic's) for one that cannot be read."""
        message = HistoryMessage.read(payload)
        pending = self._pending.get(message.request_id)
        if pending is None or pending.edge != edge:
            return []
        del self._pending[message.request_id]
        data = f'{{"edge":{json.dumps(edge)},"message":{message.model_dump_json(by_alias=True)}}}'
        return [Told(pending.browser, "history", data)]

    def tick(self, now_s: float) -> tuple[list[Outgoing], list[Told]]:
        """Return what is to be asked again, and what stays unanswered."""
        again, told = [], []
        for request_id, pending in list(self._pending.items()):
            waited_s = now_s - pending.asked_at_s
            if waited_s >= GIVE_UP_S:
                del self._pending[request_id]
                told.append(self._keep(_unanswered(request_id, pending), now_s))
            elif pending.repeats < len(REPEAT_S) and waited_s >= REPEAT_S[pending.repeats]:
                pending.repeats += 1
                again.append(pending.outgoing)
        return again, told

    def kept(self, browser: str, now_s: float) -> Iterator[Told]:
        """Give the newest answers again, for a page that comes back."""
        yield from (told for at_s, told in self._kept if told.browser == browser and now_s - at_s <= KEPT_S)

    def _keep(self, told: Told, now_s: float) -> Told:
        while self._kept and (now_s - self._kept[0][0] > KEPT_S or len(self._kept) >= PENDING_MAX):
            self._kept.popleft()
        self._kept.append((now_s, told))
        return told

    def receipts(self, painted: Painted, wanted: frozenset[str]) -> list[Outgoing]:
        """Return the receipt of a page for each edge in ``wanted`` of which it paints something."""
        found = []
        for edge, part in painted.edges.items():
            if edge in wanted:
                message = ReceiptMessage(
                    run=part.run,
                    page=painted.page,
                    audible=painted.audible,
                    beds=part.beds,
                    displayed=part.displayed,
                )
                topic = Topics(self._site, edge).receipt(self._station)
                found.append(Outgoing(topic, message.model_dump_json(by_alias=True).encode()))
        return found


def _unanswered(request_id: str, pending: _Pending) -> Told:
    event = AnswerEvent(
        edge=pending.edge,
        request_id=request_id,
        verb=pending.verb,
        result="unanswered",
        reason="the bedside computer did not answer: look at the bed whether it was done",
        durable=False,
        message=None,
    )
    return Told(pending.browser, "answer", event.model_dump_json(by_alias=True))


def message_of(verb: str) -> type[RequestMessage]:
    """Return which message a verb is asked with. Raises `MalformedError`."""
    kind = REQUESTS.get(verb) or LOOKS.get(verb)
    if kind is None:
        raise MalformedError(f"verb: there is no {verb}")
    return kind


def _checked(kind: type[RequestMessage], fields: dict[str, Any]) -> RequestMessage:
    return checked(kind, json.dumps(fields, allow_nan=False).encode())


def checked(kind: type[Kind], body: bytes) -> Kind:
    """Read what a page sent. Raises `MalformedError`, which names the first field that is wrong."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise MalformedError(f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}") from error
