"""Merge an adapter into its base without a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from burnish.config.verbs.standalone import MergeConfig
from burnish.errors import ConfigError
from burnish.model.adapters import read_origin
from burnish.model.folders import check_stored_quantization
from burnish.model.machine import check_machine
from burnish.workflows.run.base_model import resolve_base
from burnish.workflows.run.requirements import require

if TYPE_CHECKING:
    from burnish.export.merge import MergeResult


def export_merge(config: MergeConfig) -> MergeResult:
    """Write the merged model to ``config.out``; raise ConfigError when the parts do not belong together."""
    if not config.adapter.is_dir():
        raise ConfigError(f"adapter folder {config.adapter} does not exist", "Give the folder that training wrote.")
    read_origin(config.adapter)
    base = resolve_base(config.model.base)
    if config.out.exists():
        raise ConfigError(f"{config.out} already exists", "Give a new folder with --set out=FOLDER.")
    require("train")
    check_machine(config.model)
    check_stored_quantization(base, config.model.quantization)
    from burnish.export.merge import merge_adapter

    return merge_adapter(base, config.adapter, config.out, model=config.model, onto=config.onto)
