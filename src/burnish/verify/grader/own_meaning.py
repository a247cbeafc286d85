"""Find meanings that an answer must not redefine when it shares a crate with its tests.

Tests in the answer's own process see the answer's types and traits. A trait whose method is named like a standard one
hijacks calls of the tests (`hidden_traits`); a type with operators of its own may equal any result (`false_types`).
Names of the task's own code or its tests are allowed.

Not covered: comparisons with other types (`own_process`), an answer whose tests compare two of its own results.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tree_sitter import Node

from burnish.syntax.source import identifiers, name_of, parse, text_of, top_items, walk, walk_with_before
from burnish.verify.grader.crate_paths import STANDARD_CRATES, path_head

_EQUALITY = frozenset({"PartialEq", "PartialOrd"})
_OPERATORS = frozenset(
    {
        "Not", "Neg", "Deref", "DerefMut", "Index", "IndexMut", "Add", "Sub", "Mul", "Div", "Rem", "BitAnd", "BitOr",
        "BitXor", "Shl", "Shr", "Fn", "FnMut", "FnOnce",
    }
)  # fmt: skip
_ANSWERS_OF_STANDARD = frozenset(
    {
        "is_some",
        "is_none",
        "is_ok",
        "is_err",
        "unwrap",
        "unwrap_err",
        "expect",
        "expect_err",
        "abs",
        "is_nan",
        "is_zero",
    }
)
"""Methods by which tests look into an option, a result or a number."""
_RESULTS = frozenset(
    {
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16", "u32", "u64",
        "u128", "usize", "Option", "Result", "String", "Vec", "Box", "HashMap", "HashSet", "BTreeMap", "BTreeSet",
        "VecDeque",
    }
)  # fmt: skip
"""Types of results that tests look into."""
_STRUCTS = frozenset({"String", "Vec", "Box"})
_STANDARD_METHODS = _ANSWERS_OF_STANDARD | frozenset(
    {
        "all", "any", "as_bytes", "as_ref", "as_slice", "as_str", "bytes", "capacity", "chars", "chunks",
        "clone", "cmp", "collect", "concat", "contains", "contains_key", "count", "ends_with", "eq", "first",
        "get", "into_iter", "is_empty", "is_sorted", "iter", "join", "keys", "last", "len", "lines", "max",
        "min", "ne", "nth", "partial_cmp", "position", "product", "rev", "sort", "split", "starts_with", "sum",
        "to_owned", "to_string", "to_vec", "trim", "values", "windows", "zip",
    }
)  # fmt: skip


def hidden_traits(code: str, tests: str, *given: str | None) -> list[str]:
    """List names that hide the answer's traits from its tests: those in neither the tests nor the task's code.

    Where the task has no code, tests may need a trait of the answer's; then those are hidden that answer for a standard
    type: with a method that looks into one, or with another standard method for types that are not the answer's own.
    """
    if "trait" not in code:
        return []
    known = {name for text in (tests, *given) if text for name in identifiers(text)}
    declared = any(given)
    hidden: set[str] = set()
    maybe: set[str] = set()
    in_macros: set[str] = set()
    by_variable = False
    for node in walk(parse(code)):
        if node.type == "trait_item":
            if declared or _methods(node) & _ANSWERS_OF_STANDARD:
                hidden.add(name_of(node))
            elif _methods(node) & _STANDARD_METHODS:
                maybe.add(name_of(node))
        elif node.type == "use_as_clause":
            hidden.add(text_of(node.named_children[-1]))
        elif node.type in ("token_tree", "token_tree_pattern"):
            in_macros |= {text_of(child) for child in node.children if child.type in ("identifier", "type_identifier")}
            for word, after in itertools.pairwise(node.children):
                if text_of(word) == "trait":
                    by_variable = by_variable or text_of(after).startswith("$")
                    hidden.add(text_of(after))
    if by_variable:
        hidden |= in_macros
    if maybe:
        hidden |= maybe & (in_macros | _traits_of_foreign_types(code))
    return sorted(name for name in hidden - known if name.isidentifier() and name != "_")


def unnamed_import(code: str) -> str:
    """Return an import of the answer's own trait without a name, which cannot be hidden; empty without one."""
    for node in walk(parse(code)):
        if node.type == "use_declaration" and "trait" in code:
            argument = node.child_by_field_name("argument")
            local = argument is not None and text_of(path_head(argument)) not in STANDARD_CRATES
            if local and any(
                inner.type == "use_as_clause" and text_of(inner).split()[-1] == "_" for inner in walk(node)
            ):
                return text_of(node)
    return ""


def false_type(code: str, tests: str, *given: str | None) -> str:
    """Return the type of an answer that may equal results of other types; empty without one.

    With code of the task: a type that compares its values otherwise than the task's derived way. Without: a type that
    the tests do not name, and that has operators, or methods by which tests look into standard types.
    """
    texts = [text for text in given if text]
    meant = set() if texts else made_by_fields(parse(tests))
    shadow = next((n for n in _shadows(code) if n not in meant and (not texts or any(n in text for text in texts))), "")
    if shadow:
        return shadow
    if texts:
        derived = set(_derived(texts[0]))
        return next((kind for kind, trait in _implemented(code) if trait in _EQUALITY and kind in derived), "")
    named = identifiers(tests)
    for kind, trait in _implemented(code, but_closed=True):
        if trait in _OPERATORS and kind not in named:
            return kind
    for node in walk(parse(code)):
        if node.type == "impl_item" and node.child_by_field_name("trait") is None:
            kind = _base(node.child_by_field_name("type"))
            if kind not in named and _methods(node) & _ANSWERS_OF_STANDARD & named:
                return kind
    return ""


def made_by_fields(tests: Node) -> set[str]:
    """Return standard types that tests make in a way impossible for the standard library's: ``Vec { x: 1 }``."""
    return {
        text_of(before)
        for node, before in walk_with_before(tests)
        if before is not None
        and text_of(before) in _STRUCTS
        and (node.type in ("field_initializer_list", "arguments") or _is_group(node))
    }


def _is_group(node: Node) -> bool:
    """Return whether a node is braces or parentheses among a macro's tokens."""
    return node.type == "token_tree" and text_of(node).startswith(("{", "("))


def _shadows(code: str) -> Iterator[str]:
    """Return standard types and primitives that the answer redefines, in macros too."""
    for node in walk(parse(code)):
        if node.type in ("struct_item", "enum_item", "union_item", "type_item"):
            meant = node.child_by_field_name("type")
            if name_of(node) in _RESULTS and (meant is None or not _is_standard(meant)):
                yield name_of(node)
        elif node.type == "use_declaration":
            argument = node.child_by_field_name("argument")
            if argument is not None and text_of(path_head(argument)) not in STANDARD_CRATES:
                yield from (text_of(n) for n in walk(argument) if text_of(n) in _RESULTS)
        elif node.type == "token_tree":
            for word, after in itertools.pairwise(node.children):
                if text_of(word) in ("struct", "enum", "union", "type") and text_of(after) in _RESULTS:
                    yield text_of(after)


def _is_standard(kind: Node) -> bool:
    """Return whether an alias means the standard type of the same name, or another standard one by its path."""
    path = kind.child_by_field_name("type") if kind.type == "generic_type" else kind
    return path is not None and text_of(path).split("::")[0] in (*STANDARD_CRATES, "Result", "Option", "Box", "Vec")


def _traits_of_foreign_types(code: str) -> set[str]:
    """Return traits implemented for types other than the answer's own, at the top level."""
    root = parse(code)
    own = {item.name for item in top_items(root) if item.kind in ("struct_item", "enum_item", "union_item")}
    own -= {name_of(node) for node in walk(root) if node.type == "type_parameter"}
    traits = set()
    for node in walk(root):
        trait = node.child_by_field_name("trait") if node.type == "impl_item" else None
        if trait is not None:
            at_top = node.parent is not None and node.parent.type == "source_file"
            if not at_top or _base(node.child_by_field_name("type")) not in own:
                traits.add(_base(trait))
    return traits


def _is_closed(node: Node) -> bool:
    """Return whether an operator returns its own type, so that tests still compare that type.

    Spelled the same, two names in one place mean the same.
    """
    kind, body = node.child_by_field_name("type"), node.child_by_field_name("body")
    results = [child for child in body.named_children if child.type == "type_item"] if body is not None else []
    if kind is None or len(results) != 1:
        return False
    result = results[0].child_by_field_name("type")
    return result is not None and text_of(result) in (text_of(kind), "Self")


def _implemented(code: str, *, but_closed: bool = False) -> Iterator[tuple[str, str]]:
    """Return types with their hand-written traits, in macros too, without operators that return their own type."""
    for node in walk(parse(code)):
        if node.type == "impl_item":
            trait = node.child_by_field_name("trait")
            if trait is not None and not (but_closed and _is_closed(node)):
                yield _base(node.child_by_field_name("type")), _base(trait)
        elif node.type == "token_tree":
            words = [text_of(child) for child in node.children]
            for place, word in enumerate(words[1:-1], 1):
                if word == "for" and words[place - 1].isidentifier():
                    yield words[place + 1], words[place - 1]


def _derived(code: str) -> Iterator[str]:
    """Return types of the task's code that derive comparison."""
    derives = False
    for node in walk(parse(code)):
        if node.type == "attribute_item":
            text = text_of(node)
            derives = derives or ("derive" in text and any(name in text for name in _EQUALITY))
        elif node.type in ("struct_item", "enum_item"):
            if derives:
                yield name_of(node)
            derives = False


def _base(node: Node | None) -> str:
    """Return the last name of a path, without references and type arguments."""
    if node is None:
        return ""
    inner = node.child_by_field_name("type") if node.type in ("generic_type", "reference_type") else None
    return _base(inner) if inner is not None else text_of(node).split("::")[-1].strip()


def _methods(node: Node) -> set[str]:
    body = node.child_by_field_name("body")
    return {name_of(child) for child in body.named_children} if body is not None else set()
