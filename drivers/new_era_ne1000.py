"""New Era NE-1000 family of syringe pumps, also sold as WPI Aladdin: one pump a line, in their Basic mode.

FOR LABORATORIES AND ANIMALS ONLY: the maker does not allow these pumps on people, and clinical mode refuses them.

Source: the maker's manual, its RS-232 grammar. Experimental. Hypotheses that this driver leans on:
  * a number has its point always, and a digit before it; a pump that leaves the point out gives no rate here;
  * a run that begins after a stop ends the alarms of before, since the pump tells an alarm once and never its end.

Three traits of the protocol are hazards, which is one more reason against a patient at the other end:
  * A question with a digit behind it is a command: ``RAT5`` sets the rate. Nothing guards the bytes on their way.
  * The pump tells an alarm in place of an answer, and holds it for acknowledged from then on.
  * There is no checksum. Its Safe mode has one, but stops the pump when the host falls silent; it is never switched on.

Laws of this module:
  * All that can be sent are the two constants of ``Question``.
  * A status and rate count when two replies in a row say them alike (H-12). An alarm counts at once.
  * One question at a time, a rest before each. After whatever went wrong VER is asked before anything else: its reply
    is the last of all that was still to come.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from typing import Final

from drivers.model import (
    AlarmSetChanged,
    Description,
    DeviceAlarm,
    DeviceAlarmKind,
    DeviceIdentified,
    DeviceKind,
    DeviceRestarted,
    Driver,
    IdentitySupport,
    Infusion,
    InfusionState,
    Integrity,
    LineSettings,
    NibpTime,
    Observation,
    Output,
    Quantity,
    Reading,
    Rejected,
    Send,
    SessionOptions,
    invalid,
    missing,
)


class Question(Enum):
    """All that can be sent: keywords without an argument, which only ask."""

    VERSION = b"VER\r"
    RATE = b"RAT\r"


MAX_FRAME_BYTES: Final = 40
"""Bound on a reply with its STX and ETX: the longest of the manual that is asked for has 20 bytes."""

MIN_POLL_S: Final = 0.5
"""Least time between two rounds."""
REST_S: Final = 0.1
"""Rest before a question: what a broken or doubled reply still brings comes before it."""
PATIENCE_S: Final = 1.0
"""How long a reply is waited for: it takes 10 ms on the line, and the loss of one is made good in time."""
QUESTION_LIMIT_S: Final = 5.0
"""Bound on one question while replies out of turn come in."""
MAX_ASKED: Final = 3
"""Times that the rate is asked for in a round until two replies agree; a rate that a program ramps may never."""

_CHANNEL: Final = "0"
_MAX_EXCERPT_BYTES: Final = 64
_STX, _ETX = 0x02, 0x03

_REPLY = re.compile(r"00(?:A(?P<alarm>[ -~]*)|(?P<status>[B-Z])(?P<data>[ -~]*))")
"""Asked without an address, pump 0 answers. ``A`` is no status: ``?`` and a letter behind it tell an alarm."""
_VERSION = re.compile(r"(NE[0-9]{3,5}(?:X[0-9]?)?)V([0-9]{1,2}\.[0-9]{1,4})")
_RATE = re.compile(r"(?=[0-9.]{2,5}[A-Z])([0-9]{1,4}\.([0-9]{0,3}))([A-Z]{2})")
"""At most four digits and a point, at most three digits behind it."""

_ML_PER_H: Final = {"MH": Decimal(1), "MM": Decimal(60), "UH": Decimal("0.001"), "UM": Decimal("0.06")}
"""What one of each unit is in mL/h: mL/h, mL/min, uL/h, uL/min; each exact."""

_STATES: Final = {
    "I": InfusionState.INFUSING,
    "S": InfusionState.STOPPED,
    "P": InfusionState.STOPPED,
    "T": InfusionState.STANDBY,
    "U": InfusionState.STANDBY,
    "X": InfusionState.PURGE,
}
"""``T`` waits for a time and ``U`` for a signal, then it goes on by itself. For ``W``, drawing in, there is no word."""
_RUNNING: Final = frozenset("IWX")
_STANDING: Final = frozenset("SPTU")

_ALARMS: Final = {
    "?R": (DeviceAlarmKind.ADVISORY, "its power was interrupted"),
    "?S": (DeviceAlarmKind.OCCLUSION_DOWNSTREAM, "the motor stalled: an occlusion, or the end of the syringe"),
    "?T": (DeviceAlarmKind.MALFUNCTION, "communication timed out, and the pump stopped"),
    "?E": (DeviceAlarmKind.MALFUNCTION, "error in the pumping program"),
    "?O": (DeviceAlarmKind.MALFUNCTION, "a phase of the pumping program is out of range"),
}
_POWER_WAS_GONE: Final = "?R"


class NewEraSession:
    """One conversation: an observation a round, alarms the moment they are told."""

    def __init__(self, options: SessionOptions) -> None:
        self._interval_s = max(MIN_POLL_S, options.poll_interval_s)
        self._pump = _Pump(options.port)
        self._frame = bytearray()
        self._in_noise = False
        # the question; none while resting
        self._asked: Question | None = None
        self._due_s: float | None = None
        self._limit_s = 0.0
        # what comes next
        self._in_doubt = True
        self._said = ""
        self._asked_times = 0
        self._next_round_s = 0.0

    @property
    def round_s(self) -> float:
        """Seconds of a round in which one reply is lost."""
        return self._interval_s + PATIENCE_S

    @property
    def deadline_s(self) -> float | None:
        """When ``tick`` must be called next."""
        return self._due_s

    @property
    def held_bytes(self) -> int:
        """How many bytes are held back; less than MAX_FRAME_BYTES."""
        return len(self._frame)

    def start(self, now_s: float) -> Sequence[Output]:
        """Ask who is there."""
        return self._ask(now_s)

    def tick(self, now_s: float) -> Sequence[Output]:
        """Do what is due."""
        if self._due_s is None or now_s < self._due_s:
            return ()
        if self._asked is None:
            return self._ask(now_s)
        self._begin_anew(now_s)
        return [Rejected("timeout")]

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        """Take bytes in any cut; a run of bytes outside replies is told once, by its first byte."""
        out: list[Output] = []
        for byte in data:
            if byte == _STX:
                if self._frame:
                    out.extend(self._broken("length", now_s))
                self._frame.append(byte)
                self._in_noise = False
            elif not self._frame:
                if not self._in_noise:
                    out.append(Rejected("noise", bytes((byte,))))
                self._in_noise = True
            elif byte == _ETX:
                reply, self._frame = bytes(self._frame[1:]), bytearray()
                out.extend(self._hear(reply, now_s))
            else:
                self._frame.append(byte)
                if len(self._frame) == MAX_FRAME_BYTES:
                    self._in_noise = True  # what follows belongs to the same overlong reply
                    out.extend(self._broken("oversize", now_s))
        return out

    # What is due

    def _ask(self, now_s: float) -> list[Output]:
        self._asked = Question.VERSION if self._in_doubt else Question.RATE
        if self._asked is Question.RATE:
            if self._asked_times == 0:
                self._next_round_s = now_s + self._interval_s
            self._asked_times += 1
        self._due_s, self._limit_s = now_s + PATIENCE_S, now_s + QUESTION_LIMIT_S
        return [Send(self._asked.value)]

    def _begin_anew(self, now_s: float) -> None:
        """Trust nothing that comes before VER is answered, nor what was said before."""
        self._in_doubt, self._said, self._asked_times = True, "", 0
        self._rest(now_s)

    def _rest(self, now_s: float, until_s: float = 0.0) -> None:
        self._asked, self._due_s = None, max(now_s + REST_S, until_s)

    # What arrives

    def _broken(self, reason: str, now_s: float) -> list[Output]:
        excerpt, self._frame = bytes(self._frame), bytearray()
        self._begin_anew(now_s)
        return [Rejected(reason, excerpt)]

    def _hear(self, reply: bytes, now_s: float) -> list[Output]:
        found = _REPLY.fullmatch(reply.decode("ascii", "replace"))
        if found is None:
            self._begin_anew(now_s)
            return [Rejected("syntax", reply[:_MAX_EXCERPT_BYTES])]
        if found["alarm"] is not None:
            out = self._pump.alarm(found["alarm"], now_s)
            if self._asked is not None:  # it came in place of the answer
                self._rest(now_s)
            return out
        if self._asked is Question.RATE and _VERSION.fullmatch(found["data"]) is None:
            return self._hear_rate(found["status"], found["data"], now_s)
        version = _VERSION.fullmatch(found["data"])
        if self._asked is Question.VERSION and version is not None:
            self._in_doubt = False
            self._rest(now_s, self._next_round_s)
            return self._pump.identify(version[1], version[2], now_s)
        if self._asked is None:
            self._in_doubt = True
        else:  # late: the answer may yet come
            self._due_s = min(now_s + PATIENCE_S, self._limit_s)
        return [Rejected("unexpected", reply[:_MAX_EXCERPT_BYTES])]

    def _hear_rate(self, status: str, data: str, now_s: float) -> list[Output]:
        before, self._said = self._said, status + data
        if before == self._said:
            self._asked_times = 0
            self._rest(now_s, self._next_round_s)
            return self._pump.sample(status, data, now_s)
        if self._asked_times < MAX_ASKED:
            self._rest(now_s)
            return []
        self._asked_times = 0
        self._rest(now_s, self._next_round_s)
        return [Rejected("unexpected", self._said.encode("ascii"))]


class _Pump:
    """What was told of the pump so far: who it is, and its alarms."""

    def __init__(self, port: str) -> None:
        self._port = port
        self._identity: tuple[str, str] | None = None
        self._alarms: dict[str, DeviceAlarm] = {}
        self._alarms_told = False
        self._stood = False  # since the last alarm

    def identify(self, model: str, software: str, now_s: float) -> list[Output]:
        before, self._identity = self._identity, (model, software)
        if self._identity == before:
            return []
        return [DeviceIdentified(self._port, _CHANNEL, now_s, "", model, software)]

    def alarm(self, code: str, now_s: float) -> list[Output]:
        kind, text = _ALARMS.get(code, (DeviceAlarmKind.UNKNOWN, "an alarm that is not known"))
        self._stood = False
        out: list[Output] = []
        if code == _POWER_WAS_GONE:
            out.append(DeviceRestarted(self._port, _CHANNEL, now_s, text))
        alarm = DeviceAlarm(kind, f"A{code}", text)
        place = code if code in _ALARMS else ""  # of those that are not known the last is held
        if self._alarms.get(place) != alarm:
            self._alarms[place] = alarm
            out.append(self._tell_alarms(now_s))
        return out

    def sample(self, status: str, data: str, now_s: float) -> list[Output]:
        out: list[Output] = []
        if status in _RUNNING and self._stood and self._alarms:
            self._alarms.clear()
            self._alarms_told = False
        self._stood = self._stood or status in _STANDING
        if not self._alarms_told:
            out.append(self._tell_alarms(now_s))
        state = _STATES.get(status, InfusionState.UNKNOWN)
        out.append(Observation(self._port, _CHANNEL, now_s, (_rate(status, data),), Infusion(state)))
        return out

    def _tell_alarms(self, now_s: float) -> AlarmSetChanged:
        self._alarms_told = True
        return AlarmSetChanged(self._port, _CHANNEL, now_s, tuple(sorted(self._alarms.values())))


def _rate(status: str, data: str) -> Reading:
    """Read the rate that the pump runs at, or is set to while it stands."""
    if status == "X":
        return missing(Quantity.INFUSION_RATE, "mL/h", origin="RAT", note="it purges, at a rate that it does not tell")
    if status == "W":
        return missing(Quantity.INFUSION_RATE, "mL/h", origin="RAT", note="it draws in")
    found = _RATE.fullmatch(data)
    per_unit = None if found is None else _ML_PER_H.get(found[3])
    if found is None or per_unit is None:
        return invalid(Quantity.INFUSION_RATE, "mL/h", origin="RAT", note=f"no rate: {data!r}")
    return Reading(
        Quantity.INFUSION_RATE,
        Decimal(found[1]) * per_unit,
        "mL/h",
        resolution=Decimal(1).scaleb(-len(found[2])) * per_unit,
        origin="RAT",
        note="" if status == "I" else "set",
    )


DRIVER: Final = Driver(
    name="new-era-ne1000",
    title="New Era NE-1000 syringe pumps, NOT FOR HUMAN USE: laboratories and animals only",
    kind=DeviceKind.PUMP,
    line=LineSettings(baud=19200),
    listen_only=False,
    identity=IdentitySupport.PORT_ONLY,
    integrity=Integrity.NONE,
    nibp_time=NibpTime.NOT_MEASURED,
    freshness="",
    experimental=True,
    channel_pattern=_CHANNEL,
    channel_help="always 0: one pump, one line, its network address 0",
    session=NewEraSession,
    description=Description(
        devices="New Era NE-1000, NE-500, NE-1600, NE-4000, also sold as WPI Aladdin. NOT FOR HUMAN USE: the maker "
        "does not allow them on people, and clinical mode refuses this driver. One pump, one line.",
        cable="RS-232, on the pump's telephone socket (RJ-11) named Computer; the maker sells the cable.",
        settings=(
            "19200 baud, network address 0: as delivered.",
            "Basic mode, as delivered. In Safe mode it does not answer this driver.",
        ),
        gives=(Quantity.INFUSION_RATE,),
        tells="Whether it infuses, stands, waits or purges; alarms; model and software.",
        unknown=(
            "To read an alarm is to acknowledge it: the pump tells it once, to the first who asks.",
            "It does not tell when an alarm ends: it stands here until the pump runs anew after a stop.",
            "A stall of the motor is its only sign of an occlusion.",
            "Nothing guards its messages: a rate counts when it was told twice alike, and a ramped one may never be.",
            "While it purges or draws in, its rate is not told. Volumes are told and not asked for.",
            "Models that name themselves in another way than NE and a number are not recognised.",
        ),
        proof="Replies made after the maker's grammar, and single ones from the tests of programs for these pumps. No "
        "conversation with a real pump is public.",
    ),
    laboratory_only=True,
)
