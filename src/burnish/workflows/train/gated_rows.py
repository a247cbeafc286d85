"""Fine-tune on encoded rows after checking the rows and their batches.

Left out on purpose: the source of the rows, the callbacks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from burnish.config.stages.kinds.preference import PreferenceStage
from burnish.config.stages.kinds.sft import SftStage
from burnish.data.gates.batches import check_batches
from burnish.data.gates.rows import GateReport, check_gates, closing_token
from burnish.model.context import folder_context
from burnish.train.job import TrainingJob, TrainingResult
from burnish.train.sft.run import first_pass, run_sft
from burnish.workflows.rows.encode import EncodedSet
from burnish.workflows.run.context import Run, model_beneath

logger = logging.getLogger("burnish.tune")


def gate_of(run: Run, stage: SftStage | PreferenceStage, tokenizer: Any) -> Callable[..., GateReport]:
    """Return the gates of a stage: called with encoded rows and their ``examples``, they count or raise GateError."""
    data = run.recipe.data
    return partial(
        check_gates,
        tokenizer=tokenizer,
        max_length=stage.max_length,
        held_out=run.untrained_tasks(stage.name),
        gates=data.gates,
        chat=data.chat,
        context=folder_context(run.model_folder(model_beneath(run.recipe, stage))),
    )


def train_rows(job: TrainingJob[SftStage], encoded: EncodedSet, report: GateReport, tokenizer: Any) -> TrainingResult:
    """Train on rows encoded by ``tokenizer`` and checked with the result ``report``.

    Raises GateError before any step.
    """
    stage, rows = job.stage, encoded.rows
    logger.info("%s: %s", stage.name, report)
    closing = closing_token(tokenizer) if any(row.answers for row in rows) else None
    pass_of_batches = first_pass(rows, tokenizer, stage, job.seed, encoded.packs)
    batches = check_batches(pass_of_batches, rows, closing, tokenizer.decode)
    logger.info("%s: %d micro batches in a pass, each as its rows are", stage.name, batches)
    return run_sft(job, rows, encoded.packs)
