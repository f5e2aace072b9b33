"""A short fault campaign; the long one is `make fault`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fault.campaign import WAITS_S, campaign

KILLS = 5


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", [7])
async def test_kills_and_faults_lose_nothing_double_nothing_and_leave_no_gap(tmp_path: Path, seed: int) -> None:
    result = await campaign(tmp_path, KILLS, seed, lambda _: None, WAITS_S[:-1])
    assert result.broken == []
    assert (result.kills, result.alarms > 0, result.events > 0) == (KILLS, True, True)
