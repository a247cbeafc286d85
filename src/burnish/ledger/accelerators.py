"""Read the state of NVIDIA GPUs from ``nvidia-smi``; empty where that program is missing.

Not covered: other makers' accelerators, which process uses how much.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass

QUERY = "index,name,utilization.gpu,memory.used,memory.total,temperature.gpu"


@dataclass(frozen=True)
class Accelerator:
    """State of one GPU; None for values that the driver does not report."""

    index: int
    name: str
    utilization_percent: float | None
    memory_used_mib: float | None
    memory_total_mib: float | None
    temperature_c: float | None


def read_accelerators(program: str = "nvidia-smi", timeout_s: float = 5.0) -> list[Accelerator]:
    """Read the state of all GPUs; empty if ``nvidia-smi`` is missing, fails or hangs."""
    path = shutil.which(program)
    if path is None:
        return []
    try:
        done = subprocess.run(
            [path, f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"],
            check=True,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
    except (subprocess.SubprocessError, OSError):
        return []
    return [parse_accelerator(line) for line in done.stdout.splitlines() if line.strip()]


def parse_accelerator(line: str) -> Accelerator:
    """Parse one line of the program's output."""
    index, *name, utilization, used, total, temperature = (part.strip() for part in line.split(","))
    numbers = (_number(text) for text in (utilization, used, total, temperature))
    return Accelerator(int(index), ", ".join(name), *numbers)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
