"""The system's lgpio is found where the program has none of its own, and nothing else of the system's is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from gpiozero import Device

from edge import pins
from edge.config_annunciator import BuzzerKind, PinSettings
from edge.core.model import Priority
from edge.pins import PinError, Pins

SETTINGS = PinSettings({Priority.HIGH: 17}, None, BuzzerKind.ACTIVE, {}, None, False, (), frozenset())


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the system's libraries, for a program that has no lgpio and runs on no Raspberry Pi."""
    monkeypatch.setattr(pins, "SYSTEM", str(tmp_path))
    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    for name in ("lgpio", "_lgpio", "gpiozero.pins.lgpio"):
        monkeypatch.setitem(sys.modules, name, sys)
        del sys.modules[name]
    return tmp_path


def why_not() -> str:
    with pytest.raises(PinError) as failed:
        Pins(SETTINGS, lambda _bed, _down: None)
    return str(failed.value)


def test_it_is_used_with_its_own_part_and_asked_for_the_pins(system: Path) -> None:
    (system / "_lgpio.py").write_text("SAID = 'no chip here'\n", encoding="ascii")
    (system / "lgpio.py").write_text(
        "import _lgpio\ndef __getattr__(name):\n    raise OSError(_lgpio.SAID)\n", encoding="ascii"
    )
    assert why_not() == "OSError: no chip here"
    assert [Path(sys.modules[name].__file__ or "").parent for name in pins.OF_SYSTEM] == [system, system]
    assert str(system) not in sys.path


def test_it_is_used_also_where_the_package_has_that_of_another_python(
    system: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the package is on Raspberry Pi OS 13: lgpio.py of the wheel for Python 3.11, and no compiled part for 3.13.
    own = tmp_path_factory.mktemp("own")
    (own / "lgpio.py").write_text("import _lgpio\nraise OSError('the other one')\n", encoding="ascii")
    monkeypatch.syspath_prepend(own)
    assert pins.lacks() == "lgpio"
    assert why_not().startswith("lgpio is not installed: sudo apt-get install python3-lgpio")
    (system / "_lgpio.py").write_text("", encoding="ascii")
    assert pins.lacks() == "lgpio"
    assert why_not().startswith("lgpio is not installed")
    (system / "lgpio.py").write_text("def __getattr__(name):\n    raise OSError('no chip here')\n", encoding="ascii")
    assert pins.lacks() == ""
    assert why_not() == "OSError: no chip here"


def test_its_own_is_used_where_it_is_whole(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "SYSTEM", str(system / "other"))
    monkeypatch.syspath_prepend(system)
    (system / "_lgpio.py").write_text("", encoding="ascii")
    (system / "lgpio.py").write_text("def __getattr__(name):\n    raise OSError('no chip here')\n", encoding="ascii")
    assert pins.lacks() == ""
    assert why_not() == "OSError: no chip here"


def test_where_the_system_has_none_it_says_how_to_get_it(system: Path) -> None:
    (system / "other.py").write_text("", encoding="ascii")
    assert pins.lacks() == "lgpio"
    assert why_not().startswith("lgpio is not installed: sudo apt-get install python3-lgpio")


def test_one_that_cannot_be_loaded_is_told_and_tried_again(system: Path) -> None:
    for name in pins.OF_SYSTEM:
        (system / f"{name}.py").write_text("raise ImportError('another Python')\n", encoding="ascii")
    assert why_not() == why_not() == "ImportError: another Python"
