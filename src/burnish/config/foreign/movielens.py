"""Import Qwen3 MovieLens LoRA (AgenticRecommender, ``finetune/``): its training YAML.

Keys from LLaMA-Factory that its script never read are refused. Its accuracy and F1 by teacher forcing are not imported:
the loss of held-out rows stops the training. Not covered: its inference section.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import Field

from burnish.config.foreign.keys import Key
from burnish.errors import ConfigError

NAME = "Qwen3 MovieLens LoRA"
SIGNS = frozenset({"model_name_or_path", "lora_rank", "cutoff_len", "lora_target"})
"""Keys that identify a file of this system: it has at least one, other systems have none."""

Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0)]
Attention = Literal["auto", "flash_attention_2", "sdpa", "eager", False]
Reporter = Literal["tensorboard", "wandb", "none"]

_UNREAD = "its script never read it"
_HELD_OUT = "rows for the loss are held out of the training rows, grouped by prompt (evaluation.rows)"
_ADAM = "AdamW's betas and epsilon are torch's"

KEYS: Mapping[str, Key] = {
    "model_name_or_path": Key(str, "Qwen/Qwen3-0.6B", ("model.base",), "download it, then name its folder"),
    "output_dir": Key(str, "output/qwen3-movielens-qlora", ("name",), "runs/NAME is the run's folder"),
    "dataset_dir": Key(str, "data", ("data.sources.*.path",)),
    "dataset": Key(str, "movielens_qwen3_train", ("data.sources.*.path",)),
    "train_file": Key(str | None, None, ("data.sources.*.path",)),
    "eval_file": Key(str | None, None, needless=_HELD_OUT),
    "eval_dataset": Key(str | None, None, needless=_HELD_OUT),
    "cutoff_len": Key(Count, 1024, ("stages.sft.max_length",), "a longer question loses its start, never its answer"),
    "max_eval_samples": Key(Count, 1000, ("stages.sft.evaluation.rows",), "chosen by digest, not the first"),
    "packing": Key(bool, False, ("stages.sft.packing",)),
    "preprocessing_cache_dir": Key(str, ".cache/preprocessed", ("data.cache",), "keyed by content, not by folder"),
    "num_proc": Key(int | None, None, needless="`burnish data prepare` takes a number of processes"),
    "per_device_train_batch_size": Key(Count, 2, ("stages.sft.micro_batch",)),
    "per_device_eval_batch_size": Key(Count, 16, needless="evaluation.sampling.batch_size decides"),
    "gradient_accumulation_steps": Key(
        Count, 8, ("stages.sft.effective_batch",), "over all processes; there it grew with the number of processes"
    ),
    "num_train_epochs": Key(Positive, 3.0, ("stages.sft.epochs",)),
    "learning_rate": Key(Positive, 1.5e-4, ("stages.sft.learning_rate",)),
    "lr_scheduler_type": Key(
        Literal["linear", "cosine", "constant", "constant_with_warmup"], "cosine", ("stages.sft.schedule",)
    ),
    "warmup_ratio": Key(Annotated[float, Field(ge=0, lt=1)], 0.03, ("stages.sft.warmup_share",)),
    "weight_decay": Key(Annotated[float, Field(ge=0)], 0.0, ("stages.sft.weight_decay",)),
    "adam_beta1": Key(float, 0.9, needless=_ADAM),
    "adam_beta2": Key(float, 0.999, needless=_ADAM),
    "adam_epsilon": Key(float, 1e-8, needless=_ADAM),
    "max_grad_norm": Key(Positive, 1.0, ("stages.sft.max_grad_norm",)),
    "logging_steps": Key(Count, 10, ("stages.sft.log_every",)),
    "save_steps": Key(Count | None, None, ("stages.sft.save_every",)),
    "eval_steps": Key(Count, 2000, ("stages.sft.evaluation.every",)),
    "eval_strategy": Key(Literal["steps", "no"], "steps", ("stages.sft.evaluation",)),
    "save_total_limit": Key(Count, 2, needless="the last complete checkpoints and the best one are kept"),
    "bf16": Key(bool | None, None, ("model.dtype",)),
    "fp16": Key(Literal[False], False, needless="half precision is bfloat16 here"),
    "gradient_checkpointing": Key(bool, False, ("stages.sft.kernels.gradient_checkpointing",)),
    "report_to": Key(list[Reporter] | Reporter, ["tensorboard"], ("report_to",)),
    "lora_rank": Key(Count, 16, ("stages.sft.adapter.r",)),
    "lora_alpha": Key(Count, 64, ("stages.sft.adapter.alpha",)),
    "lora_dropout": Key(Annotated[float, Field(ge=0, lt=1)], 0.05, ("stages.sft.adapter.dropout",)),
    "lora_target": Key(list[str] | str, "all", ("stages.sft.adapter.target_modules",)),
    "use_qlora": Key(bool | None, None, ("model.quantization",)),
    "flash_attn": Key(Attention, "auto", ("model.attention",)),
    "enable_special_tokenization": Key(bool, False, needless="rows always go through the chat template and its mask"),
    "multi_metric_patience": Key(Count, 5, ("stages.sft.evaluation.early_stopping.patience",), "of the loss only"),
    "multi_metric_min_delta_loss": Key(float, 0.001, ("stages.sft.evaluation.early_stopping.min_delta",)),
    "multi_metric_min_delta_metrics": Key(
        float, 0.001, needless="accuracy and F1 are never computed by teacher forcing; `burnish evaluate` measures them"
    ),
    "gen_eval_samples": Key(int, 0, needless="evaluation.prompts answers tasks while it trains"),
    "inference": Key(dict[str, Any] | None, None, needless="`burnish evaluate` answers with the trained model"),
    "early_stopping_patience": Key(Any, None, refused=f"{_UNREAD}; multi_metric_patience stopped the training"),
    "loss_plateau_patience": Key(Any, None, refused=_UNREAD),
    "loss_plateau_min_delta": Key(Any, None, refused=_UNREAD),
    "eval_accumulation_steps": Key(Any, None, refused=_UNREAD),
    "skip_memory_metrics": Key(Any, None, refused=_UNREAD),
    "max_samples": Key(Any, None, refused=f"{_UNREAD}; data.sources has a limit"),
    "use_rslora": Key(Any, None, refused=f"{_UNREAD}; stages.sft.adapter.kind rslora does it"),
    "ddp_timeout": Key(Any, None, refused=_UNREAD),
    "prediction_loss_only": Key(Any, None, refused=_UNREAD),
    "template": Key(Any, None, refused=f"{_UNREAD}; the chat template is the tokenizer's"),
    "stage": Key(Any, None, refused=f"{_UNREAD}; it always did SFT"),
    "finetuning_type": Key(Any, None, refused=f"{_UNREAD}; it always trained LoRA"),
    "do_train": Key(Any, None, refused=f"{_UNREAD}; it always trained"),
    "do_eval": Key(Any, None, refused=f"{_UNREAD}; eval_strategy decided"),
    "evaluation_strategy": Key(Any, None, refused=f"{_UNREAD}; eval_strategy decided"),
    "val_size": Key(Any, None, refused=f"{_UNREAD}; max_eval_samples decided"),
    "torch_dtype": Key(Any, None, refused=f"{_UNREAD}; bf16 decided"),
    "add_lora_modules": Key(Any, None, refused=f"{_UNREAD}; stages.sft.adapter.modules_to_save does it"),
    "quantization_bit": Key(Any, None, refused=f"{_UNREAD}; use_qlora decided"),
    "quantization_method": Key(Any, None, refused=f"{_UNREAD}; use_qlora decided"),
    "bnb_4bit_use_double_quant": Key(Any, None, refused=f"{_UNREAD}; it always was on"),
    "bnb_4bit_quant_type": Key(Any, None, refused=f"{_UNREAD}; it always was NF4"),
    "bnb_4bit_compute_dtype": Key(Any, None, refused=f"{_UNREAD}; it always was bfloat16"),
}  # fmt: skip


def recipe_of(values: Mapping[str, Any], registry: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Build the recipe for the file's settings.

    Args:
        values: as `read_settings` returns them.
        registry: contents of ``dataset_info.json`` in ``dataset_dir``; None without that file.

    Raises ConfigError for betas or an epsilon other than AdamW's usual ones, and a data set the registry lacks.
    """
    usual = {"adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-8}
    for key, value in usual.items():
        if values[key] != value:
            raise ConfigError(f"{key} is {values[key]}; burnish trains with {value}.", f"Set {key} to {value}.")
    model: dict[str, Any] = {
        "base": values["model_name_or_path"],
        "dtype": {None: "auto", True: "bfloat16", False: "float32"}[values["bf16"]],
        "attention": values["flash_attn"] or "sdpa",
    }
    if values["use_qlora"] is not False:
        model["quantization"] = {"kind": "nf4", "double_quant": True, "compute_dtype": "bfloat16"}
    reporters = [values["report_to"]] if isinstance(values["report_to"], str) else values["report_to"]
    return {
        "name": PurePath(values["output_dir"]).name,
        "seed": 42,
        "report_to": [name for name in reporters if name != "none"],
        "model": model,
        "data": {
            "sources": [{"path": _train_file(values, registry)}],
            "chat": {"truncate": "left"},
            "cache": values["preprocessing_cache_dir"],
        },
        "stages": [_stage(values)],
    }


def _stage(values: Mapping[str, Any]) -> dict[str, Any]:
    schedule = values["lr_scheduler_type"]
    stage: dict[str, Any] = {
        "kind": "sft",
        "name": "sft",
        "adapter": {
            "kind": "lora",
            "r": values["lora_rank"],
            "alpha": values["lora_alpha"],
            "dropout": values["lora_dropout"],
            "target_modules": _modules(values["lora_target"]),
        },
        "max_length": values["cutoff_len"],
        "packing": values["packing"],
        "learning_rate": values["learning_rate"],
        "weight_decay": values["weight_decay"],
        "schedule": "constant" if schedule == "constant_with_warmup" else schedule,
        "warmup_share": 0.0 if schedule == "constant" else values["warmup_ratio"],
        "max_grad_norm": values["max_grad_norm"],
        "micro_batch": values["per_device_train_batch_size"],
        "effective_batch": values["per_device_train_batch_size"] * values["gradient_accumulation_steps"],
        "epochs": values["num_train_epochs"],
        "log_every": values["logging_steps"],
        "save_every": values["save_steps"] or values["eval_steps"],
        "kernels": {"gradient_checkpointing": values["gradient_checkpointing"]},
    }
    if values["eval_strategy"] == "steps":
        stage["evaluation"] = {
            "every": values["eval_steps"],
            "rows": values["max_eval_samples"],
            "best": "loss",
            "early_stopping": {
                "metrics": ["loss"],
                "patience": values["multi_metric_patience"],
                "min_delta": values["multi_metric_min_delta_loss"],
            },
        }
    return stage


def _train_file(values: Mapping[str, Any], registry: Mapping[str, Any] | None) -> str:
    """Find the training file: as named, by the registry, or at the system's default path."""
    if values["train_file"] is not None:
        return str(values["train_file"])
    folder, name = PurePath(values["dataset_dir"]), values["dataset"]
    for ending in ("_train", "_eval", "_test"):
        name = name.removesuffix(ending)
    if registry is None:
        return str(folder / name / "train.jsonl")
    entry = registry.get(name)
    if not isinstance(entry, Mapping) or "file_name" not in entry:
        known = ", ".join(registry) or "none"
        raise ConfigError(
            f"{folder / 'dataset_info.json'} has no data set {name!r}; it has {known}.", "Set train_file."
        )
    return str(folder / entry["file_name"])


def _modules(given: list[str] | str) -> list[str] | str:
    if isinstance(given, list):
        return given
    if given in ("all", "qv", "fn"):
        return "all-linear" if given == "all" else given
    return [name.strip() for name in given.split(",") if name.strip()]
