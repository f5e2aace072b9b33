"""The subcommands of a therapy. Quantities are typed with their unit, as one word in quotes: "70 kg"."""

from __future__ import annotations

import argparse
from collections.abc import Callable

FLAGS = (
    *("heart-disease", "cyp3a4-inhibitor", "cyp2b6-inhibitor", "opioids", "sedatives", "dependence"),
    "age-65-or-over",
)
FILLED = ("drug", "other", "unknown")
ORDERED = {
    "drug": "the library's name (default: what the pump says)",
    "step": "the dose rate now (default: the pump's rate)",
    "start": "the first step (default: the step)",
    "maximum": "the highest step (default: the step)",
    "increment": "a step up at most",
    "step_interval": "not sooner than this after the last step",
    "total": "in all",
    "planned": "in this time",
    "cuff_interval": "how often the cuff measures",
    "round_interval": "how often a round is made after the first hour",
    "given_before": "what was given so far, if the pump runs already",
    "reason": "why it may pass soft limits of the library",
}
DEGREES = ("none", "mild", "moderate", "severe")


def add_therapy(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """Add them; ``add`` makes the parser of a verb, with what all have."""
    add("therapy", "show patients, orders, and what is due").add_argument("bed", nargs="?", default="", metavar="BED")
    _add_patient(add)
    _add_order(add)
    _add_round(add)
    end = _at(add, "end-infusion", "the pump is stopped for good: the recovery begins")
    end.set_defaults(verb="end-infusion")
    close = _at(add, "close", "the therapy is over: the next patient begins with nothing")
    close.add_argument("case", metavar="CASE", help="the case that is closed, typed again")
    close.add_argument("--reason", default="", metavar="TEXT", help="why sooner than the recovery takes")


def _at(add: Callable[[str, str], argparse.ArgumentParser], verb: str, text: str) -> argparse.ArgumentParser:
    parser = add(verb, text)
    parser.add_argument("bed", metavar="BED", help="the bed, or its label")
    return parser


def _channel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--channel", nargs=2, metavar=("PORT", "CHANNEL"), help="the pump channel, if the bed has several"
    )


def _add_patient(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    patient = _at(add, "patient", "start a patient at a bed, or correct the checklist")
    patient.add_argument("case", metavar="CASE", help="an opaque case number, never a name")
    patient.add_argument("weight", metavar="WEIGHT", help='with its unit: "70 kg"')
    patient.add_argument("--yes", nargs="+", default=[], choices=FLAGS, metavar="FLAG", help=f"of {', '.join(FLAGS)}")
    patient.add_argument("--no", nargs="+", default=[], choices=FLAGS, metavar="FLAG", help="what was asked and denied")
    patient.add_argument("--nothing", action="store_true", help="all was asked, and nothing but --yes is so")
    patient.add_argument("--treatments", type=int, metavar="N", help="in the last 7 days")
    patient.add_argument("--sure", action="store_true", help="the weight is right, though it was asked for again")
    baseline = _at(add, "baseline", "confirm what is usual for the patient (default: what the monitor shows now)")
    for name, example in (("heart-rate", "72 /min"), ("nibp-sys", "128 mmHg"), ("nibp-mean", "93 mmHg")):
        baseline.add_argument(f"--{name}", metavar="VALUE", help=f'measured by hand: "{example}"')
    limits = _at(add, "limits", "adjust a limit of a vital sign for this patient")
    limits.add_argument("condition", metavar="LIMIT", help="such as HR_HIGH")
    limits.add_argument("band", metavar="BAND", help="soft or hard")
    limits.add_argument(
        "value", nargs="?", metavar="VALUE", help='with its unit: "110 /min" (default: as it was before)'
    )


def _add_order(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    order = _at(add, "order", "enter an order, or a revision of it; another person confirms it")
    order.add_argument("concentration", metavar="CONCENTRATION", help='with its unit: "10 mg/mL"')
    order.add_argument("weight", metavar="WEIGHT", help='typed again: "70 kg"')
    for name, text in ORDERED.items():
        order.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="VALUE", help=text)
    order.add_argument("--sure", action="store_true", help="it is right, though it was asked for again")
    order.set_defaults(ordered=tuple(ORDERED))
    _channel(order)
    for verb, text in (
        ("confirm", "put an order in force: you have compared it with the prescription"),
        ("override", "say why an order may pass soft limits of the library"),
        ("withdraw", "take an order off"),
        ("confirm-syringe", "the new syringe has the drug and the concentration of the order"),
        ("step", "another step inside the ordered range"),
    ):
        parser = _at(add, verb, text)
        parser.add_argument("rev", type=int, metavar="REVISION", help="of the order that you looked at (therapy)")
        if verb == "override":
            parser.add_argument("reason", metavar="REASON")
        if verb == "step":
            parser.add_argument("step", metavar="STEP", help='"1.5 mg/kg/h"')
        _channel(parser)


def _add_round(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    observe = _at(add, "observe", "enter an observation round, or vital signs that were measured by hand")
    observe.add_argument("--well", action="store_true", help="all is well, but for what is said otherwise")
    observe.add_argument("--airway", choices=("clear", "secretions", "choking"))
    observe.add_argument("--rass", type=int, metavar="N", help="sedation, -5 to 4")
    observe.add_argument("--anxiety", choices=DEGREES)
    observe.add_argument("--nausea", choices=DEGREES)
    observe.add_argument("--pain", type=int, metavar="N", help="0 to 10")
    for name, example in (
        ("heart-rate", "80 /min"),
        ("spo2", "97 %%"),
        ("respiratory-rate", "14 /min"),
        ("nibp-sys", "128 mmHg"),
        ("nibp-dia", "78 mmHg"),
        ("nibp-mean", "93 mmHg"),
    ):
        observe.add_argument(f"--{name}", metavar="VALUE", help=f'"{example}"')
    _at(add, "choking", "the patient is choking: a high alarm at once")
    dose = _at(add, "manual-dose", "a dose was given outside the pump")
    dose.add_argument("drug", metavar="DRUG")
    dose.add_argument("dose", metavar="DOSE", help='"20 mg"')
    line = _at(add, "line", "say how a line is connected now: what stands in it between pump and patient")
    line.add_argument("dead_volume", metavar="DEAD_VOLUME", help='"1.5 mL"')
    line.add_argument("filled_with", choices=FILLED)
    _channel(line)
    flush = _at(add, "flush", "a line is flushed: what stood in it counts as given")
    flush.add_argument("volume", metavar="VOLUME", help='"10 mL"')
    flush.add_argument("--by-pump", action="store_true", help="the pump itself gives it: so much of it holds no drug")
    flush.add_argument("--dead-volume", metavar="VOLUME", help="of the line, where nobody said it before")
    flush.add_argument("--filled-with", choices=FILLED, default="unknown", help="what stood in it then")
    _channel(flush)
    settle = _at(add, "settle-dose", "say how much a channel has given, as the pump shows, where that is not sure")
    settle.add_argument("given", metavar="GIVEN", help='of this treatment, in all: "62 mg"')
    settle.add_argument("reason", metavar="REASON")
    settle.add_argument("--sure", action="store_true", help="it is right, though it was asked for again")
    _channel(settle)
    role = _at(add, "channel-role", "say what a pump channel is for")
    role.add_argument("port", metavar="PORT")
    role.add_argument("pump_channel", metavar="CHANNEL")
    role.add_argument("role", choices=("ordered", "carrier", "not-supervised"))
    off = _at(add, "line-disconnected", "the line is off the patient for a while, to be purged")
    off.add_argument("--duration", default="2 min", metavar="TIME", help='at most "5 min"; "0 s": it is on again')
    _channel(off)
