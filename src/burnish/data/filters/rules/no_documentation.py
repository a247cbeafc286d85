"""``no_documentation``: not one doc comment (``///``, ``//!``, ``/** */``, ``/*! */``, ``#[doc = ...]``).

``////`` and ``/***`` are plain comments, and ``///`` in a string is text. A row without Rust has none either.
"""

from __future__ import annotations

from burnish.data.filters.base import RustCode, StatelessFilter
from burnish.records import Example

_MARKS = ("///", "//!", "/**", "/*!", "doc")
"""One of these is in every documented source; a cheap check before parsing."""


class NoDocumentationFilter(StatelessFilter):
    """Filter by comments and attributes."""

    reason = "no_documentation"

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether anything is documented."""
        if code.glance.is_documented():
            return True
        return any(mark in code.source for mark in _MARKS) and code.signs.documented
