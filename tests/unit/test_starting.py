"""Which configuration a start takes: of the files, unless a patient who is there would lose by it (H-34)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import starting
from edge.bodies import kept_body
from edge.cli import main
from edge.config import INVALID_MAX, Configuration, load
from edge.core.therapy_state import THERAPY, KeptTherapy
from edge.good_copy import NAME, keep
from edge.rows import StoredState, TherapyRow
from edge.starting import REMEDY, WORD, Choice, Offer, choose, forget_word, offer
from tests.core_world import RUN, START_S, World, instant
from tests.therapies import FULL, THEN

ROOT = Path(__file__).parents[2]
SOMEBODY = StoredState(
    therapy=(TherapyRow("bed-1", THERAPY, kept_body("bed-1", THERAPY, KeptTherapy(THEN, FULL), "boot-1")),)
)
NOBODY = StoredState()
LAXER = ('soft = "120 /min"', 'soft = "130 /min"')
STRICTER = ('soft = "120 /min"', 'soft = "118 /min"')
LABEL = ('label = "Bed 2"', 'label = "Window"')
DOOR = """[[port]]
id = "door"
path = "door"
driver = "ivy-450c"

[[bed]]
id = "bed-9"
label = "Door"
vital_signs = ["spo2"]
monitors = [{ port = "door" }]

[[bed]]"""
NEW_BED = ("[[bed]]", DOOR)


class Site:
    """The files of a site that ran with them once, and what a start makes of them now."""

    def __init__(self, folder: Path) -> None:
        self.run_dir, self.edge = folder / "run", folder / "edge.toml"
        for name in ("edge.toml", "drugs.toml"):
            shutil.copyfile(ROOT / "config" / name, folder / name)
        self.run_dir.mkdir()
        (self.run_dir / "edge.db").touch()
        self.ran = self.load()
        keep(self.ran.files, self.run_dir)

    def load(self) -> Configuration:
        return load(self.edge, self.run_dir, {})

    def change(self, *edits: tuple[str, str]) -> None:
        for old, new in edits:
            text = self.edge.read_text(encoding="utf-8")
            assert old in text
            self.edge.write_text(text.replace(old, new, 1), encoding="utf-8")

    def offered(self) -> Offer:
        return offer(self.edge, self.run_dir, self.load())

    def start(self, stored: StoredState = SOMEBODY) -> Choice:
        return choose(self.offered(), stored, run=RUN, boot="boot-1", now=instant(START_S))

    def say(self, *words: str) -> int:
        return main(["take-config", str(self.edge), "--run-dir", str(self.run_dir), *words])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_what_makes_a_limit_laxer_is_not_taken_while_a_patient_is_there(site: Site) -> None:
    site.change(LAXER, LABEL)
    choice = site.start()
    assert choice.configuration.core.vital_limits == site.ran.core.vital_limits
    assert choice.configuration.core.beds == site.ran.core.beds
    assert choice.configuration.sha256 == site.ran.sha256
    (reason,) = choice.refused
    assert reason.startswith("limit HR_HIGH soft: 120 /min after 20 s, medium")
    assert reason.endswith(": not while a patient is there at Bed 1")
    assert choice.told() == {}


def test_the_alarm_of_the_technician_names_file_limit_bed_and_way_out(site: Site) -> None:
    site.change(LAXER)
    world = World(site.start().configuration.core)
    world.step(START_S)
    alarm = world.alarm("CONFIG_INVALID")
    assert alarm is not None
    assert alarm.audience.value == "technician"
    for words in ("edge.toml: limit HR_HIGH soft", "not while a patient is there at Bed 1", REMEDY):
        assert words in alarm.text
    assert len(site.start().configuration.core.invalid) <= INVALID_MAX


@pytest.mark.parametrize(
    ("edit", "part"),
    [
        (('site = "demo"', 'site = "ward"'), "site is another"),
        (("port = 1883", "port = 1884"), "[broker] is another"),
        (('"spo2", ', ""), "bed bed-1: spo2 is no longer watched: not while a patient is there at Bed 1"),
    ],
)
def test_nor_is_what_takes_a_sign_or_the_station_from_the_bed(site: Site, edit: tuple[str, str], part: str) -> None:
    site.change(edit)
    choice = site.start()
    assert any(reason.startswith(part) for reason in choice.refused)
    assert choice.configuration.core.site == "demo"


@pytest.mark.parametrize(
    ("edit", "stored"), [(LAXER, NOBODY), (STRICTER, SOMEBODY), (LABEL, SOMEBODY), (("# ", "#  "), SOMEBODY)]
)
def test_what_takes_nothing_from_anybody_is_taken(site: Site, edit: tuple[str, str], stored: StoredState) -> None:
    site.change(edit)
    choice = site.start(stored)
    assert (choice.configuration, choice.refused) == (site.load(), ())
    assert all(name.startswith("change.") for name in choice.told())
    assert len(choice.told()) == (0 if edit[0] == "# " else 1)


@pytest.mark.parametrize(
    "stored",
    [
        StoredState(fault="no answer", unread=True),
        StoredState(set_aside="edge.db.damaged"),
        StoredState(therapy=(TherapyRow("bed-1", THERAPY, "{"),)),
    ],
)
def test_where_nobody_can_tell_who_is_there_the_one_before_goes_on(site: Site, stored: StoredState) -> None:
    site.change(LAXER)
    assert site.start(stored).configuration.core.vital_limits == site.ran.core.vital_limits


def test_a_bed_that_only_the_refused_file_has_is_told_to_the_nurse(site: Site) -> None:
    site.change(LAXER, NEW_BED)
    assert site.start().configuration.core.unwatched == ("Door",)
    assert site.start(NOBODY).configuration.core.unwatched == ()


def test_the_store_that_knows_who_is_there_is_asked_wherever_it_is(site: Site) -> None:
    moved = ('path = "edge.db"', 'path = "disk/edge.db"')
    site.change(moved)
    old = site.run_dir / "edge.db"
    assert site.offered().first.store_path == old
    assert site.start().configuration.store_path == old
    assert site.start(NOBODY).configuration.store_path == site.run_dir / "disk/edge.db"
    # Who moved the file itself is asked for there, also while another thing is refused.
    old.unlink()
    assert site.offered().first.store_path == site.run_dir / "disk/edge.db"
    assert site.start().configuration.store_path == site.run_dir / "disk/edge.db"


def test_a_persons_word_lets_the_next_start_take_these_files_and_no_others(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.change(LAXER)
    assert site.say() == 1
    assert "laxer: limit HR_HIGH soft" in (told := capsys.readouterr().err)
    assert "infusion-edge take-config --with-patients" in told
    assert site.start().refused
    assert site.say("--with-patients") == 0
    assert "sudo systemctl restart infusion-edge" in capsys.readouterr().out
    choice = site.start()
    assert (choice.configuration, choice.refused) == (site.load(), ())
    assert choice.told()["by_word.1"].endswith("not while a patient is there at Bed 1")
    site.change(LABEL)
    assert site.start().refused
    forget_word(site.run_dir)
    assert sorted(path.name for path in site.run_dir.iterdir()) == ["edge.db", NAME]


@pytest.mark.parametrize("word", ["", "[]", "{", '{"sha256": {}}'])
def test_what_is_no_word_says_nothing(site: Site, word: str) -> None:
    site.change(LAXER)
    (site.run_dir / WORD).write_text(word, encoding="utf-8")
    assert site.start().refused


def test_there_is_nothing_to_say_where_nothing_was_changed_and_no_word_for_a_broken_file(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.say("--with-patients") == 0
    assert "nothing to say" in capsys.readouterr().out
    site.change(("[[bed]]", "[[bedd]]"))
    assert site.say("--with-patients") == 1
    assert "bedd" in capsys.readouterr().err
    assert not (site.run_dir / WORD).exists()


@pytest.mark.parametrize("kept", [None, "{", '{"%s": "no = "}'])
def test_without_a_copy_that_can_be_used_the_files_are_taken(site: Site, kept: str | None) -> None:
    site.change(LAXER)
    if kept is None:
        (site.run_dir / NAME).unlink()
    else:
        (site.run_dir / NAME).write_text(kept.replace("%s", json.dumps(str(site.edge))[1:-1]), encoding="utf-8")
    assert site.start().configuration == site.load()


def test_a_disk_that_hangs_holds_up_no_start(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hung:
        def __init__(self, _: str) -> None:
            pass

        def do(self, _: Callable[[], None]) -> None:
            pass

    site.change(LAXER)
    monkeypatch.setattr(starting, "Worker", Hung)
    monkeypatch.setattr(starting, "LOOK_LIMIT_S", 0.01)
    assert site.offered() == Offer(site.load())
