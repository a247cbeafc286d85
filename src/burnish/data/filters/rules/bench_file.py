"""``bench_file``: the path is one of benchmarks, or the source is a benchmark.

Paths: a folder ``bench`` or ``benches``; a file ``bench.rs`` or ``benches.rs``. Sources: ``criterion_main!`` or
``benchmark_main!`` at the top level, or every item under ``#[bench]`` or ``#[cfg(bench)]``. A library with a benchmark
among its tests stays, and so does one whose strings mention ``/benches/``.
"""

from __future__ import annotations

from tree_sitter import Node

from burnish.data.filters.base import RustCode, StatelessFilter
from burnish.data.filters.items import all_items_marked
from burnish.data.filters.paths import file_name, folders
from burnish.records import Example
from burnish.syntax.source import text_of

_FOLDERS = frozenset({"bench", "benches"})
_FILES = frozenset({"bench.rs", "benches.rs"})
_MAINS = ("criterion_main", "benchmark_main")
_ATTRIBUTES = frozenset({"bench", "cfg(bench)"})


class BenchFileFilter(StatelessFilter):
    """Filter by path, then by macros and attributes at the top level."""

    reason = "bench_file"

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether neither path nor source marks a benchmark."""
        if _by_path(example.path):
            return False
        if not any(word in code.source for word in (*_MAINS, "bench]", "bench)")):
            return True
        return not _has_bench_main(code.root) and not all_items_marked(code.root, _is_bench)

    def detail(self, example: Example, code: RustCode) -> str:
        """Return the path, or what marks the source."""
        return example.path if _by_path(example.path) else "the source is a benchmark"


def _by_path(path: str) -> bool:
    return bool(_FOLDERS & folders(path)) or file_name(path) in _FILES


def _is_bench(attribute: Node) -> bool:
    return "".join(text_of(attribute).split()).strip("#![]") in _ATTRIBUTES


def _has_bench_main(root: Node) -> bool:
    for node in root.named_children:
        call = node.named_children[0] if node.type == "expression_statement" and node.named_children else node
        macro = call.child_by_field_name("macro") if call.type == "macro_invocation" else None
        if macro is not None and text_of(macro).rpartition("::")[2] in _MAINS:
            return True
    return False
