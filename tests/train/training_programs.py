"""Starts the small trainings of this folder as programs of their own, so that a test can kill them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.warm_process import run_warm

ROOT = Path(__file__).parents[2]
Ended = subprocess.CompletedProcess[str]


def environment() -> dict[str, str]:
    """That of a program: with a thread, where the tests can be imported."""
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "OMP_NUM_THREADS": "1"}


def run_as_program(module: str, base: Path, out: Path, *, prefix: Sequence[str] = (), **options: Any) -> Ended:
    """Run a module of this folder (such as `small_sft`) with its options; behind ``prefix``, where there is one."""
    program = ["-m", f"tests.train.{module}", str(base), str(out), json.dumps(options)]
    if not prefix:
        return run_warm(program, ROOT, environment())
    return subprocess.run(
        [*prefix, sys.executable, *program],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def run_in_processes(count: int, base: Path, out: Path, **options: Any) -> Ended:
    """Run `small_sft` in so many processes together."""
    out.mkdir(exist_ok=True)
    program = ["-m", "tests.train.small_sft", str(base), str(out), json.dumps(options)]
    return run_warm(program, ROOT, environment(), processes=count)
