"""The guide to the devices, `docs/devices.md`: `python -m edge.device_guide` writes it, `--check` tells if it fits.

It is made of what the drivers say of themselves (`drivers.model.Driver`), so that nobody reads of a device what its
driver does not claim.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from drivers import registry
from drivers.model import DeviceKind, Driver, IdentitySupport, Integrity, LineSettings, NibpTime
from edge.core.validate import CANON

PAGE = Path(__file__).parent.parent / "docs" / "devices.md"

_PREFACE = """\
# The devices

Written by `python -m edge.device_guide` from what the drivers say of themselves: change a driver, not this page.

> **Experimental** means that nothing independent proves the driver as a whole: it was built from descriptions, and
> tried on a simulator that was built from the same descriptions. Its numbers may be wrong. Before it is used at a
> bed, hold it against the device's own screen: each value, each alarm, each sensor taken off. `infusion-edge
> check-config` marks such a driver, and warns of it in clinical mode; each start says so in the log and in the
> service's status; the roster and the self-check tell it of each line (`experimental`).
>
> **Proved** means that what a real device sent, decoded by hand, is decoded alike. That was one device of one
> version: hold this against the screen too. What each driver was held against is in `tests/golden`, a folder each.

A driver can send what stands in its closed list alone, which tests hold byte for byte: questions for data, and what
keeps the conversation going. None of it changes an infusion, a setting or an alarm. A serial line that is listened to
only is opened without write access.

A line is a serial port, or a TCP connection to a device server that is set to the same speed, bits and parity. Where
nothing is known of a connector, the maker's manual decides. Whether something may be connected to a patient's device
at all (leakage current: IEC 60601-1) is for the hospital's technicians to decide.
"""

_TITLES = {DeviceKind.PUMP: "Pumps", DeviceKind.MONITOR: "Monitors"}
_PARITIES = {"N": "no parity", "E": "even parity", "O": "odd parity"}
_IDENTITIES = {
    IdentitySupport.SERIAL_NUMBER: "it tells its serial number, so another device in its place is noticed",
    IdentitySupport.PORT_ONLY: "it tells no serial number: another device on the same line is not noticed",
}
_INTEGRITIES = {
    Integrity.CHECKSUM: "a checksum in each message",
    Integrity.NONE: "nothing but their form: there is no checksum",
}
_CUFF_TIMES = {
    NibpTime.DEVICE: "told by the device, as far as it can be believed",
    NibpTime.LAST_CHANGE: "counted from the last change, since the device does not tell it",
}
"""Without an entry: no cuff."""


def guide() -> str:
    """Return the page."""
    drivers = [registry.driver(name) for name in registry.names()]
    lines = [_PREFACE, *_table(drivers), ""]
    for kind, title in _TITLES.items():
        lines += [f"## {title}", ""]
        for driver in drivers:
            if driver.kind is kind:
                lines += [*_section(driver), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(drivers: Iterable[Driver]) -> Iterator[str]:
    yield "| `driver` | device | what it is | how sure |"
    yield "|---|---|---|---|"
    for driver in drivers:
        what = f"{driver.kind}{', **not for patients**' if driver.laboratory_only else ''}"
        yield f"| [`{driver.name}`](#{driver.name}) | {driver.title} | {what} | {_how_sure(driver)} |"


def _how_sure(driver: Driver) -> str:
    return "**experimental**" if driver.experimental else "proved"


def _section(driver: Driver) -> Iterator[str]:
    told = driver.description
    yield from (f"### {driver.name}", "", f"{driver.title}.", "")
    if driver.laboratory_only:
        yield "- **Not for patients:** its maker does not allow it on people, and clinical mode refuses it."
    yield f"- **How sure:** {_how_sure(driver)}. {told.proof}"
    yield f"- **Devices:** {told.devices}"
    yield f"- **Cable:** {told.cable}"
    yield f"- **Line:** {_line(driver.line)}; {'listened to only' if driver.listen_only else 'spoken to'}."
    yield from _bullets("Settings at the device", told.settings)
    yield f"- **Channel:** {driver.channel_help}."
    yield f"- **Values:** {', '.join(CANON[quantity].label for quantity in told.gives)}."
    yield f"- **Tells besides:** {told.tells}"
    yield f"- **Who it is:** {_IDENTITIES[driver.identity]}."
    yield f"- **Messages are guarded by:** {_INTEGRITIES[driver.integrity]}."
    yield f"- **A message that only repeats itself:** {_frozen(driver)}."
    if driver.nibp_time in _CUFF_TIMES:
        yield f"- **Age of the cuff pressure:** {_CUFF_TIMES[driver.nibp_time]}."
    yield from _bullets("Not told, or not known", told.unknown)


def _frozen(driver: Driver) -> str:
    if not driver.freshness:
        return "not noticed; it tells no time of its own, or none that is known to go on"
    return f"noticed (DATA_FROZEN) by its {driver.freshness}, which changes with every living message"


def _bullets(head: str, texts: Iterable[str]) -> Iterator[str]:
    yield f"- **{head}:**"
    yield from (f"  - {text}" for text in texts)


def _line(line: LineSettings) -> str:
    stop = f"{line.stop_bits} stop bit{'s' * (line.stop_bits > 1)}"
    return f"{line.baud} baud, {line.data_bits} data bits, {_PARITIES[line.parity]}, {stop}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check. Returns the exit status: 1 if the page is not in step."""
    parser = argparse.ArgumentParser(prog="python -m edge.device_guide", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if the page is not in step")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page is")
    options = parser.parse_args(arguments)
    text = guide()
    if not options.check:
        options.page.write_text(text, encoding="utf-8")
        return 0
    if options.page.exists() and options.page.read_text(encoding="utf-8") == text:
        return 0
    sys.stdout.write(f"{options.page}: not in step with the drivers; run: python -m edge.device_guide\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
