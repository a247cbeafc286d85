"""Compute bootstrap intervals and paired tests, by families of rows, for any metric of column sums.

A metric is a function of sums: the rows of a model become an array of columns (right or not, token F1, cells
of the confusion matrix), and accuracy, macro F1 or MCC follow from the columns' sums. Families are drawn whole, so rows
that are alike stay together, and one multiplication gives the sums of many draws at once.

Legend: N rows, G families, K columns, B draws. Not covered: metrics that are no function of sums, such as medians.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""Column sums (..., K) -> values (...); nan where the metric is not defined."""
Bounds = tuple[float, float]

DRAWS = 4000
_CHUNK = 500
"""Draws per chunk: bounds the memory to this many weights per family."""


@dataclass(frozen=True)
class PairedOutcome:
    """A metric of two models on the same rows; ``difference`` is b minus a."""

    a: float
    b: float
    difference: float
    interval: tuple[float, float]
    p_value: float


def family_sums(columns_NK: Floats, families: Sequence[str]) -> Floats:
    """Sum the columns per family (G, K), families in order of first appearance."""
    places = {family: place for place, family in enumerate(dict.fromkeys(families))}
    sums_GK = np.zeros((len(places), columns_NK.shape[1]))
    np.add.at(sums_GK, [places[family] for family in families], columns_NK)
    return sums_GK


@dataclass(frozen=True)
class Draws:
    """Column sums of draws with replacement, shared by all metrics of one table, since drawing costs most."""

    sums_BK: Floats
    families: int


@dataclass(frozen=True)
class PairedDraws:
    """Draws of two models: the same families for both, and the models exchanged family by family."""

    totals: tuple[Floats, Floats]
    drawn: tuple[Draws, Draws]
    exchanged: tuple[Floats, Floats]
    exact: bool
    """Whether ``exchanged`` holds every possible exchange."""


def draw(sums_GK: Floats, *, seed: int = 0, draws: int = DRAWS) -> Draws:
    """Draw families with replacement, ``draws`` times."""
    count = len(sums_GK)
    drawn = [weights_BG @ sums_GK for weights_BG in _weights(count, seed, draws)] if count else [sums_GK]
    return Draws(np.concatenate(drawn), count)


def draw_pairs(a_GK: Floats, b_GK: Floats, *, seed: int = 0, draws: int = DRAWS) -> PairedDraws:
    """Draw families and exchanges of two models; row g of both arrays is the same family. ValueError when the shapes
    differ."""
    if a_GK.shape != b_GK.shape:
        raise ValueError(f"pairs need equal shapes, got {a_GK.shape} and {b_GK.shape}")
    count, width = a_GK.shape
    both = draw(np.concatenate([a_GK, b_GK], axis=1), seed=seed, draws=draws)
    exact = 2**count <= draws
    flips = _all_flips(count) if exact else _drawn_flips(count, seed, draws)
    a_K, b_K = a_GK.sum(axis=0), b_GK.sum(axis=0)
    first_BK = np.concatenate([a_K + flips_BG @ (b_GK - a_GK) for flips_BG in flips])
    return PairedDraws(
        totals=(a_K, b_K),
        drawn=(Draws(both.sums_BK[:, :width], count), Draws(both.sums_BK[:, width:], count)),
        exchanged=(first_BK, a_K + b_K - first_BK),
        exact=exact,
    )


def bootstrap_interval(
    draws: Draws, statistic: Statistic, *, bounds: Bounds = (0.0, 1.0), level: float = 0.95
) -> tuple[float, float]:
    """Compute the expanded percentile interval of ``statistic`` over families drawn with replacement.

    The percentiles are Φ(±t·sqrt(G/(G - 1))) with Student's t for G - 1 degrees of freedom instead of α/2 and 1 - α/2,
    since plain percentiles are too narrow for few families. Source: T. C. Hesterberg, "What teachers should know about
    the bootstrap", The American Statistician 69 (2015). Fewer than two families tell nothing: ``bounds``.
    Draws where the metric is not defined are left out.
    """
    return _percentiles(statistic(draws.sums_BK), draws.families, level, bounds)


def paired_bootstrap(
    draws: PairedDraws, statistic: Statistic, *, bounds: Bounds = (0.0, 1.0), level: float = 0.95
) -> PairedOutcome:
    """Compare two models: interval by drawing families of pairs, p-value by exchanging the models.

    The p-value is that of a randomisation test, two-sided: if the models were alike, each family's results could as
    well be the other model's, so the share of exchanges (all 2^G, or so many drawn ones and the given one) with a
    difference at least as large is exact for any metric and any size of families. Source: E. W. Noreen,
    "Computer-Intensive Methods for Testing Hypotheses" (1989). No families: p = 1.
    """
    a, b = (float(statistic(total)) for total in draws.totals)
    width = bounds[1] - bounds[0]
    drawn_a, drawn_b = draws.drawn
    differences_B = statistic(drawn_b.sums_BK) - statistic(drawn_a.sums_BK)
    interval = _percentiles(differences_B, drawn_a.families, level, (-width, width))
    return PairedOutcome(a, b, b - a, interval, _p_value(draws, statistic, abs(b - a)))


def _p_value(draws: PairedDraws, statistic: Statistic, observed: float) -> float:
    if not np.isfinite(observed):
        return 1.0
    first_BK, second_BK = draws.exchanged
    differences_B = np.abs(statistic(second_BK) - statistic(first_BK))
    hits = int(np.sum(~(differences_B < observed - 1e-9)))  # an undefined exchange counts as a hit, which raises p
    return hits / len(first_BK) if draws.exact else (hits + 1) / (len(first_BK) + 1)


def _weights(count: int, seed: int, draws: int) -> Iterator[Floats]:
    """Yield how often each family is drawn, (B, G) by chunks."""
    random = np.random.default_rng(seed)
    share = np.full(count, 1 / count)
    for done in range(0, draws, _CHUNK):
        yield random.multinomial(count, share, size=min(_CHUNK, draws - done)).astype(np.float64)


def _percentiles(values_B: Floats, count: int, level: float, bounds: Bounds) -> tuple[float, float]:
    defined = values_B[np.isfinite(values_B)]
    if count < 2 or defined.size == 0:
        return bounds
    quantile = float(student.ppf(0.5 + level / 2, count - 1)) * np.sqrt(count / (count - 1))
    tail = float(norm.cdf(-quantile))
    low, high = np.quantile(defined, (tail, 1 - tail))
    return max(bounds[0], float(low)), min(bounds[1], float(high))


def _all_flips(count: int) -> Iterator[Floats]:
    yield ((np.arange(2**count)[:, None] >> np.arange(count)) & 1).astype(np.float64)


def _drawn_flips(count: int, seed: int, draws: int) -> Iterator[Floats]:
    random = np.random.default_rng(seed)
    for done in range(0, draws, _CHUNK):
        yield random.integers(0, 2, size=(min(_CHUNK, draws - done), count)).astype(np.float64)
