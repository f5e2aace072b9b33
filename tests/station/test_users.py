"""PINs, sessions and lock-out, by a clock that is handed in; and in whose name something is asked."""

import pytest

from edge.messages.verbs import LOOKS, REQUESTS
from station.users import (
    ATTENDED_VERBS,
    LOCK_S,
    OPEN_VERBS,
    SESSION_S,
    SESSIONS_MAX,
    SILENCING_VERBS,
    TRIES,
    WRONG_MAX,
    WRONG_S,
    Actor,
    Refused,
    Session,
    User,
    Users,
    actor,
    is_pin_hash,
    pin_hash,
)

KARI = User("kari", "Kari", "nurse", "scrypt:x")
OLA = User("ola", "Ola", "prescriber", "scrypt:y")


class Time:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def made(*users: User) -> tuple[Users, Time]:
    clock = Time()
    return Users(users or (KARI, OLA), clock), clock


def test_a_pin_is_kept_as_a_slow_hash_and_known_again() -> None:
    told = pin_hash("2580")
    assert is_pin_hash(told)
    assert "2580" not in told
    assert pin_hash("2580") != told
    user = User("kari", "Kari", "nurse", told)
    assert user.knows("2580")
    assert not user.knows("2581")
    assert not KARI.knows("2580")


@pytest.mark.parametrize("text", ["2580", "", "scrypt:ab:cd", "scrypt:" + "0" * 32 + ":" + "0" * 63])
def test_what_is_no_hash(text: str) -> None:
    assert not is_pin_hash(text)


def test_a_session_ends_by_itself_and_each_act_moves_its_end() -> None:
    users, clock = made()
    assert users.begin("b", KARI).until_s == 1000.0 + SESSION_S
    clock.now_s += SESSION_S - 1
    assert users.session("b") == Session(KARI, 1000.0 + SESSION_S)
    session = users.session("b", acts=True)
    assert session is not None
    assert session.until_s == clock.now_s + SESSION_S
    clock.now_s += SESSION_S
    assert users.session("b", acts=True) is None
    assert users.ended() == ["b"]
    assert users.ended() == []


def test_a_session_is_of_one_browser_and_of_one_person() -> None:
    users, _ = made()
    users.begin("b", KARI)
    users.begin("b", OLA)
    session = users.session("b")
    assert session is not None
    assert session.user == OLA
    assert users.session("c") is None
    assert users.end("b")
    assert not users.end("b")


def test_a_name_is_locked_after_its_tries_and_opens_by_itself() -> None:
    users, clock = made()
    told = [users.wrong("kari") for _ in range(TRIES)]
    until_s = 1000.0 + LOCK_S
    assert told == [
        *(Refused("pin", left=left) for left in range(TRIES - 1, 0, -1)),
        Refused("locked", until_s=until_s),
    ]
    assert users.refusal("kari") == Refused("locked", until_s=until_s)
    assert users.locked()
    assert users.refusal("ola") is None
    clock.now_s = until_s
    assert users.refusal("kari") is None
    assert not users.locked()
    assert users.wrong("kari") == Refused("pin", left=TRIES - 1)


def test_a_right_pin_forgives_the_wrong_ones() -> None:
    users, _ = made()
    for _ in range(TRIES - 1):
        users.wrong("kari")
    users.begin("b", KARI)
    assert users.wrong("kari") == Refused("pin", left=TRIES - 1)


def test_whoever_tries_at_every_name_is_slowed_down() -> None:
    users, clock = made()
    for number in range(WRONG_MAX):
        assert users.refusal(f"nobody-{number}") is None
        users.wrong(f"nobody-{number}")
    assert users.refusal("kari") == Refused("too_many", until_s=1000.0 + WRONG_S)
    clock.now_s += WRONG_S
    assert users.refusal("kari") is None


def test_sessions_have_a_bound() -> None:
    users, _ = made()
    for number in range(SESSIONS_MAX + 1):
        users.begin(str(number), KARI)
    assert users.session("0") is None
    assert users.session("1") is not None


NURSE = Session(KARI, 0.0)


@pytest.mark.parametrize(
    ("verb", "session", "attended", "locked", "wanted"),
    [
        ("accept", NURSE, True, True, Actor("kari", "nurse")),
        ("order", NURSE, False, False, Actor("kari", "nurse")),
        ("history", None, False, False, Actor("", "viewer")),
        ("accept", None, True, False, Actor("attended", "nurse")),
        ("observe", None, True, False, Actor("attended", "nurse")),
        ("accept", None, False, False, None),
        ("accept", None, False, True, Actor("locked-out", "nurse")),
        ("audio-pause", None, False, True, Actor("locked-out", "nurse")),
        ("observe", None, False, True, None),
        ("off-monitor", None, False, True, None),
    ],
)
def test_in_whose_name(verb: str, session: Session | None, attended: bool, locked: bool, wanted: Actor | None) -> None:
    assert actor(verb, session, attended=attended, locked=locked) == wanted


@pytest.mark.parametrize("verb", sorted(REQUESTS.keys() - ATTENDED_VERBS))
def test_all_but_alarms_and_observations_takes_a_name_everywhere(verb: str) -> None:
    assert actor(verb, None, attended=True, locked=True) is None


def test_what_takes_no_name_is_known_to_the_edge() -> None:
    assert {*ATTENDED_VERBS, *OPEN_VERBS} <= {*REQUESTS, *LOOKS}
    assert SILENCING_VERBS < ATTENDED_VERBS
