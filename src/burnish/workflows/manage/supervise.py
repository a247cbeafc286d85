"""Run a program until it ends on purpose, restarting it after a crash or a kill.

It restarts after a kill, a machine fault or a bug of burnish; never after a user error or Ctrl-C. Attempts that leave
no new checkpoint or finished stage behind count against a cap, with a wait that doubles. Left out on purpose: how a run
continues (`workflows.recipe`), watching for a hang.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from burnish.errors import DiskError, MachineError
from burnish.ledger.metrics import EVENT_ROW, EventLog
from burnish.records.files import read_rows
from burnish.records.layout import COMPLETE, COMPLETIONS, DONE, EVENTS, RESOLVED
from burnish.wording import counted

FINAL = (0, 2, 3, 130)
"""Final exit statuses: done, a user's mistake, a missing tool, Ctrl-C."""
FRUITLESS = 5
"""Attempts in a row without progress before giving up."""
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 120.0
PROGRESS = (COMPLETE, DONE, COMPLETIONS)
"""Files whose change is progress."""

logger = logging.getLogger("burnish.supervise")


def program(*arguments: str) -> list[str]:
    """Build the command line of this program."""
    return [sys.executable, "-c", "from burnish.cli import main; main()", *arguments]


def supervise(command: Sequence[str], folder: Path, *, sleep: Callable[[float], None] = time.sleep) -> int:
    """Run ``command`` until it ends on purpose; return its exit status, one of `FINAL`.

    Every other end is written as ``attempt_ended`` into the run's ``events.jsonl``, with its cause.

    Args:
        command: works on the run, and continues it when restarted.
        folder: of the run.
        sleep: waits the given seconds.

    Raises MachineError when `FRUITLESS` attempts in a row made no progress.
    """
    attempt = fruitless = 0
    while True:
        attempt += 1
        before, earlier = _progress(folder), _events(folder)
        status = _run(command)
        if status in FINAL:
            return status
        cause = _cause(status, _events(folder)[len(earlier) :])
        fruitless = 1 if _progress(folder) != before else fruitless + 1
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (fruitless - 1))
        again = fruitless < FRUITLESS
        _note(folder, attempt, status, cause, wait_s if again else None)
        if not again:
            raise MachineError(
                f"{counted(fruitless, 'attempt')} in a row ended without progress, the last one: {cause}",
                f"All saved work is intact. Every attempt has its log in {folder / 'logs'}.",
            )
        logger.warning("attempt %d ended: %s; the next one starts in %g s", attempt, cause, wait_s)
        sleep(wait_s)


def _run(command: Sequence[str]) -> int:
    process = subprocess.Popen(command, process_group=0)  # otherwise the terminal's Ctrl-C would reach it twice
    with _passing_on(process):
        return process.wait()


@contextmanager
def _passing_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Forward Ctrl-C and SIGTERM to the program as SIGINT."""

    def tell(_signal: int, _frame: FrameType | None) -> None:
        process.send_signal(signal.SIGINT)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _progress(folder: Path) -> set[tuple[str, int]]:
    return {(str(path), path.stat().st_mtime_ns) for name in PROGRESS for path in folder.rglob(name)}


def _events(folder: Path) -> list[dict[str, Any]]:
    return list(read_rows(folder / EVENTS, EVENT_ROW))


def _cause(status: int, events: Sequence[dict[str, Any]]) -> str:
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    errors = [event["error"] for event in events if event["event"] == "run_failed"]
    return str(errors[-1]) if errors else f"exit status {status}"


def _note(folder: Path, attempt: int, status: int, cause: str, wait_s: float | None) -> None:
    if not (folder / RESOLVED).exists():
        return  # it never became a run, so the name must stay free
    try:
        EventLog(folder / EVENTS).write(
            "attempt_ended", attempt=attempt, status=status, cause=cause, restarts_in_s=wait_s
        )
    except DiskError as error:
        logger.warning("%s", error)
