"""What a host may say to an IntelliVue monitor, and what is none of it.

The grammar is closed: association, the confirmation of the monitor's first event, polls (which also keep alive),
reading the priority lists, release and abort. Everything else, setting a priority list among it, is a violation, for a
host must not change anything; some of it a monitor answers with an error. Written from public descriptions of the
protocol, which give neither the errors' numbers (here: those of CMIP) nor how their details look (here: our guess).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TypeAlias

from simulators.intellivue_values import read_attribute_list
from simulators.intellivue_wire import MAX_EXCERPT_BYTES, HostFrame

SESSION_HEADER = bytes.fromhex("0508130100160102800014020002")
RELEASE_REQUEST = bytes.fromhex("0918c116 61803080020101a080628080 0100000000 0000000000")
ABORT = bytes.fromhex(
    "192e110103c129 a080a0803080020101060251010000000061803080020101a0806480800101 00000000000000000000"
)
MDS = bytes.fromhex("002100000000")
DATA = b"\xe1\x00\x00\x02"
PARTITION = 1
CREATE_EVENT = 0x0D06
POLL_PROFILE, POLL_PROFILE_EXT = 0x0001, 0xF001
NUMERIC_PRIORITY_LIST, WAVE_PRIORITY_LIST = 0xF239, 0xF23A
NUMERIC_PERIODS = 0xF000_0000  # the bits of the extension of which a host must ask for one
MIN_MTU_BYTES = 300  # a host that takes or sends less is not served

_PRESENTATION = bytes.fromhex(
    "3180 a0808001010000a280 a003000001 a4803080020101 0604 52010001 3080 0602 510100000000 3080020102"
    "060c 2a8648ce1402010000000101 3080 060c 2a8648ce1402010000000201 000000000000 61803080020101 a0806080a180"
    "060c 2a8648ce1402010000000301 0000 be802880 060c 2a8648ce1402010000000101 02010281"
)
_ASSOCIATION = re.compile(
    rb"\x0d(?P<session>\xff..|[^\xff])(?P<body>%b\xc1(?P<presentation>\xff..|[^\xff])"
    rb"(?P<inner>%b(?P<asn>\x82..|\x81.|[\x00-\x7f])(?P<info>.*)\x00{16}))"
    % (re.escape(SESSION_HEADER), re.escape(_PRESENTATION)),
    re.DOTALL,
)
_USER_INFO = struct.Struct(">5I")
_VERSIONS = (0x8000_0000, 0x4000_0000, 0)  # protocol, nomenclature, functional units
_CLIENT, _STARTUP_MODES = 0x8000_0000, (0x8000_0000, 0x4000_0000, 0x2000_0000)
_NO_OPTIONS = bytes(4)
_PROFILE = struct.Struct(">6I")
_PROFILE_REVISION = 0x8000_0000
_OPERATION = struct.Struct(">4s5H")
_ACTION = struct.Struct(">6sIHH")
_POLL = struct.Struct(">4H")
_PERIOD_ATTRIBUTE = 0xF13E
_PERIOD_BYTES = 4
_CREATE_RESULT = re.compile(rb"%b.{4}\x0d\x06\0\0" % re.escape(MDS), re.DOTALL)
_GET_PRIORITY_LIST = re.compile(rb"%b\0{4}\0\x01\0\x02(\xf2[\x39\x3a])" % re.escape(MDS))
_INVOKE, _RESULT = 1, 2
_EVENT_REPORT, _GET, _SET, _CONFIRMED_SET, _CONFIRMED_ACTION = 1, 3, 4, 5, 7


class ObjectClass(IntEnum):
    """Classes that a host can poll."""

    NUMERIC = 0x0006
    WAVE = 0x0009
    ENUMERATION = 0x0005
    MDS = 0x0021
    DEMOGRAPHICS = 0x002A
    ALARM_MONITOR = 0x0036


class Group(IntEnum):
    """Groups of attributes."""

    ALL = 0
    ALARM_MONITOR = 0x0801
    OBSERVED_VALUE = 0x0803
    DEMOGRAPHICS = 0x0807
    SYSTEM = 0x080C
    STATIC = 0x0811


class Action(IntEnum):
    """Actions that a host can ask for."""

    POLL = 0x0C16
    EXTENDED_POLL = 0xF13B


class RemoteError(IntEnum):
    """Why a monitor does not do what was asked."""

    NO_SUCH_CLASS = 0
    NO_SUCH_INSTANCE = 1
    ACCESS_DENIED = 2
    NO_SUCH_ACTION = 9
    PROCESSING_FAILURE = 10
    INVALID_ARGUMENT = 15
    INVALID_SCOPE = 16


class HostSaid(StrEnum):
    """The whole of what a host may say on this line, and what is none of it."""

    ASSOCIATE = "ASSOCIATE"
    CREATE_RESULT = "CREATE_RESULT"
    POLL = "POLL"
    PRIORITY_LIST = "PRIORITY_LIST"
    RELEASE = "RELEASE"
    ABORT = "ABORT"
    FRAME_ABORT = "FRAME_ABORT"
    VIOLATION = "VIOLATION"


_Refusal: TypeAlias = tuple[RemoteError, bytes]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the host proposes when it associates; ``extension`` is ``None`` without the extended poll's package."""

    startup_mode: int
    min_poll_period_ticks: int
    mtu_rx_bytes: int
    mtu_tx_bytes: int
    options: int
    extension: int | None


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll; ``period_ticks`` is how long an extended one is to go on, in eighths of a millisecond."""

    action: Action
    number: int
    object_class: ObjectClass
    group: int
    period_ticks: int | None = None


@dataclass(frozen=True, slots=True)
class HostMessage:
    """One thing that the host said; ``raw`` is what stood between the flags, cut off where it is long or refused.

    ``priority_list`` is the id of the list that was asked for. ``reason`` belongs to a violation: those of
    ``HostFrame``, ``association`` (one that cannot be accepted), ``length`` (an operation's lengths do not fit),
    ``set`` (an attempt to change something), ``request`` (anything else); ``error`` and ``detail`` are how the monitor
    answers it, if it does.
    """

    said: HostSaid
    raw: bytes
    invoke_id: int = 0
    proposal: Proposal | None = None
    poll: Poll | None = None
    priority_list: int = 0
    reason: str = ""
    error: RemoteError | None = None
    detail: bytes = b""


def read_host_frame(host_frame: HostFrame) -> HostMessage:
    """Read what a frame says."""
    raw, data = host_frame.raw, host_frame.user_data
    if host_frame.reason:
        said = HostSaid.FRAME_ABORT if host_frame.reason == "aborted" else HostSaid.VIOLATION
        return HostMessage(said, raw, reason=host_frame.reason)
    if data.startswith(b"\x0d"):
        proposal = _read_association(data)
        if proposal is None:
            return _violation(raw, "association")
        return HostMessage(HostSaid.ASSOCIATE, raw, proposal=proposal)
    if data == RELEASE_REQUEST:
        return HostMessage(HostSaid.RELEASE, raw)
    if data == ABORT:
        return HostMessage(HostSaid.ABORT, raw)
    return _read_operation(raw, data) if data.startswith(DATA) else _violation(raw, "request")


def _read_association(data: bytes) -> Proposal | None:
    """Return what the host proposes, ``None`` if the monitor cannot serve it."""
    found = _ASSOCIATION.fullmatch(data)
    if not found or (
        _length(found["session"]) != len(found["body"])
        or _length(found["presentation"]) != len(found["inner"])
        or _length(found["asn"]) != len(found["info"])
    ):
        return None
    info = found["info"]
    if len(info) < _USER_INFO.size or info[_USER_INFO.size :][: len(_NO_OPTIONS)] != _NO_OPTIONS:
        return None
    *versions, system_type, startup_mode = _USER_INFO.unpack_from(info)
    if (*versions,) != _VERSIONS or not system_type & _CLIENT or startup_mode not in _STARTUP_MODES:
        return None
    profiles = read_attribute_list(info[_USER_INFO.size + len(_NO_OPTIONS) :])
    return _read_profile((profiles or {}).get(POLL_PROFILE, b""), startup_mode)


def _read_profile(value: bytes, startup_mode: int) -> Proposal | None:
    packages = read_attribute_list(value[_PROFILE.size :])
    if packages is None:
        return None
    revision, period, mtu_rx, mtu_tx, _bandwidth, options = _PROFILE.unpack_from(value)
    if revision != _PROFILE_REVISION or min(mtu_rx, mtu_tx) < MIN_MTU_BYTES:
        return None
    package = packages.get(POLL_PROFILE_EXT, b"")
    extension = int.from_bytes(package[:4], "big")
    # A package without any period for numerics is ignored.
    chosen = extension if extension & NUMERIC_PERIODS and package[4:] == bytes(4) else None
    return Proposal(startup_mode, period, mtu_rx, mtu_tx, options, chosen)


def _length(field: bytes) -> int:
    """Return the length that a field says: one byte, or two after a byte that says so."""
    return int.from_bytes(field[1:] or field, "big")


def _read_operation(raw: bytes, data: bytes) -> HostMessage:
    # What is cut short is filled up with lengths that fit nothing.
    whole = data.ljust(_OPERATION.size, b"\xff")
    _session, kind, length, invoke_id, command, inner_length = _OPERATION.unpack_from(whole)
    argument = data[_OPERATION.size :]
    if inner_length != len(argument) or length != inner_length + 6:
        return _violation(raw, "length")
    if (kind, command) == (_RESULT, _EVENT_REPORT) and _CREATE_RESULT.fullmatch(argument):
        return HostMessage(HostSaid.CREATE_RESULT, raw, invoke_id)
    if (kind, command) == (_INVOKE, _CONFIRMED_ACTION):
        return _read_action(raw, invoke_id, argument)
    if (kind, command) == (_INVOKE, _GET) and (found := _GET_PRIORITY_LIST.fullmatch(argument)):
        return HostMessage(HostSaid.PRIORITY_LIST, raw, invoke_id, priority_list=int.from_bytes(found[1], "big"))
    if kind == _INVOKE and command in (_SET, _CONFIRMED_SET):
        return _violation(raw, "set", invoke_id, (RemoteError.ACCESS_DENIED, b""))
    return _violation(raw, "request")


def _read_action(raw: bytes, invoke_id: int, argument: bytes) -> HostMessage:
    if len(argument) < _ACTION.size:
        return _violation(raw, "length")
    managed_object, scope, action, length = _ACTION.unpack_from(argument)
    body = argument[_ACTION.size :]
    if length != len(body):
        return _violation(raw, "length")
    checks = (
        (managed_object == MDS, RemoteError.NO_SUCH_INSTANCE, managed_object),
        (scope == 0, RemoteError.INVALID_SCOPE, scope.to_bytes(4, "big")),
        (action in tuple(Action), RemoteError.NO_SUCH_ACTION, MDS[:2] + action.to_bytes(2, "big")),
    )
    refusals = [(error, detail) for passed, error, detail in checks if not passed]
    poll = refusals[0] if refusals else _read_poll(Action(action), body)
    if isinstance(poll, Poll):
        return HostMessage(HostSaid.POLL, raw, invoke_id, poll=poll)
    return _violation(raw, "request", invoke_id, poll)


def _read_poll(action: Action, body: bytes) -> Poll | _Refusal:
    invalid = RemoteError.INVALID_ARGUMENT, b""
    if action is Action.EXTENDED_POLL:
        options = read_attribute_list(body[_POLL.size :])
    else:
        options = {} if len(body) == _POLL.size else None
    if options is None or options.keys() - {_PERIOD_ATTRIBUTE}:
        return invalid
    period = options.get(_PERIOD_ATTRIBUTE)
    number, partition, object_class, group = _POLL.unpack_from(body)
    if partition != PARTITION or object_class not in tuple(ObjectClass):
        return RemoteError.NO_SUCH_CLASS, object_class.to_bytes(2, "big")
    if group not in tuple(Group) or (period is not None and len(period) != _PERIOD_BYTES):
        return invalid
    ticks = None if period is None else int.from_bytes(period, "big")
    return Poll(action, number, ObjectClass(object_class), group, ticks)


def _violation(raw: bytes, reason: str, invoke_id: int = 0, refusal: _Refusal | None = None) -> HostMessage:
    error, detail = refusal or (None, b"")
    return HostMessage(
        HostSaid.VIOLATION, raw[:MAX_EXCERPT_BYTES], invoke_id, reason=reason, error=error, detail=detail
    )
