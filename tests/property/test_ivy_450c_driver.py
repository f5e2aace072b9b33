"""The 450C driver holds on any bytes: no crash, bounded memory, no impossible number, and it always finds back."""

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.ivy_450c import MAX_MESSAGE_BYTES, IvySession
from drivers.model import Observation, Output, Quantity, Rejected, Send, SessionOptions, Validity

TEXT = (
    b"HR=1;80;ECG-II-DIAG;\rRR=1;35;APNEA: 20 SEC;\rETCO2=1;38;;\rSPO2=1;100;PR=80 ;\r"
    b"NIBP=4;121;75;92;80;;\rP1=3;111;73;88;;\rP2=3;;;;NO TRANSDUCER;\rT1=1;36.6;;\rT2=1;;;\r"
)
WAVE = bytes(range(250)) + b"\xfb" * 150
GOOD = b"\xffANSAR-B " + WAVE + TEXT + b"\xfe"
EXTREMES = {
    Quantity.HEART_RATE: (0, 350),
    Quantity.PULSE_RATE: (10, 350),
    Quantity.NIBP_PULSE_RATE: (10, 350),
    Quantity.RESPIRATORY_RATE: (0, 200),
    Quantity.SPO2: (1, 100),
    Quantity.ETCO2: (14, 150),
    Quantity.NIBP_SYS: (20, 300),
    Quantity.NIBP_DIA: (10, 250),
    Quantity.NIBP_MEAN: (10, 280),
    Quantity.IBP1_SYS: (-50, 400),
    Quantity.IBP1_DIA: (-50, 400),
    Quantity.IBP1_MEAN: (-50, 400),
    Quantity.IBP2_SYS: (-50, 400),
    Quantity.IBP2_DIA: (-50, 400),
    Quantity.IBP2_MEAN: (-50, 400),
    Quantity.TEMPERATURE_1: (10, 50),
    Quantity.TEMPERATURE_2: (10, 50),
}

value = st.sampled_from(["", "0", "8", "80", "999", "-5", "36.6", "1e2", "+5", " 80 ", "98.6", "12345"])
word = st.sampled_from(
    ["", "PR=80 ", "PR=", "PR=0", "NO TRANSDUCER", "LEAD FAULT", "APNEA", "ASYSTOLE", "HIGH", "ECG-I"]
)
line = st.builds(
    lambda name, code, values, words: f"{name}={code};{';'.join([*values, *words])}".encode(),
    st.sampled_from(["HR", "RR", "ETCO2", "SPO2", "NIBP", "P1", "P2", "T1", "T2", "XX", ""]),
    st.sampled_from(["1", "3", "4", "2", "", "x"]),
    st.lists(value, max_size=5),
    st.lists(word, max_size=3),
)
text = st.lists(line, max_size=12).map(lambda lines: b"".join(each + b"\r" for each in lines))
likely = text.map(lambda told: b"\xffANSAR-B " + WAVE + told + b"\xfe")
piece = st.one_of(
    st.binary(max_size=300),
    likely,
    st.just(GOOD),
    st.integers(0, len(GOOD)).map(lambda kept: GOOD[:kept]),
    st.integers(0, len(GOOD)).map(lambda lost: GOOD[lost:]),
    st.sampled_from([b"\xff", b"\xfe", b"\xffANSAR-B ", b"\xffANSA", TEXT, b"A" * 1000, b"\xff" * 50]),
)
stream = st.lists(piece, max_size=6).map(b"".join)


def session() -> IvySession:
    return IvySession(SessionOptions(port="bed-3"))


def listen(data: bytes) -> list[Output]:
    return list(session().feed(data, 5.0))


def good_ones(outputs: list[Output]) -> list[Observation]:
    (expected,) = (output for output in listen(GOOD) if isinstance(output, Observation))
    return [output for output in outputs if output == expected]


@given(data=stream, places=st.lists(st.integers(0, 4000), max_size=30))
def test_any_cut_of_any_bytes_says_the_same_and_holds_a_bounded_rest(data: bytes, places: list[int]) -> None:
    listening = session()
    outputs: list[Output] = []
    for start, end in pairwise([0, *sorted(places), len(data) + 4000]):
        outputs.extend(listening.feed(data[start:end], 5.0))
        assert listening.held_bytes <= MAX_MESSAGE_BYTES
    assert outputs == listen(data)


@given(data=stream)
def test_byte_by_byte_says_the_same_as_whole(data: bytes) -> None:
    listening = session()
    assert [output for byte in data for output in listening.feed(bytes((byte,)), 5.0)] == listen(data)


@given(data=stream)
def test_no_bytes_make_a_number_out_of_its_range_or_a_request(data: bytes) -> None:
    for output in listen(data):
        assert not isinstance(output, Send)
        if isinstance(output, Rejected):
            assert 0 <= len(output.excerpt) <= 64
        for reading in output.readings if isinstance(output, Observation) else ():
            low, high = EXTREMES[reading.quantity]
            if reading.value is None:
                assert reading.validity in {Validity.NOT_AVAILABLE, Validity.INVALID}
            else:
                assert reading.validity is Validity.VALID
                assert Decimal(low) <= reading.value <= Decimal(high)


@given(values=st.lists(st.text(alphabet="0123456789.-+eE _", max_size=6), min_size=4, max_size=4))
def test_a_number_is_either_the_text_of_the_wire_or_none(values: list[str]) -> None:
    told = f"NIBP=4;{';'.join(values)};;\r".encode()
    (observation,) = (o for o in listen(b"\xffANSAR-B " + WAVE + told + b"\xfe") if isinstance(o, Observation))
    for said, reading in zip(values, observation.readings[5:9], strict=True):
        assert reading.value is None or str(reading.value) == said.strip(" ")


@given(garbage=st.binary(max_size=2000).map(lambda data: data.replace(b"\xff", b"")))
def test_noise_without_a_start_byte_costs_no_message(garbage: bytes) -> None:
    assert len(good_ones(listen(garbage + GOOD + garbage + GOOD))) == 2


@given(garbage=stream)
def test_the_first_whole_message_after_any_garbage_is_decoded(garbage: bytes) -> None:
    before = len([output for output in listen(garbage) if isinstance(output, Observation)])
    after = [output for output in listen(garbage + GOOD) if isinstance(output, Observation)]
    assert len(after) == before + 1
    assert good_ones([after[-1]])


@given(garbage=stream)
def test_what_is_not_accepted_is_told_once_and_not_by_the_byte(garbage: bytes) -> None:
    starts = garbage.count(b"\xffANSAR-B ")
    told = [o.reason for o in listen(garbage) if isinstance(o, Rejected) and o.reason not in {"syntax", "unknown_line"}]
    assert len(told) <= 2 * starts + 1 + len(garbage) // 960


def test_a_flood_is_taken_in_one_pass() -> None:
    """A megabyte of starts that are never finished, in one read: quadratic work would not end in the test's time."""
    outputs = listen((b"\xffANSAR-B " + b"x" * 91) * 10_000)
    assert [output.reason for output in outputs if isinstance(output, Rejected)] == ["length"] * 9_999
