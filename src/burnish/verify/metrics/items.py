"""Count the items of each kind. Functions are those with a body, including methods in impls and traits.

Not covered: constants, statics, type aliases, macros.
"""

from __future__ import annotations

from collections import Counter

from burnish.syntax.survey import SyntaxIndex


def item_metrics(index: SyntaxIndex) -> dict[str, float]:
    """Return the counts."""
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
