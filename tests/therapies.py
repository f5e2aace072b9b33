"""Therapies for tests: one in which every field is filled."""

from dataclasses import replace
from decimal import Decimal

from drivers.model import Quantity
from edge.core.delivered import Given
from edge.core.model import Side
from edge.core.therapy import Baseline, ChannelRole, Checklist, Known, Override, Patient, TherapyPhase
from edge.core.therapy_state import (
    AdjustedLimit,
    Airway,
    Awaiting,
    Degree,
    Disconnected,
    LostTotal,
    ManualDose,
    RoleSet,
    Round,
    Settling,
    SoftBound,
    TherapyState,
    TypedVital,
)
from tests.core_world import PUMP, START_S, instant, order

THEN = instant(START_S - 60)
FULL = TherapyState(
    Patient("c-17", Decimal("70.5"), Checklist(heart_disease=Known.YES, treatments_in_7_days=1), "ann", THEN, 2),
    (
        replace(
            order(),
            placed=THEN,
            syringe_changed=THEN,
            overrides=(Override("DOSE_RATE_HIGH", Decimal("2.0"), "pain", "bo"),),
        ),
    ),
    (Awaiting(order(), "ann", THEN, (SoftBound("DOSE_RATE_HIGH", Decimal(2), Decimal("2.2"), "mg/kg/h", "above"),)),),
    Baseline(Decimal(72), Decimal(130), None, "ann", THEN),
    (RoleSet(*PUMP, ChannelRole.CARRIER, "ann", THEN),),
    (Disconnected(*PUMP, "ann", THEN, THEN),),
    (ManualDose("ketamine", Decimal("12.5"), "ann", THEN),),
    TherapyPhase.INFUSING,
    THEN,
    THEN,
    THEN,
    2,
    (Round(THEN, "ann", TherapyPhase.INFUSING, Airway.CLEAR, -1, Degree.MILD, Degree.NONE, 4),),
    (TypedVital(Quantity.HEART_RATE, Decimal(80), "ann", THEN),),
    (AdjustedLimit("HR_HIGH", "soft", Side.HIGH, Decimal(115), "ann", THEN),),
    3,
    (
        Settling(
            *PUMP,
            "ketamine",
            Decimal(62),
            "read at the pump",
            "ann",
            THEN,
            Given(Decimal(1), Decimal(2), Decimal(1), Decimal(1)),
        ),
    ),
    (LostTotal("ketamine", *PUMP), LostTotal("ketamine")),
)
