"""Train and evaluate every combination of adapter, quantisation, data set and model.

Each cell is ``burnish run`` of a recipe and ``burnish evaluate`` of its result; all answers are in ``evaluations/``.
The same command keeps finished cells and retries failed ones. Left out on purpose: cells side by side.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from burnish.config.verbs.grid import GridConfig
from burnish.errors import BurnishError
from burnish.fsio import Needs, read_object, write_atomic, write_json
from burnish.ledger.stage import read_done
from burnish.records import Part, Record
from burnish.records.evaluation import EvaluatedRow
from burnish.records.layout import (
    ADAPTER,
    EVALUATED,
    GRID_SUMMARY,
    GRID_TABLE,
    MODEL,
    TRAINING_METADATA,
)
from burnish.records.summary import Estimate, Precision
from burnish.score.summaries.answer_summary import estimates, group_rows
from burnish.workflows.evaluate.rescore import read_evaluated
from burnish.workflows.evaluate.written_answers import precision_in
from burnish.workflows.experiments.grid_cells import Cell, base_name, evaluation_of, grid_cells
from burnish.workflows.experiments.predictions import Prediction, Predictor
from burnish.workflows.experiments.programs import (
    ENDED,
    FAILED,
    ExperimentState,
    Folder,
    State,
    failed_before,
    measured,
    opened,
    recipe_fingerprint,
    run_experiment,
)
from burnish.workflows.manage.supervise import program


class Answering(Part):
    """The results of a cell on tasks of one kind."""

    kind: str
    metric: str
    """The headline of the kind."""
    quality: Estimate
    metrics: dict[str, Estimate]
    """Every metric of the kind, the headline first."""
    unparsed: int
    """Unreadable answers, which count as wrong."""
    cut_off: int
    """Answers that reached ``sampling.max_new_tokens``."""
    seconds_p50: float | None
    """Latency; None when nothing was timed."""
    seconds_p95: float | None
    tokens_per_s: float | None
    """Tokens of answers over the sum of their latencies."""


class CellResult(Part):
    """One cell."""

    id: str
    index: int
    model: str = ""
    """Name of the variant, as for the other axes; empty where the grid has no such axis."""
    dataset: str = ""
    adapter: str = ""
    quantization: str = ""
    state: State
    reason: str = ""
    """Why it is not done; for an illegal cell the reason from the matrix."""
    model_name: str = ""
    """Name of the model by base, data, method, adapter, tag of the quantisation."""
    quantization_tag: str = ""
    dtype: str | None = None
    """Compute dtype of the measured model."""
    measured_quantization: str | None = None
    """Quantisation of its weights while it answered, ``none`` without."""
    answering: tuple[Answering, ...] = ()
    train_seconds: float | None = None
    train_peak_bytes: int | None = None
    train_device_peak_bytes: int | None = None
    evaluate_seconds: float | None = None
    evaluate_peak_bytes: int | None = None
    trained_bytes: int | None = None
    """Size on disk of the adapter, or of the model where every weight was trained."""


class GridSummary(Record):
    """The format of ``grid_summary.json``."""

    total_cells: int
    done_cells: int
    failed_cells: int
    illegal_cells: int
    base_config: str
    limit_train: int | None
    limit_eval: int | None
    cells: tuple[CellResult, ...]


def grid(
    config: GridConfig, base: Path, *, resume: bool = False, show: Callable[[GridSummary], None] = lambda _: None
) -> GridSummary:
    """Run the unfinished cells and return the content of ``grid_summary.json``.

    Args:
        config: the grid.
        base: file of its recipe.
        resume: continue although settings changed; unaffected cells are kept.
        show: called with the summary before the first cell and after each.
    """
    cells = grid_cells(config, base, Folder(config.out).runs)
    resolved = config.model_dump(mode="json") | {
        "cells": [{"name": cell.id, "recipe": cell.recipe and cell.recipe.model_dump(mode="json")} for cell in cells]
    }
    with opened(config.out, resolved, resume=resume) as folder:
        results: list[CellResult] = []
        show(_summary(config, base, cells, results))
        for cell in cells:
            results.append(_one_cell(config, folder, cell, resume=resume))
            summary = _summary(config, base, cells, results)
            write_json(config.out / GRID_SUMMARY, summary.model_dump(mode="json"))
            write_atomic(config.out / GRID_TABLE, _csv(results))
            show(summary)
    return _summary(config, base, cells, results)


def dry_run(config: GridConfig, base: Path) -> list[tuple[Cell, Prediction | None]]:
    """Plan the cells, with training costs from earlier runs; write nothing."""
    folder = Folder(config.out)
    predictor = Predictor([folder.runs])
    cells = grid_cells(config, base, folder.runs)
    return [(cell, predictor.predict(cell.recipe) if cell.recipe and cell.trains else None) for cell in cells]


def _one_cell(config: GridConfig, folder: Folder, cell: Cell, *, resume: bool) -> CellResult:
    planned = ExperimentState(id=cell.id, index=cell.index, state="running", fingerprint="", params=cell.names)
    if cell.recipe is None:
        state = planned.model_copy(update={"state": "illegal", "reason": cell.refusal})
        folder.write_state(state)
        return _result(folder, cell, state)
    try:
        cell.check()
        evaluation = evaluation_of(cell, config, folder.run(cell.id), _evaluation(folder, cell))
        measures = evaluation.model_dump(mode="json")
        planned = planned.model_copy(update={"fingerprint": recipe_fingerprint(cell.recipe, measures)})
    except BurnishError as error:
        return _result(folder, cell, failed_before(folder, planned, error))
    state_before = folder.read_state(cell.index)
    if state_before is not None and state_before.state in ENDED and state_before.fingerprint == planned.fingerprint:
        return _result(folder, cell, state_before)
    more = ["--resume"] if resume else []
    commands = []
    if cell.trains:
        recipe = folder.write_config(cell.id, cell.recipe.model_dump(mode="json", exclude_unset=True))
        commands.append(program("run", str(recipe), *more))
    commands.append(program("evaluate", "--config", str(folder.write_config(f"{cell.id}.evaluate", measures)), *more))
    state = run_experiment(folder, planned, commands, timeout_s=config.timeout_s, retries=config.retries)
    return _result(folder, cell, state)


def _evaluation(folder: Folder, cell: Cell) -> Path:
    return folder.path / "evaluations" / cell.id


def _result(folder: Folder, cell: Cell, state: ExperimentState) -> CellResult:
    names = {axis: cell.names.get(f"{axis}s", "") for axis in ("model", "dataset", "adapter", "quantization")}
    fields: dict[str, Any] = {"id": cell.id, "index": cell.index, "state": state.state, "reason": state.reason, **names}
    if state.state != "done":
        return CellResult(**fields)
    run, evaluated = folder.run(cell.id), _evaluation(folder, cell) / EVALUATED
    done = read_done(evaluated)
    loaded = precision_in(evaluated)
    fields |= _trained(cell, run) if cell.trains else _untrained(cell, loaded)
    fields |= {"dtype": loaded.dtype, "measured_quantization": loaded.quantization}
    return CellResult(
        **fields,
        answering=tuple(_answering(rows) for rows in group_rows(read_evaluated(evaluated)).values()),
        evaluate_seconds=None if done is None else done.seconds,
        evaluate_peak_bytes=None if done is None else done.peak_bytes,
    )


_MODEL_INFO: Needs = {"model_info.model_name": str, "model_info.quantization_tag": str}


def _trained(cell: Cell, run: Path) -> dict[str, Any]:
    took = measured(run)
    stage = run / cell.training_stage
    info = read_object(stage / TRAINING_METADATA, needs=_MODEL_INFO)["model_info"]
    outputs = [stage / name for name in (ADAPTER, MODEL) if (stage / name).is_dir()]
    size = sum(file.stat().st_size for output in outputs for file in output.rglob("*") if file.is_file())
    return {
        "model_name": info["model_name"],
        "quantization_tag": info["quantization_tag"],
        "train_seconds": took.seconds,
        "train_peak_bytes": took.peak_bytes,
        "train_device_peak_bytes": took.device_peak_bytes,
        "trained_bytes": size,
    }


def _untrained(cell: Cell, loaded: Precision) -> dict[str, Any]:
    assert cell.recipe is not None
    name = base_name(cell.recipe.model, loaded.dtype)
    return {"model_name": str(name), "quantization_tag": str(name.quantization)}


def _answering(rows: Sequence[EvaluatedRow]) -> Answering:
    metrics = estimates(rows)
    metric, quality = next(iter(metrics.items()))
    timed = [row for row in rows if row.seconds > 0]
    seconds = np.array([row.seconds for row in timed])
    p50, p95 = np.quantile(seconds, (0.5, 0.95)) if timed else (None, None)
    return Answering(
        kind=rows[0].kind,
        metric=metric,
        quality=quality,
        metrics=metrics,
        unparsed=sum(row.extracted is None for row in rows),
        cut_off=sum(row.finish_reason == "length" for row in rows),
        seconds_p50=None if p50 is None else round(float(p50), 6),
        seconds_p95=None if p95 is None else round(float(p95), 6),
        tokens_per_s=round(sum(row.completion_tokens for row in timed) / float(seconds.sum()), 3) if timed else None,
    )


def _summary(config: GridConfig, base: Path, cells: Sequence[Cell], results: Sequence[CellResult]) -> GridSummary:
    return GridSummary(
        total_cells=len(cells),
        done_cells=sum(result.state == "done" for result in results),
        failed_cells=sum(result.state in FAILED for result in results),
        illegal_cells=sum(result.state == "illegal" for result in results),
        base_config=str(base),
        limit_train=config.limit_train,
        limit_eval=config.limit_eval,
        cells=tuple(results),
    )


def _csv(results: Sequence[CellResult]) -> str:
    """Write a CSV line per cell and task kind, without further rounding.

    After the cell's own columns come the headline (``quality``) and every metric, each with its interval and n; a
    metric that a kind of task does not have is empty.
    """
    text = io.StringIO()
    plain = [name for name in CellResult.model_fields if name != "answering"]
    answering_fields = [name for name in Answering.model_fields if name not in ("quality", "metrics")]
    metrics = dict.fromkeys(name for result in results for answering in result.answering for name in answering.metrics)
    measured = [*_columns("quality", None, ""), *(key for name in metrics for key in _columns(name, None))]
    writer = csv.DictWriter(text, [*plain, *answering_fields, *measured], lineterminator="\n")
    writer.writeheader()
    for result in results:
        row = result.model_dump(mode="json", exclude={"answering"})
        if not result.answering:
            writer.writerow(row)
        for answering in result.answering:
            more = answering.model_dump(mode="json", exclude={"quality", "metrics"}) | _columns(
                "quality", answering.quality, ""
            )
            for name, estimate in answering.metrics.items():
                more |= _columns(name, estimate)
            writer.writerow(row | more)
    return text.getvalue()


def _columns(name: str, estimate: Estimate | None, prefix: str | None = None) -> dict[str, float | int | None]:
    """Return the columns of an estimate, by its name; those of the headline have no prefix."""
    before = f"{name} " if prefix is None else prefix
    low, high = (None, None) if estimate is None else estimate.ci95
    value, n = (None, None) if estimate is None else (estimate.value, estimate.n)
    return {name: value, f"{before}ci95_low": low, f"{before}ci95_high": high, f"{before}n": n}
