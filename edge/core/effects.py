"""What comes out of the core (`Effect`): what is to be told, kept and said, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from drivers.model import InfusionState, Validity
from edge.core.inputs import Named
from edge.core.model import Alarm, Instant, Phase, Priority, Side, SilenceReason
from edge.core.therapy import Order
from edge.core.therapy_state import UNTREATED, Kept, TherapyState
from edge.core.volume_check import VolumeCheck


class Metric(NamedTuple):
    """One value of a bed as it is shown: wire name with its unit last, validity, age, and where it comes from."""

    name: str
    value: Decimal | None
    unit: str
    validity: Validity
    age_s: float | None
    source: str
    origin: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ChannelView:
    """One pump channel of a bed: what it does, with what drug, and its metrics; ``link`` is up, down or unknown.

    ``dosing_unit`` is that of the drug that is ordered, or that the pump names; empty where nobody knows it.
    """

    port: str
    channel: str
    link: str
    state: InfusionState
    drug: str
    metrics: tuple[Metric, ...]
    dosing_unit: str = ""


@dataclass(frozen=True, slots=True)
class DoseView:
    """What a pump channel has given, and what its counter says of its rate, in a word and for people."""

    port: str
    channel: str
    drug: str
    volume_check: VolumeCheck
    volume_check_text: str
    infusing_s: float
    metrics: tuple[Metric, ...]
    given_text: str = ""


@dataclass(frozen=True, slots=True)
class BedSnapshot:
    """Every metric of a bed now. ``valid_for_s`` is how long it may be shown as live."""

    bed: str
    active: bool
    valid_for_s: float
    vital_signs: tuple[Metric, ...]
    channels: tuple[ChannelView, ...]
    doses: tuple[DoseView, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitView:
    """A limit in force; one of a dose is of a pump channel. ``shown`` is what people read: in the drug's own unit.

    From ``adjust_from`` to ``adjust_to`` it may be set for one patient; ``None``: it may not.
    """

    condition: str
    band: str
    side: Side
    value: Decimal
    unit: str
    delay_s: float
    priority: Priority
    origin: str
    adjust_from: Decimal | None = None
    adjust_to: Decimal | None = None
    port: str = ""
    channel: str = ""
    shown: str = ""


@dataclass(frozen=True, slots=True)
class PauseView:
    """A pause in force: its reason, who asked for it, and when it ends (monotonic)."""

    reason: SilenceReason
    by: str
    until_s: float


class PromptKind(StrEnum):
    """What somebody is to do at a bed."""

    ROUND = "round"
    CONFIRM_ORDER = "confirm-order"
    CLOSE = "close"
    BASELINE = "baseline"
    SYRINGE = "syringe"
    SETTLE_DOSE = "settle-dose"


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something that is to be done, and when it is due, or ends (monotonic)."""

    kind: PromptKind
    due_s: float
    port: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class TherapyView:
    """A bed's therapy: phase, orders, limits in force with their origin, what is due; ``durable``: the store has it.

    ``dosing_units`` has the unit of each drug that is ordered, or awaits confirmation.
    """

    bed: str
    phase: str
    orders: tuple[Order, ...]
    limits: tuple[LimitView, ...]
    pauses: tuple[PauseView, ...] = ()
    durable: bool = True
    therapy: TherapyState = UNTREATED
    prompts: tuple[Prompt, ...] = ()
    recovery_until_s: float | None = None
    dosing_units: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AlarmIndex:
    """The alarms that stand in a scope (a bed, or the edge itself where ``bed`` is empty), the most urgent first.

    ``inhibited`` names the conditions that do not signal because a technical alarm explains them, and that alarm.
    """

    bed: str
    alarms: tuple[Alarm, ...]
    inhibited: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AlarmChanged:
    """A present alarm, whole."""

    alarm: Alarm


@dataclass(frozen=True, slots=True)
class AlarmCleared:
    """The end of an alarm, told on its own topic, which is emptied afterwards."""

    alarm: Alarm


@dataclass(frozen=True, slots=True)
class Event:
    """One transition, for the history: ``event_seq`` counts from 1 within a run, without gaps."""

    event_seq: int
    phase: Phase
    alarm: Alarm
    at: Instant


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One line as the roster and the self-check show it. ``experimental``: nothing independent proves its driver."""

    port: str
    driver: str
    experimental: bool
    link: str
    detail: str
    accepted: int
    rejected: int
    identities: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Roster:
    """The beds with their bindings, and the devices."""

    beds: tuple[tuple[str, str, tuple[tuple[str, str, str], ...]], ...]
    devices: tuple[DeviceView, ...]


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """The alarm system's own pulse. ``store`` is why the store cannot keep, empty where it does."""

    count: int
    at: Instant
    devices: tuple[DeviceView, ...]
    alarms_present: tuple[int, int, int]
    store: str = ""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The core stepped: the status topic may say so."""

    at: Instant


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: ``done``, or not and why. It is kept, so that a repeat gets the same answer.

    ``said`` is what there is to know of what was done.
    """

    station: str
    request_id: str
    verb: str
    done: bool
    reason: str
    at: Instant
    durable: bool = True
    said: str = ""


Content: TypeAlias = (
    AlarmChanged
    | AlarmCleared
    | AlarmIndex
    | BedSnapshot
    | TherapyView
    | Roster
    | SelfCheck
    | Heartbeat
    | Event
    | Answer
)


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell the broker. An event goes out in order once its step is committed; everything else at once."""

    content: Content


@dataclass(frozen=True, slots=True)
class Persist:
    """Keep an alarm's state in the step's transaction; one whose signal is off is removed."""

    alarm: Alarm


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep a part of a bed's therapy in the step's transaction, the last word of a step; ``None`` removes it.

    ``bed`` is empty for what belongs to no bed. Parts are named as `edge.core.therapy_state.kind_of` says.
    """

    bed: str
    part: str
    body: Kept | None


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep an answer in the step's transaction."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Journal:
    """One row of the journal, in the step's transaction."""

    kind: str
    at: Instant
    body: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Annunciate:
    """Say it at the bedside: what became of an alarm."""

    alarm: Alarm
    phase: Phase


@dataclass(frozen=True, slots=True)
class Bedside:
    """What the bedside computer itself shows and sounds from now on, where it has lamp, buzzer or nurse call.

    ``lamp`` and ``sound`` are priorities, ``None`` for dark and quiet; ``call``: the nurse call rings; ``test``: a test
    alarm stands. ``standing`` is what the lamp stands for, as it was when this was said.
    """

    lamp: Priority | None
    sound: Priority | None
    call: bool
    test: bool
    standing: tuple[Named, ...]


class HookReason(StrEnum):
    """What the site's own command may be told of."""

    LEVEL_3 = "level_3"
    HIGH_ONSET = "high_onset"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class CallHook:
    """Tell the site's own command of an alarm."""

    reason: HookReason
    at: Instant
    alarm: Alarm


Effect: TypeAlias = Publish | Persist | Keep | Remember | Journal | Annunciate | Bedside | CallHook


@dataclass(frozen=True, slots=True)
class Step:
    """What one step wants done. The rows of a step are one transaction, named ``mark``."""

    mark: int
    effects: tuple[Effect, ...]
    next_deadline_s: float
