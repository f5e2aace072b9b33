"""A ward that plays its part: beds with pump, monitor and order, alive as long as a test wants; it answers requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from edge.clock import Clock
from edge.messages.topics import Topics
from tests.station import said
from tests.station.world import STATION, World

RUN = said.RUN
BEAT_S = 1.0


def metric(name: str, value: str | None, unit: str, **more: Any) -> dict[str, Any]:
    age_s = None if value is None else 0.2
    found = {"name": name, "value": value, "unit": unit, "validity": "valid", "age_s": age_s, "source": "m.0"}
    return {**found, "origin": "", "note": "", **({"validity": "not_available"} if value is None else {}), **more}


def limit(condition: str, band: str, side: str, value: str, unit: str) -> dict[str, Any]:
    priority = "medium" if band == "soft" else "high"
    found = {"condition": condition, "band": band, "side": side, "value": value, "unit": unit, "delay_s": 10.0}
    return {**found, "priority": priority, "origin": "drug library examples 2026.1, ketamine-chronic-pain"}


LIMITS = [
    limit("DOSE_RATE_HIGH", "soft", "high", "2.0", "mg/kg/h"),
    limit("DOSE_RATE_HIGH", "hard", "high", "2.5", "mg/kg/h"),
    limit("HR_HIGH", "soft", "high", "120", "/min"),
    limit("HR_HIGH", "hard", "high", "140", "/min"),
    limit("SPO2_LOW", "soft", "low", "92", "%"),
    limit("SPO2_LOW", "hard", "low", "88", "%"),
]
CHECKLIST = {
    "heart_disease": "no", "cyp3a4_inhibitor": "yes", "cyp2b6_inhibitor": "unknown", "opioids": "no", "sedatives": "no",
    "dependence": "no", "age_65_or_over": "no", "treatments_in_7_days": 0,
}  # fmt: skip


@dataclass
class Bed:
    """What one bed says; change it and say it again."""

    bed: str
    label: str
    vital: dict[str, str | None] = field(
        default_factory=lambda: {"hr": "78", "sys": "128", "dia": "82", "mean": "97", "spo2": "97", "rr": "14"}
    )
    dose: str | None = "1.000000"
    rate: str | None = "7.00"
    state: str = "infusing"
    cuff_age_s: float = 130.0
    phase: str = "infusing"
    patient: bool = True
    ordered: bool = True
    pauses: list[dict[str, Any]] = field(default_factory=list)
    metrics_more: list[dict[str, Any]] = field(default_factory=list)
    usual: list[dict[str, Any]] = field(default_factory=list)
    """What a baseline that is taken now would be."""

    therapy_more: dict[str, Any] = field(default_factory=dict)
    channels_more: list[dict[str, Any]] = field(default_factory=list)
    """Other pump channels, as a snapshot has them, at the same port."""
    pump: bool = True
    live: bool = True

    @property
    def port(self) -> str:
        return f"{self.bed}-pump"


class Scene:
    """The beds of one edge; its clock is the server's own, so that ages are what they are."""

    def __init__(self, world: World, *beds: Bed, edge: str = said.EDGE) -> None:
        self.world = world
        self.beds = {bed.bed: bed for bed in beds}
        self.edge = edge
        self.topics = Topics(said.SITE, edge)
        self.alarms: dict[tuple[str, str], dict[str, Any]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.events: list[tuple[float, str, dict[str, str]]] = []
        """More rows of the journal: how long ago, kind, body."""
        self.numbers = 0
        self.alive = True
        self.wall_ahead_s = 0.0
        self.synchronised = True
        self.refuse = ""
        self.said = ""
        self.mute = False

    def mono_s(self) -> float:
        return asyncio.get_running_loop().time()

    def stamp(self, ago_s: float = 0.0) -> dict[str, Any]:
        now = Clock().now().wall_s - ago_s + self.wall_ahead_s
        wall = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"mono_s": self.mono_s() - ago_s, "wall": wall, "synchronised": self.synchronised}

    async def _publish(self, topic: str, body: dict[str, Any], *, retain: bool = True) -> None:
        await self.world.say((topic, json.dumps(body).encode()), retain=retain)

    async def say_status(self, state: str = "running", run: str = RUN) -> None:
        body: dict[str, Any] = {"schema": "status/1", "state": state, "edge": self.edge, "run": run, "version": "0.1.0"}
        body |= {"previous_run": "", "previous_event_seq": 0, **self.stamp()}
        await self._publish(self.topics.status, body)

    async def say_roster(self) -> None:
        rows = []
        devices = []
        for bed in self.beds.values():
            pump = [{"port": bed.port, "channel": "11", "role": "pump"}] if bed.pump else []
            monitor = {"port": f"{bed.bed}-monitor", "channel": "0", "role": "monitor"}
            rows.append({"bed": bed.bed, "label": bed.label, "bindings": [*pump, monitor]})
            identity = {"channel": "11", "serial_number": "012345", "model": "Perfusor Space", "state": "confirmed"}
            for port, driver, who in ((bed.port, "bbraun-space", [identity]), (monitor["port"], "ivy-450c", [])):
                devices.append(
                    {
                        "port": port, "driver": driver, "experimental": driver != "ivy-450c", "link": "up",
                        "detail": "", "accepted": 812, "rejected": 1, "identities": who,
                    }
                )  # fmt: skip
        body = {"schema": "roster/1", "run": RUN, "beds": rows, "devices": devices, "stations_required": [STATION]}
        await self._publish(self.topics.roster, body)

    async def say_snapshot(self, bed: Bed) -> None:
        vital = bed.vital
        cuff = {"age_s": bed.cuff_age_s}
        signs = [
            metric("heart_rate_per_min", vital["hr"], "/min"),
            metric("respiratory_rate_per_min", vital["rr"], "/min"),
            metric("spo2_percent", vital["spo2"], "%"),
            *(metric(f"nibp_{part}_mmhg", vital[part], "mm[Hg]", **cuff) for part in ("sys", "dia", "mean")),
            *bed.usual,
        ]
        metrics = [
            metric("dose_rate_mg_per_kg_per_h", bed.dose, "mg/kg/h"),
            metric("infusion_rate_ml_per_h", bed.rate, "mL/h"),
            metric("volume_infused_ml", "6.4", "mL"),
            *bed.metrics_more,
        ]
        channel = {"port": bed.port, "channel": "11", "link": "up", "state": bed.state}
        drug = "ketamine-chronic-pain" if bed.ordered else ""
        body = {
            "schema": "snapshot/1", "run": RUN, "bed": bed.bed, "at": self.stamp(), "active": bed.patient,
            "valid_for_s": 10.0, "vital_signs": signs,
            "channels": [{**channel, "drug": drug, "metrics": metrics}, *bed.channels_more] if bed.pump else [],
        }  # fmt: skip
        await self._publish(self.topics.snapshot(bed.bed), body)

    async def say_therapy(self, bed: Bed) -> None:
        order = {
            "port": bed.port, "channel": "11", "drug": "ketamine-chronic-pain", "concentration_mg_per_ml": "10",
            "weight_kg": "70", "step_mg_per_kg_per_h": "1.0", "maximum_mg_per_kg_per_h": "2.0",
            "origin": "ordered by desk:ola", "rev": 3, "start_mg_per_kg_per_h": "0.5",
            "increment_mg_per_kg_per_h": "0.5", "step_interval_s": 900.0, "total_mg_per_kg": "2", "planned_s": 4200.0,
            "by": "desk:ola", "confirmed_by": "desk:kari", "placed": self.stamp(2400.0),
        }  # fmt: skip
        patient = {"case": "k-1047", "weight_kg": "70", "by": "desk:kari", "rev": 1, "checklist": CHECKLIST}
        body = {
            "schema": "therapy/1", "run": RUN, "bed": bed.bed, "phase": bed.phase if bed.patient else "none",
            "orders": [order] if bed.ordered else [], "limits": LIMITS if bed.patient else [], "pauses": bed.pauses,
            "phase_since": self.stamp(2070.0), "step": 2 if bed.ordered else 0,
            "patient": {**patient, "started": self.stamp(3000.0)} if bed.patient else None,
            **bed.therapy_more,
        }  # fmt: skip
        await self._publish(self.topics.therapy(bed.bed), body)

    async def say_index(self, bed: str) -> None:
        rows = [
            {"key": key, "occurrence": alarm["occurrence"], "rev": alarm["rev"], "priority": alarm["priority"]}
            for (where, key), alarm in self.alarms.items()
            if where == bed
        ]
        body = {"schema": "alarm-index/1", "run": RUN, "bed": bed, "alarms": rows, "inhibited": []}
        await self._publish(self.topics.alarms(bed), body)

    async def say_all(self) -> None:
        await self.say_status()
        await self.say_roster()
        await self.say_index("")
        for bed in self.beds.values():
            await self.say_index(bed.bed)
            await self.say_therapy(bed)
            await self.say_snapshot(bed)
        await self.say_status()

    async def alarm(self, bed: str, key: str = "DOSE_RATE_HIGH", *, ago_s: float = 0.0, **more: Any) -> dict[str, Any]:
        """Begin an alarm, or change the one that stands."""
        known = self.alarms.get((bed, key))
        self.numbers += 1
        found = known or {
            "schema": "alarm/1", "run": RUN, "key": key, "condition": key.partition(".")[0], "bed": bed, "port": "",
            "channel": "", "occurrence": f"{RUN}-{self.numbers}", "rev": 0, "kind": "physiological",
            "audience": "nurse", "priority": "high", "band": "hard", "present": True, "verifiable": True,
            "signal": "on", "audible": True, "durable": True, "action": "Check the pump.", "value": None, "unit": "",
            "limit": None, "evidence": {}, "onset": self.stamp(ago_s), "text": f"{key} at {bed}.",
        }  # fmt: skip
        found = {**found, **more, "rev": found["rev"] + 1, "changed": self.stamp()}
        self.alarms[bed, key] = found
        await self._publish(self.topics.alarm(bed, key), found)
        await self.say_index(bed)
        return found

    async def clear(self, bed: str, key: str) -> None:
        """End an alarm in order."""
        found = self.alarms.pop((bed, key), None)
        if found is not None:
            ended = {**found, "rev": found["rev"] + 1, "signal": "off", "present": False, "audible": False}
            await self._publish(self.topics.alarm(bed, key), ended)
            await self.say_index(bed)

    async def clear_all(self) -> None:
        for bed, key in list(self.alarms):
            await self.clear(bed, key)

    async def live(self) -> None:
        """Beat and answer until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._beat())
            tasks.create_task(self._answer())

    async def _beat(self) -> None:
        while True:
            if self.alive:
                await self.say_status()
                for bed in list(self.beds.values()):
                    if bed.live:
                        await self.say_snapshot(bed)
            await asyncio.sleep(BEAT_S)

    async def _answer(self) -> None:
        prefix = f"infusion/v1/{said.SITE}/edge/{self.edge}/request/{STATION}/"
        done = 0
        while True:
            await self.world.heard.wait_until(partial(self._heard_more, done), 3600.0)
            new = self.world.heard.messages[done:]
            done += len(new)
            for one in new:
                if one.topic.startswith(prefix):
                    await self._answer_one(one.topic.removeprefix(prefix), json.loads(one.payload))

    def _heard_more(self, done: int) -> bool:
        return len(self.world.heard.messages) > done

    async def _answer_one(self, verb: str, body: dict[str, Any]) -> None:
        self.asked.append((verb, body))
        if self.mute:
            return
        if verb == "history":
            await self._publish(self.topics.history(STATION), self._history(body), retain=False)
            return
        if not self.refuse and verb == "accept":
            by = {"by": f"{STATION}:{body['user']}", "at": self.stamp()}
            key = (body["bed"], body["key"])
            if key in self.alarms:
                silent = {**by, "until_mono_s": self.mono_s() + 300.0}
                quiet: dict[str, Any] = {
                    "signal": "acknowledged",
                    "audible": False,
                    "acceptance": by,
                    "acknowledgement": silent,
                }
                await self.alarm(*key, **quiet)
        await self.respond(verb, body)

    async def respond(self, verb: str, asked: dict[str, Any]) -> None:
        """Say what became of something that was asked; a test does it late, where the edge is mute."""
        done = "" if self.refuse else self.said
        body = {
            "schema": "response/1", "run": RUN, "request_id": asked["request_id"], "verb": verb,
            "result": "refused" if self.refuse else "done", "reason": self.refuse, "said": done, "durable": True,
            "at": self.stamp(),
        }  # fmt: skip
        await self._publish(self.topics.response(STATION), body, retain=False)

    def _history(self, body: dict[str, Any]) -> dict[str, Any]:
        now = self.mono_s()
        found = {
            "schema": "history/1", "run": RUN, "request_id": body["request_id"], "result": "done", "reason": "",
            "bed": body["bed"], "what": body["what"], "at": self.stamp(), "from_mono_s": now - 3600.0,
            "until_mono_s": now, "step_s": 10.0, "trends": [], "trends_left_out": 0, "events": [], "next_page": "",
        }  # fmt: skip
        if body["what"] == "trend":
            pump = f"{body['bed']}-pump.11"
            found["trends"] = [
                *(_of_channel(one, now) for one in self.beds[body["bed"]].channels_more),
                _trend("dose_rate_mg_per_kg_per_h", "mg/kg/h", now, lambda n: 0.5 if n < 120 else 1.0, source=pump),
                _trend("heart_rate_per_min", "/min", now, lambda n: 72 + n // 24),
                _trend("spo2_percent", "%", now, lambda n: 98 if n % 7 else 97),
                _trend("nibp_sys_mmhg", "mm[Hg]", now, lambda n: 128 + n // 30, every=30),
                _trend("nibp_dia_mmhg", "mm[Hg]", now, lambda n: 80 + n // 40, every=30),
                _trend("respiratory_rate_per_min", "/min", now, lambda n: 14 + n % 2),
            ]
        else:
            found["events"] = self._events()
        return found

    def _events(self) -> list[dict[str, Any]]:
        rows = (
            (240.0, "alarm", {"phase": "end", "key": "HR_HIGH", "priority": "medium", "text": "Bed 2: HR 121 /min."}),
            (420.0, "request", {"verb": "accept", "by": f"{STATION}:kari", "result": "done", "key": "HR_HIGH"}),
            (460.0, "alarm", {"phase": "start", "key": "HR_HIGH", "priority": "medium", "text": "Bed 2: HR 121 /min."}),
            (900.0, "request", {"verb": "observe", "by": f"{STATION}:kari", "result": "done"}),
            *self.events,
        )  # fmt: skip
        return [
            {"row": 40 - n, "run": RUN, "kind": kind, "at": self.stamp(ago), "age_s": ago, "body": body}
            for n, (ago, kind, body) in enumerate(rows)
        ]


def _of_channel(channel: dict[str, Any], now: float) -> dict[str, Any]:
    """An hour at the dose that another channel gives now."""
    dose = next(one for one in channel["metrics"] if one["name"] == "dose_rate_mg_per_kg_per_h")
    place = f"{channel['port']}.{channel['channel']}"
    return _trend(dose["name"], dose["unit"], now, lambda _: float(dose["value"]), source=place)


def _trend(
    name: str, unit: str, now: float, shape: Callable[[int], float], *, every: int = 1, source: str = "m.0"
) -> dict[str, Any]:
    values = [str(shape(n)) if n % every == 0 else None for n in range(360)]
    first = (now // 10 - 360) * 10
    marks = "".join("-" if value is None else "v" for value in values)
    found = {"name": name, "unit": unit, "source": source, "first_mono_s": first, "marks": marks}
    return {**found, "low": values, "high": values}


@contextlib.asynccontextmanager
async def alive(scene: Scene) -> AsyncIterator[Scene]:
    """A scene that says everything and goes on."""
    await scene.say_all()
    living = asyncio.create_task(scene.live())
    try:
        yield scene
    finally:
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)
