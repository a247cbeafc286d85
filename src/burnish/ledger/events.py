"""``events.jsonl``: record the events of a run with their times, one per line.

For people and post-mortems; no code reads it to decide anything: `ledger.stage` keeps its own records.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from burnish.fsio import Needs, append_lines

EVENT_ROW: Needs = {"event": str}


class EventLog:
    """Appends events to one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, event: str, **fields: str | int | float | None) -> None:
        """Append ``{"at", "event", ...fields}``."""
        append_lines(self.path, [json.dumps({"at": round(time.time(), 3), "event": event, **fields})])
