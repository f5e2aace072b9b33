"""The bed of a replay: a core that hears one line of a recording, and nothing else.

The bed is one of a configuration, or made up for the device. Either way it is reduced to that line: what belongs to
others is left out, so that their silence raises nothing. A broker and a store that always work are made up too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from drivers.model import DeviceKind, Driver
from edge.config import Configuration
from edge.config_ports import port_config
from edge.core.config import BedConfig, Binding, CoreConfig
from edge.core.effects import Event, Journal, Keep, Persist, Publish, Remember
from edge.core.engine import Core
from edge.core.inputs import BrokerLink, Input, PlaceOrder, Request, StoreResult
from edge.core.model import Instant
from edge.core.restore import initial_state

RUN = "replay"
BED = "replay"
PORT = "recorded"
CUFF_INTERVAL_S = 300.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What the core is told: its configuration, the name of the line in it, and the orders."""

    core: CoreConfig
    port: str
    orders: tuple[PlaceOrder, ...] = ()


def made_up(driver: Driver, channels: Sequence[str], round_s: float) -> Scene:
    """Make a bed that has every channel of the device, and neither limits nor orders."""
    bindings = tuple(Binding(PORT, channel) for channel in channels)
    is_pump = driver.kind is DeviceKind.PUMP
    bed = BedConfig(BED, "Replay", bindings if is_pump else (), () if is_pump else bindings, (), CUFF_INTERVAL_S)
    port = port_config(PORT, driver, round_s)
    return Scene(CoreConfig(RUN, RUN, (port,), (bed,), (), ()), PORT)


def configured(configuration: Configuration, port: str) -> Scene:
    """Reduce a configuration to one of its lines; its stations are left out too."""
    core = configuration.core
    beds = tuple(bed for bed in map(lambda bed: _of_line(bed, port), core.beds) if bed.pumps or bed.monitors)  # noqa: C417 - filtered by the result
    ports = tuple(one for one in core.ports if one.port == port)
    orders = tuple(act for act in configuration.orders if act.order.port == port)
    return Scene(replace(core, ports=ports, beds=beds, stations=()), port, orders)


def _of_line(bed: BedConfig, port: str) -> BedConfig:
    pumps = tuple(binding for binding in bed.pumps if binding.port == port)
    monitors = tuple(binding for binding in bed.monitors if binding.port == port)
    return replace(bed, pumps=pumps, monitors=monitors, vital_signs=bed.vital_signs if monitors else ())


class ReplayBed:
    """A core in the time of a recording. Each call gives the events of alarms that it brought, in order."""

    def __init__(self, scene: Scene, wall_s: float) -> None:
        self._wall_s = wall_s
        self._now_s = self._deadline_s = 0.0
        self._core = Core(scene.core, initial_state(scene.core, RUN, self._instant()))
        self._waiting: list[Input] = [BrokerLink(0.0, connected=True, detail=RUN)]
        for number, act in enumerate(scene.orders):
            self._waiting.append(Request(f"{RUN}-order-{number}", "configuration", 0.0, act))

    def advance(self, until_s: float) -> Iterator[Event]:
        """Let the time pass up to this moment, stepping whenever the core wants to."""
        while self._deadline_s < until_s:
            self._now_s = self._deadline_s
            yield from self._step(())

    def hear(self, now_s: float, inputs: Iterable[Input]) -> Iterator[Event]:
        """Take what came in at this moment, which must not lie before the last."""
        yield from self.advance(now_s)
        self._now_s = now_s
        yield from self._step(inputs)

    def _step(self, inputs: Iterable[Input]) -> Iterator[Event]:
        waiting = [*self._waiting, *inputs]
        self._waiting = []
        while True:
            step = self._core.step(self._instant(), waiting)
            self._deadline_s = step.next_deadline_s
            yield from (
                effect.content
                for effect in step.effects
                if isinstance(effect, Publish) and isinstance(effect.content, Event)
            )
            if not any(isinstance(effect, Persist | Keep | Remember | Journal) for effect in step.effects):
                return
            waiting = [StoreResult(self._now_s, step.mark, committed=True)]

    def _instant(self) -> Instant:
        return Instant(self._now_s, self._wall_s + self._now_s, synchronised=True)
