"""Pretrain a small model from scratch on a corpus: tokenizer, packed blocks, training.

Left out on purpose: a validation split (the evaluate stages measure what counts).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from burnish.config.recipe import PretrainStage
from burnish.data.chunking import chunk_source
from burnish.data.corpus import read_corpus
from burnish.data.packing import pack_documents
from burnish.model.tokenizer import END_OF_TEXT, train_tokenizer
from burnish.records import Message
from burnish.train.pretrain import run_pretrain
from burnish.workflows.context import CORPUS, MODEL, Outcome, Run
from burnish.workflows.watch_training import training_callbacks

CONTEXT_BLOCKS = 2
"""The model's context in training blocks: answers may be longer than a packed block."""


def pretrain(run: Run, stage: PretrainStage, folder: Path) -> Outcome:
    """Train tokenizer and model into ``model``; goes on from the last complete checkpoint."""
    rows = list(read_corpus(run.stage_folder(stage.corpus) / CORPUS))
    context = stage.block_size * CONTEXT_BLOCKS
    tokenizer = train_tokenizer(
        (_text(row) for row in rows), vocabulary=stage.vocabulary, longest=context, out=folder / "tokenizer"
    )
    texts = [row if isinstance(row, str) else _conversation(row, tokenizer) for row in rows]
    blocks = pack_documents(tokenised_documents(texts, tokenizer, stage.block_size), stage.block_size)
    result = run_pretrain(
        tokenizer=tokenizer,
        blocks=blocks,
        stage=stage,
        out=folder,
        seed=run.recipe.seed,
        context=context,
        log=lambda step, values: run.folder.metrics.log(stage.name, step, values),
        callbacks=training_callbacks(run, stage, folder, method="PT", tokenizer=tokenizer, start_from=stage.name),
    )
    return Outcome((MODEL,), {"steps": float(result.steps), "blocks": float(len(blocks))})


def tokenised_documents(texts: Sequence[str], tokenizer: Any, block_size: int) -> Iterator[list[int]]:
    """Token ids of each text and the end-of-text token; a text longer than a block comes in pieces that fit into one.

    Pieces are cut between items, statements or lines, and the end-of-text token follows the last one alone.
    """

    def ids(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def fits(text: str) -> bool:
        # a byte-level token covers a byte at least, which spares the tokenizer many questions
        return len(text.encode()) < block_size or len(ids(text)) < block_size

    end = tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    for text, whole in zip(
        texts, tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"], strict=True
    ):
        if len(whole) < block_size:
            yield [*whole, end]
            continue
        pieces = chunk_source(text, fits)
        for number, piece in enumerate(pieces, 1):
            yield [*ids(piece), end] if number == len(pieces) else ids(piece)


def _text(row: str | Sequence[Message]) -> str:
    return row if isinstance(row, str) else "\n".join(message.content for message in row)


def _conversation(row: Sequence[Message], tokenizer: Any) -> str:
    messages = [{"role": message.role, "content": message.content} for message in row]
    return str(tokenizer.apply_chat_template(messages, tokenize=False))
