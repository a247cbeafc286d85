"""What a loaded model really holds: parameters, quantised layers, adapters; counted in the layers, never taken from a
configuration.

Not covered: experts of a mixture (all are counted, although a token meets few of them).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from burnish.model.naming import QuantizationTag


@dataclass(frozen=True)
class ParameterCounts:
    """Numbers of weights; a packed 4-bit weight counts as what it stands for."""

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
    for parameter in model.parameters():
        number = _weights_in(parameter)
        total += number
        trainable += number * parameter.requires_grad
        if parameter.ndim >= 2 and id(parameter) not in lookup:
            trainable_matmul += number * parameter.requires_grad
            frozen_matmul += number * (not parameter.requires_grad)
    for layer in _packed_layers(model):  # GPTQ and AWQ keep their weights in buffers
        total += layer.in_features * layer.out_features
        frozen_matmul += layer.in_features * layer.out_features
    return ParameterCounts(total, trainable, frozen_matmul, trainable_matmul)


def quantization_in(model: Any) -> QuantizationTag:
    """What the model's linear layers are stored in; ``NoQuant`` when none of them is quantised.

    bitsandbytes layers are recognised by their class; GPTQ, AWQ and HQQ by the configuration that their loader leaves
    on the model, and only when packed layers are there too. The output head's dtype is that of its weight.
    """
    classes = {type(module).__name__: module for module in model.modules()}
    head = _head_dtype(model)
    if "Linear4bit" in classes:
        return QuantizationTag("QLORA", weights_bits=4, lm_head_dtype=head)
    if "Linear8bitLt" in classes:
        return QuantizationTag("INT8", weights_bits=8, lm_head_dtype=head)
    if next(_packed_layers(model), None) is not None or "HQQLinear" in classes:
        config = getattr(model.config, "quantization_config", None)
        said = config if isinstance(config, dict) else config.to_dict() if config is not None else {}
        methods = {"gptq": "GPTQ", "awq": "AWQ", "hqq": "HQQ"}
        method = "HQQ" if "HQQLinear" in classes else methods.get(str(said.get("quant_method")).rsplit(".", 1)[-1])
        if method is not None:
            bits, group = said.get("bits", said.get("nbits")), said.get("group_size")
            return QuantizationTag(
                method,
                weights_bits=int(bits) if bits else None,
                group_size=int(group) if group and int(group) > 0 else None,
                lm_head_dtype=head,
            )
    return QuantizationTag("NoQuant")


def adapter_in(model: Any) -> dict[str, Any] | None:
    """The PEFT configuration of the active adapter as plain data; None for a model without one."""
    configs = getattr(model, "peft_config", None)
    if not configs:
        return None
    config = next(iter(configs.values())).to_dict()
    return {key: _plain(value) for key, value in sorted(config.items())}


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
    # bitsandbytes keeps two 4-bit weights in a byte; the shape before packing stands in the quantisation state.
    if type(parameter).__name__ == "Params4bit" and parameter.element_size() == 1:
        state = parameter.quant_state
        return int(state.shape.numel()) if state is not None else 2 * int(parameter.numel())
    return int(parameter.numel())


def _packed_layers(model: Any) -> Iterator[Any]:
    for module in model.modules():
        if hasattr(module, "qweight") and hasattr(module, "in_features") and hasattr(module, "out_features"):
            yield module


def _lookup_only(model: Any) -> set[int]:
    """Identities of embedding matrices that are not the output head too."""
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
