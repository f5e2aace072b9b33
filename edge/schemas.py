"""The JSON Schemas of the messages: `python -m edge.schemas` writes them, `--check` says whether they are in step."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.messages import alarms, events, requests, requests_therapy, states, stations, therapy
from edge.messages.base import ROOT, Message
from edge.messages.requests import RequestMessage
from edge.messages.stations import ReceiptMessage

FOLDER = Path(__file__).parent.parent / "config" / "schema"
MODULES = (alarms, events, requests, requests_therapy, states, stations, therapy)
READ = (RequestMessage, ReceiptMessage)
"""What stations send: a field with a default may be left out."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """File name and text of the schema of every message, as it stands on the wire."""
    texts = {}
    for kind in (kind for module in MODULES for kind in vars(module).values()):
        if isinstance(kind, type) and issubclass(kind, Message) and "schema_" in kind.model_fields:
            name, _, version = str(kind.model_fields["schema_"].default).partition("/")
            schema = {"$schema": DIALECT, "$id": f"{ROOT}/{name}/{version}"}
            schema |= kind.model_json_schema(mode="validation" if issubclass(kind, READ) else "serialization")
            texts[f"{name}.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return texts


def out_of_step(folder: Path) -> list[str]:
    """Names of the files in ``folder`` that are missing, differ, or belong to no message."""
    wanted = schemas()
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def write(folder: Path) -> None:
    """Make ``folder`` hold exactly the schemas of today."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in out_of_step(folder):
        (folder / name).unlink(missing_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check. Returns the exit status: 1 if the files are not in step."""
    parser = argparse.ArgumentParser(prog="python -m edge.schemas", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file is not in step")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the schemas are")
    options = parser.parse_args(arguments)
    if not options.check:
        write(options.folder)
        return 0
    names = out_of_step(options.folder)
    for name in names:
        sys.stdout.write(f"{options.folder / name}: not in step with edge/messages; run: python -m edge.schemas\n")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
