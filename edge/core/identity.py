"""Who answers on a channel, and whether what it says counts (H-08, H-10).

    state         its readings count   told
    none          yes                  shown as such: the device tells no serial number
    awaited       no                   DEVICE_IDENTITY_CHANGED if it goes on for 10 s
    confirmed     yes                  nothing
    unconfirmed   yes                  IDENTITY_UNCONFIRMED after 2 min at an active bed
    changed       no                   DEVICE_IDENTITY_CHANGED at once

Laws:
  * Where a serial number is known, a new connection and a channel put back await it again before a reading counts.
  * Pinned: the configured serial number is the only right one; without one, the first that is told. Nobody's word
    makes another one right.
  * To be confirmed: a new device is asked about and counts, except after a change in mid-infusion, or where it was last
    seen at another active bed. Then it counts when a nurse confirms it, or when the known device is back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drivers.model import DeviceIdentified
from edge.core.config import Binding, IdentityPolicy


class IdentityState(StrEnum):
    """How far it is known who answers."""

    NONE = "none"
    AWAITED = "awaited"
    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    CHANGED = "changed"


COUNTS = frozenset({IdentityState.NONE, IdentityState.CONFIRMED, IdentityState.UNCONFIRMED})
"""The states in which readings count."""


@dataclass(slots=True)
class Identity:
    """The identity of one channel. ``known`` is the device that counts, ``told`` who answers on this connection.

    ``why`` says who answered and why that device does not count; it is empty in every state but ``changed``.
    """

    policy: IdentityPolicy = IdentityPolicy.CONFIRM
    known: str = ""
    confirmed: str = ""
    told: DeviceIdentified | None = None
    why: str = ""

    @property
    def serial_number(self) -> str:
        """What the device tells of itself now; empty while it has not."""
        return self.told.serial_number if self.told is not None else ""

    @property
    def state(self) -> IdentityState:
        """How far it is known who answers."""
        if self.why:
            return IdentityState.CHANGED
        if not self.serial_number:
            return IdentityState.AWAITED if self.known else IdentityState.NONE
        return IdentityState.CONFIRMED if self.serial_number == self.confirmed else IdentityState.UNCONFIRMED

    @property
    def counts(self) -> bool:
        """Whether readings count."""
        # The commonest case, without asking for the state: the device tells no serial number, and none is known.
        return (not self.known and not self.why) or self.state in COUNTS

    def forget(self) -> None:
        """Await the serial number again: whoever is there now has not said who it is."""
        self.told = None

    def tell(self, told: DeviceIdentified, *, in_use: bool, elsewhere: str) -> bool:
        """Take up who answers; return whether it is another device than the one that counted.

        ``in_use``: the known device was last seen infusing. ``elsewhere``: the other active bed where the one that
        answers was last seen, empty if there is none.
        """
        self.told = told
        serial = told.serial_number
        if not serial:
            return False
        other = bool(self.known) and serial != self.known
        reason = self._against(other=other, in_use=in_use, elsewhere=elsewhere)
        self.why = f"has serial number {serial}, and {reason}" if reason else ""
        if not reason:
            self._accept(serial)
        return other

    def _against(self, *, other: bool, in_use: bool, elsewhere: str) -> str:
        if other and self.policy is IdentityPolicy.PINNED:
            return f"it must be {self.known}"
        if elsewhere:
            return f"it was last seen at {elsewhere}"
        return f"{self.known} was infusing here" if other and in_use else ""

    def confirm(self, serial_number: str) -> bool:
        """Take a person's word that this device belongs here; refused if it does not answer, or another is pinned."""
        if not serial_number or serial_number != self.serial_number:
            return False
        if self.policy is IdentityPolicy.PINNED and self.known not in ("", serial_number):
            return False
        self.known = self.confirmed = serial_number
        self.why = ""
        return True

    def _accept(self, serial: str) -> None:
        self.known = serial
        if self.policy is IdentityPolicy.PINNED:
            self.confirmed = serial


def identity_of(binding: Binding) -> Identity:
    """Make the identity of a binding as it is configured."""
    return Identity(binding.identity, known=binding.serial_number, confirmed=binding.serial_number)
