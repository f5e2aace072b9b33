"""What one configuration changes in another, in words: what needs a restart, and what makes something laxer.

Whatever is not clearly stricter counts as laxer: who is watched loses nothing by an oversight here (H-34).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace

from edge.config import Configuration
from edge.config_ports import PortRuntime
from edge.core.config import BandLimit, BedConfig, Binding, CoreConfig, LimitConfig, StationConfig
from edge.core.model import Side
from edge.core.reconfigure import Change
from edge.library_facts import differences

STRICTER = "stricter"


def need_restart(before: Configuration, after: Configuration) -> tuple[str, ...]:
    """Name what of the configuration is another and can only be taken by a start."""
    parts = {
        "mode": (before.mode, after.mode),
        "site": (before.core.site, after.core.site),
        "edge": (before.core.edge, after.core.edge),
        "[broker]": (before.broker, after.broker),
        "[store]": (before.store_path, after.store_path),
        "[annunciator]": (before.annunciator, after.annunciator),
        "[[demo_order]]": (before.orders, after.orders),
    }
    return tuple(name for name, (was, now) in parts.items() if was != now)


def changes_at_start(before: Configuration, after: Configuration) -> tuple[Change, ...]:
    """Give everything that a start by another configuration changes; what a start alone takes counts as laxer."""
    parts = need_restart(before, after)
    return (*(Change(f"{part} is another", laxer=True) for part in parts), *changes(before, after))


def changes(before: Configuration, after: Configuration) -> tuple[Change, ...]:
    """Give everything that another configuration changes and that can be taken while the service runs."""
    was, now = before.core, after.core
    return (
        *_beds(was, now),
        *_ports(before.ports, after.ports, was),
        *_limits(was, now),
        *_drugs(was, now),
        *_stations(was.stations, now.stations),
    )


def _beds(was: CoreConfig, now: CoreConfig) -> Iterator[Change]:
    before, after = ({bed.bed: bed for bed in config.beds} for config in (was, now))
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            yield Change(f"bed {name} is removed", laxer=True, beds=frozenset({name}))
        elif name not in before:
            yield Change(f"bed {name} is added")
        else:
            yield from _bed(before[name], after[name])


def _bed(was: BedConfig, now: BedConfig) -> Iterator[Change]:
    here = frozenset({was.bed})
    if was.label != now.label:
        yield Change(f'bed {was.bed}: label "{was.label}" -> "{now.label}"')
    for quantity in dict.fromkeys([*was.vital_signs, *now.vital_signs]):
        if quantity not in now.vital_signs:
            yield Change(f"bed {was.bed}: {quantity.value} is no longer watched", laxer=True, beds=here)
        elif quantity not in was.vital_signs:
            yield Change(f"bed {was.bed}: {quantity.value} is watched")
    if was.cuff_interval_s != now.cuff_interval_s:
        text = f"bed {was.bed}: cuff interval {was.cuff_interval_s:g} s -> {now.cuff_interval_s:g} s"
        yield Change(text, laxer=now.cuff_interval_s > was.cuff_interval_s, beds=here)
    for role, before, after in (("pump", was.pumps, now.pumps), ("monitor", was.monitors, now.monitors)):
        yield from _bindings(f"bed {was.bed}: {role}", before, after, here)


def _bindings(what: str, before: Sequence[Binding], after: Sequence[Binding], here: frozenset[str]) -> Iterator[Change]:
    was, now = ({(one.port, one.channel): one for one in bindings} for bindings in (before, after))
    for place in dict.fromkeys([*was, *now]):
        name = ".".join(place)
        if place not in now:
            yield Change(f"{what} {name} is removed", laxer=True, beds=here)
        elif place not in was:
            yield Change(f"{what} {name} is added")
        elif was[place] != now[place]:
            yield Change(f"{what} {name}: another serial number or identity", laxer=True, beds=here)


def _ports(before: Sequence[PortRuntime], after: Sequence[PortRuntime], config: CoreConfig) -> Iterator[Change]:
    was, now = ({port.port: port for port in ports} for ports in (before, after))
    for name in dict.fromkeys([*was, *now]):
        if name not in now:
            yield Change(f"line {name} is removed")
        elif name not in was:
            yield Change(f"line {name} is added ({now[name].driver.name} at {now[name].address})")
        elif _settings(was[name]) != _settings(now[name]):
            text = f"line {name}: {_shown(was[name])} -> {_shown(now[name])}"
            # The same device at another socket is watched as before; a driver reads it otherwise.
            other = was[name].driver.name != now[name].driver.name
            yield Change(text, laxer=other, beds=_beds_of(name, config) if other else frozenset())


def _settings(port: PortRuntime) -> tuple[object, ...]:
    return port.address, port.driver.name, port.line, port.poll_interval_s


def _shown(port: PortRuntime) -> str:
    return f"{port.driver.name} at {port.address}, {port.line.baud} baud, every {port.poll_interval_s:g} s"


def _beds_of(port: str, config: CoreConfig) -> frozenset[str]:
    return frozenset(bed.bed for bed in config.beds if any(one.port == port for one in (*bed.pumps, *bed.monitors)))


def _limits(was: CoreConfig, now: CoreConfig) -> Iterator[Change]:
    before, after = ({limit.condition: limit for limit in config.vital_limits} for config in (was, now))
    for name in dict.fromkeys([*before, *after]):
        if name not in after or name not in before:
            gone = name not in after
            yield Change(f"limit {name} is {'gone' if gone else 'new'}", laxer=gone)
        elif before[name] != after[name]:
            yield from _limit(before[name], after[name])


def _limit(was: LimitConfig, now: LimitConfig) -> Iterator[Change]:
    before, after = ({band.name: band for band in limit.bands} for limit in (was, now))
    for name in dict.fromkeys([*before, *after]):
        what = f"limit {was.condition} {name}"
        if name not in after:
            yield Change(f"{what} is gone", laxer=True)
        elif name not in before:
            yield Change(f"{what} is new: {_band(after[name], now.unit)}")
        elif before[name] != after[name]:
            text = f"{what}: {_band(before[name], was.unit)} -> {_band(after[name], now.unit)}"
            yield Change(text, laxer=not _is_stricter(before[name], after[name], was.side))
    for field in fields(LimitConfig):
        had, has = getattr(was, field.name), getattr(now, field.name)
        if field.init and field.name not in ("bands", "origin") and had != has:
            yield Change(f"limit {was.condition} {field.name}: {had} -> {has}", laxer=True)


def _band(band: BandLimit, unit: str) -> str:
    adjust = "" if band.adjust_from is None else f", to be set from {band.adjust_from} to {band.adjust_to}"
    return f"{band.value} {unit} after {band.delay_s:g} s, {band.priority.name.lower()}{adjust}"


def _is_stricter(was: BandLimit, now: BandLimit, side: Side) -> bool:
    """Tell whether a band is stricter in all that it says, or as strict."""
    tighter = now.value <= was.value if side is Side.HIGH else now.value >= was.value
    same_bounds = (was.adjust_from, was.adjust_to) == (now.adjust_from, now.adjust_to)
    return tighter and now.delay_s <= was.delay_s and now.priority >= was.priority and same_bounds


def _drugs(was: CoreConfig, now: CoreConfig) -> Iterator[Change]:
    before, after = ({drug.drug: drug for drug in config.drugs} for config in (was, now))
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            yield Change(f"drug {name} is gone", laxer=True, drug=name)
        elif name not in before:
            yield Change(f"drug {name} is new")
        else:
            rows = differences(before[name], after[name])
            if not rows and replace(before[name], entry=after[name].entry) != after[name]:
                rows = [("changed", "in what has no words here")]
            for verdict, text in rows:
                yield Change(f"drug {name}, {verdict}: {text}", laxer=verdict != STRICTER, drug=name)


def _stations(before: Iterable[StationConfig], after: Iterable[StationConfig]) -> Iterator[Change]:
    was, now = ({one.station: one for one in stations} for stations in (before, after))
    for name in dict.fromkeys([*was, *now]):
        had, has = was.get(name), now.get(name)
        if had != has:
            required = had is not None and had.required and not (has is not None and has.required)
            yield Change(f"station {name}: {_station(had)} -> {_station(has)}", laxer=required)


def _station(one: StationConfig | None) -> str:
    return "none" if one is None else f"{one.role.name.lower()}{', required' * one.required}"
