"""Share a run's state between stages: recipe, folder, verifier and finished stages.

Not covered: deciding whether a stage must run (`workflows.recipe`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from burnish.config.stages.kinds.evaluate import EvaluateStage
from burnish.config.stages.recipe import Recipe
from burnish.config.stages.stage import AdapterStage, ContinuingStage, names_a_path
from burnish.data.tasks.task_sets import TaskSet, load_evaluation_tasks, read_tasks
from burnish.ledger.run_folder import RunFolder
from burnish.ledger.stage import Done
from burnish.records import Task
from burnish.records.layout import ADAPTER, HELD_OUT, MERGED_START, MODEL, TRAIN
from burnish.workflows.run.base_model import resolve_base

if TYPE_CHECKING:
    from burnish.verify import Verifier


@dataclass(frozen=True)
class Outcome:
    """Outcome of a finished stage."""

    outputs: tuple[str, ...] = ()
    """Files and folders in the stage's folder that other stages may read."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Results to record in the ledger."""
    peak_bytes: int | None = None
    """Peak resident memory of the working process, if that is another one."""

    @classmethod
    def of_training(cls, trained: Path, base: Path | None, metrics: Mapping[str, float], *others: str) -> Outcome:
        """Return the outcome of a training: ``trained``, other files, and the base if the stage merged it itself."""
        merged = (MERGED_START,) * (base == trained.parent / MERGED_START)
        return cls((trained.name, *others, *merged), metrics)


@dataclass
class Run:
    """An open run."""

    recipe: Recipe
    folder: RunFolder
    digests: Mapping[str, str]
    verifier: Verifier | None
    """None when no stage verifies."""
    done: dict[str, Done] = field(default_factory=dict)
    """Stages finished so far, in this attempt or before."""
    reused: set[str] = field(default_factory=set)
    """Stages of ``done`` that an earlier attempt finished."""

    def stage_folder(self, name: str) -> Path:
        return self.folder.path / name

    def judge(self) -> Verifier:
        """Return the verifier, in a stage that needs one."""
        if self.verifier is None:
            raise ValueError("this run was opened without a verifier")
        return self.verifier

    def model_folder(self, name: str) -> Path:
        """Return the folder of a full model: the base, or the result of a pretrain or merge stage."""
        return resolve_base(self.recipe.model.base) if self.is_base(name) else self.stage_folder(name) / MODEL

    def trained_output(self, stage: AdapterStage) -> str:
        """Return the name of a training stage's result in its folder: an adapter, or a whole model."""
        return MODEL if stage.adapter.kind == "full" else ADAPTER

    def model_and_adapter(self, name: str) -> tuple[Path, Path | None]:
        """Return the folder of a model to evaluate, and its adapter if a stage made one."""
        for stage in self.recipe.stages:
            if isinstance(stage, AdapterStage) and stage.name == name and self.trained_output(stage) == ADAPTER:
                return self.adapter_base(stage), self.stage_folder(name) / ADAPTER
        return self.model_folder(name), None

    def start_adapter(self, stage: AdapterStage) -> tuple[Path, Path] | None:
        """Return the start adapter with its model; None when the stage starts from a model."""
        if names_a_path(stage.start_from):
            return self.model_folder("base"), Path(stage.start_from)
        model, adapter = self.model_and_adapter(stage.start_from)
        return None if adapter is None else (model, adapter)

    def adapter_base(self, stage: AdapterStage) -> Path:
        """Return the model below the stage's own adapter."""
        start = self.start_adapter(stage)
        if start is None:
            return self.model_folder(stage.start_from)
        merges = isinstance(stage, ContinuingStage) and stage.previous_adapter == "merge"
        return self.stage_folder(stage.name) / MERGED_START if merges else start[0]

    def adapter_stage(self, name: str) -> AdapterStage:
        """Return the training stage of that name, which the schema guarantees."""
        return next(stage for stage in self.recipe.stages if isinstance(stage, AdapterStage) and stage.name == name)

    def is_base(self, name: str) -> bool:
        """Return whether ``name`` is the recipe's base model, not a stage."""
        return name not in {stage.name for stage in self.recipe.stages}

    def train_tasks(self, stage: str) -> tuple[Task, ...]:
        """Return the training tasks before a stage of that name; none when the recipe builds no task set."""
        return self._tasks(stage, TRAIN)

    def held_out_tasks(self, stage: str) -> tuple[Task, ...]:
        """Return the held-out tasks before a stage of that name; none when the recipe builds no task set."""
        return self._tasks(stage, HELD_OUT)

    def evaluation_tasks(self, stage: EvaluateStage) -> TaskSet:
        """Return the tasks that a stage evaluates on, as ``held_out`` of a set."""
        held_out = TaskSet((), self.held_out_tasks(stage.name))
        tasks = held_out if stage.tasks is None else load_evaluation_tasks(stage.tasks, self.recipe.seed)
        return replace(tasks, held_out=tasks.held_out[: stage.limit])

    def untrained_tasks(self, stage: str) -> tuple[Task, ...]:
        """Return all tasks that no row may hold: the held-out ones, and those of evaluate stages' own sets."""
        own = [other for other in self.recipe.stages if isinstance(other, EvaluateStage) and other.tasks is not None]
        measured = {task.prompt: task for other in own for task in self.evaluation_tasks(other).held_out}
        return (*self.held_out_tasks(stage), *measured.values())

    def _tasks(self, stage: str, name: str) -> tuple[Task, ...]:
        tasks_stage = tasks_stage_before(self.recipe, stage)
        return read_tasks(self.stage_folder(tasks_stage) / name) if tasks_stage is not None else ()


def workflow_of(name: str) -> Callable[[Run, Any, Path], Outcome]:
    """Return the function named ``module:function``; import its module, so torch is loaded only for training."""
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)  # type: ignore[no-any-return]


def model_beneath(recipe: Recipe, stage: AdapterStage) -> str:
    """Return the name of the model below all adapters that a stage starts from: ``base``, or a stage with a model."""
    stages = {stage.name: stage for stage in recipe.stages}
    name = stage.start_from
    while isinstance(earlier := stages.get(name), AdapterStage) and earlier.adapter.kind != "full":
        name = earlier.start_from
    return name if name in stages else "base"


def tasks_stage_before(recipe: Recipe, name: str) -> str | None:
    """Return the name of the last tasks stage before stage ``name``; None without one."""
    tasks_stage = None
    for stage in recipe.stages:
        if stage.name == name:
            return tasks_stage
        if "tasks" in stage.makes:
            tasks_stage = stage.name
    return tasks_stage


def uses_base(recipe: Recipe) -> bool:
    """Return whether any stage reads the recipe's base model."""
    made = {stage.name for stage in recipe.stages if {"model", "adapter"} & set(stage.makes)}
    read = {
        getattr(stage, reading.field)
        for stage in recipe.stages
        for reading in stage.reads()
        if "model" in reading.products
    }
    return bool(read - made)
