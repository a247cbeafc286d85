"""Split long sources between items, then statements, then lines.

The pieces concatenate to the text, so no text is lost. Comments and attributes stay with the item below them, a
comment at the end of a line with that line. Only a line that does not fit by itself is cut inside.

Text that is not Rust has no items and is cut between lines. Not covered: joining short sources (`packing`).
"""

from __future__ import annotations

import bisect
from collections.abc import Callable

from tree_sitter import Node

from burnish.syntax.source import looks_like_code, parse

Fits = Callable[[str], bool]

_LISTS = frozenset(
    {
        "declaration_list", "block", "match_block", "field_declaration_list", "enum_variant_list", "use_list",
        "field_initializer_list", "array_expression",
    }
)  # fmt: skip
_ABOVE = frozenset({"line_comment", "block_comment", "attribute_item"})
_LINE_RANK = 12
"""Deepest nesting of lists to cut between; deeper cuts are no better than cuts between lines."""


def chunk_source(text: str, fits: Fits) -> list[str]:
    """Split ``text`` into pieces that fit, except single characters that do not.

    Args:
        text: Rust source, or any other text.
        fits: whether a piece is short enough; called a few times per piece, with candidates of growing length.
    """
    if not text:
        return []
    if fits(text):
        return [text]
    return _Cutter(text, fits).pieces(0, len(text), 0)


class _Cutter:
    """Cuts one text."""

    def __init__(self, text: str, fits: Fits) -> None:
        self._text = text
        self._fits = fits
        self._cuts = _cuts(text)

    def pieces(self, start: int, end: int, rank: int) -> list[str]:
        """Yield pieces of ``text[start:end]``, cut at places of ``rank``, otherwise of the next rank."""
        if self._fits(self._text[start:end]):
            return [self._text[start:end]]
        if rank == len(self._cuts):
            return _cut_inside(self._text[start:end], self._fits)
        cuts = self._cuts[rank]
        ends = [*cuts[bisect.bisect_right(cuts, start) : bisect.bisect_left(cuts, end)], end]
        pieces: list[str] = []
        done = 0
        while done < len(ends):
            taken = _most(lambda n: self._fits(self._text[start : ends[done + n - 1]]), len(ends) - done)  # noqa: B023
            done += max(taken, 1)
            stop = ends[done - 1]
            pieces += [self._text[start:stop]] if taken else self.pieces(start, stop, rank + 1)
            start = stop
        return pieces


def _cut_inside(line: str, fits: Fits) -> list[str]:
    pieces = []
    while line:
        length = max(1, _most(lambda count: fits(line[:count]), len(line)))  # noqa: B023
        pieces.append(line[:length])
        line = line[length:]
    return pieces


def _most(good: Callable[[int], bool], limit: int) -> int:
    """Find a large good ``count`` in 1..limit by doubling, then halving; 0 when 1 is bad."""
    if not good(1):
        return 0
    low, high = 1, limit + 1
    while 2 * low <= limit:
        if not good(2 * low):
            high = 2 * low
            break
        low *= 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if good(middle) else (low, middle)
    return low


def _cuts(text: str) -> list[list[int]]:
    """List the places to cut by rank; each list includes the previous ones."""
    places: list[set[int]] = [set() for _ in range(_LINE_RANK + 1)]
    at = 0
    for line in text.splitlines(keepends=True):
        at += len(line)
        places[_LINE_RANK].add(at)
    for rank, place in _starts_in_lists(text):
        places[rank].add(place)
    cuts: list[list[int]] = []
    for rank, added in enumerate(places):
        if added:
            cuts.append(sorted(added.union(*places[:rank])))
    return cuts


def _starts_in_lists(text: str) -> list[tuple[int, int]]:
    """Return depth and start, in characters, of each item or statement."""
    root = parse(text)
    if not looks_like_code(root):
        return []
    data = text.encode()
    starts: list[tuple[int, int]] = []
    waiting: list[tuple[Node, int]] = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        is_list = node == root or node.type in _LISTS
        if is_list:
            starts += [(depth, start) for start in _starts(node, data)]
        if depth + is_list < _LINE_RANK:
            waiting += [(child, depth + is_list) for child in node.named_children]
    return starts if text.isascii() else _in_characters(starts, text)


def _starts(parent: Node, data: bytes) -> list[int]:
    """Return the byte offsets of a list's children, with comments, attributes and indentation."""
    starts: list[int] = []
    before: Node | None = None
    above: Node | None = None
    for child in parent.named_children:
        if child.type in _ABOVE:
            trails = before is not None and child.start_point.row == before.end_point.row
            above = above or (None if trails else child)
            continue
        starts.append(_line_start(data, (above or child).start_byte))
        before, above = child, None
    return starts


def _line_start(data: bytes, place: int) -> int:
    """Return the start of the line if only indentation precedes ``place``, otherwise ``place``."""
    begin = data.rfind(b"\n", 0, place) + 1
    return place if data[begin:place].strip(b" \t") else begin


def _in_characters(starts: list[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Convert byte offsets to character offsets."""
    characters: dict[int, int] = {}
    at = 0
    for index, character in enumerate(text):
        characters[at] = index
        at += len(character.encode())
    return [(depth, characters[place]) for depth, place in starts]
