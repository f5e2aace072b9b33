"""`infusion-edge init`: the first configuration of a bedside computer, by questions at a terminal or by flags.

Laws:
  * Nothing is written that `check-config` would refuse, and nothing is overwritten without an explicit word; a file
    that is replaced is kept beside. A drug library that is there is never touched: a clinician may have approved it.
  * No device is asked anything without a yes: a patient may depend on it.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from drivers import registry
from drivers.model import DeviceKind
from edge.config import ConfigError, load
from edge.config_broker import is_loopback
from edge.config_file import Identifier, Text, suggest
from edge.first_file import CA, PASSWORD, PLAIN_PORT, Answers, FirstBed, FirstDevice, TemplateError, edge_file
from edge.ports import adapters
from edge.probe import EXIT_FOUND, Answering, lasting_name, list_ports, probe

EXIT_OK = 0
EXIT_REFUSED = 1
EXIT_USAGE = 2

_SHARE, _OWN = Path("/usr/share"), Path(__file__).parent.parent / "config"
SHIPPED = (
    (_SHARE / "doc/infusion-edge/examples/edge.toml", _SHARE / "infusion-edge/drugs.toml"),
    (_OWN / "edge.toml", _OWN / "drugs.toml"),
)
"""Where the package, or the project's own folder, has the commented files."""

HERE = "127.0.0.1"
PROBE = "probe"
PROBE_LIMIT_S = 90.0
BEDS_MAX = 72
EDGE, LIBRARY, BEFORE = "edge.toml", "drugs.toml", ".before"

Say = Callable[[str], None]


class InitError(Exception):
    """Something was said that cannot be; the text says what can."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the command line said; empty where it did not."""

    folder: Path
    site: str = ""
    edge: str = ""
    beds: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    broker: str = ""
    stations: tuple[str, ...] = ()
    mode: str = "demo"
    force: bool = False
    run_dir: Path = Path("/var/lib/infusion-edge")


def init(said: Said, *, terminal: bool, mono_s: Callable[[], float], say: Say) -> tuple[int, str]:
    """Make the first configuration. Asks for what was not said where there is a ``terminal``."""
    target = said.folder / EDGE
    if there := _in_the_way(target, force=said.force):
        return EXIT_REFUSED, f"infusion-edge: {there}"
    dialogue = _Dialogue(mono_s, say)
    try:
        template, library = _shipped()
        answers = dialogue.complete(said) if terminal else _from_flags(said, dialogue)
        elsewhere = not is_loopback(answers.host)
        logs_in = elsewhere and all((said.folder / name).is_file() for name in (CA, PASSWORD))
        answers = replace(answers, logs_in=logs_in)
        text = edge_file(template.read_text(encoding="utf-8"), answers)
    except (InitError, TemplateError, OSError) as error:
        return EXIT_USAGE, f"infusion-edge: {error}"
    except (EOFError, KeyboardInterrupt):
        return EXIT_REFUSED, "\nstopped: nothing was written"
    mine = said.folder / LIBRARY
    copies = {str(target): text.encode()}
    if not mine.exists():
        copies[str(mine)] = library.read_bytes()
    try:
        found = load(target, said.run_dir, os.environ, copies)
    except ConfigError as error:
        problems = "\n".join(f"  {problem}" for problem in error.problems)
        return EXIT_REFUSED, f"infusion-edge: nothing was written, for this cannot be:\n{problems}"
    try:
        written = list(_write(copies))
    except OSError as error:
        return EXIT_REFUSED, f"infusion-edge: {said.folder} cannot be written: {error.strerror or error} (sudo?)"
    doubts = [f"  {problem}" for problem in found.warnings]
    return EXIT_OK, "\n".join([*written, *(["Look at:", *doubts] if doubts else []), *_next_steps(answers)])


def _in_the_way(target: Path, *, force: bool) -> str:
    try:
        if target.exists() and not force:
            return f"{target} is there already: change it, or say --force (it is kept beside)"
    except OSError as error:
        return f"{target.parent} cannot be looked into: {error.strerror} (sudo?)"
    return ""


def _shipped() -> tuple[Path, Path]:
    for edge, library in SHIPPED:
        if edge.is_file() and library.is_file():
            return edge, library
    raise InitError(f"the shipped files are not there ({SHIPPED[0][0]}): install the package again")


def _write(copies: dict[str, bytes]) -> Iterator[str]:
    for name, data in copies.items():
        target = Path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            before = target.with_name(target.name + BEFORE)
            target.replace(before)
            yield f"kept   {before}"
        fresh = target.with_name(target.name + ".new")
        fresh.write_bytes(data)
        fresh.chmod(0o644)
        fresh.replace(target)
        yield f"wrote  {target}"


def _next_steps(answers: Answers) -> Iterator[str]:
    yield ""
    yield "Next:"
    yield "  sudo infusion-edge check-config    what would be watched, with every limit and where it comes from"
    yield "  sudo infusion-edge doctor          what is still wrong, and what to do"
    yield "  sudo systemctl start infusion-edge"
    yield 'Limits and drugs are EXAMPLES: a clinician must approve them before mode = "clinical" and any patient.'
    if answers.logs_in:
        yield f"The broker is spoken to over TLS, with {CA} and {PASSWORD} that lie beside it."
    elif not is_loopback(answers.host):
        yield "The broker is on another machine: give it TLS and a login (infusion-edge broker-files)."


# --- what was said ----------------------------------------------------------------------------------------------------


def _from_flags(said: Said, dialogue: _Dialogue) -> Answers:
    missing = [
        flag for flag, there in (("--site", said.site), ("--bed", said.beds), ("--device", said.devices)) if not there
    ]
    if missing:
        raise InitError(f"{' and '.join(missing)} must be said where nobody can be asked (no terminal)")
    beds = tuple(_bed(text) for text in said.beds)
    devices = [device for text in said.devices for device in _devices(text, beds, dialogue.found_at)]
    host, port = _broker(said.broker)
    return Answers(
        _identifier(said.site, "--site"),
        _identifier(said.edge or _host_name(), "--edge"),
        beds,
        tuple(devices),
        said.mode,
        host,
        port,
        tuple(_identifier(one, "--station") for one in said.stations) or ("ward-desk",),
    )


def _identifier(text: str, what: str) -> str:
    try:
        return str(TypeAdapter(Identifier).validate_python(text))
    except ValidationError:
        raise InitError(f"{what} {text}: use 1 to 32 lower-case letters, digits and hyphens, no hyphen first") from None


def _label(text: str, what: str) -> str:
    try:
        return str(TypeAdapter(Text).validate_python(text))
    except ValidationError:
        raise InitError(f"{what}: write 1 to 80 printable characters, no blanks at the ends") from None


def _bed(text: str) -> FirstBed:
    bed, _, label = text.partition("=")
    return FirstBed(_identifier(bed, "--bed"), _label(label or _as_label(bed), f"the label of {bed}"))


def _as_label(bed: str) -> str:
    return bed.replace("-", " ").capitalize()


def _devices(text: str, beds: Sequence[FirstBed], probed: Callable[[str], Answering]) -> list[FirstDevice]:
    """Read ``BED=DRIVER[.CHANNEL]@PORT``; the driver may be ``probe``, which asks who answers there."""
    bed, equals, rest = text.partition("=")
    what, at, address = rest.partition("@")
    if not (equals and at and address):
        raise InitError(f"--device {text}: write BED=DRIVER@PORT, BED=DRIVER.CHANNEL@PORT or BED=probe@PORT")
    if bed not in [one.bed for one in beds]:
        raise InitError(f"--device {text}: {suggest(bed, [one.bed for one in beds])}")
    name, _, channel = what.partition(".")
    if name == PROBE:
        answering = probed(address)
        return devices_of(bed, answering, lasting_name(address), [channel] if channel else answering.channels)
    return [_device(bed, name, channel, lasting_name(address))]


def _device(bed: str, name: str, channel: str, address: str) -> FirstDevice:
    if name not in registry.names():
        raise InitError(f'"{name}" is no driver: {suggest(name, registry.names())}')
    if registry.driver(name).kind is DeviceKind.PUMP and not channel:
        raise InitError(f"{name} is a pump's: say its channel too, {name}.11 for instance (docs/devices.md)")
    return FirstDevice(bed, name, address, channel)


def devices_of(bed: str, answering: Answering, address: str, channels: Sequence[str]) -> list[FirstDevice]:
    """Make the bindings of what answered on a port, for these channels of it."""
    for channel in channels:
        if channel not in answering.channels:
            raise InitError(f"channel {channel} did not answer: {', '.join(answering.channels)} did")
    name = answering.driver.name
    return [FirstDevice(bed, name, address, channel, answering.serial_numbers.get(channel, "")) for channel in channels]


def _broker(text: str) -> tuple[str, int]:
    if not text:
        return HERE, PLAIN_PORT
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, PLAIN_PORT
    if not host or not port.isdecimal():
        raise InitError(f"--broker {text}: give HOST or HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)  # an IPv6 address stands in brackets before a port


def _host_name() -> str:
    name = socket.gethostname().partition(".")[0].lower().replace("_", "-")[:32].strip("-")
    return name or "edge-1"


# --- what is asked ----------------------------------------------------------------------------------------------------


class _Dialogue:
    """Questions at a terminal. Ctrl-D ends them, and nothing is written."""

    def __init__(self, mono_s: Callable[[], float], say: Say) -> None:
        self._mono_s = mono_s
        self._say = say

    def complete(self, said: Said) -> Answers:
        """Ask for what was not said."""
        self._say(
            "The first configuration of this bedside computer. [in brackets]: what Enter takes. Ctrl-D ends it.\n"
        )
        site = said.site or self._ask("Site, in MQTT topics", "", lambda text: _identifier(text, "site"))
        edge = said.edge or self._ask("Name of this computer", _host_name(), lambda text: _identifier(text, "edge"))
        beds = said.beds or tuple(self._ask_beds())
        whole = replace(said, site=site, edge=edge, beds=beds)
        named = tuple(_bed(text) for text in beds)
        if said.devices:
            return _from_flags(whole, self)
        broker = said.broker or self._ask(
            "Broker, HOST or HOST:PORT", "127.0.0.1", lambda text: text if _broker(text) else ""
        )
        devices = [device for bed in named for device in self._ask_devices(bed)]
        host, port = _broker(broker)
        stations = tuple(_identifier(one, "--station") for one in said.stations) or ("ward-desk",)
        return Answers(
            _identifier(site, "site"), _identifier(edge, "edge"), named, tuple(devices), said.mode, host, port, stations
        )

    def found_at(self, address: str) -> Answering:
        """Ask who answers on a port; the one who said so has seen that nobody depends on it."""
        found: list[Answering] = []
        status, text = probe(address, (), PROBE_LIMIT_S, mono_s=self._mono_s, say=self._say, take=found.append)
        if status != EXIT_FOUND or not found:
            raise InitError(f"{address}: {text}")
        return found[0]

    def _ask_beds(self) -> Iterator[str]:
        self._say("\nThe beds that it watches, one after the other; an empty name ends them.")
        for number in range(1, BEDS_MAX + 1):
            default = f"bed-{number}" if number == 1 else ""
            bed = self._ask(f"Bed {number}", default, lambda text: _identifier(text, "bed") if text else "")
            if not bed:
                return
            label = self._ask("  What nurses call it", _as_label(bed), lambda text: _label(text, "label"))
            yield f"{bed}={label}"

    def _ask_devices(self, bed: FirstBed) -> Iterator[FirstDevice]:
        ports, names = self._show_ports(), registry.names()
        self._say(f"\nThe devices of {bed.label}: a port by its number or name, or tcp://host:port; empty: no more.")
        while port := self._ask("  Port", "", lambda text: text):
            address = lasting_name(ports[int(port) - 1] if port.isdecimal() and 0 < int(port) <= len(ports) else port)
            name = self._ask(
                f"  Driver ({', '.join(names)}), or ? to ask the device", "?", lambda text: _known(text, names)
            )
            try:
                yield from self._of(bed.bed, name, address)
            except InitError as error:
                self._say(f"  {error}")

    def _of(self, bed: str, name: str, address: str) -> list[FirstDevice]:
        if name == "?":
            if self._ask("  Does no patient depend on this device? yes or no", "no", _yes_or_no) != "yes":
                raise InitError("then it is not asked: give its driver, or come back when it is free")
            answering = self.found_at(address)
            self._say(f"  {answering.driver.title}, channels {', '.join(answering.channels)}")
            default = ",".join(answering.channels)
            chosen = self._ask("  Channels of this bed", default, lambda text: text)
            return devices_of(bed, answering, address, [one.strip() for one in chosen.split(",")])
        if registry.driver(name).kind is not DeviceKind.PUMP:
            return [_device(bed, name, "", address)]
        channel = self._ask("  Channel (docs/devices.md)", "", lambda text: text)
        return [_device(bed, name, channel, address)]

    def _show_ports(self) -> list[str]:
        found = [next(iter(one.names), one.device) for one in adapters()]
        self._say("")
        for number, name in enumerate(found, start=1):
            self._say(f"  {number}  {name}")
        if not found:
            self._say(list_ports())
        return found

    def _ask(self, question: str, default: str, read: Callable[[str], str]) -> str:
        """Ask until the answer is one."""
        while True:
            sys.stdout.write(f"{question}{f' [{default}]' if default else ''}: ")
            sys.stdout.flush()
            line = sys.stdin.readline()
            if not line:
                raise EOFError
            try:
                return read(line.strip() or default)
            except InitError as error:
                self._say(f"  {error}")


def _known(text: str, names: Sequence[str]) -> str:
    if text != "?" and text not in names:
        raise InitError(f'"{text}" is no driver: {suggest(text, names)}')
    return text


def _yes_or_no(text: str) -> str:
    if text not in ("yes", "no"):
        raise InitError("say yes or no")
    return text
