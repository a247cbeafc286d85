"""A sweep is checked whole before it starts, and its runs bear their values in their names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.config.load import load_config
from burnish.config.stages.batches import shared_micro_batch
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.recipe import Recipe
from burnish.config.verbs.sweep import SweepConfig
from burnish.errors import ConfigError
from burnish.workflows.experiments.sweep_plan import LONGEST_ID, Plan, plan_sweep, run_id

RECIPES = Path(__file__).parents[3] / "recipes"
QUICKSTART = RECIPES / "quickstart.yaml"
LR, R = "stages.sft.learning_rate", "stages.sft.adapter.r"


def planned(search: dict[str, Any], **more: Any) -> Plan:
    said = {"out": "x", "recipe": "quickstart", "search": search, "objective": {"stage": "measure-sft"}} | more
    config = SweepConfig.model_validate_json(json.dumps(said), strict=True)
    return plan_sweep(config, QUICKSTART)


def test_the_108_runs_of_a_known_sweep() -> None:
    config = load_config(SweepConfig, RECIPES / "sweeps" / "llama8b-108.yaml")
    plan = plan_sweep(config, RECIPES / f"{config.recipe}.yaml")
    assert plan.total == 108
    assert plan.fixed is not None
    ids = [run_id(index, params) for index, params in enumerate(plan.fixed)]
    assert len(set(ids)) == 108
    assert ids[0] == "run_000_learning_rate_5e-05_r_8_alpha_8_warmup_share_0p008333"
    assert ids[-1] == "run_107_learning_rate_0p0005_r_32_alpha_32_warmup_share_0p04167"
    last = plan.recipe(plan.fixed[-1], ids[-1], Path("somewhere"))
    stage = next(stage for stage in last.stages if isinstance(stage, SftStage))
    assert (stage.learning_rate, stage.adapter.model_dump()["alpha"], last.name) == (5e-4, 32, ids[-1])
    assert round(stage.warmup_share * 12000) == 500


def test_a_grid_has_every_combination_the_last_key_fastest() -> None:
    plan = planned({"kind": "grid", "space": {LR: [1e-3, 1e-2], R: [4, 8]}})
    assert plan.fixed == ({LR: 1e-3, R: 4}, {LR: 1e-3, R: 8}, {LR: 1e-2, R: 4}, {LR: 1e-2, R: 8})


def test_keys_that_end_alike_are_told_apart_and_ids_are_bounded() -> None:
    params = {"stages.sft.learning_rate": 1e-3, "stages.other.learning_rate": 0.5, "seed": 1}
    assert run_id(3, params) == "run_003_sft-learning_rate_0p001_other-learning_rate_0p5_seed_1"
    assert run_id(0, {}) == "run_000"
    assert run_id(1, {"stages.sft.adapter": {"kind": "dora"}}) == "run_001_adapter_-kind-dora"
    assert len(run_id(1, {"data.sources": ["long/" * 100]})) <= LONGEST_ID


@pytest.mark.parametrize(
    ("search", "more", "cause"),
    [
        ({"kind": "grid", "space": {"stages.sft.learning_rat": [1]}}, {}, "did you mean 'learning_rate'"),
        ({"kind": "grid", "space": {R: [8, 0]}}, {}, "stages.sft.adapter.r: input should be greater"),
        ({"kind": "list", "runs": [{}, {"stages.sfd.epochs": 1}]}, {}, "search: stages has no item 'sfd'"),
        (
            {"kind": "random", "runs": 2, "space": {LR: {"low": 0.1, "high": 1.0}, R: {"low": 0, "high": 4}}},
            {},
            "search.space: stages.sft.adapter.r",
        ),
        ({"kind": "tpe", "runs": 2, "space": {LR: [1e-3, "fast"]}}, {}, "search.space: stages.sft.learning_rate"),
        ({"kind": "list", "runs": [{}]}, {"overrides": {"sed": 1}}, "overrides: sed: unknown key 'sed'; did you mean"),
        ({"kind": "list", "runs": [{}]}, {"objective": {"stage": "measure-sf"}}, "objective.stage is 'measure-sf'"),
        (
            {"kind": "list", "runs": [{}]},
            {"objective": {"stage": "measure-sft", "metric": "test_passed"}},
            "objective.metric is 'test_passed'",
        ),
        ({"kind": "list", "runs": [{}]}, {"pruning": {"kind": "median", "stage": "sfd"}}, "pruning.stage is 'sfd'"),
    ],
)
def test_a_mistake_is_found_before_anything_starts(search: dict[str, Any], more: dict[str, Any], cause: str) -> None:
    with pytest.raises(ConfigError) as caught:
        planned(search, **more)
    assert cause in caught.value.cause


@pytest.mark.parametrize("ends", [{"low": 2, "high": 1}, {"low": 0, "high": 1, "log": True}])
def test_an_empty_range_is_refused(ends: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="search"):
        load_config(SweepConfig, None, ["out=x", "recipe=q", f"search={{kind: random, runs: 1, space: {{a: {ends}}}}}"])


def test_a_run_says_what_was_said_and_its_batches_are_checked_before_anything_starts() -> None:
    batch = "stages.sft.effective_batch"
    plan = planned({"kind": "list", "runs": [{batch: 8}, {batch: 48}]})
    assert plan.fixed is not None
    recipe = plan.recipe(plan.fixed[0], "run", Path("runs"))
    written = recipe.model_dump(mode="json", exclude_unset=True)
    sft = next(stage for stage in written["stages"] if stage["name"] == "sft")
    assert (sft["effective_batch"], sft["kind"]) == (8, "sft")
    again = Recipe.model_validate_json(json.dumps(written))
    assert again == recipe
    stage = next(stage for stage in again.stages if isinstance(stage, SftStage))
    if "micro_batch" not in sft:  # nobody chose one: it adapts
        assert 8 % shared_micro_batch(stage, 1) == 0
    with pytest.raises(ConfigError, match="micro_batch 5 does not divide effective_batch 8"):
        planned({"kind": "list", "runs": [{batch: 8, "stages.sft.micro_batch": 5}]})
