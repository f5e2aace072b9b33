"""A ward whose bedside computer has lamp, buzzer, nurse call and hook, for the tests of what it shows and sounds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edge.core.config import AnnunciatorConfig, CoreConfig
from edge.core.effects import Bedside as Shown
from edge.core.effects import CallHook, HookReason
from edge.core.inputs import Input
from edge.core.model import Priority
from tests.core_world import START_S
from tests.unit.alarm_acts import ASKED, Bedside

EVERY = AnnunciatorConfig(frozenset(HookReason))


class Room(Bedside):
    """A ward whose bedside computer has lamp, buzzer, nurse call and hook."""

    def __init__(self, config: CoreConfig = ASKED, hook: AnnunciatorConfig = EVERY, **world: Any) -> None:
        super().__init__(replace(config, annunciator=hook), **world)

    def said(self) -> list[Shown]:
        return [effect for step in self.world.steps for effect in step.effects if isinstance(effect, Shown)]

    @property
    def shown(self) -> tuple[Priority | None, Priority | None, bool]:
        """Lamp, buzzer and nurse call now."""
        last = self.said()[-1]
        return last.lamp, last.sound, last.call

    def told(self) -> list[tuple[HookReason, str]]:
        """What the hook was told."""
        effects = [effect for step in self.world.steps for effect in step.effects]
        return [(effect.reason, effect.alarm.key.condition) for effect in effects if isinstance(effect, CallHook)]

    def at(self, seconds: float, *inputs: Input) -> None:
        self.world.step(START_S + seconds, *inputs)
