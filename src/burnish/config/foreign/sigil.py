"""Import SigilDERG-Finetuner: its two-phase QLoRA YAML.

Rows without a chat form are whole files of code.

Keys that its YAMLs set but its schema silently drops are refused. Not covered: checkpoints of its runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import Field

from burnish.config.foreign.keys import REQUIRED, Key

NAME = "SigilDERG-Finetuner"
SIGNS = frozenset({"model_name", "dataset.names", "train.num_steps", "bnb_4bit.quant_type"})
"""Keys that identify a file of this system: it has at least one, other systems have none."""

Count = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Schedule = Literal["linear", "cosine", "constant", "constant_with_warmup"]
AdamW = Literal[
    "adamw_torch", "adamw_torch_fused", "adamw_hf", "adamw_8bit", "adamw_bnb_8bit", "paged_adamw_8bit",
    "paged_adamw_32bit",
]  # fmt: skip
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj", "gate_proj"]

_LOADING = "its schema dropped it; here rows are ready before the first step, so no worker loads them"

KEYS: Mapping[str, Key] = {
    "model_name": Key(str, REQUIRED, ("model.base",), "download it, then name its folder"),
    "max_seq_len": Key(Count, 4096, ("stages.sft.max_length",)),
    "pack": Key(
        bool,
        True,
        ("stages.sft.packing",),
        "its newest TRL branch lost it; here packed rows do not attend to each other",
    ),
    "dataset.names": Key(list[str], ["ammarnasr/the-stack-rust-clean"], ("data.sources",)),
    "dataset.use_cache": Key(bool, True, ("data.sources.*.streaming",)),
    "dataset.min_length": Key(Count, 64, ("data.filters.too_short.characters",)),
    "dataset.max_length": Key(Count, 200_000, ("data.filters.too_long.characters",)),
    "dataset.exclude_tests": Key(bool, True, ("data.filters.test_file",)),
    "dataset.exclude_examples": Key(bool, False, ("data.filters.example_file",)),
    "dataset.exclude_benches": Key(bool, True, ("data.filters.bench_file",)),
    "dataset.prefer_idiomatic": Key(bool, False, ("data.filters.not_idiomatic",)),
    "dataset.prefer_documented": Key(bool, False, ("data.filters.no_documentation",)),
    "dataset.idiomatic_quality_ratio": Key(Annotated[float, Field(gt=0)], 2.0, ("data.filters.not_idiomatic.ratio",)),
    "dataset.shuffle_seed": Key(int | None, None, ("data.mixture.shuffle",), "the recipe's one seed shuffles"),
    "dataset.interleave_mode": Key(
        Literal["sequential", "round_robin", "weighted"], "sequential", ("data.mixture.mode",)
    ),
    "dataset.dataset_weights": Key(dict[str, float] | None, None, ("data.mixture.weights",)),
    "dataset.task_weights": Key(dict[str, float] | None, None, ("data.mixture.task_weights",)),
    "dataset.cache_dir": Key(str | None, None, ("data.cache",)),
    "lora.r": Key(Count, 16, ("stages.sft.adapter.r",)),
    "lora.alpha": Key(Count, 16, ("stages.sft.adapter.alpha",)),
    "lora.dropout": Key(Share, 0.05, ("stages.sft.adapter.dropout",)),
    "lora.target_modules": Key(list[str] | str, PROJECTIONS, ("stages.sft.adapter.target_modules",)),
    "train.micro_batch_size": Key(Count, 8, ("stages.sft.micro_batch",)),
    "train.gradient_accumulation": Key(
        Count, 6, ("stages.sft.effective_batch",), "over all processes; there it grew with the number of processes"
    ),
    "train.lr": Key(Annotated[float, Field(gt=0)], 1e-4, ("stages.sft.learning_rate",)),
    "train.weight_decay": Key(Annotated[float, Field(ge=0)], 0.0, ("stages.sft.weight_decay",)),
    "train.num_steps": Key(Count, 12_000, ("stages.sft.max_steps",)),
    "train.warmup_steps": Key(Annotated[int, Field(ge=0)], 250, ("stages.sft.warmup_share",), "a share of max_steps"),
    "train.logging_steps": Key(Count, 10, ("stages.sft.log_every",)),
    "train.save_every": Key(Count, 1000, ("stages.sft.save_every",)),
    "train.bf16": Key(bool, True, ("model.dtype",)),
    "train.grad_checkpointing": Key(bool, True, ("stages.sft.kernels.gradient_checkpointing",)),
    "train.max_grad_norm": Key(Annotated[float, Field(ge=0)], 1.0, ("stages.sft.max_grad_norm",)),
    "train.log_backend": Key(Literal["tensorboard", "wandb", "none"], "tensorboard", ("report_to",)),
    "train.lr_scheduler_type": Key(Schedule, "cosine", ("stages.sft.schedule",)),
    "train.optimizer": Key(
        AdamW, "paged_adamw_8bit", needless="AdamW with full-precision states: an adapter's are small"
    ),
    "train.save_total_limit": Key(Count, 3, needless="the last complete checkpoints and the best one are kept"),
    "train.load_best_model_at_end": Key(
        bool, False, refused="no evaluation ran during training; stages.sft.evaluation.best does it"
    ),
    "train.use_flash_attention": Key(
        bool, False, refused="its schema dropped it; model.attention auto uses the best that works"
    ),
    "train.dataloader_num_workers": Key(int, 2, refused=_LOADING),
    "train.dataloader_pin_memory": Key(bool, True, refused=_LOADING),
    "train.dataloader_prefetch_factor": Key(int, 2, refused=_LOADING),
    "train.clear_cache_every_n_steps": Key(
        int, 100, refused="its schema dropped it; memory is not cleared periodically"
    ),
    "bnb_4bit.quant_type": Key(Literal["nf4", "fp4"], "nf4", ("model.quantization.kind",)),
    "bnb_4bit.compute_dtype": Key(Literal["bfloat16", "float16"], "bfloat16", ("model.quantization.compute_dtype",)),
    "bnb_4bit.use_double_quant": Key(bool, True, ("model.quantization.double_quant",)),
    "misc.output_dir": Key(str, "out/llama8b-rust-qlora-phase1", ("name",), "runs/NAME is the run's folder"),
    "misc.logging_dir": Key(str | None, None, needless="curves are in the run's folder"),
    "misc.seed": Key(Annotated[int, Field(ge=0)], 42, ("seed",)),
    "misc.log_file": Key(str | None, None, needless="the run's folder has a log per attempt"),
    "misc.load_from": Key(
        str | None,
        None,
        ("stages.sft.start_from",),
        "weights alone were loaded; it must be an adapter that burnish trained, such as runs/NAME/sft/adapter: train "
        "phase 1 from its own file first",
    ),
    "misc.deterministic": Key(bool, False, refused="its schema dropped it; stages.sft.kernels.deterministic does it"),
    "misc.model_card_frequency": Key(int, 1, refused="its schema dropped it; a card is written when a run ends"),
    "misc.sweep_metadata": Key(Any, None, refused="its schema dropped it"),
}


def recipe_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Build the recipe for the file's settings; ``values`` as `read_settings` returns them."""
    mixture: dict[str, Any] = {"mode": values["dataset.interleave_mode"]}
    if mixture["mode"] == "weighted":
        given = values["dataset.dataset_weights"] or {}
        mixture |= {
            "weights": {_name(name): given.get(name, 1.0) for name in values["dataset.names"]},
            "when_exhausted": "stop",
        }
    if values["dataset.task_weights"]:
        mixture["task_weights"] = values["dataset.task_weights"]
    if values["dataset.shuffle_seed"] is not None:
        mixture["shuffle"] = "full"
    data: dict[str, Any] = {
        "sources": [_source(name, values["dataset.use_cache"]) for name in values["dataset.names"]],
        "filters": _filters(values),
        "mixture": mixture,
        "chat": {"truncate": "right"},
    }
    if values["dataset.cache_dir"] is not None:
        data["cache"] = values["dataset.cache_dir"]
    backend = values["train.log_backend"]
    return {
        "name": PurePath(values["misc.output_dir"]).name,
        "seed": values["misc.seed"],
        "report_to": [] if backend == "none" else [backend],
        "model": {
            "base": values["model_name"],
            "dtype": "bfloat16" if values["train.bf16"] else "float32",
            "quantization": {
                "kind": values["bnb_4bit.quant_type"],
                "double_quant": values["bnb_4bit.use_double_quant"],
                "compute_dtype": values["bnb_4bit.compute_dtype"],
            },
        },
        "data": data,
        "stages": [_stage(values)],
    }


def _stage(values: Mapping[str, Any]) -> dict[str, Any]:
    schedule, steps = values["train.lr_scheduler_type"], values["train.num_steps"]
    warmup = 0 if schedule == "constant" else values["train.warmup_steps"]
    start = values["misc.load_from"]
    # A start with a slash is a folder, one without is a stage.
    begin = {} if not start else {"start_from": start if "/" in start else f"./{start}"}
    return begin | {
        "kind": "sft",
        "name": "sft",
        "adapter": {
            "kind": "lora",
            "r": values["lora.r"],
            "alpha": values["lora.alpha"],
            "dropout": values["lora.dropout"],
            "target_modules": _modules(values["lora.target_modules"]),
        },
        "max_length": values["max_seq_len"],
        "packing": values["pack"],
        "learning_rate": values["train.lr"],
        "weight_decay": values["train.weight_decay"],
        "schedule": "constant" if schedule == "constant_with_warmup" else schedule,
        "warmup_share": warmup / steps,
        "max_grad_norm": values["train.max_grad_norm"],
        "micro_batch": values["train.micro_batch_size"],
        "effective_batch": values["train.micro_batch_size"] * values["train.gradient_accumulation"],
        "max_steps": steps,
        "log_every": values["train.logging_steps"],
        "save_every": values["train.save_every"],
        "kernels": {"gradient_checkpointing": values["train.grad_checkpointing"]},
    }


def _source(name: str, cached: bool) -> dict[str, Any]:
    """Convert a source: ``local:`` is JSONL, ``parquet:`` is Parquet, others are on the hub."""
    prefix, _, path = name.partition(":")
    if prefix in ("local", "parquet") and path:
        return {"kind": "jsonl" if prefix == "local" else "parquet", "path": path}
    return {"kind": "hub", "dataset": name, "streaming": not cached}


def _name(name: str) -> str:
    prefix, _, path = name.partition(":")
    return path if prefix in ("local", "parquet") and path else name


def _filters(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the filters in that system's order, so that recorded reasons agree."""
    filters: list[dict[str, Any]] = [{"kind": "vendor_path"}]
    for key, kind in (("tests", "test_file"), ("examples", "example_file"), ("benches", "bench_file")):
        if values[f"dataset.exclude_{key}"]:
            filters.append({"kind": kind})
    filters.append({"kind": "too_short", "characters": values["dataset.min_length"]})
    filters.append({"kind": "too_long", "characters": values["dataset.max_length"]})
    if values["dataset.prefer_idiomatic"]:
        filters.append({"kind": "not_idiomatic", "ratio": values["dataset.idiomatic_quality_ratio"]})
    if values["dataset.prefer_documented"]:
        filters.append({"kind": "no_documentation"})
    return filters


def _modules(given: list[str] | str) -> list[str]:
    """Split names, also from ``a;b`` and from lists with such items."""
    items = [given] if isinstance(given, str) else given
    return [name.strip() for item in items for name in item.split(";") if name.strip()]
