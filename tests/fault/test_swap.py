"""Two cables are swapped in mid-infusion: not one value of one bed ever stands under the other."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from tests.broker import Mosquitto
from tests.end_to_end.world import PREFIX, daemon, is_alarm, message, metric, on_pty, space

RATES = {"bed-1": Decimal("7.00"), "bed-2": Decimal("10.50")}


@pytest.mark.long
async def test_two_ports_swapped_while_infusing(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    (tmp_path / "broker").mkdir()
    _, first = space(str(RATES["bed-1"]), loop.time(), serial_number="012345")
    _, second = space(str(RATES["bed-2"]), loop.time(), serial_number="012346")
    one, two = tmp_path / "bed-1-pump", tmp_path / "bed-2-pump"
    async with Mosquitto(tmp_path / "broker") as broker, broker.subscribe_all() as heard, daemon(tmp_path, broker.port):
        with on_pty(first, one), on_pty(second, two):
            for bed, rate in RATES.items():
                topic = f"{PREFIX}/bed/{bed}/snapshot"
                wanted = str(rate)
                await heard.wait_for(
                    lambda message_, topic=topic, wanted=wanted: (  # type: ignore[misc] # binds the loop's values
                        message_.topic == topic
                        and metric(message(message_), "infusion_rate_ml_per_h").get("value") == wanted
                    )
                )
        with on_pty(second, one), on_pty(first, two):
            for bed in RATES:
                wrong = await heard.wait_for(
                    is_alarm(f"DEVICE_IDENTITY_CHANGED.{bed}-pump.11", bed=bed, priority="high"), limit_s=8
                )
                assert "serial number" in message(wrong)["text"]
        with on_pty(first, one), on_pty(second, two):
            for bed in RATES:
                key = f"DEVICE_IDENTITY_CHANGED.{bed}-pump.11"
                await heard.wait_for(is_alarm(key, bed=bed, phase_present=False), limit_s=8)
    for bed, rate in RATES.items():
        shown = {
            metric(message(snapshot), "infusion_rate_ml_per_h").get("value")
            for snapshot in heard.of(f"{PREFIX}/bed/{bed}/snapshot")
            if snapshot.payload
        }
        assert shown <= {None, str(rate)}, f"{bed} showed {shown}"
        assert str(rate) in shown
