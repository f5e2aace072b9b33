from pathlib import Path

import pytest

from simulators.cli import main
from simulators.player import Player

CAPTURE = Path(__file__).parents[3] / "shared/data/ivy-450c-capture.bin"

TAIL = b"T2=1;;;\r\xfe"
FIRST = b"\xffANSAR-B first\xfe"
SECOND = b"\xffANSAR-B second\xfe"


def test_ivy_messages_go_one_a_second_and_then_silence() -> None:
    player = Player(TAIL + FIRST + SECOND)
    assert player.start(10.0) == b""
    assert player.tick(10.9) == b""
    assert player.deadline_s == 11.0
    assert [player.tick(now_s) for now_s in (11.0, 12.0, 13.0)] == [TAIL, FIRST, SECOND]
    assert player.tick(14.0) == b""


def test_after_the_end_nothing_is_due() -> None:
    player = Player(FIRST)
    player.start(0.0)
    player.tick(player.deadline_s or 0.0)
    assert player.deadline_s is None


def test_a_loop_begins_again_a_second_later() -> None:
    player = Player(FIRST + SECOND, loop=True)
    player.start(0.0)
    assert [player.tick(float(now_s)) for now_s in range(1, 6)] == [FIRST, SECOND, FIRST, SECOND, FIRST]


def test_a_loop_plays_whole_messages_only() -> None:
    player = Player(TAIL + FIRST + SECOND + b"\xffANSAR-B cut", loop=True)
    player.start(0.0)
    assert [player.tick(float(now_s)) for now_s in range(1, 6)] == [FIRST, SECOND, FIRST, SECOND, FIRST]


def test_whole_messages_are_counted_and_the_time_that_all_takes() -> None:
    once, looped = Player(TAIL + FIRST + SECOND), Player(TAIL + FIRST + SECOND, loop=True)
    assert (once.messages, once.duration_s) == (2, 3.0)
    assert (looped.messages, looped.duration_s) == (2, 2.0)
    assert Player(FIRST).messages == 1
    unknown = Player(bytes(200), baud=9600)
    assert unknown.messages == 0
    assert unknown.duration_s == pytest.approx(0.3)


def test_a_pair_of_fe_ff_in_other_bytes_is_no_border() -> None:
    player = Player(b"abc\xfe\xffdef")
    player.start(0.0)
    assert player.tick(1.0) == b"abc\xfe\xffdef"


def test_other_recordings_go_at_the_speed_of_the_line() -> None:
    player = Player(bytes(range(200)), baud=9600)  # 960 bytes a second: 96 in a tenth of one
    player.start(0.0)
    assert player.deadline_s == pytest.approx(0.1)
    assert player.tick(0.1) == bytes(range(96))
    assert player.deadline_s == pytest.approx(0.2)
    assert player.tick(0.2) == bytes(range(96, 192))
    assert player.tick(0.301) == bytes(range(192, 200))
    assert player.deadline_s is None


def test_a_very_slow_line_sends_single_bytes() -> None:
    player = Player(b"ab", baud=50)
    player.start(0.0)
    assert player.deadline_s == pytest.approx(0.2)
    assert player.tick(0.2) == b"a"
    assert player.deadline_s == pytest.approx(0.4)


def test_after_a_stall_it_goes_on_where_it_was_without_a_rush() -> None:
    player = Player(FIRST + SECOND)
    player.start(0.0)
    assert player.tick(60.5) == FIRST
    assert player.deadline_s == 61.0
    assert player.tick(60.6) == b""


def test_the_host_gets_no_answer() -> None:
    player = Player(FIRST + SECOND)
    player.start(0.0)
    assert player.feed(b"hello", 0.5) == b""
    assert player.deadline_s == 1.0


def test_nothing_is_played_before_the_start() -> None:
    assert Player(FIRST + SECOND).tick(100.0) == b""


def test_an_empty_recording_and_an_impossible_speed_are_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        Player(b"")
    with pytest.raises(ValueError, match="baud"):
        Player(b"a", baud=0)


@pytest.mark.skipif(not CAPTURE.exists(), reason="the recorded bytes are not here")
def test_the_real_recording_plays_whole_in_28_seconds() -> None:
    recording = CAPTURE.read_bytes()
    player = Player(recording)
    player.start(0.0)
    pieces = [player.tick(float(now_s)) for now_s in range(1, 29)]
    assert player.deadline_s is None
    assert b"".join(pieces) == recording
    assert {len(piece) for piece in pieces[1:]} <= {561, 562}
    assert len(pieces[0]) == 252
    assert (player.messages, player.duration_s) == (27, 28.0)


def test_what_will_be_played_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    known, unknown = tmp_path / "known.bin", tmp_path / "unknown.bin"
    known.write_bytes(TAIL + FIRST + SECOND)
    unknown.write_bytes(bytes(200))
    assert "known.bin (40 bytes, 2 whole messages of an Ivy 450C, 3.0 s, then silence until Ctrl-C) at" in refused(
        capsys, "play", str(known), "--link", str(known)
    )
    assert (
        "unknown.bin (200 bytes, no message of a known device, so played at 9600 baud, 0.3 s, again and again until"
    ) in refused(capsys, "play", str(unknown), "--loop", "--link", str(known))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_bad_files_are_named_with_the_remedy(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    missing, empty = tmp_path / "missing.bin", tmp_path / "empty.bin"
    empty.touch()
    assert refused(capsys, "play", str(missing)) == (
        f"infusion-sim: cannot read {missing}: No such file or directory. Name a readable file of recorded bytes\n"
    )
    assert refused(capsys, "play", str(tmp_path)).startswith(f"infusion-sim: cannot read {tmp_path}: Is a directory.")
    assert refused(capsys, "play", str(empty)) == f"infusion-sim: {empty} is empty; name a file of recorded bytes\n"


def test_an_oversized_file_is_refused_before_it_is_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    huge = tmp_path / "huge.bin"
    with huge.open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    assert "larger than 67108864 bytes; cut out the part" in refused(capsys, "play", str(huge))
