"""What is remembered of a line and of a device: samples, the date of a cuff pressure, identity, errors."""

from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.model import (
    ChannelRemoved,
    DeviceAlarmKind,
    DeviceIdentified,
    Infusion,
    InfusionState,
    NibpTime,
    Observation,
    Quantity,
    Reading,
    Validity,
)
from edge.core.config import Binding, IdentityPolicy
from edge.core.identity import identity_of
from edge.core.inputs import LineErrors, LinkCause, LinkChange
from edge.core.sources import PortState, SourceState
from tests.core_world import CUFF_NUMBERS, MONITOR, PUMP, VITALS, is_called, monitor, pump, shows

Q = Quantity
NEW_NUMBERS = (135, 80, 99, 72)
ONE = Decimal(1)


def listened(*observations: Observation, nibp_time: NibpTime = NibpTime.LAST_CHANGE) -> SourceState:
    source = SourceState(*MONITOR)
    for observation in observations:
        source.observe(observation, nibp_time)
    return source


def cuff_of(source: SourceState) -> tuple[int, Validity, float, float]:
    value = source.value(Q.NIBP_SYS)
    assert value is not None
    assert value.value is not None
    return int(value.value), value.validity, value.taken_at_s, value.sample_at_s


# --- samples ---


def test_a_pumps_sample_replaces_the_last_one_whole() -> None:
    source = SourceState(*PUMP)
    weight = Reading(Q.WEIGHT, Decimal(70), "kg")
    source.observe(pump(1.0, "7", readings=(weight,)), NibpTime.NOT_MEASURED)
    source.observe(pump(2.0, "8"), NibpTime.NOT_MEASURED)
    assert list(source.values) == [Q.INFUSION_RATE]
    assert source.values[Q.INFUSION_RATE].value == 8


def test_a_monitors_sample_replaces_what_it_names_and_the_rest_ages() -> None:
    heart_rate = Observation(*MONITOR, 2.0, (Reading(Q.HEART_RATE, Decimal(90), "/min"),))
    source = listened(monitor(1.0), heart_rate)
    heard = {quantity: (str(source.values[quantity].value), source.values[quantity].taken_at_s) for quantity in VITALS}
    assert heard == {Q.HEART_RATE: ("90", 2.0), Q.SPO2: ("98", 1.0), Q.RESPIRATORY_RATE: ("14", 1.0)}


@pytest.mark.parametrize(
    ("state", "infusing"),
    [
        (None, False),
        (InfusionState.UNKNOWN, True),
        (InfusionState.INFUSING, True),
        (InfusionState.KVO, True),
        (InfusionState.STOPPED, False),
    ],
)
def test_never_heard_is_not_infusing_and_an_unknown_state_may_be(state: InfusionState | None, infusing: bool) -> None:
    source = SourceState(*PUMP)
    if state is not None:
        source.observe(pump(1.0, state=state), NibpTime.NOT_MEASURED)
    assert source.infusing is infusing
    assert source.state is (state or InfusionState.UNKNOWN)


def test_a_channel_that_was_removed_is_back_when_it_speaks() -> None:
    source = SourceState(*PUMP)
    source.observe(pump(1.0), NibpTime.NOT_MEASURED)
    source.remove(ChannelRemoved(*PUMP, 2.0, ""))
    assert source.removed
    assert source.infusing
    source.observe(pump(3.0), NibpTime.NOT_MEASURED)
    assert not source.removed


def test_merged_extremes_are_in_the_units_of_values_and_possible() -> None:
    """A device that counts in kPa: 4 kPa is 30 mmHg, and must not be judged as 4 mmHg."""
    merged = Observation(
        *MONITOR,
        1.0,
        (Reading(Q.ETCO2, Decimal(5), "kPa"), Reading(Q.HEART_RATE, Decimal(80), "/min")),
        count=3,
        extremes=((Q.ETCO2, Decimal(4), Decimal(5)), (Q.HEART_RATE, Decimal(-999), Decimal(150))),
    )
    assert listened(merged).extremes == {
        Q.ETCO2: (Decimal("30.002467308"), Decimal("37.503084135")),
        Q.HEART_RATE: (Decimal(150),),
    }


def test_extremes_are_those_of_the_last_sample_alone() -> None:
    merged = replace(monitor(1.0), count=2, extremes=((Q.HEART_RATE, Decimal(70), Decimal(150)),))
    assert listened(merged, monitor(2.0)).extremes == {}


# --- the date of a cuff pressure ---


def test_a_pressure_that_was_there_at_first_sight_is_not_dated() -> None:
    source = listened(monitor(1.0), monitor(2.0))
    assert cuff_of(source) == (120, Validity.QUESTIONABLE, 1.0, 1.0)
    assert not source.cuff_dated


def test_a_change_that_was_watched_dates_it() -> None:
    source = listened(monitor(1.0), monitor(2.0, cuff=NEW_NUMBERS), monitor(3.0, cuff=NEW_NUMBERS))
    assert cuff_of(source) == (135, Validity.VALID, 2.0, 2.0)
    assert (source.cuff_dated, source.cuff_at_s) == (True, 2.0)


def test_the_first_pressure_on_a_monitor_that_showed_none_is_dated() -> None:
    assert cuff_of(listened(monitor(1.0, cuff=None), monitor(2.0))) == (120, Validity.VALID, 2.0, 2.0)


@pytest.mark.parametrize(("silence_s", "validity"), [(10.0, Validity.VALID), (10.1, Validity.QUESTIONABLE)])
def test_a_change_during_a_silence_is_not_dated(silence_s: float, validity: Validity) -> None:
    at_s = 1.0 + silence_s
    assert cuff_of(listened(monitor(1.0), monitor(at_s, cuff=NEW_NUMBERS))) == (135, validity, at_s, at_s)


@pytest.mark.parametrize(
    "gap", [None, ("bad", "bad", "bad", None), ("bad",) * 4, (135, 80, None, 72), (135, 80, 99, None)]
)
def test_numbers_that_were_gone_for_a_moment_are_no_new_measurement(gap: tuple[object, ...] | None) -> None:
    """A line of the message was damaged, or the display was blank: the pressure is as old as before (H-11, H-31)."""
    watched = (monitor(1.0), monitor(2.0, cuff=NEW_NUMBERS), monitor(3.0, cuff=NEW_NUMBERS))
    source = listened(*watched, monitor(4.0, cuff=gap), monitor(5.0, cuff=NEW_NUMBERS))
    assert cuff_of(source) == (135, Validity.VALID, 2.0, 2.0)


def test_a_new_pressure_after_a_blank_display_is_dated() -> None:
    source = listened(monitor(1.0), monitor(2.0, cuff=None), monitor(3.0, cuff=NEW_NUMBERS))
    assert cuff_of(source) == (135, Validity.VALID, 3.0, 3.0)


def test_an_undated_pressure_stays_so_over_a_blank_display() -> None:
    source = listened(monitor(1.0), monitor(2.0, cuff=None), monitor(3.0))
    assert cuff_of(source) == (120, Validity.QUESTIONABLE, 1.0, 1.0)


@pytest.mark.parametrize("changed", [0, 1, 2, 3])
def test_any_of_the_four_numbers_tells_a_new_measurement(changed: int) -> None:
    numbers = list(CUFF_NUMBERS)
    numbers[changed] += 1
    assert cuff_of(listened(monitor(1.0), monitor(2.0, cuff=tuple(numbers))))[1:3] == (Validity.VALID, 2.0)


def test_a_monitor_that_dates_its_pressures_is_believed() -> None:
    reading = Reading(Q.NIBP_SYS, Decimal(120), "mm[Hg]", measured_s_ago=240.0)
    source = listened(Observation(*MONITOR, 300.0, (reading,)), nibp_time=NibpTime.DEVICE)
    assert cuff_of(source)[:3] == (120, Validity.VALID, 60.0)
    assert (source.cuff_dated, source.cuff_at_s) == (True, 60.0)


# --- identity ---


def named(
    serial: str = "A", where: tuple[str, str] = PUMP, policy: IdentityPolicy = IdentityPolicy.PINNED
) -> SourceState:
    return SourceState(*where, identity=identity_of(Binding(*where, serial, policy)))


def test_the_first_serial_number_of_a_pinned_place_is_expected_from_then_on() -> None:
    source = named("")
    source.observe(pump(1.0), NibpTime.NOT_MEASURED)
    trusted = []
    for serial in ("A", "B", "A"):
        source.identify(is_called(1.0, serial), "")
        trusted.append(source.trusted)
    assert trusted == [True, False, True]


def test_of_a_device_that_does_not_count_only_that_it_speaks_is_taken() -> None:
    """Nothing of another bed's patient is kept, so nothing of it can ever be shown (H-08)."""
    source = named()
    source.identify(is_called(1.0, "A"), "")
    source.observe(pump(1.0, "7", drug="Ketamine"), NibpTime.NOT_MEASURED)
    source.identify(is_called(2.0, "B"), "")
    merged = replace(pump(2.0, "18.2", InfusionState.KVO, drug="Propofol"), extremes=((Q.INFUSION_RATE, ONE, ONE),))
    source.observe(merged, NibpTime.NOT_MEASURED)
    assert (source.heard_at_s, source.values, source.extremes) == (2.0, {}, {})
    assert source.infusion == Infusion(InfusionState.INFUSING, "Ketamine")
    assert (source.value(Q.INFUSION_RATE), source.delivered_rate()) == (None, None)


def test_until_it_is_known_again_who_answers_the_last_values_do_not_count() -> None:
    source = named()
    source.identify(is_called(1.0, "A"), "")
    source.observe(pump(1.0), NibpTime.NOT_MEASURED)
    source.await_identity()
    value, delivered = source.value(Q.INFUSION_RATE), source.delivered_rate()
    assert value is not None
    assert delivered is not None
    assert (value.value, value.validity) == (delivered.value, delivered.validity) == (None, Validity.INVALID)
    assert value.note == "it is not known which device answers"
    source.identify(is_called(2.0, "A"), "")
    again = source.value(Q.INFUSION_RATE)
    assert again is not None
    assert (str(again.value), again.taken_at_s) == ("7", 1.0)


@pytest.mark.parametrize(("serial", "counts"), [("", True), ("A", False)])
def test_a_device_that_tells_no_serial_number_counts_only_where_none_is_known(serial: str, counts: bool) -> None:
    source = named(serial)
    source.identify(DeviceIdentified(*PUMP, 1.0, "", "Perfusor Space"), "")
    assert source.trusted is counts


def test_a_device_in_place_of_one_that_infused_does_not_count_until_that_one_is_back() -> None:
    source = named("", policy=IdentityPolicy.CONFIRM)
    source.identify(is_called(1.0, "A"), "")
    source.observe(pump(1.0), NibpTime.NOT_MEASURED)
    counts = []
    for serial in ("B", "C", "A"):
        source.identify(is_called(2.0, serial), "")
        source.observe(pump(2.0, state=InfusionState.STOPPED), NibpTime.NOT_MEASURED)
        counts.append((source.trusted, source.infusing))
    assert counts == [(False, True), (False, True), (True, False)]


def test_what_was_shown_before_a_device_proved_to_be_last_seen_elsewhere_is_dropped() -> None:
    source = named("", policy=IdentityPolicy.CONFIRM)
    source.observe(pump(1.0), NibpTime.NOT_MEASURED)
    source.identify(is_called(2.0, "A"), "Bed 2")
    assert (source.trusted, source.values) == (False, {})


def test_alarms_are_those_of_the_device_that_answers() -> None:
    source = named("", policy=IdentityPolicy.CONFIRM)
    told = shows(1.0, DeviceAlarmKind.AIR_IN_LINE)
    kept = []
    source.show_alarms(told)
    for serial in ("A", "A", "B"):
        source.identify(is_called(2.0, serial), "")
        kept.append(source.alarms)
    assert kept == [told.alarms, told.alarms, None]
    for lose in (source.await_identity, lambda: source.remove(ChannelRemoved(*PUMP, 3.0, "gone"))):
        source.show_alarms(told)
        lose()
        assert source.alarms is None


# --- a monitor that counts anew: its cuff pressure may be hours old (H-31) ---


def test_the_pressure_that_another_monitor_shows_first_is_no_change_of_the_one_before() -> None:
    source = named("", MONITOR, IdentityPolicy.CONFIRM)
    source.identify(is_called(1.0, "A", MONITOR), "")
    for at_s, numbers in ((1.0, CUFF_NUMBERS), (2.0, NEW_NUMBERS)):
        source.observe(monitor(at_s, cuff=numbers), NibpTime.LAST_CHANGE)
    source.identify(is_called(3.0, "B", MONITOR), "")
    assert (source.cuff_at_s, source.cuff_dated) == (None, False)
    source.observe(monitor(3.0, cuff=CUFF_NUMBERS), NibpTime.LAST_CHANGE)
    assert cuff_of(source)[1] is Validity.QUESTIONABLE
    source.observe(monitor(4.0, cuff=NEW_NUMBERS), NibpTime.LAST_CHANGE)
    assert cuff_of(source)[1:3] == (Validity.VALID, 4.0)


@pytest.mark.parametrize(("serial", "validity"), [("B", Validity.QUESTIONABLE), ("A", Validity.VALID)])
def test_a_monitor_that_a_person_confirms_begins_anew_if_it_is_another(serial: str, validity: Validity) -> None:
    source = named("A", MONITOR, IdentityPolicy.CONFIRM)
    source.identify(is_called(1.0, "A", MONITOR), "")
    for at_s, numbers in ((1.0, CUFF_NUMBERS), (2.0, NEW_NUMBERS)):
        source.observe(monitor(at_s, cuff=numbers), NibpTime.LAST_CHANGE)
    source.identify(is_called(3.0, serial, MONITOR), "Bed 2")
    assert (source.confirm("C"), source.trusted) == (False, False)
    assert (source.confirm(serial), source.trusted) == (True, True)
    source.observe(monitor(4.0, cuff=NEW_NUMBERS), NibpTime.LAST_CHANGE)
    assert cuff_of(source)[1] is validity


@pytest.mark.parametrize(("unwatched_s", "validity"), [(10.0, Validity.VALID), (10.1, Validity.QUESTIONABLE)])
def test_a_pressure_that_changed_while_it_was_not_known_who_answers_is_not_dated(
    unwatched_s: float, validity: Validity
) -> None:
    source = named("A", MONITOR)
    source.identify(is_called(1.0, "A", MONITOR), "")
    source.observe(monitor(1.0), NibpTime.LAST_CHANGE)
    source.await_identity()
    source.observe(monitor(unwatched_s, cuff=NEW_NUMBERS), NibpTime.LAST_CHANGE)
    source.identify(is_called(1.0 + unwatched_s, "A", MONITOR), "")
    source.observe(monitor(1.0 + unwatched_s, cuff=NEW_NUMBERS), NibpTime.LAST_CHANGE)
    assert cuff_of(source)[1] is validity


# --- lines ---


@pytest.mark.parametrize(("round_s", "limit_s"), [(0.0, 1.0), (1.0, 3.0), (4.5, 10.0), (4.6, 10.0), (60.0, 10.0)])
def test_a_link_is_lost_after_two_rounds_and_a_second_at_most_ten(round_s: float, limit_s: float) -> None:
    assert PortState(round_s).link_limit_s == limit_s


def test_a_line_is_unknown_until_it_was_opened_or_could_not_be() -> None:
    port = PortState(1.0)
    words = [port.word]
    for up in (True, False):
        port.change(LinkChange("rack", 1.0, up, LinkCause.OPENED if up else LinkCause.LOST, "why", 2.0))
        words.append(port.word)
    assert words == ["unknown", "up", "down"]
    assert (port.round_s, port.detail) == (2.0, "why")


def test_errors_are_counted_in_all_and_within_a_minute() -> None:
    port = PortState(1.0)
    for at_s in range(200):
        port.count(LineErrors("rack", float(at_s), 9, 1, "checksum"))
        assert port.error_counts(float(at_s)) == (9 * min(at_s + 1, 61), min(at_s + 1, 61))
    assert (port.accepted, port.rejected, port.reason) == (1800, 200, "checksum")
    assert len(port.errors) == 61
    port.count(LineErrors("rack", 200.0, 1, 0, ""))
    assert port.reason == "checksum"
    assert port.error_counts(1000.0) == (0, 0)
