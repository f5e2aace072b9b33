"""Rules about the edge itself: broker, store, refused messages, lines that garble, pumps that belong to no bed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from edge.core.condition import INSIDE, Band
from edge.core.config import DrugConfig
from edge.core.finding import Finding, Particulars, level, when
from edge.core.model import AlarmKey, Priority
from edge.core.rules_dose import FOR_LONG, HIGH_WITHOUT_ORDER, ORDER_BANDS, beyond_by_own_account
from edge.core.sources import PortState, SourceState

NORTHBOUND_BANDS = (Band("lost", Priority.HIGH, 10.0),)
NORTHBOUND_CLEAR_S = 5.0
FLAP_S = 10.0
"""A connection that comes so soon after the one before counts only when it has lived as long."""
STORE_BANDS = (Band("failed", Priority.MEDIUM, 0.0),)
DAMAGED_BANDS = (Band("damaged", Priority.HIGH, 0.0),)
REFUSED_BANDS = (Band("refused", Priority.MEDIUM, 0.0),)
ERROR_BANDS = (Band("garbled", Priority.MEDIUM, 0.0),)
ERROR_SHARE = 0.05
"""More rejected messages than this share within the error window is an alarm (H-12)."""
ERRORS_MIN = 3
"""Fewer rejected messages than this are noise on any line, such as a plug being pushed in."""
ERROR_CLEAR_S = 30.0
WHOLE_LINE = "all"
"""Stands for the channel in the key of an alarm that concerns a whole line."""


@dataclass(slots=True)
class EdgeState:
    """What the edge remembers of its own parts. ``connected`` is ``None`` until the first attempt ended."""

    connected: bool | None = None
    connection_detail: str = "not yet connected"
    connected_at_s: float = -FLAP_S
    connected_before_at_s: float = -2 * FLAP_S
    store_failure: str = ""
    store_set_aside: str = ""
    refused: dict[str, str] = field(default_factory=dict)


def northbound(state: EdgeState, now_s: float) -> Iterator[Finding]:
    """Nobody at the nursing station can be told (H-18); a link that comes and goes is none."""
    flapping = state.connected_at_s - state.connected_before_at_s < FLAP_S
    steady = state.connected and not (flapping and now_s - state.connected_at_s < FLAP_S)
    yield Finding(
        AlarmKey("", "NORTHBOUND_LOST"),
        when(true=not steady, now_s=now_s),
        NORTHBOUND_BANDS,
        NORTHBOUND_CLEAR_S,
        lambda _: Particulars(f"The broker cannot be reached: alarms sound here only ({state.connection_detail})."),
    )


def store(state: EdgeState, now_s: float) -> Iterator[Finding]:
    """What is decided is not kept on disk (H-32)."""
    yield Finding(
        AlarmKey("", "STORE_FAILED"),
        when(true=bool(state.store_failure), now_s=now_s),
        STORE_BANDS,
        0.0,
        lambda _: Particulars(f"The alarm store does not take changes: {state.store_failure}."),
    )
    yield Finding(
        AlarmKey("", "STORE_DAMAGED"),
        when(true=bool(state.store_set_aside), now_s=now_s),
        DAMAGED_BANDS,
        0.0,
        lambda _: Particulars(
            f"The alarm store was damaged and was set aside as {state.store_set_aside}: alarms, acknowledgements and "
            "messages of the run before are lost.",
        ),
    )


def refused(state: EdgeState, now_s: float) -> Iterator[Finding]:
    """The broker refuses messages: they are not delivered, though the connection stands."""
    yield Finding(
        AlarmKey("", "PUBLISH_REFUSED"),
        when(true=bool(state.refused), now_s=now_s),
        REFUSED_BANDS,
        0.0,
        lambda _: Particulars(
            f"The broker refuses messages on {len(state.refused)} topics, first {next(iter(state.refused))}.",
            evidence=tuple(state.refused.items()),
        ),
    )


def line_errors(name: str, port: PortState, now_s: float, *, expected: bool) -> Iterator[Finding]:
    """Too many messages of a line are garbled, and something is expected of it."""
    accepted, rejected = port.error_counts(now_s)
    garbled = rejected >= ERRORS_MIN and rejected > ERROR_SHARE * (accepted + rejected)
    yield Finding(
        AlarmKey("", "LINE_ERRORS", name, WHOLE_LINE),
        # A line that fell silent is not mended by it (law 2).
        None if expected and accepted + rejected == 0 else when(true=garbled and expected, now_s=now_s),
        ERROR_BANDS,
        ERROR_CLEAR_S,
        lambda _: Particulars(
            f"Port {name}: {rejected} of {accepted + rejected} messages of the last minute were not accepted, "
            f"mostly: {port.reason}.",
            evidence=(("rejected", str(rejected)), ("accepted", str(accepted)), ("reason", port.reason)),
        ),
    )


def unbound(
    sources: Iterable[SourceState], ports: Mapping[str, PortState], drugs: tuple[DrugConfig, ...], now_s: float
) -> Iterator[Finding]:
    """A pump runs that belongs to no bed: nobody watches its dose (H-08, H-10). Its silence ends nothing (law 2)."""
    for source in sources:
        heard_at_s, limit_s = source.heard_at_s, ports[source.port].link_limit_s
        silent = bool(source.removed) or heard_at_s is None or now_s >= heard_at_s + limit_s
        worst = INSIDE
        if source.infusing:
            worst = HIGH_WITHOUT_ORDER if beyond_by_own_account(drugs, source) else FOR_LONG
        yield Finding(
            AlarmKey("", "CHANNEL_UNBOUND", source.port, source.channel),
            None if silent else level(worst, now_s),
            ORDER_BANDS,
            0.0,
            partial(_describe_unbound, source),
        )


def _describe_unbound(source: SourceState, _: Band) -> Particulars:
    drug = source.infusion.drug if source.infusion is not None and source.infusion.drug else "an unnamed drug"
    return Particulars(f"Port {source.port} channel {source.channel} is running {drug} and belongs to no bed.")
