"""A shipped scenario in virtual time: its devices and people, real drivers, the real core with the shipped limits.

The configuration is the one that `infusion-sim run --edge-config` writes; what people ask goes the way of every
request, as JSON through `edge/asking.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge import asking
from edge.config import load
from edge.core.effects import Answer, Event, TherapyView
from edge.core.inputs import Input, Request
from edge.core.model import Phase, Priority
from edge.core.therapy import CONFIGURATION
from edge.wire_therapy import therapy_message
from simulators import scenario_edge
from simulators.model import SimulatedDevice
from simulators.oximeter import SerialLine
from simulators.scenario_desk import request
from simulators.scenario_model import Event as Happening
from simulators.scenario_model import Scenario
from simulators.scenario_stage import Stage
from tests.conformance.matrix_rig import Line, Rig
from tests.core_world import RUN, START_S

TEMPLATE = Path(__file__).parents[2] / "config" / "edge.toml"
STATION = scenario_edge.DESK
NOISE = (Phase.START, Phase.ESCALATE, Phase.RETURN, Phase.SOUND)
"""Transitions by which somebody is told; of what nobody takes, reminders and levels follow, which tell nothing new."""


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody was told: when, in seconds of the scenario, what, how urgently, and in which words."""

    at_s: float
    condition: str
    priority: Priority
    text: str

    def __str__(self) -> str:
        return f"{self.at_s / 60:6.1f} min  {self.priority.name.lower():6}  {self.condition}: {self.text}"


class _Ports:
    """Where the stage plugs in: at first nothing but a list, and then the lines of the rig."""

    def __init__(self) -> None:
        self.devices: dict[str, SimulatedDevice] = {}
        self.rig: Rig | None = None

    def plug(self, port: str, device: SimulatedDevice, _line: SerialLine) -> None:
        self.devices[port] = device
        if self.rig is not None:
            self.rig.plug(port, device, None)

    def unplug(self, port: str) -> None:
        del self.devices[port]
        if self.rig is not None:
            self.rig.unplug(port)


class Played:
    """A scenario played to its end, and what came of it.

    Pumps are asked each ``poll_s``. The core steps once a second, with all that came in it.
    """

    def __init__(self, scenario: Scenario, folder: Path, poll_s: float = 1.0) -> None:
        file = folder / "edge.toml"
        scenario_edge.write(scenario, file, TEMPLATE, folder)
        asked = f'driver = "bbraun-space"\npoll_interval = "{poll_s:g} s"\n'
        file.write_text(file.read_text("utf-8").replace('driver = "bbraun-space"\n', asked), "utf-8")
        configuration = load(file, folder)
        self.said: list[str] = []
        self._asked: list[Request] = []
        self._ports = _Ports()
        self._stage = Stage(scenario, self._ports, self.said.append, speed=1.0, now_s=START_S, ask=self._ask)
        self._orders: list[Input] = [
            Request(f"order-{number}", CONFIGURATION, START_S, act) for number, act in enumerate(configuration.orders)
        ]
        channels = {
            binding.port: binding.channel for bed in configuration.core.beds for binding in (*bed.pumps, *bed.monitors)
        }
        lines = [
            Line(
                port.port,
                port.driver,
                channels[port.port],
                self._ports.devices[port.port],
                None,
                poll_interval_s=port.poll_interval_s,
            )
            for port in configuration.ports
        ]
        self.rig = self._ports.rig = Rig(configuration.core, lines, self._happens, (), eager=False)
        self.world = self.rig.world
        self.rig.run(START_S + scenario.duration_s)

    def _happens(self, now_s: float) -> Sequence[Input]:
        """What is due by now, and what people ask in it."""
        self._stage.tick(now_s)
        asked, self._asked = self._asked, []
        first, self._orders = self._orders, []
        return [*first, *asked]

    def _ask(self, happening: Happening) -> None:
        shown = [view for view in self.world.therapies if view.bed == happening.target]
        therapy = therapy_message(shown[-1], RUN).model_dump(mode="json", by_alias=True) if shown else {}
        body = request(happening, therapy, (RUN, self.rig.now_s), f"ask-{happening.at_s:g}-{len(self.said)}")
        payload = json.dumps(body).encode()
        self._asked.append(asking.request(STATION, str(happening.values["verb"]), payload, self.rig.now_s))

    # --- what came of it ----------------------------------------------------------------------------------------------

    @property
    def told(self) -> list[Told]:
        """Everything that somebody was told, in order."""
        return [_told(event) for event in self.world.events if event.phase in NOISE and event.alarm.audible]

    @property
    def shown(self) -> list[Told]:
        """Every alarm that was seen, heard or not."""
        return [_told(event) for event in self.world.events if event.phase in NOISE]

    def first(self, condition: str) -> list[tuple[str, int]]:
        """The priorities that a condition was told with, each with the whole second of the scenario."""
        return [(one.priority.name.lower(), round(one.at_s)) for one in self.told if one.condition == condition]

    @property
    def conditions(self) -> set[str]:
        """Which conditions were told."""
        return {one.condition for one in self.told}

    @property
    def refusals(self) -> list[str]:
        """Why what was asked was not done."""
        return [answer.reason for answer in self.answers if not answer.done]

    @property
    def answers(self) -> list[Answer]:
        """What came of what people asked."""
        return [answer for answer in self.world.answers if answer.request_id.startswith("ask-")]

    @property
    def therapy(self) -> TherapyView:
        """What is shown of the first bed's therapy at the end."""
        return self.world.therapies[-1]


def _told(event: Event) -> Told:
    alarm = event.alarm
    return Told(event.at.mono_s - START_S, alarm.key.condition, alarm.priority, alarm.text)
