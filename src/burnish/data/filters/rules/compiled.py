"""``does_not_compile`` and ``has_lints``: filter by the compiler's result in the sandbox, through an injected judge.

``has_lints`` also leaves out code that does not compile, whose lints are unknown. A row that could not be judged
because the machine failed is left out as ``not_judged``. A row without Rust does not compile.

Judging row by row would leave all cores but one idle, so whoever filters calls `look_ahead` with the rows to come.
"""

from __future__ import annotations

from collections.abc import Sequence

from burnish.config.data.filters import DoesNotCompile, HasLints
from burnish.data.filters.base import Judge, Judgement, RustCode
from burnish.records import Example

_NO_RUST = Judgement(compiled=False, detail="the row contains no Rust")


class JudgedFilter:
    """Filter by the compiler's errors, or with `HasLints` by lints too; it remembers the judgements of coming rows."""

    def __init__(self, config: DoesNotCompile | HasLints, judge: Judge) -> None:
        self._judge = judge
        self._edition = config.edition
        self._refuses_lints = isinstance(config, HasLints)
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

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether it compiles, without a lint where lints are refused."""
        judgement = self.judgement(code)
        return bool(judgement.compiled) and not (self._refuses_lints and judgement.lints)

    def detail(self, example: Example, code: RustCode) -> str:
        """Return the refused lints, or the first error."""
        judgement = self.judgement(code)
        lints = judgement.lints if self._refuses_lints else ()
        return ", ".join(dict.fromkeys(lints)) or judgement.detail
