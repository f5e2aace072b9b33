"""`replay`: run a recording through its driver and the core in no time, and print what they make of it.

Pure: the recorded bytes are fed at their recorded times, so each run prints the same, byte for byte. The driver must
send now what it sent then; where it does not, the answers in the file are those of another conversation, which is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

from drivers import registry
from drivers.model import (
    HARMLESS_REJECTIONS,
    AlarmSetChanged,
    BolusGiven,
    ChannelRemoved,
    DeviceIdentified,
    DeviceRestarted,
    Driver,
    Observation,
    Output,
    Rejected,
    Send,
    Session,
    SessionOptions,
)
from edge.config import ConfigError, load
from edge.config_file import suggest
from edge.core.effects import Event
from edge.core.inputs import Input, LineErrors, LinkCause, LinkChange
from edge.recording import Entry, Head, RecordingError, What, read_entries, read_head
from edge.replay_bed import PORT, ReplayBed, Scene, configured, made_up
from edge.tell import identity_words, sample_words

EXIT_OK = 0
EXIT_DIFFERS = 1
"""The driver failed, or sends something else than it did when the recording was made."""
EXIT_UNUSABLE = 2
EXIT_CONFIG = 78

COUNT_S = 1.0
"""How often the counts of accepted and rejected messages are told, as the daemon does."""

Say = Callable[[str], None]


class _UnusableError(Exception):
    """It cannot be replayed; the text says why."""


def replay(path: Path, config: Path | None, port: str, *, say: Say, complain: Say) -> int:
    """Say what driver and core make of a recording, or complain that it cannot be played; return the exit status."""
    try:
        if (config is None) is not (port == ""):
            raise _UnusableError("give --config and --port together: the bed of which line is it?")  # noqa: TRY301 - told as the others are
        head = read_head(path)
        for _ in read_entries(path):  # a file that is not whole is not played at all
            pass
        driver = _driver(path, head)
        wall_s = _wall_s(path, head)
        scene = _configured(config, port, driver) if config is not None else _made_up(path, head, driver)
    except (RecordingError, _UnusableError) as error:
        complain(f"infusion-edge: {error}")
        return EXIT_UNUSABLE
    except ConfigError as error:
        complain(str(error))
        return EXIT_CONFIG
    say(f"{driver.name}: {driver.title}")
    doubt = "" if head.synchronised else " (the clock was not synchronised)"
    say(f"recorded at {head.address} from {head.started}{doubt}, by version {head.version}")
    beds = ", ".join(bed.bed for bed in scene.core.beds)
    say(f"heard as port {scene.port} of {beds}, {config}" if config else "heard at a made-up bed: no limits, no orders")
    return _Player(scene, _session(head, driver, scene.port), wall_s, say).play(read_entries(path))


def _driver(path: Path, head: Head) -> Driver:
    if head.driver not in registry.names():
        hint = suggest(head.driver, registry.names())
        raise _UnusableError(f'{path}, line 1: "{head.driver}" is no driver: {hint}')
    return registry.driver(head.driver)


def _session(head: Head, driver: Driver, port: str) -> Session:
    return driver.session(SessionOptions(port, head.channels, head.poll_interval_s, head.asks_at_s))


def _wall_s(path: Path, head: Head) -> float:
    try:
        return datetime.fromisoformat(head.started).timestamp()
    except (TypeError, ValueError, OverflowError) as error:
        raise _UnusableError(f"{path}, line 1: started is no time") from error


def _configured(config: Path, port: str, driver: Driver) -> Scene:
    configuration = load(config, Path())
    ports = {one.port: one.driver.name for one in configuration.ports}
    if port not in ports:
        raise _UnusableError(f'{config}: "{port}" is no port: {suggest(port, ports)}')
    if ports[port] != driver.name:
        raise _UnusableError(f"{config}: {port} has the driver {ports[port]}, and the recording is of {driver.name}")
    return configured(configuration, port)


def _made_up(path: Path, head: Head, driver: Driver) -> Scene:
    """Make a bed of the channels that the recording has: a first run through the driver alone."""
    session = _session(head, driver, PORT)
    channels: dict[str, None] = {}
    for _, entry in read_entries(path):
        try:
            outputs = _call(session, entry)
        except Exception:  # noqa: BLE001 - the second run tells of it
            break
        channels.update(dict.fromkeys(one.channel for one in outputs if isinstance(one, Observation)))
    return made_up(driver, tuple(sorted(channels)), session.round_s)


def _call(session: Session, entry: Entry) -> Sequence[Output]:
    match entry.what:
        case What.START:
            return session.start(entry.at_s)
        case What.HEARD:
            return session.feed(entry.data, entry.at_s)
        case What.TICK:
            return session.tick(entry.at_s)
        case What.SENT | What.END:
            return ()


@dataclass(slots=True)
class _Counts:
    samples: int = 0
    rejected: int = 0
    events: int = 0
    differing: int = 0
    # since they were last told to the core
    accepted_now: int = 0
    garbled_now: dict[str, int] = field(default_factory=dict)


class _Player:
    def __init__(self, scene: Scene, session: Session, wall_s: float, say: Say) -> None:
        self._port = scene.port
        self._session = session
        self._bed = ReplayBed(scene, wall_s)
        self._say = say
        self._counts = _Counts()
        self._told_s = 0.0
        self._round_s: float | None = None
        self._sent: list[bytes] = []
        self._recorded: list[bytes] = []

    def play(self, entries: Iterable[tuple[int, Entry]]) -> int:
        counts, failed, entry = self._counts, "", Entry(0.0, What.END)
        number = 0
        for number, entry in entries:
            if entry.what is What.SENT:
                self._recorded.append(entry.data)
                continue
            if entry.what is not What.END:
                self._compare(number)
            self._count_until(entry.at_s)
            try:
                outputs = _call(self._session, entry)
            except Exception as error:  # noqa: BLE001 - what the recording is there to show
                failed = f"the driver failed at line {number}: {type(error).__name__}: {error}"
                break
            self._take(entry.at_s, outputs)
        if not failed and entry.reason == "stopped":
            self._compare(number)
        self._tell(entry.at_s, "end", failed or entry.reason)
        if counts.differing:
            self._say(f"DIFFERS: at {counts.differing} places this driver sends something else than was recorded")
        self._say(f"{counts.samples} samples, {counts.rejected} rejected, {counts.events} events of alarms")
        return EXIT_DIFFERS if failed or counts.differing else EXIT_OK

    def _take(self, now_s: float, outputs: Iterable[Output]) -> None:
        inputs: list[Input] = list(self._link(now_s))
        for output in outputs:
            match output:
                case Send():
                    self._sent.append(output.data)
                case Rejected():
                    self._reject(now_s, output)
                case _:
                    self._counts.accepted_now += 1
                    self._counts.samples += isinstance(output, Observation)
                    self._tell(now_s, *_words(output))
                    inputs.append(output)
        if inputs:
            self._show(self._bed.hear(now_s, inputs))

    def _link(self, now_s: float) -> Iterator[LinkChange]:
        """Tell that the line is up, and how long its round takes, as often as that changes."""
        if self._session.round_s != self._round_s:
            self._round_s = self._session.round_s
            yield LinkChange(self._port, now_s, up=True, cause=LinkCause.OPENED, detail="", round_s=self._round_s)

    def _reject(self, now_s: float, rejected: Rejected) -> None:
        self._counts.rejected += 1
        if rejected.reason not in HARMLESS_REJECTIONS:
            garbled = self._counts.garbled_now
            garbled[rejected.reason] = garbled.get(rejected.reason, 0) + 1
        self._tell(now_s, "rejected", f"{rejected.reason} {rejected.excerpt.hex(' ')}".rstrip())

    def _count_until(self, now_s: float) -> None:
        """Let the time pass, and tell the core once a second how many messages were accepted and rejected."""
        while self._told_s + COUNT_S <= now_s:
            self._told_s += COUNT_S
            counts = self._counts
            garbled, counts.garbled_now = counts.garbled_now, {}
            accepted, counts.accepted_now = counts.accepted_now, 0
            if accepted or garbled:
                reason = max(garbled, key=garbled.__getitem__, default="")
                told = LineErrors(self._port, self._told_s, accepted, sum(garbled.values()), reason)
                self._show(self._bed.hear(self._told_s, (told,)))
        self._show(self._bed.advance(now_s))

    def _compare(self, number: int) -> None:
        """Hold what the driver sent against what was recorded up to the line before."""
        sent, recorded = self._sent, self._recorded
        self._sent, self._recorded = [], []
        if sent == recorded:
            return
        self._counts.differing += 1
        if self._counts.differing == 1:
            for now, then in zip_longest(sent, recorded, fillvalue=b""):
                self._say(
                    f"DIFFERS before line {number}: sent then {then.hex() or 'nothing'}, now {now.hex() or 'nothing'}"
                )

    def _show(self, events: Iterable[Event]) -> None:
        for event in events:
            self._counts.events += 1
            alarm = event.alarm
            place = f"{alarm.key.bed} " if alarm.key.bed else ""
            words = f"{event.phase} {alarm.priority.name.lower()} {place}{alarm.key.name}: {alarm.text}"
            self._tell(event.at.mono_s, "ALARM", words)

    def _tell(self, now_s: float, what: str, words: str) -> None:
        self._say(f"{now_s:12.3f}  {what:9} {words}")


def _words(output: Output) -> tuple[str, str]:
    match output:
        case Observation():
            return "sample", f"{output.channel}: {'; '.join(sample_words(output))}"
        case DeviceIdentified():
            return "device", f"{output.channel}: {identity_words(output)}"
        case AlarmSetChanged():
            alarms = "; ".join(f"{alarm.code} {alarm.text} ({alarm.kind})" for alarm in output.alarms)
            return "alarms", f"{output.channel}: {alarms or 'the device shows none'}"
        case BolusGiven():
            volume = "" if output.volume_ml is None else f", the last of {output.volume_ml} mL"
            return "bolus", f"{output.channel}: {output.count}{volume}"
        case DeviceRestarted():
            return "restarted", f"{output.channel}: {output.reason}"
        case ChannelRemoved():
            return "removed", f"{output.channel}: {output.reason}"
        case Send() | Rejected():
            raise AssertionError(output)  # they have words of their own
