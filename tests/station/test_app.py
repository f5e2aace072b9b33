"""What other pages in the nurse's browser, and others on the network, can do: nothing. Tried over real HTTP."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from station.app import BODY_MAX, HEADERS
from station.feed import PAGES_MAX, RECEIPTS_MAX
from tests.station import said
from tests.station.browser import Browser
from tests.station.world import World, world

ACCEPT = {
    "edge": "pi-1", "verb": "accept", "run": said.RUN, "edge_mono_s": 100.0, "bed": "bed-1", "key": "HR_HIGH",
    "occurrence": "run-a-1", "rev": 1,
}  # fmt: skip
REQUESTS = f"infusion/v1/{said.SITE}/edge/pi-1/request/desk/"


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, said.status()) as made:
        yield made


def asked(one: World) -> list[str]:
    return [heard.topic for heard in one.heard.messages if heard.topic.startswith(REQUESTS)]


async def refused(
    page: Browser, status: int, error: str, body: Any = None, path: str = "/request", **headers: str
) -> str:
    reply = await page.post(path, ACCEPT if body is None else body, **headers)
    found = reply.json()
    assert (reply.status, found["error"]) == (status, error)
    return str(found["message"])


async def test_everything_comes_with_a_strict_policy_and_nothing_of_others(one: World) -> None:
    page = await one.browser()
    for method, path in (("GET", "/"), ("GET", "/nowhere"), ("POST", "/request"), ("GET", "/static/none.js")):
        reply = await page.fetch(method, path)
        assert {name: reply.headers[name.lower()] for name in HEADERS} == HEADERS
        assert "server" not in reply.headers
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    body = (await page.fetch("GET", "/")).body.decode()
    assert re.findall(r"https?://|<script>|<style|\bon\w+=|style=", body) == []


async def test_its_cookie_is_of_no_use_to_others_and_stays(one: World) -> None:
    page = Browser(one.port)
    first = await page.load()
    assert re.fullmatch(
        r"station_browser=[\w-]{43}; HttpOnly; Max-Age=31536000; Path=/; SameSite=strict", first.headers["set-cookie"]
    )
    assert "set-cookie" not in (await page.load()).headers


async def test_a_post_needs_cookie_token_and_origin(one: World) -> None:
    page, other = await one.browser(), await one.browser()
    async with page.stream(), other.stream():
        for wrong in (
            {"cookie": ""},
            {"cookie": other.cookie},
            {"cookie": "station_browser=short"},
            {"x_csrf_token": ""},
            {"x_csrf_token": other.csrf},
            {"x_csrf_token": "\xe6"},
            {"origin": ""},
            {"origin": "null"},
            {"origin": "http://evil.example"},
            {"origin": f"https://{page.host}"},
            {"origin": f"http://{page.host}1"},
            {"origin": f"http://localhost:{one.port}"},
        ):
            await refused(page, 403, "forbidden", **wrong)
        for path in ("/receipt", "/silence", "/login", "/logout"):
            await refused(page, 403, "forbidden", {}, path, x_csrf_token="")
        await refused(page, 415, "not_json", content_type="text/plain")
        assert asked(one) == []
        assert (await page.post("/request", ACCEPT)).status == 202


async def test_a_name_that_is_not_ours_is_not_served(one: World) -> None:
    page = await one.browser()
    for host in (
        "evil.example",
        f"evil.example:{one.port}",
        "127.0.0.1.evil.example",
        "",
        "[",
        "127.0.0.1@evil.example",
    ):
        assert (await page.fetch("GET", "/", host=host)).status in (400, 421)
    assert (await page.fetch("GET", "/", host=f"LOCALHOST:{one.port}")).status == 200


async def test_a_stream_needs_the_cookie_of_the_page(one: World) -> None:
    reply = await Browser(one.port).fetch("GET", "/events")
    assert (reply.status, reply.json()["error"]) == (403, "forbidden")


async def test_files_outside_its_folder_are_not_served(one: World) -> None:
    page = await one.browser()
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/..%2fapp.py", "/app.py"):
        assert (await page.fetch("GET", path)).status in (400, 404)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edge": "pi-9"}, "edge: there is no pi-9 here"),
        ({"verb": "explode"}, "verb: there is no explode"),
        ({"verb": "accept/+"}, "verb: there is no accept/+"),
        ({"rev": "one"}, "rev: "),
        ({"edge_mono_s": None}, "edge_mono_s: "),
        ({"occurrence": "x" * 65}, "occurrence: "),
        ({"surprise": 1}, "surprise: "),
        ({"user": "boss"}, "user: the server says that"),
        ({"role": "prescriber"}, "role: the server says that"),
        ({"request_id": "a b"}, "request_id: "),
        ({"edge": 7}, "edge: "),
    ],
)
async def test_what_is_malformed_is_refused_with_its_field_and_never_sent(
    one: World, change: dict[str, Any], message: str
) -> None:
    page = await one.browser()
    async with page.stream():
        reply = await page.post("/request", {**ACCEPT, **change})
        assert reply.status in (400, 404)
        assert reply.json()["message"].startswith(message)
        assert asked(one) == []


async def test_what_is_no_json_or_too_large_is_refused(one: World) -> None:
    page = await one.browser()
    async with page.stream():
        own = {"origin": f"http://{page.host}", "x_csrf_token": page.csrf, "content_type": "application/json"}
        for body in (b"", b"{", b"[]", b'"a"', b"\xff", b"[" * 5000, b'{"edge": NaN}'):
            for path in ("/request", "/receipt", "/silence", "/login"):
                reply = await page.fetch("POST", path, body, **own)
                assert (reply.status, reply.json()["error"]) == (400, "malformed"), (path, body)
        reply = await page.fetch("POST", "/logout", b"{", **own)
        assert reply.status == 400
        reply = await page.fetch("POST", "/request", b"x" * (BODY_MAX + 1), **own)
        assert (reply.status, reply.json()["error"]) == (413, "too_large")


async def test_a_repeat_does_nothing_twice_and_another_one_cannot_take_its_name(one: World) -> None:
    page, other = await one.browser(), await one.browser()
    async with page.stream(), other.stream():
        body = {**ACCEPT, "request_id": "tap-1"}
        assert [(await page.post("/request", body)).json() for _ in range(3)] == [{"request_id": "tap-1"}] * 3
        await one.asked("accept")
        assert asked(one) == [f"{REQUESTS}accept"]
        await refused(other, 400, "malformed", body)


async def test_a_page_that_floods_receipts_is_slowed_down(one: World) -> None:
    page = await one.browser()
    async with page.stream():
        body = {"page": page.hello["page"], "audible": True, "edges": {}}
        assert {(await page.post("/receipt", body)).status for _ in range(RECEIPTS_MAX)} == {204}
        await refused(page, 429, "too_many", body, "/receipt")


async def test_there_are_not_more_pages_than_there_may_be(one: World) -> None:
    page = await one.browser()
    writers = []
    for _ in range(PAGES_MAX):
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
        writer.write(f"GET /events HTTP/1.1\r\nhost: {page.host}\r\ncookie: {page.cookie}\r\n\r\n".encode())
        writers.append(writer)
        assert b"200" in await reader.readline()
    reply = await page.fetch("GET", "/events")
    assert (reply.status, json.loads(reply.body)["error"]) == (503, "too_many")
    for writer in writers:
        writer.close()


async def test_a_text_that_would_be_a_script_stays_a_text(one: World) -> None:
    page = await one.browser()
    nasty = "</script><img src=x onerror=alert(1)>\n\nevent: alarm_gone\ndata: {}\u2028"
    async with page.stream():
        await one.say(said.alarm(text=nasty))
        assert (await page.told_of("alarm"))["alarm"]["text"] == nasty
