"""The dose through a line: whatever is done to it, the truth lies in the interval, and nothing of it falls."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from edge.core.delivered import NOTHING_GIVEN, Given, exactly
from edge.core.line import Line
from edge.core.therapy import Known

D = Decimal
DEAD_ML = D(2)
ZERO, TEN = D(0), D(10)
CLOSE = D("0.001")


@dataclass
class Pipe:
    """The truth: a line in which nothing mixes, as pieces of (volume, strength), the patient's end first."""

    pieces: list[tuple[Decimal, Decimal]]
    arrived_mg: Decimal = ZERO
    counted_mg: Decimal = ZERO

    def push(self, volume_ml: Decimal, strength: Decimal, *, into_patient: bool = True) -> None:
        self.pieces.append((volume_ml, strength))
        over = sum((volume for volume, _ in self.pieces), D(0)) - DEAD_ML
        while over > 0:
            volume, held = self.pieces[0]
            out = min(volume, over)
            self.pieces[0] = (volume - out, held)
            if self.pieces[0][0] == 0:
                del self.pieces[0]
            over -= out
            self.arrived_mg += out * held if into_patient else D(0)


@dataclass
class Bench:
    """A line, and what is thought of it."""

    pipe: Pipe
    line: Line
    strength: Decimal = TEN
    before: Given = NOTHING_GIVEN

    def look(self) -> None:
        now = self.line.arrived(exactly(self.pipe.counted_mg))
        assert now == now.at_least(self.before)
        assert now.low_mg - CLOSE <= self.pipe.arrived_mg <= now.high_mg + CLOSE
        assert self.pipe.counted_mg <= now.claimed_mg <= now.high_mg
        assert now.most_mg <= now.high_mg + CLOSE
        self.line = self.line.shown(now)
        self.before = now

    def do(self, act: str, number: Decimal) -> None:
        match act:
            case "infuse":
                self.pipe.push(number, self.strength)
                self.pipe.counted_mg += number * self.strength
                self.line = self.line.counted(number * self.strength, self.strength)
            case "flush":
                self.pipe.push(number, D(0))
                self.line = self.line.flushed(number)
            case "stir":
                self.pipe.push(number, D(0))
                self.line = self.line.stirred()
            case "strength":
                self.strength = max(D(1), number * 5)
            case "off":
                self.line = self.line.taken_off()
                self.pipe.push(number, self.strength, into_patient=False)
                self.line = self.line.purged(number, self.strength)


ACTS = st.sampled_from(["infuse", "infuse", "infuse", "flush", "stir", "strength", "off"])
NUMBERS = st.decimals("0.1", 4, places=1)


@given(st.sampled_from(Known), st.booleans(), st.lists(st.tuples(ACTS, NUMBERS), max_size=14))
def test_the_truth_lies_in_the_interval_whatever_is_done_to_a_line(
    drug: Known, really: bool, acts: list[tuple[str, Decimal]]
) -> None:
    holds = drug is Known.YES or (drug is Known.UNKNOWN and really)
    pipe = Pipe([(DEAD_ML, D(10) if holds else D(0))])
    bench = Bench(pipe, Line(DEAD_ML).filled_with(DEAD_ML, drug))
    bench.do("infuse", D("0.1"))
    bench.look()
    for act, number in acts:
        bench.do(act, number)
        bench.look()
