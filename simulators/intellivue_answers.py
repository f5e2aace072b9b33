"""What an IntelliVue monitor says: accept and refuse, its first event, results of polls, errors, release and abort.

Written from public descriptions of the protocol. Of a refusal these know the first byte alone, and hosts look at no
more; the rest of it is ours.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from simulators.intellivue_numerics import Observation
from simulators.intellivue_requests import (
    CREATE_EVENT,
    DATA,
    MDS,
    NUMERIC_PERIODS,
    PARTITION,
    POLL_PROFILE,
    POLL_PROFILE_EXT,
    SESSION_HEADER,
    Action,
    Poll,
    Proposal,
    RemoteError,
)
from simulators.intellivue_values import TICKS_PER_S, Attribute, attribute_list, counted

RELEASE_RESPONSE = bytes.fromhex("0a18c116 61803080020101a080638080 0100000000 0000000000")
REFUSE = b"\x0c\x10" + SESSION_HEADER + b"\xc1\x00"
NO_OBSERVATIONS = bytes(4)

_PRESENTATION = bytes.fromhex(
    "3180 a0808001010000a280 a003000001 a5803080800100 8102 51010000 3080800100 810c 2a8648ce1402010000000201 00000000"
    "61803080020101 a0806180a180 060c 2a8648ce1402010000000301 0000 a203020100 a305a103020100 be802880 02010281"
)
_TRAILER = bytes(16)
_USER_INFO = struct.Struct(">5I4x")
_SERVER = 0x0080_0000
_PROFILE = struct.Struct(">6I")
_UNLIMITED = 0xFFFF_FFFF
_INVOKE, _RESULT, _ERROR, _LINKED_RESULT = 1, 2, 3, 5
_EVENT_REPORT, _GET, _ACTION = 1, 3, 7
_FIRST, _MIDDLE, _LAST = 1, 2, 3
_CONTEXT = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed upon; the sizes are the monitor's. ``extension`` is ``None`` without extended polls."""

    startup_mode: int
    min_poll_period_ticks: int
    mtu_rx_bytes: int
    mtu_tx_bytes: int
    options: int
    extension: int | None

    @property
    def silence_limit_s(self) -> float:
        """How long the host may say nothing."""
        period_s = self.min_poll_period_ticks / TICKS_PER_S
        if period_s <= 3.3:  # noqa: PLR2004 - the bounds of the description's table
            return 10.0
        return 3.0 * period_s if period_s <= 43.0 else 130.0  # noqa: PLR2004 - as above


def agree(offer: Terms, proposal: Proposal) -> Terms:
    """Return what both can do: the longer period, the smaller sizes, the common options.

    Without a common period of numerics there are no extended polls.
    """
    extension = (proposal.extension or 0) & (offer.extension or 0)
    return Terms(
        proposal.startup_mode,
        max(offer.min_poll_period_ticks, proposal.min_poll_period_ticks),
        min(offer.mtu_rx_bytes, proposal.mtu_tx_bytes),
        min(offer.mtu_tx_bytes, proposal.mtu_rx_bytes),
        offer.options & proposal.options,
        extension if extension & NUMERIC_PERIODS else None,
    )


def accept(terms: Terms) -> bytes:
    """Return the acceptance of an association."""
    extension = terms.extension
    packages = [] if extension is None else [(POLL_PROFILE_EXT, extension.to_bytes(4, "big") + attribute_list([]))]
    profile = _PROFILE.pack(
        0x8000_0000, terms.min_poll_period_ticks, terms.mtu_rx_bytes, terms.mtu_tx_bytes, _UNLIMITED, terms.options
    )
    info = _USER_INFO.pack(0x8000_0000, 0x4000_0000, 0, _SERVER, terms.startup_mode)
    info += attribute_list([(POLL_PROFILE, profile + attribute_list(packages))])
    presentation = _PRESENTATION + bytes([len(info)]) + info + _TRAILER
    session = SESSION_HEADER + b"\xc1" + bytes([len(presentation)]) + presentation
    return b"\x0e" + bytes([len(session)]) + session


def mds_create(invoke_id: int, relative_time: int, attributes: Sequence[Attribute]) -> bytes:
    """Return the event by which the monitor presents itself."""
    event = MDS + struct.pack(">IH", relative_time, CREATE_EVENT) + _sized(MDS + attribute_list(attributes))
    return _operation(_INVOKE, invoke_id, _EVENT_REPORT, event)


def priority_list(invoke_id: int, number: int, labels: Sequence[int]) -> bytes:
    """Return a priority list: the labels of what is sent."""
    value = counted(label.to_bytes(4, "big") for label in labels)
    return _operation(_RESULT, invoke_id, _GET, MDS + attribute_list([(number, value)]))


def error(invoke_id: int, why: RemoteError, detail: bytes) -> bytes:
    """Return the refusal of an operation."""
    return DATA + struct.pack(">H", _ERROR) + _sized(struct.pack(">HH", invoke_id, why) + _sized(detail))


def poll_results(
    invoke_id: int, poll: Poll, observations: Sequence[Observation], *, times: bytes, sequence: int, mtu_bytes: int
) -> list[bytes]:
    """Return the result of a poll, in as many messages as the largest size takes.

    ``times`` are the relative and the absolute time. ``sequence`` belongs to extended polls. An object that is larger
    than a message may be is sent nevertheless.
    """
    head = poll.number.to_bytes(2, "big")
    if poll.action is Action.EXTENDED_POLL:
        head += sequence.to_bytes(2, "big")
    head += times + struct.pack(">3H", PARTITION, poll.object_class, poll.group)

    def result(part: Sequence[bytes], state: int = 0, count: int = 0) -> bytes:
        contexts = counted([struct.pack(">H", _CONTEXT) + counted(part)]) if part else NO_OBSERVATIONS
        body = MDS + struct.pack(">H", poll.action) + _sized(head + contexts)
        linked = bytes([state, count]) if state else b""
        return _operation(_LINKED_RESULT if state else _RESULT, invoke_id, _ACTION, body, linked)

    parts: list[list[bytes]] = [[]]
    for handle, attributes in observations:
        observation = struct.pack(">H", handle) + attribute_list(attributes)
        if parts[-1] and len(result([*parts[-1], observation], _FIRST, 1)) > mtu_bytes:
            parts.append([])
        parts[-1].append(observation)
    *linked, last = parts
    states = [_FIRST if place == 1 else _LAST if place == len(linked) else _MIDDLE for place in range(1, len(parts))]
    return [
        *(result(part, state, place) for place, (part, state) in enumerate(zip(linked, states, strict=True), start=1)),
        result(last),
    ]


def _operation(kind: int, invoke_id: int, command: int, argument: bytes, linked: bytes = b"") -> bytes:
    inner = linked + struct.pack(">HH", invoke_id, command) + _sized(argument)
    return DATA + struct.pack(">H", kind) + _sized(inner)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
