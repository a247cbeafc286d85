"""Average syntax metrics over many answers, each over those answers that have it.

An answer that cannot be parsed has no metrics and is left out of the mean; ``n`` counts the others. So a model with
broken answers is measured on fewer answers, not on worse ones: read the mean beside the compile rate.

Not covered: intervals of these means.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from burnish.records import Verdict
from burnish.records.summary import MetricMean


def mean_metrics(verdicts: Sequence[Verdict]) -> dict[str, MetricMean]:
    """Return mean and count of each metric, ordered by name."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for verdict in verdicts:
        for name, value in verdict.metrics.items():
            values[name].append(value)
    return {
        name: MetricMean(mean=sum(numbers) / len(numbers), n=len(numbers)) for name, numbers in sorted(values.items())
    }
