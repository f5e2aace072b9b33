"""The dose of the last 24 hours: blocks that never count too little, by drug."""

from decimal import Decimal

import pytest

from edge.core.model import Instant
from edge.core.totals import BLOCKS_MAX, DAY_S, DayDose

NOBODY = DayDose("c-1")


def at(at_s: float) -> Instant:
    return Instant(at_s, 1_790_000_000.0 + at_s, synchronised=True)


def given(*doses: tuple[float, str]) -> DayDose:
    total = NOBODY
    for at_s, dose_mg in doses:
        total = total.plus("ketamine", Decimal(dose_mg), at(at_s))
    return total


def test_doses_add() -> None:
    total = given((0, "70"), (3600, "70"))
    assert total.total_mg("ketamine", 3600) == 140
    assert total.total_mg("esketamine", 3600) == 0


@pytest.mark.parametrize(
    ("now_s", "left_mg"),
    [
        (DAY_S, "110"),
        (DAY_S + 1, "110"),  # the first block is as old as its newest dose
        (DAY_S + 500, "110"),
        (DAY_S + 500.1, "80"),
        (DAY_S + 7200, "80"),
        (DAY_S + 7200.1, "0"),
    ],
)
def test_a_block_counts_until_its_newest_dose_is_a_day_old(now_s: float, left_mg: str) -> None:
    total = given((0, "10"), (500, "20"), (7200, "80"))
    assert total.total_mg("ketamine", now_s) == Decimal(left_mg)


def test_a_block_is_ten_minutes_at_most() -> None:
    total = given(*[(second, "1") for second in range(0, 3600, 10)])
    assert len(total.blocks) == 6
    assert total.total_mg("ketamine", 3600) == 360
    assert total.total_mg("ketamine", DAY_S + 600) == 300


def test_what_is_a_day_old_is_forgotten() -> None:
    total = given((0, "10"), (DAY_S + 1, "5"))
    assert [block.dose_mg for block in total.blocks] == [5]
    assert not total.is_empty(2 * DAY_S)
    assert total.is_empty(2 * DAY_S + 2)


@pytest.mark.parametrize("nothing", ["0", "-1"])
def test_a_dose_of_nothing_changes_nothing(nothing: str) -> None:
    assert NOBODY.plus("ketamine", Decimal(nothing), at(0)) is NOBODY


def test_two_drugs_have_blocks_of_their_own() -> None:
    total = NOBODY
    for second in range(0, 600, 60):
        total = total.plus("ketamine", Decimal(1), at(second)).plus("midazolam", Decimal(2), at(second))
    assert total.total_mg("ketamine", 600) == 10
    assert total.total_mg("midazolam", 600) == 20
    assert len(total.blocks) == 2


def test_blocks_are_bounded_and_nothing_of_them_is_lost() -> None:
    total = NOBODY
    for drug in range(BLOCKS_MAX + 50):
        total = total.plus("ketamine" if drug % 2 else f"drug-{drug}", Decimal(1), at(drug * 601 % 80_000))
    assert len(total.blocks) <= BLOCKS_MAX + 1
    assert total.total_mg("ketamine", 80_000) == (BLOCKS_MAX + 50) // 2
