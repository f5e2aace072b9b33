"""Reads the edge's file and the drug library, checks them against each other, and says it in the core's words.

Everything that is wrong is told at once (`ConfigError`); a file with an error gives no configuration at all (H-34).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from edge import personal
from edge.config_annunciator import AnnunciatorSettings, read_annunciator
from edge.config_beds import BedsReader
from edge.config_broker import BrokerReader, BrokerSettings, exposure
from edge.config_file import (
    EdgeTable,
    Problem,
    Reader,
    StationTable,
    StoreTable,
    join,
)
from edge.config_limits import read_standard_limits
from edge.config_orders import read_orders
from edge.config_ports import PortRuntime, PortsReader
from edge.core.config import (
    BEDSIDE,
    LOCAL,
    CoreConfig,
    DrugConfig,
    StationConfig,
)
from edge.core.inputs import PlaceOrder, Role
from edge.good_copy import beds_named, recall
from edge.library_flags import check_against_standard
from edge.library_reader import read_library

INVALID_MAX = 300
"""As much of an error as an alarm says; the log has all."""


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

    def configuration(self) -> Configuration:
        """Check everything, then translate."""
        edge, raw = self._edge, self._edge.content
        head = edge.table(EdgeTable, raw, "")
        reader = BrokerReader(edge, self._base, self._environment, clinical=self._clinical)
        broker = reader.read()
        section = edge.section(raw, "store")
        store = None if section is None else edge.table(StoreTable, section, "store")
        drugs = self._library()
        lines = PortsReader(edge, self._run_dir, self._warnings, clinical=self._clinical)
        lines.read()
        bedsides = BedsReader(edge, lines.by_name)
        beds = bedsides.read()
        lines.check_used(bedsides.ports_used)
        orders = read_orders(edge, bedsides, drugs, clinical=self._clinical)
        limits = read_standard_limits(edge)
        if drugs is not None and not edge.problems:
            self._warnings += check_against_standard(self._readers[-1], drugs, limits)
        stations = tuple(self._stations())
        annunciator = read_annunciator(edge, bedsides.ids, self._warnings)
        problems = tuple(problem for reader in self._readers for problem in reader.problems)
        if problems or head is None or broker is None or store is None or drugs is None:
            raise ConfigError(problems)
        self._warnings += [Problem(edge.file, *doubt) for doubt in personal.doubts(raw)]
        ports = lines.runtimes(bedsides.bound)
        core = CoreConfig(
            head.site,
            head.edge,
            tuple(lines.core(port) for port in ports),
            beds,
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
