"""`probe`: find which device answers on a port. It listens first, then asks what drivers ask, one after the other.

Nothing is sent but what a driver's own session sends: its grammar can only read. But a device that is asked in the
language of another hears noise; so this is no tool for a device that a patient depends on.

The order: drivers that only listen, all those of equal line settings together; then those that wait to be spoken to;
then those that ask; devices of laboratories last. The first from which a driver makes a sample, or who it is, is found.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drivers import registry
from drivers.errors import LineError, LineFault
from drivers.line import Line, is_raw_usb_name, stable_names
from drivers.model import (
    AlarmSetChanged,
    DeviceAlarm,
    DeviceEvent,
    DeviceIdentified,
    DeviceKind,
    Driver,
    IdentitySupport,
    LineSettings,
    Observation,
    Rejected,
    Send,
    Session,
    SessionOptions,
)
from edge.config_file import suggest
from edge.holder import holder_of
from edge.talk import Talk, Turn, open_free
from edge.tell import identity_words, sample_words

EXIT_FOUND = 0
EXIT_NOTHING = 1
EXIT_REFUSED = 2
"""Nothing was tried, or the port was lost."""

LISTEN_S = 5.0
"""Devices that talk unasked say something every second or two."""

ASK_MIN_S = 5.0
ASK_ROUNDS = 2.5
"""A driver is given so many of its rounds: one to be heard in, one that goes wrong."""

GATHER_S = 3.0
"""After the first message: who it is, its alarms and its other channels come within a round or two."""

TIMEOUT_S = 90.0
"""Time for every driver there is, and some."""

TURN_S = 0.1
"""How often it is looked at whether something came."""

CHANNELS_MAX = 72
"""As many as a rack has are shown."""

PORT = "found"

WARNING = (
    "Probing sends read-only questions of several protocols. Do not probe a device that a patient depends on:\n"
    "what one device reads as a question is noise to another."
)

Say = Callable[[str], None]


@dataclass(slots=True)
class _Seen:
    """What one driver made of the port."""

    driver: Driver
    samples: dict[str, Observation] = field(default_factory=dict)
    identities: dict[str, DeviceIdentified] = field(default_factory=dict)
    alarms: dict[str, tuple[DeviceAlarm, ...]] = field(default_factory=dict)
    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failed: str = ""

    def take(self, turn: Turn) -> None:
        for output in turn.outputs:
            if isinstance(output, Rejected):
                self.rejected[output.reason] += 1
            elif not isinstance(output, Send):
                self.accepted += 1
                self._keep(output)

    def _keep(self, output: Observation | DeviceEvent) -> None:
        """Keep the latest of each channel."""
        if output.channel not in self.channels and len(self.channels) >= CHANNELS_MAX:
            return
        match output:
            case Observation():
                self.samples[output.channel] = output
            case DeviceIdentified():
                self.identities[output.channel] = output
            case AlarmSetChanged():
                self.alarms[output.channel] = output.alarms
            case _:
                return

    def answering(self) -> Answering:
        """Say it for a program."""
        told = {channel: one.serial_number for channel, one in self.identities.items() if one.serial_number}
        known = self.driver.identity is IdentitySupport.SERIAL_NUMBER
        return Answering(self.driver, self.channels, told if known else {})

    @property
    def answered(self) -> bool:
        return bool(self.samples or (self.identities and not self.waits))

    @property
    def waits(self) -> bool:
        """Whether the driver is of devices that speak first, and says no more than that it heard, or did not.

        A device that has to be asked repeats its last answer at that: it says who it is, and is of another driver.
        Readings are of now (H-11), so what speaks by itself gives them.
        """
        return not self.driver.listen_only and not _speaks_first(self.driver)

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(sorted({*self.samples, *self.identities}))


def list_ports(root: Path = Path("/dev/serial")) -> str:
    """List the serial ports that are there by their lasting names, each with who has it."""
    ports: dict[Path, list[str]] = {}
    for kind in ("by-id", "by-path"):
        for link in sorted((root / kind).glob("*")):
            ports.setdefault(link.resolve(), []).append(str(link))
    if not ports:
        return (
            f"No serial port is under {root}.\n"
            "Check: is the adapter plugged in (lsusb lists it)? Did the kernel take it (dmesg | tail)?\n"
            "A port of the computer itself (/dev/ttyS0, /dev/serial0), or tcp://host:port of a device server, is\n"
            "probed by its name: infusion-edge probe PORT"
        )
    lines = ["Serial ports, each with its lasting names; give one of them: infusion-edge probe PORT"]
    for device, names in ports.items():
        holder = holder_of(str(device))
        lines += [f"  {device}" + (f"  in use: {holder}" if holder else ""), *(f"    {name}" for name in names)]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Answering:
    """Who answers on a port: the driver that understood it, its channels, and the serial numbers that were told."""

    driver: Driver
    channels: tuple[str, ...]
    serial_numbers: Mapping[str, str]


def probe(
    address: str,
    names: Sequence[str],
    timeout_s: float,
    *,
    mono_s: Callable[[], float],
    say: Say,
    take: Callable[[Answering], None] = lambda _: None,
) -> tuple[int, str]:
    """Try the drivers of these names (none: all), saying what is done; return the exit status and what was found.

    ``take`` is given what was found, where a program goes on with it.
    """
    for name in names:
        if name not in registry.names():
            return EXIT_REFUSED, f'infusion-edge: "{name}" is no driver: {suggest(name, registry.names())}'
    drivers = [registry.driver(name) for name in names or registry.names()]
    say(WARNING)
    try:
        return asyncio.run(_Prober(address, timeout_s, mono_s, say, take).run(drivers))
    except LineError as error:
        return EXIT_REFUSED, f"infusion-edge: {error}"


def attempts(drivers: Iterable[Driver], *, tcp: bool) -> list[tuple[Driver, ...]]:
    """Put drivers in the order in which they are tried; those in one group listen together."""
    groups: dict[LineSettings | None, list[Driver]] = {}
    asking = []
    for driver in drivers:
        if driver.listen_only:
            groups.setdefault(None if tcp else driver.line, []).append(driver)
        else:
            asking.append(driver)
    asking.sort(key=lambda driver: (driver.laboratory_only, _speaks_first(driver), driver.name))
    return [*map(tuple, groups.values()), *((driver,) for driver in asking)]


def _speaks_first(driver: Driver) -> bool:
    return any(isinstance(output, Send) for output in _session(driver).start(0.0))


def _session(driver: Driver) -> Session:
    return driver.session(SessionOptions(PORT))


class _Prober:
    def __init__(
        self,
        address: str,
        timeout_s: float,
        mono_s: Callable[[], float],
        say: Say,
        take: Callable[[Answering], None],
    ) -> None:
        self._take = take
        self._address = address
        self._tcp = address.startswith("tcp://")
        self._mono_s = mono_s
        self._say = say
        self._end_s = mono_s() + timeout_s
        self._line: Line | None = None
        self._lost = ""
        self._talks: list[Talk] = []
        self._bytes = 0

    async def run(self, drivers: Sequence[Driver]) -> tuple[int, str]:
        waiting = attempts(drivers, tcp=self._tcp)
        heard = 0
        try:
            while waiting and self._mono_s() < self._end_s:
                group = waiting.pop(0)
                seen = await self._attempt(group)
                heard += self._bytes
                found = max(seen, key=lambda one: one.accepted if one.answered else 0, default=None)
                if found is not None and found.answered:
                    others = [one for one in seen if one.answered and one is not found]
                    self._take(found.answering())
                    return EXIT_FOUND, "\n".join(_report(found, others, self._address, self._settings(found.driver)))
        finally:
            await self._close()
        return EXIT_NOTHING, _nothing(heard, [driver.name for group in waiting for driver in group])

    async def _attempt(self, group: tuple[Driver, ...]) -> list[_Seen]:
        names = ", ".join(driver.name for driver in group)
        listen_only = group[0].listen_only
        self._bytes = 0
        try:
            line = await self._open(group[0].line, listen_only=listen_only)
        except LineError as error:
            if error.reason is not LineFault.SETTINGS:
                raise
            self._say(f"  {names}: not tried: {error}")
            return []
        self._say(f"{'listening for' if listen_only else 'asking as'} {names}, {self._settings(group[0])} ...")
        seen = [_Seen(driver) for driver in group]
        self._talks = [
            Talk(_session(one.driver), mono_s=self._mono_s, write=line.write, on_turn=one.take) for one in seen
        ]
        for talk in self._talks:
            talk.start()
        await self._wait(seen, listen_only=listen_only)
        talks, self._talks = self._talks, []
        for talk, one in zip(talks, seen, strict=True):
            talk.stop()
            one.failed = talk.over.result()
        if not any(one.answered for one in seen):
            self._say(f"  {self._bytes} bytes heard, none accepted{_rejections(seen)}")
        if self._lost and not self._tcp:
            raise LineError(LineFault.FAILED, f"{self._address}: {self._lost}")
        return seen

    async def _wait(self, seen: Sequence[_Seen], *, listen_only: bool) -> None:
        """Wait for the first message, and then for what belongs to it."""
        rounds_s = max(talk.session.round_s for talk in self._talks) * ASK_ROUNDS
        end_s = min(self._end_s, self._mono_s() + (LISTEN_S if listen_only else max(ASK_MIN_S, rounds_s)))
        gathering = awaited = False
        while self._mono_s() < end_s and not self._lost and not all(talk.over.done() for talk in self._talks):
            await asyncio.sleep(min(TURN_S, end_s - self._mono_s()))
            if not gathering and any(one.answered for one in seen):
                gathering = True
                end_s = min(self._end_s, self._mono_s() + GATHER_S)
            elif not awaited and not gathering and any(one.identities for one in seen):
                # It repeated what it had said before; if it speaks by itself, it will.
                awaited = True
                end_s = min(self._end_s, self._mono_s() + rounds_s)

    async def _open(self, settings: LineSettings, *, listen_only: bool) -> Line:
        """Open the port anew with these settings; a TCP connection stays, since settings are its far end's affair."""
        if self._line is None or self._lost or not self._tcp:
            await self._close()
            self._lost = ""
            self._line = await open_free(
                self._address,
                settings,
                listen_only=listen_only and not self._tcp,
                on_data=self._hear,
                on_lost=self._lose,
            )
        return self._line

    async def _close(self) -> None:
        if self._line is not None:
            line, self._line = self._line, None
            await line.close()

    def _hear(self, data: bytes) -> None:
        self._bytes += len(data)
        for talk in self._talks:
            talk.hear(data)

    def _lose(self, reason: str) -> None:
        self._lost = reason

    def _settings(self, driver: Driver) -> str:
        line = driver.line
        words = f"{line.baud} baud, {line.data_bits}{line.parity}{line.stop_bits}"
        return f"over TCP (the converter must have {words})" if self._tcp else words


# --- what is said -----------------------------------------------------------------------------------------------------


def _rejections(seen: Sequence[_Seen]) -> str:
    rejected = sum((one.rejected for one in seen), Counter[str]())
    rejected.pop("timeout", None)  # a question that was not answered is no bytes
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(rejected.items()))
    failed = "; ".join(one.failed for one in seen if one.failed)
    return (f" (rejected: {told})" if told else "") + (f"; {failed}" if failed else "")


def _nothing(heard: int, untried: Sequence[str]) -> str:
    lines = ["No device was found."]
    if heard:
        lines.append(
            f"{heard} bytes came, and no driver could read them: the device may be set to another speed or another\n"
            "protocol than its driver expects, or its output may be one that no driver knows."
        )
    else:
        lines.append(
            "Not a byte came. Check: is the device on? Is its serial output switched on? Is it the right cable (a\n"
            "crossed one may be needed), in the right socket?"
        )
    if untried:
        lines.append(f"Not tried, for want of time (--timeout): {', '.join(untried)}")
    return "\n".join(lines)


def _report(found: _Seen, others: Sequence[_Seen], address: str, settings: str) -> Iterator[str]:
    driver = found.driver
    yield f"Found: {driver.name}: {driver.title}"
    yield f"  line        {settings}"
    for channel in found.channels:
        identity = found.identities.get(channel)
        yield f"  channel {channel:<3} {identity_words(identity) if identity else 'does not say who it is'}"
        sample = found.samples.get(channel)
        if sample is not None:
            yield from (f"              {words}" for words in sample_words(sample))
        yield from (f"              device alarm {one.code}: {one.text}" for one in found.alarms.get(channel, ()))
    yield f"  messages    {found.accepted} accepted, {found.rejected.total()} rejected{_rejections([found])}"
    if found.rejected.total() > found.accepted:
        yield "  DOUBTFUL: more was rejected than accepted. Check the line, and hold the values against the device."
    yield from (f"  also {other.driver.name} made {other.accepted} messages of it" for other in others)
    if driver.laboratory_only:
        yield "  NOT FOR HUMAN USE: for laboratories and animals only; refused in clinical mode."
    elif driver.experimental:
        yield "  experimental: hold the values against what the device itself shows."
    yield ""
    yield "For edge.toml:"
    yield ""
    yield from snippet(found.driver, address, found.channels, found.identities)


def snippet(
    driver: Driver, address: str, channels: Sequence[str], identities: dict[str, DeviceIdentified]
) -> Iterator[str]:
    """Give a [[port]] for edge.toml, and the binding of each channel as a comment."""
    name = f"{driver.kind.value}-1"
    path = lasting_name(address)
    yield "[[port]]"
    yield f"id = {json.dumps(name)}"
    yield f"path = {json.dumps(path)}"
    yield f"driver = {json.dumps(driver.name)}"
    yield ""
    yield f"# and in the [[bed]] that each belongs to, under {driver.kind.value}s = [...]:"
    for channel in channels:
        row = f"{{ port = {json.dumps(name)}"
        if driver.kind is DeviceKind.PUMP:
            row += f", channel = {json.dumps(channel)}"
        identity = identities.get(channel)
        if driver.identity is IdentitySupport.SERIAL_NUMBER and identity is not None and identity.serial_number:
            row += f", serial_number = {json.dumps(identity.serial_number)}"
        yield f"#   {row} }}"


def lasting_name(address: str) -> str:
    """Return the name under /dev/serial of a device whose own name changes with the order of plugging in."""
    if address.startswith("tcp://"):
        return address
    path = str(Path(address).absolute())
    return next(iter(stable_names(path)), path) if is_raw_usb_name(path) else path
