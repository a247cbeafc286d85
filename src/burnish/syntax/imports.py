"""List the names that a ``use`` imports: lists, renames and globs written out.

Not covered: the names behind a glob.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from burnish.syntax.source import BESIDE_ITEMS, apply_edits, text_of, walk


@dataclass(frozen=True)
class Import:
    """One imported name; ``name`` is ``*`` for a glob and ``_`` if it binds none."""

    path: str
    name: str

    @property
    def head(self) -> str:
        """Return the first part of the path."""
        return self.path.removeprefix("::").partition("::")[0].partition(" ")[0]


def imports_of(node: Node) -> Iterator[Import]:
    """Yield the imported names of one ``use``, in order."""
    argument = node.child_by_field_name("argument")
    pending: list[tuple[Node, str]] = [(argument, "")] if argument is not None else []
    while pending:
        tree, before = pending.pop()
        if tree.type == "use_list":
            pending += [(child, before) for child in reversed(tree.named_children) if child.type not in BESIDE_ITEMS]
        elif tree.type == "scoped_use_list":
            path, inner = tree.child_by_field_name("path"), tree.child_by_field_name("list")
            lead = f"{before}{_flat(path)}::" if path is not None else f"{before}::"
            pending += [(inner, lead)] if inner is not None else []
        elif tree.type == "use_as_clause":
            path, alias = tree.child_by_field_name("path"), tree.child_by_field_name("alias")
            if path is not None and alias is not None:
                yield Import(f"{_joined(before, _flat(path))} as {text_of(alias)}", text_of(alias))
        elif tree.type == "use_wildcard":
            yield Import(before + _flat(tree), "*")
        else:
            path_text = _joined(before, _flat(tree))
            yield Import(path_text, path_text.rpartition("::")[2])


def _joined(before: str, path: str) -> str:
    """Join two parts of a path; ``a::{self}`` imports ``a``."""
    return before.removesuffix("::") if path == "self" and before else before + path


def _flat(node: Node) -> str:
    """Return a path without blanks and comments."""
    beside = [child for child in walk(node) if child.type in ("line_comment", "block_comment")]
    begin = node.start_byte
    cuts = [(child.start_byte - begin, child.end_byte - begin, "") for child in beside]
    return "".join(apply_edits(text_of(node), cuts).split())
