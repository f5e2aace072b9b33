"""What a subcommand says to who typed it, and its exit status."""

from __future__ import annotations

import sys

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h: systemd does not restart on it."""

EXIT_STOPPED = 130
"""By Ctrl-C, as shells count it."""


def printable(text: str) -> str:
    """Return a text that may have been written by a device: it must not steer the terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def say(text: str, *, to_error: bool = False) -> None:
    """Print such a text, at once."""
    print(printable(text), file=sys.stderr if to_error else sys.stdout, flush=True)


def progress(text: str) -> None:
    """Say how far it is, beside what is printed for a pipe."""
    say(text, to_error=True)
