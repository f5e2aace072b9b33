"""What stations say without asking: receipts of what is painted, and that they live."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge.messages.base import Identifier, Message
from edge.messages.requests import KEYS_MAX, ShortText


class PaintedAlarm(Message):
    """An alarm that a page paints, and the revision of it."""

    bed: ShortText
    key: Annotated[str, Field(max_length=200)]
    occurrence: ShortText
    rev: int


class ReceiptMessage(Message):
    """A page says every 3 s, and with each change, what it paints; a station's server never does by itself.

    ``page`` is a name that the page gives itself, other than that of any other page of the station. ``beds`` are in
    view on it while it is visible; ``audible``: its sound works.
    """

    schema_: Literal["receipt/1"] = Field(default="receipt/1", alias="schema")
    run: ShortText
    page: ShortText = ""
    audible: bool
    beds: Annotated[tuple[ShortText, ...], Field(max_length=KEYS_MAX)]
    displayed: Annotated[tuple[PaintedAlarm, ...], Field(max_length=KEYS_MAX)]


class StationStatusMessage(Message):
    """A station's server says that it lives: retained, and the will. It says nothing of what pages show."""

    schema_: Literal["station-status/1"] = Field(default="station-status/1", alias="schema")
    state: Literal["running", "stopped", "lost"]
    station: Identifier
    run: str
    version: str
    mono_s: float
    pages: int
