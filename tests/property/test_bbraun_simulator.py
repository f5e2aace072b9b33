"""Whatever a host sends and whatever is done to a pump: no crash, bounded memory, volumes that add up."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from simulators.bbraun_space import MAX_PENDING_ANSWERS, MAX_RECORDS, MAX_VIOLATIONS, SpaceOptions, SpaceRack
from simulators.bbraun_wire import MAX_HOST_FRAME_BYTES, HostSaid
from simulators.pump import PumpModel
from simulators.pump_terms import PumpSpec

Act = Callable[[PumpModel, float], bool]

GET = b"\x0100030\x02ICU3/1/1>MEM:GET\x0300004\x04"
PIECES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([GET, GET[:12], GET[12:], b"\x06", b"\x15", b"\x01", b"\x04", b"E", b"\x01" * 50]),
)
STREAMS = st.lists(PIECES, max_size=20)
RATES = st.integers(1, 180_000).map(lambda hundredths: Decimal(hundredths) / 100)
VOLUMES = st.integers(1, 5000).map(lambda hundredths: Decimal(hundredths) / 100)


def rack_of_two(stuffing: bool, cyclic_interval_s: float | None = None) -> SpaceRack:
    options = SpaceOptions(stuffing=stuffing, cyclic_interval_s=cyclic_interval_s)
    rack = SpaceRack(options, {(1, 1): PumpModel(), (1, 24): PumpModel()})
    rack.start(0)
    return rack


@given(stream=STREAMS, stuffing=st.booleans(), cyclic_interval_s=st.sampled_from([None, 5.0]))
def test_any_bytes_of_a_host_are_survived_in_bounded_memory(
    stream: list[bytes], stuffing: bool, cyclic_interval_s: float | None
) -> None:
    rack = rack_of_two(stuffing, cyclic_interval_s)
    for second, data in enumerate(stream):
        rack.feed(data, second)
        assert len(rack._buffer) <= MAX_HOST_FRAME_BYTES
        assert len(rack._pending) <= MAX_PENDING_ANSWERS
        assert len(rack.records) <= MAX_RECORDS
        assert len(rack.violations) <= min(rack.violation_count, MAX_VIOLATIONS)
    for record in rack.records:
        assert (record.message.said is HostSaid.VIOLATION) == bool(record.message.reason)


@given(stream=STREAMS, stuffing=st.booleans())
def test_the_line_does_not_depend_on_how_the_bytes_are_cut(stream: list[bytes], stuffing: bool) -> None:
    """At most the bound of answers a turn; so the comparison stops where a whole feed would reach it."""
    whole, cut = rack_of_two(stuffing), rack_of_two(stuffing)
    for data in stream:
        if data.count(b"\x15") + data.count(b"\x04") + data.count(b"\x06") < MAX_PENDING_ANSWERS:
            assert whole.feed(data, 1) == b"".join(cut.feed(bytes((byte,)), 1) for byte in data)


@given(text=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_a_sound_frame_is_a_violation_unless_it_is_one_of_the_four_requests(text: str) -> None:
    rack = rack_of_two(stuffing=False)
    body = b"\x01%05d\x02ICU3/1/1>%b\x03" % (14 + 9 + len(text), text.encode())
    rack.feed(body + b"%05d\x04" % (sum(body) % 256), 0)
    assert rack.violation_count == (0 if text in ("ADMIN:ALIVE", "ADMIN:VERSION", "MEM:GET") else 1)


def acts(*, with_occlusion: bool) -> st.SearchStrategy[list[tuple[int, Act]]]:
    plain: list[st.SearchStrategy[Act]] = [
        RATES.map(lambda rate: lambda pump, now_s: pump.set_rate(now_s, rate)),
        VOLUMES.map(lambda volume: lambda pump, now_s: pump.set_vtbi(now_s, volume)),
        VOLUMES.map(lambda volume: lambda pump, now_s: pump.bolus(now_s, volume)),
        VOLUMES.map(lambda volume: lambda pump, now_s: pump.change_syringe(now_s, volume)),
        st.sampled_from([PumpModel.start, PumpModel.start, PumpModel.stop, PumpModel.bolus, PumpModel.end_bolus]),
        st.sampled_from([PumpModel.power_off, PumpModel.power_on]),
    ]
    shut: list[st.SearchStrategy[Act]] = [st.sampled_from([PumpModel.occlude, PumpModel.release])]
    return st.lists(
        st.tuples(st.integers(0, 4_000_000), st.one_of(plain + (shut if with_occlusion else []))), max_size=30
    )


STEP = Decimal("0.01")


def running(pump: PumpModel) -> PumpModel:
    pump.set_rate(0, Decimal("12.34"))
    pump.start(0)
    return pump


@given(story=acts(with_occlusion=False))
def test_the_counter_never_exceeds_the_truth_and_lags_less_than_a_step(story: list[tuple[int, Act]]) -> None:
    pump, now_s = running(PumpModel()), 0.0
    for wait_ms, act in story:
        now_s += wait_ms / 1000
        act(pump, now_s)
        seen = pump.snapshot(now_s)
        assert 0 <= seen.delivered_ml - Fraction(seen.counter_ml) < Fraction(STEP)


@given(story=acts(with_occlusion=True))
def test_what_is_counted_has_reached_the_patient_or_is_trapped(story: list[tuple[int, Act]]) -> None:
    pump, now_s, before = running(PumpModel(PumpSpec(syringe_ml=None))), 0.0, Fraction(0)
    for wait_ms, act in story:
        now_s += wait_ms / 1000
        act(pump, now_s)
        seen = pump.snapshot(now_s)
        assert seen.counted_ml == seen.delivered_ml + seen.trapped_ml
        assert 0 <= seen.trapped_ml <= Fraction(pump.spec.occlusion_volume_ml)
        assert before <= seen.delivered_ml <= Fraction(1800) * Fraction(now_s) / 3600 + Fraction(1, 10**6)
        before = seen.delivered_ml


@given(story=acts(with_occlusion=True), looks=st.lists(st.integers(0, 60_000_000), max_size=20))
def test_a_pump_is_the_same_however_often_it_is_looked_at(story: list[tuple[int, Act]], looks: list[int]) -> None:
    scripted, watched = running(PumpModel()), running(PumpModel())
    now_ms = 0
    for wait_ms, act in story:
        now_ms += wait_ms
        scripted.schedule(now_ms / 1000, act)
        watched.schedule(now_ms / 1000, act)
    for look_ms in sorted(looks):
        watched.snapshot(look_ms / 1000)
    end_s = max(now_ms, *looks, 0) / 1000 + 3600
    assert watched.snapshot(end_s) == scripted.snapshot(end_s)
