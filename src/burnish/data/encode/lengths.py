"""Measure row lengths, the effect of limits, and recommend a limit.

A percentile is the smallest length that at least this percentage of rows does not exceed (nearest rank, NIST
7.2.6.2): always the length of a row, and exact for any percentage, 99.95 as well as 50. Packing efficiency is the share
of a packed sequence's places that hold a token (best fit, `data.encode.packing`), rows cut at the limit.

Not covered: characters per token; without a tokenizer lengths are characters, and no limit is recommended.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from burnish.data.encode.packing import pack_lengths
from burnish.errors import ConfigError, DataError

STEP = 64
"""Limits are multiples of this: matrix kernels are fastest on them."""


@dataclass(frozen=True)
class Cutoff:
    """The effect of one limit."""

    max_length: int
    truncated: int
    """Rows that are longer."""
    truncated_share: float
    lost_share: float
    """Share of all tokens beyond the limit."""
    packing_efficiency: float
    """Share of places that hold a token when rows are packed; 1 wastes nothing."""
    padding_efficiency: float
    """The same when every row is padded to the limit."""


@dataclass(frozen=True)
class Recommendation:
    """The recommended limit."""

    max_length: int
    why: str


@dataclass(frozen=True)
class LengthReport:
    """Lengths of all rows."""

    unit: Literal["tokens", "characters"]
    rows: int
    shortest: int
    longest: int
    mean: float
    total: int
    percentiles: tuple[tuple[float, int], ...]
    """(percent, length)."""
    cutoffs: tuple[Cutoff, ...] = ()
    recommended: Recommendation | None = None


def measure_lengths(
    lengths: Sequence[int],
    *,
    unit: Literal["tokens", "characters"],
    percentiles: Sequence[float],
    cutoffs: Sequence[int],
    percentile: float,
    margin: float,
    context: int | None = None,
    longest_whole: int = 0,
) -> LengthReport:
    """Measure row lengths.

    Args:
        lengths: of each row.
        unit: of the lengths; with characters there are no limits to try.
        percentiles: which to give, in percent.
        cutoffs: limits to try; empty tries the recommended one with its half and double.
        percentile: the one that the recommendation starts from, in percent.
        margin: factor on it.
        context: most tokens the model takes, where known.
        longest_whole: length of the longest row that may not be cut: a shorter limit stops the training.

    Raises:
        ConfigError: a percentage beyond 0 to 100, a limit or margin that is not positive.
        DataError: there are no rows.
    """
    wrong = [value for value in (*percentiles, percentile) if not 0 <= value <= 100]
    if wrong:
        raise ConfigError(f"{wrong[0]:g} is not a percentile.", "Percentiles are numbers from 0 to 100.")
    if margin <= 0 or any(cutoff < 1 for cutoff in cutoffs):
        raise ConfigError("margin and cut-offs must be greater than 0.", "Try --margin 1.1 --cutoffs 512,1024.")
    if not lengths:
        raise DataError("no rows to measure.", "Set data.sources.")
    ordered = np.sort(np.asarray(lengths, dtype=np.int64))
    recommended: Recommendation | None = None
    tried: tuple[Cutoff, ...] = ()
    if unit == "tokens":
        recommended = recommend(ordered, percentile, margin, context, longest_whole)
        wanted = set(cutoffs) or {recommended.max_length // 2, recommended.max_length, 2 * recommended.max_length}
        tried = tuple(_cutoff(ordered, limit) for limit in sorted(wanted))
    return LengthReport(
        unit,
        len(ordered),
        int(ordered[0]),
        int(ordered[-1]),
        float(ordered.mean()),
        int(ordered.sum()),
        tuple((value, nearest_rank(ordered, value)) for value in sorted(set(percentiles))),
        tried,
        recommended,
    )


def nearest_rank(ordered: np.ndarray[tuple[int], np.dtype[np.int64]], percent: float) -> int:
    """Return the smallest of ``ordered`` that at least ``percent`` percent do not exceed."""
    # Without the rounding 55 % of 100 rows would be 55.000000000000007 of them.
    rank = math.ceil(round(percent * len(ordered) / 100, 9))
    return int(ordered[max(rank, 1) - 1])


def recommend(
    ordered: np.ndarray[tuple[int], np.dtype[np.int64]],
    percentile: float,
    margin: float,
    context: int | None,
    longest_whole: int = 0,
) -> Recommendation:
    """Recommend percentile times margin, rounded up to `STEP`, capped by the longest row.

    Never less than ``longest_whole``, the longest row that may not be cut.
    """
    length = nearest_rank(ordered, percentile)
    wanted = _round_up(math.ceil(round(length * margin, 9)))
    enough = _round_up(int(ordered[-1]))
    whole = _round_up(longest_whole)
    limit = max(min(wanted, enough), whole if longest_whole else 0)
    why = (
        f"{percentile:g} % of the rows have at most {length} tokens; x {margin:g}, up to a multiple of {STEP}: {wanted}"
    )
    if longest_whole and whole > wanted:
        why += f"; a conversation of {longest_whole} may not be cut (data.chat.truncate is refuse), so {limit}"
    elif enough < wanted:
        why += f"; the longest row has {ordered[-1]}, so {enough} holds all"
    if context is not None and limit > context:
        limit = context
        why += f"; the model's context is {context}"
    cut = int((ordered > limit).sum())
    why += f"; {cut} of {len(ordered)} rows ({cut / len(ordered):.2%}) are longer"
    if cut:
        why += ": documents are split, conversations follow data.chat.truncate"
    return Recommendation(limit, why)


def _round_up(length: int) -> int:
    return max(STEP, -(-length // STEP) * STEP)


def _cutoff(ordered: np.ndarray[tuple[int], np.dtype[np.int64]], limit: int) -> Cutoff:
    kept = np.minimum(ordered, limit)
    longer = int((ordered > limit).sum())
    blocks = len(pack_lengths(kept.tolist(), limit))
    return Cutoff(
        limit,
        longer,
        longer / len(ordered),
        1 - float(kept.sum() / max(1, ordered.sum())),
        float(kept.sum() / (blocks * limit)),
        float(kept.sum() / (len(ordered) * limit)),
    )
