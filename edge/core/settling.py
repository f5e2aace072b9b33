"""The act of the verb ``settle-dose``: how much a channel has given, as people read it at the pump, where unsure.

Laws:
  * Nothing is taken back that was surely given, nor what an account claims: only what may have been given unseen is.
  * It is of the moment at which it was entered; what flows until it is settled comes on top.
  * Where the library wants two people, the second one reads the pump too, and says the same number.
  * More than can have been given, by what was seen, is asked for again; but for a total that nobody saw, of a treatment
    that was taken over from another computer: what is said is the total then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from edge.core.channel_dose import ChannelDose
from edge.core.config import Binding
from edge.core.delivered import APART_SHARE, Given
from edge.core.desk import Desk, RefusedError
from edge.core.doses import session_of
from edge.core.effects import Prompt, PromptKind
from edge.core.rules_dose import drug_of
from edge.core.therapy import Order
from edge.core.therapy_acts import SettleDose
from edge.core.therapy_state import CONFIRM_WITHIN_S, Settling
from edge.core.view import BedView

_HUNDREDTH = Decimal("0.01")


def settle(desk: Desk, act: SettleDose) -> str:
    """Take up what a person read; where two must, wait for the second."""
    user = desk.require_user()
    view, _ = desk.patient(act.place.bed, act.place.case)
    _, pump = desk.pump(act.place)
    order, dose = _counted(view, pump)
    therapy, place = view.state.therapy, (pump.port, pump.channel)
    mine = Settling(*place, order.drug, act.given_mg, act.reason, user, desk.now, dose.counted_of(order.drug))
    waiting = therapy.settling_of(*place)
    if waiting is not None and (desk.now.mono_s >= waiting.at.mono_s + CONFIRM_WITHIN_S or waiting.drug != order.drug):
        waiting = None
    second = waiting is not None and waiting.user.casefold() != user.casefold()
    if waiting is not None and second and waiting.given_mg != act.given_mg:
        raise RefusedError(
            f"{waiting.user} said {waiting.given_mg} mg: read the pump together; "
            f"{waiting.user} enters it anew if it is {act.given_mg} mg"
        )
    if waiting is None or not second:
        _check(mine, dose, sure=act.sure or therapy.lost(order.drug))
    if drug_of(view, order).settled_by_two and not second:
        therapy = therapy.without_settling(*place)
        desk.treat(view, replace(therapy, settling=(*therapy.settling, mine)))
        return (
            f"{act.given_mg} mg; another person reads the pump and says the same within {CONFIRM_WITHIN_S / 60:g} min"
        )
    said = waiting if waiting is not None and second else mine
    given = dose.settle(said.given_mg - dose.before_of(order.drug), said.seen)
    desk.treat(view, therapy.without_settling(*place).settled(order.drug, *place))
    return f"{_told(given, dose.before_of(order.drug))} mg of {drug_of(view, order).label} by this channel"


def _counted(view: BedView, pump: Binding) -> tuple[Order, ChannelDose]:
    order, dose = view.order(pump), view.state.doses.get((pump.port, pump.channel))
    if order is None:
        raise RefusedError("the channel has no order: there is no dose of it to settle")
    if dose is None or dose.session != session_of(view.state.therapy.patient) or dose.drug != order.drug:
        raise RefusedError("the pump was not heard since its order: there is no dose of it to settle yet")
    return order, dose


def _check(said: Settling, dose: ChannelDose, *, sure: bool) -> None:
    """Refuse what cannot be; a pump's display and the edge's own account may be a little apart."""
    before_mg = dose.before_of(said.drug)
    low_mg, high_mg = said.seen.low_mg + before_mg, said.seen.high_mg + before_mg
    if said.given_mg < low_mg * (1 - APART_SHARE):
        raise RefusedError(
            f"{said.given_mg} mg: {low_mg.quantize(_HUNDREDTH)} mg were surely given; read the pump again, "
            "with what its counter showed before it was set to zero"
        )
    if said.given_mg > high_mg * (1 + APART_SHARE) and not sure:
        raise RefusedError(
            f"{said.given_mg} mg: {high_mg.quantize(_HUNDREDTH)} mg at most can have been given by what was seen; "
            "a dose by hand is entered as such (manual-dose); if the pump gave so much all the same, say so (sure)"
        )


def _told(given: Given, before_mg: Decimal) -> str:
    low, high = (given.low_mg + before_mg).quantize(_HUNDREDTH), (given.high_mg + before_mg).quantize(_HUNDREDTH)
    return f"{low}" if low == high else f"{low} to {high}"


def prompts(view: BedView) -> Iterator[Prompt]:
    """Give the amounts that a second person is to read, each until it is too late."""
    for one in view.state.therapy.settling:
        yield Prompt(PromptKind.SETTLE_DOSE, one.at.mono_s + CONFIRM_WITHIN_S, one.port, one.channel)
