"""The log must neither stop nor slow anything."""

from __future__ import annotations

import io
import threading

from edge.log import LINES_MAX, Writer


class Full(io.StringIO):
    """A file on a full disk."""

    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


class Blocked(io.StringIO):
    """A pipe that nobody reads, until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def write(self, text: str) -> int:
        self.go_on.wait(5.0)
        return super().write(text)


def test_lines_are_written_in_their_order() -> None:
    file = io.StringIO()
    writer = Writer(file.write)
    for number in range(100):
        writer.write(f"{number}\n")
    writer.close()
    assert file.getvalue() == "".join(f"{number}\n" for number in range(100))
    assert writer.left_out == 0


def test_a_full_disk_is_counted_and_raises_nothing() -> None:
    writer = Writer(Full().write)
    writer.write("lost\n")
    writer.close()
    assert writer.left_out == 1


def test_a_pipe_that_nobody_reads_holds_nobody_up_and_what_finds_no_room_is_counted() -> None:
    file = Blocked()
    writer = Writer(file.write)
    for number in range(LINES_MAX + 50):
        writer.write(f"{number}\n")
    assert 48 <= writer.left_out <= 50  # one or two lines are in the writer's hands
    file.go_on.set()
    writer.close()
    assert file.getvalue().startswith("0\n1\n2\n")
