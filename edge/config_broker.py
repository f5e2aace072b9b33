"""Where the broker is, and how to log in there: the table `[broker]`, and what may not be done with patients."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import Field

from edge.config_file import FilePath, Problem, Reader, Table, Text, open_regular
from edge.tls import Judged, TlsContext, TlsFiles

PORT, PORT_TLS = 1883, 8883

CREDENTIAL = "credential:"
"""Stands before the name of a file that systemd hands over (LoadCredential=)."""

_OTHERS = 0o007


class BrokerTable(Table):
    """Where the MQTT broker is, and how to log in."""

    host: Text
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    username: Text | None = None
    password_file: FilePath | None = None
    tls: bool = False
    ca_file: FilePath | None = None
    certificate_file: FilePath | None = None
    key_file: FilePath | None = None


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker is, and as whom to connect; ``username`` is empty for nobody; ``tls`` is ``None`` without it."""

    host: str
    port: int
    username: str
    password_file: Path | None
    tls: TlsFiles | None = None


class BrokerReader:
    """Reads `[broker]`. ``base``: where relative files are; ``warnings`` do not hinder a start."""

    def __init__(self, edge: Reader, base: Path, environment: Mapping[str, str], *, clinical: bool) -> None:
        self._edge = edge
        self._base = base
        self._credentials = environment.get("CREDENTIALS_DIRECTORY", "")
        self._clinical = clinical
        self.warnings: list[Problem] = []

    def read(self) -> BrokerSettings | None:
        """Return the settings; None, and problems more in the file's reader, if they are wrong."""
        section = self._edge.section(self._edge.content, "broker")
        table = None if section is None else self._edge.table(BrokerTable, section, "broker")
        if table is None:
            return None
        if (table.username is None) != (table.password_file is None):
            self._edge.refuse("broker", "username and password_file go together", "give both or none")
        if (table.certificate_file is None) != (table.key_file is None):
            self._edge.refuse("broker", "certificate_file and key_file go together", "give both or none")
        password = self._file("password_file", table.password_file, secret=True)
        files = TlsFiles(
            self._file("ca_file", table.ca_file),
            self._file("certificate_file", table.certificate_file),
            self._file("key_file", table.key_file, secret=True),
        )
        if not table.tls:
            for name in ("ca_file", "certificate_file", "key_file"):
                if getattr(table, name) is not None:
                    self._edge.refuse(f"broker.{name}", "is of no use without TLS", "set tls = true, or remove it")
        settings = BrokerSettings(
            table.host,
            table.port or (PORT_TLS if table.tls else PORT),
            table.username or "",
            password,
            files if table.tls else None,
        )
        self._judge(settings)
        return settings

    def _judge(self, settings: BrokerSettings) -> None:
        for problem in exposure(settings, self._edge.file):
            (self._edge.problems if self._clinical else self.warnings).append(problem)
        # Not refused: a file that a power cut truncated must not stop the watching too. An alarm says the rest.
        if settings.tls is not None and all(file is None or file.is_file() for file in _of(settings.tls)):
            try:
                TlsContext(settings.tls, Judged(0.0, exact=False))
            except (OSError, ValueError) as error:
                why = (error.reason if isinstance(error, ssl.SSLError) else None) or error
                remedy = "give PEM files: the authority's certificates, this edge's certificate, and the key that fits"
                self.warnings.append(Problem(self._edge.file, "broker", f"TLS cannot be used: {why}", remedy))

    def _file(self, name: str, told: str | None, *, secret: bool = False) -> Path | None:
        """Find a file, and see that it can be read."""
        if told is None:
            return None
        key = f"broker.{name}"
        if told.startswith(CREDENTIAL):
            if not self._credentials:
                remedy = f"add LoadCredential={told.removeprefix(CREDENTIAL)}:/path/to/it to the unit, or give a path"
                self._edge.refuse(key, f"{told} is not handed over by systemd", remedy)
                return None
            path = Path(self._credentials) / told.removeprefix(CREDENTIAL)
        else:
            path = self._base / told
        try:
            with open_regular(path) as file:
                others = os.fstat(file.fileno()).st_mode & _OTHERS
        except (OSError, ValueError) as error:
            reason = f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"
            self._edge.refuse(key, reason, "give a file that the service's user may read")
            return None
        if secret and others:
            problem = Problem(self._edge.file, key, f"{path} can be read by everybody here", f"chmod o= {path}")
            self.warnings.append(problem)
        return path


def exposure(settings: BrokerSettings, file: str) -> list[Problem]:
    """Tell what must not be with patients: a broker on the network without TLS, or without anybody logging in."""
    if is_loopback(settings.host):
        return []
    problems = []
    if settings.tls is None:
        reason = f"alarms would go to {settings.host} unprotected: anybody on the way could read or forge them"
        remedy = "set tls = true and ca_file, or use a broker on this machine (127.0.0.1)"
        problems.append(Problem(file, "broker.tls", reason, remedy))
    if not settings.username and (settings.tls is None or settings.tls.certificate is None):
        reason = f"nobody logs in at {settings.host}, which then cannot know this edge from any other"
        remedy = "give username and password_file, or certificate_file and key_file (infusion-edge broker-files)"
        problems.append(Problem(file, "broker", reason, remedy))
    return problems


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself, whatever a name service says."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _of(files: TlsFiles) -> tuple[Path | None, ...]:
    return files.ca, files.certificate, files.key
