"""Compute syntax metrics of a program from its syntax tree: numbers for ``Verdict.metrics``.

`measure` puts them together. A program that tree-sitter cannot read, or a very long one, is
unscored: it has no metrics, not zeros. Not covered: rates over many programs (`score`).
"""

from __future__ import annotations

from burnish.syntax.source import parse
from burnish.syntax.survey import MOST_BYTES, index_tree
from burnish.verify.metrics.expressions import expression_metrics, return_metrics
from burnish.verify.metrics.hazards import hazard_metrics
from burnish.verify.metrics.idiom import idiom_metrics
from burnish.verify.metrics.items import complexity_metrics, documentation_metrics, item_metrics
from burnish.verify.metrics.iterators import iterator_metrics
from burnish.verify.metrics.prompt import prompt_metrics

__all__ = ["MOST_BYTES", "measure", "prompt_metrics"]

_PARTS = (
    item_metrics,
    documentation_metrics,
    complexity_metrics,
    return_metrics,
    iterator_metrics,
    expression_metrics,
    hazard_metrics,
)


def measure(source: str) -> dict[str, float]:
    """Compute all metrics that depend only on the program; empty when it cannot be read."""
    if len(source) > MOST_BYTES:
        return {}
    root = parse(source)
    if root.has_error or not root.named_children:
        return {}
    index = index_tree(root)
    values = {name: float(value) for part in _PARTS for name, value in part(index).items()}
    return values | idiom_metrics(index, values)
