"""Rules about the edge itself: broker, store, refused messages, lines that garble, pumps that belong to no bed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from edge.core.catalogue import CATALOGUE
from edge.core.condition import INSIDE, Band
from edge.core.config import DrugConfig
from edge.core.finding import Finding, Particulars, Stays, level, when
from edge.core.inputs import BedsidePart, BrokerLink, Certificate
from edge.core.model import AlarmKey, Instant
from edge.core.rules_dose import FOR_LONG, HIGH_WITHOUT_ORDER, beyond_by_own_account
from edge.core.sources import PortState, SourceState
from edge.core.wall_clock import CLOCK_STEP_S, WallClock

_NORTHBOUND, _ERRORS = CATALOGUE["NORTHBOUND_LOST"], CATALOGUE["LINE_ERRORS"]
FLAP_S = 10.0
"""A connection that comes so soon after the one before counts only when it has lived as long."""
SHORT_LIVES = 3
"""The same holds after so many connections in a row that did not live as long: in between no loss need be one."""
ERROR_SHARE = 0.05
"""More rejected messages than this share within the error window is an alarm (H-12)."""
ERRORS_MIN = 3
"""Fewer rejected messages than this are noise on any line, such as a plug being pushed in."""
DAMAGE_TOLD_S = 10.0
"""What happened once, at the start, is present for so long."""
CLOCK_STEP_SHOWN_S = 300.0
"""How long a leap is shown."""
TOPIC_BEGINS = 5
"""So many parts of a topic of ours are the same in all: ``infusion/v1/SITE/edge/EDGE``."""

DAY_S = 24 * 3600.0
CERTIFICATE_DAYS = (60, 30, 7, 0)
"""Days before the end of a certificate at which its alarm begins and grows: time to plan, to order, to act."""
NAME_TAKEN_SHOWN_S = 300.0
"""Two that take turns, each after its pause of a minute, are one alarm without a gap."""
WHOLE_LINE = "all"
"""Stands for the channel in the key of an alarm that concerns a whole line."""


@dataclass(slots=True)
class EdgeState:
    """What the edge remembers of its own parts. ``connected`` is ``None`` until the first attempt ended.

    ``short_lives`` counts the connections, one after the other, that lived less than ``FLAP_S``.
    ``certificates`` has each with its end by the monotonic clock, ``None`` until they were looked at.
    ``wall_ahead_s`` is how far the wall clock was ahead of the monotonic one, ``step_s`` its last leap. ``bedside`` is
    what is wrong with each part of the bedside's own signals that has said anything.
    """

    connected: bool | None = None
    connection_detail: str = "not yet connected"
    connected_at_s: float = -FLAP_S
    connected_before_at_s: float = -2 * FLAP_S
    short_lives: int = 0
    store_failure: str = ""
    store_set_aside: str = ""
    unreadable: tuple[str, ...] = ()
    damage_told_at_s: float | None = None
    refused: dict[str, str] = field(default_factory=dict)
    test_until_s: float = 0.0
    wall_ahead_s: float | None = None
    stepped_until_s: float = 0.0
    step_s: float = 0.0
    bedside: dict[BedsidePart, str] = field(default_factory=dict)
    wall_clock: WallClock = field(default_factory=WallClock)
    certificates: tuple[tuple[Certificate, float], ...] | None = None
    name_taken_at_s: float | None = None
    name_taken_detail: str = ""


def hear_link(state: EdgeState, link: BrokerLink) -> None:
    """Take up that the connection to the broker was made or lost."""
    at_s = link.received_at_s
    if link.connected:
        state.connected_before_at_s, state.connected_at_s = state.connected_at_s, at_s
    elif state.connected:
        state.short_lives = state.short_lives + 1 if at_s - state.connected_at_s < FLAP_S else 0
    state.connected = link.connected
    if not link.connected:
        state.connection_detail = link.detail  # of one that comes and goes, why it goes


def northbound(state: EdgeState, labels: tuple[str, ...], now_s: float) -> Iterator[Finding]:
    """Nobody at the nursing station can be told (H-18): a link that comes and goes, or refuses alarms, is none."""
    beds = ", ".join(labels)
    flapping = state.connected_at_s - state.connected_before_at_s < FLAP_S or state.short_lives >= SHORT_LIVES
    steady = state.connected and not (flapping and now_s - state.connected_at_s < FLAP_S)
    refused = next((reason for topic, reason in state.refused.items() if _tells_of_alarms(topic)), "") if steady else ""
    yield Finding(
        AlarmKey("", "NORTHBOUND_LOST"),
        when(true=not steady or bool(refused), now_s=now_s),
        _NORTHBOUND.bands,
        _NORTHBOUND.clear_delay_s,
        lambda _: Particulars(
            f"Alarms of {beds} reach no screen: the broker refuses them ({refused})."
            if refused
            else f"No alarm of {beds} reaches a screen: the broker cannot be reached ({state.connection_detail}).",
            evidence=(("beds", beds), ("reason", refused or state.connection_detail)),
        ),
        fingerprint=refused,
    )


def _tells_of_alarms(topic: str) -> bool:
    """Tell whether readers know from a topic of ours which alarms stand: an alarm, an index, the heartbeat."""
    rest = topic.split("/")[TOPIC_BEGINS:]
    return (rest[2:] if rest[:1] == ["bed"] else rest)[:1] in (["alarm"], ["alarms"], ["status"])


def store(state: EdgeState, now_s: float) -> Iterator[Finding]:
    """What is decided is not kept on disk (H-32)."""
    yield Finding(
        AlarmKey("", "STORE_FAILED"),
        when(true=bool(state.store_failure), now_s=now_s),
        CATALOGUE["STORE_FAILED"].bands,
        CATALOGUE["STORE_FAILED"].clear_delay_s,
        lambda _: Particulars(f"The alarm store does not take changes: {state.store_failure}."),
    )
    yield Finding(
        AlarmKey("", "STORE_DAMAGED"),
        when(true=_is_new_damage(state, now_s), now_s=now_s),
        CATALOGUE["STORE_DAMAGED"].bands,
        0.0,
        lambda _: Particulars(_damage(state)),
    )


def _damage(state: EdgeState) -> str:
    if state.store_set_aside:
        return (
            f"The alarm store was damaged and was set aside as {state.store_set_aside}: alarms, therapies, "
            "acknowledgements and messages of the run before are lost."
        )
    beds = ", ".join(dict.fromkeys(state.unreadable))
    return f"What was kept of {beds} cannot be read: alarms, patient, order or dose are lost."


def _is_new_damage(state: EdgeState, now_s: float) -> bool:
    """Tell whether the damage was just found: it cannot be undone, and stands latched until somebody has looked."""
    if (state.store_set_aside or state.unreadable) and state.damage_told_at_s is None:
        state.damage_told_at_s = now_s
    return state.damage_told_at_s is not None and now_s < state.damage_told_at_s + DAMAGE_TOLD_S


def refused(state: EdgeState, now_s: float) -> Iterator[Finding]:
    """The broker refuses messages: they are not delivered, though the connection stands."""
    yield Finding(
        AlarmKey("", "PUBLISH_REFUSED"),
        when(true=bool(state.refused), now_s=now_s),
        CATALOGUE["PUBLISH_REFUSED"].bands,
        0.0,
        lambda _: Particulars(
            f"The broker refuses messages on {len(state.refused)} topics, first {next(iter(state.refused))}.",
            evidence=tuple(state.refused.items()),
        ),
    )


def test_alarm(state: EdgeState, now_s: float) -> Iterator[Finding]:
    """Somebody wants to see that alarms arrive."""
    yield Finding(
        AlarmKey("", "TEST_ALARM"),
        when(true=now_s < state.test_until_s, now_s=now_s),
        CATALOGUE["TEST_ALARM"].bands,
        0.0,
        lambda _: Particulars("This is a test of the alarm system."),
        state.test_until_s if now_s < state.test_until_s else None,
    )


_BEDSIDE = {
    BedsidePart.PINS: ("ANNUNCIATOR_FAILED", "Lamp, buzzer, nurse call and button of this computer do not work"),
    BedsidePart.BUTTON: ("BUTTON_STUCK", "The button at this computer does nothing"),
    BedsidePart.HOOK: ("CALL_HOOK_FAILED", "The command of the nurse call failed"),
}


def bedside(state: EdgeState, now_s: float, *, configured: bool) -> Iterator[Finding]:
    """What the bedside computer shows and sounds itself fails; a part that has said nothing yet is not well (law 2)."""
    for part, (condition, text) in _BEDSIDE.items():
        fault = state.bedside.get(part, None if configured else "")
        yield Finding(
            AlarmKey("", condition),
            None if fault is None else when(true=bool(fault), now_s=now_s),
            CATALOGUE[condition].bands,
            CATALOGUE[condition].clear_delay_s,
            partial(_describe_fault, text, fault or ""),
            fingerprint=fault or "",
        )


def _describe_fault(text: str, fault: str, _: Band) -> Particulars:
    return Particulars(f"{text}: {fault}.", evidence=(("fault", fault),))


def clock(state: EdgeState, now: Instant) -> Iterator[Finding]:
    """The wall clock is not synchronised, or leapt: labels of the history are not to be trusted (H-14)."""
    yield Finding(
        AlarmKey("", "CLOCK_UNSYNCED"),
        when(true=not now.synchronised, now_s=now.mono_s),
        CATALOGUE["CLOCK_UNSYNCED"].bands,
        0.0,
        lambda _: Particulars("The clock of this edge is not synchronised: times of day may be wrong."),
    )
    ahead_s = now.wall_s - now.mono_s
    if state.wall_ahead_s is not None and abs(ahead_s - state.wall_ahead_s) > CLOCK_STEP_S:
        state.step_s, state.stepped_until_s = ahead_s - state.wall_ahead_s, now.mono_s + CLOCK_STEP_SHOWN_S
    state.wall_ahead_s = ahead_s
    yield Finding(
        AlarmKey("", "CLOCK_STEP"),
        when(true=now.mono_s < state.stepped_until_s, now_s=now.mono_s),
        CATALOGUE["CLOCK_STEP"].bands,
        0.0,
        lambda _: Particulars(
            f"The clock of this edge leapt by {state.step_s:.0f} s: times of day before and after do not fit together.",
            evidence=(("step_s", f"{state.step_s:.3f}"),),
        ),
        fingerprint=f"{state.step_s:.0f}",
    )


def certificates(state: EdgeState, now_s: float) -> Iterator[Finding]:
    """A certificate ends soon, or has ended: the next connection to the broker will fail (H-18)."""
    seen = state.certificates
    first, ends_at_s = min(seen or (), key=lambda one: one[1], default=(None, math.inf))
    left_s = ends_at_s - now_s
    worst = sum(left_s <= days * DAY_S for days in CERTIFICATE_DAYS) - 1
    yield Finding(
        AlarmKey("", "CERTIFICATE_ENDS"),
        None if seen is None else level(worst if first is not None else INSIDE, now_s),
        CATALOGUE["CERTIFICATE_ENDS"].bands,
        0.0,
        lambda _: Particulars(
            f"{'' if first is None else first.name} {'has ended' if left_s <= 0 else 'ends'} on "
            f"{'' if first is None else first.ends}: after that no alarm reaches a screen.",
            evidence=tuple((one.name, one.ends) for one, _ in seen or ()),
        ),
        fingerprint="" if first is None else f"{first.name} {first.ends}",
    )


def configuration(invalid: str, now_s: float) -> Iterator[Finding]:
    """The configuration cannot be used, and the edge watches by the last good one (H-34)."""
    yield Finding(
        AlarmKey("", "CONFIG_INVALID"),
        when(true=bool(invalid), now_s=now_s),
        CATALOGUE["CONFIG_INVALID"].bands,
        0.0,
        lambda _: Particulars(
            f"The configuration cannot be used, the last good one is in force: {invalid}.",
            evidence=(("problem", invalid),),
        ),
        fingerprint=invalid,
    )


def not_watched(beds: tuple[str, ...], now_s: float) -> Iterator[Finding]:
    """Beds that should be watched are not: only the configuration that cannot be used names them (H-34)."""
    yield Finding(
        AlarmKey("", "BED_NOT_WATCHED"),
        when(true=bool(beds), now_s=now_s),
        CATALOGUE["BED_NOT_WATCHED"].bands,
        0.0,
        lambda _: Particulars(
            f"Not watched: {', '.join(beds)}. The configuration that names them cannot be used.",
            evidence=(("beds", ", ".join(beds)),),
        ),
        fingerprint=", ".join(beds),
    )


def name_taken(state: EdgeState, labels: tuple[str, ...], now_s: float) -> Iterator[Finding]:
    """Another program writes over what this edge says: screens may show another's beds as these (H-24)."""
    at_s = state.name_taken_at_s
    yield Finding(
        AlarmKey("", "NAME_TAKEN"),
        when(true=at_s is not None and now_s < at_s + NAME_TAKEN_SHOWN_S, now_s=now_s),
        CATALOGUE["NAME_TAKEN"].bands,
        0.0,
        lambda _: Particulars(
            f"Another computer speaks in the name of this edge: what screens show of {', '.join(labels)} may be wrong "
            f"({state.name_taken_detail}).",
            evidence=(("seen", state.name_taken_detail),),
        ),
    )


def line_errors(
    name: str, port: PortState, at: tuple[float, Stays], *, expected: bool, lost: bool
) -> Iterator[Finding]:
    """Too many messages of a line are garbled, and something is expected of it; a ``lost`` link has its own alarm."""
    now_s, stays = at
    accepted, rejected = port.error_counts(now_s)
    garbled = rejected >= ERRORS_MIN and rejected > ERROR_SHARE * (accepted + rejected)
    # A line that fell silent is not mended by it (law 2).
    unknown = lost or (expected and accepted + rejected == 0)
    key, judged = (
        AlarmKey("", "LINE_ERRORS", name, WHOLE_LINE),
        None if unknown else when(true=garbled and expected, now_s=now_s),
    )
    if stays(key, judged):
        return
    yield Finding(
        key,
        judged,
        _ERRORS.bands,
        _ERRORS.clear_delay_s,
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
            None if silent or source.frozen else level(worst, now_s),
            CATALOGUE["CHANNEL_UNBOUND"].bands,
            0.0,
            partial(_describe_unbound, source),
        )


def _describe_unbound(source: SourceState, _: Band) -> Particulars:
    drug = source.infusion.drug if source.infusion is not None and source.infusion.drug else "an unnamed drug"
    return Particulars(f"Port {source.port} channel {source.channel} is running {drug} and belongs to no bed.")
