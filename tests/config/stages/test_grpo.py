"""What a grpo stage may say, and why the rest is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from burnish.config.load import Values, load_config
from burnish.config.stages.kinds.grpo import GrpoStage
from burnish.config.stages.recipe import Recipe


def stage(**said: Any) -> GrpoStage:
    return GrpoStage.model_validate_json(json.dumps({"name": "g", **said}))


def test_the_generation_batch_defaults_to_the_effective_batch() -> None:
    assert stage().completions_per_generation == stage().effective_batch == 256
    assert stage(generation_batch_size=512).completions_per_generation == 512
    assert stage(reward="sparse").reward.kind == "sparse"


def test_a_resolved_stage_is_read_again_strictly() -> None:
    grpo = {"kind": "grpo", "name": "g", "adapter": {"kind": "lora", "modules_to_save": ["embed_tokens"]}}
    stages = [{"kind": "tasks", "name": "tasks"}, grpo]
    recipe = Recipe.model_validate_json(json.dumps({"name": "r", "stages": stages}))
    assert load_config(Recipe, None, values=[Values("resolved", recipe.model_dump(mode="json"))]) == recipe


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"num_generations": 7}, "num_generations 7 does not divide the 256 completions"),
        ({"generation_batch_size": 300}, "generation_batch_size 300 is not a multiple of effective_batch 256"),
        ({"loss_type": "luspo"}, "luspo needs importance_sampling_level sequence"),
        ({"importance_sampling_level": "sequence"}, "would weight completions by their length"),
        ({"importance_sampling_level": "sequence", "loss_type": "vespo"}, "computes its own sequence ratio"),
        ({"importance_sampling_level": "sequence", "loss_type": "grpo", "beta": 0.1}, "gradient would be biased"),
        ({"loss_type": "cispo"}, "clips the ratio at epsilon_high itself"),
        ({"adapter": {"kind": "lora", "dropout": 0.1}}, "adapter.dropout must be 0"),
        ({"top_p": 0.9}, "top_p is not supported: samples would come from a truncated distribution"),
        ({"top_k": 50}, "top_k is not supported"),
        ({"vllm_importance_sampling_correction": False}, "so the correction is always on"),
        ({"vllm": {"vllm_mode": "server"}}, "vllm_server_base_url and vllm_mode 'server'"),
        ({"temperature": 0}, "greater than 0"),
    ],
)
def test_impossible_grpo_settings_are_refused_with_the_reason(said: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        stage(**said)


def test_grpo_needs_tasks_and_an_earlier_stage() -> None:
    tasks = {"kind": "tasks", "name": "tasks"}
    grpo = {"kind": "grpo", "name": "g"}

    def recipe(*stages: dict[str, Any]) -> Recipe:
        return Recipe.model_validate_json(json.dumps({"name": "r", "stages": stages}))

    with pytest.raises(ValueError, match="stage 'g' needs a task set"):
        recipe(grpo)
    with pytest.raises(ValueError, match="start_from is 'sft', which is no earlier"):
        recipe(tasks, grpo | {"start_from": "sft"})
    with pytest.raises(ValueError, match="rates_from is 'tasks', which is no earlier expert_iteration or grpo stage"):
        recipe(tasks, grpo | {"rates_from": "tasks"})
    recipe(
        tasks,
        {"kind": "sft", "name": "sft"},
        grpo | {"start_from": "sft"},
        {"kind": "evaluate", "name": "e", "model": "g"},
    )
