"""`station.toml`: what is wrong is told with its key and what to do, all of it at once; the shipped file is taken."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from station.config import ConfigError, load
from station.mqtt import LoginError
from station.users import pin_hash

SHIPPED = Path(__file__).parents[2] / "config" / "station.toml"
HASH = pin_hash("2580", b"s" * 16)
PLAIN = f"""
mode = "demo"
site = "demo"
station = "ward-desk"
label = "Ward 3"
edges = ["pi-1"]

[broker]
host = "127.0.0.1"

[[user]]
id = "kari"
name = "Kari"
role = "nurse"
pin = "{HASH}"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "station.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as told:
        load(write(folder, text), {})
    return [f"{problem.key}: {problem.message}; {problem.remedy}" for problem in told.value.problems]


def test_the_shipped_file_is_taken_without_a_warning() -> None:
    found = load(SHIPPED, {})
    assert found.warnings == ()
    assert (found.settings.site, found.settings.station, found.settings.edges) == ("demo", "ward-desk", ("pi-1",))
    assert found.settings.attended
    assert [(user.user, user.role, user.knows("2580")) for user in found.settings.users] == [
        ("kari", "nurse", True),
        ("ola", "prescriber", True),
    ]
    assert (found.broker.host, found.broker.port, found.broker.client_id) == ("127.0.0.1", 1883, "station-ward-desk")
    assert (found.page.host, found.page.port, found.page.secure) == ("127.0.0.1", 8080, False)
    assert found.page.hosts == {"127.0.0.1", "localhost", "::1"}


def test_what_is_not_said(tmp_path: Path) -> None:
    found = load(write(tmp_path, PLAIN), {})
    assert (found.settings.language, found.settings.attended) == ("en", False)


def test_every_key_of_the_shipped_file_is_explained_there() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    told = tomllib.loads(text)
    assert {"broker", "page", "user"} <= told.keys()
    for key in ("tls", "ca_file", "username", "password_file", "certificate_file", "key_file", "proxy_tls", "names"):
        assert f"{key} =" in text


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ('site = "demo"\n', "", "site: is missing; add it"),
        ('site = "demo"', 'site = "Demo ward"', "site: 'Demo ward' is not accepted; it should be 1 to 32 lower-case"),
        ('label = "Ward 3"', 'labell = "Ward 3"', 'labell: is not a known key; did you mean "label"?'),
        ('mode = "demo"', 'mode = "real"', "mode: 'real' is not accepted; it should be 'demo' or 'clinical'"),
        ('edges = ["pi-1"]', "edges = []", "edges: [] is not accepted; it should have at least 1 item"),
        ('edges = ["pi-1"]', 'edges = ["pi-1", "pi-1"]', 'edges: "pi-1" is there twice; name each once'),
        ('edges = ["pi-1"]', 'edges = ["a/b"]', "edges[0]: 'a/b' is not accepted"),
        ('label = "Ward 3"', 'label = "Ward 3"\nlanguage = "sv"', "language: 'sv' is not accepted"),
        ('label = "Ward 3"', 'label = "Ward 3"\nattended = "yes"', "attended: 'yes' is not accepted"),
        ('host = "127.0.0.1"', 'hosst = "127.0.0.1"', 'broker.hosst: is not a known key; did you mean "host"?'),
        ('host = "127.0.0.1"', 'host = "127.0.0.1"\nport = 70000', "broker.port: 70000 is not accepted"),
        ('host = "127.0.0.1"', 'host = "127.0.0.1"\nusername = "x"', "broker: username and password_file go together"),
        ('host = "127.0.0.1"', 'host = "127.0.0.1"\nca_file = "no"', "broker.ca_file: is of no use without TLS"),
        ('host = "127.0.0.1"', 'host = "127.0.0.1"\ntls = true\nca_file = "no"', "broker.ca_file: {folder}/no cannot"),
        (HASH, "2580", "user[0].pin: is no hash of a PIN; write what `infusion-station user add` makes"),
        ('role = "nurse"', 'role = "boss"', "user[0].role: 'boss' is not accepted"),
        ("[broker]", "[broker", ": is not TOML: "),
        ("[[user]]", '[page]\nnames = ["http://a"]\n[[user]]', 'page.names[0]: "http://a" is no name of a host'),
        ("[[user]]", '[page]\ncertificate_file = "c"\n[[user]]', "page: certificate_file and key_file go together"),
        (
            "[[user]]",
            '[page]\ncertificate_file = "station.toml"\nkey_file = "station.toml"\n[[user]]',
            "page: certificate and key cannot be used: ",
        ),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, old: str, new: str, wanted: str) -> None:
    assert old in PLAIN
    told = refused(tmp_path, PLAIN.replace(old, new, 1))
    assert any(line.startswith(wanted.format(folder=tmp_path)) for line in told), told


def test_a_wrong_pin_is_never_shown_again(tmp_path: Path) -> None:
    assert "2580" not in "".join(refused(tmp_path, PLAIN.replace(f'"{HASH}"', "2580", 1)))
    assert "2580" not in "".join(refused(tmp_path, PLAIN.replace(HASH, "2580", 1)))


def test_everything_is_told_at_once(tmp_path: Path) -> None:
    told = refused(tmp_path, PLAIN.replace('"demo"\nsite', '"x"\nsite').replace('"nurse"', '"boss"'))
    assert [line.partition(":")[0] for line in told] == ["mode", "user[0].role"]


def test_two_users_of_one_name(tmp_path: Path) -> None:
    user = PLAIN.partition("[[user]]")[2]
    assert refused(tmp_path, f"{PLAIN}\n[[user]]{user}") == ['user: "kari" is there twice; name each once']


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
        load(tmp_path / "none.toml", {})


EXPOSED = PLAIN.replace('host = "127.0.0.1"', 'host = "10.1.2.3"').replace(
    "[[user]]", '[page]\nhost = "0.0.0.0"\n[[user]]'
)


def test_what_goes_over_the_network_unprotected_is_warned_of_and_refused_with_patients(tmp_path: Path) -> None:
    warned = [problem.key for problem in load(write(tmp_path, EXPOSED), {}).warnings]
    assert warned == ["broker.tls", "broker", "page"]
    told = refused(tmp_path, EXPOSED.replace('"demo"\nsite', '"clinical"\nsite'))
    assert [line.partition(":")[0] for line in told] == warned


def test_a_page_behind_a_server_that_speaks_tls(tmp_path: Path) -> None:
    page = '[page]\nhost = "0.0.0.0"\nproxy_tls = true\nnames = ["Ward-3.hospital.example", "10.1.2.9"]\n[[user]]'
    found = load(write(tmp_path, PLAIN.replace("[[user]]", page).replace('"demo"\nsite', '"clinical"\nsite')), {})
    assert found.page.secure
    assert found.page.hosts == {"ward-3.hospital.example", "10.1.2.9", "127.0.0.1", "localhost", "::1"}


def with_password(folder: Path, where: str) -> str:
    login = f'host = "127.0.0.1"\nusername = "station-ward-desk"\npassword_file = "{where}"'
    (folder / "word").write_text("secret\n", encoding="utf-8")
    (folder / "word").chmod(0o600)
    return PLAIN.replace('host = "127.0.0.1"', login)


def test_a_password_is_read_anew_at_each_connection(tmp_path: Path) -> None:
    login: Any = load(write(tmp_path, with_password(tmp_path, "word")), {}).broker.login
    assert (login().username, login().password, login().tls) == ("station-ward-desk", "secret", None)
    (tmp_path / "word").write_text("newer", encoding="utf-8")
    assert login().password == "newer"  # noqa: S105 - of a test
    assert "newer" not in repr(login())
    (tmp_path / "word").unlink()
    with pytest.raises(LoginError, match=r"the password file .*word cannot be read"):
        login()


def test_a_file_that_systemd_hands_over(tmp_path: Path) -> None:
    path = write(tmp_path, with_password(tmp_path, "credential:word"))
    assert load(path, {"CREDENTIALS_DIRECTORY": str(tmp_path)}).broker.login().password == "secret"  # noqa: S105 - of a test
    with pytest.raises(ConfigError, match="LoadCredential=word:"):
        load(path, {})


def test_a_password_that_everybody_can_read_is_warned_of(tmp_path: Path) -> None:
    path = write(tmp_path, with_password(tmp_path, "word"))
    (tmp_path / "word").chmod(0o644)
    (warning,) = load(path, {}).warnings
    assert (warning.key, warning.remedy) == ("broker.password_file", f"chmod o= {tmp_path}/word")


def test_with_patients_nobody_acts_by_a_pin_that_the_shipped_file_tells(tmp_path: Path) -> None:
    shipped = (Path(__file__).parents[2] / "config/station.toml").read_text(encoding="utf-8")
    path = tmp_path / "station.toml"
    path.write_text(shipped, encoding="utf-8")
    assert [user.user for user in load(path, {}).settings.users] == ["kari", "ola"]
    path.write_text(shipped.replace('mode = "demo"', 'mode = "clinical"'), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert [(one.key, one.message) for one in caught.value.problems] == [
        (f"user[{number}].pin", "is the example's, which everybody knows") for number in (0, 1)
    ]
