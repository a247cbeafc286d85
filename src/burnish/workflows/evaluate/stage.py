"""Measure a model: it answers the held-out tasks, every answer is verified, and the verdicts are counted.

Left out on purpose: comparing models (`report`), choosing among samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from burnish.config.stages.recipe import EvaluateStage
from burnish.records import Verdict
from burnish.records.files import write_records
from burnish.records.layout import COMPLETIONS, VERDICTS
from burnish.score.summaries.rates import METRICS, rates
from burnish.workflows.answer.completions import answer_tasks, finished_tasks, open_generator, read_answers
from burnish.workflows.run.context import Outcome, Run
from burnish.workflows.verify.judge import judge


def measure(run: Run, stage: EvaluateStage, folder: Path) -> Outcome:
    """Write ``completions.jsonl`` and ``verdicts.jsonl`` of the stage's model."""
    tasks = run.held_out_tasks(stage)[: stage.limit]
    path, samples = folder / COMPLETIONS, stage.sampling.samples
    if len(finished_tasks(path, samples)) < len(tasks):
        model, adapter = run.model_and_adapter(stage.model)
        generator = open_generator(
            model, adapter, config=run.recipe.model, sampling=stage.sampling, seed=run.recipe.seed
        )
        completions = answer_tasks(generator, tasks, path, samples=samples)
    else:
        answers = read_answers(path)
        completions = [answers[task.id, sample] for task in tasks for sample in range(samples)]
    verdicts = judge(run.judge(), tasks, completions)
    write_records(folder / VERDICTS, verdicts)
    metrics = measured(verdicts)
    run.folder.metrics.log(stage.name, 0, metrics)
    return Outcome((COMPLETIONS, VERDICTS), {name: metrics[name] for name in METRICS})


def measured(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Rates over all attempted, and beside them how many those are and how many of them are infra."""
    counted = rates(verdicts)
    return {name: counted.rate(name) for name in METRICS} | {"infra": counted.infra, "n": counted.n}
