"""Run supervised fine-tuning on streamed sources, encoding and checking chunks of rows.

Left out on purpose: features that need all rows at once: held-out rows for a loss, order by length, the cache.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from burnish.config.stages.kinds.sft import SftStage
from burnish.data.encode.chat import encode_examples
from burnish.data.encode.encoded import EncodedExample
from burnish.data.mixing.sequence_stream import RowStream
from burnish.fsio import digest_json
from burnish.model.base import load_tokenizer
from burnish.records import Example
from burnish.train.sft.stream import run_streaming_sft
from burnish.train.watch.memory_forecast import Batches
from burnish.workflows.rows.stream import opened_mixture
from burnish.workflows.run.context import Outcome, Run
from burnish.workflows.run.inputs import stage_inputs
from burnish.workflows.train.callbacks import training_callbacks
from burnish.workflows.train.gated_rows import gate_of
from burnish.workflows.train.job import training_job
from burnish.workflows.train.start import starting_point

logger = logging.getLogger("burnish.tune")


def tune_stream(run: Run, stage: SftStage, folder: Path) -> Outcome:
    """Train the stage's adapter, continuing from its last complete checkpoint.

    Raises GateError for a chunk of rows.
    """
    start = starting_point(run, stage, folder)
    tokenizer = load_tokenizer(start.base)
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
