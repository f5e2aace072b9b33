"""What comes in from stations, in the core's words: requests and receipts, from MQTT and from the control socket alike.

Laws:
  * Whatever is asked gets an answer, also what cannot be understood, if it can be told whom to answer. Only who floods,
    or takes the name of the edge's own socket, gets none.
  * What was retained, or came twice by the broker's doing, is no request: somebody asks now, or nobody does (H-24).
  * Nothing that is sent here can stop the edge: lengths are bounded, and everything else is checked by the models.
"""

from __future__ import annotations

import json
import re

from pydantic import ValidationError

from edge import asking_therapy, personal
from edge.core.inputs import (
    Accept,
    AcceptBed,
    Acknowledge,
    AudioPause,
    Basis,
    ConfirmDevice,
    Named,
    OffMonitor,
    PlainAct,
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
from edge.messages.requests import (
    REQUEST_ID,
    AlarmRequest,
    BedAcceptedRequest,
    ConfirmDeviceRequest,
    PauseRequest,
    RequestMessage,
    ResumeRequest,
    ServiceRequest,
)
from edge.messages.stations import ReceiptMessage
from edge.messages.verbs import REQUESTS

PAYLOAD_MAX = 256 * 1024
"""A receipt with 2,000 alarms stays below; a request has some hundred bytes."""

PERSONAL = {
    "case": "give an opaque case number, of which only the ward's own list tells whose it is",
    "user": "name who asks by an identifier of the ward",
    "reason": "say why without saying who",
}
"""Where a person might write a personal number, and what to write instead: all of it is shown, sent and kept."""


def request(station: str, verb: str, payload: bytes, received_at_s: float, *, retained: bool = False) -> Request:
    """Make a request of what a station sent; one that cannot be used is refused by the core, and journalled there."""
    kind = REQUESTS.get(verb)
    if kind is None:
        return _unusable(station, verb, payload, received_at_s, f"there is no verb {verb[:40]}")
    if len(payload) > PAYLOAD_MAX:
        return _unusable(station, verb, b"", received_at_s, f"longer than {PAYLOAD_MAX} bytes")
    if retained:
        return _unusable(station, verb, payload, received_at_s, "a retained message is no request: ask without retain")
    try:
        said = kind.read(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "message"
        return _unusable(station, verb, payload, received_at_s, f"{where}: {first['msg']}")
    try:
        _refuse_numbers(said)
        asked = asking_therapy.act(verb, said) or _act(verb, said)
    except ValueError as error:
        return _unusable(station, verb, payload, received_at_s, str(error))
    return Request(
        request_id=said.request_id,
        station=station,
        received_at_s=received_at_s,
        act=asked,
        basis=Basis(said.run, said.edge_mono_s),
        user=said.user,
        role=Role[said.role.upper()],
    )


def receipt(station: str, payload: bytes, received_at_s: float) -> Receipt:
    """Make a receipt of what a page sent. Raises ValueError, which says what is wrong with it."""
    if len(payload) > PAYLOAD_MAX:
        raise ValueError(f"longer than {PAYLOAD_MAX} bytes")
    said = ReceiptMessage.read(payload)
    return Receipt(
        station=station,
        received_at_s=received_at_s,
        run=said.run,
        audible=said.audible,
        beds=frozenset(said.beds),
        displayed=tuple((one.bed, one.key, one.occurrence, one.rev) for one in said.displayed),
        page=said.page,
    )


def _refuse_numbers(said: RequestMessage) -> None:
    """Raise ValueError where a personal number stands; it is not said again, since answers are sent and kept."""
    for name, remedy in PERSONAL.items():
        if personal.has_number(getattr(said, name, "")):
            raise ValueError(f"{name}: looks like a personal number; {remedy}")


def _unusable(station: str, verb: str, payload: bytes, received_at_s: float, reason: str) -> Request:
    return Request(_request_id(payload), station, received_at_s, Unusable(verb[:40], reason))


def _request_id(payload: bytes) -> str:
    """Find whom to answer, as far as that can be told."""
    try:
        said = json.loads(payload[:PAYLOAD_MAX])
    except (ValueError, RecursionError):
        return ""
    found = said.get("request_id", "") if isinstance(said, dict) else ""
    return found if isinstance(found, str) and re.fullmatch(REQUEST_ID, found) else ""


def _act(verb: str, said: RequestMessage) -> PlainAct:  # noqa: PLR0911 - one for each message
    match said:
        case AlarmRequest():
            named = Named(said.bed, said.key, said.occurrence, said.rev)
            if verb == "accept":
                return Accept(named, said.acknowledge)
            return Acknowledge(named) if verb == "acknowledge" else Reset(named)
        case PauseRequest():
            kind = AudioPause if verb == "audio-pause" else OffMonitor
            return kind(said.bed, said.duration_s)
        case ResumeRequest():
            return Resume(said.bed)
        case ServiceRequest():
            return Service(said.bed, said.duration_s)
        case BedAcceptedRequest():
            return AcceptBed(said.bed, said.result, said.sheet_sha256)
        case ConfirmDeviceRequest():
            return ConfirmDevice(said.bed, said.port, said.channel, said.serial_number)
        case _:
            return RaiseTestAlarm() if verb == "test-alarm" else Reassert()
