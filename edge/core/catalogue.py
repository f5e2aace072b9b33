"""The alarm catalogue: every condition as data. `docs/alarms.md` is generated from it.

Bands without a number here come from limits: those of vital signs from `edge.toml`, those of doses from the drug
library. What each person is to do stands in `catalogue_texts.py`, in English and in Norwegian.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from drivers.model import DeviceAlarmKind, Quantity
from edge.core.catalogue_texts import ACTIONS
from edge.core.condition import Band
from edge.core.model import AlarmKind, Audience, Priority

LOW, MEDIUM, HIGH = Priority.LOW, Priority.MEDIUM, Priority.HIGH


@dataclass(frozen=True, slots=True)
class Entry:
    """One condition.

    ``bands`` are its bands, the mildest first, empty where they come from limits; ``clear_delay_s`` is its off-delay.
    ``latching``: its high band latches. ``inhibited_by`` are the technical conditions of the same bed and channel that
    explain it; they keep back no high band. ``worse_step``: acknowledged and soft, it sounds again when worse by so
    much, in its own unit. ``repeats``: its soft band waits for another measurement. ``sensor``: it is silent while the
    patient is off the monitor; ``device``: while the bed is under service. ``expected`` says when it can be.
    """

    kind: AlarmKind
    audience: Audience
    action: str
    expected: str
    bands: tuple[Band, ...] = ()
    clear_delay_s: float = 0.0
    latching: bool = False
    inhibited_by: tuple[str, ...] = ()
    worse_step: Decimal | None = None
    repeats: bool = False
    sensor: bool = False
    device: bool = False

    def latches(self, priority: Priority) -> bool:
        """Tell whether an alarm of this priority latches when its condition ends."""
        return self.latching and priority is HIGH


ALWAYS = "a value is there, at any bed"
ACTIVE = "the bed is between baseline and recovery, has an order, or a pump of it was last seen infusing"
RUNNING = "the channel runs"
ORDERED = "the channel has an order, and the pump tells what it does"
SHOWN = "the device shows it"
ANY_TIME = "the edge runs"
AT_BEDSIDE = "the bedside computer has one, and the edge runs"


def _vital(name: str, worse_step: str, *, repeats: bool = False, inhibited_by: tuple[str, ...] = ()) -> Entry:
    return Entry(
        AlarmKind.PHYSIOLOGICAL,
        Audience.NURSE,
        ACTIONS[name].english,
        ALWAYS,
        latching=True,
        inhibited_by=inhibited_by,
        worse_step=Decimal(worse_step),
        repeats=repeats,
    )


def _advisory(name: str, band: Band, clear_delay_s: float = 0.0) -> Entry:
    return Entry(
        AlarmKind.PHYSIOLOGICAL,
        Audience.NURSE,
        ACTIONS[name].english,
        "within 10 min after a step of a dose rate",
        (band,),
        clear_delay_s=clear_delay_s,
    )


def _observed(name: str, *bands: Band) -> Entry:
    return Entry(AlarmKind.PHYSIOLOGICAL, Audience.NURSE, ACTIONS[name].english, "a nurse entered it in a round", bands)


def _technical(
    name: str,
    expected: str,
    *bands: Band,
    audience: Audience = Audience.NURSE,
    clear_delay_s: float = 0.0,
    latching: bool = False,
    sensor: bool = False,
    device: bool = False,
) -> Entry:
    return Entry(
        AlarmKind.TECHNICAL,
        audience,
        ACTIONS[name].english,
        expected,
        bands,
        clear_delay_s,
        latching=latching,
        sensor=sensor,
        device=device or sensor,
    )


_MISSING = (Band("missing", LOW, 10.0), Band("missing for long", MEDIUM, 60.0))
_LINK = (Band("lost", MEDIUM, 0.0), Band("lost while infusing", HIGH, 0.0))
_ORDER = (
    Band("no order", LOW, 0.0),
    Band("no order for 5 min", MEDIUM, 300.0),
    Band("no order, beyond the hard limit", HIGH, 0.0),
)
_NO_FLOW = (
    "DEVICE_OCCLUSION_DOWNSTREAM",
    "DEVICE_OCCLUSION_UPSTREAM",
    "DEVICE_NO_FLOW",
    "DEVICE_RESERVOIR_EMPTY",
    "DEVICE_INFUSION_COMPLETE",
    "DEVICE_KVO_ACTIVE",
    "PUMP_LINK_LOST",
    "DOSE_INPUT_MISSING",
)
_STREAM = ("HR_MISSING", "SPO2_MISSING", "RR_MISSING")

_PATIENT = {
    # What lowers the reading of a dose explains a low one; a high one is told whatever else is wrong (H-01).
    "DOSE_RATE_HIGH": Entry(
        AlarmKind.PHYSIOLOGICAL, Audience.NURSE, ACTIONS["DOSE_RATE_HIGH"].english, RUNNING, latching=True
    ),
    "DOSE_RATE_LOW": Entry(
        AlarmKind.PHYSIOLOGICAL,
        Audience.NURSE,
        ACTIONS["DOSE_RATE_LOW"].english,
        "the channel infuses, and is neither stopped nor keeping the vein open",
        inhibited_by=_NO_FLOW,
    ),
    "HR_HIGH": _vital("HR_HIGH", "10", inhibited_by=("HR_SOURCES_DISAGREE",)),
    "HR_LOW": _vital("HR_LOW", "10", inhibited_by=("HR_SOURCES_DISAGREE",)),
    "BP_SYS_HIGH": _vital("BP_SYS_HIGH", "10", repeats=True),
    "BP_SYS_LOW": _vital("BP_SYS_LOW", "10", repeats=True),
    "BP_DIA_HIGH": _vital("BP_DIA_HIGH", "10", repeats=True),
    "BP_DIA_LOW": _vital("BP_DIA_LOW", "10", repeats=True),
    "BP_MEAN_HIGH": _vital("BP_MEAN_HIGH", "10", repeats=True),
    "BP_MEAN_LOW": _vital("BP_MEAN_LOW", "10", repeats=True),
    "SPO2_LOW": _vital("SPO2_LOW", "2"),
    "RR_HIGH": _vital("RR_HIGH", "5"),
    "RR_LOW": _vital("RR_LOW", "2"),
    "HR_CLIMBING": _advisory("HR_CLIMBING", Band("climbing", LOW, 20.0, 2), clear_delay_s=60.0),
    "BP_CLIMBING": _advisory("BP_CLIMBING", Band("climbing", LOW, 0.0)),
    "CHOKING": _observed("CHOKING", Band("reported", HIGH, 0.0)),
    "SEDATION_DEEP": _observed("SEDATION_DEEP", Band("RASS -2", MEDIUM, 0.0), Band("RASS -3 or less", HIGH, 0.0)),
    "FLOW_IN_RECOVERY": Entry(
        AlarmKind.PHYSIOLOGICAL,
        Audience.NURSE,
        ACTIONS["FLOW_IN_RECOVERY"].english,
        "the bed is in recovery",
        (Band("flow", MEDIUM, 0.0),),
    ),
}
_AGAINST_ORDER = {
    "ORDER_EXCEEDED": Entry(
        AlarmKind.PHYSIOLOGICAL,
        Audience.NURSE,
        ACTIONS["ORDER_EXCEEDED"].english,
        ORDERED,
        (Band("above the order", MEDIUM, 60.0), Band("twice the order", HIGH, 10.0)),
        clear_delay_s=10.0,
        latching=True,
    ),
    **{
        name: Entry(AlarmKind.PHYSIOLOGICAL, Audience.NURSE, ACTIONS[name].english, ORDERED, latching=True)
        for name in ("DOSE_STEP_HIGH", "DOSE_MASS_RATE_HIGH", "DOSE_TOGETHER_HIGH")
    },
    **{
        name: Entry(AlarmKind.PHYSIOLOGICAL, Audience.NURSE, ACTIONS[name].english, ORDERED, latching=True)
        for name in ("DOSE_CUMULATIVE_HIGH", "DOSE_24H_HIGH", "DURATION_HIGH", "DOSE_BOLUS_HIGH")
    },
    "DOSE_UNCERTAIN": _technical("DOSE_UNCERTAIN", ORDERED, Band("unsure", LOW, 0.0), Band("not known", MEDIUM, 0.0)),
    "ORDER_MISMATCH": _technical(
        "ORDER_MISMATCH", ORDERED, Band("apart", MEDIUM, 5.0), Band("other", HIGH, 5.0), latching=True
    ),
    "STEP_UNCONFIRMED": _technical("STEP_UNCONFIRMED", ORDERED, Band("asked", MEDIUM, 180.0)),
}
_BED = {
    **{name: _technical(name, ACTIVE, *_MISSING, clear_delay_s=5.0, sensor=True) for name in _STREAM},
    "HR_SOURCES_DISAGREE": _technical(
        "HR_SOURCES_DISAGREE",
        "two sources of the heart rate are there",
        Band("apart", LOW, 10.0, 2),
        clear_delay_s=10.0,
        device=True,
    ),
    "OBSERVATION_OVERDUE": _technical(
        "OBSERVATION_OVERDUE", "a patient is infused, stopped or in recovery", Band("overdue", LOW, 0.0)
    ),
    "NIBP_OVERDUE": _technical(
        "NIBP_OVERDUE",
        f"{ACTIVE}, and it is to have a cuff pressure",
        Band("overdue", LOW, 0.0),
        Band("long overdue", MEDIUM, 0.0),
        Band("far too long", HIGH, 0.0),
        sensor=True,
    ),
    "PUMP_LINK_LOST": _technical(
        "PUMP_LINK_LOST", "the channel has an order, or was last seen infusing", *_LINK, clear_delay_s=5.0, device=True
    ),
    "MONITOR_LINK_LOST": _technical("MONITOR_LINK_LOST", ACTIVE, *_LINK, clear_delay_s=5.0, sensor=True),
    "DATA_FROZEN": _technical("DATA_FROZEN", ACTIVE, Band("frozen", MEDIUM, 0.0), clear_delay_s=5.0, device=True),
    "DOSE_INPUT_MISSING": _technical(
        "DOSE_INPUT_MISSING", RUNNING, Band("missing", MEDIUM, 10.0), Band("bolus of unknown rate", MEDIUM, 0.0)
    ),
    "ORDER_MISSING": _technical("ORDER_MISSING", RUNNING, *_ORDER),
    "DEVICE_IDENTITY_CHANGED": _technical(
        "DEVICE_IDENTITY_CHANGED",
        "a device answers whose serial number is known",
        Band("not told", HIGH, 10.0),
        Band("changed", HIGH, 0.0),
        latching=True,
        device=True,
    ),
    "IDENTITY_UNCONFIRMED": _technical("IDENTITY_UNCONFIRMED", ACTIVE, Band("asked", MEDIUM, 120.0), device=True),
}
_COUNTS = "the pump counts a volume"
_STANDS = f"{ORDERED}, and has infused and stands before its total is given"
_PAUSED = f"{_STANDS}, or keeps the vein open and tells no alarm of it"
_FLOW = {
    # A volume that was counted twice over in two samples; nothing explains it, and nothing holds it back.
    "FREE_FLOW": _technical("FREE_FLOW", _COUNTS, Band("free flow", HIGH, 1.0, 2), clear_delay_s=30.0, latching=True),
    "FLOW_WHILE_STOPPED": _technical(
        "FLOW_WHILE_STOPPED", _COUNTS, Band("flow", HIGH, 1.0, 2), clear_delay_s=30.0, latching=True
    ),
    "FLOW_MISMATCH": _technical(
        "FLOW_MISMATCH",
        _COUNTS,
        Band("more", MEDIUM, 300.0, 2),
        Band("less", MEDIUM, 300.0, 2),
        Band("stalled", HIGH, 60.0, 2),
        clear_delay_s=30.0,
    ),
    "EXTRA_VOLUME": _technical("EXTRA_VOLUME", _COUNTS, Band("extra", MEDIUM, 0.0)),
    "INFUSION_PAUSED": _technical("INFUSION_PAUSED", _PAUSED, Band("paused", LOW, 120.0)),
    "SYRINGE_CHANGE": _technical("SYRINGE_CHANGE", _STANDS, Band("changing", MEDIUM, 300.0)),
    "SYRINGE_UNCONFIRMED": _technical(
        "SYRINGE_UNCONFIRMED", "the channel has an order, and has run with another syringe", Band("asked", MEDIUM, 0.0)
    ),
}
_TECHNICIAN = Audience.TECHNICIAN
_EDGE = {
    "CHANNEL_UNBOUND": _technical("CHANNEL_UNBOUND", "a channel runs that belongs to no bed", *_ORDER),
    "STATION_NOT_DISPLAYING": _technical(
        "STATION_NOT_DISPLAYING",
        "a station is required, and the broker is connected",
        Band("no screen", MEDIUM, 0.0),
        Band("no screen at an active bed", HIGH, 0.0),
        Band("an alarm is not shown", HIGH, 0.0),
        clear_delay_s=5.0,
    ),
    "NORTHBOUND_LOST": _technical("NORTHBOUND_LOST", ANY_TIME, Band("lost", HIGH, 10.0), clear_delay_s=5.0),
    "LINE_ERRORS": _technical(
        "LINE_ERRORS", ACTIVE, Band("garbled", MEDIUM, 0.0), audience=_TECHNICIAN, clear_delay_s=30.0
    ),
    "STORE_FAILED": _technical(
        "STORE_FAILED", ANY_TIME, Band("failed", MEDIUM, 0.0), audience=_TECHNICIAN, clear_delay_s=5.0
    ),
    "PATIENT_UNWATCHED": _technical("PATIENT_UNWATCHED", ANY_TIME, Band("not configured", HIGH, 0.0)),
    "STORE_NOT_READ": _technical("STORE_NOT_READ", "the edge starts", Band("not read", HIGH, 0.0)),
    "DISK_NEARLY_FULL": _technical(
        "DISK_NEARLY_FULL",
        ANY_TIME,
        Band("below 256 MiB", LOW, 0.0),
        Band("below 64 MiB", MEDIUM, 0.0),
        audience=_TECHNICIAN,
        clear_delay_s=60.0,
    ),
    "STORE_DAMAGED": _technical("STORE_DAMAGED", "the edge starts", Band("damaged", HIGH, 0.0), latching=True),
    "PUBLISH_REFUSED": _technical("PUBLISH_REFUSED", ANY_TIME, Band("refused", MEDIUM, 0.0), audience=_TECHNICIAN),
    "NAME_TAKEN": _technical("NAME_TAKEN", ANY_TIME, Band("taken", HIGH, 0.0)),
    "CERTIFICATE_ENDS": _technical(
        "CERTIFICATE_ENDS",
        "the broker is reached over TLS",
        Band("within 60 days", LOW, 0.0),
        Band("within 30 days", LOW, 0.0),
        Band("within 7 days", MEDIUM, 0.0),
        Band("ended", MEDIUM, 0.0),
        audience=_TECHNICIAN,
    ),
    "CONFIG_INVALID": _technical(
        "CONFIG_INVALID",
        "the edge starts, or is to load another",
        Band("last good copy", MEDIUM, 0.0),
        audience=_TECHNICIAN,
    ),
    "BED_NOT_WATCHED": _technical("BED_NOT_WATCHED", "the edge starts", Band("not watched", HIGH, 0.0)),
    "CLOCK_UNSYNCED": _technical(
        "CLOCK_UNSYNCED", ANY_TIME, Band("not synchronised", LOW, 600.0), audience=_TECHNICIAN
    ),
    "CLOCK_STEP": _technical("CLOCK_STEP", ANY_TIME, Band("stepped", LOW, 0.0), audience=_TECHNICIAN),
    "ANNUNCIATOR_FAILED": _technical("ANNUNCIATOR_FAILED", AT_BEDSIDE, Band("failed", MEDIUM, 0.0), clear_delay_s=30.0),
    "BUTTON_STUCK": _technical("BUTTON_STUCK", AT_BEDSIDE, Band("stuck", LOW, 0.0)),
    "CALL_HOOK_FAILED": _technical("CALL_HOOK_FAILED", AT_BEDSIDE, Band("failed", MEDIUM, 0.0), audience=_TECHNICIAN),
    "TEST_ALARM": _technical("TEST_ALARM", "somebody asks for it", Band("test", LOW, 0.0)),
}

_OF_DEVICE = {
    DeviceAlarmKind.OCCLUSION_DOWNSTREAM: MEDIUM,
    DeviceAlarmKind.OCCLUSION_UPSTREAM: MEDIUM,
    DeviceAlarmKind.AIR_IN_LINE: HIGH,
    DeviceAlarmKind.NO_FLOW: MEDIUM,
    DeviceAlarmKind.FREE_FLOW: HIGH,
    DeviceAlarmKind.DOOR_OPEN: MEDIUM,
    DeviceAlarmKind.SYRINGE: MEDIUM,
    DeviceAlarmKind.RESERVOIR_EMPTY: MEDIUM,
    DeviceAlarmKind.RESERVOIR_NEAR_EMPTY: LOW,
    DeviceAlarmKind.INFUSION_COMPLETE: MEDIUM,
    DeviceAlarmKind.INFUSION_NEAR_END: LOW,
    DeviceAlarmKind.KVO_ACTIVE: LOW,
    DeviceAlarmKind.KVO_ENDED: MEDIUM,
    DeviceAlarmKind.STANDBY_EXPIRED: LOW,
    DeviceAlarmKind.BATTERY_LOW: MEDIUM,
    DeviceAlarmKind.BATTERY_EMPTY: HIGH,
    DeviceAlarmKind.MALFUNCTION: HIGH,
    DeviceAlarmKind.ADVISORY: LOW,
    DeviceAlarmKind.SENSOR_OFF: LOW,
    DeviceAlarmKind.VITAL_SIGN: MEDIUM,
    DeviceAlarmKind.LIFE_THREATENING: HIGH,
    DeviceAlarmKind.UNKNOWN: MEDIUM,
}
_OF_PATIENT = frozenset({DeviceAlarmKind.VITAL_SIGN, DeviceAlarmKind.LIFE_THREATENING})


def _device(kind: DeviceAlarmKind, priority: Priority) -> Entry:
    # They are relayed without delay (law 4).
    return Entry(
        AlarmKind.PHYSIOLOGICAL if kind in _OF_PATIENT else AlarmKind.TECHNICAL,
        Audience.NURSE,
        ACTIONS[f"DEVICE_{kind.name}"].english,
        SHOWN,
        (Band("device", priority, 0.0),),
        latching=True,
        sensor=kind is DeviceAlarmKind.SENSOR_OFF,
        device=kind not in _OF_PATIENT,
    )


CATALOGUE = (
    _PATIENT
    | _AGAINST_ORDER
    | _BED
    | _FLOW
    | _EDGE
    | {f"DEVICE_{kind.name}": _device(kind, priority) for kind, priority in _OF_DEVICE.items()}
)
"""Every condition by name."""

DEVICE_CONDITIONS = {f"DEVICE_{kind.name}": kind for kind in _OF_DEVICE}
"""The kinds of devices' own alarms by condition name."""

MISSING = dict(zip((Quantity.HEART_RATE, Quantity.SPO2, Quantity.RESPIRATORY_RATE), _STREAM, strict=True))
"""The condition that tells that an expected stream has no value."""

_FOREIGN = Entry(AlarmKind.TECHNICAL, Audience.NURSE, ACTIONS["FOREIGN"].english, "never: another version raised it")


def entry_of(condition: str) -> Entry:
    """Return a condition's entry; an alarm of another version, which a broker may still hold, is one for the nurse."""
    return CATALOGUE.get(condition, _FOREIGN)
