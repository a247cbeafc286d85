"""Measure the peak resident memory of this process, from Linux's ``/proc``.

Not covered: accelerator memory, child processes (the verifier limits its candidates itself).
"""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc/self")


def reset_peak(proc: Path = PROC) -> bool:
    """Reset the peak; return False if the system forbids it (the peak then counts from the start)."""
    try:
        (proc / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak_bytes(proc: Path = PROC) -> int | None:
    """Return the peak resident bytes; None if unknown."""
    return _status(proc, "VmHWM")


def resident_bytes(proc: Path = PROC) -> int | None:
    """Return the current resident bytes; None if unknown."""
    return _status(proc, "VmRSS")


def _status(proc: Path, field: str) -> int | None:
    try:
        status = (proc / "status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return None
