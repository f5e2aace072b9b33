"""The alarms of the simulated IntelliVue monitor, and its priority lists."""

from typing import Any

import pytest

from simulators.intellivue_alarms import MAX_ALARMS, Alarm, AlarmState, AlarmType
from simulators.intellivue_numerics import Numeric
from simulators.intellivue_setup import IntelliVueOptions
from simulators.intellivue_values import TEXT_CHARS_MAX
from simulators.intellivue_wire import frame
from tests.unit.intellivue_simulator_talk import (
    ALARMS,
    alarm_lists,
    alarm_object,
    condition,
    connected,
    numerics,
    one,
    operation,
    poll,
    result,
)

APNEA = Alarm(AlarmType.PATIENT_HIGH, 0x0102, "*** APNEA", Numeric.RR, 0x500A, 0x0003_0001, AlarmState.NEW, 4)
LEADS_OFF = Alarm(AlarmType.TECHNICAL_LOW, 0x0022, "ECG LEADS OFF", Numeric.HR, 0x4182)


def test_without_alarms_the_lists_are_empty() -> None:
    monitor = connected()
    assert alarm_object(monitor) == {0x0902: bytes(4), 0x0904: bytes(4), 0x0916: bytes(10)}
    assert result(one(monitor.feed(poll(ALARMS), 1.0))).objects == {256: alarm_object(monitor)}
    assert result(one(monitor.feed(poll(ALARMS, 0x0803), 1.0))).objects == {}


def test_alarms_are_told_in_two_lists() -> None:
    monitor = connected()
    monitor.alarms.raise_alarm(APNEA)
    monitor.alarms.raise_alarm(LEADS_OFF)
    monitor.alarms.raise_alarm(Alarm(AlarmType.TECHNICAL_HIGH, 0x0030, text_id=0x0003_0002))
    patient, technical = alarm_lists(monitor)
    assert patient == [(0x500A, 0x0102, 0x0400, 8, "000600000004", 1, 0x30001, 4, "*** APNEA")]
    assert technical == [
        (0x4182, 0x0022, 0x0001, 0, "000600000001", 2, 0, 0, "ECG LEADS OFF"),
        (0, 0x0030, 0x0004, 0, "002100000000", 3, 0x30002, 0, ""),
    ]
    assert condition(monitor) == (0, 3, 0x0400, 0x0004, 0x0400)
    assert {physio_id for physio_id, (state, _, _) in numerics(monitor).items() if state & 2} == {0x500A}


def test_the_literal_bytes_of_an_alarm() -> None:
    monitor = connected()
    monitor.alarms.raise_alarm(
        Alarm(AlarmType.PATIENT_MEDIUM, 0x0004, "HR", Numeric.HR, 0x4182, 0x0003_0001, 0x1000, 2)
    )
    assert alarm_object(monitor)[0x0902].hex(" ", 2) == (
        "0001 0024 4182 0004 0200 1000 0006 0000 0001 0204 0012 0001 0003 0001 0002 0000 0006 0048 0052 0000"
    )


def test_silenced_and_ended_alarms() -> None:
    monitor = connected()
    apnea = monitor.alarms.raise_alarm(APNEA)
    leads_off = monitor.alarms.raise_alarm(LEADS_OFF)
    monitor.alarms.change_alarm(apnea, Alarm(AlarmType.PATIENT_HIGH, 0x0102, state=AlarmState.SILENCED))
    assert condition(monitor) == (0, 3, 0x0400, 0x0001, 0x0001)
    monitor.alarms.state = AlarmState.SUSPENDED
    assert condition(monitor) == (0x4000, 3, 0x0400, 0x0001, 0)
    monitor.alarms.end_alarm(apnea)
    monitor.alarms.end_alarm(leads_off)
    assert condition(monitor) == (0x4000, 5, 0, 0, 0)
    with pytest.raises(KeyError):
        monitor.alarms.end_alarm(apnea)
    with pytest.raises(KeyError):
        monitor.alarms.change_alarm(apnea, APNEA)
    assert monitor.alarms.raise_alarm(LEADS_OFF) == 3


def test_as_many_alarms_as_fit_a_message() -> None:
    monitor = connected()
    for _ in range(MAX_ALARMS):
        monitor.alarms.raise_alarm(Alarm(AlarmType.PATIENT_LOW, 1, "x" * TEXT_CHARS_MAX))
    with pytest.raises(ValueError, match="too many"):
        monitor.alarms.raise_alarm(APNEA)
    told = one(monitor.feed(poll(ALARMS, 0x0801), 1.0))
    assert len(told) <= 1456
    assert len(alarm_lists(monitor)[0]) == MAX_ALARMS


@pytest.mark.parametrize("wrong", [{"code": 65536}, {"code": 1, "text_id": -1}, {"code": 1, "words": "\0"}])
def test_impossible_alarms_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"byte|text"):
        Alarm(AlarmType.PATIENT_LOW, **wrong)


def test_priority_lists_can_be_read() -> None:
    monitor = connected(IntelliVueOptions(cuff_interval_s=None, fitted=frozenset({Numeric.HR, Numeric.SPO2})))

    def get(number: int) -> bytes:
        return frame(operation(3, bytes.fromhex("0021 0000 0000 00000000 0001 0002") + number.to_bytes(2, "big")))

    assert one(monitor.feed(get(0xF239), 0.0)) == bytes.fromhex(
        "e1000002 0002 0020 0007 0003 001a 0021 0000 0000 0001 0010 f239 000c 0002 0008 00024182 00024bb8"
    )
    assert one(monitor.feed(get(0xF23A), 0.0))[-8:] == bytes.fromhex("f23a 0004 0000 0000")
    assert monitor.violations == []
