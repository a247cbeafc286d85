"""``example_file``: the path lies in a folder ``example`` or ``examples``.

A file ``src/example.rs`` stays, and so does code that mentions ``/examples/``: only the path decides.
"""

from __future__ import annotations

from burnish.data.filters.base import RustCode, StatelessFilter
from burnish.data.filters.paths import folders
from burnish.records import Example

_FOLDERS = frozenset({"example", "examples"})


class ExampleFileFilter(StatelessFilter):
    """Filter by path alone."""

    reason = "example_file"

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether no folder of the path is one of examples."""
        return not _FOLDERS & folders(example.path)

    def detail(self, example: Example, code: RustCode) -> str:
        """Return the path."""
        return example.path
