"""Starts the program for the end-to-end tests: as a user would, on a tiny model and few tasks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.warm_process import run_warm

REPOSITORY = Path(__file__).parents[2]
TUNE = REPOSITORY / "recipes" / "tune.yaml"
PROGRAM = ("-c", "from burnish.cli import main; main()")


def small_tune(model: Path, *more: str) -> list[str]:
    """Arguments that run the recipe for fine-tuning at a reduced size."""
    said = [
        f"model.base={model}",
        "model.device=cpu",
        "data.tasks.train=40",
        "data.tasks.held_out=12",
        "data.tasks.cases=4",
        "stages.sft.max_steps=6",
        "stages.sft.save_every=2",
        "stages.sft.log_every=2",
        "stages.sft.effective_batch=8",
        "stages.sft.micro_batch=8",
        *(f"stages.{stage}.sampling.{key}" for stage in ("measure-base", "measure-sft") for key in SAMPLING),
        *more,
    ]
    return ["run", str(TUNE), *settings(*said)]


def settings(*said: str) -> list[str]:
    """``--set`` before each."""
    return [part for setting in said for part in ("--set", setting)]


SAMPLING = ("max_new_tokens=80", "batch_size=4", "temperature=0.7")


def burnish(
    arguments: Sequence[str],
    cwd: Path,
    *,
    environment: Mapping[str, str] | None = None,
    program: Sequence[str] = PROGRAM,
    prefix: Sequence[str] = (),
    warm: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run the program in ``cwd`` to its end; not ``warm`` or behind a prefix, it is started as a user starts it."""
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    variables = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "120", **(environment or {})}
    if warm and not prefix:
        return run_warm([*program, *arguments], cwd, variables)
    command = [*prefix, sys.executable, *program, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd, env=variables)


def summary_of(run: Path) -> dict[str, Any]:
    """``summary.json`` without times: all that must not depend on interruptions."""
    summary = json.loads((run / "summary.json").read_text())
    for model in summary["models"]:
        del model["seconds"], model["generation"]
        for kind in model["kinds"]:
            del kind["timing"]
    summary["timings"] = [(timing["name"], timing["kind"]) for timing in summary["timings"]]
    return dict(summary)


def texts_of(run: Path, stage: str) -> dict[tuple[str, int], str]:
    """What the model wrote in an evaluate stage, by task and sample: the file's lines are in the order of finishing."""
    rows = [json.loads(line) for line in (run / stage / "completions.jsonl").read_text().splitlines()]
    return {(row["task_id"], row["sample_index"]): row["text"] for row in rows}
