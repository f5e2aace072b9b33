"""`infusion-edge top` at a ward's broker, which lets in who has a name and shows nobody else anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge import cli
from edge.check_config import EXIT_CONFIG
from tests.broker import HOST
from tests.end_to_end.world import PREFIX
from tests.programs import PIPE, STDOUT, infusion_edge
from tests.ward_broker import WardBroker

STATUS = (
    b'{"schema": "status/1", "state": "running", "edge": "pi-1", "run": "r", "version": "1", "previous_run": "", '
    b'"previous_event_seq": 0, "mono_s": 1.0, "wall": "2026-09-21T15:37:02.000Z", "synchronised": true}'
)


def config(broker: WardBroker, user: str, more: str = "") -> Path:
    own = broker.files / user
    path = broker.files / f"{user}.toml"
    login = f'username = "{user}"\npassword_file = "{own}/broker.password"\n'
    path.write_text(
        f'{more}[broker]\nhost = "{HOST}"\nport = {broker.port}\ntls = true\nca_file = "{own}/ca.crt"\n{login}'
    )
    return path


async def top(*arguments: str) -> tuple[int, str]:
    process = await infusion_edge("top", "--lines", "--duration", "2", *arguments, stdout=PIPE, stderr=STDOUT)
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


@pytest.mark.long
async def test_top_logs_in_over_tls_and_a_stranger_sees_nothing(tmp_path: Path) -> None:
    async with WardBroker(tmp_path) as broker, broker.client("edge-pi-1") as edge:
        await edge.publish(f"{PREFIX}/status", STATUS, qos=1, retain=True)
        status, said = await top("--config", str(config(broker, "station-viewer-5")))
        assert (status, "pi-1" in said) == (0, True), said
        status, said = await top("--broker", f"{HOST}:{broker.port}")
        assert (status, "nothing was heard" in said) == (1, True), said


@pytest.mark.parametrize(("user", "more"), [("edge-pi-1", ""), ("station-viewer-1", 'edge = "pi-1"\n')])
async def test_a_name_that_another_has_is_not_taken_from_it(
    user: str, more: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(WardBroker(tmp_path), user, more)
    with pytest.raises(SystemExit) as end:
        cli.main(["top", "--config", str(path)])
    assert end.value.code == EXIT_CONFIG
    assert "would lose its own connection" in capsys.readouterr().err
