"""A small recipe of expert iteration, for tests of its workflow and of its interruptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def expert_recipe(
    runs: Path, *more: dict[str, Any], tasks: dict[str, Any] | None = None, **stage: Any
) -> dict[str, Any]:
    """The embedded model samples six tasks twice, and trains for two steps, in each of two rounds."""
    expert: dict[str, Any] = {
        "kind": "expert_iteration",
        "name": "expert",
        "rounds": 2,
        "prompts": 6,
        "sampling": {"samples": 2, "max_new_tokens": 80, "batch_size": 4},
        "max_length": 256,
        "learning_rate": 1e-3,
        "max_steps": 2,
        "save_every": 1,
        "log_every": 1,
        "effective_batch": 4,
        "micro_batch": 4,
        "adapter": {"kind": "lora", "r": 4, "alpha": 8},
    }
    return {
        "name": "run",
        "runs_dir": str(runs),
        "report_to": [],
        "model": {"base": "nano", "device": "cpu"},
        "data": {"tasks": tasks or {"kind": "rust", "train": 16, "held_out": 2, "cases": 4}},
        "stages": [{"kind": "tasks", "name": "tasks"}, expert | stage, *more],
    }
