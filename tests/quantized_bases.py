"""Writes tiny model folders that are quantised on disk, in the compressed-tensors format of GPTQ and AWQ exports.

The weights are rounded to the nearest level: the format is the real one, the care that GPTQ and AWQ take is not there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

GROUP = 32


def pack_to_4_bits(base: Path, folder: Path) -> Path:
    """Write the model in ``base`` with 4-bit linear layers to ``folder``, and return it."""
    import torch
    from compressed_tensors.compressors import ModelCompressor
    from compressed_tensors.quantization import (
        QuantizationConfig,
        QuantizationStatus,
        apply_quantization_config,
        preset_name_to_scheme,
    )
    from compressed_tensors.quantization.utils import calculate_qparams
    from transformers import AutoModelForCausalLM, AutoTokenizer

    auto: Any = AutoModelForCausalLM
    model = auto.from_pretrained(base, dtype=torch.float32)
    scheme = preset_name_to_scheme("W4A16", ["Linear"])
    weights: Any = scheme.weights
    weights.group_size = GROUP
    config = QuantizationConfig(config_groups={"linear": scheme}, ignore=["lm_head"])
    apply_quantization_config(model, config)
    for module in model.modules():
        if hasattr(module, "weight_scale"):
            groups = module.weight.view(module.weight.shape[0], -1, GROUP)
            scale, _ = calculate_qparams(groups.amin(-1), groups.amax(-1), weights)
            module.weight_scale.data.copy_(scale)
            module.quantization_status = QuantizationStatus.FROZEN
    scheme.format = config.format = "pack-quantized"
    compressor = ModelCompressor(quantization_config=config)
    compressor.compress_model(model)
    model.save_pretrained(folder)
    compressor.update_config(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder
