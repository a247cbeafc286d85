"""Every row of the tables gets its due verdict; ``python -m tests.verify.fairness.table`` prints the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from burnish.config.verify import VerifyConfig
from burnish.verify import Verifier
from tests.verify.fairness.table import READING, TABLE, read_cases, wrong

_KNOWN = {
    11: (0,),
    12: (0, 2, 6),
    13: (2,),
    14: (0, 2, 4, 6, 8),
    15: (0, 4),
    16: (0, 2, 4),
    17: (0,),
    19: (2, 4),
    24: (0, 2),
    25: (0, 2, 4, 6, 10),
    26: (2, 8),
    29: (0, 2),
    30: (0,),
    31: (0, 2, 4, 6, 14),
    32: (0, 6),
    34: (0, 2),
    36: (2,),
}
KNOWN = frozenset(f"case{group}-{number}" for group, numbers in _KNOWN.items() for number in numbers)
"""Rows whose verdict is known to be wrong still."""


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(infra_budget=1.0)) as one:
        yield one


@pytest.mark.parametrize("path", [TABLE, READING], ids=lambda path: path.stem)
def test_every_answer_gets_the_verdict_that_is_due(verifier: Verifier, path: Path) -> None:
    found = {
        case.row.id: f"{verdict.status} {verdict.reason} {verdict.detail[:100]}, due {case.status}"
        for case, verdict in wrong(verifier, read_cases(path))
    }
    assert {name: what for name, what in found.items() if name not in KNOWN} == {}
