"""Make conversations of documented functions in Rust files: documentation and signature, answered by the function.

Taken are free functions, also in modules, whose documentation stands right before them as ``///`` comments and whose
body has at least two lines; not ``unsafe`` or ``extern`` functions, nor code under ``#[cfg(test)]`` or ``#[test]``.
Most functions of a crate need the rest of it: the filter ``does_not_compile`` keeps those that stand alone.

Not covered: methods, whose types a prompt would have to show; ``#[doc]`` attributes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from tree_sitter import Node

from burnish.data.sources.raw import RawRow
from burnish.syntax.source import parse, text_of

ASK = "Write this Rust function."
_ASIDE = ("line_comment", "block_comment", "attribute_item")
_REFUSED = ("unsafe", "extern")


def functions_of(document: RawRow) -> Iterator[RawRow]:
    """Yield one row per documented function of a file; a file that cannot be read stays a row with its problem."""
    if not isinstance(document.data, dict):
        yield document
        return
    source = str(document.data["text"])
    for node, before in _functions(parse(source)):
        docs = [text for text in map(str.strip, map(text_of, before)) if text.startswith("///") and text[3:4] != "/"]
        body = node.child_by_field_name("body")
        if not docs or body is None or body.end_point.row - body.start_point.row < 3:
            continue
        code = textwrap.dedent(" " * node.start_point.column + text_of(node))
        signature = text_of(node)[: body.start_byte - node.start_byte].rstrip()
        documentation = "\n".join(docs)
        yield RawRow(
            document.file,
            str(node.start_point.row + 1),
            {
                "prompt": f"{ASK}\n\n```rust\n{documentation}\n{signature}\n```",
                "completion": f"{documentation}\n{code}",
            },
            defaults=document.defaults,
        )


def _functions(root: Node) -> Iterator[tuple[Node, list[Node]]]:
    """Yield free functions, each with the comments and attributes right before it."""
    waiting = [root]
    while waiting:
        before: list[Node] = []
        for node in waiting.pop().named_children:
            if node.type in _ASIDE:
                before.append(node)
                continue
            is_test = any("test" in text_of(aside) for aside in before if aside.type == "attribute_item")
            if node.type == "function_item" and not is_test and not _is_refused(node) and not node.has_error:
                yield node, before
            elif node.type == "mod_item" and not is_test and (body := node.child_by_field_name("body")) is not None:
                waiting.append(body)
            before = []


def _is_refused(function: Node) -> bool:
    modifiers = [child for child in function.children if child.type == "function_modifiers"]
    return any(word in text_of(modifier).split() for modifier in modifiers for word in _REFUSED)
