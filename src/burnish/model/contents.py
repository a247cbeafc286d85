"""Count the parameters, quantised layers and adapters of a loaded model.

Counts come from the layers, never from the requested configuration.

Not covered: experts of a mixture (all are counted, although a token meets few of them).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.fsio import read_object
from burnish.model.naming import QuantizationTag, four_bit_tag, quantization_tag

SCALES = (".weight_scale", ".weight_shape", ".weight_zero_point", ".weight_g_idx")
"""Tensors that compressed-tensors leaves next to expanded weights; they are not weights."""


@dataclass(frozen=True)
class ParameterCounts:
    """Numbers of weights; packed 4-bit weights count individually."""

    total: int
    trainable: int
    frozen_matmul: int
    """Frozen weights that each token is multiplied with: matrices, a tied embedding once, a lookup never."""
    trainable_matmul: int
    """The same of trainable weights."""


def count_parameters(model: Any) -> ParameterCounts:
    """Count the weights of a torch model, quantised and adapted ones too."""
    lookup = _lookup_only(model)
    total = trainable = frozen_matmul = trainable_matmul = 0
    packed = list(_packed_layers(model))
    inside = {id(parameter) for layer in packed for parameter in layer.parameters(recurse=False)}
    for name, parameter in model.named_parameters():
        if id(parameter) in inside or name.endswith(SCALES):
            continue
        number = _weights_in(parameter)
        total += number
        trainable += number * parameter.requires_grad
        if parameter.ndim >= 2 and id(parameter) not in lookup:
            trainable_matmul += number * parameter.requires_grad
            frozen_matmul += number * (not parameter.requires_grad)
    for layer in packed:
        total += layer.in_features * layer.out_features
        frozen_matmul += layer.in_features * layer.out_features
    return ParameterCounts(total, trainable, frozen_matmul, trainable_matmul)


def weight_bytes(model: Any) -> int:
    """Count the stored bytes of a model's weights, without quantisation constants; 0 for None."""
    return 0 if model is None else sum(weight.numel() * weight.element_size() for weight in model.parameters())


def quantization_in(model: Any) -> QuantizationTag:
    """Return the quantisation tag of the linear layers; ``NoQuant`` when none is quantised.

    bitsandbytes and HQQ layers are recognised by their class. GPTQ and AWQ bases are expanded while loading and leave
    no trace in the layers: `quantization_on_disk` knows them. The output head's dtype is that of its weight.
    """
    layers = {type(module).__name__: module for module in model.modules()}
    head = _head_dtype(model)
    if "Linear4bit" in layers:
        weight = layers["Linear4bit"].weight
        return four_bit_tag("QLORA", weight.quant_type, double=weight.compress_statistics, lm_head_dtype=head)
    if "Linear8bitLt" in layers:
        return quantization_tag("INT8", weights_bits=8, lm_head_dtype=head)
    if "HQQLinear" in layers:
        meta = layers["HQQLinear"].meta
        bits, group = int(meta["nbits"]), int(meta["group_size"])
        return quantization_tag("HQQ", weights_bits=bits, group_size=group, lm_head_dtype=head)
    return QuantizationTag("NoQuant")


def precision_of(model: Any) -> tuple[str, str]:
    """Return what a loaded model computes in: its dtype, and how its linear layers are quantised (``none``).

    The words are those of ``model.dtype`` and ``model.quantization.kind``, with what tells settings apart.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    layers = {type(module).__name__: module for module in inner.modules()}
    dtype = str(inner.dtype).removeprefix("torch.")
    if "Linear4bit" in layers:
        weight = layers["Linear4bit"].weight
        return dtype, f"{weight.quant_type}{', double quantised' if weight.compress_statistics else ''}"
    if "Linear8bitLt" in layers:
        return dtype, "int8"
    if "HQQLinear" in layers:
        return dtype, f"hqq, {int(layers['HQQLinear'].meta['nbits'])} bits"
    return dtype, "none"


def quantization_on_disk(folder: Path, made_by: str) -> QuantizationTag | None:
    """Return the quantisation tag of compressed-tensors files; None when not quantised.

    The format does not name its method: ``made_by`` does (``gptq`` or ``awq``).
    """
    settings = read_object(folder / "config.json").get("quantization_config") or {}
    for group in (settings.get("config_groups") or {}).values():
        weights = group.get("weights") or {}
        return quantization_tag(made_by, weights_bits=weights.get("num_bits"), group_size=weights.get("group_size"))
    return None


def adapter_in(model: Any) -> dict[str, Any] | None:
    """Return the active adapter's PEFT configuration without the base's path; None without one."""
    configs = getattr(model, "peft_config", None)
    if not configs:
        return None
    config = next(iter(configs.values())).to_dict()
    return {key: _plain(value) for key, value in sorted(config.items()) if key != "base_model_name_or_path"}


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(str(item) for item in value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or type(value) in (bool, int, float, str):
        return value
    return str(getattr(value, "value", value))


def _weights_in(parameter: Any) -> int:
    # bitsandbytes packs two 4-bit weights per byte; the quantisation state holds the original shape.
    if type(parameter).__name__ == "Params4bit" and parameter.element_size() == 1:
        state = parameter.quant_state
        return int(state.shape.numel()) if state is not None else 2 * int(parameter.numel())
    return int(parameter.numel())


def _packed_layers(model: Any) -> Iterator[Any]:
    """Find layers with several weights per number, whose tensor shapes do not give the count."""
    for module in model.modules():
        if type(module).__name__ == "HQQLinear" or (hasattr(module, "qweight") and hasattr(module, "in_features")):
            yield module


def _lookup_only(model: Any) -> set[int]:
    """Return ids of embedding matrices that are not also the output head."""
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    tied = id(getattr(head, "weight", None))
    return {
        id(parameter)
        for module in model.modules()
        if type(module).__name__.endswith("Embedding")
        for parameter in module.parameters(recurse=False)
        if id(parameter) != tied
    }


def _head_dtype(model: Any) -> str | None:
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    weight = getattr(head, "weight", None)
    if weight is None:
        return None
    return {"torch.float32": "fp32", "torch.float16": "fp16", "torch.bfloat16": "bf16"}.get(str(weight.dtype))
