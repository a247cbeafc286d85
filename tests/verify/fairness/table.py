"""Right and wrong answers in the forms that models write them, each with the verdict that is due to it.

``python -m tests.verify.fairness.table [KIND...]`` judges the tables and prints what comes out wrong, by kind.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from burnish.config.verify import VerifyConfig
from burnish.records import Verdict
from burnish.verify import Verifier
from burnish.workflows.verify.file import VerifyRow, pair_of

TABLE = Path(__file__).parent / "cases.jsonl"
READING = Path(__file__).parent / "reading.jsonl"
"""Forms in which answers are written; the first table is about all kinds."""
VARIANTS = Path(__file__).parent / "variants.jsonl"
"""Near variants of both."""
TABLES = (TABLE, READING, VARIANTS)


@dataclass(frozen=True)
class Case:
    """One row of ``burnish verify``, and what is right."""

    kind: str
    status: str
    reasons: frozenset[str]
    """Any reason where it is empty."""
    row: VerifyRow

    def is_right(self, verdict: Verdict) -> bool:
        """Whether the verdict is the one that is due."""
        return verdict.status == self.status and (not self.reasons or verdict.reason in self.reasons)


def read_cases(path: Path = TABLE) -> list[Case]:
    """All cases of a file."""
    cases = []
    for line in path.read_text().splitlines():
        case = json.loads(line)
        reasons = {case["expected_reason"]} - {None}
        if "where no cgroup is writable" in (case["note"] or ""):
            reasons.add("runtime_error")
        row = VerifyRow.of(case["row"])
        cases.append(Case(case["kind"], case["expected_status"], frozenset(reasons), row))
    return cases


def wrong(verifier: Verifier, cases: list[Case]) -> list[tuple[Case, Verdict]]:
    """Cases whose verdict is not the one that is due."""
    pairs = [pair_of(case.row) for case in cases]
    verdicts = verifier.verify(pairs, goals=[case.row.goal_of_task for case in cases])
    return [(case, verdict) for case, verdict in zip(cases, verdicts, strict=True) if not case.is_right(verdict)]


def main(kinds: list[str]) -> int:
    """Judge the tables, or some kinds; returns how many verdicts are wrong."""
    cases = [case for path in TABLES for case in read_cases(path) if not kinds or case.kind in kinds]
    with Verifier(VerifyConfig(infra_budget=1.0)) as verifier:
        found = wrong(verifier, cases)
    totals, misses = Counter(case.kind for case in cases), Counter(case.kind for case, _ in found)
    for kind, total in totals.items():
        sys.stdout.write(f"{kind:20} {total - misses[kind]:3} of {total:3}\n")
        for case, verdict in found:
            if case.kind == kind:
                said = f"{verdict.status} {verdict.stage} {verdict.reason} {verdict.detail[:300]}"
                errors = [d.message for d in verdict.diagnostics if d.level == "error"]
                sys.stdout.write(f"    {case.row.id}: due {case.status}, is {said} {errors[:2]}\n")
    sys.stdout.write(f"{'all':20} {len(cases) - len(found):3} of {len(cases):3}\n")
    return len(found)


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
