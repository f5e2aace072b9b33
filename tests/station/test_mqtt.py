"""How long the station waits for its broker; the connection itself is tried in `test_service.py`."""

from station.mqtt import (
    LASTED_S,
    RETRY_FIRST_S,
    RETRY_MAX_S,
    SESSION_TAKEN_OVER,
    TAKEOVER_PAUSE_S,
    Broker,
    BrokerAddress,
    Ears,
    Will,
)


def broker() -> Broker:
    ears = Ears(lambda *_: None, lambda: None, lambda _: None)
    return Broker(BrokerAddress("127.0.0.1", 1, "station-desk"), (), Will("a", b""), ears)


def test_it_waits_longer_after_each_connection_that_did_not_last() -> None:
    one = broker()
    assert [one._pause_s(0.1, None) for _ in range(5)] == [RETRY_FIRST_S, 1.0, 2.0, 4.0, RETRY_MAX_S]
    assert one._pause_s(LASTED_S + 0.1, 128) == RETRY_FIRST_S
    assert one._pause_s(LASTED_S, None) == 2 * RETRY_FIRST_S


def test_two_programs_of_one_name_do_not_fight() -> None:
    assert broker()._pause_s(100.0, SESSION_TAKEN_OVER) == TAKEOVER_PAUSE_S
