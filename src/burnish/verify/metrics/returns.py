"""Count how functions return: ``Result`` and ``Option`` anywhere in the return type (nested, aliased paths such as
``io::Result`` too), ``?``, and a final ``return`` where the bare expression would do.

``?`` is also found in macro arguments. Not covered: type aliases with other names.
"""

from __future__ import annotations

from tree_sitter import Node

from burnish.syntax.source import text_of, walk
from burnish.syntax.survey import SyntaxIndex


def return_metrics(index: SyntaxIndex) -> dict[str, float]:
    """Count functions, and ``?``."""
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
