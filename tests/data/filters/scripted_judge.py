"""A judge that a test tells what to say."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.data.filters.base import Judgement
from burnish.records import Edition


class ScriptedJudge:
    """Says what it was told of each source; anything else compiles."""

    def __init__(self, **said: Judgement) -> None:
        self.said = said
        self.asked: list[list[str]] = []

    def judge(self, sources: Sequence[str], edition: Edition) -> list[Judgement]:
        self.asked.append(list(sources))
        return [self.said.get(source, Judgement(True)) for source in sources]
