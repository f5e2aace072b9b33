"""What is judged against an order ends with it: an alarm that nothing judges would stand for ever."""

from __future__ import annotations

from dataclasses import replace

from edge.core.catalogue import CATALOGUE, ORDERED
from edge.core.inputs import Role
from edge.core.model import Alarm, AlarmKey, Priority
from edge.core.therapy_acts import ConfirmOrder, Place, WithdrawOrder
from edge.core.therapy_state import Awaiting
from tests.core_world import BED, PUMP, START_S, instant
from tests.dose_world import DRUG, TREATING, D, Treatment, ordered, treatment
from tests.unit.alarm_acts import an_alarm

HERE = Place(BED, "c-17", *PUMP)
OF_ORDER = {name for name, entry in CATALOGUE.items() if entry.expected.startswith(ORDERED)}


def standing(*conditions: str) -> list[Alarm]:
    return [
        an_alarm(name, key=AlarmKey(BED, name, *PUMP), occurrence=name, priority=Priority.LOW, band="")
        for name in conditions
    ]


def test_every_alarm_of_an_order_ends_when_it_is_withdrawn() -> None:
    run = Treatment(treatment(replace(ordered(), rev=1), orders_entered=1), alarms=standing(*OF_ORDER))
    run.run(60)
    run.pump.stop(run.clock_s)
    run.run(140)
    assert {"INFUSION_PAUSED", "DOSE_MASS_RATE_HIGH"} <= run.world.standing()
    assert run.asks(WithdrawOrder(HERE, 1)).done
    run.run(20)
    assert run.world.standing() & OF_ORDER == set()


def test_a_limit_that_the_new_drug_does_not_have_alarms_no_more() -> None:
    other = replace(DRUG, drug="esketamine", label="Esketamine", session=None, day=None)
    config = replace(TREATING, drugs=(DRUG, other))
    awaiting = Awaiting(ordered(drug="esketamine", rev=2), "dr-c", instant(START_S))
    full = treatment(replace(ordered(given_before_mg=D(200)), rev=1), orders_entered=2, awaiting=(awaiting,))
    run = Treatment(full, config=config)
    run.run(20)
    assert "DOSE_CUMULATIVE_HIGH" in run.world.present()
    answer = run.asks(ConfirmOrder(HERE, 2), role=Role.NURSE)
    assert answer.done, answer.reason
    run.run(20)
    assert "DOSE_CUMULATIVE_HIGH" not in run.world.standing()
