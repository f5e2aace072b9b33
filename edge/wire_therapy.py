"""A bed's therapy as a message."""

from __future__ import annotations

from collections.abc import Mapping

from edge.core.dose_units import MILLIGRAMS, EntryUnits
from edge.core.effects import TherapyView
from edge.core.therapy import Order
from edge.core.therapy_state import CONFIRM_WITHIN_S, Awaiting, TherapyState
from edge.messages.therapy import (
    AdjustedLimitMessage,
    AwaitingMessage,
    BaselineMessage,
    ChannelRoleMessage,
    ChecklistMessage,
    DisconnectedMessage,
    LimitMessage,
    OrderMessage,
    OverrideMessage,
    PatientMessage,
    PauseMessage,
    PromptMessage,
    RoundMessage,
    SettlingMessage,
    TherapyMessage,
)
from edge.wire_fields import by_name, maybe_stamp, priority, stamp

ROUNDS_SHOWN = 12
"""So many rounds are in the message, the last: those of a treatment with its recovery."""


def therapy_message(view: TherapyView, run: str) -> TherapyMessage:
    """Make the message. Raises ``ValueError`` where the view breaks the contract."""
    therapy, units = view.therapy, {drug: EntryUnits(unit) for drug, unit in view.dosing_units}
    return by_name(
        TherapyMessage,
        view,
        run=run,
        orders=tuple(_order(order, units) for order in view.orders),
        limits=tuple(by_name(LimitMessage, limit, priority=priority(limit.priority)) for limit in view.limits),
        pauses=tuple(by_name(PauseMessage, pause, until_mono_s=pause.until_s) for pause in view.pauses),
        prompts=tuple(by_name(PromptMessage, prompt, due_mono_s=prompt.due_s) for prompt in view.prompts),
        recovery_until_mono_s=view.recovery_until_s,
        phase_since=maybe_stamp(therapy.phase_since),
        step=therapy.step,
        patient=_patient(therapy),
        awaiting=tuple(_awaiting(one, units) for one in therapy.awaiting),
        baseline=_baseline(therapy),
        rounds=tuple(by_name(RoundMessage, one, at=stamp(one.at)) for one in therapy.rounds[-ROUNDS_SHOWN:]),
        adjusted=tuple(by_name(AdjustedLimitMessage, one, at=stamp(one.at)) for one in therapy.adjusted),
        settling=tuple(
            by_name(SettlingMessage, one, until_mono_s=one.at.mono_s + CONFIRM_WITHIN_S) for one in therapy.settling
        ),
        totals_lost=tuple(sorted({one.drug for one in therapy.totals_lost})),
        roles=tuple(by_name(ChannelRoleMessage, one, at=stamp(one.at)) for one in therapy.roles),
        disconnected=tuple(
            by_name(DisconnectedMessage, one, until_mono_s=one.until.mono_s) for one in therapy.disconnected
        ),
    )


_DOSES = (
    ("concentration", "mg/mL"),
    ("step", "mg/kg/h"),
    ("maximum", "mg/kg/h"),
    ("start", "mg/kg/h"),
    ("increment", "mg/kg/h"),
    ("total", "mg/kg"),
    ("given_before", "mg"),
)
"""What of an order is a dose, and its unit in the core."""


def _order(order: Order, units: Mapping[str, EntryUnits]) -> OrderMessage:
    overrides = tuple(by_name(OverrideMessage, one) for one in order.overrides)
    of_drug = units.get(order.drug, MILLIGRAMS)
    numbers = {name: getattr(order, f"{name}_{unit.replace('/', '_per_').lower()}") for name, unit in _DOSES}
    shown = {name: of_drug.text(numbers[name], unit) for name, unit in _DOSES if numbers[name] is not None}
    return by_name(
        OrderMessage,
        order,
        overrides=overrides,
        placed=maybe_stamp(order.placed),
        syringe_changed=maybe_stamp(order.syringe_changed),
        dosing_unit=of_drug.rate,
        shown=shown,
    )


def _awaiting(awaiting: Awaiting, units: Mapping[str, EntryUnits]) -> AwaitingMessage:
    return AwaitingMessage(
        order=_order(awaiting.order, units),
        user=awaiting.user,
        passed=tuple(bound.text for bound in awaiting.passed),
        until_mono_s=awaiting.placed.mono_s + CONFIRM_WITHIN_S,
        advisories=awaiting.advisories,
    )


def _patient(therapy: TherapyState) -> PatientMessage | None:
    patient = therapy.patient
    if patient is None:
        return None
    checklist = by_name(ChecklistMessage, patient.checklist)
    return by_name(PatientMessage, patient, checklist=checklist, started=stamp(patient.started))


def _baseline(therapy: TherapyState) -> BaselineMessage | None:
    baseline = therapy.baseline
    return None if baseline is None else by_name(BaselineMessage, baseline, at=stamp(baseline.at))
