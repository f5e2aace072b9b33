"""A receiver that keeps the rules of docs/mqtt.md: what it shows, the history that it heard, and what breaks a rule."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.broker import Heard

Occurrence = tuple[str, str]
"""The topic of an alarm, and the occurrence."""


@dataclass(slots=True)
class Receiver:
    """Follows one edge. ``broken`` has every breach of a rule that the edge must keep, in plain words."""

    prefix: str
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    ever: dict[Occurrence, None] = field(default_factory=dict)
    ended: set[Occurrence] = field(default_factory=set)
    in_memory: set[Occurrence] = field(default_factory=set)
    events: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    starts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    committed: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    run: str = ""
    doubles: int = 0

    def hear(self, one: Heard) -> None:
        """Take one message in its order."""
        topic = one.topic.removeprefix(f"{self.prefix}/")
        if "alarm/" in topic:
            self._hear_alarm(topic, json.loads(one.payload) if one.payload else None)
        elif topic.endswith("alarms"):
            self._hear_index(topic.removesuffix("alarms"), json.loads(one.payload))
        elif topic == "event":
            self._hear_event(json.loads(one.payload))
        elif topic == "status":
            said = json.loads(one.payload)
            if said["state"] == "running":
                self.run = said["run"]
                if said["previous_run"]:
                    self.committed[said["previous_run"]] = said["previous_event_seq"]

    def gaps(self, last_runs: int = 0) -> list[str]:
        """Events that were committed and never came; of the ``last_runs`` nothing is told yet."""
        told = list(self.committed.items())
        return [
            f"run {run}: {missing} of 1..{last} never came"
            for run, last in (told[:-last_runs] if last_runs else told)
            if (missing := sorted(set(range(1, last + 1)) - self.events[run]))
        ]

    def _hear_alarm(self, topic: str, said: dict[str, Any] | None) -> None:
        if said is None:
            self._end(topic)
        elif said["signal"] == "off":
            if not said["durable"]:
                self.in_memory.add((topic, said["occurrence"]))  # said of itself that a restart may bring it back
            self._end(topic)
            self.ended.add((topic, said["occurrence"]))
        else:
            before = self.shown.get(topic)
            if before is not None and before["occurrence"] != said["occurrence"]:
                self.ended.add((topic, before["occurrence"]))
            if (topic, said["occurrence"]) in self.ended - self.in_memory:
                self.broken.append(f"{topic} {said['occurrence']} came again after its end")
            self.shown[topic] = said
            self.ever[topic, said["occurrence"]] = None

    def _end(self, topic: str) -> None:
        before = self.shown.pop(topic, None)
        if before is not None:
            self.ended.add((topic, before["occurrence"]))

    def _hear_index(self, scope: str, said: dict[str, Any]) -> None:
        if said["run"] != self.run:
            return  # only an index of the current run ends an alarm
        listed = {f"{scope}alarm/{row['key']}" for row in said["alarms"]}
        own = [topic for topic in self.shown if topic.startswith(f"{scope}alarm/")]
        for topic in own:
            if topic not in listed:
                self._end(topic)
        for topic in listed - set(own):
            self.broken.append(f"the index names {topic}, which was not published")

    def _hear_event(self, said: dict[str, Any]) -> None:
        run, seq = said["run"], said["event_seq"]
        if seq in self.events[run]:
            self.doubles += 1  # it may come twice
            return
        if self.events[run] and seq < max(self.events[run]):
            self.broken.append(f"run {run}: event {seq} came after {max(self.events[run])}")
        self.events[run].add(seq)
        if said["phase"] == "start":
            name = said["alarm"]["occurrence"]
            self.starts[name] += 1
            if self.starts[name] > 1:
                self.broken.append(f"{name} began twice")
