"""Two beds with a pump on a line of its own each, for the tests of who answers; readers of what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal

from drivers.model import DeviceKind, InfusionState, NibpTime, Observation
from edge.core.config import Binding, CoreConfig, IdentityPolicy, PortConfig
from edge.core.effects import ChannelView, Journal, Step
from edge.core.inputs import BrokerLink, ConfirmDevice, Input, LinkCause, LinkChange, Request
from edge.core.model import Alarm
from tests.core_world import (
    BED,
    CONFIG,
    OTHER_BED,
    OTHER_MONITOR,
    START_S,
    World,
    asked,
    is_called,
    monitor,
    order,
    place,
    pump,
)

S = InfusionState
ONE, TWO = ("pump-1", "11"), ("pump-2", "11")
CHANGED, UNCONFIRMED = "DEVICE_IDENTITY_CHANGED", "IDENTITY_UNCONFIRMED"
CONNECTED = BrokerLink(START_S, connected=True, detail="connected")
ORDERS = (place(START_S, order(ONE)), place(START_S, order(TWO, weight="50", step="1.6"), OTHER_BED))


def ward(*named: str, identity: IdentityPolicy = IdentityPolicy.CONFIRM) -> CoreConfig:
    """Two beds, each with a pump on a line of its own."""
    lines = [PortConfig(port, "bbraun-space", DeviceKind.PUMP, NibpTime.NOT_MEASURED, 1.0) for port, _ in (ONE, TWO)]
    serials = named or ("", "")
    beds = [
        replace(bed, pumps=(Binding(*where, serial, identity),))
        for bed, where, serial in zip(CONFIG.beds, (ONE, TWO), serials, strict=True)
    ]
    return replace(CONFIG, ports=(*lines, *CONFIG.ports[1:]), beds=tuple(beds))


def up(where: tuple[str, str], at_s: float, cause: LinkCause = LinkCause.OPENED) -> LinkChange:
    return LinkChange(where[0], at_s, True, cause, "", 1.0)


def down(where: tuple[str, str], at_s: float) -> LinkChange:
    return LinkChange(where[0], at_s, False, LinkCause.LOST, "unplugged", 1.0)


def monitors(at_s: float) -> tuple[Observation, ...]:
    return monitor(at_s), monitor(at_s, OTHER_MONITOR)


def talk(
    rate: str = "7", state: InfusionState = S.INFUSING, where: tuple[str, str] = ONE
) -> Callable[[float], tuple[Observation, ...]]:
    """What a pump on one line and both monitors say each second."""
    return lambda at_s: (pump(at_s, rate, state, where), *monitors(at_s))


def of_bed(world: World, condition: str, bed: str) -> list[tuple[float, str, str]]:
    """What was told of a condition at a bed, but not that nobody accepted it."""
    return world.told(condition, bed, levels=False)


def alarm_of(world: World, condition: str, bed: str = BED) -> Alarm:
    alarm = world.alarm(condition, bed)
    assert alarm is not None
    return alarm


def channels(world: World, bed: str) -> list[ChannelView]:
    return [channel for shown in world.snapshots if shown.bed == bed for channel in shown.channels]


def numbers(shown: Iterable[ChannelView]) -> set[Decimal]:
    return {metric.value for channel in shown for metric in channel.metrics if metric.value is not None}


def states(world: World) -> dict[str, str]:
    """The state of each line's identity as the roster tells it."""
    return {device.port: row[3] for device in world.rosters[-1][1].devices for row in device.identities}


def journal(step: Step) -> list[tuple[str, dict[str, str]]]:
    """What a step writes of the acts and words that came in."""
    rows = [effect for effect in step.effects if isinstance(effect, Journal)]
    return [(row.kind, dict(row.body)) for row in rows if row.kind != "alarm"]


def confirm(at_s: float, serial: str, where: tuple[str, str] = ONE, bed: str = BED) -> Request:
    return asked(at_s, ConfirmDevice(bed, *where, serial), f"confirm-{at_s:g}")


def at_bed_1(world: World, state: InfusionState, *first: Input) -> None:
    """Pump A runs or stands at bed 1 for ten seconds."""
    world.step(START_S, CONNECTED, *first, is_called(START_S, "A", ONE), pump(START_S, "7", state, ONE))
    world.run(START_S + 10, talk(state=state))
