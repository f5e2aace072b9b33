"""`doctor` and the broker: a real mosquitto as a ward has it, with TLS, passwords and its access list."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.config import Configuration, load
from edge.diagnosis import Level, Row
from edge.doctor_broker import broker_rows, certificate_rows
from tests.broker import free_port
from tests.ward_broker import DAYS, WardBroker

ROOT = Path(__file__).parents[2]
DAY_S = 86_400


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[WardBroker]:
    (tmp_path / "broker").mkdir()
    async with WardBroker(tmp_path / "broker") as broker:
        yield broker


def site(folder: Path, table: str, edge: str = "pi-1") -> Configuration:
    text = (ROOT / "config" / "edge.toml").read_text(encoding="utf-8")
    head, _, rest = text.partition("[broker]")
    (folder / "edge.toml").write_text(
        head.replace('edge = "pi-1"', f'edge = "{edge}"') + table + rest[rest.index("\n# Nursing") :], encoding="utf-8"
    )
    (folder / "drugs.toml").write_bytes((ROOT / "config" / "drugs.toml").read_bytes())
    return load(folder / "edge.toml", folder / "run", {})


async def looked(configuration: Configuration, *, may_run: bool = False) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in await asyncio.to_thread(lambda: list(broker_rows(configuration, None, may_run=may_run))):
        assert bool(row.remedy) is (row.level is not Level.OK)
        found.setdefault(row.check, []).append(row)
    return found


def bad(rows: dict[str, list[Row]]) -> list[str]:
    return [name for name, found in rows.items() if any(row.level is not Level.OK for row in found)]


async def test_all_is_well_from_the_socket_to_the_access_list(ward: WardBroker, tmp_path: Path) -> None:
    rows = await looked(site(tmp_path, ward.toml("edge-pi-1")))
    assert bad(rows) == []
    assert list(rows) == ["broker", "TLS", "certificate", "login", "access"]
    assert "TLSv1.3" in rows["TLS"][0].text
    assert [f", in {DAYS - 1} days" in row.text or f", in {DAYS} days" in row.text for row in rows["certificate"]][-1]
    assert len(rows["access"]) == 2


async def test_where_a_daemon_may_be_nobody_logs_in(ward: WardBroker, tmp_path: Path) -> None:
    rows = await looked(site(tmp_path, ward.toml("edge-pi-1")), may_run=True)
    assert bad(rows) == ["login"]
    assert rows["login"][0].level is Level.WARNING
    assert "edge-pi-1" not in ward.log()


async def test_a_broker_that_is_not_there(tmp_path: Path) -> None:
    rows = await looked(site(tmp_path, f'[broker]\nhost = "127.0.0.1"\nport = {free_port()}\n'))
    assert list(rows) == ["broker"]
    assert "cannot be reached: Connection refused" in rows["broker"][0].text


async def test_another_authority_is_not_believed(ward: WardBroker, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = WardBroker(tmp_path / "other")
    table = ward.toml("edge-pi-1").replace(
        str(ward.files / "edge-pi-1" / "ca.crt"), str(other.files / "edge-pi-1" / "ca.crt")
    )
    rows = await looked(site(tmp_path, table))
    assert (bad(rows), list(rows)) == (["TLS"], ["broker", "TLS"])
    assert "the broker's certificate is refused" in rows["TLS"][0].text


async def test_a_wrong_password_is_refused_by_the_broker(ward: WardBroker, tmp_path: Path) -> None:
    secret = ward.files / "edge-pi-1" / "broker.password"
    secret.write_text("wrong\n", encoding="ascii")
    rows = await looked(site(tmp_path, ward.toml("edge-pi-1")))
    assert bad(rows) == ["login"]
    assert rows["login"][0].text.startswith("the broker does not let edge-pi-1 in: ")


async def test_a_password_that_cannot_be_read_is_named(ward: WardBroker, tmp_path: Path) -> None:
    found = site(tmp_path, ward.toml("edge-pi-1"))
    secret = ward.files / "edge-pi-1" / "broker.password"
    secret.unlink()
    rows = await looked(found)
    assert bad(rows) == ["login"]
    assert str(secret) in rows["login"][0].text


async def test_another_edges_topics_are_not_allowed(ward: WardBroker, tmp_path: Path) -> None:
    rows = await looked(site(tmp_path, ward.toml("edge-pi-1"), edge="pi-2"))
    assert bad(rows) == ["access"]
    assert any("may not speak on infusion/v1/demo/edge/pi-2/" in row.text for row in rows["access"])


@pytest.mark.parametrize(("days", "level"), [(61, Level.OK), (60, Level.WARNING), (0, Level.ERROR)])
def test_certificates_are_said_to_end_in_time(days: int, level: Level, ward_files: WardBroker) -> None:
    settings = ward_files.settings("edge-pi-1", by_certificate=True)
    now_s = time.time() + (DAYS - days) * DAY_S + 60  # noqa: TID251 - the files were made by this clock
    rows = [row for row in certificate_rows(settings, now_s + 400 * DAY_S, now_s) if "this edge's" in row.text]
    assert [row.level for row in rows] == [level]


def test_a_certificate_that_is_not_valid_yet_is_an_error(ward_files: WardBroker) -> None:
    settings = ward_files.settings("edge-pi-1", by_certificate=True)
    made_s = time.time()  # noqa: TID251 - the files were made by this clock
    for now_s, early in ((made_s - 2 * DAY_S, 2), (made_s, 0)):
        rows = [row for row in certificate_rows(settings, None, now_s) if "is not valid before" in row.text]
        assert [row.level for row in rows] == [Level.ERROR] * early


@pytest.fixture
def ward_files(tmp_path: Path) -> WardBroker:
    return WardBroker(tmp_path)
