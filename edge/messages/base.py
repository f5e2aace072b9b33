"""What every message of the contract is made of."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

ROOT = "infusion/v1"
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Number = Annotated[Decimal, Field(allow_inf_nan=False)]
PriorityName = Literal["low", "medium", "high"]
SilenceReasonName = Literal["audio_pause", "off_monitor", "awaiting_repeat", "at_device", "service"]


class Message(BaseModel):
    """The base of every message: frozen, finite numbers, no unknown field in what is built here."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, json_schema_serialization_defaults_required=True
    )

    @classmethod
    def read(cls, payload: bytes) -> Self:
        """Read a message that came over the wire; fields that a later version added are ignored, at every depth.

        Raises pydantic's ValidationError, which is a ValueError.
        """
        return cls.model_validate_json(payload, extra="ignore")


class Stamp(Message):
    """A time. ``wall`` is RFC 3339 UTC and a label only; ``mono_s`` compares within one ``run``."""

    mono_s: float
    wall: str
    synchronised: bool
