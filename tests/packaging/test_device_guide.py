"""The guide to the devices is in step with the drivers, and what the drivers say of themselves is so."""

import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from bench.codec import DEVICES, record
from drivers import registry
from drivers.model import DeviceKind, Driver, NibpTime, Quantity
from edge.core.validate import CANON
from edge.device_guide import PAGE, guide, main

ROOT = Path(__file__).parents[2]
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
HEARD_S = 20.0
CUFF = {Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN, Quantity.NIBP_PULSE_RATE}


@pytest.fixture(params=registry.names())
def driver(request: pytest.FixtureRequest) -> Driver:
    return registry.driver(request.param)


def test_the_page_is_in_step() -> None:
    assert main(["--check"]) == 0


def test_every_driver_has_one_section_under_its_kind_and_one_row() -> None:
    assert (
        sorted(SECTIONS) == sorted(re.findall(r"^\| \[`(\S+)`\]\(#\1\) \|", TEXT, re.MULTILINE)) == [*registry.names()]
    )
    pumps = TEXT.partition("## Pumps")[2].partition("## Monitors")[0]
    assert {name for name in SECTIONS if f"### {name}\n" in pumps} == {
        name for name in registry.names() if registry.driver(name).kind is DeviceKind.PUMP
    }


def test_an_experimental_driver_says_so_in_its_module_in_the_table_and_in_its_section(driver: Driver) -> None:
    module = import_module(registry.driver(driver.name).session.__module__)
    assert ("experimental" in str(module.__doc__).lower()) == driver.experimental
    (row,) = re.findall(rf"^\| \[`{driver.name}`\].*", TEXT, re.MULTILINE)
    word = "**experimental**" if driver.experimental else "proved"
    assert row.endswith(f" {word} |")
    assert f"- **How sure:** {word}. {driver.description.proof}" in SECTIONS[driver.name]


def test_what_is_not_experimental_has_a_golden_transcript_and_no_transcript_says_otherwise(driver: Driver) -> None:
    golden = ROOT / "tests" / "golden" / driver.name / "README.md"
    assert golden.exists() or driver.experimental
    if golden.exists():
        told = " ".join(golden.read_text(encoding="utf-8").split())
        assert ("stays marked experimental" in told) == driver.experimental


def test_a_section_tells_everything(driver: Driver) -> None:
    section, told = SECTIONS[driver.name], driver.description
    for text in (
        driver.title,
        told.devices,
        told.cable,
        *told.settings,
        told.tells,
        *told.unknown,
        driver.channel_help,
    ):
        assert text.strip(), driver.name
        assert text in section
    assert f"{driver.line.baud} baud, {driver.line.data_bits} data bits" in section
    assert ("listened to only" in section) == driver.listen_only
    assert f"- **Values:** {', '.join(CANON[quantity].label for quantity in told.gives)}." in section


def test_the_texts_are_whole_sentences(driver: Driver) -> None:
    told = driver.description
    for text in (told.devices, told.cable, *told.settings, told.tells, *told.unknown, told.proof):
        assert re.fullmatch(r"[^\n|]+\.", text), text
        assert "  " not in text


def test_each_observation_holds_the_values_that_are_promised_and_no_other(driver: Driver) -> None:
    _, observations = record(driver, DEVICES[driver.name](), HEARD_S)
    assert len(observations) >= 3
    for observation in observations:
        assert sorted(reading.quantity for reading in observation.readings) == sorted(driver.description.gives)
        assert (observation.infusion is not None) == (driver.kind is DeviceKind.PUMP)


def test_what_measures_no_cuff_pressure_promises_none(driver: Driver) -> None:
    expected = set() if driver.nibp_time is NibpTime.NOT_MEASURED else CUFF
    assert CUFF & {*driver.description.gives} == expected


def test_what_its_maker_does_not_allow_on_people_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    known = registry.driver
    monkeypatch.setattr(registry, "driver", lambda name: replace(known(name), laboratory_only=name == "alaris-asena"))
    text = guide()
    assert re.findall(r"^\| \[`(\S+)`\].* \| (?:pump|monitor), \*\*not for patients\*\* \|", text, re.MULTILINE) == [
        "alaris-asena"
    ]
    assert text.partition("### alaris-asena\n")[2].partition("\n### ")[0].count("- **Not for patients:** ") == 1
    assert text.count("- **Not for patients:** ") == 1


def test_a_page_that_is_not_in_step_is_told_and_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "devices.md"
    assert main(["--check", "--page", str(page)]) == 1
    page.write_text("# The devices\n", encoding="utf-8")
    assert main(["--check", "--page", str(page)]) == 1
    assert capsys.readouterr().out.count("not in step with the drivers; run: python -m edge.device_guide") == 2
    assert main(["--page", str(page)]) == 0
    assert main(["--check", "--page", str(page)]) == 0
    assert page.read_text(encoding="utf-8") == guide()
