"""Configure GRPO: a model learns from its own answers, judged by the compiler.

Options are named as in TRL.

Settings that are impossible, or that bias the ratio between the sampling model and the trained model, are refused here
with the reason. Not covered: reward shapes (`config.reward`), the verifier (`config.verify`).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from burnish.config.base import Config
from burnish.config.compatibility import Method
from burnish.config.data.training_data import DataConfig
from burnish.config.reward import DenseReward, RewardConfig
from burnish.config.stages.adapters import AdapterConfig, LoraConfig
from burnish.config.stages.stage import ContinuingStage, Needs, Package, Product, Reads

PolicyLoss = Literal["grpo", "bnpo", "dr_grpo", "dapo", "luspo", "cispo", "sapo", "vespo"]

_CUTS = "samples would come from a truncated distribution, but the loss uses the full one, which biases the ratio"
REFUSED = {
    "top_p": _CUTS,
    "top_k": _CUTS,
    "min_p": _CUTS,
    "repetition_penalty": _CUTS,
    "vllm_importance_sampling_correction": "vLLM's log-probabilities differ from the trainer's, so the correction "
    "is always on",
    "steps_per_generation": "use generation_batch_size, in completions",
}
"""Options of TRL that are not supported here, with the reason."""


class VllmConfig(Config):
    """Generate completions with vLLM, corrected by importance sampling; needs a GPU and vLLM."""

    vllm_mode: Literal["colocate", "server"] = "colocate"
    """In the trainer's own process, or in a server that ``trl vllm-serve`` started."""
    vllm_server_base_url: str | None = None
    """Address of that server, as ``http://HOST:PORT``."""
    vllm_gpu_memory_utilization: float = Field(0.3, gt=0, lt=1)
    """Share of the GPU's memory for vLLM in the trainer's process."""

    @model_validator(mode="after")
    def _server_is_named(self) -> VllmConfig:
        if (self.vllm_mode == "server") != (self.vllm_server_base_url is not None):
            raise ValueError("vllm_server_base_url and vllm_mode 'server' need each other")
        return self


class GrpoStage(ContinuingStage):
    """GRPO: the model answers training tasks, the verifier judges, and better answers than the group's mean
    become likelier."""

    kind: Literal["grpo"] = "grpo"
    makes: ClassVar[tuple[Product, ...]] = ("adapter", "rollouts")
    workflow: ClassVar[str] = "burnish.workflows.train.grpo:reinforce"
    matrix_method: ClassVar[Method] = "grpo"
    adapter: AdapterConfig = LoraConfig()
    """Trained weights: an adapter, or every weight. Dropout must be 0: it would distort the ratio."""
    reward: RewardConfig = DenseReward()
    """Reward shape, by name or with weights."""
    num_generations: int = Field(8, ge=2)
    """Completions per prompt: the group within which rewards are compared."""
    effective_batch: int = Field(256, ge=2)
    """Completions per optimiser step."""
    generation_batch_size: int | None = Field(None, ge=2)
    """Completions per generation batch; None is ``effective_batch``. A multiple of it takes several optimiser steps,
    the later ones off-policy."""
    num_iterations: int = Field(1, ge=1)
    """Optimisation passes over the same completions."""
    decode_batch: int = Field(64, ge=1)
    """Completions decoded together. Finished ones are verified while the others are decoded."""
    max_completion_length: int = Field(256, ge=1)
    """Most tokens of a completion; a longer one is cut."""
    mask_truncated_completions: bool = False
    """Leave cut completions out of the loss; their rewards count in the group in any case."""
    temperature: float = Field(1.0, gt=0)
    """Temperature of sampling, and of the log-probabilities in the loss."""
    loss_type: PolicyLoss = "dapo"
    """How token losses are averaged: ``dapo`` averages over all tokens, ``grpo`` over each completion first,
    ``dr_grpo`` divides by ``max_completion_length``; the others as in TRL."""
    epsilon: float = Field(0.2, gt=0)
    """Lower clip of the ratio: 1 minus this."""
    epsilon_high: float | None = Field(None, gt=0)
    """Upper clip of the ratio: 1 plus this; None is ``epsilon``. With ``cispo`` this is the largest ratio itself."""
    importance_sampling_level: Literal["token", "sequence"] = "token"
    """Level of the ratio: per token, or per sequence."""
    scale_rewards: Literal["group", "batch", "none"] = "group"
    """Divisor of advantages: the standard deviation of the group, of all completions, or none."""
    beta: float = Field(0.0, ge=0)
    """Weight of the KL term against the start model, corrected by the ratio (unbiased)."""
    entropy_coef: float = Field(0.0, ge=0)
    """Weight of an entropy bonus."""
    revisit_share: float = Field(0.5, ge=0, le=1)
    """Share of prompts drawn from those seen before, preferably with both passing and failing completions; the others
    come from shuffled passes over all tasks."""
    rates_from: str | None = None
    """Name of an earlier stage that sampled answers to training tasks: its pass rates count as seen from the start.
    None starts without pass rates."""
    dynamic_sampling: Literal["off", "skip", "replace"] = "skip"
    """Treatment of groups with equal rewards, which give no gradient: they stay in the loss's average, are left out, or
    are replaced by new ones, up to twice the completions in all."""
    vllm: VllmConfig | None = None
    """vLLM settings; None generates with the trained model in its own process."""

    @model_validator(mode="before")
    @classmethod
    def _says_why_not(cls, data: object) -> object:
        for key, reason in REFUSED.items():
            if isinstance(data, dict) and key in data:
                raise ValueError(f"{key} is not supported: {reason}")
        return data

    @model_validator(mode="after")
    def _batches_are_whole(self) -> GrpoStage:
        if self.completions_per_generation % self.effective_batch:
            raise ValueError(
                f"generation_batch_size {self.generation_batch_size} is not a multiple of effective_batch "
                f"{self.effective_batch}: every optimiser step takes the same number of completions"
            )
        if self.completions_per_generation % self.num_generations:
            raise ValueError(
                f"num_generations {self.num_generations} does not divide the {self.completions_per_generation} "
                "completions of a generation batch: groups would be split"
            )
        return self

    @model_validator(mode="after")
    def _ratio_is_unbiased(self) -> GrpoStage:
        level, loss = self.importance_sampling_level, self.loss_type
        if loss == "luspo" and level != "sequence":
            raise ValueError("loss_type luspo needs importance_sampling_level sequence")
        if level == "sequence" and loss in ("bnpo", "dr_grpo", "dapo", "cispo"):
            raise ValueError(
                f"importance_sampling_level sequence with loss_type {loss} would weight completions by their "
                "length: use grpo or luspo"
            )
        if level == "sequence" and loss == "vespo":
            raise ValueError("loss_type vespo computes its own sequence ratio: importance_sampling_level must be token")
        if level == "sequence" and self.beta:
            raise ValueError(
                "beta with importance_sampling_level sequence: the KL term's ratio is only correct per token, so "
                "its gradient would be biased: set beta to 0, or the level to token"
            )
        if loss == "cispo" and (self.epsilon_high is None or self.epsilon_high < 1):
            raise ValueError("loss_type cispo clips the ratio at epsilon_high itself: set it to 1 or more, such as 5")
        if getattr(self.adapter, "dropout", 0.0):
            raise ValueError("adapter.dropout must be 0: the trained model would differ from the sampling model")
        return self

    @property
    def completions_per_generation(self) -> int:
        """Return the number of completions per generation batch."""
        return self.generation_batch_size or self.effective_batch

    def method_name(self) -> str:
        return "GRPO"

    def reads(self) -> tuple[Reads, ...]:
        start = super().reads()
        return start if self.rates_from is None else (*start, Reads("rates_from", ("rollouts",)))

    def needs(self, data: DataConfig) -> Needs:
        packages: tuple[Package, ...] = (
            ("training", "reporters") if self.vllm is None else ("training", "reporters", "vllm")
        )
        return self.start_needs(Needs(tasks=("train", "held_out"), model=True, verifier=True, packages=packages))
