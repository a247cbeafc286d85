"""Count hazards: ``unsafe``, and calls that panic.

Panicking are ``.unwrap()``, ``.expect()`` and their ``_err`` forms as methods, as paths (``map(Option::unwrap)``) and
in macro arguments; ``panic!``, ``todo!``, ``unimplemented!``, ``unreachable!``, under whatever path; ``panic_any``.
Assertions are not counted, since they state invariants. Names in strings, comments or other words (``Some(expected)``,
``unwrap_or``) do not count.

Not covered: the program's own methods named ``expect``; indexing and arithmetic, which may panic as
well.
"""

from __future__ import annotations

from tree_sitter import Node

from burnish.syntax.source import text_of
from burnish.syntax.survey import SyntaxIndex

_UNWRAPS = frozenset({"unwrap", "unwrap_err"})
_EXPECTS = frozenset({"expect", "expect_err"})
_MACROS = frozenset({"panic", "todo", "unimplemented", "unreachable"})
_FUNCTIONS = frozenset({"panic_any"})


def hazard_metrics(index: SyntaxIndex) -> dict[str, float]:
    """Return the counts; ``panicking_calls`` is the sum of the three kinds."""
    called = [name for chain in index.chains for name in chain.methods]
    called += [_last(node) for node in index.nodes["scoped_identifier"]]
    macros = [_last(macro) for node in index.nodes["macro_invocation"] if (macro := node.child_by_field_name("macro"))]
    functions = [_last(f) for node in index.nodes["call_expression"] if (f := node.child_by_field_name("function"))]
    unsafe = index.count("unsafe_block")
    for tree in index.nodes["token_tree"]:
        tokens = tree.children
        called += _names_in(tokens)
        macros += _macros_in(tokens)
        unsafe += sum(token.type == "unsafe" for token in tokens)
    unwraps = sum(name in _UNWRAPS for name in called)
    expects = sum(name in _EXPECTS for name in called)
    panics = sum(name in _MACROS for name in macros) + sum(name in _FUNCTIONS for name in functions)
    return {
        "unsafe_blocks": unsafe,
        "unsafe_items": sum(_is_unsafe(item.node) for item in index.items),
        "unwraps": unwraps,
        "expects": expects,
        "panics": panics,
        "panicking_calls": unwraps + expects + panics,
    }


def _last(path: Node) -> str:
    """Return the last word of a path."""
    if path.type == "identifier":
        return text_of(path)
    name = path.child_by_field_name("name") if path.type == "scoped_identifier" else None
    return "" if name is None else text_of(name)


def _names_in(tokens: list[Node]) -> list[str]:
    """Return names behind a dot and before arguments, or behind ``::``."""
    names = []
    for before, name, *after in zip(tokens, tokens[1:], [*tokens[2:], None], strict=False):
        follows = after[0]
        is_call = follows is not None and follows.type == "token_tree"
        if name.type == "identifier" and (before.type == "::" or (before.type == "." and is_call)):
            names.append(text_of(name))
    return names


def _macros_in(tokens: list[Node]) -> list[str]:
    triples = zip(tokens, tokens[1:], tokens[2:], strict=False)
    return [text_of(a) for a, b, c in triples if a.type == "identifier" and b.type == "!" and c.type == "token_tree"]


def _is_unsafe(item: Node) -> bool:
    """Return whether an item is ``unsafe fn``, ``unsafe impl`` or ``unsafe trait``."""
    for child in item.children:
        if child.type == "unsafe":
            return True
        if child.type == "function_modifiers":
            return any(modifier.type == "unsafe" for modifier in child.children)
    return False
