"""Rules about the devices of a bed: link, identity, and the alarms that they show themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from drivers.model import DeviceAlarm, DeviceAlarmKind
from edge.core.catalogue import DEVICE_ALARMS, DEVICE_CONDITIONS
from edge.core.condition import INSIDE, Band, Judgement
from edge.core.config import Binding
from edge.core.finding import Finding, Particulars, when
from edge.core.model import AlarmKey, Priority
from edge.core.view import BedView

LINK_BANDS = (Band("lost", Priority.MEDIUM, 0.0), Band("lost while infusing", Priority.HIGH, 0.0))
LINK_CLEAR_S = 5.0
IDENTITY_BANDS = (Band("changed", Priority.HIGH, 0.0),)


def link(view: BedView, binding: Binding, now_s: float) -> Iterator[Finding]:
    """Silence of a device that is expected to speak; high if it was last seen infusing (H-10, H-11)."""
    source = view.source(binding)
    is_pump = binding in view.config.pumps
    expected = (view.order(binding) is not None or source.infusing) if is_pump else view.active()
    lost = view.link_lost(binding, now_s)
    worst = int(source.infusing) if lost and expected else INSIDE
    # What a device did before the start that has not spoken since is not known: it lowers and ends nothing (law 2).
    unheard = is_pump and source.infusion is None
    idle = not unheard if is_pump else view.idle()
    judged = Judgement(worst, len(LINK_BANDS) - 1 if lost and unheard else worst, now_s)
    again_at_s = view.silent_from_s(binding)
    yield Finding(
        view.key("PUMP_LINK_LOST" if is_pump else "MONITOR_LINK_LOST", binding),
        None if lost is None or (lost and not expected and not idle) else judged,
        LINK_BANDS,
        LINK_CLEAR_S,
        partial(_describe_link, view, binding),
        again_at_s if again_at_s > now_s else None,
    )


def _describe_link(view: BedView, binding: Binding, band: Band) -> Particulars:
    source, port = view.source(binding), view.ports[binding.port]
    what = "pump" if binding in view.config.pumps else "monitor"
    why = source.removed or (port.detail if port.up is False else "it is silent")
    seen = f", last seen {source.infusion.state}" if source.infusion is not None else ""
    return Particulars(
        f"{view.config.label}: no data from the {what} at {binding.port} channel {binding.channel}{seen} ({why}).",
        evidence=(("band", band.name), ("link", port.word), ("reason", why)),
    )


def identity(view: BedView, binding: Binding, now_s: float) -> Iterator[Finding]:
    """Another device answers than the one that is expected; its readings do not count (H-08)."""
    source = view.source(binding)
    if source.identity is None:
        return
    wrong = not source.trusted and (bool(binding.serial_number) or source.swapped_in_use or view.active())
    yield Finding(
        view.key("DEVICE_IDENTITY_CHANGED", binding),
        when(true=wrong, now_s=now_s),
        IDENTITY_BANDS,
        0.0,
        partial(_describe_identity, view, binding),
    )


def _describe_identity(view: BedView, binding: Binding, _: Band) -> Particulars:
    source = view.source(binding)
    seen = source.identity.serial_number if source.identity else ""
    return Particulars(
        f"{view.config.label}: another device answers at {binding.port} channel {binding.channel}: "
        f"serial number {seen}, expected {source.expected_serial}.",
        evidence=(("serial_number", seen), ("expected_serial_number", source.expected_serial)),
    )


def device_alarms(view: BedView, binding: Binding, known: Iterable[AlarmKey], now_s: float) -> Iterator[Finding]:
    """Relay the alarms that a device shows; those of ``known`` keys too, so that they can end."""
    source = view.source(binding)
    kinds = dict.fromkeys(alarm.kind for alarm in source.alarms or ())
    for key in known:
        if (key.port, key.channel) == (binding.port, binding.channel) and key.condition in DEVICE_CONDITIONS:
            kinds[DEVICE_CONDITIONS[key.condition]] = None
    unknown = source.alarms is None or bool(view.link_lost(binding, now_s))
    for kind in kinds:
        condition, _, bands = DEVICE_ALARMS[kind]
        shown = _of_kind(source.alarms or (), kind)
        yield Finding(
            view.key(condition, binding),
            None if unknown else when(true=bool(shown), now_s=now_s),
            bands,
            0.0,
            partial(_describe_device_alarm, view, binding, shown),
        )


def _of_kind(alarms: tuple[DeviceAlarm, ...], kind: DeviceAlarmKind) -> tuple[DeviceAlarm, ...]:
    return tuple(alarm for alarm in alarms if alarm.kind is kind)


def _describe_device_alarm(view: BedView, binding: Binding, shown: tuple[DeviceAlarm, ...], _: Band) -> Particulars:
    texts = ", ".join(f"{alarm.text} ({alarm.code})" for alarm in shown)
    return Particulars(
        f"{view.config.label}: {binding.port} channel {binding.channel} reports: {texts}.",
        evidence=(("device_alarms", texts),),
    )
