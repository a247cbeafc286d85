"""Several sources made into one program, where a later one replaces what an earlier one defines.

Inner attributes come first, equal imports once; a name is imported or defined once. Members of an ``impl`` count one by
one: those that a later ``impl`` of the same type defines leave the earlier one, and those of a trait that it lacks move
into it. What nobody redefines stays as it was written, comments and layout too.

Not covered: renaming what collides for other reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from burnish.syntax.imports import Import
from burnish.syntax.source import apply_edits
from burnish.verify.reading.source import Key, Piece, Source, impl_name, members_of

Edit = tuple[int, int, str]


class _Known:
    """What the sources behind the current one define and import."""

    def __init__(self) -> None:
        self.keys: set[Key] = set()
        self.imports: set[Import] = set()
        self.names: set[str] = set()
        self.trait_impls: dict[str, tuple[int, int]] = {}
        """Index of the source, and the place behind the opening brace."""
        self.moved: dict[str, list[str]] = {}
        """Members of earlier impls, by the trait impl that they move into."""

    def add(self, index: int, piece: Piece) -> None:
        self.keys |= piece.keys
        self.imports |= set(piece.imports)
        self.names |= {one.name for one in piece.imports} - {"*", "_"}
        body = piece.node.child_by_field_name("body") if piece.node.type == "impl_item" else None
        if body is not None and piece.node.child_by_field_name("trait") is not None:
            self.trait_impls.setdefault(impl_name(piece.node), (index, body.start_byte + 1))

    def brings(self, one: Import) -> bool:
        """Whether an import is there already, or its name is: a later import or definition of it counts.

        A module ``fmt`` and a function ``fmt`` are two names; types are told by their case.
        """
        defined = ("type", one.name) in self.keys or (one.name[:1].isupper() and ("value", one.name) in self.keys)
        return one in self.imports or one.name in self.names or defined


def merge(sources: Sequence[Source], keep: Callable[[Piece], bool] | None = None) -> str:
    """One program of ``sources`` in their order; pieces that ``keep`` refuses are left out."""
    known = _Known()
    written = {key for source in sources for key in source.written}
    edits: list[list[Edit]] = [[] for _ in sources]
    for index in reversed(range(len(sources))):
        source = sources[index]
        stays: list[Piece] = []
        for piece in source.pieces:
            if (keep is not None and not keep(piece)) or (piece.is_prototype and piece.keys <= written):
                found = [(piece.start, piece.end, "")]
            elif piece.imports:
                found = _import_edits(piece, known)
            elif piece.node.type == "impl_item":
                found = _impl_edits(source, piece, known)
            else:
                found = [(piece.start, piece.end, "")] if piece.keys & known.keys else []
            edits[index] += found
            if not any(edit == (piece.start, piece.end, "") for edit in found):
                stays.append(piece)
        for piece in stays:
            known.add(index, piece)
    for name, members in known.moved.items():
        index, at = known.trait_impls[name]
        edits[index].append((at, at, "\n" + "\n".join(members)))
    return _written(sources, edits)


def _written(sources: Sequence[Source], edits: list[list[Edit]]) -> str:
    """The edited sources one behind the other, the inner attributes of all before the first item."""
    heads: list[str] = []
    for source, own in zip(sources[1:], edits[1:], strict=True):
        for start, end in source.heads:
            heads.append(source.slice(start, end).strip("\n"))
            own.append((start, end, ""))
    first = {sources[0].slice(start, end).strip("\n") for start, end in sources[0].heads}
    lead = [head for head in dict.fromkeys(heads) if head not in first and not head.startswith("#!/")]
    texts = [apply_edits(source.text, own) for source, own in zip(sources, edits, strict=True)]
    if lead and texts[0].startswith("#!/"):  # a shebang is one at the very beginning alone
        shebang, _, texts[0] = texts[0].partition("\n")
        lead.insert(0, shebang)
    return "\n".join([*lead, *(text for text in texts if text.strip())])


def _import_edits(piece: Piece, known: _Known) -> list[Edit]:
    """Leave out the names of a ``use`` that somebody later imports or defines."""
    left = [one for one in piece.imports if not known.brings(one)]
    if not left:
        return [(piece.start, piece.end, "")]
    argument = piece.node.child_by_field_name("argument")
    if len(left) == len(piece.imports) or argument is None:
        return []
    listed = left[0].path if len(left) == 1 else "{" + ", ".join(one.path for one in left) + "}"
    return [(argument.start_byte, argument.end_byte, listed)]


def _impl_edits(source: Source, piece: Piece, known: _Known) -> list[Edit]:
    name = impl_name(piece.node)
    members = members_of(piece.node)
    doubled = [one for one in members if ("member", f"{name}::{one.name}") in known.keys]
    if ("impl", name) in known.keys:  # a type has one impl of a trait: what the later one lacks moves into it
        left = [source.slice(one.start, one.node.end_byte) for one in members if one not in doubled]
        known.moved.setdefault(name, []).extend(left)
        return [(piece.start, piece.end, "")]
    if doubled and len(doubled) == len(members):
        return [(piece.start, piece.end, "")]
    return [(one.start, one.node.end_byte, "") for one in doubled]
