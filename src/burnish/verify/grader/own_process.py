"""Restrict answers that share a process with their tests: safe Rust only, no other programs, no forks.

The compiler refuses ``unsafe`` (``-F unsafe_code``); other ways out of safe Rust are refused by the syntax tree, also
in macros' tokens. The harness deletes its own file and installs a system call filter before it calls the answer:
starting a program or forking kills it. A type of the answer must not define equality with foreign types, unless the
task's own code does.

Not covered: soundness holes of the language, and an ``exit`` in a call, which leaves the report incomplete.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from burnish.syntax.source import last_name, parse, text_of, walk
from burnish.syntax.standard_names import STANDARD_CRATES
from burnish.verify.grader.implemented import COMPARISONS, implemented
from burnish.verify.sandbox.seccomp import no_programs_filter

_WORDS = frozenset({"unsafe", "no_mangle", "export_name", "link_section", "global_allocator"})
_MACROS = frozenset({"asm", "global_asm", "naked_asm", "llvm_asm"})
_ATTRIBUTES = frozenset({"naked", "link", "link_name", "link_ordinal", "linkage", "used"})
"""Words that are ordinary names elsewhere, as in linked lists."""
_ANY_WORD = re.compile(rf"\b(?:{'|'.join(sorted(_WORDS | _MACROS))})\b")


def beyond_safe_rust(code: str) -> str:
    """Return the first thing in a program that reaches outside of safe Rust; empty without any."""
    root = parse(code)
    if root.has_error:  # the compiler may parse what this grammar cannot: then every word counts
        match = _ANY_WORD.search(code)
        return match[0] if match is not None else ""
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
        word = last_name(node)
        if word in _WORDS or (word in _MACROS and _calls_macro(node)):
            return word
        if word in _ATTRIBUTES:
            if _in_attribute(node):
                return word
            if _in_tokens(node):
                in_tokens.add(word)
    return min(in_tokens) if by_variable and in_tokens else ""


def equals_foreign_values(code: str, *given: str | None) -> str:
    """Return the first type of a program that defines equality with other types, unless ``given`` code does so too."""
    if any(True for text in given if text for _ in _foreign_comparisons(text)):
        return ""
    return next(_foreign_comparisons(code), "")


def _foreign_comparisons(code: str) -> Iterator[str]:
    return (impl.kind or "a macro" for impl in implemented(code) if impl.trait in COMPARISONS and impl.foreign)


def _renames_standard(node: Node) -> bool:
    """Return whether another crate takes the name of a standard one, whose macros the tests use."""
    if node.type == "extern_crate_declaration":
        alias = node.child_by_field_name("alias")
        return alias is not None and last_name(alias) in STANDARD_CRATES
    before = node.prev_sibling
    in_tokens = node.type == "crate" and node.parent is not None and node.parent.type.startswith("token_tree")
    return in_tokens and before is not None and text_of(before) == "extern"


def _calls_macro(node: Node) -> bool:
    """Return whether ``asm!`` is called, or mentioned among a macro's tokens or in an import."""
    above = node.parent
    while above is not None and above.type in ("scoped_identifier", "use_as_clause", "use_list", "scoped_use_list"):
        above = above.parent
    return above is not None and above.type in ("macro_invocation", "token_tree", "use_declaration")


def _in_tokens(node: Node) -> bool:
    return node.parent is not None and node.parent.type == "token_tree"


def _in_attribute(node: Node) -> bool:
    """Return whether a node is in an attribute, or in brackets after ``#`` among a macro's tokens."""
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
    """Return whether a macro has ``#[$name]``, whose argument becomes an attribute."""
    before = node.prev_sibling
    behind_hash = before is not None and text_of(before) == "#" and node.type in ("token_tree", "token_tree_pattern")
    return text_of(node) if behind_hash and "$" in text_of(node) else ""


def confinement() -> str:
    """Return Rust source of ``confine()``: it deletes the program's file and forbids further processes."""
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
