"""Train every weight of a model on packed documents, with the Hugging Face trainer: a new Llama-shaped model, or an
existing one.

Every document keeps its own positions and attention (see the collator), and the first token of a document is
never predicted from the one before it. The loss of a step is the mean over its tokens, for any number of processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import torch
from torch.utils.data import Dataset
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
    set_seed,
)

from burnish.config.stages.kinds.pretrain import PretrainStage
from burnish.errors import ConfigError
from burnish.model.base import resolve_device, stored_dtype
from burnish.model.context import context_length
from burnish.model.precision import resolve_dtype, width_of
from burnish.records.layout import MODEL
from burnish.scale.processes import process_count
from burnish.train.arguments import placed
from burnish.train.batches.rows import DocumentRow, collate
from burnish.train.batches.sharing import BLANK, PassOrder, SharesRows
from burnish.train.batches.stream import ResumableStream, StreamFed
from burnish.train.checkpoints.complete import CompleteCheckpoints
from burnish.train.job import TrainingJob, TrainingResult, optimizers, train
from burnish.train.watch.meter import Metered
from burnish.train.watch.nan_guard import StopsAtNoNumber
from burnish.train.weights.deepspeed import DeepspeedTraining, deepspeed_arguments
from burnish.train.weights.kernels import Deterministic
from burnish.train.weights.sharded import ShardedTraining, shard


class PackedBlock(Protocol):
    """Packed row: documents as token ids, together at most a block long."""

    @property
    def documents(self) -> tuple[tuple[int, ...], ...]: ...


class BlockOrder(PassOrder):
    """Order of the blocks, shuffled."""

    def order(self, epoch: int) -> list[int]:
        """Return indices of the blocks in the order of ``epoch``."""
        generator = torch.Generator().manual_seed(self._seed + epoch)
        order: list[int] = torch.randperm(len(self), generator=generator).tolist()
        return order


class PretrainTrainer(SharesRows, Metered, StopsAtNoNumber, ShardedTraining, DeepspeedTraining, Trainer):
    """Trainer of pretraining, measured, on its share of the blocks."""

    tokenizer: PreTrainedTokenizerBase
    order: BlockOrder

    def batch_of(self, inputs: dict[str, Any]) -> torch.Tensor:
        """Return the tokens."""
        ids_BT: torch.Tensor = inputs["input_ids"]
        return ids_BT

    def described(self, batch: torch.Tensor) -> list[dict[str, Any]]:
        """Return blocks with their text, named by its beginning."""
        texts = [str(self.tokenizer.decode(ids)) for ids in batch.tolist()]
        return [{"id": f"beginning {text[:24]!r}", "text": text} for text in texts]


class StreamedPretrainTrainer(StreamFed, PretrainTrainer):
    """Trainer of pretraining on a stream of blocks."""


@dataclass(frozen=True)
class _NoBlock:
    """Block without documents."""

    documents: tuple[tuple[int, ...], ...] = ()


class BlockDataset(Dataset[PackedBlock]):
    """Packed blocks by index; `BLANK` is one without documents."""

    def __init__(self, blocks: Sequence[PackedBlock]) -> None:
        self.blocks = blocks

    def __len__(self) -> int:
        return len(self.blocks)

    def __getitem__(self, index: int) -> PackedBlock:
        return _NoBlock() if index == BLANK else self.blocks[index]


def collate_blocks(blocks: Sequence[PackedBlock], *, padding: int) -> dict[str, torch.Tensor]:
    """Build a batch of B rows and T tokens, T the longest row: ``input_ids``, ``position_ids`` and ``labels``, each (B,
    T).

    The documents of a block are packed rows (`rows.collate`).
    """
    rows = [tuple(enumerate(DocumentRow("", list(document)) for document in block.documents)) for block in blocks]
    batch = collate(rows, padding=padding, mean_weight=1.0, packed=True)
    return {key: batch[key] for key in ("input_ids", "position_ids", "labels")}


def build_model(stage: PretrainStage, tokenizer: PreTrainedTokenizerBase, *, context: int) -> LlamaForCausalLM:
    """Build a freshly initialised Llama-shaped model; the caller must set the seed."""
    end_of_text = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=stage.hidden_size,
        intermediate_size=stage.intermediate_size,
        num_hidden_layers=stage.layers,
        num_attention_heads=stage.heads,
        num_key_value_heads=stage.heads,
        max_position_embeddings=context,
        tie_word_embeddings=stage.tie_embeddings,
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
    job: TrainingJob[PretrainStage],
    tokenizer: PreTrainedTokenizerBase,
    blocks: Sequence[PackedBlock],
    *,
    context: int,
    stream: ResumableStream[PackedBlock] | None = None,
) -> TrainingResult:
    """Train every weight on packed documents.

    Writes ``out/model``: safetensors (bfloat16, or in the dtype of the model that was trained on), configuration and
    tokenizer.

    Args:
        job: the training; without a ``base`` it makes a new model.
        tokenizer: written beside the model.
        blocks: packed documents, ignored with a stream.
        context: most positions of a new model.
        stream: stream of blocks; requires ``stage.max_steps``.

    Raises:
        What a `TrainingJob` raises.
    """
    folder = job.out / MODEL

    def attempt(fitting: TrainingJob[PretrainStage]) -> int:
        return train(fitting, _make_trainer(fitting, tokenizer, blocks, context, stream), save)

    def save(trained: Any) -> None:
        trained.to(torch.bfloat16 if job.base is None else stored_dtype(job.base)).save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    return TrainingResult(folder, *job.fitting(attempt))


def _make_trainer(
    job: TrainingJob[PretrainStage],
    tokenizer: PreTrainedTokenizerBase,
    blocks: Sequence[PackedBlock],
    context: int,
    stream: ResumableStream[PackedBlock] | None,
) -> PretrainTrainer:
    stage, device = job.stage, resolve_device(job.model)
    on_cpu = device.type == "cpu"
    set_seed(job.seed)
    trained: Any = build_model(stage, tokenizer, context=context) if job.base is None else _loaded(job)
    half = resolve_dtype(job.model, device, width_of(trained.config)) == torch.bfloat16
    settings = job.settings(len(blocks)) | {"bf16": half, "ignore_data_skip": stream is not None}
    settings["include_num_input_tokens_seen"] = "all"  # packed rows have no attention mask to count by
    settings |= deepspeed_arguments(job.launch, on_cpu=on_cpu)
    arguments = placed(TrainingArguments, settings, on_cpu=on_cpu)
    if job.launch.strategy == "fsdp2" and process_count() > 1:
        trained.to(device)
        shard(trained, on_cpu=on_cpu)
    common: dict[str, Any] = {
        "model": trained,
        "args": arguments,
        "data_collator": partial(collate_blocks, padding=tokenizer.pad_token_id),
        "optimizers": optimizers(stage, trained, len(blocks), betas=(0.9, 0.95)),
    }
    if stream is None:
        trainer: PretrainTrainer = PretrainTrainer(
            **common, train_dataset=BlockDataset(blocks), callbacks=[CompleteCheckpoints()]
        )
    else:
        trainer = StreamedPretrainTrainer(stream=stream, checkpoints=job.checkpoints, **common)
    trainer.tokenizer, trainer.bad_batch = tokenizer, job.bad_batch
    trainer.order = BlockOrder(len(blocks), seed=job.seed)
    trainer.add_callback(Deterministic(stage.kernels))
    return trainer


def _loaded(job: TrainingJob[PretrainStage]) -> Any:
    stage = job.stage
    loaded: Any = job.load().model
    longest = context_length(loaded)
    if longest is not None and stage.block_size > longest:
        raise ConfigError(
            f"block_size {stage.block_size} is more than the {longest} positions that the model has.",
            f"Set block_size of stage {stage.name} to {longest} or less.",
        )
    return loaded.float().requires_grad_(True)
