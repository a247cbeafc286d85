"""``does_not_parse``: the tree has an error, or there is no Rust in the row.

The grammar may lag behind the newest syntax, so this is a cheap hint; `compiled` asks the compiler.
"""

from __future__ import annotations

from burnish.data.filters.base import RustCode, StatelessFilter
from burnish.records import Example


class DoesNotParseFilter(StatelessFilter):
    """Filter by the syntax tree."""

    reason = "does_not_parse"

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether the tree has no errors."""
        return bool(code.source.strip()) and not code.root.has_error
