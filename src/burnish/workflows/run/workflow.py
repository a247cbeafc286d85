"""Find the function that runs a stage. Not covered: its name (the stage's class declares it)."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from burnish.config.stages.stage import Stage
from burnish.workflows.run.context import Outcome, Run


class Workflow(Protocol):
    """Run a stage in its folder, continuing an earlier attempt."""

    def __call__(self, run: Run, stage: Stage, folder: Path, /) -> Outcome: ...


def workflow_of(name: str) -> Workflow:
    """Return the function named ``module:function``; import its module, so torch is loaded only for training."""
    module, _, function = name.partition(":")
    return cast("Workflow", getattr(import_module(module), function))
