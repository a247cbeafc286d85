"""What fine-tuning starts from: a model, or the adapter of an earlier training, continued or merged under a new one.

An adapter may be a stage's result or any checkpoint of a run. Left out on purpose: its optimiser and schedule, which
begin anew; `burnish runs fork` goes on with them.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from burnish.config.stages.recipe import ContinuingStage
from burnish.errors import ConfigError
from burnish.fsio import disk_errors
from burnish.model.adapters import AdapterOrigin, check_origin, write_origin
from burnish.model.base import load_tokenizer, model_digest
from burnish.model.chat_template import template_digest
from burnish.records.layout import ADAPTER_CONFIG, ADAPTER_WEIGHTS, MADE_WITH, ORIGIN, START_ADAPTER
from burnish.scale.processes import is_first, wait_for_all
from burnish.workflows.run.context import Run

FILES = (ADAPTER_CONFIG, ADAPTER_WEIGHTS)
logger = logging.getLogger("burnish.tune")


@dataclass(frozen=True)
class StartingPoint:
    """Folders to train from."""

    base: Path
    """The model that the new adapter goes on."""
    adapter: Path | None
    """Adapter whose weights are trained on; None for fresh ones."""


def starting_point(run: Run, stage: ContinuingStage, folder: Path) -> StartingPoint:
    """Find what the stage starts from; merges it first where the stage says so.

    Raises ConfigError when there is no such adapter, or it was trained on another base or chat template.
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

    adapter = with_origin(source, folder / START_ADAPTER)
    check_origin(adapter, base_digest=model_digest(base), template_digest=template_digest(load_tokenizer(base)))
    target = run.adapter_base(stage)
    if stage.previous_adapter == "merge" and not target.exists():
        merge_adapter(base, adapter, target, model=run.recipe.model)


def with_origin(source: Path, into: Path) -> Path:
    """A copy of the adapter, with the origin that a checkpoint's run has noted beside it."""
    missing = [name for name in FILES if not (source / name).is_file()]
    if missing:
        raise ConfigError(
            f"start_from names {source}, which is no adapter: {missing[0]} is missing.",
            "Name a stage, the adapter folder of a run (runs/NAME/STAGE/adapter), or one of its checkpoints.",
        )
    with disk_errors(into):
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        for name in FILES:
            shutil.copy(source / name, into)
    record = source.parent / MADE_WITH
    if (source / ORIGIN).is_file():
        shutil.copy(source / ORIGIN, into)
    elif record.is_file():
        made = json.loads(record.read_bytes())
        if made["adapter"]["kind"] == "pissa":
            raise ConfigError(
                f"{source} is a checkpoint of PiSSA, which says nothing without the weights it began with.",
                "Start from the adapter that the stage wrote at its end.",
            )
        quantization = made["quantization"]
        origin = AdapterOrigin(
            base_digest=made["base model"],
            template_digest=made["chat template"],
            dataset_digest=made["rows"],
            quantization=None if quantization is None else quantization["kind"],
        )
        write_origin(into, origin)
    else:
        raise ConfigError(
            f"{source} does not say which base model it was trained on.",
            f"It needs {ORIGIN} in it, or {MADE_WITH} beside it, as burnish writes them.",
        )
    return into
