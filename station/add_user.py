"""`infusion-station user add`: a name tile more, with the hash of a PIN that is asked for and shown nowhere."""

from __future__ import annotations

import getpass
import json
import os
import sys
import tempfile
from pathlib import Path

from station.config import ConfigError, load
from station.users import PIN, pin_hash


class AddUserError(Exception):
    """Nothing was written; the text says why, and what to do."""


def add(config: Path, user: str, name: str, role: str) -> None:
    """Ask for a PIN and write the user into the configuration. Raises `AddUserError`."""
    try:
        before = config.read_text(encoding="utf-8")
        load(config, os.environ)
    except (ConfigError, OSError, UnicodeDecodeError) as error:
        raise AddUserError(f"the configuration is to be mended first:\n{error}") from error
    pin = _ask()
    # JSON writes texts in a way that TOML reads alike.
    fields = {"id": user, "name": name, "role": role, "pin": pin_hash(pin)}
    table = "\n".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items())
    _replace(config, f"{before.rstrip()}\n\n[[user]]\n{table}\n")


def _ask() -> str:
    if not sys.stdin.isatty():
        pin = sys.stdin.readline().strip()
    else:
        pin = getpass.getpass("PIN (4 to 12 digits): ")
        if getpass.getpass("again: ") != pin:
            raise AddUserError("the two are not the same; nothing was written")
    if PIN.fullmatch(pin) is None:
        raise AddUserError("a PIN is 4 to 12 digits; nothing was written")
    if len(set(pin)) == 1 or pin in "01234567890" or pin in "09876543210":
        raise AddUserError("that PIN is the first that anybody would try; nothing was written")
    return pin


def _replace(config: Path, text: str) -> None:
    """Put the new file in the place of the old one, whole, if it can be used."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=config.parent, prefix=".station-", suffix=".toml", delete=False
        ) as file:
            new = Path(file.name)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            load(new, os.environ)
            old = config.stat()
            new.chmod(old.st_mode & 0o777)
            if os.geteuid() == 0:
                os.chown(new, old.st_uid, old.st_gid)
            new.replace(config)
        finally:
            new.unlink(missing_ok=True)
    except ConfigError as error:
        told = "; ".join(f"{problem.key}: {problem.message}; {problem.remedy}" for problem in error.problems)
        raise AddUserError(f"nothing was written: {told}") from error
    except OSError as error:
        raise AddUserError(f"{config} cannot be written: {error.strerror}") from error
