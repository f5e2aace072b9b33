"""What the IntelliVue driver is, its association with the monitor, and how it finds back."""

from __future__ import annotations

import pytest

from drivers.intellivue import DRIVER, MibSession
from drivers.model import (
    DeviceIdentified,
    DeviceKind,
    DeviceRestarted,
    IdentitySupport,
    Integrity,
    LineSettings,
    NibpTime,
    SessionOptions,
)
from tests.golden.intellivue_reference import accepted, attribute, created, frame, stream
from tests.unit.intellivue_talk import ABORTED, HR, PLAIN_EVENT, SPO2, Talk

REFUSED = frame(bytes.fromhex("0C00"))
FINISH = frame(bytes.fromhex("0918C1166180"))
FINISHED = frame(bytes.fromhex("0A18C1166180"))


# What the driver is


def test_the_driver_says_what_the_monitor_can_do() -> None:
    assert DRIVER.name == "philips-intellivue"
    assert DRIVER.kind is DeviceKind.MONITOR
    assert DRIVER.line == LineSettings(115200, 8, "N", 1)
    assert not DRIVER.listen_only
    assert DRIVER.identity is IdentitySupport.PORT_ONLY
    assert DRIVER.integrity is Integrity.CHECKSUM
    assert DRIVER.nibp_time is NibpTime.DEVICE
    assert DRIVER.freshness == "relative time"
    assert DRIVER.experimental
    assert DRIVER.channel_pattern == "0"
    assert isinstance(DRIVER.session(SessionOptions("x")), MibSession)


# The association


def test_an_association_is_asked_for_every_two_seconds() -> None:
    talk = Talk()
    assert talk.kinds() == ["associate"]
    talk.wait(1.9)
    assert talk.kinds() == []
    talk.wait(4.2)
    assert talk.kinds() == ["associate"] * 3
    assert talk.reasons() == ["timeout"] * 3


def test_the_first_event_is_acknowledged_with_its_own_numbers_before_anything_is_polled() -> None:
    talk = Talk()
    talk.kinds()
    assert talk.hear(accepted()) == []
    assert talk.kinds() == []
    made = talk.hear(created(*PLAIN_EVENT, attribute(0x0928, "000850686C 69 7073 0000".replace(" ", "")), invoke_id=7))
    acknowledged = bytes.fromhex("E100000200020014 0007 0001000E 002100000000 00013880 0D060000")
    assert talk.sent[0] == acknowledged
    assert talk.kinds() == ["acknowledged", "stream", "alarms"]
    assert [type(output) for output in made] == [DeviceIdentified]


@pytest.mark.parametrize(
    ("told", "model"),
    [
        ("", "Philips IntelliVue"),
        ("0007 5068696C697073 0006 4D3830303741", "Philips M8007A"),
        ("0008 0050006800690000", "Phi"),
        ("0009 50", "Philips IntelliVue"),
    ],
)
def test_the_model(told: str, model: str) -> None:
    talk = Talk()
    talk.hear(accepted(), created(attribute(0x0928, told.replace(" ", ""))))
    assert talk.heard == [DeviceIdentified("bed-3", "0", 100.0, serial_number="", model=model)]


def test_a_first_event_that_comes_again_is_acknowledged_again() -> None:
    talk = Talk().associated()
    talk.kinds()
    assert talk.hear(created(*PLAIN_EVENT)) == []
    assert talk.kinds() == ["acknowledged"]


def test_without_a_first_event_the_association_is_given_back() -> None:
    talk = Talk()
    talk.hear(accepted())
    talk.kinds()
    talk.wait(4.9)
    assert talk.kinds() == []
    talk.wait(0.2)
    assert talk.kinds() == ["release"]
    talk.hear(FINISHED)
    assert talk.kinds() == ["associate"]


def test_a_release_that_is_not_answered_ends_in_an_abort_and_a_new_association() -> None:
    talk = Talk()
    talk.hear(accepted())
    talk.wait(5.0)
    talk.kinds()
    talk.wait(1.0)
    assert talk.kinds() == ["abort", "associate"]
    talk.associated()
    assert talk.kinds() == ["acknowledged", "stream", "alarms"]


@pytest.mark.parametrize("said", [ABORTED, FINISH])
def test_a_monitor_that_ends_the_association_is_asked_again(said: bytes) -> None:
    talk = Talk().associated()
    talk.kinds()
    talk.hear(said)
    assert talk.kinds() == (["released"] if said == FINISH else [])
    assert talk.reasons() == ["unexpected"]
    talk.hear(stream(1, HR))
    assert talk.observations() == []
    talk.heard.clear()
    talk.wait(2.0)
    assert talk.kinds() == ["release"]
    talk.hear(FINISHED)
    assert talk.kinds() == ["associate"]
    talk.associated()
    assert talk.numbers() == [3, 4]
    talk.hear(stream(1, HR), stream(3, SPO2))
    assert len(talk.observations()) == 1


def test_nothing_is_done_before_it_is_due() -> None:
    talk = Talk()
    assert talk.session.tick(talk.now_s + 1.9) == ()
    assert talk.session.deadline_s == talk.now_s + 2.0


def test_a_release_that_nobody_asked_for_changes_nothing() -> None:
    talk = Talk().associated()
    talk.hear(FINISHED, stream(1, HR))
    assert talk.reasons() == ["unexpected"]
    assert len(talk.observations()) == 1


def test_a_refusal_is_met_with_patience() -> None:
    talk = Talk()
    talk.kinds()
    talk.hear(REFUSED)
    talk.wait(1.9)
    assert talk.kinds() == []
    talk.wait(0.2)
    assert talk.kinds() == ["associate"]


def test_a_late_refusal_ends_nothing() -> None:
    talk = Talk().associated()
    talk.hear(REFUSED, stream(1, HR))
    assert talk.reasons() == ["unexpected"]
    assert len(talk.observations()) == 1


def test_data_of_an_association_that_an_earlier_host_left_are_not_read_and_it_is_ended_first() -> None:
    talk = Talk()
    talk.kinds()
    talk.hear(stream(1, HR, ticks=100))
    assert talk.reasons() == ["unexpected"]
    talk.wait(2.0)
    assert talk.kinds() == ["release"]
    talk.hear(FINISHED)
    assert talk.kinds() == ["associate"]


def test_a_monitor_whose_clock_fell_was_restarted() -> None:
    talk = Talk().associated()
    talk.hear(stream(1, HR, ticks=16_000_000), ABORTED)
    talk.hear(accepted(), created(ticks=16_000_000 - 5 * 8000))
    assert not any(isinstance(output, DeviceRestarted) for output in talk.heard)
    talk.hear(ABORTED, accepted(), created(ticks=8000))
    (restarted,) = (output for output in talk.heard if isinstance(output, DeviceRestarted))
    assert restarted.reason == "the monitor's clock fell from 1995 s to 1 s"


def test_a_clock_that_passed_its_end_was_not_restarted() -> None:
    talk = Talk()
    talk.hear(accepted(), created(ticks=2**32 - 8000))
    talk.hear(stream(1, HR, ticks=2**32 - 1), stream(1, HR, ticks=7999))
    assert len(talk.observations()) == 2
    talk.hear(ABORTED, accepted(), created(ticks=20_000))
    assert not any(isinstance(output, DeviceRestarted) for output in talk.heard)


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        (accepted(), True),
        (accepted(mark="BE80288081"), True),
        (accepted(mark="BE8028808181"), True),
        (accepted(mark="BE80288082"), False),
        (frame(b"\x0e"), False),
        (frame(bytes.fromhex("0E0000BE80288081") + b"\x48\x80"), False),
    ],
)
def test_terms_that_cannot_be_read_are_taken_as_the_strictest(accept: bytes, streams: bool) -> None:
    talk = Talk()
    talk.hear(accept)
    talk.kinds()
    talk.hear(created(*PLAIN_EVENT))
    assert talk.kinds()[1] == ("stream" if streams else "numerics")
