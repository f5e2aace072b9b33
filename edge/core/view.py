"""What is true of one bed now: the one place where rules look things up.

A bed is *active* from baseline to recovery, while it has an order, or while one of its channels was last seen infusing;
only then is absence an alarm (law 3). Values that are there are judged against the limits at any bed: nothing is ever
unarmed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from drivers.model import Quantity, Validity
from edge.core.channel_dose import ChannelDose
from edge.core.climb import Climbs
from edge.core.composed import ComposedLimits, compose
from edge.core.config import BedConfig, Binding, CoreConfig
from edge.core.dose import dose_rate
from edge.core.effects import PauseView, TherapyView
from edge.core.model import AlarmKey
from edge.core.sources import CUFF, PortState, SourceState
from edge.core.steps import DrugTime, Steps
from edge.core.therapy import Order, TherapyPhase
from edge.core.therapy_state import UNTREATED, KeptSteps, TherapyState, TypedVital
from edge.core.totals import DayDose
from edge.core.usual import Usual
from edge.core.validate import CANON, Value

_CUFF = frozenset(CUFF)
CUFF_GRACE_S = 180.0
"""A cuff pressure counts for its interval and this much more (design, section 7)."""


TYPED = "typed"
"""The source of what a nurse typed."""

TYPED_VALID_S = 15 * 60.0 + 180.0
"""It counts from one observation round of the first hour to the next, and as long as a cuff pressure is overdue."""

DEAF_MAX_S = 20.0
"""No more silence than this is put down to the edge itself: one that is late again and again must still find it out."""


@dataclass(slots=True)
class BedState:
    """What a bed remembers. ``active_since_s`` starts the clocks of what is expected of an active bed.

    ``orders`` are those of ``therapy`` by channel; ``drug_times`` tells for how long each drug was infused. ``limits``
    are those that hold for it, ``None`` until they are asked for. ``kept_mark`` is the step whose commit the therapy
    waits for before it is shown (law 7), or waited for; ``kept_at_s`` when it was last written; ``durable``: the store
    has it. ``view`` is what was shown of it.
    """

    therapy: TherapyState = UNTREATED
    orders: dict[tuple[str, str], Order] = field(default_factory=dict)
    steps: dict[tuple[str, str], Steps] = field(default_factory=dict)
    drug_times: dict[str, DrugTime] = field(default_factory=dict)
    doses: dict[tuple[str, str], ChannelDose] = field(default_factory=dict)
    limits: ComposedLimits | None = None
    climbs: Climbs = field(default_factory=Climbs)
    usual: Usual = field(default_factory=Usual)
    keeping: bool = False
    kept_mark: int = 0
    kept_at_s: float | None = None
    durable: bool = True
    active_since_s: float | None = None
    shown_at_s: float | None = None
    dirty: bool = True
    news: bool = True
    therapy_shown: tuple[TherapyState, bool, frozenset[str], tuple[PauseView, ...]] | None = None
    view: TherapyView | None = None

    def treat(self, therapy: TherapyState) -> None:
        """Put a therapy in force. Its limits are made anew where it changed what they are made of."""
        if self.is_another_treatment(therapy):
            self.steps, self.drug_times = {}, {}
            self.climbs, self.usual = Climbs(), Usual()  # the next patient inherits nothing (H-09)
        if self.limits is not None and _ingredients(therapy) != _ingredients(self.therapy):
            self.limits = None
        self.therapy = therapy
        self.orders = {(order.port, order.channel): order for order in therapy.orders}

    def drug_time(self, drug: str) -> DrugTime:
        """Return the time of a drug, which begins with nothing."""
        time = self.drug_times.get(drug)
        if time is None:
            time = self.drug_times[drug] = DrugTime(drug)
        return time

    def is_another_treatment(self, therapy: TherapyState) -> bool:
        """Tell whether a therapy is of another patient, or of another treatment, than the one in force (H-09)."""
        had, has = self.therapy.patient, therapy.patient
        return had is not None and (has is None or (had.case, had.started) != (has.case, has.started))


def _typed(vital: TypedVital, now_s: float) -> Value:
    at_s, unit, by = vital.at.mono_s, CANON[vital.quantity].unit, f"typed by {vital.by}"
    value = Value(vital.quantity, vital.value, unit, Decimal(1), Validity.VALID, at_s, at_s, TYPED, origin=by)
    return value.aged(now_s, TYPED_VALID_S)


def kept_steps(state: BedState, place: tuple[str, str]) -> KeptSteps:
    """Return what is to be kept of the steps of a channel, and of its bed's drugs."""
    steps, drugs = state.steps[place], tuple(DrugTime(one.drug, one.infusing_s) for one in state.drug_times.values())
    return KeptSteps(*place, steps.infusing_s, tuple(steps.held), steps.basis, drugs)


def _ingredients(therapy: TherapyState) -> tuple[object, ...]:
    return therapy.orders, therapy.patient, therapy.baseline, therapy.adjusted


@dataclass(slots=True)
class Listening:
    """How long this edge itself did not step, in all: silence is not the device's where nobody listened (law 5)."""

    deaf_s: float = 0.0
    stepped_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class BedView:
    """One bed over its configuration, its state, and the sources, ports and days of the whole edge."""

    config: BedConfig
    core: CoreConfig
    state: BedState
    ports: Mapping[str, PortState]
    sources: Mapping[tuple[str, str], SourceState]
    started_at_s: float
    listening: Listening
    days: Mapping[str, DayDose] = field(default_factory=dict)
    _keys: dict[tuple[str, str, str], AlarmKey] = field(default_factory=dict, compare=False, repr=False)

    def key(self, condition: str, binding: Binding | None = None) -> AlarmKey:
        """Return the key of a condition of this bed, or of one of its channels; each is made once."""
        port, channel = ("", "") if binding is None else (binding.port, binding.channel)
        key = self._keys.get((condition, port, channel))
        if key is None:
            key = self._keys[condition, port, channel] = AlarmKey(self.config.bed, condition, port, channel)
        return key

    def source(self, binding: Binding) -> SourceState:
        """Return the state of a bound channel."""
        return self.sources[binding.port, binding.channel]

    def bound_to(self, port: str) -> Iterator[Binding]:
        """Give the channels of a line that belong to this bed."""
        yield from (each for each in (*self.config.pumps, *self.config.monitors) if each.port == port)

    def order(self, binding: Binding) -> Order | None:
        """Return the order of a channel."""
        return self.state.orders.get((binding.port, binding.channel))

    def steps(self, binding: Binding) -> Steps:
        """Return the steps of a channel."""
        return self.state.steps.setdefault((binding.port, binding.channel), Steps())

    def drug_time(self, drug: str) -> DrugTime:
        """Return for how long a drug was infused in this treatment, by any channel."""
        return self.state.drug_time(drug)

    def infused_s(self, drug: str) -> float:
        """Return the same in seconds."""
        return self.state.drug_time(drug).infusing_s

    def limits(self) -> ComposedLimits:
        """Return the limits in force: of vital signs, and of each channel that has an order."""
        if self.state.limits is None:
            self.state.limits = compose(self.core, self.state.therapy)
        return self.state.limits

    def infusing(self) -> bool:
        """Tell whether any channel may deliver, as last seen."""
        return any(self.may_run(pump) for pump in self.config.pumps)

    def may_run(self, pump: Binding) -> bool:
        """Tell whether a channel may deliver, as last seen, in the run before where this one has not heard it."""
        source = self.source(pump)
        if source.infusion is None:
            return self.state.therapy.phase is TherapyPhase.INFUSING and self.order(pump) is not None
        return source.infusing

    def active(self) -> bool:
        """Tell whether anything is expected of this bed."""
        therapy = self.state.therapy
        return therapy.watched or bool(therapy.orders) or self.infusing()

    def idle(self) -> bool:
        """Tell whether nothing is expected of this bed, as its pumps say: before one was heard, that is not known."""
        pumps = [self.source(pump) for pump in self.config.pumps]
        return not self.active() and (not pumps or any(source.infusion is not None for source in pumps))

    def silent_from_s(self, binding: Binding) -> float:
        """Return when the channel's silence becomes a lost link."""
        return self.silence_s(self.source(binding))

    def silence_s(self, source: SourceState) -> float:
        """Return the same of a channel that was looked up."""
        heard_at_s = self.started_at_s if source.heard_at_s is None else source.heard_at_s
        deaf_s = self.listening.deaf_s - source.deaf_before_s
        return heard_at_s + self.ports[source.port].link_limit_s + (min(deaf_s, DEAF_MAX_S) if deaf_s else 0.0)

    def link_lost(self, binding: Binding, now_s: float) -> bool | None:
        """Tell whether a channel's link is lost; ``None`` while it has not had its time to speak since the start."""
        source = self.source(binding)
        if source.removed or now_s >= self.silence_s(source):
            return True
        return None if source.heard_at_s is None else False

    def live(self, binding: Binding, now_s: float) -> bool:
        """Tell whether a channel is heard, and says more than the same again."""
        return self.link_lost(binding, now_s) is False and not self.source(binding).frozen

    def monitors_lost(self, now_s: float) -> bool:
        """Tell whether no monitor of the bed can be heard, or none has been since the start."""
        return all(self.link_lost(binding, now_s) is not False for binding in self.config.monitors)

    def cuff_taken_at_s(self) -> float | None:
        """Return when the last cuff pressure was measured; ``None`` if none is there whose time is known."""
        sources = [self.source(binding) for binding in self.config.monitors]
        taken = [source.cuff_at_s for source in sources if source.trusted and source.cuff_dated]
        return max((at_s for at_s in taken if at_s is not None), default=None)

    @property
    def cuff_interval_s(self) -> float:
        """How often the cuff is to measure: as ordered, or as configured for the bed."""
        ordered = [one.cuff_interval_s for one in self.state.therapy.orders if one.cuff_interval_s]
        return min(ordered, default=self.config.cuff_interval_s)

    def vital(self, quantity: Quantity, now_s: float) -> Value | None:
        """Return the present value of a vital sign, aged, from the first monitor that has one to compare."""
        return self.vitals(now_s).get(quantity)

    def vitals(self, now_s: float) -> dict[Quantity, Value]:
        """Return the same of every vital sign that is there: who asks for more than one looks them up in this."""
        found: dict[Quantity, Value] = {}
        cuff_s = self.cuff_interval_s + CUFF_GRACE_S
        for binding in self.config.monitors:
            limit_s = self.ports[binding.port].link_limit_s
            for quantity, value in self.source(binding).present():
                valid_for_s = cuff_s if quantity in _CUFF else limit_s
                # Asked here too, since each sample of each monitor comes by.
                aged = value if now_s < value.taken_at_s + valid_for_s else value.aged(now_s, valid_for_s)
                before = found.get(quantity)
                if before is None or (aged.usable and not before.usable):
                    found[quantity] = aged
        typed: set[Quantity] = set()
        for vital in self.state.therapy.typed:
            before = found.get(vital.quantity)
            if vital.quantity not in typed and (before is None or not before.usable):
                found[vital.quantity] = _typed(vital, now_s)
            typed.add(vital.quantity)
        return found

    def rate(self, binding: Binding, now_s: float) -> Value | None:
        """Return the rate in mL/h that leaves a pump, aged; ``None`` if it tells none."""
        rate = self.source(binding).delivered_rate()
        return None if rate is None else rate.aged(now_s, self.ports[binding.port].link_limit_s)

    def dose(self, binding: Binding, now_s: float) -> Value | None:
        """Return the dose rate in mg/kg/h of a channel; ``None`` without an order or a rate."""
        order, rate = self.order(binding), self.rate(binding, now_s)
        return None if order is None or rate is None else dose_rate(rate, order)

    def passed_through(self, source: SourceState, quantity: Quantity, value: Value) -> Iterator[Value]:
        """Give the extremes that merged samples passed through, then the value itself."""
        passed = source.extremes.get(quantity, ()) if value.value is not None else ()
        yield from (value._replace(value=number) for number in passed if number != value.value)
        yield value
