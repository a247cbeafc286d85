"""Find the operators and comparisons that a program implements, whatever the spelling.

Names are those of the syntax tree: raw identifiers, comments in paths and renames by import or alias change nothing.
Tokens of macros count where an ``impl`` is among them; if a variable names its trait, every trait that any macro's
tokens name counts. So does, in a source that the grammar cannot parse, every trait between ``impl`` and ``for``.

Not covered: identifiers that a dependency's macro puts together of parts.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from burnish.syntax.imports import imports_of
from burnish.syntax.source import BESIDE_ITEMS, last_name, parse, plain_name, text_of, walk

COMPARISONS = frozenset({"PartialEq", "PartialOrd"})
OPERATORS = frozenset(
    {
        "Not", "Neg", "Deref", "DerefMut", "Index", "IndexMut", "Add", "Sub", "Mul", "Div", "Rem", "BitAnd", "BitOr",
        "BitXor", "Shl", "Shr", "Fn", "FnMut", "FnOnce",
    }
)  # fmt: skip
_TRAITS = COMPARISONS | OPERATORS
_TOKENS = frozenset({"token_tree", "token_tree_pattern", "token_repetition", "token_repetition_pattern"})
_ITEMS = ("struct", "enum", "union", "type", "mod", "use")
_PATH = frozenset({"identifier", "crate", "self", "super", "::", "primitive_type"})
_VARIABLES = frozenset({"metavariable", "token_repetition"})
_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Implemented:
    """One implementation by hand."""

    trait: str
    kind: str
    """Name of the type; empty where a macro leaves it open."""
    foreign: bool = True
    """Whether the trait has an argument other than the type itself."""
    closed: bool = False
    """Whether its only associated type is the type itself."""


def implemented(code: str) -> Iterator[Implemented]:
    """Yield the operators and comparisons that a program implements, in macros too."""
    root = parse(code)
    aliases = aliases_of(root)
    trees = list(token_trees(root))
    for node in walk(root):
        trait = node.child_by_field_name("trait") if node.type == "impl_item" else None
        kind = node.child_by_field_name("type")
        if trait is not None and kind is not None:
            for name in sorted(meant(last_name(trait), aliases) & _TRAITS):
                yield Implemented(name, own_kind(kind), _is_foreign(trait, kind), _is_closed(node, kind))
        elif node.type in ("attribute_item", "inner_attribute_item"):  # a dependency may derive operators
            for name in sorted({last_name(inner) for inner in walk(node) if inner.type == "identifier"} & OPERATORS):
                yield Implemented(name, "")
    by_variable = False
    for children in trees:
        for header in _headers(children):
            named = _by_header(header)
            by_variable = by_variable or named is None
            for name in sorted(meant(named.trait, aliases) & _TRAITS if named is not None else ()):
                assert named is not None
                yield Implemented(name, named.kind, named.foreign)
    if by_variable:
        words = {last_name(child) for children in trees for child in children if child.type == "identifier"}
        yield from (Implemented(name, "") for name in sorted(_TRAITS & {m for w in words for m in meant(w, aliases)}))
    if root.has_error:
        yield from _between_words(code)


def token_trees(root: Node) -> Iterator[Sequence[Node]]:
    """Yield the tokens of macros and of their calls, level by level, without attributes of plain items."""
    behind = 0
    for node in walk(root):
        if node.type in ("attribute_item", "inner_attribute_item"):
            behind = node.end_byte
        elif node.type in _TOKENS and node.start_byte >= behind:
            yield [child for child in node.children if child.type not in BESIDE_ITEMS]


def names_of_made_items(root: Node) -> set[str]:
    """Return names among macros' tokens that may become types, modules or imports; empty if no macro makes any."""
    trees = list(token_trees(root))
    if not any(is_word(token, *_ITEMS) for tokens in trees for token in tokens):
        return set()
    return {last_name(token) for tokens in trees for token in tokens if token.type in ("identifier", "primitive_type")}


def is_word(node: Node, *words: str) -> bool:
    """Return whether a token is one of these words."""
    return not node.child_count and last_name(node) in words


def aliases_of(root: Node, *, associated: bool = True) -> dict[str, set[str]]:
    """Return what each renamed import, type alias and (``associated``) type of an impl stands for."""
    aliases: dict[str, set[str]] = {}
    behind = 0
    for node in walk(root):
        if not associated and node.type == "impl_item":
            behind = max(behind, node.end_byte)
        if node.type == "use_declaration":
            for imported in imports_of(node):
                path, _, alias = imported.path.partition(" as ")
                if alias not in ("", "_"):
                    aliases.setdefault(plain_name(alias), set()).add(plain_name(path.rpartition("::")[2]))
        elif node.type == "type_item" and node.start_byte >= behind:
            kind = node.child_by_field_name("type")
            if kind is not None:
                aliases.setdefault(last_name(node), set()).add(own_kind(kind))
        elif node.type == "impl_item" and associated:  # `Self` in it
            kind, body = node.child_by_field_name("type"), node.child_by_field_name("body")
            for child in body.named_children if body is not None and kind is not None else ():
                if child.type == "type_item" and kind is not None:
                    aliases.setdefault(last_name(child), set()).add(own_kind(kind))
    return aliases


def meant(name: str, aliases: Mapping[str, set[str]]) -> set[str]:
    """Return a name and all that it may stand for."""
    names, waiting = {name}, [name]
    while waiting:
        new = aliases.get(waiting.pop(), set()) - names
        names |= new
        waiting += new
    return names


def own_kind(kind: Node) -> str:
    """Return the name of a type, or of that in a box: ``Box<P>`` may have impls of foreign traits as ``P`` may."""
    while kind.type == "generic_type" and last_name(kind) in ("Box", "Pin"):
        arguments = kind.child_by_field_name("type_arguments")
        inner = [child for child in arguments.named_children if child.type not in BESIDE_ITEMS] if arguments else []
        if len(inner) != 1:
            break
        kind = inner[0]
    return last_name(kind)


def _spelled(node: Node) -> str:
    """Return a type's tokens without blanks, comments and marks of raw identifiers."""
    leaves = (n for n in walk(node) if not n.child_count and n.type not in BESIDE_ITEMS)
    return " ".join(plain_name(text_of(leaf)) for leaf in leaves)


def _is_foreign(trait: Node, kind: Node) -> bool:
    arguments = trait.child_by_field_name("type_arguments") if trait.type == "generic_type" else None
    named = arguments.named_children if arguments is not None else []
    return bool({_spelled(child) for child in named if child.type not in BESIDE_ITEMS} - {"Self", _spelled(kind)})


def _is_closed(node: Node, kind: Node) -> bool:
    """Return whether an operator returns its own type, so that tests still compare that type.

    Spelled the same, two names in one place mean the same.
    """
    body = node.child_by_field_name("body")
    results = [child for child in body.named_children if child.type == "type_item"] if body is not None else []
    result = results[0].child_by_field_name("type") if len(results) == 1 else None
    return result is not None and _spelled(result) in (_spelled(kind), "Self")


@dataclass(frozen=True)
class _Header:
    """Tokens behind an ``impl`` among a macro's tokens."""

    tokens: Sequence[Node]
    ended: bool
    """Whether braces follow."""


def _headers(children: Sequence[Node]) -> Iterator[_Header]:
    places = [place for place, child in enumerate(children) if is_word(child, "impl")]
    for begin, limit in itertools.pairwise([*places, len(children)]):
        body = (i for i in range(begin + 1, limit) if children[i].type == "token_tree" and _opens(children[i], "{"))
        end = next(body, None)
        tokens = children[begin + 1 : limit if end is None else end]
        where = next((i for i, token in enumerate(tokens) if is_word(token, "where")), len(tokens))
        yield _Header(tokens[:where], ended=end is not None)


def _opens(tree: Node, bracket: str) -> bool:
    return bool(tree.children) and tree.children[0].type == bracket


def _by_header(header: _Header) -> Implemented | None:
    """Return what a header implements, with an empty trait for none; None if a variable says it."""
    tokens = header.tokens
    at = _behind_arguments(tokens, 0)
    while at < len(tokens) and is_word(tokens[at], "!", "const", "?"):
        at += 1
    end = next((i for i in range(at, len(tokens)) if tokens[i].type not in _PATH), len(tokens))
    behind = _behind_arguments(tokens, end)
    variables = sum(token.type in _VARIABLES for token in (*tokens[at:end], *tokens[behind:]))
    repeated = any(token.type == "token_repetition" for token in tokens)
    place = next((i for i in range(end, len(tokens)) if is_word(tokens[i], "for")), None)
    if place is None and header.ended:
        return None if repeated or variables > (at == end) else Implemented("", "")
    by_variable = end < len(tokens) and tokens[end].type in _VARIABLES
    if at == end or by_variable or tokens[end - 1].type != "identifier":
        return None
    trait = last_name(tokens[end - 1])
    if place is None:
        return Implemented(trait, "")
    kind, arguments = tokens[place + 1 :], tokens[end + 1 : behind - 1]
    return Implemented(trait, _kind(kind), bool(arguments) and _joined(arguments) not in ("Self", _joined(kind)))


def _joined(tokens: Sequence[Node]) -> str:
    return " ".join(_spelled(token) for token in tokens)


def _behind_arguments(tokens: Sequence[Node], at: int) -> int:
    """Return the place behind ``<..>`` that begins at ``at``; ``at`` without."""
    depth = 0
    for place in range(at, len(tokens)):
        word = tokens[place].type
        depth += word.count("<") - (word.count(">") if word in (">", ">>") else 0)
        if depth <= 0:
            return place + 1 if place > at else at
    return len(tokens)


def _kind(tokens: Sequence[Node]) -> str:
    """Return the name of the type that tokens begin with; empty if a variable or brackets come first."""
    names = itertools.takewhile(lambda t: t.type in _PATH or t.type in ("&", "mut", "lifetime"), tokens)
    named = [token for token in names if token.type in ("identifier", "primitive_type")]
    return last_name(named[-1]) if named else ""


def _between_words(code: str) -> Iterator[Implemented]:
    """Yield the traits between ``impl`` and ``for``, for a source that the grammar cannot parse."""
    for part in re.split(r"[;{}]", _COMMENT.sub(" ", code)):
        words = _WORD.findall(part)
        if "impl" in words and "for" in words:
            behind = words[words.index("impl") :]
            for name in sorted(_TRAITS & set(behind)):
                yield Implemented(name, "", foreign=re.search(rf"{name}\s*<", part) is not None)
