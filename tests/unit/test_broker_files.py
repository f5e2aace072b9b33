"""What `broker-files` writes, and refuses to; who may what with it is tried in tests/end_to_end/test_security.py."""

from __future__ import annotations

import inspect
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from edge.broker_authority import BrokerFilesError
from edge.broker_files import Ward, access_list, extend, mosquitto_hash, renew, write
from edge.cli import main
from edge.messages.topics import Topics

WARD = Ward("north", ("pi-1", "pi-2"), ("desk",), ("broker.ward", "10.0.0.7"))
NOW_S = 1_800_000_000.0
DAY_S = 24 * 3600.0
FILES = {
    "authority": {"ca.crt", "ca.key", "issued"},
    "broker": {"acl", "ca.crt", "passwords", "revoked.crl", "server.crt", "server.key"},
    "edge-pi-1": {"broker.password", "ca.crt", "client.crt", "client.key"},
    "edge-pi-2": {"broker.password", "ca.crt", "client.crt", "client.key"},
    "station-desk": {"broker.password", "ca.crt", "client.crt", "client.key"},
}


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_it_writes_for_each_what_it_needs_and_for_nobody_else(tmp_path: Path) -> None:
    folder = tmp_path / "ward"
    text = write(folder, WARD, 397, NOW_S)
    assert {part.name: {file.name for file in part.iterdir()} for part in folder.iterdir()} == FILES
    for file in folder.glob("*/*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    for name in ("edge-pi-1", "edge-pi-2", "broker", "station-desk"):
        assert str(folder / name) in text
    passwords = {file.read_text() for file in folder.glob("*/broker.password")}
    assert len(passwords) == 3
    assert not any(word.strip() in (folder / "broker" / "passwords").read_text() for word in passwords)


def test_certificates_say_who_for_how_long_and_for_what(tmp_path: Path) -> None:
    write(tmp_path / "ward", WARD, 397, NOW_S)
    server, client = (
        certificate(tmp_path / "ward/broker/server.crt"),
        certificate(tmp_path / "ward/edge-pi-1/client.crt"),
    )
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.ward"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.7"]
    assert client.subject.rfc4514_string() == "CN=edge-pi-1"
    for one in (server, client):
        one.verify_directly_issued_by(certificate(tmp_path / "ward/authority/ca.crt"))
        assert one.not_valid_after_utc.timestamp() == NOW_S + 397 * DAY_S
        assert not one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_an_authority_can_go_on(tmp_path: Path) -> None:
    write(tmp_path / "first", WARD, 397, NOW_S)
    write(tmp_path / "second", WARD, 397, NOW_S + 300 * DAY_S, tmp_path / "first/authority")
    old, new = certificate(tmp_path / "first/broker/ca.crt"), certificate(tmp_path / "second/broker/ca.crt")
    assert new == old
    certificate(tmp_path / "second/broker/server.crt").verify_directly_issued_by(old)


def test_openssl_finds_nothing_wrong(tmp_path: Path) -> None:
    write(tmp_path / "ward", WARD, 397, NOW_S)
    for file, purpose in (("broker/server.crt", "sslserver"), ("edge-pi-1/client.crt", "sslclient")):
        command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-attime", str(int(NOW_S))]
        command += ["-CAfile", str(tmp_path / "ward/broker/ca.crt"), str(tmp_path / "ward" / file)]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0, file


@pytest.mark.parametrize("there", ["file", "folder"])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    place = tmp_path / "ward"
    if there == "file":
        place.write_text("kept")
    else:
        place.mkdir()
        (place / "kept").write_text("kept")
    with pytest.raises(BrokerFilesError, match="is there already: name a new folder"):
        write(place, WARD, 397, NOW_S)
    assert (place if there == "file" else place / "kept").read_text() == "kept"
    assert len(list(tmp_path.rglob("*"))) == (1 if there == "file" else 2)


@pytest.mark.parametrize(
    ("ward", "days", "message"),
    [
        (Ward("north", (), (), ("h",)), 9, "name at least one --edge, and one --host"),
        (Ward("north", ("a",), (), ()), 9, "name at least one --edge, and one --host"),
        (Ward("North", ("a",), (), ("h",)), 9, '--site: "North" is no identifier; use 1 to 32'),
        (Ward("north", ("a/b",), (), ("h",)), 9, '--edge: "a/b" is no identifier; use 1 to 32'),
        (Ward("north", ("a\nuser b",), (), ("h",)), 9, "--edge: "),
        (Ward("north", ("a",), ("+",), ("h",)), 9, "--station: "),
        (Ward("north", ("a",), ("local",), ("h",)), 9, "the name of the edge's own control socket"),
        (Ward("north", ("a", "a"), (), ("h",)), 9, "--edge: a name is given twice"),
        (Ward("north", ("a",), (), ("bröker",)), 9, "--host: bröker is neither a name nor an address"),
        (Ward("north", ("a",), (), ("h",)), 4000, "the authority itself ends on 2037-"),
        (Ward("north", ("a",), (), ("h",)), 99_999_999, "the authority itself ends on 2037-"),
        (Ward("north", ("a",), (), ("h",)), 0, "--days: give 1 or more"),
    ],
)
def test_refused_before_anything_is_written(tmp_path: Path, ward: Ward, days: int, message: str) -> None:
    with pytest.raises(BrokerFilesError) as caught:
        write(tmp_path / "ward", ward, days, NOW_S)
    assert message in str(caught.value)
    assert not (tmp_path / "ward").exists()


@pytest.mark.parametrize("missing", ["ca.crt", "ca.key"])
def test_an_authority_that_is_none(tmp_path: Path, missing: str) -> None:
    write(tmp_path / "first", WARD, 397, NOW_S)
    (tmp_path / "first/authority" / missing).write_text("nothing")
    with pytest.raises(BrokerFilesError, match="holds no authority"):
        write(tmp_path / "second", WARD, 397, NOW_S, tmp_path / "first/authority")


def test_the_hash_is_the_one_of_mosquitto_passwd(tmp_path: Path) -> None:
    """By its own form: the broker itself takes them in tests/end_to_end/test_security.py."""
    kept = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(kept), "edge-pi-1", "x"], check=True, capture_output=True)
    theirs, ours = kept.read_text().strip().partition(":")[2].split("$"), mosquitto_hash("x").split("$")
    assert [len(part) for part in ours] == [len(part) for part in theirs]
    assert ours[:3] == theirs[:3] == ["", "7", "101"]
    assert mosquitto_hash("x") != mosquitto_hash("x")


def test_an_edge_may_write_all_that_it_says_and_read_all_that_it_hears() -> None:
    topics = Topics("north", "pi-1")
    lines = list(access_list(WARD))
    mine = lines[lines.index("\nuser edge-pi-1") : lines.index("\nuser edge-pi-2")]
    heard = {"request", "receipt"}
    said = [topic for name, topic in vars(topics).items() if name != "prefix"]
    for name, method in inspect.getmembers(Topics, inspect.isfunction):
        if not name.startswith("_") and name not in {*heard, "scope"}:
            said.append(method(topics, *["+"] * (len(inspect.signature(method).parameters) - 1)))
    said += [topics.alarms(""), topics.alarm("", "+")]
    assert len(said) >= 12
    for topic in said:
        assert any(_covers(line, "write", topic) for line in mine), topic
    for topic in (topics.request("+", "+"), topics.receipt("+"), topics.alarm("", "+"), topics.alarm("+", "+")):
        assert any(_covers(line, "read", topic) for line in mine), topic


def _covers(line: str, right: str, topic: str) -> bool:
    kind, granted, pattern = line.split(" ", maxsplit=1)[0], line.split(" ")[1], line.rsplit(" ", maxsplit=1)[-1]
    levels = zip(pattern.split("/"), topic.split("/"), strict=False)
    fits = len(pattern.split("/")) == len(topic.split("/")) and all(p in ("+", t) for p, t in levels)
    return kind == "topic" and granted in (right, "readwrite") and fits


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["broker-files", str(tmp_path / "ward"), "--site", "north", "--edge", "pi-1", "--host", "broker.ward"]
    assert main(command) == 0
    assert 'username = "edge-pi-1"' in capsys.readouterr().out
    assert main(command) == 1
    assert "is there already" in capsys.readouterr().err


# --- renewing ---------------------------------------------------------------------------------------------------------


def renewed(tmp_path: Path, *names: str, folder: str = "fresh") -> str:
    of = {"authority": tmp_path / "ward/authority", "broker": tmp_path / "ward/broker"}
    return renew(tmp_path / folder, Ward("north", names, (), ()), 397, NOW_S, **of)


def revoked(tmp_path: Path, folder: str = "fresh") -> set[int]:
    crl = x509.load_pem_x509_crl((tmp_path / folder / "broker/revoked.crl").read_bytes())
    authority = certificate(tmp_path / "ward/authority/ca.crt")
    assert crl.is_signature_valid(authority.public_key())  # type: ignore[arg-type]
    # A list that runs out would lock the whole ward out.
    assert crl.next_update_utc == authority.not_valid_after_utc
    return {one.serial_number for one in crl}


def test_what_an_edge_logged_in_with_is_renewed_and_revoked_and_nothing_of_the_others(tmp_path: Path) -> None:
    write(tmp_path / "ward", WARD, 397, NOW_S)
    old = certificate(tmp_path / "ward/edge-pi-1/client.crt").serial_number
    text = renewed(tmp_path, "pi-1")
    assert {part.name for part in (tmp_path / "fresh").iterdir()} == {"broker", "edge-pi-1"}
    assert {file.name for file in (tmp_path / "fresh/edge-pi-1").iterdir()} == FILES["edge-pi-1"]
    before, after = (
        dict(row.split(":", 1) for row in (tmp_path / where / "broker/passwords").read_text().splitlines())
        for where in ("ward", "fresh")
    )
    assert before.keys() == after.keys()
    assert {user for user in after if after[user] != before[user]} == {"edge-pi-1"}
    assert revoked(tmp_path) == {old}
    assert "CAREFUL" not in text
    # The next one remembers it, and a renewed one can be renewed.
    fresh = certificate(tmp_path / "fresh/edge-pi-1/client.crt").serial_number
    renewed(tmp_path, "pi-1", "pi-2", folder="again")
    other = certificate(tmp_path / "ward/edge-pi-2/client.crt").serial_number
    assert revoked(tmp_path, "again") == {old, fresh, other}


def test_a_new_ward_has_revoked_nothing_yet(tmp_path: Path) -> None:
    write(tmp_path / "ward", WARD, 397, NOW_S)
    assert revoked(tmp_path, "ward") == set()


def test_who_is_not_known_or_has_no_authority_is_not_renewed(tmp_path: Path) -> None:
    write(tmp_path / "ward", WARD, 397, NOW_S)
    with pytest.raises(BrokerFilesError, match="passwords has no edge-pi-9: look at the name"):
        renewed(tmp_path, "pi-9")
    with pytest.raises(BrokerFilesError, match="name whose are to be renewed"):
        renewed(tmp_path)
    ward = Ward("north", ("pi-1",), (), ())
    with pytest.raises(BrokerFilesError, match="--renew needs --authority"):
        renew(tmp_path / "fresh", ward, 397, NOW_S, authority=None, broker=tmp_path / "ward/broker")
    with pytest.raises(BrokerFilesError, match="holds no passwords of a broker"):
        renew(tmp_path / "fresh", ward, 397, NOW_S, authority=tmp_path / "ward/authority", broker=tmp_path)
    with pytest.raises(BrokerFilesError, match="is there already: name a new folder"):
        renew(
            tmp_path / "ward", ward, 397, NOW_S, authority=tmp_path / "ward/authority", broker=tmp_path / "ward/broker"
        )
    assert not (tmp_path / "fresh").exists()


def test_an_old_certificate_that_nobody_wrote_down_is_said(tmp_path: Path) -> None:
    write(tmp_path / "ward", WARD, 397, NOW_S)
    (tmp_path / "ward/authority/issued").unlink()
    text = renewed(tmp_path, "pi-1")
    assert "CAREFUL: this authority did not write down the old certificates of edge-pi-1" in text
    assert revoked(tmp_path) == set()


# --- going on ---------------------------------------------------------------------------------------------------------


def extended(tmp_path: Path, ward: Ward) -> str:
    of = {"authority": tmp_path / "ward/authority", "broker": tmp_path / "ward/broker"}
    return extend(tmp_path / "more", ward, 397, NOW_S + 340 * DAY_S, **of)


def passwords(folder: Path) -> dict[str, str]:
    return dict(row.split(":", 1) for row in (folder / "broker/passwords").read_text().splitlines())


def test_a_certificate_is_renewed_and_everybody_else_is_let_in_as_before(tmp_path: Path) -> None:
    write(tmp_path / "ward", WARD, 397, NOW_S)
    text = extended(tmp_path, Ward("north", ("pi-1",), (), ("broker.ward",)))
    files = {part.name: {file.name for file in part.iterdir()} for part in (tmp_path / "more").iterdir()}
    assert files == {
        "broker": {"acl", "passwords", "revoked.crl", "server.crt", "server.key"},
        "edge-pi-1": {"ca.crt", "client.crt", "client.key"},
    }
    for name in ("acl", "passwords"):
        assert (tmp_path / "more/broker" / name).read_bytes() == (tmp_path / "ward/broker" / name).read_bytes()
    assert revoked(tmp_path, "more") == set()
    for name in ("broker/server.crt", "edge-pi-1/client.crt"):
        assert certificate(tmp_path / "more" / name).not_valid_after_utc.timestamp() == NOW_S + 737 * DAY_S
    assert "new certificates for the broker, edge-pi-1. Who was let in before is let in still." in text
    assert "New here, with a password: nobody." in text
    # The authority knows both, for the day on which that computer is replaced.
    issued = (tmp_path / "ward/authority/issued").read_text().split()
    assert issued.count("edge-pi-1") == 2


def test_an_edge_and_a_station_come_to_a_ward_and_nobody_else_notices(tmp_path: Path) -> None:
    write(tmp_path / "ward", WARD, 397, NOW_S)
    text = extended(tmp_path, Ward("north", ("pi-3",), ("wall",), ()))
    before, after = passwords(tmp_path / "ward"), passwords(tmp_path / "more")
    assert {user: after[user] for user in before} == before
    assert after.keys() - before.keys() == {"edge-pi-3", "station-wall"}
    assert {file.name for file in (tmp_path / "more/edge-pi-3").iterdir()} == FILES["edge-pi-1"]
    everybody = Ward("north", ("pi-1", "pi-2", "pi-3"), ("desk", "wall"), ())
    assert (tmp_path / "more/broker/acl").read_text() == "\n".join(access_list(everybody)) + "\n"
    assert not (tmp_path / "more/broker/server.crt").exists()
    assert f"-g infusion-station {tmp_path}/more/station-wall/* /etc/infusion-station/" in text
    assert "CAREFUL" not in text


def test_who_is_no_edge_and_no_station_is_named_since_its_rights_are_not_known(tmp_path: Path) -> None:
    write(tmp_path / "ward", WARD, 397, NOW_S)
    with (tmp_path / "ward/broker/passwords").open("a") as file:
        file.write("bridge:$7$x\n")
    assert "CAREFUL: bridge: the names are not of an edge or a station" in extended(
        tmp_path, Ward("north", ("pi-1",), (), ())
    )
    assert passwords(tmp_path / "more")["bridge"] == "$7$x"


def test_a_ward_goes_on_as_itself_alone(tmp_path: Path) -> None:
    write(tmp_path / "ward", WARD, 397, NOW_S)
    with pytest.raises(BrokerFilesError, match="acl is not of south; every program there would lose its rights"):
        extended(tmp_path, Ward("south", ("pi-1",), (), ()))
    with pytest.raises(BrokerFilesError, match="name whose certificate is to be new"):
        extended(tmp_path, Ward("north", (), (), ()))
    ward = Ward("north", ("pi-1",), (), ())
    with pytest.raises(BrokerFilesError, match="--keep needs --authority"):
        extend(tmp_path / "more", ward, 397, NOW_S, authority=None, broker=tmp_path / "ward/broker")
    (tmp_path / "ward/broker/acl").unlink()
    with pytest.raises(BrokerFilesError, match="acl cannot be read"):
        extended(tmp_path, Ward("north", ("pi-1",), (), ()))
    assert not (tmp_path / "more").exists()


def test_who_makes_all_anew_by_an_old_authority_is_told_what_that_does(tmp_path: Path) -> None:
    assert "CAREFUL" not in write(tmp_path / "ward", WARD, 397, NOW_S)
    again = write(tmp_path / "again", WARD, 397, NOW_S, tmp_path / "ward/authority")
    assert "CAREFUL: every password is new, and who is not named here is not let in any more." in again
