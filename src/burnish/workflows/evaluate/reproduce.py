"""Reproduce an evaluation in a new folder and compare every row.

Everything is read from the evaluation's own folder and its models, each checked by digest first; missing or changed
inputs are refused by name. Other code of burnish is reported, not refused, since its effect is often the question. Left
out on purpose: training again (`burnish run` with the recipe of the run does).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from pydantic import ValidationError

from burnish.config.stages.kinds.evaluate import EvaluateStage
from burnish.config.stages.recipe import Recipe
from burnish.config.tasks import TaskFile
from burnish.config.verbs.evaluate import EvaluateConfig, FileAnswers, ModelAnswers
from burnish.data.tasks.task_sets import read_tasks
from burnish.errors import ConfigError, DataError
from burnish.fsio import digest_file, digest_folder, digest_json, read_object, write_json
from burnish.ledger.run_folder import RESOLVED_RECIPE, RunFolder
from burnish.ledger.stage import Done, read_done
from burnish.ledger.store import RunRow, StageRow
from burnish.model.folders import model_digest
from burnish.records.evaluation import ComparisonReport
from burnish.records.layout import ADAPTER, COMPLETIONS, EVALUATED, HELD_OUT, REPRODUCTION, RESOLVED, TASKS
from burnish.score.summaries.comparison import compare_rows
from burnish.workflows.evaluate.evaluate import evaluate
from burnish.workflows.evaluate.rescore import outcome_of, read_evaluated
from burnish.workflows.evaluate.score import verifier_for
from burnish.workflows.run.base_model import resolve_measured
from burnish.workflows.run.context import Run, tasks_stage_before
from burnish.workflows.run.inputs import BASE, CODE, TOOLCHAIN, code_digest

LEVEL = 0.05
"""Level of significance, divided by the number of task kinds, to correct for several tests."""
C = TypeVar("C", EvaluateConfig, Recipe)


@dataclass(frozen=True)
class Reproduction:
    """Result of answering and judging again; the format of ``reproduction.json``."""

    of: str
    folder: str
    rows: int
    other_texts: int
    """Rows with another text of the model."""
    other_outcomes: int
    """Rows whose extracted answer, outcome or scores differ."""
    significant: bool
    notes: tuple[str, ...]
    comparison: ComparisonReport

    @property
    def identical(self) -> bool:
        return not (self.other_texts or self.other_outcomes)


@dataclass(frozen=True)
class Original:
    """Evaluation to reproduce: its configuration, and the inputs that must be unchanged."""

    name: str
    rows: Path
    """Folder whose rows are compared."""
    config: EvaluateConfig
    expected: Mapping[str, str]
    """Input -> digest at that time."""
    present: Mapping[str, str]
    """Input -> digest now."""
    code: str
    """Digest of burnish's code at that time."""


def evaluations(run: RunRow, stages: Sequence[StageRow]) -> list[str]:
    """Return the names of a run's evaluate stages; one for an evaluation."""
    names = [stage.name for stage in stages if stage.kind == "evaluate"]
    if not names:
        raise DataError(f"{run.name} has no evaluation", "Give an evaluation, or a run with an evaluate stage.")
    return names


def reproduce(run: RunRow, folder: Path | None, stage: StageRow, out: Path) -> Reproduction:
    """Evaluate again into ``out`` and compare row by row.

    Args:
        run: the run or evaluation.
        folder: its folder; None when it is missing.
        stage: its evaluate stage, as the ledger has it.
        out: a new folder.

    Raises DataError when an input is missing or changed, RunFolderError when ``out`` holds something else.
    """
    if folder is None:
        raise DataError(
            f"the folder of {run.name} is gone, with its tasks and rows", "Evaluate again: burnish evaluate."
        )
    original = _of_evaluation(run, folder, stage, out) if run.kind == "evaluation" else _of_run(folder, stage, out)
    _refuse_changes(original)
    notes = [] if original.code == code_digest() else ["the code of burnish differs from the original evaluation"]
    evaluate(original.config)
    before, now = read_evaluated(original.rows), read_evaluated(out)
    report, _ = compare_rows(original.name, before, "again", now)
    again = {(row.task_id, row.sample_index): row for row in now}
    pairs = [(row, again[key]) for row in before if (key := (row.task_id, row.sample_index)) in again]
    done = Reproduction(
        of=original.name,
        folder=str(out),
        rows=len(before),
        other_texts=sum(a.text != b.text for a, b in pairs) + len(before) - len(pairs),
        other_outcomes=sum(outcome_of(a) != outcome_of(b) for a, b in pairs) + len(before) - len(pairs),
        significant=_significant(report),
        notes=tuple(notes),
        comparison=report,
    )
    write_json(out / REPRODUCTION, asdict(done) | {"comparison": report.model_dump(mode="json")})
    return done


def _of_evaluation(run: RunRow, folder: Path, stage: StageRow, out: Path) -> Original:
    resolved = read_object(folder / RESOLVED, needs=RESOLVED_RECIPE)
    config = _valid(EvaluateConfig, resolved["recipe"], folder)
    inner = folder / EVALUATED
    # The folder has the answered tasks, so the task file may have moved.
    expected = {f"file {name}": stage.artefacts[name] for name in (TASKS,)}
    present = {f"file {TASKS}": _digest(inner / TASKS)}
    answers = config.answers
    if isinstance(answers, ModelAnswers):
        expected |= {name: digest for name, digest in stage.parents.items() if name in (BASE, ADAPTER)}
        present |= {BASE: _model_digest(answers.model.base)}
        if answers.adapter is not None:
            present |= {ADAPTER: model_digest(answers.adapter) if answers.adapter.is_dir() else "gone"}
    else:
        answers = FileAnswers(path=inner / COMPLETIONS)
        expected |= {f"file {COMPLETIONS}": stage.artefacts[COMPLETIONS]}
        present |= {f"file {COMPLETIONS}": _digest(inner / COMPLETIONS)}
    again = config.model_copy(
        update={"out": out, "tasks": TaskFile(path=inner / TASKS), "answers": answers, "limit": None}
    )
    return _with_toolchain(Original(run.name, folder, again, expected, present, resolved["digests"][CODE]), stage)


def _of_run(folder: Path, stage: StageRow, out: Path) -> Original:
    resolved = read_object(folder / RESOLVED, needs=RESOLVED_RECIPE)
    recipe = _valid(Recipe, resolved["recipe"], folder)
    run = Run(recipe, RunFolder(folder, resolved["run_id"]), resolved["digests"], None)
    run.done.update(
        {finished.name: done for finished in recipe.stages if (done := read_done(folder / finished.name)) is not None}
    )
    settings = next(candidate for candidate in recipe.stages if candidate.name == stage.name)
    assert isinstance(settings, EvaluateStage)
    tasks = (
        folder / (tasks_stage_before(recipe, settings.name) or "") / HELD_OUT
        if settings.tasks is None
        else (folder / stage.name / TASKS)
    )
    model, adapter = run.model_and_adapter(settings.model)
    base = recipe.model.base if model == run.model_folder("base") else str(model)
    config = EvaluateConfig(
        out=out,
        tasks=TaskFile(path=tasks),
        answers=ModelAnswers(
            model=recipe.model.model_copy(update={"base": base}), adapter=adapter, sampling=settings.sampling
        ),
        verify=recipe.verify.model_copy(update={"cache": None}),
        seed=recipe.seed,
        limit=settings.limit,
    )
    known = ("held-out tasks", "base", *(stage.name for stage in recipe.stages))
    expected = {name: digest for name, digest in stage.parents.items() if name in known}
    present = {"held-out tasks": _digest(tasks)} if settings.tasks is None else {}
    for name in expected.keys() - present.keys():
        present[name] = _model_digest(recipe.model.base) if name == "base" else _outputs_digest(folder / name, run.done)
    name = f"{recipe.name}/{stage.name}"
    return _with_toolchain(
        Original(name, folder / stage.name, config, expected, present, resolved["digests"][CODE]), stage
    )


def _with_toolchain(original: Original, stage: StageRow) -> Original:
    """Add compiler, lints and policy of the verifier if there are Rust tasks; opens the verifier."""
    if TOOLCHAIN not in stage.parents or "gone" in original.present.values():
        return original
    assert isinstance(original.config.tasks, TaskFile)
    tasks = read_tasks(original.config.tasks.path)
    with TemporaryDirectory() as beside, verifier_for(tasks, original.config.verify, Path(beside)) as verifier:
        now = verifier.digest if verifier is not None else ""
    return replace(
        original,
        expected={**original.expected, TOOLCHAIN: stage.parents[TOOLCHAIN]},
        present={**original.present, TOOLCHAIN: now},
    )


def _refuse_changes(original: Original) -> None:
    missing = [name for name in original.expected if original.present.get(name, "gone") == "gone"]
    changed = [name for name, digest in original.expected.items() if original.present.get(name) != digest]
    if changed:
        changes = [f"the {name} {'is gone' if name in missing else 'changed'}" for name in changed]
        raise DataError(
            f"{original.name} cannot be reproduced: {'; '.join(changes)}",
            "Restore these inputs, or evaluate again: burnish evaluate.",
        )


def _valid(schema: type[C], settings: Mapping[str, Any], folder: Path) -> C:
    try:
        return schema.model_validate_json(json.dumps(settings))
    except ValidationError as error:
        raise DataError(
            f"{folder / RESOLVED} was written by another version: {error.errors()[0]['msg']}",
            "Reproduce it with the version of burnish that wrote it.",
        ) from error


def _digest(path: Path) -> str:
    return digest_file(path) if path.is_file() else "gone"


def _model_digest(base: str) -> str:
    try:
        return model_digest(resolve_measured(base))
    except ConfigError:
        return "gone"


def _outputs_digest(folder: Path, done: Mapping[str, Done]) -> str:
    """Compute the digest of a stage's outputs from the bytes on disk, as later stages read them."""
    if folder.name not in done:
        return "gone"
    paths = {name: folder / name for name in done[folder.name].outputs}
    return digest_json({name: digest_folder(p) if p.is_dir() else digest_file(p) for name, p in paths.items()})


def _significant(report: ComparisonReport) -> bool:
    headlines = [next(iter(kind.metrics.values())) for kind in report.kinds if kind.metrics]
    return any(headline.p_value < LEVEL / len(headlines) for headline in headlines)
