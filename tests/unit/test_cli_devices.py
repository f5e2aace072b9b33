"""The subcommands of `infusion-sim` that put one device on a line: what they make of their options."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from simulators import cli
from simulators.alaris_asena import AsenaPump
from simulators.bbraun_space import SpaceRack
from simulators.cli import main
from simulators.cli_parts import Line
from simulators.fresenius_orchestra import OrchestraBase
from simulators.ge_dri import DriMonitor
from simulators.ge_dri_records import Group
from simulators.intellivue import IntelliVueMonitor
from simulators.intellivue_setup import Mode
from simulators.ivy_450c import IvyMonitor
from simulators.masimo_ascii import MasimoOximeter
from simulators.model import SimulatedDevice
from simulators.nellcor_ascii import NellcorOximeter
from simulators.new_era_ne1000 import NewEraPump
from simulators.nonin import NoninAscii, NoninFormat2
from simulators.oximeter import Sensor

NOW_S = 100.0


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Line]:
    """What was to be put on a line."""
    lines: list[Line] = []
    monkeypatch.setattr(cli, "serve", lambda make: lines.extend(make(NOW_S)))
    return lines


@pytest.mark.parametrize(
    ("arguments", "name", "kind", "baud"),
    [
        (("ivy",), "Ivy 450C", IvyMonitor, 9600),
        (("asena",), "Alaris Asena", AsenaPump, 38_400),
        (("space",), "Space", SpaceRack, 9600),
        (("orchestra",), "Fresenius Orchestra, module 1", OrchestraBase, 19_200),
        (("orchestra", "--position", "3"), "Fresenius Orchestra, module 3", OrchestraBase, 19_200),
        (("orchestra", "--alone"), "Fresenius pump", OrchestraBase, 19_200),
        (("ne1000",), "New Era NE-1000", NewEraPump, 19_200),
        (("dri",), "GE DRI monitor", DriMonitor, 19_200),
        (("intellivue",), "IntelliVue", IntelliVueMonitor, 115_200),
        (("masimo",), "Masimo Rad-8", MasimoOximeter, 9600),
        (("masimo", "--output", "radical-7-colour"), "Masimo Radical-7, colour screen", MasimoOximeter, 9600),
        (("nellcor",), "Nellcor N-560", NellcorOximeter, 9600),
        (("nellcor", "--model", "NPB-295"), "Nellcor NPB-295", NellcorOximeter, 9600),
        (("nonin",), "Nonin ASCII", NoninAscii, 9600),
        (("nonin", "--format", "df2"), "Nonin format 2", NoninFormat2, 9600),
    ],
)
def test_a_device_is_put_on_a_line_of_its_own_speed(
    served: list[Line], arguments: tuple[str, ...], name: str, kind: type[SimulatedDevice], baud: int
) -> None:
    assert main(arguments) == 0
    assert main((*arguments, "--baud", "1200", "--link", "/dev/x")) == 0
    usual, chosen = served
    assert isinstance(usual.device, kind)
    assert (usual.name, usual.link, usual.baud, usual.tcp_port) == (name, None, baud, None)
    assert (chosen.name, chosen.link, chosen.baud) == (name, Path("/dev/x"), 1200)


def message(served: list[Line], *arguments: str) -> str:
    """What the device says in its first message but what it says at power-on."""
    assert main(arguments) == 0
    device = served.pop().device
    device.start(NOW_S)
    assert device.deadline_s is not None
    return device.tick(device.deadline_s).decode()


def test_the_patient_of_an_oximeter_is_as_told(served: list[Line]) -> None:
    said = message(served, "masimo", "--hr", "150", "--spo2", "80", "--serial-number", "0000000007")
    fields = dict(field.split("=") for field in said.split()[2:])
    assert fields["SN"] == "0000000007"
    assert abs(int(fields["BPM"]) - 150) < 10
    assert abs(int(fields["SPO2"].rstrip("%")) - 80) < 5
    assert message(served, "masimo", "--seed", "1") == message(served, "masimo")


def test_the_sensor_of_an_oximeter_is_where_it_was_told(served: list[Line]) -> None:
    for arguments in (("masimo",), ("nellcor",), ("nonin",), ("nonin", "--format", "df2")):
        assert main((*arguments, "--sensor", "disconnected")) == 0
        device = served.pop().device
        assert isinstance(device, MasimoOximeter | NellcorOximeter | NoninAscii | NoninFormat2)
        assert device.sensor is Sensor.DISCONNECTED


def test_a_nonin_prints_as_told(served: list[Line]) -> None:
    said = message(served, "nonin", "--timed", "--fast", "--blanks", "--spo2", "90", "--hr", "60")
    assert said.startswith("00:00:01 SPO2= ")
    assert said.endswith(" F\r\n")


@pytest.mark.parametrize(("options", "mode"), [((), "SET^12.50"), (("--stopped",), "HLD^0.00")])
def test_an_asena_infuses_at_its_rate_unless_it_is_stopped(
    served: list[Line], options: tuple[str, ...], mode: str
) -> None:
    assert main(("asena", "--rate", "12.5", "--serial-number", "8002-51733", *options)) == 0
    said = served.pop().device.feed(b"!INF|4961\r", NOW_S).decode()
    assert said.startswith(f"!INF^8002-51733^-^{mode}^ml/h^^0.000^ml^")


@pytest.mark.parametrize(("options", "state", "rate"), [((), "I", "12.50"), (("--stopped",), "S", "12.50")])
def test_a_laboratory_pump_infuses_at_its_rate_unless_it_is_stopped(
    served: list[Line], options: tuple[str, ...], state: str, rate: str
) -> None:
    assert main(("ne1000", "--rate", "12.5", *options)) == 0
    assert served.pop().device.feed(b"RAT\r", NOW_S) == f"\x0200{state}{rate}MH\x03".encode()


@pytest.mark.parametrize(("options", "address"), [((), "1"), (("--position", "8"), "8"), (("--alone",), "")])
def test_an_orchestra_module_stands_where_it_was_told(
    served: list[Line], options: tuple[str, ...], address: str
) -> None:
    assert main(("orchestra", "--rate", "12.5", "--stopped", *options)) == 0
    line = served.pop()
    base = line.device
    assert isinstance(base, OrchestraBase)
    seen = base.pump(address).snapshot(NOW_S)
    assert (seen.rate_ml_per_h, seen.motor_rate_ml_per_h) == (Decimal("12.5"), Decimal(0))
    assert line.bits_per_character == 10  # a start bit, seven, parity, a stop bit


def test_a_dri_monitor_is_set_up_as_told(served: list[Line]) -> None:
    assert main(("dri", "--level", "9", "--cuff-interval", "60", "--without-alarms", "--off", "spo2")) == 0
    monitor = served.pop().device
    assert isinstance(monitor, DriMonitor)
    assert (monitor.options.dri_level, monitor.options.cuff_interval_s) == (9, 60.0)
    assert not monitor.options.alarms_available
    monitor.start(NOW_S)
    off, on = (monitor.modules.states(NOW_S)[group] for group in (Group.SPO2, Group.ECG))
    assert (off.values[0], on.values[0] > 0) == (-32767, True)
    assert monitor.modules.states(NOW_S)[Group.NIBP].values[0] > 0


def test_an_intellivue_is_set_up_as_told(served: list[Line]) -> None:
    assert main(("intellivue", "--mode", "demo", "--without-stream", "--cuff-interval", "60", "--off", "spo2")) == 0
    monitor = served.pop().device
    assert isinstance(monitor, IntelliVueMonitor)
    assert (monitor.mode, monitor.options.extension, monitor.options.cuff_interval_s) == (Mode.DEMO, 0, 60.0)
    assert main(("intellivue",)) == 0
    usual = served.pop().device
    assert isinstance(usual, IntelliVueMonitor)
    assert (usual.mode, usual.options.extension) == (Mode.MONITORING, 0x8800_0000)


@pytest.mark.parametrize("monitor", ["dri", "intellivue"])
def test_each_cuff_measurement_of_a_monitor_is_a_new_one(served: list[Line], monitor: str) -> None:
    assert main((monitor, "--cuff-interval", "300")) == 0
    device = served.pop().device
    assert isinstance(device, DriMonitor | IntelliVueMonitor)
    vitals = (device.modules if isinstance(device, DriMonitor) else device.measurements)._vitals
    assert len({vitals(NOW_S + 300 * number).nibp_sys_mmhg for number in range(8)}) > 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("asena", "--rate", "0"), "no pump can do this: rate 0 mL/h"),
        (("orchestra", "--rate", "5000"), "no pump can do this: rate 5000 mL/h"),
        (("ne1000", "--rate", "0"), "no pump can do this: rate 0 mL/h"),
        (("asena", "--serial-number", "a^b"), "no pump can do this: 'a^b' cannot stand in a field"),
        (("masimo", "--serial-number", "7"), "a --serial-number has ten digits"),
        (("dri", "--sys", "80", "--dia", "90"), "change --sys or --dia"),
        (("intellivue", "--sys", "80", "--dia", "90"), "change --sys or --dia"),
    ],
)
def test_what_cannot_be_is_named_with_the_remedy(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert main(arguments) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("asena", "--rate", "-1"), "argument --rate"),
        (("dri", "--level", "256"), "argument --level: '256' is not a whole number from 0 to 255"),
        (("dri", "--off", "EEG"), "argument --off"),
        (("intellivue", "--mode", "party"), "argument --mode"),
        (("masimo", "--output", "ascii-3"), "argument --output"),
        (("nellcor", "--model", "N-1"), "argument --model"),
        (("nonin", "--format", "df7"), "argument --format"),
        (("nonin", "--sensor", "nowhere"), "argument --sensor"),
    ],
)
def test_a_bad_option_is_named_and_ends_with_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert told in capsys.readouterr().err
