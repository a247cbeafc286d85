"""``vendor_path``: the path lies in ``target``, ``node_modules``, ``vendor`` or ``__pycache__``, or is ``Cargo.lock``.

A file that is called so (``src/vendor.rs``) stays; a row without a path stays.
"""

from __future__ import annotations

from burnish.data.filters.base import RustCode, StatelessFilter
from burnish.data.filters.paths import file_name, folders
from burnish.records import Example

_FOLDERS = frozenset({"target", "node_modules", "vendor", "__pycache__"})


class VendorPathFilter(StatelessFilter):
    """Filter by path alone."""

    reason = "vendor_path"

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether the path is not one of these."""
        return not (_FOLDERS & folders(example.path)) and file_name(example.path) != "cargo.lock"

    def detail(self, example: Example, code: RustCode) -> str:
        """Return the path."""
        return example.path
