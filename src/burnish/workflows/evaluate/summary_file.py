"""Read ``summary.json``. Not covered: building it (`score.summaries.summary`)."""

from __future__ import annotations

from pathlib import Path

from burnish.errors import DataError
from burnish.records.summary import Summary


def read_summary(path: Path) -> Summary:
    """Read the summary of a run or of an evaluation.

    Raises DataError where another version of burnish wrote it: its intervals may mean something else.
    """
    try:
        return Summary.from_json(path.read_text(encoding="utf-8"))
    except DataError as error:
        raise DataError(
            f"{path} is not a summary of this version of burnish ({error.cause}).",
            "Judge its answers again, which needs no model: burnish evaluate --rescore FOLDER, where FOLDER is "
            f"{path.parent} or, in a run, an evaluate stage in it. Or remove the folder and evaluate again.",
        ) from error
