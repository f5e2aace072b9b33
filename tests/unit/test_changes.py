"""What one configuration changes in another: in words, and whether by it anything is watched less."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from edge.changes import changes, need_restart
from edge.config import Configuration, load

ROOT = Path(__file__).parents[2]


def loaded(folder: Path, file: str = "edge.toml", *swaps: tuple[str, str]) -> Configuration:
    """The shipped configuration with words of a file swapped, the first place of each."""
    for name in ("edge.toml", "drugs.toml"):
        shutil.copyfile(ROOT / "config" / name, folder / name)
    text = (folder / file).read_text(encoding="utf-8")
    for old, new in swaps:
        assert old in text, old
        text = text.replace(old, new, 1)
    (folder / file).write_text(text, encoding="utf-8")
    return load(folder / "edge.toml", folder / "run", {})


def test_the_same_files_change_nothing(tmp_path: Path) -> None:
    before = loaded(tmp_path)
    assert changes(before, before) == ()
    assert need_restart(before, before) == ()


@pytest.mark.parametrize(
    ("swap", "text", "laxer"),
    [
        (('label = "Bed 1"', 'label = "Room 4"'), 'bed bed-1: label "Bed 1" -> "Room 4"', False),
        (('"spo2", ', ""), "bed bed-1: spo2 is no longer watched", True),
        (('cuff_interval = "5 min"', 'cuff_interval = "6 min"'), "bed bed-1: cuff interval 300 s -> 360 s", True),
        (('cuff_interval = "5 min"', 'cuff_interval = "4 min"'), "bed bed-1: cuff interval 300 s -> 240 s", False),
        (('"012345"', '"912345"'), "bed bed-1: pump bed-1-pump.11: another serial number or identity", True),
        (('"012345" }', '"012345" }, { port = "bed-1-pump", channel = "12" }'), "pump bed-1-pump.12 is added", False),
        (('soft = "45 /min"', 'soft = "46 /min"'), "limit HR_LOW soft: 45 /min after 20 s", False),
        (('soft = "45 /min"', 'soft = "44 /min"'), "limit HR_LOW soft: 45 /min after 20 s", True),
        (('soft = "120 /min"', 'soft = "119 /min"'), "limit HR_HIGH soft: 120 /min after 20 s", False),
        (('soft = "120 /min"', 'soft = "121 /min"'), "limit HR_HIGH soft: 120 /min after 20 s", True),
        (('soft_delay = "15 s"', 'soft_delay = "16 s"'), "limit SPO2_LOW soft: 92 % after 15 s", True),
        (('soft_delay = "15 s"', 'soft_delay = "14 s"'), "limit SPO2_LOW soft: 92 % after 15 s", False),
        (('bypass = "80 %"\n', ""), "limit SPO2_LOW bypass is gone", True),
        (('soft_priority = "low"', 'soft_priority = "medium"'), "limit RR_HIGH soft: 25 /min", False),
        (('adjust_soft = ["85 %", "96 %"]', 'adjust_soft = ["84 %", "96 %"]'), "limit SPO2_LOW soft: 92 %", True),
        (('clear_delay = "10 s"', 'clear_delay = "9 s"'), "limit HR_LOW clear_delay_s: 10.0 -> 9.0", True),
        (('role = "prescriber"', 'role = "nurse"'), "station ward-desk: prescriber -> nurse", False),
        (("required = false", "required = true"), "station ward-desk: prescriber -> prescriber, required", False),
    ],
)
def test_one_thing_is_told_as_what_it_is(tmp_path: Path, swap: tuple[str, str], text: str, laxer: bool) -> None:
    before = loaded(tmp_path)
    (found,) = changes(before, loaded(tmp_path, "edge.toml", swap))
    assert text in found.text
    assert found.laxer is laxer


def test_a_station_that_need_no_longer_show_the_alarms_is_laxer(tmp_path: Path) -> None:
    before = loaded(tmp_path, "edge.toml", ("required = false", "required = true"))
    assert [change.laxer for change in changes(before, loaded(tmp_path))] == [True]


def test_a_line_at_another_socket_is_watched_as_before_and_another_driver_is_not(tmp_path: Path) -> None:
    before = loaded(tmp_path)
    path = 'path = "bed-1-monitor"'
    (moved,) = changes(before, loaded(tmp_path, "edge.toml", (path, 'path = "other"')))
    assert moved.text.startswith("line bed-1-monitor: ivy-450c at ")
    assert (moved.laxer, moved.beds) == (False, frozenset())
    driver = (f'{path}\ndriver = "ivy-450c"', f'{path}\ndriver = "ge-dri"')
    (other,) = changes(before, loaded(tmp_path, "edge.toml", driver))
    assert (other.laxer, other.beds) == (True, frozenset({"bed-1"}))


def test_a_bed_that_is_removed_concerns_itself_alone(tmp_path: Path) -> None:
    before = loaded(tmp_path)
    text = (tmp_path / "edge.toml").read_text(encoding="utf-8")
    blocks = [block for block in text.split("\n\n") if not ("[[" in block and '"bed-2' in block and block[0] != "#")]
    (tmp_path / "edge.toml").write_text("\n\n".join(blocks), encoding="utf-8")
    after = load(tmp_path / "edge.toml", tmp_path / "run", {})
    assert need_restart(before, after) == ("[[demo_order]]",)
    removed, *lines = changes(before, after)
    assert (removed.text, removed.laxer, removed.beds) == ("bed bed-2 is removed", True, frozenset({"bed-2"}))
    assert [line.text for line in lines] == ["line bed-2-pump is removed", "line bed-2-monitor is removed"]
    added = [change for change in changes(after, before) if "is added" in change.text]
    assert [change.laxer for change in added] == [False, False, False]


def test_of_a_drug_all_that_is_not_stricter_concerns_those_who_get_it(tmp_path: Path) -> None:
    before = loaded(tmp_path)
    drugs = tmp_path / "drugs.toml"
    table = "[drug.dose_rate_high]"
    text = drugs.read_text(encoding="utf-8")
    assert table in text
    after = text[text.index(table) :]
    soft = next(line for line in after.splitlines() if line.startswith("soft = "))
    number = soft.split('"')[1].split()[0]
    laxer = loaded(tmp_path, "drugs.toml", (f"{table}\n{soft}", f"{table}\n{soft.replace(number, '2.1')}"))
    (found,) = [change for change in changes(before, laxer) if "dose_rate_high.soft" in change.text]
    assert (found.laxer, found.drug) == (True, "ketamine-chronic-pain")
    (back,) = [change for change in changes(laxer, before) if "dose_rate_high.soft" in change.text]
    assert back.laxer is False


@pytest.mark.parametrize(
    ("swap", "name"),
    [
        (('site = "demo"', 'site = "ward"'), "site"),
        (('edge = "pi-1"', 'edge = "pi-2"'), "edge"),
        (("port = 1883", "port = 1884"), "[broker]"),
        (('path = "edge.db"', 'path = "other.db"'), "[store]"),
        (('step = "1.0 mg/kg/h"', 'step = "1.1 mg/kg/h"'), "[[demo_order]]"),
    ],
)
def test_what_only_a_start_can_take(tmp_path: Path, swap: tuple[str, str], name: str) -> None:
    assert need_restart(loaded(tmp_path), loaded(tmp_path, "edge.toml", swap)) == (name,)


def test_of_a_drug_nothing_changes_unsaid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = loaded(tmp_path)
    drugs = tuple(replace(drug, label=f"{drug.label}, other") for drug in before.core.drugs)
    after = replace(before, core=replace(before.core, drugs=drugs))
    monkeypatch.setattr("edge.changes.differences", lambda *_: [])
    found = changes(before, after)
    assert [change.laxer for change in found] == [True] * len(drugs)
    entries = tuple(replace(drug, entry=replace(drug.entry, version="2")) for drug in before.core.drugs)
    assert changes(before, replace(before, core=replace(before.core, drugs=entries))) == ()
