"""Split Rust into its parts: top-level items with their definitions, imports by name, inner attributes.

Positions are byte offsets into the source. An item begins with its attributes and doc comments.

Not covered: items inside of modules and functions; names that macros make.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from burnish.syntax.imports import Import, imports_of
from burnish.syntax.source import is_program, name_of, parse, text_of, walk

_TYPES = frozenset({"struct_item", "enum_item", "union_item", "type_item", "trait_item", "mod_item"})
_VALUES = frozenset({"function_item", "function_signature_item", "const_item", "static_item"})
_MEMBERS = frozenset({"function_item", "function_signature_item", "const_item", "type_item"})
_LEFT_OUT = frozenset({"todo", "unimplemented"})
_EMPTY_MACROS = _LEFT_OUT | {"panic", "unreachable"}
"""In a prompt: an answer that panics may mean it."""
_BESIDE = frozenset({"line_comment", "block_comment", "attribute_item"})
_NAMES = frozenset({"identifier", "type_identifier", "field_identifier", "shorthand_field_identifier"})
_TRAITS_OF_TWO_MODULES = frozenset({"Write"})
Key = tuple[str, str]
"""Key of a definition, which may exist once: kind (type, value, macro, member of an impl) and name."""


@dataclass(frozen=True)
class Piece:
    """One top-level item."""

    node: Node
    start: int
    """Begin, with its attributes and comments."""
    keys: frozenset[Key]
    imports: tuple[Import, ...] = ()
    beside: tuple[Node, ...] = ()
    """Its attributes and comments."""

    @property
    def end(self) -> int:
        return self.node.end_byte

    @functools.cached_property
    def is_prototype(self) -> bool:
        """Return whether it declares a function without its body: ``fn f();``, or one that is left out."""
        return self.node.type == "function_signature_item" or (
            self.node.type == "function_item" and is_unwritten(self.node, _LEFT_OUT)
        )


@dataclass(frozen=True)
class Source:
    """Text parsed as Rust."""

    text: str
    root: Node = field(repr=False)

    @classmethod
    def of(cls, text: str) -> Source:
        """Parse ``text``."""
        return cls(text, tree(text))

    @functools.cached_property
    def is_program(self) -> bool:
        """Return whether it has only items, without a syntax error."""
        return is_program(self.root)

    @functools.cached_property
    def data(self) -> bytes:
        return self.text.encode()

    @functools.cached_property
    def heads(self) -> tuple[tuple[int, int], ...]:
        """Return positions of inner attributes, inner doc comments and a shebang, which precede all items."""
        ranges = []
        for node in self.root.named_children:
            if node.type in ("inner_attribute_item", "shebang") or node.child_by_field_name("inner") is not None:
                ranges.append((node.start_byte, node.end_byte))
        return tuple(ranges)

    @functools.cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """Return the top-level items in order."""
        pieces: list[Piece] = []
        beside: list[Node] = []
        for node in self.root.named_children:
            if node.type in _BESIDE and node.child_by_field_name("inner") is None:
                beside.append(node)
                continue
            if node.type != "inner_attribute_item" and node.type not in _BESIDE:
                imports = tuple(imports_of(node)) if node.type == "use_declaration" else ()
                start = beside[0].start_byte if beside else node.start_byte
                pieces.append(Piece(node, start, frozenset(_keys(node)), imports, tuple(beside)))
            beside = []
        return tuple(pieces)

    @functools.cached_property
    def keys(self) -> frozenset[Key]:
        """Return all definitions."""
        return frozenset(key for piece in self.pieces for key in piece.keys)

    @functools.cached_property
    def written(self) -> frozenset[Key]:
        """Return all definitions, without bare declarations."""
        return frozenset(key for piece in self.pieces if not piece.is_prototype for key in piece.keys)

    @functools.cached_property
    def imports(self) -> tuple[Import, ...]:
        """Return all top-level imports."""
        return tuple(imported for piece in self.pieces for imported in piece.imports)

    @functools.cached_property
    def words(self) -> frozenset[str]:
        """Return all names in it, apart from imports."""
        return frozenset(word for piece in self.pieces if not piece.imports for word in words_of(piece.node))

    def defines(self, name: str) -> bool:
        """Return whether it has a function of that name, free or in an impl."""
        return any(kind in ("value", "member") and key.rpartition("::")[2] == name for kind, key in self.keys)

    def slice(self, start: int, end: int) -> str:
        """Return the text between two positions."""
        return self.data[start:end].decode(errors="replace")


@functools.lru_cache(maxsize=8)
def tree(text: str) -> Node:
    """Parse a text to its root; cached, since several questions are asked about one text, and parsing costs most."""
    return parse(text)


def is_unwritten(function: Node, macros: Collection[str] = _EMPTY_MACROS) -> bool:
    """Return whether a function's body is unwritten: a comment, ``..``, or a call of one of ``macros``."""
    body = function.child_by_field_name("body")
    if body is None:
        return True
    inside = [child for child in body.named_children if "comment" not in child.type]
    if not inside:
        return function.child_by_field_name("return_type") is not None
    if len(inside) != 1:
        return False
    if text_of(inside[0]) == "..":
        return True
    call = inside[0].named_children[0] if inside[0].type == "expression_statement" else inside[0]
    name = call.child_by_field_name("macro") if call.type == "macro_invocation" else None
    return name is not None and text_of(name) in macros


def words_of(node: Node) -> Iterator[str]:
    """Return all names inside of a node."""
    return (text_of(inner) for inner in walk(node) if inner.type in _NAMES)


def has_receiver(function: Node) -> bool:
    """Return whether a function is a method: it takes ``self``."""
    parameters = function.child_by_field_name("parameters")
    return parameters is not None and any(parameter.type == "self_parameter" for parameter in parameters.named_children)


def impl_name(node: Node) -> str:
    """Return the name of an ``impl``: the type's last name, after its trait if there is one."""
    target, trait = node.child_by_field_name("type"), node.child_by_field_name("trait")
    name = _base_name(target) if target is not None else ""
    return name if trait is None else f"{_trait_name(''.join(text_of(trait).split()))} for {name}"


def _trait_name(path: str) -> str:
    """Return ``Display`` of ``std::fmt::Display``; ``fmt::Write`` keeps its module, since ``io`` has one too."""
    head, _, arguments = path.partition("<")
    parts = head.split("::")
    kept = parts[-2:] if parts[-1] in _TRAITS_OF_TWO_MODULES else parts[-1:]
    return "::".join(kept) + (f"<{arguments}" if arguments else "")


@dataclass(frozen=True)
class Member:
    """A function, constant or type inside of an ``impl``."""

    node: Node
    start: int
    """Begin, with its attributes and comments."""

    @property
    def name(self) -> str:
        return name_of(self.node)


def members_of(node: Node) -> list[Member]:
    """Return the members of an ``impl``."""
    body = node.child_by_field_name("body")
    members: list[Member] = []
    start: int | None = None
    for child in body.named_children if body is not None else []:
        start = child.start_byte if start is None else start
        if child.type in _MEMBERS:
            members.append(Member(child, start))
        if child.type not in _BESIDE:
            start = None
    return members


def _keys(node: Node) -> Iterator[Key]:
    if node.type in _TYPES:
        yield "type", name_of(node)
    elif node.type in _VALUES:
        yield "value", name_of(node)
    elif node.type == "macro_definition":
        yield "macro", name_of(node)
    elif node.type == "impl_item":
        name = impl_name(node)
        if node.child_by_field_name("trait") is not None:
            yield "impl", name
        for member in members_of(node):
            yield "member", f"{name}::{member.name}"


def _base_name(node: Node) -> str:
    """Return ``Stack`` for ``a::Stack<T>``."""
    if node.type == "generic_type":
        inner = node.child_by_field_name("type")
        return _base_name(inner) if inner is not None else text_of(node)
    return name_of(node) if node.type == "scoped_type_identifier" else "".join(text_of(node).split())
