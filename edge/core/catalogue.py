"""The alarm catalogue: every condition with its kind, its audience, and what to do about it, as data."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.model import DeviceAlarmKind, Quantity
from edge.core.condition import Band
from edge.core.model import AlarmKind, Audience, Priority


@dataclass(frozen=True, slots=True)
class Entry:
    """One condition: who is to act, and what that person does, in one plain sentence."""

    kind: AlarmKind
    audience: Audience
    action: str
    latching: bool = False


def _phy(action: str) -> Entry:
    return Entry(AlarmKind.PHYSIOLOGICAL, Audience.NURSE, action)


def _tec(action: str) -> Entry:
    return Entry(AlarmKind.TECHNICAL, Audience.NURSE, action)


def _technician(action: str) -> Entry:
    return Entry(AlarmKind.TECHNICAL, Audience.TECHNICIAN, action)


_LOOK = "Go to the patient; check breathing, circulation and the sensor."
_REPEAT = "Go to the patient and repeat the measurement."

CATALOGUE = {
    "DOSE_RATE_HIGH": _phy(
        "Check the pump: rate, concentration and weight. Stop the infusion if the dose is not meant."
    ),
    "DOSE_RATE_LOW": _phy("Check that the pump runs at the ordered step and that the line is open."),
    "HR_HIGH": _phy(_LOOK),
    "HR_LOW": _phy(_LOOK),
    "BP_SYS_HIGH": _phy(_REPEAT),
    "BP_SYS_LOW": _phy(_REPEAT),
    "BP_DIA_HIGH": _phy(_REPEAT),
    "BP_DIA_LOW": _phy(_REPEAT),
    "BP_MEAN_HIGH": _phy(_REPEAT),
    "BP_MEAN_LOW": _phy(_REPEAT),
    "SPO2_LOW": _phy("Go to the patient; open the airway, look for secretions, give oxygen as ordered."),
    "RR_HIGH": _phy(_LOOK),
    "RR_LOW": _phy("Go to the patient; check breathing and the airway."),
    "HR_MISSING": _tec("Check the electrodes and the monitor."),
    "SPO2_MISSING": _tec("Check the finger sensor."),
    "RR_MISSING": _tec("Check the electrodes; count the breaths."),
    "NIBP_OVERDUE": _tec("Take a cuff pressure now, and check the monitor's cuff interval."),
    "PUMP_LINK_LOST": _tec("Look at the pump itself: it is not being watched. Check its cable."),
    "MONITOR_LINK_LOST": _tec("Look at the monitor itself: it is not being watched. Check its cable."),
    "DOSE_INPUT_MISSING": _tec("Look at the pump itself: its rate cannot be read."),
    "ORDER_MISSING": _tec("Enter the order: the dose of a running pump cannot be reckoned without it."),
    "CHANNEL_UNBOUND": _tec("A pump that belongs to no bed is running: tell the technician which bed it serves."),
    "DEVICE_IDENTITY_CHANGED": _tec(
        "Check which device is connected at this bed; its readings do not count until then."
    ),
    "IDENTITY_UNCONFIRMED": _tec("Compare the serial number on the device, and confirm that it belongs to this bed."),
    "LINE_ERRORS": _technician("Check cable, plugs and the device's serial settings."),
    "NORTHBOUND_LOST": _technician("Check the network and the broker: the nursing station does not receive alarms."),
    "STORE_FAILED": _technician("Check the disk: alarms go on, but would not survive a restart."),
    "STORE_DAMAGED": _technician("Look at every bed: alarms may be missing. Keep the damaged file; check the disk."),
    "PUBLISH_REFUSED": _technician("Check the broker's access list for this edge."),
}
"""Conditions by name; a device's own alarms are in ``DEVICE_ALARMS``."""

MISSING = {
    Quantity.HEART_RATE: "HR_MISSING",
    Quantity.SPO2: "SPO2_MISSING",
    Quantity.RESPIRATORY_RATE: "RR_MISSING",
}
"""The condition that tells that an expected stream has no value."""

_AT_PUMP = Entry(AlarmKind.TECHNICAL, Audience.NURSE, "Go to the pump and read its display.")
_AT_DEVICE = Entry(AlarmKind.TECHNICAL, Audience.NURSE, "Go to the device and read its display.")
_PRIORITIES = {
    DeviceAlarmKind.OCCLUSION_DOWNSTREAM: Priority.MEDIUM,
    DeviceAlarmKind.OCCLUSION_UPSTREAM: Priority.MEDIUM,
    DeviceAlarmKind.AIR_IN_LINE: Priority.HIGH,
    DeviceAlarmKind.NO_FLOW: Priority.MEDIUM,
    DeviceAlarmKind.FREE_FLOW: Priority.HIGH,
    DeviceAlarmKind.DOOR_OPEN: Priority.MEDIUM,
    DeviceAlarmKind.SYRINGE: Priority.MEDIUM,
    DeviceAlarmKind.RESERVOIR_EMPTY: Priority.MEDIUM,
    DeviceAlarmKind.RESERVOIR_NEAR_EMPTY: Priority.LOW,
    DeviceAlarmKind.INFUSION_COMPLETE: Priority.MEDIUM,
    DeviceAlarmKind.INFUSION_NEAR_END: Priority.LOW,
    DeviceAlarmKind.KVO_ACTIVE: Priority.LOW,
    DeviceAlarmKind.KVO_ENDED: Priority.MEDIUM,
    DeviceAlarmKind.STANDBY_EXPIRED: Priority.LOW,
    DeviceAlarmKind.BATTERY_LOW: Priority.MEDIUM,
    DeviceAlarmKind.BATTERY_EMPTY: Priority.HIGH,
    DeviceAlarmKind.MALFUNCTION: Priority.HIGH,
    DeviceAlarmKind.ADVISORY: Priority.LOW,
    DeviceAlarmKind.SENSOR_OFF: Priority.LOW,
    DeviceAlarmKind.VITAL_SIGN: Priority.MEDIUM,
    DeviceAlarmKind.LIFE_THREATENING: Priority.HIGH,
    DeviceAlarmKind.UNKNOWN: Priority.MEDIUM,
}

_DEVICE_ENTRIES = {
    DeviceAlarmKind.ADVISORY: _AT_DEVICE,
    DeviceAlarmKind.BATTERY_LOW: _AT_DEVICE,
    DeviceAlarmKind.BATTERY_EMPTY: _AT_DEVICE,
    DeviceAlarmKind.MALFUNCTION: _AT_DEVICE,
    DeviceAlarmKind.UNKNOWN: _AT_DEVICE,
    DeviceAlarmKind.SENSOR_OFF: _tec("Check the electrodes, the sensor and its cable."),
    DeviceAlarmKind.VITAL_SIGN: _phy(_LOOK),
    DeviceAlarmKind.LIFE_THREATENING: _phy("Go to the patient at once; check breathing and circulation."),
}
"""What to do about a device's own alarm where it is not to look at the pump."""

DEVICE_ALARMS = {
    kind: (
        f"DEVICE_{kind.name}",
        _DEVICE_ENTRIES.get(kind, _AT_PUMP),
        (Band("device", priority, 0.0),),
    )
    for kind, priority in _PRIORITIES.items()
}
"""A device's own alarms: condition name, entry and band by kind. They are relayed without delay (law 4)."""

DEVICE_CONDITIONS = {name: kind for kind, (name, _, _) in DEVICE_ALARMS.items()}
"""The kinds by condition name."""


def entry_of(condition: str) -> Entry:
    """Return a condition's entry. Raises KeyError for a name that is not in the catalogue."""
    if condition in DEVICE_CONDITIONS:
        return DEVICE_ALARMS[DEVICE_CONDITIONS[condition]][1]
    return CATALOGUE[condition]
