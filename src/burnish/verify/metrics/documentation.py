"""Measure the share of documented items: those with a doc comment (``///``, ``/** */``, ``#[doc]``, ``//!`` in
modules).

Functions, structs, enums, unions, traits and modules need one; ``main``, items inside functions, and members of trait
impls (documented with the trait) do not. ``////`` is not a doc comment. Without such items the share is absent, not
zero.

Not covered: the content of the comments.
"""

from __future__ import annotations

from burnish.syntax.survey import SyntaxIndex, is_main


def documentation_metrics(index: SyntaxIndex) -> dict[str, float]:
    """Return ``documented_share`` in 0..1."""
    wanting = [
        item
        for item in index.items
        if item.kind != "impl_item" and not item.local and item.container != "trait impl" and not is_main(item)
    ]
    return {"documented_share": sum(item.documented for item in wanting) / len(wanting)} if wanting else {}
