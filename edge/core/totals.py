"""What a patient was given of a drug in the last 24 hours, over treatments and beds, by case number.

Doses are kept in blocks of ten minutes. A block counts until its newest dose is a day old, so that the total is never
less than the truth and ten minutes too high at most. After another boot of the kernel the blocks are as old as they
were when last kept: the time between is no credit (design, section 5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from edge.core.model import Instant

DAY_S = 86_400.0
BLOCK_S = 600.0

BLOCKS_MAX = 400
"""More than the 145 blocks of a day of one drug; what is over joins the oldest, and stays until that is a day old."""

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Block:
    """What was given of a drug from ``began`` on, for ten minutes at most; ``latest`` is its newest dose."""

    drug: str
    dose_mg: Decimal
    began: Instant
    latest: Instant


@dataclass(frozen=True, slots=True)
class DayDose:
    """What one patient was given, the newest block last; ``at`` is when that was so.

    ``by_hand`` doses that were entered in ``session`` are in it.
    """

    case: str
    blocks: tuple[Block, ...] = ()
    at: Instant | None = None
    session: str = ""
    by_hand: int = 0

    def plus(self, drug: str, dose_mg: Decimal, at: Instant) -> DayDose:
        """Return it with a dose. A dose of nothing, or less, changes nothing."""
        if dose_mg <= 0:
            return self
        kept = [block for block in self.blocks if _counts(block, at.mono_s)]
        for index in range(len(kept) - 1, -1, -1):
            block = kept[index]
            if block.drug == drug:
                if block.began.mono_s <= at.mono_s < block.began.mono_s + BLOCK_S:
                    kept[index] = replace(block, dose_mg=block.dose_mg + dose_mg, latest=_later(block.latest, at))
                    return replace(self, blocks=tuple(kept))
                break
        kept.append(Block(drug, dose_mg, at, at))
        return replace(self, blocks=tuple(_bounded(kept)))

    def less(self, drug: str, dose_mg: Decimal) -> DayDose:
        """Return it without a dose that was not given after all: from the oldest blocks, which leave the day first."""
        blocks: list[Block] = []
        for block in self.blocks:
            part = min(block.dose_mg, dose_mg) if block.drug == drug else ZERO
            dose_mg -= part
            blocks.append(replace(block, dose_mg=block.dose_mg - part))
        return replace(self, blocks=tuple(blocks))

    def total_mg(self, drug: str, now_s: float) -> Decimal:
        """Return what was given of a drug within the last day."""
        return sum((each.dose_mg for each in self.blocks if each.drug == drug and _counts(each, now_s)), ZERO)

    def is_empty(self, now_s: float) -> bool:
        """Tell whether nothing of the last day is left."""
        return not any(_counts(block, now_s) for block in self.blocks)


def _counts(block: Block, now_s: float) -> bool:
    return now_s <= block.latest.mono_s + DAY_S


def _later(one: Instant, other: Instant) -> Instant:
    return other if other.mono_s > one.mono_s else one


def _bounded(blocks: list[Block]) -> list[Block]:
    while len(blocks) > BLOCKS_MAX:
        oldest = blocks.pop(0)
        index = next((place for place, block in enumerate(blocks) if block.drug == oldest.drug), None)
        if index is None:
            blocks.append(oldest)
            break
        blocks[index] = replace(blocks[index], dose_mg=blocks[index].dose_mg + oldest.dose_mg)
    return blocks
