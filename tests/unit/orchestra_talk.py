"""A session of the Orchestra driver in virtual time."""

from __future__ import annotations

from collections.abc import Callable

from drivers.fresenius_orchestra import SETTLE_S, OrchestraSession
from drivers.model import Observation, Output, Rejected, Send, SessionOptions
from tests.golden.orchestra_reference import ACK, DC4, frame, sample

DC0 = b"\x020DC48\x03"
LE0 = b"\x020LE;bA1\x03"
BOTH = b"\x020C;b038C\x03"
TIMEOUT = Rejected("timeout")


def read(address: str = "1") -> bytes:
    return frame(f"{address}LE;aemdr")


def channels(outputs: list[Output]) -> list[str]:
    return [output.channel for output in outputs if isinstance(output, Observation)]


def rates(outputs: list[Output]) -> list[str]:
    return [str(output.readings[0].value) for output in outputs if isinstance(output, Observation)]


class Talk:
    """A session and its virtual clock. The device's frames are followed by the rest that proves their end."""

    def __init__(self, *channels: str, poll_interval_s: float = 1.0, asks_at_s: float | None = None) -> None:
        self.session = OrchestraSession(SessionOptions("pumps", channels, poll_interval_s, asks_at_s))
        self.now_s = 0.0
        self.sent: list[bytes] = []
        self._note(list(self.session.start(0.0)))

    def _note(self, outputs: list[Output]) -> list[Output]:
        self.sent.extend(output.data for output in outputs if isinstance(output, Send))
        return [output for output in outputs if not isinstance(output, Send)]

    def feed(self, data: bytes) -> list[Output]:
        """Give the session bytes, and nothing after them."""
        return self._note(list(self.session.feed(data, self.now_s)))

    def hear(self, data: bytes, after_s: float = 0.0) -> list[Output]:
        """Give the session a frame, then the rest; its acknowledgement is taken off."""
        self.now_s += after_s
        made = self.feed(data)
        self.now_s += SETTLE_S
        made += self._note(list(self.session.tick(self.now_s)))
        assert self.sent.pop(0) == ACK
        return made

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

    def say(self, asked: bytes, answer: bytes) -> list[Output]:
        """Go on until this is asked, and answer it."""
        return self.wait_for(asked) + self.hear(answer)

    def met(self, bitmap: str = "01") -> Talk:
        """Go as far as the first question to the first module."""
        self.say(DC0, frame("0C"))
        self.say(LE0, frame(f"0C;b{bitmap}"))
        return self

    def connected(self) -> Talk:
        """Go as far as the first question for values of module 1, which is alone on the base."""
        self.met().say(frame("1DC"), frame("1C"))
        self.wait_for(read())
        return self

    def running(self) -> Talk:
        """Go through the first sample of module 1 and the enabling of its events, to the end of the round."""
        self.connected().hear(sample())
        self.say(frame("1DE;aem"), frame("1C"))
        return self

    def round(self, said: bytes, bitmap: str = "01") -> list[Output]:
        """Go through a round of a base with module 1 alone."""
        return self.say(LE0, frame(f"0C;b{bitmap}")) + self.say(read(), said)

    def converse(self, until_s: float, answer: Callable[[str], bytes]) -> list[tuple[float, Output]]:
        """Let a device answer the bodies that it is asked, with nothing where it is silent; say what came when."""
        made: list[tuple[float, Output]] = []
        while self.now_s < until_s:
            while self.sent:
                asked = self.sent.pop(0)
                if asked not in {ACK, DC4}:
                    made += [(self.now_s, output) for output in self.feed(answer(asked[1:-3].decode()))]
            made += [(self.now_s, output) for output in self.wait()]
        return made


def device(bitmap: str = "01") -> Callable[[str], bytes]:
    """Make a base and its modules that answer each question."""

    def answer(body: str) -> bytes:
        if body == "0LE;b":
            return frame(f"0C;b{bitmap}")
        return sample(body[0]) if body.endswith("LE;aemdr") else frame(f"{body[0]}C")

    return answer
