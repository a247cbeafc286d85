"""Fenced code blocks of Markdown, as CommonMark has them: three or more backticks or tildes at the start of a line.

An open last fence reaches to the end. Not covered: indented code, fences inside lists and quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FENCE = re.compile(r"^ {0,3}(?P<mark>`{3,}|~{3,})[ \t]*(?P<label>[^\n`]*)$")
_RUST = frozenset({"", "rust", "rs"})


@dataclass(frozen=True)
class Block:
    """A fenced block: the first word of its label, lower case, and its text."""

    label: str
    text: str


def fenced_blocks(text: str) -> list[Block]:
    """All fenced blocks, in order."""
    blocks: list[Block] = []
    mark, label = "", ""
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        match = _FENCE.match(line.rstrip("\r\n"))
        if not mark:
            if match:
                mark, label, lines = match["mark"], match["label"].strip().lower(), []
        elif match and match["mark"].startswith(mark) and not match["label"].strip():
            blocks.append(Block(label, "".join(lines)))
            mark = ""
        else:
            lines.append(line)
    if mark:
        blocks.append(Block(label, "".join(lines)))
    return blocks


def rust_blocks(text: str) -> list[str]:
    """Texts of the blocks that are labelled as Rust or not at all and are not blank."""
    return [b.text for b in fenced_blocks(text) if re.split(r"[\s,{]", b.label)[0] in _RUST and b.text.strip()]
