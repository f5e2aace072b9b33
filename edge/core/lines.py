"""Acts about the line between a pump and its patient: how it was connected, and a flush (`edge/core/line.py`).

Laws:
  * A flush by hand counts when it is told. One by the pump counts then too, and so much of what the pump then delivers
    holds no drug; beyond it, and after `FLUSH_MAX_S`, what it delivers counts as drug again (H-28).
  * Rates are held against their limits during a flush: what stands in the line flows as fast.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from edge.core.channel_dose import ChannelDose
from edge.core.config import Binding
from edge.core.desk import Desk, RefusedError
from edge.core.doses import session_of
from edge.core.line import PumpFlush
from edge.core.therapy import Known
from edge.core.therapy_acts import ConnectLine, FlushLine
from edge.core.view import BedView

DEAD_MOST_ML = Decimal(20)
"""No line between a pump and a patient holds more; it stops slips of a digit."""

FLUSH_MOST_ML = Decimal(100)
"""Nobody flushes a line with more; a larger volume would hide a dose (H-28)."""

FLUSH_MAX_S = 1800.0
"""A flush by the pump is through within half an hour."""


def connect(desk: Desk, act: ConnectLine) -> str:
    """Take up how a line is connected: its dead volume, and what it was filled with."""
    view, _, dose = _heard(desk, act)
    _check("dead volume", act.dead_volume_ml, DEAD_MOST_ML)
    dose.connect(act.dead_volume_ml, act.drug)
    desk.ward.touch(view.config.bed)
    return f"{act.dead_volume_ml} mL, {_FILLED[act.drug]}"


def flush(desk: Desk, act: FlushLine) -> str:
    """Take up a flush: what stood in the line counts as given."""
    view, pump, dose = _heard(desk, act)
    _check("volume", act.volume_ml, FLUSH_MOST_ML)
    if act.dead_volume_ml is not None:
        _check("dead volume", act.dead_volume_ml, DEAD_MOST_ML)
    elif dose.line is None:
        raise RefusedError("say the dead volume of the line (dead_volume): it stands on the line, or on its package")
    if act.dead_volume_ml is not None and (dose.line is None or dose.line.dead_ml != act.dead_volume_ml):
        dose.connect(act.dead_volume_ml, act.drug)
    order = view.order(pump)
    mg = dose.flushed(act.volume_ml, None if order is None else order.concentration_mg_per_ml)
    therapy = view.state.therapy
    if act.by_pump:
        dose.flush = PumpFlush(act.volume_ml, replace(desk.now, mono_s=desk.now.mono_s + FLUSH_MAX_S))
        if order is not None and order.syringe_changed is not None:
            therapy = therapy.with_order(replace(order, syringe_changed=None))  # it holds what flushes
    desk.treat(view, therapy)
    counts = f"{mg.normalize():f} mg of the line count as given"
    return f"{counts}; {act.volume_ml} mL of the pump hold no drug" if act.by_pump else counts


_FILLED = {
    Known.YES: "filled with the drug",
    Known.NO: "filled with something else",
    Known.UNKNOWN: "nobody knows with what it is filled",
}


def _heard(desk: Desk, act: ConnectLine | FlushLine) -> tuple[BedView, Binding, ChannelDose]:
    view, patient = desk.patient(act.place.bed, act.place.case)
    _, pump = desk.pump(act.place)
    dose = view.state.doses.get((pump.port, pump.channel))
    if dose is None or dose.session != session_of(patient):
        raise RefusedError("the pump was not heard in this treatment: connect it and switch it on first")
    return view, pump, dose


def _check(what: str, number_ml: Decimal, most_ml: Decimal) -> None:
    if not 0 < number_ml <= most_ml:
        raise RefusedError(f"{number_ml} mL: a {what} is more than 0 and at most {most_ml} mL")
