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

from burnish.syntax.imports import imports_of
from burnish.syntax.source import identifiers, last_name, parse, plain_name, text_of, top_items, walk, walk_with_before
from burnish.syntax.standard_names import STANDARD_CRATES
from burnish.verify.grader.implemented import (
    COMPARISONS,
    OPERATORS,
    Implemented,
    aliases_of,
    implemented,
    is_word,
    meant,
    names_of_made_items,
    token_trees,
)
from burnish.verify.grader.reachable import reachable

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
_OWN_TYPES = frozenset({"struct_item", "enum_item", "union_item"})
_TYPE_ITEMS = _OWN_TYPES | {"type_item"}
_SPACES = _TYPE_ITEMS | {"mod_item", "trait_item"}
_BINDINGS = frozenset({"let_declaration", "parameter", "for_expression"})
_PRELUDE = frozenset({"Result", "Option", "Box", "Vec"})
_KEYWORDS = frozenset({"crate", "self", "super", "Self"})
_PATH = frozenset({"identifier", "type_identifier", "primitive_type", "crate", "self", "super", "::"})
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
    known = {plain_name(name) for text in (tests, *given) if text for name in identifiers(text)}
    declared = any(given)
    hidden: set[str] = set()
    maybe: set[str] = set()
    root = parse(code)
    for node in walk(root):
        if node.type == "trait_item":
            if declared or _methods(node) & _ANSWERS_OF_STANDARD:
                hidden.add(last_name(node))
            elif _methods(node) & _STANDARD_METHODS:
                maybe.add(last_name(node))
        elif node.type == "use_as_clause":
            hidden.add(last_name(node.child_by_field_name("alias")))
    in_macros: set[str] = set()
    by_variable = False
    for tokens in token_trees(root):
        in_macros |= {last_name(token) for token in tokens if token.type == "identifier"}
        makes_traits, binds = (any(is_word(token, word) for token in tokens) for word in ("trait", "use"))
        for word, after in itertools.pairwise(tokens):
            if (makes_traits and is_word(word, "trait")) or (binds and is_word(word, "as")):
                by_variable = by_variable or after.type == "metavariable"
                hidden |= {last_name(after)} if after.type == "identifier" else set()
    if by_variable:
        hidden |= _handed_names(root)
    if maybe:
        hidden |= maybe & (in_macros | _traits_of_foreign_types(code))
    return sorted(name for name in hidden - known - _KEYWORDS - {"_"} if name.isidentifier())


def _handed_names(root: Node) -> set[str]:
    """Return names among the arguments of macro calls, those in macros included."""
    names: set[str] = set()
    behind = 0
    for node, before in walk_with_before(root):
        if node.type == "token_tree" and before is not None and before.type == "!":
            behind = max(behind, node.end_byte)
        elif node.type == "identifier" and node.start_byte < behind:
            names.add(last_name(node))
    return names


def unnamed_import(code: str) -> str:
    """Return an import of the answer's own trait without a name, which cannot be hidden; empty without one."""
    if "trait" not in code:
        return ""
    root = parse(code)
    for node in walk(root):
        if node.type == "use_declaration":
            for imported in imports_of(node):
                if imported.name == "_" and plain_name(imported.head) not in STANDARD_CRATES:
                    return text_of(node)
    for tokens in token_trees(root):
        if any(is_word(token, "use") for token in tokens):
            for word, after in itertools.pairwise(tokens):
                if is_word(word, "as") and is_word(after, "_"):
                    return "use .. as _"
    return ""


def false_type(code: str, tests: str, *given: str | None) -> str:
    """Return the type of an answer that may equal results of other types; empty without one.

    With code of the task: a type that compares its values otherwise than the task's derived way. Without: a type that
    the tests do not name, and that has operators, or methods by which tests look into standard types.
    """
    texts = [text for text in given if text]
    meant_so = set() if texts else made_by_fields(parse(tests))
    shadows = (name for name in _shadows(code) if name not in meant_so)
    shadow = next((name for name in shadows if not texts or any(name in text for text in texts)), "")
    if shadow:
        return shadow
    return _false_comparison(code, texts[0]) if texts else _false_operator(code, tests)


def _false_comparison(code: str, given: str) -> str:
    """Return the type whose derived comparison of the task's the answer replaces by its own; empty without one."""
    derived = _derived(given)
    root = parse(code)
    aliases = aliases_of(root)
    spoken = {plain_name(name) for name in identifiers(code)}
    renamed = aliases_of(root, associated=False).keys() | names_of_made_items(root)
    kinds_by_trait = {
        trait: {kind for kind, traits in derived.items() if trait in traits and kind in spoken}
        - (_deriving(root, trait) - renamed)
        for trait in COMPARISONS
    }
    aliased = {trait: kinds & aliases.keys() for trait, kinds in kinds_by_trait.items()}
    for impl in implemented(code):
        wanted = kinds_by_trait.get(impl.trait, set())
        kinds = wanted & meant(impl.kind, aliases) if impl.kind else wanted
        kinds = kinds or aliased.get(impl.trait, set())
        if kinds:
            return min(kinds)
    return ""


def _false_operator(code: str, tests: str) -> str:
    """Return a type that tests reach without naming it, and that has what tests look into results with."""
    used = identifiers(tests)
    reached = reachable(code, used)
    named = _types_named_by(tests)
    root = parse(code)
    aliases = aliases_of(root)
    own = {last_name(node) for node in walk(root) if node.type in _OWN_TYPES}
    for impl in implemented(code):
        if impl.trait in OPERATORS and not impl.closed:
            kinds = _possible(impl, own, aliases) - named
            if kinds and (reached is None or kinds & reached):
                return min(kinds)
    for node in walk(root):
        if node.type == "impl_item" and node.child_by_field_name("trait") is None:
            kind = last_name(node.child_by_field_name("type"))
            is_seen = reached is None or not meant(kind, aliases).isdisjoint(reached)
            if is_seen and kind not in named and _methods(node) & _ANSWERS_OF_STANDARD & used:
                return kind
    return ""


def _possible(impl: Implemented, own: set[str], aliases: dict[str, set[str]]) -> set[str]:
    """Return the names of types that an implementation may be for."""
    if not impl.kind:
        return own
    return (meant(impl.kind, aliases) & own) or {impl.kind}


def _types_named_by(tests: str) -> set[str]:
    """Return names in tests that may be types: no items, variables or parameters of the tests' own."""
    root = parse(tests)
    own = {last_name(node.child_by_field_name("pattern")) for node in walk(root) if node.type in _BINDINGS}
    own |= {last_name(node) for node in walk(root) if node.type in ("function_item", "const_item", "static_item")}
    return {plain_name(name) for name in identifiers(tests)} - own


def made_by_fields(tests: Node) -> set[str]:
    """Return standard types that tests make in a way impossible for the standard library's: ``Vec { x: 1 }``."""
    return {
        text_of(before)
        for node, before in walk_with_before(tests)
        if before is not None
        and (node.type in ("field_initializer_list", "arguments") or _is_group(node))
        and not before.child_count  # a path or a call may be as long as the tests
        and text_of(before) in _STRUCTS
    }


def _is_group(node: Node) -> bool:
    """Return whether a node is braces or parentheses among a macro's tokens."""
    return node.type == "token_tree" and node.children[0].type in ("{", "(")


def _shadows(code: str) -> Iterator[str]:
    """Return standard types and primitives that the answer redefines, in macros too.

    A name that is imported as it is means an item of a dependency or of the answer, whose own definition counts.
    """
    root = parse(code)
    outside = _Outside(root)
    for node in walk(root):
        name = last_name(node) if node.type in _TYPE_ITEMS else ""
        if name in _RESULTS and (node.type != "type_item" or not outside.is_standard(node, name)):
            yield name
        elif node.type == "use_declaration":
            for imported in imports_of(node):
                path, bound = imported.path.partition(" as ")[0], plain_name(imported.name)
                original = plain_name(path.rpartition("::")[2])
                if bound in _RESULTS and bound != original and not outside.begins(path):
                    yield bound
    for tokens in token_trees(root):
        for word, after in itertools.pairwise(tokens):
            if is_word(word, "struct", "enum", "union", "type") and last_name(after) in _RESULTS:
                yield last_name(after)


class _Outside:
    """Tell paths into the standard library or a dependency from those into the answer."""

    def __init__(self, root: Node) -> None:
        self._own = {last_name(node) for node in walk(root) if node.type in _SPACES} | names_of_made_items(root)
        self._imported: dict[str, set[str]] = {}
        for node in walk(root):
            for imported in imports_of(node) if node.type == "use_declaration" else ():
                path, name = imported.path.partition(" as ")[0], plain_name(imported.name)
                self._imported.setdefault(name, set()).add(path)
                if name in STANDARD_CRATES and path != name:
                    self._own.add(name)

    def begins(self, path: str) -> bool:
        """Return whether a path begins in the standard library."""
        head = plain_name(path.removeprefix("::").partition("::")[0])
        return head in STANDARD_CRATES and (path.startswith("::") or head not in self._own)

    def is_standard(self, alias: Node, name: str) -> bool:
        """Return whether an alias means the type of the same name elsewhere, or a standard one."""
        kind = alias.child_by_field_name("type")
        if kind is None:
            return False
        if kind.type == "generic_type":
            kind = kind.child_by_field_name("type") or kind
        path = "".join(text_of(node) for node in walk(kind) if not node.child_count and node.type in _PATH)
        if last_name(kind) == name or self.begins(path):
            return True
        imports = self._imported.get(plain_name(path.removeprefix("::").partition("::")[0]), set())
        if imports:
            return all(self.begins(imported) or self._is_like(imported, name) for imported in imports)
        return path in _PRELUDE - self._own or ("::" in path and self._is_like(path, name))

    def _is_like(self, path: str, name: str) -> bool:
        """Return whether a dependency's type is named after a standard one: ``rustc_hash::FxHashMap``."""
        parts = [plain_name(part) for part in path.removeprefix("::").split("::")]
        return parts[-1].endswith(name) and {parts[0], parts[-1]}.isdisjoint(self._own | _KEYWORDS)


def _traits_of_foreign_types(code: str) -> set[str]:
    """Return traits implemented for types other than the answer's own, at the top level."""
    root = parse(code)
    own = {last_name(item.node) for item in top_items(root) if item.kind in _OWN_TYPES}
    own -= {last_name(node) for node in walk(root) if node.type == "type_parameter"}
    traits: set[str] = set()
    aliases = aliases_of(root)
    for node in walk(root):
        trait = node.child_by_field_name("trait") if node.type == "impl_item" else None
        if trait is not None:
            at_top = node.parent is not None and node.parent.type == "source_file"
            if not at_top or last_name(node.child_by_field_name("type")) not in own:
                traits |= meant(last_name(trait), aliases)
    return traits


def _derived(code: str) -> dict[str, set[str]]:
    """Return types of the task's code with the comparisons that they derive."""
    derived: dict[str, set[str]] = {}
    traits: set[str] = set()
    for node in walk(parse(code)):
        if node.type == "attribute_item":
            names = {last_name(inner) for inner in walk(node) if inner.type == "identifier"}
            traits |= names & COMPARISONS if "derive" in names else set()
        elif node.type in _OWN_TYPES:
            derived.setdefault(last_name(node), set()).update(traits)
            traits = set()
    return derived


def _deriving(root: Node, trait: str) -> set[str]:
    """Return types of which every definition derives a trait on no condition, so that the compiler allows no other."""
    derives = False
    plain: set[str] = set()
    others: set[str] = set()
    for node in walk(root):
        if node.type == "attribute":
            words = [last_name(inner) for inner in walk(node) if inner.type == "identifier"]
            derives = derives or (words[:1] == ["derive"] and trait in words)
        elif node.type in _OWN_TYPES:
            (plain if derives else others).add(last_name(node))
            derives = False
    return plain - others


def _methods(node: Node) -> set[str]:
    body = node.child_by_field_name("body")
    named = body.named_children if body is not None else []
    return {last_name(child.child_by_field_name("name")) for child in named}
