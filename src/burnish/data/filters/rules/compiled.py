"""``does_not_compile`` and ``has_lints``: filter by the compiler's result in the sandbox, through an injected judge.

``has_lints`` also leaves out code that does not compile, whose lints are unknown. A row that could not be judged
because the machine failed is left out as ``not_judged``. A row without Rust does not compile.

Judging row by row would leave all cores but one idle, so whoever filters calls `look_ahead` with the rows to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from burnish.config.data.filters import DoesNotCompile, HasLints
from burnish.data.filters.base import Judge, Judgement, RustCode
from burnish.records import Edition, Example

_NO_RUST = Judgement(compiled=False, detail="the row contains no Rust")


class JudgedFilter:
    """Filter that remembers the judgements of coming rows."""

    reason: ClassVar[str]
    ordered: ClassVar[bool] = True  # the judge and its sandbox live in one process

    def __init__(self, judge: Judge, edition: Edition) -> None:
        self._judge = judge
        self._edition = edition
        self._known: dict[str, Judgement] = {}

    def look_ahead(self, codes: Sequence[RustCode]) -> None:
        """Judge these rows at once and forget earlier judgements."""
        sources = list(dict.fromkeys(code.source for code in codes if code.source.strip()))
        known = {source: self._known[source] for source in sources if source in self._known}
        unknown = [source for source in sources if source not in known]
        self._known = known | dict(zip(unknown, self._judge.judge(unknown, self._edition), strict=True))

    def judgement(self, code: RustCode) -> Judgement:
        """Return the compiler's judgement."""
        if not code.source.strip():
            return _NO_RUST
        if code.source not in self._known:
            self.look_ahead([code])
        return self._known[code.source]


class DoesNotCompileFilter(JudgedFilter):
    """Filter by the compiler's errors."""

    reason = "does_not_compile"

    def __init__(self, config: DoesNotCompile, judge: Judge) -> None:
        super().__init__(judge, config.edition)

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether it compiles."""
        return bool(self.judgement(code).compiled)

    def detail(self, example: Example, code: RustCode) -> str:
        """Return the first error."""
        return self.judgement(code).detail


class HasLintsFilter(JudgedFilter):
    """Filter by lints."""

    reason = "has_lints"

    def __init__(self, config: HasLints, judge: Judge) -> None:
        super().__init__(judge, config.edition)

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether it compiles without a lint."""
        judgement = self.judgement(code)
        return bool(judgement.compiled) and not judgement.lints

    def detail(self, example: Example, code: RustCode) -> str:
        """Return the lints, or the first error."""
        judgement = self.judgement(code)
        return ", ".join(dict.fromkeys(judgement.lints)) or judgement.detail
