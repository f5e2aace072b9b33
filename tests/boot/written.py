"""The commands of docs/install.md and docs/operations.md: what the boot test runs as written, and what else runs."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("install.md", "operations.md")
BLOCK = re.compile(r"^([ ]*)```sh\n(.*?)^\1```", re.MULTILINE | re.DOTALL)

NAMES = "--site demo --edge pi-1 --station ward-desk --host broker.ward.example"
GOES_ON = "--keep ward/broker --authority ward/authority"
NAMED = "--device /dev/ttyUSB0 --name bed-1-pump"
RUN = (
    "infusion-edge ports",
    "sudo infusion-edge check-config",
    f"infusion-edge broker-files ward {NAMES}",
    f"infusion-edge broker-files renewed {NAMES} {GOES_ON}",
    "sudo infusion-edge bundle export pi-1.bundle",
    "sudo infusion-edge bundle export before.bundle",
    "sudo infusion-edge journal export --format jsonl",
    "sudo infusion-edge journal export --format csv",
    "sudo infusion-edge journal verify",
    "sudo infusion-edge explain",
    "infusion-edge test-alarm",
    "sudo infusion-edge take-config",
    "sudo infusion-edge take-config --with-patients",
    "sudo systemctl daemon-reload",
    "sudo systemctl restart infusion-edge",
)
"""As they are written, by root, in this order, while the service runs by the files as they are."""

ELSEWHERE = {
    "make deb": "tests/boot/campaign.py::_build",
    "sudo apt-get install ./dist/infusion-edge_0.1.0_arm64.deb": "tests/boot/steps.py::upgrade_refused_and_done",
    "sudo install -D -m 644 /usr/share/doc/infusion-edge/examples/network.conf "
    "/etc/systemd/system/infusion-edge.service.d/network.conf": "tests/boot/steps.py::network_opened",
    "sudo apt-get install ./dist/infusion-station_0.1.0_amd64.deb": "tests/boot/steps.py::station",
    "sudo cp /usr/share/doc/infusion-station/examples/station.toml /etc/infusion-station/station.toml": (
        "tests/boot/steps.py::station"
    ),
    'sudo infusion-station user add /etc/infusion-station/station.toml kari --name "Kari N." --role nurse': (
        "tests/station/test_cli.py::test_a_user_is_added_with_the_hash_of_the_pin"
    ),
    "sudo infusion-station check-config /etc/infusion-station/station.toml": (
        "tests/station/test_cli.py::test_the_shipped_configuration_is_shown"
    ),
    "sudo systemctl start infusion-station": "tests/boot/steps.py::station",
    "sudo systemctl start infusion-edge": "tests/boot/steps.py::stopped",
    "sudo infusion-edge doctor": "tests/boot/steps.py::doctor",
    f"infusion-edge ports {NAMED} | sudo tee -a /etc/udev/rules.d/71-infusion-beds.rules": (
        "tests/unit/test_ports.py::test_a_serial_number_names_the_adapter_and_its_interface"
    ),
    "sudo infusion-edge probe /dev/infusion/bed-1-pump": (
        "tests/end_to_end/test_tools.py::test_a_device_is_found_recorded_and_told_again_the_same_each_time"
    ),
    "sudo infusion-edge init": "tests/end_to_end/test_init.py::test_a_newcomer_answers_questions_at_a_terminal",
    "sudo infusion-edge map bed-1": (
        "tests/end_to_end/test_map.py::test_a_swapped_pump_is_bound_the_alarm_is_seen_and_the_sheet_is_journalled"
    ),
    "infusion-edge replay FILE --config edge.toml --port bed-1-monitor": (
        "tests/end_to_end/test_black_box.py::test_what_the_devices_said_before_a_high_alarm_is_played_again"
    ),
}
"""What needs a terminal, an adapter, or another state of the machine, and who runs it."""


NOT_OURS = {
    "sudo adduser $USER infusion-edge": "Debian's own; who installs is another in each",
    "sudo udevadm control --reload && sudo udevadm trigger": "udev's own; a container has none that runs",
}


def written() -> set[str]:
    """Return every line of the documents that is to be typed."""
    lines: set[str] = set()
    for name in DOCUMENTS:
        for _, block in BLOCK.findall((ROOT / "docs" / name).read_text(encoding="utf-8")):
            lines |= {line.partition(" # ")[0].strip() for line in dedent(block).splitlines()}
    return lines - {""}
