"""Evaluate one model on one set of tasks: write answers, judge them, let the model repair, and summarise.

The core of a recipe's evaluate stage and of ``burnish evaluate``; both write the same files into a folder, and both
summarise through `measured_in` or `Evaluated.model`. Left out on purpose: run folders, ledger, reports, comparing
models (the report stage does), choosing among samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from burnish.config.stages.kinds.evaluate import EvaluateStage
from burnish.config.verbs.evaluate import ModelAnswers
from burnish.model.source import ModelSource
from burnish.records import Completion, Task, Verdict
from burnish.records.files import read_records, write_records
from burnish.records.layout import COMPLETIONS, TASKS, VERDICTS
from burnish.records.summary import RepairTurn
from burnish.score.summaries.rates import METRICS, rates
from burnish.score.summaries.summary import MeasuredModel
from burnish.verify import Verifier
from burnish.workflows.answer.find_model import loaded_quantization
from burnish.workflows.build.stages import EXCLUDED
from burnish.workflows.evaluate.repair import repair
from burnish.workflows.evaluate.rescore import TOLERANCE, read_evaluated
from burnish.workflows.evaluate.score import judge_answers
from burnish.workflows.evaluate.written_answers import Writing, generation_in
from burnish.workflows.run.context import Outcome, Run


@dataclass(frozen=True)
class Evaluated:
    """One evaluated model, and the files written into its folder."""

    model: MeasuredModel
    """The input of the summary; name and seconds are not known here."""
    outputs: tuple[str, ...]


def evaluate_answers(
    answers: Writing | Sequence[Completion],
    tasks: Sequence[Task],
    folder: Path,
    verifier: Verifier | None,
    *,
    tolerance: float = TOLERANCE,
    repair_turns: int = 0,
) -> Evaluated:
    """Judge the answers to ``tasks`` and write tasks, completions, rows and verdicts into ``folder``.

    Args:
        answers: a model that writes them now, continuing an earlier attempt, or stored completions.
        tasks: tasks of the evaluation.
        folder: folder of this evaluation only.
        verifier: needed if a task is Rust.
        tolerance: of numeric answers.
        repair_turns: most turns in which the model repairs failed answers.
    """
    write_records(folder / TASKS, tasks)
    writing = answers if isinstance(answers, Writing) else None
    completions = answers.completions() if isinstance(answers, Writing) else list(answers)
    write_records(folder / COMPLETIONS, completions)  # in the order of the tasks, not of the batches
    likely = {} if writing is None else writing.likelihoods()
    judgement = judge_answers(verifier, tasks, completions, tolerance=tolerance, likelihoods=likely)
    written = judgement.write(folder)
    turns: list[RepairTurn] = []
    if repair_turns and writing is not None and verifier is not None:
        turns = repair(
            writing.one_sample,
            verifier,
            tasks,
            completions,
            judgement,
            turns=repair_turns,
            folder=folder,
            tolerance=tolerance,
        )
    generation = None if writing is None else generation_in(folder, completions)
    model = MeasuredModel(
        "", judgement.rows, judgement.verdicts, tasks, tolerance=tolerance, generation=generation, repair=turns
    )
    return Evaluated(model, (TASKS, COMPLETIONS, *written))


def measured_in(folder: Path, name: str, tasks: Sequence[Task], seconds: float) -> MeasuredModel:
    """Read the results of a run's evaluate stage, like `Evaluated.model`; needs no verifier."""
    completions = list(read_records(Completion, folder / COMPLETIONS))
    return MeasuredModel(
        name,
        read_evaluated(folder),
        tuple(read_records(Verdict, folder / VERDICTS)),
        tasks,
        seconds,
        TOLERANCE,
        generation_in(folder, completions),
    )


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
