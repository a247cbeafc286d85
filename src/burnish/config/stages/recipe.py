"""A recipe: what a run does, stage after stage. The stages are a union keyed by ``kind``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from burnish.config.base import Config
from burnish.config.compatibility import IllegalCombinationError, MergeOnto, merge_refusal, training_refusal
from burnish.config.data.training_data import DataConfig
from burnish.config.generate import SamplingConfig
from burnish.config.launch import LaunchConfig
from burnish.config.model import ModelConfig
from burnish.config.presets import PRESETS, ModelShape, Preset
from burnish.config.stages.adapters import AdapterConfig, LoraConfig
from burnish.config.stages.expert_iteration import ExpertIterationStage
from burnish.config.stages.grpo import GrpoConfig
from burnish.config.stages.optimizer import OptimizerConfig
from burnish.config.stages.preference import DpoConfig, KtoConfig, PreferenceMethod
from burnish.config.stages.stage import Stage
from burnish.config.stages.training_evaluation import Reporter, RowMetric, TrainingEvaluation
from burnish.config.verify import VerifyConfig


class TasksStage(Stage):
    """Build the task set that ``data.tasks`` describes, and check every held-out reference answer."""

    kind: Literal["tasks"] = "tasks"


class CorpusStage(Stage):
    """Write a pretraining corpus: documented Rust functions, or the sources of crates."""

    kind: Literal["corpus"] = "corpus"
    documents: int = Field(ge=1)
    """Documents to write; of crates at most as many as they have, chosen by seed."""
    crates: Path | None = None
    """Folder of crates whose ``.rs`` files are the documents, in place of the built-in functions."""
    chat_share: float = Field(0.0, ge=0, le=1)
    """Share of documents that are an instruction with its answer in the chat template."""
    comments: Literal["documentation", "notes"] = "documentation"
    """What stands above a built-in function: its documentation, or that or a note that asks for it, in many forms."""

    @model_validator(mode="after")
    def _notes_above_functions(self) -> CorpusStage:
        if self.crates is not None and self.comments != "documentation":
            raise ValueError("comments is for the built-in functions: sources of crates have their own; leave it out")
        return self


def _check_evaluation(evaluation: TrainingEvaluation | None, streaming: bool, max_steps: int | None) -> None:
    if streaming and max_steps is None:
        raise ValueError("a stream has no known length: streaming needs max_steps")
    if streaming and evaluation is not None and evaluation.rows:
        raise ValueError("evaluation.rows chooses among all rows, and a stream does not know them: leave it out")
    if evaluation is not None:
        evaluation.check_measured()


class PretrainStage(Stage, ModelShape, OptimizerConfig):
    """Train every weight on plain text: a new Llama-shaped model with its tokenizer, or one that is there already.

    The text is that of a corpus stage, of token bins, or of ``data.sources``, in this order.
    """

    kind: Literal["pretrain"] = "pretrain"
    corpus: str | None = None
    """Name of the corpus stage."""
    tokens: Path | None = None
    """Folder of token bins, as ``burnish data build tokens`` writes it; its tokenizer becomes the model's."""
    streaming: bool = False
    """Read ``data.sources`` while training instead of before; needs ``max_steps``."""
    preset: Preset | None = None
    """A shape by name; what is said beside it of the shape goes before it."""
    start_from: str | None = None
    """None makes a new model; ``base``, or the name of an earlier pretrain or merge stage, is trained on."""
    optimizer: Literal["adamw", "muon"] = "muon"
    """``muon`` is torch's Muon on the hidden matrices and AdamW on the rest; ``adamw`` is AdamW on everything."""
    evaluation: TrainingEvaluation | None = None
    """What is measured on the way; None measures nothing."""

    @model_validator(mode="before")
    @classmethod
    def _shape_of_the_preset(cls, said: object) -> object:
        shape = PRESETS.get(said.get("preset", "")) if isinstance(said, dict) else None
        return said if shape is None or not isinstance(said, dict) else shape.model_dump() | said

    @model_validator(mode="after")
    def _parts_go_together(self) -> PretrainStage:
        if self.corpus is not None and self.tokens is not None:
            raise ValueError("corpus and tokens are both given; a stage reads one of them")
        if self.streaming and (self.corpus is not None or self.tokens is not None):
            raise ValueError("streaming reads data.sources: leave corpus and tokens out")
        _check_evaluation(self.evaluation, self.streaming, self.max_steps)
        if self.hidden_size % self.heads or self.hidden_size // self.heads % 2:
            raise ValueError(f"hidden_size {self.hidden_size} is no even multiple of {self.heads} heads")
        if self.start_from is not None:
            fields = ModelShape.model_fields
            shaped = [key for key in fields if key != "block_size" and getattr(self, key) != fields[key].default]
            if self.preset is not None or shaped:
                raise ValueError(f"start_from has a shape already: leave out {', '.join(shaped) or 'preset'}")
        return self


class SftStage(Stage, OptimizerConfig):
    """Supervised fine-tuning on answers only, of an adapter or of the whole model."""

    kind: Literal["sft"] = "sft"
    start_from: str = "base"
    """``base``; the name of an earlier stage that leaves a model or an adapter; or, with a slash in it, the folder of
    an adapter or of a checkpoint of any run, trained on this base."""
    previous_adapter: Literal["continue", "merge"] = "continue"
    """What becomes of the adapter that ``start_from`` names: it is trained on, or merged into the weights below a new
    one."""
    adapter: AdapterConfig = LoraConfig()
    """What is trained: an adapter, or every weight."""
    max_length: int = Field(512, ge=16)
    """Longest row in tokens; ``data.chat.truncate`` says what happens to longer conversations."""
    packing: bool = False
    """Put several rows into one sequence of ``max_length`` tokens, without one seeing the other. Before training, the
    losses of packed rows are compared with those of the rows alone; training is refused where they differ."""
    streaming: bool = False
    """Read ``data.sources`` while training instead of before; needs ``max_steps``. Rows come in the order of the
    mixture, each source's weight as it stands; gates look at every chunk of rows when it comes."""
    evaluation: TrainingEvaluation | None = None
    """What is measured on the way; None measures nothing."""

    @model_validator(mode="after")
    def _stream_has_an_end(self) -> SftStage:
        _check_evaluation(self.evaluation, self.streaming, self.max_steps)
        return self


class PreferenceStage(Stage, OptimizerConfig):
    """Preference tuning: learn from answers that were judged better or worse."""

    kind: Literal["preference"] = "preference"
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
    """What is trained: an adapter, or every weight. Dropout must be 0: it would blur the comparison."""
    max_length: int = Field(512, ge=16)
    """Longest prompt with its answer, in tokens; longer rows are refused, never cut."""
    evaluation: TrainingEvaluation | None = None
    """What is measured on the way; None measures nothing. Of held-out rows that is the loss of the method, and the
    implicit rewards."""

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


def sharding_refusal(stage: PretrainStage | SftStage | PreferenceStage, model: ModelConfig) -> str | None:
    """Why a stage's weights (FSDP2) or optimiser states (DeepSpeed) cannot be shared out among processes, or were never
    seen to come out right; None when they can."""
    if isinstance(stage, PreferenceStage):
        return "goes with sft and pretrain stages: a preference stage compares with a reference model, kept whole"
    if model.quantization is not None and not (isinstance(stage, PretrainStage) and stage.start_from is None):
        return "goes with full precision: leave model.quantization out, or use ddp"
    if stage.optimizer == "muon":
        return "goes with optimizer adamw: muon needs each matrix whole"
    if isinstance(stage, SftStage) and stage.adapter.kind not in SHARED_OUT:
        return f"goes with the adapters {', '.join(SHARED_OUT)}: for {stage.adapter.kind} use ddp"
    if stage.evaluation is not None:
        return "has no evaluation while training, which one process does alone: leave evaluation out, or use ddp"
    return None


class GrpoStage(Stage, GrpoConfig):
    """GRPO: the model answers training tasks, the verifier judges, what did better than its group becomes likelier."""

    kind: Literal["grpo"] = "grpo"


def names_a_path(start_from: str) -> bool:
    """Whether a ``start_from`` means a folder, and no stage."""
    return "/" in start_from


AdapterStage = SftStage | PreferenceStage | ExpertIterationStage | GrpoStage
"""Stages that leave an adapter, or a whole model where every weight is trained."""
SHARED_OUT = ("full", "lora", "rslora")
"""Adapters whose weights can be shared out among processes."""
TrainingStage = PretrainStage | SftStage | PreferenceStage

ContinuingStage = SftStage | ExpertIterationStage | GrpoStage
"""Those of them that may start from an adapter."""


class EvaluateStage(Stage):
    """Let a model answer the held-out tasks, verify every answer, and count."""

    kind: Literal["evaluate"] = "evaluate"
    model: str = "base"
    """``base``, or the name of an earlier stage that leaves a model or an adapter."""
    sampling: SamplingConfig = SamplingConfig()
    limit: int | None = Field(None, ge=1)
    """Measure on the first so many held-out tasks."""


class MergeStage(Stage):
    """Merge an adapter into its base, and prove that the logits agree."""

    kind: Literal["merge"] = "merge"
    adapter: str
    """Name of the stage that left it."""
    onto: MergeOnto = "stored"
    """``stored``: the base's full-precision weights; ``dequantized``: the 4-bit ones that training saw, expanded."""


class ReportStage(Stage):
    """Write ``summary.json`` and ``report.html``, and print the table."""

    kind: Literal["report"] = "report"
    compare: tuple[tuple[str, str], ...] = ()
    """Further pairs of measured models to compare, the earlier one first, named as their evaluate stages have them in
    ``model``. Every model is compared with the first one and with the one before it anyway; the first pair here heads
    the page, or else the last model beside the first one."""


SAMPLING = ("expert_iteration", "grpo")
"""Kinds of stages that leave judged answers to training tasks."""

AnyStage = Annotated[
    TasksStage
    | CorpusStage
    | PretrainStage
    | SftStage
    | PreferenceStage
    | ExpertIterationStage
    | GrpoStage
    | EvaluateStage
    | MergeStage
    | ReportStage,
    Field(discriminator="kind"),
]


class Recipe(Config):
    """One run from beginning to end."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Names the run folder."""
    runs_dir: Path = Path("runs")
    """Where run folders and the ledger lie."""
    seed: int = Field(0, ge=0)
    """Every random choice of the run derives from it."""
    report_to: tuple[Reporter, ...] = ("tensorboard",)
    """Where curves of trainings go beside ``metrics.jsonl``."""
    launch: LaunchConfig = LaunchConfig()
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    verify: VerifyConfig = VerifyConfig()
    stages: tuple[AnyStage, ...] = Field(min_length=1)

    @field_validator("stages")
    @classmethod
    def _unique_names(cls, stages: tuple[AnyStage, ...]) -> tuple[AnyStage, ...]:
        names = [stage.name for stage in stages]
        if "base" in {s.name for s in stages if not isinstance(s, EvaluateStage | PretrainStage)}:
            raise ValueError("the name 'base' is kept for the base model")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two stages are named {name!r}; names must differ")
        return stages

    @model_validator(mode="after")
    def _references_exist(self) -> Recipe:
        adapters = ("sft", "preference", "expert_iteration", "grpo")
        wanted = {
            "sft": ("start_from", ("pretrain", "merge", *adapters)),
            "expert_iteration": ("start_from", ("pretrain", "merge", *adapters)),
            "grpo": ("start_from", ("pretrain", "merge", *adapters)),
            "preference": ("start_from", ("pretrain", "merge")),
            "evaluate": ("model", ("pretrain", *adapters, "merge")),
            "merge": ("adapter", adapters),
        }
        kinds: dict[str, str] = {}
        for stage in self.stages:
            asked = [wanted[stage.kind]] if stage.kind in wanted else []
            if isinstance(stage, PreferenceStage) and stage.rollouts is not None:
                asked += [("rollouts", SAMPLING)]
            if isinstance(stage, GrpoStage) and stage.rates_from is not None:
                asked += [("rates_from", SAMPLING)]
            if isinstance(stage, PretrainStage):
                asked += [("corpus", ("corpus",))] if stage.corpus is not None else []
                asked += [("start_from", ("pretrain", "merge"))] if stage.start_from is not None else []
                if stage.corpus is None and stage.tokens is None and not self.data.sources:
                    raise ValueError(f"stage {stage.name!r} has no text: name its corpus or tokens, or data.sources")
            for key, allowed in asked:
                target = getattr(stage, key)
                if isinstance(stage, ContinuingStage) and names_a_path(target):
                    continue
                if not (target == "base" and "pretrain" in allowed) and kinds.get(target) not in allowed:
                    raise ValueError(
                        f"stage {stage.name!r}: {key} is {target!r}, which is no earlier {' or '.join(allowed)} stage"
                    )
            if (
                isinstance(stage, SftStage)
                and stage.streaming
                and (names_a_path(stage.start_from) or kinds.get(stage.start_from) in adapters)
            ):
                raise ValueError(f"stage {stage.name!r} streams, and a stream starts from a model, not an adapter yet")
            if isinstance(stage, SftStage) and stage.streaming and not self.data.sources:
                raise ValueError(f"stage {stage.name!r} streams: name data.sources")
            if "tasks" not in kinds.values() and (
                stage.kind in ("evaluate", "expert_iteration", "grpo")
                or (stage.kind == "sft" and not self.data.sources)
                or (isinstance(stage, TrainingStage) and stage.evaluation is not None and stage.evaluation.prompts)
            ):
                raise ValueError(f"stage {stage.name!r} needs a task set: put a tasks stage before it")
            kinds[stage.name] = stage.kind
        return self

    @model_validator(mode="after")
    def _compared_are_measured(self) -> Recipe:
        measured: list[str] = []
        for stage in self.stages:
            if isinstance(stage, EvaluateStage):
                measured.append(stage.model)
            for a, b in stage.compare if isinstance(stage, ReportStage) else ():
                unclear = next((name for name in (a, b) if measured.count(name) != 1), None)
                if unclear is not None:
                    times = measured.count(unclear)
                    raise ValueError(
                        f"stage {stage.name!r} compares {unclear!r}, evaluated {times} times before, not once"
                    )
                if measured.index(a) >= measured.index(b):
                    raise ValueError(
                        f"stage {stage.name!r} compares {b!r} with the later {a!r}: name the earlier first"
                    )
        return self

    @model_validator(mode="after")
    def _weights_can_be_shared_out(self) -> Recipe:
        for stage in self.stages if self.launch.strategy != "ddp" else ():
            if isinstance(stage, TrainingStage):
                refusal = sharding_refusal(stage, self.model)
                if refusal is not None:
                    raise ValueError(f"stage {stage.name!r}: launch.strategy {self.launch.strategy} {refusal}")
        return self

    @model_validator(mode="after")
    def _matrix_allows(self) -> Recipe:
        base = "none" if self.model.quantization is None else self.model.quantization.kind
        trained = {stage.name: stage for stage in self.stages if isinstance(stage, AdapterStage)}
        for stage in self.stages:
            refusal = None
            if isinstance(stage, AdapterStage):
                method = "sft" if isinstance(stage, ExpertIterationStage) else stage.kind
                refusal = training_refusal(method, stage.adapter.kind, base)
                if stage.optimizer == "muon" and stage.adapter.kind != "full":
                    refusal = "muon is for whole matrices: set adapter.kind to full, or optimizer to adamw"
            elif isinstance(stage, PretrainStage) and stage.start_from is not None:
                refusal = training_refusal("pretrain", "full", base)
            elif isinstance(stage, MergeStage) and stage.adapter in trained:
                refusal = merge_refusal(trained[stage.adapter].adapter.kind, base, stage.onto)
            if refusal is not None:
                raise IllegalCombinationError(f"stage {stage.name!r}: {refusal}")
        return self
