"""A bundle is whole or refused, holds nothing to log in with, and nothing is written before all was checked."""

from __future__ import annotations

import errno
import json
import os
import pwd
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge import bundle as bundle_module
from edge import bundle_file
from edge.bodies import alarm_body, kept_body, kept_from_body
from edge.bundle_file import BundledFile, BundleError, Content, digest, opened, sealed
from edge.cli import main
from edge.core.model import Priority
from edge.core.therapy_state import KeptTherapy
from edge.lock import lock
from edge.rows import AlarmRow, JournalRow, Run, TherapyRow, Transaction
from edge.store_file import StoreFile
from edge.store_reading import read_kept
from tests.core_world import BED, START_S, instant
from tests.dose_world import treatment
from tests.unit.alarm_acts import an_alarm

ROOT = Path(__file__).parents[2]
WORD = "correct horse battery staple"
LOGIN = 'host = "127.0.0.1"\nport = 1883\nusername = "edge-pi-1"\npassword_file = "broker.password"\n'
Edit = Callable[[dict[str, Any]], Any]


class Home:
    """A computer: its configuration, its store, new credentials for it, and the command."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.etc, self.run_dir, self.credstore = folder / "etc", folder / "run", folder / "credstore"
        self.run_dir.mkdir(parents=True)
        self.credentials = folder / "fresh"
        self.credentials.mkdir()
        (self.credentials / "broker.password").write_text("the new word\n", encoding="utf-8")
        self._capsys = capsys

    def asks(self, verb: str, *arguments: str | Path) -> tuple[int, str]:
        where = ("--config", self.etc / "edge.toml", "--run-dir", self.run_dir)
        status = main(["bundle", verb, *map(str, arguments), *map(str, where)])
        said = self._capsys.readouterr()
        return status, said.out + said.err

    def imports(self, bundle: Path, *arguments: str | Path) -> tuple[int, str]:
        return self.asks("import", bundle, "--credentials", self.credentials, "--credstore", self.credstore, *arguments)

    def everything(self) -> dict[str, bytes]:
        folders = (self.etc, self.run_dir, self.credstore)
        return {str(file): file.read_bytes() for one in folders for file in one.rglob("*") if file.is_file()}


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Home:
    """The computer that is to be replaced: a patient under treatment, an alarm, and a password."""
    old = Home(tmp_path / "old", capsys)
    old.etc.mkdir()
    shipped = (ROOT / "config/edge.toml").read_text(encoding="utf-8")
    text = shipped.replace('host = "127.0.0.1"\nport = 1883\n', LOGIN)
    assert LOGIN in text
    (old.etc / "edge.toml").write_text(text, encoding="utf-8")
    (old.etc / "drugs.toml").write_bytes((ROOT / "config/drugs.toml").read_bytes())
    (old.etc / "broker.password").write_text(WORD, encoding="utf-8")
    (old.etc / "broker.password").chmod(0o600)
    stood, therapy = an_alarm(priority=Priority.HIGH), KeptTherapy(instant(START_S), treatment())
    rows = Transaction(
        1,
        alarms=(AlarmRow(BED, "HR_HIGH", stood.occurrence, stood.rev, alarm_body(stood, "boot-1")),),
        journal=(JournalRow("run-a", "start", "2026-11-29T12:00:00Z", True, 1.0, "{}"),),
        therapy=(TherapyRow(BED, "therapy", kept_body(BED, "therapy", therapy, "boot-1")),),
    )
    file = StoreFile(old.run_dir / "edge.db", Run("run-a", "boot-1", "2026-11-29T12:00:00Z"))
    file.open()
    file.begin_after(41, rows)
    file.drop()
    return old


@pytest.fixture
def spare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Home:
    return Home(tmp_path / "spare", capsys)


@pytest.fixture
def bundle(home: Home, tmp_path: Path) -> Path:
    path = tmp_path / "pi-1.bundle"
    status, said = home.asks("export", path)
    assert (status, "  bed-1: case c-17, infusing, ketamine\n" in said) == (0, True)
    return path


def edited(bundle: Path, edit: Edit, *, seal: bool) -> None:
    found = json.loads(bundle.read_text(encoding="utf-8"))
    edit(found)
    if seal:
        found["sha256"] = digest(found["content"])
    bundle.write_text(json.dumps(found), encoding="utf-8")


# --- what is in it ----------------------------------------------------------------------------------------------------


def test_a_bundle_holds_configuration_and_state_and_nothing_to_log_in_with(home: Home, bundle: Path) -> None:
    data = bundle.read_bytes()
    assert WORD.encode() not in data
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    content = opened(data)
    assert {file.name for file in content.files} == {"edge.toml", "drugs.toml"}
    assert (content.site, content.edge, content.main) == ("demo", "pi-1", "edge.toml")
    assert content.state is not None
    assert (content.state.run, content.state.event_seq) == ("run-a", 41)
    assert content.state.journal_head.startswith("1:")
    assert [row.key for row in content.state.alarms] == ["HR_HIGH"]
    status, said = home.asks("export", bundle)
    assert (status, said) == (1, f"infusion-edge: {bundle} is there already: name a new file\n")


def test_without_state_it_holds_the_configuration_alone(home: Home, tmp_path: Path) -> None:
    (home.run_dir / "edge.db").unlink()
    out = tmp_path / "plain.bundle"
    status, said = home.asks("export", out)
    assert (status, "For the configuration alone: --without-state" in said) == (1, True)
    assert not out.exists()
    assert home.asks("export", out, "--without-state")[0] == 0
    assert opened(out.read_bytes()).state is None


@pytest.mark.parametrize(
    "text",
    ["-----BEGIN EC PRIVATE KEY-----\nMHcC", 'api_token = "s3cret"', 'password = "s3cret"'],
    ids=lambda text: text[:12],
)
def test_a_file_with_a_secret_in_it_is_not_exported(text: str) -> None:
    files = (BundledFile(name="edge.toml", text=f'mode = "demo"\npassword_file = "broker.password"\n{text}\n'),)
    content = Content(
        program="1",
        site="s",
        edge="e",
        exported="2026-11-29T12:00:00Z",
        synchronised=True,
        main="edge.toml",
        files=files,
    )
    with pytest.raises(BundleError, match=r"^edge\.toml seems to hold a secret"):
        sealed(content)


def test_a_library_elsewhere_is_refused_since_the_spare_would_not_find_it(home: Home, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.toml"
    (home.etc / "drugs.toml").rename(elsewhere)
    config = home.etc / "edge.toml"
    config.write_text(config.read_text(encoding="utf-8").replace('"drugs.toml"', f'"{elsewhere}"'), encoding="utf-8")
    status, said = home.asks("export", tmp_path / "x.bundle")
    assert (status, f"{elsewhere} is not below {home.etc}: move it there" in said) == (1, True)


@pytest.mark.parametrize("name", ["my drugs.toml", "../drugs.toml"])
def test_a_file_whose_name_no_bundle_may_have_is_named_with_the_remedy(home: Home, tmp_path: Path, name: str) -> None:
    (home.etc / "drugs.toml").rename(home.etc / name)
    config = home.etc / "edge.toml"
    config.write_text(config.read_text(encoding="utf-8").replace('"drugs.toml"', f'"{name}"'), encoding="utf-8")
    status, said = home.asks("export", tmp_path / "x.bundle")
    assert (status, f"{home.etc / name}: in a bundle a name has letters" in said) == (1, True)


# --- what becomes of it -----------------------------------------------------------------------------------------------


def test_a_spare_becomes_the_edge_with_new_credentials_and_totals_that_nobody_knows(bundle: Path, spare: Home) -> None:
    status, said = spare.imports(bundle, "--treatments", "take")
    assert status == 0, said
    assert "Taken over; what was given is not known until the order is entered again" in said
    for name in ("edge.toml", "drugs.toml"):
        assert (spare.etc / name).read_text(encoding="utf-8") == (bundle.parent / "old/etc" / name).read_text("utf-8")
    assert (spare.etc / "broker.password").read_text(encoding="utf-8") == "the new word\n"
    assert stat.S_IMODE((spare.etc / "broker.password").stat().st_mode) & 0o007 == 0
    kept, head = read_kept(spare.run_dir / "edge.db")
    assert (kept.previous_run, kept.previous_event_seq) == ("run-a", 41)
    assert head is not None
    (therapy,) = (row for row in kept.therapy if row.part == "therapy")
    found = kept_from_body(BED, "therapy", therapy.body or "")
    assert isinstance(found, KeptTherapy)
    assert [one.drug for one in found.therapy.totals_lost] == ["ketamine"]
    assert stat.S_IMODE((spare.run_dir / "edge.db").stat().st_mode) == 0o600
    # Of no boot of this computer: what was acknowledged there is not acknowledged here.
    assert "boot-1" not in (therapy.body or "") + kept.alarms[0].body
    assert main(["check-config", str(spare.etc / "edge.toml"), "--run-dir", str(spare.run_dir)]) == 0


def test_treatments_are_taken_or_left_by_a_persons_word_alone(bundle: Path, spare: Home) -> None:
    status, said = spare.imports(bundle)
    assert status == 1
    assert "  bed-1: case c-17, infusing, ketamine\nLook at the beds." in said
    assert spare.everything() == {}
    status, said = spare.imports(bundle, "--treatments", "leave")
    assert (status, "Left out: start these patients again at the beds where they are:\n  bed-1: case c-17" in said) == (
        0,
        True,
    )
    kept, _ = read_kept(spare.run_dir / "edge.db")
    assert (kept.previous_run, kept.alarms, kept.therapy) == ("run-a", (), ())


def test_what_is_there_is_kept_unless_it_is_to_be_set_aside_and_then_it_is_not_lost(bundle: Path, spare: Home) -> None:
    assert spare.imports(bundle, "--treatments", "leave")[0] == 0
    (spare.run_dir / "last-good.json").write_text("{}", encoding="utf-8")
    before = spare.everything()
    status, said = spare.imports(bundle, "--treatments", "take")
    assert (status, "edge.toml" in said, "there already. Nothing was written." in said) == (1, True, True)
    assert spare.everything() == before
    status, said = spare.imports(bundle, "--treatments", "take", "--force")
    assert (status, "Set aside, with .before-" in said) == (0, True)
    assert len(list(spare.etc.glob("*.before-*"))) == 3
    assert len(list(spare.run_dir.glob("edge.db.before-*"))) == 1
    assert not (spare.run_dir / "last-good.json").exists()
    assert read_kept(spare.run_dir / "edge.db")[0].therapy != ()


def test_a_disk_that_is_full_in_the_middle_is_named(bundle: Path, spare: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(StoreFile, "_write_rows", full)
    status, said = spare.imports(bundle, "--treatments", "take")
    assert (status, "edge.db cannot be written: OperationalError: database or disk is full. edge" in said) == (1, True)
    assert list(spare.etc.glob("*")) == []


def test_a_bundle_that_found_no_room_is_not_left_in_half(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    status, said = home.asks("export", tmp_path / "x.bundle")
    assert (status, said) == (1, f"infusion-edge: {tmp_path / 'x.bundle'} cannot be written: No space left on device\n")
    assert not (tmp_path / "x.bundle").exists()


def test_the_library_that_came_with_the_package_is_in_nobodys_way(
    bundle: Path, spare: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "drugs.toml"
    shipped.write_text("# as shipped\n", encoding="utf-8")
    monkeypatch.setattr(bundle_module, "SHIPPED", shipped)
    spare.etc.mkdir()
    mine = spare.etc / "drugs.toml"
    mine.write_text("# as shipped, and approved\n", encoding="utf-8")
    status, said = spare.imports(bundle, "--treatments", "take")
    assert (status, f"{mine}: there already" in said) == (1, True)
    mine.write_bytes(shipped.read_bytes())
    status, said = spare.imports(bundle, "--treatments", "take")
    assert (status, "Set aside" in said) == (0, True)
    assert mine.read_bytes() == (ROOT / "config/drugs.toml").read_bytes()


def test_what_the_old_computer_had_beside_its_configuration_is_named(bundle: Path, spare: Home) -> None:
    status, said = spare.imports(bundle, "--treatments", "take")
    assert status == 0
    assert f"CAREFUL: not here: {spare.run_dir}/bed-1-pump, " in said
    assert "71-infusion-beds.rules" in said
    assert "network.conf" not in said


def test_a_computer_whose_service_runs_is_left_alone(bundle: Path, spare: Home) -> None:
    taken = lock(spare.run_dir / "edge.db")
    status, said = spare.imports(bundle, "--treatments", "take")
    assert (status, "another infusion-edge runs with the store" in said) == (1, True)
    assert not spare.etc.exists()
    assert taken >= 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_brings_in_belongs_to_the_services_user(
    bundle: Path, spare: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = pwd.struct_passwd(("infusion-edge", "x", 4711, 4712, "", "/", "/bin/false"))
    monkeypatch.setattr(pwd, "getpwnam", {"infusion-edge": service}.__getitem__)
    before = os.umask(0o077)
    try:
        assert spare.imports(bundle, "--treatments", "take")[0] == 0
    finally:
        os.umask(before)
    store, config, word = spare.run_dir / "edge.db", spare.etc / "edge.toml", spare.etc / "broker.password"
    assert (store.stat().st_uid, store.stat().st_gid) == (4711, 4712)
    for file in (config, word):
        # The service reads it and cannot change it.
        assert (file.stat().st_uid, file.stat().st_gid, stat.S_IMODE(file.stat().st_mode)) == (0, 4712, 0o640)


def test_credentials_that_systemd_hands_over_go_where_it_looks_for_them(
    home: Home, spare: Home, tmp_path: Path
) -> None:
    config = home.etc / "edge.toml"
    text = config.read_text(encoding="utf-8").replace('"broker.password"', '"credential:broker-password"')
    plain = tmp_path / "handed.bundle"
    files = (
        BundledFile(name="edge.toml", text=text),
        BundledFile(name="drugs.toml", text=(home.etc / "drugs.toml").read_text(encoding="utf-8")),
    )
    told = {"exported": "2026-11-29T12:00:00Z", "synchronised": True, "main": "edge.toml", "files": files}
    plain.write_bytes(sealed(Content(program="1", site="demo", edge="pi-1", **told)))  # type: ignore[arg-type]
    status, said = spare.imports(plain)
    assert status == 0, said
    secret = spare.credstore / "infusion-edge.broker-password"
    assert (secret.read_text(encoding="utf-8"), stat.S_IMODE(secret.stat().st_mode)) == ("the new word\n", 0o600)


# --- what is refused, and leaves nothing behind -----------------------------------------------------------------------


def _cut(found: dict[str, Any]) -> None:
    found["content"]["files"][0]["text"] += "# edited\n"


def _newer(found: dict[str, Any]) -> None:
    found["version"] = 2


def _other_shape(found: dict[str, Any]) -> None:
    found["content"]["colour"] = "red"


def _outside(found: dict[str, Any]) -> None:
    found["content"]["files"][0]["name"] = "../../root/.profile"


def _unusable(found: dict[str, Any]) -> None:
    for file in found["content"]["files"]:
        file["text"] = file["text"].replace('mode = "demo"', 'mode = "dream"')


def _another(found: dict[str, Any]) -> None:
    found["content"]["edge"] = "pi-9"


def _leading_out(found: dict[str, Any]) -> None:
    for file in found["content"]["files"]:
        file["text"] = file["text"].replace('"broker.password"', '"../broker.password"')


def _endless(found: dict[str, Any]) -> None:
    for file in found["content"]["files"]:
        file["text"] = f"{'a.' * 400_000}b = 1\n{file['text']}"


def _unreadable(found: dict[str, Any]) -> None:
    found["content"]["state"]["alarms"][0]["body"] = "{}"


def _spoiled(found: dict[str, Any]) -> None:
    therapy = found["content"]["state"]["therapies"][0]
    therapy["body"] = therapy["body"].replace('"weight_kg":"70', '"weight_kg":"30')


def _no_main(found: dict[str, Any]) -> None:
    found["content"]["main"] = "other.toml"


REFUSED: list[tuple[Edit, bool, str]] = [
    (_cut, False, "its content is not what was exported (SHA-256): copy it again, and edit nothing in it"),
    (_newer, False, "it has version 2, and this program knows 1: install the newer infusion-edge here first"),
    (_other_shape, True, "content.colour: Extra inputs are not permitted"),
    (_outside, True, "content.files.0.name: String should match pattern"),
    (_unusable, True, "this program cannot use the configuration of the bundle:"),
    (_another, True, "its configuration is of another edge than the bundle says: export it again"),
    (_leading_out, True, "broker.password_file: ../broker.password leads out of the folder of edge.toml"),
    (_endless, True, "edge.toml of the bundle cannot be read: more than 100 points (at line 1)"),
    (_unreadable, True, "a row of its store cannot be read by this program"),
    (_spoiled, True, "it is not what was written: the disk changed it. Export it again with this version"),
    (_no_main, True, "the bundle names other.toml as its configuration, and does not hold it"),
]


@pytest.mark.parametrize(("edit", "seal", "why"), REFUSED, ids=lambda one: getattr(one, "__name__", ""))
def test_a_bundle_that_cannot_be_used_is_refused_and_nothing_is_written(
    bundle: Path, spare: Home, edit: Edit, seal: bool, why: str
) -> None:
    edited(bundle, edit, seal=seal)
    status, said = spare.imports(bundle, "--treatments", "take")
    assert (status, why in said) == (1, True), said
    assert spare.everything() == {}


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff" * 9, b"[" * 100_000, b'{"format": "infusion-edge bundle"}'])
def test_what_is_no_bundle_is_refused(data: bytes, spare: Home, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    status, said = spare.imports(path)
    assert (status, said.startswith(f"infusion-edge: {path}: it ")) == (1, True)


def test_a_file_that_is_cut_short_or_too_large_is_refused(
    bundle: Path, spare: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bundle.read_bytes()
    for end in range(0, len(data) - 2, len(data) // 40):
        with pytest.raises(BundleError):
            opened(data[:end])
    monkeypatch.setattr(bundle_file, "BUNDLE_MAX_BYTES", len(data))
    assert opened(data).edge == "pi-1"
    monkeypatch.setattr(bundle_file, "BUNDLE_MAX_BYTES", len(data) - 1)
    status, said = spare.imports(Path("/dev/zero"))  # read no further than that
    assert (status, "/dev/zero: it is larger than" in said) == (1, True)
    with pytest.raises(BundleError, match="it is larger than"):
        opened(data)


def test_without_new_credentials_nothing_is_brought_in(bundle: Path, spare: Home) -> None:
    status, said = spare.asks("import", bundle, "--treatments", "take")
    assert (status, "make new ones with infusion-edge broker-files --renew" in said) == (1, True)
    (spare.credentials / "broker.password").unlink()
    status, said = spare.imports(bundle, "--treatments", "take")
    assert (status, f"broker.password_file: there is no {spare.credentials}/broker.password" in said) == (1, True)
    assert spare.everything() == {}
