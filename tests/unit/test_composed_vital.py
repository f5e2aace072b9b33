"""Which limits of vital signs hold for a patient: clamps around a baseline, flags, and what people set (H-30, T-33)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.model import Quantity
from edge.core.composed_vital import vital_limits
from edge.core.config import DrugConfig, Flag, FlagRule, LimitConfig, VitalBand, VitalRule
from edge.core.model import Side
from edge.core.therapy import Baseline, Known, Patient
from edge.core.therapy_state import AdjustedLimit
from tests.core_world import BP_LIMIT, HIGH, HR_LIMIT, KETAMINE, MEDIUM, SPO2_LIMIT, START_S, band, instant, limit
from tests.unit.test_composed import WELL

D = Decimal
AT = instant(START_S)
HR_LOW = limit(
    "HR_LOW",
    Quantity.HEART_RATE,
    Side.LOW,
    replace(band("soft", "45", MEDIUM, 20), adjust_from=D(38), adjust_to=D(60)),
    band("hard", "40", HIGH, 10),
    hysteresis="3",
    clear_s=10,
)
STANDARD = (HR_LOW, HR_LIMIT, SPO2_LIMIT, BP_LIMIT)
DRUG = replace(
    KETAMINE,
    vitals=(
        VitalRule("HR_LOW", (VitalBand("soft", D(45), D(55), D("0.75")),)),
        VitalRule(
            "HR_HIGH",
            (VitalBand("soft", D(100), D(120), D("1.25")), VitalBand("hard", D(120), D(140), D("1.5"))),
        ),
        VitalRule("BP_SYS_HIGH", (VitalBand("soft", D(150), D(165), D("1.2")),)),
    ),
    flags=(
        FlagRule(
            Flag.HEART_DISEASE,
            vitals=(
                VitalRule("HR_HIGH", (VitalBand("soft", D(90), D(110), D("1.25")), VitalBand("hard", D(120), D(120)))),
                VitalRule("BP_SYS_HIGH", (VitalBand("soft", D(150), D(150)), VitalBand("hard", D(160), D(160)))),
            ),
        ),
    ),
)


def baseline(heart_rate: str | None = "80", sys: str | None = "125") -> Baseline:
    return Baseline(None if heart_rate is None else D(heart_rate), None if sys is None else D(sys), None, "ann", AT)


def limits(
    usual: Baseline | None,
    *,
    heart: Known = Known.NO,
    drugs: tuple[DrugConfig, ...] = (DRUG,),
    adjusted: tuple[AdjustedLimit, ...] = (),
) -> dict[str, LimitConfig]:
    patient = Patient("case-1", D(70), replace(WELL, heart_disease=heart), "ann", AT)
    return {one.condition: one for one in vital_limits(STANDARD, drugs, patient, usual, adjusted)}


def values(one: LimitConfig) -> tuple[str, ...]:
    return tuple(f"{each.value.normalize():f}" for each in one.bands)


@pytest.mark.parametrize(
    ("heart_rate", "low", "high"),
    [
        (None, ("45", "40"), ("120", "140")),
        ("50", ("45", "40"), ("100", "120")),
        ("60", ("45", "40"), ("100", "120")),
        ("64", ("48", "40"), ("100", "120")),
        ("72", ("54", "40"), ("100", "120")),
        ("80", ("55", "40"), ("100", "120")),
        ("84", ("55", "40"), ("105", "126")),
        ("92", ("55", "40"), ("115", "138")),
        ("96", ("55", "40"), ("120", "140")),
        ("150", ("55", "40"), ("120", "140")),
    ],
)
def test_heart_rate_follows_the_baseline_inside_its_clamps(
    heart_rate: str | None, low: tuple[str, ...], high: tuple[str, ...]
) -> None:
    found = limits(baseline(heart_rate))
    assert (values(found["HR_LOW"]), values(found["HR_HIGH"])) == (low, high)


@pytest.mark.parametrize(
    ("sys", "high"), [("100", ("150", "180")), ("130", ("156", "180")), ("140", ("165", "180")), (None, ("165", "180"))]
)
def test_systolic_pressure(sys: str | None, high: tuple[str, ...]) -> None:
    assert values(limits(baseline(sys=sys))["BP_SYS_HIGH"]) == high


def test_without_a_baseline_the_standard_limits_hold() -> None:
    assert {name: values(one) for name, one in limits(None).items()} == {one.condition: values(one) for one in STANDARD}


def test_what_the_drug_says_nothing_of_stays() -> None:
    assert limits(baseline())["SPO2_LOW"] == SPO2_LIMIT


def test_without_drug_and_adjustment_they_are_the_standard_limits_themselves() -> None:
    assert vital_limits(STANDARD, (), None, baseline(), ()) is STANDARD


@pytest.mark.parametrize(
    ("heart_rate", "high"),
    [("60", ("90", "120")), ("80", ("100", "120")), ("88", ("110", "120")), (None, ("110", "120"))],
)
@pytest.mark.parametrize("heart", [Known.YES, Known.UNKNOWN])
def test_heart_disease(heart: Known, heart_rate: str | None, high: tuple[str, ...]) -> None:
    found = limits(baseline(heart_rate), heart=heart)
    assert values(found["HR_HIGH"]) == high
    assert values(found["BP_SYS_HIGH"]) == ("150", "160")


def test_the_origin_says_drug_flag_and_baseline() -> None:
    found = limits(baseline("84"), heart=Known.UNKNOWN)
    assert found["HR_HIGH"].origin == (
        "test; ketamine, 1.25 of the baseline of 84 within 100 to 120; "
        "ketamine, heart disease: not answered, so taken for yes"
    )
    assert found["BP_SYS_HIGH"].origin == (
        "test; ketamine, 1.2 of the baseline of 125 within 150 to 165; "
        "ketamine, heart disease: not answered, so taken for yes"
    )
    assert limits(None)["HR_HIGH"].origin == "test"


def test_of_two_drugs_the_stricter_one_holds() -> None:
    other = replace(DRUG, drug="other", flags=(), vitals=(VitalRule("HR_LOW", (VitalBand("hard", D(44), D(44)),)),))
    found = limits(baseline("64"), drugs=(DRUG, other))
    assert values(found["HR_LOW"]) == ("48", "44")
    assert found["HR_LOW"].origin == "test; ketamine, 0.75 of the baseline of 64 within 45 to 55; other"


def test_a_drug_never_loosens_a_standard_limit() -> None:
    lax = replace(DRUG, vitals=(VitalRule("SPO2_LOW", (VitalBand("soft", D(85), D(85)),)),))
    assert values(limits(None, drugs=(lax,))["SPO2_LOW"]) == ("92", "88", "80")


@pytest.mark.parametrize(("wanted", "got"), [("42", "42"), ("60", "60"), ("30", "40"), ("70", "60")])
def test_a_person_may_set_a_limit_within_the_bounds_of_the_site(wanted: str, got: str) -> None:
    """The hard limit of 40 stands, so that 38, which the site allows, ends there."""
    one = AdjustedLimit("HR_LOW", "soft", Side.LOW, D(wanted), "ann", AT)
    found = limits(baseline(), adjusted=(one,))
    assert values(found["HR_LOW"]) == (got, "40")
    assert found["HR_LOW"].origin == "test; set for this patient by ann"


def test_what_the_site_does_not_allow_to_be_set_stays() -> None:
    one = AdjustedLimit("HR_LOW", "hard", Side.LOW, D(30), "ann", AT)
    assert values(limits(None, adjusted=(one,))["HR_LOW"]) == ("45", "40")


def test_no_two_limits_in_one() -> None:
    """The number of bands never changes: what stands is known by the place of its band."""
    for heart in Known:
        for usual in (None, baseline("50"), baseline("150")):
            assert [len(one.bands) for one in limits(usual, heart=heart).values()] == [2, 2, 3, 2]
