"""What people ask for: may they, is it still so, and then one function an act. Each request is journalled, done or not.

Laws:
  * An act is refused, with a reason, if its asker may not, or looked at another run, or at what is older than 30 s by
    the edge's own clock (no wall clock decides), or at an alarm that changed for the worse since.
  * The user's role is capped by the station's.
  * A request that came before gets the answer that it got then, and does nothing (H-24).
  * The answer is given when what was done is kept; until then the asker shows it as pending.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import assert_never

from edge.core import ordering, requests_therapy, service
from edge.core.alarms import Register
from edge.core.attention import Attention
from edge.core.desk import Asker, Desk, RefusedError
from edge.core.effects import Answer
from edge.core.inputs import (
    Accept,
    AcceptBed,
    Acknowledge,
    Act,
    AlarmAct,
    AudioPause,
    Basis,
    ConfirmDevice,
    OffMonitor,
    PlaceOrder,
    PlainAct,
    PressButton,
    RaiseTestAlarm,
    Reassert,
    Request,
    Reset,
    Resume,
    Role,
    Service,
    Unusable,
)
from edge.core.ledger import Ledger
from edge.core.model import AlarmKey, SilenceReason
from edge.core.state import EDGE, Ward
from edge.core.therapy_acts import TherapyAct

BASIS_LIMIT_S = 30.0
"""A request on what a screen showed longer ago than this is refused: the screen may be stale, the request replayed."""

BASIS_AHEAD_S = 1.0
"""A heartbeat cannot come from the future; the step that judges it may be a moment older than the heartbeat."""

ANSWERS_MAX = 1000
"""As many answers are remembered: a ward that asks once a second would need a quarter of an hour to fill them, and no
request is good for longer than `BASIS_LIMIT_S`."""

TEST_ALARM_S = 30.0

VERBS = {
    Accept: ("accept", Role.NURSE),
    Acknowledge: ("acknowledge", Role.NURSE),
    Reset: ("reset", Role.NURSE),
    AudioPause: ("audio-pause", Role.NURSE),
    OffMonitor: ("off-monitor", Role.NURSE),
    Resume: ("resume", Role.NURSE),
    PressButton: ("bedside-button", Role.NURSE),
    RaiseTestAlarm: ("test-alarm", Role.TECHNICIAN),
    Reassert: ("reassert", Role.TECHNICIAN),
    ConfirmDevice: ("confirm-device", Role.NURSE),
    Service: ("service", Role.TECHNICIAN),
    AcceptBed: ("bed-accepted", Role.TECHNICIAN),
    PlaceOrder: ("demo-order", Role.PRESCRIBER),
    **requests_therapy.VERBS,
}
"""Each act with its verb, and the least role that may ask for it."""


class Requests:
    """Carries out what is asked for."""

    def __init__(self, ward: Ward, ledger: Ledger, attention: Attention, register: Register) -> None:
        self._ward = ward
        self._ledger = ledger
        self._attention = attention
        self._register = register

    def carry_out(self, request: Request) -> None:
        """Do what is asked, or refuse it; give and keep the answer."""
        known = self._ledger.state.answers.get((request.station, request.request_id))
        if known is not None and request.request_id:
            if not self._ledger.pending(known):
                self._ledger.say(known)
            return
        verb = _verb_of(request.act)
        by = f"{request.station}:{request.user}" if request.user else request.station
        reason, said = self._refusal(request), ""
        if not reason:
            reason, said = self._do(request, by)
        result = {"verb": verb, "result": "refused" if reason else "done", "reason": reason}
        if said:
            result["said"] = said
        row = {"request_id": request.request_id, "by": by, **result}
        asked = {f"asked_{name}" if name in row else name: word for name, word in _body_of(request.act).items()}
        self._ledger.journal("request", **row, **asked)
        if request.basis is not None or isinstance(request.act, Unusable):
            answer = Answer(request.station, request.request_id, verb, not reason, reason, self._ledger.now, said=said)
            self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        if answer.station not in self._ward.stations:
            self._ledger.say(answer)  # not remembered: strangers must not push out what others were answered
            return
        answers = self._ledger.state.answers
        answers[answer.station, answer.request_id] = answer
        if len(answers) > ANSWERS_MAX:
            del answers[next(iter(answers))]
        self._ledger.answer(answer)

    def _refusal(self, request: Request) -> str:
        """Return why this asker may not ask for this, or not now; empty if it may."""
        if isinstance(request.act, Unusable) or request.basis is None:
            return ""  # refused by its own words; or the edge's own, as its configuration says
        station = self._ward.stations.get(request.station)
        if station is None:
            return f"the edge's configuration does not name the station {request.station}"
        _, least = VERBS[type(request.act)]
        role = min(request.role, station.role)
        if role < least:
            return f"a {role.name.lower()} may not: it takes a {least.name.lower()}"
        return self._is_outdated(request.basis, request.received_at_s)

    def _is_outdated(self, basis: Basis, received_at_s: float) -> str:
        if basis.run != self._ledger.state.run:
            return "the edge was started anew since: look again"
        age_s = received_at_s - basis.edge_mono_s
        if not -BASIS_AHEAD_S <= age_s <= BASIS_LIMIT_S:
            return f"it was asked on what the edge said {age_s:.0f} s ago: look again"
        return ""

    def _do(self, request: Request, by: str) -> tuple[str, str]:
        """Do what is asked; return why it was refused, and what there is to say of what was done."""
        act = request.act
        if not isinstance(act, TherapyAct | PlaceOrder):
            return self._act(act, by), ""
        station = self._ward.stations.get(request.station)
        role = request.role if station is None else min(request.role, station.role)
        desk = Desk(self._ward, self._ledger, self._attention, self._register, Asker(by, request.user, role))
        try:
            if isinstance(act, PlaceOrder):
                return "", ordering.place_demonstration(desk, act)
            return "", requests_therapy.carry_out(desk, act)
        except RefusedError as refused:
            return str(refused), ""

    def _act(self, act: PlainAct, by: str) -> str:
        match act:
            case RaiseTestAlarm():
                self._ward.state.edge.test_until_s = self._ledger.now.mono_s + TEST_ALARM_S
                self._ward.touched.add(EDGE)
            case Reassert():
                self._ward.reassert()
                self._ledger.reassert({EDGE, *self._ward.views})
            case ConfirmDevice():
                return self._confirm_device(act)
            case Service():
                return service.ask(self._ward, self._attention, act, by)
            case AcceptBed():
                # The row of the request in the journal is all that there is to do.
                return "" if act.bed in self._ward.views else f"there is no bed {act.bed}"
            case Unusable():
                return act.reason
            case _:
                return self._attend(act, by)
        return ""

    def _attend(self, act: AlarmAct, by: str) -> str:
        match act:
            case Acknowledge():
                return self._attention.acknowledge(act.alarm, by)
            case Accept():
                return self._attention.accept(act.alarm, by, acknowledge=act.acknowledge)
            case Reset():
                return self._attention.reset(act.alarm)
            case AudioPause() | OffMonitor():
                reason = SilenceReason.AUDIO_PAUSE if isinstance(act, AudioPause) else SilenceReason.OFF_MONITOR
                return self._pause(act.bed, reason, act.duration_s, by)
            case Resume():
                return self._resume(act.bed, by)
            case PressButton():
                return self._attention.press(act.bed, act.seen, by)
            case _:
                assert_never(act)

    def _pause(self, bed: str, reason: SilenceReason, duration_s: float, by: str) -> str:
        if bed and bed not in self._ward.views:
            return f"there is no bed {bed}"
        if not bed and reason is SilenceReason.OFF_MONITOR:
            return "name the bed whose patient is off the monitor"
        return self._attention.pause(bed, reason, duration_s, by)

    def _resume(self, bed: str, by: str) -> str:
        if bed and bed not in self._ward.views:
            return f"there is no bed {bed}"
        if bed and not self._attention.is_paused(bed) and self._attention.is_paused(EDGE):
            return "the pause is for all beds: resume all"
        self._ward.touch_paused(self._attention.end_pauses(f"resumed by {by}", bed or None))
        return ""

    def _confirm_device(self, act: ConfirmDevice) -> str:
        place = (act.port, act.channel)
        if self._ward.bed_of.get(place) != act.bed:
            return f"{act.port} channel {act.channel} is not bound to a bed {act.bed}"
        if not self._ward.state.sources[place].confirm(act.serial_number):
            return f"no device with serial number {act.serial_number} answers there, or another one is required"
        self._attention.settle(AlarmKey(act.bed, "DEVICE_IDENTITY_CHANGED", act.port, act.channel))
        self._ward.saw(act.serial_number, place)
        self._ward.touch(act.bed)
        self._ward.state.roster_changed = True
        return ""


def _verb_of(act: Act) -> str:
    return act.verb if isinstance(act, Unusable) else VERBS[type(act)][0]


def _body_of(act: Act) -> dict[str, str]:
    """What the journal keeps of an act."""
    match act:
        case AudioPause(bed, duration_s) | OffMonitor(bed, duration_s) | Service(bed, duration_s):
            return {"bed": bed, "duration_s": f"{duration_s:g}"}
        case PressButton(bed, seen):
            named = ", ".join(f"{one.occurrence} {one.rev}" for one in seen)
            return {"bed": bed, "seen": named} if seen else {"bed": bed}
        case ConfirmDevice(bed, port, channel, serial_number):
            return {"bed": bed, "port": port, "channel": channel, "serial_number": serial_number}
        case Unusable():
            return {}
        case _:
            return _told(act)


def _told(value: object) -> dict[str, str]:
    """Say a frozen value whole, a field a name, with what is inside another one under its own names."""
    told: dict[str, str] = {}
    for field in fields(value):  # type: ignore[arg-type]
        part = getattr(value, field.name)
        if is_dataclass(part) and not isinstance(part, type):
            told |= _told(part)
        elif part not in (None, "", ()):
            told[field.name] = _word(part)
    return told


def _word(part: object) -> str:
    if isinstance(part, tuple):
        return ", ".join(map(_word, part))
    if is_dataclass(part) and not isinstance(part, type):
        return " ".join(f"{name} {word}" for name, word in _told(part).items())
    return str(part)
