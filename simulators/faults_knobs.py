"""The knobs of each kind of simulated device, for the faults of ``faults_device``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from datetime import timedelta

from simulators.alaris_asena import AsenaPump
from simulators.bbraun_parameters import Asked, pump_values
from simulators.bbraun_space import SpaceRack
from simulators.faults_device import Knobs
from simulators.fresenius_orchestra import OrchestraBase
from simulators.fresenius_orchestra_station import module_variables
from simulators.ge_dri import DriMonitor
from simulators.ge_dri_records import Group
from simulators.intellivue import IntelliVueMonitor
from simulators.intellivue_numerics import Numeric
from simulators.ivy_450c import IvyMonitor, Parameter
from simulators.oximeter import CLOCK_AT_POWER_ON, Oximeter, Sensor
from simulators.patient import Vitals
from simulators.pump import PumpModel

_CUFF = ("nibp_sys_mmhg", "nibp_dia_mmhg", "nibp_mean_mmhg", "nibp_pulse_rate_per_min")
_VALUES: Mapping[str, tuple[str, ...]] = {
    "all": tuple(field.name for field in fields(Vitals)),
    "heart-rate": ("heart_rate_per_min",),
    "spo2": ("spo2_percent",),
    "respiratory-rate": ("respiratory_rate_per_min",),
    "etco2": ("etco2_mmhg",),
    "cuff": _CUFF,
}


class VitalsFeed:
    """What a monitor measures: the patient's vital signs, but those that are held stay as they were."""

    def __init__(self, patient: Callable[[float], Vitals]) -> None:
        self._patient = patient
        self._held: dict[str, int | None] = {}

    def __call__(self, now_s: float) -> Vitals:
        """Return the vital signs as the monitor measures them now."""
        return replace(self._patient(now_s), **self._held)

    def hold(self, names: Iterable[str], now_s: float) -> None:
        """Hold these fields of ``Vitals`` as they are now."""
        vitals = self(now_s)
        self._held |= {name: getattr(vitals, name) for name in names}

    def let_go(self, names: Iterable[str]) -> None:
        """Hold them no longer."""
        for name in names:
            self._held.pop(name, None)


class PumpKnobs(Knobs):
    """What every pump has: a counter, and a drive that stands while the power is off and after it."""

    values = ("rate", "volume")
    has_counter = True

    def __init__(self, pump: PumpModel) -> None:
        self._pump = pump

    def reset_counter(self, now_s: float) -> None:
        """Clear the volume, as the key does; a pump that is off has none."""
        self._pump.clear_volume(now_s)

    def power_off(self, now_s: float) -> None:
        """Stop the drive."""
        self._pump.power_off(now_s)

    def power_on(self, now_s: float) -> None:
        """Come back stopped, with the therapy and the counter kept."""
        self._pump.power_on(now_s)


class SpaceKnobs(PumpKnobs):
    """A Space pump in its rack."""

    def __init__(self, rack: SpaceRack, slot: tuple[int, int]) -> None:
        super().__init__(rack.pump(slot))
        self._rack, self._slot = rack, slot

    def stick(self, value: str, now_s: float) -> None:
        """Override the parameters that tell it."""
        asked = Asked(self._pump.snapshot(now_s), now_s, None, self._rack.options.bit_notation)
        for key, text in pump_values(asked, self._keys(value)).items():
            self._rack.override(self._slot, key, text)

    def let_go(self, value: str) -> None:
        """End the overrides."""
        for key in self._keys(value):
            self._rack.override(self._slot, key, None)

    def _keys(self, value: str) -> frozenset[str]:
        keys = {"rate": {"INRT", "BASRT", "INDORT", "DORT"}, "volume": {"INVI"}}[value]
        return self._rack.options.keys() & keys


class AsenaKnobs(PumpKnobs):
    """An Alaris (Asena) pump."""

    _FIELDS: Mapping[str, tuple[tuple[str, int], ...]] = {
        "rate": (("INF", 4), ("INF_RATE", 1)),
        "volume": (("INF", 7), ("INF_VI", 1)),
    }

    def __init__(self, device: AsenaPump) -> None:
        super().__init__(device.pump)
        self._device = device

    def stick(self, value: str, now_s: float) -> None:
        """Override the fields that tell it."""
        pump = self._pump.snapshot(now_s)
        text = f"{pump.motor_rate_ml_per_h:.2f}" if value == "rate" else f"{pump.counter_ml:.3f}"
        for keyword, place in self._FIELDS[value]:
            self._device.override(keyword, place, text)

    def let_go(self, value: str) -> None:
        """End the overrides."""
        for keyword, place in self._FIELDS[value]:
            self._device.override(keyword, place, None)


class OrchestraKnobs(PumpKnobs):
    """A module in a Fresenius Orchestra base."""

    _LETTERS: Mapping[str, str] = {"rate": "d", "volume": "r"}

    def __init__(self, base: OrchestraBase, address: str) -> None:
        super().__init__(base.pump(address))
        self._base, self._address = base, address

    def stick(self, value: str, now_s: float) -> None:
        """Override the letter that tells it."""
        letter = self._LETTERS[value]
        text = module_variables(self._pump.snapshot(now_s), letter)[letter]
        self._base.override(self._address, letter, text)

    def let_go(self, value: str) -> None:
        """End the override."""
        self._base.override(self._address, self._LETTERS[value], None)


class MonitorKnobs(Knobs):
    """What every monitor has: values that it measures of its patient."""

    values = tuple(_VALUES)

    def __init__(self, feed: VitalsFeed) -> None:
        self._feed = feed

    def stick(self, value: str, now_s: float) -> None:
        """Hold what is measured."""
        self._feed.hold(_VALUES[value], now_s)

    def let_go(self, value: str) -> None:
        """Measure again."""
        self._feed.let_go(_VALUES[value])


class IvyKnobs(MonitorKnobs):
    """An Ivy 450C, which tells no time."""

    _PARAMETERS: Mapping[str, Parameter] = {
        "ecg": Parameter.HR,
        "respiration": Parameter.RR,
        "spo2": Parameter.SPO2,
        "cuff": Parameter.NIBP,
        "co2": Parameter.ETCO2,
    }
    sensors = tuple(_PARAMETERS)

    def __init__(self, feed: VitalsFeed, monitor: IvyMonitor) -> None:
        super().__init__(feed)
        self._monitor = monitor

    def sensor_off(self, sensor: str) -> None:
        """Switch the parameter off."""
        self._monitor.switch_off(self._PARAMETERS[sensor])

    def sensor_on(self, sensor: str) -> None:
        """Switch it on."""
        self._monitor.switch_on(self._PARAMETERS[sensor])


class DriKnobs(MonitorKnobs):
    """A GE/Datex-Ohmeda monitor, whose ECG leads measure the breathing too."""

    _GROUPS: Mapping[str, Group] = {"ecg": Group.ECG, "spo2": Group.SPO2, "cuff": Group.NIBP, "co2": Group.CO2}
    sensors = tuple(_GROUPS)
    has_clock = True

    def __init__(self, feed: VitalsFeed, monitor: DriMonitor) -> None:
        super().__init__(feed)
        self._monitor = monitor

    def sensor_off(self, sensor: str) -> None:
        """Switch the group off."""
        self._monitor.modules.switch_off(self._GROUPS[sensor])

    def sensor_on(self, sensor: str) -> None:
        """Switch it on."""
        self._monitor.modules.switch_on(self._GROUPS[sensor])

    def leap_clock(self, by_s: float, now_s: float) -> None:  # noqa: ARG002 - the shape of a knob
        """Set the clock by whole seconds."""
        self._monitor.unix_at_zero_s += round(by_s)


class IntelliVueKnobs(MonitorKnobs):
    """A Philips IntelliVue. Its relative time, which counts from power on, does not leap."""

    _NUMERICS: Mapping[str, tuple[Numeric, ...]] = {
        "ecg": (Numeric.HR,),
        "respiration": (Numeric.RR,),
        "spo2": (Numeric.SPO2, Numeric.PULSE_SPO2, Numeric.PERFUSION),
        "cuff": (Numeric.NIBP, Numeric.NIBP_PULSE),
        "co2": (Numeric.ETCO2, Numeric.AWRR),
    }
    sensors = tuple(_NUMERICS)
    has_clock = True

    def __init__(self, feed: VitalsFeed, monitor: IntelliVueMonitor) -> None:
        super().__init__(feed)
        self._monitor = monitor

    def sensor_off(self, sensor: str) -> None:
        """Switch the numerics off."""
        for numeric in self._NUMERICS[sensor]:
            self._monitor.measurements.switch_off(numeric)

    def sensor_on(self, sensor: str) -> None:
        """Switch them on."""
        for numeric in self._NUMERICS[sensor]:
            self._monitor.measurements.switch_on(numeric)

    def leap_clock(self, by_s: float, now_s: float) -> None:  # noqa: ARG002 - the shape of a knob
        """Set the clock by whole seconds."""
        self._monitor.unix_at_zero_s += round(by_s)


class OximeterKnobs(MonitorKnobs):
    """A pulse oximeter."""

    values = ("all", "heart-rate", "spo2")
    sensors = ("spo2",)

    def __init__(self, feed: VitalsFeed, oximeter: Oximeter) -> None:
        super().__init__(feed)
        self._oximeter = oximeter

    def sensor_off(self, sensor: str) -> None:  # noqa: ARG002 - there is but one
        """Take it off the finger."""
        self._oximeter.sensor = Sensor.OFF

    def sensor_on(self, sensor: str) -> None:  # noqa: ARG002 - there is but one
        """Put it back."""
        self._oximeter.sensor = Sensor.ON


class TimedOximeterKnobs(OximeterKnobs):
    """One that tells the time, which began with ``CLOCK_AT_POWER_ON`` at ``on_at_s``."""

    has_clock = True

    def __init__(self, feed: VitalsFeed, oximeter: Oximeter, on_at_s: float) -> None:
        super().__init__(feed, oximeter)
        self._clock_at_power_on, self._on_at_s = CLOCK_AT_POWER_ON, on_at_s

    def leap_clock(self, by_s: float, now_s: float) -> None:
        """Set the clock."""
        self._clock_at_power_on += timedelta(seconds=by_s)
        self._oximeter.set_clock(now_s, self._clock_at_power_on + timedelta(seconds=now_s - self._on_at_s))
