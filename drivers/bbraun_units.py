"""The unit codes of B. Braun Space (INDCONU, INDORTU, DORTU) as UCUM strings.

Source: one maker's document; only code 1 has a second witness.
"""

from __future__ import annotations

import re
from typing import Final

_RUNS: Final = (
    (1, "mL/h mL"),
    (15, "%"),
    (22, "kg"),
    (23, "ng mg ug g mmol meq [iU]"),
    (30, "ng/mL mg/mL ug/mL g/mL mmol/mL meq/mL [iU]/mL"),
    (37, "ng/kg mg/kg ug/kg g/kg mmol/kg meq/kg [iU]/kg"),
    (44, "ng/min ng/h ng/d mg/min mg/h mg/d ug/min ug/h ug/d g/min g/h g/d"),
    (56, "mmol/min mmol/h mmol/d meq/min meq/h meq/d [iU]/min [iU]/h [iU]/d"),
    (65, "ng/kg/min ng/kg/h ng/kg/d mg/kg/min mg/kg/h mg/kg/d"),
    (71, "ug/kg/min ug/kg/h ug/kg/d g/kg/min g/kg/h g/kg/d"),
    (77, "mmol/kg/min mmol/kg/h mmol/kg/d meq/kg/min meq/kg/h meq/kg/d"),
    (83, "[iU]/kg/min [iU]/kg/h [iU]/kg/d"),
    (86, "mm[Hg] kPa"),
    (94, "h cm"),
    (97, "ng/m2 ng/m2/min ng/m2/h ng/m2/d"),
    (101, "ug/m2 ug/m2/min ug/m2/h ug/m2/d"),
    (105, "mg/m2 mg/m2/min mg/m2/h mg/m2/d"),
    (109, "g/m2 g/m2/min g/m2/h g/m2/d"),
    (113, "[iU]/m2 [iU]/m2/min [iU]/m2/h [iU]/m2/d"),
    (117, "m[iU] m[iU]/mL m[iU]/kg m[iU]/m2 m[iU]/min m[iU]/h m[iU]/d"),
    (124, "m[iU]/kg/min m[iU]/kg/h m[iU]/kg/d m[iU]/m2/min m[iU]/m2/h m[iU]/m2/d"),
    (130, "k[iU] k[iU]/mL k[iU]/kg k[iU]/h k[iU]/d k[iU]/kg/h k[iU]/kg/d"),
    (137, "M[iU] M[iU]/mL M[iU]/kg M[iU]/h M[iU]/d M[iU]/kg/h M[iU]/kg/d"),
    (144, "meq/m2 meq/m2/min meq/m2/h meq/m2/d"),
    (148, "kcal kcal/kg kcal/mL kcal/d kcal/kg/d"),
    (153, "mL/kg mL/mL mL/kg/h"),
)
"""Codes that follow each other: the first, and the units from it on."""

UNITS: Final = {first + step: unit for first, units in _RUNS for step, unit in enumerate(units.split())}
"""Every code of the sheet and its unit."""

_CODE = re.compile("[0-9]{1,5}")


def unit_of(code: str | None) -> str | None:
    """Give the UCUM unit of a code as it stands on the line; ``None`` for one that is missing or not known."""
    if code is None or _CODE.fullmatch(code) is None:
        return None
    return UNITS.get(int(code))


def is_concentration(unit: str) -> bool:
    """Tell whether this is an amount in a volume. A dose rate under this name would be a tenfold error."""
    return unit == "%" or unit.endswith("/mL")


def is_rate(unit: str) -> bool:
    """Tell whether this is an amount in a time."""
    return unit.endswith(("/min", "/h", "/d"))
