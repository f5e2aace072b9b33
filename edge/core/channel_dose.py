"""What one pump channel has given, in one session of one patient: both accounts, the check, and what is kept of them.

A session is one treatment of one patient; the next patient begins with nothing (H-09). A channel without an order
counts no drug, and is checked all the same; what it gave before stays given.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from drivers.model import DeviceAlarmKind, InfusionState
from edge.core.delivered import GAP_S, MG_STEP, NOTHING_GIVEN, Account, Delivery, Given, Piece, Sample
from edge.core.kept_dose import DrugGiven, KeptBolus, KeptDose
from edge.core.line import Line, PumpFlush
from edge.core.model import Instant
from edge.core.pump_sample import sample_of
from edge.core.sources import SourceState
from edge.core.therapy import Known, Order
from edge.core.volume_check import FlowCheck

BOLUS_TOLD_WITHIN_S = 60.0
"""A pump tells of a bolus that ended within the round of its line, 30 s at most; two boli are further apart."""

_ZERO = Decimal(0)
REFILL_MIN_ML = Decimal("0.2")
"""So much more in the syringe than before is another syringe: two steps of a display in 0.1 mL; less is the drive that
finds its place."""

_OCCLUSIONS = frozenset({DeviceAlarmKind.OCCLUSION_DOWNSTREAM, DeviceAlarmKind.OCCLUSION_UPSTREAM})
_OPENED = frozenset({DeviceAlarmKind.SYRINGE, DeviceAlarmKind.DOOR_OPEN})
_EMPTIED = frozenset({DeviceAlarmKind.RESERVOIR_EMPTY, DeviceAlarmKind.RESERVOIR_NEAR_EMPTY})
_CHANGES = _OPENED | _EMPTIED
_STANDS = frozenset({InfusionState.STOPPED, InfusionState.STANDBY, InfusionState.OFF})
_RUNS = frozenset({InfusionState.INFUSING, InfusionState.BOLUS})


@dataclass(frozen=True, slots=True)
class Context:
    """Whose session a sample belongs to, and whether what flows is a drug that reaches the patient.

    ``supervised``: the channel is there for an order.
    """

    session: str = ""
    case: str = ""
    order: Order | None = None
    connected: bool = True
    supervised: bool = True


@dataclass(frozen=True, slots=True)
class Portion:
    """A dose that is not yet in the day's total of its case; a negative one was settled, and is to go from it."""

    case: str
    drug: str
    dose_mg: Decimal


@dataclass(frozen=True, slots=True)
class Bolus:
    """One bolus, while it runs and after it: at least so much, as counted or as the pump told it, whichever is more."""

    volume_ml: Decimal
    step_ml: Decimal
    until_s: float
    runs: bool

    def plus(self, volume_ml: Decimal, until_s: float, *, runs: bool) -> Bolus:
        """Return it with more of it."""
        return replace(self, volume_ml=self.volume_ml + volume_ml, until_s=until_s, runs=runs)


@dataclass(slots=True)
class ChannelDose:
    """One channel. ``portions`` are to be added to the day's total; ``before_mg`` of the order's is in it.

    ``account`` is of ``drug``, the last that was ordered; ``earlier`` are the others of this session.
    ``bolus`` is the last one, of this session; it goes on after a restart of the edge, whose gap its counter bridges.
    ``stood_from_s`` is since when it stands, or keeps the vein open, after it ran, ``changing`` whether its syringe is
    being changed, ``left_ml`` what was left in it when it last ran. ``opened``: another syringe may be in it;
    ``new_syringe``: it runs with that. ``changed_from`` is what it had given then. ``unordered``: it ran in this
    session, and no order since says what it gave. ``line`` is what was said of its line, ``flush`` what it is still to
    flush.
    """

    delivery: Delivery = field(default_factory=Delivery)
    account: Account = field(default_factory=Account)
    check: FlowCheck = field(default_factory=FlowCheck)
    session: str = ""
    case: str = ""
    drug: str = ""
    before_mg: Decimal = _ZERO
    earlier: tuple[DrugGiven, ...] = ()
    portions: list[Portion] = field(default_factory=list)
    bolus: Bolus | None = None
    connection: int = 0
    stood_from_s: float | None = None
    changing: bool = False
    opened: bool = False
    left_ml: Decimal | None = None
    new_syringe: bool = False
    changed_from: Given | None = None
    unordered: bool = False
    line: Line | None = None
    flush: PumpFlush | None = None
    awaited_from_s: float | None = None
    kept_at_s: float | None = None
    kept_state: tuple[Given, bool, bool, tuple[bool, float] | None] | None = None

    def take(self, source: SourceState, context: Context) -> None:
        """Take up what a pump said last, if it counts."""
        sample = sample_of(source)
        if sample is None or self._is_unproved_yet(sample):
            return
        begins = context.session != self.session
        if begins:
            self.begin(context.session)
        order = context.order
        self.case = context.case
        if order is not None:
            self._turn_to(order.drug)
        self.delivery.broken = source.connection != self.connection
        self.connection = source.connection
        shown = frozenset(alarm.kind for alarm in source.alarms or ())
        self._watch_standing(sample, shown)
        piece = self.delivery.piece(sample)
        if piece is None:
            return
        before = self._given.most_mg
        self.unordered = order is None and (self.unordered or (context.supervised and piece.runs and not begins))
        self._compare_syringes(order)
        left = self.account.given
        order = None if self._flushes(piece) else order
        concentration = None if order is None else order.concentration_mg_per_ml
        if not begins:
            # What flowed since the sample before began in another session: no patient inherits it (H-09).
            self.account.add(piece, concentration, connected=context.connected)
            self._through_line(left, piece, connected=context.connected)
        if piece.stands and sample.remaining_ml is None and piece.growth is not None and piece.growth.reset:
            # A counter is set to zero with a new syringe; of a pump that tells no more it is the only sign.
            self.opened = self.opened or self._has_run
        self.check.occlusion(sample.at_s, shown=bool(shown & _OCCLUSIONS))
        self.check.add(piece, connected=context.connected)
        self._portion(self._given.most_mg - before)
        if piece.bolus and order is not None and context.connected:
            self._add_bolus(piece, runs=sample.state is InfusionState.BOLUS)

    def _add_bolus(self, piece: Piece, *, runs: bool) -> None:
        # Without a counter what the rate proves is all that is known.
        volume_ml = piece.low_ml if piece.growth is None else piece.counted_ml
        if piece.seconds > BOLUS_TOLD_WITHIN_S:
            # No bolus takes so long: what the counter grew by is of the infusion too, and counts in its total.
            volume_ml = _ZERO
        goes_on = self.bolus is not None and self.bolus.runs
        bolus = self.bolus if goes_on and self.bolus is not None else Bolus(_ZERO, piece.step_ml, piece.at_s, runs=True)
        self.bolus = bolus.plus(volume_ml, piece.at_s, runs=runs)

    def _is_unproved_yet(self, sample: Sample) -> bool:
        """Tell whether a pump has not yet told who it is, after a restart of the edge: for a while it may still."""
        last = self.delivery.last
        if not self.delivery.interrupted or last is None or not last.serial_number or sample.serial_number:
            return False
        if self.awaited_from_s is None:
            self.awaited_from_s = sample.at_s
        return sample.at_s < self.awaited_from_s + GAP_S

    def told_bolus(self, at_s: float, volume_ml: Decimal | None) -> None:
        """Take up a bolus that the pump tells of: the one that was seen to run, or one that no sample showed."""
        if self.drug:
            told = Bolus(volume_ml or _ZERO, _ZERO, at_s, runs=False)
            seen = self.bolus
            is_same = seen is not None and (seen.runs or at_s < seen.until_s + BOLUS_TOLD_WITHIN_S)
            self.bolus = max(seen, told, key=lambda one: one.volume_ml) if is_same and seen is not None else told
        before, left = self._given.most_mg, self.account.given
        self.account.bolus(volume_ml)
        self._through_line(left)
        self.check.explain(at_s)
        self._portion(self._given.most_mg - before)

    def begin(self, session: str) -> None:
        """Begin a session: nothing of the one before is in it."""
        self.session, self.account, self.drug, self.earlier = session, Account(), "", ()
        self.before_mg, self.stood_from_s, self.changing = _ZERO, None, False
        self.opened, self.left_ml, self.new_syringe = False, None, False
        self.changed_from, self.unordered = None, False
        self.bolus = self.line = self.flush = None

    def given_of(self, drug: str) -> Given:
        """Return what it gave of a drug in this session: what it counted, through its line."""
        return self._with_earlier(self._given, drug)

    def counted_of(self, drug: str) -> Given:
        """Return what of a drug left the pump in this session, as it counted it, and what a flush brought."""
        left = self.account.given
        return self._with_earlier(left if self.line is None else left.plus(self.line.carried), drug)

    @property
    def _given(self) -> Given:
        left = self.account.given
        return left if self.line is None else self.line.arrived(left)

    def _with_earlier(self, given: Given, drug: str) -> Given:
        total = given if self.drug == drug else NOTHING_GIVEN
        for one in self.earlier:
            total = total.plus(one.given) if one.drug == drug else total
        return total

    def before_of(self, drug: str) -> Decimal:
        """Return what orders said was given of a drug before, in mg."""
        known = ((self.drug, self.before_mg), *((one.drug, one.before_mg) for one in self.earlier))
        return sum((dose_mg for name, dose_mg in known if name == drug), _ZERO)

    def settle(self, dose_mg: Decimal, seen: Given) -> Given:
        """Take up that it had given so much of its drug, without what was given before, when it was ``seen``."""
        before_mg = self._given.most_mg
        given = self.counted_of(self.drug).settled(dose_mg, seen)
        self.before_mg = self.before_of(self.drug)
        earlier_mg = sum((one.given.most_mg for one in self.earlier if one.drug == self.drug), _ZERO)
        self.earlier = tuple(one for one in self.earlier if one.drug != self.drug)
        self.account.settle(given)
        if self.line is not None:
            self.line = replace(self.line, carried=NOTHING_GIVEN)  # it is in what was said
        self._portion(self._given.most_mg - before_mg - earlier_mg)
        self.kept_state = None  # it is kept at once
        return given

    def _turn_to(self, drug: str) -> None:
        if self.drug and drug != self.drug:
            mine = DrugGiven(self.drug, self.given_of(self.drug), self.before_of(self.drug))
            self.earlier = (*(one for one in self.earlier if one.drug != self.drug), mine)
            self.account, self.before_mg = Account(), _ZERO
            self.line = None if self.line is None else Line(self.line.dead_ml)  # it holds the other drug
        self.drug = drug

    def given_before(self, drug: str, dose_mg: Decimal) -> None:
        """Take up what the order says was given of its drug before the edge began to count."""
        self._turn_to(drug)
        if dose_mg > self.before_mg:
            self._portion(dose_mg - self.before_mg)
            self.before_mg = dose_mg

    def _portion(self, dose_mg: Decimal) -> None:
        if dose_mg and self.drug:
            self.portions.append(Portion(self.case, self.drug, dose_mg))

    def _watch_standing(self, sample: Sample, shown: frozenset[DeviceAlarmKind]) -> None:
        last, left_ml = self.delivery.last, sample.remaining_ml
        refilled = self.left_ml is not None and left_ml is not None and left_ml >= self.left_ml + REFILL_MIN_ML
        if sample.state in _RUNS:
            self._watch_running(sample, refilled=refilled)
            self.stood_from_s, self.changing = None, False
            return
        # A purge or an open vein is no infusion; a state that is not known neither begins a pause nor ends one.
        ceased = sample.state is not InfusionState.UNKNOWN
        if ceased and self.stood_from_s is None and last is not None and (last.state in _RUNS or self._has_run):
            self.stood_from_s = sample.at_s
        if sample.state not in _STANDS:
            return
        if self._has_run:
            unseen = left_ml is None and bool(shown & _EMPTIED)
            self.opened = self.opened or refilled or unseen or bool(shown & _OPENED)
        else:
            self.left_ml = left_ml
        if self.stood_from_s is not None:
            self.changing = self.changing or refilled or bool(shown & _CHANGES)

    def _watch_running(self, sample: Sample, *, refilled: bool) -> None:
        """Note that it runs with another syringe. While it runs none is changed: more left is another volume set."""
        last, delivery = self.delivery.last, self.delivery
        away = delivery.broken or delivery.interrupted or (last is not None and sample.at_s > last.at_s + GAP_S)
        if self.opened or (refilled and away and self._has_run):
            self.new_syringe, self.changed_from = True, self.changed_from or self.account.given
        self.opened, self.left_ml = False, sample.remaining_ml

    def _compare_syringes(self, order: Order | None) -> None:
        """Reckon with a stronger drug in a changed syringe, once an order says that it is one: since it was changed."""
        since, had = self.changed_from, self.account.concentration_mg_per_ml
        if since is None or self.new_syringe or order is None or order.syringe_changed is not None:
            return
        if had is not None and order.concentration_mg_per_ml > had:
            most_mg = max(_ZERO, self.account.given.high_mg - since.high_mg)
            self.account.unseen((most_mg * (order.concentration_mg_per_ml - had) / had).quantize(MG_STEP))
        self.changed_from = None

    @property
    def _has_run(self) -> bool:
        """Whether it has run in this session: what was put in before that is what the order was confirmed for."""
        return self.account.infusing_s > 0

    # --- its line -----------------------------------------------------------------------------------------------------

    def connect(self, dead_ml: Decimal, drug: Known) -> None:
        """Take up the line as it is connected now: its dead volume, and whether the drug stands in it."""
        self._set_line((self.line or Line(dead_ml)).filled_with(dead_ml, drug))

    def take_off(self) -> None:
        """Take up that the line is off the patient."""
        if self.line is not None:
            self._set_line(self.line.taken_off())

    def stir(self) -> None:
        """Take up that something else may push out what stands in the line."""
        if self.line is not None:
            self._set_line(self.line.stirred())

    def flushed(self, volume_ml: Decimal, concentration_mg_per_ml: Decimal | None) -> Decimal:
        """Take up a flush; return what of the line counts as given by it, in mg."""
        if self.line is None:
            return _ZERO
        line = self.line if concentration_mg_per_ml is None else self.line.counted(_ZERO, concentration_mg_per_ml)
        before_mg = self.line.carried.most_mg
        self._set_line(line.flushed(volume_ml))
        return self.line.carried.most_mg - before_mg

    def _set_line(self, line: Line) -> None:
        before_mg = self._given.most_mg
        if self.line is None:
            line = line.shown(self._given)
        self.line = line.shown(line.arrived(self.account.given))
        self._portion(self._given.most_mg - before_mg)
        self.kept_state = None  # it is kept at once

    def _flushes(self, piece: Piece) -> bool:
        """Tell whether a piece is of a flush. The one that is longer than what is left of it counts as drug."""
        flush = self.flush
        if flush is None:
            return False
        flush = flush.after(piece.counted_ml, piece.most_ml)
        self.flush = None if flush.left_ml < 0 or piece.at_s >= flush.until.mono_s else flush
        return self.flush is not None

    def _through_line(self, before: Given, piece: Piece | None = None, *, connected: bool = True) -> None:
        """Let what left the pump since go into its line."""
        concentration = self.account.concentration_mg_per_ml
        if self.line is None or concentration is None:
            return
        if piece is not None and piece.purge and not connected:
            line = self.line.purged(max(piece.counted_ml, piece.left_ml or _ZERO), concentration)
        else:
            line = self.line.counted(self.account.given.high_mg - before.high_mg, concentration)
        self.line = line.shown(line.arrived(self.account.given))

    # --- what is kept -------------------------------------------------------------------------------------------------

    def to_keep(self) -> tuple[Given, bool, bool, tuple[bool, float] | None] | None:
        """Return by what it is told whether to keep it again: what `kept` says of it; ``None``: nothing is counted."""
        last = self.delivery.last
        nothing = self.account.given == NOTHING_GIVEN and not self.before_mg and not self.earlier
        nothing = nothing and self.line is None and not self.unordered
        if last is None or (self.account.concentration_mg_per_ml is None and nothing):
            return None
        return self.account.given, last.state in _STANDS, self.opened, self.bolus_mark

    def kept(self, port: str, channel: str, now: Instant) -> KeptDose | None:
        """Return what is to be kept; ``None`` where nothing is counted."""
        last, counter = self.delivery.last, self.delivery.counter
        if last is None or self.to_keep() is None:
            return None
        return KeptDose(
            at=now,
            port=port,
            channel=channel,
            session=self.session,
            case=self.case,
            drug=self.drug,
            concentration_mg_per_ml=self.account.concentration_mg_per_ml,
            given=self.account.given,
            infusing_s=self.account.infusing_s,
            before_mg=self.before_mg,
            sampled=_moment(last.at_s, now),
            flow_ml_per_h=last.flow.high,
            stands=last.state in _STANDS,
            serial_number=last.serial_number,
            counter=counter.last,
            changed=_moment(counter.changed_at_s, now),
            earlier=self.earlier,
            left_ml=self.left_ml,
            opened=self.opened,
            changing=self.changing,
            stood=None if self.stood_from_s is None else _moment(self.stood_from_s, now),
            changed_from=self.changed_from,
            unordered=self.unordered,
            line=self.line,
            flush=self.flush,
            bolus=None if self.bolus is None else _kept_bolus(self.bolus, now),
        )

    @property
    def bolus_mark(self) -> tuple[bool, float] | None:
        """What of a bolus is to be kept at once: that it began, that it ended, that another was told of."""
        bolus = self.bolus
        return None if bolus is None else (bolus.runs, 0.0 if bolus.runs else bolus.until_s)


def _kept_bolus(bolus: Bolus, now: Instant) -> KeptBolus:
    return KeptBolus(bolus.volume_ml, bolus.step_ml, _moment(bolus.until_s, now), bolus.runs)


def _moment(at_s: float, now: Instant) -> Instant:
    return Instant(at_s, now.wall_s - (now.mono_s - at_s), now.synchronised)
