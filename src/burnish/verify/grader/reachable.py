"""Find the types that tests can reach by the names they use.

Not covered: the bodies of functions, since a type that leaves one is in its signature or behind a trait named there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain

from tree_sitter import Node

from burnish.syntax.source import last_name, parse, walk
from burnish.verify.grader.implemented import aliases_of, is_word, meant, token_trees

_NAMES = frozenset({"identifier", "type_identifier", "primitive_type"})
_TYPES = frozenset({"struct_item", "enum_item", "union_item", "type_item"})
_MADE = ("fn", "struct", "enum", "union", "type", "const", "static", "trait", "use", "impl")


def reachable(code: str, named: Collection[str]) -> set[str] | None:
    """Return all names that signatures lead to from the ``named`` functions, constants, types and traits.

    Where macros make items, each name among their tokens may lead to each. None if broken syntax hides signatures: then
    every type counts.
    """
    root = parse(code)
    if root.has_error:
        return None
    aliases = aliases_of(root, associated=False)
    leads: dict[str, set[str]] = {}
    names: set[str] = set()
    behind = 0
    for node in walk(root):
        name = last_name(node.child_by_field_name("name"))
        if node.type in _TYPES:
            leads.setdefault(name, set()).update(_names([node]))
        elif node.type in ("trait_item", "impl_item"):
            behind = max(behind, node.end_byte)
            body = node.child_by_field_name("body")
            methods = {last_name(child.child_by_field_name("name")) for child in body.children} if body else set()
            trait = node.child_by_field_name("trait")
            kinds = _names([node.child_by_field_name("type")])
            owners = kinds | ({last_name(trait)} if trait is not None else {name} if name else set())
            owners = {original for owner in owners for original in meant(owner, aliases)}
            inside = _names(child for child in node.children if child != trait) | kinds
            for owner in owners:
                leads.setdefault(owner, set()).update(inside)
            if node.type == "trait_item" and not methods.isdisjoint(named):
                names.add(name)
        elif node.type == "function_item" and node.start_byte >= behind:
            body = node.child_by_field_name("body")
            leads.setdefault(name, set()).update(_names(child for child in node.children if child != body))
        elif node.type in ("const_item", "static_item"):
            leads.setdefault(name, set()).update(_names([node.child_by_field_name("type")]))
    for alias, originals in aliases.items():
        leads.setdefault(alias, set()).update(originals)
    tokens = [token for tree in token_trees(root) for token in tree]
    if any(is_word(token, *_MADE) for token in tokens):
        made = _names(tokens)
        names |= set() if made.isdisjoint(named) else made
        for name in made & leads.keys():
            leads[name].update(made)
    return _closure(names | (leads.keys() & named), leads)


def _closure(names: set[str], leads: dict[str, set[str]]) -> set[str]:
    reached, waiting = set(names), list(names)
    while waiting:
        new = leads.get(waiting.pop(), set()) - reached
        reached |= new
        waiting += new
    return reached


def _names(nodes: Iterable[Node | None]) -> set[str]:
    """Return the names in nodes, without those in blocks."""
    names: set[str] = set()
    waiting = [node for node in nodes if node is not None]
    while waiting:
        node = waiting.pop()
        if node.type in _NAMES:
            names.add(last_name(node))
        elif node.type != "block":
            waiting += chain(node.children)
    return names
