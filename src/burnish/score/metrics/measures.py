"""Define what the metrics of all task kinds share: a judged answer, and columns whose sums give metrics.

Column 0 of every table is 1 per row, so its sum is the number of rows and no row leaves the denominator.
Legend: N rows, K columns. Not covered: the metrics of a kind (one module per kind).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from burnish.score.statistics.bootstrap import Bounds, Floats, Statistic

ROWS, PARSED, CORRECT = 0, 1, 2
"""The first three columns of every table."""


@dataclass(frozen=True)
class Judged:
    """One answer: whether it is right, and its further scores."""

    correct: bool
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Measure:
    """One metric: a function of column sums."""

    name: str
    statistic: Statistic
    bounds: Bounds = (0.0, 1.0)
    rate: tuple[int, int] | None = None
    """Columns (successes, attempts) of a rate whose rows are 0 or 1; None for other metrics."""
    attempts: int = ROWS
    """Column with a 1 for each row that the metric counts; its sum is the n of the estimate."""
    unknown: int | None = None
    """Of a rate: column with a 1 for each attempt whose outcome is unknown because of infra; its success is 0."""


@dataclass(frozen=True)
class Measured:
    """Rows as columns, and the metrics of their sums; the first one is the headline."""

    columns_NK: Floats
    measures: tuple[Measure, ...]


def ratio(over: Floats, under: Floats) -> Floats:
    """Divide element by element; nan where ``under`` is 0."""
    result = np.full(np.broadcast(over, under).shape, np.nan)
    np.divide(over, under, out=result, where=np.asarray(under) != 0)
    return result


def rate(name: str, column: int, attempts: int = ROWS, unknown: int | None = None) -> Measure:
    """Build the share of rows with a 1 in ``column`` among those with a 1 in ``attempts``."""
    return Measure(
        name,
        lambda sums: ratio(sums[..., column], sums[..., attempts]),
        rate=(column, attempts),
        attempts=attempts,
        unknown=unknown,
    )


def mean(name: str, column: int, attempts: int = ROWS) -> Measure:
    """Build the mean of a column with values in 0..1."""
    return Measure(name, lambda sums: ratio(sums[..., column], sums[..., attempts]), attempts=attempts)


def columns(rows: Sequence[Sequence[float]], width: int) -> Floats:
    """Return the rows as an array (N, K), also when there are none."""
    return np.asarray(rows, dtype=np.float64).reshape(len(rows), width)
