"""TLS to the broker, and what time it is for certificates: a Pi may boot in 1970 (H-14).

Laws:
  * The broker is always verified: its name, its chain, and that it has not expired.
  * While the wall clock is synchronised, OpenSSL judges by it.
  * While it is not, the newest time that was ever known for sure goes on by the monotonic clock. The true time is that
    or later. So it proves that a certificate has expired, and can never prove that one is not valid yet: that half
    waits for the clock (docs/decisions/0016).
"""

from __future__ import annotations

import contextlib
import math
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from edge.clock import rfc3339
from edge.core.model import Instant

NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which the ssl module has no name for."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: whom to believe (``None``: whom the system believes), and who we are (``None``: a password says)."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """The time for certificates, Unix seconds: exact, or the earliest that it can be, ``-inf`` if that is not known."""

    wall_s: float
    exact: bool


class CertificateTime:
    """What time it is for certificates. ``saved_wall_s``: the newest synchronised time that a run before kept."""

    def __init__(self, now: Callable[[], Instant], saved_wall_s: float | None = None) -> None:
        self._now = now
        self._known_wall_s = -math.inf if saved_wall_s is None else saved_wall_s
        self._known_at_s = now().mono_s

    def learn(self, saved_wall_s: float | None) -> None:
        """Take up what a run before kept, where that could be read only now: the later of two known times counts."""
        if saved_wall_s is not None and saved_wall_s > self.judge().wall_s:
            self._known_wall_s, self._known_at_s = saved_wall_s, self._now().mono_s

    def judge(self) -> Judged:
        """Tell the time; a synchronised clock is believed, whatever was known before."""
        now = self._now()
        if now.synchronised:
            self._known_wall_s, self._known_at_s = now.wall_s, now.mono_s
        return Judged(self._known_wall_s + now.mono_s - self._known_at_s, now.synchronised)


class TlsContext(ssl.SSLContext):
    """One connection's context. ``peer_not_after_s``: until when the broker's certificate is valid, once it was seen.

    Raises ``ValueError``, which names the files, if one cannot be read or used.
    """

    judged: Judged
    peer_not_after_s: float | None

    def __new__(cls, files: TlsFiles, judged: Judged) -> Self:
        """Make the context of ``files``, for connecting at the time ``judged``."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)  # verifies chain and name
        context.sslsocket_class = _DatedSocket
        context.judged = judged
        context.peer_not_after_s = None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not judged.exact:
            context.verify_flags = ssl.VerifyFlags(context.verify_flags | NO_CHECK_TIME)
        if files.ca is None:
            context.load_default_certs()
        else:
            with _named(files.ca):
                context.load_verify_locations(cafile=files.ca)
        if files.certificate is not None:
            # A key with a pass phrase must not stop the daemon at a prompt that nobody sees.
            with _named(files.certificate, files.key):
                context.load_cert_chain(files.certificate, files.key, password="")
        return context

    def __init__(self, files: TlsFiles, judged: Judged) -> None:
        """Nothing: all is in ``__new__``."""

    def check_dates(self, not_after: object) -> None:
        """Take the end of the broker's certificate. Raises ``ssl.SSLCertVerificationError`` if it has expired."""
        self.peer_not_after_s = float(ssl.cert_time_to_seconds(str(not_after)))
        if self.peer_not_after_s < self.judged.wall_s:
            raise ssl.SSLCertVerificationError(1, f"certificate has expired on {rfc3339(self.peer_not_after_s)}")


class _DatedSocket(ssl.SSLSocket):
    """Looks at the end of the broker's certificate also where OpenSSL may not judge times."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature of ssl
        try:
            super().do_handshake(block)
            context, shown = self.context, self.getpeercert()
            assert isinstance(context, TlsContext)  # noqa: S101 - it alone makes these sockets
            context.check_dates((shown or {}).get("notAfter"))
        except BaseException:
            self.close()  # who connects would forget it
            raise


_UNUSABLE = {
    "KEY_VALUES_MISMATCH": "they do not fit each other",
    "NO_CERTIFICATE_OR_CRL_FOUND": "no certificate is in it",
}
"""What OpenSSL's own words for a file mean; of another it says enough."""


@contextlib.contextmanager
def _named(*files: Path | None) -> Iterator[None]:
    """Have an error name the files that it is about: OpenSSL does not."""
    try:
        yield
    except OSError as error:
        said = getattr(error, "reason", None) or error.strerror or str(error)
        raise ValueError(f"{', '.join(map(str, filter(None, files)))}: {_UNUSABLE.get(said, said)}") from error


def reason(error: BaseException | None) -> str:
    """Say in plain words why TLS failed; empty for another failure."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker's certificate is refused: {getattr(error, 'verify_message', '') or error.args[-1]}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    return ""
