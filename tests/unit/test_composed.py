"""Which dose limits hold for an order and a patient: the table of the design, flag by flag and together (H-01)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from drivers.model import Quantity
from edge.core.composed import DoseLimits, dose_limits
from edge.core.config import (
    BolusRule,
    DrugConfig,
    DurationRule,
    Flag,
    FlagRule,
    LimitConfig,
    TotalRule,
)
from edge.core.model import Priority, Side
from edge.core.strictest import check_composed
from edge.core.therapy import Checklist, Known, Order, Override, Patient
from tests.core_world import HIGH, KETAMINE, MEDIUM, band, instant, limit, order

D = Decimal
FIRST = limit(
    "DOSE_RATE_HIGH",
    Quantity.DOSE_RATE,
    Side.HIGH,
    band("soft", "1.0", MEDIUM, 60),
    band("hard", "1.5", HIGH, 10),
    hysteresis="0.1",
    clear_s=10,
)
STEP = replace(
    FIRST, condition="DOSE_STEP_HIGH", bands=(band("soft", "0.5", MEDIUM, 10), band("hard", "1.0", HIGH, 10))
)
MASS_RATE = replace(
    FIRST,
    condition="DOSE_MASS_RATE_HIGH",
    unit="mg/h",
    bands=(band("soft", "250", MEDIUM, 10), band("hard", "350", HIGH, 10)),
    hysteresis=D(10),
)
WHOLE = replace(
    KETAMINE,
    first_limit=FIRST,
    step_limit=STEP,
    mass_rate_limit=MASS_RATE,
    session=TotalRule(D("2.0"), D("2.5"), D("1.02"), D("1.05")),
    day=TotalRule(D("2.0"), D("2.5"), D("1.02")),
    duration=DurationRule(600.0, D("1.5")),
    bolus=BolusRule(D("0.2"), D("0.35")),
    flags=(
        FlagRule(Flag.HEART_DISEASE, D("1.0"), D("1.5"), recovery_s=5400.0),
        FlagRule(Flag.CYP3A4_INHIBITOR, factor=D("0.75"), recovery_s=5400.0),
        FlagRule(Flag.FREQUENT, session_soft=D("1.5")),
        FlagRule(Flag.AGE_65_OR_OVER, D("1.0")),
    ),
)
NO = Known.NO
WELL = Checklist(NO, NO, NO, NO, NO, NO, NO, 0)
ORDER = replace(order(), total_mg_per_kg=D("2.0"), planned_s=4200.0)


def patient(**answers: Any) -> Patient:
    return Patient("case-1", D(70), replace(WELL, **answers), "ann", instant(0))


def composed(placed: Order = ORDER, drug: DrugConfig = WHOLE, **answers: Any) -> DoseLimits:
    return dose_limits(drug, placed, patient(**answers))


def values(one: LimitConfig | None) -> tuple[str, ...]:
    assert one is not None
    return tuple(f"{each.value.normalize():f}" for each in one.bands)


def test_without_a_flag_the_table_of_the_design_holds() -> None:
    limits = composed()
    assert values(limits.dose_rate) == ("2", "2.5", "4")
    assert values(limits.first) == ("1", "1.5", "4")
    assert values(limits.step) == ("0.5", "1")
    assert values(limits.session) == ("2.04", "2.5")
    assert values(limits.day) == ("2.04", "2.5")
    assert values(limits.mass_rate) == ("250", "350")
    assert values(limits.duration) == ("80", "105")
    assert values(limits.bolus) == ("0.2", "0.35")
    assert values(limits.low) == ("0.8",)
    assert (limits.first_s, limits.step_within_s, limits.recovery_s, limits.acted) == (600.0, 600.0, 3600.0, ())
    assert (limits.total.soft_high, limits.total.hard_high) == (D("2.0"), D("2.5"))


def test_units_conditions_and_delays() -> None:
    found = {
        each.condition: (each.unit, each.side, [(one.name, one.delay_s) for one in each.bands])
        for each in composed().all()
        if each.condition != "DOSE_RATE_HIGH"
    }
    high = Side.HIGH
    assert found == {
        "DOSE_RATE_LOW": ("mg/kg/h", Side.LOW, [("soft", 300)]),
        "DOSE_STEP_HIGH": ("mg/kg/h", high, [("soft", 10), ("hard", 10)]),
        "DOSE_CUMULATIVE_HIGH": ("mg/kg", high, [("soft", 0), ("hard", 0)]),
        "DOSE_24H_HIGH": ("mg/kg", high, [("soft", 0), ("hard", 0)]),
        "DOSE_MASS_RATE_HIGH": ("mg/h", high, [("soft", 10), ("hard", 10)]),
        "DURATION_HIGH": ("min", high, [("soft", 0), ("hard", 0)]),
        "DOSE_BOLUS_HIGH": ("mg/kg", high, [("soft", 0), ("hard", 0)]),
    }


YES, UNKNOWN = Known.YES, Known.UNKNOWN
FLAGS: list[tuple[Any, ...]] = [
    # answers, dose rate, first 10 min, session, mg/h, recovery
    ({"heart_disease": YES}, ("1", "1.5", "4"), ("1", "1.5", "4"), ("2.04", "2.5"), ("250", "350"), 5400),
    ({"cyp3a4_inhibitor": YES}, ("1.5", "1.875", "3"), ("0.75", "1.125", "3"), ("1.53", "1.875"),
     ("187.5", "262.5"), 5400),
    ({"treatments_in_7_days": 2}, ("2", "2.5", "4"), ("1", "1.5", "4"), ("1.5", "2.5"), ("250", "350"), 3600),
    ({"treatments_in_7_days": 1}, ("2", "2.5", "4"), ("1", "1.5", "4"), ("2.04", "2.5"), ("250", "350"), 3600),
    ({"age_65_or_over": YES}, ("1", "2.5", "4"), ("1", "1.5", "4"), ("2.04", "2.5"), ("250", "350"), 3600),
    # Together the strictest, never 0.75 of 1.0.
    ({"heart_disease": YES, "cyp3a4_inhibitor": YES}, ("1", "1.5", "3"), ("0.75", "1.125", "3"), ("1.53", "1.875"),
     ("187.5", "262.5"), 5400),
    ({"age_65_or_over": YES, "cyp3a4_inhibitor": YES}, ("1", "1.875", "3"), ("0.75", "1.125", "3"),
     ("1.53", "1.875"), ("187.5", "262.5"), 5400),
    ({"cyp3a4_inhibitor": YES, "treatments_in_7_days": 3}, ("1.5", "1.875", "3"), ("0.75", "1.125", "3"),
     ("1.5", "1.875"), ("187.5", "262.5"), 5400),
    # What nobody answered is taken for yes.
    ({"heart_disease": UNKNOWN}, ("1", "1.5", "4"), ("1", "1.5", "4"), ("2.04", "2.5"), ("250", "350"), 5400),
    ({"treatments_in_7_days": None}, ("2", "2.5", "4"), ("1", "1.5", "4"), ("1.5", "2.5"), ("250", "350"), 3600),
    # Of these the library says nothing.
    ({"opioids": YES, "sedatives": YES, "dependence": YES, "cyp2b6_inhibitor": YES}, ("2", "2.5", "4"),
     ("1", "1.5", "4"), ("2.04", "2.5"), ("250", "350"), 3600),
]  # fmt: skip


@pytest.mark.parametrize("case", FLAGS)
def test_flags(case: tuple[Any, ...]) -> None:
    answers, *expected = case
    limits = composed(**answers)
    found = (limits.dose_rate, limits.first, limits.session, limits.mass_rate)
    assert [*map(values, found), limits.recovery_s] == expected
    assert (values(limits.step), values(limits.day)) == (("0.5", "1"), ("2.04", "2.5"))


def test_without_a_patient_no_flag_acts() -> None:
    limits = dose_limits(WHOLE, ORDER, None)
    assert values(limits.dose_rate) == ("2", "2.5", "4")
    assert limits.acted == ()


def test_the_origin_says_which_flag_acted_and_that_nobody_answered() -> None:
    limits = composed(heart_disease=UNKNOWN, cyp3a4_inhibitor=YES, age_65_or_over=YES)
    assert limits.dose_rate.origin == ("test; heart disease: not answered, so taken for yes; CYP3A4 inhibitor (x 0.75)")
    assert limits.mass_rate is not None
    assert limits.mass_rate.origin == "test; CYP3A4 inhibitor (x 0.75)"
    assert limits.acted == ("heart disease: not answered, so taken for yes", "CYP3A4 inhibitor")
    assert limits.step is not None
    assert limits.step.origin == "test"


@pytest.mark.parametrize(
    ("total", "soft", "why"),
    [
        ("1.0", "1.05", "1.05 of the ordered total of 1.0 mg/kg"),
        ("1.94", "2.037", "1.05 of the ordered total of 1.94 mg/kg"),
        ("1.95", "2.04", ""),
        (None, "2.04", ""),
    ],
)
def test_the_session_ends_at_what_was_ordered_and_at_most_at_the_librarys_total(
    total: str | None, soft: str, why: str
) -> None:
    limits = composed(replace(ORDER, total_mg_per_kg=None if total is None else D(total)))
    assert values(limits.session) == (soft, "2.5")
    assert limits.session is not None
    assert limits.session.origin == ("test; " + why if why else "test")


def test_a_factor_is_never_on_what_was_ordered() -> None:
    limits = composed(replace(ORDER, total_mg_per_kg=D("1.0")), cyp3a4_inhibitor=YES)
    assert values(limits.session) == ("1.05", "1.875")
    assert (limits.total.soft_high, limits.total.hard_high) == (D("1.5"), D("1.875"))


@pytest.mark.parametrize(
    ("planned_s", "expected"), [(4200.0, ("80", "105")), (600.0, ("15", "15")), (1200.0, ("30", "30"))]
)
def test_duration(planned_s: float, expected: tuple[str, ...]) -> None:
    """Of a short one half more comes before ten minutes more: then the hard limit is the first to come."""
    assert values(composed(replace(ORDER, planned_s=planned_s)).duration) == expected


def test_what_was_not_planned_has_no_duration() -> None:
    assert composed(replace(ORDER, planned_s=None)).duration is None


def passed(condition: str, bound: str) -> Order:
    return replace(ORDER, overrides=(Override(condition, D(bound), "pain", "dr"),))


def test_a_soft_limit_that_was_passed_with_a_reason_is_a_low_alarm() -> None:
    rate = composed(passed("DOSE_RATE_HIGH", "2.0")).dose_rate
    assert [(each.name, each.priority) for each in rate.bands] == [
        ("soft", Priority.LOW), ("hard", Priority.HIGH), ("bypass", Priority.HIGH),
    ]  # fmt: skip
    assert rate.origin == "test; soft limit passed by dr: pain"


def test_a_stricter_soft_limit_than_the_one_that_was_passed_holds() -> None:
    rate = composed(passed("DOSE_RATE_HIGH", "2.0"), age_65_or_over=YES).dose_rate
    assert (rate.bands[0].value, rate.bands[0].priority) == (D("1.0"), Priority.MEDIUM)


def test_the_first_minutes_are_not_passed_with_the_rest() -> None:
    first = composed(passed("DOSE_RATE_HIGH", "2.0")).first
    assert first is not None
    assert [each.priority for each in first.bands] == [Priority.MEDIUM, Priority.HIGH, Priority.HIGH]


def test_a_total_that_was_passed_with_a_reason_ends_at_what_was_ordered() -> None:
    limits = composed(replace(passed("DOSE_CUMULATIVE_HIGH", "2.0"), total_mg_per_kg=D("2.2")))
    assert values(limits.session) == ("2.31", "2.5")
    limits = composed(replace(passed("DOSE_CUMULATIVE_HIGH", "2.0"), total_mg_per_kg=D("2.4")))
    assert values(limits.session) == ("2.5", "2.5")


def test_no_flag_and_no_override_changes_the_number_of_bands() -> None:
    """What stands is known by the place of its band."""
    plain = [len(each.bands) for each in composed().all()]
    for answers, *_ in FLAGS:
        assert [len(each.bands) for each in composed(passed("DOSE_CUMULATIVE_HIGH", "2.0"), **answers).all()] == plain
    assert len(FIRST.bands) == 2
    assert {len(each.bands) for each in composed().all() if each.condition == "DOSE_RATE_HIGH"} == {3}


def test_what_is_composed_fits_together() -> None:
    assert check_composed(composed().all()) == ()
    near = replace(WHOLE, flags=(FlagRule(Flag.HEART_DISEASE, D("1.0"), D("1.05")),))
    assert check_composed(composed(drug=near, heart_disease=YES).all()) == (
        "DOSE_RATE_HIGH: the hysteresis 0.1 mg/kg/h is more than the 0.05 from soft 1.0 to hard 1.05",
        "DOSE_RATE_HIGH: the hysteresis 0.1 mg/kg/h is more than the 0.05 from soft 1.0 to hard 1.05",
    )
    above = composed(replace(ORDER, step_mg_per_kg_per_h=D("2.5")), age_65_or_over=YES)
    assert check_composed(above.all())[0] == (
        "DOSE_RATE_LOW 2.00 and DOSE_RATE_HIGH 1.0 mg/kg/h leave no room between them"
    )
