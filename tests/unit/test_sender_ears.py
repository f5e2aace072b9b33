"""What the edge hears of stations where the broker refuses it at first; what is told of one that hangs up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, cast

from structlog.testing import capture_logs

from edge.mqtt import BrokerSettings, Heard, ListenError
from tests.sender import Edge

if TYPE_CHECKING:
    from edge.mqtt import Connection

REQUESTS = "edge/request/#"


class Refusing:
    """A connection whose broker grants a subscription only the third time."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []

    async def listen(self, topics: Sequence[str], of_others: Sequence[str] = ()) -> None:
        self.asked.append((*topics, *of_others))
        if len(self.asked) < 3:
            raise ListenError(f"{topics[0]}: Not authorized")

    async def heard(self) -> AsyncIterator[Heard]:
        yield Heard("edge/request/desk/accept", b"{}", retained=False)


async def test_a_broker_that_lets_nothing_be_heard_is_asked_again_and_the_alarm_ends() -> None:
    edge, refusing = Edge(BrokerSettings("127.0.0.1", 1, "edge-1", refused_retry_s=0.05)), Refusing()
    await edge.sender._listen(cast("Connection", refusing))
    assert len(refusing.asked) == 3
    assert (edge.refused, edge.accepted) == ([(REQUESTS, f"{REQUESTS}: Not authorized")], [REQUESTS])
    assert [heard.topic for heard in edge.asked] == ["edge/request/desk/accept"]


async def test_a_broker_that_hangs_up_again_and_again_fills_no_log() -> None:
    edge = Edge(BrokerSettings("127.0.0.1", 1, "edge-1"))
    with capture_logs() as lines:
        for detail in ["reset"] * 50 + ["taken over"] * 50:
            edge.sender._begin(cast("Connection", object()))
            edge.sender._end(detail, 5.0)
    told = [line["event"] for line in lines if line["log_level"] != "debug"]
    assert told == ["broker.connected", "broker.lost", "broker.connected", "broker.lost", "broker.connected"]
