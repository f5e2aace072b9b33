"""What people ask for, carried out: one function an act, and a row in the journal for each, taken or not."""

from __future__ import annotations

from typing import assert_never

from edge.core.inputs import ConfirmDevice, PlaceOrder, Request
from edge.core.model import Instant
from edge.core.state import Ward


def carry_out(ward: Ward, request: Request, now: Instant) -> None:
    """Do what is asked, or refuse it."""
    match request.act:
        case PlaceOrder() as act:
            kind, body = _place_order(ward, act)
        case ConfirmDevice() as act:
            kind, body = _confirm_device(ward, act)
        case _:
            assert_never(request.act)
    ward.note(kind, now, request_id=request.request_id, station=request.station, **body)


def _place_order(ward: Ward, act: PlaceOrder) -> tuple[str, dict[str, str]]:
    order = act.order
    ward.state.beds[act.bed].orders[order.port, order.channel] = order
    ward.touch(act.bed)
    return "order", {
        "bed": act.bed,
        "port": order.port,
        "channel": order.channel,
        "drug": order.drug,
        "concentration_mg_per_ml": str(order.concentration_mg_per_ml),
        "weight_kg": str(order.weight_kg),
        "step_mg_per_kg_per_h": str(order.step_mg_per_kg_per_h),
    }


def _confirm_device(ward: Ward, act: ConfirmDevice) -> tuple[str, dict[str, str]]:
    place = (act.port, act.channel)
    taken = ward.bed_of.get(place) == act.bed and ward.state.sources[place].confirm(act.serial_number)
    if taken:
        ward.saw(act.serial_number, place)
        ward.touch(act.bed)
        ward.state.roster_changed = True
    body = {"bed": act.bed, "port": act.port, "channel": act.channel, "serial_number": act.serial_number}
    return "device confirmed" if taken else "device not confirmed", body
