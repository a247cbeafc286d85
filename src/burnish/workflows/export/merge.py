"""Merge an adapter into its base without a recipe."""

from __future__ import annotations

from burnish.config.verbs.standalone import MergeConfig
from burnish.errors import ConfigError
from burnish.export.merge import MergeResult, merge_adapter
from burnish.workflows.run.base_model import resolve_base


def export_merge(config: MergeConfig) -> MergeResult:
    """Write the merged model to ``config.out``; raises ConfigError when the parts do not belong together."""
    if not config.adapter.is_dir():
        raise ConfigError(f"adapter folder {config.adapter} does not exist", "Give the folder that training wrote.")
    if config.out.exists():
        raise ConfigError(f"{config.out} already exists", "Give a new folder with --set out=FOLDER.")
    return merge_adapter(
        resolve_base(config.model.base), config.adapter, config.out, model=config.model, onto=config.onto
    )
