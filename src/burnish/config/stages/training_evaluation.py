"""Configure evaluation during training, early stopping and metric reporters."""

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
    """Stop a training that no longer improves; its result is the best checkpoint by ``evaluation.best``."""

    metrics: tuple[TrainingMetric, ...] = Field(min_length=1)
    """Metrics to watch: training ends when none of them has improved for ``patience`` evaluations."""
    patience: int = Field(5, ge=1)
    """Evaluations."""
    min_delta: float = Field(0.001, ge=0)
    """Smallest change over the best value that counts as an improvement."""


class TrainingEvaluation(Config):
    """Evaluation while a stage trains, on data that is never trained on."""

    every: int = Field(100, ge=1)
    """Optimiser steps between evaluations; the last step is evaluated too."""
    rows: int = Field(0, ge=0)
    """Training rows to hold out for the loss, chosen by digest; rows with the same prompt stay together. In pretraining
    these are documents; with token bins they are drawn by the seed."""
    prompts: int = Field(0, ge=0)
    """Number of held-out tasks to answer and verify, as in ``burnish evaluate``."""
    sampling: SamplingConfig = SamplingConfig()
    """Sampling options of their answers."""
    best: TrainingMetric | None = None
    """Metric whose best checkpoint becomes the result; None takes the last step."""
    early_stopping: EarlyStopping | None = None

    @model_validator(mode="after")
    def _metrics_are_measured(self) -> TrainingEvaluation:
        if self.rows == 0 and self.prompts == 0:
            raise ValueError("an evaluation needs rows (for the loss), prompts (for generated answers), or both")
        stopping = self.early_stopping
        if stopping is not None and self.best is None:
            raise ValueError("early_stopping needs best: the metric whose best checkpoint becomes the result")
        for metric in self.wanted():
            key = "rows" if metric in get_args(RowMetric) else "prompts"
            if getattr(self, key) == 0:
                raise ValueError(f"the metric {metric!r} is not measured: set {key}")
        return self

    def wanted(self) -> tuple[TrainingMetric, ...]:
        """Return the metrics that decide the result or early stopping."""
        best: tuple[TrainingMetric, ...] = () if self.best is None else (self.best,)
        return best if self.early_stopping is None else best + self.early_stopping.metrics

    def check_measured(self, *rewards: RowMetric) -> None:
        """Raise ValueError when a deciding implicit reward is not measured by the stage."""
        for metric in self.wanted():
            if metric.startswith("rewards/") and metric not in rewards:
                known = f"it has {' and '.join(rewards)}" if rewards else "only preference stages have implicit rewards"
                raise ValueError(f"the metric {metric!r} is not measured in this stage: {known}")
