"""Hash runs of tokens to sets of 64-bit numbers, the same on every machine and in every process.

A token's number is the beginning of its BLAKE2b digest; a run's is their polynomial modulo 2**64, mixed with the
finalizer of MurmurHash3, because a bare polynomial of few tokens is far from evenly spread.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Shingles = npt.NDArray[np.uint64]
"""Sorted and unique."""

_BASE = np.uint64(0x9E3779B97F4A7C15)
_ROUNDS = ((np.uint64(33), np.uint64(0xFF51AFD7ED558CCD)), (np.uint64(33), np.uint64(0xC4CEB9FE1A85EC53)))


def shingles(tokens: Sequence[str], size: int, *, salt: int = 0, telling: Sequence[bool] | None = None) -> Shingles:
    """Return the different runs of ``size`` tokens; shorter texts have none.

    ``salt`` keeps runs of different kinds apart; with ``telling`` only runs with such a token count.
    """
    count = len(tokens) - size + 1
    if count < 1:
        return np.empty(0, dtype=np.uint64)
    numbers = np.fromiter(map(_token_number, tokens), dtype=np.uint64, count=len(tokens))
    runs = np.full(count, np.uint64(salt), dtype=np.uint64)
    for offset in range(size):
        runs = runs * _BASE + numbers[offset : offset + count]
    if telling is not None:
        before = np.concatenate([[0], np.cumsum(telling)])
        runs = runs[before[size:] > before[:-size]]
    return np.unique(mixed(runs))


def mixed(values: Shingles) -> Shingles:
    """Mix 64-bit numbers by a bijection that spreads similar ones evenly."""
    for shift, factor in _ROUNDS:
        values = (values ^ (values >> shift)) * factor
    return values ^ (values >> np.uint64(33))


@functools.lru_cache(maxsize=1 << 16)
def _token_number(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode(errors="surrogatepass"), digest_size=8).digest(), "little")
