"""Where the real bytes and records lie, beside the project and never in it."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says nothing of right or wrong, and CI is to be the same each time; elsewhere it explores.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("steady"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "steady")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    told = os.environ.get("INFUSION_SHARED_DATA")
    folder = Path(told) if told else Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        if told:
            pytest.fail(f"INFUSION_SHARED_DATA={told} is no folder")
        pytest.skip(f"REAL DATA ABSENT: {folder} is no folder; set INFUSION_SHARED_DATA to prove the drivers on it")
    return folder
