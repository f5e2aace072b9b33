"""What a DRI session says to frames, for tests."""

from collections.abc import Iterable

from drivers.ge_dri import DriSession
from drivers.model import AlarmSetChanged, DeviceAlarm, Observation, Output, Quantity, Reading, SessionOptions, Validity


def begun() -> DriSession:
    session = DriSession(SessionOptions(port="bed-3"))
    session.start(0.0)
    session.tick(0.2)
    return session


def listen(*pieces: bytes) -> list[Output]:
    session = begun()
    return [output for piece in pieces for output in session.feed(piece, 1.0)]


def of_type(outputs: Iterable[Output], kind: type[Output]) -> list[Output]:
    return [output for output in outputs if isinstance(output, kind)]


def readings(data: bytes) -> dict[Quantity, Reading]:
    (seen,) = (output for output in listen(data) if isinstance(output, Observation))
    return {reading.quantity: reading for reading in seen.readings}


def shown(data: bytes) -> tuple[DeviceAlarm, ...]:
    return [output for output in listen(data) if isinstance(output, AlarmSetChanged)][-1].alarms


def told(reading: Reading) -> tuple[str | None, Validity, str, str]:
    return None if reading.value is None else str(reading.value), reading.validity, reading.origin, reading.note
