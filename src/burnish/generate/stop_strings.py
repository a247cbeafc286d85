"""Detect texts that end a completion. Not covered: stop tokens (`transformers_engine.stop_ids`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from burnish.model.chat_template import control_tokens


class StopStrings:
    """Detect stop texts in written tokens, also where a text begins inside one token and ends inside another.

    A text may name a special token (``<|im_end|>``), which decoding skips: so the text with special tokens is searched
    too.

    Args:
        texts: none of them empty.
        tokenizer: each of its tokens except special ones decodes to at least one byte.
    """

    def __init__(self, texts: Sequence[str], tokenizer: Any) -> None:
        self._texts = tuple(texts)
        self._tokenizer = tokenizer
        self._special = control_tokens(tokenizer)
        # A text of n bytes lies in the last n tokens. One more token, because its first character may be split.
        self._tokens = max(len(text.encode()) for text in texts) + 1

    def ends(self, ids: Sequence[int]) -> bool:
        """Return whether the newest token completed one of the texts."""
        tail = list(ids[-self._tokens :])
        plain, whole = (self._tokenizer.decode(tail, skip_special_tokens=skip) for skip in (True, False))
        return any(text in plain or text in whole for text in self._texts)

    def text(self, ids: Sequence[int]) -> str:
        """Decode the tokens up to the first of the stop texts, without special tokens."""
        plain = self._before(str(self._tokenizer.decode(list(ids), skip_special_tokens=True)))
        whole = str(self._tokenizer.decode(list(ids), skip_special_tokens=False))
        before = self._before(whole)
        if before == whole or self._special is None:
            return plain
        before = self._special.sub("", before)
        return before if len(before) < len(plain) else plain

    def special_ids(self) -> frozenset[int]:
        """Return the ids of stop texts that are one special token each."""
        known = self._tokenizer.get_added_vocab()
        return frozenset(int(known[text]) for text in self._texts if text in known)

    def _before(self, text: str) -> str:
        return text[: min((place for stop in self._texts if (place := text.find(stop)) >= 0), default=len(text))]
