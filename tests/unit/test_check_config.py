"""What `check-config` tells a person: the table of what would be watched, or every problem."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge import cli
from edge.check_config import EXIT_CONFIG, EXIT_OK, report
from tests.unit.config_files import DEMO_ORDER, DRUGS, EDGE, SECOND_BED, SECOND_PUMP, SHIPPED, changed, put

EXPECTED = """\
{path} is in order

mode      demo
edge      pi-1 at site demo
broker    127.0.0.1:1883
store     /run/x/edge.db
stations  ward-desk (prescriber); none is required, so receipts are off

bed-1  "Bed 1"
  pump     bed-1-pump.11    bbraun-space (experimental driver)  /run/x/bed-1-pump serial number 012345
  monitor  bed-1-monitor.0  ivy-450c                            /run/x/bed-1-monitor
  vital signs: heart rate, SpO2, breathing rate, cuff pressure every 5 min
  the monitor does not date its cuff pressures: their age counts from the last change
  order: ketamine-chronic-pain on bed-1-pump.11, 10 mg/mL, 70 kg, 1.0 mg/kg/h, \
at most 2.0 mg/kg/h (edge.toml demo_order[0])

"""
LIMITS = """\
  limit                         band    alarms             after    priority  ends at
  HR_LOW                        soft    below 45 /min      20 s     medium    48 /min for 10 s
  HR_LOW                        hard    below 40 /min      10 s     high      43 /min for 10 s
  HR_HIGH                       soft    above 120 /min     20 s     medium    117 /min for 10 s
  HR_HIGH                       hard    above 140 /min     10 s     high      137 /min for 10 s
  BP_SYS_LOW                    soft    below 85 mmHg      at once  medium    90 mmHg
  BP_SYS_LOW                    hard    below 80 mmHg      at once  high      85 mmHg
  BP_SYS_HIGH                   soft    above 165 mmHg     at once  medium    160 mmHg
  BP_SYS_HIGH                   hard    above 180 mmHg     at once  high      175 mmHg
  BP_DIA_LOW                    soft    below 45 mmHg      at once  medium    50 mmHg
  BP_DIA_LOW                    hard    below 35 mmHg      at once  high      40 mmHg
  BP_DIA_HIGH                   soft    above 100 mmHg     at once  medium    95 mmHg
  BP_DIA_HIGH                   hard    above 110 mmHg     at once  high      105 mmHg
  BP_MEAN_LOW                   soft    below 65 mmHg      at once  medium    69 mmHg
  BP_MEAN_LOW                   hard    below 55 mmHg      at once  high      59 mmHg
  BP_MEAN_HIGH                  soft    above 120 mmHg     at once  medium    116 mmHg
  BP_MEAN_HIGH                  hard    above 130 mmHg     at once  high      126 mmHg
  SPO2_LOW                      soft    below 92 %         15 s     medium    94 % for 10 s
  SPO2_LOW                      hard    below 88 %         10 s     high      90 % for 10 s
  SPO2_LOW                      bypass  below 80 %         at once  high      82 % for 10 s
  RR_LOW                        soft    below 10 /min      20 s     medium    11 /min for 10 s
  RR_LOW                        hard    below 8 /min       10 s     high      9 /min for 10 s
  RR_HIGH                       soft    above 25 /min      20 s     low       24 /min for 10 s
  DOSE_RATE_HIGH bed-1-pump.11  soft    above 2.0 mg/kg/h  1 min    medium    1.9 mg/kg/h for 10 s
  DOSE_RATE_HIGH bed-1-pump.11  hard    above 2.5 mg/kg/h  10 s     high      2.4 mg/kg/h for 10 s
  DOSE_RATE_HIGH bed-1-pump.11  bypass  above 4.0 mg/kg/h  at once  high      3.9 mg/kg/h for 10 s
  DOSE_RATE_LOW bed-1-pump.11   soft    below 0.8 mg/kg/h  5 min    low
"""
ORIGINS = (
    ["origin"]
    + ["standard limits, edge.toml"] * 22
    + ["drug library examples 2026.1, ketamine-chronic-pain, not approved"] * 3
    + ["80 % of the ordered step, at least 0.05 mg/kg/h"]
)
RUN_DIR = Path("/run/x")
ORIGIN_COLUMN = len(
    "  DOSE_RATE_HIGH bed-1-pump.11  bypass  above 4.0 mg/kg/h  at once  high      3.9 mg/kg/h for 10 s  "
)


def table(path: Path) -> list[str]:
    code, text = report(path, RUN_DIR)
    assert code == EXIT_OK == 0
    return text.splitlines()


def test_table_of_the_shipped_file_begins_with_its_beds_and_devices() -> None:
    path = SHIPPED / "edge.toml"
    expected = EXPECTED.format(path=path).splitlines()
    assert table(path)[: len(expected)] == expected


def test_table_shows_each_limit_with_its_origin() -> None:
    lines = table(SHIPPED / "edge.toml")
    start = len(EXPECTED.splitlines())
    rows = lines[start : start + len(ORIGINS)]
    assert [row[:ORIGIN_COLUMN].rstrip() for row in rows] == LIMITS.splitlines()
    assert [row[ORIGIN_COLUMN:] for row in rows] == ORIGINS


def test_table_ends_with_the_library_and_the_hashes() -> None:
    path = SHIPPED / "edge.toml"
    lines = table(path)
    start = lines.index('drug ketamine-chronic-pain  "Ketamine, chronic pain"')
    assert lines[start + 1 : start + 3] == [
        "  named by pumps: Ketamine, Ketamin",
        "  low: 80 % of the ordered step, at least 0.05 mg/kg/h, after 5 min",
    ]
    assert [line.split()[:5] for line in lines[start + 3 : start + 7]] == [
        ["limit", "band", "alarms", "after", "priority"],
        ["DOSE_RATE_HIGH", "soft", "above", "2.0", "mg/kg/h"],
        ["DOSE_RATE_HIGH", "hard", "above", "2.5", "mg/kg/h"],
        ["DOSE_RATE_HIGH", "bypass", "above", "4.0", "mg/kg/h"],
    ]
    assert [line.split()[::2] for line in lines[-2:]] == [
        ["sha256", str(path)],
        ["sha256", str(SHIPPED / "drugs.toml")],
    ]


def test_what_is_on_another_computer_is_said_since_the_service_may_not_speak_to_it_by_itself(tmp_path: Path) -> None:
    here = changed(EDGE, ('path = "bed-1-monitor"', 'path = "tcp://127.0.0.1:4001"'))
    assert not any(line.startswith("network") for line in table(put(tmp_path, here)))
    away = changed(
        here, ("tcp://127.0.0.1:4001", "tcp://10.1.2.3:4001"), ('host = "127.0.0.1"', 'host = "broker.ward"')
    )
    lines = table(put(tmp_path, away))
    assert lines[lines.index("broker    broker.ward:1883") + 1] == (
        "network   broker.ward, 10.1.2.3: on another computer, so the service needs the drop-in network.conf"
    )


def test_bed_without_monitor_and_order_says_what_is_not_watched(tmp_path: Path) -> None:
    second = SECOND_BED.replace('channel = "11"', 'channel = "2C", serial_number = "01234"')
    lines = table(put(tmp_path, changed(EDGE, (DEMO_ORDER, SECOND_PUMP + second + DEMO_ORDER))))
    start = lines.index('bed-2  "Bed 2"')
    assert lines[start + 1 : start + 5] == [
        "  pump  bed-2-pump.2C  bbraun-space (experimental driver)  /run/x/bed-2-pump serial number 01234",
        "  vital signs: not monitored",
        "  no order: the dose limits hold from the order on",
        "",
    ]


@pytest.mark.parametrize(
    ("old", "said", "shown"),
    [
        ('channel = "11" }', 'channel = "11", identity = "pinned" }', "/run/x/bed-1-pump identity pinned"),
        (
            'channel = "11" }',
            'channel = "11", serial_number = "01234", identity = "pinned" }',
            "/run/x/bed-1-pump serial number 01234 identity pinned",
        ),
        ('channel = "11" }', 'channel = "11", identity = "confirm" }', "/run/x/bed-1-pump"),
        ('"bed-1-monitor" }', '"bed-1-monitor", identity = "confirm" }', "/run/x/bed-1-monitor identity confirm"),
        ('"bed-1-monitor" }', '"bed-1-monitor", identity = "pinned" }', "/run/x/bed-1-monitor"),
    ],
)
def test_an_identity_policy_that_is_not_the_usual_one_is_said(old: str, said: str, shown: str, tmp_path: Path) -> None:
    lines = table(put(tmp_path, changed(EDGE, (old, said))))
    role = "pump" if "pump" in shown else "monitor"
    (row,) = [line for line in lines if line.startswith(f"  {role} ")]
    assert row.endswith(f"  {shown}")


def test_low_dose_limit_never_falls_below_its_floor(tmp_path: Path) -> None:
    """80 % of 0.06 mg/kg/h is 0.048 mg/kg/h, below the floor of 0.05 mg/kg/h."""
    lines = table(put(tmp_path, changed(EDGE, ('step = "1.0 mg/kg/h"', 'step = "0.06 mg/kg/h"'))))
    (row,) = [line for line in lines if "DOSE_RATE_LOW" in line]
    assert "below 0.05 mg/kg/h" in row


def test_bed_shows_the_limits_of_its_vital_signs_alone(tmp_path: Path) -> None:
    lines = table(put(tmp_path, changed(EDGE, ('["heart_rate", "spo2", "respiratory_rate", "nibp"]', '["spo2"]'))))
    assert "  vital signs: SpO2" in lines
    assert {line.split()[0] for line in lines if line.startswith("  ") and "standard limits" in line} == {"SPO2_LOW"}
    assert not any("cuff" in line for line in lines)


def test_warnings_stand_at_the_end(tmp_path: Path) -> None:
    path = put(tmp_path, changed(EDGE, ('path = "bed-1-pump"', 'path = "/dev/ttyUSB0"')))
    assert table(path)[-4:] == [
        "Warnings",
        f"{path}: port[0].path",
        "    /dev/ttyUSB0 is numbered in the order of plugging in: another device may answer after a restart",
        "    -> use its name under /dev/serial/by-id or by-path",
    ]


def test_every_problem_is_listed_with_its_remedy(tmp_path: Path) -> None:
    edge = changed(EDGE, ('weight = "70 kg"', 'weight = "154 lb"'))
    path = put(tmp_path, edge, changed(DRUGS, ("approved = false\n", "approved = 0\n")))
    expected = (
        f"{path} cannot be used: 2 problems\n"
        "\n"
        f"{path}: demo_order[0].weight\n"
        '    "154 lb" is not in kg\n'
        '    -> give kg, like "70 kg"\n'
        f"{tmp_path / 'drugs.toml'}: drug[0].approved\n"
        "    0 is not accepted\n"
        "    -> it should be a valid boolean\n"
    )
    assert report(path, RUN_DIR) == (EXIT_CONFIG, expected)
    assert EXIT_CONFIG == 78


def test_one_problem_of_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    expected = (
        f"{path} cannot be used: 1 problem\n"
        "\n"
        f"{path}\n"
        "    cannot be read: No such file or directory\n"
        "    -> correct the path, or make a first configuration (sudo infusion-edge init)\n"
    )
    assert report(path, RUN_DIR) == (78, expected)


def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    """As `head` does; the daemon alone does not take it for an end."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "edge.cli", "check-config", str(SHIPPED / "edge.toml")]
    ended = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, timeout=15, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (1, b"")


def test_a_broken_pipe_of_the_daemon_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(cli, "_run", broken)
    with pytest.raises(BrokenPipeError):
        cli.main(["run"])


def test_a_start_by_the_last_good_files_fills_no_log_with_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    cli._warn([f"problem {number}" for number in range(60)])
    told = capsys.readouterr().err.splitlines()
    assert told[49:] == ["warning: problem 49", "warning: and 10 more; infusion-edge check-config tells them all"]
