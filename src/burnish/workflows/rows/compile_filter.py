"""Judge sources for filters with the verifier: whether they compile, and their lints.

Left out on purpose: running programs; filters only need the compiler.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from burnish.config.data.filters import FilterConfig
from burnish.config.verify import VerifyConfig
from burnish.data.filters.base import Judgement
from burnish.data.filters.build import needs_judge
from burnish.records import Edition, Verdict
from burnish.syntax.crates import named_crates
from burnish.verify import Verifier
from burnish.verify.compiler.dependency_set import known_crates
from burnish.verify.judge.bounds import bounded
from burnish.workflows.verify.file import VerifyRow, pair_of
from burnish.workflows.verify.judge import open_verifier


class VerifierJudge:
    """Judge sources in a verifier's sandbox, one per worker at a time."""

    def __init__(self, verifier: Verifier, config: VerifyConfig) -> None:
        self.digest = verifier.digest
        self._verifier = verifier
        self._crates = known_crates(config.dependencies)

    def judge(self, sources: Sequence[str], edition: Edition) -> list[Judgement]:
        """Return one judgement per source, in order; raise InfraBudgetError after too many faults."""
        # A source needs the crates it names: if one is missing the source cannot be judged, which is not its fault.
        rows = (
            VerifyRow(id=str(n), code=source, edition=edition, crates=named_crates(bounded(source), self._crates))
            for n, source in enumerate(sources)
        )
        pairs = (pair_of(row) for row in rows)
        return [_judgement(verdict) for verdict in self._verifier.stream(pairs, goal="check")]


@contextmanager
def open_judge(filters: Sequence[FilterConfig], config: VerifyConfig, beside: Path) -> Iterator[VerifierJudge | None]:
    """Open a judge with its verdict cache; None when no filter needs the compiler."""
    if not needs_judge(filters):
        yield None
        return
    with open_verifier(config, beside) as verifier:
        yield VerifierJudge(verifier, config)


def _judgement(verdict: Verdict) -> Judgement:
    if verdict.status == "infra":
        return Judgement(None, detail=verdict.detail)
    errors = [diagnostic for diagnostic in verdict.diagnostics if diagnostic.level == "error"]
    message = " ".join(part for part in (errors[0].code or "", errors[0].message) if part) if errors else verdict.detail
    return Judgement(verdict.compiled, verdict.lints, message or verdict.reason)
