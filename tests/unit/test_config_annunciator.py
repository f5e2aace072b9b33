"""The section of the bedside computer's own signals: what it gives, and every error with its remedy."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from edge.check_config import report
from edge.config import load
from edge.config_annunciator import (
    AnnunciatorSettings,
    ButtonSettings,
    BuzzerKind,
    HookSettings,
    PinSettings,
)
from edge.config_file import Problem
from edge.core.config import AnnunciatorConfig
from edge.core.effects import HookReason
from edge.core.model import Priority
from tests.unit.config_files import EDGE, SHIPPED, changed, problems_of, put

HIGH, MEDIUM, LOW = Priority.HIGH, Priority.MEDIUM, Priority.LOW
SECTION = """
[annunciator]
lamp_red = 17
lamp_yellow = 27
lamp_cyan = 22
buzzer = 18
volume_medium = "70 %"
relay = 24
relay_energised = "resting"
active_low = ["relay"]

[[annunciator.button]]
pin = 23
bed = "bed-1"

[annunciator.hook]
command = ["/bin/sh", "-c", "exit 0"]
on = ["level_3", "test"]
"""


def with_section(folder: Path, *changes: tuple[str, str], section: str = SECTION) -> Path:
    return put(folder, EDGE + changed(section, *changes))


def test_the_section_as_it_is_explained_in_the_shipped_file_can_be_used(tmp_path: Path) -> None:
    text = (SHIPPED / "edge.toml").read_text()
    start = text.index("# [annunciator]")
    shown = re.sub(r"^# ?", "", text[start : text.index("# ---- Lines to devices")], flags=re.MULTILINE)
    assert (
        shown.split()
        == changed(SECTION, ('["/bin/sh", "-c", "exit 0"]', '["/usr/local/bin/call-nurse", "--ward", "3"]')).split()
    )
    found = load(with_section(tmp_path), tmp_path)
    assert found.annunciator == AnnunciatorSettings(
        PinSettings(
            {HIGH: 17, MEDIUM: 27, LOW: 22},
            18,
            BuzzerKind.PASSIVE,
            {HIGH: 1.0, MEDIUM: 0.7},
            24,
            True,
            (ButtonSettings(23, "bed-1"),),
            frozenset({24}),
        ),
        HookSettings(("/bin/sh", "-c", "exit 0"), frozenset({HookReason.LEVEL_3, HookReason.TEST}), 10.0),
    )
    assert found.core.annunciator == AnnunciatorConfig(frozenset({HookReason.LEVEL_3, HookReason.TEST}))
    assert found.warnings == ()


def test_the_core_is_told_what_there_is(tmp_path: Path) -> None:
    found = load(with_section(tmp_path, section="[annunciator]\nbuzzer = 5\n"), tmp_path)
    assert found.core.annunciator == AnnunciatorConfig(buzzer=True, relay=False)
    found = load(with_section(tmp_path, section="[annunciator]\nrelay = 5\n"), tmp_path)
    assert found.core.annunciator == AnnunciatorConfig(buzzer=False, relay=True)


def test_without_the_section_there_is_nothing(tmp_path: Path) -> None:
    found = load(put(tmp_path), tmp_path)
    assert (found.annunciator, found.core.annunciator) == (None, None)


def test_one_lamp_is_for_all_that_have_none_of_their_own(tmp_path: Path) -> None:
    path = with_section(tmp_path, section="[annunciator]\nlamp = 5\nlamp_red = 6\n")
    found = load(path, tmp_path).annunciator
    assert found is not None
    assert found.pins is not None
    assert (found.pins.lamps, found.pins.lamp_pins, found.hook) == ({HIGH: 6, MEDIUM: 5, LOW: 5}, (6, 5), None)


def test_a_hook_alone_needs_no_pins(tmp_path: Path) -> None:
    section = '[annunciator.hook]\ncommand = ["/bin/true"]\non = ["high_onset"]\ntimeout = "2 s"\n'
    found = load(with_section(tmp_path, section=section), tmp_path).annunciator
    assert found == AnnunciatorSettings(None, HookSettings(("/bin/true",), frozenset({HookReason.HIGH_ONSET}), 2.0))


REFUSED = {
    "a pin twice": (("relay = 24", "relay = 17"), "relay", "GPIO 17 is annunciator.lamp_red already"),
    "a button on an output": (("pin = 23", "pin = 18"), "button[0].pin", "GPIO 18 is annunciator.buzzer already"),
    "no GPIO": (("relay = 24", "relay = 28"), "relay", "28 is not accepted"),
    "not a number": (("relay = 24", 'relay = "24"'), "relay", "'24' is not accepted"),
    "an unknown key": (("relay = 24", "relais = 24"), "relais", "is not a known key"),
    "a silent high alarm": (
        ('volume_medium = "70 %"', 'volume_high = "0 %"\nvolume_medium = "0 %"'),
        "volume_high",
        "a high alarm must be heard",
    ),
    "a medium alarm that is louder": (
        ('volume_medium = "70 %"', 'volume_high = "50 %"\nvolume_medium = "51 %"'),
        "volume_medium",
        "51 % is louder than a high alarm's 50 %",
    ),
    "a volume of an active buzzer": (
        ("buzzer = 18", 'buzzer = 18\nbuzzer_kind = "active"'),
        "volume_high",
        "an active buzzer has one loudness",
    ),
    "an output that is not there": (('["relay"]', '["lamp"]'), "active_low", "lamp has no pin"),
    "no bed": (('bed = "bed-1"\n\n[ann', 'bed = "bed-9"\n\n[ann'), "button[0].bed", '"bed-9" is no bed'),
    "a relative program": (('"/bin/sh"', '"sh"'), "hook.command", '"sh" is no absolute path'),
    "a program that is not there": (('"/bin/sh"', '"/bin/nothing"'), "hook.command", "/bin/nothing cannot be run"),
    "a folder": (('"/bin/sh"', '"/bin"'), "hook.command", "/bin cannot be run"),
    "no command": (('["/bin/sh", "-c", "exit 0"]', "[]"), "hook.command", "[] is not accepted"),
    "a NUL": (('"exit 0"', '"\\u0000"'), "hook.command", "an argument has a NUL in it"),
    "told of nothing": (('["level_3", "test"]', "[]"), "hook.on", "[] is not accepted"),
    "told twice": (('["level_3", "test"]', '["test", "test"]'), "hook.on", "names something twice"),
    "told of what is not": (('"level_3", ', '"level_2", '), "hook.on[0]", "'level_2' is not accepted"),
    "too long": (('on = ["le', 'timeout = "2 min"\non = ["le'), "hook.timeout", '"2 min" is out of bounds'),
}


@pytest.mark.parametrize(("change", "key", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(change: tuple[str, str], key: str, message: str, tmp_path: Path) -> None:
    path = with_section(tmp_path, change)
    (problem,) = problems_of(path, tmp_path)
    assert (problem.key, problem.message, bool(problem.remedy)) == (f"annunciator.{key}", message, True)


def test_two_buttons_at_a_bed_are_refused(tmp_path: Path) -> None:
    path = put(tmp_path, EDGE + SECTION + '[[annunciator.button]]\npin = 4\nbed = "bed-1"\n')
    remedy = "make each unique"
    key = "annunciator.button[1].bed"
    assert problems_of(path, tmp_path) == (Problem(str(path), key, "is the same as annunciator.button[0].bed", remedy),)


def test_an_empty_section_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(with_section(tmp_path, section="[annunciator]\n"), tmp_path)
    assert problem.message == "has no lamp, buzzer, relay, button or hook"


def test_a_station_may_not_have_the_name_of_the_button(tmp_path: Path) -> None:
    path = put(tmp_path, changed(EDGE, ('id = "ward-desk"', 'id = "bedside"')))
    (problem,) = problems_of(path, tmp_path)
    assert problem.message == "is the same as the name of the edge's own button"


WARNED = {
    "no lamp for low": (("lamp_cyan = 22\n", ""), "no lamp shows low (lamp_cyan)"),
    "medium is silent": (('"70 %"', '"0 %"'), "a medium alarm that no screen shows makes no sound"),
}


@pytest.mark.parametrize(("change", "message"), WARNED.values(), ids=WARNED)
def test_warned(change: tuple[str, str], message: str, tmp_path: Path) -> None:
    assert [one.message for one in load(with_section(tmp_path, change), tmp_path).warnings] == [message]


def test_a_library_that_is_not_installed_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_spec("gpiozero") is not None
    monkeypatch.setattr("edge.config_annunciator.find_spec", lambda _: None)
    (warning,) = load(with_section(tmp_path), tmp_path).warnings
    assert warning.message == "gpiozero is not installed: an alarm will say so"


def test_check_config_shows_it(tmp_path: Path) -> None:
    _, text = report(with_section(tmp_path), tmp_path)
    assert (
        "bedside   lamp high GPIO 17, medium GPIO 27, low GPIO 22; passive buzzer GPIO 18, high 100%, medium 70%; "
        "relay GPIO 24, active low, energised while resting; button GPIO 23 at bed-1\n"
        "          no station is required: every high and medium alarm sounds here until it is taken\n"
        "hook      /bin/sh -c 'exit 0' (level_3, test; at most 10 s)\n"
    ) in text
    _, required = report(put(tmp_path, changed(EDGE + SECTION, ("required = false", "required = true"))), tmp_path)
    assert "no station is required" not in required
    _, without = report(put(tmp_path), tmp_path)
    assert "bedside " not in without
