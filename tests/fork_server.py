"""Imports the product once, and forks a process of it each time that it is asked over the socket of its parent."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys

ASKED_MAX_BYTES = 200_000
"""The words of a command and its whole environment."""

FILES_MAX = 3


def serve(asked: socket.socket) -> list[str]:
    """Fork until the socket is closed. It returns in the processes that it made, with the words for each."""
    while True:
        message, files, *_ = socket.recv_fds(asked, ASKED_MAX_BYTES, FILES_MAX)
        if not message:
            sys.exit()
        waiting = os.fork()
        if not waiting:
            break
        for file in files:
            os.close(file)
    asked.close()
    told, out, error = files
    # Signals to it are the tests' own; whoever ends it is told how.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid:
        _tell(told, pid, (out, error))
    os.close(told)
    for file, stream in ((out, 1), (error, 2)):
        os.dup2(file, stream)
    for file in {out, error} - {1, 2}:
        os.close(file)
    request = json.loads(message)
    os.environ.clear()
    os.environ.update(request["env"])
    words: list[str] = request["words"]
    return words


def _tell(told: int, pid: int, files: tuple[int, ...]) -> None:
    """Say which process was made and, when it has ended, how. It outlives nobody who asked for it."""
    for file in files:
        os.close(file)
    os.write(told, f"{pid}\n".encode())
    ended = os.pidfd_open(pid)
    ready, _, _ = select.select([ended, told], [], [])
    if ended not in ready:  # whoever asked is gone, and says no more
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):
        os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _import_all() -> None:
    import edge  # noqa: PLC0415

    for module in pkgutil.iter_modules(edge.__path__, "edge."):
        importlib.import_module(module.name)


def main() -> int:
    """Serve, and be `infusion-edge` in each fork."""
    _import_all()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    words = serve(socket.socket(fileno=int(sys.argv[1])))
    # What an interpreter does at its start with what it was given.
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    from edge.cli import main as infusion_edge  # noqa: PLC0415

    sys.argv[1:] = words
    return infusion_edge()


if __name__ == "__main__":
    sys.exit(main())
