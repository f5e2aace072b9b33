"""A mechanical syringe or volumetric pump in continuous time: the truth that a simulated pump interface reports on.

Time is handed in (``now_s``, monotonic seconds) and rounded to whole microseconds; between two calls the volumes are
integrated exactly (``Fraction``), however often or rarely the pump is looked at. Three sums are kept apart:

    delivered  what has reached the patient: the truth
    trapped    what the drive has pushed into an occluded line; it reaches the patient when the occlusion is released
    counted    what the pump itself adds up: delivered and trapped, without purge; shown in steps, saturating

What a person does at the pump, or what happens to it, is an act: a method that takes ``now_s`` first and says whether
the pump took it; a key that the pump does not accept changes nothing. A value that no pump has is a ``ValueError``.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Collection
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from functools import partial
from typing import Concatenate, ParamSpec

from simulators.pump_terms import (
    PRE_ALARMS,
    PUMPING,
    BolusKind,
    PumpAlarm,
    PumpSnapshot,
    PumpSpec,
    PumpState,
    Therapy,
    checked_rate,
    checked_volume,
)

P = ParamSpec("P")

MAX_SCRIPT_ACTS = 10_000  # a day with an act each 10 s; a script beyond it is a mistake
_US_PER_S = 1_000_000
_US_PER_H = 3600 * _US_PER_S
_ZERO = Fraction(0)
_ON = frozenset(PumpState) - {PumpState.OFF}
_STANDING = frozenset(PumpState) - PUMPING
_FROM_VTBI = (PumpState.INFUSING, PumpState.BOLUS)
_ENDED_BY_START = frozenset(
    {PumpAlarm.OCCLUSION, PumpAlarm.END_OF_VOLUME, PumpAlarm.TIME_OVER, PumpAlarm.KVO_END, PumpAlarm.STANDBY_END}
)


class PumpModel:
    """One pump with its line to one patient. Calls with a time before the last one see the pump as it is now."""

    def __init__(self, spec: PumpSpec | None = None, *, therapy: Therapy | None = None, now_s: float = 0.0) -> None:
        self.spec = spec or PumpSpec()
        self._therapy = therapy or Therapy()
        self._now_us = round(now_s * _US_PER_S)
        self._script: list[tuple[int, int, Callable[[], bool]]] = []
        self._script_order = itertools.count()
        self._in_script = False
        self._state = PumpState.STOPPED
        self._rate_ml_per_h = Decimal("0.00")
        self._delivered_ml = self._trapped_ml = self._counted_ml = self._cleared_at_ml = _ZERO
        self._vtbi_ml: Decimal | None = None
        self._vtbi_left_ml: Fraction | None = None
        self._syringe_left_ml = None if self.spec.syringe_ml is None else Fraction(self.spec.syringe_ml)
        self._portion_left_ml: Fraction | None = None  # of the running volume bolus or purge
        self._bolus_kind = BolusKind.NONE
        self._bolus_rate_ml_per_h = self.spec.bolus_rate_ml_per_h
        self._bolus_ml = self._last_bolus_ml = _ZERO
        self._bolus_count = 0
        self._state_ends_us: int | None = None  # KVO and standby end by themselves
        self._occluded = False
        self._line_connected = True
        self._on_mains = True
        self._started = False
        self._alarms: set[PumpAlarm] = set()
        self._acknowledged = False

    def schedule(
        self, at_s: float, act: Callable[Concatenate[PumpModel, float, P], bool], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Do an act at a time, as in ``schedule(60, PumpModel.set_rate, Decimal(5))``; equal times keep their order."""
        at_us = round(at_s * _US_PER_S)
        if at_us < self._now_us or len(self._script) >= MAX_SCRIPT_ACTS:
            raise ValueError("the time of the act has passed, or the script is too long")
        bound: Callable[[], bool] = partial(act, self, at_s, *args, **kwargs)
        heapq.heappush(self._script, (at_us, next(self._script_order), bound))

    def advance(self, now_s: float) -> None:
        """Let the time pass until ``now_s``: run what is scheduled and integrate the volumes."""
        target_us = round(now_s * _US_PER_S)
        while not self._in_script and self._script and self._script[0][0] <= target_us:
            at_us, _, act = heapq.heappop(self._script)
            self._run_until(at_us)
            self._in_script = True  # the act advances to its own time: it must not run its neighbours before itself
            try:
                act()
            finally:
                self._in_script = False
        self._run_until(target_us)

    def delivered_ml(self, now_s: float) -> Fraction:
        """Return what has reached the patient, in mL since the pump was made."""
        self.advance(now_s)
        return self._delivered_ml

    def true_rate_ml_per_h(self, now_s: float) -> Decimal:
        """Return the flow into the patient now. The bolus at an occlusion's release is a jump of ``delivered_ml``."""
        self.advance(now_s)
        into_air = self._state is PumpState.PURGE and not self._line_connected
        return Decimal("0.00") if self._occluded or into_air else self._motor_rate_ml_per_h()

    def snapshot(self, now_s: float) -> PumpSnapshot:
        """Return all that can be known of the pump now."""
        self.advance(now_s)
        left_us = self._state_ends_us - self._now_us if self._state_ends_us is not None else 0
        return PumpSnapshot(
            spec=self.spec,
            therapy=self._therapy,
            state=self._state,
            rate_ml_per_h=self._rate_ml_per_h,
            motor_rate_ml_per_h=self._motor_rate_ml_per_h(),
            delivered_ml=self._delivered_ml,
            trapped_ml=self._trapped_ml,
            counted_ml=self._counted_ml,
            counter_ml=self._counter_ml(),
            vtbi_ml=self._vtbi_ml,
            vtbi_left_ml=self._vtbi_left_ml,
            syringe_left_ml=self._syringe_left_ml,
            pressure_percent=int(self._trapped_ml * 100 / Fraction(self.spec.occlusion_volume_ml)),
            bolus_kind=self._bolus_kind,
            bolus_rate_ml_per_h=self._bolus_rate_ml_per_h,
            bolus_count=self._bolus_count,
            last_bolus_ml=self._last_bolus_ml,
            standby_left_s=left_us // _US_PER_S if self._state is PumpState.STANDBY else 0,
            on_mains=self._on_mains,
            started=self._started,
            alarms=self._present_alarms(),
            acknowledged=self._acknowledged,
        )

    # What a person does at the pump.

    def set_rate(self, now_s: float, rate_ml_per_h: Decimal) -> bool:
        """Set the rate; while infusing this is a step."""
        checked_rate(rate_ml_per_h)
        if not self._is_in(now_s, _ON):
            return False
        self._rate_ml_per_h = rate_ml_per_h
        return True

    def set_therapy(self, now_s: float, therapy: Therapy) -> bool:
        """Type drug, concentration, weight and dose mode."""
        if not self._is_in(now_s, _ON):
            return False
        self._therapy = therapy
        return True

    def set_vtbi(self, now_s: float, volume_ml: Decimal | None) -> bool:
        """Set the volume to be infused from now on; ``None`` for none. Ends an end-of-volume or KVO-end alarm."""
        left_ml = None if volume_ml is None else checked_volume(volume_ml)
        if not self._is_in(now_s, _ON - {PumpState.KVO}):
            return False
        self._vtbi_ml, self._vtbi_left_ml = volume_ml, left_ml
        self._alarms -= {PumpAlarm.END_OF_VOLUME, PumpAlarm.KVO_END}
        return True

    def start(self, now_s: float) -> bool:
        """Start the infusion, unless no rate is set, nothing is left to give, or the cause of an alarm stands."""
        if not self._is_in(now_s, {PumpState.STOPPED}) or self._alarms - PRE_ALARMS - _ENDED_BY_START:
            return False
        if not self._rate_ml_per_h or _ZERO in (self._vtbi_left_ml, self._syringe_left_ml):
            return False
        self._alarms -= _ENDED_BY_START
        self._started = True
        self._enter(PumpState.INFUSING)
        self._settle()
        return PumpAlarm.OCCLUSION not in self._alarms

    def stop(self, now_s: float) -> bool:
        """Stop whatever the drive does, or leave standby."""
        if not self._is_in(now_s, PUMPING | {PumpState.STANDBY}):
            return False
        self._enter(PumpState.STOPPED)
        return True

    def bolus(self, now_s: float, volume_ml: Decimal | None = None, rate_ml_per_h: Decimal | None = None) -> bool:
        """Begin a bolus: of a volume, or by hand (``None``) until ``end_bolus``. Only while infusing."""
        portion_ml = None if volume_ml is None else checked_volume(volume_ml)
        rate = self.spec.bolus_rate_ml_per_h if rate_ml_per_h is None else checked_rate(rate_ml_per_h)
        if not self._is_in(now_s, {PumpState.INFUSING}):
            return False
        self._enter(PumpState.BOLUS)
        self._bolus_kind = BolusKind.MANUAL if portion_ml is None else BolusKind.VOLUME
        self._portion_left_ml, self._bolus_rate_ml_per_h = portion_ml, rate
        return True

    def end_bolus(self, now_s: float) -> bool:
        """End the bolus before its volume is given; the infusion goes on."""
        if not self._is_in(now_s, {PumpState.BOLUS}):
            return False
        self._enter(PumpState.INFUSING)
        return True

    def purge(self, now_s: float, volume_ml: Decimal, *, line_connected: bool = False) -> bool:
        """Prime the line: into the patient if it is connected, else into the air. Only while stopped; not counted."""
        portion_ml = checked_volume(volume_ml)
        if not self._is_in(now_s, {PumpState.STOPPED}) or self._syringe_left_ml == 0:
            return False
        self._enter(PumpState.PURGE)
        self._portion_left_ml, self._line_connected = portion_ml, line_connected
        self._settle()
        return True

    def change_syringe(self, now_s: float, volume_ml: Decimal) -> bool:
        """Put in another syringe with this volume. Only while the drive stands; the counter stays as it is."""
        left_ml = checked_volume(volume_ml)
        if self.spec.syringe_ml is None or not self._is_in(now_s, _STANDING):
            return False
        self._syringe_left_ml = left_ml
        self._alarms -= {PumpAlarm.SYRINGE_EMPTY, PumpAlarm.SYRINGE}
        return True

    def clear_volume(self, now_s: float) -> bool:
        """Set the counter back to zero."""
        if not self._is_in(now_s, _ON):
            return False
        self._cleared_at_ml = self._counted_ml
        return True

    def standby(self, now_s: float, minutes: int) -> bool:
        """Go to standby for some minutes, at whose end the pump alarms. Only while stopped."""
        if not self._is_in(now_s, {PumpState.STOPPED}) or minutes <= 0:
            return False
        self._enter(PumpState.STANDBY, lasting_s=minutes * 60)
        return True

    def power_off(self, now_s: float) -> bool:
        """Switch off; flow and alarms end."""
        self.advance(now_s)
        self._enter(PumpState.OFF)
        self._alarms.clear()
        return True

    def power_on(self, now_s: float) -> bool:
        """Switch on, stopped, with the therapy and the counter kept."""
        if not self._is_in(now_s, {PumpState.OFF}):
            return False
        self._enter(PumpState.STOPPED)
        return True

    def acknowledge(self, now_s: float) -> bool:
        """Acknowledge the present alarms: they stay until their cause ends."""
        self.advance(now_s)
        self._acknowledged = bool(self._present_alarms())
        return self._acknowledged

    # What happens to the pump.

    def occlude(self, now_s: float) -> bool:
        """Close the line: from now on the drive builds up pressure and nothing reaches the patient."""
        self.advance(now_s)
        self._occluded = True
        return True

    def release(self, now_s: float) -> bool:
        """Open the line: what was trapped reaches the patient at once (the post-occlusion bolus)."""
        self.advance(now_s)
        self._delivered_ml += self._trapped_ml
        self._trapped_ml, self._occluded = _ZERO, False
        return True

    def set_mains(self, now_s: float, *, connected: bool) -> bool:
        """Plug or unplug the mains."""
        self.advance(now_s)
        self._on_mains = connected
        return True

    def raise_alarm(self, now_s: float, alarm: PumpAlarm) -> bool:
        """Let something happen that the pump alarms of; the drive stops unless it is a pre-alarm."""
        if not self._is_in(now_s, _ON):
            return False
        self._alarm(alarm)
        if alarm not in PRE_ALARMS and self._state in PUMPING:
            self._enter(PumpState.STOPPED)
        return True

    def clear_alarm(self, now_s: float, alarm: PumpAlarm) -> bool:
        """Take away the cause of an alarm."""
        self.advance(now_s)
        self._alarms.discard(alarm)
        return True

    # The mechanics.

    def _is_in(self, now_s: float, states: Collection[PumpState]) -> bool:
        self.advance(now_s)
        return self._state in states

    def _motor_rate_ml_per_h(self) -> Decimal:
        return {
            PumpState.INFUSING: self._rate_ml_per_h,
            PumpState.BOLUS: self._bolus_rate_ml_per_h,
            PumpState.KVO: min(self.spec.kvo_rate_ml_per_h, self._rate_ml_per_h),
            PumpState.PURGE: self.spec.purge_rate_ml_per_h,
        }.get(self._state, Decimal("0.00"))

    def _counter_ml(self) -> Decimal:
        step = self.spec.counter_resolution_ml
        steps = (self._counted_ml - self._cleared_at_ml) // Fraction(step)
        return min(steps * step, self.spec.counter_max_ml.quantize(step, ROUND_FLOOR))

    def _present_alarms(self) -> frozenset[PumpAlarm]:
        if self._state is PumpState.OFF:
            return frozenset()
        present = set(self._alarms)
        if self._state is PumpState.KVO:
            present.add(PumpAlarm.KVO_ACTIVE)
        if self._syringe_left_ml is not None and 0 < self._syringe_left_ml <= Fraction(self.spec.near_empty_ml):
            present.add(PumpAlarm.SYRINGE_NEAR_EMPTY)
        return frozenset(present)

    def _alarm(self, alarm: PumpAlarm) -> None:
        self._acknowledged = self._acknowledged and alarm in self._alarms
        self._alarms.add(alarm)

    def _alarm_and_stop(self, alarm: PumpAlarm) -> None:
        self._alarm(alarm)
        self._enter(PumpState.STOPPED)

    def _enter(self, state: PumpState, *, lasting_s: int | None = None) -> None:
        if self._state is PumpState.BOLUS:
            self._bolus_count += 1
            self._last_bolus_ml, self._bolus_ml = self._bolus_ml, _ZERO
            self._bolus_kind = BolusKind.NONE
        self._portion_left_ml = None
        self._state = state
        self._state_ends_us = None if lasting_s is None else self._now_us + lasting_s * _US_PER_S

    def _run_until(self, target_us: int) -> None:
        while self._now_us < target_us:
            self._move(target_us if self._state_ends_us is None else min(target_us, self._state_ends_us))
            self._settle()

    def _move(self, end_us: int) -> None:
        """Turn the drive until ``end_us``, or until the first microsecond at which a volume is used up."""
        rate = Fraction(self._motor_rate_ml_per_h())
        span_us = end_us - self._now_us
        if rate:
            occlusion_ml = Fraction(self.spec.occlusion_volume_ml) - self._trapped_ml if self._line_is_shut() else None
            vtbi_left_ml = self._vtbi_left_ml if self._state in _FROM_VTBI else None
            limits_ml = (self._syringe_left_ml, vtbi_left_ml, self._portion_left_ml, occlusion_ml)
            limit_ml = min((ml for ml in limits_ml if ml is not None), default=None)
            volume_ml = rate * span_us / _US_PER_H
            if limit_ml is not None and limit_ml <= volume_ml:
                span_us, volume_ml = -(-limit_ml * _US_PER_H // rate), limit_ml
            self._displace(volume_ml)
        self._now_us += span_us

    def _line_is_shut(self) -> bool:
        return self._occluded and (self._state is not PumpState.PURGE or self._line_connected)

    def _displace(self, volume_ml: Fraction) -> None:
        if self._syringe_left_ml is not None:
            self._syringe_left_ml -= volume_ml
        if self._portion_left_ml is not None:
            self._portion_left_ml -= volume_ml
        if self._state is PumpState.BOLUS:
            self._bolus_ml += volume_ml
        if self._vtbi_left_ml is not None and self._state in _FROM_VTBI:
            self._vtbi_left_ml -= volume_ml
        if self._state is not PumpState.PURGE:
            self._counted_ml += volume_ml
        if self._line_is_shut():
            self._trapped_ml += volume_ml
        elif self._state is not PumpState.PURGE or self._line_connected:
            self._delivered_ml += volume_ml

    def _settle(self) -> None:
        """Leave a state whose volume, pressure or time has come to its end."""
        over = self._state_ends_us is not None and self._now_us >= self._state_ends_us
        if over and self._state is PumpState.STANDBY:
            self._alarm_and_stop(PumpAlarm.STANDBY_END)
        elif self._state not in PUMPING:
            return
        elif self._line_is_shut() and self._trapped_ml >= Fraction(self.spec.occlusion_volume_ml):
            self._alarm_and_stop(PumpAlarm.OCCLUSION)
        elif self._syringe_left_ml == 0:
            self._alarm_and_stop(PumpAlarm.SYRINGE_EMPTY)
        elif self._state in _FROM_VTBI and self._vtbi_left_ml == 0:
            self._alarm(PumpAlarm.END_OF_VOLUME)
            if self.spec.kvo_rate_ml_per_h:
                self._enter(PumpState.KVO, lasting_s=self.spec.kvo_duration_s)
            else:
                self._enter(PumpState.STOPPED)
        elif self._portion_left_ml == 0:
            self._enter(PumpState.INFUSING if self._state is PumpState.BOLUS else PumpState.STOPPED)
        elif over:  # of the pumping states only KVO ends by time
            self._alarm_and_stop(PumpAlarm.KVO_END)
