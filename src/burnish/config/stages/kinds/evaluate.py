"""Measure a model."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from burnish.config.data.training_data import DataConfig
from burnish.config.generate import SamplingConfig
from burnish.config.stages.stage import NamedFiles, Needs, Product, Reads, Stage
from burnish.config.tasks import RustTasks, TasksConfig


class EvaluateStage(Stage):
    """Let a model answer the held-out tasks or a task set of the stage's own, verify every answer, and count."""

    kind: Literal["evaluate"] = "evaluate"
    makes: ClassVar[tuple[Product, ...]] = ("measurement",)
    workflow: ClassVar[str] = "burnish.workflows.evaluate.core:measure"
    may_be_called_base: ClassVar[bool] = True
    model: str = "base"
    """``base``, or the name of an earlier stage that leaves a model or an adapter."""
    tasks: TasksConfig | None = None
    """A task set of its own, such as a published benchmark; None evaluates on the run's held-out tasks. No stage trains
    on it: of the built-in tasks only ``held_out`` counts."""
    sampling: SamplingConfig = SamplingConfig()
    limit: int | None = Field(None, ge=1)
    """Evaluate on only the first N tasks."""

    def reads(self) -> tuple[Reads, ...]:
        return (Reads("model", ("model", "adapter")),)

    def needs(self, data: DataConfig) -> Needs:
        needs = Needs(model=True, verifier=True, packages=("training",))
        if self.tasks is None:
            return replace(needs, tasks=("held_out",))
        if isinstance(self.tasks, RustTasks):
            return needs
        named = {"own tasks": self.tasks.path, "own exclusions": self.tasks.exclude}
        return replace(
            needs, files={what: NamedFiles(path, "file") for what, path in named.items() if path is not None}
        )
