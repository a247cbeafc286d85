"""Starts the small trainings of this folder as programs of their own, so that a test can kill them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from burnish.config.launch import LaunchConfig
from burnish.scale.launch import torchrun_arguments

ROOT = Path(__file__).parents[2]
Ended = subprocess.CompletedProcess[str]


def run_command(command: Sequence[str]) -> Ended:
    """Run it to its end, with a thread, where the tests can be imported."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def run_as_program(module: str, base: Path, out: Path, *, prefix: Sequence[str] = (), **options: Any) -> Ended:
    """Run a module of this folder (such as `small_sft`) with its options, behind ``prefix``."""
    program = [sys.executable, "-m", f"tests.train.{module}"]
    return run_command([*prefix, *program, str(base), str(out), json.dumps(options)])


def run_in_processes(count: int, base: Path, out: Path, **options: Any) -> Ended:
    """Run `small_sft` in so many processes together."""
    out.mkdir(exist_ok=True)
    arguments = [str(base), str(out), json.dumps(options)]
    return run_command(torchrun_arguments(LaunchConfig(), count, "tests.train.small_sft", arguments))
