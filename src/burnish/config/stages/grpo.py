"""GRPO: how a model learns from its own answers, which the compiler has judged. Options are named as TRL names them.

What cannot be, or is known to bias the ratio between the model that wrote and the model that learns, is refused here
with its reason. Not covered: reward shapes (`config.reward`), the verifier (`config.verify`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from burnish.config.base import Config
from burnish.config.reward import DenseReward, RewardConfig
from burnish.config.stages.adapters import AdapterConfig, LoraConfig
from burnish.config.stages.optimizer import OptimizerConfig

PolicyLoss = Literal["grpo", "bnpo", "dr_grpo", "dapo", "luspo", "cispo", "sapo", "vespo"]

_CUTS = (
    "samples would come from a cut distribution, whose log-probabilities the loss does not compute: the ratio is biased"
)
REFUSED = {
    "top_p": _CUTS,
    "top_k": _CUTS,
    "min_p": _CUTS,
    "repetition_penalty": _CUTS,
    "vllm_importance_sampling_correction": "vLLM's log-probabilities differ from the trainer's, so they are corrected",
    "steps_per_generation": "say generation_batch_size, in completions",
}
"""Options of TRL that are no options here."""


class VllmConfig(Config):
    """Let vLLM write the completions, its log-probabilities corrected by importance sampling. Needs a GPU and vLLM."""

    vllm_mode: Literal["colocate", "server"] = "colocate"
    """In the trainer's own process, or in a server that ``trl vllm-serve`` started."""
    vllm_server_base_url: str | None = None
    """Where that server listens, as ``http://HOST:PORT``."""
    vllm_gpu_memory_utilization: float = Field(0.3, gt=0, lt=1)
    """Share of the GPU's memory that vLLM takes when it is in the trainer's process."""

    @model_validator(mode="after")
    def _server_is_named(self) -> VllmConfig:
        if (self.vllm_mode == "server") != (self.vllm_server_base_url is not None):
            raise ValueError("vllm_server_base_url goes with vllm_mode 'server', which needs it")
        return self


class GrpoConfig(OptimizerConfig):
    """What a grpo stage may say beside its name."""

    start_from: str = "base"
    """``base``, or the name of an earlier stage that made a model or an adapter."""
    previous_adapter: Literal["continue", "merge"] = "continue"
    """What becomes of the adapter that ``start_from`` names: it is trained on, or merged into the weights below a new
    one."""
    adapter: AdapterConfig = LoraConfig()
    """What is trained: an adapter, or every weight. Dropout must be 0: it would blur the ratio."""
    reward: RewardConfig = DenseReward()
    """What a verdict is worth, by name or with weights."""
    num_generations: int = Field(8, ge=2)
    """Completions of one prompt: the group that rewards are compared in."""
    effective_batch: int = Field(256, ge=2)
    """Completions per optimiser step."""
    generation_batch_size: int | None = Field(None, ge=2)
    """Completions written before the model learns from them; None is ``effective_batch``. A multiple of it takes
    several optimiser steps, of which the later ones learn from what an earlier model wrote."""
    num_iterations: int = Field(1, ge=1)
    """Times that the same completions are learned from."""
    decode_batch: int = Field(64, ge=1)
    """Completions decoded together. Those that are finished are verified while the others are decoded."""
    max_completion_length: int = Field(256, ge=1)
    """Tokens after which a completion is cut."""
    mask_truncated_completions: bool = False
    """Leave cut completions out of the loss; their rewards count in the group either way."""
    temperature: float = Field(1.0, gt=0)
    """Of sampling, and of the log-probabilities in the loss."""
    loss_type: PolicyLoss = "dapo"
    """How token losses become one: ``dapo`` averages over all tokens, ``grpo`` over each completion first, ``dr_grpo``
    divides by ``max_completion_length``; the others as in TRL."""
    epsilon: float = Field(0.2, gt=0)
    """The ratio is clipped below 1 minus this."""
    epsilon_high: float | None = Field(None, gt=0)
    """The ratio is clipped above 1 plus this; None is ``epsilon``. With ``cispo`` the largest ratio itself."""
    importance_sampling_level: Literal["token", "sequence"] = "token"
    """What a ratio is of."""
    scale_rewards: Literal["group", "batch", "none"] = "group"
    """What an advantage is divided by: the standard deviation of its group, of all completions, or nothing."""
    beta: float = Field(0.0, ge=0)
    """Weight of the KL term against the model that the stage starts from, corrected by the ratio (unbiased)."""
    entropy_coef: float = Field(0.0, ge=0)
    """Weight of an entropy bonus."""
    revisit_share: float = Field(0.5, ge=0, le=1)
    """Share of prompts drawn from those seen before, preferably where some completions passed and some did not; the
    others come from shuffled passes over all tasks."""
    rates_from: str | None = None
    """Name of an earlier stage that sampled answers to training tasks: with its pass rates the tasks count as seen from
    the start. None begins without any."""
    dynamic_sampling: Literal["off", "skip", "replace"] = "skip"
    """Groups whose rewards are all equal teach nothing: they stay in the loss's average, are left out of it, or are
    left out and others are drawn, up to twice the completions in all."""
    vllm: VllmConfig | None = None
    """None lets the trained model write in its own process."""

    @model_validator(mode="before")
    @classmethod
    def _says_why_not(cls, said: object) -> object:
        for key, reason in REFUSED.items():
            if isinstance(said, dict) and key in said:
                raise ValueError(f"{key} is no option: {reason}")
        return said

    @model_validator(mode="after")
    def _batches_are_whole(self) -> GrpoConfig:
        if self.completions_per_generation % self.effective_batch:
            raise ValueError(
                f"generation_batch_size {self.generation_batch_size} is no multiple of effective_batch "
                f"{self.effective_batch}: every optimiser step takes the same number of completions"
            )
        if self.completions_per_generation % self.num_generations:
            raise ValueError(
                f"num_generations {self.num_generations} does not divide the {self.completions_per_generation} "
                "completions of a generation batch: groups would be torn"
            )
        return self

    @model_validator(mode="after")
    def _ratio_is_unbiased(self) -> GrpoConfig:
        level, loss = self.importance_sampling_level, self.loss_type
        if loss == "luspo" and level != "sequence":
            raise ValueError("loss_type luspo needs importance_sampling_level sequence, which it is made of")
        if level == "sequence" and loss in ("bnpo", "dr_grpo", "dapo", "cispo"):
            raise ValueError(
                f"importance_sampling_level sequence with loss_type {loss} would weight completions by their length: "
                "take grpo or luspo"
            )
        if level == "sequence" and loss == "vespo":
            raise ValueError("loss_type vespo computes its own sequence ratio: importance_sampling_level must be token")
        if level == "sequence" and self.beta:
            raise ValueError(
                "beta with importance_sampling_level sequence: the ratio of the KL term is right per token alone, and "
                "its gradient would be biased: set beta to 0, or the level to token"
            )
        if loss == "cispo" and (self.epsilon_high is None or self.epsilon_high < 1):
            raise ValueError("loss_type cispo clips the ratio at epsilon_high itself: say 1 or more, such as 5")
        if getattr(self.adapter, "dropout", 0.0):
            raise ValueError("adapter.dropout must be 0: the model that learns would not be the one that wrote")
        return self

    @property
    def completions_per_generation(self) -> int:
        """Completions written at once."""
        return self.generation_batch_size or self.effective_batch
