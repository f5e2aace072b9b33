"""`map`: after a device was swapped: who answers where, bind it, a test alarm, and the sheet that people sign.

Laws:
  * Nothing is bound that a person did not read on the device itself: its serial number is typed, not agreed to (H-08).
  * The alarm's way counts as proved by somebody who stood at the station; a receipt of its page is noted beside it.
  * The sheet says what is so, also where that is not good: then it says "not accepted".
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge.acceptance_sheet import Device, Sheet, written
from edge.check_config import bed_lines
from edge.clock import rfc3339
from edge.commands import ask_once, standing
from edge.commands_therapy import NotAskedError
from edge.config import ConfigError, Configuration, load
from edge.core.config import BedConfig, IdentityPolicy
from edge.core.model import Instant
from edge.doctor import Asked, credentials, doctor
from edge.doctor_daemon import NotAskedError as NoAnswerError
from edge.doctor_daemon import Running, ask
from edge.messages.alarms import AlarmMessage
from edge.ports import Adapter, adapters
from edge.rows import JournalRow
from edge.store_file import StoreFileError
from edge.store_reading import read_story

EXIT_OK, EXIT_NOT_ACCEPTED, EXIT_USAGE = 0, 1, 2

TEST, SHOWN = "TEST_ALARM", "displayed"
LOOK_S = 0.5
LOOKS_MAX = 50
"""So often, half a second apart, it is looked whether a page shows the test alarm, which lasts half a minute."""

SHEETS_MAX = 99
"""Of a bed on a day: after so many a name has to be given."""

TO_ASK = frozenset({"unconfirmed", "changed"})
WELL = frozenset({"confirmed", "none"})
"""States of an identity in which readings count, and nobody is asked."""

UNHEARD = "not heard"
_CHANGE = "if the new device is to stay, change serial_number there, and reload (systemctl reload infusion-edge)"


class MapError(Exception):
    """It cannot be done; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever stands there: is told, is asked, and is waited for."""

    say: Callable[[str], None]
    ask: Callable[[str], str]
    wait: Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which bed, of which daemon and configuration; ``sheet`` is a new file, ``None``: a name is made here."""

    bed: str
    asked: Asked
    sheet: Path | None


def _new_sheet(stem: str) -> Path:
    """Name a sheet: a bed that was not accepted is gone through again on the same day."""
    names = (Path(f"{stem}{'' if number == 1 else f'-{number}'}.html") for number in range(1, SHEETS_MAX + 1))
    return next((path for path in names if not path.exists()), Path(f"{stem}.html"))


def map_bed(wanted: Wanted, person: Person, now: Callable[[], Instant]) -> int:
    """Go through a bed with a person; return the exit status. Raises MapError."""
    configuration = _configuration(wanted)
    bed = _bed(configuration, wanted.bed)
    path = wanted.sheet or _new_sheet(f"acceptance-{configuration.core.edge}-{bed.bed}-{rfc3339(now().wall_s)[:10]}")
    if path.exists():
        raise MapError(f"{path} is there already: name another file (--sheet)")
    found = adapters()
    devices = _heard(wanted, person, lambda running: tuple(_devices(configuration, bed, running, found)))
    person.say(f"{bed.label} ({bed.bed}) of the edge {configuration.core.edge}:")
    for device in devices:
        person.say("\n".join(_told(device)))
    bound = [_bind(wanted, bed, device, person) for device in devices]
    if any(bound):
        devices = tuple(_devices(configuration, bed, _running_anew(wanted, person), found))
    station, seen = _try_alarm(wanted, person, configuration.store_path)
    person.say("looking at everything else (as infusion-edge doctor does) ...")
    rows: list[dict[str, Any]] = json.loads(doctor(wanted.asked, as_json=True, say=person.say)[1])
    sheet = Sheet(
        made=now(),
        site=configuration.core.site,
        edge=configuration.core.edge,
        bed=bed.bed,
        label=bed.label,
        program=version("infusion-edge"),
        devices=devices,
        files=configuration.sha256,
        limits=tuple(bed_lines(configuration, bed)),
        checks=tuple((row["level"], row["check"], row["text"], row["remedy"]) for row in rows),
        standing=tuple(
            f"{one.priority} {one.bed or 'edge'}: {one.text}" for one in _alarms(wanted) if one.condition != TEST
        ),
        station=station,
        seen=seen,
        faults=tuple(_faults(devices, rows, seen=seen)),
    )
    return _finish(wanted, person, bed, sheet, path)


def _configuration(wanted: Wanted) -> Configuration:
    try:
        with credentials() as environment:
            return load(wanted.asked.config, wanted.asked.run_dir, environment)
    except ConfigError as error:
        raise MapError(f"the configuration cannot be used: infusion-edge check-config says why\n{error}") from error


def _bed(configuration: Configuration, name: str) -> BedConfig:
    beds = configuration.core.beds
    for bed in beds:
        if name == bed.bed or name.casefold() == bed.label.casefold():
            return bed
    raise MapError(f"there is no bed {name}: {', '.join(f'{bed.bed} ({bed.label})' for bed in beds)}")


def _running(wanted: Wanted) -> Running:
    try:
        return ask(wanted.asked.control)
    except NoAnswerError as error:
        raise MapError(f"{error}: {error.remedy}") from error


def _running_anew(wanted: Wanted, person: Person) -> Running:
    """Return what the daemon says after its next self-check, which is there within 10 s."""
    before = _running(wanted).self_check.count
    for _ in range(LOOKS_MAX):
        running = _running(wanted)
        if running.self_check.count > before:
            return running
        person.wait(LOOK_S)
    raise MapError("the daemon says nothing new of itself: look at its log (journalctl -u infusion-edge)")


def _heard(wanted: Wanted, person: Person, look: Callable[[Running], tuple[Device, ...]]) -> tuple[Device, ...]:
    """Return the devices when all of them were heard, or as they are after a while: who was swapped comes up slowly."""
    for tries in range(LOOKS_MAX):
        devices = look(_running(wanted))
        if all(one.link == "up" and one.identity != "awaited" for one in devices):
            return devices
        if not tries:
            person.say("waiting for the devices to be heard ...")
        person.wait(LOOK_S)
    return devices


def _devices(
    configuration: Configuration, bed: BedConfig, running: Running, found: Sequence[Adapter]
) -> Iterator[Device]:
    ports = {port.port: port for port in configuration.ports}
    for role, bindings in (("pump", bed.pumps), ("monitor", bed.monitors)):
        for binding in bindings:
            port, line = ports[binding.port], running.devices.get(binding.port)
            adapter = _adapter(port.address, found)
            told = next((one for one in line.identities if one.channel == binding.channel), None) if line else None
            yield Device(
                role=role,
                port=binding.port,
                channel=binding.channel,
                address=port.address,
                adapter="" if adapter is None else adapter.serial_number or adapter.usb_path,
                names=() if adapter is None else adapter.names,
                driver=port.driver.name,
                experimental=port.driver.experimental,
                link=UNHEARD if line is None else line.link,
                model="" if told is None else told.model,
                serial_number="" if told is None else told.serial_number,
                identity="none" if told is None else told.state,
                wanted=binding.serial_number,
                pinned=binding.identity is IdentityPolicy.PINNED and binding.serial_number != "",
            )


def _adapter(address: str, found: Sequence[Adapter]) -> Adapter | None:
    resolved = str(Path(address).resolve())
    return next((one for one in found if address in (one.device, *one.names) or resolved == one.device), None)


def _told(device: Device) -> Iterator[str]:
    proof = " (experimental)" if device.experimental else ""
    yield f"  {device.role} at {device.port} channel {device.channel}: {device.address}, {device.driver}{proof}"
    if device.adapter:
        yield f"      adapter {device.adapter}"
    yield from (f"      {name}" for name in device.names)
    who = f"{device.model or 'unknown model'}, serial number {device.serial_number}" if device.serial_number else ""
    yield f"      line {device.link}; {who or 'it tells no serial number'} ({device.identity})"


def _bind(wanted: Wanted, bed: BedConfig, device: Device, person: Person) -> bool:
    """Ask a person who is there, where the edge does not know it; return whether something was bound."""
    if device.identity not in TO_ASK or device.link != "up":
        return False
    place = f"{device.role} at {device.port} channel {device.channel}"
    if device.pinned and device.wanted != device.serial_number:
        person.say(f"  {place} must be {device.wanted}: {_CHANGE}")
        return False
    typed = person.ask(f"  {place}: type the serial number that is on the device: ").strip()
    if typed != device.serial_number:
        person.say(f"  {typed or 'nothing'} is not what answers there: it was not bound. Look which cable goes where")
        return False
    fields = {"port": device.port, "channel": device.channel, "serial_number": device.serial_number}
    what = f"confirm-device {device.serial_number} at {device.port} channel {device.channel} of {bed.bed}"
    status, said = _act(wanted, "confirm-device", what, bed=bed.bed, **fields)
    person.say(f"  {said}")
    if status == EXIT_OK and device.wanted not in ("", device.serial_number):
        person.say(f"  edge.toml says {device.wanted}: {_CHANGE}")
    return status == EXIT_OK


def _try_alarm(wanted: Wanted, person: Person, store: Path) -> tuple[str, bool]:
    """Send a test alarm; return the station whose page showed it by its receipt, and whether a person saw it there."""
    person.ask("Let somebody stand at the station, and press Enter: a test alarm comes for half a minute. ")
    status, said = _act(wanted, "test-alarm", "test-alarm, for half a minute")
    person.say(said)
    if status != EXIT_OK:
        return "", False
    station = _shown_at(wanted, person, store)
    person.say(f"a page of {station} shows it, by its receipt" if station else "no page has said that it shows it")
    return station, person.ask("Was it seen and heard at the station? yes or no: ").strip().casefold() in ("yes", "y")


def _shown_at(wanted: Wanted, person: Person, store: Path) -> str:
    """Return the station whose page said that it shows the test alarm, as the journal has it; empty if none did."""
    for _ in range(LOOKS_MAX):
        alarm = next((one for one in _alarms(wanted) if one.condition == TEST), None)
        rows = () if alarm is None else _story(store, alarm.occurrence)
        station = next((json.loads(row.body).get("station", "") for row in rows if row.kind == SHOWN), "")
        if station or _receipts_are_off(wanted):
            return str(station)
        person.wait(LOOK_S)
    return ""


def _story(store: Path, occurrence: str) -> tuple[JournalRow, ...]:
    try:
        return read_story(store, occurrence)
    except StoreFileError:
        return ()  # then nothing is known of a receipt, and the sheet says so


def _receipts_are_off(wanted: Wanted) -> bool:
    return _running(wanted).self_check.receipts == "off"


def _alarms(wanted: Wanted) -> tuple[AlarmMessage, ...]:
    try:
        return standing(wanted.asked.control)
    except NotAskedError as error:
        raise MapError(str(error)) from error


def _act(wanted: Wanted, verb: str, what: str, **fields: object) -> tuple[int, str]:
    try:
        return ask_once(wanted.asked.control, verb, what, **fields)
    except NotAskedError as error:
        raise MapError(str(error)) from error


def _faults(devices: Sequence[Device], rows: Sequence[dict[str, Any]], *, seen: bool) -> Iterator[str]:
    for device in devices:
        place = f"{device.role} at {device.port} channel {device.channel}"
        if device.link != "up":
            yield f"{place}: the line is {device.link}"
        elif device.identity not in WELL:
            yield f"{place}: who answers is {device.identity}"
    if not seen:
        yield "nobody has seen the test alarm at the station"
    mine = {f"line {device.port}" for device in devices}
    for row in rows:
        of_another = row["check"].startswith("line ") and row["check"] not in mine
        if row["level"] == "error" and not of_another:
            yield f"{row['check']}: {row['text']}"


def _finish(wanted: Wanted, person: Person, bed: BedConfig, sheet: Sheet, path: Path) -> int:
    page = written(sheet, html.escape).encode()
    try:
        with path.open("xb") as file:
            file.write(page)
    except OSError as error:
        raise MapError(f"{path} cannot be written: {error.strerror}") from error
    result = "not accepted" if sheet.faults else "accepted"
    digest = hashlib.sha256(page).hexdigest()
    _, said = _act(wanted, "bed-accepted", f"{bed.bed} {result}", bed=bed.bed, result=result, sheet_sha256=digest)
    person.say("\n".join([said, *(f"  {fault}" for fault in sheet.faults), f"Print and sign: {path.resolve()}"]))
    return EXIT_NOT_ACCEPTED if sheet.faults else EXIT_OK
