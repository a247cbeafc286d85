"""Evaluate a model of a run on the held-out tasks, or on a task set of the stage's own.

Left out on purpose: comparing models (the report stage does), choosing among samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from burnish.config.stages.kinds.evaluate import EvaluateStage
from burnish.config.verbs.evaluate import ModelAnswers
from burnish.model.source import ModelSource
from burnish.records import Task, Verdict
from burnish.score.summaries.rates import METRICS, rates
from burnish.workflows.answer.find_model import loaded_quantization
from burnish.workflows.build.stages import EXCLUDED
from burnish.workflows.evaluate.core import evaluate_answers
from burnish.workflows.evaluate.written_answers import Writing
from burnish.workflows.run.context import Outcome, Run


def measure(run: Run, stage: EvaluateStage, folder: Path) -> Outcome:
    """Evaluate the stage's model on its tasks, as ``burnish evaluate`` does."""
    task_set = run.evaluation_tasks(stage)
    tasks = task_set.held_out
    model, adapter = run.model_and_adapter(stage.model)
    loaded_as = run.recipe.model.model_copy(update={"quantization": loaded_quantization(run, stage.model)})
    source = ModelSource(stage.model, model, adapter, loaded_as)
    answers = ModelAnswers(model=run.recipe.model, sampling=stage.sampling)
    writing = Writing(answers, tasks, folder, seed=run.recipe.seed, source=source)
    done = evaluate_answers(writing, tasks, folder, run.judge())
    metrics = measured(done.model.verdicts, tasks)
    run.folder.metrics.log(stage.name, 0, metrics)
    kept = {name: metrics[name] for name in METRICS if name in metrics}
    return Outcome(done.outputs, kept | ({EXCLUDED: float(task_set.excluded)} if task_set.excluded else {}))


def measured(verdicts: Sequence[Verdict], tasks: Sequence[Task] = ()) -> dict[str, float]:
    """Compute rates over all attempted answers, with the numbers of attempted and infra.

    Without tests there is no pass rate.
    """
    counted = rates(verdicts, {task.id for task in tasks if task.tests is None})
    known = {name: value for name in METRICS if (value := counted.rate(name)) is not None}
    return known | {"infra": counted.infra, "n": counted.n}
