"""Trains a small Llama-shaped model from scratch on packed documents, with the Hugging Face trainer.

Every document keeps its own positions and attention (see the collator), and the first token of a document is
never predicted from the one before it. Not covered yet: continued pretraining, several processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from burnish.config.recipe import PretrainStage
from burnish.model.base import device_memory
from burnish.train.arguments import common_arguments
from burnish.train.checkpoints import CompleteCheckpoints, train_from_latest
from burnish.train.interrupt import saving_interrupts
from burnish.train.kernels import Deterministic
from burnish.train.meter import Metered
from burnish.train.muon import MuonWithAdamW
from burnish.train.schedule import learning_rate_share
from burnish.train.watch import watch_training

IGNORED = -100


class PackedBlock(Protocol):
    """What this module needs of a packed row: documents as token ids, together no longer than a block."""

    @property
    def documents(self) -> tuple[tuple[int, ...], ...]: ...


@dataclass(frozen=True)
class PretrainResult:
    """The trained model's folder, optimiser steps, and wall seconds of this attempt."""

    model: Path
    steps: int
    seconds: float


class PretrainTrainer(Metered, Trainer):
    """The trainer, measured."""


class BlockDataset(Dataset[PackedBlock]):
    """Packed blocks by index."""

    def __init__(self, blocks: Sequence[PackedBlock]) -> None:
        self.blocks = blocks

    def __len__(self) -> int:
        return len(self.blocks)

    def __getitem__(self, index: int) -> PackedBlock:
        return self.blocks[index]


def collate_blocks(blocks: Sequence[PackedBlock], *, padding: int) -> dict[str, torch.Tensor]:
    """Batch of B rows and T tokens, T the longest row: ``input_ids``, ``position_ids`` and ``labels``, each (B, T).

    No attention mask: transformers isolates documents by their restarting positions only when none is given.
    Padding counts as one more document, which nothing attends to and no label covers.
    """
    width = max(sum(len(document) for document in block.documents) for block in blocks)
    shape = (len(blocks), width)
    input_ids = torch.full(shape, padding)
    position_ids = torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, IGNORED)
    for row, block in enumerate(blocks):
        start = 0
        for document in block.documents:
            end = start + len(document)
            tokens = torch.tensor(document)
            input_ids[row, start:end] = tokens
            labels[row, start + 1 : end] = tokens[1:]
            position_ids[row, start:end] = torch.arange(len(document))
            start = end
        position_ids[row, start:] = torch.arange(width - start)
    return {"input_ids": input_ids, "position_ids": position_ids, "labels": labels}


def build_model(stage: PretrainStage, tokenizer: PreTrainedTokenizerBase, *, context: int) -> LlamaForCausalLM:
    """A freshly initialised Llama-shaped model with tied embeddings; the seed must have been set before."""
    end_of_text = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=stage.hidden_size,
        intermediate_size=stage.intermediate_size,
        num_hidden_layers=stage.layers,
        num_attention_heads=stage.heads,
        num_key_value_heads=stage.heads,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model: LlamaForCausalLM = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
        config, attn_implementation="sdpa"
    )
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        eos_token_id=[tokenizer.eos_token_id, end_of_text], pad_token_id=tokenizer.pad_token_id
    )
    return model


def run_pretrain(
    *,
    tokenizer: PreTrainedTokenizerBase,
    blocks: Sequence[PackedBlock],
    stage: PretrainStage,
    out: Path,
    seed: int,
    context: int,
    log: Callable[[int, Mapping[str, float]], None],
    callbacks: Sequence[TrainerCallback] = (),
) -> PretrainResult:
    """Train to the end, or go on from the last complete checkpoint in ``out/checkpoints``.

    Writes ``out/model``: bfloat16 safetensors, configuration and tokenizer.
    """
    started = time.monotonic()
    set_seed(seed)
    model = build_model(stage, tokenizer, context=context)
    arguments = TrainingArguments(
        **common_arguments(stage, rows=len(blocks), out=out / "checkpoints", seed=seed)
        | {"include_num_input_tokens_seen": "all"}  # packed rows have no attention mask to count by
    )
    optimizer = MuonWithAdamW(
        model,
        matrix_learning_rate=stage.matrix_learning_rate,
        learning_rate=stage.learning_rate,
        weight_decay=stage.weight_decay,
    )
    schedule = LambdaLR(optimizer, learning_rate_share(stage, arguments.max_steps))
    padding: Any = tokenizer.pad_token_id
    trainer = PretrainTrainer(
        model=model,
        args=arguments,
        train_dataset=BlockDataset(blocks),
        data_collator=lambda rows: collate_blocks(rows, padding=padding),
        optimizers=(optimizer, schedule),
        callbacks=[CompleteCheckpoints(), Deterministic(stage.kernels)],
    )
    watch_training(trainer, name=stage.name, steps=arguments.max_steps, log=log, callbacks=callbacks)
    way_out = "Checkpoints are kept: lower micro_batch (and keep effective_batch), then run the same command again."
    with saving_interrupts() as stopper, device_memory(f"training {stage.name}", way_out):
        trainer.add_callback(stopper)
        train_from_latest(trainer, out / "checkpoints")
    folder = out / "model"
    model.bfloat16().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return PretrainResult(folder, arguments.max_steps, time.monotonic() - started)
