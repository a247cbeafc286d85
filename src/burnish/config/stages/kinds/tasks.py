"""Build the task set of a run."""

from __future__ import annotations

from typing import ClassVar, Literal

from burnish.config.data.training_data import DataConfig
from burnish.config.stages.stage import Needs, Product, Stage


class TasksStage(Stage):
    """Build the task set that ``data.tasks`` describes, and check every held-out reference answer."""

    kind: Literal["tasks"] = "tasks"
    makes: ClassVar[tuple[Product, ...]] = ("tasks",)
    workflow: ClassVar[str] = "burnish.workflows.build.stages:build_tasks"

    def needs(self, data: DataConfig) -> Needs:
        return Needs(data=("tasks",), verifier=True)
