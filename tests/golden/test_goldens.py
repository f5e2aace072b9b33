"""Every driver has goldens, says where they come from, and is proved or experimental by that."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers import registry

HERE = Path(__file__).parent
FOLDERS = {"bbraun-space-cyclic": "bbraun-space"}
"""It says and hears the same blocks as the request mode."""


@pytest.mark.parametrize("name", registry.names())
def test_a_driver_has_goldens_with_their_provenance(name: str) -> None:
    driver, folder = registry.driver(name), HERE / FOLDERS.get(name, name)
    told = (folder / "README.md").read_text(encoding="utf-8")
    assert "provenance" in told
    assert "by hand" in told
    words = " ".join(told.split())
    assert ("stays marked experimental" in words) is driver.experimental
    transcripts = [path for path in folder.iterdir() if path.name != "README.md" and not path.name.startswith("allow")]
    assert transcripts
    lists = [path for path in folder.iterdir() if path.name.startswith("allow")]
    assert len(lists) == (0 if driver.listen_only else 1)


def test_no_folder_is_of_no_driver() -> None:
    folders = {path.parent.name for path in HERE.glob("*/README.md")}
    assert folders == {FOLDERS.get(name, name) for name in registry.names()}
