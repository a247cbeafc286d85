"""Every row of the tables gets its due verdict; ``python -m tests.verify.fairness.table`` prints the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from burnish.config.verify import VerifyConfig
from burnish.verify import Verifier
from tests.verify.fairness.table import TABLES, read_cases, wrong


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(infra_budget=1.0)) as one:
        yield one


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_every_answer_gets_the_verdict_that_is_due(verifier: Verifier, path: Path) -> None:
    found = {
        case.row.id: f"{verdict.status} {verdict.reason} {verdict.detail[:100]}, due {case.status}"
        for case, verdict in wrong(verifier, read_cases(path))
    }
    assert found == {}
