"""A DeepSpeed configuration is handed through: two processes that share optimiser states train what one trains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from burnish.config.launch import LaunchConfig
from burnish.config.stages.recipe import Recipe
from tests.tiny_models import make_tiny_model
from tests.train.batches.test_sharing import losses
from tests.train.small_sft import run_small_sft
from tests.train.training_programs import run_in_processes

ZERO_2 = {"zero_optimization": {"stage": 2}}


def launched(folder: Path, said: Any = ZERO_2) -> dict[str, Any]:
    file = folder / "deepspeed.json"
    file.write_text(json.dumps(said))
    return {"strategy": "deepspeed", "deepspeed": str(file)}


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_two_processes_train_what_one_does_also_when_resumed(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path / "compiled"))
    base = make_tiny_model(tmp_path / "base")
    settings: dict[str, Any] = {
        **{"effective_batch": 8, "save_every": 3, "schedule": "constant", "learning_rate": 1e-3, "max_length": 40},
        "adapter": {"kind": "full"} if kind == "full" else {"kind": "lora", "r": 4, "dropout": 0.0},
    }
    launch = launched(tmp_path)
    run_small_sft(base, tmp_path / "one", max_steps=6, **settings)
    for steps in (3, 6):
        both = run_in_processes(
            2, base, tmp_path / "two", launch=launch, max_steps=3, extra_steps=steps - 3, **settings
        )
        assert both.returncode == 0, both.stderr
    assert not (tmp_path / "compiled").exists()
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-5)
    name = "model/model.safetensors" if kind == "full" else "adapter/adapter_model.safetensors"
    expected, found = (load_file(tmp_path / place / name) for place in ("one", "two"))
    assert found.keys() == expected.keys()
    for key, tensor in found.items():
        assert torch.allclose(tensor, expected[key], atol=1e-5), key
    if kind == "lora":
        alone = run_in_processes(1, base, tmp_path / "two", launch=launch, max_steps=3, extra_steps=5, **settings)
        assert "was made by 2 processes" in alone.stderr
        plain = run_in_processes(2, base, tmp_path / "two", max_steps=3, extra_steps=5, **settings)
        assert "was made with launch.strategy deepspeed" in plain.stderr


def test_a_value_that_contradicts_the_stage_is_an_error(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    launch = launched(tmp_path, ZERO_2 | {"train_micro_batch_size_per_gpu": 3})
    both = run_in_processes(2, base, tmp_path / "out", launch=launch, max_steps=1)
    assert both.returncode != 0
    assert "the DeepSpeed configuration and the stage do not agree: ds train_micro_batch_size_per_gpu=3" in both.stderr


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"optimizer": {"type": "Adam"}}, "has 'optimizer'; set optimizer, learning_rate"),
        ({"fp16": {"enabled": True}}, "has 'fp16'; set model.dtype"),
        ({"zero_optimization": {"stage": 3}}, "use strategy fsdp2 for that"),
        ({"zero_optimization": 2}, "zero_optimization in .* is not a JSON object"),
        ([], "does not hold a JSON object"),
    ],
)
def test_a_file_that_decides_what_a_stage_decides_is_refused(tmp_path: Path, said: Any, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        LaunchConfig.model_validate_json(json.dumps(launched(tmp_path, said)))


def test_a_file_and_its_strategy_belong_together(tmp_path: Path) -> None:
    file = launched(tmp_path)["deepspeed"]
    for said in ({"strategy": "deepspeed"}, {"deepspeed": file}, {"strategy": "deepspeed", "deepspeed": "absent.json"}):
        with pytest.raises(ValidationError, match=r"belong together|cannot be read"):
            LaunchConfig.model_validate_json(json.dumps(said))


def test_stages_whose_states_cannot_be_shared_out_are_refused(tmp_path: Path) -> None:
    for stage, why in (
        ({"kind": "preference", "rows": "x.jsonl"}, "goes with sft and pretrain stages"),
        ({"kind": "pretrain"}, "goes with optimizer adamw"),
    ):
        said = {
            **{"name": "x", "launch": launched(tmp_path), "data": {"sources": ["rows.jsonl"]}},
            **{"stages": [{"name": "s", **stage}]},
        }
        with pytest.raises(ValidationError, match=f"launch.strategy deepspeed {why}"):
            Recipe.model_validate_json(json.dumps(said))
