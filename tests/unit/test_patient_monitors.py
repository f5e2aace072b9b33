"""One patient, or one record, on every monitor at once: each says the same in its own protocol."""

import re
from collections.abc import Callable
from decimal import Decimal
from struct import unpack_from

import pytest

from simulators.ge_dri import DriMonitor
from simulators.intellivue import IntelliVueMonitor
from simulators.intellivue_wire import frame
from simulators.ivy_450c import IvyMonitor
from simulators.masimo_ascii import MasimoOximeter
from simulators.model import SimulatedDevice
from simulators.nellcor_ascii import NellcorOximeter
from simulators.nonin import NoninAscii, NoninFormat2
from simulators.patient import Patient, Vitals
from simulators.patient_infusion import DrugLine, InfusedPatient
from simulators.pump import PumpModel
from simulators.records import RecordedVitals
from tests.unit.ge_dri_frames import ECG, SPO2
from tests.unit.intellivue_simulator_talk import ASSOCIATE, BY_HAND, CREATE_RESULT, numerics

Source = Callable[[float], Vitals]
Shown = Callable[[float], tuple[int, int]]
DRI_ONCE = bytes.fromhex(
    "7e310000000000000000000000000000000000000000ff00000000000000000000000000000000000001ffff0000000000002f7e"
)


def talker(device: SimulatedDevice, pattern: bytes, *, spo2_first: bool) -> Shown:
    """Read the last report of a device that talks unasked."""
    device.start(0.0)

    def shown(now_s: float) -> tuple[int, int]:
        said = b""
        while device.deadline_s is not None and device.deadline_s <= now_s:
            said += device.tick(device.deadline_s)
        found = [(int(one), int(two)) for one, two in re.findall(pattern, said, re.DOTALL)]
        one, two = found[-1]
        return (two, one) if spo2_first else (one, two)

    return shown


def on_ivy(vitals: Source) -> Shown:
    return talker(IvyMonitor(vitals), rb"HR=1;(\d+);.*?SPO2=1;(\d+);", spo2_first=False)


def on_masimo(vitals: Source) -> Shown:
    return talker(MasimoOximeter(vitals), rb"SPO2=(\d+)% BPM=(\d+)", spo2_first=True)


def on_nellcor(vitals: Source) -> Shown:
    return talker(NellcorOximeter(vitals), rb"\d\d:\d\d:\d\d +(\d+)\*? +(\d+)", spo2_first=True)


def on_nonin(vitals: Source) -> Shown:
    return talker(NoninAscii(vitals), rb"SPO2=(\d+) HR=(\d+)", spo2_first=True)


def on_nonin_format_2(vitals: Source) -> Shown:
    device = NoninFormat2(vitals)
    device.start(0.0)

    def shown(now_s: float) -> tuple[int, int]:
        said = b""
        while device.deadline_s is not None and device.deadline_s <= now_s:
            said += device.tick(device.deadline_s)
        frames = [said[at : at + 5] for at in range(0, len(said), 5)]
        begin = max(number for number, one in enumerate(frames[:-2]) if one[1] & 1)
        upper, lower, spo2 = (frames[begin + place][3] for place in range(3))
        return (upper & 3) << 7 | lower, spo2

    return shown


def on_dri(vitals: Source) -> Shown:
    monitor = DriMonitor(vitals)
    monitor.start(0.0)

    def shown(now_s: float) -> tuple[int, int]:
        said = monitor.feed(DRI_ONCE, now_s)
        record = re.sub(rb"\x7d(.)", lambda pair: bytes([pair[1][0] ^ 0x20]), said[1:-1], flags=re.DOTALL)
        (heart_rate,), (spo2,) = (unpack_from("<h", record, group + 6) for group in (ECG, SPO2))
        assert spo2 % 100 == 0
        return heart_rate, spo2 // 100

    return shown


def on_intellivue(vitals: Source) -> Shown:
    monitor = IntelliVueMonitor(vitals, BY_HAND)
    monitor.start(0.0)

    def shown(now_s: float) -> tuple[int, int]:
        monitor.tick(now_s)  # it has given up a host that was silent
        monitor.feed(frame(ASSOCIATE), now_s)
        monitor.feed(frame(CREATE_RESULT), now_s)
        told = numerics(monitor, now_s)
        tenths, spo2 = divmod(told[0x4BB8][2], 1 << 24)  # a FLOAT: the exponent, then the digits
        assert tenths == 0xFF
        return told[0x4182][2], spo2 // 10

    return shown


MONITORS = [on_ivy, on_dri, on_intellivue, on_masimo, on_nellcor, on_nonin, on_nonin_format_2]


def bed() -> InfusedPatient:
    pump = PumpModel()
    pump.set_rate(0.0, Decimal("18.90"))
    pump.start(0.0)
    return InfusedPatient(Patient(1, time_scale=60.0), [DrugLine(pump, Decimal(10))])


def test_all_monitors_of_one_patient_show_the_one_patient() -> None:
    patient, alone = bed(), bed()
    shown = [attach(patient.vitals) for attach in MONITORS]
    alone.vitals(0.0)
    patient.vitals(0.0)
    rates = []
    for now_s in (30.0, 60.0, 90.0):
        truth = alone.vitals(now_s)
        assert truth.heart_rate_per_min is not None
        assert truth.spo2_percent is not None
        rates.append(truth.heart_rate_per_min)
        for look in shown:
            heart_rate, spo2 = look(now_s)
            assert abs(heart_rate - truth.heart_rate_per_min) <= 1
            assert abs(spo2 - truth.spo2_percent) <= 1
    assert rates == sorted(rates)
    assert rates[-1] > rates[0]


@pytest.mark.parametrize("attach", MONITORS)
def test_a_record_plays_through_any_monitor(attach: Callable[[Source], Shown]) -> None:
    shown = attach(RecordedVitals("minute,HR_bpm,SpO2_%\n0,62.8,97.4\n1,120.2,88.0\n2,71,99\n"))
    assert shown(30.0) == (63, 97)
    assert shown(90.0) == (120, 88)
    assert shown(150.0) == (71, 99)
