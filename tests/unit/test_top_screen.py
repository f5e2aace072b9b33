"""The viewer's screen: nothing cut, nothing that looks live and is not, digits as they were sent."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from edge.top import Board, frame
from tests.unit.test_top import DIM, DOSE, RED, World, alarm, channel, metric, stamp, well

CUFF = (metric("nibp_sys_mmhg", "121", "questionable"), metric("nibp_dia_mmhg", "79"), metric("nibp_mean_mmhg", "93"))
PULSE = (metric("heart_rate_per_min", "80"), metric("spo2_percent", "98"))


@pytest.fixture(autouse=True)
def _in_norway(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Oslo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def plain(text: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()


def with_alarm(**given: Any) -> World:
    world = well()
    shown = alarm(**given)
    world.alarm(shown)
    world.index("bed-1", shown)
    return world


def test_a_bed_is_two_lines_with_units_a_missing_value_as_dashes_and_doubt_marked() -> None:
    world = well()
    world.snapshot(*PULSE, *CUFF, channels=(channel(),))
    lines = plain(world.screen())
    at = next(at for at, line in enumerate(lines) if line.startswith("  Bed 1"))
    assert lines[at] == "  Bed 1  HR   80 /min  SpO2   98 %  RR   -- /min  BP  121?/79 mean   93 mmHg"
    assert lines[at + 1] == "         ketamine chronic pain    2.70 mg/kg/h  infusing"
    assert len(lines[at]) <= 80


def test_the_columns_of_the_beds_stand_below_each_other() -> None:
    world = well()
    world.roster("bed-1", "bed-10")
    world.index("bed-10")
    world.snapshot(*PULSE, channels=(channel(),))
    world.snapshot(metric("heart_rate_per_min", "101"), channels=(channel("12.5", drug="KCL"),), bed="bed-10")
    lines = plain(world.screen())
    assert len({line.index("SpO2") for line in lines if "SpO2" in line}) == 1
    assert len({line.index(" mg/kg/h") for line in lines if "mg/kg/h" in line}) == 1


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2.700000", "  2.70 mg"),
        ("2.000001", "  2.01 mg"),
        ("0.000000", "  0.00 mg"),
        ("1", "  1.00 mg"),
        (None, "    -- mg"),
        ("1E+40", "1" + 40 * "0" + " mg"),
    ],
)
def test_a_dose_has_two_decimals_and_never_looks_smaller_than_it_is(sent: str | None, shown: str) -> None:
    world = well()
    world.snapshot(channels=(channel(sent),))
    assert shown in world.screen(200)


def test_vital_signs_have_the_digits_that_were_sent() -> None:
    world = well()
    found = (metric("spo2_percent", "98.50"), metric("heart_rate_per_min", "250", "over"))
    world.snapshot(*found, metric("respiratory_rate_per_min", "4", "under"))
    assert "HR >250 /min  SpO2 98.50 %  RR   <4 /min" in world.screen(100)


def test_a_pump_without_contact_does_not_look_as_if_it_ran() -> None:
    world = well()
    world.snapshot(channels=(channel(None, link="down"), channel(None, link="unknown", channel="12", drug="")))
    screen = world.screen(120)
    assert "pump 11  ketamine chronic pain      -- mg/kg/h  no contact with the pump, last seen: infusing" in screen
    assert re.search(r"pump 12  no drug +-- mg/kg/h  pump not heard yet", screen)
    world.snapshot(channels=(channel(metrics=(metric(DOSE, "1", "questionable"),), state="kvo"),))
    assert "1.00? mg/kg/h  keeps the vein open" in world.screen()


@pytest.mark.parametrize("width", [21, 30, 50, 81, 200])
def test_nothing_is_cut_at_any_width_and_no_value_leaves_its_unit(width: int) -> None:
    world = with_alarm(text="Bed 1: Ketamine, chronic pain 2.70 mg/kg/h, above the hard limit 2.5 mg/kg/h.")
    world.snapshot(*PULSE, *CUFF, channels=(channel(),))
    lines = plain(world.screen(width))
    whole = " ".join(" ".join(lines).split())
    assert "chronic pain 2.70 mg/kg/h, above the hard limit 2.5 mg/kg/h. Go to the patient." in whole
    for value in ("2.70 mg/kg/h", "2.5 mg/kg/h.", "SpO2   98 %", "HR   80 /min"):
        assert any(value in line for line in lines)


def test_the_action_stands_on_its_own_line_below_the_alarm() -> None:
    lines = plain(with_alarm(verifiable=False).screen(200))
    assert (
        "!!! HIGH for 3 s: Bed 1: heart rate 150 /min, above the hard limit 140 /min. (cannot be verified now)" in lines
    )
    assert lines[lines.index("    Go to the patient.") - 1].startswith("!!! HIGH")


def test_alarms_stand_before_the_beds_the_most_urgent_first() -> None:
    world = well()
    rows = [alarm(f"X_{name.upper()}", priority=name, text=f"{name}.") for name in ("low", "high", "medium")]
    for row in rows:
        world.alarm(row)
    world.index("bed-1", *rows)
    words = re.findall(r"HIGH|MEDIUM|LOW|Bed 1", world.screen())
    assert words == ["HIGH", "MEDIUM", "LOW", "Bed 1"]


def test_how_long_an_alarm_lasts_is_counted_by_the_clock_of_the_edge() -> None:
    world = with_alarm(onset=stamp(1000.0))
    assert "HIGH for 3 s:" in world.screen()
    world.beat()
    for _ in range(20):
        world.beat()
    assert "HIGH for 1 min 06 s:" in world.screen()
    for _ in range(1300):
        world.beat()
    assert "HIGH for 1 h 06 min:" in world.screen()


def test_the_clock_of_an_earlier_run_counts_for_nothing() -> None:
    assert "HIGH for an unknown time:" in with_alarm(occurrence="r0-7").screen()


def test_alarms_of_a_lost_edge_are_marked_as_last_known_and_its_values_dimmed() -> None:
    world = with_alarm()
    world.snapshot(*PULSE, channels=(channel(),))
    world.status("lost")
    screen = world.screen(200)
    assert f"{RED}!!! HIGH for 3 s: Bed 1: heart rate 150 /min, above the hard limit 140 /min. (last known)" in screen
    assert f"{DIM}         ketamine chronic pain" in screen


def test_the_time_the_caution_and_the_legend_are_on_the_screen() -> None:
    lines = plain(well().screen(200))
    assert lines[0] == "11:11:12 CET   not a medical device; do not rely on this for alarms"
    assert "? measured at an unknown time or doubtful" in lines[-1]
    assert "!!! high   !! medium   ! low priority" in lines[-1]
    assert lines[-1].endswith("Ctrl-C ends")


def test_a_small_window_keeps_the_alarms_and_says_that_there_is_more() -> None:
    lines = plain(with_alarm().screen(200, 7))
    assert len(lines) == 7
    assert any(line.startswith("!!! HIGH") for line in lines)
    assert re.fullmatch(r"\d+ more lines: make the window larger", lines[-1])


def test_what_a_device_wrote_cannot_steer_the_terminal() -> None:
    world = with_alarm(text="Bed 1: \x1b[2J gone.")
    world.snapshot(channels=(channel(drug="K\x1b[31mCL"),))
    assert "Bed 1: ?[2J gone." in world.screen(200)
    assert "K?[31mCL" in world.screen(200)
    assert "\x1b[2J" not in world.screen(200) + world.board.summary()


def test_a_lost_broker_is_said_before_anything_was_heard() -> None:
    board: Board = World().board
    board.disconnected("h:1: refused")
    assert "ALARMS UNKNOWN: h:1: refused, go to the beds" in "\n".join(board.screen(100, 40)[0])


NOTE = "To take an alarm:\n.venv/bin/infusion-edge accept --control /tmp/infusion-edge-demo-abcdefgh/control.sock NAME"


@pytest.mark.parametrize("width", [20, 60, 91, 200])
@pytest.mark.parametrize("rows", [2, 9, 14, 60])
def test_the_note_is_below_the_picture_as_it_was_given_and_never_left_out(width: int, rows: int) -> None:
    world = with_alarm()
    world.snapshot(*PULSE, *CUFF, channels=(channel(),))
    world.board.note = NOTE
    picture, note = world.board.screen(width, rows)
    assert note == NOTE.splitlines()
    taken = sum(-(-len(line) // width) for line in note)
    assert 2 <= len(picture) <= max(2, max(rows, 5) - taken)


def test_where_room_is_short_alarms_have_one_line_each_before_a_bed_is_left_out() -> None:
    world = with_alarm(text="Bed 1: heart rate 150 /min, above the hard limit 140 /min, measured with doubt.")
    world.snapshot(*PULSE, *CUFF, channels=(channel(),))
    world.board.note = NOTE
    whole = plain(world.screen(81))
    rows = len(whole) + 1  # the terminal breaks the note's last line
    assert plain(world.screen(81, rows)) == whole
    at = whole.index("    Go to the patient.")
    one = "!!! HIGH for 3 s: Bed 1: heart rate 150 /min, above the hard limit 140 /min, ..."
    assert plain(world.screen(81, rows - 1)) == [*whole[: at - 2], one, *whole[at + 1 :]]
    assert plain(world.screen(81, rows - 2)) == plain(world.screen(81, rows - 1))
    left_out = plain(world.screen(81, rows - 3))
    assert left_out[: at - 1] == [*whole[: at - 2], one]
    assert left_out[-3:] == ["2 more lines: make the window larger", *NOTE.splitlines()]


def test_an_alarm_of_one_line_says_nothing_is_missing() -> None:
    lines = plain(with_alarm(text="Bed 1: HR.").screen(81, 8))
    assert "!!! HIGH for 3 s: Bed 1: HR." in lines


def test_nothing_is_erased_after_a_line_of_the_note_which_may_fill_its_row() -> None:
    assert frame(["a", "b"], ["c", "d"]).endswith("\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[Jc\nd")
    assert frame(["a", "b"], []).endswith("\x1b[Ha\x1b[K\nb\x1b[K\x1b[J")


def test_the_note_cannot_steer_the_terminal() -> None:
    world = well()
    world.board.note = "a\x1b[2Jb"
    assert world.board.screen(80, 24)[1] == ["a?[2Jb"]


@pytest.mark.parametrize(
    ("given", "note"),
    [
        ({"signal": "latched", "present": False}, "(over, and not yet reset)"),
        ({"signal": "acknowledged"}, "(acknowledged)"),
        ({"acceptance": {"by": "desk:anna", "at": stamp(1001.0)}}, "(accepted by desk:anna)"),
        ({"silence": {"reason": "off_monitor", "by": "", "until_mono_s": 1900.0}}, "(silent: off monitor)"),
        ({"verifiable": False, "signal": "latched"}, "(cannot be verified now, over, and not yet reset)"),
    ],
)
def test_what_was_done_about_an_alarm_stands_beside_it(given: dict[str, Any], note: str) -> None:
    assert note in with_alarm(**given).screen(200)
