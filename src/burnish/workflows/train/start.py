"""Find the start of a fine-tuning: a model, or an earlier adapter, continued or merged.

An adapter may be a stage's result or any checkpoint of a run. Left out on purpose: its optimiser and schedule, which
start afresh; `burnish runs fork` continues them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from burnish.config.stages.stage import ContinuingStage
from burnish.model.adapters import check_origin, copy_with_origin
from burnish.model.chat_template import template_digest
from burnish.model.folders import model_digest
from burnish.model.source import load_tokenizer
from burnish.records.layout import MODEL, START_ADAPTER
from burnish.scale.processes import is_first, wait_for_all
from burnish.workflows.run.context import Run

logger = logging.getLogger("burnish.tune")


@dataclass(frozen=True)
class StartingPoint:
    """Folders to train from."""

    base: Path
    """The model below the new adapter."""
    adapter: Path | None
    """Adapter whose training continues; None for a fresh one."""

    def with_trained(self, trained: Path) -> StartingPoint:
        """Return the start of a training that goes on from ``trained``: a whole model, or an adapter on this one."""
        return StartingPoint(trained, None) if trained.name == MODEL else StartingPoint(self.base, trained)


def starting_point(run: Run, stage: ContinuingStage, folder: Path) -> StartingPoint:
    """Find the start of a stage, merging its adapter first if the stage asks for it.

    Raises ConfigError when the adapter does not exist, or was trained on another base or chat template.
    """
    start = run.start_adapter(stage)
    if start is None:
        return StartingPoint(run.model_folder(stage.start_from), None)
    base, source = start
    if is_first():
        _prepare(run, stage, folder, base, source)
    wait_for_all()
    merged = stage.previous_adapter == "merge"
    logger.info(
        "%s: starts from %s, %s, with a fresh optimiser and schedule",
        *(stage.name, source, "merged under a new adapter" if merged else "continued"),
    )
    return StartingPoint(run.adapter_base(stage), None if merged else folder / START_ADAPTER)


def _prepare(run: Run, stage: ContinuingStage, folder: Path, base: Path, source: Path) -> None:
    from burnish.export.merge import merge_adapter

    adapter = copy_with_origin(source, folder / START_ADAPTER)
    check_origin(adapter, base_digest=model_digest(base), template_digest=template_digest(load_tokenizer(base)))
    target = run.adapter_base(stage)
    if stage.previous_adapter == "merge" and not target.exists():
        merge_adapter(base, adapter, target, model=run.recipe.model)
