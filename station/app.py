"""The station's pages over HTTP: the page itself, its stream, and what it asks.

What protects the ward from other pages in the nurse's browser: a policy that lets nothing foreign in and nobody frame
the page; a cookie that other sites do not send; a token in a header that only our own script can set; the page's own
origin; and a name of the host that we know, so that no other name can be turned upon us (H-24). Bodies are bounded.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from station.feed import FullError, Page
from station.mqtt import NotSentError
from station.requests import MalformedError, TooManyError, checked
from station.service import Station, logged_in
from station.users import Refused
from station.view import Ask, Logout, Painted, Silence
from station.view import Login as LoginAsked

FOLDER = Path(__file__).parent
COOKIE = "station_browser"
COOKIE_CHARS = 43
"""What 256 bits of chance take."""

BODY_MAX = 256 * 1024
"""As much as an edge reads: a receipt with 2,000 alarms stays below."""

SEND_LIMIT_S = 10.0
"""A page that takes nothing for so long is gone."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

Answer = Callable[[Request, str, bytes], Awaitable[Response]]


class RefusedError(Exception):
    """A request of a page that is refused: the status, a code for the page, a text for people."""

    def __init__(self, status: int, error: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": error, "message": message, **more}


@dataclass(frozen=True, slots=True)
class Site:
    """How browsers reach the station: the names of its host, and whether by TLS."""

    hosts: frozenset[str]
    secure: bool


class Guard:
    """Adds the headers to everything, and takes only requests for a host that is ours."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if _host(dict(scope["headers"]).get(b"host", b"").decode("latin-1")) not in self._hosts:
            told = "this name is not in the station's configuration: add it to page.names\n"
            await PlainTextResponse(told, 421)(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)


def _host(value: str) -> str:
    """Return the name of a Host header or an origin's authority, without its port."""
    try:
        return urlsplit(f"//{value}").hostname or ""
    except ValueError:
        return ""


class Pages:
    """The routes."""

    def __init__(self, station: Station, site: Site) -> None:
        self._station = station
        self._site = site
        self._secret = secrets.token_bytes(32)
        self._logging_in = asyncio.Lock()
        self._templates = Jinja2Templates(directory=FOLDER / "templates")

    def app(self) -> ASGIApp:
        """Return the whole application."""
        posts: Mapping[str, Answer] = {
            "/request": self._request,
            "/receipt": self._receipt,
            "/silence": self._silence,
            "/login": self._login,
            "/logout": self._logout,
        }
        routes = [
            Route("/", self._index),
            Route("/events", self._events),
            Mount("/static", StaticFiles(directory=FOLDER / "static", check_dir=False)),
            *(Route(path, self._post(answer), methods=["POST"]) for path, answer in posts.items()),
        ]
        return Guard(Starlette(routes=routes), self._site.hosts)

    async def _index(self, request: Request) -> Response:
        language = self._station.settings.language
        response = self._templates.TemplateResponse(request, "index.html", {"language": language})
        if len(request.cookies.get(COOKIE, "")) != COOKIE_CHARS:
            response.set_cookie(
                COOKIE,
                secrets.token_urlsafe(32),
                max_age=365 * 24 * 3600,
                secure=self._site.secure,
                httponly=True,
                samesite="strict",
            )
        return response

    async def _events(self, request: Request) -> Response:
        try:
            browser = self._browser(request)
            page = Page(secrets.token_hex(8), browser)
            stream = self._station.open(page, self._csrf(browser))
        except RefusedError as error:
            return JSONResponse(error.body, error.status)
        except FullError as error:
            return JSONResponse({"error": "too_many", "message": str(error)}, 503)
        return EventSourceResponse(stream, ping=0, sep="\n", send_timeout=SEND_LIMIT_S)

    def _browser(self, request: Request) -> str:
        browser = request.cookies.get(COOKIE, "")
        if len(browser) != COOKIE_CHARS:
            raise RefusedError(403, "forbidden", "there is no cookie: load the page again")
        return browser

    def _csrf(self, browser: str) -> str:
        return hmac.new(self._secret, browser.encode(), hashlib.sha256).hexdigest()

    def _post(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def checked_first(request: Request) -> Response:
            try:
                browser = self._browser(request)
                self._ours(request, browser)
                return await answer(request, browser, await _body(request))
            except RefusedError as error:
                return JSONResponse(error.body, error.status)
            except TooManyError as error:
                return JSONResponse({"error": "too_many", "message": str(error)}, 429)
            except MalformedError as error:
                return JSONResponse({"error": "malformed", "message": str(error)}, 400)
            except ClientDisconnect:
                return Response(status_code=400)

        return checked_first

    def _ours(self, request: Request, browser: str) -> None:
        """See that our own page asks, and no other that the browser has open."""
        origin = urlsplit(request.headers.get("origin", ""))
        scheme = "https" if self._site.secure else "http"
        if origin.scheme != scheme or origin.netloc != request.headers.get("host", ""):
            raise RefusedError(403, "forbidden", "it does not come from the station's own page")
        told = request.headers.get("x-csrf-token", "")
        if not hmac.compare_digest(told.encode(), self._csrf(browser).encode()):
            raise RefusedError(403, "forbidden", "the token is not this page's: load the page again")
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise RefusedError(415, "not_json", "send application/json")

    async def _request(self, _: Request, browser: str, body: bytes) -> Response:
        asked = checked(Ask, body)
        if asked.edge not in self._station.ward.edges:
            raise RefusedError(404, "unknown", f"edge: there is no {asked.edge} here")
        try:
            request_id = await self._station.ask(browser, asked)
        except NotSentError as error:
            raise RefusedError(503, "no_broker", str(error)) from error
        if request_id is None:
            raise RefusedError(403, "login", f"{asked.verb} takes a name and a PIN")
        return JSONResponse({"request_id": request_id}, 202)

    async def _receipt(self, _: Request, browser: str, body: bytes) -> Response:
        painted = checked(Painted, body)
        if not self._station.receipt(browser, painted):
            raise RefusedError(409, "no_feed", "this page has no stream: connect again")
        return Response(status_code=204)

    async def _silence(self, _: Request, browser: str, body: bytes) -> Response:
        asked = checked(Silence, body)
        if not self._station.silence(browser, asked):
            raise RefusedError(404, "unknown", "that alarm is over, or it made noise since: look again")
        return Response(status_code=204)

    async def _login(self, _: Request, browser: str, body: bytes) -> Response:
        asked = checked(LoginAsked, body)
        # One at a time, so that tries beside each other are counted too.
        async with self._logging_in:
            found = await self._station.login(browser, asked)
        if isinstance(found, Refused):
            texts = {"pin": "the PIN is wrong", "locked": "too many wrong PINs", "too_many": "too many wrong PINs here"}
            status = 429 if found.error == "too_many" else 403
            raise RefusedError(status, found.error, texts[found.error], left=found.left, until_s=found.until_s)
        return JSONResponse({"session": logged_in(found).model_dump()})

    async def _logout(self, _: Request, browser: str, body: bytes) -> Response:
        checked(Logout, body)
        self._station.logout(browser)
        return Response(status_code=204)


async def _body(request: Request) -> bytes:
    """Read a body within its bound."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_MAX:
            raise RefusedError(413, "too_large", f"more than {BODY_MAX} bytes")
        parts.append(part)
    return b"".join(parts)
