"""List the results of measured models on Rust tasks, as tables, figures and the page show them.

Not covered: other kinds of tasks (`report.terminal.answers`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from burnish.records import Metric
from burnish.records.summary import CodeFindings, Estimate, KindSummary, Summary


@dataclass(frozen=True)
class RustResult:
    """Summary of one model's Rust answers."""

    name: str
    seconds: float
    kind: KindSummary
    code: CodeFindings

    @property
    def n(self) -> int:
        return self.kind.n

    def rate(self, metric: Metric) -> Estimate | None:
        """Return a rate with its interval; None where no answer has it."""
        return self.kind.metrics.get(metric)


def rust_results(summary: Summary) -> list[RustResult]:
    """Return one result per model that answered Rust tasks, in the order of the summary."""
    rust_models = [(model, kind) for model in summary.models if (kind := model.of_kind("rust")) is not None]
    return [RustResult(model.name, model.seconds, kind, kind.code or CodeFindings()) for model, kind in rust_models]


@dataclass(frozen=True)
class PartRow:
    """Tests passed on one kind of task, by model; None where a model has no such answers."""

    name: str
    n: int
    passed: list[Estimate | None]


def part_rows(results: Sequence[RustResult]) -> list[PartRow]:
    """Return one row per kind of task that tests passed are known of."""
    rows = []
    for name in dict.fromkeys(part for result in results for part in result.kind.parts):
        passed = [result.kind.parts.get(name, {}).get("tests_passed") for result in results]
        if known := [estimate.n for estimate in passed if estimate is not None]:
            rows.append(PartRow(name, max(known), passed))
    return rows


def ranked(counts: Sequence[Mapping[str, int]]) -> list[str]:
    """Return the counted names, the most frequent over all counts first."""
    total = sum(map(Counter, counts), Counter[str]())
    return sorted(total, key=lambda name: (-total[name], name))
