"""The way to the broker: reach, TLS, certificates, login, and what the access list allows.

Where a daemon may run, nobody logs in here: a name is one connection at a ward's broker, and who took the edge's would
throw it out. What login and access list do is then told by the daemon.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

from edge.certificates import begin_s, end_s
from edge.clock import Clock, rfc3339
from edge.config import Configuration
from edge.config_broker import BrokerSettings
from edge.diagnosis import Row, error, ok, warning
from edge.doctor_daemon import Running
from edge.login import BrokerLogin
from edge.messages.topics import Topics
from edge.mqtt import BrokerSettings as Connecting
from edge.mqtt import Connection, ListenError, Login, LoginError, MqttError
from edge.outgoing import Lane, Outgoing
from edge.tls import CertificateTime, TlsContext, reason

REACH_LIMIT_S = 3.0
LOG_IN_LIMIT_S = 10.0
DAY_S = 86_400
SOON_DAYS = 60
"""As CERTIFICATE_ENDS begins (docs/alarms.md): time to have one renewed, and to come round all thirty computers."""


def broker_rows(configuration: Configuration, running: Running | None, *, may_run: bool) -> Iterator[Row]:
    """Tell how far the way to the broker goes."""
    broker = configuration.broker
    where = f"{broker.host}:{broker.port}"
    try:
        line = socket.create_connection((broker.host, broker.port), REACH_LIMIT_S)
    except OSError as failed:
        remedy = "is the broker on, is its address right, and does the unit allow it (IPAddressAllow= in a drop-in)?"
        yield error("broker", f"{where} cannot be reached: {failed.strerror or failed}", remedy)
        return
    with line:
        yield ok("broker", f"{where} answers")
        clock = Clock()
        login_of = BrokerLogin(broker, CertificateTime(clock.now))
        try:
            login = login_of()
        except LoginError as failed:
            yield error(
                "login", str(failed), "correct the file, and who may read it (infusion-edge broker-files makes them)"
            )
            return
        if isinstance(login.tls, TlsContext):
            found = _shake_hands(line, login.tls, broker.host)
            yield found
            if not found.text.startswith("TLS"):
                return
    yield from certificate_rows(broker, login_of.peer_not_after_s, clock.now().wall_s)
    if running is not None:
        lost = running.alarm("NORTHBOUND_LOST")
        yield ok("login", "the daemon is connected") if lost is None else error("login", lost.text, lost.action)
    elif may_run:
        remedy = "run it as root, so that the daemon can be asked"
        yield warning("login", "not tried: a daemon may be connected in this name, and would be thrown out", remedy)
    else:
        yield from asyncio.run(_log_in(configuration, login))


def _shake_hands(line: socket.socket, context: TlsContext, host: str) -> Row:
    try:
        with context.wrap_socket(line, server_hostname=host.strip("[]")) as shaken:
            return ok("TLS", f"TLS is there ({shaken.version()}), and the broker is who it should be")
    except OSError as failed:
        why = reason(failed) or str(failed)
        remedy = "ca_file must be the authority of the broker's certificate, and the certificate must name this host"
        return error("TLS", why, remedy)


def certificate_rows(broker: BrokerSettings, peer_not_after_s: float | None, now_s: float) -> Iterator[Row]:
    """Tell when each certificate on the way ends, and which of our own is not valid yet."""
    ends: dict[str, float] = {}
    if broker.tls is not None:
        for path, name in (
            (broker.tls.ca, "the authority's certificate"),
            (broker.tls.certificate, "this edge's certificate"),
        ):
            if path is not None:
                try:
                    ends[f"{name} {path.name}"] = end_s(path, of_any=path == broker.tls.ca)
                    if (begins_s := begin_s(path)) > now_s:
                        text = f"{name} {path.name} is not valid before {rfc3339(begins_s)}"
                        remedy = "see that this computer's clock is right, or make it anew on one whose clock is"
                        yield error("certificate", f"{text}, and here it is {rfc3339(now_s)}", remedy)
                except (OSError, ValueError) as failed:
                    yield error("certificate", f"{path} cannot be read: {failed}", "give a PEM file")
    if peer_not_after_s is not None:
        ends["the broker's certificate"] = peer_not_after_s
    for name, end in ends.items():
        text, days = f"{name} ends {rfc3339(end)[:10]}", (end - now_s) / DAY_S
        remedy = "renew it (infusion-edge broker-files --keep), and replace the file: no restart is needed"
        if days <= 0:
            yield error("certificate", f"{text}: it has expired", remedy)
        elif days <= SOON_DAYS:
            yield warning("certificate", f"{text}, in {days:.0f} days", remedy)
        else:
            yield ok("certificate", f"{text}, in {days:.0f} days")


async def _log_in(configuration: Configuration, login: Login) -> list[Row]:
    """Log in as the edge, and try what the access list must allow: to hear its own topics, and to speak on them."""
    core, broker = configuration.core, configuration.broker
    topics = Topics(core.site, core.edge)
    # Nobody listens to the edge's own marker but the edge itself, which does not run.
    marker = Outgoing(topics.fence, b"", Lane.STATUS, retain=False)
    who = f"infusion-edge-{core.site}-{core.edge}"
    settings = Connecting(broker.host, broker.port, who)
    asked = (
        topics.alarm("", "+"),
        topics.alarm("+", "+"),
        topics.request("+", "+"),
        topics.receipt("+"),
        topics.status,
    )
    remedy = "correct username and password, or the access list of the broker (infusion-edge broker-files makes both)"
    try:
        async with asyncio.timeout(LOG_IN_LIMIT_S), Connection(settings, marker, login) as connection:
            found = [ok("login", f"the broker lets {login.username or 'anybody'} in")]
            try:
                await connection.listen(asked)
                found.append(ok("access", f"it may hear {topics.prefix}/..."))
            except ListenError as failed:
                found.append(error("access", f"it may not hear {topics.prefix}/...: {failed}", remedy))
            code = await connection.send(marker, None)
            if code.is_failure:
                found.append(error("access", f"it may not speak on {topics.prefix}/...: {code}", remedy))
            else:
                found.append(ok("access", f"it may speak on {topics.prefix}/..."))
            await connection.leave_politely()
    except (MqttError, TimeoutError) as failed:
        why = reason(failed.__context__) or str(failed) or "no answer in time"
        return [error("login", f"the broker does not let {login.username or 'anybody'} in: {why}", remedy)]
    return found
