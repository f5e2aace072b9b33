"""A session of the IntelliVue driver in virtual time, as far as a test wants it."""

from __future__ import annotations

from drivers.intellivue import MibSession
from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    Observation,
    Output,
    Quantity,
    Reading,
    Rejected,
    Send,
    SessionOptions,
)
from tests.golden.intellivue_reference import (
    CLOCK,
    NUMERICS,
    PER_MINUTE,
    PERCENT,
    SYSTEM,
    accepted,
    alarms,
    attribute,
    created,
    frame,
    result,
    single,
    stream,
    thing,
    unframed,
)

ASSOCIATE, RELEASE, RELEASED, ABORT = 0x0D, 0x09, 0x0A, 0x19
PLAIN_EVENT = (attribute(0x0987, CLOCK), attribute(0x098F, f"{80_000:08X}"))
HR = single(1, 0x4182, PER_MINUTE, 87)
SPO2 = single(2, 0x4BB8, PERCENT, 97)
ABORTED = frame(bytes.fromhex("192E11010300"))


class Talk:
    """A session, its clock, and what it said: whole messages in ``sent``, all else in ``heard``."""

    def __init__(self, poll_interval_s: float = 1.0) -> None:
        self.session = MibSession(SessionOptions("bed-3", (), poll_interval_s))
        self.now_s = 100.0
        self.streaming = 0
        self.system: tuple[str, ...] = ()
        self.sent: list[bytes] = []
        self.heard: list[Output] = []
        self._note(list(self.session.start(self.now_s)))

    def _note(self, outputs: list[Output]) -> list[Output]:
        self.sent.extend(unframed(output.data) for output in outputs if isinstance(output, Send))
        heard: list[Output] = [output for output in outputs if not isinstance(output, Send)]
        self.heard.extend(heard)
        return heard

    def hear(self, *frames: bytes) -> list[Output]:
        """Give the session bytes; answer with what it made of them."""
        return [output for frame in frames for output in self._note(list(self.session.feed(frame, self.now_s)))]

    def wait(self, seconds: float) -> None:
        """Let the time pass; every deadline is kept."""
        end_s = self.now_s + seconds
        for _ in range(1000):
            due_s = self.session.deadline_s
            if due_s is None or due_s > end_s:
                self.now_s = end_s
                return
            self.now_s = max(self.now_s, due_s)
            self._note(list(self.session.tick(self.now_s)))
        raise AssertionError("the session does not come to rest")

    def associated(self, period_ticks: int = 8000, options: int = 0x80000000) -> Talk:
        """Go as far as the first polls: 1 for the stream and 2 for the alarms, or 1 for numerics and then alarms."""
        self.hear(accepted(period_ticks, options), created(*PLAIN_EVENT))
        return self

    def kinds(self) -> list[str]:
        """Say what was sent since it was last asked."""
        said, self.sent = [_kind(message) for message in self.sent], []
        return said

    def numbers(self) -> list[int]:
        """Give the numbers of the polls sent since it was last asked."""
        said = [_number(message) for message in self.sent if message[:6] == _POLLS]
        self.sent = []
        return said

    def reasons(self) -> list[str]:
        return [output.reason for output in self.heard if isinstance(output, Rejected)]

    def observations(self) -> list[Observation]:
        return [output for output in self.heard if isinstance(output, Observation)]

    def alarm_sets(self) -> list[tuple[DeviceAlarm, ...]]:
        return [output.alarms for output in self.heard if isinstance(output, AlarmSetChanged)]

    @property
    def ticks(self) -> int:
        """The monitor's clock, which runs with the session's."""
        return int(self.now_s * 8000)

    def answer(self, *things: str) -> list[str]:
        """Answer all polls as they come, numerics by these objects; say what was sent. A stream is only noted."""
        said: list[str] = []
        while self.sent:
            message = self.sent.pop(0)
            said.append(_kind(message))
            match said[-1]:
                case "stream":
                    self.streaming = _number(message)
                case "numerics":
                    self.hear(result(_number(message), NUMERICS, *things, ticks=self.ticks))
                case "alarms":
                    self.hear(alarms(_number(message)))
                case "system":
                    self.hear(result(_number(message), SYSTEM, thing(0, *self.system)))
                case _:
                    pass
        return said

    def flow(self, seconds: int, *things: str, flows: bool = True) -> list[str]:
        """Let each second bring numerics by the stream, if it flows, and all answers; say what was sent."""
        said = self.answer(*things)
        for _ in range(seconds):
            self.wait(1.0)
            said += self.answer(*things)
            if flows:
                self.hear(stream(self.streaming, *things, ticks=self.ticks))
        return said


_POLLS = bytes.fromhex("E10000020001")
_ASKED = {
    (0xF13B, 6): "stream",
    (0x0C16, 6): "numerics",
    (0x0C16, 0x36): "alarms",
    (0x0C16, 0x21): "system",
}


def _number(message: bytes) -> int:
    return int.from_bytes(message[8:10], "big")


def _kind(message: bytes) -> str:
    if message[:6] == _POLLS:
        return _ASKED[(int.from_bytes(message[24:26], "big"), int.from_bytes(message[32:34], "big"))]
    first = {ASSOCIATE: "associate", RELEASE: "release", RELEASED: "released", ABORT: "abort"}
    return first.get(message[0], "acknowledged")


def readings(*things: str, ticks: int = 85_868, clock: str = CLOCK) -> dict[Quantity, Reading]:
    """Tell what is read of these objects."""
    talk = Talk().associated()
    talk.hear(stream(1, *things, ticks=ticks, clock=clock))
    (observation,) = talk.observations()
    assert len(observation.readings) == len({reading.quantity for reading in observation.readings}) == 17
    return {reading.quantity: reading for reading in observation.readings}
