"""``test_file``: the path is one of tests, or every item of the source is a test.

Paths: a folder ``test`` or ``tests``; a file ``test.rs``, ``tests.rs``, ``*_test.rs`` or ``*_tests.rs``. Items: all
stand under ``#[test]`` (``#[tokio::test]``) or ``#[cfg(test)]``, or the file under ``#![cfg(test)]``; ``use`` does not
count. A library that ends in a ``#[cfg(test)]`` module is not a test file, nor is code that mentions ``/test/`` in a
URL, ``#self`` in a macro or ``#[cfg(not(test))]``.
"""

from __future__ import annotations

import re

from burnish.data.filters.base import RustCode, StatelessFilter
from burnish.data.filters.items import all_items_marked
from burnish.data.filters.paths import file_name, folders
from burnish.data.filters.token_scan import begins_unmarked
from burnish.records import Example
from burnish.syntax.survey import is_test_attribute

_FOLDERS = frozenset({"test", "tests"})
_FILE = re.compile(r"(?:.*_)?tests?\.rs")
_ATTRIBUTE = re.compile(r"#!?\s*\[[^\]]*\btest\b")
"""A text in every source of tests; a cheap check before parsing."""


class TestFileFilter(StatelessFilter):
    """Filter by path, then by attributes."""

    __test__ = False  # not a pytest class
    reason = "test_file"

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether neither path nor items mark a test."""
        if _by_path(example.path):
            return False
        if not _ATTRIBUTE.search(code.source) or begins_unmarked(code.source, _ATTRIBUTE):
            return True
        return not all_items_marked(code.root, is_test_attribute)

    def detail(self, example: Example, code: RustCode) -> str:
        """Return the path, or what marks the items."""
        return example.path if _by_path(example.path) else "every item is a test"


def _by_path(path: str) -> bool:
    return bool(_FOLDERS & folders(path)) or _FILE.fullmatch(file_name(path)) is not None
