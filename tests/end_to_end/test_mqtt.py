"""The sender against a real mosquitto: births, restarts, freezes, refusals, wills, and nothing lost."""

from __future__ import annotations

import asyncio
import queue
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import aiomqtt
import pytest
import structlog
from paho.mqtt.packettypes import PacketTypes

from edge.mqtt import NO_MATCHING_SUBSCRIBERS, BrokerSettings, Connection, Login, Reason
from edge.outgoing import Lane, Outgoing
from edge.send_queue import IN_FLIGHT_QUIET_MAX
from edge.sender import STEADY_S
from tests.broker import HOST, Mosquitto
from tests.sender import BIRTH, EVENT, FENCE, STOPPED, WILL, WITHIN_S, Edge, Impatient, payloads, settings, state

CLIENT = f"""
import asyncio, sys
from edge.mqtt import BrokerSettings
from tests.sender import Edge

async def main():
    await Edge(BrokerSettings("{HOST}", int(sys.argv[1]), "edge-1")).sender.run()

asyncio.run(main())
"""


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with Mosquitto(tmp_path) as broker:
        yield broker


async def test_a_birth_on_every_connect_and_nothing_else_needed(broker: Mosquitto) -> None:
    edge = Edge(settings(broker))
    async with edge.running(), broker.subscribe_all() as heard:
        await heard.wait_for(lambda one: one.payload == b"running")
        for _ in range(2):
            broker.stop()
            heard.messages.clear()
            await broker.start()
            await heard.wait_for(lambda one: one.payload == b"running")
        assert [connected for connected, _ in edge.links] == [True, False, True, False, True]


@pytest.mark.parametrize("end", [Mosquitto.stop, Mosquitto.kill])
async def test_a_broker_that_comes_back_without_memory_is_told_the_whole_truth_in_order(
    broker: Mosquitto, end: Callable[[Mosquitto], None]
) -> None:
    edge = Edge(settings(broker))
    lanes = [lane for lane in Lane if lane not in (Lane.STATUS, Lane.EVENT)]
    for lane in reversed(lanes):
        edge.sender.publish(state(lane.name, lane))
    truth = ["edge/status", *(lane.name for lane in lanes)]
    async with edge.running(), broker.subscribe_all() as heard:
        await heard.wait_until(lambda: set(truth) <= {one.topic for one in heard.messages})
        end(broker)
        await edge.lost()
        edge.events(1, 1)
        edge.sender.publish(state("while away", Lane.SNAPSHOT))
        heard.messages.clear()
        await broker.start()
        await heard.wait_for(lambda one: one.topic == EVENT)
        told = [one.topic for one in heard.messages if one.topic != FENCE.topic]
        at = truth.index("SNAPSHOT") + 1
        assert told == [*truth[:at], "while away", *truth[at:], EVENT]
        assert set(await broker.retained()) == {*truth, "while away"}


async def test_a_broker_that_is_not_there_yet_is_told_of_once_and_found_later(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    backoff = Impatient()
    edge = Edge(settings(broker), backoff)
    with structlog.testing.capture_logs() as logs:
        async with edge.running():
            for _ in range(3):
                await backoff.attempts.acquire()
            async with broker:
                await edge.linked()
                assert [connected for connected, _ in edge.links] == [False, True]
                assert "refused" in edge.links[0][1]
    lost = [entry["log_level"] for entry in logs if entry["event"] == "broker.lost"]
    assert lost[0] == "warning"
    assert set(lost[1:]) == {"debug"}


async def test_a_broker_that_lets_us_not_in_says_so(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path, anonymous=False) as broker:
        edge = Edge(replace(settings(broker), login=lambda: Login("edge", "wrong")))
        async with edge.running():
            await edge.lost()
            assert "Not authorized" in edge.links[0][1]


async def test_a_frozen_broker_is_noticed_and_a_thawed_one_told_the_truth(broker: Mosquitto) -> None:
    backoff = Impatient()
    edge = Edge(settings(broker), backoff)
    async with edge.running(), broker.subscribe_all() as heard:
        await heard.wait_for(lambda one: one.payload == b"running")
        broker.freeze()
        edge.sender.publish(state("alarm", Lane.ALARM_HIGH))
        edge.events(1, 3)
        for _ in range(3):  # the publish, and two connects that nobody answers
            await backoff.attempts.acquire()
        assert edge.links[1:] == [(False, "the broker does not answer")]
        broker.thaw()
        await edge.until(lambda: len(edge.sent) == 3)
        await heard.wait_for(lambda one: one.payload == b"3")
        assert list(dict.fromkeys(payloads(heard, EVENT))) == [b"1", b"2", b"3"]
        assert [detail for _, detail in edge.links if "taken over" in detail] == []
        truth = await broker.retained()
        assert {topic: one.payload for topic, one in truth.items()} == {"edge/status": b"running", "alarm": b"x"}


async def test_silence_is_noticed_when_the_oldest_message_is_due_and_not_later(broker: Mosquitto) -> None:
    backoff = Impatient()
    edge = Edge(settings(broker), backoff)
    async with edge.running(), broker.subscribe_all() as heard:
        await heard.wait_for(lambda one: one.payload == b"running")
        broker.freeze()
        for n in range(2):
            edge.sender.publish(state(f"alarm-{n}", Lane.ALARM_HIGH))
        before_s = asyncio.get_running_loop().time()
        await backoff.attempts.acquire()
        assert 0.49 <= asyncio.get_running_loop().time() - before_s < 0.9
        broker.thaw()


@pytest.mark.parametrize("connect_timeout_s", [0.2, 3.0], ids=["timeout", "cancelled"])
async def test_a_connect_that_is_given_up_is_closed(connect_timeout_s: float) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        begun.set()
        await reader.read(-1)
        ended.set()
        writer.close()

    server = await asyncio.start_server(never_answer, HOST)
    port = server.sockets[0].getsockname()[1]
    async with server:
        edge = Edge(BrokerSettings(HOST, port, "edge-1", connect_timeout_s=connect_timeout_s))
        async with edge.running():
            await begun.wait()
            if connect_timeout_s < 1:
                await edge.lost()
        await asyncio.wait_for(ended.wait(), WITHIN_S)


async def test_the_reason_of_a_puback_is_told(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path, acl="topic readwrite open/#\n") as broker:
        will = replace(WILL, topic="open/status")
        async with asyncio.timeout(WITHIN_S), Connection(settings(broker), will) as connection:
            denied = await connection.send(state("closed/a", Lane.ALARM_HIGH), None)
            unheard = await connection.send(state("open/a", Lane.ALARM_HIGH), None)
            async with broker.subscribe_all() as heard:
                taken = await connection.send(state("open/b", Lane.ALARM_HIGH), None)
                await heard.wait_for(lambda one: one.topic == "open/b")
        assert (denied.value, denied.is_failure) == (0x87, True)
        assert (unheard.value, unheard.is_failure) == (NO_MATCHING_SUBSCRIBERS, False)
        assert (taken.value, taken.is_failure) == (0, False)


async def test_what_the_broker_refuses_is_told_once_and_sent_when_it_may(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path, acl="topic readwrite edge/status\ntopic readwrite fence/#\n") as broker:
        edge = Edge(settings(broker))
        edge.sender.publish(state("alarm", Lane.ALARM_HIGH))
        edge.events(1, 2)
        async with edge.running():
            await edge.until(lambda: len(edge.refused) == 2)
            assert edge.refused == [("alarm", "Not authorized"), (EVENT, "Not authorized")]
            await _wait_for_log(broker, "Denied PUBLISH from edge-1", times=6)
            assert (len(edge.refused), edge.accepted, edge.sent) == (2, [], [])
            broker.set_acl("topic readwrite #\n")
            await edge.until(lambda: len(edge.sent) == 2)
            await edge.until(lambda: len(edge.accepted) == 2)
            assert sorted(edge.accepted) == ["alarm", EVENT]
            assert edge.sent == [("run-1", 1), ("run-1", 2)]
            assert set(await broker.retained()) == {"alarm", "edge/status"}
        assert len(edge.links) == 1


async def test_what_cannot_be_encoded_is_refused_and_harms_nothing_else(broker: Mosquitto) -> None:
    def broken() -> bytes:
        raise ValueError("link: perhaps")

    edge = Edge(settings(broker))
    edge.sender.publish(Outgoing("bed-1", broken, Lane.SNAPSHOT))
    edge.sender.publish(state("bed-2", Lane.SNAPSHOT))
    async with edge.running(), broker.subscribe_all() as heard:
        await heard.wait_for(lambda one: one.topic == "bed-2")
        assert edge.refused == [("bed-1", "cannot be encoded: link: perhaps")]
        edge.sender.publish(state("bed-1", Lane.SNAPSHOT))
        await heard.wait_for(lambda one: one.topic == "bed-1")
        await edge.until(lambda: edge.accepted == ["bed-1"])


async def test_an_alarm_is_on_the_wire_before_the_loop_turns() -> None:
    heard: queue.Queue[bytes] = queue.Queue()

    def answer(server: socket.socket) -> None:
        client, _ = server.accept()
        with client:
            client.recv(1024)
            client.sendall(b"\x20\x03\x00\x00\x00")  # CONNACK
            while data := client.recv(1024):
                heard.put(data)

    with socket.create_server((HOST, 0)) as server:
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        edge = Edge(BrokerSettings(HOST, server.getsockname()[1], "edge-1"))
        async with edge.running():
            await edge.linked()
            edge.sender.publish(state("snapshot", Lane.SNAPSHOT))
            edge.sender.publish(state("too-fast", Lane.ALARM_HIGH))
            sent = b""
            while b"too-fast" not in sent:
                sent += heard.get(timeout=WITHIN_S)  # it blocks the loop
            assert sent.index(b"edge/status") < sent.index(b"too-fast")
            assert b"snapshot" not in sent
        await asyncio.to_thread(thread.join, WITHIN_S)
    assert not thread.is_alive()


async def test_a_publish_into_a_broken_connection_is_sent_over_the_next(broker: Mosquitto) -> None:
    edge = Edge(settings(broker))
    async with edge.running(), broker.subscribe_all() as heard:
        await heard.wait_for(lambda one: one.payload == b"running")
        broker.kill()
        for n in range(20):  # the first ones are written into the closed socket
            edge.sender.publish(state(f"alarm-{n}", Lane.ALARM_HIGH))
        await edge.lost()
        await broker.start()
        await heard.wait_until(lambda: len({one.topic for one in heard.messages}) == 21)
        assert set(await broker.retained()) == {"edge/status", *(f"alarm-{n}" for n in range(20))}


async def test_an_acknowledgement_that_is_seen_after_its_connection_counts_for_nothing(broker: Mosquitto) -> None:
    edge = Edge(settings(broker))
    async with edge.running(), broker.subscribe_all() as heard:
        await heard.wait_for(lambda one: one.payload == b"running")
        broker.freeze()
        connection = edge.sender._connection
        assert connection is not None
        edge.events(1, 1)
        for _ in range(10):  # it is sent in a turn of the loop of its own
            await asyncio.sleep(0)
        assert len(connection._acknowledgements) == 1
        broker.kill()
        await edge.lost()
        for acknowledgement in connection._acknowledgements.values():
            acknowledgement.set_result(Reason(PacketTypes.PUBACK))
        await asyncio.sleep(0)
        assert (edge.sent, edge.sender.events_waiting) == ([], 1)
        await broker.start()
        await heard.wait_for(lambda one: one.topic == EVENT)
        await edge.until(lambda: edge.sent == [("run-1", 1)])


@pytest.mark.parametrize("lane", [Lane.ALARM_HIGH, Lane.SNAPSHOT])
async def test_a_fault_of_sending_ends_the_sender_and_not_who_publishes(broker: Mosquitto, lane: Lane) -> None:
    def broken() -> bytes:
        raise RuntimeError("a fault of the program")

    edge = Edge(settings(broker))
    async with broker.subscribe_all() as heard:
        task = asyncio.create_task(edge.sender.run())
        await heard.wait_for(lambda one: one.payload == b"running")
        edge.sender.publish(Outgoing("bed-1", broken, lane))
        with pytest.raises(ExceptionGroup) as fault:
            await asyncio.wait_for(task, WITHIN_S)
        assert [str(error) for error in fault.value.exceptions] == ["a fault of the program"]


async def test_a_fault_after_the_acknowledgement_ends_the_sender(broker: Mosquitto) -> None:
    edge = Edge(settings(broker))
    edge.sent = None  # type: ignore[assignment]  # so that noting the event fails
    edge.events(1, 1)
    with pytest.raises(ExceptionGroup) as fault:
        await asyncio.wait_for(edge.sender.run(), WITHIN_S)
    assert [type(error) for error in fault.value.exceptions] == [AttributeError]


async def test_a_message_larger_than_the_socket_takes_at_once_arrives_whole(broker: Mosquitto) -> None:
    edge = Edge(replace(settings(broker), publish_timeout_s=WITHIN_S))
    async with edge.running(), broker.subscribe_all() as heard:
        await heard.wait_for(lambda one: one.payload == b"running")
        edge.sender.publish(state("alarm", Lane.ALARM_HIGH, b"x" * 10_000_000))
        edge.sender.publish(state("index", Lane.ALARM_HIGH))
        await heard.wait_for(lambda one: one.topic == "index")
        assert [(one.topic, len(one.payload)) for one in heard.messages[-2:]] == [("alarm", 10_000_000), ("index", 1)]


async def test_what_was_written_at_once_leaves_no_watch_on_the_socket(broker: Mosquitto) -> None:
    async with asyncio.timeout(WITHIN_S), Connection(settings(broker), WILL) as connection:
        await connection.send(state("a", Lane.ALARM_HIGH), None)
        connection._client._send_pingreq()  # waits for its own turn of the loop, and leaves with the message
        await connection.send(state("b", Lane.ALARM_HIGH), None)
        watched = cast("socket.socket", connection._client.socket())
        assert not asyncio.get_running_loop().remove_writer(watched)


async def test_the_will_speaks_when_the_process_is_killed(broker: Mosquitto) -> None:
    async with broker.subscribe_all() as heard:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", CLIENT, str(broker.port))
        try:
            await heard.wait_for(lambda one: one.payload == b"running")
        finally:
            process.kill()
            assert await process.wait() == -signal.SIGKILL
        await heard.wait_for(lambda one: one.payload == b"lost")
    assert (await broker.retained())["edge/status"].payload == b"lost"


async def test_the_will_speaks_when_the_program_fails(broker: Mosquitto) -> None:
    edge = Edge(settings(broker))
    async with broker.subscribe_all() as heard:
        async with edge.running():
            await heard.wait_for(lambda one: one.payload == b"running")
        await heard.wait_for(lambda one: one.payload == b"lost", limit_s=1)


async def test_a_clean_stop_sends_what_waits_then_stopped_and_no_will(broker: Mosquitto) -> None:
    edge = Edge(settings(broker))
    async with edge.running() as task, broker.subscribe_all() as heard:
        await edge.linked()
        edge.events(1, 100)
        await edge.sender.drain_and_stop(STOPPED, 3.0)
        await asyncio.wait_for(task, WITHIN_S)
        assert edge.sent[-1] == ("run-1", 100)
        await heard.wait_for(lambda one: one.payload == b"stopped")
        assert heard.messages[-1].payload == b"stopped"
        assert (await broker.retained())["edge/status"].payload == b"stopped"
        assert b"lost" not in payloads(heard, "edge/status")
        assert edge.links == [(True, "connected")]


async def test_nothing_follows_stopped(broker: Mosquitto) -> None:
    edge = Edge(settings(broker))
    async with edge.running() as task, broker.subscribe_all() as heard:
        await heard.wait_for(lambda one: one.payload == b"running")
        edge.events(1, 100)
        stopping = asyncio.create_task(edge.sender.drain_and_stop(STOPPED, 0.0))
        await asyncio.sleep(0)  # so that the heartbeat is taken in the very turn in which the limit is over
        edge.sender.publish(BIRTH)
        await asyncio.gather(stopping, task)
        assert (await broker.retained())["edge/status"].payload == b"stopped"


async def test_a_stop_at_a_frozen_broker_ends_in_time_and_leaves_the_will(broker: Mosquitto) -> None:
    edge = Edge(settings(broker))
    async with edge.running() as task, broker.subscribe_all() as heard:
        await heard.wait_for(lambda one: one.payload == b"running")
        broker.freeze()
        edge.events(1, 1)
        before_s = asyncio.get_running_loop().time()
        await edge.sender.drain_and_stop(STOPPED, 0.2)
        await asyncio.wait_for(task, WITHIN_S)
        assert asyncio.get_running_loop().time() - before_s < 2
        broker.thaw()
        await heard.wait_for(lambda one: one.payload == b"lost")


async def test_a_stop_without_a_broker_ends_in_time(tmp_path: Path) -> None:
    edge = Edge(settings(Mosquitto(tmp_path)))
    async with edge.running() as task:
        await edge.lost()
        await edge.sender.drain_and_stop(STOPPED, 0.2)
        await asyncio.wait_for(task, WITHIN_S)


async def test_cleared_is_heard_and_then_leaves_no_retained_message(broker: Mosquitto) -> None:
    edge = Edge(settings(broker))
    async with edge.running(), broker.subscribe_all() as heard:
        edge.sender.publish(state("alarm", Lane.ALARM_HIGH, b"present"))
        await heard.wait_for(lambda one: one.payload == b"present")
        edge.sender.publish(Outgoing("alarm", b"cleared", Lane.ALARM_LOW, then_empty=True))
        await heard.wait_until(lambda: len(heard.of("alarm")) == 3)
        assert payloads(heard, "alarm") == [b"present", b"cleared", b""]
        assert set(await broker.retained()) == {"edge/status"}


async def test_events_arrive_in_order_without_a_gap_across_a_restart_of_the_broker(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path, persistence=True) as broker:
        edge = Edge(settings(broker))
        async with edge.running(), broker.subscribe_all(session="station") as heard:
            edge.events(1, 400)
            await edge.until(lambda: len(edge.sent) >= 50)
            await broker.restart()
            edge.events(401, 500)
            await edge.until(lambda: len(edge.sent) == 500)
            await heard.wait_for(lambda one: one.payload == b"500")
        assert edge.sent == [("run-1", seq) for seq in range(1, 501)]
        assert len(edge.links) == 3
        numbers = [int(payload) for payload in payloads(heard, EVENT)]
        assert list(dict.fromkeys(numbers)) == list(range(1, 501))


async def test_a_high_alarm_overtakes_a_thousand_waiting_snapshots(broker: Mosquitto) -> None:
    edge = Edge(settings(broker))
    encoded: list[str] = []

    def noting(topic: str, lane: Lane) -> Outgoing:
        def payload() -> bytes:
            encoded.append(topic)
            return b"x"

        return Outgoing(topic, payload, lane)

    async with edge.running(), broker.subscribe_all() as heard:
        await edge.linked()
        for n in range(1000):
            edge.sender.publish(noting(f"snapshot-{n}", Lane.SNAPSHOT))
        await heard.wait_for(lambda one: one.topic == "snapshot-50")
        before = len(encoded)
        assert before < 900
        edge.sender.publish(noting("alarm", Lane.ALARM_HIGH))
        await heard.wait_for(lambda one: one.topic == "snapshot-999")
    position = encoded.index("alarm")
    assert before <= position <= before + IN_FLIGHT_QUIET_MAX  # those that were already on their way
    topics = [one.topic for one in heard.messages if one.topic not in ("edge/status", FENCE.topic)]
    assert topics.index("alarm") == position


async def test_what_changed_while_the_broker_was_slow_is_sent_once(broker: Mosquitto) -> None:
    edge = Edge(replace(settings(broker), publish_timeout_s=3.0))
    async with edge.running(), broker.subscribe_all() as heard:
        await heard.wait_for(lambda one: one.payload == b"running")
        broker.freeze()
        first = asyncio.Event()

        def encode_first() -> bytes:
            first.set()
            return b"1"

        edge.sender.publish(Outgoing("snapshot", encode_first, Lane.SNAPSHOT))
        await first.wait()
        for n in range(2, 12):
            edge.sender.publish(state("snapshot", Lane.SNAPSHOT, str(n).encode()))
        broker.thaw()
        await heard.wait_for(lambda one: one.payload == b"11")
        assert payloads(heard, "snapshot") == [b"1", b"11"]
        assert len(edge.links) == 1


async def test_who_is_thrown_out_by_its_double_does_not_fight() -> None:
    # By hand, since mosquitto tells of it only from 2.0.15 on.
    async def throw_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x20\x03\x00\x00\x00")  # CONNACK
        await edge.linked()
        writer.write(b"\xe0\x02\x8e\x00")  # DISCONNECT, session taken over
        await reader.read(-1)
        writer.close()

    async with await asyncio.start_server(throw_out, HOST) as server:
        port = server.sockets[0].getsockname()[1]
        backoff = Impatient()
        edge = Edge(BrokerSettings(HOST, port, "edge-1", takeover_pause_s=1.0), backoff)
        async with edge.running():
            await edge.lost()
            lost_at_s = asyncio.get_running_loop().time()
            await edge.linked()
            assert asyncio.get_running_loop().time() - lost_at_s >= 1.0
            assert edge.links == [(True, "connected"), (False, "session taken over"), (True, "connected")]
            assert edge.doubles == ["it took over the connection"]
            assert backoff.attempts.locked()


async def test_two_of_one_name_are_told_and_do_not_fight(broker: Mosquitto) -> None:
    """As mosquitto before 2.0.15 does it: who is thrown out is not told why."""
    first, second = (Edge(settings(broker), run=run) for run in ("first", "second"))
    async with first.running():
        await first.linked()
        first.events(1, 1)  # sent after the birth
        await first.until(lambda: bool(first.sent))
        first.ahead_s = STEADY_S  # what is on the status from now on is no leftover
        async with second.running():
            await first.until(lambda: bool(first.doubles))
            assert first.doubles == ["its run is lost second"]  # it was thrown out again, and left its will
            await first.lost()
            lost_at_s = asyncio.get_running_loop().time()
            await first.linked()
            assert asyncio.get_running_loop().time() - lost_at_s >= 0.99  # its pause of one that was taken over
            assert sum(connected for connected, _ in second.links) <= 3


async def test_the_run_before_is_not_taken_for_another(broker: Mosquitto) -> None:
    """After a kill its heartbeat is still kept there."""
    async with aiomqtt.Client(HOST, broker.port) as client:
        await client.publish(WILL.topic, b"running before", qos=1, retain=True)
    edge = Edge(settings(broker), run="now")
    async with edge.running(), broker.subscribe_all() as heard:
        await heard.wait_for(lambda one: one.payload == b"running now")
        edge.events(1, 1)
        await edge.until(lambda: bool(edge.sent))
    assert edge.doubles == []


async def test_a_live_heartbeat_of_another_is_told_at_once(broker: Mosquitto) -> None:
    edge = Edge(settings(broker), run="mine")
    async with edge.running(), aiomqtt.Client(HOST, broker.port) as client:
        await edge.linked()
        await client.publish(WILL.topic, b"running stranger", qos=1, retain=True)
        await edge.until(lambda: bool(edge.doubles))
    assert edge.asked == []


@pytest.mark.parametrize(("lived_s", "successes"), [(0.0, 0), (STEADY_S, 1)])
async def test_only_a_connection_that_lived_a_while_is_a_success(
    broker: Mosquitto, lived_s: float, successes: int
) -> None:
    backoff = Impatient()
    edge = Edge(settings(broker), backoff)
    async with edge.running():
        await edge.linked()
        edge.ahead_s = lived_s
        async with aiomqtt.Client(HOST, broker.port, identifier="edge-1"):
            await edge.lost()
        await edge.linked()
    assert backoff.successes == successes


async def test_a_retained_snapshot_ends_by_itself(broker: Mosquitto) -> None:
    edge = Edge(settings(broker))
    edge.sender.publish(Outgoing("snapshot", b"x", Lane.SNAPSHOT, expiry_s=4))
    async with edge.running(), broker.subscribe_all() as heard:
        told = await heard.wait_for(lambda one: one.topic == "snapshot")
        assert told.expiry_s in (3, 4)
        assert (await heard.wait_for(lambda one: one.topic == "edge/status")).expiry_s is None


async def test_that_nobody_listens_is_counted_as_a_hint(broker: Mosquitto) -> None:
    edge = Edge(settings(broker))
    edge.events(1, 1)
    async with edge.running():
        await edge.until(lambda: edge.sent == [("run-1", 1)])
    assert edge.sender.without_subscribers == 1  # the birth is heard by the edge itself
    assert edge.refused == []


async def _wait_for_log(broker: Mosquitto, text: str, times: int) -> None:
    async with asyncio.timeout(WITHIN_S):
        while broker.log().count(text) < times:  # noqa: ASYNC110 - a file cannot be awaited
            await asyncio.sleep(0.02)
