"""What a port's driver refuses, in the log: at once, then with its count, bounded in kinds and in time."""

from __future__ import annotations

from structlog.testing import capture_logs

from drivers.model import Rejected
from edge.device import REJECTED_KINDS_MAX, REJECTED_LOG_S, Refusals


class _World:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.refusals = Refusals("bed-1-monitor", lambda: self.now_s)

    def told(self, reason: str, excerpt: bytes = b"", times: int = 1) -> list[tuple[str, str, int, str]]:
        with capture_logs() as lines:
            for _ in range(times):
                self.refusals.note(Rejected(reason, excerpt))
        assert all(line["port"] == "bed-1-monitor" for line in lines)
        return [(line["log_level"], line["reason"], line["count"], line["what"]) for line in lines]


def test_the_first_is_logged_at_once_and_the_others_with_their_count_an_hour_later() -> None:
    world = _World()
    assert world.told("noise", b"\x00\xff") == [("warning", "noise", 1, "00ff")]
    assert world.told("noise", b"\x01", times=1000) == []
    world.now_s += REJECTED_LOG_S - 0.001
    assert world.told("noise", b"\x02") == []
    world.now_s += 0.001
    assert world.told("noise", b"\x03") == [("warning", "noise", 1002, "03")]
    assert world.told("noise", b"\x04") == []


def test_another_reason_is_not_held_back_by_the_first() -> None:
    world = _World()
    assert world.told("noise", times=2) == [("warning", "noise", 1, "")]
    assert world.told("checksum", times=2) == [("warning", "checksum", 1, "")]


def test_what_is_unknown_is_told_name_by_name_without_its_value() -> None:
    world = _World()
    assert world.told("unknown_line", b"NEW=1;Jane Doe;") == [("info", "unknown_line", 1, "NEW")]
    assert world.told("unknown_line", b"NEW=1;John Doe;") == []
    assert world.told("unknown_line", b"OTHER=1;") == [("info", "unknown_line", 1, "OTHER")]


def test_names_without_end_are_told_together() -> None:
    world = _World()
    for number in range(REJECTED_KINDS_MAX):
        assert len(world.told("unknown_line", f"N{number}".encode())) == 1
    assert world.told("unknown_line", b"ONE_MORE") == [("info", "unknown_line", 1, "")]
    assert world.told("unknown_line", b"AND_MORE", times=5) == []
    world.now_s += REJECTED_LOG_S
    assert world.told("unknown_line", b"LAST") == [("info", "unknown_line", 6, "")]
    assert world.told("noise") == [("warning", "noise", 1, "")]
