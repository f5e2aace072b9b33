"""Acts of a therapy, each to the function that carries it out."""

from __future__ import annotations

from typing import assert_never

from edge.core import confirming, lines, observing, ordering, patients, settling, stepping, syringe
from edge.core.desk import Desk
from edge.core.inputs import Role
from edge.core.therapy_acts import (
    AdjustLimit,
    ChannelAct,
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
    OrderAct,
    OverrideBounds,
    PatientAct,
    SetBaseline,
    SetRole,
    SettleDose,
    StartPatient,
    TakeStep,
    TherapyAct,
    WithdrawOrder,
)

VERBS = {
    StartPatient: ("start-patient", Role.NURSE),
    SetBaseline: ("baseline", Role.NURSE),
    AdjustLimit: ("limits", Role.NURSE),
    EnterOrder: ("order", Role.PRESCRIBER),
    OverrideBounds: ("override", Role.PRESCRIBER),
    ConfirmOrder: ("confirm", Role.NURSE),
    WithdrawOrder: ("withdraw", Role.NURSE),
    TakeStep: ("step", Role.NURSE),
    ConfirmSyringe: ("confirm-syringe", Role.NURSE),
    Observe: ("observe", Role.NURSE),
    GiveByHand: ("manual-dose", Role.NURSE),
    ConnectLine: ("line", Role.NURSE),
    FlushLine: ("flush", Role.NURSE),
    SettleDose: ("settle-dose", Role.NURSE),
    SetRole: ("channel-role", Role.NURSE),
    DisconnectLine: ("line-disconnected", Role.NURSE),
    EndInfusion: ("end-infusion", Role.NURSE),
    Close: ("close", Role.NURSE),
}
"""Each act of a therapy with its verb, and the least role that may ask for it."""


def carry_out(desk: Desk, act: TherapyAct) -> str:
    """Do what is asked, and return what there is to say of it. Raises RefusedError, and then did nothing."""
    match act:
        case EnterOrder() | ConfirmOrder() | OverrideBounds() | WithdrawOrder() | TakeStep() | ConfirmSyringe():
            return _order(desk, act)
        case SetRole() | DisconnectLine() | SettleDose() | ConnectLine() | FlushLine():
            return _channel(desk, act)
        case _:
            return _patient(desk, act)


def _order(desk: Desk, act: OrderAct) -> str:
    match act:
        case EnterOrder():
            return ordering.enter(desk, act)
        case ConfirmOrder():
            return confirming.confirm(desk, act)
        case OverrideBounds():
            return confirming.override(desk, act)
        case WithdrawOrder():
            return confirming.withdraw(desk, act)
        case TakeStep():
            return stepping.take_step(desk, act)
        case ConfirmSyringe():
            return syringe.confirm(desk, act)
        case _:
            assert_never(act)


def _channel(desk: Desk, act: ChannelAct) -> str:
    match act:
        case SetRole():
            return observing.set_role(desk, act)
        case DisconnectLine():
            return observing.disconnect_line(desk, act)
        case ConnectLine():
            return lines.connect(desk, act)
        case FlushLine():
            return lines.flush(desk, act)
        case SettleDose():
            return settling.settle(desk, act)
        case _:
            assert_never(act)


def _patient(desk: Desk, act: PatientAct) -> str:  # noqa: PLR0911 - one for each act
    match act:
        case StartPatient():
            return patients.start(desk, act)
        case SetBaseline():
            return patients.set_baseline(desk, act)
        case AdjustLimit():
            return patients.adjust_limit(desk, act)
        case Observe():
            return observing.observe(desk, act)
        case GiveByHand():
            return observing.give_by_hand(desk, act)
        case EndInfusion():
            return patients.end_infusion(desk, act)
        case Close():
            return patients.close(desk, act)
        case _:
            assert_never(act)
