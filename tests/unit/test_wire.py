"""From core content to message: every field, its topic, lane, life; and alarms kept and read again exactly."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bodies import alarm_body, alarm_from_body
from edge.core.effects import AlarmChanged, AlarmCleared, AlarmIndex, Event
from edge.core.model import (
    Alarm,
    AlarmKey,
    AlarmKind,
    Audience,
    Instant,
    LimitPassed,
    Phase,
    Priority,
    Side,
    SignalPresence,
)
from edge.messages.alarms import AlarmMessage
from edge.outgoing import Lane, Outgoing
from edge.wire_alarms import alarm_from_message
from tests.contents import ALARM, AT, CLOCK_ALARM, CONTENTS, ENDED, SNAPSHOT, wire

PREFIX = "infusion/v1/ward-7/edge/edge-1"
ALARM_TOPIC = f"{PREFIX}/bed/bed-3/alarm/DOSE_RATE_HIGH.pumps.1-2"
STAMP = {"mono_s": 1234.5, "wall": "2026-09-21T14:13:20.250Z", "synchronised": True}
ALARM_JSON = {
    "schema": "alarm/1",
    "run": "run-1",
    "key": "DOSE_RATE_HIGH.pumps.1-2",
    "condition": "DOSE_RATE_HIGH",
    "bed": "bed-3",
    "port": "pumps",
    "channel": "1-2",
    "occurrence": "run-1/17",
    "rev": 3,
    "kind": "physiological",
    "audience": "nurse",
    "priority": "high",
    "band": "hard",
    "present": True,
    "verifiable": True,
    "signal": "on",
    "durable": True,
    "text": "Dose rate 2.60 mg/kg/h is above 2.5",
    "action": "Check the pump and the patient",
    "onset": {"mono_s": 1200.125, "wall": "2026-09-21T14:12:45.875Z", "synchronised": False},
    "changed": STAMP,
    "value": "2.60",
    "unit": "mg/kg/h",
    "limit": {"side": "high", "band": "hard", "value": "2.5", "origin": "ketamine-chronic-pain"},
    "evidence": {"rate": "18.2 mL/h", "weight": "70 kg"},
    "audible": False,
    "latching": True,
    "returns": 1,
    "event_at": {"mono_s": 1190.125, "wall": "2026-09-21T14:12:35.875Z", "synchronised": False},
    "acknowledgement": {"by": "station-a:u12", "at": STAMP, "until_mono_s": 1354.5},
    "acceptance": {"by": "station-a:u12", "at": STAMP},
    "silence": {"reason": "audio_pause", "by": "station-a:u12", "until_mono_s": 1300.0},
    "now": {
        "priority": "medium",
        "band": "soft",
        "text": "Dose rate 2.20",
        "value": "2.20",
        "unit": "mg/kg/h",
        "limit": None,
        "evidence": {"rate": "15 mL/h"},
    },
    "delivery": {
        "state": "accepted",
        "level": 2,
        "noise_rev": 2,
        "published": STAMP,
        "broker_ack": STAMP,
        "displayed": STAMP,
        "displayed_by": "station-a",
    },
}
DEVICE_JSON = {
    "port": "pumps",
    "driver": "bbraun-space",
    "experimental": True,
    "link": "up",
    "detail": "",
    "accepted": 120,
    "rejected": 1,
    "identities": [{"channel": "1-2", "serial_number": "01234", "model": "Perfusor", "state": "unconfirmed"}],
}
STATUS_JSON = {
    "schema": "status/1",
    "state": "running",
    "edge": "edge-1",
    "run": "run-1",
    "version": "0.1.0",
    "previous_run": "run-0",
    "previous_event_seq": 99,
    **STAMP,
}
BODIES: dict[str, dict[str, Any]] = {
    "alarm": ALARM_JSON,
    "cleared": ALARM_JSON | {"rev": 4, "present": False, "signal": "off"},
    "alarm-index": {
        "schema": "alarm-index/1",
        "run": "run-1",
        "bed": "bed-3",
        "alarms": [{"key": "DOSE_RATE_HIGH.pumps.1-2", "occurrence": "run-1/17", "rev": 3, "priority": "high"}],
        "inhibited": [{"key": "DOSE_RATE_LOW.pumps.1-2", "by": "DEVICE_NO_FLOW.pumps.1-2"}],
    },
    "snapshot": {
        "schema": "snapshot/1",
        "run": "run-1",
        "bed": "bed-3",
        "at": STAMP,
        "active": True,
        "valid_for_s": 4.9,
        "vital_signs": [
            {
                "name": "heart_rate_per_min",
                "value": "72",
                "unit": "/min",
                "validity": "valid",
                "age_s": 0.4,
                "source": "monitor",
                "origin": "ECG-II",
                "note": "noisy",
            },
            {
                "name": "spo2_percent",
                "value": None,
                "unit": "%",
                "validity": "not_available",
                "age_s": None,
                "source": "monitor",
                "origin": "",
                "note": "",
            },
        ],
        "channels": [
            {
                "port": "pumps",
                "channel": "1-2",
                "link": "up",
                "state": "infusing",
                "drug": "KETAMINE",
                "metrics": [
                    {
                        "name": "infusion_rate_ml_per_h",
                        "value": "18.20",
                        "unit": "mL/h",
                        "validity": "valid",
                        "age_s": 1.0,
                        "source": "pumps/1-2",
                        "origin": "",
                        "note": "",
                    }
                ],
                "dosing_unit": "ug/kg/min",
            }
        ],
        "doses": [
            {
                "port": "pumps",
                "channel": "1-2",
                "drug": "ketamine",
                "volume_check": "not_yet",
                "volume_check_text": "volume check not yet possible",
                "infusing_s": 61.0,
                "metrics": [
                    {
                        "name": "session_dose_low_mg",
                        "value": "1.1843",
                        "unit": "mg",
                        "validity": "valid",
                        "age_s": 1.0,
                        "source": "reckoned",
                        "origin": "ketamine",
                        "note": "",
                    },
                ],
                "given_text": "1184 to 1190 ug",
            },
        ],
    },
    "therapy": {
        "schema": "therapy/1",
        "run": "run-1",
        "bed": "bed-3",
        "phase": "infusing",
        "orders": [
            {
                "port": "pumps",
                "channel": "1-2",
                "drug": "ketamine-chronic-pain",
                "concentration_mg_per_ml": "10.0",
                "weight_kg": "70",
                "step_mg_per_kg_per_h": "0.50",
                "maximum_mg_per_kg_per_h": "2.0",
                "origin": "configuration",
                "rev": 1,
                "start_mg_per_kg_per_h": None,
                "increment_mg_per_kg_per_h": None,
                "step_interval_s": None,
                "total_mg_per_kg": None,
                "planned_s": None,
                "cuff_interval_s": None,
                "round_interval_s": None,
                "given_before_mg": None,
                "prefilled": False,
                "overrides": [],
                "by": "",
                "confirmed_by": "",
                "placed": None,
                "syringe_changed": None,
                "dosing_unit": "ug/kg/min",
                "shown": {
                    "concentration": "10000 ug/mL",
                    "step": "8.33333333 ug/kg/min",
                    "maximum": "33.3333333 ug/kg/min",
                },
            }
        ],
        "limits": [
            {
                "condition": "DOSE_RATE_HIGH",
                "band": "soft",
                "side": "high",
                "value": "2.0",
                "unit": "mg/kg/h",
                "delay_s": 60.0,
                "priority": "medium",
                "origin": "drug library",
                "adjust_from": None,
                "adjust_to": None,
                "port": "pumps",
                "channel": "1-2",
                "shown": "2 mg/kg/h",
            },
            {
                "condition": "HR_HIGH",
                "band": "soft",
                "side": "high",
                "value": "120",
                "unit": "/min",
                "delay_s": 30.0,
                "priority": "medium",
                "origin": "a file",
                "adjust_from": "90",
                "adjust_to": "140",
                "port": "",
                "channel": "",
                "shown": "",
            },
        ],
        "pauses": [{"reason": "off_monitor", "by": "station-a:u12", "until_mono_s": 2134.5}],
        "durable": True,
        "phase_since": {"mono_s": 940.0, "wall": "2026-09-21T14:29:00.000Z", "synchronised": True},
        "step": 2,
        "recovery_until_mono_s": 4540.0,
        "patient": {
            "case": "c-17",
            "weight_kg": "70.5",
            "checklist": {
                "heart_disease": "yes",
                "cyp3a4_inhibitor": "unknown",
                "cyp2b6_inhibitor": "unknown",
                "opioids": "unknown",
                "sedatives": "unknown",
                "dependence": "unknown",
                "age_65_or_over": "unknown",
                "treatments_in_7_days": 1,
            },
            "by": "ann",
            "started": {"mono_s": 940.0, "wall": "2026-09-21T14:29:00.000Z", "synchronised": True},
            "rev": 2,
        },
        "awaiting": [
            {
                "order": {
                    "port": "rack",
                    "channel": "11",
                    "drug": "ketamine",
                    "concentration_mg_per_ml": "10",
                    "weight_kg": "70",
                    "step_mg_per_kg_per_h": "1.0",
                    "maximum_mg_per_kg_per_h": "2.0",
                    "origin": "a test's order",
                    "rev": 1,
                    "start_mg_per_kg_per_h": None,
                    "increment_mg_per_kg_per_h": None,
                    "step_interval_s": None,
                    "total_mg_per_kg": None,
                    "planned_s": None,
                    "cuff_interval_s": None,
                    "round_interval_s": None,
                    "given_before_mg": None,
                    "prefilled": False,
                    "overrides": [],
                    "by": "",
                    "confirmed_by": "",
                    "placed": None,
                    "syringe_changed": None,
                    "dosing_unit": "mg/kg/h",
                    "shown": {"concentration": "10 mg/mL", "step": "1.0 mg/kg/h", "maximum": "2.0 mg/kg/h"},
                },
                "user": "ann",
                "passed": ["above"],
                "until_mono_s": 1540.0,
                "advisories": [],
            }
        ],
        "baseline": {
            "heart_rate_per_min": "72",
            "nibp_sys_mmhg": "130",
            "nibp_mean_mmhg": None,
            "by": "ann",
            "at": {"mono_s": 940.0, "wall": "2026-09-21T14:29:00.000Z", "synchronised": True},
        },
        "rounds": [
            {
                "at": {"mono_s": 940.0, "wall": "2026-09-21T14:29:00.000Z", "synchronised": True},
                "by": "ann",
                "phase": "infusing",
                "airway": "clear",
                "rass": -1,
                "anxiety": "mild",
                "nausea": "none",
                "pain": 4,
            }
        ],
        "adjusted": [
            {
                "condition": "HR_HIGH",
                "band": "soft",
                "value": "115",
                "by": "ann",
                "at": {"mono_s": 940.0, "wall": "2026-09-21T14:29:00.000Z", "synchronised": True},
            }
        ],
        "roles": [
            {
                "port": "rack",
                "channel": "11",
                "role": "carrier",
                "by": "ann",
                "at": {"mono_s": 940.0, "wall": "2026-09-21T14:29:00.000Z", "synchronised": True},
            }
        ],
        "disconnected": [{"port": "rack", "channel": "11", "by": "ann", "until_mono_s": 940.0}],
        "prompts": [
            {"kind": "round", "due_mono_s": 1840.0, "port": "", "channel": ""},
            {"kind": "confirm-order", "due_mono_s": 1540.0, "port": "rack", "channel": "11"},
        ],
        "totals_lost": ["ketamine"],
        "settling": [
            {
                "port": "rack",
                "channel": "11",
                "drug": "ketamine",
                "given_mg": "62",
                "reason": "read at the pump",
                "user": "ann",
                "until_mono_s": 1540.0,
            }
        ],
    },
    "roster": {
        "schema": "roster/1",
        "run": "run-1",
        "beds": [
            {
                "bed": "bed-3",
                "label": "Bed 3",
                "bindings": [
                    {"port": "pumps", "channel": "1-2", "role": "pump"},
                    {"port": "monitor", "channel": "0", "role": "monitor"},
                ],
            }
        ],
        "devices": [DEVICE_JSON],
        "stations_required": ["station-a"],
    },
    "self-check": {
        "schema": "self-check/1",
        "run": "run-1",
        "count": 7,
        "at": STAMP,
        "devices": [DEVICE_JSON],
        "outbox_depth": 5,
        "receipts": "on",
        "alarms_high": 1,
        "alarms_medium": 2,
        "alarms_low": 3,
        "store": "the disk is full",
        "disk_free_mb": 12000,
    },
    "status": STATUS_JSON,
    "event": {
        "schema": "event/1",
        "run": "run-1",
        "event_seq": 41,
        "phase": "escalate",
        "at": STAMP,
        "alarm": ALARM_JSON,
    },
    "response": {
        "schema": "response/1",
        "run": "run-1",
        "request_id": "r-17",
        "verb": "accept",
        "result": "refused",
        "reason": "it is over",
        "durable": False,
        "at": STAMP,
        "said": "revision 3",
    },
}
KEPT_BY_THE_BROKER = (
    "key", "occurrence", "rev", "kind", "audience", "priority", "band", "present", "verifiable", "signal", "text",
    "action", "onset", "changed", "value", "unit", "limit", "evidence", "latching", "returns",
    "now",
)  # fmt: skip
TRAVELS = {
    "alarm": (ALARM_TOPIC, Lane.ALARM_HIGH, True, None, False),
    "cleared": (ALARM_TOPIC, Lane.ALARM_LOW, True, None, True),
    "alarm-index": (f"{PREFIX}/bed/bed-3/alarms", Lane.INDEX, True, None, False),
    "snapshot": (f"{PREFIX}/bed/bed-3/snapshot", Lane.SNAPSHOT, True, 4, False),
    "therapy": (f"{PREFIX}/bed/bed-3/therapy", Lane.THERAPY, True, None, False),
    "roster": (f"{PREFIX}/roster", Lane.ROSTER, True, None, False),
    "self-check": (f"{PREFIX}/self-check", Lane.SELF_CHECK, True, 30, False),
    "status": (f"{PREFIX}/status", Lane.STATUS, True, None, False),
    "event": (f"{PREFIX}/event", Lane.EVENT, False, None, False),
    "response": (f"{PREFIX}/response/station-a", Lane.RESPONSE, False, None, False),
}


def body(outgoing: Outgoing) -> Any:
    return json.loads(outgoing.payload() if callable(outgoing.payload) else outgoing.payload)


@pytest.mark.parametrize("name", CONTENTS)
def test_every_field_of_a_content_is_in_its_message(name: str) -> None:
    assert body(wire().encode(CONTENTS[name], AT)) == BODIES[name]


def test_the_fence_names_the_run_and_is_not_retained() -> None:
    sent = wire().fence()
    assert (sent.topic, sent.retain, body(sent)) == (f"{PREFIX}/fence", False, {"schema": "fence/1", "run": "run-1"})


def test_an_alarm_message_reads_back_as_the_alarm_that_it_was() -> None:
    """What only the broker knows: not who did what about it in another run, and whole otherwise."""
    sent = wire().encode(CONTENTS["alarm"], AT).payload
    assert isinstance(sent, bytes)
    plain = Alarm(**{name: getattr(ALARM, name) for name in KEPT_BY_THE_BROKER})
    assert alarm_from_message(sent) == plain


@pytest.mark.parametrize("name", CONTENTS)
def test_a_message_travels_on_its_topic_in_its_lane_for_its_life(name: str) -> None:
    sent = wire().encode(CONTENTS[name], AT)
    assert (sent.topic, sent.lane, sent.retain, sent.expiry_s, sent.then_empty) == TRAVELS[name]


@pytest.mark.parametrize("name", CONTENTS)
def test_only_a_snapshot_is_encoded_late(name: str) -> None:
    assert callable(wire().encode(CONTENTS[name], AT).payload) is (name == "snapshot")


@pytest.mark.parametrize(
    ("priority", "name", "lane"),
    [
        (Priority.HIGH, "high", Lane.ALARM_HIGH),
        (Priority.MEDIUM, "medium", Lane.ALARM_MEDIUM),
        (Priority.LOW, "low", Lane.ALARM_LOW),
    ],
)
def test_an_alarm_takes_the_lane_of_its_priority(priority: Priority, name: str, lane: Lane) -> None:
    sent = wire().encode(AlarmChanged(replace(ALARM, priority=priority)), AT)
    assert (sent.lane, body(sent)["priority"]) == (lane, name)


def test_the_end_of_a_high_alarm_does_not_go_before_another_onset() -> None:
    ended = wire().encode(AlarmCleared(ENDED), AT)
    begun = wire().encode(AlarmChanged(replace(ALARM, priority=Priority.MEDIUM)), AT)
    assert begun.lane < ended.lane


def test_an_index_goes_after_every_alarm_and_before_all_else() -> None:
    medium = replace(CLOCK_ALARM, priority=Priority.MEDIUM)
    for alarms in ((CLOCK_ALARM, medium), ()):
        lane = wire().encode(AlarmIndex("bed-3", alarms), AT).lane
        assert Lane.ALARM_LOW < lane < Lane.RESPONSE
        assert lane.urgent


def test_an_alarm_of_no_bed_stands_at_the_edge_itself_and_has_no_value() -> None:
    sent = wire().encode(AlarmChanged(CLOCK_ALARM), AT)
    assert sent.topic == f"{PREFIX}/alarm/CLOCK_UNSYNCHRONISED"
    assert (body(sent)["value"], body(sent)["limit"], body(sent)["bed"]) == (None, None, "")
    assert wire().encode(AlarmIndex("", (CLOCK_ALARM,)), AT).topic == f"{PREFIX}/alarms"


def test_the_will_and_the_last_word_differ_from_the_heartbeat_in_the_state_alone() -> None:
    for sent, state in ((wire().will(AT), "lost"), (wire().stopped(AT), "stopped")):
        assert body(sent) == STATUS_JSON | {"state": state}
        assert (sent.topic, sent.retain, sent.expiry_s) == (f"{PREFIX}/status", True, None)


def test_without_a_required_station_receipts_are_off() -> None:
    assert body(wire(stations_required=()).encode(CONTENTS["self-check"], AT))["receipts"] == "off"


def test_an_event_row_is_what_is_sent() -> None:
    event = CONTENTS["event"]
    assert isinstance(event, Event)
    sent = wire().encode(event, AT)
    assert wire().event_row(event) == (sent.topic, sent.payload)


def test_a_snapshot_valid_for_less_than_a_second_lives_for_one() -> None:
    assert wire().encode(replace(SNAPSHOT, valid_for_s=0.5), AT).expiry_s == 1


def test_a_content_that_breaks_the_contract_is_refused() -> None:
    channel = replace(SNAPSHOT.channels[0], link="perhaps")
    sent = wire().encode(replace(SNAPSHOT, channels=(channel,)), AT)
    with pytest.raises(ValueError, match="link"):
        body(sent)


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_never_sent(number: str) -> None:
    assert ALARM.limit is not None
    limit = replace(ALARM.limit, value=Decimal(number))
    for broken in (replace(ALARM, value=Decimal(number)), replace(ALARM, limit=limit)):
        for content in (AlarmChanged(broken), AlarmCleared(broken), Event(1, Phase.START, broken, AT)):
            with pytest.raises(ValueError, match="finite"):
                wire().encode(content, AT)
    metric = SNAPSHOT.vital_signs[0]._replace(value=Decimal(number))
    with pytest.raises(ValueError, match="finite"):
        body(wire().encode(replace(SNAPSHOT, vital_signs=(metric,)), AT))


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

    assert alarm_from_body(json.dumps(grown(json.loads(alarm_body(alarm))))) == alarm


@pytest.mark.parametrize(
    "broken", ["", "{}", "[]", alarm_body(ALARM)[:-1], alarm_body(ALARM).replace('"2.60"', '"NaN"')]
)
def test_what_is_no_alarm_is_refused(broken: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - only the kind of the error is promised
        alarm_from_body(broken)


def test_a_value_is_kept_as_text() -> None:
    assert json.loads(alarm_body(replace(ALARM, value=Decimal("1E+3"))))["value"] == "1E+3"
