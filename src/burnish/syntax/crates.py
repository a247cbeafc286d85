"""Find the crates that a program names, by its syntax tree.

Not covered: names that macros make; crates of edition 2015, whose paths begin at the root.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from burnish.syntax.source import apply_edits, name_of, parse, text_of, top_items, walk, walk_with_before
from burnish.syntax.standard_names import NO_DEPENDENCIES

WELL_KNOWN = ("anyhow", "chrono", "rand", "regex", "serde", "serde_json", "thiserror", "uuid")
"""Crates of the usual dependency set: a program that names one needs it, whether the set is built or not."""
COMMON = frozenset(
    {
        *WELL_KNOWN, "ahash", "approx", "arrayvec", "base64", "bigdecimal", "bitflags", "bitvec", "bytes", "criterion",
        "crossbeam", "dashmap", "either", "fixedbitset", "fnv", "futures", "hashbrown", "heapless", "hex", "indexmap",
        "indoc", "itertools", "lazy_static", "libc", "log", "maplit", "md5", "memchr", "nalgebra", "ndarray", "nom",
        "num", "num_bigint", "num_complex", "num_integer", "num_rational", "num_traits", "once_cell",
        "ordered_float", "parking_lot", "petgraph", "pretty_assertions", "primitive_types", "proptest", "quickcheck",
        "quickcheck_macros", "rand_chacha", "rayon", "rstest", "rust_decimal", "rustc_hash", "semver", "sha1", "sha2",
        "smallvec", "strum", "tempfile", "test_case", "tokio", "toml", "tracing", "unicode_segmentation", "url",
        "walkdir",
    }
)  # fmt: skip
"""Crates whose names in tests and prompts always mean the crate: without it, the task cannot be judged."""
_SCOPED = frozenset({"scoped_identifier", "scoped_type_identifier", "scoped_use_list", "use_wildcard"})
_IMPORTED = frozenset({*_SCOPED, "use_as_clause", "use_list"})
_NAMES = frozenset({"identifier", "type_identifier"})
SPACES = frozenset({"mod_item", "enum_item", "struct_item", "trait_item", "type_item", "union_item"})
"""Items that a path can begin with."""


def named_crates(source: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return the ``known`` crates that a program names at the head of a path, sorted, without its own modules."""
    root = parse(source)
    own_modules = {item.name for item in top_items(root) if item.kind in SPACES}
    heads = {text_of(head) for head in path_heads(root, attributes=True)}
    heads |= {name_of(node) for node in root.named_children if node.type == "extern_crate_declaration"}
    return tuple(sorted((heads & set(known)) - own_modules))


def unused_imports(source: str, crates: Iterable[str], also: str = "") -> tuple[list[tuple[int, int]], set[str]]:
    """Return positions of imports from ``crates`` that neither ``source`` nor ``also`` uses, and the other crates.

    A trait's methods do not name it, so one used name of a crate keeps all that is imported from it. The crate's own
    name is used at the head of a path; a variable ``rand`` does not use ``rand::Rng``.
    """
    root = parse(source)
    names: dict[str, set[str]] = {crate: {f"{crate}::"} for crate in crates}
    places: dict[str, list[tuple[int, int]]] = {crate: [] for crate in names}
    for node in root.named_children:
        crate = _imported_crate(node)
        if crate in names:
            leaves = [text_of(n) for n in walk(node) if n.type in _NAMES]
            names[crate] |= set(leaves[1:] or leaves)
            places[crate].append((node.start_byte, node.end_byte))
    used = _used_outside_imports(root) | _used_outside_imports(parse(also))
    kept = {crate for crate, its in names.items() if its & used}
    return [place for crate in names if crate not in kept for place in places[crate]], kept


def without_unused_imports(code: str, prompt: str, users: str) -> str:
    """Remove unused imports of crates from code, where its prompt has them too: a machine need not have the crate."""
    places, _ = unused_imports(code, imported_crates(parse(prompt)), users)
    return apply_edits(code, [(start, end, "") for start, end in places]) if places else code


def imported_crates(root: Node) -> set[str]:
    """Return crates that the top level imports from, without the standard ones and its own modules."""
    own_modules = {item.name for item in top_items(root) if item.kind in SPACES}
    return {crate for node in root.named_children if (crate := _imported_crate(node))} - own_modules - NO_DEPENDENCIES


def _imported_crate(node: Node) -> str:
    """Return the first name of an import; empty for several or none."""
    if node.type == "extern_crate_declaration":
        return name_of(node)
    argument = node.child_by_field_name("argument") if node.type == "use_declaration" else None
    while argument is not None and argument.type != "identifier":
        argument = argument.named_children[0] if argument.named_children else None
        if argument is not None and argument.type == "use_list":
            return ""
    return "" if argument is None else text_of(argument)


def _used_outside_imports(root: Node) -> set[str]:
    """Return names outside of top-level imports, heads of paths with ``::``; imports of inner modules count as uses."""
    used: set[str] = set()
    for item in root.named_children:
        if item.type not in ("use_declaration", "extern_crate_declaration"):
            for node, before in walk_with_before(item):
                if node.type in _NAMES:
                    used.add(text_of(node))
                elif node.type == "::" and before is not None:
                    used.add(f"{text_of(before)}::")
    return used


@dataclass
class _Level:
    """Facts about a node while its children are visited, since asking it for its parents is slow."""

    kind: str
    in_attribute: bool
    """Below an attribute, with nothing but paths and tokens between: ``#[allow(clippy::all)]`` names no crate."""
    in_list: bool
    """Inside the braces of an import whose path began before them: ``b`` in ``use a::{b::C};``."""
    first: str = ""
    """Kind of its first child."""
    named: int = 0
    """Named children so far."""


def path_heads(root: Node, *, attributes: bool = False) -> Iterator[Node]:
    """Yield the first segments of all paths, also inside of macro calls and, on demand, in attributes."""
    cursor = root.walk()
    levels = [_Level("", in_attribute=False, in_list=False)]
    while True:
        node = cursor.node
        assert node is not None
        parent = levels[-1]
        parent.first = parent.first or node.type
        parent.named += node.is_named
        wanted = attributes or not _below_attribute(node.type, parent)
        if node.type == "token_tree" and wanted and not _in_list(node.type, parent):
            yield from _heads_of_tokens(node.children)
        named = node.type == "identifier" and not parent.in_list
        if named and (attributes or not parent.in_attribute) and _is_head(levels):
            yield node
        if cursor.goto_first_child():
            inside = _below_attribute(node.type, parent), _in_list(node.type, parent)
            levels.append(_Level(node.type, *inside))
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            levels.pop()


def _below_attribute(kind: str, parent: _Level) -> bool:
    return kind == "attribute" or (kind in ("token_tree", "scoped_identifier") and parent.in_attribute)


def _in_list(kind: str, parent: _Level) -> bool:
    if kind not in _IMPORTED:
        return False
    return parent.in_list or (kind == "use_list" and parent.kind == "scoped_use_list")


def _heads_of_tokens(tokens: list[Node]) -> Iterator[Node]:
    """Yield heads among the bare tokens of a macro call: a name before ``::`` without a path before it."""
    kinds = ["", *(token.type for token in tokens), "", ""]
    for place, token in enumerate(tokens, start=1):
        leads = kinds[place + 1] == "::" and kinds[place + 2] != "<"  # `parse::<u8>()` calls a function
        if token.type == "identifier" and leads and kinds[place - 1] not in ("::", "."):
            yield token


def _is_head(levels: list[_Level]) -> bool:
    """Return whether the visited name, a child of the last level, begins a path.

    ``use name as other;``, ``use name::*;`` and ``use name;`` have no scoped parent; ``::a::b`` begins at the root and
    is left alone.
    """
    parent, above = levels[-1], levels[-2].kind if len(levels) > 1 else ""
    if parent.kind in ("use_as_clause", "use_wildcard"):
        return parent.named == 1 and above != "use_list"
    if parent.kind == "use_declaration":
        return True
    return parent.kind in _SCOPED and parent.named == 1 and parent.first != "::"
