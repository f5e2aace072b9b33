"""Where the real bytes and records lie, beside the project and never in it; and in which order files are taken up."""

import gc
import os
from itertools import chain, zip_longest
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says nothing of right or wrong, and CI is to be the same each time; elsewhere it explores.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("steady"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "steady")


gc.set_threshold(50_000, 20, 20)
"""Eleven thousand tests are a large heap, and who reckons for long makes much and keeps little: looking for garbage at
Python's own pace takes a twelfth of the time."""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    told = os.environ.get("INFUSION_SHARED_DATA")
    folder = Path(told) if told else Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        if told:
            pytest.fail(f"INFUSION_SHARED_DATA={told} is no folder")
        pytest.skip(f"REAL DATA ABSENT: {folder} is no folder; set INFUSION_SHARED_DATA to prove the drivers on it")
    return folder


RECKON = (
    "model/test_quiet_ward.py",
    "model",
    "fault/test_week.py",
    "conformance/test_ketamine.py",
    "conformance/test_matrix.py",
    "property",
)
WAIT = ("boot", "end_to_end", "fault", "station")


def pytest_collection_finish() -> None:
    """Look no more at what is there as long as the tests run."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what reckons for long and, between, what waits for long; short files last, to even out the end."""
    files = list(dict.fromkeys(item.path for item in items))
    rank: dict[Path, int] = {}
    reckon = [path for each in RECKON for path in files if _is_in(path, each)]
    wait = [path for each in WAIT for path in files if _is_in(path, each) and path not in reckon]
    between = (path for path in chain.from_iterable(zip_longest(reckon, wait)) if path is not None)
    for path in (*between, *files):
        rank.setdefault(path, len(rank))
    items.sort(key=lambda item: rank[item.path])


def _is_in(path: Path, part: str) -> bool:
    return path.is_relative_to(Path(__file__).parent / part)
