"""Alaris, CareFusion or BD "Asena" syringe pumps (GH, CC), their ASCII protocol "Asena Rev 2.1.5": one pump a line.

Experimental: single replies of two real pumps are published, but no whole conversation, and no list of the maker's of
modes and alarms. Hypotheses that this driver leans on:
  * mode ``SET`` with a rate is an infusion, ``HLD`` without one is a stop; any other mode is unknown. No mode of
    purge, bolus or KVO is known.
  * alarm codes mean what their names say (``drivers/alaris_asena_replies.py``); those without a sure one are unknown.
  * the pump answers in the order in which it was asked, and each question once.
The seventh field of INF was always empty; it may be the drug's name, and is not read.
What INF_VTBI would say is not of the same moment as INF, and the shape of its reply is not sure: it is not asked.

The driver never enables remote control, without which the pump refuses to be changed.

The conversation has no transaction ids, so a late reply could answer the next question. Laws of this module:

  * One question at a time, a rest before each. A reply counts only if it begins with the keyword that was asked for.
  * After whatever went wrong - silence, a broken frame, a frame out of turn - PROTOCOL is asked before anything else
    is: its reply is the last of all that was still to come, and what comes before it is dropped.
  * Patience follows the pump, which may take up to 4 s to reply by its own account.
  * A round is INF, then ALARM. Alarms are judged at its end; they end only if both replies say that there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

from drivers.alaris_asena_replies import (
    NO_ALARM,
    Framer,
    Question,
    Reply,
    alarms_of,
    sample_of,
    unnamed_alarm,
)
from drivers.model import (
    AlarmSetChanged,
    Description,
    DeviceAlarm,
    DeviceIdentified,
    DeviceKind,
    Driver,
    IdentitySupport,
    Infusion,
    Integrity,
    LineSettings,
    NibpTime,
    Observation,
    Output,
    Quantity,
    Rejected,
    Send,
    SessionOptions,
)
from drivers.turns import in_turn

MIN_POLL_S: Final = 0.5
"""Least time between two questions for data; other programs ask the same pumps twice a second."""
REST_S: Final = 0.1
"""Rest before a question: what a broken or doubled reply still brings comes before it."""
PATIENCE_MIN_S: Final = 1.0
"""How long a reply is waited for at least: twice as long as other programs do, and short enough that the loss of one
reply is made good before the link counts as lost."""
PATIENCE_MAX_S: Final = 4.5
"""The pump's own bound on a reply (COMMS_RESPONSE_MAX, 4 s), and its time on the line."""
QUESTION_LIMIT_S: Final = 20.0
"""Bound on one question while frames out of turn come in: four replies of the slowest pump."""

_CHANNEL: Final = "0"
_MAX_SOFTWARE_CHARACTERS: Final = 32


class AsenaSession:
    """One conversation: an observation for each INF, the alarms after each ALARM."""

    def __init__(self, options: SessionOptions) -> None:
        self._interval_s = max(MIN_POLL_S, options.poll_interval_s)
        self._asks_at_s = options.asks_at_s
        self._framer = Framer()
        self._pump = _Pump(options.port)
        # the question; none while resting
        self._asked: Question | None = None
        self._asked_s = 0.0
        self._due_s: float | None = None
        self._limit_s = 0.0
        self._patience_s = PATIENCE_MIN_S
        # what comes next
        self._in_doubt = True
        self._next = Question.INFUSION
        self._round_began_s = 0.0
        self._next_round_s = 0.0
        self._round_s = self._interval_s + PATIENCE_MIN_S
        self._undisturbed = False

    @property
    def round_s(self) -> float:
        """Seconds that the last undisturbed round took, at least the poll interval; a guess before the first."""
        return self._round_s

    @property
    def deadline_s(self) -> float | None:
        """When ``tick`` must be called next."""
        return self._due_s

    @property
    def held_bytes(self) -> int:
        """How many bytes are held back; less than MAX_FRAME_BYTES."""
        return self._framer.held_bytes

    def start(self, now_s: float) -> Sequence[Output]:
        """Ask which protocol the pump speaks."""
        return self._ask_next(now_s)

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        """Take bytes in any cut."""
        out: list[Output] = []
        for part in self._framer.feed(data):
            out.extend(self._broken(part, now_s) if isinstance(part, Rejected) else self._reply(part, now_s))
        return out

    def tick(self, now_s: float) -> Sequence[Output]:
        """Do what is due."""
        if self._due_s is None or now_s < self._due_s:
            return ()
        return self._ask_next(now_s) if self._asked is None else self._give_up(self._asked, now_s)

    # What is due

    def _ask_next(self, now_s: float) -> list[Output]:
        question = Question.PROTOCOL if self._in_doubt else self._next
        if question is Question.INFUSION:
            self._round_began_s, self._next_round_s, self._undisturbed = now_s, now_s + MIN_POLL_S, True
        self._asked, self._asked_s = question, now_s
        self._due_s, self._limit_s = now_s + self._patience_s, now_s + QUESTION_LIMIT_S
        return [Send(question.value)]

    def _give_up(self, question: Question, now_s: float) -> list[Output]:
        if question is Question.PROTOCOL:
            self._patience_s = min(2 * self._patience_s, PATIENCE_MAX_S)
        return [Rejected("timeout"), *self._begin_anew(now_s)]

    def _begin_anew(self, now_s: float) -> list[Output]:
        """Give up the question, and trust nothing that comes before PROTOCOL is answered."""
        out = self._pump.hear_no_alarm_reply(now_s) if self._asked is Question.ALARM else []
        self._doubt()
        self._next = Question.INFUSION
        self._rest(now_s)
        return out

    def _doubt(self) -> None:
        self._in_doubt, self._undisturbed = True, False

    def _rest(self, now_s: float) -> None:
        round_is_over = self._next is Question.INFUSION and not self._in_doubt
        self._asked, self._due_s = None, max(now_s + REST_S, self._next_round_s if round_is_over else now_s)

    # What arrives

    def _broken(self, rejected: Rejected, now_s: float) -> list[Output]:
        if rejected.reason == "noise":  # no reply is in it; if one was, it is missed in time
            return [rejected]
        if self._asked is None:
            self._doubt()
            return [rejected]
        return [rejected, *self._begin_anew(now_s)]

    def _reply(self, reply: Reply, now_s: float) -> list[Output]:
        asked = self._asked
        if asked is None:
            self._doubt()
            return [Rejected("unexpected", reply.excerpt)]
        if reply.fields[0] != asked.keyword or len(reply.fields) == 1:  # late, or our own echo: the answer may yet come
            self._due_s, self._undisturbed = min(now_s + self._patience_s, self._limit_s), False
            return [Rejected("unexpected", reply.excerpt)]
        self._patience_s = min(max(2 * (now_s - self._asked_s), PATIENCE_MIN_S), PATIENCE_MAX_S)
        match asked:
            case Question.PROTOCOL:
                self._in_doubt = False
                self._pump.software = reply.fields[1][:_MAX_SOFTWARE_CHARACTERS]
                self._rest(now_s)
                return []
            case Question.INFUSION:
                due_s = in_turn(self._round_began_s + self._interval_s, self._interval_s, self._asks_at_s)
                self._next, self._next_round_s = Question.ALARM, max(due_s, self._round_began_s + MIN_POLL_S)
                self._rest(now_s)
                return self._pump.hear_infusion(reply, now_s)
            case Question.ALARM:
                self._next = Question.INFUSION
                self._rest(now_s)
                if self._undisturbed:
                    self._round_s = max(now_s + REST_S - self._round_began_s, self._interval_s)
                return self._pump.hear_alarm(reply, now_s)
        assert_never(asked)


class _Pump:
    """What was told of the pump so far: who it is, and its alarms."""

    def __init__(self, port: str) -> None:
        self._port = port
        self.software = ""
        self._identity: tuple[str, str] | None = None
        self._flag: str | None = None
        self._alarms: tuple[DeviceAlarm, ...] | None = None

    def hear_infusion(self, reply: Reply, now_s: float) -> list[Output]:
        sample = sample_of(reply)
        out: list[Output] = []
        if sample.serial_number is None:
            out.append(Rejected("syntax", reply.excerpt))
        else:
            out.extend(self._identify(sample.serial_number, now_s))
        self._flag = sample.alarm_flag
        out.append(Observation(self._port, _CHANNEL, now_s, sample.readings, Infusion(sample.state)))
        return out

    def _identify(self, serial_number: str, now_s: float) -> list[Output]:
        before, self._identity = self._identity, (serial_number, self.software)
        if self._identity == before:
            return []
        if before is None or before[0] != serial_number:
            self._alarms = None  # those of another pump
        return [DeviceIdentified(self._port, _CHANNEL, now_s, serial_number, "Alaris Asena", self.software)]

    def hear_alarm(self, reply: Reply, now_s: float) -> list[Output]:
        alarms = alarms_of(reply)
        return self._show(alarms, now_s) if alarms or self._flag == NO_ALARM else self.hear_no_alarm_reply(now_s)

    def hear_no_alarm_reply(self, now_s: float) -> list[Output]:
        """Go by the flag of INF alone: it can show an alarm, and cannot end one."""
        if self._flag in (None, NO_ALARM):
            return []
        return self._show(self._alarms or (unnamed_alarm(self._flag),), now_s)

    def _show(self, alarms: tuple[DeviceAlarm, ...], now_s: float) -> list[Output]:
        if alarms == self._alarms:
            return []
        self._alarms = alarms
        return [AlarmSetChanged(self._port, _CHANNEL, now_s, alarms)]


DRIVER: Final = Driver(
    name="alaris-asena",
    title="Alaris Asena GH and CC syringe pumps (Asena Rev 2.1.5)",
    kind=DeviceKind.PUMP,
    line=LineSettings(baud=38400),
    listen_only=False,
    identity=IdentitySupport.SERIAL_NUMBER,
    integrity=Integrity.CHECKSUM,
    nibp_time=NibpTime.NOT_MEASURED,
    freshness="",
    experimental=True,
    channel_pattern=_CHANNEL,
    channel_help="always 0: one pump, one line",
    session=AsenaSession,
    description=Description(
        devices="Alaris (CareFusion, BD) Asena GH and CC syringe pumps; TIVA and PK are said to speak alike. One pump, "
        "one line.",
        cable="RS-232, an option of the pump; a straight 9-pin cable, as a service forum has it; no handshake.",
        settings=(
            "The pump's RS232 option must be there and switched on.",
            "Remote control stays off. This driver never enables it, and without it the pump refuses to be changed.",
        ),
        gives=(Quantity.INFUSION_RATE, Quantity.VOLUME_INFUSED, Quantity.TIME_REMAINING, Quantity.LINE_PRESSURE),
        tells="Whether it infuses or stands, alarms, serial number.",
        unknown=(
            "Modes: SET with a rate is taken for an infusion, HLD without one for a stop. Any other is unknown.",
            "No mode of purge, bolus or KVO is known.",
            "The list of alarm codes is not public: four are read by their names, any other is an unknown alarm.",
            "Drug, concentration, weight and dose are not told: the dose is reckoned from the order alone.",
            "What is to be infused is not asked for.",
        ),
        proof="Single replies of two real pumps are published, with their sums, and are read rightly; a whole "
        "conversation is not, and that the pump answers in the order of the questions is a hypothesis.",
    ),
)
