"""The adapters of a made-up /sys, and the rules for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.ports import Adapter, adapters, report, rule


class Computer:
    """A /sys and a /dev with USB adapters, as the kernel and udev make them."""

    def __init__(self, folder: Path) -> None:
        self.sys, self.dev = folder / "sys", folder / "dev"
        (self.sys / "class/tty").mkdir(parents=True)
        for kind in ("by-id", "by-path"):
            (self.dev / "serial" / kind).mkdir(parents=True)

    def plug(self, tty: str, socket: str, serial: str, interface: str = "00", product: str = "FT232R") -> None:
        device = self.sys / "devices/usb1" / socket
        parent = device / f"{socket}:1.{int(interface)}"
        port = parent / tty
        port.mkdir(parents=True)
        told = {"idVendor": "0403", "idProduct": "6001", "manufacturer": "FTDI", "product": product, "serial": serial}
        for name, text in told.items():
            if text:
                (device / name).write_text(f"{text}\n", encoding="utf-8")
        (parent / "bInterfaceNumber").write_text(f"{interface}\n", encoding="ascii")
        entry = self.sys / "class/tty" / tty
        entry.mkdir()
        (entry / "device").symlink_to(port)
        (self.dev / tty).touch()
        (self.dev / "serial/by-path" / f"usb-{socket}-{interface}").symlink_to(self.dev / tty)
        if serial:
            link = self.dev / "serial/by-id" / f"usb-{serial}-{interface}"
            link.unlink(missing_ok=True)
            link.symlink_to(self.dev / tty)

    def look(self) -> tuple[Adapter, ...]:
        return adapters(self.sys / "class/tty", self.dev)


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    return Computer(tmp_path)


def test_adapters_are_listed_with_number_and_names_and_other_ttys_are_not(computer: Computer) -> None:
    computer.plug("ttyUSB10", "1-1.4", "")
    computer.plug("ttyUSB2", "1-1.2", "A1B2")
    (computer.sys / "class/tty/ttyS0").mkdir()
    found = computer.look()
    assert [(Path(one.device).name, one.serial_number, one.usb_path) for one in found] == [
        ("ttyUSB2", "A1B2", "1-1.2:1.0"),
        ("ttyUSB10", "", "1-1.4:1.0"),
    ]
    said = report(found).splitlines()
    assert said[0] == f"{computer.dev}/ttyUSB2  FTDI FT232R"
    assert "    serial number  A1B2" in said
    assert f"    name           {computer.dev}/serial/by-id/usb-A1B2-00" in said
    assert f"    name           {computer.dev}/serial/by-path/usb-1-1.4-00" in said
    assert "    serial number  none: only its socket tells it from an equal one" in said


def test_without_an_adapter_it_says_what_to_check(computer: Computer) -> None:
    assert report(computer.look()).startswith("There is no USB serial adapter.\nCheck: ")


def test_a_serial_number_names_the_adapter_and_its_interface(computer: Computer) -> None:
    computer.plug("ttyUSB0", "1-1.2", "A1B2", "01")
    status, text = rule(computer.look(), str(computer.dev / "ttyUSB0"), "bed-1-pump")
    assert status == 0
    assert text.splitlines()[1] == (
        'SUBSYSTEM=="tty", ATTRS{idVendor}=="0403", ATTRS{idProduct}=="6001", ATTRS{serial}=="A1B2", '
        'ENV{ID_USB_INTERFACE_NUM}=="01", SYMLINK+="infusion/bed-1-pump", GROUP="dialout", MODE="0660", TAG+="systemd"'
    )


@pytest.mark.parametrize("serial", ["", "SAME", 'a"b', "a*"])
def test_what_no_number_tells_apart_is_named_by_its_socket(computer: Computer, serial: str) -> None:
    computer.plug("ttyUSB0", "1-1.2", serial)
    computer.plug("ttyUSB1", "1-1.3", "SAME")
    by_path = str(computer.dev / "serial/by-path/usb-1-1.2-00")
    status, text = rule(computer.look(), by_path, "bed-1-pump")
    assert status == 0
    assert text.splitlines()[1].startswith('SUBSYSTEM=="tty", KERNELS=="1-1.2:1.0", SYMLINK+="infusion/bed-1-pump"')
    assert ("CAREFUL" in report(computer.look())) == (serial == "SAME")


def test_what_is_not_there_and_what_is_no_name_are_refused(computer: Computer) -> None:
    computer.plug("ttyUSB0", "1-1.2", "A1B2")
    status, text = rule(computer.look(), "/dev/ttyUSB7", "bed-1-pump")
    assert (status, text) == (
        1,
        f"infusion-edge: /dev/ttyUSB7 is no USB serial adapter here ({computer.dev}/ttyUSB0)",
    )
    assert rule(computer.look(), str(computer.dev / "ttyUSB0"), 'x"y')[0] == 1
