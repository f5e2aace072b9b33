"""What the library wants to be there before a drug runs: a baseline, and vital signs that are measured.

Nothing of it refuses an order, and no nurse is held up by it: without a baseline the standard limits hold, and a vital
sign that is missing at an active bed is an alarm (H-30). It is said when the order is entered and when it is confirmed,
and the baseline stays a prompt until it is taken, or drug flows.
"""

from __future__ import annotations

from collections.abc import Iterator

from drivers.model import Quantity
from edge.core.config import DrugConfig
from edge.core.effects import Prompt, PromptKind
from edge.core.therapy import TherapyPhase
from edge.core.view import BedView

_NAMES = {
    Quantity.HEART_RATE: "heart rate",
    Quantity.SPO2: "SpO2",
    Quantity.RESPIRATORY_RATE: "breathing",
    Quantity.NIBP_SYS: "cuff pressure",
}
_AHEAD = frozenset({TherapyPhase.SETUP, TherapyPhase.BASELINE})
"""Once drug has flowed nobody can take a baseline any more: what cannot be done is no prompt."""


def before_it_runs(view: BedView, drug: DrugConfig, now_s: float) -> str:
    """Return a sentence about what is not there yet; empty where everything is."""
    missing = []
    if drug.baseline_required and view.state.therapy.baseline is None:
        missing.append("a baseline (baseline)")
    missing += [_NAMES.get(quantity, quantity.value) for quantity in _not_measured(view, drug, now_s)]
    return f"Before it runs the library wants, and there is not yet: {', '.join(missing)}" if missing else ""


def _not_measured(view: BedView, drug: DrugConfig, now_s: float) -> Iterator[Quantity]:
    for quantity in drug.required_vitals:
        value = view.vital(quantity, now_s)
        if value is None or not value.usable:
            yield quantity


def prompts(view: BedView) -> Iterator[Prompt]:
    """Give the prompt for a baseline that an order's drug wants; it is due since the order was entered."""
    therapy = view.state.therapy
    if therapy.baseline is not None or therapy.phase not in _AHEAD:
        return
    wants = {drug.drug for drug in view.core.drugs if drug.baseline_required}
    orders = (*therapy.orders, *(one.order for one in therapy.awaiting))
    placed = [order.placed.mono_s for order in orders if order.drug in wants and order.placed is not None]
    if placed:
        yield Prompt(PromptKind.BASELINE, min(placed))
