"""`burnish train` as a user starts it: supervised, extended, in several processes, interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from burnish.ledger.metrics import read_metrics
from burnish.ledger.process import holder
from tests.e2e.run_program import PROGRAM, burnish
from tests.tiny_models import make_tiny_model

RECIPE = """
name: NAME
model: {base: BASE, device: cpu}
data: {sources: [{kind: jsonl, path: rows.jsonl}]}
stages:
- {kind: sft, name: sft, max_steps: STEPS, effective_batch: 4, micro_batch: 2, max_length: 128, log_every: 1,
   save_every: 2, adapter: {kind: lora, r: 4, dropout: 0.1}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    make_tiny_model(tmp_path / "base")
    rows = [json.dumps({"prompt": f"Q {number}?", "completion": f"fn f{number}() {{}}"}) for number in range(12)]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows) + "\n")
    return tmp_path


def recipe(place: Path, name: str, steps: int) -> str:
    text = RECIPE.replace("NAME", name).replace("BASE", str(place / "base")).replace("STEPS", str(steps))
    (place / f"{name}.yaml").write_text(text)
    return f"{name}.yaml"


def started(place: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *PROGRAM, "train", *arguments],
        cwd=place,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(it_is_so: Callable[[], object], process: subprocess.Popen[str]) -> None:
    while not it_is_so():
        assert process.poll() is None, process.communicate()
        Event().wait(0.02)


def adapter(place: Path, name: str) -> bytes:
    return (place / "runs" / name / "sft" / "adapter" / "adapter_model.safetensors").read_bytes()


def test_a_killed_run_is_restarted_and_ends_as_an_unbroken_one(place: Path) -> None:
    assert burnish(["train", recipe(place, "whole", 60)], place).returncode == 0
    folder = place / "runs" / "killed"
    supervisor = started(place, recipe(place, "killed", 60), "--supervise")
    wait_until((folder / "sft" / "checkpoints" / "checkpoint-4" / "complete.json").exists, supervisor)
    os.kill(holder(folder) or 0, signal.SIGKILL)
    _, said = supervisor.communicate(timeout=200)
    assert supervisor.returncode == 0, said
    assert "attempt 1 ended: killed by SIGKILL" in said
    assert adapter(place, "killed") == adapter(place, "whole")
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    (ended,) = [event for event in events if event["event"] == "attempt_ended"]
    assert ended["cause"] == "killed by SIGKILL"


def test_ctrl_c_reaches_all_processes_and_saves(place: Path) -> None:
    folder = place / "runs" / "two"
    two = started(place, recipe(place, "two", 4000), "--set", "launch.processes=2")
    wait_until(lambda: len(read_metrics(folder / "metrics.jsonl")) >= 3, two)
    two.send_signal(signal.SIGINT)
    _, said = two.communicate(timeout=100)
    assert two.returncode == 130, said
    assert "error: interrupted" in said
    last = max(row.step for row in read_metrics(folder / "metrics.jsonl"))
    assert (folder / "sft" / "checkpoints" / f"checkpoint-{last}" / "complete.json").exists()


def test_more_steps_after_the_end(place: Path) -> None:
    file = recipe(place, "longer", 4)
    assert burnish(["train", file], place).returncode == 0
    extended = burnish(["train", file, "--extra-steps", "1", "--extra-epochs", "1"], place)
    assert extended.returncode == 0, extended.stderr
    assert "continues from" in extended.stderr
    lines = (place / "runs" / "longer" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, 9))  # 4 planned, 1, and a pass of 3
