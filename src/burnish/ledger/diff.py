"""Compare two runs: recipes, inputs, versions, outputs and results.

Reads the run folders that still exist, and the ledger. Not covered: whether a difference of results is significant
(`burnish compare` pairs the rows).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.fsio import RESTORE, read_object
from burnish.ledger.lookup import folder_of
from burnish.ledger.machine import read_machine
from burnish.ledger.run_folder import flat
from burnish.ledger.store import Ledger, RunRow, StageRow
from burnish.records.layout import RESOLVED


@dataclass(frozen=True)
class Difference:
    """One difference; None for the side that lacks the value."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True)
class RunDiff:
    """The differences of run ``b`` from run ``a``."""

    a: str
    b: str
    recipe: list[Difference]
    digests: list[Difference]
    versions: list[Difference]
    """Versions of burnish and packages, and the machine."""
    results: list[Difference]
    """Results as ``stage: measure`` of stages in both runs, equal or not."""
    stages: list[Difference]
    """Differing digests of outputs by stage name, and stages in only one run."""
    missing: list[str]
    """Runs whose folder is gone; only their ledger entries are known."""


def diff_runs(ledger: Ledger, a: RunRow, b: RunRow, runs_dir: Path) -> RunDiff:
    """Compare two runs of one ledger."""
    folders = folder_of(a, runs_dir), folder_of(b, runs_dir)
    first, second = (_resolved(folder) for folder in folders)
    stages_a, stages_b = ({stage.name: stage for stage in ledger.stages(run.run_id)} for run in (a, b))
    both = None not in folders
    return RunDiff(
        a=a.name,
        b=b.name,
        recipe=_differing(flat(first["recipe"]), flat(second["recipe"])) if both else [],
        digests=_differing(first["digests"], second["digests"]) if both else [],
        versions=_differing(_versions(a, folders[0]), _versions(b, folders[1])),
        results=_results(stages_a, stages_b),
        stages=_differing(*({name: _made(stage) for name, stage in stages.items()} for stages in (stages_a, stages_b))),
        missing=[run.name for run, folder in zip((a, b), folders, strict=True) if folder is None],
    )


def _resolved(folder: Path | None) -> dict[str, Any]:
    if folder is None:
        return {"recipe": {}, "digests": {}}
    return read_object(folder / RESOLVED, RESTORE)


def _versions(run: RunRow, folder: Path | None) -> dict[str, str]:
    return {"burnish": run.version} | (read_machine(folder) if folder is not None else {})


def _made(stage: StageRow) -> str:
    return ", ".join(f"{name} {digest[:12]}" for name, digest in sorted(stage.artefacts.items()))


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Difference]:
    return [Difference(name, a.get(name), b.get(name)) for name in {**a, **b} if a.get(name) != b.get(name)]


def _results(a: Mapping[str, StageRow], b: Mapping[str, StageRow]) -> list[Difference]:
    rows = []
    for name in (name for name in a if name in b):
        first, second = _measured(a[name]), _measured(b[name])
        rows += [Difference(f"{name}: {key}", first.get(key), second.get(key)) for key in {**first, **second}]
    return rows


def _measured(stage: StageRow) -> dict[str, float]:
    memory = {} if stage.peak_bytes is None else {"peak MiB": round(stage.peak_bytes / 2**20, 1)}
    return dict(stage.metrics) | {"seconds": round(stage.seconds, 3)} | memory
