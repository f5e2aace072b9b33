"""The yardstick: monitors to MQTT as a competent person writes it, with a limit, and with none of the safety.

Started as ``python -m bench.plain BROKER_PORT PATH...``.
"""

import asyncio
import json
import sys
import time

import aiomqtt
import serial

SPO2_LIMIT = 80
SHOW_EVERY_S = 1.0


def parse(message: bytes) -> dict[str, int] | None:
    """Find the numbers of a message."""
    start = message.find(b"\xffANSAR-B ")
    if start < 0 or len(message) < start + 409:
        return None
    vitals = {}
    for line in message[start + 409 :].decode("ascii", errors="replace").split("\r"):
        name, _, rest = line.partition("=")
        fields = rest.split(";")
        if len(fields) > 1 and fields[1].strip().isdigit():
            vitals[name] = int(fields[1])
    return vitals


async def watch(path: str, number: int, client: aiomqtt.Client) -> None:
    """Watch one monitor."""
    port = serial.Serial(path, 9600, timeout=0)
    chunks: asyncio.Queue[bytes] = asyncio.Queue()
    asyncio.get_running_loop().add_reader(port.fileno(), lambda: chunks.put_nowait(port.read(4096)))
    buffer, alarm, shown_at_s = b"", False, 0.0
    while True:
        *messages, buffer = (buffer + await chunks.get()).split(b"\xfe")
        for vitals in map(parse, messages):
            if vitals is None or "SPO2" not in vitals:
                continue
            low = vitals["SPO2"] < SPO2_LIMIT
            if low != alarm:
                alarm = low
                body = json.dumps({"alarm": low, "spo2": vitals["SPO2"], "limit": SPO2_LIMIT})
                await client.publish(f"plain/{number}/alarm", body, qos=1, retain=True)
            if time.monotonic() - shown_at_s >= SHOW_EVERY_S:
                shown_at_s = time.monotonic()
                await client.publish(f"plain/{number}/vitals", json.dumps(vitals), qos=1, retain=True)


async def main() -> None:
    """Watch them all."""
    async with aiomqtt.Client("127.0.0.1", int(sys.argv[1])) as client, asyncio.TaskGroup() as tasks:
        for number, path in enumerate(sys.argv[2:]):
            tasks.create_task(watch(path, number, client))


if __name__ == "__main__":
    asyncio.run(main())
