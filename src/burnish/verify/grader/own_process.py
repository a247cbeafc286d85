"""What holds where tests in Rust share a process with the answer: no way out of safe Rust, no programs, no forks.

The compiler refuses ``unsafe`` (``-F unsafe_code``); what else reaches beyond safe Rust is refused by the syntax tree,
in macros' tokens too. The harness takes its file out of the box and installs a system call filter before it calls
anything: starting a program or forking kills. A type of the answer's must not say which foreign values it equals,
unless the task's own code has it so.

Not covered: holes of the language itself, and an ``exit`` in a call, which a complete report stands against.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from burnish.syntax.source import parse, text_of, walk
from burnish.verify.sandbox.seccomp import no_programs_filter

_WORDS = frozenset({"unsafe", "no_mangle", "export_name", "link_section", "global_allocator"})
_MACROS = frozenset({"asm", "global_asm", "naked_asm", "llvm_asm"})
_ATTRIBUTES = frozenset({"naked", "link", "link_name", "link_ordinal", "linkage", "used"})
"""Ordinary names elsewhere, as in linked lists."""
_ANY_WORD = re.compile(rf"\b(?:{'|'.join(sorted(_WORDS | _MACROS))})\b")
_COMPARISONS = frozenset({"PartialEq", "PartialOrd"})


def beyond_safe_rust(code: str) -> str:
    """The first thing in a program that reaches outside of safe Rust; empty where there is none."""
    root = parse(code)
    if root.has_error:  # the compiler may read what this grammar does not: every word counts then
        found = _ANY_WORD.search(code)
        return found[0] if found is not None else ""
    in_tokens: set[str] = set()
    by_variable = ""
    for node in walk(root):
        if node.type == "foreign_mod_item":
            return "extern block"
        if _renames_standard(node):
            return "extern crate"
        if node.child_count:
            by_variable = by_variable or _attribute_by_variable(node)
            continue
        word = text_of(node).removeprefix("r#")
        if word in _WORDS or (word in _MACROS and _calls_macro(node)):
            return word
        if word in _ATTRIBUTES:
            if _in_attribute(node):
                return word
            if _in_tokens(node):
                in_tokens.add(word)
    return min(in_tokens) if by_variable and in_tokens else ""


def equals_foreign_values(code: str, *given: str | None) -> str:
    """The type of a program that says which values of other types it equals, unless ``given`` code does so too."""
    if any(True for text in given if text for _ in _comparisons(text)):
        return ""
    return next(_comparisons(code), "")


def _comparisons(code: str) -> Iterator[str]:
    for node in walk(parse(code)):
        if node.type == "impl_item":
            trait, kind = node.child_by_field_name("trait"), node.child_by_field_name("type")
            if trait is not None and kind is not None and trait.type == "generic_type":
                named, arguments = trait.child_by_field_name("type"), trait.child_by_field_name("type_arguments")
                if named is None or arguments is None or text_of(named).split("::")[-1].strip() not in _COMPARISONS:
                    continue
                others = {text_of(one) for one in arguments.named_children}
                if others - {"Self", text_of(kind)}:
                    yield text_of(kind)
        elif node.type == "use_as_clause" and text_of(node.named_children[0]).split("::")[-1] in _COMPARISONS:
            yield text_of(node)
        elif node.type == "token_tree":  # what a macro would write
            for one in node.children:
                after = one.next_sibling
                if text_of(one) in _COMPARISONS and after is not None and text_of(after) == "<":
                    yield "a macro"


def _renames_standard(node: Node) -> bool:
    """Another crate under the name of a standard one, whose macros the tests use; any that a macro would name."""
    if node.type == "extern_crate_declaration":
        alias = node.child_by_field_name("alias")
        return alias is not None and text_of(alias).removeprefix("r#") in ("std", "core", "alloc")
    before = node.prev_sibling
    in_tokens = node.type == "crate" and node.parent is not None and node.parent.type.startswith("token_tree")
    return in_tokens and before is not None and text_of(before) == "extern"


def _calls_macro(node: Node) -> bool:
    """``asm!``, or any mention among a macro's tokens or of an import."""
    above = node.parent
    while above is not None and above.type in ("scoped_identifier", "use_as_clause", "use_list", "scoped_use_list"):
        above = above.parent
    return above is not None and above.type in ("macro_invocation", "token_tree", "use_declaration")


def _in_tokens(node: Node) -> bool:
    return node.parent is not None and node.parent.type == "token_tree"


def _in_attribute(node: Node) -> bool:
    """In an attribute, or in brackets behind a ``#`` among a macro's tokens."""
    above = node.parent
    while above is not None:
        if above.type in ("attribute", "attribute_item", "inner_attribute_item"):
            return True
        before = above.prev_sibling
        if above.type == "token_tree" and before is not None and text_of(before) in ("#", "!"):
            return text_of(before) == "#" or (before.prev_sibling is not None and text_of(before.prev_sibling) == "#")
        above = above.parent
    return False


def _attribute_by_variable(node: Node) -> str:
    """``#[$name]`` in a macro: what is passed to it becomes an attribute."""
    before = node.prev_sibling
    behind_hash = before is not None and text_of(before) == "#" and node.type in ("token_tree", "token_tree_pattern")
    return text_of(node) if behind_hash and "$" in text_of(node) else ""


def confinement() -> str:
    """Rust source of ``confine()``: the program's file goes, and from then on there is one process."""
    filtered = no_programs_filter()
    numbers = ", ".join(str(byte) for byte in filtered)
    return f"""
mod confinement {{
    #[repr(C, align(8))] struct Words([u8; {len(filtered)}]);
    static FILTER: Words = Words([{numbers}]);
    #[repr(C)] struct Program {{ many: u16, first: *const u8 }}
    extern "C" {{ fn prctl(option: i32, a: usize, b: usize, c: usize, d: usize) -> i32; }}
    pub fn confine() {{
        if let Some(path) = ::std::env::args_os().next() {{ let _ = ::std::fs::remove_file(path); }}
        let program = Program {{ many: {len(filtered) // 8}, first: FILTER.0.as_ptr() }};
        let no_new_privileges = unsafe {{ prctl(38, 1, 0, 0, 0) }};
        let filtered = unsafe {{ prctl(22, 2, &program as *const Program as usize, 0, 0) }};
        if no_new_privileges != 0 || filtered != 0 {{ ::std::process::exit(98) }}
    }}
}}
"""
