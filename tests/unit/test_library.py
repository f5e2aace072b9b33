"""`infusion-edge library`: check, show and diff (H-07, H-34)."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from edge import cli
from edge.library import check, diff, show
from tests.unit.config_files import APPROVED, DRUGS, ENTRY, SHIPPED, changed

LIBRARY = SHIPPED / "drugs.toml"


def put(folder: Path, text: str, name: str = "new.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def compared(folder: Path, *changes: tuple[str, str], version: str = "2026.2") -> list[str]:
    """What a diff says of the shipped entry and the changed one, without its first line."""
    old = put(folder, DRUGS, "old.toml")
    new = put(folder, changed(DRUGS, ('version = "2026.1"', f'version = "{version}"'), *changes))
    status, text = diff(old, new)
    assert status == 0
    head, *lines = text.splitlines()
    assert head == f"from examples 2026.1 ({old}) to examples {version} ({new})"
    return [line for line in lines if line]


def test_check_of_a_library_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["library", "check", str(LIBRARY)]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].startswith(f"{LIBRARY} is in order: library examples 2026.1, sha256 ")
    entries = [line for line in lines if "  content " in line]
    assert [line.split()[0] for line in entries] == [
        "ketamine-chronic-pain",
        "ketamine-low-dose",
        "esketamine-chronic-pain",
    ]
    assert all(line.endswith("  not approved") for line in entries)
    assert said.err == ""


def test_check_tells_every_problem_with_its_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path, changed(DRUGS, ('hard = "1.5 mg/kg/h"', 'hard = "0.5 mg/kg/h"'), ('"250 mg/h"', '"250 mL/h"')))
    assert cli.main(["library", "check", str(path)]) == 78
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"{path} cannot be used: 2 problems\n"
        "\n"
        f"{path}: drug[0].first.hard\n"
        "    0.5 is not beyond soft 1.0\n"
        "    -> move hard beyond soft\n"
        f"{path}: drug[0].mass_rate.soft\n"
        '    "250 mL/h" is not in mg/h\n'
        '    -> give mg/h, like "1.0 mg/h"\n'
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    status, text = check(tmp_path / "no.toml")
    assert status == 78
    assert "cannot be read: No such file or directory" in text


def test_show_says_everything_of_an_entry(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["library", "show", "--file", str(LIBRARY), "ketamine-chronic-pain"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("ketamine-chronic-pain  library examples 2026.1  content ")
    assert head.endswith("  not approved")
    shown = {line[2:60].strip(): line[60:].strip() for line in lines if "advisories" not in line}
    assert shown["dose_rate_high.soft"] == "2 mg/kg/h"
    assert shown["dose_rate_high.hard_delay"] == "10 s"
    assert shown["vital_signs.heart_rate_high.soft.of_baseline"] == "125 %"
    assert shown["heart_disease.vital_signs.nibp_sys_high.hard.most"] == "160 mmHg"
    assert shown["enzyme_inhibitor.CYP3A4.factor"] == "75 %"
    assert shown["concentration.listed 10 mg/mL"] == "yes"


def test_show_says_numbers_in_the_units_of_the_entry() -> None:
    status, text = show(SHIPPED / "drugs-examples.toml", "remifentanil-spontaneous")
    assert status == 0
    said = {tuple(line.split()) for line in text.splitlines()}
    assert ("dose_rate_high.soft", "0.1", "ug/kg/min") in said
    assert ("dose_rate_low.floor", "0.01", "ug/kg/min") in said
    assert ("mass_rate.soft", "12.5", "ug/min") in said
    assert ("concentration.hard_high", "52.5", "ug/mL") in said


def test_show_of_all_and_of_one_that_is_not_there() -> None:
    status, text = show(LIBRARY, "")
    assert (status, text.count("  content ")) == (0, 3)
    assert show(LIBRARY, "ketamine") == (1, f'{LIBRARY} has no drug ketamine; did you mean "ketamine-low-dose"?')


def test_show_says_who_approved_it(tmp_path: Path) -> None:
    _, text = show(put(tmp_path, APPROVED), "")
    assert text.splitlines()[0].endswith("  approved by Dr A on 2026-01-31")


# --- diff ---

DIRECTIONS = [
    ('soft = "2.0 mg/kg/h"', 'soft = "2.2 mg/kg/h"', "LAXER     dose_rate_high.soft: 2 mg/kg/h -> 2.2 mg/kg/h"),
    ('soft = "2.0 mg/kg/h"', 'soft = "1.8 mg/kg/h"', "stricter  dose_rate_high.soft: 2 mg/kg/h -> 1.8 mg/kg/h"),
    ('soft_delay = "60 s"', 'soft_delay = "30 s"', "stricter  dose_rate_high.soft_delay: 1 min -> 30 s"),
    ('bypass = "4.0 mg/kg/h"\n', "", "LAXER     dose_rate_high.bypass: gone, was 4 mg/kg/h"),
    ('part_of_step = "80 %"', 'part_of_step = "70 %"', "LAXER     dose_rate_low.part_of_step: 80 % -> 70 %"),
    ('floor = "0.05 mg/kg/h"', 'floor = "0.1 mg/kg/h"', "stricter  dose_rate_low.floor: 0.05 mg/kg/h -> 0.1 mg/kg/h"),
    ('lasts = "10 min"', 'lasts = "5 min"', "LAXER     first.lasts: 10 min -> 5 min"),
    ('hard = "350 mg/h"', 'hard = "400 mg/h"', "LAXER     mass_rate.hard: 350 mg/h -> 400 mg/h"),
    ('tolerance = "2 %"', 'tolerance = "1 %"', "stricter  session.tolerance: 2 % -> 1 %"),
    ('hard_beyond = "50 %"', 'hard_beyond = "100 %"', "LAXER     duration.hard_beyond: 50 % -> 100 %"),
    ('soft_low = "45 kg"', 'soft_low = "40 kg"', "LAXER     weight.soft_low: 45 kg -> 40 kg"),
    ('soft_high = "130 kg"', 'soft_high = "120 kg"', "stricter  weight.soft_high: 130 kg -> 120 kg"),
    ('hard_low = "0.9 mg/mL"\n', "", "LAXER     concentration.hard_low: gone, was 0.9 mg/mL"),
    ('"2 mg/mL", ', "", "stricter  concentration.listed 2 mg/mL: gone, was yes"),
    ('["1 mg/mL"', '["1 mg/mL", "5 mg/mL"', "LAXER     concentration.listed 5 mg/mL: new, yes"),
    ('recovery = "60 min"', 'recovery = "30 min"', "LAXER     recovery: 60 min -> 30 min"),
    (
        "baseline_required = true",
        "baseline_required = true\nsettled_by_two = false",
        "LAXER     settled_by_two: yes -> no",
    ),
    ("baseline_required = true", "baseline_required = false", "LAXER     baseline_required: yes -> no"),
    ('"spo2", "nibp"]', '"nibp"]', "LAXER     required_vitals spo2: gone, was yes"),
    ('least = "45 /min"', 'least = "44 /min"', "LAXER     vital_signs.heart_rate_low.soft.least: 45 /min -> 44 /min"),
    (
        'hard = "180 mmHg"',
        'hard = "175 mmHg"',
        """stricter  vital_signs.nibp_sys_high.hard.least: 180 mmHg -> 175 mmHg
  stricter  vital_signs.nibp_sys_high.hard.most: 180 mmHg -> 175 mmHg""",
    ),
    (
        'factor = "75 %"',
        'factor = "80 %"',
        """LAXER     enzyme_inhibitor.CYP3A4.factor: 75 % -> 80 %
  LAXER     enzyme_inhibitor.CYP2B6.factor: 75 % -> 80 %""",
    ),
    (
        '[drug.frequent_treatment]\nsession_soft = "1.5 mg/kg"\n',
        "",
        "LAXER     frequent_treatment.session_soft: gone, was 1.5 mg/kg",
    ),
    (
        "[drug.duration]",
        '[drug.bolus]\nsoft = "0.2 mg/kg"\nhard = "0.35 mg/kg"\n[drug.duration]',
        "LAXER     bolus.soft: new, 0.2 mg/kg\n  LAXER     bolus.hard: new, 0.35 mg/kg",
    ),
    ('label = "Ketamine, chronic pain"', 'label = "Ketamine"', "changed   label: Ketamine, chronic pain -> Ketamine"),
    (
        'hysteresis = "10 mg/h"',
        'hysteresis = "12 mg/h"',
        "changed   mass_rate.hysteresis: 10 mg/h -> 12 mg/h",
    ),
    (
        "approved = false\n",
        "approved = false\nenabled = false\n",
        "changed   not approved -> not approved, not enabled",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), DIRECTIONS)
def test_diff_says_which_way(old: str, new: str, said: str, tmp_path: Path) -> None:
    name, *rows, counts = compared(tmp_path, (old, new))
    assert name == "ketamine-chronic-pain"
    assert rows == f"  {said}".split("\n")
    verdicts = [row.split()[0] for row in rows]
    assert counts == ", ".join(f"{verdicts.count(kind)} {kind}" for kind in ("LAXER", "stricter", "changed"))


def test_diff_says_the_laxer_ones_first(tmp_path: Path) -> None:
    rows = compared(
        tmp_path,
        ('label = "Ketamine, chronic pain"', 'label = "Ketamine"'),
        ('soft = "2.0 mg/kg/h"', 'soft = "1.8 mg/kg/h"'),
        ('hard_beyond = "50 %"', 'hard_beyond = "60 %"'),
    )
    assert [row.split()[0] for row in rows[1:-1]] == ["LAXER", "stricter", "changed"]
    assert rows[-1] == "1 LAXER, 1 stricter, 1 changed"


def test_diff_of_the_same() -> None:
    status, text = diff(LIBRARY, LIBRARY)
    assert (status, text.splitlines()[1:]) == (0, ["", "0 LAXER, 0 stricter, 0 changed"])


def test_diff_says_that_a_version_was_forgotten(tmp_path: Path) -> None:
    rows = compared(tmp_path, ('soft = "2.0 mg/kg/h"', 'soft = "1.8 mg/kg/h"'), version="2026.1")
    assert rows[0] == "the content is another and the version is the same: give each content a version of its own"


def test_diff_says_what_came_and_went(tmp_path: Path) -> None:
    other = ENTRY.replace('id = "ketamine-chronic-pain"', 'id = "other"').replace("Ketamin", "Other")
    old, new = put(tmp_path, DRUGS, "old.toml"), put(tmp_path, DRUGS.replace(ENTRY, other))
    _, text = diff(old, new)
    assert text.splitlines()[3:] == [
        "ketamine-chronic-pain",
        "  changed   is gone",
        "",
        "other",
        "  changed   is new, not approved",
        "",
        "0 LAXER, 0 stricter, 2 changed",
    ]


def test_the_same_dose_in_another_unit_is_neither_laxer_nor_stricter(tmp_path: Path) -> None:
    def in_ug(match: re.Match[str]) -> str:
        return f'"{Decimal(match[1]) * 1000:f} ug/{match[2]}"'

    text = re.sub(r'"([0-9.]+) mg/(\S+)"', in_ug, DRUGS).replace('unit = "mg/kg/h"', 'unit = "ug/kg/h"')
    old, new = put(tmp_path, DRUGS, "old.toml"), put(tmp_path, text)
    status, said = diff(old, new)
    assert status == 0
    assert "  changed   dose_rate_high.soft: 2 mg/kg/h -> 2000 ug/kg/h" in said.splitlines()
    assert "  changed   mass_rate.hard: 350 mg/h -> 350000 ug/h" in said.splitlines()
    assert said.splitlines()[-1].startswith("3 LAXER, 3 stricter, ")  # the listed concentrations go and come by name


def test_diff_with_a_library_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = put(tmp_path, DRUGS.replace('"2.5 mg/kg"', '"2.5 mg"'))
    assert cli.main(["library", "diff", str(LIBRARY), str(new)]) == 78
    assert capsys.readouterr().err.startswith(f"{new} cannot be used: 2 problems\n")


README = Path(__file__).parents[2] / "README.md"
COMMANDS = re.findall(r"^\.venv/bin/infusion-edge (library .*)$", README.read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_readme_run(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(README.parent)
    assert cli.main(command.split()) == 0
    assert "ketamine-chronic-pain" in capsys.readouterr().out


def test_the_readme_shows_each_of_them() -> None:
    assert [command.split()[1] for command in COMMANDS] == ["check", "show", "diff"]


# --- composed ---------------------------------------------------------------------------------------------------------


def cells(text: str, who: str) -> list[str]:
    """The line of the composed limits for one answer."""
    line = next(line for line in text.splitlines() if line.strip().startswith(who))
    return [cell.strip() for cell in re.split(r" {2,}", line.strip())][1:]


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("limits, soft / hard", ["dose rate", "first 10 min", "session", "24 h", "without the weight", "recovery"]),
        (
            "nothing of the checklist",
            ["2 / 2.5 mg/kg/h", "1 / 1.5 mg/kg/h", "2.04 / 2.5 mg/kg", "2.04 / 2.5 mg/kg", "250 / 350 mg/h", "60 min"],
        ),
        (
            "heart disease",
            ["1 / 1.5 mg/kg/h", "1 / 1.5 mg/kg/h", "2.04 / 2.5 mg/kg", "2.04 / 2.5 mg/kg", "250 / 350 mg/h", "90 min"],
        ),
        (
            "CYP3A4 inhibitor",
            [
                *("1.5 / 1.875 mg/kg/h", "0.75 / 1.125 mg/kg/h", "1.53 / 1.875 mg/kg", "2.04 / 2.5 mg/kg"),
                *("187.5 / 262.5 mg/h", "90 min"),
            ],
        ),
        (
            "nothing was answered",
            [
                *("1 / 1.5 mg/kg/h", "0.75 / 1.125 mg/kg/h", "1.5 / 1.875 mg/kg", "2.04 / 2.5 mg/kg"),
                *("187.5 / 262.5 mg/h", "90 min"),
            ],
        ),
    ],
)
def test_check_and_show_tell_what_the_checklist_makes_of_the_limits(who: str, expected: list[str]) -> None:
    """Design, section 8: of several the strictest; what nobody answered is taken for yes."""
    for status, text in (check(SHIPPED / "drugs.toml"), show(SHIPPED / "drugs.toml", "ketamine-chronic-pain")):
        assert status == 0
        assert cells(text, who) == expected


def test_composed_limits_are_in_the_unit_of_the_entry() -> None:
    _, text = show(SHIPPED / "drugs-examples.toml", "remifentanil-spontaneous")
    assert cells(text, "nothing of the checklist") == ["0.1 / 0.2 ug/kg/min", "12.5 / 28 ug/min", "60 min"]
