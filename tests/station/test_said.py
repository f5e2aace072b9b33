"""What edges say in English has a Norwegian form: each phrase that a page can show, and its values whole."""

import ast
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

import edge
import station
from tests.station.conftest import Ward
from tests.station.test_page_alarms import Open
from tests.station.test_page_bed import BED

CODE = Path(edge.__file__).parent
TABLE: dict[str, str] = json.loads(
    (Path(station.__file__).parent / "static/i18n/said.nb.json").read_text(encoding="utf-8")
)


def speaks(path: Path) -> bool:
    """Whether a module refuses acts or says what alarms are about."""
    text = path.read_text(encoding="utf-8")
    return "RefusedError(" in text or "Particulars(" in text


VALUES = "attention bed composed composed_vital dose dose_shown dose_units identity mismatch requests sources stations"
FILES = [
    *sorted(path for path in (CODE / "core").glob("*.py") if path.match("rules_*") or speaks(path)),
    *(CODE / f"core/{name}.py" for name in f"{VALUES} readiness strictest validate".split()),
    *(CODE / f"{name}.py" for name in ("asking", "asking_therapy", "history")),
    *(Path(station.__file__).parent / f"{name}.py" for name in ("app", "requests", "service")),
]
"""Where what a page can show is written."""

NOT_SHOWN = {
    "edge/core/strictest.py": "the hysteresis|^{} {} and",  # of check-config
    "edge/core/attention.py": "pause ended|its time is up|broker has it",  # of the journal
    "edge/history.py": "history of",  # of the log
    "edge/asking.py": "^message$",
    "station/app.py": "default-src|max-age|^GET |this name is not in|camera=",  # of the protocol
}
"""Prose that no page shows, a pattern a file."""

ELSEWHERE = {
    "drug library {}, {}",
    "standard limits, {}",
    "not approved",
    "{} Ended: no longer configured.",
    "measured with doubt",
}
"""Origins of limits, as the configuration makes them, and the end of what it no longer has."""
PLAIN = re.compile(r"[a-z]{2,}.* |[a-z]{2,}.*\{\}.* |\{\} [a-z]{2,}| [a-z]{3,}")
ARITHMETIC = re.compile(r"^[{}*/=\d\s-]*((mL|mg|kg|/h|h)[{}*/=\d\s-]*)*$")


def prose(path: Path) -> set[str]:
    """The texts for people in a module, with ``{}`` for what is put into them; no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside: set[ast.AST] = set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(node.value)
        if isinstance(node, ast.JoinedStr):
            inside |= {part for part in ast.walk(node) if isinstance(part, ast.Constant)}
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            inside |= set(ast.walk(node.format_spec))
    for node in ast.walk(tree):
        if node in inside or not isinstance(node, ast.JoinedStr | ast.Constant):
            continue
        text = _template(node)
        if PLAIN.search(text) and not ARITHMETIC.match(text):
            found.add(text)
    return found


def _template(node: ast.JoinedStr | ast.Constant) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def shown(path: Path) -> set[str]:
    never = NOT_SHOWN.get(str(path.relative_to(CODE.parent)), r"(?!)")
    return {text for text in prose(path) if not re.search(never, text)}


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_no_text_of_the_edge_is_without_a_norwegian_form(path: Path) -> None:
    missing = sorted(shown(path) - TABLE.keys())
    assert missing == [], "put them into station/static/i18n/said.nb.json, or into NOT_SHOWN if no page shows them"


def test_the_table_has_no_phrase_that_is_said_no_more() -> None:
    written = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    every = set().union(*map(prose, FILES))
    words = {text for text in TABLE if text not in every and text not in ELSEWHERE and " " in text}
    assert sorted(text for text in words if text not in written) == []


def test_a_phrase_keeps_its_values_and_is_not_english() -> None:
    assert [told for told, words in TABLE.items() if told.count("{}") != words.count("{}")] == []
    same = {told for told, words in TABLE.items() if told == words and re.search("[a-z]{4}", told)}
    assert same == {"hard", "send application/json"}


SAY = """async (texts) => {
    const { told } = await import("/static/words.js");
    return texts.map(told);
}"""
WHOLE = [
    ("the pump runs, or cannot be heard: stop it first", "pumpen går, eller kan ikke høres: stopp den først"),
    (
        "Bed 2 has the case k-1, not k-2: look which bed is meant",
        "Bed 2 har saken k-1, ikke k-2: se etter hvilken seng som menes",
    ),
    ("a nurse may not: it takes a prescriber", "en sykepleier kan ikke: det krever en lege"),
    (
        "72 kg against 60.5 kg the last time: weigh again; if it is right, say so (sure)",
        "72 kg mot 60,5 kg sist: vei på nytt; hvis det stemmer, si det",
    ),
    (
        "HR_HIGH soft 150 /min: the site allows 90 to 140 /min",
        "HR_HIGH myk 150 /min: avdelingen tillater 90 til 140 /min",
    ),
    (
        "Bed 2: no data from the pump at rack channel 11, last seen infusing (it is silent).",
        "Bed 2: ingen data fra pumpen på rack kanal 11, sist sett infusjon (den er taus).",
    ),
    (
        "Bed 2: Ketamine runs at 10 mg/kg/h, ordered is 1.0 mg/kg/h (ten times: the decimal point?).",
        "Bed 2: Ketamine går med 10 mg/kg/t, forordnet er 1,0 mg/kg/t (ti ganger: desimalkommaet?).",
    ),
    (
        "Bed 1: heart rate 124 /min, above the soft limit 120 /min.",
        "Bed 1: puls 124 /min, over myk grense 120 /min.",
    ),
    (
        "the dose rate 2.2 mg/kg/h is above the library's soft limit 2.0 mg/kg/h: it cannot be ordered",
        "dosehastighet 2,2 mg/kg/t er over bibliotekets myk grense 2,0 mg/kg/t: det kan ikke forordnes",
    ),
    (
        "No alarm of Bed 1, Bed 2 reaches a screen: the broker cannot be reached (not yet connected).",
        "Ingen alarm fra Bed 1, Bed 2 når en skjerm: megleren kan ikke nås (ikke tilkoblet ennå).",
    ),
    (
        "drug library examples 1, ketamine, not approved; first 10 min of infusing",
        "legemiddelbibliotek examples 1, ketamine, ikke godkjent; de første 10 min av infusjonen",
    ),
    ("Occlusion alarm 17 of the vendor", "Occlusion alarm 17 of the vendor"),
    ("nobody said (this) of [it] {yet} * $& $1", "nobody said (this) of [it] {yet} * $& $1"),
]


def test_what_is_said_comes_out_in_norwegian_with_its_values(open_page: Open, ward: Ward) -> None:
    page = open_page()
    page.get_by_role("button", name="Norsk").click()
    expect(page.locator(".caution")).to_contain_text("Ikke et medisinsk utstyr")
    assert page.evaluate(SAY, [text for text, _ in WHOLE]) == [text for _, text in WHOLE]
    # Each phrase of the table is found, with values in it that stand nowhere else, and is not taken for another.
    filled = {told.replace("{}", "7"): words.replace("{}", "7") for told, words in TABLE.items()}
    said = page.evaluate(SAY.replace("told", "said"), list(filled))
    assert {text: found for text, found in zip(filled, said, strict=True) if found != filled[text]} == {}


def test_a_technical_alarm_and_a_refusal_are_read_in_norwegian(open_page: Open, ward: Ward) -> None:
    page = open_page(BED)
    page.get_by_role("button", name="Norsk").click()
    ward.scene.refuse = "it made noise again since: look again"
    ward.do(
        lambda scene: scene.alarm(
            "bed-2", "PUMP_LINK_LOST.bed-2-pump.11", kind="technical",
            text="Bed 2: no data from the pump at bed-2-pump channel 11 (it is silent).",
        )
    )  # fmt: skip
    card = page.locator(".list .alarm")
    expect(card.locator(".line")).to_have_text("Ingen data fra pumpen på bed-2-pump kanal 11 (den er taus).")
    expect(card.locator(".words")).to_have_count(0)
    card.get_by_role("button", name="Jeg tar den").click()
    expect(page.locator(".list .outcome")).to_have_text("Avvist: den har varslet igjen siden: se en gang til")


def test_what_has_no_norwegian_form_stands_beside_its_title_as_it_was_said(open_page: Open, ward: Ward) -> None:
    page = open_page()
    page.get_by_role("button", name="Norsk").click()
    text = "Bed 2: something that no table has."
    ward.do(lambda scene: scene.alarm("bed-2", "DEVICE_UNKNOWN.bed-2-pump.11", text=text))
    card = page.locator(".list .alarm")
    expect(card.locator(".words")).to_have_text(text)
    expect(card.locator(".words")).to_have_attribute("lang", "en")
