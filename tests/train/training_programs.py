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
from tests.warm_process import run_warm

ROOT = Path(__file__).parents[2]
Ended = subprocess.CompletedProcess[str]


def environment() -> dict[str, str]:
    """That of a program: with a thread, where the tests can be imported."""
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "OMP_NUM_THREADS": "1"}


def run_as_program(module: str, base: Path, out: Path, *, prefix: Sequence[str] = (), **options: Any) -> Ended:
    """Run a module of this folder (such as `small_sft`) with its options; behind ``prefix``, where there is one."""
    program = ["-m", f"tests.train.{module}", str(base), str(out), json.dumps(options)]
    return _run([*prefix, sys.executable, *program]) if prefix else run_warm(program, ROOT, environment())


def run_in_processes(count: int, base: Path, out: Path, *, torchrun: bool = False, **options: Any) -> Ended:
    """Run `small_sft` in so many processes together, which torchrun starts when asked for."""
    out.mkdir(exist_ok=True)
    module, arguments = "tests.train.small_sft", [str(base), str(out), json.dumps(options)]
    if torchrun:
        return _run(torchrun_arguments(LaunchConfig(), count, module, arguments))
    return run_warm(["-m", module, *arguments], ROOT, environment(), processes=count)


def _run(command: Sequence[str]) -> Ended:
    return subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )
