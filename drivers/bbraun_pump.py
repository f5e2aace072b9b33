"""What one pump of a B. Braun Space rack says in one block: its readings, its state, its drug.

Which parameters a block holds is a setting of the site, so a parameter that is not in the block is not available in it,
and is never taken from an older one (H-11, H-13).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from drivers.bbraun_tables import NO_VALUE, RUNSTATE, bits, flag
from drivers.bbraun_units import is_concentration, is_rate, unit_of
from drivers.model import ZERO, Infusion, InfusionState, Quantity, Reading, Validity, invalid, missing

_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_MAX_SHOWN: Final = 32  # as much of an unreadable value as a person needs
_MAX_DRUG_CHARACTERS: Final = 64  # INSOL has 25 channels of text; more is no name

_RATE_MAX_ML_PER_H: Final = Decimal(1800)
_VOLUME_MAX_ML: Final = Decimal("9999.9")
_BOLUS_MAX_ML: Final = Decimal(500)
_WEIGHT_MIN_KG: Final = Decimal("0.250")
_WEIGHT_MAX_KG: Final = Decimal(250)
_TIME_MAX_S: Final = Decimal(65535)
_PRESSURE_MAX_PERCENT: Final = Decimal(100)

_OFF, _ON = "00050", "00051"


def readings_of(values: Mapping[str, str]) -> tuple[Reading, ...]:
    """Read every quantity of a pump's block; each is always there, if only to say that the block does not hold it."""
    weight_key = "INPATW" if _told(values, "PATW") is None and _told(values, "INPATW") is not None else "PATW"
    return (
        _number(values, Quantity.INFUSION_RATE, "INRT", "mL/h", high=_RATE_MAX_ML_PER_H),
        _number(values, Quantity.BOLUS_RATE, "INBORT", "mL/h"),
        _number(values, Quantity.BOLUS_VOLUME, "INBOVAL", "mL", high=_BOLUS_MAX_ML),
        _volume_infused(values),
        _number(values, Quantity.VOLUME_TO_BE_INFUSED, "INVTB", "mL", high=_VOLUME_MAX_ML),
        _number(values, Quantity.VOLUME_REMAINING, "INVOLACT", "mL"),
        _time_remaining(values),
        _with_unit(values, Quantity.CONCENTRATION, "INDCON", "INDCONU", is_concentration, usual="mg/mL"),
        _dose_rate(values, Quantity.DOSE_RATE, "DORT", "DORTU"),
        _dose_rate(values, Quantity.DOSE_RATE_SET, "INDORT", "INDORTU"),
        _number(values, Quantity.WEIGHT, weight_key, "kg", low=_WEIGHT_MIN_KG, high=_WEIGHT_MAX_KG),
        _number(values, Quantity.LINE_PRESSURE_OF_LIMIT, "INP2", "%", high=_PRESSURE_MAX_PERCENT),
    )


def infusion_of(values: Mapping[str, str]) -> Infusion:
    """Read the state and the drug."""
    return Infusion(_state(values), _drug(values))


def _told(values: Mapping[str, str], key: str) -> str | None:
    text = values.get(key)
    return None if text in NO_VALUE else text


def _number(
    values: Mapping[str, str],
    quantity: Quantity,
    key: str,
    unit: str,
    *,
    low: Decimal = ZERO,
    high: Decimal | None = None,
) -> Reading:
    text = _told(values, key)
    if text is None:
        return missing(quantity, unit, origin=key, note=values.get(key, "not in the block"))
    if _NUMBER.fullmatch(text) is None:
        return invalid(quantity, unit, origin=key, note=f"no number: {text[:_MAX_SHOWN]!r}")
    value = Decimal(text)
    if value < low or (high is not None and value > high):
        return invalid(quantity, unit, origin=key, note=f"{text} is beyond {low} to {high}")
    decimals = len(text.partition(".")[2])
    return Reading(quantity, value, unit, resolution=Decimal(1).scaleb(-decimals), origin=key)


def _volume_infused(values: Mapping[str, str]) -> Reading:
    """Read the counter, which stops at its upper end: there the volume is known only to be as much or more."""
    reading = _number(values, Quantity.VOLUME_INFUSED, "INVI", "mL", high=_VOLUME_MAX_ML)
    if reading.value != _VOLUME_MAX_ML:
        return reading
    return Reading(
        reading.quantity,
        reading.value,
        reading.unit,
        resolution=reading.resolution,
        validity=Validity.OVER,
        origin=reading.origin,
        note="the counter is at its end",
    )


def _time_remaining(values: Mapping[str, str]) -> Reading:
    reading = _number(values, Quantity.TIME_REMAINING, "INRMT", "s", high=_TIME_MAX_S)
    if reading.value != _TIME_MAX_S:
        return reading
    return missing(reading.quantity, reading.unit, origin=reading.origin, note="65535: none")


def _dose_rate(values: Mapping[str, str], quantity: Quantity, key: str, unit_key: str) -> Reading:
    """Read a dose rate, which means nothing while the pump's dose mode is off."""
    if flag(_told(values, "INDOCAL")) is False:
        return missing(quantity, "mg/kg/h", origin=key, note="INDOCAL 0: dose mode off")
    return _with_unit(values, quantity, key, unit_key, is_rate, usual="mg/kg/h")


def _with_unit(
    values: Mapping[str, str], quantity: Quantity, key: str, unit_key: str, fits: Callable[[str], bool], *, usual: str
) -> Reading:
    """Read a value by its unit code. A number whose unit is not certain is no value (a tenfold dose).

    ``usual`` names the unit of a reading that has no value.
    """
    if _told(values, key) is None:
        return missing(quantity, usual, origin=key, note=values.get(key, "not in the block"))
    unit = unit_of(_told(values, unit_key))
    if unit is None:
        code = values.get(unit_key, "not in the block")
        return invalid(quantity, usual, origin=key, note=f"unit code {unit_key}: {code[:_MAX_SHOWN]!r}")
    if not fits(unit):
        return invalid(quantity, usual, origin=key, note=f"unit {unit} does not fit")
    return _number(values, quantity, key, unit)


def _state(values: Mapping[str, str]) -> InfusionState:
    """Tell what the pump does from whatever the site shows: INM flags, RUNSTATE, STATUS1, DSSTATUS.

    What moves the drug goes first. A pump that says both that it pumps and that it does not is unknown, which is
    treated as if it might be infusing.
    """
    run, status = bits(_told(values, RUNSTATE)), bits(_told(values, "STATUS1"))
    moving = (
        (InfusionState.PURGE, (flag(_told(values, "INM14")), _bit(status, 4))),
        (InfusionState.BOLUS, (flag(_told(values, "INM2")), _bit(status, 10), _bit(status, 11))),
        (InfusionState.KVO, (flag(_told(values, "INM10")), _bit(status, 13), _bit(run, 3))),
    )
    for state, signs in moving:
        if True in signs:
            return state
    return _plain_state(values, run, status)


def _plain_state(values: Mapping[str, str], run: int | None, status: int | None) -> InfusionState:
    """Tell whether a pump without purge, bolus and KVO pumps."""
    device = values.get("DSSTATUS")
    pumping = (flag(_told(values, "INM3")), _bit(status, 7), _bit(run, 1) or None)
    still = (
        (InfusionState.STANDBY, True in (flag(_told(values, "INM6")), _bit(status, 2))),
        (InfusionState.OFF, device == _OFF or (_bit(status, 0) is False and device != _ON)),
        (InfusionState.STOPPED, False in pumping or _bit(run, 0) is True),
    )
    state = next((state for state, shown in still if shown), InfusionState.UNKNOWN)
    if True in pumping:
        return InfusionState.INFUSING if state is InfusionState.UNKNOWN else InfusionState.UNKNOWN
    return state


def _bit(field: int | None, number: int) -> bool | None:
    return None if field is None else bool(field >> number & 1)


def _drug(values: Mapping[str, str]) -> str | None:
    """Give the drug's name: the long one, else the short one, else its identifier."""
    for key in ("INSOL", "INSOLSN", "INSOLID"):
        name = (_told(values, key) or "").strip()
        if name:
            return name[:_MAX_DRUG_CHARACTERS]
    return None
