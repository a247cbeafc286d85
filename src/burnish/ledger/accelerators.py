"""Read the state of NVIDIA GPUs from ``nvidia-smi``, and tell why torch will find none.

Not covered: other makers' accelerators, which process uses how much.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

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


def cuda_missing() -> str | None:
    """Return why torch will find no CUDA device here, without loading torch; None where it may find one.

    Looks at ``CUDA_VISIBLE_DEVICES``, at the build of torch and for the driver's library. Not covered: a driver that
    is there and has no working device, which torch tells when it is loaded.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides every device"
    spec = importlib.util.find_spec("torch")
    version = Path(spec.origin).with_name("version.py") if spec is not None and spec.origin else None
    if version is not None and version.is_file():
        builds = dict(re.findall(r"^(cuda|hip)\b.*?= *(\S+)", version.read_text(encoding="utf-8"), re.MULTILINE))
        if builds.get("hip", "None") != "None":
            return None  # torch calls such a device cuda too, and it has another driver
        if builds.get("cuda") == "None":
            return "the installed torch is a build for CPUs"
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "no NVIDIA driver is installed"
    return None
