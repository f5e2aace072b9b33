"""What lines and devices say, taken up: samples, links, who answers, and what happened at a device.

Who answers decides what counts (`identity.py`). A line that was lost or opened again may lead to another device than
before, so each of its channels must say anew who it is.
"""

from __future__ import annotations

from typing import assert_never

from drivers.model import (
    AlarmSetChanged,
    BolusGiven,
    ChannelRemoved,
    DeviceEvent,
    DeviceIdentified,
    DeviceRestarted,
    InfusionState,
    Observation,
)
from edge.core import bed as bed_rules
from edge.core import doses
from edge.core.alarms import Register
from edge.core.inputs import LinkCause, LinkChange
from edge.core.model import Instant
from edge.core.quiet import is_quiet
from edge.core.sources import repeats
from edge.core.state import Ward


def observe(ward: Ward, register: Register, observation: Observation, now: Instant, *, alone: bool) -> None:
    """Take up a sample, and judge it at its own moment; one that came ``alone`` is judged at the end of the step."""
    place = (observation.port, observation.channel)
    source = ward.source(*place)
    source.deaf_before_s = ward.state.listening.deaf_s
    before, frozen, last = source.state, source.frozen, source.last
    bed = ward.bed_of.get(place)
    # Behind what is not quiet, in the same step, each reading is judged at its own moment.
    quiet = bed not in ward.touched and is_quiet(ward, observation)
    if ward.has_a_clock(observation.port):
        source.watch_clock(observation)
    source.observe(observation, ward.nibp_time_of(observation.port))
    if bed is None:
        return
    if source.frozen is not frozen:
        ward.touch(bed)
    elif quiet:
        ward.see_again(bed, source)
    elif place in ward.monitors:
        ward.show_again(bed)
    elif repeats(last, observation):
        ward.hear_again(bed, source)
    else:
        ward.touch(bed)
    if source.state is InfusionState.BOLUS and before is not InfusionState.BOLUS:
        ward.note("bolus", now, bed=bed, port=observation.port, channel=observation.channel, phase="start")
    kept = bed_rules.take_sample(ward.views[bed], source, observation.received_at_s)
    if kept is not None:
        ward.kept[bed, kept.part] = kept
    if not (alone or quiet) or observation.extremes:
        bed_rules.judge_sample(ward.views[bed], register, source, observation.received_at_s)


def change_link(ward: Ward, change: LinkChange, now: Instant) -> None:
    """Take up that a line is up or down."""
    port = ward.state.ports[change.port]
    if change.up != port.up or not change.up:
        ward.note("link", now, port=change.port, up=str(change.up), cause=change.cause.value, detail=change.detail)
    shown = port.word, port.detail
    port.change(change)
    anew = not change.up or change.cause is LinkCause.REOPENED
    # Another round alone is not shown.
    ward.state.roster_changed |= anew or (port.word, port.detail) != shown
    if anew:
        for (name, _), source in ward.state.sources.items():
            if name == change.port:
                source.await_identity()
    for bed in ward.beds_of_port[change.port]:
        ward.touch(bed)


def hear(ward: Ward, register: Register, item: DeviceEvent, now: Instant) -> None:
    """Take up what a device says that is no sample."""
    place = (item.port, item.channel)
    source = ward.source(*place)
    bed = ward.bed_of.get(place)
    if bed is not None:
        ward.touch(bed)
    match item:
        case AlarmSetChanged():
            source.show_alarms(item)
            if bed is not None:
                bed_rules.judge_alarms(ward.views[bed], register, source, item.received_at_s)
            return
        case DeviceIdentified():
            source.identify(item, _elsewhere(ward, item))
            if item.serial_number and source.trusted:
                ward.saw(item.serial_number, place)
            ward.state.roster_changed = True
            kind = "device identified"
            body = {"serial_number": item.serial_number, "model": item.model, "software": item.software}
        case ChannelRemoved():
            source.remove(item)
            ward.state.roster_changed = True
            kind, body = "channel removed", {"reason": item.reason}
        case DeviceRestarted():
            kind, body = "device restarted", {"reason": item.reason}
        case BolusGiven():
            if bed is not None:
                doses.take_bolus(ward.views[bed], item)
            volume_ml = "" if item.volume_ml is None else str(item.volume_ml)
            kind, body = "bolus", {"bed": bed or "", "phase": "end", "count": str(item.count), "volume_ml": volume_ml}
        case _:
            assert_never(item)
    ward.note(kind, now, port=item.port, channel=item.channel, **body)


def _elsewhere(ward: Ward, told: DeviceIdentified) -> str:
    """Return the label of the other bed where this device was last seen, empty if that bed is known to be idle."""
    bed = ward.bed_of.get(ward.state.seen_at.get(told.serial_number, ("", "")))
    if bed is None or bed == ward.bed_of.get((told.port, told.channel)) or ward.views[bed].idle():
        return ""
    return ward.views[bed].config.label
