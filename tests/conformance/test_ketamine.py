"""Each statement of the therapy (docs/ketamine.md) by its scenario: what is told, when, how urgently, and no more."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from edge.core.model import Priority
from edge.core.therapy import Known, TherapyPhase
from edge.core.therapy_state import Degree
from simulators.scenario import load, read
from simulators.scenario_model import Scenario
from tests.conformance.played import Played

GUIDE = Path(__file__).parents[2] / "docs" / "ketamine.md"
POLL_S = 2.0
BUSY_S = 300
"""A treatment takes ten seconds on a machine that does nothing else, and far longer on a busy one."""


@cache
def played(name: str) -> Played:
    """Play a shipped scenario; once, for whoever asks."""
    with TemporaryDirectory() as folder:
        return Played(load(name), Path(folder), POLL_S)


def at(minutes: float, within_s: float = 5.0) -> tuple[float, float]:
    """From when to when something is told: not before, and soon."""
    return minutes * 60, minutes * 60 + within_s


EXPECTED: dict[str, list[tuple[str, str, tuple[float, float]]]] = {
    # 2.0 is allowed. 60 s for the soft limit, 10 s for the hard one; the rise of 0.6 in ten minutes is the same dose.
    "above-the-range": [("DOSE_RATE_HIGH", "medium", at(32)), ("DOSE_RATE_HIGH", "high", at(33 + 10 / 60))],
    "step-up": [],
    # The hard limit of the first ten minutes is 1.5, after 10 s.
    "start-too-high": [("DOSE_RATE_HIGH", "high", at(3 + 10 / 60))],
    # First that it climbs; then 125 % of the baseline, at least 100, for 20 s. The standard limit is 120.
    "heart-rate": [("HR_CLIMBING", "low", at(5.5, 60)), ("HR_HIGH", "medium", at(6.8, 30))],
    # Shown at once; it sounds when the cuff has measured it again, 3 min later.
    "blood-pressure": [("BP_MEAN_HIGH", "medium", at(36, 10))],
    "secretions": [("SPO2_LOW", "medium", at(2.7, 20)), ("SPO2_LOW", "high", at(3.1, 20))],
    "choking": [("CHOKING", "high", at(5, 2))],
    # The heart rate may be 90; the dose 1.0, hard 1.5.
    "heart-disease": [
        ("HR_HIGH", "medium", at(4.9, 30)),
        ("DOSE_RATE_HIGH", "high", at(14 + 10 / 60)),
    ],
    "large-dose": [("DOSE_CUMULATIVE_HIGH", "medium", at(3 + 0.2 * 1.05 * 60, 10))],
    # 1.5 - 100 / 70 mg/kg are left, at 1 mg/kg/h.
    "frequent-treatment": [("DOSE_CUMULATIVE_HIGH", "medium", at(3 + (1.5 - 100 / 70) * 60, 10))],
    # Three quarters of 1.0 in the first ten minutes, after 60 s.
    "clarithromycin": [("DOSE_RATE_HIGH", "medium", at(4))],
    # 2.04 - 140 / 70 mg/kg are left; then 35 mg more are beyond 2.5. Of the day, the same is not told again.
    "other-routes": [
        ("DOSE_CUMULATIVE_HIGH", "medium", at(3 + (2.04 - 140 / 70) * 60, 10)),
        ("DOSE_CUMULATIVE_HIGH", "high", at(6, 2)),
    ],
    "dependence": [
        ("DOSE_RATE_HIGH", "high", at(5)),
        ("DOSE_BOLUS_HIGH", "medium", at(5)),
        ("DOSE_MASS_RATE_HIGH", "high", at(5 + 10 / 60)),
        ("FLOW_IN_RECOVERY", "medium", at(9)),
    ],
    "anxiety": [("OBSERVATION_OVERDUE", "low", at(6 + 10))],
    "lasting-effect": [
        ("SPO2_LOW", "medium", at(10.6, 20)),
        ("SPO2_LOW", "high", at(10.9, 20)),
        ("SEDATION_DEEP", "high", at(14, 2)),
    ],
}
"""Everything that is told in a scenario, in order."""

REFUSED = {
    "clarithromycin": "the recovery takes 89 min more; to close sooner, give a reason",
    "lasting-effect": "the recovery takes 54 min more; to close sooner, give a reason",
}
"""What is asked too early, and the answer."""

ORIGINS = {
    "heart-rate": ("HR_HIGH", "of the baseline of 7"),
    "blood-pressure": ("BP_MEAN_HIGH", "of the baseline of "),
    "heart-disease": ("DOSE_RATE_HIGH", "heart disease"),
    "frequent-treatment": ("DOSE_CUMULATIVE_HIGH", "frequent treatment"),
    "clarithromycin": ("DOSE_RATE_HIGH", "CYP3A4 inhibitor (x 0.75)"),
}
"""Where the limit came from, as the alarm says."""


@pytest.mark.long
@pytest.mark.timeout(BUSY_S)
@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_told_and_nothing_else(name: str) -> None:
    play = played(name)
    assert [(one.condition, one.priority.name.lower()) for one in play.told] == [row[:2] for row in EXPECTED[name]]
    for one, (_, _, (from_s, until_s)) in zip(play.told, EXPECTED[name], strict=True):
        assert from_s <= one.at_s <= until_s, str(one)
    assert play.refusals == ([REFUSED[name]] if name in REFUSED else [])
    if name in ORIGINS:
        condition, words = ORIGINS[name]
        limits = [event.alarm.limit for event in play.world.events if event.alarm.key.condition == condition]
        assert limits[0] is not None
        assert words in limits[0].origin


@pytest.mark.long
@pytest.mark.timeout(BUSY_S)
def test_what_a_nurse_found_of_anxiety_is_shown() -> None:
    rounds = played("anxiety").therapy.therapy.rounds
    assert [(one.anxiety, one.rass, one.phase) for one in rounds] == [(Degree.SEVERE, 1, TherapyPhase.RECOVERY)]


@pytest.mark.long
@pytest.mark.timeout(BUSY_S)
def test_a_patient_who_is_dependent_is_shown_so() -> None:
    patient = played("dependence").therapy.therapy.patient
    assert patient is not None
    assert patient.checklist.dependence is Known.YES


# --- the whole treatment ----------------------------------------------------------------------------------------------

TREATMENT = resources.files("simulators").joinpath("scenarios/treatment.toml").read_text("utf-8")
SYRINGES = {70: ("9 mL", "20 mL"), 120: ("15.5 mL", "30 mL")}


def treatment(weight_kg: int, counter_ml: str) -> Scenario:
    """The shipped treatment, for another weight, and with a pump that counts in other steps."""
    first, second = SYRINGES[weight_kg]
    text = (
        TREATMENT.replace('"70 kg"', f'"{weight_kg} kg"')
        .replace('"9 mL"', f'"{first}"')
        .replace('"20 mL"', f'"{second}"')
    )
    return read(
        "treatment.toml", text.replace("started = false", f'started = false\ncounter-step = "{counter_ml} mL"').encode()
    )


@pytest.mark.long
@pytest.mark.timeout(BUSY_S)
@pytest.mark.parametrize(("weight_kg", "counter_ml"), [(70, "0.01"), (70, "1"), (120, "0.1")])
def test_a_whole_treatment_ends_without_one_needless_alarm(weight_kg: int, counter_ml: str, tmp_path: Path) -> None:
    play = Played(treatment(weight_kg, counter_ml), tmp_path, 4.0)
    assert play.refusals == []
    assert [answer.verb for answer in play.answers] == [
        *("start-patient", "order", "confirm", "line", "baseline", "step", "observe", "observe", "step"),
        *(
            "observe",
            "confirm-syringe",
            "observe",
            "observe",
            "flush",
            "end-infusion",
            "observe",
            "observe",
            "observe",
            "close",
        ),
    ]
    # The syringe will be empty: the one thing that a nurse must be told.
    (told,) = play.told
    assert (told.condition, told.priority) == ("DEVICE_RESERVOIR_NEAR_EMPTY", Priority.LOW)
    assert play.shown == play.told
    assert play.world.standing() == set()
    assert play.therapy.phase == "none"
    totals = [
        {metric.name: metric.value or Decimal(0) for metric in dose.metrics}
        for view in play.world.snapshots
        for dose in view.doses
        if dose.drug
    ][-1]
    assert totals["session_dose_low_mg"] <= 2 * weight_kg <= totals["session_dose_high_mg"]
    assert Decimal("1.98") <= totals["session_dose_mg_per_kg"] <= Decimal("2.02")


def test_the_guide_names_each_scenario_and_each_test() -> None:
    text = GUIDE.read_text("utf-8")
    shown = set(re.findall(r"`infusion-sim run ([\w-]+)`", text))
    assert shown == {*EXPECTED, "treatment"}
    proved = {(path, name) for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)", text)}
    assert proved
    for path, name in proved:
        assert re.search(rf"^(async )?def {name}\b", (GUIDE.parents[1] / path).read_text("utf-8"), re.MULTILINE), name
