"""The file of a recording: what is written is read again, and what is no recording is refused with its line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.model import LineSettings
from edge import recording
from edge.recording import Entry, Head, RecordingError, What, Writer, read_entries, read_head

HEAD = Head("0.1.0", "ivy-450c", "/dev/ttyUSB0", LineSettings(), 1.0, "2026-01-31T10:00:00.000Z", synchronised=True)
ENTRIES = [
    Entry(0.0, What.START),
    Entry(0.0, What.SENT, b"\x00!"),
    Entry(0.2, What.HEARD, b"\xff"),
    Entry(1.1, What.TICK),
    Entry(9.0, What.END, reason="stopped"),
]


def written(entries: list[Entry]) -> bytes:
    file = io.BytesIO()
    writer = Writer(file, HEAD)
    for entry in entries:
        if entry.what is What.END:
            writer.end(entry.at_s, entry.reason)
        else:
            assert writer.add(entry)
    return file.getvalue()


WHOLE = written(ENTRIES)


def put(folder: Path, content: bytes) -> Path:
    path = folder / "x.jsonl"
    path.write_bytes(content)
    return path


def refusal(path: Path) -> str:
    try:
        read_head(path)
        list(read_entries(path))
    except RecordingError as error:
        return str(error).removeprefix(str(path))
    raise AssertionError("it was not refused")


def with_line(number: int, line: str | bytes) -> bytes:
    lines = WHOLE.splitlines(keepends=True)
    lines[number - 1] = (line.encode() if isinstance(line, str) else line) + b"\n"
    return b"".join(lines)


def with_head(**changes: Any) -> bytes:
    row = json.loads(WHOLE.splitlines()[0])
    row.update(changes)
    return with_line(1, json.dumps({key: value for key, value in row.items() if value is not None}))


def test_the_format_as_it_is_documented() -> None:
    assert WHOLE.decode() == (
        '{"recording": "infusion-edge", "format": 1, "version": "0.1.0", "driver": "ivy-450c", '
        '"address": "/dev/ttyUSB0", "line": {"baud": 9600, "data_bits": 8, "parity": "N", "stop_bits": 1}, '
        '"poll_interval_s": 1.0, "started": "2026-01-31T10:00:00.000Z", "synchronised": true, "channels": [], '
        '"asks_at_s": null}\n'
        '{"at_s": 0.0, "start": true}\n'
        '{"at_s": 0.0, "tx": "0021"}\n'
        '{"at_s": 0.2, "rx": "ff"}\n'
        '{"at_s": 1.1, "tick": true}\n'
        '{"at_s": 9.0, "end": "stopped"}\n'
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = put(tmp_path, WHOLE)
    assert read_head(path) == HEAD
    assert list(read_entries(path)) == list(enumerate(ENTRIES, start=2))


def test_the_channels_are_read_again_and_none_are_meant_where_they_are_not_told(tmp_path: Path) -> None:
    assert read_head(put(tmp_path, with_head(channels=["11", "12"]))).channels == ("11", "12")
    assert read_head(put(tmp_path, with_head(channels=None))) == HEAD


@given(
    rows=st.lists(
        st.tuples(st.floats(0, 3600), st.sampled_from([What.SENT, What.HEARD]), st.binary(min_size=1, max_size=4096)),
        max_size=8,
    )
)
def test_any_bytes_at_any_time_are_read_again(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    middle = [Entry(*row) for row in sorted(rows, key=lambda row: row[0])]
    entries = [Entry(0.0, What.START), *middle, Entry(3600.0, What.END, reason="lost: é")]
    path = put(tmp_path_factory.mktemp("any"), written(entries))
    assert [entry for _, entry in read_entries(path)] == entries


@pytest.mark.parametrize("at", range(0, len(WHOLE) - 1, 7))
def test_wherever_it_is_cut_off_it_is_refused(tmp_path: Path, at: int) -> None:
    whole_lines = WHOLE[:at].count(b"\n")
    refused = refusal(put(tmp_path, WHOLE[:at]))
    assert refused.startswith(f", line {whole_lines + 1}: ") or (
        refused == f", line {whole_lines}: the recording stops here without its end: it was cut off"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ", line 1: the file is empty"),
        (b"\x00\xff\n", ", line 1: this is no recording of infusion-edge"),
        (b"[" * 100_000, ", line 1: longer than any recording"),
        (b"[" * 10_000 + b"\n", ", line 1: this is no recording of infusion-edge"),
        (b'{"recording": "other"}\n', ", line 1: this is no recording of infusion-edge"),
        (with_head(format=2), ", line 1: its format is 2, and this program reads 1"),
        (with_head(driver=None), ", line 1: the head has not the keys of a recording"),
        (with_head(more=1), ", line 1: the head has not the keys of a recording"),
        (with_head(channels=[1]), ", line 1: channels are not texts"),
        (with_head(channels="11"), ", line 1: channels are not texts"),
        (with_head(line={"baud": 9600}), ", line 1: the head has not the keys of a recording"),
        (with_head(driver=5), ", line 1: driver or poll_interval_s is not what it must be"),
        (with_head(poll_interval_s="1"), ", line 1: driver or poll_interval_s is not what it must be"),
        (with_line(2, '{"at_s": 0.0, "tick": true}'), ", line 2: a recording starts in line 2, and only there"),
        (with_line(3, '{"at_s": 0.0, "start": true}'), ", line 3: a recording starts in line 2, and only there"),
        (with_line(3, "[]"), ", line 3: an entry has at_s and one other key"),
        (with_line(3, '{"at_s": 0.0}'), ", line 3: an entry has at_s and one other key"),
        (with_line(3, '{"at_s": 0.0, "bytes": "00"}'), ', line 3: "bytes" is not known'),
        (with_line(3, '{"at_s": 0.0, "tx": ""}'), ", line 3: tx is not hexadecimal text"),
        (with_line(3, '{"at_s": 0.0, "tx": true}'), ", line 3: tx is not hexadecimal text"),
        (with_line(3, '{"at_s": "0", "tx": "00"}'), ", line 3: '0' is no time"),
        (with_line(3, '{"at_s": true, "tx": "00"}'), ", line 3: True is no time"),
        (with_line(3, '{"at_s": NaN, "tx": "00"}'), ", line 3: nan is no time"),
        (with_line(3, '{"at_s": -1, "tx": "00"}'), ", line 3: -1 is no time"),
        (with_line(3, '{"at_s": 604800.1, "tx": "00"}'), ", line 3: 604800.1 is no time"),
        (with_line(5, '{"at_s": 0.1, "tick": true}'), ", line 5: the time falls from 0.2 s to 0.1 s"),
        (with_line(5, '{"at_s": 1.1, "tick": false}'), ", line 5: tick is not true"),
        (with_line(6, '{"at_s": 9.0, "end": true}'), ", line 6: end is not a text"),
        (WHOLE + b'{"at_s": 9.0, "tick": true}\n', ", line 7: something stands behind the end"),
        (WHOLE.splitlines(keepends=True)[0], ", line 1: the recording stops here without its end: it was cut off"),
    ],
)  # fmt: skip
def test_what_is_no_recording_is_refused_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    assert refusal(put(tmp_path, content)) == said


@pytest.mark.parametrize("line", ['{"at_s": 0.0, "tx": "0"}', '{"at_s": 0.0, "tx": "xy"}', "{", '{"at_s": 1e999'])
def test_what_cannot_be_read_names_its_line(tmp_path: Path, line: str) -> None:
    assert refusal(put(tmp_path, with_line(3, line))).startswith(", line 3: ")


def test_a_file_that_is_not_there() -> None:
    assert refusal(Path("nowhere/x.jsonl")) == ": No such file or directory"


def test_a_recording_that_is_full_takes_nothing_more_but_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = len(b'{"at_s": 0.0, "start": true}\n')
    room = len(written([]))
    monkeypatch.setattr(recording, "BYTES_MAX", room + 2 * line + recording.END_ROOM)
    file = io.BytesIO()
    writer = Writer(file, HEAD)
    assert writer.add(Entry(0.0, What.START))
    assert writer.add(Entry(0.25, What.TICK))
    assert not writer.add(Entry(0.25, What.TICK))
    writer.end(0.5, "x" * 1000)
    path = put(tmp_path, file.getvalue())
    assert len(file.getvalue()) <= recording.BYTES_MAX
    assert [entry.what for _, entry in read_entries(path)] == [What.START, What.TICK, What.END]
    monkeypatch.setattr(recording, "BYTES_MAX", len(file.getvalue()) - 1)
    assert refusal(path) == ", line 4: longer than any recording"
