"""The first `edge.toml`: the shipped file with its comments, and the site's own names, lines and beds in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.model import Quantity
from edge.config import Configuration, load
from edge.first_file import Answers, FirstBed, FirstDevice, TemplateError, edge_file

ROOT = Path(__file__).parents[2]
TEMPLATE = (ROOT / "config" / "edge.toml").read_text(encoding="utf-8")
RACK, SCREEN, OXIMETER = "/dev/serial/by-id/rack", "/dev/serial/by-id/screen", "/dev/serial/by-id/oximeter"
ONE = Answers(
    "ward-3",
    "pi-7",
    (FirstBed("bed-1", "Room 4, window"),),
    (FirstDevice("bed-1", "bbraun-space", RACK, "11", "012345"), FirstDevice("bed-1", "ivy-450c", SCREEN)),
)


def read(folder: Path, answers: Answers) -> Configuration:
    (folder / "edge.toml").write_text(edge_file(TEMPLATE, answers), encoding="utf-8")
    (folder / "drugs.toml").write_bytes((ROOT / "config" / "drugs.toml").read_bytes())
    return load(folder / "edge.toml", folder, {})


def test_a_bed_with_a_pump_and_a_monitor(tmp_path: Path) -> None:
    found = read(tmp_path, ONE)
    (bed,) = found.core.beds
    assert (found.core.site, found.core.edge, bed.bed, bed.label) == ("ward-3", "pi-7", "bed-1", "Room 4, window")
    assert [(one.port, one.channel, one.serial_number) for one in bed.pumps] == [("bed-1-pump", "11", "012345")]
    assert [(port.port, port.address) for port in found.ports] == [("bed-1-pump", RACK), ("bed-1-monitor", SCREEN)]
    assert Quantity.NIBP_SYS in bed.vital_signs
    assert found.orders == ()
    assert found.mode.value == "demo"


def test_the_limits_and_the_comments_are_the_shipped_ones(tmp_path: Path) -> None:
    found = read(tmp_path, ONE)
    shipped = load(ROOT / "config" / "edge.toml", tmp_path, {})
    assert [limit.bands for limit in found.core.vital_limits] == [limit.bands for limit in shipped.core.vital_limits]
    text = (tmp_path / "edge.toml").read_text(encoding="utf-8")
    mine = {line for line in text.splitlines() if line.startswith("#")}
    theirs = {line for line in TEMPLATE.splitlines() if line.startswith("#")}
    gone = theirs - mine
    assert all("demonstration" in line or "given_before" in line or "10 mg/mL" in line for line in gone)
    assert mine - theirs == {"# Made by infusion-edge init. Change it as you like, and try it with"}
    assert "demo_order" not in text


def test_one_rack_at_two_beds_is_one_line(tmp_path: Path) -> None:
    beds = (FirstBed("bed-1", "Bed 1"), FirstBed("bed-2", "Bed 2"))
    devices = tuple(FirstDevice(bed.bed, "bbraun-space", RACK, f"1{n}") for n, bed in enumerate(beds, start=1))
    found = read(tmp_path, Answers("ward-3", "pi-7", beds, devices))
    assert [port.channels for port in found.ports] == [("11", "12")]
    assert [bed.vital_signs for bed in found.core.beds] == [(), ()]


def test_two_monitors_of_one_bed_have_names_of_their_own(tmp_path: Path) -> None:
    devices = (FirstDevice("bed-1", "ivy-450c", SCREEN), FirstDevice("bed-1", "nonin-ascii", OXIMETER))
    found = read(tmp_path, Answers("ward-3", "pi-7", ONE.beds, devices))
    assert [port.port for port in found.ports] == ["bed-1-monitor", "bed-1-monitor-2"]


def test_an_oximeter_alone_is_not_asked_for_breathing_and_cuff(tmp_path: Path) -> None:
    found = read(tmp_path, Answers("ward-3", "pi-7", ONE.beds, (FirstDevice("bed-1", "nonin-ascii", OXIMETER),)))
    assert found.core.beds[0].vital_signs == (Quantity.HEART_RATE, Quantity.SPO2)


def test_broker_stations_and_what_would_break_a_file(tmp_path: Path) -> None:
    label = 'A "quoted" \\ å [[bed]]'
    answers = Answers(
        "ward-3",
        "pi-7",
        (FirstBed("bed-1", label),),
        ONE.devices,
        host="broker.ward.example",
        port=8883,
        stations=("desk-a", "desk-b"),
    )
    found = read(tmp_path, answers)
    assert found.core.beds[0].label == label
    assert (found.broker.host, found.broker.port) == ("broker.ward.example", 8883)
    assert [station.station for station in found.core.stations] == ["desk-a", "desk-b"]


def test_another_shipped_file_is_refused() -> None:
    with pytest.raises(TemplateError, match="demo"):
        edge_file("mode = 1\n", ONE)
