"""A fine-tuning at a reduced size, from task set to report, with a real rustc in a real sandbox."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from burnish.config.generate import SamplingConfig
from burnish.config.model import ModelConfig
from burnish.config.tasks import TaskFile
from burnish.config.verbs.evaluate import EvaluateConfig, ModelAnswers
from burnish.config.verify import VerifyConfig
from burnish.ledger.metrics import read_metrics
from burnish.ledger.stage import read_done
from burnish.ledger.store import Ledger
from burnish.records import Completion, Verdict
from burnish.records.summary import Summary
from burnish.workflows.evaluate.compare import compare
from burnish.workflows.evaluate.evaluate import evaluate
from tests.e2e.run_program import burnish, small_tune, summary_of

STAGES = ["tasks", "measure-base", "sft", "measure-sft", "merge", "report"]


@pytest.fixture
def run(unbroken: Path) -> Path:
    return unbroken / "runs" / "tune"


def test_the_table_is_printed_and_stored_as_data(unbroken: Path, run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    assert [model["name"] for model in summary["models"]] == ["base", "sft"]
    for model in summary["models"]:
        (kind,) = model["kinds"]
        assert kind["n"] == 12
        for rate in ("compile_rate", "lint_free_rate", "tests_passed"):
            found = kind["metrics"][rate]
            assert 0 <= found["ci95"][0] <= found["value"] <= found["ci95"][1] <= 1
        assert model["seconds"] > 0
        assert model["generation"]["completions"] == 12
        assert kind["metrics"]["compile_rate"]["value"] > 0.2  # the embedded model writes Rust
    assert {(one["a"], one["b"]) for one in summary["comparisons"]} == {("base", "sft")}
    assert [timing["name"] for timing in summary["timings"]] == STAGES[:-1]
    shown = (unbroken / "stdout").read_text()
    for word in ("base", "sft", "report.html"):
        assert word in shown


def test_the_runs_own_table_says_what_burnish_compare_says(run: Path, tmp_path: Path) -> None:
    summary = Summary.from_json((run / "summary.json").read_text())
    stages = [shutil.copytree(run / name, tmp_path / name) for name in ("measure-base", "measure-sft")]
    assert compare(stages[0], stages[1], tmp_path / "rows").kinds == summary.comparisons[0].kinds
    # Stages of runs before there were rows hold verdicts alone.
    shutil.copytree(run / "tasks", tmp_path / "tasks")
    for stage in stages:
        (stage / "rows.jsonl").unlink()
    assert compare(stages[0], stages[1], tmp_path / "verdicts").kinds == summary.comparisons[0].kinds


def test_burnish_evaluate_gives_what_the_stage_gives(run: Path, tmp_path: Path) -> None:
    run = (
        shutil.copytree(run.parent, tmp_path / "runs") / "tune"
    )  # the evaluation goes into the ledger beside the model
    resolved = json.loads((run / "recipe.resolved.json").read_text())["recipe"]
    (sampling,) = (one["sampling"] for one in resolved["stages"] if one["name"] == "measure-sft")
    config = EvaluateConfig(
        out=tmp_path / "out",
        tasks=TaskFile(path=run / "tasks" / "held_out.jsonl"),
        answers=ModelAnswers(
            model=ModelConfig(base=str(run / "sft")), sampling=SamplingConfig.model_validate_json(json.dumps(sampling))
        ),
        verify=VerifyConfig(cache=run.parent / "verdicts.sqlite"),
        seed=resolved["seed"],
    )
    (own,) = evaluate(config).models
    stage = Summary.from_json((run / "summary.json").read_text()).models[1]
    timeless = {"timing": None}
    assert own.kinds[0].model_copy(update=timeless) == stage.kinds[0].model_copy(update=timeless)
    named = {path.name for path in (tmp_path / "out" / "evaluated").iterdir()}
    assert named == {path.name for path in (run / "measure-sft").iterdir()}


def test_every_completion_has_a_verdict_from_the_real_compiler(run: Path) -> None:
    for stage in ("measure-base", "measure-sft"):
        completions = [
            Completion.from_json(line) for line in (run / stage / "completions.jsonl").read_text().splitlines()
        ]
        verdicts = [Verdict.from_json(line) for line in (run / stage / "verdicts.jsonl").read_text().splitlines()]
        assert {completion.task_id for completion in completions} == {completion.task_id for completion in verdicts}
        assert len(verdicts) == 12
        for verdict in verdicts:
            assert verdict.status in ("pass", "fail"), verdict.detail
            assert verdict.toolchain
            assert verdict.isolation or verdict.cached or verdict.stage in ("extract", "parse")


def test_the_run_folder_has_the_documented_files(run: Path) -> None:
    resolved = json.loads((run / "recipe.resolved.json").read_text())
    said = {"kind": "rust", "train": 40, "held_out": 12, "cases": 4}
    assert said.items() <= resolved["recipe"]["data"]["tasks"].items()
    assert {"code of burnish", "base model"} <= resolved["digests"].keys()
    assert all(read_done(run / stage) is not None for stage in STAGES)
    losses = [row.values["loss"] for row in read_metrics(run / "metrics.jsonl") if row.stage == "sft"]
    assert len(losses) == 3
    assert (run / "report.html").read_text().startswith("<!doctype html>")
    assert "sft: done in" in (run / "logs" / "attempt_1.log").read_text()
    assert (run / "merge" / "model" / "config.json").is_file()
    with Ledger(run.parent / "ledger.sqlite") as ledger:
        (row,) = ledger.runs()
        stages = {stage.name: stage for stage in ledger.stages(row.run_id)}
    assert (row.name, row.state) == ("tune", "done")
    assert list(stages) == STAGES
    assert stages["measure-sft"].parents["sft"] != stages["measure-base"].parents["base"]
    assert stages["sft"].artefacts.keys() == {"adapter"}


def test_the_same_command_again_runs_no_stage_anew(unbroken: Path, run: Path, tiny_model: Path) -> None:
    before = {stage: (run / stage / "done.json").read_bytes() for stage in STAGES}
    again = burnish(small_tune(tiny_model), unbroken)
    assert again.returncode == 0, again.stderr
    assert {stage: (run / stage / "done.json").read_bytes() for stage in STAGES} == before
    assert [line for line in again.stderr.splitlines() if "kept" in line] == [f"{s}: done before, kept" for s in STAGES]


def test_a_changed_recipe_is_refused_and_resume_reruns_only_what_it_touches(
    unbroken: Path, tiny_model: Path, tmp_path: Path
) -> None:
    first = burnish(small_tune(tiny_model, "stages.measure-base.limit=4", "stages.measure-sft.limit=4"), tmp_path)
    assert first.returncode == 0, first.stderr
    changed = small_tune(tiny_model, "stages.measure-base.limit=4", "stages.measure-sft.limit=5")
    refused = burnish(changed, tmp_path)
    assert refused.returncode == 2
    assert "stages.measure-sft.limit: 4 -> 5" in refused.stderr
    resumed = burnish([*changed, "--resume"], tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    begun = [line.split(":")[0] for line in resumed.stderr.splitlines() if line.endswith(": begins")]
    assert begun == ["measure-sft", "report"]
    summary = summary_of(tmp_path / "runs" / "tune")
    assert [model["kinds"][0]["n"] for model in summary["models"]] == [4, 5]
