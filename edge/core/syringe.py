"""The question after a change of syringe: same drug and concentration? What is in a syringe no software sees (H-04).

It is a silent card for `ASKED_S`, and then an alarm. It is answered by a nurse's tap, or by an order that is confirmed
since, with the concentration typed anew; another step of the same order does not answer it. Until then doses go on to
be reckoned with the order's concentration, and say so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial

from edge.core.catalogue import CATALOGUE
from edge.core.condition import Band
from edge.core.config import Binding
from edge.core.desk import Desk, RefusedError
from edge.core.effects import Prompt, PromptKind
from edge.core.finding import Finding, Particulars, when
from edge.core.model import AlarmKey, Instant
from edge.core.rules_dose import drug_of
from edge.core.therapy import Order
from edge.core.therapy_acts import ConfirmSyringe
from edge.core.view import BedView

ASKED_S = 300.0
"""The question is a silent card for five minutes, as the change itself is (design, section 8)."""


def confirm(desk: Desk, act: ConfirmSyringe) -> str:
    """Take up that drug and concentration of the changed syringe are those of the order ``rev``."""
    view, _ = desk.patient(act.place.bed, act.place.case)
    _, pump = desk.pump(act.place)
    order = view.order(pump)
    if order is None or order.rev != act.rev:
        raise RefusedError("the order was changed since you looked, or there is none: look again")
    if order.syringe_changed is None:
        raise RefusedError("no change of the syringe waits for an answer there")
    desk.treat(view, view.state.therapy.with_order(replace(order, syringe_changed=None)))
    return f"{order.drug}, {order.concentration_mg_per_ml} mg/mL, as in revision {order.rev}"


def still_asked(before: Order, order: Order) -> Instant | None:
    """Return since when it is asked, when an order takes the place of another: one that was entered before asks on."""
    changed = before.syringe_changed
    entered_since = changed is None or order.placed is None or order.placed.mono_s >= changed.mono_s
    return None if entered_since else changed


def prompts(view: BedView) -> Iterator[Prompt]:
    """Give the questions that wait, each until it becomes an alarm."""
    for order in view.state.therapy.orders:
        if order.syringe_changed is not None:
            yield Prompt(PromptKind.SYRINGE, order.syringe_changed.mono_s + ASKED_S, order.port, order.channel)


def unconfirmed(view: BedView, pump: Binding, known: Collection[AlarmKey], now_s: float) -> Iterator[Finding]:
    """Tell that nobody has said for five minutes what is in it. ``known``: the keys that were judged before."""
    order, key = view.order(pump), view.key("SYRINGE_UNCONFIRMED", pump)
    changed = None if order is None else order.syringe_changed
    if changed is None and key not in known:
        return
    told_s = None if changed is None else changed.mono_s + ASKED_S
    yield Finding(
        key,
        when(true=told_s is not None and now_s >= told_s, now_s=now_s),
        CATALOGUE["SYRINGE_UNCONFIRMED"].bands,
        0.0,
        partial(_describe, view, order),
        told_s if told_s is not None and told_s > now_s else None,
    )


def _describe(view: BedView, order: Order | None, _: Band) -> Particulars:
    label = view.config.label
    if order is None:
        return Particulars(f"{label}: the order of the changed syringe is gone.")
    said = f"{drug_of(view, order).label}, {order.concentration_mg_per_ml} mg/mL"
    return Particulars(
        f"{label}: {order.port} channel {order.channel} runs with another syringe. Is it {said}?",
        evidence=(
            ("drug", order.drug),
            ("concentration_mg_per_ml", str(order.concentration_mg_per_ml)),
            ("order", order.explained),
        ),
    )
