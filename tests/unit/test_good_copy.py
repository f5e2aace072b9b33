"""The last good copy: kept whole, used when the files are broken, and said to be in force (H-34)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edge.config import INVALID_MAX, ConfigError, load, load_or_last_good
from edge.core.model import Audience, Priority
from edge.good_copy import NAME, keep, recall
from tests.core_world import START_S, World

ROOT = Path(__file__).parents[2]


class Site:
    """The files of a site, and a run directory."""

    def __init__(self, folder: Path) -> None:
        self.run_dir = folder / "run"
        self.edge, self.drugs = folder / "edge.toml", folder / "drugs.toml"
        for file in (self.edge, self.drugs):
            shutil.copyfile(ROOT / "config" / file.name, file)

    def keep(self) -> None:
        keep(load(self.edge, self.run_dir, {}).files, self.run_dir)

    def change(self, file: Path, old: str, new: str) -> None:
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_good_configuration_is_used_and_nothing_is_said(site: Site) -> None:
    site.keep()
    site.change(site.edge, 'label = "Bed 1"', 'label = "Room 4"')
    found = load_or_last_good(site.edge, site.run_dir, {})
    assert (found.core.invalid, found.core.beds[0].label) == ("", "Room 4")


@pytest.mark.parametrize("broken", ["edge", "drugs", "gone"])
def test_a_broken_file_leaves_the_kept_pair_in_force(site: Site, broken: str) -> None:
    good = load(site.edge, site.run_dir, {})
    site.keep()
    site.change(site.edge, 'label = "Bed 1"', 'label = "Room 4"')
    if broken == "edge":
        site.change(site.edge, "[[bed]]", "[[bedd]]")
    elif broken == "drugs":
        site.drugs.write_text("drug = 1\n", encoding="utf-8")
    else:
        site.edge.unlink()
    found = load_or_last_good(site.edge, site.run_dir, {})
    assert found.core.beds == good.core.beds
    assert found.core.drugs == good.core.drugs
    assert found.sha256 == good.sha256
    with pytest.raises(ConfigError) as error:
        load(site.edge, site.run_dir, {})
    assert found.core.invalid.startswith(str(error.value.problems[0])[:INVALID_MAX])
    assert found.warnings[: len(error.value.problems)] == error.value.problems


@pytest.mark.parametrize("broken", ["[[bedd]]\n", "[[ this is no table\n", 'label = "\n'])
def test_a_bed_that_only_the_broken_file_has_is_told_to_the_nurse(site: Site, broken: str) -> None:
    site.keep()
    new = '[[bed]]  # the new one\nid = "bed-9"\nlabel = "Window"\n\n[[bed]]\nid = "bed-10"\n\n'
    site.change(site.edge, "[[bed]]", f"{new}[[bed]]")
    with site.edge.open("a", encoding="utf-8") as file:
        file.write(f"\n{broken}")
    configuration = load_or_last_good(site.edge, site.run_dir, {})
    world = World(configuration.core)
    world.step(START_S)
    alarm = world.alarm("BED_NOT_WATCHED")
    assert alarm is not None
    assert (alarm.priority, alarm.audience) == (Priority.HIGH, Audience.NURSE)
    assert alarm.text == "Not watched: Window, bed-10. The configuration that names them cannot be used."


@pytest.mark.parametrize("gone", [False, True])
def test_where_the_broken_file_names_no_other_bed_the_nurse_is_not_called(site: Site, gone: bool) -> None:
    site.keep()
    site.change(site.edge, 'label = "Bed 1"', 'labl = "Bed 1"')
    if gone:
        site.edge.unlink()
    world = World(load_or_last_good(site.edge, site.run_dir, {}).core)
    world.step(START_S)
    assert world.alarm("CONFIG_INVALID") is not None
    assert world.alarm("BED_NOT_WATCHED") is None


def test_without_a_copy_the_error_stands(site: Site) -> None:
    site.edge.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_or_last_good(site.edge, site.run_dir, {})


@pytest.mark.parametrize("kept", ["", "[]", "{", '{"other.toml": ""}', '{"%s": 1}', '{"%s": "no = "}'])
def test_a_copy_that_cannot_be_used_leaves_the_error_of_the_files(site: Site, kept: str) -> None:
    site.run_dir.mkdir()
    (site.run_dir / NAME).write_text(kept.replace("%s", str(site.edge)), encoding="utf-8")
    site.change(site.edge, "[[bed]]", "[[bedd]]")
    with pytest.raises(ConfigError, match="bedd"):
        load_or_last_good(site.edge, site.run_dir, {})


def test_a_copy_whose_limit_the_disk_changed_sets_no_limit(site: Site) -> None:
    site.keep()
    copy = site.run_dir / NAME
    whole = copy.read_text(encoding="utf-8")
    copy.write_text(whole.replace('hard = \\"140 /min', 'hard = \\"150 /min', 1), encoding="utf-8")
    assert copy.read_text(encoding="utf-8") != whole
    assert recall(site.edge, site.run_dir) == {}
    copy.write_text(json.dumps({str(site.edge): "of an earlier version"}), encoding="utf-8")
    assert recall(site.edge, site.run_dir) == {str(site.edge): b"of an earlier version"}


def test_what_is_kept_already_is_not_written_again(site: Site) -> None:
    site.keep()
    before = (site.run_dir / NAME).stat()
    assert before.st_mode & 0o777 == 0o600
    site.keep()
    assert (site.run_dir / NAME).stat().st_ino == before.st_ino
    site.change(site.drugs, "# ", "#  ")
    site.keep()
    assert (site.run_dir / NAME).stat().st_ino != before.st_ino
    assert recall(site.edge, site.run_dir)[str(site.drugs)] == site.drugs.read_bytes()
    assert [path.name for path in site.run_dir.iterdir()] == [NAME]


def test_the_core_says_which_configuration_is_in_force(site: Site) -> None:
    site.keep()
    site.change(site.edge, "[[bed]]", "[[bedd]]")
    world = World(load_or_last_good(site.edge, site.run_dir, {}).core)
    world.step(START_S)
    alarm = world.alarm("CONFIG_INVALID")
    assert alarm is not None
    assert (alarm.priority, alarm.audience) == (Priority.MEDIUM, Audience.TECHNICIAN)
    assert alarm.text.startswith("The configuration cannot be used, the last good one is in force: ")
    site.change(site.edge, "[[bedd]]", "[[bed]]")
    mended = World(load_or_last_good(site.edge, site.run_dir, {}).core, alarms=[alarm])
    mended.step(START_S)
    assert mended.alarm("CONFIG_INVALID") is None
