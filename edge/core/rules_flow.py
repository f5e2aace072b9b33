"""Rules that hold what a pump counts against what it says: free flow, flow while it stands, too much or too little.

They hold at every pump that counts, with an order or without; not at a carrier, of which only its own alarms are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial

from drivers.model import InfusionState
from edge.core.catalogue import CATALOGUE
from edge.core.channel_dose import ChannelDose
from edge.core.condition import INSIDE, Band, Judgement
from edge.core.config import Binding
from edge.core.doses import session_dose
from edge.core.finding import Finding, IsTold, Particulars, Stays, level, unless_told, when
from edge.core.model import AlarmKey
from edge.core.therapy import ChannelRole, TherapyPhase
from edge.core.view import BedView
from edge.core.volume_check import FLOW_MIN_ML, FlowCheck

_MORE, _LESS, _STALLED = 0, 1, 2
_TELL_THE_END = ("DEVICE_KVO_ACTIVE", "DEVICE_INFUSION_COMPLETE")
_UNDER_WAY = frozenset({TherapyPhase.INFUSING, TherapyPhase.STOPPED})
_HUNDREDTH = Decimal("0.01")

COMPLETE_SHARE = Decimal("0.98")
"""A treatment of which so much was given is not paused, but at its end."""


def flow(view: BedView, pump: Binding, now_s: float, stays: Stays) -> Iterator[Finding]:
    """Hold the counter of a channel against its rate."""
    dose = view.state.doses.get((pump.port, pump.channel))
    if dose is None or view.state.therapy.role(pump.port, pump.channel) is not ChannelRole.ORDERED:
        return
    check, live = dose.check, view.live(pump, now_s) and view.source(pump).trusted
    says = _Says(view, pump, check)
    extra = check.extra_volume(now_s)
    # What the counter says of the rate, once the wilder has been told, is the same again.
    mismatch = INSIDE
    if not (check.free_flow or check.flows_while_stopped):
        mismatch = _STALLED if check.is_stalled else _LESS if check.is_less else _MORE if check.is_more else INSIDE
    for condition, worst, describe in (
        ("FREE_FLOW", 0 if check.free_flow else INSIDE, says.free_flow),
        ("FLOW_WHILE_STOPPED", 0 if check.flows_while_stopped else INSIDE, says.stopped),
        ("FLOW_MISMATCH", mismatch, says.mismatch),
        ("EXTRA_VOLUME", INSIDE if extra is None else 0, says.extra),
    ):
        key, judged = view.key(condition, pump), level(worst, check.now.at_s) if live else None
        if not stays(key, judged):
            yield _finding(key, judged, describe)


def _finding(key: AlarmKey, judged: Judgement | None, describe: Callable[[Band], Particulars]) -> Finding:
    entry = CATALOGUE[key.condition]
    return Finding(key, judged, entry.bands, entry.clear_delay_s, describe)


class _Says:
    """What the alarms of one channel's flow say."""

    def __init__(self, view: BedView, pump: Binding, check: FlowCheck) -> None:
        self._view = view
        self._pump = pump
        self._check = check

    def free_flow(self, _: Band) -> Particulars:
        volume = self._check.free_ml
        return self._tell(
            f"counts {_shown(volume)} mL beyond twice its rate: free flow, or a bolus that it does not tell.",
            volume,
            "counted - 2 x rate x time, summed since it began",
        )

    def stopped(self, _: Band) -> Particulars:
        volume = self._check.stopped_ml
        return self._tell(
            f"says that it stands, and has counted {_shown(volume)} mL.", volume, "counted while the pump stands"
        )

    def mismatch(self, band: Band) -> Particulars:
        check = self._check
        if band.name == "more":
            return self._tell("counts more than its rate.", check.more_ml, "counted - 110 % of rate x time")
        if band.name == "less":
            return self._tell("counts less than its rate.", check.less_ml, "85 % of rate x time - counted")
        return self._tell("counts less than half of its rate.", check.stalled_ml, "50 % of rate x time - counted")

    def extra(self, _: Band) -> Particulars:
        volume = self._check.extra_ml
        return self._tell(
            f"counted {_shown(volume)} mL beyond its rate since the occlusion ended.",
            volume,
            "counted - rate x time, since the occlusion ended",
        )

    def _tell(self, text: str, volume: Decimal, arithmetic: str) -> Particulars:
        source = self._view.source(self._pump)
        rate, step = source.delivered_rate(), self._check.step_ml
        return Particulars(
            f"{self._view.config.label}: {source.port} channel {source.channel} {text}",
            volume.quantize(_HUNDREDTH),
            "mL",
            evidence=(
                ("pump_state", source.state.value),
                ("infusion_rate_ml_per_h", "unknown" if rate is None else str(rate.value)),
                ("counter_step_ml", str(step)),
                ("volume_ml", str(volume)),
                ("arithmetic", f"{arithmetic} = {_shown(volume)} mL"),
                ("least_ml", str(max(2 * step, FLOW_MIN_ML)) if step is not None else "unknown"),
            ),
        )


def _shown(volume: Decimal) -> str:
    return f"{volume.quantize(_HUNDREDTH)}"


# --- standing ---------------------------------------------------------------------------------------------------------


def paused(view: BedView, pump: Binding, now_s: float, is_told: IsTold, stays: Stays) -> Iterator[Finding]:
    """Tell that an infusion stands that is not at its end; a change of the syringe has five minutes.

    A pump that keeps the vein open gives drug, at its end too: where it raises no alarm of its own, nobody else tells.
    """
    order, dose = view.order(pump), view.state.doses.get((pump.port, pump.channel))
    if order is None or dose is None:
        return
    stands = dose.stood_from_s is not None and view.state.therapy.phase in _UNDER_WAY
    keeps_open = view.source(pump).state is InfusionState.KVO
    if stands and not keeps_open and order.total_mg_per_kg is not None:
        wanted_mg = order.total_mg_per_kg * order.weight_kg * COMPLETE_SHARE
        stands = session_dose(view, order.drug).claimed_mg < wanted_mg
    live = view.live(pump, now_s) and view.source(pump).trusted and view.source(pump).state is not InfusionState.UNKNOWN
    for condition, so in (
        ("INFUSION_PAUSED", stands and not dose.changing),
        ("SYRINGE_CHANGE", stands and dose.changing),
    ):
        key, judged = view.key(condition, pump), when(true=so, now_s=now_s) if live else None
        if stays(key, judged):
            continue
        described = partial(_describe_paused, view.config.label, dose, keeps_open, condition, now_s)
        finding = _finding(key, judged, described)._replace(fingerprint="kvo" if keeps_open else "")
        for told in _TELL_THE_END if keeps_open else ():
            finding = unless_told(finding, view.key(told, pump), is_told)
        yield finding


def _describe_paused(
    label: str,
    dose: ChannelDose,
    keeps_open: bool,  # noqa: FBT001 - bound by `partial`
    condition: str,
    now_s: float,
    _: Band,
) -> Particulars:
    minutes = 0 if dose.stood_from_s is None else int(now_s - dose.stood_from_s) // 60
    if condition == "SYRINGE_CHANGE":
        text = f"{label}: the syringe has been out for {minutes} min, and nothing is infused."
    elif keeps_open:
        text = f"{label}: the pump has only kept the vein open for {minutes} min, and still gives drug."
    else:
        text = f"{label}: the infusion has stood for {minutes} min, and is not at its end."
    return Particulars(text, evidence=(("stood_min", str(minutes)),))
