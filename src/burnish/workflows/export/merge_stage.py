"""Merge a trained adapter into its base model."""

from __future__ import annotations

from pathlib import Path

from burnish.config.stages.kinds.merge import MergeStage
from burnish.export.merge import merge_adapter
from burnish.records.layout import ADAPTER, MODEL
from burnish.workflows.run.context import Outcome, Run


def merge(run: Run, stage: MergeStage, folder: Path) -> Outcome:
    """Write the merged model to ``model``, its logits compared with base plus adapter."""
    base = run.adapter_base(run.adapter_stage(stage.adapter))
    adapter = run.stage_folder(stage.adapter) / ADAPTER
    result = merge_adapter(base, adapter, folder / MODEL, model=run.recipe.model, onto=stage.onto)
    return Outcome((MODEL,), result.differences())
