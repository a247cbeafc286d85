"""Run preference tuning: encode judged answers, check them, then train DPO or KTO.

Left out on purpose: judging answers, and pairing them (`workflows.rewards.judged_pairs`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from burnish.config.stages.kinds.preference import PreferenceStage
from burnish.config.stages.stage import AdapterStage
from burnish.data.encode.preferences import EncodedJudgement, encode_preferences, read_preferences
from burnish.data.gates.preferences import check_preferences
from burnish.data.gates.rows import GateReport
from burnish.data.mixing.validation_rows import hold_out_rows
from burnish.errors import ConfigError
from burnish.model.source import load_tokenizer
from burnish.records import Example
from burnish.records.files import write_rows
from burnish.records.layout import PAIRS, REJECTED
from burnish.scale.processes import is_first
from burnish.score.selection.held_out import HeldOut
from burnish.train.preference.run import run_preference
from burnish.train.watch.memory_forecast import Batches
from burnish.wording import counted
from burnish.workflows.rewards.judged_pairs import judged_answers, preference_rows
from burnish.workflows.run.context import Outcome, Run
from burnish.workflows.train.gated_rows import gate_of
from burnish.workflows.train.job import training_callbacks, training_job

logger = logging.getLogger("burnish.prefer")


def prefer(run: Run, stage: PreferenceStage, folder: Path) -> Outcome:
    """Train the stage's adapter, continuing from its last complete checkpoint.

    Raises GateError before the first step.
    """
    base = run.model_folder(stage.start_from)
    tokenizer = load_tokenizer(base)
    rows, conversations, report = judged_rows(run, stage, folder, tokenizer)
    logger.info("%s: %s", stage.name, report)
    evaluation = stage.evaluation
    held_out: Sequence[EncodedJudgement] = ()
    if evaluation is not None and evaluation.rows:
        rows, held_out = hold_out_rows(rows, conversations, evaluation.rows, seed=run.recipe.seed)
    batches = Batches(
        max((len(answer.input_ids) for row in rows for answer in row.answers), default=0),
        answers=2 if stage.method.kind == "dpo" else 1,
        muon=stage.optimizer == "muon",
        tiled_logits=True,
    )
    callbacks = training_callbacks(run, stage, folder, tokenizer=tokenizer, batches=batches)
    job = training_job(run, stage, folder, base=base, callbacks=callbacks)
    result = run_preference(job, rows, held_out)
    metrics = {"steps": float(result.steps), "trained_tokens": float(result.trained_tokens)}
    return Outcome.of_training(result.trained, base, metrics)


def judged_rows(
    run: Run, stage: PreferenceStage, folder: Path, tokenizer: Any
) -> tuple[list[EncodedJudgement], list[Example], GateReport]:
    """Return the stage's rows as tokens, checked, with a conversation of each.

    Unusable rows go to ``rejected.jsonl`` in ``folder``, which the first process writes.
    """
    data = run.recipe.data
    if data.chat.train_roles != ("assistant",) or data.chat.truncate != "refuse":
        raise ConfigError(
            f"stage {stage.name!r} compares whole answers, and data.chat trains other roles or truncates.",
            "Use the defaults of data.chat.train_roles and data.chat.truncate.",
        )
    path = stage.rows if stage.rows is not None else _rows_of_rollouts(run, stage, folder)
    rejected = folder / REJECTED if is_first() else None
    rows = read_preferences(path, stage.method.kind, data.bad_rows, rejected)
    encoded, judged = encode_preferences(rows, tokenizer, data.chat)
    examples = [example for row in rows for example in row.examples()]
    report = gate_of(run, stage, tokenizer)(encoded, examples=examples)
    check_preferences(rows, judged)
    return judged, [row.examples()[0] for row in rows], report


def _rows_of_rollouts(run: Run, stage: PreferenceStage, folder: Path) -> Path:
    """Write the rows from an earlier stage's answers to a file."""
    sampled = next(earlier for earlier in run.recipe.stages if earlier.name == stage.rollouts)
    assert isinstance(sampled, AdapterStage)
    tasks = {task.id: task for task in run.train_tasks(sampled.name)}
    held_out = HeldOut(run.untrained_tasks(sampled.name))
    answers = judged_answers(run.stage_folder(sampled.name), tasks, held_out)
    rows = preference_rows(answers.judged, stage.method.kind, stage.per_task)
    logger.info("%s: %s of %d answers of %s", stage.name, counted(len(rows), "row"), len(answers.judged), sampled.name)
    path = folder / PAIRS
    write_rows(path, rows)
    return path
