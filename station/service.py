"""The station put together: from the broker to the ward and to the pages; from the pages to the edges."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import structlog

from edge.messages.base import ROOT
from edge.messages.stations import StationStatusMessage
from station.feed import Feed, Page
from station.heard import Came
from station.mqtt import Broker, BrokerAddress, Ears, NotSentError, Will
from station.requests import Desk, Told, TooManyError, message_of
from station.users import ATTENDED_VERBS, SESSION_S, Refused, Session, User, Users, actor
from station.view import Ask, Beat, Hello, LoggedIn, PageConfig, Painted, Person, SessionEvent, Silence
from station.view import Login as LoginAsked
from station.ward import Ward

BEAT_S = 1.0
"""A page notices after five of them that it has lost its server."""

HEARTBEAT_S = 3.0
"""As an edge says that it lives."""

UNREADABLE_MAX = 100
"""Topics of which it was logged that they cannot be read; each once."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says of the station itself."""

    site: str
    station: str
    label: str
    language: Literal["en", "nb"]
    attended: bool
    edges: tuple[str, ...]
    users: tuple[User, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the process is given from outside: its clock, the name of this run, its version."""

    mono_s: Callable[[], float]
    run: str
    version: str


def logged_in(session: Session) -> LoggedIn:
    """Say who is logged in, as pages are told."""
    user = session.user
    return LoggedIn(user=user.user, name=user.name, role=user.role, until_s=session.until_s)


class Station:
    """One run of the station; `run` until cancelled."""

    def __init__(self, settings: Settings, address: BrokerAddress, around: Surroundings) -> None:
        self.settings = settings
        self._around = around
        self.ward = Ward(settings.site, settings.edges, around.mono_s())
        self.feed = Feed(lambda after_s, what: asyncio.get_running_loop().call_later(after_s, what))
        self.users = Users(settings.users, around.mono_s)
        self.desk = Desk(settings.site, settings.station, around.run)
        self._prefix = f"{ROOT}/{settings.site}/edge/"
        self._status_topic = f"{ROOT}/{settings.site}/station/{settings.station}/status"
        self._unreadable: set[str] = set()
        self._came = asyncio.Event()
        topics = [*self.ward.topics(), *self.desk.topics(list(settings.edges))]
        will = Will(self._status_topic, self._status("lost"))
        self._broker = Broker(address, topics, will, Ears(self._heard, self._up, self._down))
        self.feed.put(self.ward.tick(around.mono_s()))

    async def run(self, turned: Callable[[], None]) -> None:
        """Listen, and judge every second; ``turned`` is called each time."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._broker.run(), name="broker")
            tasks.create_task(self._live(), name="heartbeat")
            tasks.create_task(self._tick(turned), name="tick")

    async def stop(self) -> None:
        """Say that it ends in good order."""
        self.feed.close()
        try:
            await self._broker.send(self._status_topic, self._status("stopped"), retain=True)
        except NotSentError as error:
            _log.info("not_said_stopped", why=str(error))

    async def _tick(self, turned: Callable[[], None]) -> None:
        while True:
            self.tick()
            turned()
            await asyncio.sleep(BEAT_S)

    def tick(self) -> None:
        """Judge what is absent, end what is over, and let the pages know that the server lives."""
        now_s = self._around.mono_s()
        self.feed.put(self.ward.tick(now_s))
        again, told = self.desk.tick(now_s)
        for outgoing in again:
            self._broker.post(outgoing.topic, outgoing.payload)
        self._tell(told)
        for browser in self.users.ended():
            self._tell_session(browser)
        self.feed.beat(Beat(server_mono_s=now_s, broker=self.ward.connected).model_dump_json())

    async def _live(self) -> None:
        while True:
            try:
                await self._broker.send(self._status_topic, self._status("running"), retain=True)
            except NotSentError as error:
                _log.debug("not_said_running", why=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._came.wait()
            self._came.clear()

    def _status(self, state: Literal["running", "stopped", "lost"]) -> bytes:
        message = StationStatusMessage(
            state=state,
            station=self.settings.station,
            run=self._around.run,
            version=self._around.version,
            mono_s=self._around.mono_s(),
            pages=len(self.feed.pages),
        )
        return message.model_dump_json(by_alias=True).encode()

    def _up(self) -> None:
        self._came.set()
        self.feed.put(self.ward.broker(self._around.mono_s(), connected=True))

    def _down(self, why: str) -> None:
        if self.ward.connected:
            _log.warning("edges_not_heard", why=why)
        self.feed.put(self.ward.broker(self._around.mono_s(), connected=False))

    def _heard(self, topic: str, payload: bytes, came: Came) -> None:
        try:
            edge, _, rest = topic.removeprefix(self._prefix).partition("/")
            if rest == f"response/{self.settings.station}":
                self._tell(self.desk.answered(edge, payload, came.at_s))
            elif rest == f"history/{self.settings.station}":
                self._tell(self.desk.history(edge, payload))
            else:
                self.feed.put(self.ward.take(topic, payload, came))
        except ValueError as error:
            # What cannot be read changes nothing: what it replaces gets old, and is then unknown.
            if topic not in self._unreadable and len(self._unreadable) < UNREADABLE_MAX:
                self._unreadable.add(topic)
                _log.error("unreadable", topic=topic, why=str(error)[:500])

    def _tell(self, told: Iterable[Told]) -> None:
        for one in told:
            self.feed.tell(one.browser, one.event, one.data)

    def open(self, page: Page, csrf: str) -> AsyncIterator[bytes]:
        """Begin the stream of a page. Raises FullError."""
        now_s, settings = self._around.mono_s(), self.settings
        session = self.users.session(page.browser)
        hello = Hello(
            station=settings.station,
            server_run=self._around.run,
            server_mono_s=now_s,
            page=page.name,
            csrf=csrf,
            version=self._around.version,
            config=PageConfig(
                label=settings.label,
                language=settings.language,
                attended=settings.attended,
                attended_verbs=tuple(sorted(ATTENDED_VERBS)) if settings.attended else (),
                edges=settings.edges,
                users=tuple(Person(user=one.user, name=one.name, role=one.role) for one in settings.users),
                session_s=SESSION_S,
            ),
            session=None if session is None else logged_in(session),
        )
        stream = self.feed.open(page, hello.model_dump_json())
        self._tell(self.desk.kept(page.browser, now_s))
        return stream

    async def ask(self, browser: str, asked: Ask) -> str | None:
        """Send a request; return its identifier, ``None`` if somebody must log in.

        Raises MalformedError, TooManyError, NotSentError.
        """
        message_of(asked.verb)
        session = self.users.session(browser, acts=True)
        who = actor(asked.verb, session, attended=self.settings.attended, locked=self.users.locked())
        if who is None:
            return None
        request_id, outgoing = self.desk.ask(browser, asked, who, self._around.mono_s())
        if outgoing is not None:
            try:
                await self._broker.send(outgoing.topic, outgoing.payload)
            except NotSentError:
                self.desk.withdraw(request_id)
                raise
        if session is not None:
            self._tell_session(browser)
        return request_id

    def receipt(self, browser: str, painted: Painted) -> bool:
        """Pass a receipt on to the edges that want one; False if the page has no stream. Raises TooManyError."""
        page = self.feed.pages.get(painted.page)
        if page is None or page.browser != browser:
            return False
        if not page.may_receipt(self._around.mono_s()):
            raise TooManyError("more receipts than changes: one every 3 s, and one with each change")
        for outgoing in self.desk.receipts(painted, self._wanting()):
            self._broker.post(outgoing.topic, outgoing.payload)
        return True

    def _wanting(self) -> frozenset[str]:
        """Return the edges that require this station, or may."""
        edges = self.ward.edges.values()
        return frozenset(
            edge.name for edge in edges if edge.roster is None or self.settings.station in edge.roster.stations_required
        )

    def silence(self, browser: str, asked: Silence) -> bool:
        """Silence an alarm of the station itself; False if it is another than was painted."""
        session = self.users.session(browser)
        by = session.user.user if session is not None else ""
        changes = self.ward.silence(asked.key, asked.rev, by, self._around.mono_s())
        if changes is None:
            return False
        _log.info("station_alarm_silenced", key=asked.key, by=by)
        self.feed.put(changes)
        return True

    async def login(self, browser: str, asked: LoginAsked) -> Session | Refused:
        """Log somebody in; one login at a time."""
        refusal = self.users.refusal(asked.user)
        if refusal is None:
            user = self.users.users.get(asked.user)
            if user is not None and await asyncio.to_thread(user.knows, asked.pin):
                session = self.users.begin(browser, user)
                self._tell_session(browser)
                _log.info("logged_in", user=user.user)
                return session
            refusal = self.users.wrong(asked.user)
            _log.warning("login_refused", user=asked.user, error=refusal.error)
        return refusal

    def logout(self, browser: str) -> None:
        """Log out."""
        if self.users.end(browser):
            self._tell_session(browser)

    def _tell_session(self, browser: str) -> None:
        session = self.users.session(browser)
        event = SessionEvent(session=None if session is None else logged_in(session))
        self.feed.tell(browser, "session", event.model_dump_json())
