"""Find the process that works in a run's folder, and stop it cleanly.

The check takes no lock, so it never keeps a run from starting. Only Linux is covered (``/proc``); a process of
another machine on a shared disk is not seen.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from burnish.fsio import write_json
from burnish.ledger.run_folder import LOCK
from burnish.records.layout import DETACHED

PROC = Path("/proc")


def holder(folder: Path) -> int | None:
    """Return the process that holds the folder's lock; None if unlocked."""
    try:
        inode = (folder / LOCK).stat().st_ino
        pid = int((folder / LOCK).read_text().strip() or 0)
        locks = (PROC / "locks").read_text().splitlines()
    except (FileNotFoundError, ValueError):
        return None
    for line in locks:
        fields = line.split()
        if "FLOCK" in fields and fields[-3].endswith(f":{inode}") and fields[-4] in (str(pid), "0"):
            return pid if _alive(pid) else None
    return None


def note_detached(folder: Path, pid: int) -> None:
    """Write the pid file of a process in the background."""
    write_json(folder / DETACHED, {"pid": pid, "started": _started(pid)})


def detached(folder: Path) -> int | None:
    """Return the process of the pid file if it still runs."""
    try:
        record = json.loads((folder / DETACHED).read_text())
    except (FileNotFoundError, ValueError):
        return None
    pid = int(record["pid"])
    return pid if _alive(pid) and _started(pid) == record["started"] else None


def working(folder: Path) -> int | None:
    """Return the process that works on the folder, or is about to."""
    return holder(folder) or detached(folder)


def stop(
    folder: Path,
    wait_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Send SIGINT to the folder's process and wait; return False if it outlives ``wait_s``.

    Raises ProcessLookupError when no process works there. A training first finishes its step and saves a checkpoint.
    """
    pid = working(folder)
    if pid is None:
        raise ProcessLookupError(f"no process is working on {folder}")
    os.kill(pid, signal.SIGINT)
    until = clock() + wait_s
    while _alive(pid):
        if clock() >= until:
            return False
        sleep(0.1)
    return True


def _alive(pid: int) -> bool:
    try:
        state = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")


def _started(pid: int) -> int | None:
    """Return the process's start in clock ticks since boot; with the pid it is unique."""
    try:
        return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None
