"""Who answers, and whether it counts: the table of `edge/core/identity.py` row by row, and its laws."""

from dataclasses import dataclass

import pytest

from edge.core.config import Binding, IdentityPolicy
from edge.core.identity import COUNTS, Identity, IdentityState, identity_of
from tests.core_world import PUMP, is_called

NONE, AWAITED, CONFIRMED, UNCONFIRMED, CHANGED = IdentityState
CONFIRM, PINNED = IdentityPolicy
FORGET = "forget"


@dataclass(frozen=True)
class Told:
    """A device tells its serial number; the known one was last seen infusing, or this one at another active bed."""

    serial: str
    in_use: bool = False
    elsewhere: str = ""


@dataclass(frozen=True)
class Confirm:
    """A person confirms a serial number; whether that is taken."""

    serial: str
    taken: bool


Step = tuple[Told | Confirm | str, IdentityState]
A, B, NO_SERIAL = Told("A"), Told("B"), Told("")
B_IN_USE, B_ELSEWHERE, A_ELSEWHERE = Told("B", in_use=True), Told("B", elsewhere="Bed 2"), Told("A", elsewhere="Bed 2")


def play(policy: IdentityPolicy, named: str, *script: Step) -> Identity:
    identity = identity_of(Binding(*PUMP, named, policy))
    for number, (act, state) in enumerate(script):
        match act:
            case Told(serial, in_use, elsewhere):
                identity.tell(is_called(float(number), serial), in_use=in_use, elsewhere=elsewhere)
            case Confirm(serial, taken):
                assert identity.confirm(serial) is taken, number
            case _:
                identity.forget()
        assert (number, identity.state, identity.counts) == (number, state, state in COUNTS)
    return identity


SCRIPTS: dict[str, tuple[IdentityPolicy, str, tuple[Step, ...]]] = {
    # none
    "none: a device that tells none": (CONFIRM, "", ((NO_SERIAL, NONE), (FORGET, NONE), (NO_SERIAL, NONE))),
    "none: pinned without a number": (PINNED, "", ((NO_SERIAL, NONE), (FORGET, NONE))),
    # awaited
    "awaited: the named one has not answered": (CONFIRM, "A", ((FORGET, AWAITED),)),
    "awaited: pinned and not answered": (PINNED, "A", ((FORGET, AWAITED),)),
    "awaited: where one is known, a device that tells none": (CONFIRM, "A", ((NO_SERIAL, AWAITED),)),
    "awaited: pinned, a device that tells none": (PINNED, "A", ((NO_SERIAL, AWAITED),)),
    "awaited anew: a confirmed device": (CONFIRM, "A", ((A, CONFIRMED), (FORGET, AWAITED), (A, CONFIRMED))),
    "awaited anew: an unconfirmed device": (CONFIRM, "", ((A, UNCONFIRMED), (FORGET, AWAITED), (A, UNCONFIRMED))),
    "awaited anew: a pinned device": (PINNED, "A", ((A, CONFIRMED), (FORGET, AWAITED), (A, CONFIRMED))),
    "awaited anew: another comes": (CONFIRM, "A", ((A, CONFIRMED), (FORGET, AWAITED), (B, UNCONFIRMED))),
    # confirmed
    "confirmed: the named one": (CONFIRM, "A", ((A, CONFIRMED), (A, CONFIRMED))),
    "confirmed: pinned, the named one": (PINNED, "A", ((A, CONFIRMED),)),
    "confirmed: pinned without a number, the first one": (
        PINNED,
        "",
        ((NO_SERIAL, NONE), (A, CONFIRMED), (B, CHANGED), (A, CONFIRMED)),
    ),
    "confirmed: by a person": (CONFIRM, "", ((A, UNCONFIRMED), (Confirm("A", taken=True), CONFIRMED))),
    "confirmed: by a person, also when it comes back": (
        CONFIRM,
        "",
        ((A, UNCONFIRMED), (Confirm("A", taken=True), CONFIRMED), (FORGET, AWAITED), (A, CONFIRMED)),
    ),
    # unconfirmed
    "unconfirmed: the first one": (CONFIRM, "", ((A, UNCONFIRMED),)),
    "unconfirmed: another than the named one": (CONFIRM, "A", ((B, UNCONFIRMED),)),
    "unconfirmed: one after the other": (CONFIRM, "", ((A, UNCONFIRMED), (B, UNCONFIRMED), (A, UNCONFIRMED))),
    "unconfirmed, and the confirmed one is back": (CONFIRM, "A", ((A, CONFIRMED), (B, UNCONFIRMED), (A, CONFIRMED))),
    # changed
    "changed: in mid-infusion": (CONFIRM, "", ((A, UNCONFIRMED), (B_IN_USE, CHANGED), (B_IN_USE, CHANGED))),
    "changed: in mid-infusion, and the known one is back": (
        CONFIRM,
        "",
        ((A, UNCONFIRMED), (B_IN_USE, CHANGED), (Told("A", in_use=True), UNCONFIRMED)),
    ),
    "changed: in mid-infusion, and confirmed": (
        CONFIRM,
        "A",
        ((A, CONFIRMED), (B_IN_USE, CHANGED), (Confirm("B", taken=True), CONFIRMED), (B_IN_USE, CONFIRMED)),
    ),
    "the known one again while it infuses is no change": (CONFIRM, "A", ((Told("A", in_use=True), CONFIRMED),)),
    "the first one where something of no name infused is no change": (CONFIRM, "", ((B_IN_USE, UNCONFIRMED),)),
    "changed: last seen at another active bed": (CONFIRM, "", ((B_ELSEWHERE, CHANGED), (B, UNCONFIRMED))),
    "changed: the known one, last seen at another active bed": (CONFIRM, "A", ((A_ELSEWHERE, CHANGED), (A, CONFIRMED))),
    "changed: last seen elsewhere, and confirmed": (
        CONFIRM,
        "A",
        ((A, CONFIRMED), (B_ELSEWHERE, CHANGED), (Confirm("B", taken=True), CONFIRMED), (A, UNCONFIRMED)),
    ),
    "changed: pinned, at once": (PINNED, "A", ((B, CHANGED), (A, CONFIRMED))),
    "changed: pinned, the right one was last seen elsewhere": (PINNED, "A", ((A_ELSEWHERE, CHANGED), (A, CONFIRMED))),
    "changed: it stays so over a new connection until the right one tells": (
        CONFIRM,
        "A",
        ((A, CONFIRMED), (B_IN_USE, CHANGED), (FORGET, CHANGED), (NO_SERIAL, CHANGED), (A, CONFIRMED)),
    ),
    # what a person may not do
    "refused: a serial number that does not answer": (
        CONFIRM,
        "A",
        (
            (A, CONFIRMED),
            (B_IN_USE, CHANGED),
            (Confirm("A", taken=False), CHANGED),
            (Confirm("C", taken=False), CHANGED),
        ),
    ),
    "refused: nobody answers": (
        CONFIRM,
        "A",
        ((Confirm("A", taken=False), AWAITED), (A, CONFIRMED), (FORGET, AWAITED), (Confirm("A", taken=False), AWAITED)),
    ),
    "refused: one that tells none": (CONFIRM, "", ((NO_SERIAL, NONE), (Confirm("", taken=False), NONE))),
    "refused: another than the pinned one": (PINNED, "A", ((B, CHANGED), (Confirm("B", taken=False), CHANGED))),
    "refused: another than the first of a pinned place": (
        PINNED,
        "",
        ((A, CONFIRMED), (B, CHANGED), (Confirm("B", taken=False), CHANGED), (Confirm("A", taken=False), CHANGED)),
    ),
    "taken: the pinned one itself, last seen elsewhere": (
        PINNED,
        "A",
        ((A_ELSEWHERE, CHANGED), (Confirm("A", taken=True), CONFIRMED)),
    ),
    "taken: the first of a pinned place, last seen elsewhere": (
        PINNED,
        "",
        ((A_ELSEWHERE, CHANGED), (Confirm("A", taken=True), CONFIRMED), (B, CHANGED)),
    ),
}


@pytest.mark.parametrize(("policy", "named", "script"), SCRIPTS.values(), ids=SCRIPTS)
def test_row(policy: IdentityPolicy, named: str, script: tuple[Step, ...]) -> None:
    play(policy, named, *script)


def test_what_counts() -> None:
    assert {state.value: state in COUNTS for state in IdentityState} == {
        "none": True,
        "awaited": False,
        "confirmed": True,
        "unconfirmed": True,
        "changed": False,
    }


@pytest.mark.parametrize(
    ("policy", "told", "why"),
    [
        (CONFIRM, B_IN_USE, "has serial number B, and A was infusing here"),
        (CONFIRM, Told("B", in_use=True, elsewhere="Bed 2"), "has serial number B, and it was last seen at Bed 2"),
        (CONFIRM, A_ELSEWHERE, "has serial number A, and it was last seen at Bed 2"),
        (PINNED, Told("B", in_use=True, elsewhere="Bed 2"), "has serial number B, and it must be A"),
        (PINNED, A_ELSEWHERE, "has serial number A, and it was last seen at Bed 2"),
    ],
)
def test_a_change_says_why(policy: IdentityPolicy, told: Told, why: str) -> None:
    identity = play(policy, "A", (told, CHANGED))
    assert identity.why == why
    identity.forget()
    assert (identity.why, identity.serial_number) == (why, "")
    identity.tell(is_called(9.0, "A"), in_use=True, elsewhere="")
    assert identity.why == ""


@pytest.mark.parametrize(
    ("named", "told", "another"),
    [("", "A", False), ("A", "A", False), ("A", "", False), ("A", "B", True), ("", "", False)],
)
def test_it_tells_whether_another_device_answers(named: str, told: str, another: bool) -> None:
    identity = identity_of(Binding(*PUMP, named))
    assert identity.tell(is_called(1.0, told), in_use=False, elsewhere="") is another


def test_the_device_that_counts_stays_known_while_another_answers() -> None:
    identity = play(CONFIRM, "A", (A, CONFIRMED), (B_IN_USE, CHANGED))
    assert (identity.known, identity.serial_number) == ("A", "B")
    assert identity.confirm("B")
    assert (identity.known, identity.confirmed) == ("B", "B")


def test_a_binding_that_names_none_is_not_awaited_and_asks_by_itself() -> None:
    identity = identity_of(Binding(*PUMP))
    assert (identity.policy, identity.known, identity.state) == (CONFIRM, "", NONE)
