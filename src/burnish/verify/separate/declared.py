"""Find the functions that a task declares with portable signatures: in its code, its reference, or the answer.

A code prompt declares its unwritten functions; its other items are copied unchanged to the test program. Without one
the reference declares the entry point, and other functions that tests call have the answer's own signature, spelled
with full paths of the standard library, so that no type of the answer can replace one.

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
    """One parameter: how it crosses, its type in the proxy, and the type that the server decodes."""

    way: Literal["value", "mutable", "slice"]
    proxy: str
    server: str


@dataclass(frozen=True)
class Function:
    """A function whose calls cross to the answer."""

    name: str
    parameters: tuple[Parameter, ...]
    result: str
    """Return type of the proxy; ``()`` without one."""
    server_result: str
    lifetimes: str = ""
    """Generics of the proxy, as in ``<'a, 'b: 'a>``."""
    is_unsafe: bool = False


@dataclass(frozen=True)
class Declared:
    """Source at the crate root of a test program, and the calls that leave it."""

    root: str
    """Source with a placeholder (`proxy_mark`) for each function."""
    functions: tuple[Function, ...]
    types: Types
    imports: tuple[str, ...] = ()


def proxy_mark(number: int) -> str:
    """Return the placeholder in the root for the proxy of a function."""
    return f"/*proxy {number}*/"


def declared_by_prompt(prompt: str, entry_point: str | None) -> Declared:
    """Return the declarations of a code prompt; raise CannotTravel for an unwritten item that cannot cross."""
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
    """Declare the ``wanted`` functions of an answer, the entry point as in the reference."""
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
    """Return the signature of a function item; raise CannotTravel naming the function and the obstacle."""
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
    for parameter in listed.named_children:
        kind = parameter.child_by_field_name("type") if parameter.type == "parameter" else None
        if parameter.type in ("line_comment", "block_comment", "attribute_item"):
            continue
        if kind is None:
            raise CannotTravel(f"the parameter `{text_of(parameter)}`")
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
    """Close the braces of a prompt that ends inside of a function."""
    if not parse(prompt).has_error:
        return prompt
    whole = f"{prompt.rstrip()}\n todo!() }}\n"
    return whole if not parse(whole).has_error else f"{whole}}}\n"


def _is_open(function: Node) -> bool:
    """Return whether the answer must write the body."""
    body = function.child_by_field_name("body")
    if body is None:
        return True
    inside = [n for n in body.named_children if n.type not in ("line_comment", "block_comment")]
    if not inside:
        return function.child_by_field_name("return_type") is not None
    macros = {text_of(n.named_children[0]) for n in walk(body) if n.type == "macro_invocation" and n.named_children}
    return bool(macros & _OPEN_BODIES) and len(inside) == 1
