from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from burnish.cli.runs.monitor import metric_lines, run_folder, status_lines
from burnish.errors import DataError
from burnish.ledger.accelerators import Accelerator
from burnish.ledger.status import RunStatus, StageState
from tests.cli.test_verbs import assert_mistake, burnish
from tests.report.example_report import grpo_metrics

STATUS = RunStatus(
    name="r",
    path="runs/r",
    state="running",
    pid=7,
    stages=[
        StageState("t", "tasks", "done", 2.25),
        StageState("sft", "sft", "current"),
        StageState("m", "evaluate", "waiting"),
    ],
    stage="sft",
    step=60,
    steps=240,
    eta_s=3725.0,
    metrics={"loss": 0.123456, "seconds_data": 3.0, "eval_compile_rate": 0.75},
    quiet_s=61.0,
    free_bytes=3 << 29,
    accelerators=[Accelerator(0, "NVIDIA H200", 97.0, 81234.0, 143771.0, None)],
    warnings=["no sign of life"],
)


def test_the_monitor_shows_state_progress_and_losses() -> None:
    assert status_lines(STATUS) == [
        "r  running (process 7)  runs/r",
        "  done     t (tasks)  2.2 s",
        "  now      sft (sft)",
        "  waiting  m (evaluate)",
        "step 60 of 240 (25 %), 1:02:05 left",
        "loss 0.1235  eval_compile_rate 0.75",
        "GPU 0  NVIDIA H200  97 %  81234 of 143771 MiB",
        "last sign of life 1:01 ago, 1.5 GiB free on the disk",
        "warning: no sign of life",
    ]


def test_what_reinforcement_logs_fits_a_terminal_and_tells_first_whether_it_gets_better() -> None:
    lines = metric_lines({**grpo_metrics()[-1].values, "round": 2.0})
    assert all(len(line) <= 100 for line in lines)
    assert [part.split(" ")[0] for part in lines[0].split("  ")[:5]] == [
        "round", "loss", "reward", "compile_rate", "tests_passed",
    ]  # fmt: skip
    assert "completion_length" in " ".join(lines)
    assert "rewards/" not in " ".join(lines)


def test_a_run_that_failed_says_why_and_has_no_stage_at_work() -> None:
    lines = status_lines(replace(STATUS, state="failed", pid=None, error="the disk is full"))
    assert lines[0] == "r  failed  runs/r"
    assert "  begun    sft (sft)" in lines
    assert lines[-1] == "failed: the disk is full"


def test_a_run_is_found_by_name_and_by_folder(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "r"
    folder.mkdir(parents=True)
    assert run_folder("r", tmp_path / "runs") == run_folder(str(folder), tmp_path / "elsewhere") == folder
    with pytest.raises(DataError, match="run x does not exist"):
        run_folder("x", tmp_path / "runs")


def test_the_verb_prints_one_json_object(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "r"
    folder.mkdir(parents=True)
    assert_mistake(burnish("monitor", "r", cwd=tmp_path), "is not a run folder")
    resolved = {"recipe": {"name": "r", "stages": [{"name": "t", "kind": "tasks"}]}, "run_id": "1", "digests": {}}
    (folder / "recipe.resolved.json").write_text(json.dumps(resolved))
    status = json.loads(burnish("monitor", "r", "--json", cwd=tmp_path).stdout)
    assert status["state"] == "new"
    assert status["stages"] == [{"name": "t", "kind": "tasks", "state": "waiting", "seconds": None}]
