"""Write the report of a run: evaluations, comparisons, and the time of every stage.

Left out on purpose: printing (`cli` shows the table of ``summary.json``).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from burnish import __version__
from burnish.config.stages.kinds.evaluate import EvaluateStage
from burnish.config.stages.kinds.report import ReportStage
from burnish.fsio import NUMBER, write_json
from burnish.ledger.machine import read_machine
from burnish.ledger.metrics import MetricRow, read_metrics
from burnish.ledger.stage import PREDICTED_PEAK
from burnish.records import StageTime
from burnish.records.files import read_rows
from burnish.records.layout import COMPLETIONS, EVENTS, REPORT_PAGE, SUMMARY
from burnish.report.page.html import ReportData, write_html
from burnish.report.page.samples import StageAnswers, StageRollouts
from burnish.score.summaries.summary import build_summary
from burnish.workflows.answer.completions import read_answers
from burnish.workflows.build.stages import EXCLUDED
from burnish.workflows.evaluate.core import measured_in
from burnish.workflows.evaluate.report_rollouts import stage_rollouts
from burnish.workflows.run.context import Outcome, Run


def report(run: Run, stage: ReportStage, folder: Path) -> Outcome:
    """Write ``summary.json`` and ``report.html`` into the run's folder."""
    measured, answers = [], []
    evaluated = [stage for stage in run.recipe.stages if isinstance(stage, EvaluateStage) and stage.name in run.done]
    models = [stage.model for stage in evaluated if stage.tasks is None]
    for evaluate_stage in evaluated:
        folder, tasks = run.stage_folder(evaluate_stage.name), run.evaluation_tasks(evaluate_stage).held_out
        # A model that is measured several times, or on tasks of the stage's own, goes by the stage's name.
        by_model = evaluate_stage.tasks is None and models.count(evaluate_stage.model) == 1
        name = evaluate_stage.model if by_model else evaluate_stage.name
        model = measured_in(folder, name, tasks, run.done[evaluate_stage.name].seconds)
        measured.append(model)
        completions = tuple(read_answers(folder / COMPLETIONS).values())
        answers.append(StageAnswers(model.name, tasks, completions, model.verdicts))
    kinds = {stage.name: stage.kind for stage in run.recipe.stages}
    metrics = read_metrics(run.folder.metrics.path)
    timings = [
        StageTime(
            name=name,
            kind=kinds[name],
            seconds=done.seconds,
            reused=name in run.reused,
            peak_bytes=done.peak_bytes,
            accelerator_peak_bytes=_accelerator_peak(metrics, name),
            predicted_peak_bytes=None if (peak := done.metrics.get(PREDICTED_PEAK)) is None else int(peak),
        )
        for name, done in run.done.items()
    ]
    excluded = max((int(done.metrics.get(EXCLUDED, 0)) for done in run.done.values()), default=0)
    summary = build_summary(measured, timings, excluded_tasks=excluded, also=stage.compare)
    root = run.folder.path
    write_json(root / SUMMARY, summary.model_dump(mode="json"))
    write_html(
        root / REPORT_PAGE,
        ReportData(
            name=run.recipe.name,
            summary=summary,
            recipe=run.recipe.model_dump(mode="json"),
            digests=run.digests,
            metrics=metrics,
            answers=answers,
            rollouts=_rollouts(run),
            facts=_facts(run),
            headline=stage.compare[0] if stage.compare else None,
        ),
    )
    # Relative to the stage's folder, so that a removed page is written again.
    return Outcome((f"../{SUMMARY}", f"../{REPORT_PAGE}"))


def _rollouts(run: Run) -> list[StageRollouts]:
    names = [
        stage.name for stage in run.recipe.stages if stage.name in run.done and not isinstance(stage, EvaluateStage)
    ]
    written = [stage_rollouts(run.stage_folder(name), name) for name in names]
    return [replace(rollouts, tasks=run.train_tasks(rollouts.stage)) for rollouts in written if rollouts is not None]


def _facts(run: Run) -> dict[str, str]:
    """Return start time, version, seed and machine of the run."""
    first = next(read_rows(run.folder.path / EVENTS, {"at": NUMBER}))
    began = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(float(first["at"])))
    facts = {"first begun": began, "burnish": __version__, "seed": str(run.recipe.seed)}
    return facts | read_machine(run.folder.path)


def _accelerator_peak(metrics: Sequence[MetricRow], stage: str) -> int | None:
    """Return the largest logged peak of allocated bytes of a stage, over all GPUs."""
    peaks = [
        value
        for row in metrics
        if row.stage == stage
        for key, value in row.values.items()
        if key.startswith("peak_allocated_bytes")
    ]
    return int(max(peaks)) if peaks else None
