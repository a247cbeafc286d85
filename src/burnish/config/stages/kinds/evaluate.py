"""Measure a model."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from burnish.config.data.training_data import DataConfig
from burnish.config.generate import SamplingConfig
from burnish.config.stages.stage import Needs, Product, Reads, Stage


class EvaluateStage(Stage):
    """Let a model answer the held-out tasks, verify every answer, and count."""

    kind: Literal["evaluate"] = "evaluate"
    makes: ClassVar[tuple[Product, ...]] = ("measurement",)
    workflow: ClassVar[str] = "burnish.workflows.evaluate.stage:measure"
    may_be_called_base: ClassVar[bool] = True
    model: str = "base"
    """``base``, or the name of an earlier stage that leaves a model or an adapter."""
    sampling: SamplingConfig = SamplingConfig()
    limit: int | None = Field(None, ge=1)
    """Evaluate on only the first N held-out tasks."""

    def reads(self) -> tuple[Reads, ...]:
        return (Reads("model", ("model", "adapter")),)

    def needs(self, data: DataConfig) -> Needs:
        return Needs(tasks=("held_out",), model=True, verifier=True, packages=("training",))
