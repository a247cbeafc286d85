"""Limit the faults of the machine to a share of all judged candidates.

Not covered: scoring a fault (it has no score), retries (`verify.judge.verifier`).
"""

from __future__ import annotations

from collections.abc import Sequence

from burnish.errors import InfraBudgetError
from burnish.records import Verdict

ENOUGH = 50
"""Least number of candidates to compare faults with while the total is unknown: one fault among the first eight
does not mean a broken machine."""
KEPT = "; verdicts until now are kept"


class InfraBudget:
    """Compare faults with all verdicts so far, which come a few at a time.

    Args:
        share: of the verdicts that may be faults, 0 to 1.
        judged: name of the judged things in messages.
        kept: sentence of messages about earlier verdicts.
    """

    def __init__(self, share: float, *, judged: str, kept: str = "") -> None:
        self._share, self._judged, self._kept = share, judged, kept
        self._seen = 0
        self._faults = 0

    def weigh(self, verdicts: Sequence[Verdict]) -> None:
        """Raise InfraBudgetError when too much could not be judged.

        A task that cannot be judged here, such as one whose crates are missing, is not a fault of the machine.
        """
        faults = [verdict for verdict in verdicts if verdict.status == "infra" and verdict.stage != "extract"]
        self._seen += len(verdicts)
        self._faults += len(faults)
        if faults and self._faults > self._share * max(self._seen, ENOUGH):
            number = f"{self._faults} of {self._seen} {self._judged}"
            raise too_many_faults(number, faults[-1], share=self._share, kept=self._kept)


def too_many_faults(number: str, last: Verdict, *, share: float, kept: str) -> InfraBudgetError:
    """Build the error: ``number`` of how many, and ``last``, the last fault."""
    return InfraBudgetError(
        f"{number} could not be judged, the last one because: {last.detail}.",
        f"At most {share:.0%} may (verify.infra_budget){kept}. Run burnish doctor.",
    )
