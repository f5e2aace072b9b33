"""The last good copy of the configuration: what was watched by before somebody broke the files (H-34).

One file in the run directory holds every file that was read, whole, so that no mixture of two can be taken for one. It
is written when a configuration was found good and is another than the one kept. None of these files holds a secret.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

NAME = "last-good.json"
SEAL = "sha256"
"""Beside the files by their paths; what an earlier version would take for one more file, and pass over."""

COPY_MAX_BYTES = 8 * 1024 * 1024
"""Two files of a megabyte at most each, as JSON text."""

BROKEN_MAX_BYTES = 1024 * 1024
BEDS_MAX = 100
_BED = re.compile(r"^\s*\[\[\s*bed\s*\]\][^\n]*$(.*?)(?=^\s*\[|\Z)", re.MULTILINE | re.DOTALL)
_ID = re.compile(r"""^\s*id\s*=\s*["']([^"'\n]+)["']""", re.MULTILINE)
_LABEL = re.compile(r"""^\s*label\s*=\s*["']([^"'\n]+)["']""", re.MULTILINE)


def beds_named(path: Path) -> tuple[tuple[str, str], ...]:
    """Return id and label of each bed of a file that cannot be used, as far as they can be read in it.

    Where it cannot even be parsed, its tables are looked for: a bed that nobody watches must not stay untold.
    """
    try:
        with path.open("rb") as file:
            text = file.read(BROKEN_MAX_BYTES).decode(errors="replace")
    except OSError:
        return ()
    tables = (match[1] for match in _BED.finditer(text))
    found = ((_ID.search(table), _LABEL.search(table)) for table in tables)
    beds = {bed[1]: label[1] if label else bed[1] for bed, label in found if bed}
    return tuple(beds.items())[:BEDS_MAX]


def keep(files: Mapping[str, bytes], run_dir: Path) -> None:
    """Keep the files of a good configuration, unless they are kept already. Raises OSError; the kept ones then stay."""
    texts = {name: data.decode() for name, data in files.items()}
    kept = json.dumps({**texts, SEAL: _seal(texts)}).encode()
    target = run_dir / NAME
    with suppress(OSError):
        if target.read_bytes() == kept:
            return
    run_dir.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(kept)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(target)
    folder = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def recall(path: Path, run_dir: Path) -> dict[str, bytes]:
    """Return the files that were kept of the configuration at this path; empty where there are none, or not sound."""
    try:
        with (run_dir / NAME).open("rb") as file:
            found = json.loads(file.read(COPY_MAX_BYTES))
        # A copy of an earlier version has none; one whose digits the disk changed must not set a limit (H-32).
        if found.pop(SEAL, None) not in (None, _seal(found)):
            return {}
        files = {name: text.encode() for name, text in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
    return files if str(path) in files else {}


def _seal(texts: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()
