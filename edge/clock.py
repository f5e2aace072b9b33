"""The clocks: the one module that reads them.

Monotonic time drives every duration. The wall clock is a label: a Pi has no clock of its own, so it may be 1970 at boot
and leap by hours when the network is found; whether the kernel holds it to be synchronised travels with every stamp
(H-14).
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from edge.core.model import Instant

_TIME_ERROR = 5
"""``adjtimex`` returns it while the clock is not synchronised (TIME_ERROR)."""

_TIMEX_BYTES = 512
"""Room for ``struct timex`` (208 bytes on 64-bit Linux, 128 on 32-bit), zeroed: ``modes`` 0 only reads."""

BOOT_ID = "INFUSION_EDGE_BOOT_ID"


class Clock:
    """The real clocks, read together."""

    def __init__(self) -> None:
        self._adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex

    def now(self) -> Instant:
        """Read all clocks at once."""
        return Instant(time.monotonic(), time.time(), self.synchronised())

    def mono_s(self) -> float:
        """Monotonic seconds, as the event loop counts them."""
        return time.monotonic()

    def synchronised(self) -> bool:
        """Whether the kernel holds the wall clock to be synchronised."""
        return 0 <= int(self._adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))) < _TIME_ERROR


def to_next(turn_s: float, now_s: float) -> float:
    """Return how long it is to the next whole turn: what all turns so often then wakes the processor together."""
    return turn_s - now_s % turn_s


def boot_id(environment: Mapping[str, str]) -> str:
    """The kernel's boot id: monotonic times compare only within one. The unit hands it in, since it hides /proc/sys."""
    with suppress(ValueError):
        return str(UUID(environment.get(BOOT_ID, "")))
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123 - one line, read once
            return file.read().strip()
    except OSError:
        return ""


def rfc3339(wall_s: float) -> str:
    """Unix seconds as UTC text with milliseconds."""
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
