"""Runs a recipe and kills itself at a step: ``python -m tests.train.kill_at_step RECIPE.json STAGE STEP``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import torch

from burnish.config.stages.recipe import Recipe
from burnish.ledger.metrics import MetricsWriter
from burnish.workflows.recipe import run_recipe


def main(recipe: Path, stage: str, step: int) -> None:
    """Arm the log and run; an empty stage never kills."""
    real = MetricsWriter.log

    def log(self: MetricsWriter, of: str, at: int, values: Mapping[str, float]) -> None:
        real(self, of, at, values)
        if (of, at) == (stage, step):
            os.kill(os.getpid(), signal.SIGKILL)

    MetricsWriter.log = log  # type: ignore[method-assign,assignment]
    torch.set_num_threads(1)
    run_recipe(Recipe.model_validate_json(recipe.read_bytes()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
