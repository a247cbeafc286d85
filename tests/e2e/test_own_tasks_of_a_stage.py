"""An evaluate stage with a task set of its own, beside the run's held-out tasks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.run_program import burnish

ROW = {
    "name": "HumanEval_0_double",
    "prompt": "/// Doubles.\nfn double(n: i64) -> i64 {\n",
    "tests": "}\n\nfn main() { assert_eq!(double(2), 4); }\n",
    "stop_tokens": ["\n}"],
}
RECIPE = """
name: own
model: {base: nano, device: cpu}
data:
  tasks: {kind: rust, train: 4, held_out: 3, cases: 2}
stages:
  - {kind: tasks, name: tasks}
  - {kind: evaluate, name: measure, model: base, sampling: &short {max_new_tokens: 24, batch_size: 8}}
  - kind: evaluate
    name: benchmark
    model: base
    tasks: {kind: multipl_e, path: rows.jsonl}
    sampling: {max_new_tokens: 24, batch_size: 8, samples: 2, temperature: 0.8}
  - kind: evaluate
    name: again
    model: base
    tasks: {kind: multipl_e, path: rows.jsonl}
    sampling: {max_new_tokens: 24, batch_size: 8, samples: 2, temperature: 0.8}
  - kind: evaluate
    name: advanced
    model: base
    tasks: {kind: rust, held_out: 2, cases: 2, difficulty: advanced}
    limit: 1
    sampling: *short
  - {kind: report, name: report, compare: [[benchmark, again]]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [ROW, {**ROW, "name": "HumanEval_1_double"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def test_every_task_set_has_its_own_rows_and_is_compared_with_its_own_alone(folder: Path) -> None:
    done = burnish(["run", "recipe.yaml"], folder)
    assert done.returncode == 0, done.stderr
    summary = json.loads((folder / "runs" / "own" / "summary.json").read_text())
    measured = {model["name"]: model["kinds"][0]["n"] for model in summary["models"]}
    assert measured == {"base": 3, "benchmark": 4, "again": 4, "advanced": 1}
    assert [(pair["a"], pair["b"]) for pair in summary["comparisons"]] == [("benchmark", "again")]
    kept = burnish(["run", "recipe.yaml"], folder)
    assert kept.stderr.count("done before, kept") == 6
    other = {**ROW, "name": "HumanEval_2_double"}
    with (folder / "rows.jsonl").open("a") as file:
        file.write(json.dumps(other) + "\n")
    more = burnish(["run", "recipe.yaml", "--resume"], folder)
    assert more.returncode == 0, more.stderr
    assert more.stderr.count("done before, kept") == 3  # tasks and the stages on other tasks
    reproduced = burnish(["runs", "reproduce", "own", "--stage", "benchmark"], folder)
    assert reproduced.returncode == 0, reproduced.stderr + reproduced.stdout


def test_rows_that_hold_a_task_of_the_stages_own_set_are_not_trained_on(folder: Path) -> None:
    prompt = f"Complete this Rust function.\n\n```rust\n{ROW['prompt']}```"
    (folder / "train.jsonl").write_text(json.dumps({"prompt": prompt, "completion": "n * 2\n}"}) + "\n")
    sft = "  - {kind: sft, name: sft, max_steps: 1, effective_batch: 1, micro_batch: 1}\n  - {kind: report"
    recipe = RECIPE.replace("stages:\n", "  sources: [train.jsonl]\nstages:\n").replace("  - {kind: report", sft)
    (folder / "recipe.yaml").write_text(recipe)
    done = burnish(["run", "recipe.yaml"], folder)
    assert done.returncode != 0
    assert "held-out" in done.stderr or "evaluation" in done.stderr


def test_an_empty_or_missing_file_of_its_tasks_is_named_before_any_work(folder: Path) -> None:
    (folder / "rows.jsonl").write_text("")
    done = burnish(["run", "recipe.yaml"], folder)
    assert done.returncode == 2
    assert "rows.jsonl holds no task." in done.stderr
    (folder / "rows.jsonl").unlink()
    done = burnish(["run", "recipe.yaml"], folder)
    assert done.returncode == 2
    assert "stages.benchmark.tasks.path is rows.jsonl, which does not exist." in done.stderr
    assert not (folder / "runs" / "own" / "tasks").exists()
