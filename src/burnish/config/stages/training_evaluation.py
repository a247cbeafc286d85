"""How a training is watched: evaluation on the way, early stopping, where curves are reported to."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, model_validator

from burnish.config.base import Config
from burnish.config.generate import SamplingConfig

Reporter = Literal["tensorboard", "wandb", "mlflow", "trackio", "comet_ml", "swanlab", "clearml", "dvclive"]

RowMetric = Literal["loss", "rewards/accuracies", "rewards/margins"]
AnswerMetric = Literal["compile_rate", "lint_free_rate", "tests_passed"]
TrainingMetric = Literal[RowMetric, AnswerMetric]
"""``loss`` is of held-out rows and should fall; the others should rise. ``rewards/...`` are of held-out rows too and
named as TRL does: the share of pairs whose chosen answer has the higher implicit reward, and by how much on average.
The rest is of answers the model writes."""


class EarlyStopping(Config):
    """End a training that has stopped to improve; its result is the checkpoint that was best by ``evaluation.best``."""

    metrics: tuple[TrainingMetric, ...] = Field(min_length=1)
    """Training ends when every one of them has failed to improve ``patience`` evaluations in a row."""
    patience: int = Field(5, ge=1)
    """Evaluations."""
    min_delta: float = Field(0.001, ge=0)
    """A metric improved when it is better than its best by more than this."""


class TrainingEvaluation(Config):
    """What is measured while a stage trains; nothing of it is trained on."""

    every: int = Field(100, ge=1)
    """Optimiser steps between evaluations; the last step is evaluated too."""
    rows: int = Field(0, ge=0)
    """Training rows to hold out for the loss, chosen by digest; rows with the same prompt stay together. In pretraining
    documents; of token bins they are drawn by the seed."""
    prompts: int = Field(0, ge=0)
    """The first so many held-out tasks are answered and verified, as ``burnish evaluate`` does it."""
    sampling: SamplingConfig = SamplingConfig()
    """How they are answered."""
    best: TrainingMetric | None = None
    """The checkpoint that is best by this metric is kept and becomes the result; None takes the last step."""
    early_stopping: EarlyStopping | None = None

    @model_validator(mode="after")
    def _metrics_are_measured(self) -> TrainingEvaluation:
        if self.rows == 0 and self.prompts == 0:
            raise ValueError("an evaluation needs rows (for the loss), prompts (for what the model writes), or both")
        stopping = self.early_stopping
        if stopping is not None and self.best is None:
            raise ValueError("early_stopping needs best: the metric whose best checkpoint becomes the result")
        for metric in self.wanted():
            key = "rows" if metric in get_args(RowMetric) else "prompts"
            if getattr(self, key) == 0:
                raise ValueError(f"the metric {metric!r} is not measured: set {key}")
        return self

    def wanted(self) -> tuple[TrainingMetric, ...]:
        """The metrics that decide something."""
        best: tuple[TrainingMetric, ...] = () if self.best is None else (self.best,)
        return best if self.early_stopping is None else best + self.early_stopping.metrics

    def check_measured(self, *rewards: RowMetric) -> None:
        """ValueError when an implicit reward decides that is not among those that the stage measures."""
        for metric in self.wanted():
            if metric.startswith("rewards/") and metric not in rewards:
                known = f"it has {' and '.join(rewards)}" if rewards else "only preference stages have implicit rewards"
                raise ValueError(f"the metric {metric!r} is not measured in this stage: {known}")
