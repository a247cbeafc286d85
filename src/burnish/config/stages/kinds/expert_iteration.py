"""Configure expert iteration: a model learns from its own verified answers, round by round.

Not covered: which answers are selected (`config.stages.selection`), the reward that ranks them (`config.reward`).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from burnish.config.data.training_data import DataConfig
from burnish.config.generate import SamplingConfig
from burnish.config.reward import DenseReward, RewardConfig
from burnish.config.stages.selection import SelectionConfig
from burnish.config.stages.stage import ContinuingStage, Needs, Package, Product


class ExploringSampling(SamplingConfig):
    """Sampling options under which the answers to a task differ."""

    samples: int = Field(4, ge=1)
    """Completions per task."""
    temperature: float = Field(0.8, gt=0)
    """Sampling temperature; must be above 0, since greedy samples are all the same."""


class ExpertIterationStage(ContinuingStage):
    """Sample answers to training tasks, verify them, fine-tune on the passing ones, repeat.

    The training settings apply to one round.
    """

    kind: Literal["expert_iteration"] = "expert_iteration"
    makes: ClassVar[tuple[Product, ...]] = ("adapter", "rollouts")
    workflow: ClassVar[str] = "burnish.workflows.expert_iteration.stage:expert_iteration"
    several_trainings: ClassVar[bool] = True
    max_length: int = Field(512, ge=16)
    """Longest row in tokens; longer ones stop the run."""
    rounds: int = Field(2, ge=1)
    """Rounds of sampling and training. Raising it continues a finished stage."""
    prompts: int | None = Field(None, ge=1)
    """Training tasks that a round answers; None takes all."""
    draw: Literal["in_turn", "by_pass_rate"] = "in_turn"
    """How a round chooses its tasks: each task once before any repeats, or rarely those that were always or never
    solved in earlier rounds."""
    sampling: ExploringSampling = ExploringSampling()
    """Sampling options of the answers."""
    reward: RewardConfig = DenseReward()
    """Reward that ranks the completions of a task, weighs rows if ``selection.weights`` is reward, and is logged."""
    selection: SelectionConfig = SelectionConfig()
    """Which completions become training rows."""
    keep_rounds: bool = True
    """Also train on the rows that earlier rounds selected; equal answers to a task count once."""
    mix_references: float = Field(0.0, ge=0, lt=1)
    """Share of the rows that are reference answers to training tasks, drawn again in each round."""
    train_from: Literal["previous", "start"] = "previous"
    """Weights that a round starts from: those of the previous round, or those that the stage started from. The
    optimiser state is reset either way."""
    validation: int = Field(0, ge=0)
    """Training tasks held out to evaluate after each round; their families are not trained on."""
    result: Literal["last", "best"] = "last"
    """Which round's weights the stage saves: the last round's, or those that passed most validation tasks."""

    @model_validator(mode="after")
    def _parts_go_together(self) -> ExpertIterationStage:
        if self.extra_steps or self.extra_epochs:
            raise ValueError("extra steps continue one training, and this stage has several: raise rounds instead")
        if self.result == "best" and not self.validation:
            raise ValueError("result is best, which needs validation tasks to compare rounds: set validation")
        if self.adapter.kind == "pissa" and self.train_from == "previous" and self.rounds > 1:
            raise ValueError("adapter pissa cannot be continued: set train_from to start, or use lora")
        return self

    def needs(self, data: DataConfig) -> Needs:
        packages: tuple[Package, ...] = ("training", "reporters")
        return self.start_needs(Needs(tasks=("train",), model=True, verifier=True, encodes=True, packages=packages))
