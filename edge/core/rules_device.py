"""Rules about the devices of a bed: link, identity, and the alarms that they show themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from drivers.model import DeviceAlarm, DeviceAlarmKind
from edge.core.catalogue import CATALOGUE, DEVICE_CONDITIONS
from edge.core.condition import INSIDE, Band, Judgement
from edge.core.config import Binding
from edge.core.finding import Finding, Particulars, Stays, level, when
from edge.core.identity import IdentityState
from edge.core.model import AlarmKey
from edge.core.view import BedView

SILENCE = frozenset({"PUMP_LINK_LOST", "MONITOR_LINK_LOST"})
_LINK = CATALOGUE["PUMP_LINK_LOST"]
_AWAITED, _CHANGED = 0, 1


def link(view: BedView, binding: Binding, now_s: float) -> Iterator[Finding]:
    """Silence of a device that is expected to speak; high if it was last seen infusing (H-10, H-11)."""
    source = view.source(binding)
    is_pump = binding in view.config.pumps
    expected = (view.order(binding) is not None or source.infusing) if is_pump else view.active()
    lost = view.link_lost(binding, now_s)
    infusing = view.may_run(binding) if is_pump else view.infusing() and view.monitors_lost(now_s)
    worst = int(infusing) if lost and expected else INSIDE
    # What a device did before the start that has not spoken since is not known: it lowers and ends nothing (law 2).
    unheard = is_pump and source.infusion is None
    idle = not unheard if is_pump else view.idle()
    judged = Judgement(worst, len(_LINK.bands) - 1 if lost and unheard else worst, now_s)
    again_at_s = view.silent_from_s(binding)
    yield Finding(
        view.key("PUMP_LINK_LOST" if is_pump else "MONITOR_LINK_LOST", binding),
        None if lost is None or (lost and not expected and not idle) else judged,
        _LINK.bands,
        _LINK.clear_delay_s,
        partial(_describe_link, view, binding),
        again_at_s if again_at_s > now_s else None,
    )


def _describe_link(view: BedView, binding: Binding, band: Band) -> Particulars:
    source, port = view.source(binding), view.ports[binding.port]
    what = "pump" if binding in view.config.pumps else "monitor"
    why = source.removed or ("its line is not there" if port.up is False else "it is silent")
    seen = f", last seen {source.infusion.state}" if source.infusion is not None else ""
    return Particulars(
        f"{view.config.label}: no data from the {what} at {binding.port} channel {binding.channel}{seen} ({why}).",
        # What the operating system said is long, and for the technician.
        evidence=(("band", band.name), ("link", port.word), ("reason", port.detail if port.up is False else why)),
    )


def frozen(view: BedView, binding: Binding, now_s: float, stays: Stays) -> Iterator[Finding]:
    """A device says the same again and again, its own clock too: what it shows is not of now (H-11)."""
    source = view.source(binding)
    worst = 0 if source.frozen and view.active() else INSIDE
    unknown = view.link_lost(binding, now_s) is not False or (source.frozen and not view.active() and not view.idle())
    key, judged = view.key("DATA_FROZEN", binding), None if unknown else level(worst, now_s)
    if stays(key, judged):
        return
    yield Finding(
        key,
        judged,
        CATALOGUE["DATA_FROZEN"].bands,
        CATALOGUE["DATA_FROZEN"].clear_delay_s,
        partial(_describe_frozen, view, binding),
    )


def _describe_frozen(view: BedView, binding: Binding, _: Band) -> Particulars:
    source = view.source(binding)
    what = "pump" if binding in view.config.pumps else "monitor"
    clock = str(source.said[0]) if source.said else ""
    return Particulars(
        f"{view.config.label}: the {what} at {binding.port} channel {binding.channel} repeats itself; "
        f"its clock stands at {clock}, and its values are not of now.",
        evidence=(("device_time", clock), ("repeats", str(source.said_again))),
    )


def identity(view: BedView, binding: Binding, now_s: float, stays: Stays) -> Iterator[Finding]:
    """Who answers is not who belongs here, or has not said so: its readings do not count (H-08)."""
    source = view.source(binding)
    state = source.identity.state
    silent = view.link_lost(binding, now_s)
    worst = {IdentityState.CHANGED: _CHANGED, IdentityState.AWAITED: _AWAITED}.get(state, INSIDE)
    key, judged = view.key("DEVICE_IDENTITY_CHANGED", binding), None if silent is not False else level(worst, now_s)
    if not stays(key, judged):
        yield Finding(
            key,
            judged,
            CATALOGUE["DEVICE_IDENTITY_CHANGED"].bands,
            0.0,
            partial(_describe_identity, view, binding),
            fingerprint=source.identity.why,
        )
    asked = state is IdentityState.UNCONFIRMED and not view.idle()
    unknown = silent is not False or state is IdentityState.AWAITED
    key, judged = view.key("IDENTITY_UNCONFIRMED", binding), None if unknown else when(true=asked, now_s=now_s)
    if not stays(key, judged):
        yield Finding(
            key,
            judged,
            CATALOGUE["IDENTITY_UNCONFIRMED"].bands,
            0.0,
            partial(_describe_unconfirmed, view, binding),
            fingerprint=source.identity.serial_number,
        )


def _describe_identity(view: BedView, binding: Binding, _: Band) -> Particulars:
    known = view.source(binding).identity
    place = f"{view.config.label}: the device at {binding.port} channel {binding.channel}"
    evidence = (("serial_number", known.serial_number), ("expected_serial_number", known.known))
    if known.state is IdentityState.AWAITED:
        return Particulars(f"{place} does not tell its serial number; it must be {known.known}.", evidence=evidence)
    return Particulars(f"{place} {known.why}.", evidence=evidence)


def _describe_unconfirmed(view: BedView, binding: Binding, _: Band) -> Particulars:
    serial = view.source(binding).identity.serial_number
    return Particulars(
        f"{view.config.label}: is {serial} the device at {binding.port} channel {binding.channel}?",
        evidence=(("serial_number", serial),),
    )


def device_alarms(view: BedView, binding: Binding, known: Iterable[AlarmKey], now_s: float) -> Iterator[Finding]:
    """Relay the alarms that a device shows; those of ``known`` keys too, so that they can end."""
    source = view.source(binding)
    kinds = dict.fromkeys(alarm.kind for alarm in source.alarms or ())
    for key in known:
        if key.condition in DEVICE_CONDITIONS and (key.port, key.channel) == (binding.port, binding.channel):
            kinds[DEVICE_CONDITIONS[key.condition]] = None
    unknown = source.alarms is None or not source.trusted or bool(view.link_lost(binding, now_s))
    for kind in kinds:
        condition = f"DEVICE_{kind.name}"
        shown = _of_kind(source.alarms or (), kind)
        # A frozen device may have ended an alarm or not; what it shows is not lost for that.
        unsure = unknown or (source.frozen and not shown)
        yield Finding(
            view.key(condition, binding),
            None if unsure else when(true=bool(shown), now_s=now_s),
            CATALOGUE[condition].bands,
            0.0,
            partial(_describe_device_alarm, view, binding, shown),
            fingerprint=",".join(alarm.code for alarm in shown),
            silenced_at=source.name if shown and all(alarm.silenced for alarm in shown) else "",
        )


def _of_kind(alarms: tuple[DeviceAlarm, ...], kind: DeviceAlarmKind) -> tuple[DeviceAlarm, ...]:
    return tuple(alarm for alarm in alarms if alarm.kind is kind)


def _describe_device_alarm(view: BedView, binding: Binding, shown: tuple[DeviceAlarm, ...], _: Band) -> Particulars:
    texts = ", ".join(f"{alarm.text} ({alarm.code})" for alarm in shown)
    device = f"the pump in {binding.channel}" if binding in view.config.pumps else "the monitor"
    return Particulars(
        f"{view.config.label}: {device} reports: {texts}.",
        evidence=(("device_alarms", texts),),
    )
