"""Whether the optional packages that a piece of work needs are installed, before the work begins."""

from __future__ import annotations

import importlib.util

from burnish.errors import MissingToolError

TRAIN_EXTRA = ("torch", "transformers", "tokenizers", "safetensors", "peft", "trl", "accelerate", "datasets")

SERVE_EXTRA = ("fastapi", "uvicorn")


def require_train_extra() -> None:
    """Raise MissingToolError when a package of the ``train`` extra is missing; imports none of them."""
    missing = missing_packages(TRAIN_EXTRA)
    if missing:
        raise MissingToolError(
            f"the package {missing[0]} is not installed, and models need it", "pip install 'burnish[train]'"
        )


def missing_packages(packages: tuple[str, ...]) -> list[str]:
    """Which of the packages are not installed."""
    return [name for name in packages if importlib.util.find_spec(name) is None]
