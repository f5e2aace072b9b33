"""What the broker still had of this edge's alarms when it was read back: adopted by the core, or emptied."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import structlog

from edge.core.inputs import AlarmFound
from edge.messages.topics import Topics
from edge.mqtt import Heard
from edge.outgoing import Lane, Outgoing
from edge.sender import Sender
from edge.wire_alarms import alarm_from_message

REASON_MAX = 200

_log = structlog.get_logger(__name__)


class Adoption:
    """Takes up retained alarms; ``over`` names those that are known to have ended, by bed, key and occurrence."""

    def __init__(self, topics: Topics, put: Callable[[AlarmFound], None], over: Iterable[tuple[str, str, str]]) -> None:
        self._topics = topics
        self._put = put
        self._over = set(over)

    def learn(self, over: Iterable[tuple[str, str, str]]) -> None:
        """Take up what else has ended, which could be read only now."""
        self._over |= set(over)

    def take(self, retained: Sequence[Heard], now_s: float, sender: Sender) -> None:
        """Hand each to the core as it was retained; what cannot be read is emptied at the broker."""
        unreadable: list[tuple[str, str]] = []
        for heard in retained:
            try:
                self._put(self._read(heard, now_s, sender))
            except (ValueError, OverflowError, OSError) as error:
                # Of no version of ours, so nobody can read it: left there it would be junk for every reader, for ever.
                unreadable.append((heard.topic, str(error)[:REASON_MAX]))
                sender.publish(Outgoing(heard.topic, b"", Lane.ALARM_LOW))
        if unreadable:
            topic, reason = unreadable[0]
            count = len(unreadable)
            _log.error("retained alarms cannot be read and are emptied", count=count, first=topic, reason=reason)

    def _read(self, heard: Heard, now_s: float, sender: Sender) -> AlarmFound:
        alarm = alarm_from_message(heard.payload)
        if heard.topic != self._topics.alarm(alarm.key.bed, alarm.key.name):
            raise ValueError("it is another topic's")
        over = (alarm.key.bed, alarm.key.name, alarm.occurrence) in self._over
        return AlarmFound(now_s, alarm, over or sender.ends(heard.topic, alarm.occurrence))
