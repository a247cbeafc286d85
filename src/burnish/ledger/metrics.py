"""``metrics.jsonl`` and ``events.jsonl``: what a run says while it works, one row per step or event.

A row of metrics is ``{"at", "stage", "step", "values"}``, the same for every stage; ``at`` is seconds since the epoch.
Steps that a resumed stage repeats are written again; the later row wins on reading. Events are for people and
post-mortems; no code reads them to decide anything: `ledger.stage` keeps its own records. Not covered: results
(`ledger.store`).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from burnish.fsio import NUMBER, Needs, append_lines
from burnish.records.files import read_rows, write_rows


@dataclass(frozen=True)
class MetricRow:
    """The values of one step of one stage."""

    stage: str
    step: int
    values: Mapping[str, float]


METRIC_ROW: Needs = {"at": NUMBER, "stage": str, "step": int, "values": dict}


class MetricsWriter:
    """Appends rows to one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def log(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Append one row without values that are not finite, which JSON cannot hold."""
        finite = {name: float(value) for name, value in values.items() if math.isfinite(value)}
        row = {"at": round(time.time(), 3), "stage": stage, "step": step, "values": finite}
        append_lines(self.path, [json.dumps(row)])

    def drop_stage(self, stage: str) -> None:
        """Remove the rows of a stage that starts over."""
        if self.path.exists():
            kept = [row for row in read_rows(self.path, METRIC_ROW) if row["stage"] != stage]
            write_rows(self.path, kept)


def read_metrics(path: Path) -> list[MetricRow]:
    """Read rows by stage and step; of repeated steps the later value wins."""
    merged: dict[str, dict[int, dict[str, float]]] = {}
    for row in read_rows(path, METRIC_ROW):
        merged.setdefault(row["stage"], {}).setdefault(row["step"], {}).update(row["values"])
    return [MetricRow(stage, step, values) for stage, steps in merged.items() for step, values in sorted(steps.items())]


EVENT_ROW: Needs = {"event": str}


class EventLog:
    """Appends events to one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, event: str, **fields: str | int | float | None) -> None:
        """Append ``{"at", "event", ...fields}``."""
        append_lines(self.path, [json.dumps({"at": round(time.time(), 3), "event": event, **fields})])
