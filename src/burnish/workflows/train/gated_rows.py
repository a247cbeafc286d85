"""Fine-tune on rows that are tokens already, once the gates have seen them and the batches that they make.

Left out on purpose: where the rows come from, what watches the training.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from burnish.config.stages.recipe import SftStage
from burnish.data.gates.batches import check_batches
from burnish.data.gates.rows import GateReport, check_gates, closing_token
from burnish.records import Example
from burnish.train.sft.run import SftResult, first_pass, run_sft
from burnish.workflows.rows.encode import EncodedSet
from burnish.workflows.run.context import Run
from burnish.workflows.train.start import StartingPoint

logger = logging.getLogger("burnish.tune")


def check_rows(
    run: Run, stage: SftStage, encoded: EncodedSet, examples: Sequence[Example], tokenizer: Any
) -> GateReport:
    """What the gates counted in the rows, which are ``examples`` as tokens. Raises GateError."""
    data = run.recipe.data
    return check_gates(
        encoded.rows,
        tokenizer,
        max_length=stage.max_length,
        held_out=run.held_out_tasks(stage),
        examples=examples,
        gates=data.gates,
        chat=data.chat,
    )


def train_rows(
    run: Run,
    stage: SftStage,
    folder: Path,
    *,
    start: StartingPoint,
    encoded: EncodedSet,
    report: GateReport,
    tokenizer: Any,
    log: Callable[[int, Mapping[str, float]], None],
    callbacks: Sequence[TrainerCallback],
) -> SftResult:
    """Train into ``folder``; goes on from its last complete checkpoint. Raises GateError before any step.

    Args:
        run: the open run.
        stage: how to train.
        folder: for checkpoints and the result.
        start: what to train.
        encoded: the rows as tokens.
        report: of `check_rows`.
        tokenizer: the one that encoded them.
        log: gets the numbers of a step.
        callbacks: of the trainer.
    """
    seed = run.recipe.seed
    logger.info("%s: %s", stage.name, report)
    closing = closing_token(tokenizer) if any(row.answers for row in encoded.rows) else None
    batches = check_batches(
        first_pass(encoded.rows, tokenizer, stage, seed, encoded.packs), encoded.rows, closing, tokenizer.decode
    )
    logger.info("%s: %d micro batches in a pass, each as its rows are", stage.name, batches)
    return run_sft(
        base=start.base,
        start=start.adapter,
        model=run.recipe.model,
        stage=stage,
        encoded=encoded.rows,
        packs=encoded.packs,
        out=folder,
        launch=run.recipe.launch,
        seed=seed,
        log=log,
        callbacks=callbacks,
    )
