"""One sample of every content that the core publishes, for the tests of what is made of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from drivers.model import InfusionState, Validity
from edge.core.effects import (
    AlarmChanged,
    AlarmCleared,
    AlarmIndex,
    Answer,
    BedSnapshot,
    ChannelView,
    Content,
    DeviceView,
    DoseView,
    Event,
    Heartbeat,
    LimitView,
    Metric,
    PauseView,
    Prompt,
    PromptKind,
    Roster,
    SelfCheck,
    TherapyView,
)
from edge.core.model import (
    Acceptance,
    Acknowledgement,
    Alarm,
    AlarmKey,
    AlarmKind,
    Audience,
    Delivery,
    DeliveryState,
    Instant,
    LimitPassed,
    Phase,
    Priority,
    Said,
    Side,
    SignalPresence,
    Silence,
    SilenceReason,
)
from edge.core.therapy import Order
from edge.core.volume_check import VolumeCheck
from edge.messages.topics import Topics
from edge.wire import Wire
from tests.therapies import FULL

TOPICS = Topics("ward-7", "edge-1")
AT = Instant(1234.5, 1_790_000_000.25, synchronised=True)

ALARM = Alarm(
    key=AlarmKey("bed-3", "DOSE_RATE_HIGH", "pumps", "1-2"),
    occurrence="run-1/17",
    rev=3,
    kind=AlarmKind.PHYSIOLOGICAL,
    audience=Audience.NURSE,
    priority=Priority.HIGH,
    band="hard",
    present=True,
    verifiable=True,
    signal=SignalPresence.ON,
    text="Dose rate 2.60 mg/kg/h is above 2.5",
    action="Check the pump and the patient",
    onset=Instant(1200.125, 1_789_999_965.875, synchronised=False),
    changed=AT,
    value=Decimal("2.60"),
    unit="mg/kg/h",
    limit=LimitPassed(Side.HIGH, "hard", Decimal("2.5"), "ketamine-chronic-pain"),
    evidence=(("rate", "18.2 mL/h"), ("weight", "70 kg")),
    durable=True,
    event_at=Instant(1190.125, 1_789_999_955.875, synchronised=False),
    latching=True,
    returns=1,
    acknowledgement=Acknowledgement("station-a:u12", AT, 1354.5, Decimal("2.60")),
    acceptance=Acceptance("station-a:u12", AT),
    silence=Silence(SilenceReason.AUDIO_PAUSE, 1300.0, "station-a:u12"),
    now=Said(Priority.MEDIUM, "soft", "Dose rate 2.20", Decimal("2.20"), "mg/kg/h", None, (("rate", "15 mL/h"),)),
    delivery=Delivery(DeliveryState.ACCEPTED, 2, 1200.125, 2, AT, AT, AT, "station-a"),
)
ENDED = replace(ALARM, rev=4, present=False, signal=SignalPresence.OFF)
CLOCK_ALARM = Alarm(
    key=AlarmKey("", "CLOCK_UNSYNCHRONISED"),
    occurrence="run-1/2",
    rev=1,
    kind=AlarmKind.TECHNICAL,
    audience=Audience.TECHNICIAN,
    priority=Priority.LOW,
    band="",
    present=True,
    verifiable=True,
    signal=SignalPresence.ON,
    text="The clock is not synchronised",
    action="Check the network",
    onset=AT,
    changed=AT,
)
HEART_RATE = Metric(
    "heart_rate_per_min", Decimal(72), "/min", Validity.VALID, 0.4, "monitor", origin="ECG-II", note="noisy"
)
NO_SPO2 = Metric("spo2_percent", None, "%", Validity.NOT_AVAILABLE, None, "monitor")
SNAPSHOT = BedSnapshot(
    bed="bed-3",
    active=True,
    valid_for_s=4.9,
    vital_signs=(HEART_RATE, NO_SPO2),
    channels=(
        ChannelView(
            "pumps",
            "1-2",
            "up",
            InfusionState.INFUSING,
            "KETAMINE",
            (Metric("infusion_rate_ml_per_h", Decimal("18.20"), "mL/h", Validity.VALID, 1.0, "pumps/1-2"),),
            "ug/kg/min",
        ),
    ),
    doses=(
        DoseView(
            "pumps",
            "1-2",
            "ketamine",
            VolumeCheck.NOT_YET,
            "volume check not yet possible",
            61.0,
            (Metric("session_dose_low_mg", Decimal("1.1843"), "mg", Validity.VALID, 1.0, "reckoned", "ketamine"),),
            "1184 to 1190 ug",
        ),
    ),
)
IDENTITY = ("1-2", "01234", "Perfusor", "unconfirmed")
DEVICE = DeviceView(
    "pumps", "bbraun-space", experimental=True, link="up", detail="", accepted=120, rejected=1, identities=(IDENTITY,)
)
CONTENTS: dict[str, Content] = {
    "alarm": AlarmChanged(ALARM),
    "cleared": AlarmCleared(ENDED),
    "alarm-index": AlarmIndex("bed-3", (ALARM,), (("DOSE_RATE_LOW.pumps.1-2", "DEVICE_NO_FLOW.pumps.1-2"),)),
    "snapshot": SNAPSHOT,
    "therapy": TherapyView(
        "bed-3",
        "infusing",
        (
            Order(
                "pumps",
                "1-2",
                "ketamine-chronic-pain",
                Decimal("10.0"),
                Decimal(70),
                Decimal("0.50"),
                Decimal("2.0"),
                "configuration",
            ),
        ),
        (
            LimitView(
                "DOSE_RATE_HIGH",
                "soft",
                Side.HIGH,
                Decimal("2.0"),
                "mg/kg/h",
                60.0,
                Priority.MEDIUM,
                "drug library",
                port="pumps",
                channel="1-2",
                shown="2 mg/kg/h",
            ),
            LimitView(
                "HR_HIGH",
                "soft",
                Side.HIGH,
                Decimal(120),
                "/min",
                30.0,
                Priority.MEDIUM,
                "a file",
                Decimal(90),
                Decimal(140),
            ),
        ),
        (PauseView(SilenceReason.OFF_MONITOR, "station-a:u12", 2134.5),),
        durable=True,
        therapy=FULL,
        prompts=(Prompt(PromptKind.ROUND, 1840.0), Prompt(PromptKind.CONFIRM_ORDER, 1540.0, "rack", "11")),
        recovery_until_s=4540.0,
        dosing_units=(("ketamine-chronic-pain", "ug/kg/min"),),
    ),
    "roster": Roster(
        (("bed-3", "Bed 3", (("pumps", "1-2", "pump"), ("monitor", "0", "monitor"))),),
        (DEVICE,),
    ),
    "self-check": SelfCheck(7, AT, (DEVICE,), (1, 2, 3), "the disk is full"),
    "status": Heartbeat(AT),
    "event": Event(41, Phase.ESCALATE, ALARM, AT),
    "response": Answer(
        "station-a", "r-17", "accept", done=False, reason="it is over", at=AT, durable=False, said="revision 3"
    ),
}


def wire(*, stations_required: tuple[str, ...] = ("station-a",)) -> Wire:
    """An encoder for the samples."""
    return Wire(
        TOPICS,
        run="run-1",
        edge="edge-1",
        version="0.1.0",
        previous_run="run-0",
        previous_event_seq=99,
        stations_required=stations_required,
        outbox_depth=lambda: 5,
        disk_free_mb=lambda: 12_000,
    )
