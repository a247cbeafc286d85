"""Read exclusion files, which ``burnish data validate-tasks`` writes: tasks that must not be scored.

An exclusion file belongs to one version of one task file, by digest: tasks that changed must be validated again.
Not covered: validating tasks (`workflows.build.validate_tasks`).
"""

from __future__ import annotations

from pathlib import Path

from burnish.errors import DataError
from burnish.fsio import digest_file
from burnish.records import TaskExclusions

_AGAIN = "Run burnish data validate-tasks on the task file again."


def read_exclusions(path: Path, tasks: Path) -> frozenset[str]:
    """Read the ids to leave out of the task file ``tasks``. Raises DataError when the file is missing or about another
    one."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot read the exclusions {path}: {error.strerror}.", _AGAIN) from error
    read = TaskExclusions.from_json(text)
    if tasks.is_file() and digest_file(tasks) != read.digest:
        raise DataError(f"{path} was made for another version of {tasks}.", _AGAIN)
    return frozenset(task.id for task in read.excluded)
