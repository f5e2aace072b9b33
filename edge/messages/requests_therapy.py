"""What stations ask of a therapy: patient, order, step, observation, doses and limits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge.messages.base import Message
from edge.messages.requests import RequestMessage, ShortText
from edge.messages.therapy import AirwayName, ChecklistMessage, DegreeName

Quantity = Annotated[str, Field(max_length=32)]
"""What a person typed or was shown, a number, a space and its unit: "70 kg", "10 mg/mL", "1.0 mg/kg/h", "70 min"."""
CaseNumber = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,31}$")]
ReasonText = Annotated[str, Field(max_length=200)]


class StartPatientRequest(RequestMessage):
    """``start-patient``: an opaque case number, the weight with its unit, and the checklist.

    ``sure`` answers a question that a refusal put, here and wherever it stands.
    """

    schema_: Literal["start-patient-request/1"] = Field(default="start-patient-request/1", alias="schema")
    bed: ShortText
    case: CaseNumber
    weight: Quantity
    checklist: ChecklistMessage = ChecklistMessage()
    sure: bool = False


class PatientRequest(RequestMessage):
    """What is asked about the patient whom the asker saw."""

    bed: ShortText
    case: CaseNumber


class CloseRequest(PatientRequest):
    """``close``: the therapy is over; ``reason`` where it is so sooner than the recovery takes."""

    schema_: Literal["close-request/1"] = Field(default="close-request/1", alias="schema")
    reason: ReasonText = ""


class EndInfusionRequest(PatientRequest):
    """``end-infusion``: the pump is stopped for good."""

    schema_: Literal["end-infusion-request/1"] = Field(default="end-infusion-request/1", alias="schema")


class ChannelRequest(PatientRequest):
    """What is asked about a pump channel; without ``port``, the only one that can be meant."""

    port: ShortText = ""
    channel: ShortText = ""


class OrderRequest(ChannelRequest):
    """``order``: a new one, or a revision of the one with ``rev`` (0: there is none).

    What is left out comes from the order before, from the pump, or from the library.
    """

    schema_: Literal["order-request/1"] = Field(default="order-request/1", alias="schema")
    rev: int = 0
    concentration: Quantity
    weight: Quantity
    drug: ShortText = ""
    step: Quantity | None = None
    start: Quantity | None = None
    maximum: Quantity | None = None
    increment: Quantity | None = None
    step_interval: Quantity | None = None
    total: Quantity | None = None
    planned: Quantity | None = None
    cuff_interval: Quantity | None = None
    round_interval: Quantity | None = None
    given_before: Quantity | None = None
    reason: ReasonText = ""
    sure: bool = False


class OrderRevRequest(ChannelRequest):
    """``confirm``, ``withdraw``, ``confirm-syringe``: of the order ``rev`` that the asker saw."""

    schema_: Literal["order-rev-request/1"] = Field(default="order-rev-request/1", alias="schema")
    rev: int


class OverrideRequest(ChannelRequest):
    """``override``: why the order ``rev`` may pass its soft limits."""

    schema_: Literal["override-request/1"] = Field(default="override-request/1", alias="schema")
    rev: int
    reason: Annotated[str, Field(min_length=3, max_length=200)]


class StepRequest(ChannelRequest):
    """``step``: another step inside the range of the order ``rev``."""

    schema_: Literal["step-request/1"] = Field(default="step-request/1", alias="schema")
    rev: int
    step: Quantity


class ReadingRequest(Message):
    """One measurement for a baseline."""

    heart_rate: Quantity | None = None
    nibp_sys: Quantity | None = None
    nibp_mean: Quantity | None = None


class BaselineRequest(PatientRequest):
    """``baseline``: up to three readings, of which the median counts; without any, what the monitor shows now."""

    schema_: Literal["baseline-request/1"] = Field(default="baseline-request/1", alias="schema")
    readings: Annotated[tuple[ReadingRequest, ...], Field(max_length=3)] = ()


class LimitsRequest(PatientRequest):
    """``limits``: a band of a vital sign's limit for this patient; without ``value``, as it was before."""

    schema_: Literal["limits-request/1"] = Field(default="limits-request/1", alias="schema")
    condition: ShortText
    band: ShortText
    value: Quantity | None = None


class ObserveRequest(PatientRequest):
    """``observe``: a round; ``all_well`` is one tap, for whatever is not said otherwise but pain.

    ``vital_signs`` were measured by hand: heart_rate, spo2, respiratory_rate, nibp_sys, nibp_dia, nibp_mean.
    """

    schema_: Literal["observe-request/1"] = Field(default="observe-request/1", alias="schema")
    all_well: bool = False
    airway: AirwayName | None = None
    rass: int | None = None
    anxiety: DegreeName | None = None
    nausea: DegreeName | None = None
    pain: int | None = None
    vital_signs: Annotated[dict[ShortText, Quantity], Field(default_factory=dict, max_length=6)]


class ManualDoseRequest(PatientRequest):
    """``manual-dose``: a dose that was given outside the pump."""

    schema_: Literal["manual-dose-request/1"] = Field(default="manual-dose-request/1", alias="schema")
    drug: ShortText
    dose: Quantity


class SettleDoseRequest(ChannelRequest):
    """``settle-dose``: so much the channel has given in this treatment, as the pump shows; and why it is said."""

    schema_: Literal["settle-dose-request/1"] = Field(default="settle-dose-request/1", alias="schema")
    given: Quantity
    reason: Annotated[str, Field(min_length=3, max_length=200)]
    sure: bool = False


FilledWith = Literal["drug", "other", "unknown"]


class LineRequest(ChannelRequest):
    """``line``: as it is connected now, so much stands between pump and patient, and what that is."""

    schema_: Literal["line-request/1"] = Field(default="line-request/1", alias="schema")
    dead_volume: Quantity
    filled_with: FilledWith = "unknown"


class FlushRequest(ChannelRequest):
    """``flush``: so much of something else goes through the line; what stood in it counts as given.

    ``by``: by hand, or by the pump channel itself, whose next ``volume`` then holds no drug. ``dead_volume`` and
    ``filled_with`` say what nobody said of the line before.
    """

    schema_: Literal["flush-request/1"] = Field(default="flush-request/1", alias="schema")
    volume: Quantity
    by: Literal["hand", "pump"] = "hand"
    dead_volume: Quantity | None = None
    filled_with: FilledWith = "unknown"


class ChannelRoleRequest(RequestMessage):
    """``channel-role``: what a channel is for; ``case`` is empty where the bed has no patient."""

    schema_: Literal["channel-role-request/1"] = Field(default="channel-role-request/1", alias="schema")
    bed: ShortText
    case: ShortText = ""
    port: ShortText
    channel: ShortText
    channel_role: Literal["ordered", "carrier", "not_supervised"]


class LineDisconnectedRequest(ChannelRequest):
    """``line-disconnected``: for so long, what a purge delivers does not reach the patient; "0 s": it does again."""

    schema_: Literal["line-disconnected-request/1"] = Field(default="line-disconnected-request/1", alias="schema")
    duration: Quantity = "2 min"
