"""Measure the items of a program: how many of each kind, how complex the functions, how many documented.

Functions are those with a body, including methods in impls and traits. Not covered: constants, statics, type aliases,
macros.
"""

from __future__ import annotations

from collections import Counter

from burnish.syntax.survey import SyntaxIndex, is_main


def item_metrics(index: SyntaxIndex) -> dict[str, float]:
    """Count the items of each kind."""
    kinds = Counter(item.kind for item in index.items)
    places = Counter(function.item.container for function in index.functions)
    return {
        "functions": len(index.functions),
        "free_functions": places["module"],
        "impl_functions": places["impl"] + places["trait impl"],
        "trait_functions": places["trait"],
        "structs": kinds["struct_item"],
        "enums": kinds["enum_item"],
        "traits": kinds["trait_item"],
        "impls": kinds["impl_item"],
        "modules": kinds["mod_item"],
        "uses": index.count("use_declaration"),
    }


def complexity_metrics(index: SyntaxIndex) -> dict[str, float]:
    """Return maximum and mean of cyclomatic complexity and of nesting, per function.

    Complexity (T. J. McCabe, "A complexity measure", IEEE TSE 2 (1976)) is 1 + decisions: ``if``, ``while``, ``for``,
    every arm of a match beyond the first, its guards, ``&&``, ``||``, ``?``, ``let ... else``. A closure belongs to the
    function around it, a function inside a function counts alone. Nesting is the deepest stack of ``if``, ``match``,
    loops and closures; ``else if`` does not deepen it. Without functions there is nothing to measure. Not covered:
    decisions inside macro arguments.
    """
    if not index.functions:
        return {}
    complexity = [1 + function.decisions for function in index.functions]
    nesting = [function.nesting for function in index.functions]
    return {
        "complexity_max": max(complexity),
        "complexity_mean": sum(complexity) / len(complexity),
        "nesting_max": max(nesting),
        "nesting_mean": sum(nesting) / len(nesting),
    }


def documentation_metrics(index: SyntaxIndex) -> dict[str, float]:
    """Return ``documented_share`` in 0..1: of items that have ``///``, ``/** */``, ``#[doc]``, or ``//!`` in modules.

    Functions, structs, enums, unions, traits and modules need documentation; ``main``, items inside functions, and
    members of trait impls (documented with the trait) do not. ``////`` is not a doc comment. Without such items the
    share is absent, not zero. Not covered: the content of the comments.
    """
    wanting = [
        item
        for item in index.items
        if item.kind != "impl_item" and not item.local and item.container != "trait impl" and not is_main(item)
    ]
    return {"documented_share": sum(item.documented for item in wanting) / len(wanting)} if wanting else {}
