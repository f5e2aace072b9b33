"""What stations ask about a therapy, in the core's words: quantities with their units, read exactly.

A number without its unit is refused, and so is one in pounds, with what it is in kg (H-03, H-05). What has another unit
of the same kind is converted exactly.
"""

from __future__ import annotations

import re
from decimal import Decimal

from drivers.model import Quantity
from edge.core.dose_units import DimensionError, convert
from edge.core.therapy import ChannelRole, Checklist, Known
from edge.core.therapy_acts import (
    AdjustLimit,
    Close,
    ConfirmOrder,
    ConfirmSyringe,
    ConnectLine,
    DisconnectLine,
    EndInfusion,
    EnterOrder,
    FlushLine,
    GiveByHand,
    Observe,
    OverrideBounds,
    Place,
    Reading,
    SetBaseline,
    SetRole,
    SettleDose,
    StartPatient,
    TakeStep,
    TherapyAct,
    WithdrawOrder,
)
from edge.core.therapy_state import Airway, Degree
from edge.core.validate import CANON, CONVERSIONS
from edge.messages.requests import RequestMessage
from edge.messages.requests_therapy import (
    BaselineRequest,
    ChannelRequest,
    ChannelRoleRequest,
    CloseRequest,
    EndInfusionRequest,
    FlushRequest,
    LimitsRequest,
    LineDisconnectedRequest,
    LineRequest,
    ManualDoseRequest,
    ObserveRequest,
    OrderRequest,
    OrderRevRequest,
    OverrideRequest,
    ReadingRequest,
    SettleDoseRequest,
    StartPatientRequest,
    StepRequest,
)
from edge.messages.therapy import ChecklistMessage

_QUANTITY = re.compile(r"(-?[0-9]{1,6}(?:\.[0-9]{1,6})?) (\S{1,12})")
POUND_KG = Decimal("0.45359237")
"""The pound is defined as exactly this."""

_POUNDS = frozenset({"lb", "lbs", "[lb_av]", "pound", "pounds"})
_SAID_OTHERWISE = {"mmHg": "mm[Hg]", "bpm": "/min", "ml/h": "mL/h", "mg/ml": "mg/mL"}
_FACTORS = CONVERSIONS | {("h", "s"): Decimal(3600)}
_VITALS = {
    "heart_rate": Quantity.HEART_RATE,
    "spo2": Quantity.SPO2,
    "respiratory_rate": Quantity.RESPIRATORY_RATE,
    "nibp_sys": Quantity.NIBP_SYS,
    "nibp_dia": Quantity.NIBP_DIA,
    "nibp_mean": Quantity.NIBP_MEAN,
}
_FILLED = {"drug": Known.YES, "other": Known.NO, "unknown": Known.UNKNOWN}
_OF_REV: dict[str, type[ConfirmOrder | WithdrawOrder | ConfirmSyringe]] = {
    "confirm": ConfirmOrder,
    "withdraw": WithdrawOrder,
    "confirm-syringe": ConfirmSyringe,
}
ALL_WELL = (Airway.CLEAR, 0, Degree.NONE, Degree.NONE)
"""Airway, RASS, anxiety and nausea of a patient who is well."""


def quantity(name: str, text: str, unit: str) -> Decimal:
    """Read "70 kg" in a unit. Raises ValueError, which says what is wrong and how to write it."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f'{name}: "{text}" is not a number, a space and a unit, like "12.5 {unit}"')
    number, said = Decimal(found[1]), _SAID_OTHERWISE.get(found[2], found[2])
    if said == unit:
        return number
    if said in _POUNDS and unit == "kg":
        kg = (number * POUND_KG).quantize(Decimal("0.1"))
        raise ValueError(f"{name}: {text} is {kg} kg: weigh in kg, and write kg")
    factor = _FACTORS.get((said, unit))
    if factor is not None:
        return number * factor
    try:
        return convert(number, said, unit)
    except DimensionError:
        raise ValueError(f'{name}: "{text}" is not in {unit}') from None


def act(verb: str, said: RequestMessage) -> TherapyAct | None:  # noqa: PLR0911 - one for each message
    """Make the act of a request, ``None`` if it is none of a therapy. Raises ValueError: a quantity is unclear."""
    match said:
        case OrderRequest():
            return _order(said)
        case OverrideRequest():
            return OverrideBounds(_place(said), said.rev, said.reason)
        case OrderRevRequest():
            return _OF_REV[verb](_place(said), said.rev)
        case StepRequest():
            return TakeStep(_place(said), said.rev, _positive("step", said.step, "mg/kg/h"))
        case LineDisconnectedRequest():
            return DisconnectLine(_place(said), float(quantity("duration", said.duration, "s")))
        case SettleDoseRequest() | LineRequest() | FlushRequest():
            return _of_channel(said)
        case ChannelRoleRequest():
            return SetRole(Place(said.bed, said.case, said.port, said.channel), ChannelRole(said.channel_role))
        case _:
            return _of_patient(said)


def _of_channel(said: SettleDoseRequest | LineRequest | FlushRequest) -> TherapyAct:
    match said:
        case SettleDoseRequest():
            return SettleDose(_place(said), quantity("given", said.given, "mg"), said.reason, said.sure)
        case LineRequest():
            return ConnectLine(_place(said), _dead_volume(said.dead_volume), _FILLED[said.filled_with])
        case FlushRequest():
            dead = None if said.dead_volume is None else _dead_volume(said.dead_volume)
            volume = _positive("volume", said.volume, "mL")
            return FlushLine(_place(said), volume, said.by == "pump", dead, _FILLED[said.filled_with])


def _dead_volume(text: str) -> Decimal:
    return _positive("dead_volume", text, "mL")


def _of_patient(said: RequestMessage) -> TherapyAct | None:
    match said:
        case StartPatientRequest():
            weight = quantity("weight", said.weight, "kg")
            return StartPatient(said.bed, said.case, weight, _checklist(said.checklist), said.sure)
        case CloseRequest():
            return Close(said.bed, said.case, said.reason)
        case EndInfusionRequest():
            return EndInfusion(said.bed, said.case)
        case BaselineRequest():
            return SetBaseline(said.bed, said.case, tuple(map(_reading, said.readings)))
        case LimitsRequest():
            return _limits(said)
        case _:
            return _of_observation(said)


def _of_observation(said: RequestMessage) -> TherapyAct | None:
    match said:
        case ObserveRequest():
            return _observe(said)
        case ManualDoseRequest():
            return GiveByHand(said.bed, said.case, said.drug, quantity("dose", said.dose, "mg"))
        case _:
            return None


def _place(said: ChannelRequest) -> Place:
    return Place(said.bed, said.case, said.port, said.channel)


def _order(said: OrderRequest) -> EnterOrder:
    def rate(name: str, text: str | None) -> Decimal | None:
        return None if text is None else _positive(name, text, "mg/kg/h")

    def time_s(name: str, text: str | None) -> float | None:
        return None if text is None else float(_positive(name, text, "s"))

    given = None if said.given_before is None else quantity("given_before", said.given_before, "mg")
    if given is not None and given < 0:
        raise ValueError(f"given_before: {said.given_before} is less than nothing")
    return EnterOrder(
        _place(said),
        said.rev,
        _positive("concentration", said.concentration, "mg/mL"),
        _positive("weight", said.weight, "kg"),
        said.drug,
        rate("step", said.step),
        rate("start", said.start),
        rate("maximum", said.maximum),
        rate("increment", said.increment),
        time_s("step_interval", said.step_interval),
        None if said.total is None else _positive("total", said.total, "mg/kg"),
        time_s("planned", said.planned),
        time_s("cuff_interval", said.cuff_interval),
        time_s("round_interval", said.round_interval),
        given,
        said.reason,
        said.sure,
    )


def _positive(name: str, text: str, unit: str) -> Decimal:
    number = quantity(name, text, unit)
    if number <= 0:
        raise ValueError(f"{name}: {text} is not more than 0")
    return number


def _checklist(said: ChecklistMessage) -> Checklist:
    answers = said.model_dump()
    number = answers.pop("treatments_in_7_days")
    return Checklist(**{name: Known(answer) for name, answer in answers.items()}, treatments_in_7_days=number)


def _reading(said: ReadingRequest) -> Reading:
    def read(name: str, text: str | None, unit: str) -> Decimal | None:
        return None if text is None else _positive(name, text, unit)

    return Reading(
        read("heart_rate", said.heart_rate, "/min"),
        read("nibp_sys", said.nibp_sys, "mm[Hg]"),
        read("nibp_mean", said.nibp_mean, "mm[Hg]"),
    )


def _limits(said: LimitsRequest) -> AdjustLimit:
    units = {"HR": "/min", "RR": "/min", "BP": "mm[Hg]", "SPO2": "%"}
    unit = units.get(said.condition.partition("_")[0], "/min")
    value = None if said.value is None else _positive("value", said.value, unit)
    return AdjustLimit(said.bed, said.case, said.condition, said.band, value)


def _observe(said: ObserveRequest) -> Observe:
    for name in said.vital_signs:
        if name not in _VITALS:
            raise ValueError(f"vital_signs: {name} is not one of {', '.join(_VITALS)}")
    vitals = tuple(
        (_VITALS[name], quantity(name, text, CANON[_VITALS[name]].unit)) for name, text in said.vital_signs.items()
    )
    well = ALL_WELL if said.all_well else (None,) * len(ALL_WELL)
    return Observe(
        said.bed,
        said.case,
        well[0] if said.airway is None else Airway(said.airway),
        well[1] if said.rass is None else said.rass,
        well[2] if said.anxiety is None else Degree(said.anxiety),
        well[3] if said.nausea is None else Degree(said.nausea),
        said.pain,
        vitals,
    )
