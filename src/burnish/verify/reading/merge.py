"""Merge several sources into one program, where later items replace earlier ones of the same name.

Inner attributes come first, equal imports once; a name is imported or defined once. Members of an ``impl`` are merged
one by one: those that a later ``impl`` of the same type defines are removed from the earlier one, and missing members
of a trait move into it. Everything else stays as written, including comments and layout.

Not covered: renaming other collisions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from burnish.syntax.imports import Import
from burnish.syntax.source import apply_edits
from burnish.verify.reading.source import Key, Piece, Source, impl_name, members_of

Edit = tuple[int, int, str]


class _Known:
    """Definitions and imports of the sources after the current one."""

    def __init__(self) -> None:
        self.keys: set[Key] = set()
        self.imports: set[Import] = set()
        self.names: set[str] = set()
        self.trait_impls: dict[str, tuple[int, int]] = {}
        """Index of the source, and the position behind the opening brace."""
        self.moved: dict[str, list[str]] = {}
        """Members of earlier impls, by the trait impl they move into."""

    def add(self, index: int, piece: Piece) -> None:
        self.keys |= piece.keys
        self.imports |= set(piece.imports)
        self.names |= {imported.name for imported in piece.imports} - {"*", "_"}
        body = piece.node.child_by_field_name("body") if piece.node.type == "impl_item" else None
        if body is not None and piece.node.child_by_field_name("trait") is not None:
            self.trait_impls.setdefault(impl_name(piece.node), (index, body.start_byte + 1))

    def brings(self, imported: Import) -> bool:
        """Return whether a later import or definition already has the import or its name.

        A module ``fmt`` and a function ``fmt`` are two names; types are told by their case.
        """
        defined = ("type", imported.name) in self.keys or (
            imported.name[:1].isupper() and ("value", imported.name) in self.keys
        )
        return imported in self.imports or imported.name in self.names or defined


def merge(sources: Sequence[Source], keep: Callable[[Piece], bool] | None = None) -> str:
    """Merge ``sources`` in order into one program; pieces that ``keep`` refuses are left out."""
    known = _Known()
    written = {key for source in sources for key in source.written}
    edits: list[list[Edit]] = [[] for _ in sources]
    for index in reversed(range(len(sources))):
        source = sources[index]
        stays: list[Piece] = []
        for piece in source.pieces:
            if (keep is not None and not keep(piece)) or (piece.is_prototype and piece.keys <= written):
                piece_edits = [(piece.start, piece.end, "")]
            elif piece.imports:
                piece_edits = _import_edits(piece, known)
            elif piece.node.type == "impl_item":
                piece_edits = _impl_edits(source, piece, known)
            else:
                piece_edits = [(piece.start, piece.end, "")] if piece.keys & known.keys else []
            edits[index] += piece_edits
            if not any(edit == (piece.start, piece.end, "") for edit in piece_edits):
                stays.append(piece)
        for piece in stays:
            known.add(index, piece)
    for name, members in known.moved.items():
        index, at = known.trait_impls[name]
        edits[index].append((at, at, "\n" + "\n".join(members)))
    return _written(sources, edits)


def _written(sources: Sequence[Source], edits: list[list[Edit]]) -> str:
    """Join the edited sources, with the inner attributes of all before the first item."""
    heads: list[str] = []
    for source, source_edits in zip(sources[1:], edits[1:], strict=True):
        for start, end in source.heads:
            heads.append(source.slice(start, end).strip("\n"))
            source_edits.append((start, end, ""))
    first = {sources[0].slice(start, end).strip("\n") for start, end in sources[0].heads}
    lead = [head for head in dict.fromkeys(heads) if head not in first and not head.startswith("#!/")]
    texts = [apply_edits(source.text, source_edits) for source, source_edits in zip(sources, edits, strict=True)]
    if lead and texts[0].startswith("#!/"):  # a shebang counts only at the very beginning
        shebang, _, texts[0] = texts[0].partition("\n")
        lead.insert(0, shebang)
    return "\n".join([*lead, *(text for text in texts if text.strip())])


def _import_edits(piece: Piece, known: _Known) -> list[Edit]:
    """Remove the names of a ``use`` that a later source imports or defines."""
    left = [imported for imported in piece.imports if not known.brings(imported)]
    if not left:
        return [(piece.start, piece.end, "")]
    argument = piece.node.child_by_field_name("argument")
    if len(left) == len(piece.imports) or argument is None:
        return []
    listed = left[0].path if len(left) == 1 else "{" + ", ".join(imported.path for imported in left) + "}"
    return [(argument.start_byte, argument.end_byte, listed)]


def _impl_edits(source: Source, piece: Piece, known: _Known) -> list[Edit]:
    name = impl_name(piece.node)
    members = members_of(piece.node)
    doubled = [member for member in members if ("member", f"{name}::{member.name}") in known.keys]
    if ("impl", name) in known.keys:  # a type has one impl of a trait: missing members move into the later one
        left = [source.slice(member.start, member.node.end_byte) for member in members if member not in doubled]
        known.moved.setdefault(name, []).extend(left)
        return [(piece.start, piece.end, "")]
    if doubled and len(doubled) == len(members):
        return [(piece.start, piece.end, "")]
    return [(member.start, member.node.end_byte, "") for member in doubled]
