"""Scenarios played in virtual time: every one that is shipped, and what each act does to devices and ports."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from edge.messages.requests_therapy import ChannelRoleRequest, PatientRequest, StartPatientRequest
from edge.messages.verbs import REQUESTS
from simulators import scenario
from simulators.faults import earliest
from simulators.model import SimulatedDevice
from simulators.oximeter import SerialLine
from simulators.scenario import load, names
from simulators.scenario_desk import VERBS, request
from simulators.scenario_model import Event, Scenario
from simulators.scenario_reader import ScenarioError
from simulators.scenario_stage import Stage

START_S = 1000.0
ASK_INF = b"!INF|4961\r"
TURNS_MAX = 1_000_000
THERAPY = (StartPatientRequest, PatientRequest, ChannelRoleRequest)
BEDS = """
title = "t"
about = "a"
duration = "10 min"
[[bed]]
id = "bed"
[[bed.device]]
id = "pump"
kind = "asena"
rate = "6.00 mL/h"
[[bed.device]]
id = "monitor"
kind = "masimo"
"""


class VirtualSockets:
    """Ports in virtual time: ``said`` has what came out of each and when, in seconds since the start."""

    def __init__(self) -> None:
        self.now_s = START_S
        self.ports: dict[str, SimulatedDevice] = {}
        self.lines: dict[str, SerialLine] = {}
        self.said: list[tuple[float, str, bytes]] = []

    def plug(self, port: str, device: SimulatedDevice, line: SerialLine) -> None:
        assert port not in self.ports
        self.ports[port], self.lines[port] = device, line
        self.note(port, device.start(self.now_s))

    def unplug(self, port: str) -> None:
        del self.ports[port]

    def ask(self, port: str, data: bytes) -> str:
        return self.ports[port].feed(data, self.now_s).decode()

    def note(self, port: str, data: bytes) -> None:
        if data:
            self.said.append((round(self.now_s - START_S, 3), port, data))


class Play:
    """A scenario from ``START_S`` on."""

    def __init__(self, told: Scenario, speed: float = 1.0) -> None:
        self.sockets = VirtualSockets()
        self.lines: list[str] = []
        self.stage = Stage(told, self.sockets, self.lines.append, speed=speed, now_s=START_S)

    def until(self, seconds: float) -> Play:
        """Go on until so many seconds of the clock after the start."""
        sockets, end_s = self.sockets, START_S + seconds
        for _ in range(TURNS_MAX):
            due_s = earliest(self.stage.deadline_s, *(device.deadline_s for device in sockets.ports.values()))
            if due_s is None or due_s > end_s:
                sockets.now_s = end_s
                return self
            sockets.now_s = max(sockets.now_s, due_s)
            self.stage.tick(sockets.now_s)
            for port, device in list(sockets.ports.items()):
                if device.deadline_s is not None and device.deadline_s <= sockets.now_s:
                    sockets.note(port, device.tick(sockets.now_s))
        raise AssertionError("the scenario does not come to rest")

    def said(self, port: str, from_s: float = 0.0, until_s: float = math.inf) -> list[str]:
        return [data.decode() for at_s, its, data in self.sockets.said if its == port and from_s <= at_s < until_s]

    def pump(self, port: str = "pump") -> tuple[str, str]:
        """What the pump says of its mode and its rate."""
        fields = self.sockets.ask(port, ASK_INF).split("^")
        return fields[3], fields[4]


def play(events: str = "", speed: float = 1.0, beds: str = BEDS) -> Play:
    return Play(scenario.read("mine.toml", (beds + events).encode()), speed)


def event(at: str, do: str, more: str = "", target: str = 'device = "pump"') -> str:
    return f'\n[[event]]\nat = "{at}"\n{target}\ndo = "{do}"\n{more}\n'


def spo2(line: str) -> int | None:
    text = line.split("SPO2=")[1][:3]
    return None if text == "---" else int(text)


def spo2s(lines: list[str]) -> list[int]:
    return [value for value in map(spo2, lines) if value is not None]


@pytest.mark.parametrize("speed", [1.0, 60.0])
@pytest.mark.parametrize("name", names())
def test_every_scenario_that_is_shipped_plays_to_its_end(name: str, speed: float) -> None:
    told = load(name)
    one = Play(told, speed).until(told.duration_s / speed)
    assert one.stage.end_s == pytest.approx(START_S + told.duration_s / speed)
    begun = [event.words for event in told.events]
    over = [f"over: {event.words}" for event in told.events if event.until_s is not None]
    assert sorted(line.partition(": ")[2] for line in one.lines) == sorted(begun + over)
    monitors = {plan.id for bed in told.beds for plan in bed.monitors if plan.kind == "ivy"}
    assert {port for _, port, _ in one.sockets.said} >= monitors


def test_the_same_scenario_says_the_same_each_time() -> None:
    first, again = (Play(load("noisy-line")).until(300.0).sockets.said for _ in range(2))
    assert first == again
    assert len(first) > 200


def test_the_timeline_is_compressed_and_the_devices_are_not() -> None:
    told = event("60 s", "set-rate", 'rate = "9.00 mL/h"') + event("2 min", "stop")
    one = play(told, speed=10.0).until(5.9)
    assert one.pump() == ("SET", "6.00")
    assert one.until(6.0).pump() == ("SET", "9.00")
    assert one.until(12.0).pump() == ("HLD", "0.00")
    assert one.lines == [
        "         1 min  bed, pump: the rate is set to 9.00 mL/h",
        "         2 min  bed, pump: stop is pressed",
    ]
    assert len(one.said("monitor")) == 12  # a line a second
    assert one.stage.end_s == START_S + 60.0


def test_a_key_that_the_pump_does_not_take_is_told() -> None:
    one = play(event("1 s", "start") + event("2 s", "bolus", 'volume = "1 mL"')).until(3.0)
    assert [line.partition("pump: ")[2] for line in one.lines] == [
        "start is pressed (the pump does not take it)",
        "a bolus of 1 mL is given",
    ]
    assert one.pump() == ("SET", "200.00")


def test_what_a_person_does_at_the_pump_is_done() -> None:
    told = (
        event("10 s", "alarm", 'alarm = "air"')
        + event("20 s", "acknowledge")
        + event("30 s", "change-syringe", 'volume = "30 mL"')
    )
    one = play(told).until(11.0)
    assert one.pump() == ("HLD", "0.00")
    assert [line.endswith("take it)") for line in one.until(40.0).lines] == [False, False, False]


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_an_occluded_pump_says_that_it_infuses_until_it_alarms(speed: float) -> None:
    one = play(event("60 s", "occlude"), speed).until(350.0 / speed)
    assert one.pump() == ("SET", "6.00")
    assert one.until(370.0 / speed).pump() == ("HLD", "0.00")  # 0.5 mL at 6 mL/h are 5 min
    assert "AL_OCCLU" in one.sockets.ask("pump", b"!ALARM|50B2\r")


def test_the_drug_of_a_pump_reaches_the_patient_of_its_bed() -> None:
    high = BEDS.replace("6.00 mL/h", "60.00 mL/h")
    calm, dosed = (play(beds=beds, speed=20.0).until(30.0) for beds in (BEDS, high))
    rates = [[int(line.split("BPM=")[1][:3]) for line in one.said("monitor")] for one in (calm, dosed)]
    assert max(rates[1]) > max(rates[0]) + 10


def test_secretions_make_spo2_fall_until_they_are_suctioned() -> None:
    told = event("60 s", "secretions", 'severity = "100 %"', 'bed = "bed"') + event(
        "6 min", "suction", "", 'bed = "bed"'
    )
    one = play(told).until(600.0)
    before, worst, after = (spo2s(one.said("monitor", *when)) for when in ((0, 60), (300, 360), (570, 600)))
    assert min(before) > 94
    assert max(worst) < min(before) - 4
    assert min(after) > max(worst)


def test_a_vital_sign_drifts_to_a_value_and_on_to_another() -> None:
    told = "".join(
        event(at, "drift", f'vital = "spo2"\nto = "{to} %"\nover = "{over}"', 'bed = "bed"')
        for at, to, over in (("10 s", 80, "20 s"), ("60 s", 100, "0 s"))
    )
    one = play(told).until(90.0)
    values = spo2s(one.said("monitor"))
    assert all(78 <= value <= 82 for value in values[32:58])
    assert 82 < values[19] < 97
    assert all(98 <= value <= 100 for value in values[62:])


def test_a_fault_begins_and_ends_at_its_times() -> None:
    one = play(event("10 s", "mute", 'for = "20 s"', 'device = "monitor"'), speed=2.0).until(20.0)
    assert [at_s for at_s, port, _ in one.sockets.said if port == "monitor"] == [*range(1, 5), *range(15, 21)]
    assert one.lines == [
        "          10 s  bed, monitor: it says nothing more on an open line, for 20 s",
        "          30 s  bed, monitor: over: it says nothing more on an open line, for 20 s",
    ]


def test_an_unplugged_device_lives_on_and_is_not_started_anew_when_it_is_plugged_in() -> None:
    told = event("10.5 s", "unplug", 'for = "10 s"', 'device = "monitor"')
    one = play(told).until(11.0)
    assert sorted(one.sockets.ports) == ["pump"]
    lines = one.until(25.0).said("monitor")
    assert [line[9:17] for line in lines] == [f"00:00:{second:02}" for second in (*range(1, 11), *range(21, 26))]


def test_a_device_that_is_plugged_in_elsewhere_is_at_that_port_alone() -> None:
    told = event("10 s", "replug", 'to = "other"') + event("20 s", "unplug") + event("30 s", "replug", 'to = "pump"')
    one = play(told).until(10.0)
    assert sorted(one.sockets.ports) == ["monitor", "other"]
    assert one.pump("other") == ("SET", "6.00")
    assert sorted(one.until(20.0).sockets.ports) == ["monitor"]
    assert one.until(30.0).pump("pump") == ("SET", "6.00")


def test_swapped_devices_answer_at_each_others_ports_and_take_their_lines_along() -> None:
    one = play(event("10 s", "swap", 'with = "monitor"')).until(10.0)
    assert one.pump("monitor") == ("SET", "6.00")
    assert {port: line.baud for port, line in one.sockets.lines.items()} == {"monitor": 38_400, "pump": 9600}
    assert one.until(12.0).said("pump", 10.5)


def test_a_pump_that_was_switched_off_keeps_its_counter() -> None:
    one = play(event("10 s", "reboot", 'for = "5 s"') + event("20 s", "start")).until(12.0)
    assert one.sockets.ask("pump", ASK_INF) == ""
    assert one.until(19.0).pump() == ("HLD", "0.00")
    assert one.until(21.0).pump() == ("SET", "6.00")
    volume_ml = Decimal(one.sockets.ask("pump", ASK_INF).split("^")[7])
    assert volume_ml == Decimal("0.018")  # 11 s at 6 mL/h


ASK = """
[[event]]
at = "10 s"
bed = "bed"
do = "ask"
verb = "step"
with = { step = "1.5 mg/kg/h" }
"""


def test_what_somebody_asks_is_passed_on_with_what_the_screen_shows() -> None:
    asked: list[Event] = []
    told = scenario.read("t.toml", (BEDS + ASK).encode())
    stage = Stage(told, VirtualSockets(), lambda _: None, speed=1.0, now_s=START_S, ask=asked.append)
    stage.tick(START_S + 9)
    assert asked == []
    stage.tick(START_S + 10)
    (event,) = asked
    orders = [{"rev": 2, "port": "pump", "channel": "0"}]
    therapy = {"patient": {"case": "c-17"}, "orders": orders, "awaiting": [{"order": {"rev": 3, "port": "other"}}]}
    plain = {"request_id": "r-1", "run": "run-1", "edge_mono_s": 5.0, "user": "ann", "role": "nurse", "bed": "bed"}
    shown = plain | {"case": "c-17", "step": "1.5 mg/kg/h"}
    assert request(event, therapy, ("run-1", 5.0), "r-1") == shown | {"rev": 3}
    assert request(event, {}, ("run-1", 5.0), "r-1") == plain | {"rev": 0, "step": "1.5 mg/kg/h"}


def test_what_is_asked_of_one_channel_names_the_order_there() -> None:
    text = BEDS + ASK.replace("with = { ", 'with = { port = "pump", channel = "0", ')
    (event,) = scenario.read("t.toml", text.encode()).events
    therapy = {"orders": [{"rev": 2, "port": "pump", "channel": "0"}, {"rev": 7, "port": "other", "channel": "0"}]}
    assert request(event, therapy, ("run-1", 5.0), "r-1")["rev"] == 2
    assert event.words == "ann asks for step (port pump, channel 0, step 1.5 mg/kg/h)"


def test_every_verb_of_a_therapy_can_be_asked() -> None:
    assert set(VERBS) == {verb for verb, kind in REQUESTS.items() if issubclass(kind, THERAPY)}


@pytest.mark.parametrize("wrong", ["with = 3", "with = { at = 2026-01-01 }", 'with = { a = "' + "x" * 2000 + '" }'])
def test_what_no_request_holds_is_refused(wrong: str) -> None:
    text = BEDS + ASK.replace('with = { step = "1.5 mg/kg/h" }', wrong)
    with pytest.raises(ScenarioError, match="is no table of texts, numbers and flags"):
        scenario.read("t.toml", text.encode())


def test_a_pump_can_count_in_coarser_steps() -> None:
    told = scenario.read(
        "t.toml", BEDS.replace('rate = "6.00 mL/h"', 'rate = "600 mL/h"\ncounter-step = "1 mL"').encode()
    )
    sockets = VirtualSockets()
    Stage(told, sockets, lambda _: None, speed=1.0, now_s=START_S)
    sockets.now_s = START_S + 11
    assert Decimal(sockets.ask("pump", ASK_INF).split("^")[7]) == 1
