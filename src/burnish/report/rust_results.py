"""List the results of measured models on Rust tasks, as tables, figures and the page show them.

Not covered: other kinds of tasks (`report.terminal.answers`).
"""

from __future__ import annotations

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
