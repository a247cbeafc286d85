"""Write counts of filtering per source and in total, as JSON, CSV and metrics.

    pass_rate = 100 * passed / total        (percent; 0 for a source without rows)

Rows count when they are pulled from their source; ``written`` counts rows of the mixture, repeats included. Not
covered: the terminal's table (`cli.render.tables`).
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.data.filters.filtered_source import SourceCounts
from burnish.fsio import read_object, write_atomic, write_json
from burnish.ledger.metrics import MetricsWriter
from burnish.records.layout import FILTER_COUNTS, FILTER_TABLE, METRICS

STAGE = "prepare"


@dataclass(frozen=True)
class FilterStats:
    """Counts of all rows by outcome and source."""

    sources: Mapping[str, SourceCounts]
    written: int

    def reasons(self) -> list[str]:
        """Return all reasons that occur, the most frequent first."""
        counted = sum((counts.reasons for counts in self.sources.values()), Counter[str]())
        return [reason for reason, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0]))]

    @classmethod
    def read(cls, folder: Path) -> FilterStats:
        """Read the counts that `write_stats` wrote."""
        counts = read_object(folder / FILTER_COUNTS, needs={"datasets": dict, "total_written": int})
        sources = {
            name: SourceCounts(of_source["total"], of_source["passed"], Counter(of_source["filter_reasons"]))
            for name, of_source in counts["datasets"].items()
        }
        return cls(sources, counts["total_written"])


def pass_rate(counts: SourceCounts) -> float:
    """Compute the percentage of kept rows."""
    return round(100 * counts.passed / counts.total, 2) if counts.total else 0.0


def write_stats(folder: Path, stats: FilterStats) -> None:
    """Write ``filter_stats.json``, ``filter_stats.csv`` and ``metrics.jsonl``."""
    rows = {name: _row(counts) for name, counts in stats.sources.items()}
    total = sum(counts.total for counts in stats.sources.values())
    passed = sum(counts.passed for counts in stats.sources.values())
    write_json(
        folder / FILTER_COUNTS,
        {
            "datasets": {
                name: {**row, "filter_reasons": dict(sorted(stats.sources[name].reasons.items()))}
                for name, row in rows.items()
            },
            "total_samples": total,
            "total_passed": passed,
            "total_filtered": total - passed,
            "total_written": stats.written,
        },
    )
    text = io.StringIO()
    reasons = stats.reasons()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["dataset", "total", "passed", "filtered", "pass_rate", *reasons])
    for name, row in rows.items():
        table.writerow([name, *row.values(), *(stats.sources[name].reasons[reason] for reason in reasons)])
    write_atomic(folder / FILTER_TABLE, text.getvalue())
    metrics = MetricsWriter(folder / METRICS)
    for name, row in rows.items():
        counted = {f"reason.{reason}": float(n) for reason, n in sorted(stats.sources[name].reasons.items())}
        metrics.log(f"{STAGE} {name}", 0, {**row, **counted})


def _row(counts: SourceCounts) -> dict[str, Any]:
    return {
        "total": counts.total,
        "passed": counts.passed,
        "filtered": counts.total - counts.passed,
        "pass_rate": pass_rate(counts),
    }
