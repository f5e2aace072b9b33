"""Who may do what at a station: names with a PIN, sessions of a few minutes, lock-out. Pure but for chance and scrypt.

A PIN of a few digits protects nothing against whoever has the file; its hash is slow so that reading it is not enough.
What a station that is marked as attended may do without a name, and silencing, never hang on any of this (H-22).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from station.view import RoleName

ROLES: tuple[RoleName, ...] = ("viewer", "technician", "nurse", "prescriber")
"""Each may what those before it may."""

ATTENDED_VERBS = frozenset({"accept", "acknowledge", "audio-pause", "observe", "off-monitor", "reset", "resume"})
"""Alarms and observations, which an attended station takes without a name: nobody logs in while a patient chokes."""

SILENCING_VERBS = frozenset({"accept", "acknowledge", "audio-pause"})
"""What a lock-out never stops."""

OPEN_VERBS = frozenset({"history"})
"""What only looks: anybody who sees the page may."""

SESSION_S = 300.0
"""A nurse who was called away leaves no name behind for the next one."""

TRIES, LOCK_S = 5, 300.0
"""One name: with four digits, a guesser needs a week for half of them."""

WRONG_MAX, WRONG_S = 30, 60.0
"""All names together: whoever tries one PIN at every name."""

SESSIONS_MAX = 1000
"""Browsers that are logged in at once; over it the oldest is logged out."""

PIN = re.compile(r"[0-9]{4,12}")
_N, _R, _P, _KEY_BYTES, _SALT_BYTES = 2**14, 8, 1, 32, 16
"""16 MB and some 50 ms: what one login may cost a small computer."""

_HASH = re.compile(r"scrypt:([0-9a-f]{32}):([0-9a-f]{64})")


def pin_hash(pin: str, salt: bytes | None = None) -> str:
    """Return a PIN as the configuration keeps it."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    key = hashlib.scrypt(pin.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=_KEY_BYTES)
    return f"scrypt:{salt.hex()}:{key.hex()}"


def is_pin_hash(text: str) -> bool:
    """Tell whether this is what `pin_hash` makes."""
    return _HASH.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class User:
    """Somebody of the configuration."""

    user: str
    name: str
    role: RoleName
    pin: str

    def knows(self, pin: str) -> bool:
        """Tell whether this is the PIN. It takes its time: call it in a thread."""
        found = _HASH.fullmatch(self.pin)
        return found is not None and hmac.compare_digest(pin_hash(pin, bytes.fromhex(found[1])), self.pin)


@dataclass(frozen=True, slots=True)
class Session:
    """Who is logged in at a browser, until when."""

    user: User
    until_s: float


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nobody was logged in: `pin` with ``left`` more tries, `locked` until ``until_s``, or `too_many`."""

    error: str
    left: int = 0
    until_s: float = 0.0


@dataclass(slots=True)
class _Tries:
    wrong: int = 0
    locked_until_s: float | None = None


class Users:
    """The users, their sessions and their tries."""

    def __init__(self, users: Sequence[User], mono_s: Callable[[], float]) -> None:
        self.users = {user.user: user for user in users}
        self._mono_s = mono_s
        self._sessions: dict[str, Session] = {}
        self._tries: dict[str, _Tries] = {}
        self._wrong: deque[float] = deque()

    def refusal(self, name: str) -> Refused | None:
        """Tell why this name cannot log in now, before its PIN is looked at; ``None`` if it can."""
        now_s = self._mono_s()
        while self._wrong and self._wrong[0] <= now_s - WRONG_S:
            self._wrong.popleft()
        if len(self._wrong) >= WRONG_MAX:
            return Refused("too_many", until_s=self._wrong[0] + WRONG_S)
        tries = self._tries.get(name)
        if tries is not None and tries.locked_until_s is not None:
            if now_s < tries.locked_until_s:
                return Refused("locked", until_s=tries.locked_until_s)
            del self._tries[name]
        return None

    def wrong(self, name: str) -> Refused:
        """Note a wrong PIN, or a name that nobody has: it is told the same."""
        now_s = self._mono_s()
        self._wrong.append(now_s)
        if name not in self.users:
            return Refused("pin", left=TRIES - 1)
        tries = self._tries.setdefault(name, _Tries())
        tries.wrong += 1
        if tries.wrong >= TRIES:
            tries.locked_until_s = now_s + LOCK_S
            return Refused("locked", until_s=tries.locked_until_s)
        return Refused("pin", left=TRIES - tries.wrong)

    def begin(self, browser: str, user: User) -> Session:
        """Log somebody in at a browser; who was there before is logged out."""
        self._tries.pop(user.user, None)
        self._sessions.pop(browser, None)
        if len(self._sessions) >= SESSIONS_MAX:
            self._sessions.pop(next(iter(self._sessions)))
        self._sessions[browser] = Session(user, self._mono_s() + SESSION_S)
        return self._sessions[browser]

    def session(self, browser: str, *, acts: bool = False) -> Session | None:
        """Return who is logged in; an act moves the end on."""
        session = self._sessions.get(browser)
        if session is None or self._mono_s() >= session.until_s:
            return None
        if acts:
            session = self._sessions[browser] = Session(session.user, self._mono_s() + SESSION_S)
        return session

    def end(self, browser: str) -> bool:
        """Log out; tell whether anybody was logged in."""
        return self._sessions.pop(browser, None) is not None

    def ended(self) -> list[str]:
        """End the sessions whose time is over; return their browsers."""
        over = [browser for browser, session in self._sessions.items() if self._mono_s() >= session.until_s]
        for browser in over:
            del self._sessions[browser]
        return over

    def locked(self) -> bool:
        """Tell whether anybody is locked out now."""
        now_s = self._mono_s()
        return any(one.locked_until_s is not None and now_s < one.locked_until_s for one in self._tries.values())


@dataclass(frozen=True, slots=True)
class Actor:
    """In whose name something is asked of an edge."""

    user: str
    role: RoleName


def actor(verb: str, session: Session | None, *, attended: bool, locked: bool) -> Actor | None:
    """Tell in whose name a verb is asked; ``None``: somebody has to log in first.

    The edge judges whether the role is enough. During a lock-out silencing needs no name: nobody who is locked out must
    listen to an alarm, and the journal says that it was the station.
    """
    if session is not None:
        return Actor(session.user.user, session.user.role)
    if verb in OPEN_VERBS:
        return Actor("", "viewer")
    if attended and verb in ATTENDED_VERBS:
        return Actor("attended", "nurse")
    if locked and verb in SILENCING_VERBS:
        return Actor("locked-out", "nurse")
    return None
