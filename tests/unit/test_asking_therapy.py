"""What stations ask about a therapy, in the core's words; quantities with their units, exactly."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.model import Quantity
from edge import asking
from edge.asking_therapy import quantity
from edge.core.inputs import Act, Unusable
from edge.core.therapy import ChannelRole, Checklist, Known
from edge.core.therapy_acts import (
    AdjustLimit,
    Close,
    ConfirmOrder,
    ConfirmSyringe,
    ConnectLine,
    DisconnectLine,
    EndInfusion,
    EnterOrder,
    FlushLine,
    GiveByHand,
    Observe,
    OverrideBounds,
    Place,
    Reading,
    SetBaseline,
    SetRole,
    SettleDose,
    StartPatient,
    TakeStep,
    WithdrawOrder,
)
from edge.core.therapy_state import Airway, Degree
from tests.therapy_requests import BODIES

HEAD = {"request_id": "ask-1", "run": "run-1", "edge_mono_s": 12.5, "user": "anna", "role": "nurse"}
AT = ("bed-1", "c-17")
HERE = Place(*AT, "rack", "11")
D = Decimal


def read(verb: str, **changes: Any) -> Act:
    return asking.request("desk", verb, json.dumps(HEAD | BODIES[verb] | changes).encode(), 99.0).act


UNDERSTOOD: list[tuple[str, dict[str, Any], Act]] = [
    ("start-patient", {}, StartPatient(*AT, D(70), Checklist(heart_disease=Known.NO, treatments_in_7_days=1))),
    (
        "start-patient",
        {"weight": "70500 g", "sure": True, "checklist": {}},
        StartPatient(*AT, D("70.5"), Checklist(), sure=True),
    ),
    ("baseline", {}, SetBaseline(*AT, (Reading(D(72), D(128)),))),
    ("baseline", {"readings": []}, SetBaseline(*AT)),
    ("limits", {}, AdjustLimit(*AT, "HR_HIGH", "soft", D(110))),
    ("limits", {"value": None}, AdjustLimit(*AT, "HR_HIGH", "soft", None)),
    ("limits", {"condition": "BP_SYS_HIGH", "value": "150 mmHg"}, AdjustLimit(*AT, "BP_SYS_HIGH", "soft", D(150))),
    ("order", {}, EnterOrder(HERE, 0, D(10), D(70), step_mg_per_kg_per_h=D("1.0"))),
    ("override", {}, OverrideBounds(HERE, 1, "as last week")),
    ("confirm", {}, ConfirmOrder(HERE, 1)),
    ("withdraw", {}, WithdrawOrder(HERE, 1)),
    ("confirm-syringe", {}, ConfirmSyringe(HERE, 1)),
    ("step", {}, TakeStep(HERE, 1, D("1.5"))),
    ("observe", {}, Observe(*AT, Airway.CLEAR, 0, Degree.NONE, Degree.NONE, 4)),
    ("observe", {"airway": "secretions"}, Observe(*AT, Airway.SECRETIONS, 0, Degree.NONE, Degree.NONE, 4)),
    ("observe", {"all_well": False, "pain": None, "rass": -3}, Observe(*AT, rass=-3)),
    (
        "observe",
        {"all_well": False, "pain": None, "vital_signs": {"heart_rate": "80 /min", "nibp_sys": "16 kPa"}},
        Observe(*AT, vital_signs=((Quantity.HEART_RATE, D(80)), (Quantity.NIBP_SYS, D("120.009869232")))),
    ),
    ("manual-dose", {}, GiveByHand(*AT, "ketamine", D(20))),
    ("manual-dose", {"dose": "0.02 g"}, GiveByHand(*AT, "ketamine", D(20))),
    ("channel-role", {}, SetRole(HERE, ChannelRole.CARRIER)),
    ("line", {}, ConnectLine(HERE, D("1.5"), Known.NO)),
    ("line", {"filled_with": "unknown"}, ConnectLine(HERE, D("1.5"), Known.UNKNOWN)),
    ("flush", {}, FlushLine(HERE, D(10), by_pump=True, dead_volume_ml=D("1.5"), drug=Known.YES)),
    ("flush", {"by": "hand", "dead_volume": None, "filled_with": "unknown"}, FlushLine(HERE, D(10))),
    ("settle-dose", {}, SettleDose(HERE, D(62), "read at the pump")),
    ("settle-dose", {"sure": True}, SettleDose(HERE, D(62), "read at the pump", sure=True)),
    ("line-disconnected", {}, DisconnectLine(HERE, 120.0)),
    ("line-disconnected", {"duration": "0 s"}, DisconnectLine(HERE, 0.0)),
    ("end-infusion", {}, EndInfusion(*AT)),
    ("close", {"reason": "moved"}, Close(*AT, "moved")),
]


@pytest.mark.parametrize(("verb", "changes", "act"), UNDERSTOOD)
def test_each_verb_is_understood(verb: str, changes: dict[str, Any], act: Act) -> None:
    assert read(verb, **changes) == act


def test_every_verb_is_tried_here() -> None:
    assert {verb for verb, _, _ in UNDERSTOOD} == BODIES.keys()


def test_every_field_of_an_order_comes_to_its_place() -> None:
    act = read(
        "order",
        rev=3,
        drug="ketamine",
        step="20 ug/kg/min",
        start="0.5 mg/kg/h",
        maximum="2.0 mg/kg/h",
        increment="0.4 mg/kg/h",
        step_interval="15 min",
        total="2 mg/kg",
        planned="1.5 h",
        cuff_interval="300 s",
        round_interval="20 min",
        given_before="0 mg",
        reason="as last week",
        sure=True,
    )
    assert act == EnterOrder(
        HERE,
        3,
        D(10),
        D(70),
        "ketamine",
        D("1.2"),
        D("0.5"),
        D("2.0"),
        D("0.4"),
        900.0,
        D(2),
        5400.0,
        300.0,
        1200.0,
        D(0),
        "as last week",
        True,
    )


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("start-patient", {"weight": "154 lb"}, "weight: 154 lb is 69.9 kg: weigh in kg, and write kg"),
    ("start-patient", {"weight": "70"}, 'weight: "70" is not a number, a space and a unit, like "12.5 kg"'),
    ("start-patient", {"weight": "70kg"}, 'weight: "70kg" is not a number'),
    ("start-patient", {"weight": "7,0 kg"}, 'weight: "7,0 kg" is not a number'),
    ("start-patient", {"weight": "1e2 kg"}, 'weight: "1e2 kg" is not a number'),
    ("start-patient", {"weight": "NaN kg"}, 'weight: "NaN kg" is not a number'),
    ("start-patient", {"weight": "70 cm"}, 'weight: "70 cm" is not in kg'),
    ("start-patient", {"weight": 70}, "weight: "),
    ("start-patient", {"case": "Ola Nordmann"}, "case: "),
    ("start-patient", {"checklist": {"heart_disease": "perhaps"}}, "checklist.heart_disease: "),
    ("order", {"step": "70 mg/h"}, 'step: "70 mg/h" is not in mg/kg/h'),
    ("order", {"step": "0 mg/kg/h"}, "step: 0 mg/kg/h is not more than 0"),
    ("order", {"step": "-1 mg/kg/h"}, "step: -1 mg/kg/h is not more than 0"),
    ("step", {"step": "0 mg/kg/h"}, "step: 0 mg/kg/h is not more than 0"),
    ("step", {"step": "-1 mg/kg/h"}, "step: -1 mg/kg/h is not more than 0"),
    ("order", {"concentration": "0 mg/mL"}, "concentration: 0 mg/mL is not more than 0"),
    ("order", {"concentration": None}, "concentration: "),
    ("order", {"weight": "154 lb"}, "weight: 154 lb is 69.9 kg"),
    ("order", {"given_before": "-1 mg"}, "given_before: -1 mg is less than nothing"),
    ("override", {"reason": ""}, "reason: "),
    ("observe", {"vital_signs": {"mood": "1 /min"}}, "vital_signs: mood is not one of heart_rate, spo2"),
    ("baseline", {"readings": [{}, {}, {}, {}]}, "readings: "),
]


@pytest.mark.parametrize(("verb", "changes", "why"), REFUSED)
def test_what_cannot_be_understood_says_where_and_how(verb: str, changes: dict[str, Any], why: str) -> None:
    """H-03, H-05."""
    act = read(verb, **changes)
    assert isinstance(act, Unusable)
    assert (act.verb, act.reason[: len(why)]) == (verb, why)


@given(st.decimals(0, 999999, places=6))
def test_a_number_in_its_own_unit_is_read_exactly(number: Decimal) -> None:
    assert quantity("x", f"{number} mg/kg/h", "mg/kg/h") == number


@given(st.text(max_size=32))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    number, why = None, "weight: "
    try:
        number = quantity("weight", text, "kg")
    except ValueError as refused:
        why = str(refused)
    assert why.startswith("weight: ")
    assert number is None or number.is_finite()
