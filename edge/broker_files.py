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
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pydantic import TypeAdapter, ValidationError

from edge.config_file import Identifier
from edge.core.config import LOCAL

AUTHORITY_DAYS = 3650
BACKDATED = timedelta(days=1)
"""Clocks of a site may be apart by as much."""

PASSWORD_BYTES = 24
"""192 bits of chance: such a password needs no slow hash."""

ISSUED = "issued"
"""In the folder of an authority: a line for each certificate of an edge or a station, with ``revoked`` after it."""

CRL = "revoked.crl"

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


class BrokerFilesError(Exception):
    """Nothing was written; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Ward:
    """Who is to meet at the broker: identifiers as in topics; ``hosts`` are the broker's names and addresses."""

    site: str
    edges: tuple[str, ...]
    stations: tuple[str, ...]
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority. ``issued`` are the certificates of edges and stations: serial number to whose it is."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issued: Mapping[int, str] = field(default_factory=dict)
    revoked: frozenset[int] = frozenset()


def write(folder: Path, ward: Ward, days: int, wall_s: float, authority: Path | None = None) -> str:
    """Write everything into a new folder; return what to do with it. Raises `BrokerFilesError`.

    ``wall_s`` is the time now, Unix seconds; certificates are valid ``days`` from it. ``authority`` is the folder of
    one that was made before; ``None``: make one.
    """
    _check(ward)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BrokerFilesError(f"{folder} is there already: name a new folder; nothing is ever overwritten")
    if days < 1:
        raise BrokerFilesError("--days: give 1 or more")
    now = datetime.fromtimestamp(wall_s, UTC)
    issuer = make_authority(ward.site, now) if authority is None else read_authority(authority)
    ca = _pem(issuer.certificate)
    passwords = {user: secrets.token_urlsafe(PASSWORD_BYTES) for user in _users(ward)}
    listed = "".join(f"{user}:{mosquitto_hash(word)}\n" for user, word in passwords.items())
    acl = "\n".join(access_list(ward)) + "\n"
    certificate, key = issue(issuer, "broker", now, days, hosts=ward.hosts)
    server = {"server.crt": certificate, "server.key": key, "passwords": listed.encode(), "acl": acl.encode()}
    own = _of_users(issuer, passwords, now, days)
    issuer = _with_issued(issuer, own)
    server[CRL] = revocations(issuer, now)
    authority_files = {"ca.crt": ca, "ca.key": _key_pem(issuer.key), ISSUED: _issued(issuer)}
    _put_all(folder, {"authority": authority_files, "broker": {"ca.crt": ca, **server}, **own})
    return _what_to_do(folder, ward)


def renew(folder: Path, ward: Ward, days: int, wall_s: float, *, authority: Path | None, broker: Path) -> str:
    """Write new passwords and certificates for some of a ward, and what makes its broker refuse their old ones.

    ``broker`` is the folder of the broker's ``passwords``; ``authority`` remembers in it what it revokes. Returns what
    to do with it. Raises `BrokerFilesError`.
    """
    _check(ward, renews=True)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BrokerFilesError(f"{folder} is there already: name a new folder; nothing is ever overwritten")
    if authority is None:
        raise BrokerFilesError("--renew needs --authority: the one that made the old certificates can revoke them")
    issuer, now, users = read_authority(authority), datetime.fromtimestamp(wall_s, UTC), _users(ward)
    try:
        lines = (broker / "passwords").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise BrokerFilesError(f"{broker} holds no passwords of a broker: {error}") from error
    known = {line.partition(":")[0] for line in lines}
    if strangers := [user for user in users if user not in known]:
        raise BrokerFilesError(f"{broker}/passwords has no {', '.join(strangers)}: look at the name")
    passwords = {user: secrets.token_urlsafe(PASSWORD_BYTES) for user in users}
    rest = [line for line in lines if line.partition(":")[0] not in users]
    listed = "".join(f"{line}\n" for line in (*rest, *(f"{user}:{mosquitto_hash(passwords[user])}" for user in users)))
    old = {serial for serial, user in issuer.issued.items() if user in users}
    own = _of_users(issuer, passwords, now, days)
    issuer = _with_issued(replace(issuer, revoked=issuer.revoked | old), own)
    _put_all(folder, {"broker": {"passwords": listed.encode(), CRL: revocations(issuer, now)}, **own})
    try:
        (authority / ISSUED).write_bytes(_issued(issuer))
    except OSError as error:
        raise BrokerFilesError(
            f"{authority / ISSUED} cannot be written ({error.strerror}): do not use {folder}"
        ) from error
    unknown = [user for user in users if user not in {issuer.issued[serial] for serial in old}]
    return _what_to_renew(folder, users, unknown)


def _users(ward: Ward) -> list[str]:
    return [*(f"edge-{edge}" for edge in ward.edges), *(f"station-{name}" for name in ward.stations)]


def _of_users(issuer: Authority, passwords: Mapping[str, str], now: datetime, days: int) -> dict[str, dict[str, bytes]]:
    """Make the files of each user."""
    parts = {}
    for user, word in passwords.items():
        certificate, key = issue(issuer, user, now, days)
        mine = {"client.crt": certificate, "client.key": key, "broker.password": f"{word}\n".encode()}
        parts[user] = {"ca.crt": _pem(issuer.certificate), **mine}
    return parts


def _with_issued(issuer: Authority, parts: Mapping[str, Mapping[str, bytes]]) -> Authority:
    fresh = {x509.load_pem_x509_certificate(files["client.crt"]).serial_number: user for user, files in parts.items()}
    return replace(issuer, issued={**issuer.issued, **fresh})


def _issued(issuer: Authority) -> bytes:
    rows = (f"{serial:x} {user}{' revoked' * (serial in issuer.revoked)}" for serial, user in issuer.issued.items())
    return "".join(f"{row}\n" for row in rows).encode()


def revocations(issuer: Authority, now: datetime) -> bytes:
    """Return the list of revoked certificates, PEM, valid as long as the authority: an old one locks nobody out."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
    builder = builder.last_update(now - BACKDATED).next_update(issuer.certificate.not_valid_after_utc)
    for serial in sorted(issuer.revoked):
        one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - BACKDATED).build()
        builder = builder.add_revoked_certificate(one)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def access_list(ward: Ward) -> Iterator[str]:
    """Give the lines of mosquitto's access list: who is not named in it may do nothing."""
    root = f"infusion/v1/{ward.site}"
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


def make_authority(site: str, now: datetime) -> Authority:
    """Make a certificate authority that can do nothing but vouch for computers."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"infusion-edge test authority of {site}")
    builder = _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def read_authority(folder: Path) -> Authority:
    """Read one that was made before. Raises `BrokerFilesError`."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise BrokerFilesError(f"{folder} holds no authority (ca.crt and ca.key): {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise BrokerFilesError(f"{folder}: ca.key is not the key of ca.crt")
    issued, revoked = _read_issued(folder / ISSUED)
    return Authority(certificate, key, issued, revoked)


def _read_issued(path: Path) -> tuple[dict[int, str], frozenset[int]]:
    """Read what an authority issued; nothing, where one of an earlier version did not write that down."""
    try:
        rows = [row.split() for row in path.read_text(encoding="utf-8").splitlines()]
        issued = {int(row[0], 16): row[1] for row in rows}
    except FileNotFoundError:
        return {}, frozenset()
    except (OSError, ValueError, IndexError) as error:
        raise BrokerFilesError(f"{path} cannot be read: {error}") from error
    return issued, frozenset(int(row[0], 16) for row in rows if row[2:] == ["revoked"])


def issue(authority: Authority, name: str, now: datetime, days: int, hosts: Sequence[str] = ()) -> tuple[bytes, bytes]:
    """Return a certificate and its key, PEM: of a server where it has ``hosts``, else of a client."""
    key = ec.generate_private_key(ec.SECP256R1())
    ends = authority.certificate.not_valid_after_utc
    if days > (ends - now).days:
        raise BrokerFilesError(f"the authority itself ends on {ends:%Y-%m-%d}: give fewer days, or make a new one")
    builder = _builder(_name(name), authority.certificate.subject, key.public_key(), now, days)
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(issuer_key, critical=False)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(map(_host, hosts)), critical=False)
    return _pem(builder.sign(authority.key, hashes.SHA256())), _key_pem(key)


def _check(ward: Ward, *, renews: bool = False) -> None:
    if renews and not (ward.edges or ward.stations):
        raise BrokerFilesError("name whose are to be renewed: --edge or --station")
    if not renews and (not ward.edges or not ward.hosts):
        raise BrokerFilesError("name at least one --edge, and one --host under which the broker is reached")
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
            _host(host)
        except ValueError as error:
            raise BrokerFilesError(f"--host: {host} is neither a name nor an address") from error


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    builder = builder.not_valid_before(now - BACKDATED).not_valid_after(now + timedelta(days=days))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


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
        f"  sudo install -m 640 -g mosquitto {folder}/broker/* /etc/mosquitto/infusion/",
        "  sudo systemctl restart mosquitto",
        *(f"For {user}: {folder}/{user}/" for user in users),
    ]
    if unknown:
        lines.append(
            f"CAREFUL: this authority did not write down the old certificates of {', '.join(unknown)}: they are still "
            "let in where a certificate says who it is (port 8884). Their old passwords are not."
        )
    return "\n".join(lines)


def _what_to_do(folder: Path, ward: Ward) -> str:
    edge, host = ward.edges[0], ward.hosts[0]
    lines = [
        f"Written to {folder}. Copy it where nobody else can read it, then remove the folder.",
        "Keep authority/ apart from every network: whoever has authority/ca.key can be anybody here.",
        "",
        "At the broker (with config/mosquitto/ward.conf as /etc/mosquitto/conf.d/ward.conf):",
        "  sudo install -d -m 750 -g mosquitto /etc/mosquitto/infusion",
        f"  sudo install -m 640 -g mosquitto {folder}/broker/* /etc/mosquitto/infusion/",
        "  sudo systemctl restart mosquitto",
    ]
    lines += [
        f"At the edge {name}:\n  sudo install -m 640 -g infusion-edge {folder}/edge-{name}/* /etc/infusion-edge/"
        for name in ward.edges
    ]
    lines += [f"At the station {name}: {folder}/station-{name}/" for name in ward.stations]
    lines += [
        "",
        f"In edge.toml of {edge}:",
        "  [broker]",
        f'  host = "{host}"',
        "  tls = true",
        '  ca_file = "ca.crt"',
        f'  username = "edge-{edge}"',
        '  password_file = "broker.password"',
        "or, instead of the last two, at the listener for certificates:",
        "  port = 8884",
        '  certificate_file = "client.crt"',
        '  key_file = "client.key"',
    ]
    return "\n".join(lines)
