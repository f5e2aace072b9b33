"""Another configuration between two steps: may it be taken, and what becomes of what the core remembers.

Laws:
  * It is taken whole, or not at all; not before the store was read, which knows the patients.
  * A bed with a patient, an order or flowing drug, or at which an alarm stands, loses nothing by it: neither itself,
    nor a channel, nor a limit. What watches it more strictly counts at once.
  * What stays goes on as it was: alarms with their occurrences, delays, pauses, doses, and who answers.
  * A channel that is bound anew must say who it is, as at a start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from edge.core.alarms import Register
from edge.core.config import BedConfig, Binding, CoreConfig
from edge.core.identity import identity_of
from edge.core.ledger import AlarmState
from edge.core.model import AlarmKey, Audience, Instant
from edge.core.restore_therapy import place_therapy
from edge.core.sources import PortState, SourceState
from edge.core.state import EDGE, CoreState, Ward
from edge.core.therapy_state import DOSE, STEPS, THERAPY
from edge.core.view import BedState, BedView

_Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that another configuration changes, in words.

    ``laxer``: by it something is watched less, or otherwise. It concerns ``beds``, and of them those with an order of
    ``drug``; where these are empty, all.
    """

    text: str
    laxer: bool = False
    beds: frozenset[str] = frozenset()
    drug: str = ""


def refusals(ward: Ward, register: Register, config: CoreConfig, changes: Iterable[Change]) -> Iterator[str]:
    """Give every reason why a configuration may not be taken now."""
    if ward.state.disks.unread:
        yield "the store cannot be read: at which beds patients are is not known"
    state = ward.state.alarms
    alarms = {alarm.key: alarm for alarm in (*state.published.values(), *register.alarms())}
    kept = {bed: why for bed, view in ward.views.items() if (why := _why_kept(view, alarms))}
    staying = {bed.bed for bed in config.beds}
    for bed, why in kept.items():
        if bed not in staying:
            yield f"{ward.views[bed].config.label} cannot be removed while {why}"
    ports = {port.port for port in config.ports}
    for key, alarm in alarms.items():
        if key.bed == EDGE and key.port and key.port not in ports and alarm.audience is Audience.NURSE:
            yield f"line {key.port} cannot be removed while an alarm of it stands ({key.name})"
    for change in changes:
        concerned = [bed for bed in kept if change.laxer and _concerns(change, ward.views[bed])]
        if concerned:
            where = "; ".join(f"{kept[bed]} at {ward.views[bed].config.label}" for bed in concerned)
            yield f"{change.text}: not while {where}"


def apply(ward: Ward, config: CoreConfig, now: Instant) -> Ward:
    """Make the state that of another configuration, and return the ward over it; the next step judges every bed."""
    state = ward.state
    before, after = _bindings(view.config for view in ward.views.values()), _bindings(config.beds)
    rebound = {where for where in {*before, *after} if before.get(where) != after.get(where)}
    for where in rebound & before.keys():
        _unbind(ward, before[where][0], where)
    _change_ports(state, ward, config)
    for where in rebound & after.keys():
        binding = after[where][1]
        state.sources[where] = SourceState(*where, identity=identity_of(binding))
        if binding.serial_number:
            ward.saw(binding.serial_number, where)
    _change_beds(ward, config, now)
    _forget_conditions(state.alarms, _bands(ward.core), _bands(config))
    fresh = Ward(config, state)
    fresh.notes, fresh.kept = ward.notes, ward.kept
    for bed in state.beds.values():
        bed.limits = bed.therapy_shown = bed.shown_at_s = None
        bed.dirty = True
    fresh.touched = {EDGE, *fresh.views}
    state.roster_changed = True
    return fresh


def _why_kept(view: BedView, alarms: Iterable[AlarmKey]) -> str:
    """Say why nothing may be taken from a bed, empty if it may."""
    therapy = view.state.therapy
    if therapy.patient is not None:
        return "a patient is there"
    if therapy.orders or therapy.awaiting:
        return "an order is there"
    if view.active():
        return "drug flows there"
    names = sorted(key.name for key in alarms if key.bed == view.config.bed)
    return f"an alarm stands there ({', '.join(names)})" if names else ""


def _concerns(change: Change, view: BedView) -> bool:
    if change.beds and view.config.bed not in change.beds:
        return False
    therapy = view.state.therapy
    drugs = {order.drug for order in (*therapy.orders, *(one.order for one in therapy.awaiting))}
    return not change.drug or change.drug in drugs


def _bindings(beds: Iterable[BedConfig]) -> dict[_Place, tuple[str, Binding]]:
    return {
        (binding.port, binding.channel): (bed.bed, binding) for bed in beds for binding in (*bed.pumps, *bed.monitors)
    }


def _unbind(ward: Ward, bed: str, where: _Place) -> None:
    """Forget what was of a channel at a bed where nobody is."""
    state, name = ward.state, ".".join(where)
    state.sources.pop(where, None)
    for serial_number in [serial for serial, place in state.seen_at.items() if place == where]:
        del state.seen_at[serial_number]
    for parts, kind in ((state.beds[bed].steps, STEPS), (state.beds[bed].doses, DOSE)):
        if parts.pop(where, None) is not None:
            ward.kept[bed, f"{kind}:{name}"] = None


def _change_ports(state: CoreState, ward: Ward, config: CoreConfig) -> None:
    drivers = {port.port: port.driver for port in ward.core.ports}
    for name in state.ports.keys() - {port.port for port in config.ports}:
        del state.ports[name]
        for where in [where for where in state.sources if where[0] == name]:
            del state.sources[where]
    for port in config.ports:
        if drivers.get(port.port) != port.driver:
            state.ports[port.port] = PortState(port.round_s)


def _change_beds(ward: Ward, config: CoreConfig, now: Instant) -> None:
    state, staying = ward.state, {bed.bed for bed in config.beds}
    for bed in state.beds.keys() - staying:
        del state.beds[bed]
        state.alarms.conditions.pop(bed, None)
        for name in [name for name in state.alarms.pauses if name[0] == bed]:
            del state.alarms.pauses[name]
            state.alarms.pauses_shown.pop(name, None)
        for key in [key for key in state.alarms.inhibited if key.bed == bed]:
            del state.alarms.inhibited[key]
        ward.kept[bed, THERAPY] = None
    for bed in sorted(staying - state.beds.keys()):
        state.beds[bed] = BedState()
        if bed in state.unplaced:
            place_therapy(state, config, bed, state.unplaced.pop(bed).therapy, now)


_Bands = Mapping[str, frozenset[tuple[str, ...]]]


def _bands(config: CoreConfig) -> _Bands:
    """Return which bands each condition can have."""
    limits = list(config.vital_limits)
    for drug in config.drugs:
        fixed = (drug.dose_rate_high, drug.first_limit, drug.step_limit, drug.mass_rate_limit)
        limits += [limit for limit in fixed if limit is not None]
    found: dict[str, set[tuple[str, ...]]] = {}
    for limit in limits:
        found.setdefault(limit.condition, set()).add(tuple(band.name for band in limit.bands))
    return {condition: frozenset(names) for condition, names in found.items()}


def _forget_conditions(state: AlarmState, before: _Bands, after: _Bands) -> None:
    """Let conditions begin anew whose bands are others: their timers are by band. One that is present is taken up."""
    other = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    for scope in state.conditions.values():
        for key in [key for key in scope if key.condition in other]:
            del scope[key]
