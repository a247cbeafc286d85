"""Run pretraining: pack text into blocks and train a new or existing model on them.

The text is a corpus stage's, token bins, or the recipe's sources, read before or while training. A new model gets a
tokenizer of its own, trained on the text, unless token bins bring one.

Left out on purpose: held-out documents of a stream, which does not know its rows.
"""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from burnish.config.presets import parameter_count
from burnish.config.stages.kinds.pretrain import PretrainStage
from burnish.data.encode.chunking import chunk_source
from burnish.data.encode.packing import Block, PackedOnDisk, pack_documents
from burnish.data.mixing.sequence_stream import BlockStream, OpenMixture
from burnish.data.mixing.validation_rows import hold_out_rows
from burnish.data.pretraining.corpus import read_corpus
from burnish.data.pretraining.token_bins import TokenBins
from burnish.errors import ConfigError, DataError
from burnish.fsio import digest_bytes
from burnish.model.chat_template import document_ends
from burnish.model.source import load_tokenizer
from burnish.model.tokenizer import train_tokenizer
from burnish.records import Example, Message
from burnish.records.layout import CORPUS, TOKENIZER
from burnish.scale.processes import first_goes_first, is_first
from burnish.train.batches.rows import DocumentRow
from burnish.train.pretrain.run import run_pretrain
from burnish.train.watch.memory_forecast import Batches
from burnish.workflows.rows.prepare import training_examples
from burnish.workflows.rows.stream import opened_mixture
from burnish.workflows.run.context import Outcome, Run
from burnish.workflows.train.job import training_callbacks, training_job

CONTEXT_BLOCKS = 2
"""The model's context in training blocks: answers may be longer than a packed block."""
TOKENIZER_ROWS = 20_000
"""Rows of a stream for training the tokenizer of a new model."""

Row = str | Sequence[Message]
logger = logging.getLogger("burnish.pretrain")


@dataclass(frozen=True)
class Material:
    """The training data of a stage."""

    tokenizer: Any
    blocks: Sequence[Block] = ()
    held_out: Sequence[DocumentRow] = ()
    """Held-out documents for the loss of an evaluation."""
    stream: BlockStream | None = None


def pretrain(run: Run, stage: PretrainStage, folder: Path) -> Outcome:
    """Train the model into ``model``, continuing from the last complete checkpoint."""
    start = None if stage.start_from is None else run.model_folder(stage.start_from)
    with contextlib.ExitStack() as stack:
        if stage.tokens is not None:
            made = _from_bins(run, stage, stage.tokens, start)
        elif stage.streaming:
            made = _from_stream(stack.enter_context(opened_mixture(run, stage, folder)), stage, folder, start)
        else:
            made = _from_rows(run, stage, folder, start)
        if start is None:
            shape = stage.model_copy(update={"vocabulary": len(made.tokenizer)})
            logger.info(
                "%s: a new model (%s), %d parameters", stage.name, stage.preset or "own shape", parameter_count(shape)
            )
        batches = Batches(stage.block_size, "block_size", muon=stage.optimizer == "muon")
        callbacks = training_callbacks(
            run, stage, folder, tokenizer=made.tokenizer, batches=batches, held_out=made.held_out
        )
        job = training_job(run, stage, folder, base=start, callbacks=callbacks)
        context = stage.block_size * CONTEXT_BLOCKS
        result = run_pretrain(job, made.tokenizer, made.blocks, context=context, stream=made.stream)
    metrics = {"steps": float(result.steps), "blocks": float(len(made.blocks))}
    return Outcome.of_training(result.trained, start, metrics)


def _from_bins(run: Run, stage: PretrainStage, folder: Path, start: Path | None) -> Material:
    tokenizer, bins = _tokenizer_of_bins(folder, start), TokenBins(folder)
    drawn = draw_held_out(len(bins), _wanted(stage), seed=run.recipe.seed)
    held_out = _pieces((bins[index] for index in drawn), stage.block_size)
    return Material(tokenizer, PackedOnDisk(bins, stage.block_size, without=drawn), held_out)


def _from_stream(mixture: OpenMixture, stage: PretrainStage, folder: Path, start: Path | None) -> Material:
    texts = (_text(_content(example)) for example in islice(mixture(0, None), TOKENIZER_ROWS))
    with first_goes_first():
        tokenizer = _tokenizer(texts, stage, folder, start)
    encode = _encoder(tokenizer, stage)
    stream = BlockStream(mixture, lambda examples: list(encode(list(map(_content, examples)))), stage.block_size)
    return Material(tokenizer, stream=stream)


def _from_rows(run: Run, stage: PretrainStage, folder: Path, start: Path | None) -> Material:
    held: list[Row] = []
    with first_goes_first():
        rows = _rows(run, stage, folder)
        if wanted := _wanted(stage):
            rows, held = hold_out_rows(rows, [_as_document(row) for row in rows], wanted, seed=run.recipe.seed)
        tokenizer = _tokenizer((_text(row) for row in rows), stage, folder, start)
    encode = _encoder(tokenizer, stage)
    return Material(tokenizer, pack_documents(encode(rows), stage.block_size), _pieces(encode(held), stage.block_size))


def _wanted(stage: PretrainStage) -> int:
    return 0 if stage.evaluation is None else stage.evaluation.rows


def _rows(run: Run, stage: PretrainStage, folder: Path) -> list[Row]:
    if stage.corpus is not None:
        return list(read_corpus(run.stage_folder(stage.corpus) / CORPUS))
    return [_content(example) for example in training_examples(run, stage, folder)]


def draw_held_out(documents: int, wanted: int, *, seed: int) -> list[int]:
    """Choose the held-out documents of token bins; raise DataError when none remain to train on."""
    if wanted >= documents:
        raise DataError(
            f"holding out {wanted} of {documents} documents leaves none to train on.", "Lower evaluation.rows."
        )
    return sorted(random.Random(f"{seed}/held out").sample(range(documents), wanted))


def _pieces(documents: Iterable[list[int]], block_size: int) -> list[DocumentRow]:
    """Keep documents no longer than a block, as in training."""
    return [
        DocumentRow(f"{number}/{start}", ids[start : start + block_size])
        for number, ids in enumerate(documents)
        for start in range(0, len(ids), block_size)
        if len(ids) - start > 1  # a single token has no context to be predicted from
    ]


def _as_document(row: Row) -> Example:
    return Example(id="", messages=(), text=_text(row))


def _tokenizer(texts: Iterable[str], stage: PretrainStage, folder: Path, start: Path | None) -> Any:
    if start is not None:
        return load_tokenizer(start)
    if not is_first():
        return load_tokenizer(folder / TOKENIZER)  # the first process has just written them
    longest = stage.block_size * CONTEXT_BLOCKS
    return train_tokenizer(texts, vocabulary=stage.vocabulary, longest=longest, out=folder / TOKENIZER)


def _tokenizer_of_bins(bins: Path, start: Path | None) -> Any:
    """Load the tokenizer of the bins, which must equal the start model's."""
    tokenizer: Any = load_tokenizer(bins / TOKENIZER)
    if start is None:
        return tokenizer
    theirs: Any = load_tokenizer(start)
    digests = [digest_bytes(either.backend_tokenizer.to_str().encode()) for either in (tokenizer, theirs)]
    if digests[0] != digests[1]:
        raise ConfigError(
            f"the token bins {bins} were built with another tokenizer than that of the model {start}.",
            f"Build them again: burnish data build tokens --set tokenizer={start}",
        )
    return theirs


def _encoder(tokenizer: Any, stage: PretrainStage) -> Callable[[Sequence[Row]], Iterator[list[int]]]:
    """Encode rows to token ids, as one or several documents each."""

    def encode(rows: Sequence[Row]) -> Iterator[list[int]]:
        texts = [row if isinstance(row, str) else _conversation(row, tokenizer) for row in rows]
        return tokenised_documents(texts, tokenizer, stage.block_size)

    return encode


def tokenised_documents(texts: Sequence[str], tokenizer: Any, block_size: int) -> Iterator[list[int]]:
    """Encode texts with an end-of-text token, splitting texts longer than a block.

    Pieces are cut between items, statements or lines, and the end-of-text token follows only the last one.
    """

    def ids(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def fits(text: str) -> bool:
        # a byte-level token covers at least one byte, so short texts need no tokenizer call
        return len(text.encode()) < block_size or len(ids(text)) < block_size

    if not texts:
        return  # a tokenizer refuses an empty list
    before, end = document_ends(tokenizer)
    block_size -= len(before)
    for text, whole in zip(
        texts, tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"], strict=True
    ):
        if len(whole) < block_size:
            yield [*before, *whole, end]
            continue
        pieces = chunk_source(text, fits)
        for number, piece in enumerate(pieces, 1):
            yield [*before, *ids(piece), *([end] if number == len(pieces) else [])]


def _content(example: Example) -> Row:
    return example.messages if example.text is None else example.text


def _text(row: Row) -> str:
    return row if isinstance(row, str) else "\n".join(message.content for message in row)


def _conversation(row: Sequence[Message], tokenizer: Any) -> str:
    messages = [{"role": message.role, "content": message.content} for message in row]
    return str(tokenizer.apply_chat_template(messages, tokenize=False))
