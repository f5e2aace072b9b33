"""The story of an alarm, told from the rows of the journal alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge.cli import main
from edge.core.ledger import RENEWS
from edge.core.model import Phase, SilenceReason
from edge.explain import LISTED_MAX, PHASES, SILENCES, tell
from edge.store import JournalRow, Transaction
from tests.unit.stores import Opened

TEXT = "Bed 1: Ketamine 2.60 mg/kg/h, above the hard limit 2.5 mg/kg/h."
OCCURRENCE = "run-1-1"
WORDS = {
    "event_seq": "1",
    "bed": "bed-1",
    "key": "DOSE_RATE_HIGH.rack.11",
    "occurrence": OCCURRENCE,
    "rev": "1",
    "priority": "high",
    "band": "hard",
    "signal": "on",
    "level": "1",
    "text": TEXT,
}
REASONS = {
    "value": "2.600000 mg/kg/h",
    "limit": "2.5 mg/kg/h (drug library)",
    "event_s_before": "10.003",
    "evidence.infusion_rate_ml_per_h": "18.20",
    "evidence.concentration_mg_per_ml": "10",
    "evidence.weight_kg": "70",
    "evidence.dose_rate_mg_per_kg_per_h": "2.600000",
    "evidence.arithmetic": "18.20 mL/h * 10 mg/mL / 70 kg = 2.600000 mg/kg/h",
    "evidence.order": "a test's order",
    "evidence.limit": "2.5 mg/kg/h",
    "evidence.delay_s": "10",
    "evidence.limit_origin": "drug library",
}
MARGIN = " " * 42


def row(kind: str, at_s: float, *, run: str = "run-1", minute: int = 0, **words: str) -> JournalRow:
    """A row of the journal, ``at_s`` seconds after the beginning of a minute."""
    wall = f"2026-03-01T23:{50 + minute:02}:{int(at_s):02}.{round(at_s % 1 * 1000):03}Z"
    body = {"bed": "bed-1", "key": WORDS["key"], "occurrence": OCCURRENCE, "rev": "1", **words}
    return JournalRow(run, kind, wall, True, 1000 + minute * 60 + at_s, json.dumps(body))


def became(phase: Phase, at_s: float, *, minute: int = 0, run: str = "run-1", **words: str) -> JournalRow:
    reasons = REASONS if phase in RENEWS else {}
    return row("alarm", at_s, minute=minute, run=run, **(WORDS | reasons | {"phase": phase.value} | words))


def happened(story: str) -> list[str]:
    """What happened, without the reasons."""
    return [line for line in story.splitlines() if line.startswith("2026")]


STORY = (
    became(Phase.START, 20.5),
    row("broker has it", 20.504),
    row("displayed", 21.25, station="ward-desk"),
    became(Phase.LEVEL, 20.5, minute=1, level="2"),
    row("request", 22, minute=1, verb="accept", by="local:anna", result="refused", reason="look again"),
    became(Phase.ACCEPT, 23, minute=1, by="local:anna", signal="on"),
    became(Phase.ACKNOWLEDGE, 23, minute=1, by="local:anna", signal="acknowledged"),
    row("request", 23, minute=1, verb="accept", by="local:anna", result="done", reason=""),
    became(Phase.ESCALATE, 40, minute=1, band="bypass", value="4.200000 mg/kg/h", event_s_before="0.000"),
    row("undelivered", 45, minute=1),
    became(Phase.LATCH, 50, minute=2, signal="latched"),
    became(Phase.RESET, 55, minute=2, signal="off"),
)


def test_the_whole_story_of_an_alarm() -> None:
    assert tell(STORY).splitlines() == [
        TEXT,
        "DOSE_RATE_HIGH.rack.11 at bed-1, run-1-1: over.",
        "",
        "How long it took, in seconds from when it was determined (published: handed to the sender):",
        "                   event  determined   published      broker   displayed    accepted",
        "  start          -10.003       0.000       0.000      +0.004      +0.750     +62.500",
        "  escalate        +0.000       0.000       0.000           -           -           -",
        "",
        "What happened (UTC, and seconds since it was first determined):",
        "2026-03-01 23:50:10.497        -10.003  the value is first beyond",
        f"2026-03-01 23:50:20.500         +0.000  begins (high): {TEXT}",
        f"{MARGIN}value                        2.600000 mg/kg/h",
        f"{MARGIN}limit                        2.5 mg/kg/h (drug library)",
        f"{MARGIN}band                         hard",
        f"{MARGIN}infusion rate                18.20 mL/h",
        f"{MARGIN}concentration                10 mg/mL",
        f"{MARGIN}weight                       70 kg",
        f"{MARGIN}dose rate                    2.600000 mg/kg/h",
        f"{MARGIN}arithmetic                   18.20 mL/h * 10 mg/mL / 70 kg = 2.600000 mg/kg/h",
        f"{MARGIN}order                        a test's order",
        f"{MARGIN}delay                        10 s",
        "2026-03-01 23:50:20.504         +0.004  the broker has it",
        "2026-03-01 23:50:21.250         +0.750  a page of ward-desk shows it",
        f"2026-03-01 23:51:20.500        +60.000  {PHASES[Phase.LEVEL]} to level 2, all screens of the ward",
        "2026-03-01 23:51:22.000        +61.500  local:anna asked to accept: refused: look again",
        "2026-03-01 23:51:23.000        +62.500  accepted: somebody goes, and it goes up no further, by local:anna",
        "2026-03-01 23:51:23.000        +62.500  silenced for a while, by local:anna",
        "2026-03-01 23:51:23.000        +62.500  local:anna asked to accept: done",
        f"2026-03-01 23:51:40.000        +79.500  gets worse (high): {TEXT}",
        f"{MARGIN}value                        4.200000 mg/kg/h",
        f"{MARGIN}limit                        2.5 mg/kg/h (drug library)",
        f"{MARGIN}band                         bypass",
        f"{MARGIN}infusion rate                18.20 mL/h",
        f"{MARGIN}concentration                10 mg/mL",
        f"{MARGIN}weight                       70 kg",
        f"{MARGIN}dose rate                    2.600000 mg/kg/h",
        f"{MARGIN}arithmetic                   18.20 mL/h * 10 mg/mL / 70 kg = 2.600000 mg/kg/h",
        f"{MARGIN}order                        a test's order",
        f"{MARGIN}delay                        10 s",
        "2026-03-01 23:51:45.000        +84.500  no screen showed it in time",
        f"2026-03-01 23:52:50.000       +149.500  {PHASES[Phase.LATCH]}",
        "2026-03-01 23:52:55.000       +154.500  reset: its signal ends",
    ]


def test_every_phase_and_every_silence_has_its_words() -> None:
    assert set(PHASES) == set(Phase)
    assert set(SILENCES) == set(SilenceReason)


def test_what_stands_is_not_over() -> None:
    assert tell(STORY[:-1]).splitlines()[1] == "DOSE_RATE_HIGH.rack.11 at bed-1, run-1-1: not over when last written."
    edge = tuple(replace(one, body=one.body.replace('"bed": "bed-1"', '"bed": ""')) for one in STORY)
    assert tell(edge).splitlines()[1] == "DOSE_RATE_HIGH.rack.11 of the edge itself, run-1-1: over."


def test_each_noise_has_its_own_way_and_its_first_arrival_counts() -> None:
    story = tell(
        (
            became(Phase.START, 0),
            row("broker has it", 1),
            became(Phase.ACCEPT, 2, by="a"),
            became(Phase.ACCEPT, 3, by="b"),
            became(Phase.REMIND, 10),
            row("broker has it", 12),
            row("displayed", 14, station="desk"),
            row("displayed", 15, station="hall"),
        )
    ).splitlines()
    assert story[5] == "  start          -10.003       0.000       0.000      +1.000           -      +2.000"
    assert story[6] == "  remind         -10.003       0.000       0.000      +2.000      +4.000           -"


def test_a_silence_says_why_and_by_whom() -> None:
    story = tell(
        (
            became(Phase.START, 0, silence="awaiting_repeat", silence_by=""),
            became(Phase.SOUND, 1),
            became(Phase.SILENCE, 2, silence="audio_pause", silence_by="desk:bo"),
            became(Phase.LEVEL, 3, level="3", silence="audio_pause", silence_by="desk:bo"),
        )
    )
    assert [line[40:] for line in happened(story)[1:]] == [
        f"begins (high): {TEXT} [no sound: until it is measured again]",
        "its sound is on again",
        "its sound is off [no sound: audio pause, by desk:bo]",
        "nobody accepted it in time: goes up to level 3, nurse call",
    ]


def test_another_run_is_dated_by_the_clock_and_where_it_was_not_right_not_at_all() -> None:
    ends = became(Phase.END, 30, minute=4, run="run-2", signal="off")
    ends = replace(ends, mono_s=5.0)  # the kernel was started anew
    story = tell((became(Phase.START, 0), ends))
    assert happened(story)[-1] == "2026-03-01 23:54:30.000          ~+270  is over"
    assert story.splitlines()[-4:] == [
        f"{MARGIN}-- the edge was started anew --",
        happened(story)[-1],
        "",
        "~ In another run of the edge: the difference of the times of day.",
    ]
    story = tell((became(Phase.START, 0), replace(ends, synchronised=False)))
    assert happened(story)[-1] == "2026-03-01 23:54:30.000?       unknown  is over"
    assert "? The clock was not synchronised: that time of day may be wrong; the seconds hold." in story.splitlines()


def test_what_was_written_twice_is_told_once() -> None:
    assert tell((*STORY[:2], *STORY[:2])) == tell(STORY[:2])


def test_a_story_without_its_beginning_says_so() -> None:
    story = tell((became(Phase.ADOPT, 0, event_s_before="0.000"), row("alarm forgotten", 1)))
    assert story.splitlines()[2] == "The journal does not have its beginning."
    assert [line[40:] for line in happened(story)[1:]] == [
        f"taken over from the broker, which still had it (high): {TEXT}",
        "alarm forgotten",
    ]
    (way,) = (line for line in tell((row("displayed", 0, station="desk"),)).splitlines() if "desk" in line)
    assert way.endswith("a page of desk shows it")
    (way,) = (line for line in tell((row("alarm goes on as", 0, name="run-0-3"),)).splitlines() if "run-0-3" in line)
    assert way.endswith("it goes on as run-0-3, by which readers knew it already")


def test_the_file_of_the_black_box_is_told() -> None:
    story = tell((became(Phase.START, 0), row("black box", 1, port="bed-1-pump", name="000001-run-1-1-pump.jsonl")))
    assert happened(story)[-1].endswith("what bed-1-pump had said is kept: 000001-run-1-1-pump.jsonl")


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    opened = Opened(tmp_path / "edge.db")
    opened.commit(Transaction(1, journal=STORY))
    opened.close()
    return tmp_path


def test_the_command_tells_a_story_beside_a_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened = Opened(tmp_path / "edge.db")
    opened.commit(Transaction(1, journal=STORY))
    assert main(["explain", OCCURRENCE, "--run-dir", str(tmp_path)]) == 0
    opened.close()
    assert capsys.readouterr().out == tell(STORY) + "\n"


def test_the_command_lists_the_latest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many = (became(Phase.START, 1, occurrence=f"run-1-{number}", bed="") for number in range(LISTED_MAX + 2))
    opened = Opened(tmp_path / "other.db")
    opened.commit(Transaction(1, journal=(*many, *STORY)))
    opened.close()
    assert main(["explain", "--store", str(tmp_path / "other.db")]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == LISTED_MAX
    assert heading == ("since (UTC)               occurrence  bed    key                     state   last change  text")
    row = "2026-03-01T23:50:01.000Z  {:10}  {:5}  DOSE_RATE_HIGH.rack.11  {:6}  {:11}  Bed 1: "
    assert lines[0].startswith(row.format("run-1-1", "bed-1", "over", "reset"))
    assert lines[1].startswith(row.format("run-1-21", "edge", "stands", "begins"))


@pytest.mark.parametrize(
    ("phase", "state"), [(Phase.END, "over"), (Phase.RESET, "over"), (Phase.LATCH, "stands"), (Phase.ADOPT, "stands")]
)
def test_the_list_says_which_stand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], phase: Phase, state: str
) -> None:
    opened = Opened(tmp_path / "edge.db")
    opened.commit(Transaction(1, journal=(STORY[0], became(phase, 30))))
    opened.close()
    assert main(["explain", "--run-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[4] == state


@pytest.mark.parametrize("name", ["DOSE_RATE_HIGH.rack.11", "dose_rate_high", "RUN-1-2"])
def test_a_key_means_the_occurrence_of_it_that_changed_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    newer = became(Phase.START, 40, occurrence="run-1-2", text="The newer.")
    other = became(Phase.START, 45, occurrence="run-1-3", key="HR_HIGH")
    opened = Opened(tmp_path / "edge.db")
    opened.commit(Transaction(1, journal=(*STORY[:1], newer, other)))
    opened.close()
    assert main(["explain", name, "--run-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out == tell((newer,)) + "\n"


def test_a_journal_without_alarms_and_an_occurrence_that_it_does_not_know(
    tmp_path: Path, run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Opened(tmp_path / "new.db").close()
    assert main(["explain", "--store", str(tmp_path / "new.db")]) == 0
    assert capsys.readouterr().out == "The journal has no alarm.\n"
    assert main(["explain", "run-9-9", "--run-dir", str(run_dir)]) == 2
    assert capsys.readouterr().err == (
        f"infusion-edge: {run_dir / 'edge.db'} knows no alarm run-9-9: explain without one lists the latest\n"
    )


def test_a_store_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--run-dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"infusion-edge: there is no {tmp_path / 'edge.db'}: ")


def test_what_a_device_wrote_does_not_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened = Opened(tmp_path / "edge.db")
    opened.commit(Transaction(1, journal=(became(Phase.START, 0, text="pump \x1b[2J"),)))
    opened.close()
    assert main(["explain", OCCURRENCE, "--run-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "pump ?[2J"
