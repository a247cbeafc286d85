"""Expert iteration: a model learns from those of its own answers that the verifier found right, round after round.

Not covered: what is learned from (`config.stages.selection`), the reward that ranks it (`config.reward`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from burnish.config.generate import SamplingConfig
from burnish.config.reward import DenseReward, RewardConfig
from burnish.config.stages.adapters import AdapterConfig, LoraConfig
from burnish.config.stages.optimizer import OptimizerConfig
from burnish.config.stages.selection import SelectionConfig
from burnish.config.stages.stage import Stage


class ExploringSampling(SamplingConfig):
    """Sampling options under which the answers to a task differ."""

    samples: int = Field(4, ge=1)
    """Completions per task."""
    temperature: float = Field(0.8, gt=0)
    """Above 0: a greedy model finds only what it says anyway."""


class ExpertIterationStage(Stage, OptimizerConfig):
    """Sample answers to training tasks, verify them, fine-tune on the right ones, and again.

    The settings of training are those of one round.
    """

    kind: Literal["expert_iteration"] = "expert_iteration"
    start_from: str = "base"
    """``base``; the name of an earlier stage that leaves a model or an adapter; or, with a slash in it, the folder of
    an adapter or of a checkpoint of any run, trained on this base."""
    previous_adapter: Literal["continue", "merge"] = "continue"
    """What becomes of the adapter that ``start_from`` names: it is trained on, or merged into the weights below a new
    one."""
    adapter: AdapterConfig = LoraConfig()
    """What is trained: an adapter, or every weight."""
    max_length: int = Field(512, ge=16)
    """Longest row in tokens; longer ones stop the run."""
    rounds: int = Field(2, ge=1)
    """How often to sample and train. A finished stage goes on when this is raised."""
    prompts: int | None = Field(None, ge=1)
    """Training tasks that a round answers; None takes all."""
    draw: Literal["in_turn", "by_pass_rate"] = "in_turn"
    """How a round chooses its tasks: all in turn before any comes again, or those seldom that were always or never
    solved in earlier rounds."""
    sampling: ExploringSampling = ExploringSampling()
    """How the tasks are answered."""
    reward: RewardConfig = DenseReward()
    """What ranks the completions of a task, weighs rows where ``selection.weights`` says so, and is logged."""
    selection: SelectionConfig = SelectionConfig()
    """What is learned from."""
    keep_rounds: bool = True
    """Learn from what earlier rounds selected too; equal answers to a task count once."""
    mix_references: float = Field(0.0, ge=0, lt=1)
    """Share of the rows that are reference answers to training tasks, drawn anew in each round."""
    train_from: Literal["previous", "start"] = "previous"
    """Weights that a round's training begins with: those of the round before, or those that the stage started from.
    The optimiser begins anew either way."""
    validation: int = Field(0, ge=0)
    """Training tasks to set aside and measure after each round, of families that are then not trained on."""
    result: Literal["last", "best"] = "last"
    """Which round's weights the stage leaves: the last one's, or those that passed most validation tasks."""

    @model_validator(mode="after")
    def _parts_go_together(self) -> ExpertIterationStage:
        if self.extra_steps or self.extra_epochs:
            raise ValueError("extra steps go on with one training, and this stage has several: raise rounds")
        if self.result == "best" and not self.validation:
            raise ValueError("result is best, and nothing says which round is: set validation")
        if self.adapter.kind == "pissa" and self.train_from == "previous" and self.rounds > 1:
            raise ValueError("adapter pissa cannot be continued: set train_from to start, or take lora")
        return self
