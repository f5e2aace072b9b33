"""The floor: find the number in the bytes and pass it on at once. No limit, no checks, no acknowledgement.

Started as ``python -m bench.relay BROKER_PORT PATH...``.
"""

import asyncio
import os
import re
import sys
from functools import partial

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

SPO2 = re.compile(rb"SPO2=1;([0-9]+)")
KEEPALIVE_S = 60
MISC_EVERY_S = 1.0


def pass_on(client: Client, number: int, fd: int) -> None:
    """Publish each saturation found."""
    for found in SPO2.findall(os.read(fd, 4096)):
        client.publish(f"relay/{number}", found)


async def main() -> None:
    """Relay for ever."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", int(sys.argv[1]), KEEPALIVE_S)
    loop = asyncio.get_running_loop()
    connection = client.socket()
    if connection is None:
        raise SystemExit("no connection")
    loop.add_reader(connection.fileno(), client.loop_read)
    for number, path in enumerate(sys.argv[2:]):
        fd = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        loop.add_reader(fd, partial(pass_on, client, number, fd))
    while True:
        await asyncio.sleep(MISC_EVERY_S)
        client.loop_misc()


if __name__ == "__main__":
    asyncio.run(main())
