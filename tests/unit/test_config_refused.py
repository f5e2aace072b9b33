"""What the configuration refuses: each thing with its place and its remedy, and everything at once (H-34, T-37)."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drivers import registry
from edge.config import ConfigError, Mode, load
from edge.config_file import FILE_MAX_BYTES, Problem
from tests.unit.config_files import (
    CLINICAL,
    DEMO_ORDER,
    DRUG_HIGH,
    DRUGS,
    EDGE,
    ENTRY,
    HR_HIGH,
    MONITORS,
    SECOND_BED,
    SECOND_PUMP,
    UNIQUE,
    WEIGHT,
    changed,
    problems_of,
    put,
)

# --- refusals, each alone ---


@dataclass(frozen=True)
class Case:
    """One change of a shipped file, and the one problem that must come of it."""

    name: str
    changes: list[tuple[str, str]]
    key: str
    message: str
    remedy: str


def corpus(name: str) -> list[Any]:
    cases = tomllib.loads((Path(__file__).parent / "invalid_config" / name).read_text())["case"]
    return [pytest.param(Case(**case), id=case["name"]) for case in cases]


@pytest.mark.parametrize("case", corpus("edge.toml"))
def test_refused(case: Case, tmp_path: Path) -> None:
    path = put(tmp_path, changed(EDGE, *case.changes))
    assert problems_of(path, tmp_path) == (Problem(str(path), case.key, case.message, case.remedy),)


@pytest.mark.parametrize("case", corpus("drugs.toml"))
def test_library_refused(case: Case, tmp_path: Path) -> None:
    path = put(tmp_path, drugs=changed(DRUGS, *case.changes))
    drugs = str(tmp_path / "drugs.toml")
    assert problems_of(path, tmp_path) == (Problem(drugs, case.key, case.message, case.remedy),)


@pytest.mark.parametrize(
    ("old", "new", "key", "driver"),
    [
        ('channel = "11" }]', 'channel = "4Z" }]', "bed[0].pumps[0].channel", "bbraun-space"),
        (MONITORS, MONITORS.replace(" }", ', channel = "4Z" }'), "bed[0].monitors[0].channel", "ivy-450c"),
    ],
)
def test_channel_that_the_driver_does_not_have(old: str, new: str, key: str, driver: str, tmp_path: Path) -> None:
    path = put(tmp_path, changed(EDGE, (old, new)))
    remedy = registry.driver(driver).channel_help
    assert problems_of(path, tmp_path) == (Problem(str(path), key, f'"4Z" is no channel of {driver}', remedy),)


def test_library_without_a_drug(tmp_path: Path) -> None:
    path = put(tmp_path, drugs=DRUGS.replace(ENTRY, ""))
    drugs = str(tmp_path / "drugs.toml")
    assert problems_of(path, tmp_path) == (Problem(drugs, "drug", "is missing", "write at least one [[drug]]"),)


def test_drug_twice(tmp_path: Path) -> None:
    path = put(tmp_path, drugs=DRUGS + ENTRY.replace('["Ketamine", "Ketamin"]', '["S-Ketamin"]'))
    drugs = str(tmp_path / "drugs.toml")
    assert problems_of(path, tmp_path) == (Problem(drugs, "drug[1].id", "is the same as drug[0].id", UNIQUE),)


def test_two_orders_of_one_channel(tmp_path: Path) -> None:
    path = put(tmp_path, changed(EDGE, (DEMO_ORDER, DEMO_ORDER + DEMO_ORDER)))
    assert problems_of(path, tmp_path) == (
        Problem(str(path), "demo_order[1].channel", "is the same as demo_order[0].channel", UNIQUE),
    )


def test_two_weights_of_one_patient(tmp_path: Path) -> None:
    second = DEMO_ORDER.replace('channel = "11"', 'channel = "12"').replace('"70 kg"', '"71 kg"')
    two_channels = ('channel = "11" }]', 'channel = "11" }, { port = "bed-1-pump", channel = "12" }]')
    path = put(tmp_path, changed(EDGE, two_channels, (DEMO_ORDER, DEMO_ORDER + second)))
    message = 'bed "bed-1" has another weight in another order'
    remedy = "a bed has one patient: give one weight"
    assert problems_of(path, tmp_path) == (Problem(str(path), "demo_order[1].weight", message, remedy),)


def test_order_for_the_pump_of_another_bed(tmp_path: Path) -> None:
    order = DEMO_ORDER.replace('bed = "bed-1"', 'bed = "bed-2"')
    path = put(tmp_path, changed(EDGE, (DEMO_ORDER, SECOND_PUMP + SECOND_BED + order)))
    message = 'channel 11 of "bed-1-pump" is no pump of bed "bed-2"'
    remedy = "name a channel that is listed under the bed's pumps"
    assert problems_of(path, tmp_path) == (Problem(str(path), "demo_order[0].channel", message, remedy),)


# --- refusals of a whole ---


@pytest.mark.parametrize(
    ("old", "key", "message"),
    [
        ("[standard_limits.spo2_low]", "standard_limits.spo2_low", "is missing"),
        ("[standard_limits.nibp_sys_high]", "standard_limits.nibp_sys_high", "is missing"),
    ],
)
def test_no_limit_may_be_left_out(old: str, key: str, message: str, tmp_path: Path) -> None:
    start = EDGE.index(old)
    following = EDGE.find("\n[standard_limits", start + 1)
    path = put(tmp_path, EDGE[:start] + EDGE[following:])
    assert problems_of(path, tmp_path) == (Problem(str(path), key, message, f"write it as [{key}]"),)


def test_without_standard_limits_nothing_would_be_armed(tmp_path: Path) -> None:
    path = put(tmp_path, EDGE[: EDGE.index("[standard_limits")])
    assert problems_of(path, tmp_path) == (
        Problem(str(path), "standard_limits", "is missing", "write it as [standard_limits]"),
    )


def one_limit(name: str, soft: str, hysteresis: str) -> str:
    """The shipped file with the soft band of one limit alone."""
    start = EDGE.index(f"[standard_limits.{name}]")
    end = EDGE.find("\n[standard_limits", start + 1)
    delays = 'soft_delay = "20 s"\nclear_delay = "10 s"'
    limit = f'[standard_limits.{name}]\nsoft = "{soft}"\n{delays}\nhysteresis = "{hysteresis}"\n'
    return EDGE[:start] + limit + (EDGE[end:] if end > 0 else "")


@pytest.mark.parametrize(
    ("name", "soft", "hysteresis", "message"),
    [
        ("spo2_low", "98 %", "2 %", "2 leaves no room to clear: it is 2 from soft to the end of the scale"),
        (
            "respiratory_rate_high",
            "25 /min",
            "15 /min",
            "15 leaves no room to clear: it is 15 from soft to respiratory_rate_low",
        ),
    ],
)
def test_hysteresis_without_room_to_clear(name: str, soft: str, hysteresis: str, message: str, tmp_path: Path) -> None:
    path = put(tmp_path, one_limit(name, soft, hysteresis))
    remedy = "make it smaller, or move the limits apart"
    assert problems_of(path, tmp_path) == (Problem(str(path), f"standard_limits.{name}.hysteresis", message, remedy),)


@pytest.mark.parametrize(
    ("name", "soft", "hysteresis"), [("spo2_low", "98 %", "1 %"), ("respiratory_rate_high", "25 /min", "14 /min")]
)
def test_hysteresis_with_room_to_clear(name: str, soft: str, hysteresis: str, tmp_path: Path) -> None:
    load(put(tmp_path, one_limit(name, soft, hysteresis)), tmp_path)


def test_all_errors_at_once(tmp_path: Path) -> None:
    edge = changed(
        EDGE,
        ('site = "demo"', 'site = "Demo"'),
        ("port = 1883", "prt = 1883"),
        ('driver = "ivy-450c"', 'driver = "ivy"'),
        ('cuff_interval = "5 min"', "cuff_interval = 5"),
        ('channel = "11" }', 'channel = "11" }, { port = "nowhere", channel = "11" }'),
        (WEIGHT, 'weight = "154 lb"'),
        ('hard = "140 /min"', 'hard = "100 /min"'),
        ('soft_priority = "low"', "soft_prority = 1"),
    )
    path = put(
        tmp_path,
        edge,
        changed(DRUGS, ('bypass = "4.0 mg/kg/h"', 'bypass = "2 mg/kg/h"'), ('delay = "5 min"', 'delay = "1 h"')),
    )
    found = problems_of(path, tmp_path)
    assert [(Path(problem.file).name, problem.key) for problem in found] == [
        ("edge.toml", "site"),
        ("edge.toml", "broker.prt"),
        ("edge.toml", "port[1].driver"),
        ("edge.toml", "bed[0].cuff_interval"),
        ("edge.toml", "bed[0].pumps[1].port"),
        ("edge.toml", "demo_order[0].weight"),
        ("edge.toml", f"{HR_HIGH}.hard"),
        ("edge.toml", "standard_limits.respiratory_rate_high.soft_prority"),
        ("drugs.toml", f"{DRUG_HIGH}.bypass"),
        ("drugs.toml", "drug[0].dose_rate_low.delay"),
    ]
    assert all(problem.message and problem.remedy for problem in found)


def test_the_error_says_every_problem(tmp_path: Path) -> None:
    path = put(tmp_path, changed(EDGE, ('edge = "pi-1"\n', ""), (WEIGHT, "weight = 70")))
    with pytest.raises(ConfigError) as caught:
        load(path, tmp_path)
    assert str(caught.value) == (
        f"{path}: edge: is missing; add it; the shipped file explains every key\n"
        f'{path}: demo_order[0].weight: 70 has no unit; write a weight as text with kg, like "70 kg"'
    )


def test_clinical_refuses_orders_and_unapproved_drugs(tmp_path: Path) -> None:
    path = put(tmp_path, CLINICAL.replace("# ---- Standard limits", f"{DEMO_ORDER}# ---- Standard limits"))
    assert problems_of(path, tmp_path) == (
        Problem(str(path), "demo_order[0]", "clinical mode has no demonstration orders", "remove it"),
        Problem(
            str(tmp_path / "drugs.toml"),
            "drug[0].approved",
            "clinical mode refuses a drug that is not approved",
            "have it approved by a clinician (`infusion-edge library show`), or set enabled = false",
        ),
    )


# --- files ---


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    assert problems_of(path, tmp_path) == (
        Problem(
            str(path),
            "",
            "cannot be read: No such file or directory",
            "correct the path, or make a first configuration (sudo infusion-edge init)",
        ),
    )


def test_unreadable_file(tmp_path: Path) -> None:
    assert problems_of(tmp_path, tmp_path) == (
        Problem(str(tmp_path), "", "cannot be read: Is a directory", "correct the path"),
    )


def test_missing_library(tmp_path: Path) -> None:
    path = put(tmp_path)
    (tmp_path / "drugs.toml").unlink()
    remedy = "correct the path, or make a first configuration (sudo infusion-edge init)"
    assert problems_of(path, tmp_path) == (
        Problem(str(tmp_path / "drugs.toml"), "", "cannot be read: No such file or directory", remedy),
    )


def test_library_that_is_not_toml(tmp_path: Path) -> None:
    (problem,) = problems_of(put(tmp_path, drugs="[[drug]\n"), tmp_path)
    assert problem.file == str(tmp_path / "drugs.toml")
    assert problem.message.startswith("is not TOML: ")


@pytest.mark.parametrize(
    ("make", "why"), [(lambda _: None, "No such file or directory"), (os.mkfifo, "it is no regular file")]
)
def test_a_password_file_that_is_not_there_or_is_a_pipe(make: Callable[[Path], None], why: str, tmp_path: Path) -> None:
    path = put(tmp_path, changed(EDGE, ("port = 1883", 'username = "pi"\npassword_file = "secret"')))
    make(tmp_path / "secret")
    reason = f"{tmp_path / 'secret'} cannot be read: {why}"
    remedy = "give a file that the service's user may read"
    assert problems_of(path, tmp_path) == (Problem(str(path), "broker.password_file", reason, remedy),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"mode = 'demo'\nsite =\n", r"is not TOML: .*\(at line 2, column 7\)"),
        (b"mode = 'demo'\nmode = 'clinical'\n", r"is not TOML: .*\(at line 2, column 18\)"),
        (b"mode = 'd\xe9mo'\n", r"is not TOML: 'utf-8' codec can't decode .*"),
        (b"mode = " + b"9" * 5000, r"is not TOML: .*"),
        (b"mode = " + b"[" * 100_000, r"is nested too deeply"),
        (b"\n" + b"a." * 400_000 + b"b = 1\n", r"is not TOML: more than 100 points \(at line 2\)"),
    ],
    ids=["syntax", "key twice", "not UTF-8", "huge number", "nested", "hours to read"],
)
def test_not_toml(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_bytes(content)
    (problem,) = problems_of(path, tmp_path)
    assert (problem.file, problem.key) == (str(path), "")
    assert re.fullmatch(message, problem.message)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_named_and_not_waited_for(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "edge.toml")
    (problem,) = problems_of(tmp_path / "edge.toml", tmp_path)
    assert re.match("cannot be read: (it is no regular file|Is a directory)$", problem.message)


@pytest.mark.parametrize(("size", "refused"), [(FILE_MAX_BYTES, False), (FILE_MAX_BYTES + 1, True)])
def test_size_of_a_file_is_bounded(size: int, refused: bool, tmp_path: Path) -> None:
    path = put(tmp_path, EDGE + "#" * (size - len(EDGE.encode())))
    if not refused:
        assert load(path, tmp_path).mode is Mode.DEMO
        return
    assert problems_of(path, tmp_path) == (
        Problem(str(path), "", "is larger than 1048576 bytes", "give a configuration file"),
    )


# --- whatever is written ---

ANYTHING = """
-1  0  1e400  true  2026-01-01  12:00:00
""  " "  "x"  "1 kg"  "\\u0000"  "/dev/null"  "tcp://"  "LONG"
[]  [[]]  [1]  ["x"]  ["x","x"]  {}  {a=1}  [{}]  [{a=1}]
[{port=[],channel={}}]  [{port="x",channel=""}]  [{port="bed-1-pump",channel="x"},{port="bed-1-pump",channel="x"}]
""".replace("LONG", "9" * 400)


def outcome(path: Path, run_dir: Path) -> tuple[Problem, ...]:
    try:
        load(path, run_dir)
    except ConfigError as error:
        return error.problems
    return ()


VALUES = re.findall(r'(?:"[^"\n]*"|\S)+', ANYTHING)
ASSIGNED = re.compile(r"^(\w+) = .*$", re.MULTILINE)
LIMITS_AT = EDGE.index("[standard_limits")
WITHOUT_FLAGS = DRUGS[: DRUGS.index("[drug.heart_disease]")]
"""A library that is quick to read, beside an edge.toml that is the one in question."""


@pytest.mark.parametrize("value", VALUES)
def test_any_value_at_any_key_is_taken_or_refused(value: str, tmp_path: Path) -> None:
    """Nothing that a file can say raises anything else than ConfigError, and every problem says what to do."""
    path = put(tmp_path, EDGE, WITHOUT_FLAGS)
    for match in ASSIGNED.finditer(EDGE, 0, LIMITS_AT):
        path.write_text(_assigned(EDGE, match, value))
        _taken_or_refused(path)
    path = put(tmp_path)
    for match in ASSIGNED.finditer(DRUGS):
        (tmp_path / "drugs.toml").write_text(_assigned(DRUGS, match, value))
        _taken_or_refused(path)


@pytest.mark.parametrize(("turn", "value"), list(enumerate(VALUES)))
def test_any_value_in_any_standard_limit_is_taken_or_refused(turn: int, value: str, tmp_path: Path) -> None:
    """Each limit is read whatever the others say: a value is put into all of them at once and, in turn, into one."""
    path = put(tmp_path, EDGE, WITHOUT_FLAGS)
    head, limits = EDGE[:LIMITS_AT], EDGE[LIMITS_AT:]
    for name in dict.fromkeys(ASSIGNED.findall(limits)):
        found = [match for match in ASSIGNED.finditer(limits) if match[1] == name]
        path.write_text(head + _assigned_in_each(limits, name, value))
        told = {problem.key.partition("[")[0] for problem in _taken_or_refused(path)}
        assert len({key for key in told if key.endswith(f".{name}")}) in (0, len(found))
        path.write_text(head + _assigned(limits, found[turn % len(found)], value))
        _taken_or_refused(path)


def _assigned(text: str, match: re.Match[str], value: str) -> str:
    return f"{text[: match.start()]}{match[1]} = {value}{text[match.end() :]}"


def _assigned_in_each(text: str, name: str, value: str) -> str:
    return ASSIGNED.sub(lambda match: f"{name} = {value}" if match[1] == name else match[0], text)


def _taken_or_refused(path: Path) -> tuple[Problem, ...]:
    problems = outcome(path, path.parent / "run")
    assert all(problem.message and problem.remedy for problem in problems)
    return problems


def test_a_station_needs_a_name_of_its_own_and_a_role_that_there_is(tmp_path: Path) -> None:
    path = put(tmp_path, changed(EDGE, ('id = "ward-desk"\nrole = "prescriber"', 'id = "local"\nrole = "king"')))
    named, role = problems_of(path, tmp_path)
    assert (named.key, named.message) == ("station[0].id", "is the same as the name of the edge's own control socket")
    assert role.key == "station[0].role"
    assert role.remedy == "it should be 'viewer', 'technician', 'nurse' or 'prescriber'"
