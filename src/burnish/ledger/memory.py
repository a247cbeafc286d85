"""Peak resident memory of this process since a moment, from Linux's ``/proc``.

Not covered: accelerator memory, child processes (the verifier's candidates have limits of their own).
"""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc/self")


def reset_peak(proc: Path = PROC) -> bool:
    """Begin a new peak; False where the system does not let us (the peak then counts from the program's start)."""
    try:
        (proc / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak_bytes(proc: Path = PROC) -> int | None:
    """Peak resident bytes; None where the system does not say."""
    return _status(proc, "VmHWM")


def resident_bytes(proc: Path = PROC) -> int | None:
    """Resident bytes now; None where the system does not say."""
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
