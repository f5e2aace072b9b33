"""The verbs of requests, and the message of each."""

from __future__ import annotations

from edge.messages.requests import (
    AlarmRequest,
    BedAcceptedRequest,
    ConfirmDeviceRequest,
    HistoryRequest,
    PauseRequest,
    PlainRequest,
    RequestMessage,
    ResumeRequest,
    ServiceRequest,
)
from edge.messages.requests_therapy import (
    BaselineRequest,
    ChannelRoleRequest,
    CloseRequest,
    EndInfusionRequest,
    FlushRequest,
    LimitsRequest,
    LineDisconnectedRequest,
    LineRequest,
    ManualDoseRequest,
    ObserveRequest,
    OrderRequest,
    OrderRevRequest,
    OverrideRequest,
    SettleDoseRequest,
    StartPatientRequest,
    StepRequest,
)

REQUESTS: dict[str, type[RequestMessage]] = {
    "accept": AlarmRequest,
    "acknowledge": AlarmRequest,
    "reset": AlarmRequest,
    "audio-pause": PauseRequest,
    "off-monitor": PauseRequest,
    "resume": ResumeRequest,
    "confirm-device": ConfirmDeviceRequest,
    "service": ServiceRequest,
    "bed-accepted": BedAcceptedRequest,
    "start-patient": StartPatientRequest,
    "baseline": BaselineRequest,
    "limits": LimitsRequest,
    "order": OrderRequest,
    "override": OverrideRequest,
    "confirm": OrderRevRequest,
    "withdraw": OrderRevRequest,
    "step": StepRequest,
    "confirm-syringe": OrderRevRequest,
    "observe": ObserveRequest,
    "manual-dose": ManualDoseRequest,
    "line": LineRequest,
    "flush": FlushRequest,
    "settle-dose": SettleDoseRequest,
    "channel-role": ChannelRoleRequest,
    "line-disconnected": LineDisconnectedRequest,
    "end-infusion": EndInfusionRequest,
    "close": CloseRequest,
    "test-alarm": PlainRequest,
    "reassert": PlainRequest,
}
"""The verbs, and the message of each."""
LOOKS: dict[str, type[RequestMessage]] = {"history": HistoryRequest}
"""Verbs that only look, and the message of each: answered in messages of their own, and not journalled."""
