"""Whether the optional packages that a piece of work needs are installed, before the work begins."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from burnish.errors import MissingToolError

TRAIN_EXTRA = ("torch", "transformers", "tokenizers", "safetensors", "peft", "trl", "accelerate", "datasets")

REPORTERS = {"tensorboard": "'burnish[train]'", "comet_ml": "comet-ml"}
"""What to install for a reporter, where that is not its own name."""

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
            f"report_to names {name}, and its package is not installed",
            f"pip install {REPORTERS.get(name, name)}, or leave it out of report_to.",
        )


def require_vllm() -> None:
    """Raise MissingToolError when vLLM is not installed; does not import it."""
    if missing_packages(("vllm",)):
        raise MissingToolError(
            "the package vllm is not installed, and vLLM is asked for", "pip install 'burnish[vllm]'"
        )


def require_deepspeed() -> None:
    """Raise MissingToolError when DeepSpeed is not installed; does not import it."""
    if missing_packages(("deepspeed",)):
        raise MissingToolError(
            "the package deepspeed is not installed, and launch.strategy is deepspeed",
            "pip install 'burnish[deepspeed]', or take launch.strategy fsdp2.",
        )


def missing_packages(packages: tuple[str, ...]) -> list[str]:
    """Which of the packages are not installed."""
    return [name for name in packages if importlib.util.find_spec(name) is None]
