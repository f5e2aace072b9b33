"""`replay`: the same words each time, from recordings of conversations in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from drivers import registry
from drivers.model import (
    BolusGiven,
    ChannelRemoved,
    DeviceRestarted,
    Output,
    Rejected,
    Send,
    SessionOptions,
)
from edge.config import load
from edge.recording import Entry, Head, What, Writer
from edge.replay import EXIT_CONFIG, EXIT_DIFFERS, EXIT_OK, EXIT_UNUSABLE, replay
from edge.replay_bed import configured
from simulators.alaris_asena import AsenaPump
from simulators.model import SimulatedDevice
from simulators.pump import PumpModel
from tests.end_to_end.world import monitor, space
from tests.unit.config_files import EDGE, put

CUT = 16
DELAY_S = 0.002


def converse(
    driver: str,
    device: SimulatedDevice,
    seconds: float,
    acts: Sequence[tuple[float, Callable[[float], object]]] = (),
    asks_at_s: float | None = None,
) -> list[Entry]:
    """Let driver and device speak in virtual time, and write down what `record` would."""
    session = registry.driver(driver).session(SessionOptions("x", asks_at_s=asks_at_s))
    entries = [Entry(0.0, What.START)]
    waiting = list(acts)
    to_device: list[tuple[float, bytes]] = []
    to_driver: list[tuple[float, bytes]] = []

    def heard(data: bytes, now_s: float) -> None:
        pieces = [data[at : at + CUT] for at in range(0, len(data), CUT)]
        to_driver.extend((round(now_s + DELAY_S, 6), piece) for piece in pieces)

    def said(outputs: Sequence[Output], now_s: float) -> None:
        for output in outputs:
            if isinstance(output, Send):
                entries.append(Entry(now_s, What.SENT, output.data))
                to_device.append((round(now_s + DELAY_S, 6), output.data))

    heard(device.start(0.0), 0.0)
    said(session.start(0.0), 0.0)
    while True:
        due = [at for at in (session.deadline_s, device.deadline_s) if at is not None]
        due += [row[0] for row in (*to_device[:1], *to_driver[:1], *waiting[:1])]
        now_s = min(due)
        if now_s > seconds:
            return [*entries, Entry(seconds, What.END, reason="stopped")]
        if waiting and waiting[0][0] <= now_s:
            waiting.pop(0)[1](now_s)
        elif to_driver and to_driver[0][0] <= now_s:
            piece = to_driver.pop(0)[1]
            entries.append(Entry(now_s, What.HEARD, piece))
            said(session.feed(piece, now_s), now_s)
        elif to_device and to_device[0][0] <= now_s:
            heard(device.feed(to_device.pop(0)[1], now_s), now_s)
        elif session.deadline_s is not None and session.deadline_s <= now_s:
            entries.append(Entry(now_s, What.TICK))
            said(session.tick(now_s), now_s)
        else:
            heard(device.tick(now_s), now_s)


def put_recording(
    folder: Path,
    driver: str,
    entries: Sequence[Entry],
    *,
    synchronised: bool = True,
    asks_at_s: float | None = None,
) -> Path:
    path = folder / f"{driver}.jsonl"
    head = Head(
        "0.1.0",
        driver,
        "/dev/ttyUSB0",
        registry.driver(driver).line,
        1.0,
        "2026-01-31T10:00:00.000Z",
        synchronised=synchronised,
        asks_at_s=asks_at_s,
    )
    with path.open("wb") as file:
        writer = Writer(file, head)
        for entry in entries[:-1]:
            assert writer.add(entry)
        writer.end(entries[-1].at_s, entries[-1].reason)
    return path


def played(path: Path, config: Path | None = None, port: str = "") -> tuple[int, list[str]]:
    said: list[str] = []
    complaints: list[str] = []
    status = replay(path, config, port, say=said.append, complain=complaints.append)
    assert not (said and complaints)
    return status, [*complaints, *said]


def pump_at(rate_ml_per_h: str) -> tuple[PumpModel, list[Entry]]:
    pump, rack = space(rate_ml_per_h, 0.0)
    return pump, converse("bbraun-space", rack, 30.0)


def alarms(said: Sequence[str]) -> list[str]:
    return [line for line in said if line[14:19] == "ALARM"]


# --- what is printed --------------------------------------------------------------------------------------------------


def test_the_whole_story_of_a_short_recording(tmp_path: Path) -> None:
    entries = [
        Entry(0.0, What.START),
        Entry(1.0, What.HEARD, b"SPO2=097 HR=0"),
        Entry(1.2, What.HEARD, b"72\r\nSPO2=0x7 HR=072\r\n"),
        Entry(2.0, What.HEARD, b"SPO2=--- HR=---\r\n"),
        Entry(3.5, What.END, reason="stopped"),
    ]
    assert played(put_recording(tmp_path, "nonin-ascii", entries)) == (
        EXIT_OK,
        [
            f"nonin-ascii: {registry.driver('nonin-ascii').title}",
            "recorded at /dev/ttyUSB0 from 2026-01-31T10:00:00.000Z, by version 0.1.0",
            "heard at a made-up bed: no limits, no orders",
            "       1.200  device    0: Nonin, tells no serial number",
            "       1.200  sample    0: spo2 97 %; pulse_rate 72 /min",
            "       1.200  rejected  syntax 53 50 4f 32 3d 30 78 37 20 48 52 3d 30 37 32",
            "       2.000  sample    0: spo2 - [not_available]; pulse_rate - [not_available]",
            "       3.500  end       stopped",
            "2 samples, 1 rejected, 0 events of alarms",
        ],
    )


@pytest.mark.parametrize("driver", ["bbraun-space", "ivy-450c"])
def test_each_run_says_the_same(tmp_path: Path, driver: str) -> None:
    entries = converse("ivy-450c", monitor(), 20.0) if driver == "ivy-450c" else pump_at("7.00")[1]
    path = put_recording(tmp_path, driver, entries)
    first = played(path)
    assert first[0] == EXIT_OK
    assert sum(line[14:20] == "sample" for line in first[1]) >= 15
    assert played(path) == first
    assert played(path) == first


def test_it_says_what_the_driver_said_in_the_conversation(tmp_path: Path) -> None:
    """Samples, with their moments, are those of the driver that had the conversation."""
    _, rack = space("7.00", 0.0)
    entries = converse("bbraun-space", rack, 10.0)
    _, said = played(put_recording(tmp_path, "bbraun-space", entries))
    at = [float(line[:12]) for line in said if line[14:20] == "sample"]
    heard = [entry.at_s for entry in entries if entry.what is What.HEARD and entry.data.endswith(b"\x04")]
    assert {round(moment, 3) for moment in at} <= {round(moment, 3) for moment in heard}
    assert len(at) >= 8


def test_a_pump_without_an_order_at_the_made_up_bed(tmp_path: Path) -> None:
    _, said = played(put_recording(tmp_path, "bbraun-space", pump_at("7.00")[1]))
    (alarm,) = alarms(said)
    assert alarm.endswith(
        "start low replay ORDER_MISSING.recorded.11: Replay: recorded channel 11 is running KETAMINE without an order."
    )
    assert said[-1].endswith("0 rejected, 1 events of alarms")


def test_a_dose_beyond_the_limit_of_a_configuration_alarms_after_its_delay(tmp_path: Path) -> None:
    """18.20 mL/h of 10 mg/mL for 70 kg is 2.6 mg/kg/h: beyond 2.5, which is high after 10 s."""
    pump, rack = space("7.00", 0.0)
    entries = converse("bbraun-space", rack, 30.0, [(5.0, lambda now_s: pump.set_rate(now_s, Decimal("18.20")))])
    path = put_recording(tmp_path, "bbraun-space", entries)
    status, said = played(path, put(tmp_path), "bed-1-pump")
    assert status == EXIT_OK
    assert said[2] == f"heard as port bed-1-pump of bed-1, {tmp_path}/edge.toml"
    first_s = next(float(line[:12]) for line in said if "infusion_rate 18.20" in line)
    (alarm,) = alarms(said)
    assert "start high bed-1 DOSE_RATE_HIGH.bed-1-pump.11: " in alarm
    assert "2.60 mg/kg/h, above the hard limit 2.5 mg/kg/h" in alarm
    assert float(alarm[:12]) == pytest.approx(first_s + 10.0, abs=1.1)
    assert played(path, put(tmp_path), "bed-1-pump") == (status, said)


def test_a_monitor_of_a_configuration_meets_its_limits_and_misses_no_pump(tmp_path: Path) -> None:
    path = put_recording(tmp_path, "ivy-450c", converse("ivy-450c", monitor(), 60.0))
    status, said = played(path, put(tmp_path), "bed-1-monitor")
    assert (status, alarms(said)) == (EXIT_OK, [])


def test_a_device_that_falls_silent_is_an_alarm_while_it_infuses(tmp_path: Path) -> None:
    entries = [*pump_at("7.00")[1][:-1], Entry(34.0, What.END, reason="stopped")]
    _, said = played(put_recording(tmp_path, "bbraun-space", entries), put(tmp_path), "bed-1-pump")
    (alarm,) = alarms(said)
    assert "start high bed-1 PUMP_LINK_LOST.bed-1-pump.11: " in alarm
    last_s = max(float(line[:12]) for line in said if line[14:20] == "sample")
    assert float(alarm[:12]) == pytest.approx(last_s + 3.0, abs=1.1)


def test_a_line_that_garbles_is_told_to_the_core(tmp_path: Path) -> None:
    pump, _ = space("7.00", 0.0)
    entries = []
    for entry in converse("alaris-asena", AsenaPump(pump), 60.0):
        noise = [Entry(entry.at_s, What.HEARD, b"x")] if entry.data.endswith(b"\r") else []
        entries += [entry, *(noise if entry.what is What.HEARD else [])]
    status, said = played(put_recording(tmp_path, "alaris-asena", entries))
    assert status == EXIT_OK
    assert ["start medium LINE_ERRORS.recorded" in alarm for alarm in alarms(said)].count(True) == 1


def test_a_clock_that_was_not_synchronised_is_said(tmp_path: Path) -> None:
    entries = [Entry(0.0, What.START), Entry(1.0, What.END, reason="stopped")]
    _, said = played(put_recording(tmp_path, "ivy-450c", entries, synchronised=False))
    assert said[1].endswith("from 2026-01-31T10:00:00.000Z (the clock was not synchronised), by version 0.1.0")


def test_a_line_of_a_configuration_is_alone_at_its_beds(tmp_path: Path) -> None:
    configuration = load(put(tmp_path), tmp_path)
    pump, screen = configured(configuration, "bed-1-pump"), configured(configuration, "bed-1-monitor")
    (bed,) = pump.core.beds
    assert ([one.port for one in bed.pumps], bed.monitors, bed.vital_signs) == (["bed-1-pump"], (), ())
    assert ([one.port for one in pump.core.ports], pump.core.stations) == (["bed-1-pump"], ())
    assert [act.order.port for act in pump.orders] == ["bed-1-pump"]
    (bed,) = screen.core.beds
    assert (bed.pumps, [one.port for one in bed.monitors], screen.orders) == ((), ["bed-1-monitor"], ())
    assert bed.vital_signs == configuration.core.beds[0].vital_signs


# --- drivers that changed ---------------------------------------------------------------------------------------------


def test_a_driver_that_sends_something_else_now_is_said_to(tmp_path: Path) -> None:
    _, entries = pump_at("7.00")
    at = next(number for number, entry in enumerate(entries) if entry.what is What.SENT)
    entries[at] = replace(entries[at], data=b"\x01other")
    status, said = played(put_recording(tmp_path, "bbraun-space", entries))
    assert status == EXIT_DIFFERS
    (told,) = (line for line in said if line.startswith("DIFFERS before"))
    assert told.startswith("DIFFERS before line 4: sent then 016f74686572, now 01303030")
    assert said[-2] == "DIFFERS: at 1 places this driver sends something else than was recorded"


@pytest.mark.parametrize(("reason", "status"), [("stopped", EXIT_DIFFERS), ("the line was lost", EXIT_OK)])
def test_what_it_sends_last_counts_only_if_the_recording_could_hold_it(
    tmp_path: Path, reason: str, status: int
) -> None:
    entries = [Entry(0.0, What.START), Entry(0.0, What.END, reason=reason)]
    assert played(put_recording(tmp_path, "alaris-asena", entries))[0] == status


class Odd:
    """A session that says what is seldom said, and fails on a full stop."""

    round_s = 1.0
    deadline_s: float | None = None

    def __init__(self, options: SessionOptions) -> None:
        self.port = options.port

    def start(self, now_s: float) -> Sequence[Output]:
        return ()

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        if data == b".":
            raise IndexError("no such byte")
        return (
            BolusGiven(self.port, "0", now_s, 2, Decimal("1.5")),
            BolusGiven(self.port, "0", now_s, 1, None),
            DeviceRestarted(self.port, "0", now_s, "its counter fell"),
            ChannelRemoved(self.port, "0", now_s, "taken out"),
            Rejected("timeout"),
        )

    def tick(self, now_s: float) -> Sequence[Output]:
        return ()


def test_what_is_seldom_said_and_a_driver_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = replace(registry.driver("nonin-ascii"), session=Odd)
    entries = [
        Entry(0.0, What.START),
        Entry(1.0, What.HEARD, b"!"),
        Entry(2.0, What.HEARD, b"."),
        Entry(9.0, What.END, reason="stopped"),
    ]
    path = put_recording(tmp_path, "nonin-ascii", entries)
    monkeypatch.setattr(registry, "driver", lambda _: odd)
    status, said = played(path)
    assert status == EXIT_DIFFERS
    assert said[3:] == [
        "       1.000  bolus     0: 2, the last of 1.5 mL",
        "       1.000  bolus     0: 1",
        "       1.000  restarted 0: its counter fell",
        "       1.000  removed   0: taken out",
        "       1.000  rejected  timeout",
        "       2.000  end       the driver failed at line 4: IndexError: no such byte",
        "0 samples, 1 rejected, 0 events of alarms",
    ]


# --- what is refused --------------------------------------------------------------------------------------------------


def test_nothing_of_a_recording_that_was_cut_off_is_played(tmp_path: Path) -> None:
    path = put_recording(tmp_path, "bbraun-space", pump_at("7.00")[1])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    number = content[: len(content) // 2].count(b"\n") + 1
    status, said = played(path)
    assert status == EXIT_UNUSABLE
    assert said == [f"infusion-edge: {path}, line {number}: the line has no end: the recording was cut off"]


def test_a_driver_that_is_none(tmp_path: Path) -> None:
    path = put_recording(tmp_path, "ivy-450c", [Entry(0.0, What.START), Entry(1.0, What.END, reason="stopped")])
    path.write_text(path.read_text().replace("ivy-450c", "ivy-450d", 1))
    assert played(path) == (
        EXIT_UNUSABLE,
        [f'infusion-edge: {path}, line 1: "ivy-450d" is no driver: did you mean "ivy-450c"?'],
    )


@pytest.mark.parametrize("started", ['"yesterday"', "5", "null"])
def test_a_start_that_is_no_time(tmp_path: Path, started: str) -> None:
    path = put_recording(tmp_path, "ivy-450c", [Entry(0.0, What.START), Entry(1.0, What.END, reason="stopped")])
    path.write_text(path.read_text().replace('"2026-01-31T10:00:00.000Z"', started))
    status, said = played(path)
    assert (status, said[-1]) == (EXIT_UNUSABLE, f"infusion-edge: {path}, line 1: started is no time")


@pytest.mark.parametrize(
    ("with_config", "port", "said"),
    [
        (True, "bed-1-pumb", 'infusion-edge: {config}: "bed-1-pumb" is no port: did you mean "bed-1-pump"?'),
        (
            True,
            "bed-1-pump",
            "infusion-edge: {config}: bed-1-pump has the driver bbraun-space, and the recording is of ivy-450c",
        ),
        (True, "", "infusion-edge: give --config and --port together: the bed of which line is it?"),
        (False, "bed-1-pump", "infusion-edge: give --config and --port together: the bed of which line is it?"),
    ],
)
def test_a_line_of_the_configuration_that_does_not_fit(tmp_path: Path, with_config: bool, port: str, said: str) -> None:
    path = put_recording(tmp_path, "ivy-450c", [Entry(0.0, What.START), Entry(1.0, What.END, reason="stopped")])
    config = put(tmp_path)
    expected = said.format(config=config)
    assert played(path, config if with_config else None, port) == (EXIT_UNUSABLE, [expected])


def test_a_configuration_with_an_error_is_told_as_everywhere(tmp_path: Path) -> None:
    path = put_recording(tmp_path, "ivy-450c", [Entry(0.0, What.START), Entry(1.0, What.END, reason="stopped")])
    config = put(tmp_path, edge=EDGE.replace('driver = "ivy-450c"', 'driver = "ivy"'))
    status, said = played(path, config, "bed-1-monitor")
    assert status == EXIT_CONFIG
    assert '"ivy" is no driver' in said[0]
