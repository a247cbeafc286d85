"""Predict a run's time and memory from finished runs of the same work in a ledger.

Two runs do the same work when their resolved recipes differ only in settings that do not change the amount of work.
Left out on purpose: scaling from other sizes, other machines (a ledger is taken to be this machine's).
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.config.stages.recipe import Recipe
from burnish.fsio import digest_json
from burnish.ledger.store import Ledger
from burnish.records.layout import LEDGER, RESOLVED
from burnish.workflows.experiments.programs import Measured, measured

SAME_WORK = frozenset(
    {
        "name", "runs_dir", "report_to", "cache", "seed", "learning_rate", "matrix_learning_rate", "weight_decay",
        "warmup_share", "schedule", "max_grad_norm", "r", "alpha", "dropout", "d_initial",
    }
)  # fmt: skip
"""Last parts of keys whose values do not change a run's time. A rank changes it by a few per cent."""


@dataclass(frozen=True)
class Prediction(Measured):
    """The predicted time and memory of a run: the median and the largest of finished ones."""

    runs: int
    """Number of finished runs it is based on."""


class Predictor:
    """Predict from the finished runs of some ledgers."""

    def __init__(self, runs_dirs: Iterable[Path]) -> None:
        self._known: defaultdict[str, list[Measured]] = defaultdict(list)
        for runs_dir in {path.resolve() for path in runs_dirs}:
            for path, recipe in _finished(runs_dir):
                self._known[_work(recipe)].append(measured(path))

    def predict(self, recipe: Recipe) -> Prediction | None:
        """Predict from runs of the same work; None when there are none."""
        known = self._known.get(_work(recipe.model_dump(mode="json")), [])
        if not known:
            return None
        return Prediction(
            statistics.median(run.seconds for run in known),
            max((run.peak_bytes for run in known if run.peak_bytes is not None), default=None),
            max((run.device_peak_bytes for run in known if run.device_peak_bytes is not None), default=None),
            len(known),
        )


def same_work(keys: Iterable[str]) -> bool:
    """Return whether runs that differ in these keys take equally long."""
    return all(key.rpartition(".")[2] in SAME_WORK for key in keys)


def _finished(runs_dir: Path) -> Iterable[tuple[Path, dict[str, Any]]]:
    if not (runs_dir / LEDGER).is_file():  # opening it would create a ledger
        return
    with Ledger(runs_dir / LEDGER) as ledger:
        rows = [row for row in ledger.runs() if row.state == "done"]
    for row in rows:
        try:
            resolved = json.loads((row.path / RESOLVED).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # removed in the meantime
        if resolved.get("run_id") == row.run_id and "stages" in resolved.get("recipe", {}):
            yield row.path, resolved["recipe"]


def _work(recipe: dict[str, Any]) -> str:
    return digest_json(_stripped(recipe))


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stripped(item) for key, item in value.items() if key not in SAME_WORK}
    return [_stripped(item) for item in value] if isinstance(value, list) else value
