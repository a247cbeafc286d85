"""Every row of the tables gets its due verdict; ``python -m tests.verify.fairness.table`` prints the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from burnish.config.verify import VerifyConfig
from burnish.verify import Verifier
from tests.verify.fairness.table import READING, TABLE, read_cases, wrong

KNOWN = frozenset(
    [
        "case11-0",
        "case12-0",
        "case12-2",
        "case12-6",
        "case13-2",
        "case14-0",
        "case14-2",
        "case14-4",
        "case14-6",
        "case14-8",
        "case15-0",
        "case15-4",
        "case16-0",
        "case16-2",
        "case16-4",
        "case17-0",
        "case19-2",
        "case19-4",
        "case24-0",
        "case24-2",
        "case25-0",
        "case25-2",
        "case25-4",
        "case25-6",
        "case25-10",
        "case26-2",
        "case26-8",
        "case29-0",
        "case29-2",
        "case30-0",
        "case31-0",
        "case31-2",
        "case31-4",
        "case31-6",
        "case31-14",
        "case32-0",
        "case32-6",
        "case34-0",
        "case34-2",
        "case36-2",
    ]
)
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
