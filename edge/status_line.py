"""The line of `systemctl status`: beds, alarms, lines that are down, the broker, what waits; told when it changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from edge.core.effects import AlarmIndex, Content, Roster, SelfCheck
from edge.core.model import Priority
from edge.notify import Notifier

NAMES_MAX = 4
"""So many lines are named; of more the number must do."""

DETAIL_MAX = 120
"""As much of a reason as a terminal shows."""


class StatusLine:
    """Makes the line from what is published, and tells systemd. ``events_waiting`` counts the outbox.

    Nothing is told before `begin`.
    """

    def __init__(self, notify: Notifier, events_waiting: Callable[[], int]) -> None:
        self._notify = notify
        self._events_waiting = events_waiting
        self._begun = False
        self._told = ""
        self._beds = 0
        self._alarms: dict[str, tuple[Priority, ...]] = {}
        self._down: tuple[str, ...] = ()
        self._waiting = 0
        self._broker = ""
        self._refused = ""
        self._experimental: tuple[str, ...] = ()

    def begin(self, beds: Collection[str], experimental: Iterable[str], refused: str = "") -> str:
        """Return the first line, for the word that the service is ready; from now on changes are told."""
        self.configured(beds, experimental, refused)
        self._begun, self._told = True, self._text()
        return self._told

    def configured(self, beds: Collection[str], experimental: Iterable[str], refused: str = "") -> None:
        """Take up which configuration is in force, and why another one was refused."""
        self._beds, self._experimental, self._refused = (
            len(beds),
            tuple(sorted(set(experimental))),
            refused[:DETAIL_MAX],
        )
        self._alarms = {scope: alarms for scope, alarms in self._alarms.items() if not scope or scope in beds}
        self._tell()

    def published(self, content: Content) -> None:
        """Take up what is published."""
        match content:
            case AlarmIndex(bed, alarms):
                self._alarms[bed] = tuple(alarm.priority for alarm in alarms)
            case Roster(_, devices):
                self._down = tuple(device.port for device in devices if device.link == "down")
            case SelfCheck():
                # Each event waits for a moment: only what still waits at the beat is worth a word.
                self._waiting = self._events_waiting()
            case _:
                return
        self._tell()

    def broker(self, *, connected: bool, detail: str) -> None:
        """Take up whether the broker is there."""
        self._broker = "" if connected else f"no broker ({detail[:DETAIL_MAX]})" if detail else "no broker"
        self._tell()

    def _tell(self) -> None:
        text = self._text()
        if self._begun and text != self._told:
            self._told = text
            self._notify.tell(text)

    def _text(self) -> str:
        parts = [f"watching {self._beds} bed{'s' * (self._beds != 1)}", _count(self._alarms.values())]
        if self._down:
            names = ", ".join(self._down) if len(self._down) <= NAMES_MAX else str(len(self._down))
            parts.append(f"lines down: {names}")
        if self._broker:
            parts.append(self._broker)
        if self._waiting:
            parts.append(f"{self._waiting} events wait for the broker")
        if self._refused:
            parts.append(f"configuration not taken: {self._refused}")
        if self._experimental:
            parts.append(f"experimental drivers: {', '.join(self._experimental)}")
        return f"STATUS={'; '.join(parts)}"


def _count(scopes: Iterable[tuple[Priority, ...]]) -> str:
    standing = [priority for scope in scopes for priority in scope]
    counts = [(each, standing.count(each)) for each in (Priority.HIGH, Priority.MEDIUM, Priority.LOW)]
    words = ", ".join(f"{count} {each.name.lower()}" for each, count in counts if count)
    return f"alarms: {words}" if words else "no alarm"
