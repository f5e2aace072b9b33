"""A session of the B. Braun driver in virtual time, and the bytes that both ends say."""

from __future__ import annotations

from drivers.bbraun_space import BccSession
from drivers.model import Output, Send, SessionOptions
from tests.golden.bbraun_reference import ACK, alive, block, plain, said, stuffed, version

ALIVE = stuffed(plain("ADMIN:ALIVE", "1"))
VERSION = block("ADMIN:VERSION")
MEMORY = block("MEM:GET")
PUMP = block(
    said("50113", INRT="12.50"),
    said("50113", INDORT="4.000"),
    said("50113", INDORTU="69"),
    said("50113", PATW="70.0"),
    said("50113", INA3="1"),
)


def slot(channel: str) -> bytes:
    return block(f"MEM:GETSLOT#{channel}")


class Talk:
    """A session and its virtual clock."""

    def __init__(self, *channels: str, poll_interval_s: float = 1.0) -> None:
        self.session = BccSession(SessionOptions("pumps", channels, poll_interval_s))
        self.now_s = 0.0
        self.log: list[Output] = []
        self.sent: list[bytes] = []
        self._note(self.session.start(0.0))

    def _note(self, outputs: object) -> list[Output]:
        assert isinstance(outputs, list | tuple)
        self.log.extend(outputs)
        self.sent.extend(output.data for output in outputs if isinstance(output, Send))
        return [output for output in outputs if not isinstance(output, Send)]

    def hear(self, data: bytes) -> list[Output]:
        """Give the session bytes now; answer with what it made of them."""
        return self._note(self.session.feed(data, self.now_s))

    def wait(self) -> list[Output]:
        """Go on to the next deadline."""
        assert self.session.deadline_s is not None
        self.now_s = self.session.deadline_s
        return self._note(self.session.tick(self.now_s))

    def wait_for(self, data: bytes) -> list[Output]:
        """Go on until just this is sent next."""
        made = self.wait()
        while not self.sent:
            made += self.wait()
        assert self.sent.pop(0) == data
        return made

    def meet(self) -> Talk:
        """Go as far as the first question for data."""
        assert self.sent.pop(0) == ALIVE
        self.hear(alive())
        self.wait_for(ACK)
        self.wait_for(VERSION)
        self.hear(version())
        self.wait_for(ACK)
        return self

    def asked(self) -> Talk:
        """Go as far as waiting for the answer to MEM:GET."""
        self.meet().wait_for(MEMORY)
        return self
