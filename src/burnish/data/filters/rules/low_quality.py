"""``low_quality``: more than ``most`` of the four families of low quality (`signs`)."""

from __future__ import annotations

from burnish.config.data.filters import LowQuality
from burnish.data.filters.base import RustCode, StatelessFilter
from burnish.data.filters.idiom_signs import most_low_quality
from burnish.records import Example


class LowQualityFilter(StatelessFilter):
    """Filter by the families of signs."""

    reason = "low_quality"

    def __init__(self, config: LowQuality) -> None:
        self._most = config.most

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether it shows few enough signs."""
        return most_low_quality(code.source) <= self._most or len(code.signs.low_quality) <= self._most

    def detail(self, example: Example, code: RustCode) -> str:
        """Return the signs."""
        return ", ".join(sorted(code.signs.low_quality))
