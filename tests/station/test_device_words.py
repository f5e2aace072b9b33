"""What devices say: each alarm of the drivers has a Norwegian form, and what is not known stands in quotes."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

import drivers
import station
from tests.station.conftest import Ward
from tests.station.test_page_alarms import Open

TABLE: dict[str, str] = json.loads(
    (Path(station.__file__).parent / "static/i18n/device.nb.json").read_text(encoding="utf-8")
)
VALUES = {
    "alarm", "error", "patient", "technical", "service mode", "standby", "configuration mode", "the device says {}",
    "the monitor has a {} alarm that it does not list", "the monitor's alarms are switched off or paused",
}  # fmt: skip
"""What stands in a hole of another text, or is made where no table has it."""

SAME = {"alarm"}


def _template(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_kind(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in ("Kind", "DeviceAlarmKind")


def alarms_of(path: Path) -> set[str]:
    """The texts that stand beside a kind of alarm in a driver, and the words of the device that have a kind."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Tuple) and any(map(_is_kind, node.elts)):
            found |= {text for text in map(_template, node.elts) if any(map(str.islower, text.replace("{}", "")))}
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "DeviceAlarm":
            found |= {text for text in map(_template, node.args[2:3]) if text.replace("{}", "").strip(" :")}
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "fromkeys" and _is_kind(node.args[-1]):
            found |= {_template(one) for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)}
    return found - {""}


def test_no_alarm_of_a_device_is_without_a_norwegian_form() -> None:
    said = set().union(*map(alarms_of, Path(drivers.__file__).parent.glob("*.py")))
    assert len(said) > 100
    assert sorted(said - TABLE.keys()) == [], "put them into station/static/i18n/device.nb.json"
    # What a monitor writes in capitals is held in sets of the drivers, and only partly beside a kind.
    assert sorted(one for one in TABLE.keys() - said - VALUES if not one.isupper()) == []
    assert [told for told, words in TABLE.items() if told.count("{}") != words.count("{}")] == []
    assert {told for told, words in TABLE.items() if told == words} - {"unknown alarm {} bit {}"} == SAME


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_what_a_device_says_is_norwegian_where_it_is_known_and_in_quotes_where_it_is_not(
    open_page: Open, ward: Ward, *, known: bool
) -> None:
    page = open_page()
    page.get_by_role("button", name="Norsk").click()
    ward.do(
        lambda scene: scene.alarm(
            "bed-2", "DEVICE_UNKNOWN.bed-2-pump.11", kind="technical",
            text="Bed 2: the pump in 11 reports: "
            + ("pressure high (INA3), unknown code 7F (7F)." if known else "**RR 4<8 (latched) (0402.0E1B)."),
        )
    )  # fmt: skip
    card = page.locator(".list .alarm")
    expect(card.locator(".line")).to_have_text(
        "Pumpen i 11 melder: høyt trykk (INA3), ukjent kode 7F (7F)."
        if known
        else "Pumpen i 11 melder: apparatet sier «**RR 4<8 (latched)» (0402.0E1B)."
    )
    expect(card.locator(".words")).to_have_count(0)
