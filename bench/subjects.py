"""The three programs that are compared, and how their alarm is known when it arrives."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from bench.configuration import EDGE, SITE, monitors_only
from bench.load import link
from bench.messages import BAD_SPO2_PERCENT
from bench.process import HOST, python

SUBSCRIBED_LIMIT_S = 3.0
_POLL_S = 0.005
_PREFIX = f"infusion/v1/{SITE}/edge/{EDGE}"


@dataclass(frozen=True, slots=True)
class Subject:
    """A program under measurement.

    ``topic`` matches its alarms, ``device`` finds the device in one, ``tells`` whether the payload says that it began;
    ``arguments`` makes the command line from a folder, the number of devices, and the broker's port.
    """

    name: str
    module: str
    topic: str
    device: re.Pattern[str]
    tells: Callable[[bytes], bool]
    arguments: Callable[[Path, int, int], list[str]]

    @contextmanager
    def run(
        self, folder: Path, devices: int, broker_port: int, *, notify_socket: str = ""
    ) -> Iterator[subprocess.Popen[str]]:
        """Run it."""
        arguments = self.arguments(folder, devices, broker_port)
        with python(folder, self.module, *arguments, notify_socket=notify_socket) as process:
            yield process


def _daemon_arguments(folder: Path, devices: int, broker_port: int) -> list[str]:
    config = monitors_only(folder, devices)
    return ["run", str(config), "--run-dir", str(folder), "--broker", f"{HOST}:{broker_port}"]


def _script_arguments(folder: Path, devices: int, broker_port: int) -> list[str]:
    return [str(broker_port), *(str(link(folder, device)) for device in range(devices))]


DAEMON = Subject(
    "daemon",
    "bench.bare",
    f"{_PREFIX}/bed/+/alarm/SPO2_LOW",
    re.compile(rf"{_PREFIX}/bed/bed-(\d+)/.*"),
    lambda payload: b'"present":true' in payload,
    _daemon_arguments,
)
PLAIN = Subject(
    "plain script",
    "bench.plain",
    "plain/+/alarm",
    re.compile(r"plain/(\d+)/.*"),
    lambda payload: b'"alarm": true' in payload,
    _script_arguments,
)
RELAY = Subject(
    "raw relay",
    "bench.relay",
    "relay/+",
    re.compile(r"relay/(\d+)"),
    lambda payload: int(payload) == BAD_SPO2_PERCENT,
    _script_arguments,
)


class Heard:
    """Alarms as a subscriber got them: a device's moments, on the clock that the load stamps with."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._moments_s: dict[int, list[float]] = {}
        self.subscribed = False

    def take(self, topic: str, payload: bytes, now_s: float) -> None:
        """Take a message."""
        if payload and self._subject.tells(payload):
            found = self._subject.device.fullmatch(topic)
            if found is not None:
                self._moments_s.setdefault(int(found[1]), []).append(now_s)

    def first(self, device: int, from_s: float, before_s: float) -> float | None:
        """Return the first alarm of a device in the interval."""
        return next((at_s for at_s in self._moments_s.get(device, ()) if from_s <= at_s < before_s), None)

    def wait(self, device: int, from_s: float, limit_s: float) -> float | None:
        """Wait for an alarm of a device; ``None`` if it does not come."""
        until_s = time.monotonic() + limit_s
        while (found := self.first(device, from_s, float("inf"))) is None and time.monotonic() < until_s:
            time.sleep(_POLL_S)
        return found


@contextmanager
def listening(subject: Subject, broker_port: int) -> Iterator[Heard]:
    """Subscribe, with QoS 1, in a thread that does nothing else."""
    heard = Heard(subject)

    def on_message(_client: Client, _userdata: object, message: MQTTMessage) -> None:
        now_s = time.monotonic()
        heard.take(message.topic, bytes(message.payload), now_s)

    def on_subscribe(*_: object) -> None:
        heard.subscribed = True

    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = on_message
    client.on_subscribe = on_subscribe
    client.connect(HOST, broker_port)
    client.subscribe(subject.topic, qos=1)
    client.loop_start()
    until_s = time.monotonic() + SUBSCRIBED_LIMIT_S
    while not heard.subscribed and time.monotonic() < until_s:
        time.sleep(_POLL_S)
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()
