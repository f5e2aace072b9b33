"""A session of the Asena driver in virtual time, and the frames that both ends say."""

from __future__ import annotations

from drivers.alaris_asena import AsenaSession
from drivers.model import Output, Send, SessionOptions

ASK_PROTOCOL = b"!COMMS_PROTOCOL|E8DA\r"
ASK_INF = b"!INF|4961\r"
ASK_ALARM = b"!ALARM|50B2\r"
SAID_PROTOCOL = b"!COMMS_PROTOCOL^Asena Rev 2.1.5|661A\r"
SAID_NO_ALARM = b"!ALARM^AL_NOALM^ ^ |C73B\r"
SAID_INF = b"!INF^8002-51740^-^SET^12.50^ml/h^^103.417^ml^42.00^mmHg^02:30:05^EVENT^127905|830E\r"


class Talk:
    """A session and its virtual clock."""

    def __init__(self, poll_interval_s: float = 1.0) -> None:
        self.session = AsenaSession(SessionOptions("pump", ("0",), poll_interval_s))
        self.now_s = 0.0
        self.sent: list[bytes] = []
        self._note(list(self.session.start(0.0)))

    def _note(self, outputs: list[Output]) -> list[Output]:
        self.sent.extend(output.data for output in outputs if isinstance(output, Send))
        return [output for output in outputs if not isinstance(output, Send)]

    def hear(self, data: bytes, after_s: float = 0.0) -> list[Output]:
        """Give the session bytes; answer with what it made of them."""
        self.now_s += after_s
        return self._note(list(self.session.feed(data, self.now_s)))

    def wait(self) -> list[Output]:
        """Go on to the next deadline."""
        assert self.session.deadline_s is not None
        self.now_s = self.session.deadline_s
        return self._note(list(self.session.tick(self.now_s)))

    def wait_for(self, data: bytes) -> list[Output]:
        """Go on until just this is sent next."""
        made: list[Output] = []
        while not self.sent:
            made += self.wait()
        assert self.sent.pop(0) == data
        return made

    def met(self) -> Talk:
        """Go as far as the first INF question."""
        self.wait_for(ASK_PROTOCOL)
        assert self.hear(SAID_PROTOCOL) == []
        self.wait_for(ASK_INF)
        return self

    def round(self, said_inf: bytes, said_alarm: bytes) -> list[Output]:
        """Answer both questions of a round; end at the next INF question."""
        made = self.hear(said_inf)
        self.wait_for(ASK_ALARM)
        made += self.hear(said_alarm)
        self.wait_for(ASK_INF)
        return made
