"""The streams: urgent at once, the newest of each thing, one text for all, and a page that is too slow is let go."""

import json
from collections.abc import AsyncIterator, Callable

import pytest

from station.feed import FLUSH_S, PAGES_MAX, WAITING_MAX, Feed, FullError, Page
from station.ward import Change


class Later:
    """Holds what is to be called later."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def __call__(self, after_s: float, what: Callable[[], None]) -> None:
        self.calls.append((after_s, what))

    def pass_by(self) -> None:
        calls, self.calls = self.calls, []
        for _, what in calls:
            what()


def change(bed: str, value: int, *, urgent: bool = False, over: bool = False) -> Change:
    event = "bed_gone" if over else "bed"
    return Change(("bed", bed), event, json.dumps({"bed": bed, "value": value}), urgent, over)


def told(chunk: bytes) -> list[str]:
    return [f"{block.split()[1]} {block.partition('data: ')[2]}" for block in chunk.decode().split("\n\n") if block]


async def opened(feed: Feed, page: Page) -> tuple[AsyncIterator[bytes], list[str]]:
    stream = feed.open(page, '{"hello":1}')
    return stream, told(await anext(stream))


async def test_a_page_has_all_that_is_so_in_its_order() -> None:
    feed = Feed(Later())
    alarm = Change(("alarm", "a"), "alarm", '{"alarm":1}', urgent=True)
    feed.put([alarm, change("1", 1), change("2", 1), change("1", 2), change("2", 3, over=True)])
    feed.put([Change(("edge", "pi-1"), "edge", '{"edge":1}')])
    _, first = await opened(feed, Page("p", "b"))
    assert first == [
        'hello {"hello":1}', 'edge {"edge":1}', 'bed {"bed": "1", "value": 2}', 'alarm {"alarm":1}', "ready {}",
    ]  # fmt: skip


async def test_what_is_not_urgent_waits_for_the_others_and_only_the_newest_is_told() -> None:
    later = Later()
    feed, page = Feed(later), Page("p", "b")
    stream, _ = await opened(feed, page)
    feed.put([change("1", 1), change("2", 1), change("1", 2)])
    assert not page.wake.is_set()
    assert [after_s for after_s, _ in later.calls] == [FLUSH_S]
    later.pass_by()
    assert told(await anext(stream)) == ['bed {"bed": "2", "value": 1}', 'bed {"bed": "1", "value": 2}']


async def test_what_is_urgent_goes_at_once_and_takes_along_what_waits() -> None:
    feed, page = Feed(Later()), Page("p", "b")
    stream, _ = await opened(feed, page)
    feed.put([change("1", 1), Change(("alarm", "a"), "alarm", "{}", urgent=True)])
    assert told(await anext(stream)) == ['bed {"bed": "1", "value": 1}', "alarm {}"]


async def test_what_is_over_takes_along_what_waits_of_it() -> None:
    feed, page = Feed(Later()), Page("p", "b")
    stream, _ = await opened(feed, page)
    feed.put([Change(("alarm", "a", "x"), "alarm", "{}", urgent=True)])
    feed.put([Change(("alarm", "a"), "alarm_gone", '{"a":1}', urgent=True, over=True)])
    assert told(await anext(stream)) == ['alarm_gone {"a":1}']


async def test_beats_do_not_pile_up() -> None:
    feed, page = Feed(Later()), Page("p", "b")
    stream, _ = await opened(feed, page)
    for number in range(5):
        feed.beat(f'{{"server_mono_s":{number}}}')
    assert told(await anext(stream)) == ['beat {"server_mono_s":4}']


async def test_answers_go_to_the_pages_of_one_browser_and_each_is_told() -> None:
    feed, mine, other = Feed(Later()), Page("p", "b"), Page("q", "c")
    stream, _ = await opened(feed, mine)
    await opened(feed, other)
    feed.tell("b", "answer", '{"n":1}')
    feed.tell("b", "answer", '{"n":2}')
    assert told(await anext(stream)) == ['answer {"n":1}', 'answer {"n":2}']
    assert not other.waiting


async def test_a_page_that_takes_nothing_is_let_go_at_its_bound() -> None:
    feed, slow = Feed(Later()), Page("p", "b")
    stream, _ = await opened(feed, slow)
    feed.put([change(str(number), 1) for number in range(WAITING_MAX)])
    assert "p" in feed.pages
    feed.put([change("one more", 1)])
    assert feed.pages == {}
    assert slow.waiting == {}
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_a_stream_that_is_closed_is_forgotten() -> None:
    feed, page = Feed(Later()), Page("p", "b")
    stream, _ = await opened(feed, page)
    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert feed.pages == {}


async def test_there_are_not_more_than_there_may_be() -> None:
    feed = Feed(Later())
    for number in range(PAGES_MAX):
        feed.open(Page(str(number), "b"), "{}")
    with pytest.raises(FullError):
        feed.open(Page("one more", "b"), "{}")
    feed.close()
    assert feed.pages == {}
