"""A spare computer becomes the edge that died: two real daemons, the ward's broker, and the old one at its door."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import pytest

from tests.broker import HOST, POLL_S
from tests.end_to_end.test_security import DOSE_HIGH, FAR_BEYOND_ML_PER_H
from tests.end_to_end.world import PREFIX, ROOT, Daemon, daemon, is_alarm, message, monitor, on_pty, space
from tests.programs import PIPE, infusion_edge
from tests.small_station import station
from tests.ward_broker import WardBroker

CASE = "k-1047"
DRUG = "ketamine-chronic-pain"
UNCERTAIN = "DOSE_UNCERTAIN.bed-1-pump.11"
THERAPY = f"{PREFIX}/bed/bed-1/therapy"


async def run(verb: str, *arguments: str | Path) -> tuple[int, str, str]:
    """Run one command as a person would; return its exit status and what it said."""
    process = await infusion_edge(*verb.split(), *arguments, stdout=PIPE, stderr=PIPE)
    out, error = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, out.decode(), error.decode()


async def done(verb: str, *arguments: str | Path) -> str:
    status, said, error = await run(verb, *arguments)
    assert status == 0, said + error
    return said


@dataclass(frozen=True)
class Computer:
    """A bedside computer: its configuration, its state, and who may be on it."""

    etc: Path
    run: Path

    @property
    def config(self) -> Path:
        return self.etc / "edge.toml"

    @property
    def here(self) -> tuple[str | Path, ...]:
        return "--config", self.config, "--run-dir", self.run

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Daemon]:
        async with daemon(self.run, None, config=self.config) as running:
            yield running


def computer(folder: Path) -> Computer:
    found = Computer(folder / "etc", folder / "run")
    found.run.mkdir(parents=True)
    return found


def configured(folder: Path, broker: WardBroker) -> Computer:
    """The computer that dies: the shipped configuration without its order, with credentials beside it."""
    old = computer(folder)
    old.etc.mkdir()
    for file in (broker.files / "edge-pi-1").iterdir():
        shutil.copy(file, old.etc)
    table = broker.toml("edge-pi-1").replace(f"{broker.files}/edge-pi-1/", "")
    text = (ROOT / "config/edge.toml").read_text(encoding="utf-8")
    text = re.sub(r"\[\[demo_order\]\].*?(?=\n# ----)", "", text, flags=re.DOTALL)
    text = re.sub(r"\[broker\]\n.*?\n\n", lambda _: f"{table}\n", text, flags=re.DOTALL)
    old.config.write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "config/drugs.toml", old.etc)
    return old


async def open_to_certificates(broker: WardBroker) -> None:
    """Wait until the broker listens there too: it is started as soon as it listens where passwords are told."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, broker.certificate_port)
                writer.close()
                return
            await asyncio.sleep(POLL_S)


async def renewed(folder: Path, broker: WardBroker) -> str:
    """Renew what the edge logs in with, and give the broker what refuses the old."""
    files = broker.files
    where = ("--renew", files / "broker", "--authority", files / "authority")
    said = await done("broker-files", folder, "--site", "demo", "--edge", "pi-1", *where)
    for file in (folder / "broker").iterdir():
        shutil.copy(file, files / "broker")
    await broker.restart()
    await open_to_certificates(broker)
    return said


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_spare_goes_on_where_its_edge_died_and_the_old_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    bundle = tmp_path / "pi-1.bundle"
    async with WardBroker(tmp_path / "broker") as broker, broker.subscribe_all() as heard:
        old, spare = configured(tmp_path / "old", broker), computer(tmp_path / "spare")
        _, rack = space(FAR_BEYOND_ML_PER_H, asyncio.get_running_loop().time())
        with on_pty(rack, old.run / "bed-1-pump"), on_pty(monitor(), old.run / "bed-1-monitor"):
            async with old.running() as first, station(broker, heard) as desk:
                snapshots = f"{PREFIX}/bed/bed-1/snapshot"
                await heard.wait_for(lambda one: one.topic == snapshots and b'"infusing"' in one.payload)
                control = ("--control", old.run / "control.sock")
                await done("patient", "bed-1", CASE, "70 kg", "--nothing", "--treatments", "0", *control)
                limits = ("--step", "1.0 mg/kg/h", "--maximum", "2.0 mg/kg/h", "--given-before", "12 mg")
                await done("order", "bed-1", "10 mg/mL", "70 kg", *limits, *control)
                await heard.wait_for(lambda one: one.topic == THERAPY and message(one)["awaiting"] != [])
                assert (await desk.ask("confirm", bed="bed-1", case=CASE, rev=1))["result"] == "done"
                alarm = message(await heard.wait_for(is_alarm(DOSE_HIGH)))
                said = await done("bundle export", bundle, *old.here)
                assert f"  bed-1: case {CASE}, infusing, {DRUG}\n" in said
                await first.end(signal.SIGKILL)

            # Nothing to log in with is in it, and only its owner reads it.
            word = (old.etc / "broker.password").read_text(encoding="utf-8").strip()
            text = bundle.read_text(encoding="utf-8")
            assert word not in text
            assert "BEGIN" not in text
            assert bundle.stat().st_mode & 0o077 == 0

            await renewed(tmp_path / "fresh", broker)
            fresh = ("--credentials", tmp_path / "fresh" / "edge-pi-1")
            status, _, error = await run("bundle import", bundle, *fresh, *spare.here)
            assert (status, f"bed-1: case {CASE}, infusing, {DRUG}" in error) == (1, True)
            assert list(spare.run.iterdir()) == []
            assert not spare.etc.exists()
            said = await done("bundle import", bundle, *fresh, "--treatments", "take", *spare.here)
            assert said.startswith("This computer is the edge pi-1 at site demo now, as of ")
            for name in ("bed-1-pump", "bed-1-monitor"):
                (spare.run / name).symlink_to(old.run / name)

            async with spare.running() as second:
                both = {DOSE_HIGH, UNCERTAIN}

                def stand(one: object) -> bool:
                    body = message(one) if one.topic == f"{PREFIX}/bed/bed-1/alarms" else {}  # type: ignore[attr-defined, arg-type]
                    return body.get("run") not in (None, alarm["run"]) and both <= {
                        row["key"] for row in body["alarms"]
                    }

                await heard.wait_for(stand)
                verified = is_alarm(DOSE_HIGH, verifiable=True)
                await heard.wait_for(lambda one: verified(one) and message(one)["run"] != alarm["run"])

                def reckons(one: object) -> bool:
                    body = message(one) if one.topic == snapshots else {}  # type: ignore[attr-defined, arg-type]
                    return body.get("run") not in (None, alarm["run"]) and body["doses"] != []

                await heard.wait_for(reckons)
                # Who looks now, cold, sees the truth of the spare, whole, and nothing else.
                truth = {
                    topic: message(one) for topic, one in (await broker.retained()).items() if topic.startswith(PREFIX)
                }
                status_now = truth[f"{PREFIX}/status"]
                assert (status_now["state"], status_now["previous_run"]) == ("running", alarm["run"])
                assert {body["run"] for body in truth.values()} == {status_now["run"]}
                therapy = truth[THERAPY]
                assert (therapy["patient"]["case"], therapy["phase"]) == (CASE, "infusing")
                assert [order["rev"] for order in therapy["orders"]] == [1]
                assert therapy["totals_lost"] == [DRUG]
                listed = {row["key"]: row["occurrence"] for row in truth[f"{PREFIX}/bed/bed-1/alarms"]["alarms"]}
                alarms = {
                    topic.rpartition("/")[2]: body for topic, body in truth.items() if "/bed/bed-1/alarm/" in topic
                }
                assert {key: body["occurrence"] for key, body in alarms.items()} == listed
                assert alarms[DOSE_HIGH]["occurrence"] == alarm["occurrence"]
                assert alarms[UNCERTAIN]["priority"] == "medium"
                totals = {row["name"]: row for row in truth[snapshots]["doses"][0]["metrics"]}
                assert totals["session_dose_high_mg"]["value"] is None
                assert float(totals["session_dose_low_mg"]["value"]) >= 12

                # Two people read the pump and the chart; then it is known again.
                basis = ("bed-1", "150 mg", "computer replaced", "--control", spare.run / "control.sock")
                assert "another person reads the pump" in await done("settle-dose", *basis)
                async with station(broker, heard) as desk:
                    why = "computer replaced"
                    answer = await desk.ask("settle-dose", bed="bed-1", case=CASE, given="150 mg", reason=why)
                assert answer["result"] == "done", answer
                await heard.wait_for(lambda one: one.topic == THERAPY and message(one).get("totals_lost") == [])
                await heard.wait_for(is_alarm(UNCERTAIN, phase_present=False))

                # The old computer is switched on again: it is not let in, and nobody notices.
                async with old.running() as ghost:
                    await ghost.until_said("[code:135] Not authorized")
                    beats = len(heard.of(f"{PREFIX}/status"))
                    await heard.wait_until(lambda: len(heard.of(f"{PREFIX}/status")) > beats + 1)
                    assert {message(one)["run"] for one in heard.of(f"{PREFIX}/status")[beats:]} == {status_now["run"]}
                assert not second.said("broker.lost")
                assert f"{PREFIX}/alarm/NAME_TAKEN" not in await broker.retained()

        exported = await done("journal export", "--run-dir", spare.run)
        first_row = json.loads(exported.splitlines()[0])
        assert (first_row["kind"], first_row["run"]) == ("imported", alarm["run"])
        assert first_row["body"]["treatments"] == "taken over, totals not known"


async def test_an_old_certificate_is_refused_when_it_was_renewed_and_the_new_one_and_others_are_not(
    tmp_path: Path,
) -> None:
    (tmp_path / "broker").mkdir()
    async with WardBroker(tmp_path / "broker") as broker:
        await open_to_certificates(broker)
        async with broker.client("edge-pi-1", by_certificate=True):
            pass
        await renewed(tmp_path / "fresh", broker)
        for by_certificate in (True, False):
            with pytest.raises(aiomqtt.MqttError):
                async with broker.client("edge-pi-1", by_certificate=by_certificate, timeout=2):
                    pass
        async with broker.client("edge-pi-2", by_certificate=True), broker.client("station-ward-desk"):
            pass
        for file in (tmp_path / "fresh" / "edge-pi-1").iterdir():
            shutil.copy(file, broker.files / "edge-pi-1")
        for by_certificate in (True, False):
            async with broker.client("edge-pi-1", by_certificate=by_certificate):
                pass
