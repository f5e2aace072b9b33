"""The first `edge.toml` of a site: the shipped file and its comments, with the site's own names, lines and beds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from drivers import registry
from drivers.model import DeviceKind, NibpTime

_HEAD = (
    "# This is the demonstration's file, which the tests use too. Copy it, change it, and try it with\n",
    "# Made by infusion-edge init. Change it as you like, and try it with\n",
)
_PORTS = re.compile(r"(?:\[\[port\]\]\n.*?\n\n)+", re.DOTALL)
_BEDS = re.compile(r"(?:\[\[bed\]\]\n.*?\n\n)+", re.DOTALL)
_ORDERS = re.compile(r"# ---- Orders for the demonstration.*?(?=# ---- Standard limits)", re.DOTALL)
_STATIONS = re.compile(r"\[\[station\]\]\n.*?\n\n", re.DOTALL)
_BROKER = re.compile(r'(?<=\[broker\]\n)host = ".*?"\nport = \d+\n')

PLAIN_PORT = 1883
"""Where nothing was said. With TLS it is 8883, which needs no word."""

CA, PASSWORD = "ca.crt", "broker.password"
"""As `broker-files` calls them."""

ALL_VITAL_SIGNS = ("heart_rate", "spo2", "respiratory_rate", "nibp")
OXIMETER_VITAL_SIGNS = ("heart_rate", "spo2")


class TemplateError(Exception):
    """The shipped file is not what it was."""


@dataclass(frozen=True, slots=True)
class FirstBed:
    """A bed, and what nurses call it."""

    bed: str
    label: str


@dataclass(frozen=True, slots=True)
class FirstDevice:
    """A device channel at a bed. ``channel`` is empty for a monitor, ``serial_number`` where it is not known."""

    bed: str
    driver: str
    address: str
    channel: str = ""
    serial_number: str = ""

    @property
    def is_pump(self) -> bool:
        """Whether it is a pump's."""
        return registry.driver(self.driver).kind is DeviceKind.PUMP


@dataclass(frozen=True, slots=True)
class Answers:
    """What a site says of one bedside computer."""

    site: str
    edge: str
    beds: tuple[FirstBed, ...]
    devices: tuple[FirstDevice, ...]
    mode: str = "demo"
    host: str = "127.0.0.1"
    port: int = 1883
    stations: tuple[str, ...] = ("ward-desk",)
    logs_in: bool = False
    """Whether the files of `broker-files` are there: TLS, with a password."""


def edge_file(template: str, answers: Answers) -> str:
    """Put the answers into the shipped file. Raises TemplateError."""
    text = _swap(template, *_HEAD)
    text = _swap(text, 'mode = "demo"', f"mode = {_text(answers.mode)}")
    text = _swap(text, 'site = "demo"', f"site = {_text(answers.site)}")
    text = _swap(text, 'edge = "pi-1"', f"edge = {_text(answers.edge)}")
    text = _put(_BROKER, "".join(f"{line}\n" for line in _broker(answers)), text)
    text = _put(_ORDERS, "", text)
    stations = "".join(
        f'[[station]]\nid = {_text(one)}\nrole = "nurse"\nrequired = false\n\n' for one in answers.stations
    )
    text = _put(_STATIONS, stations, text)
    text = _put(_PORTS, "".join(_ports(answers)) + "\n", text)
    return _put(_BEDS, "".join(_beds(answers)) + "\n", text)


def _broker(answers: Answers) -> Iterator[str]:
    yield f"host = {_text(answers.host)}"
    if not answers.logs_in or answers.port != PLAIN_PORT:
        yield f"port = {answers.port}"
    if answers.logs_in:
        yield f'tls = true\nca_file = "{CA}"'
        yield f'username = "edge-{answers.edge}"\npassword_file = "{PASSWORD}"'


def _swap(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise TemplateError(f"the shipped edge.toml has {old.strip()} {text.count(old)} times")
    return text.replace(old, new)


def _put(where: re.Pattern[str], new: str, text: str) -> str:
    found, count = where.subn(lambda _: new, text, count=1)
    if not count:
        raise TemplateError(f"the shipped edge.toml has no {where.pattern[:40]}")
    return found


def _ports(answers: Answers) -> Iterator[str]:
    for address, name in _names(answers).items():
        driver = next(one.driver for one in answers.devices if one.address == address)
        yield f"[[port]]\nid = {_text(name)}\npath = {_text(address)}\ndriver = {_text(driver)}\n\n"


def _beds(answers: Answers) -> Iterator[str]:
    names = _names(answers)
    for bed in answers.beds:
        mine = [device for device in answers.devices if device.bed == bed.bed]
        pumps = [_binding(names[one.address], one) for one in mine if one.is_pump]
        monitors = [_binding(names[one.address], one) for one in mine if not one.is_pump]
        vitals = json.dumps(list(_vital_signs([one for one in mine if not one.is_pump])))
        yield f"[[bed]]\nid = {_text(bed.bed)}\nlabel = {_text(bed.label)}\nvital_signs = {vitals}\n"
        if "nibp" in vitals:
            yield 'cuff_interval = "5 min"\n'
        if pumps:
            yield f"pumps = [{', '.join(pumps)}]\n"
        if monitors:
            yield f"monitors = [{', '.join(monitors)}]\n"
        yield "\n"


def _vital_signs(monitors: list[FirstDevice]) -> tuple[str, ...]:
    """Return what the monitors of a bed can tell: of oximeters, no breathing and no cuff."""
    if not monitors:
        return ()
    measures = any(registry.driver(one.driver).nibp_time is not NibpTime.NOT_MEASURED for one in monitors)
    return ALL_VITAL_SIGNS if measures else OXIMETER_VITAL_SIGNS


def _binding(port: str, device: FirstDevice) -> str:
    parts = [f"port = {_text(port)}"]
    if device.is_pump:
        parts.append(f"channel = {_text(device.channel)}")
    if device.serial_number:
        parts.append(f"serial_number = {_text(device.serial_number)}")
    return f"{{ {', '.join(parts)} }}"


def _names(answers: Answers) -> dict[str, str]:
    """Name each line by its first bed and its kind."""
    names: dict[str, str] = {}
    for device in answers.devices:
        if device.address in names:
            continue
        stem = f"{device.bed}-{'pump' if device.is_pump else 'monitor'}"[:28]
        number = 1
        while (name := stem if number == 1 else f"{stem}-{number}") in names.values():
            number += 1
        names[device.address] = name
    return names


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
