"""Show the progress of a long step: a bar on a terminal, sparse plain lines elsewhere.

Both go to stderr, so that stdout holds results alone. On a terminal the bar appears after two seconds and
disappears when the step ends; elsewhere a line is written at most every five seconds, and a step shorter than
two seconds writes nothing.

Not covered: logging, and the numbers of a training run (`ledger.metrics`).
"""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

SHORT_S = 2.0
"""A step shorter than this shows nothing."""
LINE_EVERY_S = 5.0
"""Seconds between plain lines."""


class ProgressBar(Protocol):
    """The progress bar that ``with progress(...)`` yields; safe to use from several threads."""

    def advance(self, count: int = 1, **fields: str) -> None:
        """Count ``count`` more as done; ``fields`` replace the notes at the end of the line."""
        ...


@contextmanager
def progress(
    label: str,
    total: int | None,
    unit: str,
    *,
    done: int = 0,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[ProgressBar]:
    """Show the progress of ``label`` while the body runs.

    Args:
        label: name of the step, such as ``verify``.
        total: number in all; None when unknown.
        unit: unit that is counted, such as ``verdicts``.
        done: number finished by an earlier attempt; counted in the share, not in the rate.
        stream: stream to write to; stderr when None.
        clock: Seconds, for tests.
    """
    out = stream if stream is not None else sys.stderr
    if out.isatty():
        terminal = _TerminalBar(label, unit, total=total, done=done, out=out, clock=clock)
        try:
            yield terminal
        finally:
            terminal.close()
    else:
        lines = _PlainLines(label, unit, total=total, done=done, out=out, clock=clock)
        yield lines
        lines.finish()


def describe(label: str, unit: str, *, total: int | None, done: int, fresh: int, elapsed_s: float) -> str:
    """Format one line such as ``verify 40/300 verdicts, 8.0/s, 0:33 left``.

    ``fresh`` of ``done`` took ``elapsed_s``.
    """
    rate = fresh / elapsed_s if elapsed_s > 0 else 0.0
    count = f"{done}/{total}" if total is not None else f"{done}"
    parts = [f"{label} {count} {unit}", f"{_rate(rate)}/s"]
    if total is not None and done < total and rate > 0:
        parts.append(f"{_clock_time((total - done) / rate)} left")
    elif total is not None and done >= total:
        parts.append(f"{_clock_time(elapsed_s)} in all")
    return ", ".join(parts)


def _rate(rate: float) -> str:
    return f"{rate:.0f}" if rate >= 100 else f"{rate:.1f}" if rate >= 1 else f"{rate:.2f}"


def _clock_time(seconds: float) -> str:
    whole = int(seconds + 0.5)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}"


class _Counter(ABC):
    """Counting shared by both renderings."""

    def __init__(
        self, label: str, unit: str, *, total: int | None, done: int, out: TextIO, clock: Callable[[], float]
    ) -> None:
        self.label, self.unit, self.total = label, unit, total
        self.done, self.fresh = done, 0
        self.notes: dict[str, str] = {}
        self.out, self.clock = out, clock
        self.started = clock()
        self.lock = threading.Lock()

    def advance(self, count: int = 1, **fields: str) -> None:
        with self.lock:
            self.done += count
            self.fresh += count
            self.notes.update(fields)
            self.show()

    @abstractmethod
    def show(self) -> None:
        """Update the shown line."""

    def line(self) -> str:
        elapsed = self.clock() - self.started
        text = describe(self.label, self.unit, total=self.total, done=self.done, fresh=self.fresh, elapsed_s=elapsed)
        notes = "  ".join(f"{name} {value}" for name, value in self.notes.items())
        return f"{text}  {notes}" if notes else text


class _PlainLines(_Counter):
    """Writes at most one line every five seconds, and a last line unless the step was short."""

    last_line = 0.0

    def show(self) -> None:
        now = self.clock()
        if now - max(self.started, self.last_line) >= LINE_EVERY_S:
            self.last_line = now
            self._write()

    def finish(self) -> None:
        with self.lock:
            if self.clock() - self.started >= SHORT_S:
                self._write()

    def _write(self) -> None:
        self.out.write(self.line() + "\n")
        self.out.flush()


class _TerminalBar(_Counter):
    """Shows a rich bar once the step has lasted two seconds."""

    bar: Progress | None = None

    def show(self) -> None:
        if self.bar is None:
            if self.clock() - self.started < SHORT_S:
                return
            self._open()
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=self.done, line=self.line())

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self.bar = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.fields[line]}", markup=False),
            console=Console(file=self.out),
            transient=True,
        )
        self.bar.start()
        self.bar.add_task(self.label, total=self.total, completed=self.done, line=self.line())

    def close(self) -> None:
        with self.lock:
            if self.bar is not None:
                self.bar.stop()
            if self.clock() - self.started >= SHORT_S:
                self.out.write(self.line() + "\n")
                self.out.flush()
