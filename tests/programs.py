"""`infusion-edge` as a process of its own, without the price of a new interpreter each time.

The first of each command in a test run is a new interpreter, as a person has it. Those after it are forked from one
that has imported the product: processes of their own all the same, with their own memory, files and signals.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[1]
DEVNULL = asyncio.subprocess.DEVNULL
PIPE = asyncio.subprocess.PIPE
STDOUT = asyncio.subprocess.STDOUT


class Program(Protocol):
    """What a test may do to it: as `asyncio.subprocess.Process`."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    @property
    def stdout(self) -> asyncio.StreamReader | None: ...
    @property
    def stderr(self) -> asyncio.StreamReader | None: ...
    def send_signal(self, signal: int) -> None: ...
    def kill(self) -> None: ...
    def terminate(self) -> None: ...
    async def wait(self) -> int: ...
    async def communicate(self) -> tuple[bytes, bytes]: ...


async def infusion_edge(
    *words: object, stdout: int | None = None, stderr: int | None = None, environment: dict[str, str] | None = None
) -> Program:
    """Start `infusion-edge` with the words, in the project's folder and without standard input; give its `Program`."""
    verb = str(words[0])
    told = [str(word) for word in words]
    env = {**os.environ, **(environment or {})}
    if verb not in _fresh:
        _fresh.add(verb)
        command = (sys.executable, "-m", "edge.cli", *told)
        return await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=env, stdin=DEVNULL, stdout=stdout, stderr=stderr
        )
    return await _fork(told, env, stdout, stderr)


_fresh: set[str] = set()
"""The commands of which a new interpreter was started."""


# --- the side of the tests ---


class _Forked:
    """A `Program` that is no child of ours: who forked it tells how it ended."""

    def __init__(
        self,
        pid: int,
        status: asyncio.Task[int],
        stdout: asyncio.StreamReader | None,
        stderr: asyncio.StreamReader | None,
    ) -> None:
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr
        self._status = status

    @property
    def returncode(self) -> int | None:
        return self._status.result() if self._status.done() else None

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    async def wait(self) -> int:
        return await asyncio.shield(self._status)

    async def communicate(self) -> tuple[bytes, bytes]:
        out, error = await asyncio.gather(*(_all(stream) for stream in (self.stdout, self.stderr)))
        await self.wait()
        return out, error


async def _all(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read()


_parent: socket.socket | None = None
"""Where to ask for a fork."""


def _ask() -> socket.socket:
    global _parent
    if _parent is None:
        _parent, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())]
        # A session of its own: what is typed at the terminal of the tests is for the tests.
        process = subprocess.Popen(command, cwd=ROOT, stdin=DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True)
        theirs.close()
        atexit.register(_end, _parent, process)
    return _parent


def _end(asking: socket.socket, process: subprocess.Popen[bytes]) -> None:
    asking.close()
    process.wait()


async def _fork(words: list[str], env: dict[str, str], stdout: int | None, stderr: int | None) -> _Forked:
    ours, theirs = socket.socketpair()
    out, out_end = await _stream(stdout, 1, None)
    error, error_end = await _stream(stderr, 2, out_end)
    try:
        message = json.dumps({"words": words, "env": env}).encode()
        socket.send_fds(_ask(), [message], [theirs.fileno(), out_end, error_end])
    finally:
        theirs.close()
        for end in {out_end, error_end} - {1, 2}:
            os.close(end)
    told, keep = await asyncio.open_unix_connection(sock=ours)
    pid = int(await told.readline())
    return _Forked(pid, asyncio.create_task(_end_of(told, keep)), out, error)


async def _end_of(told: asyncio.StreamReader, keep: asyncio.StreamWriter) -> int:
    try:
        return int(await told.readline())
    finally:
        keep.close()


async def _stream(what: int | None, inherited: int, out: int | None) -> tuple[asyncio.StreamReader | None, int]:
    """Give where a test reads, if it reads, and what the program writes to."""
    if what is None:
        return None, inherited
    if what == STDOUT and out is not None:
        return None, out
    if what == DEVNULL:
        return None, os.open(os.devnull, os.O_WRONLY)
    reading, writing = os.pipe()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb"))
    return reader, writing
