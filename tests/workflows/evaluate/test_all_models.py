"""Every model of a folder is evaluated once, broken ones are listed, and a kill repeats nothing that is finished."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from burnish.cli.app import app
from burnish.config.generate import SamplingConfig
from burnish.config.model import ModelConfig
from burnish.config.tasks import TaskFile
from burnish.config.verbs.evaluate import EvaluateConfig, ModelAnswers
from burnish.errors import ConfigError, DataError
from burnish.fsio import read_lines
from burnish.records.files import read_rows, write_records
from burnish.workflows.evaluate.all_models import evaluate_all
from tests.score.example_rows import classification_task
from tests.tiny_models import make_tiny_model
from tests.warm_process import run_warm

ROOT = Path(__file__).parents[3]
TASKS = [classification_task(f"c{n}", "Yes" if n % 2 else "No") for n in range(8)]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Two models, a folder that looks like one and is broken, one that is no model."""
    folder = tmp_path / "models"
    make_tiny_model(folder / "a", seed=1)
    make_tiny_model(folder / "c", seed=2)
    shutil.copytree(folder / "a", folder / "broken")
    (folder / "broken" / "model.safetensors").write_bytes(b"half of a mod")
    (folder / "notes").mkdir()
    write_records(tmp_path / "tasks.jsonl", TASKS)
    return folder


def config(place: Path, **changes: object) -> EvaluateConfig:
    answers = ModelAnswers(model=ModelConfig(device="cpu"), sampling=SamplingConfig(max_new_tokens=6, batch_size=4))
    asked = EvaluateConfig(out=place / "all", tasks=TaskFile(path=place / "tasks.jsonl"), answers=answers)
    return asked.model_copy(update=changes)


def test_models_are_known_by_their_files_and_a_failure_stops_no_other(models: Path, tmp_path: Path) -> None:
    first = evaluate_all(config(tmp_path), models)
    assert [(one.name, one.state) for one in first] == [("a", "evaluated"), ("broken", "failed"), ("c", "evaluated")]
    assert "cannot be loaded" in first[1].problem
    assert first[0].headline.startswith("classification accuracy")
    overview = json.loads((tmp_path / "all" / "overview.json").read_text())
    assert [one["state"] for one in overview["models"]] == ["evaluated", "failed", "evaluated"]
    loaded = [(one["dtype"], one["quantization"]) for one in overview["models"]]
    assert loaded == [("float32", "none"), (None, None), ("float32", "none")]

    shutil.rmtree(models / "broken")
    (models / "c").rename(models / "renamed")  # the same files under another name
    make_tiny_model(models / "a", seed=3)  # another model under the same name
    second = evaluate_all(config(tmp_path), models)
    assert [(one.name, one.state) for one in second] == [("a", "evaluated"), ("renamed", "kept")]
    assert second[0].folder != first[0].folder
    assert second[1].folder == first[2].folder

    write_records(tmp_path / "tasks.jsonl", TASKS[:-1])  # another version of the task set
    assert {one.state for one in evaluate_all(config(tmp_path), models)} == {"evaluated"}


def test_the_exit_code_says_that_one_failed(models: Path, tmp_path: Path) -> None:
    arguments = [
        "evaluate",
        *("--all", str(models)),
        *("--set", f"out={tmp_path / 'all'}"),
        *("--set", f"tasks={{kind: file, path: {tmp_path / 'tasks.jsonl'}}}"),
        *("--set", "answers.sampling.max_new_tokens=4"),
        *("--set", "answers.model.device=cpu"),
    ]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1, done.output
    assert "broken failed: " in done.output
    shutil.rmtree(models / "broken")
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0, again.output
    assert again.output.count("kept") == 2


def test_a_kill_half_way_repeats_nothing(models: Path, tmp_path: Path) -> None:
    shutil.rmtree(models / "broken")
    arguments = ["evaluate", "--all", str(models), "--set", f"out={tmp_path / 'all'}"]
    arguments += ["--set", f"tasks={{kind: file, path: {tmp_path / 'tasks.jsonl'}}}"]
    arguments += ["--set", "answers={sampling: {max_new_tokens: 6, batch_size: 4}, model: {device: cpu}}"]

    def run(moment: int) -> int:
        program = ["-m", "tests.e2e.kill_at_fsync", "SIGKILL", str(moment), *arguments]
        return run_warm(program, ROOT, os.environ | {"CRASHING_COUNT": str(tmp_path / "count")}).returncode

    # A task's answer and its pace are two durable moments; some 26 belong to one model: this is among the second's.
    assert run(36) == -signal.SIGKILL
    first, second = (next((tmp_path / "all").glob(f"{name}-*")) for name in "ac")
    summary = (first / "summary.json").stat().st_mtime_ns
    before = list(read_lines(second / "evaluated" / "completions.jsonl"))
    assert 0 < len(before) < len(TASKS)
    assert run(0) == 0
    assert (first / "summary.json").stat().st_mtime_ns == summary
    after = list(read_lines(second / "evaluated" / "completions.jsonl"))
    assert set(before) < set(after)
    paces = list(read_rows(second / "evaluated" / "pace.jsonl"))
    assert sum(one["completions"] for one in paces) in (len(TASKS), len(TASKS) - 1)  # a pace may be lost, no answer is


def test_impossible_requests_are_refused(tmp_path: Path) -> None:
    write_records(tmp_path / "tasks.jsonl", TASKS)
    with pytest.raises(DataError, match="has no model"):
        evaluate_all(config(tmp_path), tmp_path)
    with pytest.raises(ConfigError, match="does not exist"):
        evaluate_all(config(tmp_path), tmp_path / "nowhere")
    named = ModelAnswers(model=ModelConfig(base="runs/mine"))
    with pytest.raises(ConfigError, match="takes its models from the folder"):
        evaluate_all(config(tmp_path, answers=named), tmp_path)
