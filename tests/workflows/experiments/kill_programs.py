"""Starts ``burnish sweep`` and ``burnish grid`` on tiny models, and kills them in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.run_program import PROGRAM


def write_yaml(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def write_jsonl(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def kill_when(arguments: Sequence[str], cwd: Path, moment: Callable[[], bool]) -> int:
    """Start the program, kill it with -9 as soon as ``moment`` has come, and return its exit status."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (cwd / "killed.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *PROGRAM, *arguments], cwd=cwd, env=environment, stdout=log, stderr=log
        )
        while not moment():
            assert process.poll() is None, (cwd / "killed.log").read_text()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        return process.wait()


def modified_times(folder: Path) -> dict[str, int]:
    """When every file below the folder was written, locks and the ledger aside."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in files}


def state_of(out: Path, index: int) -> str:
    """State of an experiment; empty when it never began."""
    path = out / "states" / f"{index:03d}.json"
    return str(json.loads(path.read_text())["state"]) if path.is_file() else ""
