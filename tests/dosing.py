"""A simulated pump seen through its samples, and the dose that both accounts make of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from drivers.model import InfusionState
from edge.core.delivered import Account, Delivery, Flow, Given, Piece, Sample, flow_of
from edge.core.pump_counter import Reading
from edge.core.volume_check import FlowCheck
from simulators.pump import PumpModel
from simulators.pump_terms import PumpSnapshot, PumpSpec, PumpState

RATE_STEP = Decimal("0.01")
TEN = Decimal(10)
SERIAL = "012345"


def sample_of(pump: PumpSnapshot, at_s: float, serial_number: str = SERIAL) -> Sample:
    """What a B. Braun pump says of itself: the rate that is set, whatever it does."""
    half = RATE_STEP / 2
    rate = Flow(max(Decimal(0), pump.rate_ml_per_h - half), pump.rate_ml_per_h + half)
    left = pump.syringe_left_ml
    return Sample(
        at_s,
        InfusionState(pump.state.value),
        flow_of(InfusionState(pump.state.value), rate, pump.bolus_rate_ml_per_h),
        Reading(pump.counter_ml, pump.spec.counter_resolution_ml),
        serial_number,
        None if left is None else Decimal(int(left * 100)) / 100,
    )


@dataclass
class Bench:
    """A pump, polled; ``shown`` may change what it says, or lose it (``None``)."""

    pump: PumpModel
    concentration: Decimal | None = TEN
    connected: bool = True
    delivery: Delivery = field(default_factory=Delivery)
    account: Account = field(default_factory=Account)
    check: FlowCheck = field(default_factory=FlowCheck)
    shown: Callable[[Sample], Sample | None] = lambda sample: sample
    now_s: float = 0.0
    pieces: list[Piece] = field(default_factory=list)
    raised: set[str] = field(default_factory=set)

    def poll(self, every_s: float, seconds: float) -> Iterator[float]:
        """Let the time pass, and look at the pump each ``every_s``."""
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-6:
            self.now_s = round(self.now_s + every_s, 6)
            sample = self.shown(sample_of(self.pump.snapshot(self.now_s), self.now_s))
            if sample is not None:
                self.take(sample)
            yield self.now_s

    def run(self, seconds: float, every_s: float = 1.0) -> None:
        for _ in self.poll(every_s, seconds):
            pass

    def take(self, sample: Sample) -> None:
        piece = self.delivery.piece(sample)
        if piece is not None:
            self.pieces.append(piece)
            self.account.add(piece, self.concentration, connected=self.connected)
            self.check.add(piece, connected=self.connected)
            self.raised |= flags(self.check)

    @property
    def given(self) -> Given:
        return self.account.given

    def true_mg(self) -> Fraction:
        """What reached the patient, in mg of the bench's concentration."""
        assert self.concentration is not None
        return self.pump.delivered_ml(self.now_s) * Fraction(self.concentration)


def flags(check: FlowCheck) -> set[str]:
    """What a check says is wrong now."""
    said = {
        "free": check.free_flow,
        "stopped": check.flows_while_stopped,
        "more": check.is_more,
        "less": check.is_less,
        "stalled": check.is_stalled,
        "extra": check.extra_volume(check.now.at_s) is not None,
    }
    return {name for name, wrong in said.items() if wrong}


def bench(counter_ml: str = "0.01", rate: str = "7", *, start: bool = True, **changes: object) -> Bench:
    """A pump with a counter of this step, that infuses from now on."""
    spec = replace(PumpSpec(counter_resolution_ml=Decimal(counter_ml)), **changes)  # type: ignore[arg-type]
    made = Bench(PumpModel(spec))
    made.take(sample_of(made.pump.snapshot(0.0), 0.0))
    made.pump.set_rate(0.0, Decimal(rate))
    if start:
        made.pump.start(0.0)
    return made


def slow(every_s: float) -> Callable[[Sample], Sample]:
    """A pump that brings its counter up to date each ``every_s`` only."""
    held: list[Sample] = []

    def shown(sample: Sample) -> Sample:
        if not held or sample.at_s - held[-1].at_s >= every_s:
            held[:] = [sample]
        return replace(sample, counter=held[0].counter)

    return shown


__all__ = ["Bench", "PumpState", "bench", "flags", "sample_of", "slow"]
