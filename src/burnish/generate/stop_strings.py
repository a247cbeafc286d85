"""Texts that end a completion. Not covered: tokens that do (`transformers_engine.stop_ids`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class StopStrings:
    """Finds stop texts in what is written, also where a text begins inside one token and ends inside another.

    Args:
        texts: none of them empty.
        tokenizer: every token of it that is no special one makes at least one byte.
    """

    def __init__(self, texts: Sequence[str], tokenizer: Any) -> None:
        self._texts = tuple(texts)
        self._tokenizer = tokenizer
        # A text of n bytes lies in the last n tokens. One more token, because a character may be torn at the front.
        self._tokens = max(len(text.encode()) for text in texts) + 1

    def ends(self, ids: Sequence[int]) -> bool:
        """Whether the newest token completed one of the texts."""
        tail = self._tokenizer.decode(list(ids[-self._tokens :]), skip_special_tokens=True)
        return any(text in tail for text in self._texts)

    def without(self, text: str) -> str:
        """The text before the first of the stop texts in it."""
        return text[: min((place for stop in self._texts if (place := text.find(stop)) >= 0), default=len(text))]
