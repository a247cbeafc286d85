"""What ``burnish evaluate`` judges: a model's answers, or answers that already exist."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from burnish.config.base import Config
from burnish.config.generate import SamplingConfig
from burnish.config.model import ModelConfig
from burnish.config.tasks import RustTasks, TasksConfig
from burnish.config.verify import VerifyConfig


class ModelAnswers(Config):
    """Answers that a model writes."""

    kind: Literal["model"] = "model"
    model: ModelConfig = ModelConfig()
    adapter: Path | None = None
    """Folder of an adapter of this model."""
    sampling: SamplingConfig = SamplingConfig()


class FileAnswers(Config):
    """Answers in a file: JSONL of `Completion` records."""

    kind: Literal["completions"] = "completions"
    path: Path


class FieldAnswers(Config):
    """Answers that stand in the task file itself, such as ``canonical_solution`` or ``buggy_solution``."""

    kind: Literal["field"] = "field"
    name: str = "reference"


AnswersConfig = Annotated[ModelAnswers | FileAnswers | FieldAnswers, Field(discriminator="kind")]


class EvaluateConfig(Config):
    """``burnish evaluate --config FILE --set key=value``."""

    out: Path
    """A new folder for completions, rows with their judgement, verdicts of Rust, and the summary."""
    tasks: TasksConfig = RustTasks()
    answers: AnswersConfig = ModelAnswers()
    verify: VerifyConfig = VerifyConfig()
    seed: int = Field(0, ge=0)
    tolerance: float = Field(1e-4, ge=0)
    """How far a numeric answer may be from the right number and still be right; other kinds have no use for it."""
    limit: int | None = Field(None, ge=1)
    """Judge the first so many tasks."""
