"""Find fenced code blocks of Markdown as models write them: CommonMark and common deviations.

Three or more backticks or tildes open a block, also behind a list marker or a quote mark; the content loses the indent
of its fence. A closing fence may carry chat tokens or a closing tag (``</answer>``). Inside a block of Rust a fence
that is labelled as Rust opens the next one, since it cannot be code. A block labelled as Markdown holds blocks, as does
one without a label where one of them is Rust. An open last fence reaches to the end. Every line is read once.

Not covered: code that is indented and not fenced.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_FENCE = re.compile(r"(?P<lead>(?:[ \t>]|(?:[-*+]|\d{1,9}[.)])(?=[ \t]))*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<label>.*)")
_BEHIND = re.compile(r"(?:[ \t.,;:!]|<[^<>`]{1,40}>|\[/?[A-Z]{1,20}\])*|[ \t]*<\|[a-z_]{1,30}\|>.*")
"""Text allowed behind a closing fence."""
_CLOSES_WITHIN = 3
"""CommonMark: a closing fence may be indented three spaces deeper than its container."""
_WORD = re.compile(r"[^\s,;:{}()\[\]|=\"']+")
_EDITION = re.compile(r"rust-?(?:lang|20\d\d)?|rs")
_RUSTDOC = frozenset({"ignore", "no_run", "should_panic", "compile_fail", "standalone_crate", "test_harness"})
_NO_LANGUAGE = frozenset({"//", "#", "title", "file", "filename", "name", "path"})
"""Words that an info string may begin with before it names a file."""
_MARKDOWN = frozenset({"markdown", "md", "mdx"})
_CODE_BEHIND = re.compile(
    r"(?:rust|rs)[ \t]+(?P<code>(?:(?:pub|fn|use|struct|enum|impl|mod|const|static|trait)\b|#!?\[).*)"
)
"""Code that begins on the line of its fence."""
RUST = "rust"


@dataclass(frozen=True)
class Block:
    """A fenced block: its info string, and its text without the fence's indent."""

    label: str
    text: str
    start: int = 0
    """Position of the opening fence's line."""
    inside: tuple[int, int] = (0, 0)
    """Begin and end of the content, in characters."""
    end: int = 0
    """Position behind the closing fence's line."""
    closed: bool = True

    @property
    def language(self) -> str:
        """Return ``rust``, another language's name, or an empty text if the label names none."""
        return language_of(self.label)


@dataclass
class _Open:
    """A fence that has not been closed yet."""

    mark: str
    label: str
    indent: int
    quotes: int
    start: int
    inside: int


def fenced_blocks(text: str, *, open_at_start: bool = False) -> list[Block]:
    """Return all fenced blocks, in order. ``open_at_start``: the text begins inside one, whose fence is the
    prompt's."""
    return list(_all_blocks(text, open_at_start=open_at_start))


@functools.lru_cache(maxsize=8)
def _all_blocks(text: str, *, open_at_start: bool = False) -> tuple[Block, ...]:
    """Return all fenced blocks; cached, since reading an answer asks for those of one text several times."""
    blocks: list[Block] = []
    for block in _outer_blocks(text, open_at_start=open_at_start):
        may_hold = block.language in {*_MARKDOWN, ""} and ("```" in block.text or "~~~" in block.text)
        inner = _outer_blocks(block.text) if may_hold else ()
        holds_blocks = block.language in _MARKDOWN or any(inner_block.language == RUST for inner_block in inner)
        blocks += (_moved(inner_block, block.inside[0]) for inner_block in inner) if holds_blocks else [block]
    return tuple(blocks)


def _outer_blocks(text: str, *, open_at_start: bool = False) -> tuple[Block, ...]:
    """Return blocks that are not inside others."""
    blocks: list[Block] = []
    opened = _Open("```", RUST, 0, 0, 0, 0) if open_at_start else None
    for position, end in _lines_with_marks(text):
        match = _FENCE.match(text[position:end].rstrip("\r\n"))
        fence = _read(match, position, end - position) if match is not None else None
        if opened is None:
            opened = fence if fence is not None and not _is_inline(fence) else None
        elif fence is not None and _closes(opened, fence):
            blocks.append(_block(text, opened, position, end, closed=True))
            opened = None
        elif fence is not None and _opens_next(opened, fence):
            blocks.append(_block(text, opened, position, position, closed=True))
            opened = fence
    if opened is not None:
        blocks.append(_block(text, opened, len(text), len(text), closed=False))
    return tuple(blocks)


def rust_blocks(text: str) -> list[str]:
    """Return the texts of blocks that are labelled as Rust or not at all and are not blank."""
    return [block.text for block in fenced_blocks(text) if block.language in (RUST, "") and block.text.strip()]


@functools.lru_cache(maxsize=256)
def language_of(label: str) -> str:
    """Return the language of an info string: ``rust:src/main.rs``, ``{.rust}``, ``src/main.rs``, ``rust,ignore``."""
    words: list[str] = [word.lower() for word in _WORD.findall(label[:200])]
    if not words:
        return ""
    first: str = words[0].lstrip(".").removeprefix("language-").removeprefix("lang-")
    if _EDITION.fullmatch(first) or words[0] in _RUSTDOC or words[0].startswith("edition20"):
        return RUST
    if words[0] in _NO_LANGUAGE and any(word.endswith(".rs") for word in words):
        return RUST
    if "." in words[0] or "/" in words[0]:  # a path: its suffix names the language
        return RUST if words[0].endswith(".rs") else words[0].rpartition(".")[2]
    return first


def lines_of(text: str) -> Iterator[str]:
    """Split a text into lines with their ends, at line feeds only: strings may hold other separators."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _lines_with_marks(text: str) -> Iterator[tuple[int, int]]:
    """Yield begin and end of the lines that hold a fence's mark; most lines hold none."""
    marks = {mark: at for mark in ("```", "~~~") if (at := text.find(mark)) >= 0}
    end = 0
    while marks:
        at = min(marks.values())
        begin, end = text.rfind("\n", end, at) + 1 or end, text.find("\n", at) + 1 or len(text)
        yield begin, end
        for mark, place in list(marks.items()):
            if place < end:
                marks[mark] = text.find(mark, end)
                if marks[mark] < 0:
                    del marks[mark]


def _read(match: re.Match[str], position: int, length: int) -> _Open:
    lead: str = match["lead"]
    # A quote mark includes one following space.
    behind = lead.rpartition(">")[2].removeprefix(" ") if ">" in lead else lead
    return _Open(
        str(match["mark"]), str(match["label"]).strip(), len(behind.expandtabs(4)), lead.count(">"),
        position, position + length,
    )  # fmt: skip


def _is_inline(fence: _Open) -> bool:
    """Return whether a backtick follows a fence of backticks: inline code, which does not open a block."""
    return fence.mark[0] == "`" and "`" in fence.label


def _closes(opened: _Open, fence: _Open) -> bool:
    deep_enough = fence.mark.startswith(opened.mark) and fence.indent <= opened.indent + _CLOSES_WITHIN
    return deep_enough and _BEHIND.fullmatch(fence.label) is not None


def _opens_next(opened: _Open, fence: _Open) -> bool:
    if language_of(opened.label) not in (RUST, "") or language_of(fence.label) != RUST or _is_inline(fence):
        return False
    return fence.mark == opened.mark and fence.indent <= opened.indent + _CLOSES_WITHIN


def _block(text: str, opened: _Open, inside_end: int, end: int, *, closed: bool) -> Block:
    content = text[opened.inside : inside_end]
    begun = _CODE_BEHIND.fullmatch(opened.label)
    if begun is not None:
        return Block(RUST, f"{begun['code']}\n{content}", opened.start, (opened.inside, inside_end), end, closed)
    if opened.indent or opened.quotes:
        content = "".join(_unindented(line, opened) for line in lines_of(content))
    return Block(opened.label, content, opened.start, (opened.inside, inside_end), end, closed)


def _moved(block: Block, by: int) -> Block:
    inside = (block.inside[0] + by, block.inside[1] + by)
    return replace(block, start=block.start + by, inside=inside, end=block.end + by)


def _unindented(line: str, opened: _Open) -> str:
    """Remove the quote marks and the indent of the surrounding fence from a line."""
    for _ in range(opened.quotes):
        inner = line.lstrip(" \t")
        if not inner.startswith(">"):
            break
        line = inner[1:].removeprefix(" ")
    column, at = 0, 0
    while at < len(line) and line[at] in " \t" and column < opened.indent:
        column += 4 - column % 4 if line[at] == "\t" else 1
        at += 1
    return line[at:]
