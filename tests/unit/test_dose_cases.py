"""Whole infusions, worked by hand: what the patient got, in mg and mg/kg, by the counter and by the rate.

rate (mL/h) x time (h) = mL; x concentration (mg/mL) = mg; / weight (kg) = mg/kg. The first line of each incident is
what was meant, the second what was done (`docs/hazards.md`, H-01 to H-05).
"""

from decimal import Decimal

import pytest

from drivers.model import InfusionState
from edge.core.delivered import Account, Delivery, Flow, Sample, flow_of
from edge.core.dose import dose_of
from edge.core.pump_counter import Reading
from tests.core_world import order

CASES = [
    # what                                  mL/h    mg/mL  kg     min    mL       mg       mg/kg
    ("an hour at 0.5 mg/kg/h", "3.5", "10", "70", "60", "3.5", "35", "0.5"),
    ("an hour at 1 mg/kg/h", "7", "10", "70", "60", "7", "70", "1"),
    ("an hour at 2 mg/kg/h", "14", "10", "70", "60", "14", "140", "2"),
    ("the first step: 20 min at 1.0", "7", "10", "70", "20", "2.333333333", "23.33333333", "0.333333333"),
    ("the second step: 20 min at 1.5", "10.5", "10", "70", "20", "3.5", "35", "0.5"),
    ("the third step: 30 min at 2.0", "14", "10", "70", "30", "7", "70", "1"),
    ("120 kg: 20 min at 1.0", "12", "10", "120", "20", "4", "40", "0.333333333"),
    ("120 kg: 20 min at 1.5", "18", "10", "120", "20", "6", "60", "0.5"),
    ("120 kg: 30 min at 2.0", "24", "10", "120", "30", "12", "120", "1"),
    ("1 mg/mL, 70 kg: an hour at 2.0", "140", "1", "70", "60", "140", "140", "2"),
    ("2 mg/mL, 70 kg: an hour at 2.0", "70", "2", "70", "60", "70", "140", "2"),
    ("50 mg/mL, 70 kg: an hour at 2.0", "2.8", "50", "70", "60", "2.8", "140", "2"),
    ("a child of 20 kg at 0.3", "0.6", "10", "20", "60", "0.6", "6", "0.3"),
    ("low dose: 0.1 mg/kg/h for 24 h", "1.6", "5", "80", "1440", "38.4", "192", "2.4"),
    ("low dose: 0.35 mg/kg/h for 4 h", "5.6", "5", "80", "240", "22.4", "112", "1.4"),
    ("22 mg/h for 24 h", "2.2", "10", "70", "1440", "52.8", "528", "7.542857143"),
    ("KVO of 1 mL/h is drug: 5 min", "1", "10", "70", "5", "0.083333333", "0.83333333", "0.011904762"),
    ("the slowest rate, an hour", "0.01", "10", "70", "60", "0.01", "0.1", "0.001428571"),
    # 41.7 for 4.17 mL/h
    ("4.17 mL/h, an hour", "4.17", "10", "70", "60", "4.17", "41.7", "0.595714286"),
    ("41.7 mL/h for 4.17", "41.7", "10", "70", "60", "41.7", "417", "5.957142857"),
    ("41.7 for 4.17, found after a minute", "41.7", "10", "70", "1", "0.695", "6.95", "0.099285714"),
    ("41.7 for 4.17, found after 10 min", "41.7", "10", "70", "10", "6.95", "69.5", "0.992857143"),
    # a key that bounces: 4.8, 44.8
    ("4.8 mL/h, an hour", "4.8", "10", "70", "60", "4.8", "48", "0.685714286"),
    ("44.8 mL/h for 4.8", "44.8", "10", "70", "60", "44.8", "448", "6.4"),
    ("44.8 for 4.8, found after 5 min", "44.8", "10", "70", "5", "3.733333333", "37.33333333", "0.533333333"),
    # 154 lb are 69.85 kg, typed as kg
    ("69.85 kg at 1 mg/kg/h", "6.985", "10", "69.85", "60", "6.985", "69.85", "1"),
    ("154 lb as kg: the rate of 154 kg", "15.4", "10", "69.85", "60", "15.4", "154", "2.204724409"),
    ("54 kg for 154 lb of 70: too little", "5.4", "10", "70", "60", "5.4", "54", "0.771428571"),
    # 50 mg/mL in the syringe, 10 typed
    ("10 mg/mL at 1 mg/kg/h", "7", "10", "70", "60", "7", "70", "1"),
    ("50 mg/mL taken for 10", "7", "50", "70", "60", "7", "350", "5"),
    ("10 mg/mL taken for 50: a fifth", "1.4", "10", "70", "60", "1.4", "14", "0.2"),
    ("10 mg/mL taken for 1: a bag of 1", "70", "10", "70", "60", "70", "700", "10"),
    ("0.1 typed for 10: the custom concentration", "700", "10", "70", "6", "70", "700", "10"),
    # mg/h typed as mL/h
    ("41.7 mg/h are 4.17 mL/h", "4.17", "10", "70", "60", "4.17", "41.7", "0.595714286"),
    ("70 mg/h typed as 70 mL/h", "70", "10", "70", "60", "70", "700", "10"),
    ("70 mg/h as mL/h, found after 6 min", "70", "10", "70", "6", "7", "70", "1"),
    # a dose typed as a rate: 1.5 mg/kg/h as 1.5 mL/h
    ("1.5 mg/kg/h typed as 1.5 mL/h", "1.5", "10", "70", "60", "1.5", "15", "0.214285714"),
    # a minute for an hour, a thousandfold
    ("mg/kg/min for mg/kg/h: 60 times", "420", "10", "70", "1", "7", "70", "1"),
    ("1 ug/kg/min is 0.06 mg/kg/h", "0.42", "10", "70", "60", "0.42", "4.2", "0.06"),
    ("a point lost: 105 for 10.5", "105", "10", "70", "10", "17.5", "175", "2.5"),
    ("twice the rate: 14 for 7", "14", "10", "70", "60", "14", "140", "2"),
    ("two digits changed: 41 for 14", "41", "10", "70", "20", "13.66666667", "136.6666667", "1.952380952"),
    ("a syringe of 50 mL at free flow, 1000 mL/h", "1000", "10", "70", "3", "50", "500", "7.142857143"),
]


def infuse(rate: str, minutes: str, concentration: str, counter_step: str) -> Account:
    """Infuse at a rate, looked at each ten seconds, with a counter of this step."""
    delivery, account = Delivery(), Account()
    state, step = InfusionState.INFUSING, Decimal(counter_step)
    flow = flow_of(state, Flow(Decimal(rate), Decimal(rate)))
    looks = int(Decimal(minutes) * 6)
    for look in range(looks + 1):
        counted = Decimal(rate) * look / 360 // step * step
        piece = delivery.piece(Sample(look * 10.0, state, flow, Reading(counted, step), "1"))
        if piece is not None:
            account.add(piece, Decimal(concentration))
    return account


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_an_infusion_by_hand(case: tuple[str, ...]) -> None:
    _, rate, concentration, weight, minutes, volume_ml, dose_mg, dose_mg_per_kg = case
    step = "0.001" if Decimal(rate) < 100 else "0.01"
    account = infuse(rate, minutes, concentration, step)
    segment, given = account.segment, account.given
    assert segment.counted_ml == pytest.approx(Decimal(volume_ml), abs=Decimal(step))
    assert segment.rate_low_ml == pytest.approx(Decimal(volume_ml), abs=Decimal("0.00001"))
    assert given.low_mg <= Decimal(dose_mg) + Decimal("0.00001")
    assert given.high_mg >= Decimal(dose_mg) - Decimal("0.00001")
    assert given.claimed_mg == pytest.approx(Decimal(dose_mg), rel=Decimal("0.00001"))
    assert given.claimed_mg / Decimal(weight) == pytest.approx(Decimal(dose_mg_per_kg), rel=Decimal("0.00001"))
    rated = dose_of(Decimal(rate), order(concentration=concentration, weight=weight))
    assert rated * Decimal(minutes) / 60 == pytest.approx(Decimal(dose_mg_per_kg), abs=Decimal("0.00002"))


def test_there_are_forty_of_them() -> None:
    assert len(CASES) >= 40
    assert len({case[0] for case in CASES}) == len(CASES)


@pytest.mark.parametrize(("step", "width_mg"), [("0.1", "0.00001"), ("1", "0.00001")])
@pytest.mark.parametrize("rate", ["3.5", "7", "14", "140"])
def test_a_coarse_counter_makes_the_dose_no_coarser_than_the_rate_does(step: str, width_mg: str, rate: str) -> None:
    given = infuse(rate, "70", "10", step).given
    truth = Decimal(rate) * 70 / 60 * 10
    assert given.low_mg - Decimal(width_mg) <= truth <= given.high_mg + Decimal(width_mg)
    assert given.high_mg - given.low_mg <= 2 * Decimal(width_mg)
