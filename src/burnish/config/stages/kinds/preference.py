"""Configure learning from preferences: DPO and KTO, a union keyed by ``kind``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from burnish.config.base import Config
from burnish.config.compatibility import Method
from burnish.config.data.training_data import DataConfig
from burnish.config.model import ModelConfig
from burnish.config.stages.adapters import AdapterConfig, LoraConfig
from burnish.config.stages.stage import AdapterStage, FileKind, NamedFiles, Needs, Reads, TrainingStage
from burnish.config.stages.training_evaluation import RowMetric, TrainingEvaluation


class DpoConfig(Config):
    """DPO (Rafailov et al. 2023): prefer the chosen to the rejected answer of a prompt."""

    kind: Literal["dpo"] = "dpo"
    beta: float = Field(0.1, gt=0)
    """Strength of the pull towards the reference model: larger stays closer."""
    loss: Literal["sigmoid", "hinge", "ipo", "robust", "apo_zero", "apo_down", "sigmoid_norm"] = "sigmoid"
    """``sigmoid`` is DPO itself; ``hinge`` SLiC, ``ipo`` IPO, ``robust`` DPO that allows for wrong labels,
    ``apo_zero`` and ``apo_down`` anchor the answers one by one, ``sigmoid_norm`` divides by length."""
    label_smoothing: float = Field(0.0, ge=0, lt=0.5)
    """Assumed share of swapped pairs, with the loss ``robust``; the others need 0."""


class KtoConfig(Config):
    """KTO (Ethayarajh et al. 2024): raise good answers and lower bad ones, also of different prompts.

    The KL term is estimated inside a micro batch, which therefore needs two rows or more.
    """

    kind: Literal["kto"] = "kto"
    beta: float = Field(0.1, gt=0)
    """Strength of the pull towards the reference model: larger stays closer."""
    loss: Literal["kto", "apo_zero_unpaired"] = "kto"
    """``apo_zero_unpaired`` has no KL term."""
    desirable_weight: float = Field(1.0, gt=0)
    """Weight of the loss of good answers; with unequal numbers raise that of the rarer kind."""
    undesirable_weight: float = Field(1.0, gt=0)
    """Weight of the loss of bad answers."""


PreferenceMethod = Annotated[DpoConfig | KtoConfig, Field(discriminator="kind")]


class PreferenceStage(AdapterStage, TrainingStage):
    """Preference tuning: learn from answers that were judged better or worse."""

    kind: Literal["preference"] = "preference"
    training_function: ClassVar[str] = "burnish.workflows.train.preference:prefer"
    matrix_method: ClassVar[Method] = "preference"
    start_from: str = "base"
    """``base``, or the name of an earlier pretrain or merge stage; it is the reference that answers are compared to."""
    rows: Path | None = None
    """JSONL file, or a glob: ``prompt``, ``chosen``, ``rejected`` for DPO; ``prompt``, ``completion``, ``label`` for
    KTO. A prompt is a text or a list of turns."""
    rollouts: str | None = None
    """In place of ``rows``, the name of an earlier stage that sampled answers to training tasks: those that passed are
    preferred to those that failed."""
    per_task: int = Field(4, ge=1)
    """Most pairs of one task that are made of ``rollouts``; for KTO most good and most bad answers."""
    method: PreferenceMethod = DpoConfig()
    """DPO or KTO."""
    adapter: AdapterConfig = LoraConfig()
    """Trained weights: an adapter, or every weight. Dropout must be 0, since it would add noise to the comparison."""
    max_length: int = Field(512, ge=16)
    """Longest prompt with its answer, in tokens; longer rows are refused, never cut."""
    evaluation: TrainingEvaluation | None = None
    """Evaluation during training; None for none. Held-out rows measure the loss of the method and the implicit
    rewards."""

    @model_validator(mode="after")
    def _can_be_compared(self) -> PreferenceStage:
        if (self.rows is None) == (self.rollouts is None):
            raise ValueError("name either rows, a file, or rollouts, an earlier stage")
        if getattr(self.adapter, "dropout", 0.0):
            raise ValueError("adapter.dropout must be 0: with it model and reference differ by chance")
        method = self.method
        if isinstance(method, DpoConfig) and method.label_smoothing and method.loss != "robust":
            raise ValueError(f"label_smoothing goes with the loss 'robust', not {method.loss!r}")
        if isinstance(method, KtoConfig) and method.loss == "kto" and self.micro_batch < 2:
            raise ValueError("KTO estimates its KL term inside a micro batch: micro_batch must be 2 or more")
        if self.evaluation is not None:
            pairs: tuple[RowMetric, ...] = ("rewards/accuracies",) if isinstance(method, DpoConfig) else ()
            self.evaluation.check_measured(*pairs, "rewards/margins")
        return self

    def method_name(self) -> str:
        return self.method.kind.upper()

    def reads(self) -> tuple[Reads, ...]:
        start = Reads("start_from", ("model",))
        return (start,) if self.rollouts is None else (start, Reads("rollouts", ("rollouts",)))

    def needs(self, data: DataConfig) -> Needs:
        kind: FileKind = "dpo rows" if self.method.kind == "dpo" else "kto rows"
        files = {} if self.rows is None else {"rows": NamedFiles(self.rows, kind)}
        return self.training_needs(Needs(encodes=True, files=files))

    def sharding_refusal(self, model: ModelConfig) -> str | None:
        return "goes with sft and pretrain stages: a preference stage compares with a reference model, kept whole"
