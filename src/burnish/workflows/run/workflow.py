"""Find the function that does a stage. Not covered: which one it is (the stage's class says so)."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from burnish.config.stages.stage import Stage
from burnish.workflows.run.context import Outcome, Run


class Workflow(Protocol):
    """Does a stage in its folder, going on where an earlier attempt stopped."""

    def __call__(self, run: Run, stage: Stage, folder: Path, /) -> Outcome: ...


def workflow_of(name: str) -> Workflow:
    """The function that ``module:function`` names; imports its module, and so torch only where it trains."""
    module, _, function = name.partition(":")
    return cast("Workflow", getattr(import_module(module), function))
