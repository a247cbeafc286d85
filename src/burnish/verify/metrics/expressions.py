"""Count idiomatic expressions of Rust: matches, closures, patterns, turbofish, loops, and what functions return.

``destructurings`` counts outermost tuple, struct and slice patterns wherever one may stand. ``turbofish`` counts
``f::<T>`` and ``Type::<T>::f``, in macro arguments too. Not covered: other expressions in macro arguments.
"""

from __future__ import annotations

import itertools

from tree_sitter import Node

from burnish.syntax.source import text_of, walk
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


def return_metrics(index: SyntaxIndex) -> dict[str, float]:
    """Count functions by what they return: ``Result`` and ``Option`` anywhere in the return type (nested, under paths
    such as ``io::Result`` too), ``?``, and a final ``return`` where the bare expression would do.

    ``?`` is also found in macro arguments. Not covered: type aliases with other names.
    """
    types = [
        {text_of(node) for node in walk(returned) if node.type == "type_identifier"}
        for function in index.functions
        if (returned := function.item.node.child_by_field_name("return_type")) is not None
    ]
    in_macros = sum(child.type == "?" for tree in index.nodes["token_tree"] for child in tree.children)
    return {
        "result_functions": sum("Result" in names for names in types),
        "option_functions": sum("Option" in names for names in types),
        "question_marks": index.count("try_expression") + in_macros,
        "value_functions": len(types),
        "last_returns": sum(_ends_in_return(function.item.node) for function in index.functions),
    }


def _ends_in_return(function: Node) -> bool:
    body = function.child_by_field_name("body")
    parts = [n for n in body.named_children if "comment" not in n.type] if body is not None else []
    last = parts[-1] if parts else None
    if last is not None and last.type == "expression_statement":
        last = last.named_children[0] if last.named_children else None
    return last is not None and last.type == "return_expression" and bool(last.named_children)
