"""Merge an adapter into its base, as a stage or without a recipe; make a model folder of a GGUF file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from burnish.config.stages.kinds.merge import MergeStage
from burnish.config.verbs.standalone import MergeConfig
from burnish.errors import ConfigError
from burnish.export.dequantize import ORIGIN, Precision, dequantize_to
from burnish.fsio import RESTORE, read_object
from burnish.model.adapters import read_origin
from burnish.model.folders import check_stored_quantization, is_gguf
from burnish.model.machine import check_machine
from burnish.records.layout import ADAPTER, MODEL
from burnish.workflows.run.base_model import resolve_base
from burnish.workflows.run.context import Outcome, Run
from burnish.workflows.run.requirements import require

if TYPE_CHECKING:
    from burnish.export.merge import MergeResult


def merge(run: Run, stage: MergeStage, folder: Path) -> Outcome:
    """Write the merged model to ``model``, its logits compared with base plus adapter."""
    from burnish.export.merge import merge_adapter

    base = run.adapter_base(run.adapter_stage(stage.adapter))
    adapter = run.stage_folder(stage.adapter) / ADAPTER
    result = merge_adapter(base, adapter, folder / MODEL, model=run.recipe.model, onto=stage.onto)
    return Outcome((MODEL,), result.differences())


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


def export_dequantized(file: Path, out: Path, dtype: Precision | None) -> dict[str, Any]:
    """Write the model of ``file`` to ``out``; return what it was made of.

    Raises ConfigError when ``file`` is not a GGUF file that transformers can load, or ``out`` exists.
    """
    require("train")
    if not is_gguf(file):
        problem = "is not a GGUF file" if file.exists() else "does not exist"
        raise ConfigError(f"{file} {problem}.", "Give the GGUF file of a model.")
    dequantize_to(file, out, dtype=dtype)
    return read_object(out / ORIGIN, RESTORE)
