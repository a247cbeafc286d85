"""How many faults of the machine are too many: a share of all that was to be judged.

Not covered: what a fault is worth (nothing: it is no verdict), trying again (`verify.judge.verifier`).
"""

from __future__ import annotations

from collections.abc import Sequence

from burnish.errors import InfraBudgetError
from burnish.records import Verdict

ENOUGH = 50
"""Where the end is not known, faults are weighed against at least so many: one in the first eight is no broken
machine."""
KEPT = "; verdicts until now are kept"


class InfraBudget:
    """Weighs verdicts that come a few at a time, over all that came.

    Args:
        share: of the verdicts that may be faults, 0 to 1.
        judged: what is judged, in a message.
        kept: what a message says of verdicts until now.
    """

    def __init__(self, share: float, *, judged: str, kept: str = "") -> None:
        self._share, self._judged, self._kept = share, judged, kept
        self._seen = 0
        self._faults = 0

    def weigh(self, verdicts: Sequence[Verdict]) -> None:
        """Raise InfraBudgetError when too much could not be judged.

        A task that cannot be judged here, such as one whose crates are missing, is no fault of the machine.
        """
        faults = [one for one in verdicts if one.status == "infra" and one.stage != "extract"]
        self._seen += len(verdicts)
        self._faults += len(faults)
        if faults and self._faults > self._share * max(self._seen, ENOUGH):
            number = f"{self._faults} of {self._seen} {self._judged}"
            raise too_many_faults(number, faults[-1], share=self._share, kept=self._kept)


def too_many_faults(number: str, last: Verdict, *, share: float, kept: str) -> InfraBudgetError:
    """The error: ``number`` is how many of what, ``last`` the last of them."""
    return InfraBudgetError(
        f"{number} could not be judged, the last one because: {last.detail}.",
        f"At most {share:.0%} may (verify.infra_budget){kept}. Run burnish doctor.",
    )
