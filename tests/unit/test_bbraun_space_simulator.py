"""The simulated Space rack, held against literals of the sheet; frames are taken apart here, not by its own code."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from simulators.bbraun_parameters import UNIT_CODES, BitNotation
from simulators.bbraun_space import MAX_PENDING_ANSWERS, MAX_RECORDS, MAX_VIOLATIONS, SpaceOptions, SpaceRack
from simulators.bbraun_wire import MAX_HOST_FRAME_BYTES, HostSaid
from simulators.pump import PumpModel
from simulators.pump_terms import PumpAlarm, PumpSpec, Therapy

ALIVE_PLAIN = bytes.fromhex(
    "01 30 30 30 33 31 02 31 2f 31 2f 31 3e 41 44 4d 49 4e 3a 41 4c 49 56 45 03 30 30 30 36 31 04"
)
ALIVE_STUFFED = bytes.fromhex(
    "01 30 30 30 33 31 02 31 2f 31 2f 31 3e 41 45 58 4d 49 4e 3a 41 4c 49 56 45 45 03 30 30 30 36 31 04"
)
GET_PLAIN = b"\x0100030\x02ICU3/1/1>MEM:GET\x0300004\x04"
GET_STUFFED = b"\x0100030\x02ICU3/1/1>MEEM:GEET\x0300004\x04"
GOLDEN = (
    b"\x0100114\x02ICU3/1/1>9,50113,INRT,12.50\x1e9,50113,INDORT,4.000\x1e9,50113,INDORTU,69"
    b"\x1e9,50113,PATW,70.0\x1e9,50113,INA3,1\x0300223\x04"
)
ACK = b"\x06"
NAK = b"\x15"
PLAIN = SpaceOptions(stuffing=False)
RATE_ONLY = SpaceOptions(stuffing=False, parameters=frozenset({"INRT"}))
KETAMINE = Therapy(
    drug="Ketamine", drug_short="Ketamin", concentration=Decimal("22.4"), weight_kg=Decimal(70), dose_mode=True
)


def frame(text: str) -> bytes:
    body = b"\x01%05d\x02%b\x03" % (14 + len(text), text.encode())
    return body + b"%05d\x04" % (sum(body) % 256)


def taken_apart(data: bytes) -> tuple[str, bytes]:
    """Return the text after the bedId of one whole unstuffed frame, and its ending byte, having checked the frame."""
    assert data[:1] == b"\x01"
    assert data[-1:] == b"\x04"
    assert int(data[1:6]) == len(data)
    assert int(data[-6:-1]) == sum(data[:-6]) % 256
    text = data[7:-7].decode()
    assert text.startswith("ICU3/1/1>")
    return text.removeprefix("ICU3/1/1>"), data[-7:-6]


def blocks(rack: SpaceRack, now_s: float, request: bytes = GET_PLAIN) -> list[list[str]]:
    """Ask, acknowledge each block, and return the quadruples of each; the last one alone ends with ETX."""
    got = []
    data = rack.feed(request, now_s)
    while data:
        text, end = taken_apart(data)
        got.append(text.split("\x1e"))
        data = rack.feed(ACK, now_s)
        assert end == (b"\x17" if data else b"\x03")
    return got


def values(rack: SpaceRack, now_s: float) -> dict[str, str]:
    """Return what the only pump of the rack says now."""
    (block,) = blocks(rack, now_s)
    quadruples = (text.split(",", 3) for text in block)
    return {key: value for _, at, key, value in quadruples if at != "50100"}


def started(rack: SpaceRack, now_s: float = 0) -> SpaceRack:
    assert rack.start(now_s) == b""
    return rack


def ketamine_pump() -> PumpModel:
    pump = PumpModel(therapy=KETAMINE)
    pump.set_rate(0, Decimal("12.5"))
    return pump


def test_alive_is_answered_with_the_bed_id_plain() -> None:
    assert started(SpaceRack(PLAIN)).feed(ALIVE_PLAIN, 7) == frame("ICU3/1/1>7,50100,GNACK,0")


def test_alive_is_answered_with_the_bed_id_stuffed() -> None:
    rack = started(SpaceRack(SpaceOptions(bed_id="BED1")))
    plain = frame("BED1/1/1>7,50100,GNACK,0")
    assert rack.feed(ALIVE_STUFFED, 7) == plain.replace(b"BED1", b"BEEEX1")
    assert rack.violations == []


@pytest.mark.parametrize(("stuffing", "request_bytes"), [(True, ALIVE_PLAIN), (False, ALIVE_STUFFED)])
def test_the_wrong_stuffing_is_bad_syntax(stuffing: bool, request_bytes: bytes) -> None:
    rack = started(SpaceRack(SpaceOptions(stuffing=stuffing)))
    assert b"0,50100,GNERR,68" in rack.feed(request_bytes, 0).replace(b"EE", b"E")
    assert rack.violation_count == 1


def test_destuffing_is_one_pass() -> None:
    rack = started(SpaceRack(SpaceOptions(bed_id="EX")))  # travels as EEX, which a search for "EX" would spoil
    answer = rack.feed(frame("EX/1/1>ADMIN:VERSION").replace(b"EX/", b"EEX/").replace(b"DMIN:VE", b"EXMIN:VEE"), 0)
    assert answer == frame("EX/1/1>0,50100,V3.30").replace(b"EX/", b"EEX/")


def test_the_golden_data_frame() -> None:
    keys = frozenset({"INRT", "INDORT", "INDORTU", "PATW", "INA3"})
    pump = ketamine_pump()
    pump.start(0)
    pump.raise_alarm(0, PumpAlarm.OCCLUSION)
    rack = started(SpaceRack(SpaceOptions(stuffing=False, parameters=keys), {(1, 3): pump}))
    assert rack.feed(GET_PLAIN, 9.9) == GOLDEN
    assert len(GOLDEN) == 114


def test_version_is_a_triple() -> None:
    rack = started(SpaceRack(PLAIN))
    assert blocks(rack, 12, frame("ICU3/1/1>ADMIN:VERSION")) == [["12,50100,V3.30"]]


def test_each_pump_has_a_block_and_the_rack_comes_with_the_first() -> None:
    options = SpaceOptions(stuffing=False, pillars=2, parameters=frozenset({"FMNOR", "FMRT", "INRT"}))
    rack = started(SpaceRack(options, {(2, 24): PumpModel(), (1, 10): PumpModel(), (1, 9): PumpModel()}))
    assert blocks(rack, 3) == [
        ["3,50100,FMNOR,2", "3,50100,FMRT,FMS1NSNS", "3,50119,INRT,0.00"],
        ["3,5011A,INRT,0.00"],
        ["3,5012O,INRT,0.00"],
    ]


def test_six_character_addresses() -> None:
    options = SpaceOptions(stuffing=False, parameters=frozenset({"INRT"}), six_character_addresses=True)
    rack = started(SpaceRack(options, {(1, 12): PumpModel()}))
    assert blocks(rack, 0) == [["0,501112,INRT,0.00"]]


def test_getslot_answers_for_that_slot_alone() -> None:
    rack = started(SpaceRack(RATE_ONLY, {(1, 3): PumpModel(), (1, 13): PumpModel()}))
    assert blocks(rack, 0, frame("ICU3/1/1>MEM:GETSLOT#1D")) == [["0,5011D,INRT,0.00"]]


@pytest.mark.parametrize("where", ["14", "33", "43", "03", "10", "1P"])
def test_getslot_of_a_slot_that_is_not_there(where: str) -> None:
    rack = started(SpaceRack(RATE_ONLY, {(1, 3): PumpModel()}))
    assert blocks(rack, 0, frame(f"ICU3/1/1>MEM:GETSLOT#{where}")) == [["0,50100,GNERR,811"]]
    assert rack.violations == []


@pytest.mark.parametrize(
    "text", ["ICU4/1/1>MEM:GET", "1/1/1>MEM:GET", "ICU3/1/1>ADMIN:ALIVE", "ICU4/1/1>ADMIN:VERSION"]
)
def test_another_bed_id_is_refused(text: str) -> None:
    rack = started(SpaceRack(RATE_ONLY, {(1, 3): PumpModel()}))
    assert blocks(rack, 0, frame(text)) == [["0,50100,GNERR,68"]]
    assert rack.violations == []  # one of the four requests all the same


def test_a_rack_without_pumps_has_no_data() -> None:
    assert blocks(started(SpaceRack(RATE_ONLY)), 5) == [["5,50100,GNERR,11"]]


def test_a_removed_pump_is_told_once() -> None:
    first, second = PumpModel(), PumpModel()
    rack = started(SpaceRack(RATE_ONLY, {(1, 1): first, (1, 2): second}))
    blocks(rack, 0)
    assert rack.remove((1, 1)) is first
    assert blocks(rack, 1) == [["1,50111,GNERR,39"], ["1,50112,INRT,0.00"]]
    assert blocks(rack, 2) == [["2,50112,INRT,0.00"]]
    with pytest.raises(KeyError):
        rack.pump((1, 1))


def test_a_model_is_new_once_per_insertion() -> None:
    options = SpaceOptions(stuffing=False, parameters=frozenset({"GNNEW", "GNMODEL", "INSERNUM"}))
    rack = started(SpaceRack(options, {(1, 1): PumpModel(PumpSpec(model="688K\r", serial_number="111"))}))
    assert blocks(rack, 0) == [["0,50111,GNNEW,688K\r", "0,50111,INSERNUM,111"]]
    assert blocks(rack, 1) == [["1,50111,GNMODEL,688K\r", "1,50111,INSERNUM,111"]]
    rack.remove((1, 1))
    rack.insert((1, 1), PumpModel(PumpSpec(model="686K", serial_number="222")))
    assert blocks(rack, 2) == [["2,50111,GNERR,39"], ["2,50111,GNNEW,686K", "2,50111,INSERNUM,222"]]
    assert blocks(rack, 3) == [["3,50111,GNMODEL,686K", "3,50111,INSERNUM,222"]]


def test_a_power_cycle_starts_the_clock_and_shows_every_pump_anew() -> None:
    options = SpaceOptions(stuffing=False, parameters=frozenset({"GNNEW", "GNMODEL"}))
    rack = started(SpaceRack(options, {(1, 1): PumpModel(PumpSpec(model="688K"))}), 1000)
    assert blocks(rack, 1060.9) == [["60,50111,GNNEW,688K"]]
    rack.start(1100)
    assert blocks(rack, 1101) == [["1,50111,GNNEW,688K"]]


def test_nak_repeats_the_last_block_as_it_was() -> None:
    pump = ketamine_pump()
    rack = started(SpaceRack(RATE_ONLY, {(1, 1): pump, (1, 2): PumpModel()}))
    first = rack.feed(GET_PLAIN, 0)
    pump.set_rate(1, Decimal(50))
    assert rack.feed(NAK, 1) == first
    second = rack.feed(ACK, 1)
    assert taken_apart(second) == ("0,50112,INRT,0.00", b"\x03")
    assert rack.feed(ACK, 1) == b""
    assert rack.feed(NAK, 1) == b""  # nothing is in flight any more
    assert rack.feed(ACK, 1) == b""


def test_a_new_request_restarts_with_fresh_values() -> None:
    pump = ketamine_pump()
    rack = started(SpaceRack(RATE_ONLY, {(1, 1): pump, (1, 2): PumpModel()}))
    rack.feed(GET_PLAIN, 0)
    pump.set_rate(1, Decimal(50))
    assert blocks(rack, 1) == [["1,50111,INRT,50.00"], ["1,50112,INRT,0.00"]]


def test_a_late_answer_comes_after_its_delay_also_when_the_host_has_asked_again() -> None:
    rack = started(SpaceRack(RATE_ONLY, {(1, 1): PumpModel()}))
    rack.answer_delay_s = 3.0
    assert rack.feed(GET_PLAIN, 10) == b""
    assert rack.deadline_s == 13.0
    rack.answer_delay_s = 0.0
    assert rack.feed(frame("ICU3/1/1>ADMIN:VERSION"), 12) == b""  # the line keeps its order
    late = rack.tick(13)
    assert late == frame("ICU3/1/1>10,50111,INRT,0.00") + frame("ICU3/1/1>12,50100,V3.30")
    assert rack.deadline_s is None


def test_a_babbling_host_gets_a_bounded_number_of_answers() -> None:
    rack = started(SpaceRack(RATE_ONLY, {(1, 1): PumpModel()}))
    once = len(rack.feed(GET_PLAIN, 0))
    assert len(rack.feed(NAK * MAX_PENDING_ANSWERS, 0)) == once * MAX_PENDING_ANSWERS
    assert rack.dropped_answers == 0
    assert len(rack.feed(NAK * 1000, 0)) == once * MAX_PENDING_ANSWERS
    assert rack.dropped_answers == 1000 - MAX_PENDING_ANSWERS


def test_what_the_pump_says_of_a_running_infusion() -> None:
    pump = ketamine_pump()
    pump.set_vtbi(0, Decimal(25))
    pump.start(0)
    rack = started(SpaceRack(PLAIN, {(1, 3): pump}))
    said = values(rack, 3600)
    wanted = {
        "INRT": "12.50", "INVTB": "25.00", "VOLREMAIN": "12.50", "INVI": "12.50", "INRMT": "3600", "INVOLACT": "37.50",
        "INSYR": "50", "INSOL": "Ketamine", "INSOLSN": "Ketamin", "INSOLID": "_NV", "INDCON": "22.400", "INDCONU": "31",
        "INDOCAL": "1", "INDORT": "4.000", "INDORTU": "69", "DORT": "4.000", "DORTU": "69", "PATW": "70.0",
        "INBOVAL": "_NV", "INBOCNT": "0", "BOLTYPE": "0", "INAVRT": "_NV", "INM1": "0", "INM2": "0", "INM3": "1",
        "INM6": "0", "INM8": "1", "INM10": "0", "INM14": "0", "INA3": "0", "INA7": "0", "INA10": "_NV", "INP1": "0",
        "INP2": "0", "DSSTATUS": "00051", "RUNSTATE": "2", "OPMODE": "0", "ACTCHAN": "1",
    }  # fmt: skip
    assert wanted.items() <= said.items()
    assert not {"ALARM1", "ALARM2", "PREALARM", "STATUS1", "STATUS2"} & said.keys()


def test_what_the_pump_says_without_a_therapy() -> None:
    said = values(started(SpaceRack(PLAIN, {(1, 3): PumpModel(PumpSpec(syringe_ml=None))})), 0)
    unknown = ("INSOL", "INDCON", "INDCONU", "INDORT", "INDORTU", "PATW", "INVTB", "VOLREMAIN", "INVOLACT", "INSYR")
    assert {said[key] for key in unknown} == {"_NV"}
    assert (said["INRMT"], said["INM1"], said["INM3"], said["RUNSTATE"]) == ("65535", "1", "0", "1")


def test_what_is_typed_into_the_pump_is_told() -> None:
    pump = PumpModel()
    rack = started(SpaceRack(PLAIN, {(1, 3): pump}))
    assert values(rack, 0)["INSOL"] == "_NV"
    assert pump.set_therapy(1, KETAMINE)
    said = values(rack, 1)
    assert (said["INSOL"], said["PATW"], said["INDCON"]) == ("Ketamine", "70.0", "22.400")
    pump.power_off(2)
    assert not pump.set_therapy(3, Therapy())


def test_a_pump_that_is_off_says_little() -> None:
    pump = ketamine_pump()
    pump.power_off(0)
    said = values(started(SpaceRack(PLAIN, {(1, 3): pump})), 0)
    assert {key: value for key, value in said.items() if value != "_NV"} == {
        "GNNEW": "688K030001",
        "DSSTATUS": "00050",
        "INSERNUM": "012345",
    }


def test_boli_and_average_rate_are_counted_from_request_to_request() -> None:
    pump = ketamine_pump()
    pump.start(0)
    keys = frozenset({"INBOCNT", "INBOVAL", "INAVRT", "BOLTYPE", "INM2", "INBORT"})
    rack = started(SpaceRack(SpaceOptions(stuffing=False, parameters=keys), {(1, 3): pump}))
    values(rack, 0)
    pump.bolus(100, Decimal(2), Decimal(200))
    during = values(rack, 118)
    assert (during["INM2"], during["BOLTYPE"], during["INBOCNT"], during["INBORT"]) == ("1", "2", "0", "200.00")
    after = values(rack, 136)
    assert (after["INBOCNT"], after["INBOVAL"], after["INAVRT"]) == ("1", "2.00", "200.00")
    assert (values(rack, 236)["INBOCNT"], values(rack, 336)["INAVRT"]) == ("0", "12.50")


def test_the_count_of_boli_ends_at_nine() -> None:
    pump = ketamine_pump()
    pump.start(0)
    rack = started(SpaceRack(SpaceOptions(stuffing=False, parameters=frozenset({"INBOCNT"})), {(1, 3): pump}))
    values(rack, 0)
    for second in range(12):
        pump.bolus(second)
        pump.end_bolus(second + 0.5)
    assert values(rack, 60) == {"INBOCNT": "9"}


FLAG_OF = [
    (PumpAlarm.BATTERY_EMPTY, "INA1", "ALARM1", 1 << 2),
    (PumpAlarm.SYRINGE_EMPTY, "INA2", "ALARM1", 1 << 9),
    (PumpAlarm.OCCLUSION, "INA3", "ALARM1", 1 << 10),
    (PumpAlarm.STANDBY_END, "INA5", "ALARM1", 1 << 12),
    (PumpAlarm.END_OF_VOLUME, "INA7", "ALARM1", 1 << 13),
    (PumpAlarm.TIME_OVER, "INA8", "ALARM1", 1 << 14),
    (PumpAlarm.SYRINGE, "INA9", "ALARM1", 1 << 17),
    (PumpAlarm.BATTERY_NEAR_EMPTY, "INA11", "PREALARM", 1 << 4),
    (PumpAlarm.DOOR_OPEN, "INA13", "ALARM2", 1 << 30),
    (PumpAlarm.DROPS, "INA14", "ALARM1", 1 << 22),
    (PumpAlarm.AIR, "INA15", "ALARM1", 1 << 28),
    (PumpAlarm.KVO_END, "INA16", "ALARM1", 1 << 19),
]


@pytest.mark.parametrize(("alarm", "flag", "word", "bit"), FLAG_OF)
def test_each_alarm_has_one_flag_or_one_bit(alarm: PumpAlarm, flag: str, word: str, bit: int) -> None:
    pump = PumpModel()
    pump.raise_alarm(0, alarm)
    by_flag = values(started(SpaceRack(PLAIN, {(1, 3): pump})), 0)
    assert [key for key, value in by_flag.items() if key.startswith("INA") and value == "1"] == [flag]
    by_bit = values(started(SpaceRack(SpaceOptions(stuffing=False, bit_fields=True), {(1, 3): pump})), 0)
    words = {key: by_bit[key] for key in ("ALARM1", "ALARM2", "PREALARM")}
    assert words == {"ALARM1": "0", "ALARM2": "0", "PREALARM": "0"} | {word: str(bit)}
    assert not [key for key in by_bit if key.startswith(("INA1", "INM1", "INA3"))]


@pytest.mark.parametrize(
    ("notation", "text"),
    [(BitNotation.DECIMAL, "1024"), (BitNotation.HEX, "0x00000400"), (BitNotation.HEX_H, "0x00000400h")],
)
def test_notations_of_a_bit_field(notation: BitNotation, text: str) -> None:
    pump = PumpModel()
    pump.raise_alarm(0, PumpAlarm.OCCLUSION)
    options = SpaceOptions(stuffing=False, bit_fields=True, bit_notation=notation)
    assert values(started(SpaceRack(options, {(1, 3): pump})), 0)["ALARM1"] == text


def test_status_bits() -> None:
    keys = frozenset({"STATUS1", "STATUS2", "PREALARM", "RUNSTATE"})
    pump = ketamine_pump()
    rack = started(SpaceRack(SpaceOptions(stuffing=False, bit_fields=True, parameters=keys), {(1, 3): pump}))
    always = 1 << 0 | 1 << 1 | 1 << 12 | 1 << 15 | 1 << 17 | 1 << 23  # on, mains, KVO set, dose mode, weight, primary

    def status1(now_s: float) -> int:
        said = values(rack, now_s)
        assert said["STATUS2"] == "_NV"
        return int(said["STATUS1"])

    assert status1(0) == always | 1 << 6
    pump.purge(0, Decimal(2))
    assert status1(1) == always | 1 << 4
    pump.stop(2)
    pump.set_vtbi(2, Decimal(1))
    pump.start(2)
    always |= 1 << 8  # therapy started
    assert status1(3) == always | 1 << 7 | 1 << 9
    pump.bolus(3)
    assert status1(4) == always | 1 << 7 | 1 << 10
    pump.end_bolus(4)
    pump.bolus(4, Decimal("0.1"))
    assert status1(4.5) == always | 1 << 7 | 1 << 11
    assert status1(400) == always | 1 << 7 | 1 << 13  # KVO
    pump.acknowledge(400)
    said = values(rack, 401)
    assert int(said["STATUS1"]) == always | 1 << 7 | 1 << 13 | 1 << 19 | 1 << 20
    assert (said["PREALARM"], said["RUNSTATE"]) == (str(1 << 5), str(1 << 1 | 1 << 2 | 1 << 3 | 1 << 5))
    pump.stop(402)
    pump.set_mains(402, connected=False)
    pump.set_vtbi(402, None)
    pump.standby(402, minutes=5)
    assert status1(403) == always & ~(1 << 1) | 1 << 2
    pump.power_off(404)
    assert status1(404) == 0


def test_kvo_and_pressure_in_flags() -> None:
    pump = ketamine_pump()
    pump.set_vtbi(0, Decimal("12.5"))
    pump.start(0)
    rack = started(SpaceRack(PLAIN, {(1, 3): pump}))
    kvo = values(rack, 3700)
    assert (kvo["INM3"], kvo["INM10"], kvo["INA7"], kvo["INA16"], kvo["INRT"]) == ("1", "1", "1", "0", "12.50")
    assert kvo["DORT"] == "0.320"  # 1 mL/h of 22.4 mg/mL in 70 kg
    pump.occlude(3700)
    assert values(rack, 3880)["INP2"] == "10"  # 0.05 of 0.5 mL
    assert values(rack, 9999)["INM3"] == "0"


@pytest.mark.parametrize(
    ("unit", "code"),
    [
        ("ng/mL", 30), ("mg/mL", 31), ("ug/mL", 32), ("IU/mL", 36), ("mg/min", 47), ("mg/h", 48), ("ug/h", 51),
        ("IU/day", 64), ("ng/kg/min", 65), ("mg/kg/h", 69), ("ug/kg/min", 71), ("g/kg/h", 75), ("mmol/kg/min", 77),
        ("IU/kg/day", 85),
    ],
)  # fmt: skip
def test_unit_codes(unit: str, code: int) -> None:
    assert UNIT_CODES[unit] == code


def test_a_value_with_commas_and_foreign_letters_keeps_length_and_sum() -> None:
    pump = PumpModel(therapy=Therapy(drug="Noradrenalin, 1:10, \u00e6\u00f8\u00e5"))
    rack = started(SpaceRack(SpaceOptions(stuffing=False, parameters=frozenset({"INSOL"})), {(1, 3): pump}))
    assert values(rack, 0) == {"INSOL": "Noradrenalin, 1:10, \u00e6\u00f8\u00e5"}


def test_overrides_and_unknown_parameters() -> None:
    rack = started(SpaceRack(RATE_ONLY, {(1, 3): PumpModel()}))
    rack.override((1, 3), "INRT", "_NA")
    rack.override((1, 3), "INNEW", "x,y")
    assert values(rack, 0) == {"INRT": "_NA", "INNEW": "x,y"}
    rack.override((1, 3), "INRT", None)
    assert values(rack, 0) == {"INRT": "0.00", "INNEW": "x,y"}
    with pytest.raises(ValueError, match="too long"):
        rack.override((1, 3), "INRT", "9" * 200)


def test_data_grouping_hides_a_group_until_it_stands_still() -> None:
    pump = ketamine_pump()
    keys = frozenset({"INRT", "INDCON", "INDCONU", "INDORT", "INDORTU"})
    options = SpaceOptions(stuffing=False, parameters=keys, data_grouping=True)
    rack = started(SpaceRack(options, {(1, 3): pump}))
    hidden = {"INRT": "12.50", "INDCON": "_NV", "INDCONU": "_NV", "INDORT": "_NV", "INDORTU": "_NV"}
    shown = {"INRT": "12.50", "INDCON": "22.400", "INDCONU": "31", "INDORT": "4.000", "INDORTU": "69"}
    assert values(rack, 0) == hidden
    assert values(rack, 1) == shown
    pump.set_rate(2, Decimal(25))
    assert values(rack, 2) == shown | {"INRT": "25.00", "INDORT": "_NV", "INDORTU": "_NV"}
    assert values(rack, 3) == shown | {"INRT": "25.00", "INDORT": "8.000"}


def test_cyclic_mode_sends_all_pumps_and_waits_for_each_acknowledgement() -> None:
    options = SpaceOptions(stuffing=False, parameters=frozenset({"INRT"}), cyclic_interval_s=5)
    rack = started(SpaceRack(options, {(1, 1): PumpModel(), (1, 2): PumpModel()}))
    assert rack.deadline_s == 1.0
    assert b"".join(rack.tick(second) for second in (1, 2, 3, 4)) == b""
    assert taken_apart(rack.tick(5)) == ("5,50111,INRT,0.00", b"\x17")
    assert rack.tick(10) == b""  # not acknowledged: the device is silent
    assert taken_apart(rack.feed(ACK, 10.5)) == ("5,50112,INRT,0.00", b"\x03")
    assert rack.feed(ACK, 10.6) == b""
    assert taken_apart(rack.tick(15)) == ("15,50111,INRT,0.00", b"\x17")


def test_cyclic_mode_tells_events_at_once() -> None:
    options = SpaceOptions(stuffing=False, parameters=frozenset({"INRT", "INVI", "INBOCNT"}), cyclic_interval_s=60)
    first, second = ketamine_pump(), ketamine_pump()
    rack = started(SpaceRack(options, {(1, 1): first, (1, 2): second}))
    first.start(0)
    assert rack.tick(1) == b""  # a volume that counts on is no event
    second.set_rate(1.5, Decimal(50))
    first.bolus(1.5)
    first.end_bolus(2)
    assert taken_apart(rack.tick(2)) == ("2,50111,INRT,12.50\x1e2,50111,INVI,0.03\x1e2,50111,INBOCNT,1", b"\x03")
    assert taken_apart(rack.feed(ACK, 2.1)) == ("2,50112,INRT,50.00\x1e2,50112,INVI,0.00\x1e2,50112,INBOCNT,0", b"\x03")
    assert rack.feed(ACK, 2.2) == b""
    assert rack.tick(3.5) == b""  # told once
    rack.remove((1, 2))
    assert taken_apart(rack.tick(5)) == ("5,50112,GNERR,39", b"\x03")
    assert rack.feed(ACK, 5) == b""
    rack.insert((1, 3), PumpModel())
    assert taken_apart(rack.tick(6))[0].startswith("6,50113,INRT,0.00")


def test_what_the_host_said_is_recorded() -> None:
    rack = started(SpaceRack(SpaceOptions(), {(1, 3): PumpModel()}))
    rack.feed(ALIVE_STUFFED, 1)
    rack.feed(ACK + GET_STUFFED + NAK, 2)
    assert [(record.at_s, record.message.said, record.message.bed_id) for record in rack.records] == [
        (1, HostSaid.ALIVE, "1"),
        (2, HostSaid.ACK, ""),
        (2, HostSaid.GET, "ICU3"),
        (2, HostSaid.NAK, ""),
    ]
    assert rack.violations == []


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (frame("ICU3/1/1>MEM:SET"), "request"),
        (frame("ICU3/1/1>MEM:GETSLOT#1"), "request"),
        (frame("ICU3/1/1>MEM:GET "), "request"),
        (frame("ICU3/1/1>INRT,100"), "request"),
        (frame("ICU3>MEM:GET"), "syntax"),
        (GET_PLAIN.replace(b"\x03", b"\x17"), "syntax"),
        (GET_PLAIN.replace(b"00030", b"00031"), "length"),
        (GET_PLAIN.replace(b"00004", b"00005"), "checksum"),
        (GET_PLAIN.replace(b"ICU3", b"ICU4"), "checksum"),
    ],
)
def test_a_foreign_frame_is_a_violation_and_an_error(sent: bytes, reason: str) -> None:
    rack = started(SpaceRack(RATE_ONLY, {(1, 3): PumpModel()}))
    assert blocks(rack, 4, sent) == [["4,50100,GNERR,68"]]
    (violation,) = rack.violations
    assert (violation.message.reason, violation.at_s) == (reason, 4)


@pytest.mark.parametrize(
    ("sent", "reasons"),
    [
        (b"START\r\n", ["noise"]),
        (b"\x01\x01", ["noise"]),
        (b"\x0100030\x02ICU3" + ACK, ["noise"]),
        (b"\x01" + b"x" * MAX_HOST_FRAME_BYTES + b"\x04", ["oversize"]),
        (b"\x01" + b"x" * MAX_HOST_FRAME_BYTES, ["oversize"]),
    ],
)
def test_bytes_that_are_no_frame_are_violations_without_an_answer(sent: bytes, reasons: list[str]) -> None:
    rack = started(SpaceRack(RATE_ONLY, {(1, 3): PumpModel()}))
    assert rack.feed(sent, 0) == b""
    assert [record.message.reason for record in rack.violations] == reasons


def test_the_longest_frame_is_still_read() -> None:
    rack = started(SpaceRack(RATE_ONLY))
    text = "ICU3/1/1>" + "x" * (MAX_HOST_FRAME_BYTES - 14 - 9)
    assert len(frame(text)) == MAX_HOST_FRAME_BYTES
    assert b"GNERR,68" in rack.feed(frame(text), 0)


def test_a_frame_in_pieces_is_one_frame() -> None:
    rack = started(SpaceRack(RATE_ONLY, {(1, 3): PumpModel()}))
    answers = [rack.feed(bytes((byte,)), 0) for byte in GET_PLAIN]
    assert answers[:-1] == [b""] * (len(GET_PLAIN) - 1)
    assert taken_apart(answers[-1]) == ("0,50113,INRT,0.00", b"\x03")
    assert rack.violations == []


def test_records_and_violations_are_bounded() -> None:
    rack = started(SpaceRack(RATE_ONLY))
    for second in range(MAX_RECORDS + 1):
        rack.feed(b"x", second)
    assert (len(rack.records), rack.records[0].at_s) == (MAX_RECORDS, 1)
    assert (len(rack.violations), rack.violations[0].at_s) == (MAX_VIOLATIONS, 0)
    assert rack.violation_count == MAX_RECORDS + 1


@pytest.mark.parametrize(
    "options",
    [
        lambda: SpaceOptions(bed_id=""),
        lambda: SpaceOptions(bed_id="BED 3"),
        lambda: SpaceOptions(bed_id="B" * 16),
        lambda: SpaceOptions(pillars=4),
        lambda: SpaceOptions(parameters=frozenset({"XYZ"})),
        lambda: SpaceOptions(cyclic_interval_s=0.5),
    ],
)
def test_options_that_no_device_has_are_refused(options: Callable[[], SpaceOptions]) -> None:
    with pytest.raises(ValueError, match=r"bedId|pillars|unknown|cyclic"):
        options()


@pytest.mark.parametrize("slot", [(1, 3), (0, 1), (1, 0), (1, 25), (2, 1)])
def test_a_slot_that_is_taken_or_not_there_is_refused(slot: tuple[int, int]) -> None:
    rack = SpaceRack(PLAIN, {(1, 3): PumpModel()})
    with pytest.raises(ValueError, match="slot"):
        rack.insert(slot, PumpModel())
