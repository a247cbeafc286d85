"""Decide which types can cross between two processes, and spell them in generated code.

Names of the standard library are written with their full path, so that neither an answer's imports nor its own types
can change their meaning. Types of the task's own code cross field by field.

Not covered: closures, trait objects, iterators, generic types of the task, raw pointers, returned `&mut`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tree_sitter import Node

from burnish.syntax.source import name_of, text_of
from burnish.syntax.standard_names import STANDARD_CRATES

_PATHS = {
    "std::string": "String",
    "std::vec": "Vec",
    "std::boxed": "Box",
    "std::option": "Option",
    "std::result": "Result",
    "std::collections": "BTreeMap BTreeSet BinaryHeap HashMap HashSet LinkedList VecDeque",
    "std::rc": "Rc",
    "std::sync": "Arc Mutex",
    "std::borrow": "Cow",
    "std::cell": "Cell RefCell",
    "std::cmp": "Ordering Reverse",
    "std::time": "Duration",
    "std::ops": "Range RangeInclusive",
    "std::path": "Path PathBuf",
    "std::ffi": "CStr CString",
    "std::net": "IpAddr Ipv4Addr Ipv6Addr",
    "std::str": "Utf8Error",
    "std::num": "FpCategory ParseFloatError ParseIntError Saturating Wrapping NonZero NonZeroI8 NonZeroI16 NonZeroI32 "
    "NonZeroI64 NonZeroI128 NonZeroIsize NonZeroU8 NonZeroU16 NonZeroU32 NonZeroU64 NonZeroU128 NonZeroUsize",
}
STANDARD: Mapping[str, str] = {name: f"::{path}::{name}" for path, names in _PATHS.items() for name in names.split()}
"""Name -> whole path of the types that the codec knows."""
_FORMAT_ERROR = re.compile(r"(?:std|core)?(?:::)?fmt::Error")
_ARGUMENTS = {"Result": 2, "HashMap": 2, "BTreeMap": 2}
"""Number of type arguments in the standard library; another number means another type."""

Place = Literal["argument", "result", "field"]


class CannotTravel(Exception):
    """Reason why a type cannot cross between the processes."""


@dataclass(frozen=True)
class Spelling:
    """How one of the two programs writes types."""

    own: str
    """Prefix of the names of the task's types."""
    lifetimes: bool
    """Whether named lifetimes are repeated; otherwise they are elided."""


@dataclass
class Types:
    """Types of the task's code, and those of them used so far."""

    defined: Mapping[str, Node] = field(default_factory=dict)
    constants: frozenset[str] = frozenset()
    used: dict[str, Node] = field(default_factory=dict)

    def spell(self, node: Node, spelling: Spelling, place: Place, depth: int = 0) -> str:
        """Spell the type in generated code; raise CannotTravel with the reason if it cannot cross."""
        if depth > 64:
            raise CannotTravel("a type that nests too deep")
        makers = {
            "array_type": self._array,
            "reference_type": self._reference,
            "generic_type": self._generic,
            "type_identifier": self._named,
            "scoped_type_identifier": self._named,
        }
        if node.type in makers:
            return makers[node.type](node, spelling, place, depth)
        if node.type == "tuple_type":
            parts = [self.spell(child, spelling, place, depth + 1) for child in node.named_children]
            return f"({', '.join(parts)},)"
        if node.type in ("primitive_type", "unit_type"):
            return text_of(node)
        no_value = node.type in ("function_type", "abstract_type", "dynamic_type", "bounded_type", "pointer_type")
        raise CannotTravel(f"`{_short(node)}`{', which is no value' if no_value else ''}")

    def _array(self, node: Node, spelling: Spelling, place: Place, depth: int) -> str:
        element, length = node.child_by_field_name("element"), node.child_by_field_name("length")
        assert element is not None
        inner = self.spell(element, spelling, place, depth + 1)
        if length is None:
            return f"[{inner}]"
        if length.type == "integer_literal":
            return f"[{inner}; {text_of(length)}]"
        if length.type == "identifier" and text_of(length) in self.constants:
            return f"[{inner}; {spelling.own}{text_of(length)}]"
        raise CannotTravel(f"an array of `{_short(length)}` elements")

    def _reference(self, node: Node, spelling: Spelling, place: Place, depth: int) -> str:
        inner = node.child_by_field_name("type")
        assert inner is not None
        if any(child.type == "mutable_specifier" for child in node.children):
            if place != "argument" or depth:
                raise CannotTravel("a `&mut` that is no argument of its own")
            raise AssertionError("a `&mut` argument is taken apart by the caller")
        named = next((text_of(child) for child in node.children if child.type == "lifetime"), "")
        kept = f"{named} " if named and (spelling.lifetimes or named == "'static") else ""
        return f"&{kept}{self.spell(inner, spelling, place, depth + 1)}"

    def _generic(self, node: Node, spelling: Spelling, place: Place, depth: int) -> str:
        kind, arguments = node.child_by_field_name("type"), node.child_by_field_name("type_arguments")
        assert kind is not None
        assert arguments is not None
        name = text_of(kind).split("::")[-1].strip()
        if name in self.defined:
            raise CannotTravel(f"the generic type `{name}`")
        if name not in STANDARD or not _is_standard(text_of(kind)):
            raise CannotTravel(f"the type `{_short(node)}`")
        parts, types = [], 0
        for argument in arguments.named_children:
            if argument.type == "lifetime":
                parts.append(text_of(argument) if spelling.lifetimes or text_of(argument) == "'static" else "'_")
            else:
                parts.append(self.spell(argument, spelling, "field" if place == "argument" else place, depth + 1))
                types += 1
        if types != _ARGUMENTS.get(name, 1):
            raise CannotTravel(f"the type `{_short(node)}`")
        return f"{STANDARD[name]}<{', '.join(parts)}>"

    def _named(self, node: Node, spelling: Spelling, place: Place, depth: int) -> str:
        path = text_of(node)
        if path in self.defined:
            return self._defined(path, spelling, place, depth)
        name = path.split("::")[-1].strip()
        if _FORMAT_ERROR.fullmatch(path):
            return "::std::fmt::Error"
        if name in STANDARD and name not in _ARGUMENTS and name not in self.defined and _is_standard(path):
            return STANDARD[name]
        raise CannotTravel(f"the type `{_short(node)}`")

    def _defined(self, name: str, spelling: Spelling, place: Place, depth: int) -> str:
        node = self.defined[name]
        if node.child_by_field_name("type_parameters") is not None:
            raise CannotTravel(f"the generic type `{name}`")
        if node.type == "type_item":
            meant = node.child_by_field_name("type")
            assert meant is not None
            return self.spell(meant, spelling, place, depth + 1)
        if name not in self.used:
            self.used[name] = node
            for kind in field_types(node):
                self.spell(kind, spelling, "field")
        return f"{spelling.own}{name}"


def field_types(node: Node) -> list[Node]:
    """Return the types of all fields of a struct or of an enum's variants; raise CannotTravel for other items."""
    if node.type == "struct_item":
        return [kind for _, kind in fields_of(node)]
    if node.type == "enum_item":
        return [kind for variant in variants_of(node) for _, kind in fields_of(variant)]
    raise CannotTravel(f"`{name_of(node)}`, which is neither struct nor enum")


def variants_of(node: Node) -> list[Node]:
    """Return the variants of an enum, in order."""
    body = node.child_by_field_name("body")
    return [child for child in body.named_children if child.type == "enum_variant"] if body is not None else []


def fields_of(node: Node) -> list[tuple[str, Node]]:
    """Return fields of a struct or variant by name, or by number if they have none."""
    body = node.child_by_field_name("body")
    if body is None:
        return []
    if body.type == "field_declaration_list":
        fields = []
        for child in body.named_children:
            kind = child.child_by_field_name("type") if child.type == "field_declaration" else None
            if kind is not None:
                fields.append((name_of(child), kind))
        return fields
    beside = ("visibility_modifier", "attribute_item", "line_comment", "block_comment")
    kinds = [child for child in body.named_children if child.type not in beside]
    return [(str(number), kind) for number, kind in enumerate(kinds)]


def _is_standard(path: str) -> bool:
    """Return whether a path can mean the standard library: a bare name, or a path through its modules."""
    parts = [part.strip() for part in path.split("::")]
    known = {"", *STANDARD_CRATES, *(step for path in _PATHS for step in path.split("::")), "hash_map"}
    return all(part in known for part in parts[:-1])


def _short(node: Node) -> str:
    text = " ".join(text_of(node).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
