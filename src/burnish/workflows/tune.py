"""Supervised fine-tuning of a run: rows become conversations, conversations tokens, and gates look before training.

Left out on purpose: mixing and filtering data; every row of the sources is trained on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from burnish.config.recipe import SftStage
from burnish.data.chat import encode_examples
from burnish.data.encoded import EncodedExample
from burnish.data.examples import examples_from_tasks
from burnish.data.gates import check_gates
from burnish.data.sources import read_sources
from burnish.data.validation_rows import hold_out_rows
from burnish.errors import DataError
from burnish.model.base import load_tokenizer
from burnish.records import Example
from burnish.train.sft import run_sft
from burnish.workflows.context import Outcome, Run
from burnish.workflows.watch_training import training_callbacks

logger = logging.getLogger("burnish.tune")


def tune(run: Run, stage: SftStage, folder: Path) -> Outcome:
    """Train the adapter of the stage; goes on from its last complete checkpoint."""
    base = run.model_folder(stage.start_from)
    tokenizer = load_tokenizer(base)
    examples = _examples(run, stage, folder)
    encoded = encode_examples(examples, tokenizer)
    report = check_gates(
        encoded, tokenizer, max_length=stage.max_length, held_out=run.held_out_tasks(stage), examples=examples
    )
    logger.info("%s: %s", stage.name, report)
    evaluation = stage.evaluation
    held_rows: Sequence[EncodedExample] = ()
    if evaluation is not None and evaluation.rows:
        encoded, held_rows = hold_out_rows(encoded, examples, evaluation.rows, seed=run.recipe.seed)
    result = run_sft(
        base=base,
        model=run.recipe.model,
        stage=stage,
        encoded=encoded,
        out=folder,
        seed=run.recipe.seed,
        log=lambda step, values: run.folder.metrics.log(stage.name, step, values),
        callbacks=training_callbacks(
            run,
            stage,
            folder,
            method="SFT",
            tokenizer=tokenizer,
            start_from=stage.start_from,
            evaluation=evaluation,
            held_out=held_rows,
            micro_batch=stage.micro_batch,
            tasks=run.held_out_tasks(stage),
        ),
    )
    return Outcome(
        (run.trained_output(stage),), {"steps": float(result.steps), "trained_tokens": float(result.trained_tokens)}
    )


def _examples(run: Run, stage: SftStage, folder: Path) -> list[Example]:
    data = run.recipe.data
    if data.sources:
        return read_sources(data.sources, bad_rows=data.bad_rows, rejected=folder / "rejected.jsonl")
    examples = examples_from_tasks(run.train_tasks(stage))
    if not examples:
        raise DataError("there is nothing to train on: the task set has no training part", "Name data.sources.")
    return examples
