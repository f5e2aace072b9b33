"""Scenario files: what is read, what is refused and how it is told, and how a scenario is described."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from simulators import scenario
from simulators.scenario import FILE_MAX_BYTES, MAX_DEVICES, MAX_EVENTS, describe, duration, load, names
from simulators.scenario_acts import ACTS
from simulators.scenario_devices import MONITORS, PUMPS, Kind
from simulators.scenario_model import MonitorPlan, OrderPlan, PumpPlan, Scenario
from simulators.scenario_reader import ScenarioError

SHIPPED = (
    *("quiet-ward", "step-up", "tenfold-rate", "occlusion", "cable-pulled-while-infusing", "ports-swapped"),
    *("sensor-off", "pump-reboot", "volume-cleared", "secretions", "noisy-line", "device-clock-leap"),
    *("monitor-frozen", "replugged-elsewhere", "babbling-devices"),
)
BEDS = """
title = "A title"
about = "What it is about."
duration = "10 min"

[[bed]]
id = "bed-1"
label = "Bed 1"
weight = "80 kg"

[[bed.device]]
id = "pump"
kind = "space"
dose = "0.5 mg/kg/h"

[[bed.device]]
id = "monitor"
kind = "ivy"

[[bed]]
id = "bed-2"

[[bed.device]]
id = "asena"
kind = "asena"
rate = "12.5 mL/h"
started = false
drug = "ESKETAMINE"
concentration = "5 mg/mL"
weight = "70 kg"
serial-number = "8002-1"
order = { drug = "ketamine-chronic-pain", step = "1.0 mg/kg/h", maximum = "2 mg/kg/h" }

[[bed.device]]
id = "masimo"
kind = "masimo"
"""


def read(text: str) -> Scenario:
    return scenario.read("mine.toml", text.encode())


def event(**keys: str | int) -> str:
    told = {"at": "1 min", "device": "pump"} | keys
    lines = [f'{name.replace("_", "-")} = "{value}"' for name, value in told.items() if isinstance(value, str)]
    lines += [f"{name.replace('_', '-')} = {value}" for name, value in told.items() if isinstance(value, int)]
    return "\n[[event]]\n" + "\n".join(lines) + "\n"


def refusal(text: str) -> str:
    with pytest.raises(ScenarioError) as refused:
        read(text)
    return str(refused.value)


def test_the_scenarios_that_are_shipped_load_and_are_described() -> None:
    assert set(SHIPPED) <= set(names())
    for name in names():
        told = load(name)
        lines = list(describe(told))
        assert lines[0] == f"{name}: {told.title}"
        for one in told.events:
            assert any(line.endswith(one.words) for line in lines), one
        assert "{" not in "".join(lines)


def test_the_shipped_scenarios_play_every_fault_that_there_is() -> None:
    played = {event.do for name in names() for event in load(name).events}
    people = {"start", "stop", "bolus", "change-syringe", "acknowledge", "alarm", "set-rate", "set-dose", "drift"}
    assert ACTS.keys() - played <= people


def test_the_patient_of_a_bed_is_as_told_and_is_told_in_plain_words() -> None:
    keys = 'age = 72\nheart-disease = true\ncyp3a4-inhibitor-leaves = "70 %"\nartefacts = true\n'
    told = read(BEDS.replace('weight = "80 kg"\n', f'weight = "80 kg"\n{keys}', 1))
    first, second = told.beds
    assert (first.age_years, first.heart_disease, first.clearance, first.artefacts) == (72, True, Decimal("0.70"), True)
    assert (second.age_years, second.heart_disease, second.clearance, second.artefacts) == (
        45,
        False,
        Decimal(1),
        False,
    )
    assert (
        "  Bed 1: a patient of 80 kg, 72 years, with heart disease, "
        "with an inhibitor of CYP3A4 that leaves 70 % of the clearance, whose sensors are disturbed"
    ) in list(describe(told))


def test_what_is_read_is_what_is_written_and_the_rest_is_usual() -> None:
    told = read(BEDS)
    assert (told.name, told.title, told.about) == ("mine", "A title", "What it is about.")
    assert (told.duration_s, told.speed, told.events) == (600.0, 1.0, ())
    first, second = told.beds
    assert (first.id, first.label, first.seed, first.weight_kg, first.cuff_interval_s) == (
        "bed-1",
        "Bed 1",
        1,
        Decimal(80),
        300.0,
    )
    assert (second.label, second.seed, second.weight_kg) == ("bed-2", 2, Decimal(70))
    assert first.devices == (
        PumpPlan(
            id="pump",
            kind="space",
            serial_number="012345",
            drug="KETAMINE",
            concentration_mg_per_ml=Decimal(10),
            weight_kg=Decimal(80),
            rate_ml_per_h=Decimal("4.00"),
            started=True,
            order=None,
        ),
        MonitorPlan(id="monitor", kind="ivy"),
    )
    assert second.devices == (
        PumpPlan(
            id="asena",
            kind="asena",
            serial_number="8002-1",
            drug="ESKETAMINE",
            concentration_mg_per_ml=Decimal(5),
            weight_kg=Decimal(70),
            rate_ml_per_h=Decimal("12.5"),
            started=False,
            order=OrderPlan(
                drug="ketamine-chronic-pain",
                step_mg_per_kg_per_h=Decimal("1.0"),
                maximum_mg_per_kg_per_h=Decimal(2),
            ),
        ),
        MonitorPlan(id="masimo", kind="masimo", serial_number="0000145841"),
    )


def test_events_come_in_the_order_of_their_times_with_seeds_of_their_own() -> None:
    told = read(
        "seed = 40\n"
        + BEDS
        + event(at="9 min", do="flip", share="0.5 %", **{"for": "30 s"})
        + event(at="90 s", do="set-dose", dose="2.0 mg/kg/h")
        + event(at="90 s", do="flip", share="1 %", seed=7)
        + event(at="0.5 min", do="start")
    )
    assert [(one.at_s, one.until_s, one.do, one.target, one.seed) for one in told.events] == [
        (30.0, None, "start", "pump", 44),
        (90.0, None, "set-dose", "pump", 42),
        (90.0, None, "flip", "pump", 7),
        (540.0, 570.0, "flip", "pump", 41),
    ]
    assert told.events[1].values == {"dose": Decimal("16.00")}
    assert told.events[3].values == {"share": Decimal("0.005")}
    assert [one.words for one in told.events[1:]] == [
        "the dose is set to 2.0 mg/kg/h, which is 16.00 mL/h",
        "the line flips a bit in 1 % of the bytes, for good",
        "the line flips a bit in 0.5 % of the bytes, for 30 s",
    ]


def test_a_scenario_is_described_in_plain_words() -> None:
    told = read(
        "speed = 10\n"
        + BEDS
        + event(at="90 s", do="set-rate", rate="70.00 mL/h")
        + '\n[[event]]\nat = "2 min"\nbed = "bed-1"\ndo = "drift"\nvital = "spo2"\nto = "84 %"\n'
    )
    assert list(describe(told)) == [
        "mine: A title",
        "  What it is about.",
        "  Bed 1: a patient of 80 kg",
        "    pump: B. Braun Space pump 012345 with KETAMINE 10 mg/mL, 80 kg, infusing 4.00 mL/h (0.50 mg/kg/h)",
        "    monitor: Ivy 450C monitor",
        "  bed-2: a patient of 70 kg",
        "    asena: Alaris Asena pump 8002-1 with ESKETAMINE 5 mg/mL, 70 kg, stopped, set to 12.5 mL/h (0.89 mg/kg/h)",
        "    masimo: Masimo pulse oximeter 0000145841",
        "         0 s  it begins",
        "  1 min 30 s  Bed 1, pump: the rate is set to 70.00 mL/h",
        "       2 min  Bed 1: the patient's spo2 goes to 84 % within 0 s",
        "      10 min  it ends",
        "  It runs 10 times faster than life, unless --speed says otherwise.",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.25, "0.25 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (3725, "1 h 2 min 5 s")],
)
def test_times_are_told_as_people_write_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('title = "A title"', "", "title: is missing; add it"),
        ('title = "A title"', 'title = ""', 'title: "" is no text; write 1 to 400 characters'),
        ('"10 min"', '"0 s"', "duration: is nothing; give a time above 0 s"),
        ('"10 min"', "600", 'duration: 600 is not a number, a space and a unit; write it like "90 s"'),
        ('"10 min"', '"10 m"', 'duration: "10 m" is not in s or min or h; write it like "90 s"'),
        ('"10 min"', '"10min"', 'duration: "10min" is not a number, a space and a unit'),
        ('"10 min"', '"-10 min"', 'duration: "-10 min" is out of bounds; it is 0 to 604800 s'),
        ('weight = "80 kg"', 'cuff-interval = "0 s"', "bed[0].cuff-interval: is nothing; give a time above 0 s"),
        ('"80 kg"', '"80 lb"', 'bed[0].weight: "80 lb" is not in kg; write it like "70 kg"'),
        ('"80 kg"', '"0.1 kg"', 'bed[0].weight: "0.1 kg" is out of bounds; it is 0.5 to 300 kg'),
        ('"bed-2"', '"Bed 2"', 'bed[1].id: "Bed 2" is no identifier; use 1 to 32 lower-case letters'),
        ('"bed-2"', '"pump"', 'bed[1].id: "pump" is there twice; make each id unique'),
        ('"masimo"\nkind', '"pump"\nkind', 'bed[1].device[1].id: "pump" is there twice'),
        ('kind = "ivy"', 'kind = "ivi"', 'bed[0].device[1].kind: "ivi" cannot be used here; did you mean "ivy"?'),
        ('kind = "ivy"', "", "bed[0].device[1].kind: is missing"),
        ('kind = "ivy"', 'kind = "ivy"\nrate = "1 mL/h"', "bed[0].device[1].rate: is not a known key; "),
        ('dose = "0.5 mg/kg/h"', "", "bed[0].device[0].rate: and dose are both there, or none is; give one"),
        ('"12.5 mL/h"', '"12.5 mL/h"\ndose = "1 mg/kg/h"', "bed[1].device[0].rate: and dose are both there"),
        ('"12.5 mL/h"', '"1.0001 mL/h"', "bed[1].device[0]: cannot be: rate 1.0001 mL/h; correct it"),
        ('"0.5 mg/kg/h"', '"0.5 ug/kg/min"', 'bed[0].device[0].dose: "0.5 ug/kg/min" is not in mg/kg/h'),
        ('"8002-1"', '"a^b"', "bed[1].device[0]: cannot be: 'a^b' cannot stand in a field"),
        ("false", '"no"', 'bed[1].device[0].started: "no" is neither true nor false'),
        ('step = "1.0 mg/kg/h"', 'stop = "1"', "bed[1].device[0].order.step: is missing"),
        ("maximum =", 'stop = "1", maximum =', 'bed[1].device[0].order.stop: is not a known key; did you mean "step"?'),
        ("order = {", "order = 3 #", "bed[1].device[0].order: is not a table; write order = { ... }"),
        ('about = "What', 'seed = -1\nabout = "What', "seed: -1 is not accepted; write a whole number from 0 to "),
        (
            'about = "What',
            'speed = 1.5\nabout = "What',
            "speed: 1.5 is not accepted; write a whole number from 1 to 1000",
        ),
        ('about = "What', 'sped = 2\nabout = "What', 'sped: is not a known key; did you mean "speed"?'),
    ],
)
def test_a_mistake_is_told_with_file_key_and_remedy(old: str, new: str, told: str) -> None:
    assert BEDS.count(old) >= 1
    assert refusal(BEDS.replace(old, new, 1)).startswith(f"mine.toml: {told}")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"do": "explode"}, 'do: "explode" cannot be used here; '),
        ({"do": "start", "at": "11 min"}, "at: is after the end of the scenario; make the duration longer"),
        ({"do": "start", "device": "monitor"}, 'device: "monitor" cannot be used here; known: asena, pump'),
        ({"do": "start", "for": "1 min"}, "for: is not a known key; "),
        ({"do": "mute", "device": "pumpe"}, 'device: "pumpe" cannot be used here; did you mean "pump"?'),
        ({"do": "set-rate"}, "rate: is missing; add it"),
        ({"do": "set-rate", "rate": "7.0001 mL/h"}, "rate: is a rate 7.0001 mL/h, which no pump has; take another one"),
        ({"do": "set-dose", "dose": "100 mg/kg/h"}, None),
        ({"do": "set-dose", "dose": "0.001 mg/kg/h"}, None),
        ({"do": "drift", "vital": "spo2", "to": "84 %"}, "bed: is missing"),
        ({"do": "flip", "share": "101 %"}, 'share: "101 %" is out of bounds; it is 0.0001 to 100 %'),
        ({"do": "late-reply", "delay": "0 s"}, "delay: is nothing; give a time above 0 s"),
        ({"do": "mute", "for": "0 s"}, "for: is nothing; give a time above 0 s"),
        ({"do": "babble", "bytes_per_s": 0}, "bytes-per-s: 0 is not accepted; write a whole number from 1 to 11520"),
        ({"do": "baud-mismatch", "baud": 110}, "baud: 110 is not accepted"),
        ({"do": "stuck-value", "value": "spo2"}, 'value: "spo2" cannot be used here; known: rate, volume'),
        ({"do": "sensor-off", "sensor": "ecg"}, 'sensor: "ecg" cannot be used here; known: none'),
        ({"do": "sensor-off", "sensor": "ecg", "device": "masimo"}, 'sensor: "ecg" cannot be used here; known: spo2'),
        (
            {"do": "counter-reset", "device": "monitor"},
            'device: "monitor" (Ivy 450C monitor) has no counter; name a device with a counter',
        ),
        ({"do": "clock-leap", "by": "1 h"}, 'device: "pump" (B. Braun Space pump) has no clock; '),
        ({"do": "replug", "to": "monitor"}, 'do: port "monitor" is taken by monitor then; '),
        ({"do": "swap", "with": "pump"}, "do: pump cannot be swapped with itself; "),
        ({"do": "swap", "with": "nobody"}, "do: nobody is not plugged in then; "),
        ({"do": "replug", "to": "Else Where"}, 'to: "Else Where" is no identifier'),
    ],
)
def test_a_mistake_in_an_event_is_told_with_its_number(keys: dict[str, str | int], told: str | None) -> None:
    text = BEDS + event(at="5 s", do="start") + event(**keys)
    if told is None:
        assert read(text).events
    else:
        assert refusal(text).startswith(f"mine.toml: event[1].{told}")


def test_a_dose_that_no_rate_gives_is_refused() -> None:
    text = BEDS.replace('"80 kg"', '"0.5 kg"') + event(do="set-dose", dose="0.001 mg/kg/h")
    assert refusal(text).startswith("mine.toml: event[0].dose: is a rate 0.00 mL/h, which no pump has")


def test_a_fault_without_an_end_is_for_good_and_a_clock_may_leap_back() -> None:
    told = read(BEDS + event(do="reboot") + event(do="clock-leap", by="-1 h", device="masimo"))
    assert [(one.until_s, one.words) for one in told.events] == [
        (None, "its power fails, for good"),
        (None, "its clock leaps by -1 h"),
    ]
    assert told.events[1].values == {"by": -3600.0}


def test_plugs_are_played_through_at_loading() -> None:
    unplug, swap = event(do="unplug"), event(do="swap", **{"with": "monitor"}, at="2 min")
    assert refusal(BEDS + unplug + swap).startswith("mine.toml: event[1].do: pump is not plugged in then; ")
    back = event(do="replug", to="elsewhere", at="90 s")
    assert len(read(BEDS + unplug + back + swap).events) == 3
    lasting = event(do="unplug", **{"for": "2 min"})
    assert refusal(BEDS + lasting + back).startswith("mine.toml: event[0].do: pump is plugged in elsewhere before")
    taken = event(do="replug", to="pump", device="monitor", at="2 min")
    assert refusal(BEDS + lasting + taken).startswith('mine.toml: event[0].do: port "pump" is taken by monitor then')
    # What ends comes before what begins at the same time.
    assert len(read(BEDS + lasting + event(do="unplug", at="3 min")).events) == 2


def test_what_is_no_scenario_at_all_is_told(tmp_path: Path) -> None:
    assert refusal("title = ").startswith("mine.toml: is not TOML: ")
    assert refusal("bed = 3\n" + BEDS.partition("[[bed]]")[0]).startswith("mine.toml: bed: is not a list of tables; ")
    assert refusal(BEDS.partition("[[bed]]")[0]).startswith("mine.toml: bed: is missing; write at least one [[bed]]")
    with pytest.raises(ScenarioError, match='step-dwn: is no scenario; did you mean "step-up"'):
        load("step-dwn")
    with pytest.raises(ScenarioError, match="cannot be read: No such file or directory; name a readable file"):
        load(str(tmp_path / "mine.toml"))
    mine = tmp_path / "mine.toml"
    mine.write_text(BEDS, encoding="utf-8")
    assert load(str(mine)) == read(BEDS)


def test_files_devices_and_events_are_bounded() -> None:
    assert read(BEDS + "#" * (FILE_MAX_BYTES - len(BEDS))).title == "A title"
    assert "is larger than" in refusal(BEDS + "#" * (FILE_MAX_BYTES - len(BEDS) + 1))
    device = '\n[[bed.device]]\nid = "m{}"\nkind = "ivy"\n'
    most = BEDS + "".join(device.format(number) for number in range(MAX_DEVICES - 4))
    assert sum(len(bed.devices) for bed in read(most).beds) == MAX_DEVICES
    assert refusal(most + device.format("x")).startswith(f"mine.toml: bed[1].device[{MAX_DEVICES - 2}]: is one of more")
    events = event(do="start") * MAX_EVENTS
    assert len(read(BEDS + events).events) == MAX_EVENTS
    assert refusal(BEDS + events + event(do="start")).startswith("mine.toml: event: is there more than 2000 times")


def test_the_document_tells_every_kind_act_sensor_and_key() -> None:
    text = (Path(__file__).parents[2] / "docs/scenarios.md").read_text(encoding="utf-8")
    words = {word for row in text.splitlines() if row.startswith("|") for word in re.findall(r"`([\w-]+)`", row)}
    kinds: dict[str, Kind] = {**PUMPS, **MONITORS}
    keys = {key for act in ACTS.values() for key in act.keys}
    sensors = {sensor for kind in kinds.values() for sensor in kind.knobs.sensors}
    assert ACTS.keys() | kinds.keys() | keys | sensors <= words
    shown, asks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert {event["do"] for event in tomllib.loads(asks)["event"]} <= ACTS.keys()
    assert read(shown).events[0].words == "the rate is set to 70.00 mL/h"
