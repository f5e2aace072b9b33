"""What each connection to the broker logs in with: read anew each time, so that renewed files need no restart."""

from __future__ import annotations

import ssl

from edge.config_broker import BrokerSettings
from edge.mqtt import Login, LoginError
from edge.tls import CertificateTime, TlsContext

PASSWORD_MAX_BYTES = 4096
"""A file beyond this was hardly meant to be a password."""


class BrokerLogin:
    """Reads the files for logging in, and remembers until when the broker's own certificate is valid."""

    def __init__(self, broker: BrokerSettings, time: CertificateTime) -> None:
        self._broker = broker
        self._time = time
        self._context: TlsContext | None = None

    @property
    def peer_not_after_s(self) -> float | None:
        """Until when the certificate is valid that the broker showed last, Unix seconds; ``None``: it showed none."""
        return None if self._context is None else self._context.peer_not_after_s

    def __call__(self) -> Login:
        """Read the files. Raises `LoginError`, which names what is wrong."""
        broker, password, context = self._broker, "", None
        if broker.password_file is not None:
            try:
                with broker.password_file.open("rb") as file:
                    password = file.read(PASSWORD_MAX_BYTES).decode().strip()
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or error
                raise LoginError(f"the password file {broker.password_file} cannot be read: {why}") from error
        if broker.tls is not None:
            try:
                context = TlsContext(broker.tls, self._time.judge())
            except (OSError, ValueError) as error:
                why = (error.reason if isinstance(error, ssl.SSLError) else None) or error
                raise LoginError(f"the files for TLS cannot be used: {why}") from error
            self._context = context
        return Login(broker.username, password, context)
