"""pass@k against counting all subsets, and against published results."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest

from burnish.records.files import read_rows
from burnish.score.metrics.pass_at_k import pass_at_k, reported_k


def test_every_small_case_equals_counting_all_subsets() -> None:
    for samples in range(1, 9):
        for right in range(samples + 1):
            outcomes = [True] * right + [False] * (samples - right)
            for k in range(1, samples + 1):
                drawn = [any(combination) for combination in combinations(outcomes, k)]
                assert pass_at_k(samples, right, k) == pytest.approx(sum(drawn) / len(drawn)), (samples, right, k)


def test_many_samples_neither_overflow_nor_leave_the_range() -> None:
    assert 0 < pass_at_k(5000, 1, 100) < pass_at_k(5000, 50, 100) < 1
    assert pass_at_k(5000, 5000, 1) == 1.0


@pytest.mark.parametrize(("samples", "right", "k"), [(3, 1, 4), (3, 4, 1), (3, 1, 0), (3, -1, 1)])
def test_pass_at_k_with_too_few_samples_is_refused(samples: int, right: int, k: int) -> None:
    with pytest.raises(ValueError, match="must be in"):
        pass_at_k(samples, right, k)


def test_the_reported_k_are_at_most_the_samples() -> None:
    assert reported_k(1) == (1,)
    assert reported_k(8) == (1, 5, 8)
    assert reported_k(100) == (1, 5, 10, 100)


@pytest.mark.parametrize("benchmark", ["humaneval", "mbpp"])
def test_published_results_are_reproduced(shared: Path, benchmark: str) -> None:
    folder = shared / "data" / "evalplus_results"
    published = json.loads((folder / f"qwen2.5-coder-1.5b_{benchmark}.published.json").read_text())
    tasks = list(read_rows(folder / f"qwen2.5-coder-1.5b_{benchmark}.jsonl"))
    for name, fields in ((benchmark, ("base_status",)), (f"{benchmark}+", ("base_status", "plus_status"))):
        rates = []
        for task in tasks:
            passed = [all(sample[field] == "pass" for field in fields) for sample in task["samples"]]
            rates.append(pass_at_k(len(passed), sum(passed), 1))
        assert round(100 * sum(rates) / len(rates), 1) == published[name]["pass@1"]
