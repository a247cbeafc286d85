"""Filter by what a row holds: length, signs of idiom and of low quality (`idiom_signs`), comments, syntax tree.

| reason | kept when |
| --- | --- |
| `too_short`, `too_long` | the characters of the document, or of all turns together, reach or do not exceed the limit |
| `not_idiomatic` | idiomatic > 0 and idiomatic >= ratio * low_quality (0..6 families and 0..4) |
| `low_quality` | at most ``most`` of the four families of low quality |
| `no_documentation` | any doc comment: ``///``, ``//!``, ``/** */``, ``/*! */``, ``#[doc = ...]`` |
| `does_not_parse` | the tree has no error |

A row without Rust shows no sign of idiom, has no documentation and does not parse. ``////`` and ``/***`` are plain
comments, and ``///`` in a string is text. The grammar may lag behind the newest syntax, so `does_not_parse` is a cheap
hint; `compiled` asks the compiler.

Not covered: tokens, which depend on a tokenizer (`data.encode.lengths`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from burnish.config.data.filters import LowQuality, NotIdiomatic, TooLong, TooShort
from burnish.data.filters.base import RustCode
from burnish.data.filters.idiom_signs import most_low_quality
from burnish.records import Example

_MARKS = ("///", "//!", "/**", "/*!", "doc")
"""One of these is in every documented source; a cheap check before parsing."""


@dataclass(frozen=True)
class ContentFilter:
    """Filter by a condition on the row."""

    holds: Callable[[Example, RustCode], bool]
    describe: Callable[[Example, RustCode], str] = lambda *_: ""

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether the condition holds."""
        return self.holds(example, code)

    def detail(self, example: Example, code: RustCode) -> str:
        """Return what the row holds instead; may be empty."""
        return self.describe(example, code)


def length_filter(config: TooShort | TooLong) -> ContentFilter:
    """Build the filter; a row of exactly the limit stays."""
    sign = 1 if isinstance(config, TooShort) else -1
    return ContentFilter(
        lambda example, _: sign * _characters(example) >= sign * config.characters,
        lambda example, _: f"{_characters(example)} characters",
    )


def idiom_filter(config: NotIdiomatic) -> ContentFilter:
    """Build the filter, which asks the first tokens before the tree."""

    def prevails(_: Example, code: RustCode) -> bool:
        if code.glance.shows(max(1, math.ceil(config.ratio * most_low_quality(code.source)))):
            return True
        idiomatic = len(code.signs.idiomatic)
        return idiomatic > 0 and idiomatic >= config.ratio * len(code.signs.low_quality)

    def signs(_: Example, code: RustCode) -> str:
        idiomatic, low = (
            ", ".join(sorted(families)) or "none" for families in (code.signs.idiomatic, code.signs.low_quality)
        )
        return f"idiomatic: {idiomatic}; low quality: {low}"

    return ContentFilter(prevails, signs)


def quality_filter(config: LowQuality) -> ContentFilter:
    """Build the filter, which looks at the source's words before the tree."""
    return ContentFilter(
        lambda _, code: most_low_quality(code.source) <= config.most or len(code.signs.low_quality) <= config.most,
        lambda _, code: ", ".join(sorted(code.signs.low_quality)),
    )


def _is_documented(_: Example, code: RustCode) -> bool:
    return code.glance.is_documented() or (any(mark in code.source for mark in _MARKS) and code.signs.documented)


DOCUMENTED = ContentFilter(_is_documented)
PARSED = ContentFilter(lambda _, code: bool(code.source.strip()) and not code.root.has_error)


def _characters(example: Example) -> int:
    return len(example.text) if example.text is not None else sum(len(turn.content) for turn in example.messages)
