"""Looks at the ends of the certificates on the way to the broker, so that none ends unannounced."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from edge.core.inputs import Certificate, CertificatesSeen
from edge.login import BrokerLogin
from edge.tls import CertificateTime, TlsContext, TlsFiles

LOOK_S = 60.0
"""How soon a renewed file, a new certificate of the broker, or a clock that was synchronised is noticed."""

AGAIN_S = 24 * 3600.0
"""Told again at least so often, so that a clock that ran wrong is put right."""

_log = structlog.get_logger(__name__)


class CertificateWatch:
    """Tells the core of every certificate whose end matters, and of every change of them.

    ``put`` takes what is seen; without TLS that is nothing, once. While no time is known nothing is told.
    """

    def __init__(
        self,
        files: TlsFiles | None,
        login: BrokerLogin,
        time: CertificateTime,
        mono_s: Callable[[], float],
        put: Callable[[CertificatesSeen], None],
    ) -> None:
        self._files = files
        self._login = login
        self._time = time
        self._mono_s = mono_s
        self._put = put
        self._ends_s: dict[str, float] = {}
        self._read: dict[Path, tuple[tuple[int, int], ...]] = {}
        self._told: tuple[dict[str, float], bool] | None = None
        self._told_at_s = 0.0

    async def run(self) -> None:
        """Look for ever."""
        if self._files is None:
            self._put(CertificatesSeen(self._mono_s(), ()))
            return
        while True:
            await asyncio.to_thread(self._look, self._files)
            self._tell()
            await asyncio.sleep(LOOK_S)

    def _look(self, files: TlsFiles) -> None:
        """Read the files that changed. What cannot be read keeps its last known end: nothing ends by it."""
        for path, name in ((files.ca, "the authority's certificate"), (files.certificate, "this edge's certificate")):
            if path is None:
                continue
            parts = [path] if path == files.ca or files.key is None else [path, files.key]
            try:
                version = tuple((status.st_mtime_ns, status.st_ino) for status in map(Path.stat, parts))
                if self._read.get(path) != version:
                    self._read[path] = version
                    if path != files.ca:
                        # Half a renewal is found out now, not at the next connection, and ends no alarm.
                        TlsContext(files, self._time.judge())
                    self._ends_s[f"{name} {path.name}"] = end_s(path, of_any=path == files.ca)
            except (OSError, ValueError) as error:
                _log.warning("a certificate cannot be read", file=str(path), reason=str(error))
        if self._login.peer_not_after_s is not None:
            self._ends_s["the broker's certificate"] = self._login.peer_not_after_s

    def _tell(self) -> None:
        judged, now_s = self._time.judge(), self._mono_s()
        state = (dict(self._ends_s), judged.exact)
        if judged.wall_s == -math.inf or (state == self._told and now_s < self._told_at_s + AGAIN_S):
            return
        self._told, self._told_at_s = state, now_s
        rows = (Certificate(name, _date(end_s), end_s - judged.wall_s) for name, end_s in self._ends_s.items())
        self._put(CertificatesSeen(now_s, tuple(rows)))


def end_s(path: Path, *, of_any: bool) -> float:
    """When the certificate of a file ends, Unix seconds; of a file of authorities, when the last of them does."""
    from cryptography import x509  # noqa: PLC0415 - a tenth of a second that only who has certificates pays

    certificates = x509.load_pem_x509_certificates(path.read_bytes())
    ends = [one.not_valid_after_utc.timestamp() for one in certificates]
    return max(ends) if of_any else ends[0]


def begin_s(path: Path) -> float:
    """When the certificate of a file begins to be valid, Unix seconds; of several, when the last of them does."""
    from cryptography import x509  # noqa: PLC0415 - as above

    return max(one.not_valid_before_utc.timestamp() for one in x509.load_pem_x509_certificates(path.read_bytes()))


def _date(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%d")
