"""What decides the results of a run and of each stage beyond the settings: digests of inputs, code, models, tools.

Not covered: the library versions of torch and friends (pinned by the constraints), the kind of machine.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import assert_never

from burnish.config.data.training_data import source_name
from burnish.config.stages.expert_iteration import ExpertIterationStage
from burnish.config.stages.recipe import (
    AdapterStage,
    AnyStage,
    ContinuingStage,
    CorpusStage,
    EvaluateStage,
    GrpoStage,
    MergeStage,
    PreferenceStage,
    PretrainStage,
    Recipe,
    ReportStage,
    SftStage,
    TasksStage,
    TrainingStage,
    names_a_path,
)
from burnish.config.tasks import RustTasks, TaskFile
from burnish.data.filters.build import filter_digests, needs_judge
from burnish.data.pretraining.token_bins import digest_bins
from burnish.data.sources.digests import source_digests
from burnish.data.sources.files import matching_files
from burnish.errors import DataError
from burnish.fsio import digest_file, digest_folder, digest_json
from burnish.ledger.stage import Done
from burnish.model.folders import model_digest, resolve_base
from burnish.records.layout import ADAPTER_WEIGHTS, HELD_OUT, TRAIN
from burnish.workflows.run.context import Run, uses_base

CODE = "code of burnish"
BASE = "base model"
FILTER_FILES = "files of filters"
TOOLCHAIN = "toolchain and verification policy"


def run_digests(recipe: Recipe, toolchain: str | None) -> dict[str, str]:
    """Digests of all that a run starts from; raises the error of the first input that is not there."""
    digests = {CODE: code_digest()}
    if uses_base(recipe):
        digests[BASE] = model_digest(resolve_base(recipe.model.base))
    if toolchain is not None:
        digests[TOOLCHAIN] = toolchain
    for path in task_files(recipe):
        if not path.is_file():
            raise DataError(f"there is no data file {path}", "Check data.tasks in the recipe.")
        digests[f"file {path}"] = digest_file(path)
    for stage in recipe.stages:
        if isinstance(stage, ContinuingStage) and names_a_path(stage.start_from):
            digests[f"start of {stage.name}"] = _digest_of_start(Path(stage.start_from))
        if isinstance(stage, PreferenceStage) and stage.rows is not None:
            digests[f"rows of {stage.name}"] = digest_json([digest_file(path) for path in matching_files(stage.rows)])
        if isinstance(stage, PretrainStage) and stage.tokens is not None:
            digests[f"tokens of {stage.name}"] = digest_bins(stage.tokens)
    for source in recipe.data.sources:
        digests[f"source {source_name(source)}"] = digest_json(source_digests(source))
    if recipe.data.filters:
        digests[FILTER_FILES] = digest_json(filter_digests(recipe.data.filters))
    return digests


@cache
def code_digest() -> str:
    """Digest of the program's own sources."""
    package = Path(__file__).parents[2]
    files = sorted(package.rglob("*.py"))
    return digest_json([[str(file.relative_to(package)), digest_file(file)] for file in files])


def _digest_of_start(folder: Path) -> str:
    weights = folder / ADAPTER_WEIGHTS
    if not weights.is_file():
        raise DataError(
            f"start_from names {folder}, and there is no {weights.name} in it.",
            "Name a stage, an adapter folder of a run, or one of its checkpoints.",
        )
    return digest_file(weights)


def task_files(recipe: Recipe) -> list[Path]:
    """The task files and the exclusion file, where the recipe names them."""
    tasks = recipe.data.tasks
    if isinstance(tasks, RustTasks):
        return []
    train = tasks.train if isinstance(tasks, TaskFile) else None
    return [path for path in (tasks.path, train, tasks.exclude) if path is not None]


def stage_inputs(run: Run, stage: AnyStage) -> dict[str, str]:
    """Digests of what the stage reads, by name."""
    recipe, data = run.recipe, run.recipe.data
    match stage:
        case TasksStage():
            content = [run.digests[f"file {path}"] for path in task_files(recipe)]
            settings = data.tasks.model_dump(mode="json")
            inputs = {"data.tasks": digest_json([settings, content]), TOOLCHAIN: run.digests[TOOLCHAIN]}
        case CorpusStage():
            inputs = {} if stage.crates is None else {"crates": digest_folder(stage.crates)}
        case PretrainStage():
            inputs = _pretraining_text(run, stage) | {"model": _model_settings(recipe)}
            if stage.start_from is not None:
                inputs |= _model(run, stage.start_from)
            inputs |= _evaluated(run, stage)
        case SftStage() | PreferenceStage() | ExpertIterationStage():
            inputs = _training_inputs(run, stage)
        case GrpoStage() | EvaluateStage():
            inputs = _answered(run, stage) | {"model": _model_settings(recipe), TOOLCHAIN: run.digests[TOOLCHAIN]}
        case MergeStage():
            base = run.adapter_stage(stage.adapter).start_from
            inputs = _model(run, base) | _model(run, stage.adapter) | {"model": _model_settings(recipe)}
        case ReportStage():
            inputs = {name: _record(done) for name, done in run.done.items()}
        case _:
            assert_never(stage)
    return inputs


def _training_inputs(run: Run, stage: AdapterStage) -> dict[str, str]:
    inputs = _model(run, stage.start_from) | {"model": _model_settings(run.recipe)}
    if isinstance(stage, ContinuingStage) and names_a_path(stage.start_from):
        inputs["start_from"] = run.digests[f"start of {stage.name}"]
    match stage:
        case SftStage():
            inputs |= _rows(run, stage)
            inputs |= _evaluated(run, stage)
        case PreferenceStage():
            given = (
                run.digests[f"rows of {stage.name}"] if stage.rollouts is None else _record(run.done[stage.rollouts])
            )
            inputs |= {"rows": given} | _encoding(run, stage) | _evaluated(run, stage)
        case ExpertIterationStage():
            tasks = run.done[run.tasks_stage(stage) or ""].outputs[TRAIN]
            inputs |= {"training tasks": tasks, TOOLCHAIN: run.digests[TOOLCHAIN]} | _encoding(run, stage)
    return inputs


def _evaluated(run: Run, stage: TrainingStage) -> dict[str, str]:
    """What decides the verdicts of answers while the stage trains."""
    if stage.evaluation is None or not stage.evaluation.prompts:
        return {}
    held_out = run.done[run.tasks_stage(stage) or ""].outputs[HELD_OUT]
    return {"held-out tasks": held_out, TOOLCHAIN: run.digests[TOOLCHAIN]}


def _model(run: Run, name: str) -> dict[str, str]:
    if run.is_base(name):
        return {"base": run.digests[BASE]}
    stages = {stage.name: stage for stage in run.recipe.stages}
    made = {name: _outputs(run, name)}
    stage = stages[name]
    return _model(run, stage.start_from) | made if isinstance(stage, AdapterStage) else made


def _answered(run: Run, stage: GrpoStage | EvaluateStage) -> dict[str, str]:
    """The model that answers, and the tasks."""
    tasks = run.done[run.tasks_stage(stage) or ""].outputs
    held_out = {"held-out tasks": tasks[HELD_OUT]}
    if isinstance(stage, EvaluateStage):
        return _model(run, stage.model) | held_out
    rates = {} if stage.rates_from is None else {"pass rates": _record(run.done[stage.rates_from])}
    return _model(run, stage.start_from) | held_out | rates | {"training tasks": tasks[TRAIN]}


def _pretraining_text(run: Run, stage: PretrainStage) -> dict[str, str]:
    if stage.corpus is not None:
        return {"corpus": _outputs(run, stage.corpus)}
    if stage.tokens is not None:
        return {"token bins": run.digests[f"tokens of {stage.name}"]}
    return _sources(run) | {"data.chat": digest_json(run.recipe.data.chat.model_dump(mode="json"))}


def _encoding(run: Run, stage: AdapterStage) -> dict[str, str]:
    """What decides how rows become tokens, and which are refused."""
    data, tasks = run.recipe.data, run.tasks_stage(stage)
    held_out = {} if tasks is None else {"held-out tasks": run.done[tasks].outputs[HELD_OUT]}
    settings = [data.chat.model_dump(mode="json"), data.gates.model_dump(mode="json")]
    return held_out | {"data.chat and data.gates": digest_json(settings)}


def _rows(run: Run, stage: SftStage) -> dict[str, str]:
    data = run.recipe.data
    rows = _encoding(run, stage)
    if not data.sources:
        return rows | {"training tasks": run.done[run.tasks_stage(stage) or ""].outputs[TRAIN]}
    return rows | _sources(run)


def _sources(run: Run) -> dict[str, str]:
    data = run.recipe.data
    settings = [source.model_dump(mode="json") for source in data.sources]
    files = [run.digests[f"source {source_name(source)}"] for source in data.sources]
    rows = {"data.sources": digest_json([settings, files, data.bad_rows])}
    rows["data.mixture"] = digest_json(data.mixture.model_dump(mode="json"))
    if data.filters:
        filters = [one.model_dump(mode="json") for one in data.filters]
        rows["data.filters"] = digest_json([filters, run.digests[FILTER_FILES]])
    if needs_judge(data.filters):
        rows[TOOLCHAIN] = run.digests[TOOLCHAIN]
    return rows


def _model_settings(recipe: Recipe) -> str:
    return digest_json(recipe.model.model_dump(mode="json", exclude={"base"}))


def _outputs(run: Run, name: str) -> str:
    return digest_json(dict(run.done[name].outputs))


def _record(done: Done) -> str:
    return digest_json([done.fingerprint, done.seconds, dict(done.outputs)])
