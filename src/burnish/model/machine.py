"""Check what this machine and the installed packages cannot do for a model, before torch is loaded.

Each check is repeated at its use, with torch's further knowledge: memory, the GPU's generation, a kernel that fails its
probe. Not covered: whether an installed package works.
"""

from __future__ import annotations

import importlib.util

from burnish.config.kernels import Attention, KernelsConfig
from burnish.config.model import ModelConfig
from burnish.config.quantization import QuantizationConfig
from burnish.errors import ConfigError, MissingToolError
from burnish.ledger.accelerators import cuda_missing

FLASH = "flash_attention_2"
HUB_FLASH = "kernels-community/flash-attn2"
FLEX = "flex_attention"
INSTALL = {FLASH: "pip install flash-attn --no-build-isolation", HUB_FLASH: "pip install 'kernels>=0.16,<0.17'"}
PACKAGE = {FLASH: "flash_attn", HUB_FLASH: "kernels"}

QUANTIZERS = {
    "nf4": "bitsandbytes",
    "fp4": "bitsandbytes",
    "int8": "bitsandbytes",
    "hqq": "hqq",
    "gptq": "compressed_tensors",
    "awq": "compressed_tensors",
}
"""The package of the ``quant`` extra that each kind needs."""


def check_machine(config: ModelConfig) -> None:
    """Raise an error if ``config`` needs what this machine lacks.

    Raises:
        ConfigError: a missing CUDA device, or an attention that needs one or another precision.
        MissingToolError: the package of a quantisation or an attention is not installed.
    """
    if config.device == "cuda":
        require_cuda("model.device is 'cuda'", "Set model.device to auto or cpu.")
    if config.quantization is not None:
        require_quantizer(config.quantization)
    on_cpu = config.device == "cpu" or cuda_missing() is not None
    if on_cpu and config.attention in (FLASH, HUB_FLASH):
        raise wrong_attention(config.attention, "it needs a CUDA device")
    if on_cpu and config.attention == FLEX:
        raise wrong_attention(config.attention, "it cannot be trained with on a CPU")
    if config.attention in PACKAGE:
        if config.dtype == "float32":
            raise wrong_attention(config.attention, "it needs half precision, not float32")
        package = PACKAGE[config.attention]
        if importlib.util.find_spec(package) is None:
            raise MissingToolError(
                f"model.attention is {config.attention}, and the package {package} is not installed",
                INSTALL[config.attention],
            )


def check_kernels(kernels: KernelsConfig, device: str) -> None:
    """Raise an error if ``kernels`` needs Liger without its device (ConfigError) or package (MissingToolError)."""
    if not kernels.liger:
        return
    if device == "cpu":
        raise ConfigError("kernels.liger is on, and model.device is cpu.", "Set kernels.liger to false.")
    require_cuda("kernels.liger is on", "Set kernels.liger to false on this machine.")
    if importlib.util.find_spec("liger_kernel") is None:
        raise MissingToolError(
            "kernels.liger is on, and liger-kernel is not installed", "pip install 'burnish[kernels]'"
        )


def require_cuda(request: str, way_out: str) -> None:
    """Raise ConfigError, beginning with ``request``, if torch will find no CUDA device."""
    missing = cuda_missing()
    if missing is not None:
        raise ConfigError(f"{request}, and there is no CUDA device here: {missing}.", way_out)


def require_quantizer(config: QuantizationConfig) -> None:
    """Raise MissingToolError when the package that this quantisation needs is missing; imports nothing."""
    package = QUANTIZERS[config.kind]
    if importlib.util.find_spec(package) is None:
        raise MissingToolError(
            f"the package {package} is not installed, and model.quantization {config.kind} needs it",
            "pip install 'burnish[quant]'",
        )


def wrong_attention(name: Attention, problem: str) -> ConfigError:
    """Build the error of a named attention that is not possible."""
    return ConfigError(
        f"model.attention is {name}, and {problem}.",
        "Set model.attention to auto, which uses the best that works here.",
    )
