"""The alarm system as a whole, under whatever devices, people, disk, broker and power do, against a small oracle.

After every step the invariants hold (I1 to I7 of the alarm system, but for I6: a cumulative dose is not reckoned yet),
and what readers see agrees with what was said. At the end of a run the disk is well again and every acknowledgement of
a condition that persists runs out, in its time.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import Phase as HypothesisPhase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from drivers.model import AlarmSetChanged, DeviceAlarmKind, InfusionState, Observation, Quantity
from edge.core.config import CoreConfig, StationConfig
from edge.core.inputs import (
    Accept,
    Acknowledge,
    Act,
    AlarmTaken,
    AudioPause,
    Basis,
    Input,
    LinkCause,
    LinkChange,
    Named,
    OffMonitor,
    Reassert,
    Receipt,
    Request,
    Reset,
    Resume,
    Role,
)
from edge.core.model import Alarm, SignalPresence
from tests.core_world import BED, CONFIG, MONITOR, OTHER_BED, PUMP, STATION, monitor, named, order, place, pump, shows
from tests.model.life import Life
from tests.model.oracle import Book, Stream, bound_s
from tests.model.watch import Watch

DECK = replace(STATION, role=Role.PRESCRIBER)
SCREEN = StationConfig("wall", Role.NURSE, required=True)
HEART = st.sampled_from([80, 80, 119, 125, 136, 141, 150, None, "bad"])
SATURATION = st.sampled_from([98, 98, 91, 87, 79, None, "bad"])
PRESSURE = st.sampled_from(
    [(120, 75, 90, 70), (120, 75, 90, 70), (170, 90, 110, 70), (171, 90, 110, 70), (190, 99, 120, 75), None]
)
RATE = st.sampled_from(["7", "7", "15", "18.2", "30", None])
STATE = st.sampled_from([InfusionState.INFUSING, InfusionState.INFUSING, InfusionState.STOPPED])
FOR_S = st.sampled_from([1, 2, 5, 12, 25, 70])
LONG_S, SLOWLY_S = 60, 2.0
"""What lasts longer, for the delay of a soft dose, is said by slower devices, well within the 3 s of their links."""
PLACES = {"DOSE_RATE_HIGH": PUMP, "HR_HIGH": MONITOR, "SPO2_LOW": MONITOR, "BP_SYS_HIGH": MONITOR}


def streams(config: CoreConfig) -> dict[str, Stream]:
    """The oracle's own view of the limits: those of the configuration, and nothing of how they are judged."""
    found = {}
    for limit in (*config.vital_limits, config.drugs[0].dose_rate_high):
        soft, *hard = limit.bands
        found[limit.condition] = Stream(
            above=limit.side == "high",
            soft=soft.value,
            hard=tuple((band.value, band.delay_s) for band in hard),
            hysteresis=limit.hysteresis,
            valid_for_s=480.0 if limit.condition.startswith("BP") else 3.0,
            clear_s=limit.clear_delay_s,
        )
    return found


def moved(config: CoreConfig, by: int) -> CoreConfig:
    """The configuration with other limits of the heart rate."""
    limit = config.vital_limits[0]
    bands = tuple(replace(band, value=band.value + by) for band in limit.bands)
    return replace(config, vital_limits=(replace(limit, bands=bands), *config.vital_limits[1:]))


class AlarmSystem(RuleBasedStateMachine):
    """Devices speak each second or two when a rule lets them; nobody else moves the time."""

    def __init__(self) -> None:
        super().__init__()
        self.says: dict[str, Any] = {"hr": 80, "spo2": 98, "cuff": (120, 75, 90, 70), "rate": "7"}
        self.state = InfusionState.INFUSING
        self.page = True
        self.asked = 0
        self.last: Request | None = None

    @initialize(required=st.booleans())
    def begin(self, required: bool) -> None:
        config = replace(CONFIG, stations=(DECK, SCREEN) if required else (DECK,))
        self.watch = Watch(streams(config), Book(), dict(PLACES), required=required)
        self.life = Life(config)
        self.life.onlooker = partial(self.watch.look, self.life)
        self._start()
        self.life.connect()

    def _start(self) -> None:
        self.watch.started(self.life)
        self.life.step(place(self.life.now_s, order()))

    # --- devices ------------------------------------------------------------------------------------------------------

    @rule(
        for_s=FOR_S,
        says=st.fixed_dictionaries({"hr": HEART, "spo2": SATURATION, "cuff": PRESSURE, "rate": RATE}),
        state=STATE,
        apart=st.booleans(),
    )
    def devices_speak(self, for_s: int, says: dict[str, Any], state: InfusionState, apart: bool) -> None:
        self.says, self.state = dict(says), state
        self._speak(for_s, apart=apart)

    @rule(for_s=FOR_S)
    def devices_go_on(self, for_s: int) -> None:
        self._speak(for_s, apart=False)

    @rule(for_s=st.sampled_from([12, 25]), hr=st.sampled_from([125, 150]))
    def the_heart_races(self, for_s: int, hr: int) -> None:
        self.says |= {"hr": hr}
        self._speak(for_s, apart=False)

    def _speak(self, for_s: int, *, apart: bool) -> None:
        each_s = SLOWLY_S if for_s > LONG_S else 1.0
        for _ in range(int(for_s / each_s)):
            self.life.now_s += each_s
            self._show_page()
            said = [self._pump(self.life.now_s), self._monitor(self.life.now_s)]
            for together in ([one] for one in said) if apart else [said]:
                for one in together:
                    self.watch.hear(one)
                self.life.step(*together)

    @rule(numbers=st.lists(HEART, min_size=2, max_size=8), spo2=SATURATION)
    def a_stalled_edge_gets_samples_at_once(self, numbers: list[Any], spo2: Any) -> None:
        began_s = self.life.now_s
        self.life.now_s += len(numbers)
        said: list[Observation] = []
        for at, number in enumerate(numbers, 1):
            self.says |= {"hr": number, "spo2": spo2}
            said += [self._pump(began_s + at), self._monitor(began_s + at)]
        for one in said:
            self.watch.hear(one)
        self.life.step(*said)

    @rule(low=st.sampled_from([80, 125, 141]), rate=st.sampled_from(["7", "18.2"]))
    def merged_samples_come(self, low: int, rate: str) -> None:
        """Beats at 150 and boli at 30 mL/h were merged into what came last."""
        self.says |= {"hr": low, "rate": rate}
        self.state = InfusionState.INFUSING
        self.life.now_s += 1.0
        at_s = self.life.now_s
        pumped = replace(self._pump(at_s), count=3, extremes=((Quantity.INFUSION_RATE, Decimal(rate), Decimal(30)),))
        beaten = replace(self._monitor(at_s), count=3, extremes=((Quantity.HEART_RATE, Decimal(low), Decimal(150)),))
        for one in (pumped, beaten):
            self.watch.hear(one)
        self.life.step(pumped, beaten)

    @rule(for_s=st.sampled_from([1, 3, 6, 12, 30, 130]))
    def devices_are_silent(self, for_s: int) -> None:
        self.life.pass_time(for_s)

    @rule(
        port=st.sampled_from([PUMP[0], MONITOR[0]]),
        how=st.sampled_from([(False, LinkCause.LOST), (True, LinkCause.OPENED), (True, LinkCause.REOPENED)]),
    )
    def a_line_changes(self, port: str, how: tuple[bool, LinkCause]) -> None:
        self.life.step(LinkChange(port, self.life.now_s, *how, "why", 1.0))

    @rule(
        kinds=st.lists(
            st.sampled_from([DeviceAlarmKind.AIR_IN_LINE, DeviceAlarmKind.KVO_ACTIVE, DeviceAlarmKind.SENSOR_OFF]),
            max_size=2,
        ),
        where=st.sampled_from([PUMP, MONITOR]),
    )
    def a_device_shows_alarms(self, kinds: list[DeviceAlarmKind], where: tuple[str, str]) -> None:
        told: AlarmSetChanged = shows(self.life.now_s, *kinds, where=where)
        self.watch.hear_alarms(told)
        self.life.step(told)

    def _pump(self, at_s: float) -> Observation:
        return pump(at_s, self.says["rate"], self.state)

    def _monitor(self, at_s: float) -> Observation:
        return monitor(at_s, cuff=self.says["cuff"], heart_rate=self.says["hr"], spo2=self.says["spo2"])

    # --- people -------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.life.broker.cold())
    @rule(
        which=st.integers(0, 9),
        act=st.sampled_from([Acknowledge, Acknowledge, Accept, Reset]),
        button=st.booleans(),
        stale=st.sampled_from(["", "", "", "", "rev", "occurrence", "run", "old", "viewer"]),
    )
    def somebody_acts(self, which: int, act: Any, button: bool, stale: str) -> None:
        seen = sorted(self.life.broker.cold().values(), key=lambda alarm: (-alarm.priority, alarm.key))
        alarm = seen[which % len(seen)]
        meant = _outdated(named(alarm), stale)
        done: Act = act(meant, button) if act is Accept else act(meant)
        self._ask(done, stale, alarm)

    @rule(bed=st.sampled_from([BED, BED, OTHER_BED, ""]), for_s=st.sampled_from([10.0, 60.0, 1e6]), stale=st.booleans())
    def somebody_pauses(self, bed: str, for_s: float, stale: bool) -> None:
        self._ask(AudioPause(bed, for_s), "old" if stale and for_s > 60 else "")

    @rule(for_s=st.sampled_from([60.0, 1e6]))
    def the_patient_is_off_the_monitor(self, for_s: float) -> None:
        self._ask(OffMonitor(BED, for_s), "")

    @rule(bed=st.sampled_from([BED, BED, OTHER_BED, ""]))
    def somebody_resumes(self, bed: str) -> None:
        self._ask(Resume(bed), "")

    @rule()
    def somebody_wants_the_whole_truth(self) -> None:
        self._ask(Reassert(), "")

    @precondition(lambda self: self.last is not None)
    @rule()
    def somebody_asks_again(self) -> None:
        assert self.last is not None
        self.life.step(replace(self.last, received_at_s=self.life.now_s))

    def _ask(self, act: Act, stale: str, alarm: Alarm | None = None) -> None:
        self.asked += 1
        life = self.life
        basis = Basis("run-x" if stale == "run" else life.run, life.now_s - (31.0 if stale == "old" else 1.0))
        role = Role.VIEWER if stale == "viewer" else Role.PRESCRIBER
        request = Request(f"r-{self.asked}", DECK.station, life.now_s, act, basis, "ann", role)
        self.watch.asked(request, alarm, life.now_s, stale=bool(stale))
        self.last = request
        life.step(request)

    # --- screens, broker, disk, clocks, power -------------------------------------------------------------------------

    @rule(page=st.booleans())
    def a_page_opens_or_closes(self, page: bool) -> None:
        self.page = page
        self._show_page()

    def _show_page(self) -> None:
        if self.page and self.watch.required:
            life = self.life
            painted = tuple(
                (alarm.key.bed, alarm.key.name, alarm.occurrence, alarm.rev) for alarm in life.broker.cold().values()
            )
            beds = frozenset({BED, OTHER_BED})
            self.watch.page_at_s = life.now_s
            life.step(Receipt(SCREEN.station, life.now_s, life.run, audible=True, beds=beds, displayed=painted))

    @rule()
    def the_broker_has_everything(self) -> None:
        taken: list[Input] = [
            AlarmTaken(self.life.now_s, alarm.key, alarm.occurrence, alarm.rev)
            for alarm in self.life.broker.topics.values()
        ]
        self.life.step(*taken)

    @rule()
    def the_broker_is_lost_or_back(self) -> None:
        if self.life.connected:
            self.watch.book.resume("")
            self.life.disconnect()
        else:
            self.life.connect()

    @rule(mood=st.sampled_from(["ok", "ok", "slow", "failing"]))
    def the_disk_has_a_mood(self, mood: str) -> None:
        self.life.disk.mood = mood
        self.life.step()

    @rule(by_s=st.sampled_from([-3600.0, 1.0, 86_400.0]), synchronised=st.booleans())
    def the_wall_clock_leaps(self, by_s: float, synchronised: bool) -> None:
        self.life.wall_ahead_s += by_s
        self.life.synchronised = synchronised
        self.life.pass_time(1.0)

    @rule(
        down_s=st.sampled_from([0.5, 5.0, 100.0, 4000.0]),
        same_boot=st.booleans(),
        synchronised=st.booleans(),
        connects=st.booleans(),
    )
    def the_power_fails(self, down_s: float, same_boot: bool, synchronised: bool, connects: bool) -> None:
        self.life.restart(down_s, same_boot=same_boot, synchronised=synchronised)
        self.watch.restarted(self.life, same_boot=same_boot)
        self._start()
        if connects:
            self.life.connect()

    @rule(for_s=st.sampled_from([1, 12, 25]), spo2=st.sampled_from([91, 87, 79]), same_boot=st.booleans())
    def the_power_fails_before_an_onset_is_kept(self, for_s: int, spo2: int, same_boot: bool) -> None:
        """The noise went out at once; a slow card had not kept it yet."""
        mood, self.life.disk.mood = self.life.disk.mood, "slow"
        self.says |= {"spo2": spo2}
        self._speak(for_s, apart=False)
        self.the_power_fails(1.0, same_boot=same_boot, synchronised=True, connects=True)
        self.life.disk.mood = mood

    @rule(by=st.sampled_from([-10, 0, 10]), other_bed=st.booleans())
    def the_configuration_is_changed(self, by: int, other_bed: bool) -> None:
        config = moved(replace(CONFIG, stations=self.life.config.stations), by)
        if not other_bed:
            config = replace(config, beds=config.beds[:1])
        self.life.restart(2.0, same_boot=True, synchronised=self.life.synchronised, config=config)
        self.watch.restarted(self.life, same_boot=True, streams=streams(config))
        self._start()
        self.life.connect()

    # --- the end ------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "life"):
            return
        life = self.life
        life.disk.mood = "ok"
        if not life.connected:
            life.connect()
        self._ask(Resume(""), "")
        self.watch.agrees(life)
        self._acknowledgements_run_out()
        self.watch.agrees(life)
        self._nothing_is_silent_for_ever()

    def _acknowledgements_run_out(self) -> None:
        """Each acknowledged alarm sounds again in its time, and not before: the devices are silent meanwhile."""
        life = self.life
        of_beds = [alarm for alarm in life.broker.topics.values() if alarm.key.bed]
        held = [alarm for alarm in of_beds if alarm.signal is SignalPresence.ACKNOWLEDGED]
        asked_at_s = dict(self.watch.book.acknowledged)
        for alarm in sorted(held, key=_until_s):
            assert _until_s(alarm) <= asked_at_s[alarm.occurrence] + bound_s(alarm)
            if _until_s(alarm) - 1 > life.now_s:
                life.now_s = _until_s(alarm) - 1
                life.step()
                worse = alarm.occurrence not in self.watch.book.acknowledged
                assert worse or not life.broker.topics[alarm.key].audible
            life.pass_time(2.0)
            assert life.broker.topics[alarm.key].audible

    def _nothing_is_silent_for_ever(self) -> None:
        life = self.life
        standing = set(life.broker.topics)
        life.now_s += 901.0
        life.step()
        life.pass_time(2.0)
        silent = [alarm for alarm in life.broker.topics.values() if not alarm.audible]
        assert silent == []
        ended = {key for key in standing - set(life.broker.topics) if key.bed}
        assert ended == set(), "nothing of a bed ends because nobody speaks"


def _until_s(alarm: Alarm) -> float:
    assert alarm.acknowledgement is not None
    return alarm.acknowledgement.until_s


def _outdated(meant: Named, stale: str) -> Named:
    if stale == "rev":
        return replace(meant, rev=0)
    return replace(meant, occurrence="run-9-9") if stale == "occurrence" else meant


@pytest.mark.long
@pytest.mark.timeout(600)
def test_whatever_happens_the_alarm_system_keeps_its_laws() -> None:
    run_state_machine_as_test(
        AlarmSystem,
        settings=settings(
            max_examples=300,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # To explain a failure costs minutes here, and says less than its steps.
            phases=(HypothesisPhase.explicit, HypothesisPhase.reuse, HypothesisPhase.generate, HypothesisPhase.shrink),
        ),
    )
