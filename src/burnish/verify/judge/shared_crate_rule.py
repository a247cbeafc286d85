"""Decide which programs may share a crate, each as its own module, with equal results.

A program joins only when it is plain: no unsafe code, no macros but the standard library's, no attribute that reaches
outside, no condition of compilation, no name that means the crate, the file or the process, no address, and no impl of
a foreign trait for a foreign type (another module's type inference could see it).

The syntax tree decides, so that text between the tokens of an attribute cannot evade the rule. In addition, certain
words are refused anywhere, comments included; so the rule errs on the side of judging alone.

Not covered: whether it compiles; a joined program with errors leaves its group (`batch`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tree_sitter import Node

from burnish.records import Edition
from burnish.syntax.source import BESIDE_ITEMS, name_of, parse, text_of, walk

PREFIX = "joined_"
"""Prefix of every module name; a program that holds this word does not join."""
_MOST_BYTES = 16_384
# Words that name the crate, the file, the process, addresses or compiler settings. They are matched anywhere in the
# text, comments included: a false hit only costs speed, a miss could change a verdict.
_ALONE = re.compile(
    r"\b(?:crate|unsafe|main|extern|macro_rules|macro|joined_\w*|tested_\w*|include\w*|\w*asm|\w*env|paths?|module_path"
    r"|type_name\w*|type_id|TypeId|Any|Location|caller|\w*[bB]acktrace|panic_any"
    r"|\w*_hook|catch_unwind|thread_local|proc_macro|feature|link\w*|async|await|deny|forbid|global_allocator"
    r"|non_exhaustive|dbg|cfg\w*|clippy|rustfmt|ptr|addr\w*|\w*_ptr|Pointer)\b|(?:file|line|column)\s*!|\bany\s*::|r#\w"
)
# Allow-lists, not deny-lists: an attribute or macro added by a newer compiler is refused until it is listed.
_ATTRIBUTES = frozenset(
    {"derive", "inline", "must_use", "doc", "test", "ignore", "should_panic", "cold", "track_caller", "default"}
)
_MACROS = frozenset(
    {
        "assert", "assert_eq", "assert_ne", "debug_assert", "debug_assert_eq", "debug_assert_ne", "eprint", "eprintln",
        "format", "format_args", "matches", "panic", "print", "println", "todo", "unimplemented", "unreachable", "vec",
        "write", "writeln",
    }
)  # fmt: skip
_TYPES = frozenset({"struct_item", "enum_item", "union_item"})
_REFUSED = frozenset(
    {"inner_attribute_item", "inner_doc_comment_marker", "shebang", "macro_definition", "pointer_type", "super"}
)
_ADDRESS = re.compile(r":[^{}]*p\}")
"""``{:p}`` and similar formats, which print addresses."""


def may_join(code: str, edition: Edition) -> bool:
    """Return whether the program may be one module among others."""
    # Paths of edition 2015 begin at the crate root, so a module is not equivalent. Non-ASCII could hide a word
    # from the expression by normalisation of identifiers.
    if edition == "2015" or len(code) > _MOST_BYTES or not code.isascii() or _ALONE.search(code):
        return False
    root = parse(code)
    return not root.has_error and _is_plain(root)


def _is_plain(root: Node) -> bool:
    types: set[str] = set()
    traits: set[str] = set()
    functions: set[str] = set()
    impls: list[tuple[str, str]] = []
    cast: list[str] = []
    for node in walk(root):
        kind = node.type
        if kind in _REFUSED or not _HARMLESS.get(kind, _anything)(node):
            return False
        if kind in _TYPES:
            types.add(name_of(node))
        elif kind == "trait_item":
            traits.add(name_of(node))
        elif kind == "function_item":
            functions.add(name_of(node))
        elif kind == "type_cast_expression":
            cast.append(_base(text_of(node.named_children[0]).rpartition("::")[2]))
        elif kind == "impl_item":
            trait, implemented = node.child_by_field_name("trait"), node.child_by_field_name("type")
            if trait is not None and implemented is not None:
                impls.append((_base(text_of(trait)), _base(text_of(implemented))))
    # Coherence: an impl of a foreign trait for a foreign type would be visible in all modules of the crate.
    # Casting a function (`f as usize`) would reveal its address, which differs in a shared crate.
    return all(kind in types or trait in traits for trait, kind in impls) and functions.isdisjoint(cast)


def _anything(_: Node) -> bool:
    return True


def _is_plain_attribute(node: Node) -> bool:
    attribute = next((child for child in node.named_children if child.type == "attribute"), None)
    return attribute is not None and text_of(attribute.named_children[0]) in _ATTRIBUTES


def _is_known_macro(node: Node) -> bool:
    macro = node.child_by_field_name("macro")
    return macro is not None and text_of(macro).rpartition("::")[2].strip() in _MACROS


def _is_method(node: Node) -> bool:
    """Return whether ``any`` is a method, not the module of types: a field, or a token (checked by
    `_has_plain_tokens`)."""
    return text_of(node) != "any" or (node.parent is not None and node.parent.type == "token_tree")


def _has_plain_tokens(tree: Node) -> bool:
    """Return whether a macro call's tokens are plain: no attribute, and no call of an unlisted macro."""
    tokens = [node for node in tree.children if node.type not in BESIDE_ITEMS]
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if token.type == "#":
            return False
        called = token.type == "!" and after is not None and after.type == "token_tree"
        if called and before is not None and before.type == "identifier" and text_of(before) not in _MACROS:
            return False
        if token.type == "identifier" and text_of(token) == "any" and (before is None or before.type != "."):
            return False
    return True


_HARMLESS: Mapping[str, Callable[[Node], bool]] = {
    "attribute_item": _is_plain_attribute,
    "macro_invocation": _is_known_macro,
    "token_tree": _has_plain_tokens,
    "mod_item": lambda node: node.child_by_field_name("body") is not None,
    "function_type": lambda node: all(child.type != "fn" for child in node.children),
    "string_content": lambda node: not _ADDRESS.search(text_of(node)),
    "identifier": _is_method,
}
"""Node kinds that are confined to their module only under these conditions."""


def _base(path: str) -> str:
    return path.split("<", maxsplit=1)[0].strip()
