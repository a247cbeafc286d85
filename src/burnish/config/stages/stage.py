"""Define what every stage of a recipe declares: what it reads, may start from, needs, and makes.

Whatever runs or checks a recipe reads these declarations and knows no kind of stage. A new kind is a file in `kinds/`
with a class that derives from `Stage` (or from a role below), and the workflow that the class names. Not covered: the
kinds themselves, their union (`config.stages.recipe`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from burnish.config.base import Config
from burnish.config.compatibility import IllegalCombinationError, Method, training_refusal
from burnish.config.data.training_data import DataConfig
from burnish.config.model import ModelConfig
from burnish.config.stages.adapters import AdapterConfig, LoraConfig
from burnish.config.stages.optimizer import OptimizerConfig
from burnish.config.stages.training_evaluation import TrainingEvaluation

STAGE_NAME = r"^[a-z0-9][a-z0-9-]*$"
Product = Literal["tasks", "corpus", "model", "adapter", "rollouts", "measurement", "report"]
"""What later stages can read. ``rollouts``: judged answers to training tasks. A stage that may write an adapter makes
``adapter``, even if it trains every weight and so writes a whole model."""
TaskPart = Literal["train", "held_out"]
Package = Literal["training", "reporters", "vllm"]
"""Installed packages beyond the core: torch and friends, where curves are reported to, vLLM."""


FileKind = Literal["file", "folder", "adapter", "token bins", "dpo rows", "kto rows"]


@dataclass(frozen=True)
class Reads:
    """A field that names an earlier stage, and the products that stage must have."""

    field: str
    products: tuple[Product, ...]
    """Any of them. Where ``model`` is among them, ``base`` is right too."""
    or_path: bool = False
    """A value with a slash in it names a folder instead."""


@dataclass(frozen=True)
class NamedFiles:
    """Files that a stage's own settings name."""

    path: Path
    kind: FileKind


@dataclass(frozen=True)
class Needs:
    """What a stage needs beyond the stages it reads, and what its result therefore depends on."""

    tasks: tuple[TaskPart, ...] = ()
    """Parts of the task set; a tasks stage must come before."""
    data: tuple[str, ...] = ()
    """Sections of ``data`` whose settings decide the result."""
    sources: bool = False
    """``data.sources``, with mixture and filters."""
    encodes: bool = False
    """Rows become tokens: chat settings and gates decide, and held-out tasks where there are any."""
    files: Mapping[str, NamedFiles] = field(default_factory=dict)
    """Meaning of the files -> their paths."""
    model: bool = False
    """How models are loaded."""
    verifier: bool = False
    packages: tuple[Package, ...] = ()
    all_before: bool = False
    """Everything that earlier stages made."""


class Stage(Config):
    """Settings that every stage has."""

    name: str = Field(pattern=STAGE_NAME)
    """Names the stage's folder in the run, and the stage in ``--set stages.NAME.key=value``."""

    makes: ClassVar[tuple[Product, ...]] = ()
    workflow: ClassVar[str] = ""
    """``module:function`` that does it, called with the run, the stage and its folder; gives an `Outcome`."""
    may_be_called_base: ClassVar[bool] = False
    """Whether its name may be ``base``, which elsewhere means the base model."""

    if TYPE_CHECKING:

        @property
        def kind(self) -> str:
            """Its kind, as recipes say it; a field of every subclass."""

    def reads(self) -> tuple[Reads, ...]:
        """Fields that name earlier stages."""
        return ()

    def needs(self, data: DataConfig) -> Needs:
        """Return the stage's needs, given the recipe's data."""
        return Needs()

    def check(self, data: DataConfig, model: ModelConfig, before: Mapping[str, Stage]) -> None:
        """Raise ValueError where the stage does not fit the rest of the recipe; ``before`` are earlier stages."""


class Trains(Stage, OptimizerConfig):
    """A stage that trains a model."""

    several_trainings: ClassVar[bool] = False
    """Whether it trains more than once, so that extra steps have no single training to continue."""

    def method_name(self) -> str:
        """Return the method in the grammar of model names."""
        return "SFT"


class TrainingStage(Trains):
    """A stage whose training can be shared out among processes, and watched by an evaluation on the way."""

    workflow: ClassVar[str] = "burnish.workflows.train.launch:train_stage"
    training_function: ClassVar[str] = ""
    """``module:function`` that trains it in one process."""

    evaluation: TrainingEvaluation | None = None
    """Evaluation during training; None for none."""

    def check_evaluation(self, streaming: bool) -> None:
        """Raise ValueError for a stream without an end, or an evaluation that the stage cannot do."""
        if streaming and self.max_steps is None:
            raise ValueError("a stream has no known length: streaming needs max_steps")
        if streaming and self.evaluation is not None and self.evaluation.rows:
            raise ValueError("evaluation.rows chooses among all rows, and a stream does not know them: leave it out")
        if self.evaluation is not None:
            self.evaluation.check_measured()

    def training_needs(self, needs: Needs) -> Needs:
        """Return the needs of a training, with those of its evaluation."""
        needs = replace(needs, model=True, packages=("training", "reporters", *needs.packages))
        if self.evaluation is None or not self.evaluation.prompts:
            return needs
        return replace(needs, tasks=(*needs.tasks, "held_out"), verifier=True)

    def sharding_refusal(self, model: ModelConfig) -> str | None:
        """Return why its weights (FSDP2) or optimiser states (DeepSpeed) cannot be sharded, or are untested; None if
        they can."""
        return self.whole_weights_refusal(model)

    def whole_weights_refusal(self, model: ModelConfig, *, new: bool = False) -> str | None:
        """Return why sharding is refused for any method; None if allowed. ``new`` models are never quantised."""
        if model.quantization is not None and not new:
            return "goes with full precision: leave model.quantization out, or use ddp"
        if self.optimizer == "muon":
            return "goes with optimizer adamw: muon needs each matrix whole"
        if self.evaluation is not None:
            return "has no evaluation while training, which one process does alone: leave evaluation out, or use ddp"
        return None


class AdapterStage(Trains):
    """A stage that writes an adapter, or a whole model if every weight is trained."""

    makes: ClassVar[tuple[Product, ...]] = ("adapter",)
    matrix_method: ClassVar[Method] = "sft"
    """Name of the training in the compatibility table."""

    start_from: str = "base"
    """``base``, or the name of an earlier pretrain or merge stage."""
    adapter: AdapterConfig = LoraConfig()
    """Trained weights: an adapter, or every weight."""

    def reads(self) -> tuple[Reads, ...]:
        return (Reads("start_from", ("model",)),)

    def check(self, data: DataConfig, model: ModelConfig, before: Mapping[str, Stage]) -> None:
        refusal = training_refusal(self.matrix_method, self.adapter.kind, model.base_kind)
        if self.optimizer == "muon" and self.adapter.kind != "full":
            refusal = "muon is for whole matrices: set adapter.kind to full, or optimizer to adamw"
        if refusal is not None:
            raise IllegalCombinationError(refusal)


class ContinuingStage(AdapterStage):
    """One of them that may start from an adapter: of an earlier stage, or in a folder."""

    start_from: str = "base"
    """``base``; the name of an earlier stage that leaves a model or an adapter; or, with a slash in it, the folder of
    an adapter or of a checkpoint of any run, trained on this base."""
    previous_adapter: Literal["continue", "merge"] = "continue"
    """How to use the adapter of ``start_from``: continue training it, or merge it into the weights below a new one."""

    @property
    def starts_at_a_path(self) -> bool:
        """Return whether ``start_from`` is a folder, not a stage."""
        return names_a_path(self.start_from)

    def reads(self) -> tuple[Reads, ...]:
        return (Reads("start_from", ("model", "adapter"), or_path=True),)

    def start_needs(self, needs: Needs) -> Needs:
        """Return the needs, with the start folder."""
        if not self.starts_at_a_path:
            return needs
        return replace(needs, files={**needs.files, "start": NamedFiles(Path(self.start_from), "adapter")})


def names_a_path(start_from: str) -> bool:
    """Return whether a ``start_from`` is a folder, not a stage."""
    return "/" in start_from
