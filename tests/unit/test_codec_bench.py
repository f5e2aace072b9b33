"""The bench of the codecs measures every driver, on conversations that a fresh session hears as the first one did."""

import pytest

from bench.codec import DEVICES, Result, record, replay
from bench.report import Report
from drivers import registry

RECORDED_S = 20.0


def test_every_driver_has_a_device() -> None:
    assert sorted(DEVICES) == [*registry.names()]


@pytest.mark.parametrize("cut_bytes", [0, 1, 15])
@pytest.mark.parametrize("name", registry.names())
def test_a_recorded_conversation_is_well_and_is_heard_again_alike(name: str, cut_bytes: int) -> None:
    driver = registry.driver(name)
    calls, observations = record(driver, DEVICES[name](), RECORDED_S, cut_bytes)
    assert observations
    assert all(any(reading.value is not None for reading in one.readings) for one in observations)
    assert replay(driver, calls) == len(observations)
    assert not cut_bytes or max(len(call.data) for call in calls) == cut_bytes


@pytest.mark.parametrize(("lines", "met"), [(49.9, False), (50.0, True)])
def test_the_slowest_codec_has_an_aim(lines: float, met: bool) -> None:
    results = [Result("nonin-df2", 15, 1e6, 900.0, 30.0), Result("philips-intellivue", 0, 1e6, lines, 300.0)]
    (aim,) = Report(codec=results).aims()
    assert (aim.what, aim.measured, aim.met) == ("the slowest codec, philips-intellivue", lines, met)
    assert "at least 50 lines" in Report(codec=results).tables()
