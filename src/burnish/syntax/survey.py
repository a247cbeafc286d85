"""Walk the syntax tree once and collect what the metrics read: items, functions, nodes by kind, method chains.

Code under ``#[test]`` or ``#[cfg(test)]`` is left out: an ``unwrap`` is fine in a test. The walk has no recursion,
since hostile sources nest tens of thousands deep.

Not covered: facts that need types. Arguments of macros are bare tokens (``token_tree``) to the grammar; each
metric says what it recognises there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from tree_sitter import Node

from burnish.syntax.source import name_of, text_of

Container = Literal["module", "impl", "trait impl", "trait"]

MOST_BYTES = 64 * 1024
"""Longer programs are not measured: the walk would delay other verdicts."""

_ITEMS = frozenset(
    {
        "function_item", "function_signature_item", "struct_item", "enum_item", "union_item", "trait_item", "impl_item",
        "mod_item",
    }
)  # fmt: skip
_KEPT = frozenset(
    {
        "use_declaration", "call_expression", "macro_invocation", "token_tree", "scoped_identifier", "try_expression",
        "closure_expression", "match_expression", "match_arm", "let_condition", "let_declaration", "generic_function",
        "generic_type", "generic_type_with_turbofish", "unsafe_block", "while_expression", "loop_expression",
    }
)  # fmt: skip
_BESIDE = frozenset({"line_comment", "block_comment", "attribute_item"})
_NESTING = frozenset(
    {
        "if_expression", "match_expression", "while_expression", "for_expression", "loop_expression",
        "closure_expression",
    }
)  # fmt: skip
_BRANCHES = frozenset({"if_expression", "while_expression", "for_expression", "match_arm", "try_expression"})
_PATTERNS = frozenset({"tuple_pattern", "tuple_struct_pattern", "struct_pattern", "slice_pattern"})
_TESTS = frozenset({"test", "bench", "rstest", "test_case", "quickcheck"})
"""Attributes that make a function a test."""
_DEEPEST_CONDITION = 8
_LOGIC = frozenset({"binary_expression", "let_chain"})


@dataclass
class Item:
    """A function, type, trait, impl or module."""

    kind: str
    node: Node
    container: Container
    local: bool
    """Whether it is inside a function."""
    documented: bool


@dataclass
class Function:
    """A function with a body. ``decisions`` + 1 is its cyclomatic complexity; ``nesting`` its deepest block."""

    item: Item
    decisions: int = 0
    nesting: int = 0


@dataclass
class Loop:
    """A ``for``. ``indexed``: it counts over a range in order to index with the counter."""

    variable: str
    over_range: bool
    indexed: bool = False


@dataclass(frozen=True)
class Chain:
    """Method calls on one another, ``base.first().second()``; ``methods`` in the order they are called."""

    base: Node
    methods: tuple[str, ...]


@dataclass
class SyntaxIndex:
    """Result of one walk."""

    items: list[Item] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    destructurings: int = 0
    """Outermost tuple, struct and slice patterns."""
    nodes: dict[str, list[Node]] = field(default_factory=lambda: {kind: [] for kind in _KEPT})
    chains: list[Chain] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """Return the number of kept nodes of a kind."""
        return len(self.nodes[kind])


@dataclass
class _Level:
    """State among the children of one node: comments and attributes before the next item."""

    kind: str
    in_test: bool = False
    documented: bool = False


def index_tree(root: Node) -> SyntaxIndex:
    """Walk a tree without errors once."""
    walk = _Walk()
    cursor = root.walk()
    while True:
        node = cursor.node
        assert node is not None
        if walk.enter(node) and cursor.goto_first_child():
            continue
        walk.leave()
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                walk.index.chains = _chains(walk.index.nodes["call_expression"])
                return walk.index
            walk.leave()


class _Walk:
    """The path from the root to the current node, and the open functions and loops on it."""

    def __init__(self) -> None:
        self.index = SyntaxIndex()
        self._levels: list[_Level] = [_Level("")]
        self._functions: list[tuple[Function, int]] = []
        """Open functions, each with the nesting of the one around it."""
        self._nesting = 0
        self._loops: list[Loop] = []
        self._counters: dict[str, list[Loop]] = {}
        """Variable -> open loops over a range that do not index with it yet."""
        self._modules: list[Item] = []
        self._patterns = 0

    def enter(self, node: Node) -> bool:
        """Enter a node; return False to skip its children."""
        kind = node.type
        level = self._levels[-1]
        self._levels.append(_Level(kind))
        if kind in _BESIDE:
            self._beside(node, kind, level)
            return False
        in_test, documented = level.in_test, level.documented
        level.in_test = level.documented = False
        if kind in _ITEMS:
            for attribute in _inner_attributes(node):
                in_test = in_test or is_test_attribute(attribute)
                documented = documented or _is_documentation(attribute)
        if in_test:
            self._levels[-1].kind = "left out"
            return False
        if kind in _KEPT:
            self.index.nodes[kind].append(node)
        if kind in _ITEMS:
            self._item(node, kind, documented)
        if kind in _NESTING and not (kind == "if_expression" and level.kind == "else_clause"):
            self._nesting += 1
            if self._functions:
                function = self._functions[-1][0]
                function.nesting = max(function.nesting, self._nesting)
        if self._functions:
            self._functions[-1][0].decisions += _decisions(node, kind, level.kind)
        if kind in _PATTERNS:
            self.index.destructurings += self._patterns == 0
            self._patterns += 1
        elif kind == "for_expression":
            self._open_loop(node)
        elif kind == "index_expression":
            self._indexing(node)
        return True

    def leave(self) -> None:
        """Leave the current node."""
        kind = self._levels.pop().kind
        if kind in _NESTING and not (kind == "if_expression" and self._levels[-1].kind == "else_clause"):
            self._nesting -= 1
        if kind in _PATTERNS:
            self._patterns -= 1
        elif kind == "function_item":
            self._nesting = self._functions.pop()[1]
        elif kind == "for_expression":
            loop = self._loops.pop()
            counting = self._counters.get(loop.variable)
            if counting and counting[-1] is loop:
                counting.pop()
        elif kind == "mod_item":
            self._modules.pop()

    def _beside(self, node: Node, kind: str, level: _Level) -> None:
        """Record comments and attributes for the next item, ``//!`` for the enclosing module."""
        if kind == "attribute_item":
            level.in_test |= is_test_attribute(node)
            level.documented |= _is_documentation(node)
        elif node.child_by_field_name("outer") is not None:
            level.documented = True
        elif node.child_by_field_name("inner") is not None and self._modules and level.kind == "declaration_list":
            self._modules[-1].documented = True

    def _item(self, node: Node, kind: str, documented: bool) -> None:
        item = Item(kind, node, self._container(), bool(self._functions), documented)
        self.index.items.append(item)
        if kind == "function_item":
            function = Function(item)
            self.index.functions.append(function)
            self._functions.append((function, self._nesting))
            self._nesting = 0
        elif kind == "mod_item":
            self._modules.append(item)
        elif kind == "impl_item" and node.child_by_field_name("trait") is not None:
            self._levels[-1].kind = "trait impl"

    def _container(self) -> Container:
        around = self._levels[-3].kind if len(self._levels) > 2 else ""
        if around == "impl_item":
            return "impl"
        if around == "trait impl":
            return "trait impl"
        return "trait" if around == "trait_item" else "module"

    def _open_loop(self, node: Node) -> None:
        pattern, value = node.child_by_field_name("pattern"), node.child_by_field_name("value")
        while value is not None and value.type == "parenthesized_expression":
            value = value.named_children[0] if value.named_children else None
        name = text_of(pattern) if pattern is not None and pattern.type == "identifier" else ""
        loop = Loop(name, value is not None and value.type == "range_expression")
        self.index.loops.append(loop)
        self._loops.append(loop)
        if loop.over_range:
            self._counters.setdefault(name, []).append(loop)

    def _indexing(self, node: Node) -> None:
        by = node.named_children[-1]
        if by.type == "identifier":
            for loop in self._counters.pop(text_of(by), ()):
                loop.indexed = True


def is_test_attribute(attribute: Node) -> bool:
    """Return whether an attribute marks tests: ``#[test]``, ``#[some::test]``, ``#[cfg(test)]``, ``#[cfg(all(unix,
    test))]``, ``#![cfg(test)]``; not ``#[cfg(not(test))]``."""
    text = _inside(attribute)
    path = text.partition("(")[0]
    return path.rpartition("::")[2] in _TESTS or (path == "cfg" and _wants_test(text[4:-1]))


def _is_documentation(attribute: Node) -> bool:
    """Return whether an attribute is ``#[doc = ..]``, from any text; ``#[doc(hidden)]`` is not."""
    return _inside(attribute).startswith("doc=")


def _inside(attribute: Node) -> str:
    """Return the text between an attribute's brackets, without blanks."""
    return "".join(text_of(attribute).split()).lstrip("#!").removeprefix("[").removesuffix("]")


def _inner_attributes(item: Node) -> Iterator[Node]:
    """Yield the ``#![..]`` at the begin of a body."""
    body = item.child_by_field_name("body")
    for node in body.named_children if body is not None else ():
        if node.type == "inner_attribute_item":
            yield node
        elif node.type not in ("line_comment", "block_comment"):
            return


def _wants_test(condition: str, depth: int = 0) -> bool:
    """Return whether a ``cfg`` condition cannot hold without ``test``."""
    name, _, inside = condition.partition("(")
    if name not in ("all", "any") or depth > _DEEPEST_CONDITION:
        return condition == "test"
    wanted = [_wants_test(part, depth + 1) for part in _parts(inside.removesuffix(")"))]
    return bool(wanted) and (any(wanted) if name == "all" else all(wanted))


def _parts(listed: str) -> list[str]:
    """Split a list at its commas, keeping brackets whole."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(listed):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(listed[start:at])
            start = at + 1
    return [part for part in (*parts, listed[start:]) if part]


def _decisions(node: Node, kind: str, parent: str) -> int:
    """Count the branches that a node adds: every branch, ``&&``, ``||``, ``?``, guard and ``else`` of a ``let``; n arms
    add n - 1."""
    if kind in _BRANCHES:
        return 1
    if kind in ("&&", "||"):
        return int(parent in _LOGIC)
    if kind == "match_expression":
        body = node.child_by_field_name("body")
        return -1 if body is not None and any(child.type == "match_arm" for child in body.named_children) else 0
    if kind == "match_pattern":
        return int(node.child_by_field_name("condition") is not None)
    if kind == "let_declaration":
        return int(node.child_by_field_name("alternative") is not None)
    return 0


def _chains(calls: list[Node]) -> list[Chain]:
    """Return the outermost chains; ``calls`` come parents first."""
    inner: set[int] = set()
    chains: list[Chain] = []
    for call in calls:
        if call.id in inner:
            continue
        methods: list[str] = []
        base: Node = call
        while base.type == "call_expression" and (called := _method(base)) is not None:
            inner.add(base.id)
            methods.append(called[1])
            base = _unwrapped(called[0])
        if methods:
            chains.append(Chain(base, tuple(reversed(methods))))
    return chains


def _method(call: Node) -> tuple[Node, str] | None:
    """Return receiver and name of a method call; None for a call of a function."""
    function = call.child_by_field_name("function")
    if function is not None and function.type == "generic_function":
        function = function.child_by_field_name("function")
    if function is None or function.type != "field_expression":
        return None
    receiver, name = function.child_by_field_name("value"), function.child_by_field_name("field")
    return (receiver, text_of(name)) if receiver is not None and name is not None else None


def _unwrapped(node: Node) -> Node:
    """Remove parentheses, ``?`` and ``.await`` around an expression."""
    while node.type in ("parenthesized_expression", "try_expression", "await_expression") and node.named_children:
        node = node.named_children[0]
    return node


def is_main(item: Item) -> bool:
    """Return whether a function is the program's entry, which needs no documentation."""
    return item.kind == "function_item" and item.container == "module" and name_of(item.node) == "main"
