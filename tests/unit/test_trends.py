"""The trends: what is kept of twelve hours, to the digit, with its gaps, and within bounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.model import InfusionState, Validity
from edge import trends as module
from edge.core.effects import BedSnapshot, ChannelView, Metric
from edge.trends import SLOTS, STEP_S, Piece, Trends, slot_of, value_of


def metric(name: str = "heart_rate_per_min", value: str | None = "80", *, age_s: float = 0.0) -> Metric:
    number = None if value is None else Decimal(value)
    return Metric(name, number, "/min", Validity.VALID, None if value is None else age_s, "mon-1.0")


def shown(*metrics: Metric, bed: str = "bed-1", channels: tuple[ChannelView, ...] = ()) -> BedSnapshot:
    return BedSnapshot(bed, active=True, valid_for_s=10.0, vital_signs=metrics, channels=channels)


def piece(trends: Trends, first: int = 0, last: int = 10**9, *, bed: str = "bed-1") -> Piece:
    (found,) = trends.pieces(bed, (), first, last)
    return found


def lows(found: Piece) -> list[str | None]:
    return texts(found, found.low)


def highs(found: Piece) -> list[str | None]:
    return texts(found, found.high)


def texts(found: Piece, scaled: Iterable[int]) -> list[str | None]:
    values = zip(scaled, found.marks, strict=True)
    return [None if mark == module.NOTHING else str(value_of(one, found.scale)) for one, mark in values]


def test_each_ten_seconds_have_their_lowest_and_highest_and_a_gap_stays_a_gap() -> None:
    trends = Trends()
    for at_s, value in ((1000, "98"), (1003, "91"), (1009, "99"), (1010, "97"), (1041, "96.5")):
        trends.note(shown(metric("spo2_percent", value)), float(at_s))
    trends.note(shown(metric("spo2_percent", None)), 1055.0)
    found = piece(trends)
    assert (found.name, found.unit, found.source) == ("spo2_percent", "/min", "mon-1.0")
    found = piece(trends, 100)
    assert (found.first, lows(found)) == (100, ["91", "97", None, None, "96.5"])
    assert highs(found) == ["99", "97", None, None, "96.5"]
    assert found.marks == b"vv--v"
    assert lows(piece(trends, 101, 102)) == ["97", None]
    assert lows(piece(trends, 105)) == []


def test_a_value_counts_where_it_was_measured() -> None:
    trends = Trends()
    for at_s in range(1000, 1300):
        trends.note(shown(metric("nibp_sys_mmhg", "120", age_s=at_s - 1000.0)), float(at_s))
    trends.note(shown(metric("nibp_sys_mmhg", "135", age_s=1.0)), 1300.0)
    found = piece(trends, 99)
    assert [(found.first + n, low) for n, low in enumerate(lows(found)) if low is not None] == [
        (100, "120"),
        (129, "135"),
    ]


@pytest.mark.parametrize(
    ("validities", "mark"),
    [
        ((Validity.VALID, Validity.QUESTIONABLE, Validity.VALID), b"q"),
        ((Validity.QUESTIONABLE, Validity.OVER), b"q"),
        ((Validity.VALID, Validity.OVER), b"o"),
        ((Validity.UNDER, Validity.VALID), b"u"),
    ],
)
def test_the_worst_that_must_be_said_of_a_slot_stands(validities: tuple[Validity, ...], mark: bytes) -> None:
    trends = Trends()
    for validity in validities:
        trends.note(shown(metric()._replace(validity=validity)), 1000.0)
    assert piece(trends, 100).marks == mark


@pytest.mark.parametrize("validity", [Validity.STALE, Validity.INVALID, Validity.NOT_AVAILABLE])
def test_what_is_not_to_be_shown_is_not_kept(validity: Validity) -> None:
    trends = Trends()
    trends.note(shown(metric()._replace(validity=validity)), 1000.0)
    assert list(trends.pieces("bed-1", (), 0, 10**9)) == []


@given(st.decimals(min_value=-2147, max_value=2147, places=6) | st.decimals(-2_000_000, 2_000_000, places=3))
def test_a_value_is_kept_to_the_digit(value: Decimal) -> None:
    trends = Trends()
    trends.note(shown(metric()._replace(value=value)), 1000.0)
    found = piece(trends, 100)
    (text,) = lows(found)
    assert Decimal(str(text)) == value
    assert "E" not in str(text)


def test_a_value_that_grows_large_keeps_what_was_there_before_to_three_places() -> None:
    trends = Trends()
    for at_s, value in ((1000.0, "12.345678"), (1010.0, "-0.5"), (1020.0, "99999.125")):
        trends.note(shown(metric(value=value)), at_s)
    assert lows(piece(trends, 100)) == ["12.346", "-0.5", "99999.125"]


def test_a_number_that_is_none_of_a_patient_is_not_kept() -> None:
    trends = Trends()
    for at_s, value in ((1000.0, "1e30"), (1010.0, "80"), (1020.0, "-3e6")):
        trends.note(shown(metric(value=value)), at_s)
    assert lows(piece(trends, 100)) == [None, "80"]


def test_after_twelve_hours_the_oldest_goes_also_over_a_long_gap() -> None:
    trends = Trends()
    for slot in range(SLOTS + 5):
        trends.note(shown(metric(value=str(slot))), float(slot * STEP_S))
    found = piece(trends)
    assert (found.first, lows(found)) == (5, [str(slot) for slot in range(5, SLOTS + 5)])
    later = 10 * SLOTS
    trends.note(shown(metric(value="7")), float(later * STEP_S))
    trends.note(shown(metric(value="8", age_s=STEP_S * SLOTS + 1.0)), float(later * STEP_S))
    found = piece(trends)
    assert (len(found.marks), found.marks.count(b"v"), lows(found)[-1]) == (SLOTS, 1, "7")


def test_beds_channels_and_names_are_told_apart_and_skipped_in_order() -> None:
    pump = ChannelView("rack", "11", "up", InfusionState.INFUSING, "", (metric("rate")._replace(source="rack.11"),))
    other = replace(pump, channel="12", metrics=(metric("rate")._replace(source="rack.12"),))
    trends = Trends()
    trends.note(shown(metric(), channels=(other, pump)), 1000.0)
    trends.note(shown(metric(value="60"), bed="bed-2"), 1000.0)
    assert [(one.name, one.source) for one in trends.pieces("bed-1", (), 0, 200)] == [
        ("heart_rate_per_min", "mon-1.0"),
        ("rate", "rack.11"),
        ("rate", "rack.12"),
    ]
    assert [one.source for one in trends.pieces("bed-1", ("rate",), 0, 200, skip=1)] == ["rack.12"]
    assert lows(piece(trends, 100, bed="bed-2")) == ["60"]
    assert list(trends.pieces("bed-3", (), 0, 200)) == []


def test_over_the_bound_a_value_is_left_out_until_an_old_one_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SERIES_MAX", 2)
    trends = Trends()
    trends.note(shown(metric("a"), metric("b"), metric("c")), 1000.0)
    assert trends.left_out == 1
    later_s = 1000.0 + SLOTS * STEP_S
    trends.note(shown(metric("b")), later_s - STEP_S)
    trends.note(shown(metric("c")), later_s)
    assert [one.name for one in trends.pieces("bed-1", (), 0, 10**9)] == ["b", "c"]
    assert slot_of(later_s) == 100 + SLOTS
