"""The schemas in `config/schema` are those of the messages, and what is really sent meets them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from edge.messages.verbs import REQUESTS
from edge.omission import collapse
from edge.rows import OutboxRow
from edge.schemas import FOLDER, main, out_of_step, schemas, write
from tests import therapy_requests
from tests.contents import AT, CONTENTS, TOPICS, wire

SCHEMA_OF = {"cleared": "alarm"}
ASKER = {"request_id": "r-1", "run": "run-1", "edge_mono_s": 12.5, "user": "u12", "role": "nurse"}
MEANT = {"bed": "bed-3", "key": "HR_HIGH", "occurrence": "run-1-1", "rev": 1}
ASKED: dict[str, dict[str, Any]] = {
    "alarm-request": {**ASKER, **MEANT, "acknowledge": True},
    "pause-request": {**ASKER, "bed": "", "duration_s": 60},
    "resume-request": {**ASKER, "bed": "bed-3"},
    "confirm-device-request": {**ASKER, "bed": "bed-3", "port": "pumps", "channel": "11", "serial_number": "01234"},
    "service-request": {**ASKER, "bed": "bed-3", "duration_s": 1800},
    "bed-accepted-request": {**ASKER, "bed": "bed-3", "result": "accepted", "sheet_sha256": "0" * 64},
    "plain-request": ASKER,
    "history-request": {**ASKER, "bed": "bed-3", "what": "trend", "metrics": ["spo2_percent"], "from_ago_s": 60},
    "receipt": {"run": "run-1", "audible": True, "beds": ["bed-3"], "displayed": [MEANT]},
    **{
        str(REQUESTS[verb].model_fields["schema_"].default).partition("/")[0]: {**ASKER, **body}
        for verb, body in therapy_requests.BODIES.items()
    },
}
"""What stations send: a field with a default may be left out."""
FENCE = "fence"
HEAD = "journal-head"
STATION = "station-status"
"""A station's own word: it is held against the schema where it is sent, in `tests/station`."""
HISTORY = "history"
"""Its pages are held against the schema where they are made: `tests/end_to_end/test_history.py`."""
OMITTED = "omitted"


def sample(name: str) -> Any:
    payload = wire().encode(CONTENTS[name], AT).payload
    return json.loads(payload() if callable(payload) else payload)


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_files_are_in_step() -> None:
    assert out_of_step(FOLDER) == []
    assert main(["--check"]) == 0


def test_every_message_has_a_schema_and_a_sample() -> None:
    samples = {SCHEMA_OF.get(name, name) for name in CONTENTS} | ASKED.keys() | {FENCE, HEAD, HISTORY, OMITTED, STATION}
    assert {f"{name}.json" for name in samples} == set(schemas())


@pytest.mark.parametrize("name", ASKED)
def test_what_a_station_asks_meets_its_schema_and_nothing_else_does(name: str) -> None:
    check = validator(name)
    check.validate(ASKED[name] | {"schema": f"{name}/1"})
    check.validate({field: value for field, value in ASKED[name].items() if field not in ("user", "role")})
    with pytest.raises(ValidationError):
        check.validate({field: value for field, value in ASKED[name].items() if field != "run"})
    with pytest.raises(ValidationError):
        check.validate(ASKED[name] | {"unheard_of": 1})


def test_the_fence_meets_its_schema() -> None:
    payload = wire().fence().payload
    assert isinstance(payload, bytes)
    validator(FENCE).validate(json.loads(payload))


def test_the_head_of_the_journal_meets_its_schema() -> None:
    outgoing = wire().journal_head(12, bytes(range(32)), AT)
    assert isinstance(outgoing.payload, bytes)
    said = json.loads(outgoing.payload)
    validator(HEAD).validate(said)
    assert (said["row"], said["hash"][:6], outgoing.retain, outgoing.topic[-8:]) == (12, "000102", True, "/journal")


def test_a_notice_of_omitted_events_meets_its_schema() -> None:
    rows = [OutboxRow("run-1", number, TOPICS.event, b"{}", 1) for number in (1, 2)]
    _, (omitted,) = collapse([replace(rows[0], wall_s=1.0), replace(rows[1], wall_s=1e9)], TOPICS.omitted, 0)
    validator(OMITTED).validate(json.loads(omitted.notice.payload))
    assert omitted.notice.topic.endswith("/omitted")


@pytest.mark.parametrize("name", CONTENTS)
def test_what_is_sent_meets_its_schema(name: str) -> None:
    validator(SCHEMA_OF.get(name, name)).validate(sample(name))


@pytest.mark.parametrize("name", CONTENTS)
def test_every_field_is_required_and_no_other_is_allowed(name: str) -> None:
    valid = sample(name)
    check = validator(SCHEMA_OF.get(name, name))
    for field in valid:
        with pytest.raises(ValidationError):
            check.validate({other: value for other, value in valid.items() if other != field})
    with pytest.raises(ValidationError):
        check.validate(valid | {"unheard_of": 1})


def test_a_number_of_the_dose_is_text_in_the_schema() -> None:
    with pytest.raises(ValidationError):
        validator("alarm").validate(sample("alarm") | {"value": 2.6})


def test_a_difference_a_gap_and_a_stray_file_are_seen_and_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path)
    (tmp_path / "alarm.json").write_text("{}", encoding="utf-8")
    (tmp_path / "status.json").unlink()
    (tmp_path / "stray.json").write_text("{}", encoding="utf-8")
    assert main(["--check", "--folder", str(tmp_path)]) == 1
    told = capsys.readouterr().out.splitlines()
    assert [Path(line.partition(":")[0]).name for line in told] == ["alarm.json", "status.json", "stray.json"]
    assert main(["--folder", str(tmp_path)]) == 0
    assert main(["--check", "--folder", str(tmp_path)]) == 0
