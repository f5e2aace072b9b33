"""The tables `[[port]]`: the lines to devices."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Container
from dataclasses import dataclass, field, replace
from pathlib import Path

from drivers import registry
from drivers.model import Driver, LineSettings, Session, SessionOptions
from edge.config_file import PortTable, Problem, Reader, join, suggest
from edge.core.config import PortConfig

ROUND_MAX_S = 4.5
"""Two missed rounds and 1 s are then the 10 s within which a lost link must be known."""

TOGETHER = 4
"""So many lines are asked together: more that answer together would hold up an alarm that comes with them."""

APART = 0.382
"""The next ones are asked so much of an interval later: by the golden ratio no others come close."""

_TCP = re.compile(r"tcp://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([1-9][0-9]{0,4})")
_TCP_PORT_MAX = 65535
_RENUMBERED_TTY = re.compile(r"/dev/tty(?:USB|ACM)[0-9]+")


@dataclass(frozen=True, slots=True)
class PortRuntime:
    """What is needed to open one line: ``address`` is a path or ``tcp://host:port``.

    ``asks_at_s`` is where in its interval the device is asked, together with some others.
    """

    port: str
    address: str
    driver: Driver
    line: LineSettings
    poll_interval_s: float
    channels: tuple[str, ...]
    asks_at_s: float | None = field(default=None, compare=False)

    def session(self) -> Session:
        """Begin a conversation."""
        return self.driver.session(SessionOptions(self.port, self.channels, self.poll_interval_s, self.asks_at_s))


@dataclass(frozen=True, slots=True)
class Port:
    """A port that can be used, and where it stands in the file."""

    key: str
    table: PortTable
    driver: Driver
    address: str


class PortsReader:
    """Reads `[[port]]`. ``run_dir``: where relative devices are; ``warnings`` takes what does not hinder a start."""

    def __init__(self, edge: Reader, run_dir: Path, warnings: list[Problem], *, clinical: bool) -> None:
        self._edge = edge
        self._run_dir = run_dir
        self._warnings = warnings
        self._clinical = clinical
        self.by_name: dict[str, Port | None] = {}
        """``None``: the port itself is refused."""

    def read(self) -> None:
        """Check every `[[port]]`; nothing of a port that is refused is told twice."""
        addresses: dict[str, str] = {}
        ids: dict[str, str] = {}
        for key, raw in self._edge.rows(self._edge.content, "port", least=1):
            name = raw.get("id")
            self._edge.once(ids, name, join(key, "id"))
            table = self._edge.table(PortTable, raw, key)
            port = None if table is None else self._port(table, key, addresses)
            if isinstance(name, str):
                self.by_name.setdefault(name, port)

    def _port(self, table: PortTable, key: str, addresses: dict[str, str]) -> Port | None:
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
        return None if address is None else Port(key, table, driver, address)

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

    def check_used(self, used: Container[str]) -> None:
        """Refuse a port that no bed names."""
        for name, port in self.by_name.items():
            if port is not None and name not in used:
                self._edge.refuse(port.key, f'"{name}" belongs to no bed', "bind one of its channels, or remove it")

    def runtimes(self, bound: Collection[tuple[str, str]]) -> tuple[PortRuntime, ...]:
        """Return what opens each port; ``bound`` has the ports and channels that beds have."""
        ports = (port for port in self.by_name.values() if port is not None)
        return tuple(_runtime(port, bound, index) for index, port in enumerate(ports))

    def core(self, port: PortRuntime) -> PortConfig:
        """Say a port in the core's words, and warn of one whose rounds are slow."""
        driver = port.driver
        round_s = port.session().round_s
        if round_s > ROUND_MAX_S:
            reason = f'one round of "{port.port}" takes {round_s:.1f} s: a lost link is known after more than 10 s'
            remedy = "poll more often, bind fewer channels, or use a faster line or TCP"
            self._warnings.append(Problem(self._edge.file, "port", reason, remedy))
        return port_config(port.port, driver, round_s)


def port_config(port: str, driver: Driver, round_s: float) -> PortConfig:
    """Say in the core's words what stands at a port; ``round_s`` is how long a round of its channels takes."""
    return PortConfig(
        port, driver.name, driver.kind, driver.nibp_time, round_s, driver.experimental, bool(driver.freshness)
    )


def _runtime(port: Port, bound: Collection[tuple[str, str]], index: int) -> PortRuntime:
    table, line = port.table, port.driver.line
    if table.baud is not None:
        line = replace(line, baud=table.baud)
    channels = tuple(channel for name, channel in bound if name == table.id)
    interval_s = float(table.poll_interval)
    asks_at_s = index // TOGETHER * APART % 1 * interval_s
    return PortRuntime(table.id, port.address, port.driver, line, interval_s, channels, asks_at_s)
