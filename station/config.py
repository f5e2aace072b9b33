"""Reads `station.toml`: every error at once, each with its key and what to do.

A key that is not known is refused, never ignored. What only a person at the file can mend ends the program (status 78).
"""

from __future__ import annotations

import os
import re
import ssl
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from station.mqtt import BrokerAddress, Login, LoginError
from station.service import Settings
from station.users import User, is_pin_hash
from station.view import EDGES_MAX, RoleName

FILE_MAX_BYTES = 1_048_576
"""A file beyond this was hardly meant."""

PASSWORD_MAX_BYTES = 4096
"""A file beyond this was hardly meant to be a password."""

USERS_MAX = 200
"""More name tiles than anybody finds one on."""

PORT, PORT_TLS, PORT_PAGE = 1883, 8883, 8080
CREDENTIAL = "credential:"
"""Stands before the name of a file that systemd hands over (LoadCredential=)."""

_OTHERS = 0o007
_EXAMPLES = ("scrypt:88ad81b35ae03ac2de5e37f41fa1f6d5:", "scrypt:143c830315d013b94e1cb04c24c1f42e:")
"""How the PINs of the shipped file begin, which anybody can read in its comment."""

_EXCERPT_CHARS = 60

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Text = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]
FilePath = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f]+$")]
Port = Annotated[int, Field(ge=1, le=65535)]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and what to do. ``key`` is like ``user[1].pin``, counted from 0."""

    file: str
    key: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        return f"{place}: {self.message}; {self.remedy}"


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` says why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class PageSettings:
    """Where the page is served, and under which names browsers reach it."""

    host: str
    port: int
    hosts: frozenset[str]
    secure: bool
    certificate: Path | None
    key: Path | None


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the file says. ``warnings`` do not hinder a start."""

    settings: Settings
    broker: BrokerAddress
    page: PageSettings
    warnings: tuple[Problem, ...]


class Table(BaseModel):
    """One TOML table: nothing unknown, nothing coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class BrokerTable(Table):
    """Where the MQTT broker is, and how to log in; the keys are those of edge.toml."""

    host: Text
    port: Port | None = None
    username: Text | None = None
    password_file: FilePath | None = None
    tls: bool = False
    ca_file: FilePath | None = None
    certificate_file: FilePath | None = None
    key_file: FilePath | None = None


class PageTable(Table):
    """Where browsers find the page."""

    host: Text = "127.0.0.1"
    port: Port = PORT_PAGE
    names: list[Text] = []
    certificate_file: FilePath | None = None
    key_file: FilePath | None = None
    proxy_tls: bool = False


class UserTable(Table):
    """A name tile."""

    id: Identifier
    name: Text
    role: RoleName
    pin: str


class StationTable(Table):
    """The whole file."""

    mode: Literal["demo", "clinical"]
    site: Identifier
    station: Identifier
    label: Text
    language: Literal["en", "nb"] = "en"
    attended: bool = False
    edges: Annotated[list[Identifier], Field(min_length=1, max_length=EDGES_MAX)]
    broker: BrokerTable
    page: PageTable = PageTable()
    user: Annotated[list[UserTable], Field(max_length=USERS_MAX)] = []


_TABLES: dict[str, type[Table]] = {"broker": BrokerTable, "page": PageTable, "user": UserTable}


def load(path: Path, environment: Mapping[str, str]) -> Configuration:
    """Read the file. Raises `ConfigError` with everything that is wrong."""
    return _Reader(path, environment).read()


@dataclass(frozen=True, slots=True)
class BrokerLogin:
    """What each connection logs in with: read anew each time, so that renewed files need no restart."""

    username: str
    password: Path | None
    tls: bool
    ca: Path | None
    certificate: Path | None
    key: Path | None

    def __call__(self) -> Login:
        """Read the files. Raises `LoginError`, which names what is wrong."""
        word = ""
        if self.password is not None:
            try:
                with self.password.open("rb") as file:
                    word = file.read(PASSWORD_MAX_BYTES).decode().strip()
            except (OSError, ValueError) as error:
                raise LoginError(f"the password file {self.password} cannot be read: {_why(error)}") from error
        try:
            return Login(self.username, word, self._context() if self.tls else None)
        except (OSError, ValueError) as error:
            raise LoginError(f"the files for TLS cannot be used: {_why(error)}") from error

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate is not None:
            # A key with a pass phrase must not stop the service at a prompt that nobody sees.
            context.load_cert_chain(self.certificate, self.key, password="")
        return context


class _Reader:
    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self._path = path
        self._credentials = environment.get("CREDENTIALS_DIRECTORY", "")
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []

    def read(self) -> Configuration:
        table = self._table(self._content())
        for known, kind in ((table.edges, "edges"), ([user.id for user in table.user], "user")):
            for name in sorted({name for name in known if known.count(name) > 1}):
                self._refuse(kind, f'"{name}" is there twice', "name each once")
        for number, user in enumerate(table.user):
            if not is_pin_hash(user.pin):
                remedy = "write what `infusion-station user add` makes, never the PIN itself"
                self._refuse(f"user[{number}].pin", "is no hash of a PIN", remedy)
            elif table.mode == "clinical" and user.pin.startswith(_EXAMPLES):
                remedy = "take this user out, and add those of the ward: infusion-station user add"
                self._refuse(f"user[{number}].pin", "is the example's, which everybody knows", remedy)
        broker = self._broker(table)
        page = self._page(table)
        if self._problems:
            raise ConfigError(self._problems)
        users = tuple(User(user.id, user.name, user.role, user.pin) for user in table.user)
        settings = Settings(
            table.site, table.station, table.label, table.language, table.attended, tuple(table.edges), users
        )
        return Configuration(settings, broker, page, tuple(self._warnings))

    def _content(self) -> dict[str, Any]:
        try:
            with self._path.open("rb") as file:
                data = file.read(FILE_MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            self._fail(f"cannot be read: {_why(error)}", "correct the path, or let this user read the file")
        if len(data) > FILE_MAX_BYTES:
            self._fail(f"is larger than {FILE_MAX_BYTES} bytes", "give a configuration file")
        try:
            return tomllib.loads(data.decode())
        except RecursionError:
            self._fail("is nested too deeply", "give a configuration file")
        except ValueError as error:
            self._fail(f"is not TOML: {error}", "correct the line that is named, or save the file as UTF-8")

    def _table(self, content: dict[str, Any]) -> StationTable:
        try:
            return StationTable.model_validate(content)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self._detail(detail)
            raise ConfigError(self._problems) from error

    def _detail(self, detail: ErrorDetails) -> None:
        key, tables = "", [part for part in detail["loc"] if part in _TABLES]
        for part in detail["loc"]:
            key = f"{key}[{part}]" if isinstance(part, int) else f"{key}.{part}" if key else str(part)
        match detail["type"]:
            case "missing":
                self._refuse(key, "is missing", "add it; the shipped file explains every key")
            case "extra_forbidden":
                kind = _TABLES[str(tables[0])] if tables else StationTable
                known = sorted(kind.model_fields)
                near = get_close_matches(str(detail["loc"][-1]), known, n=1)
                self._refuse(key, "is not a known key", f'did you mean "{near[0]}"?' if near else ", ".join(known))
            case _:
                shown = "" if key.endswith("pin") else repr(detail["input"])[:_EXCERPT_CHARS]
                wanted = detail["msg"].partition(" should ")[2] or detail["msg"]
                if "pattern" in detail.get("ctx", {}) and "a-z" in str(detail["ctx"]["pattern"]):
                    wanted = "be 1 to 32 lower-case letters, digits and hyphens, no hyphen first"
                self._refuse(key, f"{shown} is not accepted", f"it should {wanted}")

    def _broker(self, table: StationTable) -> BrokerAddress:
        broker = table.broker
        for one, other in (("username", "password_file"), ("certificate_file", "key_file")):
            if (getattr(broker, one) is None) != (getattr(broker, other) is None):
                self._refuse("broker", f"{one} and {other} go together", "give both or none")
        if not broker.tls:
            for name in ("ca_file", "certificate_file", "key_file"):
                if getattr(broker, name) is not None:
                    self._refuse(f"broker.{name}", "is of no use without TLS", "set tls = true, or remove it")
        login = BrokerLogin(
            broker.username or "",
            self._file("broker.password_file", broker.password_file, secret=True),
            broker.tls,
            self._file("broker.ca_file", broker.ca_file),
            self._file("broker.certificate_file", broker.certificate_file),
            self._file("broker.key_file", broker.key_file, secret=True),
        )
        if not is_loopback(broker.host):
            if not broker.tls:
                reason = f"acts would go to {broker.host} unprotected: anybody on the way could read or forge them"
                self._exposed(table, "broker.tls", reason, "set tls = true and ca_file, or use a broker on 127.0.0.1")
            if not broker.username and broker.certificate_file is None:
                reason = f"nobody logs in at {broker.host}, which then cannot know this station from any other"
                self._exposed(table, "broker", reason, "give username and password_file, or a certificate")
        port = broker.port or (PORT_TLS if broker.tls else PORT)
        return BrokerAddress(broker.host, port, f"station-{table.station}", login)

    def _page(self, table: StationTable) -> PageSettings:
        page = table.page
        if (page.certificate_file is None) != (page.key_file is None):
            self._refuse("page", "certificate_file and key_file go together", "give both or none")
        secure = page.certificate_file is not None or page.proxy_tls
        if not secure and not is_loopback(page.host):
            reason = f"PINs and values would go to {page.host} unprotected"
            remedy = "give certificate_file and key_file, or listen on 127.0.0.1 behind a server that speaks TLS"
            self._exposed(table, "page", reason, remedy)
        for number, name in enumerate(page.names):
            if re.fullmatch(r"[A-Za-z0-9.-]+|[0-9A-Fa-f:]+", name) is None:
                remedy = 'write it as browsers show it, like "ward-3.hospital.example", without a port'
                self._refuse(f"page.names[{number}]", f'"{name}" is no name of a host', remedy)
        certificate = self._file("page.certificate_file", page.certificate_file)
        key = self._file("page.key_file", page.key_file, secret=True)
        if certificate is not None and key is not None:
            try:
                ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, password="")
            except (OSError, ValueError) as error:
                reason = (error.reason if isinstance(error, ssl.SSLError) else None) or _why(error)
                self._refuse("page", f"certificate and key cannot be used: {reason}", "give PEM files that fit")
        hosts = {name.lower() for name in page.names}
        hosts |= (
            {"localhost", "127.0.0.1", "::1"} if is_loopback(page.host) or page.host in ("0.0.0.0", "::") else set()
        )
        hosts |= {page.host.lower()} - {"0.0.0.0", "::"}
        return PageSettings(
            page.host,
            page.port,
            frozenset(hosts),
            secure,
            certificate,
            key,
        )

    def _exposed(self, table: StationTable, key: str, message: str, remedy: str) -> None:
        """Refuse with patients what may be tried out without."""
        where = self._problems if table.mode == "clinical" else self._warnings
        where.append(Problem(str(self._path), key, message, remedy))

    def _file(self, key: str, told: str | None, *, secret: bool = False) -> Path | None:
        """Find a file, and see that it can be read."""
        if told is None:
            return None
        if told.startswith(CREDENTIAL):
            name = told.removeprefix(CREDENTIAL)
            if not self._credentials:
                remedy = f"add LoadCredential={name}:/path/to/it to the unit, or give a path"
                self._refuse(key, f"{told} is not handed over by systemd", remedy)
                return None
            path = Path(self._credentials) / name
        else:
            path = self._path.parent / told
        try:
            with path.open("rb") as file:
                others = os.fstat(file.fileno()).st_mode & _OTHERS
        except (OSError, ValueError) as error:
            self._refuse(key, f"{path} cannot be read: {_why(error)}", "give a file that the service's user may read")
            return None
        if secret and others:
            problem = Problem(str(self._path), key, f"{path} can be read by everybody here", f"chmod o= {path}")
            self._warnings.append(problem)
        return path

    def _refuse(self, key: str, message: str, remedy: str) -> None:
        self._problems.append(Problem(str(self._path), key, message, remedy))

    def _fail(self, message: str, remedy: str) -> NoReturn:
        self._refuse("", message, remedy)
        raise ConfigError(self._problems)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself, whatever a name service says."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
