"""The board, drawn on a small terminal emulator that knows the escape sequences which it uses."""

import io
import os
import re

import pytest

from workbench.cli.progress import Board, duration


class Terminal(io.StringIO):
    """What a person sees: rows of text after carriage returns, cursor moves, erasing and wrapping."""

    def __init__(self, columns: int = 60, rows: int = 24) -> None:
        super().__init__()
        self.size = os.terminal_size((columns, rows))

    def screen(self) -> list[str]:
        lines, row, column = [""], 0, 0
        for escape, count, kind, char in re.findall(r"(\x1b\[(\d*)([AKJ]))|(.|\n)", self.getvalue()):
            if kind == "A":
                row -= int(count)
            elif kind == "K":
                lines[row] = lines[row][:column]
            elif kind == "J":
                lines[row:] = [lines[row][:column]]
            elif char == "\r":
                column = 0
            elif char == "\n":
                row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
            else:
                assert not escape and row >= 0
                lines[row] = lines[row].ljust(column)[:column] + char + lines[row][column + 1 :]
                column += 1
        return [line.rstrip() for line in lines]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def board(terminal: Terminal, clock: Clock, runs: int = 4, jobs: int = 2, live: bool = True) -> Board:
    return Board(runs, jobs, stream=terminal, live=live, clock=clock, size=lambda: terminal.size)


def test_live_lines_are_redrawn_in_place_and_results_stay_above() -> None:
    terminal, clock = Terminal(), Clock()
    with board(terminal, clock) as shown:
        shown.start("a", "TrainBN seed 0")
        shown.start("b", "StaleStats seed 0")
        shown.update("a", 0, 100)
        clock.now = 1.0
        shown.update("a", 10, 100, "epoch 1, loss 0.71")
        assert terminal.screen()[-1] == "0 of 4 runs done, estimating the time left"
        clock.now = 5.0
        shown.update("a", 50, 100, "epoch 1, loss 0.51")
        assert terminal.screen() == [
            "TrainBN seed 0     [##########..........] 50/100  epoch ...",
            "StaleStats seed 0  [....................] 0/?",
            "0 of 4 runs done, 18 s left",
        ]
        clock.now = 10.0
        shown.finish("a", "error 0.31")
        assert terminal.screen() == [
            "TrainBN seed 0: error 0.31 (10 s, 1 of 4)",
            "StaleStats seed 0  [....................] 0/?",
            "1 of 4 runs done, 15 s left",
        ]
    assert terminal.screen() == ["TrainBN seed 0: error 0.31 (10 s, 1 of 4)", ""]


def test_ctrl_c_leaves_no_live_lines() -> None:
    terminal, clock = Terminal(), Clock()
    with pytest.raises(KeyboardInterrupt), board(terminal, clock) as shown:
        shown.start("a", "TrainBN seed 0")
        raise KeyboardInterrupt
    assert terminal.screen() == [""]


def test_drawn_by_time_not_by_step() -> None:
    terminal, clock = Terminal(), Clock()
    with board(terminal, clock) as shown:
        shown.start("a", "A")
        before = terminal.tell()
        for step in range(100):
            clock.now += 0.001
            shown.update("a", step, 100)
        assert terminal.tell() == before
        clock.now += 0.2
        shown.update("a", 100, 100)
        assert terminal.tell() > before


def test_a_line_never_exceeds_the_terminal_nor_the_block_its_height() -> None:
    terminal, clock = Terminal(columns=30, rows=4), Clock()
    with board(terminal, clock, runs=9, jobs=9) as shown:
        for number in range(9):
            shown.start(str(number), f"run {number} " + "x" * 80)
        rows = terminal.screen()
        assert len(rows) == 3
        assert max(map(len, rows)) < 30
        assert rows[-1].startswith("0 of 9 runs")


def test_a_terminal_that_becomes_narrower_keeps_no_leftovers() -> None:
    terminal, clock = Terminal(columns=60), Clock()
    with board(terminal, clock) as shown:
        shown.start("a", "TrainBN seed 0")
        terminal.size = os.terminal_size((30, 24))
        before = terminal.tell()
        clock.now = 1.0
        shown.update("a", 1, 2)
        # 40 columns of run and 46 of the whole now cover two rows each: the cursor is on the last of four.
        assert terminal.getvalue()[before:].startswith("\r\x1b[3A")


def test_elsewhere_plain_lines_at_the_start_the_end_and_every_30_seconds() -> None:
    terminal, clock = Terminal(), Clock()
    with board(terminal, clock, runs=2, live=False) as shown:
        shown.start("a", "A seed 0")
        for second in range(65):
            clock.now = float(second)
            shown.update("a", second, 128, "loss 1")
        shown.finish("a", "error 0.5")
        shown.note("the other run was recorded earlier")
    text = terminal.getvalue()
    assert "\x1b" not in text and "\r" not in text
    assert text.splitlines() == [
        "A seed 0: started (1 of 2)",
        "A seed 0  [#####...............] 30/128  loss 1",
        "0 of 2 runs done, 1 min 53 s left",
        "A seed 0  [#########...........] 60/128  loss 1",
        "0 of 2 runs done, 1 min 38 s left",
        "A seed 0: error 0.5 (1 min 04 s, 1 of 2)",
        "the other run was recorded earlier",
    ]


def test_time_left_is_unknown_at_first_and_zero_at_the_end() -> None:
    terminal, clock = Terminal(), Clock()
    with board(terminal, clock, runs=1) as shown:
        assert shown.time_left() is None
        shown.start("a", "A")
        for second in (0, 10, 20):
            clock.now = float(second)
            shown.update("a", second // 10, 4)
        assert shown.time_left() == pytest.approx(20.0)
        shown.finish("a")
        assert shown.time_left() == 0.0


def test_what_comes_before_and_in_the_first_step_is_not_its_pace() -> None:
    terminal, clock = Terminal(), Clock()
    with board(terminal, clock, runs=20, jobs=1) as shown:
        shown.start("a", "A")
        clock.now = 9.0  # torch was imported, the data were loaded
        shown.update("a", 0, 50)
        clock.now = 10.0
        shown.update("a", 1, 50)
        assert shown.time_left() is None
        clock.now = 10.3
        shown.update("a", 4, 50)
        assert shown.time_left() is None
        clock.now = 12.0
        shown.update("a", 21, 50)
        assert shown.time_left() == pytest.approx(0.1 * 29 + 19 * 5)


def test_what_was_done_before_a_run_went_on_is_not_its_pace() -> None:
    terminal, clock = Terminal(), Clock()
    with board(terminal, clock, runs=2, jobs=1) as shown:
        shown.start("a", "A")
        shown.update("a", 50, 100)
        assert terminal.screen()[0] == "A: goes on from step 50 of 100"
        shown.update("a", 51, 100)
        clock.now = 24.0
        shown.update("a", 75, 100)
        assert shown.time_left() == pytest.approx(25 + 100)
        clock.now = 50.0
        shown.finish("a")
        assert shown.time_left() == pytest.approx(100)


def test_an_update_after_the_end_of_a_run_is_ignored() -> None:
    terminal, clock = Terminal(), Clock()
    with board(terminal, clock) as shown:
        shown.start("a", "A")
        shown.finish("a")
        shown.update("a", 1, 2)
        shown.finish("a")
        assert terminal.screen()[-1].startswith("1 of 4 runs")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (200, "3 min 20 s"), (3900, "1 h 05 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_time_left_weighs_runs_by_what_they_are_expected_to_take() -> None:
    terminal, clock = Terminal(), Clock()
    expected = {"long": 60.0, "short": 10.0, "other": 10.0, "unknown": None}
    with Board(4, 1, expected, stream=terminal, live=False, clock=clock) as shown:
        shown.start("long", "long")
        assert shown.time_left() == pytest.approx(90.0)  # as expected, while nothing else is known
        for second in (0, 2, 62):
            clock.now = float(second)
            shown.update("long", second, 124)
        assert shown.time_left() == pytest.approx(124.0)  # 62 s of its own, and as much again for the 30 others
        clock.now = 120.0
        shown.finish("long")
        assert shown.time_left() == pytest.approx(60.0)


def test_a_long_run_is_not_shared_by_those_that_are_free() -> None:
    terminal, clock = Terminal(), Clock()
    with Board(3, 2, {"long": 60.0, "a": 5.0, "b": 5.0}, stream=terminal, live=False, clock=clock) as shown:
        shown.start("long", "long")
        assert shown.time_left() == pytest.approx(60.0)
