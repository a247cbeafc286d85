"""Truncate a conversation to fit, in a fixed order of parts.

1. Turns after the last trained one.
2. Whole exchanges, the oldest first; system turns stay.
3. Tokens of the last question: its start (``left``), its end (``right``) or its middle (``middle``); then of the
   system turn. The template's text around them stays.
4. The end of the answer, with its end of turn: such a row is marked (``cut_answer``), and a gate counts it.

Not covered: documents, which are divided and never cut (`data.encode.chat`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from burnish.data.encode.masking import Range, Turn

Side = Literal["left", "right", "middle"]


@dataclass(frozen=True)
class TokenizedText:
    """A conversation's text with tokens, labels and offsets."""

    text: str
    ids: list[int]
    labels: list[int]
    encoding: Any
    """The tokenizer's output; offsets become a list only when needed."""

    @property
    def offsets(self) -> Sequence[Range]:
        """Start and end of each token, in characters."""
        places: Sequence[Range] = self.encoding.offsets
        return places


@dataclass(frozen=True)
class Truncated:
    """The rest of a truncated conversation."""

    ids: list[int]
    labels: list[int]
    answers: int
    """Assistant's turns that are left."""
    cut_answer: bool


def truncate(
    turns: Sequence[Turn],
    side: Side,
    max_length: int,
    *,
    trained: Sequence[str],
    tokenize: Callable[[Sequence[Turn]], TokenizedText],
    locate: Callable[[str, Sequence[Turn], int], Range],
) -> Truncated:
    """Cut the conversation down to ``max_length`` tokens.

    Args:
        turns: role and content.
        side: part of the question to cut.
        max_length: in tokens.
        trained: the roles whose turns are trained.
        tokenize: encodes a conversation and labels it.
        locate: finds the content of a turn in the conversation's text.
    """
    last = max((index for index, turn in enumerate(turns) if turn["role"] in trained), default=len(turns) - 1)
    kept = list(turns[: last + 1])
    tokenized = tokenize(kept)
    while len(tokenized.ids) > max_length and (shorter := without_oldest_exchange(kept)) is not None:
        kept = shorter
        tokenized = tokenize(kept)
    dropped: set[int] = set()
    for index in _cuttable(kept, trained):
        excess = len(tokenized.ids) - len(dropped) - max_length
        if excess > 0:
            dropped |= set(_cut(tokenized.offsets, locate(tokenized.text, kept, index), excess, side))
    keep = [place for place in range(len(tokenized.ids)) if place not in dropped]
    return Truncated(
        [tokenized.ids[place] for place in keep[:max_length]],
        [tokenized.labels[place] for place in keep[:max_length]],
        sum(turn["role"] == "assistant" for turn in kept),
        len(keep) > max_length,
    )


def without_oldest_exchange(turns: Sequence[Turn]) -> list[Turn] | None:
    """Remove the first exchange (up to and including an answer); None when it has only one."""
    start = next((index for index, turn in enumerate(turns) if turn["role"] != "system"), len(turns))
    end = next((index for index in range(start, len(turns)) if turns[index]["role"] == "assistant"), len(turns))
    return [*turns[:start], *turns[end + 1 :]] if end + 1 < len(turns) else None


def _cuttable(turns: Sequence[Turn], trained: Sequence[str]) -> list[int]:
    """Return the turns that may be cut, in order: questions from the last back, then system."""
    places = [index for index, turn in enumerate(turns) if turn["role"] not in trained and index < len(turns) - 1]
    return sorted(places, key=lambda index: (turns[index]["role"] == "system", -index))


def _cut(offsets: Sequence[Range], content: Range, excess: int, side: Side) -> range:
    """Choose up to ``excess`` tokens of the content to cut."""
    begin, end = content
    first = bisect_left(offsets, (begin, begin))
    last = first
    while last < len(offsets) and offsets[last][1] <= end:
        last += 1
    count = min(excess, last - first)
    if side == "left":
        start = first
    elif side == "right":
        start = last - count
    else:
        start = first + (last - first - count + 1) // 2
    return range(start, start + count)
