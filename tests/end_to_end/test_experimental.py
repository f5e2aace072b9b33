"""At each start the daemon names the drivers that nothing independent proves: in its log, and to systemd."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from tests.end_to_end.world import ROOT, daemon

LIMIT_S = 20.0
EDGE = (ROOT / "config" / "edge.toml").read_text(encoding="utf-8")
SAID = "experimental drivers"


def monitors_alone(folder: Path) -> Path:
    """Both beds of the shipped file without their pumps, by a proved driver alone."""
    blocks = [block for block in EDGE.split("\n\n") if "[[demo_order]]" not in block and '-pump"\npath' not in block]
    lines = [line for line in "\n\n".join(blocks).splitlines() if not line.startswith("pumps = ")]
    (folder / "drugs.toml").write_text((ROOT / "config" / "drugs.toml").read_text(encoding="utf-8"), encoding="utf-8")
    path = folder / "edge.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("experimental", [True, False])
async def test_the_start_names_them(tmp_path: Path, experimental: bool) -> None:
    config = ROOT / "config" / "edge.toml" if experimental else monitors_alone(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        async with daemon(tmp_path, 1, config=config, NOTIFY_SOCKET=str(tmp_path / "notify")) as running:
            told = ""
            async with asyncio.timeout(LIMIT_S):
                while "READY=1" not in told:
                    told = (await asyncio.get_running_loop().sock_recv(systemd, 4096)).decode()
            await running.until_said('"watching"')
        assert told.partition("STATUS=")[2].startswith("watching 2 beds; no alarm")
        assert told.endswith("; experimental drivers: bbraun-space") is experimental
        lines = [line for line in running.log if SAID in line]
        assert len(lines) == experimental
        assert all('"bbraun-space"' in line and '"warning"' in line for line in lines)
