"""What the edge says of itself: heartbeat, self-check, and the roster of beds and devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edge.core.config import CoreConfig
from edge.core.effects import DeviceView, Roster, SelfCheck
from edge.core.model import Alarm, Instant, Priority
from edge.core.sources import PortState, SourceState


def devices(
    config: CoreConfig, ports: Mapping[str, PortState], sources: Mapping[tuple[str, str], SourceState]
) -> tuple[DeviceView, ...]:
    """Return every line with its link, its counts, and who answers on it."""
    identities: dict[str, list[tuple[str, str, str, str]]] = {port.port: [] for port in config.ports}
    for source in sources.values():
        known = source.identity
        if known.told is not None or known.known:
            model = known.told.model if known.told is not None else ""
            identities[source.port].append((source.channel, known.serial_number, model, known.state.value))
    return tuple(
        DeviceView(
            port=port.port,
            driver=port.driver,
            experimental=port.experimental,
            link=ports[port.port].word,
            detail=ports[port.port].detail,
            accepted=ports[port.port].accepted,
            rejected=ports[port.port].rejected,
            identities=tuple(sorted(identities[port.port])),
        )
        for port in config.ports
    )


def roster(config: CoreConfig, views: tuple[DeviceView, ...]) -> Roster:
    """Return the beds with their bindings, and the devices."""
    return Roster(tuple((bed.bed, bed.label, tuple(_bindings(config, bed.bed))) for bed in config.beds), views)


def _bindings(config: CoreConfig, name: str) -> Iterator[tuple[str, str, str]]:
    for bed in config.beds:
        if bed.bed == name:
            yield from ((binding.port, binding.channel, "pump") for binding in bed.pumps)
            yield from ((binding.port, binding.channel, "monitor") for binding in bed.monitors)


def self_check(
    count: int, at: Instant, views: tuple[DeviceView, ...], alarms: tuple[Alarm, ...], store: str
) -> SelfCheck:
    """Return the alarm system's own pulse; the counts are of high, medium and low alarms."""
    priorities = [alarm.priority for alarm in alarms]
    high, medium, low = (priorities.count(each) for each in (Priority.HIGH, Priority.MEDIUM, Priority.LOW))
    return SelfCheck(count, at, views, (high, medium, low), store)
