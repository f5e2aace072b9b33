"""Alarms kept and read again exactly."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bodies import alarm_body, alarm_from_body
from edge.core.effects import AlarmChanged
from edge.core.model import Alarm, AlarmKey, AlarmKind, Audience, Instant, LimitPassed, Priority, Side, SignalPresence
from edge.messages.alarms import AlarmMessage
from tests.contents import ALARM, AT, wire

names = st.text(max_size=20)
instants = st.builds(
    Instant, st.floats(0, 1e9, allow_nan=False), st.floats(-1e9, 1e11, allow_nan=False), synchronised=st.booleans()
)
values = st.decimals(allow_nan=False, allow_infinity=False)
alarms = st.builds(
    Alarm,
    key=st.builds(AlarmKey, names, names, names, names),
    occurrence=names,
    rev=st.integers(0, 2**63),
    kind=st.sampled_from(AlarmKind),
    audience=st.sampled_from(Audience),
    priority=st.sampled_from(Priority),
    band=names,
    present=st.booleans(),
    verifiable=st.booleans(),
    signal=st.sampled_from(SignalPresence),
    text=names,
    action=names,
    onset=instants,
    changed=instants,
    value=st.none() | values,
    unit=names,
    limit=st.none() | st.builds(LimitPassed, st.sampled_from(Side), names, values, names),
    evidence=st.lists(st.tuples(names, names), max_size=4).map(tuple),
    durable=st.booleans(),
)


@given(alarms)
def test_what_is_written_of_an_alarm_is_what_its_model_reads_and_writes(alarm: Alarm) -> None:
    payload = wire().encode(AlarmChanged(alarm), AT).payload
    assert isinstance(payload, bytes)
    read = AlarmMessage.read(payload)
    assert read.model_dump_json(by_alias=True).encode() == payload
    assert (str(read.value), read.unit, read.text) == (str(alarm.value), alarm.unit, alarm.text)
    assert [(row.side, str(row.value)) for row in (read.limit,) if row] == [
        (row.side, str(row.value)) for row in (alarm.limit,) if row
    ]


@given(alarms)
def test_an_alarm_that_was_kept_is_read_exactly(alarm: Alarm) -> None:
    again = alarm_from_body(alarm_body(alarm))
    assert again == alarm
    assert repr(again) == repr(alarm)  # 12.50 is not 12.5: the resolution counts


@given(alarms)
def test_fields_of_a_later_version_are_ignored_at_every_depth(alarm: Alarm) -> None:
    def grown(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: grown(value) for name, value in part.items()} | {"added_later": {"x": [1]}}
        return part

    later = json.loads(alarm_body(alarm))
    del later["sum"]  # it would have its own
    assert alarm_from_body(json.dumps(grown(later))) == alarm


@pytest.mark.parametrize(
    "broken", ["", "{}", "[]", alarm_body(ALARM)[:-1], alarm_body(ALARM).replace('"2.60"', '"2.00"')]
)
def test_what_is_no_alarm_is_refused(broken: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - only the kind of the error is promised
        alarm_from_body(broken)


def test_a_value_is_kept_as_text() -> None:
    assert json.loads(alarm_body(replace(ALARM, value=Decimal("1E+3"))))["value"] == "1E+3"
