"""A training that starts from another's adapter: continued, or merged below a new one, on its own base."""

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
from burnish.workflows.recipe import run_recipe
from tests.tiny_models import make_tiny_model

ADAPTER = {"kind": "lora", "r": 4, "dropout": 0.0}
CPU = ModelConfig(device="cpu")
STAGE: dict[str, Any] = {
    **{"kind": "sft", "effective_batch": 4, "micro_batch": 4, "max_length": 128, "adapter": ADAPTER},
    **{"log_every": 1, "save_every": 2, "learning_rate": 1e-2, "schedule": "constant", "warmup_share": 0.0},
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def first(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with checkpoints of steps 2 and 4."""
    return run(base, tmp_path_factory.mktemp("first"), "first", {"name": "one", "max_steps": 4}) / "one"


def run(base: Path, tmp_path: Path, name: str, *stages: dict[str, Any]) -> Path:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(json.dumps({"prompt": f"Q {n}?", "completion": f"fn f{n}() {{}}"}) + "\n" for n in range(12))
    )
    recipe = {
        "name": name,
        "runs_dir": str(tmp_path / "runs"),
        "model": {"base": str(base), "device": "cpu"},
        "data": {"sources": [{"kind": "jsonl", "path": str(rows)}]},
        "stages": [stage if stage.get("kind") == "merge" else STAGE | stage for stage in stages],
    }
    return run_recipe(Recipe.model_validate_json(json.dumps(recipe)))


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        return torch.as_tensor(model(input_ids=torch.arange(5, 25)[None]).logits)


@pytest.mark.parametrize("of", ["adapter", "checkpoints/checkpoint-2"])
def test_an_adapter_is_continued(base: Path, first: Path, tmp_path: Path, of: str) -> None:
    """At a learning rate of 0 it stays what it was."""
    stage = {"name": "two", "max_steps": 1, "learning_rate": 0.0, "start_from": str(first / of)}
    folder = run(base, tmp_path, "second", stage)
    before = load_file(first / of / "adapter_model.safetensors")
    after = load_file(folder / "two" / "adapter" / "adapter_model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert (
        f"starts from {first / of}, continued, with a fresh optimiser"
        in (folder / "logs" / "attempt_1.log").read_text()
    )


def test_a_checkpoint_of_a_stream_is_continued(base: Path, tmp_path: Path) -> None:
    first = run(base, tmp_path, "streamed", {"name": "one", "max_steps": 2, "streaming": True}) / "one"
    start = first / "checkpoints" / "checkpoint-2"
    stage = {"name": "two", "max_steps": 1, "learning_rate": 0.0, "start_from": str(start)}
    folder = run(base, tmp_path, "second", stage)
    weights = [
        load_file(place / "adapter_model.safetensors")
        for place in (start, folder / "two" / "start_adapter", folder / "two" / "adapter")
    ]
    assert all(torch.equal(one, weights[at][name]) for at in (1, 2) for name, one in weights[0].items())


def test_an_adapter_is_merged_below_a_new_one_and_merged_again(base: Path, tmp_path: Path) -> None:
    folder = run(
        base,
        tmp_path,
        "phases",
        {"name": "one", "max_steps": 3},
        {"name": "two", "max_steps": 3, "start_from": "one", "previous_adapter": "merge"},
        {"name": "three", "max_steps": 3, "start_from": "two"},
        {"kind": "merge", "name": "merge", "adapter": "three"},
    )
    one = logits(load_adapter(base, folder / "one" / "adapter", CPU).model)
    start = folder / "two" / "start_model"
    assert (logits(load_model(start, CPU).model) - one).abs().max() < 1e-3
    three = logits(load_adapter(start, folder / "three" / "adapter", CPU).model)
    assert (three - one).abs().max() > 1e-2
    assert (logits(load_model(folder / "merge" / "model", CPU).model) - three).abs().max() < 1e-3


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ({"adapter": ADAPTER | {"r": 8}}, "has r 4, and the stage trains one with 8"),
        ({"adapter": {"kind": "full"}}, "cannot be continued as full"),
    ],
)
def test_an_adapter_of_other_settings_is_not_continued(
    base: Path, first: Path, tmp_path: Path, stage: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        run(base, tmp_path, "other", {"name": "two", "max_steps": 1, "start_from": str(first / "adapter")} | stage)


@pytest.mark.parametrize("of", ["adapter", "checkpoints/checkpoint-2"])
@pytest.mark.parametrize("previous", ["continue", "merge"])
def test_another_base_is_refused(first: Path, tmp_path: Path, of: str, previous: str) -> None:
    other = make_tiny_model(tmp_path / "other", "qwen3")
    stage = {"name": "two", "max_steps": 1, "start_from": str(first / of), "previous_adapter": previous}
    with pytest.raises(ConfigError, match="trained on a different base model"):
        run(other, tmp_path, "wrong", stage)
