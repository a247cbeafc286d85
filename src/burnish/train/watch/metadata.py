"""Write ``training_metadata.json``: the model, data, settings and cost of a training, read off the model and the
trainer.

Fields as LLM-Training has them (model_info, training_parameters, peft_config, quantization_config, quantization,
training_stats, hardware_info), and beside them ``predicted_memory`` (`train.watch.memory_forecast`), ``digests`` of
base, data,
template and code, and ``versions``. Null entries are left out. ``*_gb`` are GiB. The file records facts, not plans:
the tag of the actual layers, the steps taken.

It is beside the model or adapter, not in it: its date must not change the digest of equal weights.
Not covered: the digest of the result (in ``done.json``), later changes to the model.
"""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from burnish import __version__
from burnish.fsio import without_nulls, write_json
from burnish.model.contents import adapter_in, count_parameters, quantization_in
from burnish.model.naming import ModelName, QuantizationTag, clean
from burnish.train.watch.memory_forecast import MemoryForecast
from burnish.train.watch.meter import StepMeter, peaks_of_all
from burnish.train.watch.training_log import MeterUser

GIB = 1 << 30
PACKAGES = (
    *("torch", "transformers", "trl", "peft", "accelerate", "tokenizers", "datasets", "safetensors", "numpy"),
    *("bitsandbytes", "hqq", "liger-kernel", "flash-attn"),
)


@dataclass(frozen=True)
class TrainingFacts:
    """Facts that the trainer cannot know."""

    base: str
    """Name of the model that training started from."""
    dataset: str
    """Name of the data."""
    method: str
    """``SFT``, ``DPO``, ``KTO``, ``GRPO`` or ``PT``."""
    settings: Mapping[str, Any]
    """All settings of the stage, resolved, as plain data."""
    digests: Mapping[str, str]
    """Digests of base, data, template and code, by name."""
    quantization_config: Mapping[str, Any] | None = None
    """Quantisation in the configuration."""
    base_on_disk: QuantizationTag | None = None
    """Quantisation of the base's files, if any."""
    merge_after_train: bool = False
    """Whether a later stage merges the adapter."""
    notes: tuple[str, ...] = field(default=())


class TrainingMetadata(MeterUser):
    """Write the file when a training ends or is stopped: ``total_steps`` says how far it came."""

    def __init__(
        self,
        path: Path,
        facts: TrainingFacts,
        now: Callable[[], float] = time.time,
        forecast: MemoryForecast | None = None,
    ) -> None:
        self.path = path
        self.facts = facts
        self.forecast = forecast
        self.now = now

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **kwargs: Any
    ) -> None:
        """Write the file."""
        peaks = peaks_of_all()  # a collective: every process must call it, although only the first writes
        if state.is_world_process_zero:
            write_json(self.path, without_nulls(self.collect(args, state, model, peaks)))

    def collect(
        self, args: TrainingArguments, state: TrainerState, model: Any, peaks: Mapping[str, int]
    ) -> dict[str, Any]:
        """Collect the content, including nulls; ``peaks`` are those of `meter.peaks_of_all`."""
        facts, counts, adapter = self.facts, count_parameters(model), adapter_in(model)
        tag = quantization_in(model)
        if tag.method == "NoQuant" and facts.base_on_disk is not None:
            tag = facts.base_on_disk  # dequantised while loading: full layers with quantised values
        weights = {
            "total_params": counts.total,
            "trainable_params": counts.trainable,
            "percentage_trainable": round(100 * counts.trainable / counts.total, 6),
        }
        weight = next(parameter for parameter in model.parameters() if parameter.is_floating_point())
        return {
            "model_info": {
                "model_name": str(trained_model_name(facts, adapter, tag)),
                "base_model": facts.base,
                "fine_tuning_date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now())),
                "model_type": "CausalLM",
                "quantization_tag": str(tag),
                "has_quantization": tag.method != "NoQuant",
                **weights,
                "notes": list(facts.notes) or None,
            },
            "training_parameters": {
                **facts.settings,
                "per_device_train_batch_size": args.per_device_train_batch_size,
                "gradient_accumulation_steps": args.gradient_accumulation_steps,
                "processes": args.world_size,
                "seed": args.seed,
                "bf16": args.bf16,
                "gradient_checkpointing": args.gradient_checkpointing,
                "quantization_method": tag.method,
                "merge_after_train": facts.merge_after_train,
            },
            "peft_config": adapter,
            "quantization_config": facts.quantization_config,
            "quantization": {key: value for key, value in asdict(tag).items() if key != "extras"},
            "training_stats": _stats(state, self.meter),
            "hardware_info": {
                "device": torch.cuda.get_device_name(weight.device) if weight.is_cuda else "cpu",
                "dtype": str(weight.dtype).removeprefix("torch."),
                **weights,
                "vram_peaks": _vram_peaks(peaks),
            },
            "predicted_memory": self.forecast.prediction if self.forecast is not None else None,
            "digests": dict(facts.digests),
            "versions": versions(),
        }


def trained_model_name(facts: TrainingFacts, adapter: Mapping[str, Any] | None, tag: QuantizationTag) -> ModelName:
    """Return the name of the trained model by `model.naming`'s grammar."""
    kind, rank = ("NoPeft", None) if adapter is None else _adapter_name(adapter)
    dataset = clean(facts.dataset, keep=".") or "data"
    return ModelName(
        clean(facts.base) or "model",
        dataset if dataset != "base" else "basedata",
        facts.method,
        kind,
        rank,
        tag,
    )


def versions() -> dict[str, str]:
    """Return the versions of Python, burnish, and the installed packages that affect training."""
    by_package = {"python": platform.python_version(), "burnish": __version__}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            by_package[package] = version(package)
    return by_package


def _adapter_name(adapter: Mapping[str, Any]) -> tuple[str, int | None]:
    rank = adapter.get("r")
    kind = str(adapter.get("peft_type", "")).rsplit(".", 1)[-1]
    if kind == "VERA":
        name = "VeRa"
    elif kind != "LORA":
        name = clean(kind.title(), keep="") or "Adapter"
    elif adapter.get("use_dora"):
        name = "DoRa"
    elif adapter.get("use_rslora"):
        name = "rsLoRa"
    else:
        name = "PiSSA" if str(adapter.get("init_lora_weights")).startswith("pissa") else "LoRa"
    return name, int(rank) if rank else None


def _stats(state: TrainerState, meter: StepMeter | None) -> dict[str, Any]:
    losses = [row["loss"] for row in state.log_history if "loss" in row]
    stats: dict[str, Any] = {
        "total_steps": state.global_step,
        "planned_steps": state.max_steps,
        "epochs_completed": round(state.epoch, 6) if state.epoch is not None else None,
        "best_step": state.best_global_step or None,
        "first_loss": losses[0] if losses else None,
        "last_loss": losses[-1] if losses else None,
    }
    if meter is not None:
        total, seconds = meter.total, max(meter.total.training_s, 1e-9)
        stats["last_attempt"] = {
            "tokens": total.tokens,
            "trained_tokens": total.trained_tokens,
            "tokens_per_s": round(total.tokens / seconds, 3),
            "trained_tokens_per_s": round(total.trained_tokens / seconds, 3),
            "model_flops": total.flops,
            "mfu": round(total.flops / seconds / meter.rate, 6) if meter.rate else None,
            "seconds_by_phase": {phase: round(spent, 3) for phase, spent in total.seconds.items()},
        }
    return stats


_ALLOCATED, _RESERVED = "peak_allocated_bytes_cuda", "peak_reserved_bytes_cuda"


def _vram_peaks(peaks: Mapping[str, int]) -> dict[str, Any] | None:
    """Return peaks of each CUDA device in GiB, over all processes; None without one."""
    devices = [name.removeprefix(_ALLOCATED) for name in peaks if name.startswith(_ALLOCATED)]
    if not devices:
        return None
    per_gpu = [
        {
            "gpu": int(index),
            "peak_allocated_gb": round(peaks[_ALLOCATED + index] / GIB, 3),
            "peak_reserved_gb": round(peaks[_RESERVED + index] / GIB, 3),
        }
        for index in devices
    ]
    return {
        "overall_max_reserved_gb": max(gpu["peak_reserved_gb"] for gpu in per_gpu),
        "overall_max_allocated_gb": max(gpu["peak_allocated_gb"] for gpu in per_gpu),
        "per_gpu": per_gpu,
    }
