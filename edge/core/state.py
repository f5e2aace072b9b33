"""Everything that a core remembers, and where a step finds it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from drivers.model import NibpTime
from edge.core.annunciation import BedsideState
from edge.core.config import LOCAL, CoreConfig
from edge.core.effects import Journal
from edge.core.inactivation import Pause
from edge.core.ledger import AlarmState
from edge.core.model import Instant
from edge.core.rules_disk import DiskState
from edge.core.rules_edge import EdgeState
from edge.core.sources import PortState, SourceState
from edge.core.stations import PageState
from edge.core.therapy_state import THERAPY, UNTREATED, Case, Kept, KeptSteps, KeptTherapy, TherapyState
from edge.core.totals import DayDose
from edge.core.view import BedState, BedView, Listening, kept_steps

UNBOUND_MAX = 216
"""As many unbound channels are remembered as three pillars of 24 slots on three lines have; more are not real."""

SEEN_MAX = 1000
"""Of so many devices is remembered where they were last seen: several times what three full lines hold."""

KEEP_EVERY_S = 60.0
"""A loss of power costs the recovery no more than this; a row a minute wears no card."""

EDGE = ""
"""The scope of what belongs to no bed."""


@dataclass(slots=True)
class CoreState:
    """The snapshot of a core. ``seen_at`` is where each serial number last counted, the oldest first.

    ``days`` is what each case was given in 24 hours; ``cases`` are the patients of whom something is known, the one
    that was seen longest ago first. ``unplaced`` are therapies of beds that the configuration no longer has;
    ``restored`` what its restoring has for the journal; ``services`` the beds under service that the store has.
    """

    started_at_s: float
    alarms: AlarmState
    beds: dict[str, BedState]
    ports: dict[str, PortState]
    sources: dict[tuple[str, str], SourceState]
    seen_at: dict[str, tuple[str, str]] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    days: dict[str, DayDose] = field(default_factory=dict)
    unplaced: dict[str, KeptTherapy] = field(default_factory=dict)
    restored: list[Journal] = field(default_factory=list)
    services: dict[str, Pause] = field(default_factory=dict)
    edge: EdgeState = field(default_factory=EdgeState)
    disks: DiskState = field(default_factory=DiskState)
    listening: Listening = field(default_factory=Listening)
    mark: int = 0
    self_checks: int = 0
    heartbeat_at_s: float | None = None
    self_check_at_s: float | None = None
    begun: bool = False
    roster_changed: bool = True
    due: dict[str, float] = field(default_factory=dict)
    pages: dict[tuple[str, str], PageState] = field(default_factory=dict)
    bedside: BedsideState = field(default_factory=BedsideState)


class Ward:
    """The beds, lines and devices of one edge over their state, for those who take up what comes in.

    ``touched`` are the scopes that must be judged at the end of the step, ``seen`` the beds that are only shown;
    ``notes`` are its rows for the journal, and ``kept`` what is to be kept of therapies. ``resting`` are the beds at
    rest (`bed.rests`), and until when: nothing of them need be judged but what their monitors say.
    """

    def __init__(self, config: CoreConfig, state: CoreState) -> None:
        self.core = config
        self.state = state
        self.views = {
            bed.bed: BedView(
                bed,
                config,
                state.beds[bed.bed],
                state.ports,
                state.sources,
                state.started_at_s,
                state.listening,
                state.days,
            )
            for bed in config.beds
        }
        self.bed_of = {
            (binding.port, binding.channel): bed.bed for bed in config.beds for binding in (*bed.pumps, *bed.monitors)
        }
        self.monitors = {(binding.port, binding.channel) for bed in config.beds for binding in bed.monitors}
        self.beds_of_port: dict[str, set[str]] = {port.port: set() for port in config.ports}
        for (port, _), bed in self.bed_of.items():
            self.beds_of_port[port].add(bed)
        self.stations = {station.station: station for station in (*config.stations, LOCAL)}
        self.required = tuple(station.station for station in config.stations if station.required)
        self._nibp_time = {port.port: port.nibp_time for port in config.ports}
        self._with_a_clock = {port.port for port in config.ports if port.freshness}
        self.touched: set[str] = set() if state.begun else {EDGE, *self.views}
        self.seen: set[str] = set()
        self.resting: dict[str, float] = {}
        self.notes: list[Journal] = []
        self.kept: dict[tuple[str, str], Kept | None] = {}

    def touch(self, bed: str) -> None:
        """Note that something happened at a bed: it is judged whole, and shown again."""
        self.resting.pop(bed, None)
        self.show_again(bed)

    def show_again(self, bed: str) -> None:
        """Note that a monitor of a bed said something: it is judged, and shown again."""
        self.touched.add(bed)
        self.state.beds[bed].dirty = self.state.beds[bed].news = True

    def see_again(self, bed: str, source: SourceState) -> None:
        """Note that the monitor of a bed at rest said other numbers (`edge.core.quiet`): they are shown, not judged."""
        self.seen.add(bed)
        self.state.beds[bed].dirty = True
        self.hear_again(bed, source)

    def hear_again(self, bed: str, source: SourceState) -> None:
        """Note that a device of a bed spoke, and said nothing new: a bed at rest need not be judged for that.

        Its silence is found in time all the same, if that is not due before the bed is.
        """
        if bed not in self.resting or self.views[bed].silence_s(source) < self.state.due.get(bed, math.inf):
            self.touched.add(bed)

    def treat(self, bed: str, therapy: TherapyState, now: Instant) -> None:
        """Put a therapy in force at a bed, and keep it; it is shown when it is kept."""
        state = self.state.beds[bed]
        for port, channel in state.steps if state.is_another_treatment(therapy) else ():
            self.kept[bed, KeptSteps(port, channel, 0.0, ()).part] = None
        another = state.is_another_treatment(therapy)
        state.treat(therapy)
        if another:
            state.usual.from_s = now.mono_s
        for place, order in state.orders.items():
            steps = state.steps.get(place)
            if steps is not None and steps.reckon(order, now.mono_s):
                kept = kept_steps(state, place)
                self.kept[bed, kept.part] = kept
        self.keep_therapy(bed, now)
        self.touch(bed)

    def drop_unplaced(self, bed: str) -> None:
        """Forget the therapy of a bed that the configuration no longer has."""
        del self.state.unplaced[bed]
        self.kept[bed, THERAPY] = None
        self.touched.add(EDGE)

    def keep_therapy(self, bed: str, now: Instant) -> None:
        """Keep the therapy of a bed as it is now."""
        state = self.state.beds[bed]
        nothing = state.therapy == UNTREATED
        self.kept[bed, THERAPY] = None if nothing else KeptTherapy(now, state.therapy)
        state.keeping, state.kept_mark, state.kept_at_s = True, self.state.mark, now.mono_s

    def keep_again(self, bed: str, now: Instant) -> None:
        """Keep the times of a treatment, which a loss of power would otherwise set back to its last change."""
        state = self.state.beds[bed]
        since_s = state.kept_at_s if state.kept_at_s is not None else self.state.started_at_s
        if state.therapy.patient is not None and not state.keeping and now.mono_s - since_s >= KEEP_EVERY_S:
            self.kept[bed, THERAPY] = KeptTherapy(now, state.therapy)
            state.kept_mark, state.kept_at_s = self.state.mark, now.mono_s

    def stored(self, mark: int, *, committed: bool) -> set[str]:
        """Take up that the rows of a step were kept, or were not; return the beds whose therapies waited for it."""
        waited = set()
        for bed, state in self.state.beds.items():
            if state.kept_mark == mark and (state.keeping or committed != state.durable):
                state.keeping, state.durable = False, committed
                state.therapy_shown = None
                waited.add(bed)
        return waited

    def touch_paused(self, beds: set[str]) -> None:
        """Note that pauses of these beds changed (``EDGE``: of all)."""
        for bed in self.views if EDGE in beds else beds:
            self.touch(bed)

    def reassert(self) -> None:
        """Show every bed and the roster again."""
        for bed, view in self.views.items():
            view.state.therapy_shown = view.state.shown_at_s = None
            self.touch(bed)
        self.state.roster_changed = True

    def source(self, port: str, channel: str) -> SourceState:
        """Return the state of the channel that something was heard of."""
        name = (port, channel)
        source = self.state.sources.get(name)
        if source is None:
            source = SourceState(port, channel)
            if len(self.state.sources) - len(self.bed_of) < UNBOUND_MAX:
                self.state.sources[name] = source
        return source

    def nibp_time_of(self, port: str) -> NibpTime:
        """Tell how the age of a cuff pressure is known on a line."""
        return self._nibp_time.get(port, NibpTime.NOT_MEASURED)

    def has_a_clock(self, port: str) -> bool:
        """Tell whether every living message of a line has another device time."""
        return port in self._with_a_clock

    def saw(self, serial_number: str, place: tuple[str, str]) -> None:
        """Remember where a device counted; over the bound the one that was seen longest ago is forgotten."""
        seen_at = self.state.seen_at
        seen_at.pop(serial_number, None)
        seen_at[serial_number] = place
        if len(seen_at) > SEEN_MAX:
            del seen_at[next(iter(seen_at))]

    def note(self, kind: str, at: Instant, **body: str) -> None:
        """Write a row for the journal."""
        self.notes.append(Journal(kind, at, tuple(body.items())))
