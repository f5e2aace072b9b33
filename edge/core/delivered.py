"""What a pump delivered, reckoned twice: by the volume that it counted, and by its rate over time.

    counted   what the counter grew by, exact to one step of it
    by rate   the lowest and the highest rate of two samples, over the time between them

What both accounts allow is the interval of the dose. Where they are more than 5 % apart, it holds both. ``claimed`` is
what at least one of them says was given: limits are held against it, so that neither account can hide a dose that the
other one shows.

Laws:
  * Low, high and claimed never fall, whatever comes in (I6). A person alone settles what is unsure, and so lowers high.
  * A gap is bridged by the counter only if the same serial number answers and the count is not lower. Otherwise what
    may have been given, had it gone on as last seen, is added to ``unsure``: it raises the high end and never the low.
  * KVO, boli and a purge count like any other flow. A purge while the line is off the patient does not.
  * A concentration holds from its order on: what was delivered before is not reckoned anew.

The accuracy of the drive itself, some per cent, is not in the interval: both accounts share it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from drivers.model import InfusionState
from edge.core.pump_counter import COUNTER_LAG_S, FASTEST_ML_PER_H, NOTHING, ZERO, Growth, PumpCounter, Reading
from edge.core.pump_counter import volume_ml as volume_of

GAP_S = 10.0
"""Between samples that are farther apart than a lost link the pump may have done anything."""

APART_SHARE = Decimal("0.05")
"""So far apart two accounts of one pump may be: its rate is shown rounded, its drive turns in steps."""

MG_STEP = Decimal("0.000001")

_RUNS = frozenset({InfusionState.INFUSING, InfusionState.BOLUS})
_STANDS = frozenset({InfusionState.OFF, InfusionState.STANDBY, InfusionState.STOPPED})


@dataclass(frozen=True, slots=True)
class Flow:
    """The rate in mL/h that leaves a pump, as an interval; ``high`` is ``None`` where it is not known."""

    low: Decimal
    high: Decimal | None


STILL = Flow(ZERO, ZERO)


def flow_of(
    state: InfusionState, rate: Flow | None, bolus_ml_per_h: Decimal | None = None, *, sure: bool = True
) -> Flow:
    """Return what leaves a pump in a state at the rate that it shows; ``None`` if it shows none.

    In KVO, and where the state is not known or the rate is not ``sure``, it may be less than shown: pumps show the rate
    that is set. During a purge the rate shown says nothing.
    """
    if state in _STANDS:
        return STILL
    if state is InfusionState.PURGE:
        return Flow(ZERO, None)
    low, high = (ZERO, None) if rate is None else (rate.low, rate.high)
    if state is InfusionState.BOLUS:
        high = None if bolus_ml_per_h is None else max(bolus_ml_per_h, high or ZERO)
    if state in {InfusionState.KVO, InfusionState.UNKNOWN} or not sure:
        low = ZERO
    return Flow(low, high)


@dataclass(frozen=True, slots=True)
class Sample:
    """What one observation of a pump says of its delivery.

    ``peak`` is a reading that merged samples passed through before the counter fell. ``remaining_ml`` is what is left
    in the syringe; it tells the volume of a purge that the counter leaves out.
    """

    at_s: float
    state: InfusionState
    flow: Flow
    counter: Reading | None = None
    serial_number: str = ""
    remaining_ml: Decimal | None = None
    peak: Reading | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """What happened between two samples. ``high_ml`` is ``None`` where the rate does not say how much it can be.

    ``growth`` is ``None`` without a counter. ``fastest`` is the highest rate of the two in mL/h. ``gap``: nothing
    proves what was delivered; ``bridged``: the counter alone does. ``left_ml`` left the syringe.
    """

    seconds: float
    at_s: float
    low_ml: Decimal
    high_ml: Decimal | None
    growth: Growth | None
    step_ml: Decimal
    fastest: Decimal | None
    stands: bool
    bolus: bool = False
    purge: bool = False
    gap: bool = False
    bridged: bool = False
    runs: bool = False
    left_ml: Decimal | None = None

    @property
    def counted_ml(self) -> Decimal:
        """What the counter grew by."""
        return ZERO if self.growth is None else self.growth.counted_ml

    @property
    def most_ml(self) -> Decimal:
        """As much as can have been delivered: by the rate, or where that is not known by any drive."""
        if self.high_ml is not None:
            return self.high_ml
        return max(volume_of(FASTEST_ML_PER_H, min(self.seconds, COUNTER_LAG_S), up=True), self.counted_ml)


@dataclass(slots=True)
class Segment:
    """A stretch of one concentration without a gap, in mL. ``counted_ml`` is ``None`` without a counter.

    The counted volume is true within ``below_ml`` and ``above_ml``, and ``lag_ml``: what the counter may be behind, at
    the end of the stretch or at its begin, by the longest time for which it stood while the pump ran.
    """

    counted_ml: Decimal | None = None
    below_ml: Decimal = ZERO
    above_ml: Decimal = ZERO
    rate_low_ml: Decimal = ZERO
    rate_high_ml: Decimal = ZERO
    lag_ml: Decimal = ZERO
    grown_at_s: float | None = None

    def add(self, piece: Piece) -> None:
        """Add what both accounts say of a piece."""
        if self.counted_ml is not None and piece.growth is not None:
            self.counted_ml += piece.counted_ml
            self.below_ml = max(self.below_ml, piece.step_ml)
            self.above_ml = max(self.above_ml, piece.step_ml)
            if piece.growth.reset:
                self.above_ml += piece.most_ml + piece.step_ml
        by_counter = piece.bridged or piece.high_ml is None
        if by_counter and piece.growth is not None:
            self.rate_low_ml += max(piece.low_ml, piece.counted_ml - piece.step_ml)
            self.rate_high_ml += max(piece.low_ml, piece.counted_ml + piece.step_ml)
        else:
            self.rate_low_ml += piece.low_ml
            self.rate_high_ml += piece.most_ml
        self._look_at_lag(piece)

    def _look_at_lag(self, piece: Piece) -> None:
        still_s = piece.at_s - (piece.at_s - piece.seconds if self.grown_at_s is None else self.grown_at_s)
        if piece.fastest and not piece.bolus:
            self.lag_ml = max(self.lag_ml, volume_of(piece.fastest, min(still_s, COUNTER_LAG_S), up=True))
        if self.grown_at_s is None:
            self.grown_at_s = piece.at_s - piece.seconds
        if piece.counted_ml or piece.stands:
            self.grown_at_s = piece.at_s

    def counted(self) -> tuple[Decimal, Decimal] | None:
        """Return the volume by the counter."""
        if self.counted_ml is None:
            return None
        low_ml = max(ZERO, self.counted_ml - self.below_ml - self.lag_ml)
        return low_ml, self.counted_ml + self.above_ml + self.lag_ml

    def interval(self) -> tuple[Decimal, Decimal, Decimal]:
        """Return the lowest and highest volume of both accounts, and what at least one of them claims."""
        by_rate = (self.rate_low_ml, self.rate_high_ml)
        counted = self.counted()
        if counted is None:
            return *by_rate, by_rate[0]
        claimed = max(counted[0], by_rate[0])
        highest = min(counted[1], by_rate[1])
        if claimed <= highest:
            return claimed, highest, claimed
        if claimed - highest <= claimed * APART_SHARE:
            return highest, max(counted[1], by_rate[1]), claimed
        return min(counted[0], by_rate[0]), max(counted[1], by_rate[1]), claimed


@dataclass(frozen=True, slots=True)
class Given:
    """A dose in mg. ``claimed`` is what one account at least says was given, ``unsure`` what gaps may add to it."""

    low_mg: Decimal = ZERO
    high_mg: Decimal = ZERO
    claimed_mg: Decimal = ZERO
    unsure_mg: Decimal = ZERO

    @property
    def most_mg(self) -> Decimal:
        """What is held against limits: what is claimed, and what may have been given unseen."""
        return self.claimed_mg + self.unsure_mg

    def plus(self, other: Given) -> Given:
        """Return the sum."""
        return Given(
            self.low_mg + other.low_mg,
            self.high_mg + other.high_mg,
            self.claimed_mg + other.claimed_mg,
            self.unsure_mg + other.unsure_mg,
        )

    def at_least(self, before: Given) -> Given:
        """Return it, nowhere lower than before."""
        low = max(self.low_mg, before.low_mg)
        return Given(
            low,
            max(self.high_mg, before.high_mg, low),
            max(self.claimed_mg, before.claimed_mg),
            max(self.unsure_mg, before.unsure_mg),
        )

    def settled(self, dose_mg: Decimal, seen: Given) -> Given:
        """Return it with what a person says was given, when it was ``seen`` as it was then.

        Neither end falls below what was surely given, nor ``claimed`` below what an account says. What was unsure then
        is told now; what came since comes on top.
        """
        low = max(self.low_mg, dose_mg + max(ZERO, self.low_mg - seen.low_mg))
        claimed = max(self.claimed_mg, dose_mg + max(ZERO, self.claimed_mg - seen.claimed_mg))
        unsure = max(ZERO, self.unsure_mg - seen.unsure_mg)
        high = max(low, claimed + unsure, dose_mg + max(ZERO, self.high_mg - seen.high_mg))
        return Given(low, high, claimed, unsure)


NOTHING_GIVEN = Given()


def exactly(dose_mg: Decimal) -> Given:
    """Return a dose that is known, such as one given by hand."""
    return Given(dose_mg, dose_mg, dose_mg)


@dataclass(slots=True)
class Account:
    """The dose of one channel in one session. ``past`` is what is closed; ``given`` all of it, and never falls.

    ``unseen_ml`` is what a purge may have delivered of which nothing was seen yet.
    """

    concentration_mg_per_ml: Decimal | None = None
    past: Given = NOTHING_GIVEN
    given: Given = NOTHING_GIVEN
    infusing_s: float = 0.0
    segment: Segment = field(default_factory=Segment)
    unseen_ml: Decimal | None = None

    def add(self, piece: Piece, concentration_mg_per_ml: Decimal | None, *, connected: bool = True) -> None:
        """Add a piece at a concentration; without one no drug is known to be in it."""
        if concentration_mg_per_ml != self.concentration_mg_per_ml:
            self.close(concentration_mg_per_ml)
        if concentration_mg_per_ml is None:
            return
        if piece.runs and not piece.gap:
            self.infusing_s += piece.seconds
        if piece.gap:
            self._beyond(piece.most_ml)
            self.close(concentration_mg_per_ml)
        elif piece.purge:
            self._purge(piece, connected=connected)
        else:
            self._end_purge()
            has_counter = piece.growth is not None
            if has_counter != (self.segment.counted_ml is not None):
                self.close(concentration_mg_per_ml)
                self.segment.counted_ml = ZERO if has_counter else None
            self.segment.add(piece)
            if piece.growth is not None and piece.growth.leap_ml:
                self._beyond(piece.growth.leap_ml)
        self._look()

    def bolus(self, told_ml: Decimal | None) -> None:
        """Take up that a bolus ended that samples may not have shown; ``None`` if its volume is not told."""
        if self.concentration_mg_per_ml is None:
            return
        most_ml = volume_of(FASTEST_ML_PER_H, GAP_S, up=True) if told_ml is None else told_ml
        if self.segment.counted_ml is None:
            self._beyond(most_ml)
        else:
            self.segment.rate_high_ml += most_ml
        self._look()

    def settle(self, given: Given) -> None:
        """Take up what a person has settled: the one way in which its high end falls."""
        self.close(self.concentration_mg_per_ml)
        self.past = self.given = given

    def unseen(self, dose_mg: Decimal) -> None:
        """Take up a dose that may have been given besides."""
        self.past = self.past.plus(Given(ZERO, dose_mg, ZERO, dose_mg))
        self._look()

    def close(self, concentration_mg_per_ml: Decimal | None) -> None:
        """Close the present stretch, and begin one of another concentration."""
        self.past = self.past.plus(self._open())
        self.segment = Segment()
        self.concentration_mg_per_ml = concentration_mg_per_ml

    def _purge(self, piece: Piece, *, connected: bool) -> None:
        self.segment.below_ml += piece.step_ml
        self.segment.above_ml += piece.step_ml
        if not connected or self.concentration_mg_per_ml is None:
            return
        if piece.counted_ml or piece.left_ml:
            told_ml = max(piece.counted_ml, piece.left_ml or ZERO)
            lowest_ml = max(ZERO, told_ml - piece.step_ml)
            concentration = self.concentration_mg_per_ml
            low, high = _mg(lowest_ml, concentration), _mg(told_ml + piece.step_ml, concentration)
            self.past = self.past.plus(Given(low, high, _mg(told_ml, concentration)))
            self.unseen_ml = ZERO
        elif piece.growth is None and piece.left_ml is None:
            self._beyond(piece.most_ml)
        elif self.unseen_ml != 0:
            self.unseen_ml = (self.unseen_ml or ZERO) + piece.most_ml

    def _end_purge(self) -> None:
        # A purge of which neither counter nor syringe shows anything is not one of nothing.
        if self.unseen_ml:
            self._beyond(self.unseen_ml)
        self.unseen_ml = None

    def _beyond(self, volume_ml: Decimal) -> None:
        if self.concentration_mg_per_ml is not None:
            dose_mg = _mg(volume_ml, self.concentration_mg_per_ml)
            self.past = self.past.plus(Given(ZERO, dose_mg, ZERO, dose_mg))

    def _open(self) -> Given:
        if self.concentration_mg_per_ml is None:
            return NOTHING_GIVEN
        low, high, claimed = (_mg(volume, self.concentration_mg_per_ml) for volume in self.segment.interval())
        return Given(low, high, claimed)

    def _look(self) -> None:
        self.given = self.past.plus(self._open()).at_least(self.given)


def _mg(volume_ml: Decimal, concentration_mg_per_ml: Decimal) -> Decimal:
    return (volume_ml * concentration_mg_per_ml).quantize(MG_STEP)


@dataclass(slots=True)
class Delivery:
    """One pump channel between its samples: it makes pieces of them.

    ``broken``: the line was opened anew since; ``interrupted``: the edge itself was, which is a gap however short.
    """

    counter: PumpCounter = field(default_factory=PumpCounter)
    last: Sample | None = None
    broken: bool = False
    interrupted: bool = False

    def piece(self, sample: Sample) -> Piece | None:
        """Take up a sample, and return what happened since the one before; ``None`` for the first."""
        last, self.last = self.last, sample
        broken, interrupted = self.broken, self.interrupted
        self.broken = self.interrupted = False
        if last is None:
            self.counter.begin(sample.counter, sample.at_s)
            return None
        seconds = max(sample.at_s - last.at_s, 0.0)
        other = sample.serial_number != last.serial_number
        proved = bool(sample.serial_number) and not other
        # A serial number that is told later on the same line is no other pump's.
        changed = not proved if broken or interrupted else other and bool(last.serial_number)
        if seconds > GAP_S or interrupted or changed:
            return self._over_a_gap(last, sample, seconds)
        return _piece(last, sample, seconds, self._growth(sample))

    def _growth(self, sample: Sample) -> Growth | None:
        if sample.counter is None:
            self.counter.begin(None, sample.at_s)
            return None
        before = NOTHING
        if sample.peak is not None:
            before = self.counter.take(sample.peak, sample.at_s)
            # Merged samples showed the fall themselves: it needs no second witness.
            self.counter.doubted, self.counter.doubted_at_s = sample.counter, sample.at_s
        growth = self.counter.take(sample.counter, sample.at_s)
        return Growth(before.counted_ml + growth.counted_ml, growth.reset, before.leap_ml + growth.leap_ml)

    def _over_a_gap(self, last: Sample, sample: Sample, seconds: float) -> Piece:
        same = bool(sample.serial_number) and sample.serial_number == last.serial_number
        grown_ml = None if sample.counter is None else self.counter.bridges(sample.counter, sample.at_s)
        self.counter.begin(sample.counter, sample.at_s)
        if same and grown_ml is not None:
            return _piece(last, sample, seconds, Growth(grown_ml), bridged=True)
        on_as_before = last.flow.high if last.flow.high is not None else FASTEST_ML_PER_H
        by_rate_ml = volume_of(on_as_before, seconds, up=True)
        other = sample.serial_number != last.serial_number
        counted_ml = ZERO if other or not grown_ml or sample.counter is None else grown_ml + sample.counter.step_ml
        return _piece(last, sample, seconds, None, unproved_ml=max(by_rate_ml, counted_ml))


def _piece(
    last: Sample,
    sample: Sample,
    seconds: float,
    growth: Growth | None,
    *,
    bridged: bool = False,
    unproved_ml: Decimal | None = None,
) -> Piece:
    gap = unproved_ml is not None
    known = last.flow.high is not None and sample.flow.high is not None
    fastest = max(last.flow.high or ZERO, sample.flow.high or ZERO) if known else None
    low = ZERO if bridged or gap else min(last.flow.low, sample.flow.low)
    high_ml = unproved_ml if gap else None if fastest is None else volume_of(fastest, seconds, up=True)
    step_ml = sample.counter.step_ml if sample.counter is not None else ZERO
    left = (last.remaining_ml, sample.remaining_ml)
    purge = InfusionState.PURGE in {last.state, sample.state}
    return Piece(
        seconds=seconds,
        at_s=sample.at_s,
        low_ml=volume_of(low, seconds, up=False),
        high_ml=high_ml,
        growth=growth,
        step_ml=step_ml,
        fastest=fastest,
        stands=last.state in _STANDS and sample.state in _STANDS,
        bolus=InfusionState.BOLUS in {last.state, sample.state},
        purge=purge and not gap and not bridged,
        gap=gap,
        bridged=bridged,
        runs=last.state in _RUNS,
        left_ml=max(ZERO, left[0] - left[1]) if left[0] is not None and left[1] is not None else None,
    )
