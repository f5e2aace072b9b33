"""Who may what at a ward's broker: a real mosquitto with TLS, the shipped configuration, files of broker-files."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from edge.messages.verbs import REQUESTS
from tests.broker import HOST, Listener
from tests.end_to_end.world import PREFIX, ROOT, Daemon, daemon, is_alarm, message, monitor, on_pty, space
from tests.small_station import TOPICS, station
from tests.ward_broker import WardBroker, publish

DOSE_HIGH = "DOSE_RATE_HIGH.bed-1-pump.11"
FAR_BEYOND_ML_PER_H = "29.40"
OTHER_PREFIX = "infusion/v1/demo/edge/pi-2"
STATES = ("status", "roster", "self-check", "alarms", "alarm/X", "bed/bed-1/snapshot", "bed/bed-1/therapy")
STATES_MORE = ("bed/bed-1/alarms", f"bed/bed-1/alarm/{DOSE_HIGH}", "event", "fence")
QUIET_S = 0.3
"""How long nothing is heard before that counts as silence; what may be heard is there within some ms."""


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[WardBroker]:
    (tmp_path / "broker").mkdir()
    async with WardBroker(tmp_path / "broker") as broker:
        yield broker


@contextlib.asynccontextmanager
async def edge(
    folder: Path, broker: WardBroker, *, by_certificate: bool = False
) -> AsyncIterator[tuple[Daemon, Listener]]:
    """The daemon of bed 1 with an alarm, and a station that listens."""
    table = broker.toml("edge-pi-1")
    if by_certificate:
        own = broker.files / "edge-pi-1"
        files = f'certificate_file = "{own}/client.crt"\nkey_file = "{own}/client.key"\n'
        table = table.split("username")[0].replace(str(broker.port), str(broker.certificate_port)) + files
    shipped = (ROOT / "config" / "edge.toml").read_text(encoding="utf-8")
    changed = re.sub(r"\[broker\]\n.*?\n\n", lambda _: f"{table}\n", shipped, flags=re.DOTALL)
    (folder / "edge.toml").write_text(changed, encoding="utf-8")
    (folder / "drugs.toml").write_bytes((ROOT / "config" / "drugs.toml").read_bytes())
    _, rack = space(FAR_BEYOND_ML_PER_H, asyncio.get_running_loop().time())
    async with broker.subscribe_all() as heard:
        with on_pty(rack, folder / "bed-1-pump"), on_pty(monitor(), folder / "bed-1-monitor"):
            async with daemon(folder, None, config=folder / "edge.toml") as running:
                yield running, heard


@pytest.mark.parametrize("by_certificate", [False, True], ids=["password", "certificate"])
async def test_alarms_and_acts_go_over_tls(broker: WardBroker, tmp_path: Path, by_certificate: bool) -> None:
    async with edge(tmp_path, broker, by_certificate=by_certificate) as (running, heard):
        alarm = message(await heard.wait_for(is_alarm(DOSE_HIGH)))
        async with station(broker, heard) as desk:
            assert (await desk.take(alarm, acknowledge=True))["result"] == "done"
        shown = message((await broker.retained())[f"{PREFIX}/bed/bed-1/alarm/{DOSE_HIGH}"])
        assert shown["acceptance"]["by"] == "ward-desk:u7"
    assert not running.said("broker.refused")
    assert not running.said("not_read_back")
    assert "Denied" not in broker.log()


async def test_an_edge_cannot_write_for_another(broker: WardBroker) -> None:
    async with broker.client("edge-pi-2") as other:
        assert await publish(other, f"{OTHER_PREFIX}/status", b"mine", retain=True)
        for topic in (*STATES, *STATES_MORE, "response/ward-desk", "request/ward-desk/accept", "receipt/ward-desk"):
            assert not await publish(other, f"{PREFIX}/{topic}", b"forged", retain=True), topic
        for topic in ("request/ward-desk/accept", "receipt/ward-desk"):
            assert not await publish(other, f"{OTHER_PREFIX}/{topic}", b"forged"), topic
        assert not await publish(other, "infusion/v1/demo/station/ward-desk/status", b"forged", retain=True)
        assert not await publish(other, f"{PREFIX.replace('demo', 'elsewhere')}/status", b"forged", retain=True)
    assert set(await broker.retained()) == {f"{OTHER_PREFIX}/status"}


async def test_a_station_cannot_write_states_nor_ask_in_anothers_name(broker: WardBroker) -> None:
    async with broker.client("station-ward-desk") as desk:
        for verb in REQUESTS:
            assert await publish(desk, TOPICS.request("ward-desk", verb), b"{}")
        assert await publish(desk, TOPICS.receipt("ward-desk"), b"{}")
        assert await publish(desk, "infusion/v1/demo/station/ward-desk/status", b"here", retain=True)
        for topic in (*STATES, *STATES_MORE, "response/ward-desk", "response/other-desk"):
            assert not await publish(desk, f"{PREFIX}/{topic}", b"forged", retain=True), topic
        for name in ("other-desk", "local"):
            assert not await publish(desk, TOPICS.request(name, "accept"), b"forged")
            assert not await publish(desk, TOPICS.receipt(name), b"forged")
            assert not await publish(desk, f"infusion/v1/demo/station/{name}/status", b"forged", retain=True)
    assert set(await broker.retained()) == {"infusion/v1/demo/station/ward-desk/status"}


async def test_a_station_hears_no_answer_and_no_request_of_another(broker: WardBroker) -> None:
    async with broker.client("edge-pi-1") as pi, broker.subscribe_all() as heard:
        for name in ("response/ward-desk", "response/other-desk", "fence", "status"):
            assert await publish(pi, f"{PREFIX}/{name}", b"x")
        async with broker.client("station-ward-desk") as desk:
            assert await publish(desk, TOPICS.request("ward-desk", "accept"), b"x")
        await heard.wait_for(lambda one: one.topic == f"{PREFIX}/status")
        assert [one.topic for one in heard.messages] == [f"{PREFIX}/status"]


@pytest.mark.parametrize(
    "who",
    [
        lambda broker: {"port": broker.plain_port},
        lambda broker: {"port": broker.plain_port, "username": "station-ward-desk", "password": "guessed"},
        lambda broker: {"port": broker.plain_port, "username": "nobody", "password": "guessed"},
        lambda broker: {"port": broker.port},
        lambda broker: {"port": broker.certificate_port},
    ],
    ids=["nameless", "wrong password", "unknown name", "no TLS", "no TLS, no certificate"],
)
async def test_an_outsider_is_not_let_in(broker: WardBroker, who: Callable[[WardBroker], dict[str, Any]]) -> None:
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client(HOST, protocol=aiomqtt.ProtocolVersion.V5, timeout=1, **who(broker)):
            pass


async def test_a_certificate_of_another_authority_is_not_let_in(broker: WardBroker, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = WardBroker(tmp_path / "other")
    for name in ("client.crt", "client.key"):
        (broker.files / "edge-pi-1" / name).write_bytes((other.files / "edge-pi-1" / name).read_bytes())
    with pytest.raises(aiomqtt.MqttError):
        async with broker.client("edge-pi-1", by_certificate=True, timeout=1):
            pass


async def test_who_is_let_in_and_stands_in_no_list_sees_nothing(broker: WardBroker) -> None:
    acl = broker.files / "broker" / "acl"
    acl.write_text(acl.read_text().replace("user station-other-desk\n", "user station-gone\n"))
    await broker.restart()
    async with broker.client("edge-pi-1") as pi, broker.client("station-other-desk") as outsider:
        await outsider.subscribe("#", qos=1)
        for topic in (*STATES, *STATES_MORE):
            assert await publish(pi, f"{PREFIX}/{topic}", b"x", retain=True), topic
        assert not await publish(outsider, f"{PREFIX}/status", b"x")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(QUIET_S):
                await anext(outsider.messages)


async def test_nobody_can_throw_out_an_edge_by_its_identifier(broker: WardBroker, tmp_path: Path) -> None:
    async with edge(tmp_path, broker) as (running, heard):
        await heard.wait_for(is_alarm(DOSE_HIGH))
        for identifier in ("infusion-edge-demo-pi-1", "edge-pi-1"):
            async with broker.client("station-ward-desk", identifier=identifier):
                beats = len(heard.of(f"{PREFIX}/status"))
                await heard.wait_until(lambda before=beats: len(heard.of(f"{PREFIX}/status")) > before)  # type: ignore[misc]
        assert not running.said("broker.lost")


async def test_a_replayed_request_does_nothing(broker: WardBroker, tmp_path: Path) -> None:
    async with edge(tmp_path, broker) as (_, heard), station(broker, heard) as desk:
        alarm = message(await heard.wait_for(is_alarm(DOSE_HIGH)))
        first = await desk.take(alarm, "acknowledge", request_id="mine")
        topic = f"{PREFIX}/bed/bed-1/alarm/{DOSE_HIGH}"
        before = (await broker.retained())[topic].payload
        await desk.take(alarm, "acknowledge", request_id="mine")
        await heard.wait_until(lambda: len(desk.answers("mine")) == 2)
        assert desk.answers("mine")[1] == first
        # An old one with a new number: what it means was heard too long ago.
        old = {"request_id": "new", "edge_mono_s": float(desk.basis()["edge_mono_s"]) - 31}
        refused = await desk.take(alarm, "acknowledge", **old)
        assert (refused["result"], "ago: look again" in refused["reason"]) == ("refused", True)
        assert (await broker.retained())[topic].payload == before
