"""The configuration files: the shipped ones as they are read, and what else may be said."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from unittest.mock import Mock

import pytest

from bench.configuration import whole_beds
from drivers import registry
from drivers.model import DeviceKind, Driver, LineSettings, NibpTime, Quantity
from edge.config import Configuration, Mode, load
from edge.config_broker import BrokerSettings
from edge.config_file import Problem
from edge.config_ports import APART, TOGETHER
from edge.core.config import BandLimit, BedConfig, Binding, IdentityPolicy, LimitConfig, PortConfig, StationConfig
from edge.core.inputs import PlaceOrder, Role
from edge.core.model import Priority, Side
from edge.core.therapy import Order
from tests.unit.config_files import (
    APPROVED,
    CLINICAL,
    DRUGS,
    EDGE,
    SECOND_BED,
    SECOND_PUMP,
    SHIPPED,
    UNIQUE,
    WEIGHT,
    changed,
    problems_of,
    put,
)


@pytest.fixture
def shipped(tmp_path: Path) -> Configuration:
    return load(SHIPPED / "edge.toml", tmp_path)


# --- the shipped files ---


def test_shipped_surroundings(shipped: Configuration, tmp_path: Path) -> None:
    assert shipped.mode is Mode.DEMO
    assert (shipped.core.site, shipped.core.edge) == ("demo", "pi-1")
    assert shipped.broker == BrokerSettings("127.0.0.1", 1883, "", None)
    assert shipped.store_path == tmp_path / "edge.db"
    assert shipped.core.stations == (StationConfig("ward-desk", Role.PRESCRIBER, required=False),)
    assert shipped.warnings == ()


def test_shipped_hashes_are_of_the_files(shipped: Configuration) -> None:
    expected = tuple(
        (str(SHIPPED / name), hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest())
        for name in ("edge.toml", "drugs.toml")
    )
    assert shipped.sha256 == expected


BEDS = ("bed-1", "bed-2")


def test_shipped_ports(shipped: Configuration, tmp_path: Path) -> None:
    told = {port.port: port for port in shipped.ports}
    assert list(told) == [f"{bed}-{device}" for bed in BEDS for device in ("pump", "monitor")]
    for bed in BEDS:
        pump, monitor = told[f"{bed}-pump"], told[f"{bed}-monitor"]
        assert (pump.address, pump.driver.name) == (str(tmp_path / f"{bed}-pump"), "bbraun-space")
        assert (pump.poll_interval_s, pump.channels, pump.line) == (1.0, ("11",), pump.driver.line)
        assert (monitor.address, monitor.driver.name) == (str(tmp_path / f"{bed}-monitor"), "ivy-450c")
        assert monitor.channels == ("0",)
    kinds = {port.port: (port.driver, port.kind) for port in shipped.core.ports}
    for bed in BEDS:
        assert kinds[f"{bed}-pump"] == ("bbraun-space", DeviceKind.PUMP)
        assert kinds[f"{bed}-monitor"] == ("ivy-450c", DeviceKind.MONITOR)


def test_some_lines_are_asked_together_and_the_next_at_another_moment(tmp_path: Path) -> None:
    ports = load(whole_beds(tmp_path, 5), tmp_path).ports
    asked = [port.asks_at_s for port in ports]
    assert asked == [*[0.0] * TOGETHER, *[pytest.approx(APART)] * TOGETHER, *[pytest.approx(2 * APART)] * 2]


def test_shipped_beds(shipped: Configuration) -> None:
    assert shipped.core.beds == tuple(
        BedConfig(
            bed=bed,
            label=label,
            pumps=(Binding(f"{bed}-pump", "11", serial_number),),
            monitors=(Binding(f"{bed}-monitor", "0", identity=IdentityPolicy.PINNED),),
            vital_signs=(
                Quantity.HEART_RATE,
                Quantity.SPO2,
                Quantity.RESPIRATORY_RATE,
                Quantity.NIBP_SYS,
                Quantity.NIBP_DIA,
                Quantity.NIBP_MEAN,
            ),
            cuff_interval_s=300.0,
        )
        for bed, label, serial_number in zip(BEDS, ("Bed 1", "Bed 2"), ("012345", "012346"), strict=True)
    )


def test_shipped_orders(shipped: Configuration) -> None:
    assert shipped.orders == tuple(
        PlaceOrder(
            bed,
            Order(
                port=f"{bed}-pump",
                channel="11",
                drug="ketamine-chronic-pain",
                concentration_mg_per_ml=Decimal(10),
                weight_kg=Decimal(70),
                step_mg_per_kg_per_h=Decimal("1.0"),
                maximum_mg_per_kg_per_h=Decimal("2.0"),
                origin=f"edge.toml demo_order[{number}]",
                given_before_mg=Decimal(50),
            ),
        )
        for number, bed in enumerate(BEDS)
    )
    assert str(shipped.orders[0].order.step_mg_per_kg_per_h) == "1.0"


def test_an_order_of_micrograms_is_taken_in_their_unit_and_in_milligrams(tmp_path: Path) -> None:
    in_micrograms = (('step = "1.0 mg/kg/h"', 'step = "0.4 ug/kg/h"'), ('"2.0 mg/kg/h"', '"0.0014 mg/kg/h"'))
    found = load(put(tmp_path, changed(EDGE, *in_micrograms)), tmp_path).orders[0].order
    assert (str(found.step_mg_per_kg_per_h), str(found.maximum_mg_per_kg_per_h)) == ("0.0004", "0.0014")


def test_shipped_limits(shipped: Configuration) -> None:
    """The table of the clinical basis, section 5.6: value, delay; condition by condition, the mildest band first."""
    shown = {
        limit.condition: [(str(band.value), band.delay_s, band.priority.name) for band in limit.bands]
        for limit in shipped.core.vital_limits
    }
    assert shown == {
        "HR_LOW": [("45", 20.0, "MEDIUM"), ("40", 10.0, "HIGH")],
        "HR_HIGH": [("120", 20.0, "MEDIUM"), ("140", 10.0, "HIGH")],
        "BP_SYS_LOW": [("85", 0.0, "MEDIUM"), ("80", 0.0, "HIGH")],
        "BP_SYS_HIGH": [("165", 0.0, "MEDIUM"), ("180", 0.0, "HIGH")],
        "BP_DIA_LOW": [("45", 0.0, "MEDIUM"), ("35", 0.0, "HIGH")],
        "BP_DIA_HIGH": [("100", 0.0, "MEDIUM"), ("110", 0.0, "HIGH")],
        "BP_MEAN_LOW": [("65", 0.0, "MEDIUM"), ("55", 0.0, "HIGH")],
        "BP_MEAN_HIGH": [("120", 0.0, "MEDIUM"), ("130", 0.0, "HIGH")],
        "SPO2_LOW": [("92", 15.0, "MEDIUM"), ("88", 10.0, "HIGH"), ("80", 0.0, "HIGH")],
        "RR_LOW": [("10", 20.0, "MEDIUM"), ("8", 10.0, "HIGH")],
        "RR_HIGH": [("25", 20.0, "LOW")],
    }


def test_shipped_limits_clear_as_their_source_comes(shipped: Configuration) -> None:
    """A cuff pressure counts by itself and ends with the next one; a stream takes two samples and 10 s."""
    rest = {
        limit.condition: (
            limit.quantity.value,
            limit.unit,
            str(limit.hysteresis),
            limit.clear_delay_s,
            limit.samples_min,
        )
        for limit in shipped.core.vital_limits
    }
    assert rest == {
        "HR_LOW": ("heart_rate", "/min", "3", 10.0, 2),
        "HR_HIGH": ("heart_rate", "/min", "3", 10.0, 2),
        "BP_SYS_LOW": ("nibp_sys", "mm[Hg]", "5", 0.0, 1),
        "BP_SYS_HIGH": ("nibp_sys", "mm[Hg]", "5", 0.0, 1),
        "BP_DIA_LOW": ("nibp_dia", "mm[Hg]", "5", 0.0, 1),
        "BP_DIA_HIGH": ("nibp_dia", "mm[Hg]", "5", 0.0, 1),
        "BP_MEAN_LOW": ("nibp_mean", "mm[Hg]", "4", 0.0, 1),
        "BP_MEAN_HIGH": ("nibp_mean", "mm[Hg]", "4", 0.0, 1),
        "SPO2_LOW": ("spo2", "%", "2", 10.0, 2),
        "RR_LOW": ("respiratory_rate", "/min", "1", 10.0, 2),
        "RR_HIGH": ("respiratory_rate", "/min", "1", 10.0, 2),
    }
    assert all(limit.side is Side[limit.condition.rsplit("_", 1)[1]] for limit in shipped.core.vital_limits)
    assert {limit.origin for limit in shipped.core.vital_limits} == {"standard limits, edge.toml"}


def test_shipped_drug(shipped: Configuration) -> None:
    drug, *others = shipped.core.drugs
    assert [other.drug for other in others] == ["ketamine-low-dose", "esketamine-chronic-pain"]
    assert (drug.drug, drug.label, drug.pump_names) == (
        "ketamine-chronic-pain",
        "Ketamine, chronic pain",
        ("Ketamine", "Ketamin"),
    )
    assert drug.dose_rate_high == LimitConfig(
        condition="DOSE_RATE_HIGH",
        side=Side.HIGH,
        quantity=Quantity.DOSE_RATE,
        unit="mg/kg/h",
        bands=(
            BandLimit("soft", Decimal("2.0"), Priority.MEDIUM, 60.0),
            BandLimit("hard", Decimal("2.5"), Priority.HIGH, 10.0),
            BandLimit("bypass", Decimal("4.0"), Priority.HIGH, 0.0),
        ),
        hysteresis=Decimal("0.1"),
        clear_delay_s=10.0,
        samples_min=2,
        origin="drug library examples 2026.1, ketamine-chronic-pain, not approved",
    )
    assert (drug.low_fraction, drug.low_floor_mg_per_kg_per_h, drug.low_delay_s) == (
        Decimal("0.8"),
        Decimal("0.05"),
        300,
    )


# --- what else may be said ---


def test_options_of_a_port(tmp_path: Path) -> None:
    edge = changed(
        EDGE,
        ('path = "bed-1-monitor"', 'path = "/dev/serial/by-id/usb-1"\nbaud = 19200'),
        ('path = "bed-1-pump"', 'path = "tcp://[fe80::1]:4001"\npoll_interval = "0.5 s"'),
        ('channel = "11" }', 'channel = "11", serial_number = "01234" }, { port = "bed-1-pump", channel = "1A" }'),
    )
    pump, monitor = load(put(tmp_path, edge), tmp_path / "run").ports
    assert (pump.address, pump.poll_interval_s, pump.channels) == ("tcp://[fe80::1]:4001", 0.5, ("11", "1A"))
    assert (monitor.address, monitor.line) == ("/dev/serial/by-id/usb-1", LineSettings(baud=19200))


def test_a_serial_number_that_is_named(tmp_path: Path) -> None:
    edge = changed(EDGE, ('channel = "11" }', 'channel = "11", serial_number = "01234" }'))
    assert load(put(tmp_path, edge), tmp_path).core.beds[0].pumps == (Binding("bed-1-pump", "11", "01234"),)


@pytest.mark.parametrize(("policy", "meant"), [("confirm", IdentityPolicy.CONFIRM), ("pinned", IdentityPolicy.PINNED)])
def test_an_identity_policy_that_is_named(policy: str, meant: IdentityPolicy, tmp_path: Path) -> None:
    said = f'identity = "{policy}" }}'
    edge = changed(
        EDGE, ('channel = "11" }', f'channel = "11", {said}'), ('"bed-1-monitor" }', f'"bed-1-monitor", {said}')
    )
    bed = load(put(tmp_path, edge), tmp_path).core.beds[0]
    assert [binding.identity for binding in (*bed.pumps, *bed.monitors)] == [meant, meant]


def test_without_one_pumps_are_to_be_confirmed_and_monitors_are_pinned(tmp_path: Path) -> None:
    bed = load(put(tmp_path, EDGE), tmp_path).core.beds[0]
    assert [binding.identity for binding in (*bed.pumps, *bed.monitors)] == [
        IdentityPolicy.CONFIRM,
        IdentityPolicy.PINNED,
    ]


def test_a_bed_with_a_pump_alone_has_no_vital_signs(tmp_path: Path) -> None:
    bed = load(put(tmp_path, EDGE + SECOND_PUMP + SECOND_BED), tmp_path).core.beds[1]
    assert (bed.vital_signs, bed.monitors) == ((), ())


def test_minutes_are_seconds(tmp_path: Path) -> None:
    edge = changed(EDGE, ('soft_delay = "20 s"', 'soft_delay = "1 min"'))
    assert load(put(tmp_path, edge), tmp_path).core.vital_limits[0].bands[0].delay_s == 60.0


def test_broker_with_a_password_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    edge = changed(EDGE, ("port = 1883", 'port = 8883\nusername = "pi"\npassword_file = "secret"'))
    assert load(put(tmp_path, edge), tmp_path).broker == BrokerSettings("127.0.0.1", 8883, "pi", tmp_path / "secret")


def test_absolute_store_stays_where_it_is(tmp_path: Path) -> None:
    edge = changed(EDGE, ('path = "edge.db"', 'path = "/var/lib/infusion-edge/edge.db"'))
    assert load(put(tmp_path, edge), tmp_path / "run").store_path == Path("/var/lib/infusion-edge/edge.db")


def test_clinical_takes_approved_drugs_without_orders(tmp_path: Path) -> None:
    configuration = load(put(tmp_path, CLINICAL, APPROVED), tmp_path)
    assert configuration.mode is Mode.CLINICAL
    assert configuration.orders == ()
    assert configuration.core.drugs[0].dose_rate_high.origin == "drug library examples 2026.1, ketamine-chronic-pain"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (WEIGHT, 'weight = "0.5 kg"'),
        (WEIGHT, 'weight = "300 kg"'),
        ('cuff_interval = "5 min"', 'cuff_interval = "60 s"'),
        ('cuff_interval = "5 min"', 'cuff_interval = "15 min"'),
        ('step = "1.0 mg/kg/h"', 'step = "2.0 mg/kg/h"'),
        ('maximum = "2.0 mg/kg/h"', 'maximum = "2.5 mg/kg/h"'),
        ('hysteresis = "3 /min"', 'hysteresis = "5 /min"'),
        ('driver = "bbraun-space"', 'driver = "bbraun-space"\npoll_interval = "0.5 s"'),
    ],
)
def test_bounds_themselves_are_taken(old: str, new: str, tmp_path: Path) -> None:
    assert load(put(tmp_path, changed(EDGE, (old, new))), tmp_path).mode is Mode.DEMO


# --- names of devices ---


def renumbered(path: Path, device: str) -> Problem:
    reason = f"{device} is numbered in the order of plugging in: another device may answer after a restart"
    return Problem(str(path), "port[0].path", reason, "use its name under /dev/serial/by-id or by-path")


@pytest.mark.parametrize("device", ["/dev/ttyUSB0", "/dev/ttyACM12"])
def test_renumbered_device_is_warned_of_in_demo_mode(device: str, tmp_path: Path) -> None:
    path = put(tmp_path, changed(EDGE, ('path = "bed-1-pump"', f'path = "{device}"')))
    assert load(path, tmp_path).warnings == (renumbered(path, device),)


@pytest.mark.parametrize("device", ["/dev/ttyUSB0", "/dev/ttyACM12"])
def test_renumbered_device_is_refused_in_clinical_mode(device: str, tmp_path: Path) -> None:
    path = put(tmp_path, changed(CLINICAL, ('path = "/dev/serial/by-path/bed-1-pump"', f'path = "{device}"')), APPROVED)
    assert problems_of(path, tmp_path) == (renumbered(path, device),)


def test_a_simulators_place_is_refused_in_clinical_mode(tmp_path: Path) -> None:
    path = put(
        tmp_path, changed(CLINICAL, ('path = "/dev/serial/by-path/bed-1-pump"', 'path = "bed-1-pump"')), APPROVED
    )
    remedy = "use a name under /dev/serial/by-id or by-path, or tcp://host:port"
    assert problems_of(path, tmp_path) == (
        Problem(str(path), "port[0].path", '"bed-1-pump" is a place of simulators', remedy),
    )


def test_two_names_of_one_device_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "bed-1-pump").write_text("")
    (tmp_path / "bed-1-monitor").symlink_to("bed-1-pump")
    path = put(tmp_path)
    assert problems_of(path, tmp_path) == (Problem(str(path), "port[1].path", "is the same as port[0].path", UNIQUE),)


# --- what a driver can do ---


def test_cuff_pressure_needs_a_monitor_that_measures_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = registry.driver
    without_cuff = replace(known("ivy-450c"), nibp_time=NibpTime.NOT_MEASURED)

    def driver(name: str) -> Driver:
        return without_cuff if name == "ivy-450c" else known(name)

    monkeypatch.setattr(registry, "driver", driver)
    path = put(tmp_path)
    assert problems_of(path, tmp_path) == (
        Problem(
            str(path), "bed[0].vital_signs", "nibp is measured by no monitor of this bed", "bind one, or remove nibp"
        ),
    )


@pytest.mark.parametrize(("round_s", "warned"), [(4.5, False), (4.6, True)])
def test_slow_line_is_warned_of(round_s: float, warned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = registry.driver

    def driver(name: str) -> Driver:
        session = Mock(round_s=round_s if name == "bbraun-space" else 1.0)
        return replace(known(name), session=lambda options: session)

    monkeypatch.setattr(registry, "driver", driver)
    path = put(tmp_path)
    configuration = load(path, tmp_path)
    assert configuration.core.ports[0] == PortConfig(
        "bed-1-pump", "bbraun-space", DeviceKind.PUMP, NibpTime.NOT_MEASURED, round_s, experimental=True, freshness=True
    )
    slow = Problem(
        str(path),
        "port",
        'one round of "bed-1-pump" takes 4.6 s: a lost link is known after more than 10 s',
        "poll more often, bind fewer channels, or use a faster line or TCP",
    )
    assert configuration.warnings == ((slow,) if warned else ())


def test_bounds_within_which_a_limit_may_be_set_for_one_patient(shipped: Configuration) -> None:
    low = next(limit for limit in shipped.core.vital_limits if limit.condition == "HR_LOW")
    assert [(band.name, band.adjust_from, band.adjust_to) for band in low.bands] == [
        ("soft", Decimal(38), Decimal(60)),
        ("hard", Decimal(35), Decimal(50)),
    ]
    spo2 = next(limit for limit in shipped.core.vital_limits if limit.condition == "SPO2_LOW")
    assert (spo2.bands[2].name, spo2.bands[2].adjust_from) == ("bypass", None)


@pytest.mark.parametrize(
    ("edit", "key", "message"),
    [
        (
            ('hard = "180 mmHg"', 'hard = "181 mmHg"'),
            "ketamine-chronic-pain BP_SYS_HIGH hard",
            "181 is laxer than the standard limit 180, which holds besides",
        ),
        (
            ('least = "45 /min"', 'least = "44 /min"'),
            "ketamine-chronic-pain HR_LOW soft",
            "44 is laxer than the standard limit 45, which holds besides",
        ),
    ],
)
def test_what_a_drug_never_gets_of_a_vital_sign_is_a_warning(
    edit: tuple[str, str], key: str, message: str, tmp_path: Path
) -> None:
    (warning,) = load(put(tmp_path, EDGE, changed(DRUGS, edit)), tmp_path).warnings
    assert (warning.key, warning.message) == (key, message)


def test_a_band_that_would_never_alarm_is_refused(tmp_path: Path) -> None:
    table = "[drug.vital_signs.respiratory_rate_high]"
    after = "[drug.vital_signs.nibp_mean_high]"
    drugs = changed(DRUGS, (after, f'{table}\nhard = "30 /min"\n{after}'))
    (problem,) = problems_of(put(tmp_path, EDGE, drugs), tmp_path)
    assert (problem.key, problem.message) == (
        "ketamine-chronic-pain RR_HIGH hard",
        "the standard limits have no hard band",
    )
