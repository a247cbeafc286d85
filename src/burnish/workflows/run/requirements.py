"""Check that needed optional packages are installed, before work starts."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Literal

from burnish.errors import MissingToolError

TRAIN_EXTRA = ("torch", "transformers", "tokenizers", "safetensors", "peft", "trl", "accelerate", "datasets")
REPORTERS = {"tensorboard": "'burnish[train]'", "comet_ml": "comet-ml"}
"""Package names of reporters, where they differ."""
Extra = Literal["train", "vllm", "deepspeed", "serve", "search"]
_EXTRAS: dict[Extra, tuple[tuple[str, ...], str, str]] = {
    "train": (TRAIN_EXTRA, "and models need it", ""),
    "vllm": (("vllm",), "but needed for answers.engine vllm", ""),
    "deepspeed": (("deepspeed",), "and launch.strategy is deepspeed", ", or use launch.strategy fsdp2."),
    "serve": (("fastapi", "uvicorn"), "and the service needs it", ""),
    "search": (("optuna",), "and this search needs it", ""),
}
"""Packages of an extra, why they are needed, and another way out."""


def require(extra: Extra) -> None:
    """Raise MissingToolError when a package of an extra is missing; imports none of them."""
    packages, why, otherwise = _EXTRAS[extra]
    missing = missing_packages(packages)
    if missing:
        raise MissingToolError(
            f"the package {missing[0]} is not installed, {why}", f"pip install 'burnish[{extra}]'{otherwise}"
        )


def require_reporters(names: Sequence[str]) -> None:
    """Raise MissingToolError when the package of a reporter (a value of ``report_to``) is missing."""
    for name in missing_packages(names):
        raise MissingToolError(
            f"report_to includes {name}, but its package is not installed",
            f"pip install {REPORTERS.get(name, name)}, or remove it from report_to.",
        )


def missing_packages(packages: Sequence[str]) -> list[str]:
    """Return the packages that are not installed."""
    return [name for name in packages if importlib.util.find_spec(name) is None]
