"""What stations ask: read tolerantly, with bounds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from edge.messages.base import Message

ShortText = Annotated[str, Field(max_length=64)]
REQUEST_ID = r"^[A-Za-z0-9_.:-]{1,64}$"
RequestId = Annotated[str, Field(pattern=REQUEST_ID)]
METRICS_MAX = 32
"""More values of a bed than a page draws."""
AGO_MAX_S = 400 * 24 * 3600.0
"""The journal goes no farther back."""
KEYS_MAX = 2000
"""More alarms than 72 beds can have at once are not painted on one page."""


class RequestMessage(Message):
    """What every request carries: who asks, and what the station saw.

    ``run`` and ``edge_mono_s`` are those of the edge's last heartbeat that the station heard; a request on what is
    older than 30 s is refused. A repeat of a ``request_id`` gets the answer that was given.
    """

    # Most are never asked in a run: each is made with its first request, and a start waits for none.
    model_config = ConfigDict(defer_build=True)

    request_id: RequestId
    run: ShortText
    edge_mono_s: Annotated[float, Field(allow_inf_nan=False)]
    user: ShortText = ""
    role: Literal["viewer", "technician", "nurse", "prescriber"] = "viewer"


class AlarmRequest(RequestMessage):
    """``acknowledge``, ``reset``, and ``accept``, which acknowledges as well where it says so: the one button."""

    schema_: Literal["alarm-request/1"] = Field(default="alarm-request/1", alias="schema")
    bed: ShortText
    key: Annotated[str, Field(max_length=200)]
    occurrence: ShortText
    rev: int
    acknowledge: bool = False


class PauseRequest(RequestMessage):
    """``audio-pause``, ``off-monitor``; longer than allowed is cut. An empty ``bed`` means all, and must be said."""

    schema_: Literal["pause-request/1"] = Field(default="pause-request/1", alias="schema")
    bed: ShortText
    duration_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 120.0


class ResumeRequest(RequestMessage):
    """``resume``: end the pauses of a bed; of all, where ``bed`` is empty, which must be said."""

    schema_: Literal["resume-request/1"] = Field(default="resume-request/1", alias="schema")
    bed: ShortText


class ServiceRequest(RequestMessage):
    """``service``: the devices of a bed are worked on for a while; longer than allowed is cut, and 0 s ends it."""

    schema_: Literal["service-request/1"] = Field(default="service-request/1", alias="schema")
    bed: ShortText
    duration_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 3600.0


class BedAcceptedRequest(RequestMessage):
    """``bed-accepted``: a technician went through a bed, and what came of it; the sheet has this SHA-256."""

    schema_: Literal["bed-accepted-request/1"] = Field(default="bed-accepted-request/1", alias="schema")
    bed: ShortText
    result: Literal["accepted", "not accepted"]
    sheet_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ConfirmDeviceRequest(RequestMessage):
    """``confirm-device``: the device with this serial number belongs there."""

    schema_: Literal["confirm-device-request/1"] = Field(default="confirm-device-request/1", alias="schema")
    bed: ShortText
    port: ShortText
    channel: ShortText
    serial_number: ShortText


class PlainRequest(RequestMessage):
    """``test-alarm`` and ``reassert``, which need nothing more."""

    schema_: Literal["plain-request/1"] = Field(default="plain-request/1", alias="schema")


class HistoryRequest(RequestMessage):
    """``history``: a bed's trends, or what the journal has of it; nothing changes by it.

    The time is given in seconds ago, or by the edge's clock, which counts where it is given. No ``metrics``: all of
    them. An empty ``bed``: events of no bed. ``page`` is the ``next_page`` of the answer before.
    """

    schema_: Literal["history-request/1"] = Field(default="history-request/1", alias="schema")
    bed: ShortText
    what: Literal["trend", "events"]
    metrics: Annotated[tuple[ShortText, ...], Field(max_length=METRICS_MAX)] = ()
    from_ago_s: Annotated[float, Field(ge=0, le=AGO_MAX_S, allow_inf_nan=False)] = 3600.0
    until_ago_s: Annotated[float, Field(ge=0, le=AGO_MAX_S, allow_inf_nan=False)] = 0.0
    from_mono_s: Annotated[float, Field(allow_inf_nan=False)] | None = None
    until_mono_s: Annotated[float, Field(allow_inf_nan=False)] | None = None
    page: ShortText = ""
