"""The fault campaign: kills -9 of the daemon at random moments, under load, with faults of network and disk.

    python -m tests.fault.campaign --kills 200 --seed 7

A pump goes beyond its limit again and again; a station takes each alarm, the dose comes back, the alarm ends. Meanwhile
the daemon is killed, the network is slow, deaf, cut or gone, and the disk takes nothing. In the end: no alarm was lost,
none was shown twice, nothing of the history is missing without a word. The seed makes the same choices again; the
moments at which they meet the daemon are the machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import resource
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import aiomqtt

from simulators.pump import PumpModel
from tests.broker import HOST, Heard, Listener, Mosquitto
from tests.end_to_end.world import PREFIX, ROOT, monitor, on_pty, space
from tests.fault.receiver import Receiver
from tests.proxy import Fault, Proxy
from tests.small_station import TOPICS

KEY = "bed/bed-1/alarm/DOSE_RATE_HIGH.bed-1-pump.11"
HIGH_ML_PER_H, WELL_ML_PER_H = Decimal("29.40"), Decimal("5.60")
"""4.2 and 0.8 mg/kg/h: far beyond the limit, and well inside it, also in the first ten minutes."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long something may take: so long, and so many runs that watched for ``life_s`` each.

    A clock alone would judge the machine: where it is busy, most runs are killed before they watch.
    """

    limit_s: float
    runs: int
    life_s: float


SHOWN = Patience(45.0, 2, 8.0)
"""To a screen, under faults that last some seconds each, with restarts between."""

ENDED = Patience(60.0, 4, 15.0)
"""An end needs ten seconds of one run, the way to a screen, and a disk: without one a restart may bring it back."""

WAITS_S = (0.2, 0.7, 1.5, 3.0, 16.0)
"""From "not yet up" to "in the middle of it"; the longest begins when the run watches."""
UP_LIMIT_S = 60.0
"""When to give up on a start, on whatever machine."""

ASK_AGAIN_S = 2.0
ASKS = ("on", "latched")
"""Signals of an alarm that asks for somebody."""
NO_LIMIT = resource.RLIM_INFINITY


@dataclass(slots=True)
class Result:
    """What came of it."""

    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    alarms: int = 0
    broken: list[str] = field(default_factory=list)
    doubles: int = 0
    events: int = 0


class Campaign:
    """One campaign in a folder."""

    def __init__(
        self,
        folder: Path,
        broker: Mosquitto,
        proxy: Proxy,
        heard: Listener,
        *,
        chance: random.Random,
        say: Callable[[str], None],
    ) -> None:
        self._say = say
        self._folder = folder
        self._broker = broker
        self._proxy = proxy
        self._chance = chance
        self._heard = heard
        self._seen = 0
        self._process: asyncio.subprocess.Process | None = None
        self._watches_since_s: float | None = None
        self._watches = asyncio.Event()
        self._lives_s: list[float] = []
        self._over = False
        self._logging: set[asyncio.Task[None]] = set()
        self.receiver = Receiver(PREFIX)
        self.result = Result()

    async def run(self, kills: int, pump: PumpModel, waits_s: Sequence[float]) -> Result:
        """Kill so many times, then let all come to rest, and judge."""
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(self._disturb_network()), tasks.create_task(self._fill_disk())]
            load = tasks.create_task(self._load(pump))
            await self._kill(kills, waits_s)
            self._over = True
            for task in background:
                task.cancel()
            await self._proxy.set(Fault.NONE)
            self._limit_disk(NO_LIMIT)
            await load
        await self._come_to_rest()
        return self.result

    # --- what goes wrong ---

    async def _kill(self, kills: int, waits_s: Sequence[float]) -> None:
        for number in range(kills):
            await self._start()
            wait_s = self._chance.choice(waits_s)
            if wait_s == waits_s[-1]:
                async with asyncio.timeout(UP_LIMIT_S):
                    await self._watches.wait()
            await asyncio.sleep(wait_s * self._chance.uniform(0.5, 1.5))
            assert self._process is not None
            if self._process.returncode is not None:
                self.result.broken.append(f"the daemon ended by itself with {self._process.returncode}")
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
            self._lives_s.append(self._life_s())
            self.result.kills += 1
            if (number + 1) % 10 == 0:
                self._say(f"{number + 1} kills, {self.result.alarms} alarms")
        await self._start()

    def _life_s(self) -> float:
        """How long the present run has watched."""
        since_s = self._watches_since_s
        return 0.0 if since_s is None else asyncio.get_running_loop().time() - since_s

    async def _start(self) -> None:
        self._watches_since_s = None
        self._watches = asyncio.Event()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge.cli", "run", str(ROOT / "config" / "edge.toml")),
            *("--run-dir", str(self._folder), "--broker", f"{HOST}:{self._proxy.port}"),
            cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,  # not to a file, which would be full too
        )
        assert self._process.stderr is not None
        task = asyncio.create_task(self._keep_log(self._process.stderr, self._watches))
        self._logging.add(task)
        task.add_done_callback(self._logging.discard)

    async def _keep_log(self, lines: asyncio.StreamReader, watches: asyncio.Event) -> None:
        with (self._folder / "daemon.log").open("ab") as log:
            async for line in lines:
                log.write(line)
                if b'"event": "watching"' in line and watches is self._watches:
                    self._watches_since_s = asyncio.get_running_loop().time()
                    watches.set()

    async def _disturb_network(self) -> None:
        while True:
            await self._proxy.set(Fault.NONE)
            await asyncio.sleep(self._chance.uniform(1, 5))
            fault = self._chance.choice([Fault.SLOW, Fault.DEAF, Fault.CUT, Fault.GONE])
            self.result.faults[fault.value] += 1
            await self._proxy.set(fault)
            await asyncio.sleep(self._chance.uniform(0.2, 4))

    async def _fill_disk(self) -> None:
        """Let the daemon's files not grow, as on a full disk or one that takes no writes; no rights are needed."""
        while True:
            await asyncio.sleep(self._chance.uniform(2, 8))
            self.result.faults["disk"] += 1
            self._limit_disk(self._chance.choice([0, 20_000, 200_000]))
            await asyncio.sleep(self._chance.uniform(0.2, 3))
            self._limit_disk(NO_LIMIT)

    def _limit_disk(self, size: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (size, NO_LIMIT))

    # --- what goes on meanwhile ---

    async def _load(self, pump: PumpModel) -> None:
        loop = asyncio.get_running_loop()
        async with aiomqtt.Client(HOST, self._broker.port, protocol=aiomqtt.ProtocolVersion.V5) as station:
            while not self._over:
                before = {name for topic, name in self.receiver.ever if topic == KEY}
                pump.set_rate(loop.time(), HIGH_ML_PER_H)
                if not await self._see(SHOWN, lambda: KEY in self.receiver.shown):
                    self.result.broken.append(f"alarm {self.result.alarms + 1} was never shown")
                returned = (KEY, self.receiver.shown.get(KEY, {}).get("occurrence")) in self.receiver.in_memory
                await self._take(station)
                pump.set_rate(loop.time(), WELL_ML_PER_H)
                ended = await self._see(ENDED, lambda: KEY not in self.receiver.shown, partial(self._take, station))
                self.result.alarms += 1
                new = [name for topic, name in self.receiver.ever if topic == KEY and name not in before]
                # An end that said of itself that no disk had it may be undone by a restart: it is that alarm again.
                if len(new) != 1 and not (returned and not new):
                    self.result.broken.append(f"one onset was shown as {new or 'none'}")
                if not ended:
                    # Of what comes after it nothing could be told apart from it.
                    self.result.broken.append(f"alarm {self.result.alarms} never ended")
                    return

    async def _take(self, station: aiomqtt.Client) -> None:
        """Press the one button, again and again until the alarm shows it, as a nurse does."""
        number = 0
        while (alarm := self.receiver.shown.get(KEY)) is not None and alarm["signal"] in ASKS:
            number += 1
            beats = (one.payload for one in reversed(self._heard.messages) if _is_heartbeat(one))
            if (beat := next(beats, None)) is not None:
                basis = json.loads(beat)
                named = {name: alarm[name] for name in ("bed", "key", "occurrence", "rev")}
                body = {"request_id": f"{alarm['occurrence']}-{number}", "user": "u7", "role": "nurse", **named}
                body |= {"run": basis["run"], "edge_mono_s": basis["mono_s"], "acknowledge": True}
                await station.publish(TOPICS.request("ward-desk", "accept"), json.dumps(body), qos=1)
            await self._until(lambda: self._signal() not in ASKS, ASK_AGAIN_S)

    async def _see(
        self,
        patience: Patience,
        condition: Callable[[], bool],
        meanwhile: Callable[[], Awaitable[None]] | None = None,
    ) -> bool:
        """Wait for the condition; ``meanwhile`` takes what asks again, since a restart knew no more of the nurse."""
        began_s, lives = asyncio.get_running_loop().time(), len(self._lives_s)
        while not await self._until(condition, ASK_AGAIN_S):
            lived = sum(life_s >= patience.life_s for life_s in self._lives_s[lives:])
            # The last run is left alone: what does not happen in it never does.
            enough = lived >= patience.runs or (self._over and self._life_s() >= patience.limit_s)
            if enough and asyncio.get_running_loop().time() >= began_s + patience.limit_s:
                return False
            if meanwhile is not None:
                await meanwhile()
        return True

    def _signal(self) -> str:
        return str(self.receiver.shown.get(KEY, {}).get("signal", "off"))

    async def _until(self, condition: Any, limit_s: float) -> bool:
        """Take up what was heard until the condition holds."""
        end_s = asyncio.get_running_loop().time() + limit_s
        while True:
            self._take_up()
            if condition():
                return True
            if asyncio.get_running_loop().time() >= end_s:
                return False
            await asyncio.sleep(0.05)

    def _take_up(self) -> None:
        for one in self._heard.messages[self._seen :]:
            self.receiver.hear(one)
        self._seen = len(self._heard.messages)

    # --- in the end ---

    async def _come_to_rest(self) -> None:
        """End the last run cleanly, start one that tells of it, and hold what is kept against what was followed."""
        assert self._process is not None
        await self._until(lambda: self.receiver.run != "", 10)
        await asyncio.sleep(3)
        self._process.terminate()
        await self._process.wait()
        runs = len(self.receiver.committed)
        await self._start()
        await self._until(lambda: len(self.receiver.committed) > runs, 20)
        await asyncio.sleep(3)
        kept = await self._broker.retained()
        self._take_up()
        self._process.terminate()
        await self._process.wait()
        alarms = {
            topic.removeprefix(f"{PREFIX}/")
            for topic, one in kept.items()
            if "/alarm/" in topic and one.payload and json.loads(one.payload)["signal"] != "off"
        }
        result, receiver = self.result, self.receiver
        if alarms != set(receiver.shown):
            result.broken.append(f"a cold reader sees {sorted(alarms)}, who followed {sorted(receiver.shown)}")
        result.broken += [*receiver.broken, *receiver.gaps()]
        result.doubles = receiver.doubles
        result.events = sum(map(len, receiver.events.values()))


def _is_heartbeat(one: Heard) -> bool:
    return one.topic == TOPICS.status and b'"running"' in one.payload


@contextlib.asynccontextmanager
async def stage(folder: Path, seed: int, say: Callable[[str], None]) -> AsyncIterator[tuple[Campaign, PumpModel]]:
    """Set up bed 1 with a broker behind a bad network."""
    pump, rack = space(str(WELL_ML_PER_H), asyncio.get_running_loop().time())
    (folder / "broker").mkdir()
    async with (
        Mosquitto(folder / "broker", persistence=True) as broker,
        broker.subscribe_all(session="receiver") as heard,
        Proxy(broker.port) as proxy,
    ):
        with on_pty(rack, folder / "bed-1-pump"), on_pty(monitor(), folder / "bed-1-monitor"):
            yield Campaign(folder, broker, proxy, heard, chance=random.Random(seed), say=say), pump


async def campaign(
    folder: Path, kills: int, seed: int, say: Callable[[str], None], waits_s: Sequence[float] = WAITS_S
) -> Result:
    """Run one; ``say`` takes how far it has come."""
    async with stage(folder, seed, say) as (one, pump):
        return await one.run(kills, pump, waits_s)


def main() -> int:
    """Run one from the command line; the status is 1 if a rule was broken."""
    parser = argparse.ArgumentParser(description="Kill the daemon again and again, and see that nothing is lost.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="make the same choices again")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(4), "big")
    say = partial(print, flush=True)
    say(f"seed {seed}")
    folder = Path(tempfile.mkdtemp(prefix="fault-campaign-"))
    result = asyncio.run(campaign(folder, options.kills, seed, say))
    faults = ", ".join(f"{name} {count}" for name, count in sorted(result.faults.items()))
    say(f"{result.kills} kills; {faults}; {result.alarms} alarms")
    say(f"{result.events} events, {result.doubles} of them twice")
    for breach in result.broken:
        say(f"BROKEN: {breach}")
    say(f"the daemon's log: {folder / 'daemon.log'}" if result.broken else "nothing lost, nothing shown twice, no gap")
    return 1 if result.broken else 0


if __name__ == "__main__":
    sys.exit(main())
