"""Check training rows before the first evaluation, so that gates refuse early.

Checked are rows that cost little: no filters, no streams, and an existing tokenizer. Left out on purpose: all other
rows, whose gates run in their training (`sft`, `preference`).
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

from burnish.config.stages.kinds.preference import PreferenceStage
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.stage import AdapterStage, Stage
from burnish.ledger.stage import read_done
from burnish.workflows.run.context import Run, model_beneath, tasks_stage_before

logger = logging.getLogger("burnish.run")


def check_gates_early(run: Run, measured: Stage, later: Sequence[Stage]) -> None:
    """Pass the rows of later stages through their gates, unless ``measured`` is done. Raises GateError, DataError."""
    if read_done(run.stage_folder(measured.name)) is not None:
        return
    for stage in later:
        if not isinstance(stage, AdapterStage) or read_done(run.stage_folder(stage.name)) is not None:
            continue
        beneath = model_beneath(run.recipe, stage)
        waits = not run.is_base(beneath) and beneath not in run.done
        tasks = tasks_stage_before(run.recipe, stage.name)
        if waits or (tasks is not None and tasks not in run.done):
            continue
        with tempfile.TemporaryDirectory(prefix="burnish-") as folder:
            _look_at(run, stage, beneath, Path(folder))


def _look_at(run: Run, stage: AdapterStage, beneath: str, folder: Path) -> None:
    from burnish.model.source import load_tokenizer
    from burnish.workflows.train.preference import judged_rows
    from burnish.workflows.train.sft import gated_rows

    if isinstance(stage, PreferenceStage) and stage.rows is not None and stage.rows.exists():
        judged_rows(run, stage, folder, load_tokenizer(run.model_folder(beneath)))
    elif isinstance(stage, SftStage) and not stage.streaming and not run.recipe.data.filters:
        gated_rows(run, stage, folder, load_tokenizer(run.model_folder(beneath)))
    else:
        return
    logger.info("%s: its rows pass the gates", stage.name)
