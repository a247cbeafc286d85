"""Run supervised fine-tuning: encode rows, check rows and batches, train.

Left out on purpose: sources, filters and mixture (`workflows.rows.prepare`), gates (`workflows.train.gated_rows`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from burnish.config.stages.kinds.sft import SftStage
from burnish.data.encode.chat import encode_examples
from burnish.data.encode.encoded import EncodedExample
from burnish.data.gates.rows import GateReport
from burnish.data.mixing.sequence_stream import RowStream
from burnish.data.mixing.validation_rows import hold_out_rows
from burnish.fsio import digest_json
from burnish.model.source import load_tokenizer
from burnish.records import Example
from burnish.scale.processes import first_goes_first
from burnish.train.sft.stream import run_streaming_sft
from burnish.train.watch.memory_forecast import Batches
from burnish.workflows.rows.encode import EncodedSet, cache_of, encode_rows
from burnish.workflows.rows.prepare import training_examples
from burnish.workflows.rows.stream import opened_mixture
from burnish.workflows.run.context import Outcome, Run
from burnish.workflows.run.inputs import stage_inputs
from burnish.workflows.train.gated_rows import gate_of, train_rows
from burnish.workflows.train.job import training_callbacks, training_job
from burnish.workflows.train.start import StartingPoint, starting_point

logger = logging.getLogger("burnish.tune")


def tune(run: Run, stage: SftStage, folder: Path) -> Outcome:
    """Train the stage's adapter, continuing from its last complete checkpoint.

    Raises GateError before the first step, and for a chunk of streamed rows.
    """
    start = starting_point(run, stage, folder)
    tokenizer = load_tokenizer(start.base)
    if stage.streaming:
        return _tune_stream(run, stage, folder, start, tokenizer)
    encoded, held_rows, report = gated_rows(run, stage, folder, tokenizer)
    batches = Batches(encoded.longest(), logit_tokens=encoded.most_trained(), muon=stage.optimizer == "muon")
    callbacks = training_callbacks(run, stage, folder, tokenizer=tokenizer, batches=batches, held_out=held_rows)
    job = training_job(run, stage, folder, base=start.base, start=start.adapter, callbacks=callbacks)
    result = train_rows(job, encoded, report, tokenizer)
    metrics = {
        "steps": float(result.steps),
        "trained_tokens": float(result.trained_tokens),
        "truncated_rows": float(report.truncated),
        "cut_answers": float(report.cut_answers),
    }
    return Outcome.of_training(result.trained, start.base, metrics)


def gated_rows(
    run: Run, stage: SftStage, folder: Path, tokenizer: Any
) -> tuple[EncodedSet, Sequence[EncodedExample], GateReport]:
    """Return the stage's rows as tokens, held-out rows for a loss, and the gates' counts; list dropped rows in
    ``folder``. Raises GateError."""
    data, evaluation = run.recipe.data, stage.evaluation
    held_rows: Sequence[EncodedExample] = ()
    with first_goes_first():
        examples = training_examples(run, stage, folder)
        if evaluation is not None and evaluation.rows:
            examples, held = hold_out_rows(examples, examples, evaluation.rows, seed=run.recipe.seed)
            held_rows = encode_examples(held, tokenizer, data.chat, stage.max_length)
        encoded = encode_rows(examples, tokenizer, stage, data.chat, cache_of(run))
    return encoded, held_rows, gate_of(run, stage, tokenizer)(encoded.rows, examples=examples)


def _tune_stream(run: Run, stage: SftStage, folder: Path, start: StartingPoint, tokenizer: Any) -> Outcome:
    """Train on streamed sources, encoding and checking chunks of rows; raise GateError for a chunk.

    Features that need all rows at once are left out: held-out rows for a loss, order by length, the cache.
    """
    batches = Batches(stage.max_length, "max_length, of a stream", muon=stage.optimizer == "muon")
    callbacks = training_callbacks(run, stage, folder, tokenizer=tokenizer, batches=batches)
    job = training_job(run, stage, folder, base=start.base, start=start.adapter, callbacks=callbacks)
    with opened_mixture(run, stage, folder) as mixture:
        rows = RowStream(mixture, gated_encoder(run, stage, tokenizer), stage.max_length if stage.packing else None)
        result = run_streaming_sft(job, rows, digest_json(stage_inputs(run, stage)))
    return Outcome.of_training(result.trained, start.base, {"steps": float(result.steps)})


def gated_encoder(run: Run, stage: SftStage, tokenizer: Any) -> Callable[[Sequence[Example]], list[EncodedExample]]:
    """Build a function that encodes and checks a chunk of rows."""
    chat, gate = run.recipe.data.chat, gate_of(run, stage, tokenizer)

    def encode(examples: Sequence[Example]) -> list[EncodedExample]:
        rows = encode_examples(examples, tokenizer, chat, stage.max_length)
        logger.debug("%s: a chunk of the stream: %s", stage.name, gate(rows, examples=examples))
        return rows

    return encode
