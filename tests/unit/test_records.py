"""Records of real vital signs: what a row says, what a gap does not, and what cannot be a record."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.patient import Vitals
from simulators.patient_measurement import Artefacts, Measured
from simulators.records import MAX_ROWS, RecordedVitals

WHOLE = """\
minute,HR_bpm,ABPSys_mmHg,ABPDias_mmHg,ABPMean_mmHg,PULSE_bpm,RESP_pm,SpO2_%,NBPSys_mmHg,NBPDias_mmHg,NBPMean_mmHg
0,0.0,0.0,0.0,0.0,0.0,23.0,0.0,,,
1,62.8,120.5,60.4,80.0,61.0,12.7,97.5,118.0,70.0,86.0
2,57.8,,,,58.0,0.4,100.0,,,
5,61.5,119,59,79,60,14.5,96.4,0.0,0.0,40.0
"""
IN_MINUTE_1 = Vitals(
    heart_rate_per_min=63,
    respiratory_rate_per_min=13,
    spo2_percent=98,
    nibp_sys_mmhg=118,
    nibp_dia_mmhg=70,
    nibp_mean_mmhg=86,
    nibp_at_s=1060.0,
    ibp_sys_mmhg=121,
    ibp_dia_mmhg=60,
    ibp_mean_mmhg=80,
)


def begun(text: str = WHOLE, speed: float = 1.0) -> RecordedVitals:
    record = RecordedVitals(text, speed=speed)
    record(1000.0)
    return record


def test_a_zero_is_no_value() -> None:
    assert begun()(1000.0) == Vitals(respiratory_rate_per_min=23)
    assert begun()(1000.0 + 150.0).respiratory_rate_per_min is None  # 0.4 would show as 0, which is no value


def test_a_row_holds_for_its_minute_without_interpolation() -> None:
    record = begun()
    assert record(1059.9) == Vitals(respiratory_rate_per_min=23)
    assert record(1060.0) == record(1090.0) == record(1119.9) == IN_MINUTE_1
    assert record(1120.0).heart_rate_per_min == 58


def test_an_empty_cell_is_no_value_but_the_last_cuff_pressure_stays() -> None:
    assert begun()(1120.0) == Vitals(
        heart_rate_per_min=58,
        spo2_percent=100,
        nibp_sys_mmhg=118,
        nibp_dia_mmhg=70,
        nibp_mean_mmhg=86,
        nibp_at_s=1060.0,
    )


def test_where_rows_are_missing_only_the_last_cuff_pressure_stays() -> None:
    gap = Vitals(nibp_sys_mmhg=118, nibp_dia_mmhg=70, nibp_mean_mmhg=86, nibp_at_s=1060.0)
    assert begun()(1180.0) == begun()(1299.9) == gap


def test_a_cuff_that_found_only_the_mean_replaces_the_whole_last_measurement() -> None:
    now = begun()(1300.0)
    assert (now.nibp_sys_mmhg, now.nibp_dia_mmhg, now.nibp_mean_mmhg) == (None, None, 40)
    assert now.nibp_at_s == 1300.0
    assert now.heart_rate_per_min == 62  # 61.5 rounds up


def test_after_the_last_minute_there_is_nothing() -> None:
    record = begun()
    assert record.duration_s == 360.0
    assert record(1359.9).heart_rate_per_min == 62
    assert record(1360.0) == record(1e9) == Vitals()


def test_a_faster_record_is_the_same_sooner() -> None:
    record = begun(speed=60.0)
    assert record.duration_s == 6.0
    assert record(1001.5).heart_rate_per_min == 63
    assert record(1001.5).nibp_at_s == 1001.0
    assert record(1006.0) == Vitals()


def test_a_record_may_begin_at_any_minute_and_lack_columns() -> None:
    record = begun("minute,HR_bpm,Humour\n17.5,60,good\n18.5,61,bad\n")
    assert record(1000.0) == record(900.0) == Vitals(heart_rate_per_min=60)
    assert record(1060.0) == Vitals(heart_rate_per_min=61)


def test_artefacts_can_be_put_on_a_record() -> None:
    record = RecordedVitals("minute,SpO2_%,NBPSys_mmHg\n0,97,120\n")
    restless = Artefacts(
        ecg_noise_per_h=0, spo2_off_per_h=0, ecg_off_per_h=0, spo2_dips_per_h=60, cuff_failure_probability=1
    )
    measured = Measured(record, 1, restless)
    seen = [measured(float(now_s)) for now_s in range(60)]
    assert {one.nibp_sys_mmhg for one in seen} == {None}
    assert min(one.spo2_percent or 0 for one in seen) < 93
    assert max(one.spo2_percent or 0 for one in seen) == 97


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "columns are none"),
        ("minute,Humour\n0,1\n", "columns are minute, Humour"),
        ("HR_bpm\n60\n", "columns are HR_bpm"),
        ("minute,HR_bpm\n", "no rows"),
        ("minute,HR_bpm\n0,60\n0,61\n", "line 3: minute 0 after minute 0"),
        ("minute,HR_bpm\n1,60\n0,61\n", "line 3: minute 0 after minute 1"),
        ("minute,HR_bpm\n0,sixty\n", "line 2: HR_bpm is 'sixty'"),
        ("minute,HR_bpm\n0,-60\n", "line 2: HR_bpm is '-60'"),
        ("minute,HR_bpm\n0,nan\n", "line 2: HR_bpm is 'nan'"),
        ("minute,HR_bpm\n,60\n", "line 2: minute is ''"),
        ("minute,HR_bpm\n0,401\n", "line 2: HR_bpm of 401 cannot be"),
        ("minute,SpO2_%\n0,100.1\n", "line 2: SpO2_% of 100.1 cannot be"),
        ("minute,HR_bpm\n527041,60\n", "line 2: minute 527041 is beyond 527040"),
        ('minute,HR_bpm\n0,"60\n', "no CSV: unexpected end of data"),
        ("minute,HR_bpm\n0\n", "line 2: not as many cells"),
        ("minute,HR_bpm\n0,60,1\n", "line 2: not as many cells"),
    ],
)
def test_what_cannot_be_a_record_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RecordedVitals(text)


def test_the_longest_record_plays_and_a_longer_one_is_refused() -> None:
    rows = [f"{minute},60" for minute in range(MAX_ROWS + 1)]
    assert RecordedVitals("\n".join(["minute,HR_bpm", *rows[:-1]])).duration_s == MAX_ROWS * 60.0
    with pytest.raises(ValueError, match=f"more than {MAX_ROWS} rows"):
        RecordedVitals("\n".join(["minute,HR_bpm", *rows]))


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        RecordedVitals(WHOLE, speed=speed)


@given(text=st.text(alphabet='minute,HR_bp.0123456789-\n\r"\0x', max_size=200))
def test_any_text_is_a_record_or_a_value_error(text: str) -> None:
    try:
        record = RecordedVitals("minute,HR_bpm\n" + text)
    except ValueError:
        return
    assert 0 <= (record(0.0).heart_rate_per_min or 0) <= 400


def test_the_long_real_record_plays_from_end_to_end(shared_data: Path) -> None:
    record = RecordedVitals((shared_data / "mimic2-s00001-numerics.csv").read_text())
    assert record.duration_s == 1936 * 60.0
    seen = [record(60.0 * minute) for minute in range(1937)]
    assert seen[0] == Vitals(respiratory_rate_per_min=23)
    assert (seen[1].heart_rate_per_min, seen[1].spo2_percent, seen[1].ibp_sys_mmhg) == (63, None, None)
    assert sum(one.heart_rate_per_min is None for one in seen[:-1]) == 46
    assert sum(one.spo2_percent is None for one in seen[:-1]) == 363
    assert sum(one.ibp_sys_mmhg is not None for one in seen) == 7
    assert len({one.nibp_at_s for one in seen} - {None}) == 152
    assert seen[-1] == Vitals()


def test_the_short_real_record_has_no_arterial_line_and_absurd_values_stay(shared_data: Path) -> None:
    record = RecordedVitals((shared_data / "mimic2-s25047-numerics.csv").read_text())
    seen = [record(60.0 * minute) for minute in range(72)]
    assert {one.ibp_mean_mmhg for one in seen} == {None}
    assert min(one.spo2_percent for one in seen if one.spo2_percent is not None) == 36
    assert len({one.nibp_at_s for one in seen} - {None}) == 21  # three of them found the mean alone
    assert seen[71].heart_rate_per_min is None
