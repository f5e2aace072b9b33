"""The Space driver for cyclic mode against the simulator: the rack talks unasked, each package wants its ACK."""

from __future__ import annotations

from decimal import Decimal

from drivers.bbraun_space_cyclic import CyclicSession
from drivers.model import ChannelRemoved, InfusionState, Quantity, SessionOptions
from simulators.bbraun_space import SpaceOptions, SpaceRack
from simulators.pump import PumpModel
from tests.conformance.test_bbraun_space import pump
from tests.conformance.virtual import Wire, value


def wire(pumps: dict[tuple[int, int], PumpModel]) -> tuple[Wire, SpaceRack]:
    rack = SpaceRack(SpaceOptions(cyclic_interval_s=5.0), pumps)
    return Wire(CyclicSession(SessionOptions("pumps")), rack), rack


def test_packages_come_every_cycle_and_are_acknowledged() -> None:
    talk, rack = wire({(1, 1): pump("7.00"), (1, 2): pump("3.00", serial_number="222222")})
    talk.run(60.0)
    for channel, rate in (("11", "7.00"), ("12", "3.00")):
        seen = talk.observations(channel)
        assert len(seen) >= 10
        assert {value(one, Quantity.INFUSION_RATE) for one in seen} == {Decimal(rate)}
        assert seen[-1].received_at_s > talk.now_s - 6.0
    assert rack.violations == []
    assert talk.rejections() == []


def test_a_change_is_told_before_the_cycle_is_over() -> None:
    one = pump("7.00")
    talk, _ = wire({(1, 1): one})
    talk.run(12.0)
    changed_at_s = talk.now_s
    one.set_rate(changed_at_s, Decimal("18.20"))
    talk.run(2.0)
    assert value(talk.last("11"), Quantity.INFUSION_RATE) == Decimal("18.20")
    one.stop(talk.now_s)
    talk.run(2.0)
    infusion = talk.last("11").infusion
    assert infusion is not None
    assert infusion.state is InfusionState.STOPPED


def test_a_pump_taken_out_is_told() -> None:
    talk, rack = wire({(1, 1): pump("7.00"), (1, 2): pump("3.00", serial_number="222222")})
    talk.run(12.0)
    rack.remove((1, 2))
    talk.run(12.0)
    assert [one.channel for one in talk.events(ChannelRemoved) if isinstance(one, ChannelRemoved)] == ["12"]


def test_a_package_that_was_spoiled_comes_again_and_nothing_false_is_shown() -> None:
    talk, rack = wire({(1, 1): pump("7.00")})
    talk.run(12.0)
    count = 0

    def flip(data: bytes) -> bytes:
        nonlocal count
        count += 1
        return data[:30] + bytes([data[30] ^ 1]) + data[31:] if count % 3 == 0 and len(data) > 30 else data

    talk.spoil = flip
    talk.run(40.0)
    assert {value(one, Quantity.INFUSION_RATE) for one in talk.observations("11")} == {Decimal("7.00")}
    assert talk.rejections() != []
    assert talk.last("11").received_at_s > talk.now_s - 6.0
    assert rack.violations == []
