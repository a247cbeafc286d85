"""Which functions a task declares, with signatures that can travel: from its code, its reference, or the answer.

A code prompt declares what it leaves open; what it gives whole is copied to the test's side as it stands. Without one
the reference declares the entry point, and everything else that tests call has the answer's own signature, spelled with
whole paths of the standard library, so that no type of the answer's can stand in for one.

Not covered: methods, generic functions, `async`; macros that make items.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from tree_sitter import Node

from burnish.records import Task
from burnish.syntax.source import apply_edits, function_named, name_of, parse, text_of, top_items, walk
from burnish.verify.separate.travel import CannotTravel, Place, Spelling, Types

PROXY = Spelling(own="", lifetimes=True)
SERVER = Spelling(own="super::", lifetimes=False)
_OPEN_BODIES = frozenset({"todo", "unimplemented"})


@dataclass(frozen=True)
class Parameter:
    """One parameter: how it travels, its type in the proxy, and what the server decodes."""

    way: Literal["value", "mutable", "slice"]
    proxy: str
    server: str


@dataclass(frozen=True)
class Function:
    """A function that calls cross to."""

    name: str
    parameters: tuple[Parameter, ...]
    result: str
    """As the proxy has it; ``()`` where there is none."""
    server_result: str
    lifetimes: str = ""
    """Generics of the proxy, as in ``<'a, 'b: 'a>``."""
    is_unsafe: bool = False


@dataclass(frozen=True)
class Declared:
    """What stands at the crate root of a test program, and which calls leave it."""

    root: str
    """Source with a place holder (`proxy_mark`) for each function."""
    functions: tuple[Function, ...]
    types: Types
    imports: tuple[str, ...] = ()


def proxy_mark(number: int) -> str:
    """What stands in the root for the proxy of a function."""
    return f"/*proxy {number}*/"


def declared_by_prompt(prompt: str, entry_point: str | None) -> Declared:
    """What a code prompt declares; raises CannotTravel where it leaves open what cannot travel."""
    whole = _closed(prompt)
    root = parse(whole)
    if root.has_error:
        raise CannotTravel("a prompt that is no whole Rust when it is closed")
    functions = [item for item in top_items(root) if item.kind == "function_item"]
    opened = {item.name for item in functions if _is_open(item.node)}
    if entry_point is not None and any(item.name == entry_point for item in functions):
        opened.add(entry_point)
    if any(_is_open(n) for n in walk(root) if n.type == "function_item" and n.parent != root):
        raise CannotTravel("methods that are the answer's to write")
    if not opened:
        raise CannotTravel("a prompt that leaves no function open")
    types = _types(root)
    edits: list[tuple[int, int, str]] = []
    made: list[Function] = []
    for item in functions:
        if item.name in opened:
            edits.append((item.node.start_byte, item.node.end_byte, proxy_mark(len(made))))
            made.append(function_of(item.node, types))
        elif item.name == "main":
            edits.append((item.node.start_byte, item.node.end_byte, ""))
    edits += [(n.start_byte, n.end_byte, "") for n in root.children if n.type == "inner_attribute_item"]
    return Declared(apply_edits(whole, edits), tuple(made), types)


def declared_by_code(task: Task, code: str, wanted: Collection[str], imports: Collection[str]) -> Declared:
    """What ``wanted`` names of an answer's functions, the entry point as the reference has it."""
    answer = parse(code)
    given = parse(task.reference) if task.reference is not None else None
    types = Types()
    made: list[Function] = []
    for item in top_items(answer):
        if item.kind != "function_item" or item.name not in wanted or item.name == "main":
            continue
        node: Node | None = item.node
        if given is not None and item.name == task.entry_point:
            node = function_named(given, item.name) or node
        assert node is not None
        made.append(function_of(node, types))
    if not made:
        raise CannotTravel("tests that call no function of the answer")
    root = "\n".join(proxy_mark(number) for number in range(len(made)))
    return Declared(root, tuple(made), types, tuple(imports))


def function_of(node: Node, types: Types) -> Function:
    """The signature of a function item; raises CannotTravel naming the function and what keeps it."""
    name = name_of(node)
    try:
        return _function(node, types)
    except CannotTravel as error:
        raise CannotTravel(f"`{name}`: {error}") from None


def _function(node: Node, types: Types) -> Function:
    modifiers = " ".join(text_of(c) for c in node.children if c.type == "function_modifiers").split()
    if "async" in modifiers:
        raise CannotTravel("an async function")
    lifetimes = _lifetimes(node)
    listed = node.child_by_field_name("parameters")
    assert listed is not None
    parameters = []
    for one in listed.named_children:
        kind = one.child_by_field_name("type") if one.type == "parameter" else None
        if one.type in ("line_comment", "block_comment", "attribute_item"):
            continue
        if kind is None:
            raise CannotTravel(f"the parameter `{text_of(one)}`")
        parameters.append(_parameter(kind, types))
    result = node.child_by_field_name("return_type")
    proxy, server = ("()", "()") if result is None else _both(result, types, "result")
    return Function(name_of(node), tuple(parameters), proxy, server, lifetimes, "unsafe" in modifiers)


def _lifetimes(node: Node) -> str:
    generics = node.child_by_field_name("type_parameters")
    if any(c.type == "where_clause" for c in node.children):
        raise CannotTravel("a where clause")
    if generics is None:
        return ""
    if any(c.type not in ("lifetime_parameter", "lifetime") for c in generics.named_children):
        raise CannotTravel("generic parameters")
    return text_of(generics)


def _parameter(kind: Node, types: Types) -> Parameter:
    if kind.type == "reference_type" and any(c.type == "mutable_specifier" for c in kind.children):
        inner = kind.child_by_field_name("type")
        assert inner is not None
        named = next((text_of(c) for c in kind.children if c.type == "lifetime"), "")
        before = f"&{named} mut " if named else "&mut "
        if inner.type == "array_type" and inner.child_by_field_name("length") is None:
            element = inner.child_by_field_name("element")
            assert element is not None
            proxy, server = _both(element, types, "field")
            return Parameter("slice", f"{before}[{proxy}]", f"::std::vec::Vec<{server}>")
        if text_of(inner) in ("str", "Path", "CStr"):
            raise CannotTravel(f"`{text_of(kind)}`")
        proxy, server = _both(inner, types, "field")
        return Parameter("mutable", before + proxy, server)
    proxy, server = _both(kind, types, "argument")
    return Parameter("value", proxy, server)


def _both(kind: Node, types: Types, place: Place) -> tuple[str, str]:
    return types.spell(kind, PROXY, place), types.spell(kind, SERVER, place)


def _types(root: Node) -> Types:
    items = top_items(root)
    kinds = ("struct_item", "enum_item", "union_item", "type_item", "trait_item")
    return Types(
        {item.name: item.node for item in items if item.kind in kinds},
        frozenset(item.name for item in items if item.kind == "const_item"),
    )


def _closed(prompt: str) -> str:
    """A prompt that ends inside of a function, closed."""
    if not parse(prompt).has_error:
        return prompt
    whole = f"{prompt.rstrip()}\n todo!() }}\n"
    return whole if not parse(whole).has_error else f"{whole}}}\n"


def _is_open(function: Node) -> bool:
    """Whether the body is for the answer to write."""
    body = function.child_by_field_name("body")
    if body is None:
        return True
    inside = [n for n in body.named_children if n.type not in ("line_comment", "block_comment")]
    if not inside:
        return function.child_by_field_name("return_type") is not None
    macros = {text_of(n.named_children[0]) for n in walk(body) if n.type == "macro_invocation" and n.named_children}
    return bool(macros & _OPEN_BODIES) and len(inside) == 1
