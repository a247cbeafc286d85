"""Pretrain a small model from scratch on a corpus: tokenizer, packed blocks, training.

Left out on purpose: a validation split (the evaluate stages measure what counts).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from burnish.config.recipe import PretrainStage
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
    end = tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    texts = [row if isinstance(row, str) else _conversation(row, tokenizer) for row in rows]
    documents = ([*ids, end] for ids in tokenizer(texts, add_special_tokens=False)["input_ids"])
    blocks = pack_documents(documents, stage.block_size)
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


def _text(row: str | Sequence[Message]) -> str:
    return row if isinstance(row, str) else "\n".join(message.content for message in row)


def _conversation(row: Sequence[Message], tokenizer: Any) -> str:
    messages = [{"role": message.role, "content": message.content} for message in row]
    return str(tokenizer.apply_chat_template(messages, tokenize=False))
