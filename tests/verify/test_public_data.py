"""A fixed part of each public set; ``python -m tests.verify.public_data`` judges them whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from burnish.config.verify import VerifyConfig
from burnish.verify import Verifier
from tests.verify.public_data import SETS, gpt4, wrong


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(infra_budget=1.0)) as one:
        yield one


@pytest.mark.parametrize(
    ("name", "every"),
    [
        ("rust_verdicts_gpt4", 12),
        ("book listings", 5),
        ("reference blocks", 16),
        ("exercism", 9),
        ("sigil 164", 24),
        ("sigil 180", 24),
    ],
)
def test_verdicts_are_those_recorded(shared: Path, verifier: Verifier, name: str, every: int) -> None:
    samples = SETS[name](shared)[::every]
    assert len(samples) >= 7
    assert wrong(verifier, samples) == []


def test_an_answer_that_leans_on_hash_order_gets_the_same_verdict_every_time(shared: Path) -> None:
    leaning = [s for s in gpt4(shared) if s.task.id == "reflexion_mbpp_rs/16"]
    for _ in range(3):
        with Verifier(VerifyConfig(workers=1)) as fresh:
            assert wrong(fresh, leaning) == []
