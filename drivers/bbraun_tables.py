"""The alarms and state bits of B. Braun Space, as the maker's document has them.

A site shows either the flags INA1 to INA16 or the bit fields ALARM1, ALARM2 and PREALARM. How a bit field is written is
documented only as ``0x00000000h`` long [?]: decimal, ``0x`` and a trailing ``h`` are read; digits that could be either
(zero-padded, and of another value in each) are not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from drivers.model import DeviceAlarm
from drivers.model import DeviceAlarmKind as Kind

NO_VALUE: Final = frozenset({"_NV", "_NA"})
"""How the device says that it has no value, for good or for now."""

RUNSTATE: Final = "RUNSTATE"

_FLAG = re.compile("INA[0-9]{1,2}")
_HEX = re.compile("(?:0[xX]([0-9A-Fa-f]{1,8})[hH]?)|(?:([0-9A-Fa-f]{1,8})[hH])")
_PLAIN = re.compile("[0-9]{1,10}")
_MAX_FIELD: Final = 0xFFFF_FFFF
_MAX_SHOWN: Final = 32  # as much of an unreadable value as a person needs

_FLAGS: Final[dict[str, tuple[Kind, str]]] = {
    "INA1": (Kind.BATTERY_EMPTY, "battery empty"),
    "INA2": (Kind.RESERVOIR_EMPTY, "syringe empty"),
    "INA3": (Kind.OCCLUSION_DOWNSTREAM, "pressure high"),
    "INA5": (Kind.STANDBY_EXPIRED, "standby time over"),
    "INA6": (Kind.UNKNOWN, "CC alarm"),
    "INA7": (Kind.INFUSION_COMPLETE, "volume infused"),
    "INA8": (Kind.INFUSION_COMPLETE, "time expired"),
    "INA9": (Kind.SYRINGE, "syringe not correctly inserted"),
    "INA11": (Kind.BATTERY_LOW, "battery near empty"),
    "INA12": (Kind.RESERVOIR_NEAR_EMPTY, "syringe near empty"),
    "INA13": (Kind.DOOR_OPEN, "door open"),
    "INA14": (Kind.UNKNOWN, "drop alarm: none, too few or too many"),
    "INA15": (Kind.AIR_IN_LINE, "air in line"),
    "INA16": (Kind.KVO_ENDED, "KVO ended"),
}

_FIELDS: Final[dict[str, dict[int, tuple[Kind, str]]]] = {
    "ALARM1": {
        1: (Kind.MALFUNCTION, "calibration data corrupt"),
        2: (Kind.BATTERY_EMPTY, "battery alarm"),
        3: (Kind.MALFUNCTION, "therapy data corrupt"),
        4: (Kind.MALFUNCTION, "settings corrupt"),
        5: (Kind.BATTERY_LOW, "battery voltage low"),
        6: (Kind.MALFUNCTION, "battery missing"),
        7: (Kind.BATTERY_EMPTY, "battery flat at switching on"),
        8: (Kind.MALFUNCTION, "battery cover open"),
        9: (Kind.RESERVOIR_EMPTY, "syringe empty"),
        10: (Kind.OCCLUSION_DOWNSTREAM, "pressure high"),
        11: (Kind.OCCLUSION_DOWNSTREAM, "pressure high, drive blocked"),
        12: (Kind.STANDBY_EXPIRED, "standby time over"),
        13: (Kind.INFUSION_COMPLETE, "volume infused"),
        14: (Kind.INFUSION_COMPLETE, "time expired"),
        15: (Kind.SYRINGE, "claw malfunction"),
        16: (Kind.MALFUNCTION, "pressure sensor"),
        17: (Kind.SYRINGE, "syringe holder open"),
        18: (Kind.SYRINGE, "syringe not correctly inserted"),
        19: (Kind.KVO_ENDED, "KVO ended"),
        20: (Kind.OCCLUSION_UPSTREAM, "upstream pressure"),
        22: (Kind.UNKNOWN, "drop alarm: none, too few or too many"),
        23: (Kind.NO_FLOW, "no drops"),
        24: (Kind.NO_FLOW, "too few drops"),
        25: (Kind.FREE_FLOW, "too many drops"),
        26: (Kind.FREE_FLOW, "free flow"),
        27: (Kind.SENSOR_OFF, "drop sensor missing"),
        28: (Kind.AIR_IN_LINE, "air in line"),
        29: (Kind.AIR_IN_LINE, "air bubble"),
        30: (Kind.AIR_IN_LINE, "air rate"),
        31: (Kind.MALFUNCTION, "air sensor test"),
    },
    "ALARM2": {
        1: (Kind.ADVISORY, "data lock tampered with"),
        2: (Kind.ADVISORY, "PCA hour limit"),
        3: (Kind.ADVISORY, "glucose control ended"),
        4: (Kind.RESERVOIR_EMPTY, "take-over: syringe ended"),
        5: (Kind.MALFUNCTION, "take-over failed"),
        6: (Kind.MALFUNCTION, "take-over: slave"),
        7: (Kind.FREE_FLOW, "danger of free flow"),
        29: (Kind.MALFUNCTION, "occlusion test error"),
        30: (Kind.DOOR_OPEN, "door opened during infusion"),
        31: (Kind.SYRINGE, "syringe not secure"),
    },
    "PREALARM": {
        1: (Kind.ADVISORY, "no disposable"),
        2: (Kind.INFUSION_NEAR_END, "volume near end"),
        3: (Kind.INFUSION_NEAR_END, "time near end"),
        4: (Kind.BATTERY_LOW, "battery near flat"),
        5: (Kind.KVO_ACTIVE, "KVO active"),
        6: (Kind.ADVISORY, "data lock tampered with"),
        7: (Kind.MALFUNCTION, "CAN device"),
        8: (Kind.ADVISORY, "secondary infusion done"),
        9: (Kind.ADVISORY, "glucose control"),
        10: (Kind.OCCLUSION_DOWNSTREAM, "occlusion"),
        11: (Kind.ADVISORY, "pressure leapt up"),
        12: (Kind.ADVISORY, "pressure leapt down"),
        13: (Kind.RESERVOIR_NEAR_EMPTY, "take-over: syringe near empty"),
        14: (Kind.MALFUNCTION, "take-over: slave failure"),
        15: (Kind.MALFUNCTION, "battery defective"),
    },
    RUNSTATE: {
        2: (Kind.UNKNOWN, "pump in alarm, not named"),
        5: (Kind.UNKNOWN, "pump in pre-alarm, not named"),
    },
}

_ALARM_FIELD: Final = re.compile("(?:PRE)?ALARM[0-9]{0,2}")
"""Alarm fields, also those of a firmware that we do not know: each bit of one is an unknown alarm (law 4)."""

_STATUS_FLAG: Final = re.compile("INM[0-9]{1,2}")
_PARAMETERS: Final = frozenset(
    (  # noqa: SIM905 - a list of them would fill two screens
        "ACTCHAN BASRT BOLTYPE COMSERIALNO COMSWVERSION DATE DGDALERTHLH DGDALERTSLH DGDALERTSLL DGDSTATUS DISPNAME "
        "DORT DORTU DSSTATUS FMBANY FMDONGLE FMNOR FMRSTAT FMRT FMSTAT GNACK GNERR GNMODEL GNNEW HLHIGH INAKKU INAVRT "
        "INBOCNT INBORT INBOVAL INDCON INDCONU INDOCAL INDORT INDORTU INDTNR INNR INP1 INP2 INPATW INPSOLL INRMT INRT "
        "INSERNUM INSOL INSOLID INSOLSN INSTBY INSYR INTIME INVI INVOLACT INVTB LASTDA OPMODE PATAGE PATH PATID PATW "
        "RTLIMUT SLHIGH SLLOW STATUS1 STATUS2 TCIEFF TCIMOD TCIMODEL TCIPLA TCITAR TCIUT TIME TIMEOFINF VERSION "
        "VOLREMAIN"
    ).split()
)
"""Every other parameter of the protocol's description, read or not."""

_NO_ALARM_BITS: Final = {"ALARM1": 1 << 0, RUNSTATE: 0b011011}
"""Bits that stand for no alarm: "none" in ALARM1; stop, run, KVO and menu in RUNSTATE."""


def bits(text: str | None) -> int | None:
    """Read a bit field of 32 bits; ``None`` for one that is missing or cannot be read with certainty."""
    if text is None:
        return None
    if match := _HEX.fullmatch(text):
        return int(match[1] or match[2], 16)
    if _PLAIN.fullmatch(text) is None or int(text) > _MAX_FIELD:
        return None
    ambiguous = text.startswith("0") and int(text) != int(text, 16)
    return None if ambiguous else int(text)


def flag(text: str | None) -> bool | None:
    """Read a flag; ``None`` for one that is missing or neither 0 nor 1."""
    return {"0": False, "1": True}.get(text or "")


def is_known(name: str) -> bool:
    """Tell whether the protocol's description has this parameter, or it is taken for an alarm."""
    return name in _PARAMETERS or _STATUS_FLAG.fullmatch(name) is not None or is_flag_alarm(name) or _is_field(name)


def _is_field(name: str) -> bool:
    return name in _FIELDS or _ALARM_FIELD.fullmatch(name) is not None


def is_flag_alarm(name: str) -> bool:
    """Tell the alarm set of the flags from the set of the bit fields."""
    return _FLAG.fullmatch(name) is not None


def alarms_of(values: Mapping[str, str]) -> dict[str, tuple[DeviceAlarm, ...]]:
    """Read each alarm parameter that says anything: the alarms it shows now, an empty tuple where it shows none.

    What is absent or without a value is left out, since it does not say that there is no alarm. What cannot be read is
    an unknown alarm.
    """
    found: dict[str, tuple[DeviceAlarm, ...]] = {}
    for name, text in values.items():
        if text in NO_VALUE:
            continue
        if is_flag_alarm(name):
            found[name] = _flag_alarms(name, text)
        elif _is_field(name):
            found[name] = _field_alarms(name, text)
    return found


def _flag_alarms(name: str, text: str) -> tuple[DeviceAlarm, ...]:
    shown = flag(text)
    if shown is None:
        return (_unreadable(name, text),)
    kind, meaning = _FLAGS.get(name, (Kind.UNKNOWN, f"unknown alarm {name}"))
    return (DeviceAlarm(kind, name, meaning),) if shown else ()


def _field_alarms(name: str, text: str) -> tuple[DeviceAlarm, ...]:
    field = bits(text)
    if field is None:
        return (_unreadable(name, text),)
    field &= ~_NO_ALARM_BITS.get(name, 0)
    return tuple(_bit_alarm(name, bit) for bit in range(field.bit_length()) if field >> bit & 1)


def _bit_alarm(name: str, bit: int) -> DeviceAlarm:
    kind, meaning = _FIELDS.get(name, {}).get(bit, (Kind.UNKNOWN, f"unknown alarm {name} bit {bit}"))
    return DeviceAlarm(kind, f"{name}.{bit}", meaning)


def _unreadable(name: str, text: str) -> DeviceAlarm:
    return DeviceAlarm(Kind.UNKNOWN, name, f"{name} cannot be read: {text[:_MAX_SHOWN]!r}")
