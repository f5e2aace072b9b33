"""A bolus held against the library's limit of one (H-28): as it was counted, as the pump told it, and of any drug."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from drivers.model import BolusGiven, Quantity
from edge.bodies import kept_body, kept_from_body
from edge.core.config import BolusRule, CoreConfig
from edge.core.effects import Journal
from edge.core.model import Priority
from edge.core.rules_bolus import STANDS_S
from edge.core.therapy_state import Disconnected, KeptPart
from tests.core_world import PUMP, START_S, instant
from tests.dose_world import DRUG, TREATING, Treatment, treatment
from tests.unit.test_doses import without

D = Decimal
WITH_BOLUS: CoreConfig = replace(TREATING, drugs=(replace(DRUG, bolus=BolusRule(D("0.2"), D("0.35"))),))
BOLUS = "DOSE_BOLUS_HIGH"


def told(run: Treatment, volume_ml: str | None, count: int = 1) -> None:
    """The pump tells of a bolus that no sample showed."""
    at_s = run.world.now_s + 1
    run.world.step(at_s, BolusGiven(*PUMP, at_s, count, None if volume_ml is None else D(volume_ml)))


def quiet(config: CoreConfig = WITH_BOLUS) -> Treatment:
    run = Treatment(treatment(), config=config)
    run.run(60)
    return run


@pytest.mark.parametrize(
    ("volume_ml", "band"),
    [
        # 10 mg/mL and 70 kg: 1.4 mL are 0.2 mg/kg, 2.45 mL are 0.35 mg/kg
        ("1.39", None),
        ("1.4", None),  # equal is allowed
        ("1.41", "soft"),
        ("2.45", "soft"),
        ("2.46", "hard"),
        ("24.5", "hard"),
    ],
)
def test_a_bolus_that_the_pump_tells_of_is_judged_at_once(volume_ml: str, band: str | None) -> None:
    run = quiet()
    told(run, volume_ml)
    alarm = run.world.alarm(BOLUS)
    assert (None if alarm is None else alarm.band) == band


def test_the_alarm_carries_its_arithmetic_and_its_limit() -> None:
    run = quiet()
    told(run, "3")
    alarm = run.world.alarm(BOLUS)
    assert alarm is not None
    assert alarm.priority is Priority.HIGH
    assert alarm.text == "Bed 1: a bolus of Ketamine 0.43 mg/kg, above the hard limit 0.35 mg/kg."
    assert dict(alarm.evidence)["arithmetic"] == "3 mL * 10 mg/mL / 70 kg = 0.428571 mg/kg"


@pytest.mark.parametrize(("volume_ml", "band"), [("1.2", None), ("1.8", "soft"), ("3", "hard")])
def test_a_bolus_is_counted_while_it_runs(volume_ml: str, band: str | None) -> None:
    """In 4 s at 180 mL/h come 0.2 mL; the last look of it is one in which it ended."""
    run = quiet()
    run.pump.bolus(run.clock_s, D(volume_ml), D(180))
    run.run(80)
    alarm = run.world.alarm(BOLUS)
    assert (None if alarm is None else alarm.band) == band


def test_a_bolus_that_was_seen_and_is_told_of_is_one() -> None:
    run = quiet()
    run.pump.bolus(run.clock_s, D("1.3"), D(180))
    run.run(40)
    told(run, "1.3")
    assert run.world.alarm(BOLUS) is None
    run.run(120)
    told(run, "1.39")
    assert run.world.alarm(BOLUS) is None
    run.run(120)
    run.pump.bolus(run.clock_s, D("1.8"), D(180))
    run.run(60)
    told(run, "1.3")  # less than was counted: the more of the two holds
    assert BOLUS in run.world.present()


def test_a_bolus_is_in_the_history_of_its_bed() -> None:
    run = quiet()
    run.pump.bolus(run.clock_s, D("1.3"), D(180))
    run.run(40)
    told(run, "1.3")
    told(run, None, 2)
    rows = [row for step in run.world.steps for row in step.effects if isinstance(row, Journal) and row.kind == "bolus"]
    place = {"bed": "bed-1", "port": PUMP[0], "channel": PUMP[1]}
    assert [dict(row.body) for row in rows] == [
        {**place, "phase": "start"},
        {**place, "phase": "end", "count": "1", "volume_ml": "1.3"},
        {**place, "phase": "end", "count": "2", "volume_ml": ""},
    ]


def test_without_a_counter_what_the_pump_tells_counts() -> None:
    run = Treatment(treatment(), config=WITH_BOLUS)
    run.change = without(Quantity.VOLUME_INFUSED)
    run.run(60)
    run.pump.bolus(run.clock_s, D("3"), D(180))
    run.run(80)
    told(run, "3")
    alarm = run.world.alarm(BOLUS)
    assert alarm is not None
    assert alarm.band == "hard"


@pytest.mark.parametrize("volume_ml", ["0.1", None])
def test_any_bolus_of_a_drug_without_boli_is_medium(volume_ml: str | None) -> None:
    run = quiet(TREATING)
    assert BOLUS not in run.raised()
    told(run, volume_ml)
    alarm = run.world.alarm(BOLUS)
    assert alarm is not None
    assert (alarm.priority, alarm.band) == (Priority.MEDIUM, "soft")
    assert alarm.text == "Bed 1: Ketamine was given as a bolus, and the library has no bolus of it."
    assert alarm.limit is not None
    assert alarm.limit.origin.endswith("it has no bolus of this drug")


def test_it_is_over_five_minutes_after_the_bolus_and_stays_latched_when_it_was_high() -> None:
    run = quiet()
    told(run, "1.8")
    run.run(STANDS_S - 10)
    assert BOLUS in run.world.present()
    run.run(20)
    assert run.world.alarm(BOLUS) is None
    told(run, "3")
    run.run(STANDS_S + 20)
    assert BOLUS not in run.world.present()
    assert run.world.alarm(BOLUS) is not None


def test_a_pump_that_falls_silent_in_a_bolus_ends_no_alarm() -> None:
    """Law 2."""
    run = quiet(TREATING)
    run.pump.bolus(run.clock_s, D(20), D(180))
    run.run(12)
    run.change = lambda observation: None
    run.run(STANDS_S + 60)
    assert BOLUS in run.world.present()


def test_what_goes_into_a_line_that_is_off_the_patient_is_no_bolus() -> None:
    line = Disconnected(*PUMP, "ann", instant(START_S), instant(START_S + 600))
    run = Treatment(replace(treatment(), disconnected=(line,)), config=WITH_BOLUS)
    run.run(60)
    run.pump.bolus(run.clock_s, D(3), D(180))
    run.run(90)
    assert BOLUS not in run.raised()


# --- over a restart ---------------------------------------------------------------------------------------------------


def restarted(run: Treatment, off_s: float, *, here: bool = True, **changes: Any) -> Treatment:
    """The next run of the edge after so long, at the same pump; alarms come from the store as well."""
    at_s = run.world.now_s + off_s
    alarms = [alarm for alarm in run.world.retained.values() if alarm.key.condition == BOLUS]
    kept = [
        KeptPart(
            part.bed,
            part.part,
            kept_from_body(part.bed, part.part, kept_body(part.bed, part.part, part.body)),
            here=here,
        )
        for part in run.kept()
    ]
    return Treatment(treatment(), config=WITH_BOLUS, kept=kept, pump=run.pump, at_s=at_s, alarms=alarms, **changes)


@pytest.mark.parametrize("off_s", [2.0, 20.0])
@pytest.mark.parametrize(("volume_ml", "band"), [("1.2", None), ("1.5", "soft"), ("2.6", "hard")])
def test_a_bolus_goes_on_over_a_restart(volume_ml: str, band: str | None, off_s: float) -> None:
    """1.5 and 2.6 mL at 180 mL/h take 30 and 52 s: before and after the edge was off, the counter tells all of it."""
    run = quiet()
    run.pump.bolus(run.clock_s, D(volume_ml), D(180))
    run.run(12)
    assert run.world.alarm(BOLUS) is None
    after = restarted(run, off_s)
    after.run(60)
    alarm = after.world.alarm(BOLUS)
    assert (None if alarm is None else alarm.band) == band


def test_an_alarm_of_a_bolus_that_is_over_stands_as_long_as_without_a_restart() -> None:
    run = quiet()
    told(run, "2")
    after = restarted(run, 2.0)
    after.run(STANDS_S - 30)
    assert BOLUS in after.world.present()
    after.run(40)
    assert BOLUS not in after.world.present()


def test_after_another_boot_the_time_between_is_no_credit() -> None:
    run = quiet()
    told(run, "2")
    after = restarted(run, 3600.0, here=False)
    after.run(STANDS_S - 30)
    assert BOLUS in after.world.present()


def test_a_pump_that_is_not_heard_after_a_restart_ends_no_alarm_of_its_bolus() -> None:
    run = quiet()
    run.pump.bolus(run.clock_s, D(3), D(180))
    run.run(56)
    assert BOLUS in run.world.present()
    after = restarted(run, 2.0, silent=True)
    after.run(STANDS_S + 60)
    alarm = after.world.alarm(BOLUS)
    assert alarm is not None
    assert (alarm.present, alarm.band) == (True, "hard")


def test_what_was_infused_in_a_long_outage_is_no_bolus() -> None:
    """0.6 mL were seen of it; 7 mL of an hour are in the total."""
    run = quiet()
    run.pump.bolus(run.clock_s, D("1.2"), D(180))
    run.run(12)
    after = restarted(run, 3600.0)
    after.run(60)
    assert after.world.alarm(BOLUS) is None
