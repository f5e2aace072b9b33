"""The New Era driver question by question: what it reads, what it refuses, and which alarms it tells."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from drivers.model import (
    AlarmSetChanged,
    DeviceAlarmKind,
    DeviceIdentified,
    DeviceRestarted,
    Infusion,
    InfusionState,
    Observation,
    Output,
    Quantity,
    Reading,
    Rejected,
    Send,
    SessionOptions,
    Validity,
)
from drivers.new_era_ne1000 import (
    MAX_ASKED,
    MAX_FRAME_BYTES,
    MIN_POLL_S,
    PATIENCE_S,
    QUESTION_LIMIT_S,
    REST_S,
    NewEraSession,
)

VERSION = "00SNE1000V3.61"


class Talk:
    """A session, the clock in its hand, and what it sent."""

    def __init__(self, interval_s: float = 1.0) -> None:
        self.session = NewEraSession(SessionOptions("pump", poll_interval_s=interval_s))
        self.now_s = 0.0
        self.sent: list[bytes] = []
        self._take(self.session.start(0.0))

    def hear(self, text: str) -> list[Output]:
        return self.feed(b"\x02" + text.encode("latin-1") + b"\x03")

    def feed(self, data: bytes) -> list[Output]:
        return self._take(self.session.feed(data, self.now_s))

    def wait(self) -> list[Output]:
        assert self.session.deadline_s is not None
        self.now_s = self.session.deadline_s
        return self._take(self.session.tick(self.now_s))

    def met(self) -> Talk:
        self.hear(VERSION)
        self.wait()
        return self

    def twice(self, text: str) -> list[Output]:
        """Answer the question, and the next one, alike."""
        out = self.hear(text)
        self.wait()
        return [*out, *self.hear(text)]

    def _take(self, outputs: Sequence[Output]) -> list[Output]:
        self.sent += [output.data for output in outputs if isinstance(output, Send)]
        return [output for output in outputs if not isinstance(output, Send)]


def sample(text: str) -> Observation:
    (seen,) = (output for output in Talk().met().twice(text) if isinstance(output, Observation))
    return seen


def alarms(outputs: list[Output]) -> list[list[str]]:
    return [[alarm.code for alarm in one.alarms] for one in outputs if isinstance(one, AlarmSetChanged)]


def test_the_first_round_word_by_word() -> None:
    talk = Talk()
    assert talk.sent == [b"VER\r"]
    assert talk.hear(VERSION) == [DeviceIdentified("pump", "0", 0.0, "", "NE1000", "3.61")]
    assert talk.wait() == []
    assert (talk.sent, talk.now_s) == ([b"VER\r", b"RAT\r"], REST_S)
    assert talk.hear("00I5.000MH") == []
    assert talk.wait() == []
    assert (talk.sent[2:], talk.now_s) == ([b"RAT\r"], 2 * REST_S)
    assert talk.hear("00I5.000MH") == [
        AlarmSetChanged("pump", "0", talk.now_s, ()),
        Observation(
            "pump",
            "0",
            talk.now_s,
            (Reading(Quantity.INFUSION_RATE, Decimal("5.000"), "mL/h", Decimal("0.001"), origin="RAT"),),
            Infusion(InfusionState.INFUSING),
        ),
    ]
    talk.wait()
    assert talk.now_s == pytest.approx(REST_S + 1.0)
    assert [type(output) for output in talk.hear("00I5.000MH")] == [Observation]


@pytest.mark.parametrize("interval_s", [0.01, MIN_POLL_S])
def test_a_pump_is_not_asked_more_often_than_it_bears(interval_s: float) -> None:
    talk = Talk(interval_s).met()
    began_s = talk.now_s
    talk.twice("00I5.000MH")
    talk.wait()
    assert talk.now_s == pytest.approx(began_s + MIN_POLL_S)


@pytest.mark.parametrize(
    ("data", "value", "resolution"),
    [
        ("5.000MH", "5.000", "0.001"),
        ("1234.MH", "1234", "1"),
        ("0.001UH", "0.000001", "0.000001"),
        ("500.0UH", "0.5000", "0.0001"),
        ("10.00UM", "0.6000", "0.0006"),
        ("1.500MM", "90.000", "0.060"),
        ("0.000MH", "0.000", "0.001"),
    ],
)
def test_rates_in_each_unit(data: str, value: str, resolution: str) -> None:
    (rate,) = sample(f"00I{data}").readings
    assert (rate.value, rate.resolution, rate.unit) == (Decimal(value), Decimal(resolution), "mL/h")
    assert rate.validity is Validity.VALID


@pytest.mark.parametrize(
    "data",
    ["", "?", "?NA", "?OOR", "5MH", "5000MH", ".500MH", "5.000", "5.000ML", "5.000mh", "12.345MH", "5.00.MH", "-1.00MH",
     "1e3.MH", "5.0000MH", " 5.00MH"],
)  # fmt: skip
def test_what_is_no_rate_is_no_number(data: str) -> None:
    seen = sample(f"00I{data}")
    (rate,) = seen.readings
    assert (rate.value, rate.validity, rate.note) == (None, Validity.INVALID, f"no rate: {data!r}")
    assert seen.infusion == Infusion(InfusionState.INFUSING)


@pytest.mark.parametrize(
    ("status", "state", "value", "note"),
    [
        ("I", InfusionState.INFUSING, "5.000", ""),
        ("S", InfusionState.STOPPED, "5.000", "set"),
        ("P", InfusionState.STOPPED, "5.000", "set"),
        ("T", InfusionState.STANDBY, "5.000", "set"),
        ("U", InfusionState.STANDBY, "5.000", "set"),
        ("X", InfusionState.PURGE, None, "it purges, at a rate that it does not tell"),
        ("W", InfusionState.UNKNOWN, None, "it draws in"),
        ("Q", InfusionState.UNKNOWN, "5.000", "set"),
    ],
)
def test_states(status: str, state: InfusionState, value: str | None, note: str) -> None:
    seen = sample(f"00{status}5.000MH")
    (rate,) = seen.readings
    assert seen.infusion == Infusion(state)
    assert (rate.value, rate.note) == (None if value is None else Decimal(value), note)


def test_what_is_said_once_is_no_reading() -> None:
    talk = Talk().met()
    assert talk.hear("00I5.000MH") == []
    talk.wait()
    assert talk.hear("00I50.00MH") == []
    talk.wait()
    assert [type(output) for output in talk.hear("00I50.00MH")] == [AlarmSetChanged, Observation]


def test_a_rate_that_never_comes_twice_alike_is_told_as_rejected_and_asked_for_in_the_next_round() -> None:
    talk = Talk().met()
    began_s = talk.now_s
    for number in range(1, MAX_ASKED):
        assert talk.hear(f"00I{number}.000MH") == []
        talk.wait()
    assert talk.hear("00I9.000MH") == [Rejected("unexpected", b"I9.000MH")]
    talk.wait()
    assert talk.now_s == pytest.approx(began_s + 1.0)
    assert [type(output) for output in talk.hear("00I9.000MH")] == [AlarmSetChanged, Observation]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("?R", DeviceAlarmKind.ADVISORY),
        ("?S", DeviceAlarmKind.OCCLUSION_DOWNSTREAM),
        ("?T", DeviceAlarmKind.MALFUNCTION),
        ("?E", DeviceAlarmKind.MALFUNCTION),
        ("?O", DeviceAlarmKind.MALFUNCTION),
        ("?Z", DeviceAlarmKind.UNKNOWN),
        ("", DeviceAlarmKind.UNKNOWN),
        ("?SS", DeviceAlarmKind.UNKNOWN),
    ],
)
def test_an_alarm_counts_at_once(code: str, kind: DeviceAlarmKind) -> None:
    (changed,) = (one for one in Talk().met().hear(f"00A{code}") if isinstance(one, AlarmSetChanged))
    (alarm,) = changed.alarms
    assert (alarm.kind, alarm.code) == (kind, f"A{code}")


def test_an_alarm_in_place_of_the_version_is_told_and_the_version_asked_for_again() -> None:
    talk = Talk()
    assert alarms(talk.hear("00A?S")) == [["A?S"]]
    talk.wait()
    assert talk.sent == [b"VER\r", b"VER\r"]


def test_a_reset_is_told_as_a_restart_each_time() -> None:
    talk = Talk().met()
    first = talk.hear("00A?R")
    assert first[0] == DeviceRestarted("pump", "0", talk.now_s, "its power was interrupted")
    assert alarms(first) == [["A?R"]]
    talk.wait()
    assert [type(output) for output in talk.hear("00A?R")] == [DeviceRestarted]


def test_alarms_add_up_and_end_when_the_pump_runs_anew_after_a_stop() -> None:
    talk = Talk().met()
    talk.hear("00A?R")
    talk.wait()
    assert alarms(talk.hear("00A?S")) == [["A?R", "A?S"]]
    talk.wait()
    assert alarms(talk.twice("00I5.000MH")) == []  # not known to have stood since
    talk.wait()
    assert alarms(talk.twice("00P5.000MH")) == []
    talk.wait()
    assert alarms(talk.twice("00I5.000MH")) == [[]]


def test_of_alarms_that_are_not_known_the_last_is_held() -> None:
    talk = Talk().met()
    assert alarms(talk.hear("00A?Y")) == [["A?Y"]]
    talk.wait()
    assert alarms(talk.hear("00A?Z")) == [["A?Z"]]


def test_silence_is_a_timeout_and_then_the_version_is_asked_for_before_anything_counts() -> None:
    talk = Talk().met()
    asked_s = talk.now_s
    assert talk.wait() == [Rejected("timeout")]
    assert talk.now_s == pytest.approx(asked_s + PATIENCE_S)
    talk.wait()
    assert talk.sent[-1] == b"VER\r"
    assert talk.hear("00I5.000MH") == [Rejected("unexpected", b"00I5.000MH")]  # the late answer
    assert talk.hear(VERSION) == []
    talk.wait()
    assert talk.sent[-1] == b"RAT\r"


def test_what_was_said_before_a_doubt_counts_no_more() -> None:
    talk = Talk().met()
    talk.hear("00I5.000MH")
    talk.wait()
    talk.wait()  # a timeout
    talk.wait()
    talk.hear(VERSION)
    talk.wait()
    assert talk.hear("00I5.000MH") == []


def test_replies_out_of_turn_hold_a_question_up_for_so_long_and_no_longer() -> None:
    talk = Talk()
    for tenths in range(int(QUESTION_LIMIT_S * 10)):
        talk.now_s = tenths / 10
        assert talk.hear("00I5.000MH") == [Rejected("unexpected", b"00I5.000MH")]
    assert talk.wait() == [Rejected("timeout")]
    assert talk.now_s == QUESTION_LIMIT_S


def test_a_reply_that_nobody_asked_for_casts_doubt() -> None:
    talk = Talk().met()
    talk.twice("00I5.000MH")
    assert talk.hear("00I5.000MH") == [Rejected("unexpected", b"00I5.000MH")]
    talk.wait()
    assert talk.sent[-1] == b"VER\r"


@pytest.mark.parametrize(
    ("wire", "rejected"),
    [
        (b"\x0201I5.000MH\x03", Rejected("syntax", b"01I5.000MH")),  # another pump of a network
        (b"\x0200\x03", Rejected("syntax", b"00")),
        (b"\x0200I5.\x0000MH\x03", Rejected("syntax", b"00I5.\x0000MH")),  # NUL: a byte with a parity error
        (b"\x0200I5.0\x0200", Rejected("length", b"\x0200I5.0")),
        (b"\x02" + b"x" * (MAX_FRAME_BYTES - 1), Rejected("oversize", b"\x02" + b"x" * (MAX_FRAME_BYTES - 1))),
    ],
)
def test_what_is_broken_is_told_and_the_version_asked_for(wire: bytes, rejected: Rejected) -> None:
    talk = Talk().met()
    assert talk.feed(wire) == [rejected]
    talk.wait()
    assert talk.sent[-1] == b"VER\r"


def test_the_longest_reply_that_fits() -> None:
    text = "00I" + "x" * (MAX_FRAME_BYTES - 5)
    assert sample(text).readings[0].validity is Validity.INVALID


def test_noise_is_told_once_and_disturbs_nothing() -> None:
    talk = Talk()
    assert talk.feed(b"RAT\rRAT\r") == [Rejected("noise", b"R")]
    assert [type(output) for output in talk.hear(VERSION)] == [DeviceIdentified]


def test_another_pump_is_another_identity() -> None:
    talk = Talk().met()
    talk.wait()  # a timeout
    talk.wait()
    assert talk.hear("00SNE4000X2V3.928") == [DeviceIdentified("pump", "0", talk.now_s, "", "NE4000X2", "3.928")]


@pytest.mark.parametrize("name", ["NE1000", "AL1000V3.61", "NE1000V3", "NE1000V3.61 "])
def test_who_names_itself_otherwise_is_not_met(name: str) -> None:
    talk = Talk()
    assert talk.hear(f"00S{name}") == [Rejected("unexpected", f"00S{name}".encode())]
