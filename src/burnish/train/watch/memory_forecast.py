"""Predict the memory of a training when it begins, from shapes of the loaded model by `model.memory`'s formula.

On an accelerator the prediction is the peak of tensor memory. On a CPU it is the process's resident memory when
training begins, plus the formula's growth. A training that the formula does not cover is not predicted, with the
reason.

Not covered: evaluation while training, other processes on the same device.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from burnish.ledger.memory import resident_bytes
from burnish.ledger.stage import PREDICTED_PEAK
from burnish.model.attention import attention_of
from burnish.model.contents import adapter_in, count_parameters
from burnish.model.memory import TrainingShape, predict_memory, quantised_weight_bytes
from burnish.scale.processes import process_count
from burnish.train.watch.training_log import MeterUser
from burnish.train.weights.sharded import is_sharded

SHARED_INPUTS = {
    **dict.fromkeys(("q_proj", "k_proj", "v_proj"), "attention"),
    **dict.fromkeys(("gate_proj", "up_proj"), "feed-forward"),
}
"""Groups of layers with the same input tensor."""
KEPT_ANYWAY = "o_proj"
"""Layer whose input is the output of attention."""
EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batches:
    """Size of a method's forward passes; everything else is read off model and trainer."""

    tokens: int
    """Tokens of the longest sequence."""
    tokens_from: str = "the longest row"
    """Source of that length."""
    answers: int = 1
    """Sequences per row of a micro batch: 2 for pairs."""
    muon: bool = False
    logit_tokens: int | None = None
    """Most tokens of a sequence that have logits, where only trained ones do; None for all."""
    tiled_logits: bool = False
    """Whether log-probabilities are computed tile by tile, as in TRL's methods."""
    decoded: int = 0
    """Completions that the trained model generates together."""
    unknown: str | None = None
    """Reason why the formula does not cover the method; empty when it does."""


class MemoryForecast(MeterUser):
    """Predict and log the memory when a training begins, and warn when an accelerator has less."""

    def __init__(self, stage: str, batches: Batches) -> None:
        self.stage = stage
        self.batches = batches
        self.prediction: dict[str, Any] | None = None
        """Prediction for ``training_metadata.json``; None before training begins."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **kwargs: Any
    ) -> None:
        """Predict for this micro batch."""
        unknown = self.batches.unknown or what_is_unknown(model, args)
        if unknown is not None:
            self.prediction = {"not_predicted": unknown}
            if state.is_world_process_zero:
                logger.info("%s: peak memory is not predicted: %s", self.stage, unknown)
            return
        reference = self.meter.reference_bytes if self.meter is not None else 0
        shape = shape_of(model, args, self.batches, reference)
        memory, device = predict_memory(shape), next(model.parameters()).device
        resident = 0 if device.type != "cpu" else resident_bytes() or 0
        peak = resident + memory.added if device.type == "cpu" else memory.total
        has = memory_of(device)
        self.prediction = {
            PREDICTED_PEAK: peak,
            "of": "the process" if device.type == "cpu" else "the accelerator",
            "moment": memory.moment,
            "resident_before_bytes": resident or None,
            "parts_bytes": dict(memory.parts),
            "device_bytes": has,
            "sequences": shape.sequences,
            "tokens": shape.tokens,
            "tokens_from": self.batches.tokens_from,
        }
        if not state.is_world_process_zero:
            return
        logger.info("%s: %s", self.stage, described(self.prediction))
        if device.type != "cpu" and (warning := too_much(peak, has)) is not None:
            logger.warning("%s: %s", self.stage, warning)


def described(prediction: Mapping[str, Any]) -> str:
    """Describe the prediction of the metadata in one line."""
    resident, parts = prediction["resident_before_bytes"], dict(prediction["parts_bytes"])
    if resident:
        parts = {"in use before": resident} | {part: number for part, number in parts.items() if part != "weights"}
    named = ", ".join(f"{part} {size(number)}" for part, number in parts.items())
    return (
        f"predicted peak memory {size(prediction[PREDICTED_PEAK])}: {named} (at the {prediction['moment']}, "
        f"{prediction['sequences']} x {prediction['tokens']} tokens by {prediction['tokens_from']}); "
        f"the {'machine' if resident else 'device'} has "
        f"{size(prediction['device_bytes'])}"
    )


def too_much(peak: int, has: int) -> str | None:
    """Return a warning about a device with less memory than predicted; None when it has enough."""
    if peak <= has:
        return None
    return (
        f"training is predicted to take {size(peak)}, but the accelerator has {size(has)}: it will probably run out of "
        "memory. Lower micro_batch (and keep effective_batch), shorten rows, or turn on kernels.gradient_checkpointing."
    )


def size(number: int) -> str:
    """Format bytes as ``412 MiB`` or ``3.2 GiB``."""
    return f"{number / 2**30:.1f} GiB" if number >= 2**30 else f"{number / 2**20:.0f} MiB"


def memory_of(device: torch.device) -> int:
    """Return the bytes of the device, on a CPU of the machine."""
    if device.type == "cpu":
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(torch.cuda.get_device_properties(device).total_memory)


def what_is_unknown(model: Any, args: TrainingArguments) -> str | None:
    """Return why the formula does not cover this training; None when it does."""
    config = model.config.get_text_config()
    adapter = adapter_in(model) or {}
    if is_sharded(model) or args.deepspeed:
        return "weights or optimiser states are shared out among processes"
    if any(getattr(config, name, None) for name in EXPERTS):
        return "the model is a mixture of experts"
    shapes = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
    if not all(isinstance(getattr(config, name, None), int) for name in shapes):
        return "the model is not a transformer of a known shape"
    if adapter.get("use_dora") or adapter.get("peft_type") not in (None, "LORA"):
        return "of adapters, those without DoRA and VeRA are known"
    return "kernels.liger keeps other tensors" if args.use_liger_kernel else None


def shape_of(model: Any, args: TrainingArguments, batches: Batches, reference_bytes: int = 0) -> TrainingShape:
    """Read the formula's inputs off a model on its device."""
    config, counts = model.config.get_text_config(), count_parameters(model)
    weights = [parameter for parameter in model.parameters() if parameter.is_floating_point()]
    free = [parameter for parameter in weights if parameter.requires_grad]
    trained_bytes = free[0].element_size()
    stream = int(model.get_input_embeddings().weight.element_size())  # of the hidden states, as embeddings output them
    compute = 2 if args.bf16 else stream
    heads = int(config.num_attention_heads)
    head_size = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    keys = int(getattr(config, "num_key_value_heads", None) or heads)
    layers = int(config.num_hidden_layers)
    quantised, quantised_bytes = _quantised(model)
    frozen = counts.total - counts.trainable - quantised
    norms = [parameter for parameter in free if parameter.ndim == 1]
    names = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    muon = sum(parameter.numel() for name, parameter in model.named_parameters() if _under_muon(name, parameter))
    return TrainingShape(
        frozen=frozen,
        trained=counts.trainable,
        layers=layers,
        hidden=int(config.hidden_size),
        attended=heads * head_size,
        heads=heads,
        feed_forward=int(config.intermediate_size),
        vocabulary=int(config.vocab_size),
        sequences=args.per_device_train_batch_size * batches.answers,
        tokens=batches.tokens,
        inputs=_kept_inputs(model, compute, autocast=args.bf16) / layers,
        trains_norms=len(norms) >= layers,
        trained_matrices=muon if batches.muon else 0,
        frozen_bytes=stream,
        trained_bytes=trained_bytes,
        quantised=quantised,
        quantised_bytes=quantised_bytes,
        reference_bytes=reference_bytes,
        compute_bytes=compute,
        residual_bytes=stream,
        gated=bool(names & {"gate_proj", "gate_up_proj", "w3"}),
        eager=attention_of(model) == "eager",
        checkpointing=args.gradient_checkpointing,
        accumulates=args.gradient_accumulation_steps > 1,
        averages=process_count() > 1,
        tiled_logits=batches.tiled_logits,
        logit_tokens=batches.logit_tokens,
        fused_step=free[0].device.type != "cpu",
        decoded=batches.decoded,
        cached=layers * 2 * keys * head_size,
    )


def _under_muon(name: str, parameter: Any) -> bool:
    return bool(parameter.ndim == 2 and parameter.requires_grad and "embed" not in name and "lm_head" not in name)


def _quantised(model: Any) -> tuple[int, float]:
    """Count quantised weights and their bytes."""
    number, stored = 0, 0.0
    for module in model.modules():
        kind = type(module).__name__
        if hasattr(module, "base_layer"):
            continue  # PEFT's wrapper around a layer has the layer's name
        if kind == "Linear4bit":
            state = module.weight.quant_state
            constants = 1 + 4 / 256 if state is not None and state.nested else 4
            bytes_per_weight = quantised_weight_bytes(4, state.blocksize if state is not None else 64, constants)
        elif kind == "Linear8bitLt":
            bytes_per_weight = quantised_weight_bytes(8, module.in_features)
        elif kind == "HQQLinear":
            scale = module.meta["scale"]
            bytes_per_weight = quantised_weight_bytes(
                module.meta["nbits"], module.meta["group_size"], 2 * scale.element_size()
            )
        else:
            continue
        weights = module.in_features * module.out_features
        number, stored = number + weights, stored + weights * bytes_per_weight
    return number, stored / number if number else 0.0


def _kept_inputs(model: Any, compute: int, *, autocast: bool) -> float:
    """Return the elements of ``compute`` bytes per token that trained matrices keep of their inputs, in all layers.

    Matrices with the same input keep it once, unless each makes its own copy: by dropout, which also keeps a mask
    (bytes on an accelerator, numbers on a CPU), or by a cast.
    """
    dropout = any(getattr(module, "p", 0) for name, module in model.named_modules() if "lora_dropout" in name)
    kept = 0.0
    seen: set[str] = set()
    for name, module in model.named_modules():
        if not isinstance(module, torch.nn.Linear) or not module.weight.requires_grad or name.endswith("lm_head"):
            continue
        bytes_each = compute if autocast else module.weight.element_size()
        before, _, role = name.partition(".lora_")[0].rpartition(".")  # parent and layer, as in ...self_attn, q_proj
        second = name.endswith(("lora_B.default", "lora_B"))
        if not (second or dropout or autocast or bytes_each != compute):
            shared = f"{before}.{SHARED_INPUTS.get(role, role)}"
            if role == KEPT_ANYWAY or shared in seen:
                continue
            seen.add(shared)
        mask = 0.0
        if dropout and not second:
            mask = 1.0 if module.weight.device.type == "cpu" else 1 / compute
        kept += module.in_features * (bytes_each / compute + mask)
    return kept
