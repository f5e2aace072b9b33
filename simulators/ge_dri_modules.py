"""The measuring modules of a GE/Datex-Ohmeda monitor: what is plugged in and measured, as groups of a DRI record.

A group without a module says "does not exist"; one whose sensor is off exists and does not measure; one that has no
value yet measures and has none. None of them is ever zero. Written from public descriptions of the format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import IntEnum, IntFlag

from simulators.ge_dri_records import FIELDS, Group, GroupState, Special, raw
from simulators.patient import Vitals

CUFF_FRESH_S = 60.0  # after it, the label of the cuff pressure says "older than 60 s"
AMBIENT_MMHG = 760
USUAL_GROUPS = frozenset({Group.ECG, Group.P1, Group.NIBP, Group.T1, Group.SPO2, Group.CO2})

_EXISTS, _ACTIVE, _LEADS_OFF = 0x1, 0x2, 0x3800
_HR_SOURCE_SHIFT = 3
_NIBP_OLD = 0x100
_LABEL_MAX, _STATUS_MAX = 0xFFFF, 0xFFFF_FFFF


class HrSource(IntEnum):
    """What the heart rate of the ECG group is counted from."""

    UNKNOWN = 0
    ECG = 1
    P1 = 2
    P2 = 3
    P3 = 4
    P4 = 5
    PLETH = 6
    P5 = 7
    P6 = 8
    ECG_MORTARA = 9
    P7 = 10
    P8 = 11
    PLETH_2 = 12


_SOURCE_GROUPS = {source: Group(source.name) for source in HrSource if source.name in Group.__members__} | {
    HrSource.UNKNOWN: Group.ECG,
    HrSource.ECG_MORTARA: Group.ECG,
    HrSource.PLETH: Group.SPO2,
    HrSource.PLETH_2: Group.SPO2_2,
}


class EcgStatus(IntFlag):
    """Bits for ``mark`` of the ECG; its leads go off with ``switch_off``."""

    ASYSTOLE = 0x004
    NOISE = 0x080
    ARTIFACT = 0x100
    LEARNING = 0x200
    PACER_ON = 0x400


class Co2Status(IntFlag):
    """Bits for ``mark`` of CO2."""

    APNEA_CO2 = 0x004
    CALIBRATING = 0x008
    ZEROING = 0x010
    OCCLUSION = 0x020
    AIR_LEAK = 0x040
    APNEA_RESP = 0x080
    APNEA_DEACTIVATED = 0x100
    WET = 0x200


class NibpLabel(IntFlag):
    """Bits for ``set_label`` of the cuff; "older than 60 s" comes by itself."""

    INFANT = 0x01
    CHILD = 0x02
    ADULT = 0x03
    AUTO = 0x08
    STAT = 0x10
    MEASURING = 0x20
    STASIS = 0x40
    CALIBRATING = 0x80


class MeasuringModules:
    """The modules of one monitor; ``vitals`` is asked once a record and once a cuff measurement.

    Labels are at first lead II, an arterial line on P1, and an adult's cuff. ``hr_source`` may be set at any time.
    """

    def __init__(self, vitals: Callable[[float], Vitals], fitted: frozenset[Group]) -> None:
        self.hr_source = HrSource.ECG
        self._vitals = vitals
        self._fitted = set(fitted)
        self._off: dict[Group, bool] = {}
        self._set: dict[tuple[Group, str], int] = {}
        self._labels = {Group.ECG: 2, Group.P1: 1, Group.NIBP: int(NibpLabel.ADULT)}
        self._marks: dict[Group, int] = {}
        self._cuff: dict[str, int | None] = {}
        self._cuff_at_s: float | None = None
        self.nibp_unix_s = 0

    def plug_in(self, group: Group) -> None:
        """Plug a module in."""
        self._fitted.add(group)

    def unplug(self, group: Group) -> None:
        """Take a module out: its group does not exist."""
        self._fitted.discard(group)

    def switch_off(self, group: Group, *, still_active: bool = False) -> None:
        """Take a sensor off: no values, also none that were set. ``still_active`` leaves the status as it was.

        A heart rate that is counted from elsewhere stays while the ECG is off.
        """
        self._off[group] = still_active

    def switch_on(self, group: Group) -> None:
        """Put a sensor back."""
        self._off.pop(group, None)

    def set_value(self, group: Group, field: str, value: Decimal | Special | None) -> None:
        """Let a field of ``FIELDS`` say this, in its unit, whatever is measured; ``None`` ends it.

        A value that the field cannot hold is sent as over or under range. Raises ``ValueError`` for a field that the
        group lacks, and for a value that is not finite.
        """
        if field not in FIELDS[group]:
            raise ValueError(f"{group} has no {field!r}")
        if value is None:
            self._set.pop((group, field), None)
        else:
            self._set[group, field] = value if isinstance(value, Special) else raw(group, field, value)

    def set_label(self, group: Group, label: int) -> None:
        """Set what a group says of itself: lead, site of a pressure, agent, cuff. ``ValueError`` beyond 16 bits."""
        if not 0 <= label <= _LABEL_MAX:
            raise ValueError(f"label {label}")
        self._labels[group] = label

    def mark(self, group: Group, bits: int) -> None:
        """Set these bits of a status beside those that come by themselves. Raises ``ValueError`` beyond 32 bits."""
        if not 0 <= bits <= _STATUS_MAX:
            raise ValueError(f"status {bits}")
        self._marks[group] = bits

    def measure_cuff(self, now_s: float, unix_s: int) -> None:
        """Measure with the cuff, at this time of the monitor's clock; a cuff that is off changes nothing."""
        if self._is_on(Group.NIBP):
            vitals = self._vitals(now_s)
            self._cuff = {
                "sys": vitals.nibp_sys_mmhg,
                "dia": vitals.nibp_dia_mmhg,
                "mean": vitals.nibp_mean_mmhg,
                "pr": vitals.nibp_pulse_rate_per_min,
            }
            self._cuff_at_s, self.nibp_unix_s = now_s, unix_s

    def forget_cuff(self) -> None:
        """Forget the last cuff measurement, as at power on."""
        self._cuff, self._cuff_at_s, self.nibp_unix_s = {}, None, 0

    def states(self, now_s: float) -> Mapping[Group, GroupState]:
        """Return every group as it is to be sent now."""
        measured = self._measured(self._vitals(now_s))
        states = {}
        for group, fields in FIELDS.items():
            values = tuple(self._value(group, field, measured.get(group, {}).get(field)) for field in fields)
            states[group] = GroupState(self._status(group), self._label(group, now_s), values)
        return states

    def _measured(self, vitals: Vitals) -> dict[Group, dict[str, int | Decimal | None]]:
        heart_rate, breathing = vitals.heart_rate_per_min, vitals.respiratory_rate_per_min
        etco2_mmhg = vitals.etco2_mmhg
        etco2_percent = None if etco2_mmhg is None else Decimal(100 * etco2_mmhg) / AMBIENT_MMHG
        return {
            Group.ECG: {"hr": heart_rate, "imp_rr": breathing},
            Group.ECG_EXTRA: {"hr_ecg": heart_rate},
            Group.P1: {
                "sys": vitals.ibp_sys_mmhg,
                "dia": vitals.ibp_dia_mmhg,
                "mean": vitals.ibp_mean_mmhg,
                "pr": None if vitals.ibp_mean_mmhg is None else heart_rate,
            },
            Group.NIBP: dict(self._cuff),
            Group.SPO2: {
                "spo2": vitals.spo2_percent,
                "pr": None if vitals.spo2_percent is None else heart_rate,
            },
            Group.CO2: {
                "et": etco2_percent,
                "rr": None if etco2_mmhg is None else breathing,
                "amb": AMBIENT_MMHG,
            },
        }

    def _value(self, group: Group, field: str, measured: int | Decimal | None) -> int:
        measures = self._is_on(Group.ECG if group is Group.ECG_EXTRA else group)
        if (group, field) == (Group.ECG, "hr"):
            measures = Group.ECG in self._fitted and self._is_on(_SOURCE_GROUPS[self.hr_source])
        if not measures:
            return Special.NONE
        if (group, field) in self._set:
            return self._set[group, field]
        return Special.NONE if measured is None else raw(group, field, Decimal(measured))

    def _status(self, group: Group) -> int:
        if group not in self._fitted:
            return 0
        active = self._off.get(group, True)
        status = _EXISTS | self._marks.get(group, 0)
        if group is Group.ECG:
            status |= self.hr_source << _HR_SOURCE_SHIFT
            if group in self._off:
                status |= _LEADS_OFF
                active |= self._is_on(_SOURCE_GROUPS[self.hr_source])
        return status | _ACTIVE if active else status

    def _label(self, group: Group, now_s: float) -> int:
        if group not in self._fitted:
            return 0
        label = self._labels.get(group, 0)
        old = group is Group.NIBP and self._cuff_at_s is not None and now_s - self._cuff_at_s > CUFF_FRESH_S
        return label | _NIBP_OLD if old else label

    def _is_on(self, group: Group) -> bool:
        return group in self._fitted and group not in self._off
