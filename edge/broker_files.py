"""`broker-files`: what a ward's broker, its edges and its stations need to know each other.

The files are for trying out, and for a site without an authority of its own: whoever has `authority/ca.key` can be
anybody. Each edge and each station gets a name of its own at the broker, and the access list binds to it what it may
write: an edge its own states, a station its own requests (docs/mqtt.md).
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from pydantic import TypeAdapter, ValidationError

from edge.broker_authority import (
    ISSUED,
    Authority,
    BrokerFilesError,
    host_name,
    issue,
    issued_file,
    key_pem,
    make_authority,
    pem,
    read_authority,
    revocations,
)
from edge.config_file import Identifier
from edge.core.config import LOCAL

PASSWORD_BYTES = 24
"""192 bits of chance: such a password needs no slow hash."""

CRL = "revoked.crl"

CONFIGURATION = "/usr/share/doc/infusion-edge/examples/mosquitto-ward.conf"
"""Of the package; in a clone, config/mosquitto/ward.conf."""

ROOT = "infusion/v1"
"""Of all topics (docs/mqtt.md)."""

_ITERATIONS, _SALT_BYTES, _KEY_BYTES = 101, 12, 64
"""As mosquitto_passwd of mosquitto 2 has them."""

_STATES = (
    "status",
    "roster",
    "self-check",
    "alarms",
    "alarm/+",
    "bed/+/+",
    "bed/+/alarm/+",
    "event",
    "omitted",
    "journal",
)


@dataclass(frozen=True, slots=True)
class Ward:
    """Who is to meet at the broker: identifiers as in topics; ``hosts`` are the broker's names and addresses."""

    site: str
    edges: tuple[str, ...]
    stations: tuple[str, ...]
    hosts: tuple[str, ...]


def write(folder: Path, ward: Ward, days: int, wall_s: float, authority: Path | None = None) -> str:
    """Write everything into a new folder; return what to do with it. Raises `BrokerFilesError`.

    ``wall_s`` is the time now, Unix seconds; certificates are valid ``days`` from it. ``authority`` is the folder of
    one that was made before; ``None``: make one.
    """
    if not ward.edges or not ward.hosts:
        raise BrokerFilesError("name at least one --edge, and one --host under which the broker is reached")
    _check(ward, days)
    _must_be_new(folder)
    now = datetime.fromtimestamp(wall_s, UTC)
    issuer = make_authority(ward.site, now) if authority is None else read_authority(authority)
    ca = pem(issuer.certificate)
    passwords = {user: secrets.token_urlsafe(PASSWORD_BYTES) for user in _users(ward)}
    acl = "\n".join(access_list(ward)) + "\n"
    certificate, key = issue(issuer, "broker", now, days, hosts=ward.hosts)
    server = {"server.crt": certificate, "server.key": key, "passwords": _listed((), passwords), "acl": acl.encode()}
    own = _of_users(issuer, passwords, now, days)
    issuer = _with_issued(issuer, own)
    server[CRL] = revocations(issuer, now)
    authority_files = {"ca.crt": ca, "ca.key": key_pem(issuer.key), ISSUED: issued_file(issuer)}
    _put_all(folder, {"authority": authority_files, "broker": {"ca.crt": ca, **server}, **own})
    return _what_to_do(folder, ward, goes_on=authority is not None)


def renew(folder: Path, ward: Ward, days: int, wall_s: float, *, authority: Path | None, broker: Path) -> str:
    """Write new passwords and certificates for some of a ward, and what makes its broker refuse their old ones.

    ``broker`` is the folder of the broker's ``passwords``; ``authority`` remembers in it what it revokes. Returns what
    to do with it. Raises `BrokerFilesError`.
    """
    if not (ward.edges or ward.stations):
        raise BrokerFilesError("name whose are to be renewed: --edge or --station")
    _check(ward, days)
    _must_be_new(folder)
    if authority is None:
        raise BrokerFilesError("--renew needs --authority: the one that made the old certificates can revoke them")
    issuer, now, users = read_authority(authority), datetime.fromtimestamp(wall_s, UTC), _users(ward)
    lines = _passwords_of(broker)
    known = set(map(_user_of, lines))
    if strangers := [user for user in users if user not in known]:
        raise BrokerFilesError(f"{broker}/passwords has no {', '.join(strangers)}: look at the name")
    passwords = {user: secrets.token_urlsafe(PASSWORD_BYTES) for user in users}
    rest = [line for line in lines if _user_of(line) not in users]
    listed = _listed(rest, passwords)
    old = {serial for serial, user in issuer.issued.items() if user in users}
    own = _of_users(issuer, passwords, now, days)
    issuer = _with_issued(replace(issuer, revoked=issuer.revoked | old), own)
    _put_all(folder, {"broker": {"passwords": listed, CRL: revocations(issuer, now)}, **own})
    _remember(authority, issuer, folder)
    unknown = [user for user in users if user not in {issuer.issued[serial] for serial in old}]
    return _what_to_renew(folder, users, unknown)


def extend(folder: Path, ward: Ward, days: int, wall_s: float, *, authority: Path | None, broker: Path) -> str:
    """Write new certificates for those of a ward who are named, and what lets in who is not in it yet.

    Whoever is in ``passwords`` in the folder ``broker`` keeps password and rights, and is let in by the old certificate
    too, until it ends. Returns what to do with it. Raises `BrokerFilesError`.
    """
    if not (ward.edges or ward.stations or ward.hosts):
        raise BrokerFilesError("name whose certificate is to be new: --edge, --station, or the broker's --host")
    _check(ward, days)
    _must_be_new(folder)
    if authority is None:
        raise BrokerFilesError("--keep needs --authority: who is there already believes that one alone")
    issuer, now, lines = read_authority(authority), datetime.fromtimestamp(wall_s, UTC), _passwords_of(broker)
    known = list(map(_user_of, lines))
    if not _is_of_site(broker / "acl", ward.site):
        raise BrokerFilesError(f"--site: {broker}/acl is not of {ward.site}; every program there would lose its rights")
    fresh = {user: secrets.token_urlsafe(PASSWORD_BYTES) for user in _users(ward) if user not in known}
    everybody = _ward_of([*known, *fresh], ward)
    acl = "\n".join(access_list(everybody)) + "\n"
    own = _of_users(issuer, {user: fresh.get(user) for user in _users(ward)}, now, days)
    server = {"passwords": _listed(lines, fresh), "acl": acl.encode()}
    if ward.hosts:
        certificate, key = issue(issuer, "broker", now, days, hosts=ward.hosts)
        server |= {"server.crt": certificate, "server.key": key}
    issuer = _with_issued(issuer, own)
    _put_all(folder, {"broker": {**server, CRL: revocations(issuer, now)}, **own})
    _remember(authority, issuer, folder)
    return _what_to_extend(folder, ward, list(fresh), [user for user in known if user not in _users(everybody)])


def _passwords_of(broker: Path) -> list[str]:
    try:
        return (broker / "passwords").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise BrokerFilesError(f"{broker} holds no passwords of a broker: {error}") from error


def _user_of(line: str) -> str:
    return line.partition(":")[0]


def _listed(lines: Sequence[str], passwords: Mapping[str, str]) -> bytes:
    more = (f"{user}:{mosquitto_hash(word)}" for user, word in passwords.items())
    return "".join(f"{line}\n" for line in (*lines, *more)).encode()


def _is_of_site(acl: Path, site: str) -> bool:
    try:
        return f" {ROOT}/{site}/" in acl.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BrokerFilesError(f"{acl} cannot be read: {error}") from error


def _ward_of(users: Sequence[str], ward: Ward) -> Ward:
    names = {
        kind: tuple(user.removeprefix(kind) for user in users if user.startswith(kind))
        for kind in ("edge-", "station-")
    }
    return replace(ward, edges=names["edge-"], stations=names["station-"])


def _remember(authority: Path, issuer: Authority, folder: Path) -> None:
    try:
        (authority / ISSUED).write_bytes(issued_file(issuer))
    except OSError as error:
        raise BrokerFilesError(
            f"{authority / ISSUED} cannot be written ({error.strerror}): do not use {folder}"
        ) from error


def _must_be_new(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BrokerFilesError(f"{folder} is there already: name a new folder; nothing is ever overwritten")


def _users(ward: Ward) -> list[str]:
    return [*(f"edge-{edge}" for edge in ward.edges), *(f"station-{name}" for name in ward.stations)]


def _of_users(
    issuer: Authority, passwords: Mapping[str, str | None], now: datetime, days: int
) -> dict[str, dict[str, bytes]]:
    """Make the files of each user; ``None``: the password stays as it is."""
    parts = {}
    for user, word in passwords.items():
        certificate, key = issue(issuer, user, now, days)
        parts[user] = {"ca.crt": pem(issuer.certificate), "client.crt": certificate, "client.key": key}
        if word is not None:
            parts[user]["broker.password"] = f"{word}\n".encode()
    return parts


def _with_issued(issuer: Authority, parts: Mapping[str, Mapping[str, bytes]]) -> Authority:
    fresh = {x509.load_pem_x509_certificate(files["client.crt"]).serial_number: user for user, files in parts.items()}
    return replace(issuer, issued={**issuer.issued, **fresh})


def access_list(ward: Ward) -> Iterator[str]:
    """Give the lines of mosquitto's access list: who is not named in it may do nothing."""
    root = f"{ROOT}/{ward.site}"
    yield "# Made by infusion-edge broker-files. Whoever logs in under another name may neither read nor write."
    for edge in ward.edges:
        own = f"{root}/edge/{edge}"
        yield f"\nuser edge-{edge}"
        yield from (f"topic write {own}/{topic}" for topic in (*_STATES, "response/+", "history/+"))
        # It reads back what the broker keeps in its name, and hears who else speaks in it.
        yield from (f"topic read {own}/{topic}" for topic in ("status", "alarm/+", "bed/+/alarm/+"))
        yield f"topic readwrite {own}/fence"
        yield from (f"topic read {own}/{topic}" for topic in ("request/+/+", "receipt/+"))
        yield f"topic read {root}/station/+/status"
    for station in ward.stations:
        yield f"\nuser station-{station}"
        yield from (
            f"topic read {root}/edge/+/{topic}" for topic in (*_STATES, f"response/{station}", f"history/{station}")
        )
        yield from (f"topic write {root}/edge/+/{topic}" for topic in (f"request/{station}/+", f"receipt/{station}"))
        yield f"topic readwrite {root}/station/{station}/status"
        yield f"topic read {root}/station/+/status"


def mosquitto_hash(password: str) -> str:
    """Return a password as mosquitto 2 keeps it: ``$7$``, PBKDF2 with SHA-512."""
    salt = os.urandom(_SALT_BYTES)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS, _KEY_BYTES)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def _check(ward: Ward, days: int) -> None:
    if days < 1:
        raise BrokerFilesError("--days: give 1 or more")
    for kind, names in (("site", (ward.site,)), ("edge", ward.edges), ("station", ward.stations)):
        for name in names:
            try:
                TypeAdapter(Identifier).validate_python(name)
            except ValidationError as error:
                context = error.errors()[0]["ctx"]
                raise BrokerFilesError(f"--{kind}: {context['message']}; {context['remedy']}") from error
        if len(set(names)) < len(names):
            raise BrokerFilesError(f"--{kind}: a name is given twice")
    if LOCAL.station in ward.stations:
        raise BrokerFilesError(f"--station: {LOCAL.station} is the name of the edge's own control socket")
    for host in ward.hosts:
        try:
            host_name(host)
        except ValueError as error:
            raise BrokerFilesError(f"--host: {host} is neither a name nor an address") from error


def _put_all(folder: Path, parts: Mapping[str, Mapping[str, bytes]]) -> None:
    try:
        for name, files in parts.items():
            _put(folder / name, files)
    except OSError as error:
        raise BrokerFilesError(f"{error.filename or folder} cannot be written: {error.strerror}") from error


def _put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files that nobody else on this computer may read."""
    folder.mkdir(mode=0o700, parents=True)
    for name, content in files.items():
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)


def _what_to_renew(folder: Path, users: Sequence[str], unknown: Sequence[str]) -> str:
    lines = [
        f"Written to {folder}: new passwords and certificates for {', '.join(users)}. Their old ones go with this:",
        *_at_the_broker(folder),
        *(f"For {user}: {folder}/{user}/" for user in users),
    ]
    if unknown:
        lines.append(
            f"CAREFUL: this authority did not write down the old certificates of {', '.join(unknown)}: they are still "
            "let in where a certificate says who it is (port 8884). Their old passwords are not."
        )
    return "\n".join(lines)


def _what_to_extend(folder: Path, ward: Ward, fresh: Sequence[str], strangers: Sequence[str]) -> str:
    whose = [*(("the broker",) if ward.hosts else ()), *_users(ward)]
    lines = [
        f"Written to {folder}: new certificates for {', '.join(whose)}. Who was let in before is let in still.",
        f"New here, with a password: {', '.join(fresh) or 'nobody'}.",
        "",
        "At the broker:",
        *_at_the_broker(folder),
        *_at_each(folder, ward),
        "Each takes what is new at its next connection; what came by a credential, at its next start.",
    ]
    if strangers:
        lines.append(
            f"CAREFUL: {', '.join(strangers)}: the names are not of an edge or a station, and this acl gives them no "
            "right. Add to it what they had."
        )
    return "\n".join(lines)


def _what_to_do(folder: Path, ward: Ward, *, goes_on: bool) -> str:
    edge = ward.edges[0]
    lines = [
        f"Written to {folder}. Copy it where nobody else can read it, then remove the folder.",
        "Keep authority/ apart from every network: whoever has authority/ca.key can be anybody here.",
    ]
    if goes_on:
        lines.append(
            "CAREFUL: every password is new, and who is not named here is not let in any more. To renew certificates, "
            "or to add to a ward, take --keep."
        )
    lines += [
        "",
        f"At the broker (with {CONFIGURATION} as /etc/mosquitto/conf.d/ward.conf):",
        "  sudo install -d -m 750 -g mosquitto /etc/mosquitto/infusion",
        *_at_the_broker(folder),
        *_at_each(folder, ward),
        "",
        *_table("edge.toml", edge, f"edge-{edge}", ward),
        "or, instead of the last two, at the listener for certificates:",
        "  port = 8884",
        '  certificate_file = "client.crt"',
        '  key_file = "client.key"',
    ]
    for station in ward.stations[:1]:
        lines += ["", *_table("station.toml", station, f"station-{station}", ward)]
    return "\n".join(lines)


def _at_the_broker(folder: Path) -> list[str]:
    install = f"  sudo install -m 640 -g mosquitto {folder}/broker/* /etc/mosquitto/infusion/"
    return [install, "  sudo systemctl restart mosquitto"]


def _at_each(folder: Path, ward: Ward) -> list[str]:
    return [
        f"At the {kind} {name}:\n  sudo install -m 640 -g {package} {folder}/{kind}-{name}/* /etc/{package}/"
        for kind, names in (("edge", ward.edges), ("station", ward.stations))
        for package in (f"infusion-{kind}",)
        for name in names
    ]


def _table(file: str, name: str, user: str, ward: Ward) -> list[str]:
    return [
        f"In {file} of {name}:",
        "  [broker]",
        f'  host = "{ward.hosts[0]}"',
        "  tls = true",
        '  ca_file = "ca.crt"',
        f'  username = "{user}"',
        '  password_file = "broker.password"',
    ]
