"""The training benchmark measures every way on the same rows and judges the ratios; how fast is for it to say."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from benchmarks.model_speed import million_parameters
from benchmarks.train import goals, speed, table
from benchmarks.train_gpu import CASES, measure_gpu, packed_rows
from benchmarks.train_variants import LENGTH, VARIANTS, Measured, measure, random_rows


def test_ratios_take_the_best_of_each_side_and_the_median_of_the_rounds() -> None:
    def runs(*tokens: int) -> list[Measured]:
        return [Measured(count, 1.0, 1.0, 2**30, 1.0) for count in tokens]

    found = {name: runs(100, 10, 50) for name in VARIANTS}
    found["burnish, packed, micro 2"] = runs(96, 97, 98)
    found["TRL by hand, padded, micro 8"] = runs(100, 1, 200)
    assert speed(found["TRL defaults"]) == 50
    values = {goal.name: (round(goal.value, 3), goal.met) for goal in goals(found)}
    assert values == {
        "tokens_vs_trl_best": (0.97, True),
        "tokens_vs_trl_defaults": (1.94, True),
        "tokens_vs_system_a": (1.94, True),
    }
    assert "| TRL defaults | 50 | 180.0% | 1.00 | 1.000 |" in table(found)


@pytest.mark.parametrize("name", ["burnish, packed, micro 2", "TRL by hand, packed, micro 1"])
def test_a_way_trains_all_rows_and_is_measured(tmp_path: Path, name: str) -> None:
    rows = random_rows(12)
    assert all(len(row.input_ids) == len(row.labels) <= LENGTH for row in rows)
    measured = measure(name, rows, million_parameters(tmp_path / "model"), tmp_path)
    assert measured.tokens == sum(len(row.input_ids) for row in rows)
    assert measured.cpu_s > 0
    assert 5 < measured.loss < 9  # about log 1024: random weights on random tokens


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_cuda_the_8b_shape_is_not_measured_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert measure_gpu() == []
    assert "not measured" in capsys.readouterr().out


def test_gpu_cases_cover_what_they_promise() -> None:
    switches = [(case["base"], *case["kernels"].values()) for case in CASES.values()]
    assert len(set(switches)) == 8
    rows, packs = packed_rows()
    assert all(sum(len(rows[index].input_ids) for index in pack) == 4096 for pack in packs)
