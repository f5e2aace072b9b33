"""Reads the edge's file and the drug library, checks them against each other, and says it in the core's words.

Everything that is wrong is told at once (`ConfigError`); a file with an error gives no configuration at all (H-34).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from drivers import registry
from drivers.model import DeviceKind, Driver, IdentitySupport, LineSettings, NibpTime, Quantity, SessionOptions
from edge import personal
from edge.config_annunciator import AnnunciatorSettings, read_annunciator
from edge.config_broker import BrokerReader, BrokerSettings, exposure
from edge.config_file import (
    BedTable,
    BindingTable,
    EdgeTable,
    MonitorTable,
    OrderTable,
    PortTable,
    Problem,
    Reader,
    StationTable,
    StoreTable,
    join,
    suggest,
)
from edge.config_limits import read_standard_limits
from edge.core.config import (
    BEDSIDE,
    LOCAL,
    BedConfig,
    Binding,
    CoreConfig,
    DrugConfig,
    IdentityPolicy,
    LimitConfig,
    PortConfig,
    StationConfig,
)
from edge.core.inputs import PlaceOrder, Role
from edge.core.therapy import Order
from edge.good_copy import beds_named, recall
from edge.library_flags import check_against_standard
from edge.library_reader import read_library

INVALID_MAX = 300
"""As much of an error as an alarm says; the log has all."""

ROUND_MAX_S = 4.5
"""Two missed rounds and 1 s are then the 10 s within which a lost link must be known."""

_TCP = re.compile(r"tcp://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([1-9][0-9]{0,4})")
_TCP_PORT_MAX = 65535
_RENUMBERED_TTY = re.compile(r"/dev/tty(?:USB|ACM)[0-9]+")
_QUANTITIES = {
    "heart_rate": (Quantity.HEART_RATE,),
    "spo2": (Quantity.SPO2,),
    "respiratory_rate": (Quantity.RESPIRATORY_RATE,),
    "nibp": (Quantity.NIBP_SYS, Quantity.NIBP_DIA, Quantity.NIBP_MEAN),
}


class Mode(StrEnum):
    """Whether this is a demonstration or a ward."""

    DEMO = "demo"
    CLINICAL = "clinical"


class ConfigError(Exception):
    """The files cannot be used. ``problems`` holds everything that is wrong with them."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class PortRuntime:
    """What is needed to open one line: ``address`` is a path or ``tcp://host:port``."""

    port: str
    address: str
    driver: Driver
    line: LineSettings
    poll_interval_s: float
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Configuration:
    """A checked configuration. ``sha256`` holds each file read with its hash; ``warnings`` do not hinder a start."""

    mode: Mode
    core: CoreConfig
    ports: tuple[PortRuntime, ...]
    broker: BrokerSettings
    store_path: Path
    orders: tuple[PlaceOrder, ...]
    sha256: tuple[tuple[str, str], ...]
    warnings: tuple[Problem, ...]
    annunciator: AnnunciatorSettings | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Each file read, whole."""


def load(
    path: Path,
    run_dir: Path,
    environment: Mapping[str, str] = os.environ,
    copies: Mapping[str, bytes] | None = None,
) -> Configuration:
    """Read the edge's file and its library. Relative devices and the store are in ``run_dir``. Raises ConfigError.

    ``environment`` tells where systemd hands over credentials; ``copies`` are taken in the place of the files.
    """
    edge = Reader(path, copies)
    if not edge.read():
        raise ConfigError(tuple(edge.problems))
    return _Loader(edge, path.parent, run_dir, environment, copies).configuration()


def load_broker(path: Path, environment: Mapping[str, str] = os.environ) -> BrokerSettings:
    """Read `[broker]` of a file for one who only looks. Raises ConfigError: also for a login that the edge itself has.

    A name is one connection at a ward's broker: who took the edge's would throw it out, and no alarm would arrive.
    """
    file = Reader(path)
    broker = BrokerReader(file, path.parent, environment, clinical=False).read() if file.read() else None
    logs_in = broker is not None and (
        broker.username or (broker.tls is not None and broker.tls.certificate is not None)
    )
    of_another = "edge" in file.content or "station" in file.content
    if broker is not None and logs_in and (of_another or broker.username.startswith("edge-")):
        reason = "logs in by the name of an edge or a station, which would lose its own connection by it"
        remedy = "write a file with [broker] alone, by a station's name that nobody else has (broker-files)"
        file.refuse("broker", reason, remedy)
    if broker is None or file.problems:
        raise ConfigError(tuple(file.problems))
    return broker


def load_or_last_good(path: Path, run_dir: Path, environment: Mapping[str, str] = os.environ) -> Configuration:
    """Read the files, or what was kept of the last good ones, with an alarm that says so. Raises ConfigError.

    The error is that of the files where nothing is kept, or where that cannot be used either.
    """
    try:
        return load(path, run_dir, environment)
    except ConfigError as error:
        kept = recall(path, run_dir)
        if not kept:
            raise
        try:
            good = load(path, run_dir, environment, kept)
        except ConfigError:
            raise error from None
        known = {bed.bed for bed in good.core.beds}
        core = replace(
            good.core,
            invalid=in_short(error.problems),
            unwatched=tuple(label for bed, label in beds_named(path) if bed not in known),
        )
        return replace(good, core=core, warnings=(*error.problems, *good.warnings))


def in_short(problems: Sequence[object]) -> str:
    """Say the first of what is wrong, and how much more there is, as an alarm may say it."""
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    return f"{problems[0]}{more}"[:INVALID_MAX]


def at_broker(configuration: Configuration, host: str, port: int) -> Configuration:
    """Use another broker. Raises ConfigError where the configured mode forbids that one."""
    broker = replace(configuration.broker, host=host, port=port)
    problems = exposure(broker, "--broker")
    if problems and configuration.mode is Mode.CLINICAL:
        raise ConfigError(tuple(problems))
    return replace(configuration, broker=broker, warnings=(*configuration.warnings, *problems))


@dataclass(frozen=True, slots=True)
class _Port:
    key: str
    table: PortTable
    driver: Driver
    address: str


@dataclass(frozen=True, slots=True)
class _Bound:
    key: str
    bed: object
    kind: DeviceKind


class _Loader:
    """One loading. What is refused is skipped, so that the rest is still checked."""

    def __init__(
        self,
        edge: Reader,
        base: Path,
        run_dir: Path,
        environment: Mapping[str, str],
        copies: Mapping[str, bytes] | None,
    ) -> None:
        self._copies = copies
        self._environment = environment
        self._edge = edge
        self._base = base
        self._run_dir = run_dir
        self._clinical = edge.content.get("mode") == Mode.CLINICAL
        self._readers = [edge]
        self._warnings: list[Problem] = []
        self._ports: dict[str, _Port | None] = {}  # None: the port itself is refused
        self._bound: dict[tuple[str, str], _Bound] = {}
        self._serial_numbers: dict[str, str] = {}
        self._used: set[str] = set()
        self._doubtful_beds: set[str] = set()  # a binding is refused: an order there cannot be judged
        self._bed_ids: dict[str, str] = {}
        self._bed_labels: dict[str, str] = {}

    def configuration(self) -> Configuration:
        """Check everything, then translate."""
        edge, raw = self._edge, self._edge.content
        head = edge.table(EdgeTable, raw, "")
        reader = BrokerReader(edge, self._base, self._environment, clinical=self._clinical)
        broker = reader.read()
        section = edge.section(raw, "store")
        store = None if section is None else edge.table(StoreTable, section, "store")
        drugs = self._library()
        self._check_ports()
        beds = [self._bed(key, row) for key, row in edge.rows(raw, "bed", least=1)]
        self._check_ports_used()
        orders = self._orders(drugs)
        limits = read_standard_limits(edge)
        if drugs is not None and not edge.problems:
            self._warnings += check_against_standard(self._readers[-1], drugs, limits)
        stations = tuple(self._stations())
        annunciator = read_annunciator(edge, self._bed_ids, self._warnings)
        problems = tuple(problem for reader in self._readers for problem in reader.problems)
        if problems or head is None or broker is None or store is None or drugs is None:
            raise ConfigError(problems)
        self._warnings += [Problem(edge.file, *doubt) for doubt in personal.doubts(raw)]
        ports = tuple(self._port_runtime(port) for port in self._ports.values() if port is not None)
        core = CoreConfig(
            head.site,
            head.edge,
            tuple(self._port_config(port) for port in ports),
            tuple(bed for bed in beds if bed is not None),
            limits,
            drugs,
            stations,
            None if annunciator is None else annunciator.core,
        )
        return Configuration(
            Mode(head.mode),
            core,
            ports,
            broker,
            self._run_dir / store.path,
            orders,
            tuple((reader.file, reader.sha256) for reader in self._readers),
            (*reader.warnings, *self._warnings),
            annunciator,
            {reader.file: reader.data or b"" for reader in self._readers},
        )

    def _stations(self) -> Iterator[StationConfig]:
        seen = {
            LOCAL.station: "the name of the edge's own control socket",
            BEDSIDE: "the name of the edge's own button",
        }
        for key, row in self._edge.rows(self._edge.content, "station"):
            self._edge.once(seen, row.get("id"), join(key, "id"))
            table = self._edge.table(StationTable, row, key)
            if table is not None:
                yield StationConfig(table.id, Role[table.role.upper()], table.required)

    def _library(self) -> tuple[DrugConfig, ...] | None:
        name = self._edge.content.get("library")
        if not isinstance(name, str):
            return None  # told with the keys at the top
        library = Reader(self._base / name, self._copies)
        self._readers.append(library)
        found = read_library(library, clinical=self._clinical) if library.read() else ()
        drugs = tuple(drug.config for drug in found if drug.enabled)
        if found and not drugs and not library.problems:
            library.refuse("drug", "has no drug that is enabled", "set enabled = true in the entries that are used")
        return None if library.problems else drugs

    # --- ports ---

    def _check_ports(self) -> None:
        addresses: dict[str, str] = {}
        ids: dict[str, str] = {}
        for key, raw in self._edge.rows(self._edge.content, "port", least=1):
            name = raw.get("id")
            self._edge.once(ids, name, join(key, "id"))
            table = self._edge.table(PortTable, raw, key)
            port = None if table is None else self._port(table, key, addresses)
            if isinstance(name, str):
                self._ports.setdefault(name, port)

    def _port(self, table: PortTable, key: str, addresses: dict[str, str]) -> _Port | None:
        address = self._address(table, key)
        if address is not None:
            # Two names of one device (by-id and ttyUSB0) are one line.
            line = address.lower() if address.startswith("tcp://") else os.path.realpath(address)
            self._edge.once(addresses, line, join(key, "path"))
        if table.driver not in registry.names():
            remedy = suggest(table.driver, registry.names())
            self._edge.refuse(join(key, "driver"), f'"{table.driver}" is no driver', remedy)
            return None
        driver = registry.driver(table.driver)
        if driver.laboratory_only and self._clinical:
            reason = f"{driver.name} is for laboratories and animals: its maker does not allow the device on people"
            self._edge.refuse(join(key, "driver"), reason, "use a pump that is made for patients")
        elif driver.experimental and self._clinical:
            reason = f"{driver.name} is experimental: nothing independent proves its numbers"
            remedy = "hold each value and alarm against the device's own screen first (docs/devices.md)"
            self._warnings.append(Problem(self._edge.file, join(key, "driver"), reason, remedy))
        return None if address is None else _Port(key, table, driver, address)

    def _address(self, table: PortTable, key: str) -> str | None:
        path_key = join(key, "path")
        if "://" in table.path:
            tcp = _TCP.fullmatch(table.path)
            if tcp is None or int(tcp[1]) > _TCP_PORT_MAX:
                self._edge.refuse(path_key, f'"{table.path}" is no address', "write tcp://host:port, or a path")
                return None
            if table.baud is not None:
                self._edge.refuse(join(key, "baud"), "is unknown to a TCP line", "remove it; set it at the converter")
            return table.path
        if self._clinical and not Path(table.path).is_absolute():
            reason = f'"{table.path}" is a place of simulators'
            self._edge.refuse(path_key, reason, "use a name under /dev/serial/by-id or by-path, or tcp://host:port")
            return None
        address = str(self._run_dir / table.path)
        if _RENUMBERED_TTY.fullmatch(address):
            reason = f"{address} is numbered in the order of plugging in: another device may answer after a restart"
            problem = Problem(self._edge.file, path_key, reason, "use its name under /dev/serial/by-id or by-path")
            (self._edge.problems if self._clinical else self._warnings).append(problem)
        return address

    def _check_ports_used(self) -> None:
        for name, port in self._ports.items():
            if port is not None and name not in self._used:
                self._edge.refuse(port.key, f'"{name}" belongs to no bed', "bind one of its channels, or remove it")

    def _port_runtime(self, port: _Port) -> PortRuntime:
        table, line = port.table, port.driver.line
        if table.baud is not None:
            line = replace(line, baud=table.baud)
        channels = tuple(channel for name, channel in self._bound if name == table.id)
        return PortRuntime(table.id, port.address, port.driver, line, float(table.poll_interval), channels)

    def _port_config(self, port: PortRuntime) -> PortConfig:
        driver = port.driver
        round_s = driver.session(SessionOptions(port.port, port.channels, port.poll_interval_s)).round_s
        if round_s > ROUND_MAX_S:
            reason = f'one round of "{port.port}" takes {round_s:.1f} s: a lost link is known after more than 10 s'
            remedy = "poll more often, bind fewer channels, or use a faster line or TCP"
            self._warnings.append(Problem(self._edge.file, "port", reason, remedy))
        return PortConfig(
            port.port,
            driver.name,
            driver.kind,
            driver.nibp_time,
            round_s,
            driver.experimental,
            bool(driver.freshness),
        )

    # --- beds ---

    def _bed(self, key: str, raw: Mapping[str, object]) -> BedConfig | None:
        self._edge.once(self._bed_ids, raw.get("id"), join(key, "id"))
        label = raw.get("label")
        # A nurse does not tell "Bed 1" from "bed 1".
        self._edge.once(self._bed_labels, label.casefold() if isinstance(label, str) else label, join(key, "label"))
        table = self._edge.table(BedTable, raw, key)
        before = len(self._edge.problems)
        pumps = self._bindings(DeviceKind.PUMP, raw, key)
        monitors = self._bindings(DeviceKind.MONITOR, raw, key)
        if len(self._edge.problems) > before:
            self._doubtful_beds.add(str(raw.get("id")))
        if not raw.get("pumps") and not raw.get("monitors"):
            self._edge.refuse(key, "has no pump and no monitor", "bind one with pumps = [{...}] or monitors = [{...}]")
        if table is None:
            return None
        self._check_vital_signs(table, raw, key, monitors)
        return BedConfig(
            table.id,
            table.label,
            pumps,
            monitors,
            tuple(quantity for name in table.vital_signs for quantity in _QUANTITIES[name]),
            float(table.cuff_interval),
        )

    def _check_vital_signs(
        self, table: BedTable, raw: Mapping[str, object], key: str, monitors: tuple[Binding, ...]
    ) -> None:
        vitals_key = join(key, "vital_signs")
        if bool(table.vital_signs) != bool(raw.get("monitors")):
            remedy = 'a bed with a monitor lists what it is to have, like ["heart_rate"]; one without lists nothing'
            self._edge.refuse(vitals_key, "does not fit the monitors of this bed", remedy)
        if len(set(table.vital_signs)) < len(table.vital_signs):
            self._edge.refuse(vitals_key, "names a vital sign twice", "name each once")
        ports = [self._ports.get(monitor.port) for monitor in monitors]
        no_cuff = [port is not None and port.driver.nibp_time is NibpTime.NOT_MEASURED for port in ports]
        if "nibp" in table.vital_signs and no_cuff and all(no_cuff):
            self._edge.refuse(vitals_key, "nibp is measured by no monitor of this bed", "bind one, or remove nibp")

    def _bindings(self, kind: DeviceKind, raw_bed: Mapping[str, object], bed_key: str) -> tuple[Binding, ...]:
        bindings = []
        shape = MonitorTable if kind is DeviceKind.MONITOR else BindingTable
        for key, raw in self._edge.rows(raw_bed, f"{kind.value}s", bed_key):
            self._used.add(str(raw.get("port")))
            table = self._edge.table(shape, raw, key)
            if table is None:
                continue
            self._check_device(kind, table, key)
            place = (table.port, table.channel)
            if place in self._bound:
                reason = f'channel {table.channel} of "{table.port}" is already bound by {self._bound[place].key}'
                self._edge.refuse(key, reason, "bind each channel to one bed, once")
            self._bound.setdefault(place, _Bound(key, raw_bed.get("id"), kind))
            policy = IdentityPolicy(table.identity)
            bindings.append(Binding(table.port, table.channel, table.serial_number or "", policy))
        return tuple(bindings)

    def _check_device(self, kind: DeviceKind, table: BindingTable, key: str) -> None:
        if table.port not in self._ports:
            self._edge.refuse(join(key, "port"), f'"{table.port}" is no port', suggest(table.port, self._ports))
        port = self._ports.get(table.port)
        if port is None:
            return
        driver = port.driver
        if driver.kind is not kind:
            reason = f'"{table.port}" is a {driver.kind.value} ({driver.name})'
            self._edge.refuse(join(key, "port"), reason, f"list it under {driver.kind.value}s")
        elif re.fullmatch(driver.channel_pattern, table.channel) is None:
            reason = f'"{table.channel}" is no channel of {driver.name}'
            self._edge.refuse(join(key, "channel"), reason, driver.channel_help)
        if table.serial_number is not None and driver.identity is IdentitySupport.PORT_ONLY:
            reason = f"{driver.name} does not tell its serial number"
            self._edge.refuse(join(key, "serial_number"), reason, "remove it")
        elif table.serial_number is not None:
            # One device is in one place: a copied line would never let the other bed's pump count.
            self._edge.once(self._serial_numbers, f"{driver.name} {table.serial_number}", join(key, "serial_number"))

    # --- orders ---

    def _orders(self, drugs: tuple[DrugConfig, ...] | None) -> tuple[PlaceOrder, ...]:
        library = None if drugs is None else {drug.drug: drug.dose_rate_high for drug in drugs}
        channels: dict[str, str] = {}
        weights: dict[str, Decimal] = {}
        orders = []
        for key, raw in self._edge.rows(self._edge.content, "demo_order"):
            if self._clinical:
                self._edge.refuse(key, "clinical mode has no demonstration orders", "remove it")
            table = self._edge.table(OrderTable, raw, key)
            if table is None:
                continue
            self._check_order(table, key, library)
            self._edge.once(channels, f"{table.port} {table.channel}", join(key, "channel"))
            if weights.setdefault(table.bed, table.weight) != table.weight:
                reason = f'bed "{table.bed}" has another weight in another order'
                self._edge.refuse(join(key, "weight"), reason, "a bed has one patient: give one weight")
            orders.append(_place_order(table, f"{Path(self._edge.file).name} {key}"))
        return tuple(orders)

    def _check_order(self, table: OrderTable, key: str, library: Mapping[str, LimitConfig] | None) -> None:
        bound = self._bound.get((table.port, table.channel))
        is_pump_of_bed = bound is not None and bound.bed == table.bed and bound.kind is DeviceKind.PUMP
        if table.bed not in self._bed_ids:
            remedy = suggest(table.bed, self._bed_ids)
            self._edge.refuse(join(key, "bed"), f'"{table.bed}" is no bed', remedy)
        elif not is_pump_of_bed and table.bed not in self._doubtful_beds:
            reason = f'channel {table.channel} of "{table.port}" is no pump of bed "{table.bed}"'
            self._edge.refuse(join(key, "channel"), reason, "name a channel that is listed under the bed's pumps")
        if table.step > table.maximum:
            reason = f"the step {table.step} mg/kg/h is above the maximum {table.maximum} mg/kg/h"
            self._edge.refuse(join(key, "step"), reason, "order a step up to the maximum")
        if library is None:
            return
        if table.drug not in library:
            self._edge.refuse(join(key, "drug"), f'"{table.drug}" is not in the library', suggest(table.drug, library))
            return
        worst = library[table.drug].bands[:2][-1]  # hard; bypass is only sooner
        if table.maximum > worst.value:
            reason = f"{table.maximum} mg/kg/h is above the library's {worst.name} limit {worst.value} mg/kg/h"
            self._edge.refuse(join(key, "maximum"), reason, "order less, or correct the library")


def _place_order(table: OrderTable, origin: str) -> PlaceOrder:
    order = Order(
        table.port,
        table.channel,
        table.drug,
        table.concentration,
        table.weight,
        table.step,
        table.maximum,
        origin,
        given_before_mg=table.given_before,
    )
    return PlaceOrder(table.bed, order)
