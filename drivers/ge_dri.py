"""GE/Datex-Ohmeda S/5, Cardiocap/5 and CARESCAPE Bx50 monitors over DRI, their serial "computer interface".

Framing, header, the basic class and its special values are agreed on by four independent programs, and one record was
decoded rightly by another program than ours; no public transcript of a real monitor exists. Experimental, since these
stand on one program or none: status and label bits (source of the heart rate, age of the cuff pressure, leads, apnea),
the auxiliary record's place, and the alarm record as a whole.

There is no association and no acknowledgement: after a request the monitor sends displayed values every 5 s, for ever.

    due      what is done                                                 then
    STOP     at start, and when values stayed away for 2.5 intervals:     ASK in 0.2 s
             tell the monitor to stop, alone in its record
    ASK      ask for displayed values, under level 0 and, if that         values, or NUDGE
             brought nothing, under all others at once
    NUDGE    a value record is late: ask once for one, so that a single   values, or STOP
             damaged record does not become a lost link

After each record of values the auxiliary times and the shown alarms are asked for once: thus an answer that is lost or
never comes costs nothing, and no answer can be taken for another, for each tells its own kind. Changes of alarms are
also asked for as they come. The alarms of the record, of which some monitors know nothing, stand beside those that the
status of the values tells; neither ends because the other is silent.

The monitor's end wants RTS and CTS: its cable holds its CTS at our RTS, which the kernel raises at the opening.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from drivers.ge_dri_cuff import CuffClock
from drivers.ge_dri_frame import INTERVAL_S, LEVELS, MAX_EXCERPT_BYTES, Ask, Framer, Request
from drivers.ge_dri_record import (
    ALARM,
    ALARM_STATUS,
    AUXILIARY,
    DISPLAYED,
    PHYSIOLOGICAL,
    Basic,
    Record,
    alarms_of,
    basic_of,
    cuff_time_of,
    is_block,
    read_record,
)
from drivers.ge_dri_values import readings_of
from drivers.model import (
    VITAL_SIGNS,
    AlarmSetChanged,
    Description,
    DeviceAlarm,
    DeviceIdentified,
    DeviceKind,
    DeviceRestarted,
    Driver,
    IdentitySupport,
    Integrity,
    LineSettings,
    NibpTime,
    Observation,
    Output,
    Rejected,
    Send,
    SessionOptions,
)

STOP_REST_S: Final = 0.2
"""Rest between the request to stop and the new one."""
NUDGE_S: Final = 1.2 * INTERVAL_S
"""How late a record of values is asked for once; what is lost is then here again before the link counts as lost."""
RESTART_S: Final = 2.5 * INTERVAL_S
"""Without values for so long, the sending is stopped and begun anew."""
POLL_MIN_S: Final = 0.8 * INTERVAL_S
"""Least time between two questions for times and alarms, however often values come."""
CLOCK_SLACK_S: Final = 2
"""So far the monitor's clock may fall back unremarked: records need not come in the order of their seconds."""

_CHANNEL: Final = "0"
_FIRST_LEVELS: Final = LEVELS[:1]
_OTHER_LEVELS: Final = LEVELS[1:]


class DriSession:
    """Asks one monitor for its displayed values every 5 s, whatever the poll interval: no monitor does it faster."""

    def __init__(self, options: SessionOptions) -> None:
        self._port = options.port
        self._framer = Framer()
        self._cuff = CuffClock()
        self._levels: tuple[int, ...] = _FIRST_LEVELS
        self._answered = True  # whether values came since they were last asked for
        self._ask_at_s: float | None = None
        self._nudge_at_s: float | None = None
        self._restart_at_s: float | None = None
        self._poll_from_s: float | None = None
        self._alarms_asked = False
        self._level_told: int | None = None
        self._clock_s: int | None = None
        self._last_values = b""
        self._of_status: tuple[DeviceAlarm, ...] | None = None
        self._of_record: tuple[DeviceAlarm, ...] = ()
        self._told: tuple[DeviceAlarm, ...] | None = None

    @property
    def round_s(self) -> float:
        """One record of values every 5 s."""
        return float(INTERVAL_S)

    @property
    def deadline_s(self) -> float | None:
        """When ``tick`` must be called next."""
        return min(
            (at_s for at_s in (self._ask_at_s, self._nudge_at_s, self._restart_at_s) if at_s is not None), default=None
        )

    @property
    def held_bytes(self) -> int:
        """How many bytes are held back; at most MAX_FRAME_BYTES."""
        return self._framer.held_bytes

    @property
    def awaited_bytes(self) -> int:
        """How many bytes of a frame are missing, at least."""
        return self._framer.awaited_bytes

    def start(self, now_s: float) -> Sequence[Output]:
        """Stop what an earlier host may have asked for, then ask."""
        return self._stop(now_s)

    def tick(self, now_s: float) -> Sequence[Output]:
        """Do what is due."""
        if self._ask_at_s is not None and now_s >= self._ask_at_s:
            self._ask_at_s = None
            self._await_values(now_s)
            return self._say(Ask.VALUES_PERIODIC)
        if self._restart_at_s is not None and now_s >= self._restart_at_s:
            return [Rejected("timeout"), *self._stop(now_s)]
        if self._nudge_at_s is not None and now_s >= self._nudge_at_s:
            self._nudge_at_s = None
            return self._say(Ask.VALUES_ONCE)
        return ()

    def feed(self, data: bytes, now_s: float) -> Sequence[Output]:
        """Take bytes in any cut; give observations, events, rejections and the next questions."""
        out: list[Output] = []
        for item in self._framer.feed(data):
            if isinstance(item, Rejected):
                out.append(item)
            else:
                out.extend(self._take(item, now_s))
        return out

    # What is said

    def _say(self, ask: Ask) -> list[Output]:
        return [Send(Request(ask, level).encode()) for level in self._levels]

    def _stop(self, now_s: float) -> list[Output]:
        if not self._answered:
            self._levels = _FIRST_LEVELS if self._levels == _OTHER_LEVELS else _OTHER_LEVELS
        self._answered = self._alarms_asked = False
        self._ask_at_s, self._nudge_at_s, self._restart_at_s = now_s + STOP_REST_S, None, None
        return self._say(Ask.VALUES_STOP)

    def _await_values(self, now_s: float) -> None:
        self._nudge_at_s, self._restart_at_s = now_s + NUDGE_S, now_s + RESTART_S

    def _poll(self, level: int, now_s: float) -> list[Output]:
        """Go on after values: wait for the next, and ask for what does not come by itself."""
        if self._ask_at_s is not None:  # they were under way when the sending was stopped
            return []
        self._answered = True
        self._levels = (max((asked for asked in self._levels if asked <= level), default=self._levels[0]),)
        self._await_values(now_s)
        if self._poll_from_s is not None and now_s < self._poll_from_s:
            return []
        self._poll_from_s = now_s + POLL_MIN_S
        changes = [] if self._alarms_asked else self._say(Ask.ALARMS_CHANGES)
        self._alarms_asked = True
        return [*self._say(Ask.AUXILIARY_ONCE), *changes, *self._say(Ask.ALARMS_ONCE)]

    # What arrives

    def _take(self, data: bytes, now_s: float) -> list[Output]:
        excerpt = data[:MAX_EXCERPT_BYTES]
        record = read_record(data)
        if record is None:
            return [Rejected("syntax", excerpt)]
        blocks = list(record.of_type(PHYSIOLOGICAL, DISPLAYED))
        auxiliary = list(record.of_type(PHYSIOLOGICAL, AUXILIARY))
        statuses = list(record.of_type(ALARM, ALARM_STATUS))
        if not all(is_block(block) for block in blocks):
            return [Rejected("length", excerpt)]
        basics = [basic for block in blocks if (basic := basic_of(block)) is not None]
        if len(basics) > 1:
            return [Rejected("syntax", excerpt)]
        if not (basics or auxiliary or statuses):
            return [Rejected("unknown_line", excerpt)]
        if basics and data == self._last_values:
            return [Rejected("unexpected", excerpt)]
        out = list(self._who(record, now_s))
        for basic in basics:
            self._last_values = data
            out.extend(self._values(record, basic, now_s))
        for times in auxiliary:
            cuff_time = cuff_time_of(times)
            if cuff_time is not None:
                self._cuff.tell(cuff_time, record.time_s, now_s)
        for status in statuses:
            out.extend(self._shown_alarms(status, now_s))
        return out

    def _who(self, record: Record, now_s: float) -> Iterator[Output]:
        if record.level != self._level_told:
            self._level_told = record.level
            model = f"GE/Datex-Ohmeda monitor, DRI level {record.level}"
            yield DeviceIdentified(self._port, _CHANNEL, now_s, serial_number="", model=model)

    def _values(self, record: Record, basic: Basic, now_s: float) -> Iterator[Output]:
        before_s, self._clock_s = self._clock_s, record.time_s
        if before_s is not None and record.time_s < before_s - CLOCK_SLACK_S:
            reason = f"the monitor's clock fell from {before_s} s to {record.time_s} s"
            yield DeviceRestarted(self._port, _CHANNEL, now_s, reason)
        self._of_status = basic.alarms()
        yield from self._tell_alarms(now_s)
        readings = readings_of(basic, self._cuff, now_s)
        yield Observation(self._port, _CHANNEL, now_s, readings, device_time=str(basic.time_s))
        yield from self._poll(record.level, now_s)

    def _shown_alarms(self, status: bytes, now_s: float) -> Iterator[Output]:
        alarms = alarms_of(status)
        if alarms is None:
            yield Rejected("length", status[:MAX_EXCERPT_BYTES])
            return
        self._of_record = alarms
        yield from self._tell_alarms(now_s)

    def _tell_alarms(self, now_s: float) -> Iterator[Output]:
        """Tell the whole set when it differs; not before a record of values told its part of it."""
        if self._of_status is None:
            return
        alarms = tuple(sorted({*self._of_status, *self._of_record}))
        if alarms != self._told:
            self._told = alarms
            yield AlarmSetChanged(self._port, _CHANNEL, now_s, alarms)


DRIVER: Final = Driver(
    name="ge-dri",
    title="GE/Datex-Ohmeda S/5 and CARESCAPE monitors (DRI computer interface)",
    kind=DeviceKind.MONITOR,
    line=LineSettings(baud=19200, data_bits=8, parity="E", stop_bits=1),
    listen_only=False,
    identity=IdentitySupport.PORT_ONLY,
    integrity=Integrity.CHECKSUM,
    nibp_time=NibpTime.DEVICE,
    freshness="time",
    experimental=True,
    channel_pattern=_CHANNEL,
    channel_help="always 0: one monitor, one channel",
    session=DriSession,
    description=Description(
        devices="GE/Datex-Ohmeda AS/3, S/5, Cardiocap/5; CARESCAPE B450, B650, B850 (legacy computer interface).",
        cable="RS-232 with RTS and CTS wired through: the monitor is silent without CTS. Connector and pins: see "
        "the monitor's technical manual.",
        settings=(
            "The serial port is set to computer interface (DRI), 19200 baud.",
            "Where the monitor was set to 115200, give `baud` in the port's table.",
        ),
        gives=VITAL_SIGNS,
        tells="Where the heart rate comes from, apnea, asystole, leads off, alarms where the monitor answers for them.",
        unknown=(
            "Values come every 5 s and no sooner: `check-config` warns that a lost link is known late.",
            "Status and label bits (source of the heart rate, age of the cuff pressure, leads, apnea): one witness.",
            "When the cuff measured is asked for and believed only if the numbers agree; else it counts from 60 s.",
            "Alarm texts over RS-232: not with every monitor, and their layout is partly guessed.",
        ),
        proof="Four independent programs agree on frames and numbers, and another program than ours decoded one record "
        "as this driver does; no transcript of a real monitor is public.",
    ),
)
