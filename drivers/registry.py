"""The drivers by name. A driver's module is imported when its name is first asked for, not at start."""

from __future__ import annotations

from importlib import import_module

from drivers.model import Driver

_MODULES = {
    "alaris-asena": "drivers.alaris_asena",
    "bbraun-space": "drivers.bbraun_space",
    "bbraun-space-cyclic": "drivers.bbraun_space_cyclic",
    "fresenius-orchestra": "drivers.fresenius_orchestra",
    "ge-dri": "drivers.ge_dri",
    "ivy-450c": "drivers.ivy_450c",
    "masimo-ascii": "drivers.masimo_ascii",
    "nellcor-ascii": "drivers.nellcor_ascii",
    "new-era-ne1000": "drivers.new_era_ne1000",
    "nonin-ascii": "drivers.nonin",
    "nonin-df2": "drivers.nonin_df2",
    "philips-intellivue": "drivers.intellivue",
}


def names() -> tuple[str, ...]:
    """Every driver's name, sorted."""
    return tuple(sorted(_MODULES))


def driver(name: str) -> Driver:
    """Look a driver up. Raises KeyError for a name that is not in ``names()``."""
    found: Driver = import_module(_MODULES[name]).DRIVER
    return found
