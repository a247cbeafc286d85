"""Progress: sparse lines off a terminal, a bar on one, and honest rates after a resume."""

from __future__ import annotations

import io

import pytest

from burnish.progress import describe, progress


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_short_step_shows_no_progress() -> None:
    clock, out = Clock(), io.StringIO()
    with progress("verify", 10, "verdicts", stream=out, clock=clock) as bar:
        for _ in range(10):
            clock.now += 0.1
            bar.advance()
    assert out.getvalue() == ""


def test_plain_lines_come_at_most_every_five_seconds_and_once_at_the_end() -> None:
    clock, out = Clock(), io.StringIO()
    with progress("verify", 12, "verdicts", stream=out, clock=clock) as bar:
        for _ in range(12):
            clock.now += 1
            bar.advance(compiled="93 %")
    assert out.getvalue().splitlines() == [
        "verify 5/12 verdicts, 1.0/s, 0:07 left  compiled 93 %",
        "verify 10/12 verdicts, 1.0/s, 0:02 left  compiled 93 %",
        "verify 12/12 verdicts, 1.0/s, 0:12 in all  compiled 93 %",
    ]


def test_earlier_attempts_count_for_the_share_and_not_for_the_rate() -> None:
    clock, out = Clock(), io.StringIO()
    with progress("generate", 100, "completions", done=80, stream=out, clock=clock) as bar:
        clock.now += 10
        bar.advance(10)
    assert out.getvalue().splitlines()[0] == "generate 90/100 completions, 1.0/s, 0:10 left"


def test_a_terminal_shows_a_bar_and_leaves_one_line() -> None:
    clock, out = Clock(), Terminal()
    with progress("train", 4, "steps", stream=out, clock=clock) as bar:
        for step in range(4):
            clock.now += 3
            bar.advance(loss=f"{1 / (step + 1):.2f}")
    assert "━" in out.getvalue()
    assert out.getvalue().endswith("train 4/4 steps, 0.33/s, 0:12 in all  loss 0.25\n")


def test_the_body_error_is_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt), progress("train", 4, "steps", stream=Terminal()):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("total", "done", "fresh", "elapsed", "line"),
    [
        (None, 7, 7, 2.0, "read 7 rows, 3.5/s"),
        (10, 0, 0, 0.0, "read 0/10 rows, 0.00/s"),
        (9000, 1000, 1000, 1000.0, "read 1000/9000 rows, 1.0/s, 2:13:20 left"),
    ],
)
def test_lines_without_total_without_time_and_with_hours(
    total: int | None, done: int, fresh: int, elapsed: float, line: str
) -> None:
    assert describe("read", "rows", total=total, done=done, fresh=fresh, elapsed_s=elapsed) == line
