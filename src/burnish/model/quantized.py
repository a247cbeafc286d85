"""Load bases with linear layers below 16 bits: bitsandbytes, HQQ, GPTQ and AWQ.

NF4 and FP4 on a CPU stay in one layout. bitsandbytes would repack them for bfloat16 products as soon as the first
input needs no gradient: the same model would then answer differently in evaluation than in training (by up to 0.1
in a tiny model's logits), and later readers of the weights, such as DoRA's norms, would read nonsense (3.6).

GPTQ and AWQ bases have to be in the compressed-tensors format, and are expanded while loading, because PEFT trains
beside plain weights only: memory is that of the full model. Their own formats need gptqmodel, which wants torch 2.14.

Not covered: writing quantised files, models spread over several devices.
"""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import nn

from burnish.config.quantization import FourBit, HqqConfig, Int8Config, QuantizationConfig
from burnish.errors import ConfigError
from burnish.model.machine import require_quantizer

logger = logging.getLogger(__name__)


def loading_options(config: QuantizationConfig, dtype: torch.dtype, device: torch.device) -> dict[str, Any]:
    """Return keyword arguments of transformers' ``from_pretrained`` that quantise or dequantise while loading."""
    from transformers import BitsAndBytesConfig, CompressedTensorsConfig

    require_quantizer(config)
    bitsandbytes: Any = BitsAndBytesConfig
    match config:
        case FourBit():
            compute = dtype if config.compute_dtype == "auto" else getattr(torch, config.compute_dtype)
            four_bit = bitsandbytes(
                load_in_4bit=True,
                bnb_4bit_quant_type=config.kind,
                bnb_4bit_use_double_quant=config.double_quant,
                bnb_4bit_compute_dtype=compute,
            )
            return {"quantization_config": four_bit, "device_map": {"": device}}
        case Int8Config():
            # Its kernel warns on every product that inputs are cast to float16, although LLM.int8 works that way.
            logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
            return {"quantization_config": bitsandbytes(load_in_8bit=True), "device_map": {"": device}}
        case HqqConfig():
            return {}
        case _:
            logger.info("%s weights are expanded while loading: memory is that of full precision", config.kind.upper())
            return {"quantization_config": CompressedTensorsConfig(dequantize=True)}


def finish_loading(model: Any, config: QuantizationConfig, dtype: torch.dtype, device: torch.device) -> Any:
    """Finish a model loaded with `loading_options` and move it to ``device``.

    Raises ConfigError when HQQ's groups do not divide a layer.
    """
    match config:
        case FourBit():
            for module in model.modules():
                if hasattr(module, "support_avx512bf16_for_cpu"):
                    module.support_avx512bf16_for_cpu = False
            return model
        case Int8Config():
            return model
        case HqqConfig():
            _quantize_hqq(model, config, dtype, device)
            return model.to(device)
        case _:
            return model.to(device)


def _quantize_hqq(model: Any, config: HqqConfig, dtype: torch.dtype, device: torch.device) -> None:
    from hqq.core.quantize import BaseQuantizeConfig, HQQLinear

    head = model.get_output_embeddings()
    layers = {
        name: module for name, module in model.named_modules() if isinstance(module, nn.Linear) and module is not head
    }
    for name, layer in layers.items():
        if layer.in_features % config.group_size:
            raise ConfigError(
                f"model.quantization.group_size {config.group_size} does not divide the {layer.in_features} inputs "
                f"of {name}.",
                "Choose a divisor of every layer's inputs, such as 32 or 64.",
            )
    settings = BaseQuantizeConfig(nbits=config.bits, group_size=config.group_size)
    for name, layer in layers.items():
        quantized = HQQLinear(layer, settings, compute_dtype=dtype, device=str(device))
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, quantized)


def is_quantized_linear(module: nn.Module) -> bool:
    """Return whether a module is a linear layer stored below 16 bits."""
    return type(module).__name__ in ("Linear4bit", "Linear8bitLt", "HQQLinear")


def dequantize(model: Any) -> Any:
    """Expand the model's 4-bit layers to plain weights with the same values."""
    return model.dequantize()
