"""Find a run in the ledger by name, id or folder, and its folder on disk.

Not covered: runs that no ledger knows.
"""

from __future__ import annotations

import json
from pathlib import Path

from burnish.errors import DataError
from burnish.ledger.store import Ledger, RunRow
from burnish.records.layout import LEDGER, RESOLVED


def open_ledger(runs_dir: Path) -> Ledger:
    """Open the ledger of ``runs_dir``; raise DataError when it does not exist."""
    path = runs_dir / LEDGER
    if not path.is_file():
        raise DataError(
            f"ledger {path} does not exist", "Run a recipe first, or give the folder of the runs with --runs-dir."
        )
    return Ledger(path)


def find_run(ledger: Ledger, name: str) -> RunRow:
    """Find the latest run of that name, otherwise by id prefix or folder; raise DataError."""
    known = ledger.runs()
    folder = Path(name).resolve()
    for matches in (
        lambda run: run.name == name,
        lambda run: run.run_id.startswith(name),
        lambda run: run.path == folder,
    ):
        if name and (run := next(filter(matches, known), None)) is not None:
            return run
    names = ", ".join(dict.fromkeys(run.name for run in known)) or "none"
    raise DataError(f"the ledger has no run {name!r}", f"Its runs are: {names}.")


def folder_of(run: RunRow, runs_dir: Path) -> Path | None:
    """Find the run's folder, also after ``runs_dir`` was moved; None when it is gone.

    A folder that another run has reused since is not this run's.
    """
    for folder in (run.path, runs_dir / run.path.name):
        if resolved_id(folder) == run.run_id:
            return folder
    return None


def resolved_id(folder: Path) -> str | None:
    """Read the id of the run in a folder; None when it holds no run."""
    try:
        record = json.loads((folder / RESOLVED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record.get("run_id") if isinstance(record, dict) else None
