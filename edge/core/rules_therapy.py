"""Rules about what a nurse found and what is due: choking, deep sedation, an overdue round, flow in recovery."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial

from edge.core import phases
from edge.core.catalogue import CATALOGUE
from edge.core.condition import INSIDE, Band, Judgement
from edge.core.config import Binding
from edge.core.finding import Finding, Particulars, level, when
from edge.core.model import AlarmKey
from edge.core.therapy import TherapyPhase
from edge.core.therapy_state import Airway, KeptTherapy, Round
from edge.core.view import BedView

OVERDUE_SILENT_S = 600.0
"""A round that is due is a silent badge for ten minutes, and then one low tone (design, section 8)."""

RASS_DEEP, RASS_TOO_DEEP = -2, -3
"""Sedation from here on is medium, and high (alarms.md 5.6)."""


def observed(view: BedView, now_s: float) -> Iterator[Finding]:
    """Say what the last round that looked at it found: choking, and deep sedation."""
    rounds = view.state.therapy.rounds
    airway = next((one for one in reversed(rounds) if one.airway is not None), None)
    if airway is not None:
        yield Finding(
            view.key("CHOKING"),
            when(true=airway.airway is Airway.CHOKING, now_s=now_s),
            CATALOGUE["CHOKING"].bands,
            0.0,
            partial(_describe_choking, view.config.label, airway),
        )
    sedated = next((one for one in reversed(rounds) if one.rass is not None), None)
    if sedated is not None and sedated.rass is not None:
        worst = INSIDE if sedated.rass > RASS_DEEP else int(sedated.rass <= RASS_TOO_DEEP)
        yield Finding(
            view.key("SEDATION_DEEP"),
            level(worst, now_s),
            CATALOGUE["SEDATION_DEEP"].bands,
            0.0,
            partial(_describe_sedation, view.config.label, sedated),
            fingerprint=str(sedated.rass),
        )


def _describe_choking(label: str, found: Round, _: Band) -> Particulars:
    return Particulars(f"{label}: the patient is choking, says {found.by}.", evidence=(("entered_by", found.by),))


def _describe_sedation(label: str, found: Round, _: Band) -> Particulars:
    evidence = (("rass", str(found.rass)), ("entered_by", found.by))
    return Particulars(
        f"{label}: the patient is deeply sedated, RASS {found.rass}, says {found.by}.", evidence=evidence
    )


def overdue(view: BedView, known: Collection[AlarmKey], now_s: float) -> Iterator[Finding]:
    """Tell that an observation round was due ten minutes ago. ``known``: the keys that were judged before."""
    due_s = phases.round_due_s(view)
    if due_s is None and view.key("OBSERVATION_OVERDUE") not in known:
        return
    told_s = None if due_s is None else due_s + OVERDUE_SILENT_S
    yield Finding(
        view.key("OBSERVATION_OVERDUE"),
        when(true=told_s is not None and now_s >= told_s, now_s=now_s),
        CATALOGUE["OBSERVATION_OVERDUE"].bands,
        0.0,
        partial(_describe_overdue, view.config.label),
        told_s if told_s is not None and told_s > now_s else None,
    )


def _describe_overdue(label: str, _: Band) -> Particulars:
    return Particulars(f"{label}: the observation round is overdue.")


def flow_in_recovery(view: BedView, binding: Binding, known: Collection[AlarmKey], now_s: float) -> Iterator[Finding]:
    """Tell that a pump delivers though the infusion is over (H-27, H-29)."""
    therapy = view.state.therapy
    if therapy.phase is not TherapyPhase.RECOVERY and view.key("FLOW_IN_RECOVERY", binding) not in known:
        return
    source = view.source(binding)
    supervised = any(pump is binding for pump in phases.supervised(view))
    judged: Judgement | None = when(
        true=therapy.phase is TherapyPhase.RECOVERY and supervised and source.infusing, now_s=now_s
    )
    if view.link_lost(binding, now_s) is not False and therapy.phase is TherapyPhase.RECOVERY:
        judged = None
    yield Finding(
        view.key("FLOW_IN_RECOVERY", binding),
        judged,
        CATALOGUE["FLOW_IN_RECOVERY"].bands,
        0.0,
        partial(_describe_flow, view.config.label, binding),
    )


def _describe_flow(label: str, binding: Binding, _: Band) -> Particulars:
    return Particulars(f"{label}: {binding.port} channel {binding.channel} delivers, and the infusion is over.")


def unplaced(therapies: dict[str, KeptTherapy], now_s: float) -> Iterator[Finding]:
    """Tell that patients are at beds that the configuration no longer has (H-34)."""
    patients = {bed: kept.therapy.patient for bed, kept in therapies.items()}
    said = ", ".join(f"{bed} (case {patient.case})" for bed, patient in patients.items() if patient is not None)
    yield Finding(
        AlarmKey("", "PATIENT_UNWATCHED"),
        when(true=bool(said), now_s=now_s),
        CATALOGUE["PATIENT_UNWATCHED"].bands,
        0.0,
        lambda _: Particulars(
            f"The configuration no longer has {said}: nobody watches them.", evidence=(("beds", said),)
        ),
        fingerprint=said,
    )
