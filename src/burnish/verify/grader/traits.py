"""Traits of a candidate that tests need in scope for their methods, as a glob import of the crate would bring them.

Found from what the compiler misses when no trait is imported (E0599 points at the method's name), and taken only when
none of the trait's methods has a name that the tests already use with success: a trait in scope can take over a method
of a standard type, and tests must keep the meaning they have.

Not covered: traits inside modules.
"""

from __future__ import annotations

from collections.abc import Sequence

from tree_sitter import Node

from burnish.records import Diagnostic
from burnish.syntax.source import identifiers, name_of, parse, text_of, top_items, walk

NO_METHOD = "E0599"


def needed_traits(harness: str, tests: str, code: str, diagnostics: Sequence[Diagnostic]) -> frozenset[str]:
    """Names of the candidate's traits whose methods ``harness`` misses; empty when none may be imported."""
    lines = harness.splitlines()
    missing: set[str] = set()
    for diagnostic in diagnostics:
        if diagnostic.level == "error" and diagnostic.line and diagnostic.column:
            missing.add(_word_at(lines[diagnostic.line - 1], diagnostic.column - 1))
    called = identifiers(tests) | {text_of(n) for n in walk(parse(tests)) if n.type == "field_identifier"}
    found = set()
    for item in top_items(parse(code)):
        methods = _methods(item.node) if item.kind == "trait_item" else set()
        if methods & missing and not methods & (called - missing):
            found.add(item.name)
    return frozenset(found)


def _methods(trait: Node) -> set[str]:
    body = trait.child_by_field_name("body")
    members = body.named_children if body is not None else []
    return {name_of(n) for n in members if n.type in ("function_signature_item", "function_item")}


def _word_at(line: str, column: int) -> str:
    end = column
    while end < len(line) and (line[end].isalnum() or line[end] == "_"):
        end += 1
    return line[column:end]
