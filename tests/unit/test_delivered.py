"""The dose of a pump from two accounts: counters that are reset, stand, leap or are gone, gaps, boli, purges."""

from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.model import InfusionState
from edge.core.delivered import STILL, Account, Delivery, Flow, Given, Sample, exactly, flow_of
from edge.core.pump_counter import Reading
from simulators.pump_terms import PumpState
from tests.dosing import bench, slow

S = InfusionState
TEN = Decimal(10)
STEP = Decimal("0.1")


def at(
    at_s: float,
    counter: str | None,
    rate: str = "36",
    state: InfusionState = S.INFUSING,
    *,
    step: Decimal = STEP,
) -> Sample:
    """A sample; 36 mL/h are 0.01 mL a second."""
    flow = flow_of(state, Flow(Decimal(rate), Decimal(rate)))
    reading = None if counter is None else Reading(Decimal(counter), step)
    return Sample(at_s, state, flow, reading, "1")


def given_by(*samples: Sample, connected: bool = True) -> Given:
    """The dose of samples at 10 mg/mL."""
    delivery, account = Delivery(), Account()
    for sample in samples:
        piece = delivery.piece(sample)
        if piece is not None:
            account.add(piece, TEN, connected=connected)
    return account.given


def mg(given: Given) -> tuple[float, float, float, float]:
    return tuple(round(float(one), 3) for one in (given.low_mg, given.high_mg, given.claimed_mg, given.unsure_mg))  # type: ignore[return-value]


def steady(seconds: int, start: str = "0.0", *, every_s: int = 10, first_s: int = 0) -> list[Sample]:
    """36 mL/h, counted as it flows: 0.1 mL each ten seconds."""
    return [at(first_s + second, str(Decimal(start) + STEP * second / 10)) for second in range(0, seconds + 1, every_s)]


def test_both_accounts_agree() -> None:
    assert mg(given_by(*steady(100))) == (10.0, 10.0, 10.0, 0.0)


def test_the_first_sample_counts_nothing_whatever_the_counter_shows() -> None:
    assert mg(given_by(at(0, "512.3"))) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("state", "rate", "bolus", "expected"),
    [
        (S.INFUSING, Flow(Decimal(7), Decimal(7)), None, (7, 7)),
        (S.INFUSING, None, None, (0, None)),  # a rate that is missing is not zero
        (S.STOPPED, Flow(Decimal(7), Decimal(7)), None, (0, 0)),
        (S.STANDBY, None, None, (0, 0)),
        (S.OFF, None, "1200", (0, 0)),
        (S.KVO, Flow(Decimal(7), Decimal(7)), None, (0, 7)),  # the pump may show the rate that is set
        (S.UNKNOWN, Flow(Decimal(7), Decimal(7)), None, (0, 7)),
        (S.UNKNOWN, None, None, (0, None)),
        (S.BOLUS, Flow(Decimal(7), Decimal(7)), "1200", (7, 1200)),
        (S.BOLUS, Flow(Decimal(7), Decimal(7)), "5", (7, 7)),
        (S.BOLUS, Flow(Decimal(7), Decimal(7)), None, (7, None)),
        (S.BOLUS, None, "1200", (0, 1200)),
        (S.PURGE, Flow(Decimal(7), Decimal(7)), "1200", (0, None)),
    ],
)
def test_what_leaves_a_pump_in_each_state(
    state: InfusionState, rate: Flow | None, bolus: str | None, expected: tuple[int, int | None]
) -> None:
    flow = flow_of(state, rate, None if bolus is None else Decimal(bolus))
    assert flow == Flow(Decimal(expected[0]), None if expected[1] is None else Decimal(expected[1]))


def test_a_rate_that_is_not_sure_may_be_nothing() -> None:
    assert flow_of(S.INFUSING, Flow(Decimal(7), Decimal(7)), sure=False) == Flow(Decimal(0), Decimal(7))


def test_a_step_of_the_rate_between_two_samples_is_an_interval() -> None:
    given = given_by(at(0, None, "36"), at(10, None, "72"))
    assert mg(given) == (1.0, 2.0, 1.0, 0.0)  # 0.1 to 0.2 mL


def test_the_counter_narrows_what_the_rate_leaves_open() -> None:
    fine = Decimal("0.001")
    given = given_by(at(0, "0.000", "36", step=fine), at(10, "0.150", "72", step=fine))
    assert mg(given) == (1.0, 2.0, 1.0, 0.0)  # it may be ten seconds behind
    often = [at(look / 10, f"{look / 500:.3f}", "72", step=fine) for look in range(1, 100)]
    given = given_by(at(0, "0.000", "36", step=fine), *often)
    assert given.high_mg - given.low_mg < Decimal("0.1")


def test_a_counter_that_is_reset_goes_on_from_zero() -> None:
    samples = [*steady(50, "3.0"), at(51, "0.0"), at(52, "0.0"), at(60, "0.1"), at(70, "0.2")]
    given = given_by(*samples)
    assert (given.low_mg, given.unsure_mg) == (Decimal(7), Decimal(0))
    assert Decimal(7) <= given.high_mg <= Decimal("7.01")  # the rate holds what the reset left open


def test_a_reset_that_nothing_else_explains_is_as_wide_as_it_is_unsure() -> None:
    """No rate is told: the counter alone speaks, and a step on each side of the reset was not seen."""
    flow = Flow(Decimal(0), None)
    shown = [(0, "3.0"), (10, "3.2"), (11, "0.0"), (12, "0.0"), (20, "0.3")]
    samples = [Sample(second, S.INFUSING, flow, Reading(Decimal(value), STEP), "1") for second, value in shown]
    given = given_by(*samples)
    assert given.claimed_mg == 4  # 0.5 counted, a step less at least
    assert given.high_mg > 6


def test_a_counter_that_wraps_is_one_that_was_reset() -> None:
    samples = [at(0, "9999.8"), at(10, "9999.9"), at(20, "0.0"), at(21, "0.0"), at(30, "0.1")]
    assert mg(given_by(*samples))[0] == 3.0


def test_one_wrong_number_counts_nothing() -> None:
    for wrong in ("0.0", "3.0", "870.3", "9999.9"):
        samples = steady(100, "5.0")
        samples[5] = at(50, wrong)
        assert mg(given_by(*samples)) == (10.0, 10.0, 10.0, 0.0), wrong


def test_a_leap_that_no_drive_can_do_is_unsure_and_never_certain() -> None:
    samples = [*steady(50, "5.0"), *steady(50, "105.6", first_s=60)]
    given = given_by(*samples)
    assert given.low_mg == Decimal(11)  # by rate: 110 s
    assert given.unsure_mg == Decimal(1002)  # from 5.5 to 105.7 mL
    assert given.high_mg >= given.claimed_mg + given.unsure_mg


def test_a_fall_to_what_no_drive_reaches_from_zero_tells_nothing() -> None:
    samples = [*steady(50, "500.0"), *steady(50, "300.0", first_s=60)]
    given = given_by(*samples)
    assert (given.low_mg, given.unsure_mg) == (Decimal(11), Decimal(0))


def test_a_counter_at_its_end_leaves_the_rate_alone() -> None:
    samples = [*steady(50, "9999.4"), *[at(second, None) for second in range(60, 111, 10)]]
    assert mg(given_by(*samples)) == (11.0, 11.0, 11.0, 0.0)


def test_the_pump_that_counts_more_than_its_rate_is_believed_for_limits() -> None:
    """Free flow: the rate says 0.6 mL, the counter 60: neither hides the other."""
    given = given_by(*[at(10 * look, str(Decimal(look))) for look in range(61)])
    assert given.claimed_mg == 598  # less a step, and the ten seconds of the rate between two samples
    assert given.low_mg == 60
    assert given.high_mg >= 600


def test_the_pump_that_counts_nothing_hides_no_dose() -> None:
    """An occlusion that the pump does not see, or a counter that stands: by its rate it gave 36 mL."""
    given = given_by(*[at(10 * look, "5.0") for look in range(361)])
    assert given.claimed_mg == 360
    assert given.low_mg <= 7  # it may be a minute behind, and not an hour
    assert given.high_mg == 360


# --- gaps -------------------------------------------------------------------------------------------------------------


def test_a_gap_is_bridged_by_the_counter_of_the_same_pump() -> None:
    given = given_by(*steady(100), *steady(100, "7.0", first_s=700))
    assert given.unsure_mg == 0
    assert (given.low_mg, given.high_mg) == (Decimal(79), Decimal(81))  # a step each way


def test_a_gap_of_a_pump_without_a_serial_number_is_unsure() -> None:
    samples = [replace(one, serial_number="") for one in (*steady(100), *steady(100, "7.0", first_s=700))]
    given = given_by(*samples)
    # 600 s as last seen: 6 mL; the counter would say 6.0, and a step.
    assert mg(given) == (20.0, 81.0, 20.0, 61.0)


@pytest.mark.parametrize("serial", ["2", ""])
def test_another_pump_bridges_nothing(serial: str) -> None:
    after = [replace(one, serial_number=serial) for one in steady(100, "7.0", first_s=105)]
    given = given_by(*steady(100), *after)
    assert mg(given) == (20.0, 20.5, 20.0, 0.5)  # 5 s as last seen


def test_a_gap_with_a_lower_counter_is_unsure() -> None:
    given = given_by(*steady(100, "50.0"), *steady(100, "7.0", first_s=700))
    assert mg(given) == (20.0, 80.0, 20.0, 60.0)


def test_a_gap_of_a_pump_that_stood_is_nothing() -> None:
    stood = [at(0, "5.0", state=S.STOPPED), at(10, "5.0", state=S.STOPPED), at(3600, "5.0", state=S.STOPPED)]
    assert mg(given_by(*stood)) == (0.0, 1.0, 0.0, 0.0)
    assert mg(given_by(*[replace(one, serial_number="") for one in stood])) == (0.0, 0.0, 0.0, 0.0)


def test_a_line_that_was_opened_anew_is_a_gap_where_no_serial_number_is_told() -> None:
    for serial, unsure in (("1", 0), ("", 2)):
        delivery, account = Delivery(), Account()
        for sample in [replace(one, serial_number=serial) for one in steady(100)]:
            if sample.at_s == 50:
                delivery.broken = True
            piece = delivery.piece(sample)
            if piece is not None:
                account.add(piece, TEN)
        assert account.given.unsure_mg == unsure  # 0.1 mL in ten seconds, and a step


def test_samples_that_come_out_of_order_or_twice_take_no_time() -> None:
    twice = [each for one in steady(100) for each in (one, one)]
    assert mg(given_by(*twice)) == (10.0, 10.0, 10.0, 0.0)
    assert mg(given_by(at(10, "0.1"), at(5, "0.1"), at(10, "0.1")))[1] <= 1.0


# --- orders, boli, purges ---------------------------------------------------------------------------------------------


def test_a_concentration_holds_from_its_order_on() -> None:
    delivery, account = Delivery(), Account()
    for sample in steady(200):
        concentration = None if sample.at_s <= 50 else TEN if sample.at_s <= 100 else Decimal(50)
        piece = delivery.piece(sample)
        if piece is not None:
            account.add(piece, concentration)
    assert mg(account.given) == (55.0, 55.0, 55.0, 0.0)  # 0.5 mL of 10 and 1.0 of 50 mg/mL


def test_a_bolus_counts() -> None:
    made = bench("0.01", "7")
    made.run(60)
    made.pump.bolus(made.now_s, Decimal(2))
    made.run(120)
    assert abs(float(made.given.low_mg) - float(made.true_mg())) < 0.4
    assert made.given.low_mg <= made.true_mg() <= made.given.high_mg
    assert made.raised == set()


def test_a_bolus_that_no_sample_shows_is_counted_by_the_counter() -> None:
    samples = [*steady(50), *steady(50, "0.8", first_s=60)]  # 0.2 mL more than the rate says
    delivery, account = Delivery(), Account()
    for sample in samples:
        if sample.at_s == 60:
            account.bolus(Decimal("0.2"))
        piece = delivery.piece(sample)
        if piece is not None:
            account.add(piece, TEN)
    assert account.given.low_mg <= 13 <= account.given.high_mg


def test_a_bolus_of_a_pump_without_a_counter_is_unsure() -> None:
    account = Account(TEN)
    account.bolus(Decimal("1.5"))
    assert mg(account.given) == (0.0, 15.0, 0.0, 15.0)
    account.bolus(None)
    assert account.given.unsure_mg > 70  # ten seconds of the fastest drive
    other = Account()
    other.bolus(Decimal("1.5"))  # without a concentration no drug is known to be in it
    assert other.given == Given()


def test_a_dose_by_hand_is_exact() -> None:
    assert mg(exactly(Decimal(15))) == (15.0, 15.0, 15.0, 0.0)


@pytest.mark.parametrize("connected", [True, False])
def test_a_purge_counts_unless_the_line_is_off_the_patient(*, connected: bool) -> None:
    made = bench("0.01", "7")
    made.run(60)
    made.pump.stop(made.now_s)
    made.run(5)
    made.connected = connected
    made.pump.purge(made.now_s, Decimal(1), line_connected=connected)
    made.run(20)
    made.connected = True
    made.pump.start(made.now_s)
    made.run(60)
    given, true = made.given, float(made.true_mg())
    assert float(given.low_mg) - 0.01 <= true <= float(given.high_mg) + 0.01
    assert float(given.high_mg - given.low_mg) < 2.0
    assert given.unsure_mg == 0
    assert made.raised == set()


def test_a_purge_of_which_nothing_is_seen_is_not_nothing() -> None:
    samples = [
        *steady(50),
        at(60, "0.6", state=S.STOPPED),
        at(61, "0.6", state=S.PURGE),
        at(63, "0.6", state=S.PURGE),
        at(64, "0.6", state=S.STOPPED),
    ]
    given = given_by(*samples, at(65, "0.6", state=S.STOPPED))
    assert Decimal(22) < given.unsure_mg < Decimal(23)  # 4 s at 2000 mL/h, the fastest of drives: 2.22 mL
    assert given_by(*samples, at(65, "0.6", state=S.STOPPED), connected=False).unsure_mg == 0


def test_kvo_counts() -> None:
    made = bench("0.01", "7")
    made.pump.set_vtbi(0.0, Decimal(1))
    made.run(800)
    assert made.pump.snapshot(made.now_s).state is PumpState.KVO
    assert made.given.low_mg > Decimal("9.9")
    assert made.given.high_mg - made.given.low_mg < 2
    assert made.given.low_mg <= made.true_mg() <= made.given.high_mg
    assert made.raised == set()


def test_a_pump_that_counts_rarely_is_no_quarrel_of_two_accounts() -> None:
    made = bench("0.01", "14")
    made.shown = slow(60.0)
    widths = []
    for _ in made.poll(1.0, 1800):
        widths.append(made.given.high_mg - made.given.low_mg)
        assert made.given.low_mg <= made.true_mg() <= made.given.high_mg
    assert max(widths) < 3  # a minute of 14 mL/h is 2.3 mg


def test_how_long_it_infused_is_the_time_in_which_it_ran() -> None:
    made = bench("0.1", "7")
    made.run(600)
    made.pump.stop(made.now_s)
    made.run(300)
    made.pump.start(made.now_s)
    made.run(300)
    assert made.account.infusing_s == pytest.approx(900, abs=2)


def test_what_stands_is_still() -> None:
    assert Flow(Decimal(0), Decimal(0)) == STILL
