"""Means of syntax metrics over many answers, each over those answers that have it.

An answer that cannot be parsed has no metrics; it is left out of the mean, and ``n`` says how many are in. So a model
whose broken answers are left out is measured on fewer, not on worse ones: read the mean beside the compile rate.

Not covered: intervals of these means.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from burnish.records import Verdict
from burnish.records.summary import MetricMean


def mean_metrics(verdicts: Sequence[Verdict]) -> dict[str, MetricMean]:
    """Metric name -> mean and count, in the order of the names."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for verdict in verdicts:
        for name, value in verdict.metrics.items():
            values[name].append(value)
    return {
        name: MetricMean(mean=sum(numbers) / len(numbers), n=len(numbers)) for name, numbers in sorted(values.items())
    }
