"""Another configuration in the core: taken whole or not at all, and nobody who is watched loses anything by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from drivers.model import DeviceKind, InfusionState, NibpTime, Quantity
from edge.core.config import BedConfig, Binding, CoreConfig, IdentityPolicy, PortConfig
from edge.core.effects import Keep
from edge.core.identity import IdentityState
from edge.core.model import AlarmKey
from edge.core.reconfigure import Change
from edge.core.therapy_state import KeptTherapy
from tests.core_world import (
    BED,
    CONFIG,
    HR_LIMIT,
    MONITOR,
    OTHER_BED,
    OTHER_MONITOR,
    OTHER_PUMP,
    START_S,
    World,
    instant,
    is_called,
    monitor,
    order,
    place,
    pump,
    with_bed,
)

ONE_BED = replace(CONFIG, beds=CONFIG.beds[:1], ports=CONFIG.ports[:2])
THIRD = BedConfig("bed-3", "Bed 3", (), (Binding("mon-3", "0"),), (Quantity.HEART_RATE,), 300.0)
THREE_BEDS = replace(
    CONFIG,
    beds=(*CONFIG.beds, THIRD),
    ports=(*CONFIG.ports, PortConfig("mon-3", "ivy-450c", DeviceKind.MONITOR, NibpTime.LAST_CHANGE, 1.0)),
)
LAXER = Change("HR_HIGH soft 120 -> 130", laxer=True)


def reload(world: World, config: CoreConfig, *changes: Change) -> Sequence[str]:
    refused = world.core.reconfigure(config, changes, instant(world.now_s))
    world.step(world.now_s)
    return refused


def begun(config: CoreConfig = CONFIG) -> World:
    world = World(config)
    world.step(START_S)
    return world


def test_a_bed_that_is_added_is_in_the_roster_has_an_index_and_is_watched() -> None:
    world = begun()
    assert reload(world, THREE_BEDS) == ()
    assert [bed for bed, *_ in world.rosters[-1][1].beds] == [BED, OTHER_BED, "bed-3"]
    assert world.indexes["bed-3"] == ()
    assert world.therapies[-1].bed == "bed-3"
    world.run(START_S + 30, lambda at_s: [monitor(at_s, heart_rate=150, where=("mon-3", "0"))])
    assert world.alarm("HR_HIGH", "bed-3") is not None


def test_a_bed_that_is_removed_is_gone_and_nothing_is_said_of_it_again() -> None:
    world = begun()
    assert reload(world, ONE_BED) == ()
    assert [bed for bed, *_ in world.rosters[-1][1].beds] == [BED]
    assert [device.port for device in world.rosters[-1][1].devices] == ["rack", "mon-1"]
    seen = len(world.snapshots)
    world.run(START_S + 10)
    assert {snapshot.bed for snapshot in world.snapshots[seen:]} == {BED}


def test_a_bed_with_a_patient_is_not_removed_and_nothing_is_changed() -> None:
    world = begun()
    world.step(START_S, place(START_S, order(OTHER_PUMP), OTHER_BED), pump(START_S, where=OTHER_PUMP))
    refused = reload(world, ONE_BED)
    assert refused == ("Bed 2 cannot be removed while a patient is there",)
    world.run(START_S + 5)
    assert {snapshot.bed for snapshot in world.snapshots[-2:]} == {BED, OTHER_BED}


def test_a_bed_where_drug_flows_without_an_order_is_not_removed() -> None:
    world = begun()
    world.step(START_S, pump(START_S, where=OTHER_PUMP))
    (refused,) = reload(world, ONE_BED)
    assert refused.startswith("Bed 2 cannot be removed while drug flows there")


def test_a_bed_with_a_present_alarm_is_not_removed() -> None:
    world = begun()
    world.run(START_S + 30, lambda at_s: [monitor(at_s, heart_rate=150, where=OTHER_MONITOR)])
    assert reload(world, ONE_BED) == ("Bed 2 cannot be removed while an alarm stands there (HR_HIGH)",)


def test_an_alarm_that_ends_and_is_not_yet_kept_holds_its_bed_too() -> None:
    world = begun()
    world.run(START_S + 30, lambda at_s: [monitor(at_s, where=OTHER_MONITOR, heart_rate=150)])
    world.acknowledge("HR_HIGH")
    world.keeps = False
    world.run(START_S + 60, lambda at_s: [monitor(at_s, where=OTHER_MONITOR)])
    assert world.alarm("HR_HIGH") is not None
    assert reload(world, ONE_BED) == ("Bed 2 cannot be removed while an alarm stands there (HR_HIGH)",)


def test_an_alarm_that_stands_stays_itself_and_the_events_have_no_gap() -> None:
    world = begun()
    world.run(START_S + 30, lambda at_s: [monitor(at_s, heart_rate=150)])
    before = world.alarm("HR_HIGH")
    assert before is not None
    assert reload(world, THREE_BEDS) == ()
    world.run(START_S + 40, lambda at_s: [monitor(at_s, heart_rate=150)])
    after = world.alarm("HR_HIGH")
    assert after is not None
    assert (after.occurrence, after.onset) == (before.occurrence, before.onset)
    assert [event.event_seq for event in world.events] == list(range(1, len(world.events) + 1))
    assert world.told("HR_HIGH", levels=False) == [(11.0, "start", "hard")]


def test_a_delay_that_runs_goes_on_and_a_stricter_limit_counts_at_once() -> None:
    stricter = replace(HR_LIMIT, bands=(replace(HR_LIMIT.bands[0], value=Decimal(100)), HR_LIMIT.bands[1]))
    world = begun()
    world.step(START_S, place(START_S, order()), pump(START_S))
    world.run(START_S + 15, lambda at_s: [pump(at_s), monitor(at_s, heart_rate=125)])
    changed = replace(CONFIG, vital_limits=(stricter, *CONFIG.vital_limits[1:]))
    assert reload(world, changed, Change("HR_HIGH soft 120 -> 100")) == ()
    world.run(START_S + 25, lambda at_s: [pump(at_s), monitor(at_s, heart_rate=125)])
    assert world.told("HR_HIGH", levels=False) == [(21.0, "start", "soft")]
    limits = {(row.condition, row.band): row.value for row in world.therapies[-2].limits + world.therapies[-1].limits}
    assert limits["HR_HIGH", "soft"] == 100


def test_a_laxer_limit_is_refused_while_a_patient_is_there_and_taken_when_nobody_is() -> None:
    looser = replace(HR_LIMIT, bands=(replace(HR_LIMIT.bands[0], value=Decimal(130)), HR_LIMIT.bands[1]))
    config = replace(CONFIG, vital_limits=(looser, *CONFIG.vital_limits[1:]))
    world = begun()
    world.step(START_S, place(START_S, order()), pump(START_S))
    assert reload(world, config, LAXER) == ("HR_HIGH soft 120 -> 130: not while a patient is there at Bed 1",)
    world.run(START_S + 25, lambda at_s: [pump(at_s), monitor(at_s, heart_rate=125)])
    assert world.alarm("HR_HIGH") is not None
    empty = begun()
    assert reload(empty, config, LAXER) == ()
    empty.run(START_S + 25, lambda at_s: [monitor(at_s, heart_rate=125)])
    assert empty.alarm("HR_HIGH") is None


def test_what_concerns_another_bed_or_another_drug_is_taken() -> None:
    world = begun()
    world.step(START_S, place(START_S, order()), pump(START_S))
    other_bed = replace(LAXER, beds=frozenset({OTHER_BED}))
    other_drug = replace(LAXER, drug="morphine")
    assert reload(world, CONFIG, other_bed, other_drug) == ()
    (refused,) = reload(world, CONFIG, replace(LAXER, drug="ketamine"))
    assert refused.endswith("not while a patient is there at Bed 1")


def test_bands_that_are_gone_leave_an_alarm_that_stands_for_them() -> None:
    softer = replace(HR_LIMIT, bands=HR_LIMIT.bands[:1])
    world = begun()
    world.run(START_S + 30, lambda at_s: [monitor(at_s, heart_rate=150, where=OTHER_MONITOR)])
    before = world.alarm("HR_HIGH")
    config = replace(CONFIG, vital_limits=(softer, *CONFIG.vital_limits[1:]))
    assert before is not None
    assert reload(world, config, Change("HR_HIGH hard is gone")) == ()
    world.run(START_S + 60, lambda at_s: [monitor(at_s, heart_rate=150, where=OTHER_MONITOR)])
    after = world.alarm("HR_HIGH")
    assert after is not None
    assert after.occurrence == before.occurrence


def test_a_device_that_is_named_anew_must_say_who_it_is() -> None:
    world = begun()
    world.step(START_S, is_called(START_S, "A-1", OTHER_PUMP), pump(START_S, "0", InfusionState.STOPPED, OTHER_PUMP))
    named = replace(CONFIG.beds[1], pumps=(Binding(*OTHER_PUMP, "B-2", IdentityPolicy.PINNED),))
    assert reload(world, replace(CONFIG, beds=(CONFIG.beds[0], named)), Change("other number", laxer=True)) == ()
    world.run(START_S + 2, lambda at_s: [is_called(at_s, "A-1", OTHER_PUMP), pump(at_s, where=OTHER_PUMP)])
    identity = world.core.snapshot().sources[OTHER_PUMP].identity
    assert (identity.known, identity.state) == ("B-2", IdentityState.CHANGED)


def test_a_channel_that_was_heard_before_it_is_bound_begins_anew() -> None:
    world = begun(ONE_BED)
    world.step(START_S, is_called(START_S, "A-1", OTHER_PUMP), pump(START_S, "0", InfusionState.STOPPED, OTHER_PUMP))
    named = replace(CONFIG.beds[1], pumps=(Binding(*OTHER_PUMP, "B-2"),))
    assert reload(world, replace(CONFIG, beds=(CONFIG.beds[0], named))) == ()
    source = world.core.snapshot().sources[OTHER_PUMP]
    assert (source.identity.known, source.infusion) == ("B-2", None)


def test_nothing_is_left_of_a_line_that_is_removed() -> None:
    world = begun()
    world.step(START_S, pump(START_S, "0", InfusionState.STOPPED, ("rack", "13")))
    beds = tuple(replace(bed, pumps=()) for bed in CONFIG.beds)
    assert reload(world, replace(CONFIG, beds=beds, ports=CONFIG.ports[1:])) == ()
    state = world.core.snapshot()
    assert ({port for port, _ in state.sources}, set(state.ports)) == ({"mon-1", "mon-2"}, {"mon-1", "mon-2"})


def test_an_alarm_of_a_line_for_the_nurse_holds_the_line() -> None:
    world = begun(ONE_BED)
    ports = replace(ONE_BED, ports=CONFIG.ports[:2])
    world.step(START_S, pump(START_S, where=OTHER_PUMP))
    world.run(START_S + 2, lambda at_s: [pump(at_s, where=OTHER_PUMP)])
    (alarm,) = [one for one in world.retained.values() if one.key.port == "rack" and one.key.bed == ""]
    monitors = replace(ports, ports=ports.ports[1:], beds=(replace(ports.beds[0], pumps=()),))
    (refused,) = reload(world, monitors)
    assert refused == f"line rack cannot be removed while an alarm of it stands ({alarm.key.name})"


def test_a_line_that_is_bound_at_last_ends_the_alarm_that_it_was_not() -> None:
    world = begun(ONE_BED)
    world.run(START_S + 2, lambda at_s: [pump(at_s, where=OTHER_PUMP)])
    assert [key.port for key in world.retained if key.bed == ""] == ["rack"]
    assert reload(world, CONFIG) == ()
    assert [key for key in world.retained if key.bed == "" and key.port] == []


def test_a_therapy_without_its_bed_finds_it_again() -> None:
    world = begun()
    world.step(START_S, place(START_S, order(OTHER_PUMP), OTHER_BED), pump(START_S, where=OTHER_PUMP))
    kept = [
        effect.body
        for step in world.steps
        for effect in step.effects
        if isinstance(effect, Keep) and isinstance(effect.body, KeptTherapy)
    ]
    state = begun(ONE_BED).core.snapshot()
    state.unplaced[OTHER_BED] = kept[-1]
    again = World(ONE_BED, state=state)
    again.run(START_S + 2)
    assert again.standing() == {"PATIENT_UNWATCHED"}
    assert reload(again, CONFIG) == ()
    assert again.core.snapshot().unplaced == {}
    assert [one.orders[0].drug for one in again.therapies if one.bed == OTHER_BED][-1] == "ketamine"


def test_a_configuration_that_is_refused_is_an_alarm_until_one_is_taken() -> None:
    world = begun()
    world.core.refuse_configuration("edge.toml: bed is missing")
    world.step(START_S)
    alarm = world.alarm("CONFIG_INVALID")
    assert alarm is not None
    assert "edge.toml: bed is missing" in alarm.text
    assert reload(world, CONFIG) == ()
    assert AlarmKey("", "CONFIG_INVALID") not in world.retained


def test_nothing_is_taken_before_the_store_was_read() -> None:
    state = begun().core.snapshot()
    state.disks.unread = "the disk hangs"
    world = World(state=state)
    assert reload(world, with_bed(label="Room 4")) == (
        "the store cannot be read: at which beds patients are is not known",
    )


def test_the_label_is_another_at_once() -> None:
    world = begun()
    assert reload(world, with_bed(label="Room 4")) == ()
    assert world.rosters[-1][1].beds[0][1] == "Room 4"
    world.run(START_S + 30, lambda at_s: [monitor(at_s, heart_rate=150, where=MONITOR)])
    alarm = world.alarm("HR_HIGH")
    assert alarm is not None
    assert alarm.text.startswith("Room 4")
