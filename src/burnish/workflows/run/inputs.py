"""Compute digests of the inputs, code, models and tools of a run and its stages.

Not covered: the library versions of torch and friends (pinned by the constraints), the kind of machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from burnish.config.data.training_data import source_name
from burnish.config.stages.kinds.evaluate import EvaluateStage
from burnish.config.stages.recipe import Recipe
from burnish.config.stages.stage import AdapterStage, FileKind, Reads, Stage
from burnish.data.filters.build import filter_digests, filter_files, needs_judge
from burnish.data.pretraining.token_bins import TokenBins, digest_bins
from burnish.data.sources.files import matching_files
from burnish.data.sources.reading import source_digests, source_files
from burnish.data.tasks.task_sets import check_task_files, task_files
from burnish.errors import DataError
from burnish.fsio import digest_file, digest_folder, digest_json
from burnish.ledger.stage import Done
from burnish.model.adapters import check_start
from burnish.model.folders import model_digest
from burnish.records.layout import ADAPTER_WEIGHTS, HELD_OUT, TRAIN
from burnish.workflows.run.base_model import find_base, resolve_base
from burnish.workflows.run.context import Run, tasks_stage_before, uses_base

CODE = "code of burnish"
BASE = "base model"
FILTER_FILES = "files of filters"
TOOLCHAIN = "toolchain and verification policy"
TASK_PARTS = {"train": ("training", TRAIN), "held_out": ("held-out", HELD_OUT)}
"""Part of a task set -> its name, and its file."""


def run_digests(recipe: Recipe, toolchain: str | None) -> dict[str, str]:
    """Compute the digests of all inputs of a run; raise the error of the first missing one."""
    digests = {CODE: code_digest()}
    if uses_base(recipe):
        digests[BASE] = model_digest(resolve_base(recipe.model.base))
    if toolchain is not None:
        digests[TOOLCHAIN] = toolchain
    check_task_files(recipe.data.tasks, "data.tasks")
    for path in task_files(recipe.data.tasks).values():
        digests[f"file {path}"] = digest_file(path)
    _check_own_tasks(recipe.stages)
    for stage in recipe.stages:
        for what, named in stage.needs(recipe.data).files.items():
            digests[f"{what} of {stage.name}"] = _FILES[named.kind][1](named.path)
    for source in recipe.data.sources:
        digests[f"source {source_name(source)}"] = digest_json(source_digests(source))
    if recipe.data.filters:
        digests[FILTER_FILES] = digest_json(filter_digests(recipe.data.filters))
    return digests


@cache
def code_digest() -> str:
    """Compute the digest of the program's own sources."""
    package = Path(__file__).parents[2]
    files = sorted(package.rglob("*.py"))
    return digest_json([[str(file.relative_to(package)), digest_file(file)] for file in files])


def check_files(recipe: Recipe, stages: Sequence[Stage]) -> Path | None:
    """Raise the error of the first missing file or folder that the stages read; return the base, if a stage reads it.

    Reads no content.
    """
    check_task_files(recipe.data.tasks, "data.tasks")
    _check_own_tasks(stages)
    needs = [stage.needs(recipe.data) for stage in stages]
    for named in (named for needed in needs for named in needed.files.values()):
        _FILES[named.kind][0](named.path)
    if any(needed.sources for needed in needs):
        for source in recipe.data.sources:
            source_files(source)
        filter_files(recipe.data.filters)
    return find_base(recipe.model.base) if uses_base(recipe) else None


def _check_own_tasks(stages: Sequence[Stage]) -> None:
    for stage in stages:
        if isinstance(stage, EvaluateStage) and stage.tasks is not None:
            check_task_files(stage.tasks, f"stages.{stage.name}.tasks")


def _folder_there(folder: Path) -> None:
    if not folder.is_dir():
        raise DataError(f"folder {folder} does not exist.", "Check the path; it is relative to the current folder.")


def _digest_matching(path: Path) -> str:
    return digest_json([digest_file(file) for file in matching_files(path)])


_FILES: Mapping[FileKind, tuple[Callable[[Path], object], Callable[[Path], str]]] = {
    "file": (Path.exists, digest_file),  # `_check_own_tasks` looks before, and names the key
    "folder": (_folder_there, digest_folder),
    "adapter": (check_start, lambda path: digest_file(path / ADAPTER_WEIGHTS)),
    "token bins": (TokenBins, digest_bins),
    "dpo rows": (matching_files, _digest_matching),
    "kto rows": (matching_files, _digest_matching),
}
"""Kind of `NamedFiles` -> check that raises DataError for missing files, and digest of all that decides a result."""


def stage_inputs(run: Run, stage: Stage) -> dict[str, str]:
    """Return digests of the stage's inputs, by name, derived from its declarations."""
    needs = stage.needs(run.recipe.data)
    inputs: dict[str, str] = {}
    for read in stage.reads():
        inputs |= _read(run, read, str(getattr(stage, read.field)))
    tasks = tasks_stage_before(run.recipe, stage.name)
    made = run.done[tasks].outputs if tasks is not None else {}
    inputs |= {f"{TASK_PARTS[part][0]} tasks": made[TASK_PARTS[part][1]] for part in needs.tasks}
    inputs |= {what: run.digests[f"{what} of {stage.name}"] for what in needs.files}
    if needs.encodes:
        inputs |= _encoding(run, made)
    if needs.sources:
        inputs |= _sources(run)
    for section in needs.data:
        inputs[f"data.{section}"] = _section(run, section)
    if needs.model:
        inputs["model"] = digest_json(run.recipe.model.model_dump(mode="json", exclude={"base"}))
    if needs.verifier:
        inputs[TOOLCHAIN] = run.digests[TOOLCHAIN]
    if needs.all_before:
        inputs |= {name: _record(done) for name, done in run.done.items()}
    return inputs


def _read(run: Run, read: Reads, target: str) -> dict[str, str]:
    """Return the digest of an earlier stage's result, or of the base."""
    if "model" in read.products or "adapter" in read.products:
        return _model(run, target)
    if "rollouts" in read.products:
        return {f"rollouts of {target}": _record(run.done[target])}
    return {target: _outputs(run, target)}


def _section(run: Run, name: str) -> str:
    settings = getattr(run.recipe.data, name).model_dump(mode="json")
    if name != "tasks":
        return digest_json(settings)
    return digest_json([settings, [run.digests[f"file {path}"] for path in task_files(run.recipe.data.tasks).values()]])


def _model(run: Run, name: str) -> dict[str, str]:
    if run.is_base(name):
        return {"base": run.digests[BASE]}
    stages = {stage.name: stage for stage in run.recipe.stages}
    made = {name: _outputs(run, name)}
    stage = stages[name]
    return _model(run, stage.start_from) | made if isinstance(stage, AdapterStage) else made


def _encoding(run: Run, made: Mapping[str, str]) -> dict[str, str]:
    """Return everything that decides how rows become tokens and which are refused; ``made`` is the tasks stage's
    result."""
    data = run.recipe.data
    held_out = {"held-out tasks": made[HELD_OUT]} if made else {}
    settings = [data.chat.model_dump(mode="json"), data.gates.model_dump(mode="json")]
    return held_out | {"data.chat and data.gates": digest_json(settings)}


def _sources(run: Run) -> dict[str, str]:
    data = run.recipe.data
    settings = [source.model_dump(mode="json") for source in data.sources]
    files = [run.digests[f"source {source_name(source)}"] for source in data.sources]
    rows = {"data.sources": digest_json([settings, files, data.bad_rows])}
    rows["data.mixture"] = digest_json(data.mixture.model_dump(mode="json"))
    if data.filters:
        filters = [config.model_dump(mode="json") for config in data.filters]
        rows["data.filters"] = digest_json([filters, run.digests[FILTER_FILES]])
    if needs_judge(data.filters):
        rows[TOOLCHAIN] = run.digests[TOOLCHAIN]
    return rows


def _outputs(run: Run, name: str) -> str:
    return digest_json(dict(run.done[name].outputs))


def _record(done: Done) -> str:
    return digest_json([done.fingerprint, done.seconds, dict(done.outputs)])
