"""Turn Rust source into tokens that do not change with names, literals, comments, imports and layout.

The tokens are the leaves of the syntax tree. A name that the source declares itself (a binding, parameter, item, field,
generic or lifetime) becomes ``name``, wherever it stands; names of others (``Vec``, ``iter``) stay, since a copy cannot
rename them. Numbers, characters and strings become their kind. Comments and ``use`` declarations are left out.

Prose becomes its words in lower case, numbers included. Text is prose when its tree has errors and opens no item.

Not covered: reordered items or statements, and rewriting by meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tree_sitter import Node

from burnish.syntax.fences import rust_blocks
from burnish.syntax.source import looks_like_code, parse, text_of

NAME = "name"
_LITERALS = {
    "integer_literal": "number",
    "float_literal": "number",
    "char_literal": "character",
    "string_literal": "text",
    "raw_string_literal": "text",
}
_LEFT_OUT = frozenset({"line_comment", "block_comment", "use_declaration", "extern_crate_declaration", "shebang"})
_NAMES = frozenset({"identifier", "type_identifier", "field_identifier", "shorthand_field_identifier"})
_DECLARATIONS = frozenset(
    {
        "function_item", "function_signature_item", "struct_item", "enum_item", "enum_variant", "union_item",
        "type_item", "const_item", "static_item", "trait_item", "mod_item", "associated_type", "field_declaration",
        "macro_definition", "type_parameter", "const_parameter",
    }
)  # fmt: skip
_BINDERS = frozenset({"let_declaration", "parameter", "for_expression", "let_condition"})
_PATTERNS = frozenset(
    {
        "tuple_pattern", "slice_pattern", "ref_pattern", "mut_pattern", "reference_pattern", "captured_pattern",
        "closure_parameters", "tuple_struct_pattern", "match_pattern", "or_pattern", "field_pattern",
    }
)  # fmt: skip
_PATHS = frozenset({"scoped_identifier", "scoped_type_identifier"})
"""Parts of paths, like fields and methods, are never variables: ``sum`` in ``.sum()`` is not a local ``sum``."""
_WHOLE = frozenset({"lifetime", "metavariable"})
_WORD = re.compile(r"\w+")


def normalised_tokens(source: str) -> list[str]:
    """Return tokens of Rust source, or the words of prose; none for white space."""
    root = parse(source)
    return word_tokens(source) if is_prose(root) else code_tokens(root).normalised


def same_answer_tokens(source: str) -> list[str]:
    """Return tokens that are equal for sources that differ only in declared names, comments, imports and layout.

    Unlike `normalised_tokens` literals stay as they are: ``x > 7`` and ``x > 8`` are two answers to a task.
    """
    tokens = code_tokens(parse(source))
    pairs = zip(tokens.normalised, tokens.values, tokens.is_literal, strict=True)
    return [value if literal else token for token, value, literal in pairs]


def message_tokens(content: str) -> list[str]:
    """Return tokens of a turn: words around fenced Rust and tokens inside; without fences as `normalised_tokens`."""
    blocks = rust_blocks(content)
    if not blocks:
        return normalised_tokens(content)
    prose = content
    for block in blocks:
        prose = prose.replace(block, " ", 1)
    tokens = word_tokens(prose)
    for block in blocks:
        tokens += normalised_tokens(block)
    return tokens


def is_prose(root: Node) -> bool:
    """Return whether a text, parsed as Rust, is prose."""
    return root.has_error and not looks_like_code(root)


def word_tokens(text: str) -> list[str]:
    """Return words and numbers in lower case, without punctuation."""
    return _WORD.findall(text.casefold())


@dataclass(frozen=True)
class CodeTokens:
    """Tokens of a source in two forms, position by position."""

    normalised: list[str]
    """Tokens with declared names and literals replaced: the structure of the code."""
    values: list[str]
    """Tokens with all names replaced and literals as kind and text: the values of tests."""
    is_literal: list[bool]


def code_tokens(root: Node) -> CodeTokens:
    """Return the tokens of a tree."""
    tokens: list[str] = []
    values: list[str] = []
    literals: list[bool] = []
    names: list[tuple[int, str, bool]] = []
    items: set[str] = set()
    bindings: set[str] = set()
    cursor = root.walk()
    parents = [""]
    while True:
        node = cursor.node
        assert node is not None
        kind = node.type
        if kind in _LEFT_OUT:
            pass
        elif kind in _LITERALS:
            tokens.append(_LITERALS[kind])
            values.append(f"{_LITERALS[kind]} {text_of(node)}")
            literals.append(True)
        elif kind in _NAMES:
            name = text_of(node)
            parent, field = parents[-1], cursor.field_name
            if field == "name" and parent in _DECLARATIONS:
                items.add(name)
            elif _binds(field, parent, name):
                bindings.add(name)
            names.append((len(tokens), name, kind != "field_identifier" and parent not in _PATHS))
            tokens.append(name)
            values.append(NAME)
            literals.append(False)
        elif kind not in _WHOLE and cursor.goto_first_child():
            parents.append(kind)
            continue
        elif node.end_byte > node.start_byte and kind != "ERROR":
            token = NAME if kind in _WHOLE else text_of(node) if node.is_named else kind
            tokens.append(token)
            values.append(token)
            literals.append(False)
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                for position, name, free in names:
                    if name in items or (free and name in bindings):
                        tokens[position] = NAME
                return CodeTokens(tokens, values, literals)
            parents.pop()


def _binds(field: str | None, parent: str, name: str) -> bool:
    """Return whether a name in this place of the tree is a new variable; constants and variants in patterns are not."""
    if name[:1].isupper():
        return False
    return (field == "pattern" and parent in _BINDERS) or (parent in _PATTERNS and field != "type")
