"""Which device of a scenario is at which port, as adapters are unplugged, plugged in elsewhere and swapped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simulators.scenario_model import Event


@dataclass(frozen=True, slots=True)
class Step:
    """A moment of the timeline: an event begins, or ends by itself."""

    at_s: float
    event: Event
    ends: bool = False


def timeline(events: Iterable[Event]) -> Sequence[Step]:
    """Return what happens in order; at the same time, what ends comes first, then in the order of the file."""
    steps = []
    for event in events:
        steps.append(Step(event.at_s, event))
        if event.until_s is not None:
            steps.append(Step(event.until_s, event, ends=True))
    return sorted(steps, key=lambda step: (step.at_s, not step.ends))


class Plugs:
    """Every device is at first at the port of its own name."""

    def __init__(self, devices: Iterable[str]) -> None:
        self._ports: dict[str, str | None] = {device: device for device in devices}
        self._left: dict[int, str] = {}

    def move(self, step: Step) -> Sequence[tuple[str, str | None]]:
        """Return what becomes of which device, in order: its port, or ``None`` for none.

        Raises ``ValueError`` if the plug is not there, or the port is taken.
        """
        event, device = step.event, step.event.target
        if step.ends:
            return self._plug(device, self._left.pop(id(event)))
        if event.do == "replug":
            return self._plug(device, str(event.values["to"]), moved=True)
        if event.do == "unplug":
            self._left[id(event)] = self._port(device)
            self._ports[device] = None
            return [(device, None)]
        other = str(event.values["with"])
        if other == device:
            raise ValueError(f"{device} cannot be swapped with itself")
        port, other_port = self._port(device), self._port(other)
        self._ports |= {device: other_port, other: port}
        return [(device, None), (other, None), (device, other_port), (other, port)]

    def _port(self, device: str) -> str:
        port = self._ports.get(device)
        if port is None:
            raise ValueError(f"{device} is not plugged in then")
        return port

    def _plug(self, device: str, port: str, *, moved: bool = False) -> Sequence[tuple[str, str | None]]:
        if not moved and self._ports[device] is not None:
            raise ValueError(f"{device} is plugged in elsewhere before its time is over")
        taken = [other for other, its in self._ports.items() if its == port and other != device]
        if taken:
            raise ValueError(f'port "{port}" is taken by {taken[0]} then')
        self._ports[device] = port
        return [(device, None), (device, port)] if moved else [(device, port)]
