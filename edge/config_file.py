"""The shape of the configuration files: a class a TOML table, physical quantities with units, and what is wrong.

Each table is checked by itself, so that one run finds every error of a file and not only the first.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, BinaryIO, ClassVar, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

FILE_MAX_BYTES = 1_048_576
"""A ward of 72 pumps needs some 30 kB; a file beyond this was hardly meant, and would sit in memory."""

POINTS_MAX = 100
"""Points in a line: the time to read a key grows with the square of its parts, and one of a megabyte takes hours."""

EXCERPT_CHARS = 60
"""How much of a wrong value is shown again."""

TEXT_MAX_CHARS = 80
"""What fits a tile or a line of the log."""

_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_QUANTITY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) (\S{1,12})")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and what to do. ``key`` is like ``bed[1].pumps[0].channel``, counted from 0."""

    file: str
    key: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        return f"{place}: {self.message}; {self.remedy}"


def refusal(message: str, remedy: str) -> PydanticCustomError:
    """Return what a reader of one value raises."""
    return PydanticCustomError("refused", "{message}", {"message": message, "remedy": remedy})


@dataclass(frozen=True, slots=True)
class QuantityReader:
    """Reads ``"70 kg"`` exactly; ``units`` are the spellings that are taken, each with its size in the first one."""

    what: str
    example: str
    units: tuple[tuple[str, Decimal | int], ...]
    least: Decimal
    most: Decimal

    def __call__(self, raw: object) -> Decimal:
        """Return the number in the first unit. Raises what pydantic takes for a refusal."""
        accepted = " or ".join(unit for unit, _ in self.units)
        if not isinstance(raw, str):
            raise refusal(
                f"{repr(raw)[:EXCERPT_CHARS]} has no unit",
                f'write {self.what} as text with {accepted}, like "{self.example}"',
            )
        shown = f'"{raw[:EXCERPT_CHARS]}"'
        if "," in raw:
            # "10,000" is ten or ten thousand: never guess which.
            raise refusal(f"{shown} has a comma", f'use a decimal point and no separators, like "{self.example}"')
        found = _QUANTITY.fullmatch(raw)
        if found is None:
            raise refusal(f"{shown} is not a number, a space and a unit", f'write {self.what} like "{self.example}"')
        number, unit = found.groups()
        factor = dict(self.units).get(unit)
        if factor is None:
            # No pound becomes a kilogram: 154 lb and 154 kg must not look alike to whoever reads the file.
            raise refusal(f"{shown} is not in {accepted}", f'give {accepted}, like "{self.example}"')
        value = Decimal(number) * factor
        if not self.least <= value <= self.most:
            base = self.units[0][0]
            raise refusal(f"{shown} is out of bounds", f"{self.what} is {self.least} to {self.most} {base}")
        return value


def quantity(what: str, example: str, unit: str, least: str, most: str) -> PlainValidator:
    """Return the reader of a quantity in one unit, or in seconds and minutes."""
    units = _TIME if unit == "s" else ((unit, 1),)
    return PlainValidator(QuantityReader(what, example, units, Decimal(least), Decimal(most)))


_TIME = (("s", 1), ("min", 60))
_DOSE_RATE = (("mg/kg/h", 1), ("ug/kg/h", Decimal("0.001")))

# The bounds stop slips of a digit, not clinical choices. A delay above 60 s would hide what it delays (H-34).
Delay = Annotated[Decimal, quantity("a delay", "20 s", "s", "0", "60")]
LongDelay = Annotated[Decimal, quantity("this delay", "5 min", "s", "0", "600")]
# Above 15 min the age limits of a cuff pressure (25 and 30 min) would come before the second reading.
CuffInterval = Annotated[Decimal, quantity("a cuff interval", "5 min", "s", "60", "900")]
# Below 0.5 s a pump rack is not to be asked. At 4.5 s, two missed rounds and 1 s are the 10 s within which a lost link
# must be known.
PollInterval = Annotated[Decimal, quantity("a poll interval", "1 s", "s", "0.5", "4.5")]
Weight = Annotated[Decimal, quantity("a weight", "70 kg", "kg", "0.5", "300")]
Concentration = Annotated[Decimal, quantity("a concentration", "10 mg/mL", "mg/mL", "0.001", "1000")]
Dose = Annotated[Decimal, quantity("a dose", "50 mg", "mg", "0.001", "10000")]
# Of a drug that is dosed in micrograms a nanogram is the least; what its library allows is held against it.
DoseRate = Annotated[
    Decimal,
    PlainValidator(QuantityReader("a dose rate", "1.0 mg/kg/h", _DOSE_RATE, Decimal("0.000001"), Decimal(100))),
]
Volume = Annotated[Decimal, quantity("a volume", "70 %", "%", "0", "100")]
# A command that takes longer would hold up the next call.
HookTime = Annotated[Decimal, quantity("this time", "10 s", "s", "1", "60")]
HeartRate = Annotated[Decimal, quantity("a heart rate", "120 /min", "/min", "20", "250")]
RespiratoryRate = Annotated[Decimal, quantity("a breathing rate", "25 /min", "/min", "2", "100")]
RateStep = Annotated[Decimal, quantity("a hysteresis", "3 /min", "/min", "0", "20")]
Pressure = Annotated[Decimal, quantity("a pressure", "120 mmHg", "mmHg", "15", "280")]
PressureStep = Annotated[Decimal, quantity("a hysteresis", "5 mmHg", "mmHg", "0", "20")]
Saturation = Annotated[Decimal, quantity("a saturation", "92 %", "%", "50", "100")]
SaturationStep = Annotated[Decimal, quantity("a hysteresis", "2 %", "%", "0", "10")]


def _identifier(raw: str) -> str:
    if _IDENTIFIER.fullmatch(raw) is None:
        raise refusal(
            f'"{raw[:EXCERPT_CHARS]}" is no identifier',
            "use 1 to 32 lower-case letters, digits and hyphens, no hyphen first",
        )
    return raw


def _text(raw: str) -> str:
    if not raw or raw != raw.strip() or len(raw) > TEXT_MAX_CHARS or not raw.isprintable():
        raise refusal(
            f"{raw[:EXCERPT_CHARS]!r} cannot be shown",
            f"write 1 to {TEXT_MAX_CHARS} printable characters, no blanks at the ends",
        )
    return raw


Identifier = Annotated[str, AfterValidator(_identifier)]
Text = Annotated[str, AfterValidator(_text)]
FilePath = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f]+$")]
VitalSign = Literal["heart_rate", "spo2", "respiratory_rate", "nibp"]
Baud = Literal[300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200]
Value = TypeVar("Value")
Difference = TypeVar("Difference")


class Table(BaseModel):
    """One TOML table: nothing unknown, nothing coerced. ``subtables`` are keys that are tables of their own."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
    subtables: ClassVar[tuple[str, ...]] = ()


class EdgeTable(Table):
    """The keys at the top of the edge's file."""

    subtables = ("broker", "store", "station", "port", "bed", "demo_order", "standard_limits", "annunciator")
    mode: Literal["demo", "clinical"]
    site: Identifier
    edge: Identifier
    library: FilePath


class StoreTable(Table):
    """Where the alarm states, the outbox and the journal are kept."""

    path: FilePath


class StationTable(Table):
    """A nursing station: what its users may ask for at most, and whether one like it must show the alarms."""

    id: Identifier
    role: Literal["viewer", "technician", "nurse", "prescriber"] = "nurse"
    required: bool = False


class PortTable(Table):
    """One line to a device."""

    id: Identifier
    path: FilePath
    driver: str
    baud: Baud | None = None
    poll_interval: PollInterval = Decimal(1)


class BedTable(Table):
    """One bed, without its bindings."""

    subtables = ("pumps", "monitors")
    id: Identifier
    label: Text
    vital_signs: list[VitalSign] = []
    cuff_interval: CuffInterval = Decimal(300)


class BindingTable(Table):
    """A pump channel of a bed."""

    port: str
    channel: Text
    serial_number: Text | None = None
    identity: Literal["confirm", "pinned"] = "confirm"


class MonitorTable(BindingTable):
    """A monitor of a bed; a monitor has one channel."""

    channel: Text = "0"
    identity: Literal["confirm", "pinned"] = "pinned"


class OrderTable(Table):
    """An order that the demonstration starts with."""

    bed: str
    port: str
    channel: str
    drug: str
    concentration: Concentration
    weight: Weight
    step: DoseRate
    maximum: DoseRate
    given_before: Dose | None = None


class LimitTable(Table, Generic[Value, Difference]):
    """One limit: soft, hard, and a bypass band that is hard without delay."""

    soft: Value
    soft_delay: Delay
    soft_priority: Literal["low", "medium"] = "medium"
    hard: Value | None = None
    hard_delay: Delay | None = None
    bypass: Value | None = None
    hysteresis: Difference
    clear_delay: Delay


class StandardTable(LimitTable[Value, Difference], Generic[Value, Difference]):
    """A standard limit, and between which values a person may set its bands for one patient."""

    adjust_soft: Annotated[list[Value], Field(min_length=2, max_length=2)] | None = None
    adjust_hard: Annotated[list[Value], Field(min_length=2, max_length=2)] | None = None


AnyTable = TypeVar("AnyTable", bound=Table)
Row = tuple[str, dict[str, object]]


def _way_to_read(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "correct the path, or make a first configuration (sudo infusion-edge init)"
        case PermissionError():
            return "let this user read the file, or run the command with sudo"
    return "correct the path"


class Reader:
    """One file: its content, and everything that is wrong with it."""

    def __init__(self, path: Path, copies: Mapping[str, bytes] | None = None) -> None:
        """Read ``path``, or in its place the copy of it that is among ``copies``."""
        self.file = str(path)
        self.data = (copies or {}).get(self.file)
        self.problems: list[Problem] = []
        self.sha256 = ""
        self.content: dict[str, object] = {}

    def read(self) -> bool:
        """Read and parse the file. False, and a problem more, if that cannot be done."""
        try:
            data = self._bytes() if self.data is None else self.data
        except (OSError, ValueError) as error:  # ValueError: a name with NUL
            reason = getattr(error, "strerror", None) or error
            self.refuse("", f"cannot be read: {reason}", _way_to_read(error))
            return False
        if len(data) > FILE_MAX_BYTES:
            self.refuse("", f"is larger than {FILE_MAX_BYTES} bytes", "give a configuration file")
            return False
        self.data = data
        self.sha256 = hashlib.sha256(data).hexdigest()
        try:
            self.content = toml(data.decode())
        except RecursionError:
            self.refuse("", "is nested too deeply", "give a configuration file")
            return False
        except ValueError as error:
            self.refuse("", f"is not TOML: {error}", "correct the line that is named, or save the file as UTF-8")
            return False
        return True

    def _bytes(self) -> bytes:
        with open_regular(Path(self.file)) as file:
            return file.read(FILE_MAX_BYTES + 1)

    def refuse(self, key: str, message: str, remedy: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(self.file, key, message, remedy))

    def table(
        self, kind: type[AnyTable], raw: Mapping[str, object], key: str, context: Mapping[str, object] | None = None
    ) -> AnyTable | None:
        """Check one table without its subtables. None, and problems more, if it is wrong.

        ``context`` is what its quantities must know.
        """
        own = {name: value for name, value in raw.items() if name not in kind.subtables}
        try:
            return kind.model_validate(own, context=context)
        except ValidationError as error:
            known = [*kind.model_fields, *kind.subtables]
            for detail in error.errors(include_url=False):
                self._refuse_detail(detail, key, known)
            return None

    def section(self, raw: Mapping[str, object], name: str, parent: str = "") -> dict[str, object] | None:
        """Find the table ``[name]``. None, and a problem more, if it is not there or no table."""
        key = join(parent, name)
        found = raw.get(name)
        if isinstance(found, dict):
            return found
        self.refuse(key, "is missing" if found is None else "is not a table", f"write it as [{key}]")
        return None

    def rows(self, raw: Mapping[str, object], name: str, parent: str = "", *, least: int = 0) -> Iterable[Row]:
        """Every table of the list ``name`` with its key; what is no table becomes a problem."""
        key = join(parent, name)
        found = raw.get(name, [])
        listed: Sequence[object] = found if isinstance(found, list) else ()
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in listed):
            how = f"[{{...}}, {{...}}] inside {parent}" if parent else f"[[{name}]], once for each"
            self.refuse(key, "is not a list of tables", f"write it as {how}")
        elif len(listed) < least:
            self.refuse(key, "is missing", f"write at least one [[{name}]]")
        return [(f"{key}[{index}]", row) for index, row in enumerate(listed) if isinstance(row, dict)]

    def once(self, seen: dict[str, str], value: object, key: str) -> None:
        """Refuse a text that was seen before, at another key. What is no text is told by its table."""
        if isinstance(value, str):
            if value in seen:
                self.refuse(key, f"is the same as {seen[value]}", "make each unique")
            seen.setdefault(value, key)

    def _refuse_detail(self, detail: ErrorDetails, table_key: str, known: Sequence[str]) -> None:
        key = table_key
        for part in detail["loc"]:
            key = f"{key}[{part}]" if isinstance(part, int) else join(key, part)
        match detail["type"]:
            case "refused":
                self.refuse(key, detail["ctx"]["message"], detail["ctx"]["remedy"])
            case "missing":
                self.refuse(key, "is missing", "add it; the shipped file explains every key")
            case "extra_forbidden":
                self.refuse(key, "is not a known key", suggest(str(detail["loc"][-1]), known))
            case _:
                wanted = detail["msg"].partition(" should ")[2] or detail["msg"]
                self.refuse(key, f"{repr(detail['input'])[:EXCERPT_CHARS]} is not accepted", f"it should {wanted}")


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read it. Raises ``OSError``, ``ValueError``: also of what might be waited for without end."""
    # A pipe to which nobody writes would hold up the start for ever.
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError("it is no regular file")
    return file


def toml(text: str) -> dict[str, Any]:
    """Parse the text of a configuration file. Raises ``ValueError``, RecursionError where it is nested too deeply."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > POINTS_MAX:
            raise ValueError(f"more than {POINTS_MAX} points (at line {number})")
    return tomllib.loads(text)


def join(parent: str, name: str) -> str:
    """The key of ``name`` in the table ``parent``."""
    return f"{parent}.{name}" if parent else name


def suggest(name: str, known: Iterable[str]) -> str:
    """The remedy for a name that is none of ``known``: the nearest one, or all."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"known: {', '.join(names)}" if names else "none is known"
