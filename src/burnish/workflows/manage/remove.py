"""Remove a run's folder and ledger entries, unless another run depends on it.

Left out on purpose: asking the user (`cli`), artefacts outside the run's folder.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from burnish.errors import RunFolderError
from burnish.fsio import disk_errors
from burnish.ledger.lineage import Lineage
from burnish.ledger.lookup import folder_of
from burnish.ledger.process import working
from burnish.ledger.store import Ledger, RunRow


@dataclass(frozen=True)
class Removal:
    """The effects of removing a run."""

    run: RunRow
    folder: Path | None
    """None when it is gone already."""
    size_bytes: int
    dependents: tuple[str, ...]
    """Runs that read outputs only this run has."""


def plan_removal(ledger: Ledger, run: RunRow, runs_dir: Path, *, force: bool = False) -> Removal:
    """Find the dependents of a run.

    Raises RunFolderError when a process works on it, or, unless ``force``, when others depend on it.
    """
    folder = folder_of(run, runs_dir)
    if folder is not None and (pid := working(folder)) is not None:
        raise RunFolderError(f"{folder} is in use by process {pid}", f"Stop it first: burnish runs stop {folder}.")
    dependents = tuple(f"{other.name}: {how}" for other, how in Lineage(ledger).dependents(run.run_id))
    if dependents and not force:
        more = f"; and {len(dependents) - 4} more" if len(dependents) > 4 else ""
        raise RunFolderError(
            f"other runs depend on {run.name}: {'; '.join(dependents[:4])}{more}",
            "They could no longer be reproduced: add --force, or remove them first.",
        )
    return Removal(run, folder, _size(folder) if folder is not None else 0, dependents)


def remove_run(ledger: Ledger, removal: Removal) -> None:
    """Delete the folder, then the ledger's rows; removing again finishes an interrupted removal."""
    if removal.folder is not None:
        with disk_errors(removal.folder):
            shutil.rmtree(removal.folder)
    ledger.remove_run(removal.run.run_id)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
