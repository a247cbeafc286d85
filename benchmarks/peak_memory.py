"""Peak memory of this process, without that of the program it came from. Linux only."""

from __future__ import annotations

from pathlib import Path


def peak_kib() -> int:
    """Largest resident size of this program alone, in KiB.

    getrusage would not do: its peak goes on over exec, so a child's begins at what its parent had when it forked.
    """
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])
