"""Tokens per second of supervised fine-tuning, packed and with LoRA, beside TRL: by hand, by default, and as system A.

    python -m benchmarks.train [--rows N] [--rounds N] [--json FILE] [--gpu]

On a CPU: a model of a million parameters in float32, one thread, the same rows for all. The ways take turns, every
measurement in a process of its own; the median of the rounds counts, in CPU seconds, so that a busy machine changes
little. ``--gpu`` measures an 8B shape instead (see `benchmarks.train_gpu`).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.goals import Goal, report
from benchmarks.model_speed import million_parameters
from benchmarks.train_variants import VARIANTS, Measured

PACKAGES = ("torch", "transformers", "trl", "peft")


def measured(name: str, rows: int, model: Path, out: Path) -> Measured:
    """One way, in a new process; CalledProcessError when it fails."""
    command = [sys.executable, "-m", "benchmarks.train_variants", name, str(rows), str(model), str(out)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return Measured(**json.loads(ended.stdout.splitlines()[-1]))


def run_in_turns(rows: int, rounds: int) -> dict[str, list[Measured]]:
    """Every way once per round; every other round goes backwards."""
    found: dict[str, list[Measured]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as temporary:
        model = million_parameters(Path(temporary) / "model")
        for turn in range(rounds):
            for name in VARIANTS if turn % 2 == 0 else reversed(list(VARIANTS)):
                found[name].append(measured(name, rows, model, Path(temporary)))
    return found


def speed(runs: Sequence[Measured]) -> float:
    """Median of tokens per CPU second."""
    return statistics.median(run.tokens / run.cpu_s for run in runs)


def table(found: dict[str, list[Measured]]) -> str:
    """Markdown: speed, spread and memory of each way."""
    lines = ["| way | tokens per CPU s | spread | peak GiB | last loss |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, runs in found.items():
        speeds = [run.tokens / run.cpu_s for run in runs]
        spread = (max(speeds) - min(speeds)) / statistics.median(speeds)
        peak = max(run.peak_bytes for run in runs) / 2**30
        lines.append(f"| {name} | {speed(runs):.0f} | {spread:.1%} | {peak:.2f} | {runs[-1].loss:.3f} |")
    return "\n".join(lines)


def goals(found: dict[str, list[Measured]]) -> list[Goal]:
    """The ratios; the best of the settings by hand is the one to beat, and our best has to."""
    best = {
        start: max(speed(runs) for name, runs in found.items() if name.startswith(start))
        for start in ("burnish", "TRL by hand", "TRL defaults", "system A")
    }
    by_hand, by_default, as_a = (best["burnish"] / best[one] for one in ("TRL by hand", "TRL defaults", "system A"))
    return [
        Goal("tokens_vs_trl_best", by_hand, ">= 0.97", by_hand >= 0.97),
        Goal("tokens_vs_trl_defaults", by_default, ">= 1.5", by_default >= 1.5),
        Goal("tokens_vs_system_a", as_a, "none", True),
    ]


def versions() -> str:
    """Date, machine and packages, for the head of a kept table."""
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, {platform.python_version()}, {packages}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--gpu", action="store_true")
    chosen = parser.parse_args(arguments)
    print(versions())
    if chosen.gpu:
        from benchmarks.train_gpu import measure_gpu

        report(measure_gpu(), chosen.json)
        return
    found = run_in_turns(chosen.rows, chosen.rounds)
    print(table(found), end="\n\n")
    report(goals(found), chosen.json)


if __name__ == "__main__":
    main()
