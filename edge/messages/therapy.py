"""A bed's therapy: patient, orders, phase, rounds, limits and prompts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge.messages.base import Identifier, Message, Number, PriorityName, SilenceReasonName, Stamp


class OverrideMessage(Message):
    """A soft limit of the library that somebody passed knowingly, and why."""

    condition: str
    limit: Number
    reason: str
    by: str


class OrderMessage(Message):
    """A therapy order; null: it is not ordered. ``rev`` is named by whoever asks something of it.

    ``syringe_changed``: since then nobody has said that the new syringe's drug and concentration are these.
    ``dosing_unit`` is the one in which people read the drug's doses; ``shown`` has them in it, as text.
    """

    port: str
    channel: str
    drug: str
    concentration_mg_per_ml: Number
    weight_kg: Number
    step_mg_per_kg_per_h: Number
    maximum_mg_per_kg_per_h: Number
    origin: str
    rev: int = 1
    start_mg_per_kg_per_h: Number | None = None
    increment_mg_per_kg_per_h: Number | None = None
    step_interval_s: float | None = None
    total_mg_per_kg: Number | None = None
    planned_s: float | None = None
    cuff_interval_s: float | None = None
    round_interval_s: float | None = None
    given_before_mg: Number | None = None
    prefilled: bool = False
    overrides: tuple[OverrideMessage, ...] = ()
    by: str = ""
    confirmed_by: str = ""
    placed: Stamp | None = None
    syringe_changed: Stamp | None = None
    dosing_unit: str = "mg/kg/h"
    shown: dict[str, str] = Field(default_factory=dict)


class AwaitingMessage(Message):
    """An order that is not in force until another person than ``user`` confirms it.

    ``passed`` says which soft limits it passes without a reason: it cannot be confirmed before somebody gives one.
    Who confirms it has read its ``advisories``.
    """

    order: OrderMessage
    user: str
    passed: tuple[str, ...]
    until_mono_s: float
    advisories: tuple[str, ...] = ()


KnownName = Literal["yes", "no", "unknown"]


class ChecklistMessage(Message):
    """What was asked before a treatment. What is unknown tightens limits as a yes does."""

    heart_disease: KnownName = "unknown"
    cyp3a4_inhibitor: KnownName = "unknown"
    cyp2b6_inhibitor: KnownName = "unknown"
    opioids: KnownName = "unknown"
    sedatives: KnownName = "unknown"
    dependence: KnownName = "unknown"
    age_65_or_over: KnownName = "unknown"
    treatments_in_7_days: int | None = None


class PatientMessage(Message):
    """Who is at a bed: an opaque case number, never a name."""

    case: str
    weight_kg: Number
    checklist: ChecklistMessage
    by: str
    started: Stamp
    rev: int


class BaselineMessage(Message):
    """What is usual for the patient; null was not measured."""

    heart_rate_per_min: Number | None
    nibp_sys_mmhg: Number | None
    nibp_mean_mmhg: Number | None
    by: str
    at: Stamp


AirwayName = Literal["clear", "secretions", "choking"]
DegreeName = Literal["none", "mild", "moderate", "severe"]


class RoundMessage(Message):
    """One observation round; null was not looked at."""

    at: Stamp
    by: str
    phase: str
    airway: AirwayName | None
    rass: int | None
    anxiety: DegreeName | None
    nausea: DegreeName | None
    pain: int | None


class ChannelRoleMessage(Message):
    """A pump channel that is not there for an order."""

    port: str
    channel: str
    role: Literal["ordered", "carrier", "not_supervised"]
    by: str
    at: Stamp


class DisconnectedMessage(Message):
    """A line that is off the patient until then, by the edge's clock: what a purge delivers is not given."""

    port: str
    channel: str
    by: str
    until_mono_s: float


class AdjustedLimitMessage(Message):
    """A band of a limit as somebody set it for this patient."""

    condition: str
    band: str
    value: Number
    by: str
    at: Stamp


class SettlingMessage(Message):
    """What ``user`` says that a channel has given in all; it holds when another person says the same."""

    port: str
    channel: str
    drug: str
    given_mg: Number
    reason: str
    user: str
    until_mono_s: float


class PromptMessage(Message):
    """Something that is to be done, and when it is due, or ends, by the edge's clock."""

    kind: Literal["round", "confirm-order", "close", "baseline", "syringe", "settle-dose"]
    due_mono_s: float
    port: str = ""
    channel: str = ""


class LimitMessage(Message):
    """A limit in force, with its origin; one of a dose names its pump channel. ``shown`` is what people read.

    From ``adjust_from`` to ``adjust_to`` it may be set for one patient, null: it may not.
    """

    condition: str
    band: str
    side: Literal["low", "high"]
    value: Number
    unit: str
    delay_s: float
    priority: PriorityName
    origin: str
    adjust_from: Number | None = None
    adjust_to: Number | None = None
    port: str = ""
    channel: str = ""
    shown: str = ""


class PauseMessage(Message):
    """A pause in force; it ends by itself at ``until_mono_s`` of the edge's clock."""

    reason: SilenceReasonName
    by: str
    until_mono_s: float


class TherapyMessage(Message):
    """Retained: patient, orders, phase, limits in force, what is due. ``rounds`` are the last of them.

    ``totals_lost`` are the drugs of which nobody knows how much this treatment gave: the computer was replaced.
    It is published when the disk has it, or took nothing: then ``durable`` is false.
    """

    schema_: Literal["therapy/1"] = Field(default="therapy/1", alias="schema")
    run: str
    bed: Identifier
    phase: str
    orders: tuple[OrderMessage, ...]
    limits: tuple[LimitMessage, ...]
    pauses: tuple[PauseMessage, ...] = ()
    durable: bool = True
    phase_since: Stamp | None = None
    step: int = 0
    recovery_until_mono_s: float | None = None
    patient: PatientMessage | None = None
    awaiting: tuple[AwaitingMessage, ...] = ()
    baseline: BaselineMessage | None = None
    rounds: tuple[RoundMessage, ...] = ()
    adjusted: tuple[AdjustedLimitMessage, ...] = ()
    roles: tuple[ChannelRoleMessage, ...] = ()
    prompts: tuple[PromptMessage, ...] = ()
    settling: tuple[SettlingMessage, ...] = ()
    disconnected: tuple[DisconnectedMessage, ...] = ()
    totals_lost: tuple[str, ...] = ()
