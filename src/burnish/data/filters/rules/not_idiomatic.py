"""``not_idiomatic``: no family of idiomatic signs, or fewer than ``ratio`` times the families of low quality.

    keeps = idiomatic > 0 and idiomatic >= ratio * low_quality        (0..6 and 0..4, see `signs`)

A row without Rust shows no sign, so it is left out.
"""

from __future__ import annotations

import math

from burnish.config.data.filters import NotIdiomatic
from burnish.data.filters.base import RustCode, StatelessFilter
from burnish.data.filters.idiom_signs import most_low_quality
from burnish.records import Example


class NotIdiomaticFilter(StatelessFilter):
    """Filter by the families of signs."""

    reason = "not_idiomatic"

    def __init__(self, config: NotIdiomatic) -> None:
        self._ratio = config.ratio

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether the signs of idiom prevail."""
        if code.glance.shows(max(1, math.ceil(self._ratio * most_low_quality(code.source)))):
            return True
        idiomatic = len(code.signs.idiomatic)
        return idiomatic > 0 and idiomatic >= self._ratio * len(code.signs.low_quality)

    def detail(self, example: Example, code: RustCode) -> str:
        """Return both kinds of signs."""
        return f"idiomatic: {_list(code.signs.idiomatic)}; low quality: {_list(code.signs.low_quality)}"


def _list(families: frozenset[str]) -> str:
    return ", ".join(sorted(families)) or "none"
