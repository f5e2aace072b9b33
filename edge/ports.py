"""`ports`: the serial adapters of this computer, with serial numbers and lasting names, and the udev rule for a bed.

Two equal adapters may have the same serial number, or none: then only the socket of the computer tells them apart, and
the rule names that. Which pump answers is asked of the pump itself in any case (H-09).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drivers.line import stable_names
from edge.holder import holder_of

EXIT_OK = 0
EXIT_REFUSED = 1
ROLE = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
"""Of the names that it makes: as identifiers in edge.toml are."""

_SPECIAL = re.compile(r'["\\*?\[\]|\x00-\x1f\x7f]')
"""What a rule would not take as it stands."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One USB serial adapter. ``usb_path`` is the kernel's name of its USB interface, which tells the socket."""

    device: str
    title: str
    vendor: str
    product: str
    serial_number: str
    usb_path: str
    names: tuple[str, ...]


def adapters(sys_tty: Path = Path("/sys/class/tty"), dev: Path = Path("/dev")) -> tuple[Adapter, ...]:
    """Look for the USB serial adapters that are plugged in, in the order of their names."""
    found = []
    for entry in sorted(sys_tty.glob("tty*"), key=lambda path: (len(path.name), path.name)):
        interface = _upwards(entry, "bInterfaceNumber")
        device = _upwards(entry, "idVendor")
        if interface is None or device is None:
            continue
        node = dev / entry.name
        title = " ".join(word for word in (_read(device / "manufacturer"), _read(device / "product")) if word)
        found.append(
            Adapter(
                str(node),
                title,
                _read(device / "idVendor"),
                _read(device / "idProduct"),
                _read(device / "serial"),
                interface.name,
                stable_names(str(node), dev / "serial"),
            )
        )
    return tuple(found)


def report(found: Sequence[Adapter]) -> str:
    """Say each adapter with all that names it."""
    if not found:
        return (
            "There is no USB serial adapter.\n"
            "Check: is it plugged in (lsusb lists it)? Did the kernel take it (dmesg | tail)?"
        )
    lines = []
    for one in found:
        holder = holder_of(one.device)
        lines.append(f"{one.device}  {one.title or 'without a name'}")
        lines.append(f"    serial number  {one.serial_number or 'none: only its socket tells it from an equal one'}")
        lines += [f"    name           {name}" for name in one.names]
        if holder:
            lines.append(f"    in use         {holder}")
        if _is_double(one, found):
            lines.append("    CAREFUL        another has the same serial number: only the socket tells them apart")
    lines.append("\nThe udev rule for one: infusion-edge ports --device /dev/ttyUSB0 --name bed-1-pump")
    return "\n".join(lines)


def rule(found: Sequence[Adapter], device: str, name: str) -> tuple[int, str]:
    """Return the udev rule that gives an adapter the name ``/dev/infusion/NAME``, or why there is none."""
    if not ROLE.fullmatch(name):
        return EXIT_REFUSED, f"infusion-edge: {name} is no name: 1 to 32 lower-case letters, digits and hyphens"
    resolved = str(Path(device).resolve())
    one = next(
        (each for each in found if device == each.device or device in each.names or resolved == each.device), None
    )
    if one is None:
        known = ", ".join(each.device for each in found) or "none is plugged in"
        return EXIT_REFUSED, f"infusion-edge: {device} is no USB serial adapter here ({known})"
    tests = ['SUBSYSTEM=="tty"']
    by_number = one.serial_number and not _is_double(one, found) and not _SPECIAL.search(one.serial_number)
    # The parents of a tty that are tested together must be one device: number and interface are of different ones.
    if by_number:
        tests += [f'ATTRS{{idVendor}}=="{one.vendor}"', f'ATTRS{{idProduct}}=="{one.product}"']
        tests.append(f'ATTRS{{serial}}=="{one.serial_number}"')
        if (interface := one.usb_path.rpartition(".")[2]).isdecimal():
            tests.append(f'ENV{{ID_USB_INTERFACE_NUM}}=="{int(interface):02x}"')
        why = "by its serial number: it may be plugged into any socket"
    else:
        tests.append(f'KERNELS=="{one.usb_path}"')
        why = "by its socket: whatever adapter is plugged in there gets this name"
    acts = [f'SYMLINK+="infusion/{name}"', 'GROUP="dialout"', 'MODE="0660"', 'TAG+="systemd"']
    return EXIT_OK, "\n".join([f"# {one.title or one.device}, {why}", ", ".join([*tests, *acts])])


def hint(name: str) -> str:
    """Say where the rule belongs."""
    return (
        "# Append the rule as root: ... | sudo tee -a /etc/udev/rules.d/71-infusion-beds.rules\n"
        "# then: sudo udevadm control --reload && sudo udevadm trigger --subsystem-match=tty\n"
        f'# and in edge.toml: path = "/dev/infusion/{name}"'
    )


def _is_double(one: Adapter, found: Sequence[Adapter]) -> bool:
    def of(each: Adapter) -> tuple[str, str, str, str]:
        return each.vendor, each.product, each.serial_number, each.usb_path.rpartition(".")[2]

    return bool(one.serial_number) and sum(of(each) == of(one) for each in found) > 1


def _upwards(entry: Path, attribute: str) -> Path | None:
    """Return the nearest parent device that has an attribute."""
    device = (entry / "device").resolve()
    return next((path for path in (device, *device.parents) if (path / attribute).is_file()), None)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
