"""The table `[broker]`: how to log in, and what is refused with patients."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge import broker_files
from edge.broker_files import Ward
from edge.config import ConfigError, at_broker, load
from edge.config_broker import BrokerSettings, is_loopback
from edge.config_file import Problem
from edge.tls import TlsFiles
from tests.unit.config_files import APPROVED, CLINICAL, EDGE, changed, problems_of, put

HERE = 'host = "127.0.0.1"\nport = 1883\n'
TLS = 'host = "broker.ward"\ntls = true\nca_file = "ca.crt"\n'
BY_PASSWORD = 'username = "edge-pi-1"\npassword_file = "broker.password"\n'  # noqa: S105 - names a file
BY_CERTIFICATE = 'certificate_file = "client.crt"\nkey_file = "client.key"\n'
EXPOSED = (
    "alarms would go to broker.ward unprotected: anybody on the way could read or forge them",
    "set tls = true and ca_file, or use a broker on this machine (127.0.0.1)",
)
NAMELESS = (
    "nobody logs in at broker.ward, which then cannot know this edge from any other",
    "give username and password_file, or certificate_file and key_file (infusion-edge broker-files)",
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ward") / "files"
    broker_files.write(folder, Ward("demo", ("pi-1",), (), ("broker.ward",)), 30, time.time())  # noqa: TID251
    return folder / "edge-pi-1"


@pytest.fixture
def here(tmp_path: Path, files: Path) -> Path:
    for file in files.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
        (tmp_path / file.name).chmod(0o640)
    return tmp_path


def test_tls_with_a_password(here: Path) -> None:
    configuration = load(put(here, changed(CLINICAL, (HERE, TLS + BY_PASSWORD)), APPROVED), here)
    assert configuration.broker == BrokerSettings(
        "broker.ward", 8883, "edge-pi-1", here / "broker.password", TlsFiles(here / "ca.crt")
    )
    assert [warning.key for warning in configuration.warnings if warning.key.startswith("broker")] == []


def test_tls_with_a_certificate(here: Path) -> None:
    configuration = load(put(here, changed(CLINICAL, (HERE, TLS + "port = 8884\n" + BY_CERTIFICATE)), APPROVED), here)
    assert configuration.broker == BrokerSettings(
        "broker.ward", 8884, "", None, TlsFiles(here / "ca.crt", here / "client.crt", here / "client.key")
    )


def test_a_credential_that_systemd_hands_over(here: Path) -> None:
    table = TLS + 'username = "edge-pi-1"\npassword_file = "credential:mqtt"\n'
    (here / "credentials").mkdir()
    (here / "credentials" / "mqtt").write_text("secret")
    path = put(here, changed(EDGE, (HERE, table)))
    environment = {"CREDENTIALS_DIRECTORY": str(here / "credentials")}
    assert load(path, here, environment).broker.password_file == here / "credentials" / "mqtt"
    with pytest.raises(ConfigError) as caught:
        load(path, here, {})
    remedy = "add LoadCredential=mqtt:/path/to/it to the unit, or give a path"
    assert caught.value.problems == (
        Problem(str(path), "broker.password_file", "credential:mqtt is not handed over by systemd", remedy),
    )


@pytest.mark.parametrize(
    ("table", "problems"),
    [
        ('host = "broker.ward"\n', [("broker.tls", *EXPOSED), ("broker", *NAMELESS)]),
        ('host = "broker.ward"\n' + BY_PASSWORD, [("broker.tls", *EXPOSED)]),
        (TLS, [("broker", *NAMELESS)]),
    ],
)
def test_what_is_refused_with_patients_is_a_warning_in_a_demonstration(
    here: Path, table: str, problems: list[tuple[str, str, str]]
) -> None:
    path = put(here, changed(CLINICAL, (HERE, table)), APPROVED)
    expected = tuple(Problem(str(path), *problem) for problem in problems)
    assert problems_of(path, here) == expected
    assert load(put(here, changed(EDGE, (HERE, table))), here).warnings[: len(expected)] == expected


@pytest.mark.parametrize(
    ("table", "key", "message", "remedy"),
    [
        (TLS + 'key_file = "client.key"\n', "broker", "certificate_file and key_file go together", "give both or none"),
        (HERE + 'ca_file = "ca.crt"\n', "broker.ca_file", "is of no use without TLS", "set tls = true, or remove it"),
        (
            TLS.replace("ca.crt", "gone.crt"),
            "broker.ca_file",
            "{here}/gone.crt cannot be read: No such file or directory",
            "give a file that the service's user may read",
        ),
    ],
)
def test_refused(here: Path, table: str, key: str, message: str, remedy: str) -> None:
    path = put(here, changed(EDGE, (HERE, table)))
    assert Problem(str(path), key, message.format(here=here), remedy) in problems_of(path, here)


@pytest.mark.parametrize("name", ["ca.crt", "client.crt", "client.key"])
def test_a_file_that_is_damaged_does_not_stop_the_watching(here: Path, name: str) -> None:
    (here / name).write_text("-----BEGIN")
    configuration = load(put(here, changed(CLINICAL, (HERE, TLS + BY_CERTIFICATE)), APPROVED), here)
    (warning,) = [warning for warning in configuration.warnings if warning.key == "broker"]
    assert warning.message.startswith(f"TLS cannot be used: {here}/{'ca.crt:' if name == 'ca.crt' else 'client.crt, '}")


def test_a_key_of_another_is_named_with_its_certificate(here: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    told = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (here / "client.key").write_bytes(key.private_bytes(*told))
    configuration = load(put(here, changed(CLINICAL, (HERE, TLS + BY_CERTIFICATE)), APPROVED), here)
    (warning,) = [warning for warning in configuration.warnings if warning.key == "broker"]
    assert warning.message == (f"TLS cannot be used: {here}/client.crt, {here}/client.key: they do not fit each other")


@pytest.mark.parametrize("name", ["broker.password", "client.key"])
def test_a_secret_that_everybody_can_read_is_told(here: Path, name: str) -> None:
    (here / name).chmod(0o644)
    configuration = load(put(here, changed(EDGE, (HERE, TLS + BY_PASSWORD + BY_CERTIFICATE))), here)
    (warning,) = [warning for warning in configuration.warnings if warning.key.startswith("broker")]
    assert (warning.message, warning.remedy) == (
        f"{here / name} can be read by everybody here",
        f"chmod o= {here / name}",
    )


def test_another_broker_by_option_is_judged_too(here: Path) -> None:
    clinical = load(put(here, CLINICAL, APPROVED), here)
    with pytest.raises(ConfigError) as caught:
        at_broker(clinical, "broker.ward", 1883)
    assert [(problem.file, problem.key, problem.message, problem.remedy) for problem in caught.value.problems] == [
        ("--broker", "broker.tls", *EXPOSED),
        ("--broker", "broker", *NAMELESS),
    ]
    assert at_broker(clinical, "::1", 1884).broker == replace(clinical.broker, host="::1", port=1884)
    demonstration = at_broker(load(put(here, EDGE), here), "broker.ward", 1883)
    assert [warning.file for warning in demonstration.warnings] == ["--broker", "--broker"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "localhost.ward", "127.0.0.1.ward", "10.0.0.1", "broker"])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)
