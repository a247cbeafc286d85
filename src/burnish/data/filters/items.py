"""Check whether all items of a source share an attribute, as in a file of tests.

``use`` and ``extern crate`` declarations, comments and inner attributes do not count. A source without any other item
is not all of anything. Not covered: what items do.
"""

from __future__ import annotations

from collections.abc import Callable

from tree_sitter import Node

_ASIDE = frozenset({"use_declaration", "extern_crate_declaration", "line_comment", "block_comment", "shebang"})


def all_items_marked(root: Node, marks: Callable[[Node], bool]) -> bool:
    """Return whether ``marks`` holds for an attribute of every item or of the file."""
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
