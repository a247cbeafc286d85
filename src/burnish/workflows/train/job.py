"""Build the `TrainingJob` of a stage, and its callbacks: evaluation, predicted memory, metadata, curves, events.

Both are the same for every method. Left out on purpose: how a method trains (one workflow per kind), the start of a
stage (`workflows.train.start`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from burnish.config.data.training_data import source_name
from burnish.config.generate import SamplingConfig
from burnish.config.launch import ALONE
from burnish.config.stages.kinds.grpo import GrpoStage
from burnish.config.stages.kinds.merge import MergeStage
from burnish.config.stages.kinds.preference import PreferenceStage
from burnish.config.stages.stage import AdapterStage, TrainingStage, Trains
from burnish.fsio import read_object
from burnish.model.chat_template import template_digest
from burnish.model.contents import quantization_on_disk
from burnish.records import Task
from burnish.records.files import write_records
from burnish.records.layout import COMPLETIONS, EVALUATIONS, MODEL, RESOLVED, TRAINING_METADATA, VERDICTS
from burnish.train.batches.rows import EncodedRow
from burnish.train.job import AnyTrained, TrainingJob
from burnish.train.watch.evaluation import Evaluator, HeldOutLoss, PeriodicEvaluation
from burnish.train.watch.memory_forecast import Batches, MemoryForecast
from burnish.train.watch.metadata import TrainingFacts, TrainingMetadata
from burnish.train.watch.training_log import Log, TrainingEvents, reporters
from burnish.workflows.answer.completions import answer_tasks, generator_of
from burnish.workflows.evaluate.core import measured
from burnish.workflows.run.context import Run, model_beneath
from burnish.workflows.train.dataset_name import dataset_name
from burnish.workflows.verify.judge import judge


def training_job(
    run: Run,
    stage: AnyTrained,
    folder: Path,
    *,
    base: Path | None,
    start: Path | None = None,
    callbacks: Sequence[TrainerCallback] = (),
    log: Log | None = None,
) -> TrainingJob[AnyTrained]:
    """Build the training of a stage.

    Args:
        run: the open run.
        stage: what is trained.
        folder: for checkpoints and the result.
        base: model to train, or to put the adapter on; None for a new one.
        start: adapter whose training continues.
        callbacks: callbacks of the trainer.
        log: gets the numbers of a step; None writes them into the run's metrics.
    """
    return TrainingJob(
        base=base,
        start=start,
        model=run.recipe.model,
        stage=stage,
        out=folder,
        seed=run.recipe.seed,
        launch=ALONE if isinstance(stage, GrpoStage) else run.recipe.launch,
        log=log or partial(run.folder.metrics.log, stage.name),
        callbacks=callbacks,
    )


def training_callbacks(
    run: Run,
    stage: TrainingStage | GrpoStage,
    folder: Path,
    *,
    tokenizer: Any,
    batches: Batches,
    held_out: Sequence[EncodedRow] = (),
    write: Callable[..., None] | None = None,
    described: tuple[Trains, Path] | None = None,
) -> list[TrainerCallback]:
    """Build the callbacks of a stage, in the required order.

    Args:
        run: the open run.
        stage: the training stage.
        folder: of the stage.
        tokenizer: of the model that is trained.
        batches: sizes for the memory prediction.
        held_out: rows for the loss of an evaluation during training.
        write: gets the events; None writes them into the run's.
        described: the stage that the metadata is about, and its folder, if it is another one.
    """
    callbacks: list[TrainerCallback] = [TrainingEvents(stage.name, write or run.folder.events.write)]
    if isinstance(stage, TrainingStage) and (evaluation := stage.evaluation) is not None:
        evaluators: list[Evaluator] = []
        if held_out:
            padding = tokenizer.pad_token_id or 0
            evaluators.append(HeldOutLoss(held_out, padding=padding, micro_batch=stage.micro_batch))
        if evaluation.prompts:
            tasks = run.held_out_tasks(stage.name)[: evaluation.prompts]
            evaluators.append(AnswerQuality(run, evaluation.sampling, tokenizer, tasks, folder))
        callbacks.append(PeriodicEvaluation(evaluation, evaluators, folder))
    about, place = described or (stage, folder)
    forecast = MemoryForecast(stage.name, batches)
    facts = training_facts(run, about, tokenizer)
    callbacks += [forecast, TrainingMetadata(place / TRAINING_METADATA, facts, forecast=forecast)]
    return callbacks + reporters(run.recipe.report_to, folder)


@dataclass(frozen=True)
class AnswerQuality:
    """`Evaluator` that answers tasks with the current model and verifies every answer.

    Answers and verdicts of each evaluation are kept in ``evaluations/step-N``.
    """

    run: Run
    sampling: SamplingConfig
    tokenizer: Any
    tasks: Sequence[Task]
    folder: Path

    def __call__(self, model: Any, step: int) -> dict[str, float]:
        """Return rates over all attempted answers."""
        name = f"step-{step}"
        folder = self.folder / EVALUATIONS / name
        generator = generator_of(model, self.tokenizer, name, sampling=self.sampling, seed=self.run.recipe.seed)
        (folder / COMPLETIONS).unlink(missing_ok=True)  # left by an interrupted attempt
        completions = answer_tasks(generator, self.tasks, folder / COMPLETIONS, samples=self.sampling.samples)
        verdicts = judge(self.run.judge(), self.tasks, completions)
        write_records(folder / VERDICTS, verdicts)
        return measured(verdicts, self.tasks)


def training_facts(run: Run, stage: Trains, tokenizer: Any) -> TrainingFacts:
    """Collect base, data, settings and digests for the metadata."""
    recipe = run.recipe
    # A new model is its own base.
    named = getattr(stage, "start_from", None) or stage.name
    start_from = model_beneath(recipe, stage) if isinstance(stage, AdapterStage) else str(named)
    base = first_base(recipe.model.base) if run.is_base(start_from) else start_from
    quantization = recipe.model.quantization
    on_disk = None
    if quantization is not None and quantization.kind in ("gptq", "awq"):
        on_disk = quantization_on_disk(run.model_folder(start_from), quantization.kind)
    limits = {source_name(source): source.limit for source in recipe.data.sources if source.limit is not None}
    merged = any(isinstance(other, MergeStage) and other.adapter == stage.name for other in recipe.stages)
    return TrainingFacts(
        base=base,
        dataset=dataset_name(recipe, stage),
        method=stage.method_name(),
        settings={
            "stage": stage.model_dump(mode="json"),
            "model": recipe.model.model_dump(mode="json"),
            "launch": recipe.launch.model_dump(mode="json"),
            "trunc_train": None if isinstance(stage, PreferenceStage) else limits or None,
        },
        digests=dict(run.digests) | {"chat template": template_digest(tokenizer)},
        quantization_config=None if quantization is None else quantization.model_dump(mode="json"),
        base_on_disk=on_disk,
        merge_after_train=merged,
    )


def first_base(base: str) -> str:
    """Return the name of the base; for a model made by a run, the base that its training began with."""
    path = Path(base).expanduser()
    trained, run = path.parent / TRAINING_METADATA, path.parent.parent / RESOLVED
    if path.name == MODEL and trained.is_file():
        return str(read_object(trained, needs={"model_info.base_model": str})["model_info"]["base_model"])
    if path.name == MODEL and run.is_file():  # of a merge
        return first_base(read_object(run, needs={"recipe.model.base": str})["recipe"]["model"]["base"])
    return path.name
