"""Who has a port: real locks and connections of this process, and tables as another machine's kernel writes them."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.holder import COMMAND_MAX, holder_of


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def address_of(server: socket.socket) -> str:
    return f"tcp://127.0.0.1:{server.getsockname()[1]}"


def fake(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def test_a_lock_of_this_process_is_seen_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "port"
    with path.open("wb") as file:
        assert holder_of(str(path)) == ""
        fcntl.flock(file, fcntl.LOCK_EX)
        assert holder_of(str(path)).startswith(f"process {os.getpid()} (")
        link = tmp_path / "by-id"
        link.symlink_to(path)
        assert holder_of(str(link)).startswith(f"process {os.getpid()} (")
    assert holder_of(str(path)) == ""


def test_a_path_that_is_not_there_is_held_by_nobody(tmp_path: Path) -> None:
    assert holder_of(str(tmp_path / "none")) == ""


def test_a_connection_of_this_machine_is_seen_and_a_server_without_one_is_not(listening: socket.socket) -> None:
    assert holder_of(address_of(listening)) == ""
    with socket.create_connection(listening.getsockname()):
        assert holder_of(address_of(listening)).startswith(f"process {os.getpid()} (")
        assert holder_of(address_of(listening).replace("127.0.0.1", "localhost")).startswith("process ")


@pytest.mark.parametrize("address", ["tcp://", "tcp://127.0.0.1:99999", "tcp://no.such.host.invalid:1"])
def test_an_address_that_is_none_is_held_by_nobody(address: str) -> None:
    assert holder_of(address) == ""


def test_a_process_of_somebody_else_is_told_without_its_name(tmp_path: Path) -> None:
    table = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:9C40 0200007F:1000 06 00000000:00000000 00:00000000 00000000     0        0 11 1\n"
        "   1: 0100007F:9C41 0200007F:1000 01 00000000:00000000 00:00000000 00000000     0        0 12 1\n"
    )
    proc = fake(tmp_path, net__tcp=table)
    assert holder_of("tcp://127.0.0.2:4096", proc) == "a program that cannot be seen from here"
    assert holder_of("tcp://127.0.0.2:4097", proc) == ""


def test_a_long_command_is_cut_and_a_kernel_thread_has_none(tmp_path: Path) -> None:
    path = tmp_path / "port"
    path.touch()
    status = path.stat()
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    proc = fake(
        tmp_path, locks=f"1: POSIX  ADVISORY  WRITE 6 {place} 0 EOF\n2: FLOCK  ADVISORY  WRITE 7 {place} 0 EOF\n"
    )
    assert holder_of(str(path), proc) == "process 7"
    (proc / "7").mkdir()
    (proc / "7" / "cmdline").write_bytes(b"x" * 50 + b"\0" + b"y" * 50 + b"\0")
    assert holder_of(str(path), proc) == f"process 7 ({'x' * 50} {'y' * (COMMAND_MAX - 51)}...)"
