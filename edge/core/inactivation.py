"""The inactivation machine: whose sound is off for a while (AUDIO PAUSED of IEC 60601-1-8).

A pause has a bed (or all of them) and a reason. AUDIO OFF, ALARM PAUSED and ALARM OFF are not offered: nothing hides an
alarm, and nothing is silent without an end (H-22, I7).

Laws:
  * Every pause ends by itself (law 13).
  * An audio pause covers what stands when it begins, and low alarms that begin meanwhile. A medium or high one that
    begins, or gets worse, sounds through it.
  * "Off the monitor" covers sensor, cuff and monitor-link alarms of its bed, those that begin meanwhile too; never a
    dose.
  * An alarm that somebody silenced at its device is shown, and neither sounds nor goes up, for as long as an
    acknowledgement would hold; then it sounds, though it is still silenced there.
  * A soft cuff pressure waits for a repeat before it sounds, three minutes at most; nobody needs to ask for that.
  * "Under service" covers what is about the devices of its bed, those that begin meanwhile too; never a dose, and never
    a vital sign beyond its limit. It is kept over a restart, and over the loss of the broker; a patient ends it
    (`edge/core/service.py`).

    id      from      when                                               to        told of each alarm that it covers
    SM-C1   enabled   asked for, cut to its limit                        paused    silence
    SM-C2   paused    its time is up                                     enabled   sound
    SM-C3   paused    resumed by hand                                    enabled   sound
    SM-C4   paused    the broker, or the last required station, is lost  enabled   sound
    SM-C5   paused    the edge starts                                    enabled   sound
    SM-C6   paused    asked for again                                    paused    silence
    SM-C7   enabled   silenced at the device itself                      paused    silence
    SM-C8   paused    no longer silenced there, or another code comes    enabled   sound, or remind
    SM-C9   paused    under service, and a patient is started            enabled   sound
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge.core.model import Alarm, Priority, Silence, SilenceReason
from edge.core.signal import silent_for_s

PAUSE_LIMIT_S = {
    SilenceReason.AUDIO_PAUSE: 120.0,
    SilenceReason.OFF_MONITOR: 900.0,
    SilenceReason.SERVICE: 3600.0,
}
"""The longest pause of a kind that anybody can ask for."""

REPEAT_LIMIT_S = 180.0
"""A soft cuff pressure sounds after this, if no other measurement came before."""


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause in force. ``bed`` is empty where it is for all."""

    bed: str
    reason: SilenceReason
    until_s: float
    by: str

    def silence(self) -> Silence:
        """What an alarm that it covers carries."""
        return Silence(self.reason, self.until_s, self.by)

    def in_scope(self, alarm: Alarm, *, sensor: bool, device: bool = False) -> bool:
        """Tell whether it covers an alarm that stands when it begins.

        ``sensor``: one of those off the monitor; ``device``: one of those under service.
        """
        if self.bed not in ("", alarm.key.bed):
            return False
        if self.reason is SilenceReason.SERVICE:
            return device
        return self.reason is SilenceReason.AUDIO_PAUSE or sensor


def silence_at_device(priority: Priority, device: str, now_s: float) -> Silence:
    """Return the silence of an alarm that somebody silenced at its device (H-22): nobody said "I go"."""
    return Silence(SilenceReason.AT_DEVICE, now_s + silent_for_s(priority, accepted=False, stepwise=False), device)


def silence_at_onset(
    pauses: Iterable[Pause],
    alarm: Alarm,
    *,
    sensor: bool,
    repeats: bool,
    now_s: float,
    silenced_at: str = "",
    device: bool = False,
) -> Silence | None:
    """Return the silence that an alarm begins with, ``None``: it sounds.

    ``repeats``: a soft alarm of a measurement that can be repeated. ``silenced_at``: the device that has it silenced.
    """
    covering = [pause for pause in pauses if pause.in_scope(alarm, sensor=sensor, device=device)]
    found = [pause.silence() for pause in covering if _holds(pause, alarm)]
    if repeats and alarm.priority is not Priority.HIGH:
        found.append(Silence(SilenceReason.AWAITING_REPEAT, now_s + REPEAT_LIMIT_S))
    if silenced_at:
        found.append(silence_at_device(alarm.priority, silenced_at, now_s))
    return max(found, key=lambda silence: silence.until_s, default=None)


def service_silence(pauses: Iterable[Pause], alarm: Alarm, *, device: bool) -> Silence | None:
    """Return the silence of a service that covers an alarm, whenever it began; ``None`` where there is none."""
    services = (pause for pause in pauses if pause.reason is SilenceReason.SERVICE)
    return next((each.silence() for each in services if each.in_scope(alarm, sensor=False, device=device)), None)


def _holds(pause: Pause, alarm: Alarm) -> bool:
    return pause.reason is not SilenceReason.AUDIO_PAUSE or alarm.priority is Priority.LOW
