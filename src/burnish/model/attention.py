"""Choose a model's attention: ``auto`` uses the best one that passes a probe here.

The choice is made once, when weights are loaded, and logged. A later failure, also of memory, is an error: switching
the attention during a run would change results. Not covered: attention of more than one device.

Tried in this order: FlashAttention 2 as a package, the same as a kernel of the hub that is already on disk, torch's
scaled dot product, plain matrix products. The first two need half precision and an Ampere or newer GPU.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from burnish.config.kernels import Attention
from burnish.errors import MissingToolError
from burnish.model.machine import FLASH, FLEX, HUB_FLASH, INSTALL, PACKAGE, wrong_attention
from burnish.wording import first_line

logger = logging.getLogger(__name__)

SDPA = "sdpa"
EAGER = "eager"

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
"""Largest difference from plain matrix products on the probe's values, which are around one."""


@dataclass(frozen=True)
class AttentionChoice:
    """An attention by its transformers name, and the reason for choosing it."""

    name: str
    why: str


def choose_attention(
    wanted: Attention, device: torch.device, dtype: torch.dtype, model_class: type[Any] | None = None
) -> AttentionChoice:
    """Choose the attention for a model of ``model_class`` on this device.

    With ``model_class`` None no limits of the model are checked.

    Raises:
        MissingToolError: one was named whose package is not installed.
        ConfigError: one was named that this device, precision or model cannot do, or that fails its probe.
    """
    if wanted != "auto":
        problem = _problem(wanted, device, dtype, model_class)
        if problem is not None:
            if problem.missing:
                raise MissingToolError(f"model.attention is {wanted}, and {problem.text}", INSTALL[wanted])
            raise wrong_attention(wanted, problem.text)
        return AttentionChoice(wanted, "asked for")
    passed: list[str] = []
    for name in (FLASH, HUB_FLASH, SDPA):
        problem = _problem(name, device, dtype, model_class)
        if problem is None:
            return _logged(AttentionChoice(name, "; ".join(passed) or "the best there is"))
        passed.append(f"not {name}: {problem.text}")
    return _logged(AttentionChoice(EAGER, "; ".join(passed)))


def attention_of(model: Any) -> str:
    """Return the attention of a loaded model."""
    return str(model.config._attn_implementation)


@dataclass(frozen=True)
class _Problem:
    text: str
    missing: bool = False


def _problem(name: str, device: torch.device, dtype: torch.dtype, model_class: type[Any] | None) -> _Problem | None:
    supports = {FLASH: "_supports_flash_attn", HUB_FLASH: "_supports_flash_attn", SDPA: "_supports_sdpa"}
    flag = supports.get(name, "_supports_flex_attn" if name == FLEX else None)
    if model_class is not None and flag is not None and not getattr(model_class, flag, False):
        return _Problem(f"{model_class.__name__} has none")
    if name in (FLASH, HUB_FLASH):
        problem = _flash_problem(name, device, dtype)
        if problem is not None:
            return problem
    if name == FLEX and device.type != "cuda":
        return _Problem("it cannot be trained with on a CPU")
    if name in (SDPA, EAGER) and device.type != "cuda":
        return None  # torch's own, on the device that its tests cover best
    failure = _probe(name, str(device), dtype)
    return None if failure is None else _Problem(failure)


def _flash_problem(name: str, device: torch.device, dtype: torch.dtype) -> _Problem | None:
    if device.type != "cuda":
        return _Problem("it needs a CUDA device")
    if dtype not in (torch.bfloat16, torch.float16):
        return _Problem(f"it needs half precision, not {str(dtype).removeprefix('torch.')}")
    if torch.cuda.get_device_capability(device)[0] < 8:
        return _Problem("it needs an Ampere or newer GPU")
    if importlib.util.find_spec(PACKAGE[name]) is None:
        return _Problem(f"the package {PACKAGE[name]} is not installed", missing=True)
    if name == HUB_FLASH and not _on_disk(name):
        return _Problem(f"{name} is not in the Hugging Face cache, and burnish does not download it")
    return None


def _on_disk(repository: str) -> bool:
    from huggingface_hub import constants

    ending = repository.replace("/", "--")
    return any(Path(constants.HF_HUB_CACHE).glob(f"*--{ending}/snapshots/*"))


@functools.lru_cache(maxsize=32)
def _probe(name: str, device: str, dtype: torch.dtype) -> str | None:
    """Return how ``name`` differs from plain matrix products; None when they agree.

    Compares outputs and gradients of a Llama layer with grouped heads of 64 on two packed rows.
    """
    try:
        reference = _probe_output(EAGER, device, dtype)
        results = _probe_output(name, device, dtype)
    except (RuntimeError, ImportError, ValueError, OSError, TypeError) as error:
        return f"it fails here ({first_line(error)})"
    for what, result, other in zip(("output", "gradient"), results, reference, strict=True):
        difference = float((result.float() - other.float()).abs().max())
        if not difference <= TOLERANCE[dtype]:
            return f"its {what} differs from plain products by {difference:.2g}"
    return None


def _probe_output(name: str, device: str, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    from transformers import LlamaConfig, LlamaModel

    configure: Any = LlamaConfig
    config = configure(
        vocab_size=8,
        num_hidden_layers=1,
        hidden_size=256,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=64,
        attn_implementation=name,
    )
    make: Any = LlamaModel
    with torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []):
        torch.manual_seed(0)
        model = make(config).to(device=device, dtype=dtype)
        inputs_BTD = torch.randn(1, 48, 256, device=device, dtype=dtype, requires_grad=True)
        direction_D = torch.randn(256, device=device)
    places_BT = torch.cat([torch.arange(32), torch.arange(16)])[None].to(device)
    output_BTD = model(inputs_embeds=inputs_BTD, position_ids=places_BT, use_cache=False).last_hidden_state
    (output_BTD.float() @ direction_D).sum().backward()
    assert inputs_BTD.grad is not None
    scale = inputs_BTD.grad.float().abs().max()
    return output_BTD.detach(), inputs_BTD.grad / scale


_LOGGED: set[AttentionChoice] = set()


def _logged(choice: AttentionChoice) -> AttentionChoice:
    if choice not in _LOGGED:
        _LOGGED.add(choice)
        logger.info("attention: %s (%s)", choice.name, choice.why)
    return choice
