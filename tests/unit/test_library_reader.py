"""The drug library as it is shipped, its units, and what approval means (H-05, H-07, T-08)."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from edge.config_file import Problem, Reader
from edge.core.composed import dose_limits
from edge.core.config import Bounds, DrugConfig, Flag, LimitConfig
from edge.core.model import Priority
from edge.core.therapy import Order
from edge.library_reader import LibraryDrug, content_hash, read_library
from tests.unit.config_files import APPROVED, DRUGS, SHIPPED, approve, changed

D = Decimal
EXAMPLES = SHIPPED / "drugs-examples.toml"


def read(path: Path, *, clinical: bool = False) -> tuple[tuple[LibraryDrug, ...], list[Problem]]:
    reader = Reader(path)
    assert reader.read()
    return read_library(reader, clinical=clinical), reader.problems


def entries(path: Path) -> dict[str, LibraryDrug]:
    found, problems = read(path)
    assert problems == []
    return {each.config.drug: each for each in found}


def put(folder: Path, text: str) -> Path:
    path = folder / "drugs.toml"
    path.write_text(text)
    return path


def bands(limit: LimitConfig | None) -> list[tuple[str, str, float]]:
    assert limit is not None
    return [(each.name, f"{each.value.normalize():f}", each.delay_s) for each in limit.bands]


def order(drug: DrugConfig, total: str) -> Order:
    return Order("p", "1", drug.drug, D(1), D(70), D("0.1"), D("0.1"), "", total_mg_per_kg=D(total), planned_s=3600.0)


def shipped(name: str) -> DrugConfig:
    return entries(SHIPPED / "drugs.toml")[name].config


def test_shipped_entries() -> None:
    assert {name: (each.enabled, each.config.entry.approval) for name, each in
            entries(SHIPPED / "drugs.toml").items()} == {
        "ketamine-chronic-pain": (True, None),
        "ketamine-low-dose": (True, None),
        "esketamine-chronic-pain": (True, None),
    }  # fmt: skip


SHIPPED_LIMITS = {
    "ketamine-chronic-pain": {
        "dose_rate": [("soft", "2", 60), ("hard", "2.5", 10), ("bypass", "4", 0)],
        "first": [("soft", "1", 60), ("hard", "1.5", 10), ("bypass", "4", 0)],
        "step": [("soft", "0.5", 10), ("hard", "1", 10)],
        "mass_rate": [("soft", "250", 10), ("hard", "350", 10)],
        "session": [("soft", "2.04", 0), ("hard", "2.5", 0)],
        "day": [("soft", "2.04", 0), ("hard", "2.5", 0)],
        "duration": [("soft", "70", 0), ("hard", "90", 0)],
    },
    "ketamine-low-dose": {
        "dose_rate": [("soft", "0.35", 60), ("hard", "0.5", 10), ("bypass", "1", 0)],
        "first": [("soft", "0.2", 60), ("hard", "0.35", 10), ("bypass", "1", 0)],
        "step": [("soft", "0.1", 10), ("hard", "0.2", 10)],
        "mass_rate": [("soft", "45", 10), ("hard", "65", 10)],
        "session": [("soft", "34.272", 0), ("hard", "42", 0)],
        "day": [("soft", "8.568", 0), ("hard", "10.5", 0)],
        "duration": [("soft", "90", 0), ("hard", "90", 0)],
    },
    "esketamine-chronic-pain": {
        "dose_rate": [("soft", "1", 60), ("hard", "1.25", 10), ("bypass", "2", 0)],
        "first": [("soft", "0.5", 60), ("hard", "0.75", 10), ("bypass", "2", 0)],
        "step": [("soft", "0.25", 10), ("hard", "0.5", 10)],
        "mass_rate": [("soft", "125", 10), ("hard", "175", 10)],
        "session": [("soft", "1.02", 0), ("hard", "1.25", 0)],
        "day": [("soft", "1.02", 0), ("hard", "1.25", 0)],
        "duration": [("soft", "70", 0), ("hard", "90", 0)],
    },
}


@pytest.mark.parametrize("name", SHIPPED_LIMITS)
def test_shipped_limits(name: str) -> None:
    """The table of the design, for an order that asks for more than the library allows, in 60 min."""
    drug = shipped(name)
    limits = dose_limits(drug, order(drug, "100"), None)
    expected = SHIPPED_LIMITS[name]
    assert {key: bands(getattr(limits, key)) for key in expected} == expected
    assert (drug.first_s, drug.step_within_s, drug.recovery_s, drug.low_fraction) == (600, 600, 3600, D("0.8"))


def test_shipped_flags() -> None:
    rules = {rule.flag: rule for rule in shipped("ketamine-chronic-pain").flags}
    heart, cyp = rules[Flag.HEART_DISEASE], rules[Flag.CYP3A4_INHIBITOR]
    assert (heart.dose_rate_soft, heart.dose_rate_hard, heart.recovery_s) == (D("1.0"), D("1.5"), 5400)
    assert (cyp.factor, cyp.recovery_s) == (D("0.75"), 5400)
    assert (rules[Flag.CYP2B6_INHIBITOR].factor, rules[Flag.CYP2B6_INHIBITOR].recovery_s) == (D("0.75"), 5400)
    assert rules[Flag.FREQUENT].session_soft == D("1.5")
    assert rules[Flag.AGE_65_OR_OVER].dose_rate_soft == D("1.0")


def test_shipped_vital_signs() -> None:
    drug = shipped("ketamine-chronic-pain")
    found = {
        (rule.condition, band.name): (band.of_baseline, f"{band.lowest}", f"{band.highest}")
        for rule in drug.vitals
        for band in rule.bands
    }
    assert found == {
        ("HR_LOW", "soft"): (D("0.75"), "45", "55"),
        ("HR_LOW", "hard"): (None, "40", "40"),
        ("HR_HIGH", "soft"): (D("1.25"), "100", "120"),
        ("HR_HIGH", "hard"): (D("1.5"), "120", "140"),
        ("BP_SYS_LOW", "soft"): (D("0.8"), "85", "100"),
        ("BP_SYS_LOW", "hard"): (None, "80", "80"),
        ("BP_SYS_HIGH", "soft"): (D("1.2"), "150", "165"),
        ("BP_SYS_HIGH", "hard"): (None, "180", "180"),
        ("BP_MEAN_HIGH", "soft"): (D("1.2"), "110", "120"),
        ("BP_MEAN_HIGH", "hard"): (None, "130", "130"),
    }
    heart = {rule.condition: rule.bands for rule in drug.flags[0].vitals}
    assert [(band.lowest, band.highest) for band in heart["HR_HIGH"]] == [(D(90), D(110)), (D(120), D(120))]
    assert [(band.lowest, band.highest) for band in heart["BP_SYS_HIGH"]] == [(D(150), D(150)), (D(160), D(160))]


def test_what_may_be_typed() -> None:
    drug = shipped("ketamine-chronic-pain")
    assert drug.weight == Bounds(D(45), D(130), D(30), D(250))
    assert drug.concentration == Bounds(hard_low=D("0.9"), hard_high=D("10.5"))
    assert (drug.concentrations_mg_per_ml, drug.custom_concentration) == ((D(1), D(2), D(10)), False)


# --- the examples ---

# Dose rate soft, hard and bypass, and the floor, by hand in mg/kg/h; soft of mg/h; the concentrations in mg/mL.
IN_MG = {
    "propofol-sedation": (["3", "4", "8"], "0.3", "375", ["10", "20"]),
    "dexmedetomidine": (["0.0007", "0.0014", "0.0028"], "0.0002", "0.09", ["0.004", "0.008"]),
    "remifentanil-spontaneous": (["0.006", "0.012", "0.024"], "0.0006", "0.75", ["0.02", "0.05"]),
    "norepinephrine": (["0.03", "0.06", "0.12"], "0.0006", "3.75", ["0.016", "0.032", "0.064"]),
    "morphine": (["0.05", "0.1", "0.2"], "0.005", "6.25", ["1"]),
    "midazolam": (["0.1", "0.2", "0.4"], "0.01", "12.5", ["1"]),
    "lidocaine-chronic-pain": (["3", "5", "10"], "0.5", "375", ["8"]),
}


def test_examples_in_the_units_of_the_core() -> None:
    found = {}
    for name, each in entries(EXAMPLES).items():
        drug = each.config
        assert drug.mass_rate_limit is not None
        found[name] = (
            [value for _, value, _ in bands(drug.dose_rate_high)],
            f"{drug.low_floor_mg_per_kg_per_h.normalize():f}",
            f"{drug.mass_rate_limit.bands[0].value.normalize():f}",
            [f"{each.normalize():f}" for each in drug.concentrations_mg_per_ml],
        )
    assert found == IN_MG


def test_examples_are_neither_approved_nor_enabled_and_clinical_mode_does_not_mind() -> None:
    found, problems = read(EXAMPLES, clinical=True)
    assert problems == []
    assert {(each.enabled, each.config.entry.approval) for each in found} == {(False, None)}


def test_a_drug_that_must_not_stop_is_high_within_15_s() -> None:
    drug = entries(EXAMPLES)["norepinephrine"].config
    (low,) = dose_limits(drug, order(drug, "1"), None).low.bands
    assert (low.priority, low.delay_s, drug.at_end.value) == (Priority.HIGH, 15, "kvo")


def test_no_name_of_a_pump_stands_for_two_drugs_of_both_files() -> None:
    names = [name.casefold() for path in (SHIPPED / "drugs.toml", EXAMPLES) for each in entries(path).values()
             for name in each.config.pump_names]  # fmt: skip
    assert len(names) == len(set(names)) == 25


# --- approval ---


def test_an_approval_says_who_when_and_of_which_content(tmp_path: Path) -> None:
    (drug,) = entries(put(tmp_path, APPROVED)).values()
    approval = drug.config.entry.approval
    assert approval is not None
    assert (approval.by, approval.on) == ("Dr A", "2026-01-31")
    assert drug.config.dose_rate_high.origin == "drug library examples 2026.1, ketamine-chronic-pain"
    assert read(put(tmp_path, APPROVED), clinical=True)[1] == []


def test_the_content_is_the_numbers_and_words_but_not_the_approval() -> None:
    content = content_hash(tomllib.loads(DRUGS)["drug"][0])
    assert content == content_hash(tomllib.loads(APPROVED)["drug"][0])
    assert content == content_hash(tomllib.loads(DRUGS.replace("# racemic", "#"))["drug"][0])
    assert len(content) == 16
    assert content_hash({"id": "x", "soft": "2.0 mg/kg/h"}) == "18a779eaa746de10"


@pytest.mark.parametrize("edit", [('soft = "2.0 mg/kg/h"', 'soft = "2.4 mg/kg/h"'), ('"Ketamin"]', '"Ketamin", "K"]')])
@pytest.mark.parametrize("clinical", [True, False])
def test_what_was_changed_is_approved_no_more(edit: tuple[str, str], clinical: bool, tmp_path: Path) -> None:
    text = changed(APPROVED, edit)
    content = content_hash(tomllib.loads(text)["drug"][0])
    path = put(tmp_path, text)
    assert read(path, clinical=clinical)[1] == [
        Problem(
            str(path),
            "drug[0].approved_content",
            f"the entry was changed since it was approved: its content is {content}",
            "have it approved again, and give that content; or set approved = false",
        )
    ]


def test_a_bare_approval_is_none(tmp_path: Path) -> None:
    path = put(tmp_path, DRUGS.replace("approved = false\n", "approved = true\n"))
    remedy = "say who approved it, on which day, and of which content; or set approved = false"
    assert read(path)[1] == [
        Problem(str(path), f"drug[0].{key}", "is missing, and the entry says approved", remedy)
        for key in ("approved_by", "approved_on", "approved_content")
    ]


def test_clinical_mode_takes_what_is_not_approved_if_it_is_not_enabled(tmp_path: Path) -> None:
    text = DRUGS.replace("approved = false\n", "approved = false\nenabled = false\n")
    found, problems = read(put(tmp_path, text), clinical=True)
    assert problems == []
    assert [each.enabled for each in found] == [False]


def test_one_bit_makes_another_content() -> None:
    """Whatever character of an entry changes, it is another entry (T-08)."""
    drug = tomllib.loads(DRUGS)["drug"][0]
    hashes = {content_hash(drug)}
    for key, value in drug.items():
        if key not in ("approved", "enabled"):
            hashes.add(content_hash({**drug, key: f"{value}x"}))
    assert len(hashes) == len(drug)


def test_every_entry_can_be_approved(tmp_path: Path) -> None:
    text = approve((SHIPPED / "drugs.toml").read_text())
    found, problems = read(put(tmp_path, text), clinical=True)
    assert problems == []
    assert all(each.config.entry.approval is not None for each in found)
