"""The acceptance sheet of a bed: one page of HTML that is printed and signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge.clock import rfc3339
from edge.core.model import Instant

STYLE = (
    "@page{size:A4;margin:12mm}body{font:9.5pt/1.3 sans-serif;max-width:190mm;margin:auto}h1{font-size:14pt;margin:0}"
    "h2{font-size:10.5pt;margin:8px 0 2px}table{border-collapse:collapse;width:100%}td,th{border:1px solid #888;"
    "padding:1px 4px;text-align:left;vertical-align:top}pre{font-size:7.5pt;margin:0;white-space:pre-wrap}"
    ".result{font-size:13pt;font-weight:bold;border:2px solid;padding:2px 6px}.sign td{height:11mm}"
)


@dataclass(frozen=True, slots=True)
class Device:
    """A device of the bed as it was seen: where, over which adapter, and who answers; ``wanted``: as edge.toml says.

    ``pinned``: no other may be there.
    """

    role: str
    port: str
    channel: str
    address: str
    adapter: str
    names: tuple[str, ...]
    driver: str
    experimental: bool
    link: str
    model: str
    serial_number: str
    identity: str
    wanted: str = ""
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is on it. ``station`` showed the test alarm by a receipt; ``seen``: a person says so. No fault: accepted.

    ``files`` are those of the configuration with their SHA-256; ``checks`` level, subject, text and remedy of each.
    """

    made: Instant
    site: str
    edge: str
    bed: str
    label: str
    program: str
    devices: tuple[Device, ...]
    files: tuple[tuple[str, str], ...]
    limits: tuple[str, ...]
    checks: tuple[tuple[str, str, str, str], ...]
    standing: tuple[str, ...]
    station: str
    seen: bool
    faults: tuple[str, ...]


def written(sheet: Sheet, escape: Callable[[str], str]) -> str:
    """Return the page; ``escape`` makes any text fit to stand in it."""
    title = escape(f"Acceptance of {sheet.label} ({sheet.bed})")
    return "\n".join(
        [
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            f"<title>{title}</title><style>{STYLE}</style><h1>{title}</h1>",
            *_body(sheet, escape),
            "</html>\n",
        ]
    )


def _body(sheet: Sheet, escape: Callable[[str], str]) -> Iterator[str]:
    clock = "" if sheet.made.synchronised else " (the clock was not synchronised)"
    where = f"Edge {sheet.edge} at site {sheet.site}, infusion-edge {sheet.program}"
    yield f"<p>{escape(f'{rfc3339(sheet.made.wall_s)}{clock}. {where}')}</p>"
    yield f'<p class="result">{"NOT ACCEPTED" if sheet.faults else "ACCEPTED"}</p>'
    yield from (f"<p>- {escape(fault)}</p>" for fault in sheet.faults)
    yield "<h2>Devices</h2>"
    rows = [(*_place(device), *_who(device)) for device in sheet.devices]
    yield _table(("device", "port", "adapter", "line", "model", "serial number", "identity"), rows, escape)
    yield "<h2>Test alarm</h2>"
    receipt = f"shown by a page of {sheet.station} (its receipt)" if sheet.station else "no receipt of a page"
    seen = "seen and heard at the station by a person" if sheet.seen else "NOT seen by a person"
    yield f"<p>{escape(f'{seen}; {receipt}')}</p>"
    yield "<h2>Configuration and drug library (SHA-256)</h2>"
    yield _table(("file", "hash"), sheet.files, escape)
    yield f"<h2>Limits</h2><pre>{escape(chr(10).join(sheet.limits))}</pre>"
    yield "<h2>Checks</h2>"
    bad = [check for check in sheet.checks if check[0] != "ok"]
    yield f"<p>{len(sheet.checks) - len(bad)} of {len(sheet.checks)} are well.</p>"
    if bad:
        yield _table(("", "what", "found", "remedy"), bad, escape)
    yield "<h2>Alarms that stand</h2>"
    yield from (f"<p>- {escape(one)}</p>" for one in sheet.standing or ("none",))
    yield "<h2>Signatures</h2>"
    lines = [("Technician", "", ""), ("Nurse of the ward", "", "")]
    yield _table(("", "name", "date, signature"), lines, escape).replace("<table>", '<table class="sign">')


def _place(device: Device) -> tuple[str, str, str, str]:
    proof = " (experimental)" if device.experimental else ""
    adapter = "; ".join(part for part in (device.adapter, *device.names) if part) or "-"
    where = f"{device.port} channel {device.channel}: {device.address}"
    return f"{device.role}, {device.driver}{proof}", where, adapter, device.link


def _who(device: Device) -> tuple[str, str, str]:
    return device.model or "-", device.serial_number or "tells none", device.identity


def _table(head: tuple[str, ...], rows: object, escape: Callable[[str], str]) -> str:
    def row(cells: tuple[str, ...], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

    return f"<table>{row(head, 'th')}{''.join(row(cells, 'td') for cells in rows)}</table>"  # type: ignore[attr-defined]
