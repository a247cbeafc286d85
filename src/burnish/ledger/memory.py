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
    return _bytes(proc, "VmHWM")


def resident_bytes(proc: Path = PROC) -> int | None:
    """Return the current resident bytes; None if unknown."""
    return _bytes(proc, "VmRSS")


def _bytes(proc: Path, name: str) -> int | None:
    value = proc_field(proc / "status", name)
    return int(value.split()[0]) * 1024 if value else None


def proc_field(path: Path, name: str) -> str:
    """Return the value of the first line ``name : value`` of a file in ``/proc``, otherwise an empty text."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), "")
