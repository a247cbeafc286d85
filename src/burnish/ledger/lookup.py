"""Finding a run in the ledger by what a user calls it, and its folder on disk.

Not covered: runs that no ledger knows.
"""

from __future__ import annotations

import json
from pathlib import Path

from burnish.errors import DataError
from burnish.ledger.store import Ledger, RunRow
from burnish.records.layout import LEDGER, RESOLVED


def open_ledger(runs_dir: Path) -> Ledger:
    """The ledger of ``runs_dir``; raises DataError when there is none, and makes none."""
    path = runs_dir / LEDGER
    if not path.is_file():
        raise DataError(f"there is no ledger {path}", "Run a recipe first, or name the folder with --runs-dir.")
    return Ledger(path)


def find_run(ledger: Ledger, name: str) -> RunRow:
    """The latest run of that name, else the one whose id begins so or whose folder it is; raises DataError."""
    known = ledger.runs()
    folder = Path(name).resolve()
    for matches in (
        lambda run: run.name == name,
        lambda run: run.run_id.startswith(name),
        lambda run: run.path == folder,
    ):
        if name and (found := next(filter(matches, known), None)) is not None:
            return found
    names = ", ".join(dict.fromkeys(run.name for run in known)) or "none"
    raise DataError(f"the ledger knows no run {name!r}", f"It knows: {names}.")


def folder_of(run: RunRow, runs_dir: Path) -> Path | None:
    """The run's folder: where it was, or of the same name in ``runs_dir`` after that was moved; None when it is gone.

    A folder that another run has taken over meanwhile is not this run's.
    """
    for folder in (run.path, runs_dir / run.path.name):
        if resolved_id(folder) == run.run_id:
            return folder
    return None


def resolved_id(folder: Path) -> str | None:
    """Id of the run that lies in a folder; None where none does."""
    try:
        record = json.loads((folder / RESOLVED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record.get("run_id") if isinstance(record, dict) else None
