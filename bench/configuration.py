"""The daemon's configuration for a bench: the shipped limits, as many beds as there are devices."""

from __future__ import annotations

import re
from pathlib import Path

from bench.load import link
from bench.process import ROOT

SITE = EDGE = "bench"
_SHIPPED = ROOT / "config" / "edge.toml"
_LIMITS_AT = "[standard_limits.heart_rate_low]"
_HEAD = f"""
mode = "demo"
site = "{SITE}"
edge = "{EDGE}"
library = "{_SHIPPED.with_name("drugs.toml")}"
[broker]
host = "127.0.0.1"
[store]
path = "edge.db"
"""


def monitors_only(folder: Path, devices: int) -> Path:
    """Write the configuration of so many beds with a monitor each; return its path."""
    beds = [
        _port(f"monitor-{number}", link(folder, number), "ivy-450c") + _bed(number, "") for number in range(devices)
    ]
    return _write(folder, beds)


def whole_beds(folder: Path, beds: int, *, ordered: bool = True) -> Path:
    """Write the configuration of so many beds with a pump, a monitor and an order each; return its path."""
    rows = []
    for number in range(beds):
        pump = f"pump-{number}"
        ports = _port(f"monitor-{number}", link(folder, number), "ivy-450c") + _port(
            pump, folder / pump, "bbraun-space"
        )
        rows.append(ports + _bed(number, f'pumps = [{{ port = "{pump}", channel = "11" }}]'))
        if ordered:
            rows.append(_order(number, pump))
    return _write(folder, rows)


def _write(folder: Path, rows: list[str]) -> Path:
    shipped = _SHIPPED.read_text(encoding="utf-8")
    limits = shipped[shipped.index(_LIMITS_AT) :]
    # Many onsets are to be measured: an alarm ends with the first good reading.
    limits = re.sub(r'clear_delay = "[0-9]+ s"', 'clear_delay = "0 s"', limits)
    path = folder / "edge.toml"
    path.write_text(_HEAD + "".join(rows) + limits, encoding="utf-8")
    return path


def _port(name: str, path: Path, driver: str) -> str:
    return f'[[port]]\nid = "{name}"\npath = "{path}"\ndriver = "{driver}"\n'


def _bed(number: int, pumps: str) -> str:
    return f"""
[[bed]]
id = "bed-{number}"
label = "Bed {number}"
vital_signs = ["heart_rate", "spo2", "respiratory_rate", "nibp"]
monitors = [{{ port = "monitor-{number}" }}]
{pumps}
"""


def _order(number: int, pump: str) -> str:
    return f"""
[[demo_order]]
bed = "bed-{number}"
port = "{pump}"
channel = "11"
drug = "ketamine-chronic-pain"
concentration = "10 mg/mL"
weight = "70 kg"
step = "1.0 mg/kg/h"
maximum = "2.0 mg/kg/h"
"""
