"""Count idiomatic expressions of Rust: matches, closures, patterns, turbofish, loops.

``destructurings`` counts outermost tuple, struct and slice patterns wherever one may stand. ``turbofish`` counts
``f::<T>`` and ``Type::<T>::f``, in macro arguments too. Not covered: other expressions in macro arguments.
"""

from __future__ import annotations

import itertools

from burnish.syntax.survey import SyntaxIndex

_TURBOFISH_TYPES = ("generic_type", "generic_type_with_turbofish")


def expression_metrics(index: SyntaxIndex) -> dict[str, float]:
    """Return the counts."""
    lets = index.nodes["let_declaration"]
    return {
        "matches": index.count("match_expression"),
        "match_arms": index.count("match_arm"),
        "let_conditions": index.count("let_condition"),
        "let_elses": sum(node.child_by_field_name("alternative") is not None for node in lets),
        "closures": index.count("closure_expression"),
        "destructurings": index.destructurings,
        "turbofish": _turbofish(index),
        "for_loops": len(index.loops),
        "indexed_loops": sum(loop.indexed for loop in index.loops),
        "while_loops": index.count("while_expression"),
        "loops": index.count("loop_expression"),
    }


def _turbofish(index: SyntaxIndex) -> int:
    types = [node for kind in _TURBOFISH_TYPES for node in index.nodes[kind]]
    in_macros = 0
    for tree in index.nodes["token_tree"]:
        kinds = [child.type for child in tree.children]
        in_macros += sum(a == "::" and b == "<" for a, b in itertools.pairwise(kinds))
    in_types = sum(any(child.type == "::" for child in node.children) for node in types)
    return index.count("generic_function") + in_types + in_macros
