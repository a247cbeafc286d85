"""Build the emptiest answers that compile: programs whose functions only panic.

Tests that such a program passes test nothing. Not covered: other wrong answers.
"""

from __future__ import annotations

from burnish.syntax.source import apply_edits, name_of, parse, walk

BODY = "{ unimplemented!() }"


def stub_program(source: str, entry_point: str | None) -> str | None:
    """Empty the bodies of ``entry_point`` (or of all functions) in ``source``; None if there is none.

    ``fn main`` keeps its body unless it is the entry point; items inside an emptied body are removed.
    """
    edits: list[tuple[int, int, str]] = []
    end = 0
    for node in walk(parse(source)):
        if node.type != "function_item" or node.start_byte < end:
            continue
        body = node.child_by_field_name("body")
        wanted = name_of(node) == entry_point if entry_point is not None else name_of(node) != "main"
        if body is not None and wanted:
            edits.append((body.start_byte, body.end_byte, BODY))
            end = body.end_byte
    return apply_edits(source, edits) if edits else None
