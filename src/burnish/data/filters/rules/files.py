"""Filter by the kind of file a row comes from, by its path, or by what stands at the top level of its source.

| reason | folders in the path | file name | source |
| --- | --- | --- | --- |
| `vendor_path` | ``target``, ``node_modules``, ``vendor``, ``__pycache__`` | ``Cargo.lock`` | |
| `example_file` | ``example``, ``examples`` | | |
| `test_file` | ``test``, ``tests`` | ``test.rs``, ``tests.rs``, ``*_test.rs``, ``*_tests.rs`` | every item is a test |
| `bench_file` | ``bench``, ``benches`` | ``bench.rs``, ``benches.rs`` | it is a benchmark |

Paths are relative or absolute, with ``/`` or ``\\``; case does not matter. A file that is called like such a folder
(``src/vendor.rs``) stays, so does a row without a path, and so does code that mentions ``/test/`` in a URL or string.

Every item is a test where all stand under ``#[test]`` (``#[tokio::test]``) or ``#[cfg(test)]``, or the file under
``#![cfg(test)]``. A library that ends in a ``#[cfg(test)]`` module is not a test file, nor is code with ``#self`` in a
macro or ``#[cfg(not(test))]``. A benchmark has ``criterion_main!`` or ``benchmark_main!`` at the top level, or every
item under ``#[bench]`` or ``#[cfg(bench)]``; a library with a benchmark among its tests stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tree_sitter import Node

from burnish.data.filters.base import RustCode
from burnish.data.filters.token_scan import begins_unmarked
from burnish.records import Example
from burnish.syntax.source import text_of
from burnish.syntax.survey import is_test_attribute

_TEST_ATTRIBUTE = re.compile(r"#!?\s*\[[^\]]*\btest\b")
"""A text in every source of tests; a cheap check before parsing."""
_BENCH_MAINS = ("criterion_main", "benchmark_main")
_BENCH_ATTRIBUTES = frozenset({"bench", "cfg(bench)"})
_ASIDE = frozenset({"use_declaration", "extern_crate_declaration", "line_comment", "block_comment", "shebang"})


@dataclass(frozen=True)
class FileFilter:
    """Filter by path, then by the source."""

    folders: frozenset[str]
    names: re.Pattern[str] | None = None
    """File names, in lower case."""
    in_source: Callable[[RustCode], bool] = lambda _: False
    marked_by: str = ""
    """What ``in_source`` sees, in words."""

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether neither path nor source marks this kind of file."""
        return not self._by_path(example.path) and not self.in_source(code)

    def detail(self, example: Example, code: RustCode) -> str:
        """Return the path, or what marks the source."""
        return example.path if self._by_path(example.path) else self.marked_by

    def _by_path(self, path: str) -> bool:
        *folders, name = path.lower().replace("\\", "/").split("/")
        return not self.folders.isdisjoint(folders) or (self.names is not None and bool(self.names.fullmatch(name)))


def all_items_marked(root: Node, marks: Callable[[Node], bool]) -> bool:
    """Return whether ``marks`` holds for an attribute of every item or of the file.

    ``use`` and ``extern crate`` declarations, comments and inner attributes do not count. A source without any other
    item is not all of anything.
    """
    marked, seen = False, False
    for node in root.named_children:
        if node.type == "inner_attribute_item":
            if marks(node):
                return True
        elif node.type == "attribute_item":
            marked = marked or marks(node)
        elif node.type in _ASIDE:
            if "comment" not in node.type:
                marked = False
        elif not marked:
            return False
        else:
            marked, seen = False, True
    return seen


def _is_all_tests(code: RustCode) -> bool:
    if not _TEST_ATTRIBUTE.search(code.source) or begins_unmarked(code.source, _TEST_ATTRIBUTE):
        return False
    return all_items_marked(code.root, is_test_attribute)


def _is_benchmark(code: RustCode) -> bool:
    if not any(word in code.source for word in (*_BENCH_MAINS, "bench]", "bench)")):
        return False
    return _has_bench_main(code.root) or all_items_marked(code.root, _is_bench)


def _is_bench(attribute: Node) -> bool:
    return "".join(text_of(attribute).split()).strip("#![]") in _BENCH_ATTRIBUTES


def _has_bench_main(root: Node) -> bool:
    for node in root.named_children:
        call = node.named_children[0] if node.type == "expression_statement" and node.named_children else node
        macro = call.child_by_field_name("macro") if call.type == "macro_invocation" else None
        if macro is not None and text_of(macro).rpartition("::")[2] in _BENCH_MAINS:
            return True
    return False


FILES: Mapping[str, FileFilter] = {
    "vendor_path": FileFilter(
        frozenset({"target", "node_modules", "vendor", "__pycache__"}), re.compile(r"cargo\.lock")
    ),
    "example_file": FileFilter(frozenset({"example", "examples"})),
    "test_file": FileFilter(
        frozenset({"test", "tests"}), re.compile(r"(?:.*_)?tests?\.rs"), _is_all_tests, "every item is a test"
    ),
    "bench_file": FileFilter(
        frozenset({"bench", "benches"}), re.compile(r"bench(?:es)?\.rs"), _is_benchmark, "the source is a benchmark"
    ),
}
