"""The file of a bundle: all that makes a spare computer this edge, but for what it logs in with.

One JSON object: ``format`` and ``version``, the ``content``, and the SHA-256 of the content as `_canonical` writes it.
It holds case numbers, so it is written for its owner alone; it holds neither password, nor key, nor certificate.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FORMAT = "infusion-edge bundle"
VERSION = 1
BUNDLE_MAX_BYTES = 32 * 1024 * 1024
"""Two files of a megabyte at most, and some hundred rows of some kB: far below."""

FILES_MAX, ROWS_MAX = 16, 20_000
FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(/[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,3}$"
"""Of a file of a bundle, below the folder of edge.toml: nothing in it can lead out of there."""

SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|^\s*\w*(?:password|secret|token)\w*\s*=", re.IGNORECASE | re.MULTILINE
)
_NAMES = re.compile(r"^\s*password_file\s*=", re.MULTILINE)


class BundleError(Exception):
    """Nothing was written; the text says why, and what to do."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BundledFile(_Part):
    """A file of the configuration: its name below the folder of edge.toml."""

    name: Annotated[str, Field(pattern=FILE_NAME)]
    text: Annotated[str, Field(max_length=4 * 1024 * 1024)]


class BundledAlarm(_Part):
    """An alarm that stood, as the store keeps it."""

    bed: str
    key: str
    occurrence: str
    rev: int
    body: str


class BundledPart(_Part):
    """A part of a bed's therapy, as the store keeps it."""

    bed: str
    part: str
    body: str


class BundledState(_Part):
    """What the store kept: the last run with its last event, where its journal stood, alarms and therapies."""

    run: str
    event_seq: int
    journal_head: str
    alarms: Annotated[tuple[BundledAlarm, ...], Field(max_length=ROWS_MAX)]
    therapies: Annotated[tuple[BundledPart, ...], Field(max_length=ROWS_MAX)]


class Content(_Part):
    """What a bundle holds. ``exported`` is a wall time (RFC 3339), right if ``synchronised``; ``main`` is edge.toml."""

    program: str
    site: str
    edge: str
    exported: str
    synchronised: bool
    main: Annotated[str, Field(pattern=FILE_NAME)]
    files: Annotated[tuple[BundledFile, ...], Field(min_length=1, max_length=FILES_MAX)]
    state: BundledState | None = None


class _Bundle(_Part):
    format: Literal["infusion-edge bundle"]
    version: Literal[1]
    sha256: str
    content: Content


def sealed(content: Content) -> bytes:
    """Return the file of a bundle. Raises BundleError where a secret would be in it."""
    for file in content.files:
        if SECRET.search(_NAMES.sub("", file.text)):
            raise BundleError(
                f"{file.name} seems to hold a secret (password, token or key): a bundle must not carry one"
            )
    body = content.model_dump(mode="json")
    whole = {"format": FORMAT, "version": VERSION, "sha256": digest(body), "content": body}
    return json.dumps(whole, ensure_ascii=False, indent=1).encode() + b"\n"


def opened(data: bytes) -> Content:
    """Read the file of a bundle, whole and as it was written. Raises BundleError."""
    if len(data) > BUNDLE_MAX_BYTES:
        raise BundleError(f"it is larger than {BUNDLE_MAX_BYTES // 1024 // 1024} MB: no bundle is")
    try:
        found: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BundleError("it is no JSON, or was cut short: copy it again") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise BundleError("it is no bundle of infusion-edge: make one with infusion-edge bundle export")
    version = found.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BundleError("it does not say its version: copy it again")
    if version > VERSION:
        raise BundleError(
            f"it has version {version}, and this program knows {VERSION}: install the newer infusion-edge here first"
        )
    if digest(found.get("content")) != found.get("sha256"):
        raise BundleError("its content is not what was exported (SHA-256): copy it again, and edit nothing in it")
    try:
        return _Bundle.model_validate(found).content
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BundleError(f"{where}: {first['msg']}: it is of another kind than this program makes") from error


def digest(content: object) -> str:
    """Return the hash of a content: of its JSON without blanks, its names in order."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
