"""The production recipe at a tiny size: token bins of crates, a new model, killed in GRPO, merged at the end."""

from __future__ import annotations

import json
from pathlib import Path

from burnish.data.rust_tasks.build import build_rust_tasks
from burnish.fsio import read_lines
from burnish.ledger.metrics import read_metrics
from burnish.ledger.stage import read_done
from tests.e2e.run_program import REPOSITORY, burnish, settings

RECIPE = REPOSITORY / "recipes" / "nano-production.yaml"
STAGES = ["tasks", "pretrain", "measure-pretrain", "sft", "measure-sft", "grpo", "final", "measure-final", "report"]
STEPS = ("effective_batch=4", "micro_batch=4", "log_every=1", "save_every=1")
SMALL = [
    "model.device=cpu",
    "data.tasks.train=16",
    "data.tasks.held_out=3",
    "data.tasks.cases=4",
    "stages.pretrain.preset=nano-1M",
    "stages.pretrain.max_steps=3",
    "stages.pretrain.evaluation.rows=2",
    "stages.sft.max_steps=2",
    "stages.grpo.max_steps=3",
    "stages.grpo.num_generations=2",
    "stages.grpo.max_completion_length=24",
    *(f"stages.{stage}.{step}" for stage in ("pretrain", "sft", "grpo") for step in STEPS),
    *(f"stages.measure-{model}.sampling.max_new_tokens=24" for model in ("pretrain", "sft", "final")),
]


def crates_in(folder: Path) -> Path:
    """Two crates of a few files each."""
    tasks, _ = build_rust_tasks(train=60, held_out=0, cases=2, seed=5)
    for number, task in enumerate(tasks):
        file = folder / f"crate{number % 2}" / "src" / f"f{number}.rs"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(task.reference or "")
    return folder


def test_a_production_run_killed_in_between_ends_in_a_merged_model(tmp_path: Path) -> None:
    crates = crates_in(tmp_path / "crates")
    sizes = settings(f"source={crates}", "out=rust-tokens", "vocabulary=700")
    built = burnish(["data", "build", "tokens", *sizes], tmp_path)
    assert built.returncode == 0, built.stderr
    arguments = ["run", str(RECIPE), *settings(*SMALL)]
    trap = ["grpo/checkpoints/checkpoint-2/", "1"]
    killed = burnish([*trap, *arguments], tmp_path, program=("-m", "tests.e2e.kill_at_file"))
    assert killed.returncode == -9, killed.stderr
    run = tmp_path / "runs" / "nano-production"
    before = {stage: (run / stage / "done.json").read_bytes() for stage in STAGES[:5]}
    done = burnish([*arguments, "--supervise"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert {stage: (run / stage / "done.json").read_bytes() for stage in before} == before
    assert "grpo: continues" in done.stderr
    assert all(read_done(run / stage) is not None for stage in STAGES)
    steps = {stage: [row.step for row in read_metrics(run / "metrics.jsonl") if row.stage == stage] for stage in STAGES}
    assert sorted(set(steps["pretrain"])) == [1, 2, 3]
    assert steps["grpo"] == [1, 2, 3]
    assert len(list(read_lines(run / "grpo" / "rollouts.jsonl"))) == 12
    summary = json.loads((run / "summary.json").read_text())
    assert [(model["name"], model["kinds"][0]["n"]) for model in summary["models"]] == [
        ("pretrain", 3),
        ("sft", 3),
        ("final", 3),
    ]
    assert (run / "final" / "model" / "model.safetensors").is_file()
    shown = burnish(["monitor", "nano-production", "--once"], tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "grpo (grpo)" in shown.stdout
