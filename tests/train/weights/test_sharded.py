"""Weights that are shared out train, are saved and are gone on with as whole ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from burnish.config.model import ModelConfig
from burnish.config.stages.recipe import Recipe
from burnish.errors import ConfigError
from burnish.model.base import load_adapter, load_model
from burnish.train.weights.sharded import WEIGHTS
from tests.tiny_models import make_tiny_model
from tests.train.batches.test_sharing import losses
from tests.train.small_sft import run_small_sft, some_rows
from tests.train.training_programs import run_in_processes

LORA = {"kind": "lora", "r": 4, "dropout": 0.0}


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_sharded_weights_and_states_are_saved_whole_and_resumed(tmp_path: Path, kind: str) -> None:
    """Against one process; the second half of the steps in new processes, from the checkpoint."""
    base = make_tiny_model(tmp_path / "base")
    settings: dict[str, Any] = {
        **{"effective_batch": 8, "save_every": 3, "schedule": "constant", "learning_rate": 1e-3},
        **{"adapter": LORA if kind == "lora" else {"kind": "full"}, "max_length": 40},
    }
    run_small_sft(base, tmp_path / "one", max_steps=6, **settings)
    for steps in (3, 6):
        length: dict[str, Any] = {"max_steps": 3, "extra_steps": steps - 3}
        both = run_in_processes(2, base, tmp_path / "two", launch={"strategy": "fsdp2"}, **length, **settings)
        assert both.returncode == 0, both.stderr
    # The extra steps of a constant schedule are like the others; three were taken before, three after.
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-5)
    name = "model/model.safetensors" if kind == "full" else "adapter/adapter_model.safetensors"
    expected, found = (load_file(tmp_path / place / name) for place in ("one", "two"))
    assert found.keys() == expected.keys()
    for key, tensor in found.items():
        assert tensor.shape == expected[key].shape
        assert torch.allclose(tensor, expected[key], atol=1e-5), key
    checkpoint = tmp_path / "two" / "checkpoints" / "checkpoint-6"
    assert {tensor.dtype for tensor in load_file(checkpoint / WEIGHTS).values()} == {torch.float32}
    kept = load_file(checkpoint / Path(name).name)
    assert all(torch.allclose(tensor.float(), found[key].float(), atol=1e-2) for key, tensor in kept.items())
    assert kept.keys() == found.keys()
    one, two = (_loaded(base, tmp_path / place / Path(name).parent) for place in ("one", "two"))
    ids = torch.tensor([some_rows()[0].input_ids])
    with torch.no_grad():
        assert torch.allclose(one(input_ids=ids).logits, two(input_ids=ids).logits, atol=1e-4)
    if kind == "lora":
        with pytest.raises(ConfigError, match=r"was made with launch\.strategy fsdp2"):
            run_small_sft(base, tmp_path / "two", max_steps=3, extra_steps=5, **settings)


def _loaded(base: Path, folder: Path) -> Any:
    cpu = ModelConfig(device="cpu")
    return (load_model(folder, cpu) if folder.name == "model" else load_adapter(base, folder, cpu)).model


@pytest.mark.parametrize(
    ("stage", "model", "why"),
    [
        ({"kind": "preference", "rows": "x.jsonl"}, {}, "goes with sft and pretrain stages"),
        ({"kind": "sft"}, {"quantization": {"kind": "nf4"}}, "goes with full precision"),
        ({"kind": "sft", "adapter": {"kind": "dora"}}, {}, "goes with the adapters full, lora, rslora"),
        ({"kind": "sft", "evaluation": {"rows": 2}}, {}, "has no evaluation while training"),
        ({"kind": "pretrain"}, {}, "goes with optimizer adamw"),
    ],
)
def test_sharding_that_would_change_results_is_refused(stage: dict[str, Any], model: dict[str, Any], why: str) -> None:
    said = {
        **{"name": "x", "launch": {"strategy": "fsdp2"}, "model": model, "data": {"sources": ["rows.jsonl"]}},
        **{"stages": [{"name": "s", **stage}]},
    }
    with pytest.raises(ValueError, match=f"launch.strategy fsdp2 {why}"):
        Recipe.model_validate_json(json.dumps(said))
