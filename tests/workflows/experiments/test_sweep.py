"""A sweep of four runs, one of which fails and one of which is hopeless, killed half way and gone on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.config.load import load_config
from burnish.config.verbs.sweep import SweepConfig
from burnish.workflows.experiments.sweep import SweepSummary, dry_run, sweep
from tests.e2e.run_program import TUNE, burnish
from tests.tiny_models import make_tiny_model
from tests.workflows.experiments.kill_programs import kill_when, modified_times, state_of, write_jsonl, write_yaml

RUNS = (
    {"stages.sft.learning_rate": 1e-2},
    {"stages.sft.learning_rate": 3e-3},
    {"data.sources": ["bad.jsonl"]},
    # Would take days: only pruning ends it. A learning rate of nothing learns nothing.
    {"stages.sft.learning_rate": 0.0, "stages.sft.max_steps": 1_000_000},
)


def settings(folder: Path) -> Path:
    make_tiny_model(folder / "model")
    rows = [{"prompt": f"Question {number}?", "completion": f"fn f{number}() {{}}"} for number in range(12)]
    write_jsonl(folder / "rows.jsonl", rows)
    write_jsonl(folder / "bad.jsonl", [{"prompt": "?"}])
    sft = {"max_steps": 6, "effective_batch": 4, "micro_batch": 4, "max_length": 128, "log_every": 1}
    stages = [
        {"kind": "tasks", "name": "tasks"},
        {"kind": "sft", "name": "sft", "schedule": "constant", "adapter": {"kind": "full"}} | sft,
        {"kind": "evaluate", "name": "measure", "model": "sft", "sampling": {"max_new_tokens": 4}},
    ]
    recipe: dict[str, Any] = {
        "name": "tiny",
        "report_to": [],
        "model": {"base": "model", "device": "cpu"},
        "data": {"sources": ["rows.jsonl"], "tasks": {"kind": "rust", "train": 0, "held_out": 4, "cases": 2}},
        "stages": stages,
    }
    write_yaml(folder / "recipe.yaml", recipe)
    sweep = {
        "out": "sweep",
        "recipe": "recipe.yaml",
        "search": {"kind": "list", "runs": [dict(run) for run in RUNS]},
        "objective": {"stage": "measure", "metric": "compile_rate"},
        "pruning": {"kind": "median", "stage": "sft", "startup_runs": 2, "warmup_steps": 4},
        "retries": 0,
        "price_per_hour": 3.6,
    }
    return write_yaml(folder / "sweep.yaml", sweep)


@pytest.mark.timeout(1200)
def test_a_sweep_killed_half_way_continues_without_repeating_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out = settings(tmp_path), tmp_path / "sweep"
    arguments = ["sweep", "--config", file.name]
    second = out / "runs" / "run_001_learning_rate_0p003"
    # The folder is locked while the libraries are still being loaded: nothing can be finished then.
    assert kill_when(arguments, tmp_path, (second / ".lock").exists) == -9
    assert [state_of(out, index) for index in range(4)] == ["done", "running", "", ""]
    first = out / "runs" / "run_000_learning_rate_0p01"
    before = modified_times(first)

    monkeypatch.chdir(tmp_path)
    planned = dry_run(load_config(SweepConfig, file), tmp_path / "recipe.yaml")
    assert [(run.done, run.seconds is None) for run in planned] == [
        (True, False), (False, False), (False, True), (False, True)
    ]  # fmt: skip
    assert planned[1].seconds is not None
    assert planned[1].cost == pytest.approx(planned[1].seconds / 1000)
    assert (planned[1].peak_bytes or 0) > 1 << 20

    went_on = burnish(arguments, tmp_path)
    assert went_on.returncode == 1, went_on.stderr
    assert modified_times(first) == before
    summary = SweepSummary.from_json((out / "sweep_summary.json").read_text())
    assert [result.state for result in summary.results] == ["done", "done", "failed", "pruned"]
    assert (summary.total_runs, summary.successful_runs, summary.failed_runs, summary.pruned_runs) == (4, 2, 1, 1)
    failed, pruned = summary.results[2:]
    assert "bad.jsonl:1" in failed.reason
    assert f"{failed.run_id} is failed: {failed.reason}" in went_on.stdout
    assert "worse than the median" in pruned.reason
    assert summary.best is not None
    assert (summary.best.run_id, summary.best.chosen_among) == (first.name, 2)
    assert summary.best.distinguishable is False
    assert "warning: the best and the next run do not differ significantly" in went_on.stdout
    done = summary.results[1]
    assert (done.metric, done.attempts, done.params) == (0.0, 1, {"stages.sft.learning_rate": 0.003})
    assert done.interval is not None
    assert done.interval[1] > 0.3
    rates = [json.loads(line)["values"].get("learning_rate") for line in (second / "metrics.jsonl").open()]
    assert 3e-3 in rates, "the recipe of the run is what was asked for"


def test_a_run_that_cannot_start_fails_alone(tmp_path: Path) -> None:
    bases = f"search={{kind: tpe, runs: 3, space: {{model.base: [{tmp_path}/a, {tmp_path}/b]}}}}"
    config = load_config(
        SweepConfig, None, [f"out={tmp_path}/sweep", "recipe=q", bases, "objective={stage: measure-sft}"]
    )
    summary = sweep(config, TUNE)
    assert [result.state for result in summary.results] == ["failed"] * 3
    assert all("does not exist" in result.reason for result in summary.results)
    assert summary.best is None
    again = sweep(config, TUNE)
    assert [result.params for result in again.results] == [result.params for result in summary.results]
    planned = dry_run(config, TUNE)
    assert [one.params for one in planned] == [None] * 3
