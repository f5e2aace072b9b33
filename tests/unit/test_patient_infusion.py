"""What pumps really deliver reaches the patient: nothing through an occluded line, all of it when that is released."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.patient import Patient, Person
from simulators.patient_infusion import DrugLine, InfusedPatient
from simulators.pharmacokinetics import KetamineInBody
from simulators.pump import PumpModel

TEN_MG_PER_ML = Decimal(10)


def infusing(rate_ml_per_h: str = "7.00") -> PumpModel:
    pump = PumpModel()
    assert pump.set_rate(0.0, Decimal(rate_ml_per_h))
    assert pump.start(0.0)
    return pump


def bed(*pumps: PumpModel, concentration_mg_per_ml: Decimal = TEN_MG_PER_ML) -> InfusedPatient:
    return InfusedPatient(Patient(1), [DrugLine(pump, concentration_mg_per_ml) for pump in pumps])


def watch(patient: InfusedPatient, until_s: int, since_s: int = 0, step_s: int = 1) -> float:
    for now_s in range(since_s, until_s + 1, step_s):
        patient.vitals(float(now_s))
    return patient.patient.plasma_ng_per_ml


def expected(*parts: tuple[float, float]) -> float:
    """Return the concentration after these spans of seconds with these amounts of mg."""
    drug = KetamineInBody(70.0)
    for elapsed_s, amount_mg in parts:
        drug.infuse(elapsed_s, amount_mg)
    return drug.plasma_ng_per_ml


def test_the_rate_of_the_pump_times_the_true_concentration_comes_in() -> None:
    assert watch(bed(infusing()), 3600) == pytest.approx(expected((3600.0, 70.0)), rel=1e-9)
    undiluted = bed(infusing(), concentration_mg_per_ml=Decimal(50))  # whatever was typed into the pump (H-01)
    assert watch(undiluted, 3600) == pytest.approx(expected((3600.0, 350.0)), rel=1e-9)


def test_an_occluded_line_gives_nothing_and_its_release_what_was_trapped_at_once() -> None:
    pump = infusing("6.00")
    patient = bed(pump)
    watch(patient, 600)
    pump.occlude(600.0)
    during = watch(patient, 720, 600)
    assert pump.snapshot(720.0).counted_ml == Decimal("1.2")  # the pump counts on: 12 min of 6 mL/h
    assert during == pytest.approx(expected((600.0, 10.0), (120.0, 0.0)), rel=1e-9)
    pump.release(720.0)
    after = watch(patient, 721, 721)
    # 0.2 mL were trapped; they come within the second in which somebody looks, with the second's own flow.
    assert after == pytest.approx(expected((600.0, 10.0), (120.0, 0.0), (1.0, 2.0 + 1.0 / 60.0)), rel=1e-9)


def test_a_stopped_pump_gives_nothing_and_a_purge_into_the_patient_does() -> None:
    pump = infusing()
    assert pump.stop(0.0)
    patient = bed(pump)
    assert watch(patient, 60) == 0.0
    assert pump.purge(60.0, Decimal(1), line_connected=True)
    assert watch(patient, 70, 61) > 0.9 * expected((6.0, 10.0), (4.0, 0.0))


def test_the_same_drug_on_two_lines_adds() -> None:
    assert watch(bed(infusing("4.00"), infusing("3.00")), 600) == pytest.approx(watch(bed(infusing("7.00")), 600))
    assert watch(bed(), 600) == 0.0


def test_what_came_before_the_first_look_is_not_lost() -> None:
    patient = bed(infusing("1800.00"))
    patient.vitals(2.0)  # 1 mL
    assert patient.patient.plasma_ng_per_ml == pytest.approx(expected((0.0, 10.0)), rel=1e-9)


@given(looks_s=st.lists(st.floats(0.0, 600.0), max_size=20))
def test_all_that_is_delivered_arrives_however_it_is_looked_at(looks_s: list[float]) -> None:
    patient = bed(infusing())
    for now_s in (0.0, *looks_s, 600.0):  # monitors may ask with times that are not in order
        patient.vitals(now_s)
    assert patient.patient.plasma_ng_per_ml == pytest.approx(expected((600.0, 70.0 / 6.0)), rel=1e-6)


def test_a_negative_concentration_is_refused() -> None:
    for value in (Decimal(-1), Decimal("NaN")):
        with pytest.raises(ValueError, match="concentration"):
            DrugLine(infusing(), value)
    assert watch(bed(infusing(), concentration_mg_per_ml=Decimal(0)), 60) == 0.0


def test_a_lighter_patient_than_was_typed_gets_more_per_kg() -> None:
    light = InfusedPatient(Patient(1, person=Person(weight_kg=35.0)), [DrugLine(infusing(), TEN_MG_PER_ML)])
    assert watch(light, 600) == pytest.approx(2.0 * watch(bed(infusing()), 600), rel=1e-9)
