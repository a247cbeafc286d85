"""Check that needed optional packages are installed, before work starts."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from burnish.errors import MissingToolError

TRAIN_EXTRA = ("torch", "transformers", "tokenizers", "safetensors", "peft", "trl", "accelerate", "datasets")

REPORTERS = {"tensorboard": "'burnish[train]'", "comet_ml": "comet-ml"}
"""Package names of reporters, where they differ."""

SERVE_EXTRA = ("fastapi", "uvicorn")


def require_train_extra() -> None:
    """Raise MissingToolError when a package of the ``train`` extra is missing; imports none of them."""
    missing = missing_packages(TRAIN_EXTRA)
    if missing:
        raise MissingToolError(
            f"the package {missing[0]} is not installed, and models need it", "pip install 'burnish[train]'"
        )


def require_reporters(names: Sequence[str]) -> None:
    """Raise MissingToolError when the package of a reporter (a value of ``report_to``) is missing."""
    for name in missing_packages(tuple(names)):
        raise MissingToolError(
            f"report_to includes {name}, but its package is not installed",
            f"pip install {REPORTERS.get(name, name)}, or remove it from report_to.",
        )


def require_vllm() -> None:
    """Raise MissingToolError when vLLM is not installed; does not import it."""
    if missing_packages(("vllm",)):
        raise MissingToolError(
            "the package vllm is not installed, but needed for answers.engine vllm", "pip install 'burnish[vllm]'"
        )


def require_deepspeed() -> None:
    """Raise MissingToolError when DeepSpeed is not installed; does not import it."""
    if missing_packages(("deepspeed",)):
        raise MissingToolError(
            "the package deepspeed is not installed, and launch.strategy is deepspeed",
            "pip install 'burnish[deepspeed]', or use launch.strategy fsdp2.",
        )


def missing_packages(packages: tuple[str, ...]) -> list[str]:
    """Return the packages that are not installed."""
    return [name for name in packages if importlib.util.find_spec(name) is None]
