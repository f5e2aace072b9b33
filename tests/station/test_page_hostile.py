"""Other people's words and other people's pages: markup in what an edge says is text, and nobody frames the ward."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.station.conftest import Ward
from tests.station.test_page_alarms import Open

EVIL = "<img src=x onerror=globalThis.hurt=1><script>globalThis.hurt=1</script>"
PLACES = ("", "#/bed/pi-1/bed-2", "#/bed/pi-1/bed-2/report")


def unhurt(page: Page) -> bool:
    found = page.evaluate("[globalThis.hurt ?? null, document.querySelectorAll('#app img, #app script').length]")
    return bool(found == [None, 0])


@pytest.mark.parametrize("place", PLACES)
def test_a_label_a_drug_and_a_person_with_markup_are_text(open_page: Open, ward: Ward, place: str) -> None:
    bed = ward.scene.beds["bed-2"]
    bed.label = EVIL
    order = {
        "port": bed.port, "channel": "11", "drug": EVIL, "concentration_mg_per_ml": "10", "weight_kg": "70",
        "step_mg_per_kg_per_h": "1.0", "maximum_mg_per_kg_per_h": "2.0", "origin": EVIL, "rev": 3, "by": EVIL,
        "confirmed_by": EVIL, "overrides": [{"condition": EVIL, "band": "soft", "by": EVIL, "reason": EVIL}],
    }  # fmt: skip
    bed.therapy_more = {"orders": [order]}
    ward.do(lambda scene: scene.say_all())
    page = open_page(place)
    expect(page.get_by_text(EVIL, exact=False).first).to_be_visible()
    assert unhurt(page)


def test_a_refusal_and_the_history_with_markup_are_text(open_page: Open, ward: Ward) -> None:
    ward.scene.events.append((30.0, "alarm", {"phase": "start", "key": "HR_HIGH", "priority": "high", "text": EVIL}))
    ward.scene.refuse = EVIL
    page = open_page("#/bed/pi-1/bed-2")
    ward.do(lambda scene: scene.alarm("bed-2", "HR_HIGH", text=EVIL, action=EVIL, evidence={EVIL: EVIL}))
    page.locator(".list .take").click()
    expect(page.locator(".list")).to_contain_text("Refused: <img src=x")
    assert unhurt(page)


class Frames(http.server.BaseHTTPRequestHandler):
    """Another site, which shows the ward in a frame of its own."""

    def __init__(self, url: str, *more: object) -> None:
        self._url = url
        super().__init__(*more)  # type: ignore[arg-type]  # what the server hands over

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(f'<!doctype html><title>other</title><iframe src="{self._url}"></iframe>'.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def other_site(ward: Ward) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Frames, ward.url)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_another_site_cannot_show_the_ward_in_a_frame(context: BrowserContext, other_site: str) -> None:
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text))
    page.goto(other_site)
    frame = page.frames[1]
    frame.wait_for_load_state()
    assert frame.locator("#app").count() == 0
    assert any("frame-ancestors" in line for line in said)


def test_another_site_cannot_ask_anything_of_the_edge(context: BrowserContext, ward: Ward, other_site: str) -> None:
    page = context.new_page()
    page.goto(ward.url)  # the browser now has the ward's cookie
    expect(page.locator("#app")).to_contain_text("Bed 1")
    other = context.new_page()
    other.goto(other_site)
    answered = other.evaluate(
        """async (url) => {
            const body = JSON.stringify({edge: "pi-1", verb: "audio-pause", bed: ""});
            try {
                const how = {method: "POST", mode: "no-cors", credentials: "include", body};
                return (await fetch(url + "request", how)).type;
            } catch (error) { return "failed"; }
        }""",
        ward.url,
    )
    assert answered in {"opaque", "failed"}  # it cannot read what became of it
    assert {verb for verb, _ in ward.scene.asked} <= {"history"}  # which the page itself asks for
