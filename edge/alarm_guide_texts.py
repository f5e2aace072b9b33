"""The words of the guide to the alarms: how an alarm behaves, with the code's own numbers, and what each is called."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.model import DeviceAlarmKind
from edge.core.condition import UNKNOWN_BRIDGE_S
from edge.core.config import LimitConfig
from edge.core.delivery import DISPLAY_S, ESCALATE_S
from edge.core.inactivation import PAUSE_LIMIT_S, REPEAT_LIMIT_S
from edge.core.model import Priority, SilenceReason
from edge.core.phases import LATER_ROUND_S, RECOVERY_ROUND_S, ROUND_S, STOPPED_MAX_S
from edge.core.requests import BASIS_LIMIT_S, TEST_ALARM_S
from edge.core.rules_bolus import STANDS_S as BOLUS_STANDS_S
from edge.core.rules_disk import FREE_FILES, HELD_PERCENT
from edge.core.rules_edge import CLOCK_STEP_SHOWN_S, ERROR_SHARE, ERRORS_MIN, FLAP_S, NAME_TAKEN_SHOWN_S, SHORT_LIVES
from edge.core.rules_therapy import OVERDUE_SILENT_S
from edge.core.rules_total import UNSURE_SHARE
from edge.core.rules_vital import CUFF_HIGH_S, CUFF_MEDIUM_MAX_S, HR_APART_PER_MIN
from edge.core.signal import (
    SILENT_HIGH_ACCEPTED_S,
    SILENT_HIGH_S,
    SILENT_LOW_S,
    SILENT_MEDIUM_S,
    SILENT_SOFT_VITAL_SIGN_S,
)
from edge.core.sources import ERROR_WINDOW_S, FROZEN_AFTER_S, FROZEN_MIN_S, FROZEN_REPEATS, LINK_LIMIT_MAX_S, MEDIAN_OF
from edge.core.stations import RECEIPT_LIMIT_S
from edge.core.syringe import ASKED_S
from edge.core.view import CUFF_GRACE_S, DEAF_MAX_S
from edge.core.volume_check import EXTRA_MIN_ML, EXTRA_WINDOW_S
from edge.core.wall_clock import CLOCK_STEP_S
from edge.heard import LOST_AFTER_S

MEDIAN_LAG_S = 2.0
"""A stream's median of five is that of its middle sample, and monitors speak once a second."""

LOW, MEDIUM, HIGH = Priority.LOW, Priority.MEDIUM, Priority.HIGH
_MINUTE_S = 60


def duration(seconds: float) -> str:
    """Say a duration in whole minutes, or else in seconds."""
    whole = seconds >= _MINUTE_S and seconds % _MINUTE_S == 0
    return f"{seconds / _MINUTE_S:g} min" if whole else f"{seconds:g} s"


_LONGEST = {reason: duration(limit_s) for reason, limit_s in PAUSE_LIMIT_S.items()}
_SHOWN_BY = ", ".join(f"{one.name.lower()} {duration(DISPLAY_S[one])}" for one in (HIGH, MEDIUM, LOW))


def _levels(priority: Priority) -> str:
    steps = [f"after {duration(after_s)}" for after_s in ESCALATE_S[priority]]
    return f"| {priority.name.lower()} | {steps[0]} | {steps[1] if len(steps) > 1 else 'never'} |"


PREFACE = """\
# The alarms

For nurses, doctors, and whoever approves the limits. This page is made by `python -m edge.alarm_guide` from the tables
of the program and from the shipped `config/edge.toml` and `config/drugs.toml`, and is not edited by hand: its numbers
are the ones that run.

> **Not a certified medical device. Do not rely on this for alarms.** It adds to the bedside alarms and never replaces
> them. **All limits are examples**: a clinician, a pharmacist and an anaesthetist must approve them. **The Norwegian
> was not yet reviewed by a nurse.**

Alarms are seen, heard and taken at the nursing station's page, and at the bedside computer (below); they are seen with
`infusion-edge alarms` and `infusion-edge top` too, and in the service's log.
"""

BEHAVIOUR = f"""\
## How an alarm behaves

**Priority** says how soon somebody must be there. It is never told by colour alone.

| priority | meaning | mark | colour | light |
|---|---|---|---|---|
| high | at once | `!!!` | red | flashes twice a second |
| medium | soon | `!!` | yellow | flashes slowly, about once in two seconds |
| low | when there is time; know it | `!` | cyan | steady |

A condition may have several *bands*: soft (medium, or low), hard (high), and for some a bypass, which is high without
any delay. They are one alarm, which gets worse or better; each such change is told. Technical alarms have bands with
names of their own, such as *lost* and *lost while infusing*; the tables show them behind the priority.

```text
              beyond its limit         for its delay               silenced
  all is well ----------------> waits ---------------> SOUNDS -----------------> SHOWN, SILENT
                                  |                     ^ | |                      |   |
       back inside: nobody        |                     | | |   its time is up,    |   | its cause is over:
       was told            gone <-+                     +-|-|-- or it got worse ---+   | it was seen
                                                          | |                          v
                its cause is over, and it                 | |   its cause is over,    gone
                does not latch                    gone <--+ |   it latches, and
                                                            v   nobody had seen it
                                                         LATCHED ------- reset, or silenced ------> gone
                                                       (it sounds)
                                                            +----------- its cause is back -------> SOUNDS

  until somebody accepts it:  level 1, the bed's screens --> level 2, the ward's screens --> level 3, the nurse call
```

### How long it takes: the delays, disclosed

From the event in the patient or the pump to the sound, these add up:

1. **Until the device says it.** Monitors speak once a second, and pumps are asked once a second. A cuff pressure is
   known when the cuff has measured: **its interval is part of the delay**, 5 minutes as shipped.
2. **The filter.** The *soft* band of heart rate, SpO2 and breathing is judged on the median of the last {MEDIAN_OF}
   readings, which lags by up to {duration(MEDIAN_LAG_S)}. **A hard band, and every band of a dose, is judged on each
   reading itself.**
3. **The delay of the band**, in the tables below. It is part of the total, not beside it. It runs while the value is
   beyond; a gap of up to {duration(UNKNOWN_BRIDGE_S)} does not begin it anew, and it does not end within a gap.
4. **The way to the screen**, normally far below a second. If no required station shows an alarm in time, that is an
   alarm of its own: {_SHOWN_BY}.

A device that falls silent is known after two missed rounds and 1 s, at most {duration(LINK_LIMIT_MAX_S)}. If the
bedside computer itself was kept from looking, its devices get as much longer, at most {duration(DEAF_MAX_S)}. A station
holds a bedside computer for lost after {duration(LOST_AFTER_S)} without a word. `infusion-edge explain` tells how long
an alarm really took.

### When a value is gone, or in doubt

- **Nothing ends because data stopped.** If the value of a standing alarm is gone, the alarm stays, marked *not
  verifiable*, until a valid value says otherwise.
- **Missing data is an alarm of its own where something is expected:** at a bed that has an order, or whose pump was
  last seen infusing. At an empty bed a device may be switched off without a sound.
- **One cause, one alarm.** A technical alarm keeps back a *new soft* alarm that it explains (*held back by*, in the
  tables). **A high band is never held back, nor is a dose that is too high.** What is held back is listed with the
  bed's alarms. A soft alarm that stood before stays, with its priority and its sound, marked *not verifiable*, while
  the technical alarm that explains it is there.

### What people do about it

| act | what it does | for how long |
|---|---|---|
| **accept** | "I go": it goes up no further | until it sounds anew |
| **acknowledge** | silences it; it is still shown, and goes up until somebody accepts | see below |
| **accept and acknowledge** | the one button: both | see below |
| **reset** | ends a latched alarm, whose cause is over | for good |
| **pause** | no sound of what stands now, at one bed or at all | at most {_LONGEST[SilenceReason.AUDIO_PAUSE]} |
| **off the monitor** | no sound of the bed's alarms marked *silent off the monitor* in the tables | at most \
{_LONGEST[SilenceReason.OFF_MONITOR]} |
| **under service** | no sound of the bed's alarms marked *silent under service* in the tables | at most \
{_LONGEST[SilenceReason.SERVICE]} |
| **resume** | ends pauses | at once |

- **Silenced for:** high {duration(SILENT_HIGH_S)}, or {duration(SILENT_HIGH_ACCEPTED_S)} if accepted;
  medium {duration(SILENT_MEDIUM_S)}, but a soft vital sign {duration(SILENT_SOFT_VITAL_SIGN_S)};
  low {duration(SILENT_LOW_S)}.
- A silenced alarm **sounds again** when its time is up, when it reaches a worse band, and a soft vital sign when it is
  worse by a step (in the tables). It is then as loud as the first time, and must be accepted and seen again.
- An act counts for what was on the screen. On a screen older than {duration(BASIS_LIMIT_S)}, or on an alarm that made
  noise again since, it is refused: a late click silences nothing that came after it.
- Who silences an alarm has seen it: if its cause is over, or ends before it sounds again, the alarm goes.
- What makes quiet is on the disk before it is shown; if the disk takes nothing, it is marked so.

### Pauses

- **Every pause ends by itself**: by its time, when the broker or the last required station is lost, and when the
  bedside computer starts anew. Nothing can be switched *off*.
- **A new medium or high alarm sounds through an audio pause**, and so does one that gets worse. A low one that begins
  in a pause waits for its end.
- "Off the monitor" covers a vital sign that is missing, a sensor that is off, an overdue cuff pressure and a lost
  monitor (*silent off the monitor*, in the tables), also when they begin meanwhile. A value that is still there meets
  its limits and sounds. **It never covers a dose.**
- **"Under service"** (`infusion-edge service BED`) is for who works on the devices of a bed. It is refused while the
  bed has a patient, or a pump of it runs. It covers what is about the devices themselves, also what begins meanwhile:
  shown, kept, and calling nobody. **It covers neither a dose nor a vital sign beyond its limit:** what a patient would
  need sounds. It ends by its time, by hand (`--end`, or resume at the bed), and the moment a patient is started there.
  It alone goes on when the broker is lost and when the bedside computer starts anew.
- **An alarm that somebody silenced at the device itself** is shown so, and neither sounds nor goes up, where the device
  tells it of that alarm (IntelliVue): as long as an acknowledgement without "I go" would hold, and no longer than it is
  silenced there. Another alarm of the device sounds. What is beyond a limit of the bedside computer sounds as ever.
- **A soft cuff pressure is shown at once, and sounds when the next measurement confirms it**, or after
  {duration(REPEAT_LIMIT_S)} without one. If the next one is well, it never sounds. A hard one sounds at once.

### Who is called

While nobody accepts, an alarm goes up. Silencing or pausing it does not stop that.

| priority | level 2: all screens of the ward | level 3: the nurse call |
|---|---|---|
{_levels(HIGH)}
{_levels(MEDIUM)}
{_levels(LOW)}

An acceptance counts for the noise that was accepted; if the alarm sounds anew, it begins at level 1. If nobody had
accepted it, its level stands. An alarm does not go up while its cause is over (latched), nor while it waits for a
repeated cuff pressure or the patient is off the monitor; its time then counts from when it sounds. Alarms for the
technician never go up.

### How it ends

- The value must come *inside* its limit by the hysteresis, and stay there for the time in the tables: a value that
  swings about its limit is one alarm. The limit itself is allowed.
- **A high alarm that nobody has seen latches, if its row says *latches when high***: it stays, and sounds, when its
  cause is over, until somebody resets or silences it. These are values beyond their limits, the devices' own high
  alarms, another device than before, and a damaged store. If such a value only gets milder, the alarm stays high, and
  says beside it what is so now.
- **All others go with their cause, seen or not, high ones too:** a lost pump or monitor, an overdue cuff pressure, a
  pump without an order or without a bed, a pump that counts otherwise than it shows, an edge that is cut off, a store
  that cannot be read, screens that show nothing, and what a nurse entered in a round; and all that is low or medium.
  `infusion-edge explain` still has them.
- If the cause of a latched alarm is back, it is the same alarm, and sounds.
- After a restart of the program what stood still stands, and is not told as new. If the whole computer was restarted,
  what was silenced sounds again.
"""


def life(heart_rate: LimitConfig) -> str:
    """Tell the life of one alarm, by the limits of a high heart rate."""
    soft, hard = heart_rate.bands
    sounds_s = hard.delay_s
    accepted_s, over_s = sounds_s + 20, sounds_s + 110
    gone_s, calm = over_s + heart_rate.clear_delay_s, soft.value - heart_rate.hysteresis
    return f"""\
### An example

```text
 {_clock(0)}  The heart rate is above {hard.value} /min. After {duration(hard.delay_s)}, at {_clock(sounds_s)}, \
HR_HIGH SOUNDS, high, at the bed's screens;
       if nobody accepts it, it is on all screens of the ward at {_clock(sounds_s + ESCALATE_S[HIGH][0])}.
 {_clock(accepted_s)}  A nurse presses the one button: it is SHOWN, SILENT for {duration(SILENT_HIGH_ACCEPTED_S)}, \
and goes up no further.
 {_clock(over_s)}  The heart rate is {calm} /min or below, and stays there for {duration(heart_rate.clear_delay_s)}: \
about {_clock(gone_s)} the alarm is gone,
       since it was seen. If nobody had pressed, it would be LATCHED, and sound, until somebody does.
```
"""


def _clock(seconds: float) -> str:
    return f"{int(seconds) // _MINUTE_S}:{int(seconds) % _MINUTE_S:02}"


@dataclass(frozen=True, slots=True)
class Group:
    """A table of the page: the conditions of a kind, with a name for people."""

    title: str
    text: str
    names: dict[str, str]


def _of_device(kind: DeviceAlarmKind, name: str) -> tuple[str, str]:
    return f"DEVICE_{kind.name}", f"Device: {name}"


GROUPS = (
    Group(
        "Dose",
        "In mg/kg/h, from the pump's rate, the ordered concentration and the weight. Every band is judged on each"
        " reading itself.",
        {
            "DOSE_RATE_HIGH": "Dose too high",
            "DOSE_RATE_LOW": "Dose too low",
            "DOSE_INPUT_MISSING": "Dose cannot be reckoned",
            "DOSE_STEP_HIGH": "Dose raised too far within ten minutes",
            "DOSE_TOGETHER_HIGH": "Two channels of one drug give too much together",
            "DOSE_MASS_RATE_HIGH": "Too many milligrams in an hour",
            "DOSE_CUMULATIVE_HIGH": "Dose of this treatment too high",
            "DOSE_24H_HIGH": "Dose of 24 hours too high",
            "DOSE_BOLUS_HIGH": "A bolus that is too large, or of a drug without boli",
            "DURATION_HIGH": "Infused for too long",
            "DOSE_UNCERTAIN": "Not certain how much was given",
            "ORDER_EXCEEDED": "Dose above the order",
            "ORDER_MISMATCH": "The pump is set to something else than ordered",
            "STEP_UNCONFIRMED": "A step that nobody has confirmed",
            "ORDER_MISSING": "A pump runs without an order",
            "CHANNEL_UNBOUND": "A pump runs that belongs to no bed",
        },
    ),
    Group(
        "Flow",
        "The volume that the pump counts, held against its rate. Free flow and flow while it stands take two steps of"
        " its counter and 0.3 mL at least.",
        {
            "FREE_FLOW": "Free flow",
            "FLOW_WHILE_STOPPED": "Flow while the pump stands",
            "FLOW_MISMATCH": "The pump does not deliver what it shows",
            "EXTRA_VOLUME": "Extra volume after an occlusion",
            "INFUSION_PAUSED": "The infusion stands before its end, or only keeps the vein open",
            "SYRINGE_CHANGE": "A change of the syringe takes long",
            "SYRINGE_UNCONFIRMED": "Nobody has said what is in the new syringe",
        },
    ),
    Group(
        "Vital signs",
        f"The soft band is judged on the median of the last {MEDIAN_OF} readings, the hard one on each reading.",
        {
            "HR_HIGH": "Heart rate too high",
            "HR_LOW": "Heart rate too low",
            "HR_CLIMBING": "Heart rate climbs after a dose step",
            "SPO2_LOW": "Oxygen saturation too low",
            "RR_HIGH": "Breathing too fast",
            "RR_LOW": "Breathing too slow",
            "HR_MISSING": "No heart rate",
            "SPO2_MISSING": "No oxygen saturation",
            "RR_MISSING": "No breathing rate",
            "HR_SOURCES_DISAGREE": "Two heart rates disagree",
        },
    ),
    Group(
        "Cuff pressure",
        "Each measurement counts at once; a soft one waits for a second before it sounds (see Pauses).",
        {
            "BP_SYS_HIGH": "Systolic pressure too high",
            "BP_SYS_LOW": "Systolic pressure too low",
            "BP_CLIMBING": "Pressure climbs after a dose step",
            "BP_DIA_HIGH": "Diastolic pressure too high",
            "BP_DIA_LOW": "Diastolic pressure too low",
            "BP_MEAN_HIGH": "Mean pressure too high",
            "BP_MEAN_LOW": "Mean pressure too low",
            "NIBP_OVERDUE": "Cuff pressure overdue",
        },
    ),
    Group(
        "The patient and the therapy",
        "What a nurse found, and what is due; see the phases in docs/architecture.md.",
        {
            "CHOKING": "The patient is choking",
            "SEDATION_DEEP": "Deep sedation",
            "FLOW_IN_RECOVERY": "A pump delivers, and the infusion is over",
            "OBSERVATION_OVERDUE": "Observation round overdue",
        },
    ),
    Group(
        "Devices",
        "What a device shows itself is relayed at once, in the device's own words; what is not known, as unknown.",
        {
            "PUMP_LINK_LOST": "No data from the pump",
            "MONITOR_LINK_LOST": "No data from the monitor",
            "DATA_FROZEN": "The device repeats itself",
            "DEVICE_IDENTITY_CHANGED": "Another device, or one that does not say who it is",
            "IDENTITY_UNCONFIRMED": "A new device is to be confirmed",
            **dict(
                _of_device(kind, name)
                for kind, name in (
                    (DeviceAlarmKind.OCCLUSION_DOWNSTREAM, "occlusion below the pump"),
                    (DeviceAlarmKind.OCCLUSION_UPSTREAM, "occlusion above the pump"),
                    (DeviceAlarmKind.AIR_IN_LINE, "air in the line"),
                    (DeviceAlarmKind.NO_FLOW, "no flow"),
                    (DeviceAlarmKind.FREE_FLOW, "free flow"),
                    (DeviceAlarmKind.DOOR_OPEN, "door open"),
                    (DeviceAlarmKind.SYRINGE, "syringe not in place"),
                    (DeviceAlarmKind.RESERVOIR_EMPTY, "syringe or bag empty"),
                    (DeviceAlarmKind.RESERVOIR_NEAR_EMPTY, "syringe or bag nearly empty"),
                    (DeviceAlarmKind.INFUSION_COMPLETE, "infusion complete"),
                    (DeviceAlarmKind.INFUSION_NEAR_END, "infusion near its end"),
                    (DeviceAlarmKind.KVO_ACTIVE, "keeping the vein open (it still gives drug)"),
                    (DeviceAlarmKind.KVO_ENDED, "keeping the vein open has ended"),
                    (DeviceAlarmKind.STANDBY_EXPIRED, "standby has expired"),
                    (DeviceAlarmKind.BATTERY_LOW, "battery low"),
                    (DeviceAlarmKind.BATTERY_EMPTY, "battery empty"),
                    (DeviceAlarmKind.MALFUNCTION, "malfunction"),
                    (DeviceAlarmKind.ADVISORY, "advice"),
                    (DeviceAlarmKind.SENSOR_OFF, "sensor or electrode off"),
                    (DeviceAlarmKind.VITAL_SIGN, "a vital sign beyond the device's own limit"),
                    (DeviceAlarmKind.LIFE_THREATENING, "asystole, fibrillation, apnoea or the like"),
                    (DeviceAlarmKind.UNKNOWN, "something that is not known here"),
                )
            ),
        },
    ),
    Group(
        "Connection",
        "These belong to no bed. They tell that alarms may not reach anybody.",
        {
            "STATION_NOT_DISPLAYING": "No screen shows the alarms",
            "NORTHBOUND_LOST": "The nursing station is cut off",
            "PUBLISH_REFUSED": "The broker refuses messages",
            "LINE_ERRORS": "A line to a device is garbled",
        },
    ),
    Group(
        "The bedside computer",
        "These belong to no bed.",
        {
            "PATIENT_UNWATCHED": "A patient is at a bed that is not configured",
            "STORE_FAILED": "The disk takes nothing",
            "STORE_NOT_READ": "The store cannot be read",
            "DISK_NEARLY_FULL": "A disk is nearly full",
            "STORE_DAMAGED": "The store was damaged",
            "CONFIG_INVALID": "The configuration cannot be used",
            "BED_NOT_WATCHED": "A bed of the new configuration is not watched",
            "CLOCK_UNSYNCED": "The clock is not synchronised",
            "NAME_TAKEN": "Another computer speaks in this edge's name",
            "CERTIFICATE_ENDS": "A certificate ends",
            "CLOCK_STEP": "The clock leapt",
            "ANNUNCIATOR_FAILED": "Lamp, buzzer, nurse call and button do not work",
            "BUTTON_STUCK": "The button is stuck, or chatters",
            "CALL_HOOK_FAILED": "The command of the nurse call failed",
            "TEST_ALARM": "Test of the alarm system",
            "FOREIGN": "An alarm of another version of this program",
        },
    ),
)

_LINK = f"lost after two missed rounds of its line and 1 s, at most {duration(LINK_LIMIT_MAX_S)}"
NOTES = {
    "DOSE_CUMULATIVE_HIGH": "medium above the order's total and its tolerance, **high** above the library's hard total,"
    " at once; held against what the counter or the rate says, whichever is more, with doses by hand",
    "DOSE_24H_HIGH": "medium and **high** above the library's totals of a day, at once; over all treatments of a case",
    "DOSE_BOLUS_HIGH": "medium and **high** above the library's limits of a bolus, at once; medium for any of a drug"
    " that the library has no bolus of. The pump counts its volume while it gives one, or tells of it afterwards",
    "DURATION_HIGH": "medium and **high** above the planned time and its tolerance, in which the pump ran, at once",
    "DOSE_UNCERTAIN": f"unsure: more than {UNSURE_SHARE * 100:.0f} % of the limit may have been given while the pump"
    " was not heard, and its counter does not prove it; not known: the bedside computer was replaced",
    "FREE_FLOW": "counted beyond twice the rate",
    "FLOW_MISMATCH": "more: than 110 % of the rate; less: than 85 %; stalled: less than half. Beyond what a counter"
    " that is brought up to date once a minute may be behind",
    "EXTRA_VOLUME": f"more than {EXTRA_MIN_ML} mL beyond the rate within {duration(EXTRA_WINDOW_S)} after an occlusion",
    "HR_SOURCES_DISAGREE": f"apart: by more than {HR_APART_PER_MIN} /min, at a bed that is to have heart rate and SpO2",
    "OBSERVATION_OVERDUE": f"due each {duration(ROUND_S)} in the first hour, then each {duration(LATER_ROUND_S)} or as"
    f" ordered, and at the end of the infusion and each {duration(RECOVERY_ROUND_S)} after it;"
    f" overdue {duration(OVERDUE_SILENT_S)} later",
    "SYRINGE_UNCONFIRMED": f"asked when the pump runs with another syringe, on a silent card; medium after"
    f" {duration(ASKED_S)}; doses go on to be reckoned with the order's concentration, and say so",
    "FLOW_IN_RECOVERY": f"recovery begins when a nurse ends the infusion, or {duration(STOPPED_MAX_S)}"
    " after it stopped",
    "NIBP_OVERDUE": f"low after the interval and {duration(CUFF_GRACE_S)}; medium after twice the interval, at most"
    f" {duration(CUFF_MEDIUM_MAX_S)}, and not before low; high after {duration(CUFF_HIGH_S)} while a pump infuses, and"
    " not before low",
    "PUMP_LINK_LOST": _LINK,
    "MONITOR_LINK_LOST": _LINK,
    "DATA_FROZEN": "frozen: a device that tells a time of its own says the very same again with the same time,"
    f" {FROZEN_REPEATS} times and for {duration(FROZEN_MIN_S)}, or for {duration(FROZEN_AFTER_S)}; none of it counts",
    "STATION_NOT_DISPLAYING": f"a page counts for {duration(RECEIPT_LIMIT_S)} after its last word",
    "NORTHBOUND_LOST": f"a connection that comes and goes within {duration(FLAP_S)} counts as lost, and so does "
    f"each after {SHORT_LIVES} in a row that lived no longer, until one has; and a broker that refuses the alarms",
    "LINE_ERRORS": f"garbled: more than {ERROR_SHARE * 100:g} % and at least {ERRORS_MIN} messages of the last"
    f" {duration(ERROR_WINDOW_S)}",
    "DISK_NEARLY_FULL": f"bytes, or fewer files than {FREE_FILES[0]} and {FREE_FILES[1]} can be made; ends when"
    f" {HELD_PERCENT - 100} % more than that is free",
    "NAME_TAKEN": f"shown for {duration(NAME_TAKEN_SHOWN_S)} after the last sign of it",
    "CLOCK_STEP": f"by more than {duration(CLOCK_STEP_S)}; shown for {duration(CLOCK_STEP_SHOWN_S)}",
    "TEST_ALARM": f"for {duration(TEST_ALARM_S)}",
    "FOREIGN": "as that version had it",
}
"""What the bands of an alarm do not say by themselves."""

_WITH_TREATMENT = "with another treatment, or a changed order<br>latches when high"
ENDS = {
    "SYRINGE_UNCONFIRMED": "when somebody confirms what is in the syringe, or an order with its concentration",
    "DOSE_CUMULATIVE_HIGH": _WITH_TREATMENT,
    "DOSE_24H_HIGH": f"when enough of it is a day old, {_WITH_TREATMENT}",
    "DOSE_BOLUS_HIGH": f"{duration(BOLUS_STANDS_S)} after the bolus<br>latches when high",
    "DURATION_HIGH": _WITH_TREATMENT,
    "DOSE_UNCERTAIN": "when it is said how much was given (`settle-dose`), or with another treatment",
    "CHOKING": "when a later round finds another airway",
    "SEDATION_DEEP": "when a later round finds another sedation",
    "OBSERVATION_OVERDUE": "with the round",
    "FLOW_IN_RECOVERY": "when the pump stops, or another person confirmed the order anew",
    "PATIENT_UNWATCHED": "when the bed is configured again, or the therapy is closed with a reason",
    "STORE_NOT_READ": "when the store was read",
    "STORE_DAMAGED": "with the next start of the program",
    "CONFIG_INVALID": "when a good configuration is loaded, or at the next start with one",
    "BED_NOT_WATCHED": "when a good configuration is loaded, or at the next start with one",
    "NAME_TAKEN": "by itself",
    "CLOCK_STEP": "by itself",
    "TEST_ALARM": "by itself",
    "CALL_HOOK_FAILED": "when the command succeeds the next time",
    "FOREIGN": "when somebody resets it",
    "DEVICE_IDENTITY_CHANGED": "when the right device tells its number, or a nurse confirms this one (if not pinned)",
    "IDENTITY_UNCONFIRMED": "when a nurse confirms it, or the known device is back",
}
"""How those end that do not end when the cause is no longer seen."""
