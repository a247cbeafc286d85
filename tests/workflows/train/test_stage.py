"""Every method trains in two processes as in one, also when it goes on in new ones."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from burnish.config.stages.recipe import Recipe
from burnish.ledger.metrics import read_metrics
from burnish.workflows.recipe import run_recipe
from burnish.workflows.train import launch
from tests.tiny_models import make_tiny_model
from tests.warm_process import run_warm

SHAPE = {"hidden_size": 32, "layers": 1, "heads": 2, "intermediate_size": 64, "vocabulary": 320, "block_size": 48}
ADAPTER = {"kind": "lora", "r": 4, "dropout": 0.0}
STEPS: dict[str, Any] = {
    **{"max_steps": 4, "effective_batch": 8, "micro_batch": 2, "log_every": 1, "save_every": 2},
    **{"learning_rate": 5e-3, "schedule": "constant"},
}
MEASURED = {
    "streamed": ("loss", "grad_norm"),
    "dpo": ("loss", "grad_norm", "rewards/margins", "rewards/accuracies", "logps/rejected"),
    "pretrain": ("loss", "grad_norm"),
    "sft": ("loss", "grad_norm"),
    "kto": ("loss", "grad_norm", "kl", "rewards/chosen", "logps/rejected"),
}


MUON = 1e-3
"""It makes matrices orthogonal in bfloat16, which magnifies a difference in the last bit, more on some processors."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, rows, pairs and ratings; their numbers are no multiples of the batch of 8."""
    folder = tmp_path_factory.mktemp("place")
    make_tiny_model(folder / "base")
    answers = [(f"Write f{n}.", f"fn f{n}() {{ {n} }}" * (1 + n % 3), f"def f{n}(): pass") for n in range(21)]
    rows: dict[str, list[dict[str, Any]]] = {
        "rows": [{"prompt": asked, "completion": good} for asked, good, _ in answers],
        "pairs": [{"prompt": asked, "chosen": good, "rejected": bad} for asked, good, bad in answers],
        "ratings": [
            {"prompt": asked, "completion": good if n % 3 else bad, "label": bool(n % 3)}
            for n, (asked, good, bad) in enumerate(answers)
        ],
    }
    for name, lines in rows.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    return folder


def train(place: Path, name: str, *, processes: int, extra_steps: int = 2, stages: int = len(MEASURED)) -> Path:
    tuned = {"adapter": ADAPTER, "max_length": 128}
    described = [
        {"kind": "pretrain", "name": "streamed", "streaming": True, "optimizer": "adamw", **SHAPE},
        {"kind": "preference", "name": "dpo", "rows": str(place / "pairs.jsonl"), **tuned},
        {"kind": "pretrain", "name": "pretrain", **SHAPE},
        {"kind": "sft", "name": "sft", "streaming": True, "packing": True, **tuned},
        {"kind": "preference", "name": "kto", "rows": str(place / "ratings.jsonl"), "method": {"kind": "kto"}, **tuned},
    ]
    said = {
        "name": name,
        "runs_dir": str(place / "runs"),
        "report_to": [],
        "launch": {"processes": processes},
        "model": {"base": str(place / "base"), "device": "cpu"},
        "data": {"sources": [str(place / "rows.jsonl")], "mixture": {"shuffle": "window"}},
        "stages": [STEPS | stage | {"extra_steps": extra_steps} for stage in described],
    }
    recipe = Recipe.model_validate_json(json.dumps(said))
    return run_recipe(recipe, stages=recipe.stages[:stages])


def values(run: Path, stage: str, name: str) -> dict[int, float]:
    rows = [row for row in read_metrics(run / "metrics.jsonl") if row.stage == stage]
    assert [row.step for row in rows] == list(range(1, 7))
    return {row.step: row.values[name] for row in rows if name in row.values}


def run_warm_processes(command: Sequence[str], *, interrupt: Callable[[], bool]) -> int:
    """What torchrun would do with its command, in processes that find the libraries loaded."""
    (count,) = (int(word.partition("=")[2]) for word in command if word.startswith("--nproc-per-node="))
    program = command[command.index("--max-restarts=0") + 1 :]
    done = run_warm(program, Path.cwd(), os.environ, processes=count)
    sys.stderr.write(done.stderr)
    return done.returncode


def test_two_processes_have_the_losses_of_one_also_when_resumed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven launches; `test_launch` and the test below have torchrun itself."""
    monkeypatch.setattr(launch, "run_processes", run_warm_processes)
    one = train(place, "one", processes=1)
    train(place, "two", processes=2, extra_steps=0, stages=2)
    two = train(place, "two", processes=2)
    for stage, names in MEASURED.items():
        for name in names:
            alone = values(one, stage, name)
            assert alone
            within = MUON if stage == "pretrain" else 1e-5
            assert values(two, stage, name) == pytest.approx(alone, abs=within, rel=within), (stage, name)
        metadata = json.loads((two / stage / "training_metadata.json").read_text())
        assert metadata["training_parameters"]["processes"] == 2
        done = [json.loads((run / stage / "done.json").read_text())["metrics"] for run in (one, two)]
        for metrics in done:
            metrics.pop("predicted_peak_bytes", None)  # on a CPU of the process, and one of them is this test's
        assert done[0] == done[1]


@pytest.mark.parametrize("strategy", ["fsdp2", "deepspeed"])
def test_sharded_pretraining_equals_one_process(place: Path, strategy: str) -> None:
    (place / "deepspeed.json").write_text('{"zero_optimization": {"stage": 2}}')
    given = {"deepspeed": str(place / "deepspeed.json")} if strategy == "deepspeed" else {}

    def pretrain(name: str, together: dict[str, Any]) -> Path:
        stage = {"kind": "pretrain", "name": "new", "optimizer": "adamw", **SHAPE, **STEPS}
        said = {
            **{"name": name, "runs_dir": str(place / "runs"), "report_to": [], "launch": together},
            **{"model": {"device": "cpu"}, "data": {"sources": [str(place / "rows.jsonl")]}, "stages": [stage]},
        }
        return run_recipe(Recipe.model_validate_json(json.dumps(said)))

    one = pretrain(f"whole-{strategy}", {})
    two = pretrain(strategy, {"processes": 2, "strategy": strategy, **given})
    lost = [[row.values["loss"] for row in read_metrics(run / "metrics.jsonl")] for run in (one, two)]
    assert lost[1] == pytest.approx(lost[0], abs=1e-5)
    expected, found = (load_file(run / "new" / "model" / "model.safetensors") for run in (one, two))
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert torch.allclose(tensor.float(), expected[name].float(), atol=1e-3), name
    shape = json.loads((two / "new" / "model" / "config.json").read_text())["architectures"]
    assert shape == ["LlamaForCausalLM"]
