"""The patient of a single monitor of `infusion-sim`: what its options do to what the monitor measures."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from simulators import cli
from simulators.cli_parts import Line, UsageError
from simulators.cli_patient import (
    RECORD_LIMIT_BYTES,
    Source,
    add_bedside_options,
    add_pulse_options,
    bedside_patient,
    pulse_patient,
)

NOW_S = 1000.0
HOUR_S = 3600.0
RECORD = "minute,HR_bpm,SpO2_%,RESP_pm\n0,80,97,14\n1,130,0,15\n2,81,96,14\n"


def bedside(*options: str) -> Source:
    parser = argparse.ArgumentParser()
    add_bedside_options(parser)
    return bedside_patient(parser.parse_args(options), 300.0)


def pulse(*options: str) -> Source:
    parser = argparse.ArgumentParser()
    add_pulse_options(parser)
    return pulse_patient(parser.parse_args(options))


def after_an_hour(*options: str) -> tuple[int, int]:
    """Heart rate and systolic pressure after an hour of ketamine, without the drift of the values themselves."""
    with_drug, without = bedside("--ketamine", "1.0", *options), bedside(*options)
    rises = []
    for source in (with_drug, without):
        for minute in range(61):
            vitals = source(NOW_S + 60 * minute)
        assert vitals.heart_rate_per_min is not None
        assert vitals.nibp_sys_mmhg is not None
        rises.append((vitals.heart_rate_per_min, vitals.nibp_sys_mmhg))
    return rises[0][0] - rises[1][0], rises[0][1] - rises[1][1]


def test_heart_disease_an_inhibitor_and_age_make_the_answer_to_ketamine_stronger() -> None:
    usual = after_an_hour()
    assert usual[0] > 3
    for options in (("--heart-disease",), ("--age", "80"), ("--cyp3a4-inhibitor", "0.4")):
        rise = after_an_hour(*options)
        assert rise[0] > usual[0], options
        assert rise[1] > usual[1], options


def test_the_dose_is_per_kg_so_the_weight_alone_changes_nothing() -> None:
    assert after_an_hour("--weight", "40") == after_an_hour("--weight", "140") == after_an_hour()


def test_secretions_begin_when_they_were_told_to_and_lower_spo2() -> None:
    choking, well = bedside("--secretions", "1.0", "--secretions-after", "120"), bedside()
    seen = [(choking(NOW_S + second), well(NOW_S + second)) for second in range(0, 900, 5)]
    before, after = seen[: 120 // 5], seen[-1]
    assert all(one == other for one, other in before)
    assert after[0].spo2_percent is not None
    assert after[1].spo2_percent is not None
    assert after[0].spo2_percent < after[1].spo2_percent - 5
    assert after[0].respiratory_rate_per_min > after[1].respiratory_rate_per_min  # type: ignore[operator]


def test_artefacts_are_what_sensors_make_of_the_same_patient() -> None:
    shown, true = bedside("--artefacts"), bedside()
    seen = [(shown(NOW_S + second), true(NOW_S + second)) for second in range(0, int(4 * HOUR_S), 2)]
    for name in ("heart_rate_per_min", "spo2_percent", "nibp_sys_mmhg"):
        assert any(getattr(one, name) is None for one, _ in seen), name
    share = sum(one == other for one, other in seen) / len(seen)
    assert 0.5 < share < 1.0


def test_an_oximeters_artefacts_leave_its_pulse_alone() -> None:
    shown, true = pulse("--artefacts"), pulse()
    seen = [(shown(NOW_S + second), true(NOW_S + second)) for second in range(0, int(2 * HOUR_S), 2)]
    assert all(one.heart_rate_per_min == other.heart_rate_per_min for one, other in seen)
    assert any(one.spo2_percent != other.spo2_percent for one, other in seen)


def test_a_record_plays_a_real_patient_at_its_speed(tmp_path: Path) -> None:
    file = tmp_path / "numerics.csv"
    file.write_text(RECORD)
    source = pulse("--record", str(file), "--time-scale", "10")
    seen = [source(NOW_S + second) for second in (0, 5.9, 6.1, 12.1, 18.1)]
    assert [one.heart_rate_per_min for one in seen] == [80, 80, 130, 81, None]
    assert [one.spo2_percent for one in seen] == [97, 97, None, 96, None]


def test_a_record_goes_through_the_sensors_too(tmp_path: Path) -> None:
    file = tmp_path / "numerics.csv"
    rows = [f"{minute},80,97,14\n" for minute in range(240)]
    file.write_text("minute,HR_bpm,SpO2_%,RESP_pm\n" + "".join(rows))
    source = bedside("--record", str(file), "--artefacts", "--seed", "3")
    assert {source(NOW_S + second).spo2_percent for second in range(0, 14_000, 5)} > {97}


def test_a_monitor_shows_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[Line] = []
    monkeypatch.setattr(cli, "serve", lambda make: lines.extend(make(NOW_S)))
    file = tmp_path / "numerics.csv"
    file.write_text(RECORD)
    assert cli.main(("masimo", "--record", str(file))) == 0
    device = lines.pop().device
    device.start(NOW_S)
    assert device.deadline_s is not None
    assert "BPM=080" in device.tick(device.deadline_s).decode()


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        (RECORD, ("--hr", "90", "--heart-disease", "--cyp3a4-inhibitor", "0.5"), "leave out --cyp3a4-inhibitor,"),
        (RECORD, ("--secretions", "0.5"), "leave out --secretions"),
        (None, (), "cannot read"),
        ("a,b\n1,2\n", (), "no record of vital signs: its columns are a, b"),
        (RECORD + "2,80,97,14\n", (), "line 5: minute 2 after minute 2"),
        (RECORD.replace("130", "abc"), (), "HR_bpm is 'abc'"),
        ("x" * (RECORD_LIMIT_BYTES + 1), (), "is larger than"),
    ],
)
def test_what_cannot_be_played_is_named(
    tmp_path: Path, content: str | None, options: tuple[str, ...], told: str
) -> None:
    file = tmp_path / "numerics.csv"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match=told):
        bedside("--record", str(file), *options)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "numerics.csv"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is no text"):
        pulse("--record", str(file))


@pytest.mark.parametrize("name", ["mimic2-s00001-numerics.csv", "mimic2-s25047-numerics.csv"])
def test_the_real_records_play(name: str) -> None:
    file = Path(__file__).parents[3] / "shared" / "data" / name
    if not file.exists():
        pytest.skip(f"{file} is not there")
    source = bedside("--record", str(file), "--time-scale", "60")
    assert any(source(NOW_S + second).heart_rate_per_min for second in range(70))
