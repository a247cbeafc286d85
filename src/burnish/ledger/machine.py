"""``machine.json``: record the machine and packages of a run's last attempt.

Imports no package for this. Not covered: accelerators other than NVIDIA's, other load on the machine.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

from burnish.fsio import RESTORE, read_object, write_json
from burnish.ledger.accelerators import read_accelerators
from burnish.ledger.memory import proc_field
from burnish.records.layout import MACHINE

PACKAGES = ("torch", "transformers", "tokenizers", "peft", "trl", "accelerate", "bitsandbytes")
"""Packages whose version can change results."""
PROC = Path("/proc")


def write_machine(folder: Path) -> None:
    """Write the facts into a run's folder, replacing those of an earlier attempt."""
    write_json(folder / MACHINE, machine_facts())


def read_machine(folder: Path) -> dict[str, str]:
    """Read the facts from a run's folder; empty if none were written."""
    try:
        facts: dict[str, str] = read_object(folder / MACHINE, RESTORE)
    except FileNotFoundError:
        return {}
    return facts


def machine_facts(proc: Path = PROC) -> dict[str, str]:
    """Describe processor, memory, GPUs, system, Python and packages; leave out unknown facts."""
    cores = len(os.sched_getaffinity(0))
    facts = {
        "processor": f"{proc_field(proc / 'cpuinfo', 'model name') or platform.machine()}, {cores} cores",
        "memory": _memory(proc / "meminfo"),
        "GPU": ", ".join(_gpu(gpu.name, gpu.memory_total_mib) for gpu in read_accelerators()),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            facts[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {name: value for name, value in facts.items() if value}


def _gpu(name: str, memory_mib: float | None) -> str:
    return name if memory_mib is None else f"{name} ({memory_mib / 1024:.0f} GiB)"


def _memory(meminfo: Path) -> str:
    total = proc_field(meminfo, "MemTotal")
    return f"{int(total.split()[0]) / 2**20:.1f} GiB" if total else ""
