"""The certificate authority of `broker-files`: what it is, what it issued, and what it takes back.

It is for trying out, and for a site without an authority of its own: whoever has its `ca.key` can be anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
BACKDATED = timedelta(days=1)
"""Clocks of a site may be apart by as much."""

ISSUED = "issued"
"""In the folder of an authority: a line for each certificate of an edge or a station, with ``revoked`` after it."""


class BrokerFilesError(Exception):
    """Nothing was written; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority. ``issued`` are the certificates of edges and stations: serial number to whose it is."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issued: Mapping[int, str] = field(default_factory=dict)
    revoked: frozenset[int] = frozenset()


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
        builder = builder.add_extension(x509.SubjectAlternativeName(map(host_name, hosts)), critical=False)
    return pem(builder.sign(authority.key, hashes.SHA256())), key_pem(key)


def issued_file(issuer: Authority) -> bytes:
    """Return the text of ``issued``."""
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


def host_name(host: str) -> x509.GeneralName:
    """Return a host as a certificate names it. Raises ``ValueError``."""
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


def pem(certificate: x509.Certificate) -> bytes:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a key as PEM, without a pass phrase."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
