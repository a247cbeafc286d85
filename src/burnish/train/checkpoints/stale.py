"""Remove checkpoints that were made with other data, settings or another base; they are never resumed.

Not covered: torn ones (`train.checkpoints.complete`).
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from burnish.fsio import read_object, write_json
from burnish.records.layout import MADE_WITH
from burnish.scale.processes import is_first, wait_for_all

logger = logging.getLogger(__name__)


def drop_foreign_checkpoints(folder: Path, made_with: Mapping[str, Any]) -> None:
    """Record the facts of the checkpoints, and remove those made with others.

    The first process removes them while the others wait.
    """
    record = folder / MADE_WITH
    if is_first():
        differing: list[str] | None = None
        if folder.is_dir() and any(folder.iterdir()):
            stored = read_object(record) if record.is_file() else {}
            differing = [key for key in made_with if stored.get(key) != made_with[key]]
        if differing:
            logger.warning("%s: made with other %s; training starts over", folder, ", ".join(differing))
            shutil.rmtree(folder)
        if differing != []:
            write_json(record, made_with)
    wait_for_all()
