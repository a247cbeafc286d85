"""What sweeps and grids print: the best run and how sure that is, what is not known, why a cell cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burnish.cli.render.experiments import Live, grid_table, show_grid, show_sweep, show_sweep_plan, sweep_table
from burnish.records.summary import Estimate, PairedEstimate
from burnish.workflows.experiments.grid import Answering, CellResult, GridSummary
from burnish.workflows.experiments.sweep import Best, PlannedRun, RunResult, SweepSummary


def result(index: int, metric: float | None, **more: Any) -> RunResult:
    said: dict[str, Any] = {
        "run_id": f"run_{index:03d}",
        "run_index": index,
        "config": "c",
        "params": {},
        "output_dir": "o",
        "logging_dir": "l",
        "success": metric is not None,
        "state": "done" if metric is not None else "failed",
        "metric": metric,
        "interval": None if metric is None else (metric - 0.1, metric + 0.1),
        "seconds": 65.0,
        "attempts": 1,
    }
    return RunResult.model_validate(said | more)


def summary(low: float | None) -> SweepSummary:
    difference = (
        None
        if low is None
        else PairedEstimate(a=0.5, b=0.6, difference=0.1, ci95=(low, 0.2), p_value=0.1, test="mcnemar", n=12)
    )
    return SweepSummary(
        total_runs=3,
        successful_runs=2,
        failed_runs=1,
        pruned_runs=0,
        base_config="r.yaml",
        seed=1,
        objective={"stage": "measure", "metric": "tests_passed", "direction": "maximize"},
        best=Best(
            run_id="run_000",
            metric=0.6,
            interval=(0.5, 0.7),
            next="run_001",
            difference=difference,
            distinguishable=None if low is None else low > 0,
            chosen_among=2,
        ),
        results=(result(0, 0.6), result(1, 0.5), result(2, None, reason="no [rows]")),
    )


def test_the_best_run_is_named_with_how_sure_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show_sweep(summary(0.05), Path("s.json"))
    sure = capsys.readouterr().out
    assert "Best of 2: run_000 with 0.6 (95 % interval 0.500–0.700)." in sure
    assert "+0.1 against run_001, 95 % interval +0.05 to +0.2" in sure
    assert "warning" not in sure
    assert "1 of 3 runs failed" in sure
    assert "run_002 is failed: no [rows]" in sure, "text in brackets is no markup"
    assert "1 min 05 s" in sure
    show_sweep(summary(-0.05), Path("s.json"))
    assert "warning: the best and the next run do not differ significantly" in capsys.readouterr().out
    show_sweep(summary(None), Path("s.json"))
    assert "warning: no test shows whether the best differs from run_001" in capsys.readouterr().out
    nothing = summary(None).model_copy(update={"best": None})
    show_sweep(nothing, Path("s.json"))
    assert "No run has a value for the objective." in capsys.readouterr().out


def planned(
    seconds: float | None, *, done: bool = False, params: dict[str, Any] | None = None, problem: str = ""
) -> PlannedRun:
    cost = None if seconds is None else seconds / 100
    memory: dict[str, Any] = {"peak_bytes": None, "device_peak_bytes": None}
    return PlannedRun(run_id="run_000", params=params, done=done, seconds=seconds, cost=cost, problem=problem, **memory)


def test_unknown_values_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    show_sweep_plan([planned(None, params={}), planned(None)], 2.0)
    out = capsys.readouterr().out
    assert "2 runs remain: unknown, cost unknown." in out
    assert "chosen by the results of other runs" in out
    show_sweep_plan([planned(50.0, done=True, params={}), planned(50.0, params={}), planned(None, params={})], 2.0)
    assert "2 runs remain: 50.0 s, cost 0.50 and 1 run of unknown time." in capsys.readouterr().out
    show_sweep_plan([planned(50.0, params={})], None)
    assert "1 run remains: 50.0 s, cost 0.50." in capsys.readouterr().out
    show_sweep_plan([planned(50.0, done=True, params={})], None)
    assert "Nothing is left to do: every run has ended." in capsys.readouterr().out
    show_sweep_plan([planned(None, params={}, problem="model.base is 'none'. Give a folder.")], None)
    out = capsys.readouterr().out
    assert "cannot be" in out
    assert "run_000 cannot begin: model.base is 'none'. Give a folder." in out


def test_a_grid_is_one_table_with_reasons_for_illegal_cells(capsys: pytest.CaptureFixture[str]) -> None:
    answering = Answering(
        kind="rust",
        metric="tests_passed",
        quality=Estimate(value=0.5, ci95=(0.25, 0.75), n=12),
        metrics={"tests_passed": Estimate(value=0.5, ci95=(0.25, 0.75), n=12)},
        unparsed=0,
        cut_off=0,
        seconds_p50=0.5,
        seconds_p95=1.25,
        tokens_per_s=80.0,
    )
    done = CellResult(
        id="LoRA_none", index=0, adapter="LoRA", quantization="none", state="done", answering=(answering,),
        train_peak_bytes=3 << 30, evaluate_peak_bytes=512 << 20, trained_bytes=1 << 20,
    )  # fmt: skip
    illegal = CellResult(
        id="full_nf4", index=1, adapter="full", quantization="nf4", state="illegal", reason="quantised weights"
    )
    cells = GridSummary(
        total_cells=2, done_cells=1, failed_cells=0, illegal_cells=1, base_config="r", limit_train=4, limit_eval=None,
        cells=(done, illegal),
    )  # fmt: skip
    assert [column.header for column in grid_table(cells).columns][:2] == ["adapter", "quantization"]
    show_grid(cells, Path("g"))
    out = capsys.readouterr().out
    for text in ("a rehearsal on up to 4 training rows", "0.250–0.750", "full_nf4 is illegal: quantised weights"):
        assert text in out
    assert "1 done, 0 failed, 1 illegal" in out


def test_without_a_terminal_nothing_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    with Live(sweep_table) as live:
        live.show(summary(None))
    assert capsys.readouterr() == ("", "")
