"""Build the task set of a run and check its references; write its pretraining corpus.

Every reference is verified, of training tasks too. Left out on purpose: fixing or dropping tasks; a broken task set
stops the run.
"""

from __future__ import annotations

from pathlib import Path

from burnish.config.stages.kinds.corpus import CorpusStage
from burnish.config.stages.kinds.tasks import TasksStage
from burnish.data.pretraining.corpus import write_corpus
from burnish.data.tasks.task_sets import load_task_set, require_rust, say_untested
from burnish.errors import DataError
from burnish.records import Completion
from burnish.records.files import write_records
from burnish.records.layout import CORPUS, HELD_OUT, TRAIN
from burnish.workflows.run.context import Outcome, Run
from burnish.workflows.verify.judge import judge

EXCLUDED = "excluded"


def build_tasks(run: Run, stage: TasksStage, folder: Path) -> Outcome:  # noqa: ARG001 - as all workflows of stages
    """Write both parts of the task set; raise DataError naming failing references."""
    recipe = run.recipe
    tasks = load_task_set(recipe.data.tasks, recipe.seed)
    if not tasks.held_out:
        raise DataError("the task set has no held-out task", "Check data.tasks in the recipe.")
    require_rust((*tasks.train, *tasks.held_out))
    say_untested((*tasks.train, *tasks.held_out))
    write_records(folder / TRAIN, tasks.train)
    write_records(folder / HELD_OUT, tasks.held_out)
    checked = [task for task in (*tasks.held_out, *tasks.train) if task.reference is not None]
    answers = [Completion(task_id=task.id, text=task.reference or "", finish_reason="given") for task in checked]
    verdicts = judge(run.judge(), checked, answers)
    failing = [verdict for verdict in verdicts if verdict.status != "pass"]
    if failing:
        first = failing[0]
        raise DataError(
            f"{len(failing)} of {len(checked)} reference answers do not pass, first {first.task_id}: "
            f"{first.reason} {first.detail}".rstrip(),
            "Fix these tasks, or exclude them (burnish data validate-tasks): "
            + ", ".join(verdict.task_id for verdict in failing[:10]),
        )
    counts = {"train": len(tasks.train), "held_out": len(tasks.held_out), "references_verified": len(checked)}
    counts[EXCLUDED] = tasks.excluded
    return Outcome((TRAIN, HELD_OUT), {name: float(count) for name, count in counts.items()})


def build_corpus(run: Run, stage: CorpusStage, folder: Path) -> Outcome:
    """Write ``corpus.jsonl``, starting over after an interruption."""
    written = write_corpus(
        folder / CORPUS,
        documents=stage.documents,
        chat_share=stage.chat_share,
        seed=run.recipe.seed,
        crates=stage.crates,
        comments=stage.comments,
    )
    return Outcome((CORPUS,), {"documents": float(written)})
